"""Prefetch templates: fill the tokens, run the query, hand over what came (CDS Hooks 2.0.1, "Prefetch Template")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from ehr_simulator.fhir_proxy.links import publish
from ehr_simulator.fhir_store import FhirStore, FhirStoreFault

_PATH = re.compile(r"[A-Z][A-Za-z]{1,63}(/[A-Za-z0-9.\-]{1,64})?")
_TOKEN = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
# A stay names its places by reference; a service that may read the stay may read those too.
ALWAYS_READABLE = ("patient/Location.rs",)


def filled(template: str, context: Mapping[str, str]) -> str | None:
    """The query with its tokens replaced, or None where a token cannot be filled."""
    names = set(_TOKEN.findall(template))
    known = {f"context.{name}": value for name, value in context.items() if value}
    kind, _, identifier = context.get("userId", "").partition("/")
    known[f"user{kind}Id"] = identifier
    if not names <= known.keys():
        return None
    return _TOKEN.sub(lambda found: known[found[1]], template)


def run(
    templates: Mapping[str, str], context: Mapping[str, str], store: FhirStore, public_base: str
) -> dict[str, dict[str, Any]]:
    """Key → resource or bundle. A key whose token is unknown, or whose query failed, is left out."""
    results = {}
    for key, template in templates.items():
        query = filled(template, context)
        found = _fetch(query, store) if query is not None else None
        if found is not None:
            results[key] = publish(found, store.base, public_base)
    return results


def _fetch(query: str, store: FhirStore) -> dict[str, Any] | None:
    """The answer to a relative query, if it is a 200."""
    path, _, parameters = query.partition("?")
    if not _PATH.fullmatch(path):
        return None
    try:
        status, body = store.get(path, parse_qsl(parameters))
    except FhirStoreFault:
        return None
    return body if status == 200 else None


def scopes(templates: Mapping[str, str]) -> str:
    """The read scopes that cover the templates."""
    types = {re.split(r"[/?]", template, maxsplit=1)[0] for template in templates.values()}
    return " ".join(sorted({*(f"patient/{kind}.rs" for kind in types), *ALWAYS_READABLE}))
