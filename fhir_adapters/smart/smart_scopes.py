"""SMART scopes as text: what to ask for in the form that the EHR knows, and what a grant covers.

SMART App Launch 2.2.0, "Scopes and launch context": v1 `patient/Observation.read`, v2 `patient/Observation.rs`.
"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_adapters.scopes import Cover, cover, of_the_launch
from fhir_adapters.smart.discovery import Discovery

V1, V2 = "v1", "v2"
FORMS = ("auto", V1, V2)
REFRESHES = {"none": "", "online": "online_access", "offline": "offline_access"}


def form_of(discovery: Discovery, wished: str = "auto") -> str:
    """The form to ask in: the registry's, else v2 unless the EHR shows that it knows v1 only."""
    if wished in (V1, V2):
        return wished
    if "permission-v2" in discovery.capabilities:
        return V2
    if discovery.legacy or "permission-v1" in discovery.capabilities:
        return V1
    listed = list(of_the_launch(discovery.scopes))
    return V1 if listed and all(scope.old for scope in listed) else V2


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
    parsed = next(of_the_launch([wanted]), None)
    return wanted in granted if parsed is None else _given("rs", parsed.kind, granted)


def not_beyond(new: Sequence[str], old: Sequence[str]) -> tuple[str, ...]:
    """The scopes of a renewed token without any that the first one did not have (RFC 6749 section 6)."""
    return tuple(scope for scope in new if scope in old or _within(scope, old))


def _within(scope: str, old: Sequence[str]) -> bool:
    """Whether a scope to read or create a resource type gives no more than the old ones."""
    parsed = next(of_the_launch([scope]), None)
    if parsed is None or not parsed.rights <= set("crs"):
        return False
    needs = [rights for rights in ("rs", "c") if set(rights) <= parsed.rights]
    return bool(needs) and all(_given(rights, parsed.kind, old) for rights in needs)


def _given(rights: str, kind: str, granted: Sequence[str]) -> bool:
    """Whether granted scopes on this type, or on all types, give these rights."""
    return cover(rights, kind, of_the_launch(granted)) is Cover.WHOLE
