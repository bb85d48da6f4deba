"""A hook's context: its fields, read strictly, and the shape of a hook module.

Faults name the member and the rule; they never repeat what was sent. Null counts as absent where a member is optional,
and members that the hook does not define pass unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cds_hooks.context_resources import MAX_ENTRIES, Entry, read_bundle, read_instance, read_list
from clinical.errors import MalformedRequest

# FHIR R4 datatypes, id. It goes into URLs, so one of dots alone, which would be a step up, is none.
FHIR_ID = re.compile(r"(?!\.+\Z)[A-Za-z0-9\-.]{1,64}", re.ASCII)
# Type/id (CDS Hooks library, invariant ord-1), with FHIR's own bounds on both parts.
REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/(?!\.+\Z)[A-Za-z0-9\-.]{1,64}", re.ASCII)
CLINICIANS = frozenset({"Practitioner", "PractitionerRole"})
ANYBODY = CLINICIANS | {"Patient", "RelatedPerson"}
USER_TOKENS = frozenset({"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"})


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks about whom. `user` is empty where a hook names nobody.

    `resources` are all FHIR resources of the context: the wrong-patient guard goes over them. `deviations` say, in
    fixed words, where a client departs from the hook's definition in a way that is taken all the same.
    """

    user: str
    patient_id: str
    encounter_id: str | None = None
    resources: tuple[Entry, ...] = ()
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook that this service knows.

    `encounter_always_known` allows prefetch by `context.encounterId`. `tokens` are the context fields that a prefetch
    template may use: root-level, primitive, and marked "Prefetch Token: Yes" in the hook's definition.
    """

    name: str
    version: str
    encounter_always_known: bool
    tokens: frozenset[str]
    read: Callable[[Fields], Context]


class Fields:
    """Reads named fields out of a context object, and notes deviations on the way."""

    def __init__(self, context: object) -> None:
        """Take the context. Raises `MalformedRequest` if it is not an object."""
        if not isinstance(context, Mapping):
            raise MalformedRequest("'context' is missing or is not an object.")
        self._context = context
        self._deviations: list[str] = []

    def context(
        self, *, user: str, patient_id: str, encounter_id: str | None = None, resources: tuple[Entry, ...] = ()
    ) -> Context:
        """What was read, with what was noted."""
        return Context(user, patient_id, encounter_id, resources, tuple(self._deviations))

    def note(self, deviation: str) -> None:
        """Note a deviation, in fixed words."""
        self._deviations.append(deviation)

    def has(self, name: str) -> bool:
        """Whether a member is there; null counts as absent."""
        return self._context.get(name) is not None

    def named(self, name: str, *older: tuple[str, str]) -> str:
        """The name under which a member was sent: its defined one, or an older one with the words for the note."""
        for other, deviation in older:
            if not self.has(name) and self.has(other):
                self.note(deviation)
                return other
        return name

    def is_list(self, name: str) -> bool:
        """Whether a member is a list that holds something."""
        value = self._context.get(name)
        return isinstance(value, list) and bool(value)

    def is_bundle(self, name: str) -> bool:
        """Whether a member says that it is a FHIR Bundle."""
        value = self._context.get(name)
        return isinstance(value, Mapping) and value.get("resourceType") == "Bundle"

    def user(self, name: str, expected: frozenset[str] = CLINICIANS) -> str:
        """A reference to the user, `Type/id`. A person of another kind than the hook expects is noted, not refused."""
        value = self._context.get(name)
        kind = value.partition("/")[0] if isinstance(value, str) and REFERENCE.fullmatch(value) else ""
        if not isinstance(value, str) or kind not in ANYBODY:
            raise MalformedRequest(f"'context.{name}' is missing or is not a reference such as Practitioner/123.")
        if kind not in expected:
            self.note(f"{name} of another type than the hook expects")
        return value

    def optional_user(self, name: str, expected: frozenset[str] = CLINICIANS) -> str:
        """A reference to the user, or an empty string."""
        return self.user(name, expected) if self._is_given(name) else ""

    def identifier(self, name: str, resource_type: str) -> str:
        """A bare FHIR id. `Type/id` is sent by some EHRs and is taken too."""
        value = self._context.get(name)
        bare = value.removeprefix(f"{resource_type}/") if isinstance(value, str) else ""
        if not FHIR_ID.fullmatch(bare):
            raise MalformedRequest(f"'context.{name}' is missing or is not a FHIR id.")
        if bare != value:
            self.note(f"{name} with its resource type")
        return bare

    def optional_identifier(self, name: str, resource_type: str) -> str | None:
        """A FHIR id that may be absent."""
        return self.identifier(name, resource_type) if self._is_given(name) else None

    def reference(self, name: str) -> str:
        """A local reference, `Type/id`."""
        return _reference(self._context.get(name), name)

    def references(self, name: str) -> tuple[str, ...]:
        """One or more local references, `Type/id`."""
        values = self._context.get(name)
        if not isinstance(values, list) or not 0 < len(values) <= MAX_ENTRIES:
            raise MalformedRequest(f"'context.{name}' is missing or is not a list of 1 to {MAX_ENTRIES} references.")
        return tuple(_reference(value, name) for value in values)

    def bundle(self, name: str, types: frozenset[str] = frozenset()) -> tuple[Entry, ...]:
        """The resources of a FHIR Bundle, of the given types (of any type where none is given)."""
        return read_bundle(self._context.get(name), name, types)

    def listed(self, name: str, types: frozenset[str]) -> tuple[Entry, ...]:
        """The resources of a plain list."""
        return read_list(self._context.get(name), name, types)

    def instance(self, name: str, types: frozenset[str]) -> tuple[Entry, ...]:
        """One resource. `{"resource": …}` around it is noted and taken off."""
        value = self._context.get(name)
        if isinstance(value, Mapping) and "resourceType" not in value and "resource" in value:
            self.note(f"{name} wrapped as an entry")
            value = value["resource"]
        return (read_instance(value, name, types),)

    def _is_given(self, name: str) -> bool:
        """Whether an optional member has a value; null is noted and counts as absent."""
        if name in self._context and self._context[name] is None:
            self.note(f"null for {name}")
        return self.has(name)


def _reference(value: object, name: str) -> str:
    """A local reference."""
    if not isinstance(value, str) or not REFERENCE.fullmatch(value):
        raise MalformedRequest(f"'context.{name}' is missing or is not a reference such as ServiceRequest/123.")
    return value
