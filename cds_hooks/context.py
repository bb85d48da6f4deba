"""A hook's context: its fields, read strictly, and the shape of a hook module.

Faults name the member and the rule; they never repeat what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clinical.errors import MalformedRequest

# FHIR R4 datatypes, id.
FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
# CDS Hooks hook library: who may be a userId.
USER = re.compile(r"(?:Practitioner|PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9\-.]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks about whom."""

    user: str
    patient_id: str
    encounter_id: str | None


class Fields:
    """Reads named fields out of a context object."""

    def __init__(self, context: object) -> None:
        """Take the context. Raises `MalformedRequest` if it is not an object."""
        if not isinstance(context, Mapping):
            raise MalformedRequest("'context' is missing or is not an object.")
        self._context = context

    def user(self, name: str) -> str:
        """A reference to the user, `Type/id`."""
        value = self._context.get(name)
        if not isinstance(value, str) or not USER.fullmatch(value):
            raise MalformedRequest(f"'context.{name}' is missing or is not a reference such as Practitioner/123.")
        return value

    def identifier(self, name: str, resource_type: str) -> str:
        """A bare FHIR id. `Type/id` is sent by some EHRs and is taken too."""
        value = self._context.get(name)
        bare = value.removeprefix(f"{resource_type}/") if isinstance(value, str) else ""
        if not FHIR_ID.fullmatch(bare):
            raise MalformedRequest(f"'context.{name}' is missing or is not a FHIR id.")
        return bare

    def optional_identifier(self, name: str, resource_type: str) -> str | None:
        """A FHIR id that may be absent; null counts as absent."""
        return None if self._context.get(name) is None else self.identifier(name, resource_type)


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook that this service knows. `encounter_always_known` allows prefetch by `context.encounterId`."""

    name: str
    version: str
    encounter_always_known: bool
    read: Callable[[Fields], Context]
