"""SMART scopes as text: what to ask for in the form that the EHR knows, and what a grant covers.

SMART App Launch 2.2.0, "Scopes and launch context": v1 `patient/Observation.read`, v2 `patient/Observation.rs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from fhir_adapters.smart.discovery import Discovery

V1, V2 = "v1", "v2"
FORMS = ("auto", V1, V2)
REFRESHES = {"none": "", "online": "online_access", "offline": "offline_access"}

_SCOPE = re.compile(r"(?:patient|user)/(\*|[A-Za-z]+)\.(\*|read|write|c?r?u?d?s?)")
_V1_LISTED = re.compile(r"(?:patient|user)/(?:\*|[A-Za-z]+)\.(?:\*|read|write)")
_V2_LISTED = re.compile(r"(?:patient|user)/(?:\*|[A-Za-z]+)\.c?r?u?d?s?")


def form_of(discovery: Discovery, wished: str = "auto") -> str:
    """The form to ask in: the registry's, else v2 unless the EHR shows that it knows v1 only."""
    if wished in (V1, V2):
        return wished
    if "permission-v2" in discovery.capabilities:
        return V2
    if discovery.legacy or "permission-v1" in discovery.capabilities:
        return V1
    listed = discovery.scopes
    knows_v1_only = any(map(_V1_LISTED.fullmatch, listed)) and not any(map(_V2_LISTED.fullmatch, listed))
    return V1 if knows_v1_only else V2


def asked(reads: Sequence[str], form: str) -> tuple[str, ...]:
    """Scopes to read and search (given as v2, `patient/Observation.rs`) in one form."""
    return tuple(scope.removesuffix(".rs") + ".read" if form == V1 else scope for scope in reads)


def asked_writes(types: Sequence[str], form: str) -> tuple[str, ...]:
    """Scopes to create resources of these types and to read them back."""
    rights = ("read", "write") if form == V1 else ("crs",)
    return tuple(f"patient/{name}.{right}" for name in types for right in rights)


def covered(wanted: str, granted: Sequence[str]) -> bool:
    """Whether reading and searching a type was granted, in v1 or v2 form; a scope with a filter gives only a part.

    A scope of another kind (`openid`) is covered by itself.
    """
    parsed = _SCOPE.fullmatch(wanted)
    return wanted in granted if parsed is None else _any(granted, parsed[1], _reads)


def not_beyond(new: Sequence[str], old: Sequence[str]) -> tuple[str, ...]:
    """The scopes of a renewed token without any that the first one did not have (RFC 6749 section 6)."""
    return tuple(scope for scope in new if scope in old or _within(scope, old))


def _within(scope: str, old: Sequence[str]) -> bool:
    """Whether a scope on a resource type gives no more than the old ones."""
    parsed = _SCOPE.fullmatch(scope)
    if parsed is None:
        return False
    needs = [holds for holds in (_reads, _creates) if holds(parsed[2])]
    plain = set(_rights(parsed[2])) <= set("crs")
    return plain and bool(needs) and all(_any(old, parsed[1], holds) for holds in needs)


def _any(granted: Sequence[str], name: str, holds: Callable[[str], bool]) -> bool:
    """Whether a granted scope on this type, or on all types, holds a right."""
    matches = [match for scope in granted if (match := _SCOPE.fullmatch(scope))]
    return any(match[1] in ("*", name) and holds(match[2]) for match in matches)


def _rights(text: str) -> str:
    """The letters of v2 for the rights of either form."""
    return {"*": "cruds", "read": "rs", "write": "cud"}.get(text, text)


def _reads(rights: str) -> bool:
    """Read and search."""
    return {"r", "s"} <= set(_rights(rights))


def _creates(rights: str) -> bool:
    """Create."""
    return "c" in _rights(rights)
