"""What a launch tells the app besides patient and encounter (SMART App Launch 2.2, "Launch context")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

MOST_REFERENCES = 20


class NotAnExtra(Exception):
    """A launch parameter has the wrong shape."""


@dataclass(frozen=True, slots=True)
class Extras:
    """Empty values are left out of the token response; so is a banner flag of None.

    `fhir_context` holds objects with reference / canonical / identifier, type and role. `style` adds smart_style_url.
    `locale` (BCP 47) becomes the claim of that name in the id_token.
    """

    intent: str = ""
    tenant: str = ""
    fhir_context: tuple[Mapping[str, Any], ...] = ()
    need_patient_banner: bool | None = False
    style: bool = False
    locale: str = ""


def extras_of(parameters: Mapping[str, Any], default: Extras) -> Extras:
    """The extras that a launch request names, over the default. Raises `NotAnExtra`."""
    changes: dict[str, Any] = {}
    for name in ("intent", "tenant", "locale"):
        if name in parameters:
            changes[name] = _typed(parameters[name], str)
    for name in ("need_patient_banner", "style"):
        if name in parameters:
            changes[name] = _flag(parameters[name])
    if "fhirContext" in parameters:
        listed = _typed(parameters["fhirContext"], list)
        changes["fhir_context"] = tuple(_typed(one, dict) for one in listed[:MOST_REFERENCES])
    return replace(default, **changes)


def _typed(value: Any, kind: type) -> Any:
    """The value, if it is of the kind."""
    if not isinstance(value, kind):
        raise NotAnExtra("A launch parameter has the wrong type.")
    return value


def _flag(value: Any) -> bool:
    """A boolean, also as the text that some launchers send."""
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise NotAnExtra("A launch parameter is neither true nor false.")
