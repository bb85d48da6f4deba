"""The OpenAPI 3.1 document of the whole HTTP surface, served at `GET /openapi.json`.

The text lies in JSON files beside this one: `surface.json` (what it is, who comes in), `paths.json`, and the schemas of
requests, of the hooks' contexts, and of answers. The tests hold it to the routes of the application and to what the
service answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import cast

from clinical import strict_json

Json = dict[str, object]
SCHEMAS = ("requests.json", "contexts.json", "answers.json")


def document(base_url: str, service_ids: Sequence[str]) -> Json:
    """The document of one deployment: where it is reached, and the ids of its services."""
    whole = _read("surface.json")
    whole["servers"] = [{"url": base_url}]
    whole["paths"] = _read("paths.json")
    components = cast(Json, whole["components"])
    schemas = {name: schema for file in SCHEMAS for name, schema in _read(file).items()}
    components["schemas"] = schemas
    service_id = cast(Json, schemas["ServiceId"])
    service_id["enum"] = list(service_ids)
    return whole


def _read(name: str) -> Json:
    """One of the files, as a new object each time."""
    return cast(Json, strict_json.loads(files(__package__).joinpath(name).read_bytes()))
