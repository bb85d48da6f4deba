"""A bundle of any of three types as a list of resources with ids and resolved references."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Resource = dict[str, Any]

MAX_BYTES = 50_000_000
TYPES = frozenset({"transaction", "batch", "collection"})
_URN = "urn:uuid:"


class NotABundle(Exception):
    """The file is not a FHIR bundle of a type that can be loaded."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Something that was not loaded: which, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Content:
    """The resources of a bundle, each with an id, and what could not be taken over."""

    resources: list[Resource]
    set_aside: list[SetAside]


def read_bundle(path: Path) -> Resource:
    """Read a file. Raises `NotABundle`."""
    if path.stat().st_size > MAX_BYTES:
        raise NotABundle(f"larger than {MAX_BYTES // 1_000_000} MB")
    try:
        bundle = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise NotABundle("not JSON in UTF-8") from None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle" or bundle.get("type") not in TYPES:
        raise NotABundle("not a FHIR bundle of type transaction, batch or collection")
    return bundle


def content(bundle: Resource) -> Content:
    """Give every resource an id and turn references to entries into `Type/id`.

    Entries that create, update or just hold a resource are taken; a deletion or a patch is set aside.
    """
    kept: list[Resource] = []
    aside: list[SetAside] = []
    names: dict[str, str] = {}
    for number, entry in enumerate(bundle.get("entry") or []):
        why = _unusable(entry)
        if why:
            aside.append(SetAside(f"entry {number}", why))
            continue
        resource = copy.deepcopy(entry["resource"])
        resource["id"] = _id(entry, number)
        kept.append(resource)
        if entry.get("fullUrl"):
            names[entry["fullUrl"]] = f"{resource['resourceType']}/{resource['id']}"
    for resource in kept:
        _resolve(resource, names)
    return Content(kept, aside)


def _unusable(entry: object) -> str:
    """Why an entry cannot be loaded; empty if it can."""
    if not isinstance(entry, dict) or not isinstance(entry.get("resource"), dict):
        return "holds no resource"
    if not isinstance(entry["resource"].get("resourceType"), str):
        return "has no resourceType"
    method = (entry.get("request") or {}).get("method", "PUT")
    return "" if method in {"PUT", "POST"} else f"asks for {method}"


def _id(entry: Resource, number: int) -> str:
    """The id: the address of a PUT, the resource's own, the UUID of the entry, or a number."""
    request = entry.get("request") or {}
    url = str(request.get("url", ""))
    if request.get("method") == "PUT" and url.count("/") == 1:
        return url.split("/")[1]
    own = entry["resource"].get("id")
    return str(own or str(entry.get("fullUrl", "")).removeprefix(_URN).rsplit("/", 1)[-1] or f"entry-{number}")


def _resolve(resource: Resource, names: dict[str, str]) -> None:
    """Rewrite references to entries; a conditional reference becomes a logical one (by identifier)."""
    for holder in _references(resource):
        reference = holder["reference"]
        if reference in names:
            holder["reference"] = names[reference]
        elif "?identifier=" in reference and not reference.startswith("http"):
            kind, _, token = holder.pop("reference").partition("?identifier=")
            system, _, value = token.rpartition("|")
            holder["type"] = kind
            holder["identifier"] = {"system": system, "value": value} if system else {"value": value}


def _references(value: object) -> Iterator[dict[str, Any]]:
    """Every object with a string `reference`."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value
        for inner in list(value.values()):
            yield from _references(inner)
