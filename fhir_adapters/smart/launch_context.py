"""The launch context beside the token (SMART App Launch 2.2.0, "Launch context arrives with your access_token").

Whatever is not of the form that the specification gives it is left out, except the ids: a patient or encounter that is
none ends the launch. `authorization_details` and unknown members are not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clinical.errors import LaunchFailed
from fhir_adapters.ids import FHIR_ID, ID, TYPE

MAX_CONTEXT = 20
LAUNCH_ROLE = "launch"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/\-]{0,127}")
_REFERENCE = re.compile(rf"(?:https?://[\x21-\x7e]{{1,400}}/)?{TYPE}/{ID}", re.ASCII)
_CANONICAL = re.compile(r"(?:https?://|urn:)[\x21-\x7e]{1,400}")


@dataclass(frozen=True, slots=True)
class ContextItem:
    """One more resource of the launch: a reference or a canonical URL, its type where the EHR says it, its role."""

    reference: str
    type: str = ""
    role: str = LAUNCH_ROLE


def id_in(context: Mapping[str, Any], key: str) -> str | None:
    """A FHIR id; it becomes part of URLs, so its form is checked. Raises `LaunchFailed`."""
    value = context.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not FHIR_ID.fullmatch(value):
        raise LaunchFailed(f"The EHR's '{key}' is not a FHIR id.")
    return value


def patient_in(context: Mapping[str, Any]) -> str:
    """Whose chart is open. Raises `LaunchFailed`."""
    found = id_in(context, "patient")
    if found is None:
        raise LaunchFailed("The EHR did not say whose chart is open.")
    return found


def name_in(context: Mapping[str, Any], key: str) -> str:
    """A short machine-readable text (`intent`, `tenant`), or an empty string."""
    value = context.get(key)
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""


def scopes_in(context: Mapping[str, Any], asked: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes of the token response; left out means "as asked" (RFC 6749 section 5.1), empty means none."""
    scope = context.get("scope")
    return tuple(scope.split()) if isinstance(scope, str) else asked


def fhir_context_in(context: Mapping[str, Any]) -> tuple[ContextItem, ...]:
    """`fhirContext` with the role "launch". Other roles are not known here, so what they mark is not taken up.

    Patient and Encounter have members of their own and must not stand here in that role.
    """
    listed = context.get("fhirContext")
    items = [_item(row) for row in listed[:MAX_CONTEXT]] if isinstance(listed, list) else []
    return tuple(item for item in items if item is not None)


def _item(row: object) -> ContextItem | None:
    """One entry, or None for what cannot be used."""
    if not isinstance(row, Mapping) or row.get("role", LAUNCH_ROLE) != LAUNCH_ROLE:
        return None
    reference, canonical, named = row.get("reference"), row.get("canonical"), row.get("type")
    kind = named if isinstance(named, str) and re.fullmatch(TYPE, named) else ""
    if isinstance(reference, str) and _REFERENCE.fullmatch(reference):
        kind = reference.split("/")[-2]
        return None if kind in ("Patient", "Encounter") else ContextItem(reference, kind)
    if isinstance(canonical, str) and _CANONICAL.fullmatch(canonical):
        return ContextItem(canonical, kind)
    return None
