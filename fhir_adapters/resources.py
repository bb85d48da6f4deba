"""Validation of single FHIR R4 resources with fhir.resources (R4B classes; its default classes are R5).

Tolerant in one way only: unknown members are taken out and the rest is tried again. Everything else that is wrong
sets the resource aside, by name. One bad entry never sinks a bundle.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from fhir_adapters.ids import ANY_ID
from fhir_adapters.plans import Plan
from fhir_adapters.shapes import Seen, shape_of

MAX_LIST = 200
# FHIR R4 datatypes, id.
_ID = re.compile(ANY_ID, re.ASCII)
# A hospital's results come in some thousands of shapes (code, unit, sender); an entry takes about 1 KB.
MAX_SHAPES = 10_000
# FHIR R4 EncounterStatus; fhir.resources does not check value sets.
ENCOUNTER_STATUSES = frozenset(
    {"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled", "entered-in-error", "unknown"}
)
TYPES = (
    *("Patient", "Encounter", "Observation", "Location", "Condition"),
    *("MedicationRequest", "MedicationStatement", "Medication", "Procedure"),
)
# The truth values that are read.
_BOOLEANS = ("deceasedBoolean", "valueBoolean", "doNotPerform")


@dataclass(slots=True)
class Known:
    """What is known of all resources of one shape: what is wrong with them, and how their numbers are read.

    `plan` is set by the first reader, who sets `planned` after it; all readers would set the same.
    """

    fault: str | None
    plan: Plan | None = None
    planned: bool = False


class Validator:
    """Says what is wrong with a resource, and remembers its verdict by the resource's shape.

    fhir.resources takes 0.15 ms and more for a resource. Resources of one shape get one verdict (see `shapes`), so
    it is asked once for each shape; no resource goes unchecked. Safe to share between threads.
    """

    def __init__(self, max_shapes: int = MAX_SHAPES) -> None:
        """Start with an empty memory; the shape that was not seen for longest is forgotten first."""
        self._max_shapes = max_shapes
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._lock = threading.Lock()

    def fault_in(self, resource: Mapping[str, object]) -> str | None:
        """What is wrong with a resource, as a path and a rule without the value; None if it is valid R4."""
        return self.look(resource).fault

    def look(self, resource: Mapping[str, object], seen: Seen | None = None) -> Known:
        """What is known of a resource's shape. `seen` is what the call has looked at so far, if it keeps that."""
        shape = shape_of(resource, seen)
        if shape is None:
            return Known(fault_in(resource), planned=True)
        # Without the lock, for each resource comes here; each step is whole by itself.
        known = self._known.get(shape)
        if known is None:
            known = Known(fault_in(resource))
            self._remember(shape, known)
            return known
        try:  # noqa: SIM105 (`suppress` costs ten times as much)
            self._known.move_to_end(shape)
        except KeyError:  # forgotten by another thread in between; what was found holds
            pass
        return known

    def _remember(self, shape: bytes, known: Known) -> None:
        """Keep what was found out."""
        with self._lock:
            self._known[shape] = known
            if len(self._known) > self._max_shapes:
                self._known.popitem(last=False)


@cache
def _model(resource_type: str) -> Any:
    """The R4B class of a type that is in use."""
    return getattr(import_module(f"fhir.resources.R4B.{resource_type.lower()}"), resource_type)


def warm_up() -> None:
    """Build the schemas at start; the first use of a type costs up to 130 ms."""
    for resource_type in TYPES:
        _model(resource_type).model_rebuild()
        fault_in({"resourceType": resource_type})


def fault_in(resource: Mapping[str, object]) -> str | None:
    """The verdict on a resource, with nothing remembered."""
    resource_type = resource.get("resourceType")
    if resource_type not in TYPES:
        return "a resource of this type is not expected here"
    refused = _refusal(resource)
    if refused:
        return refused
    errors = _errors(str(resource_type), resource)
    unknown = [error["loc"] for error in errors if error["type"] == "extra_forbidden"]
    if errors and len(unknown) == len(errors):
        errors = _errors(str(resource_type), _without(resource, unknown))
    return _describe(errors[0]) if errors else None


def _refusal(resource: Mapping[str, object]) -> str | None:
    """What rules a resource out before it is validated: its size, or something that changes what it means.

    FHIR R4 extensibility.html#modifierExtension: who does not understand a modifier must not use the element.
    """
    parts = [resource, *_objects(resource.values())]
    if any(isinstance(value, list) and len(value) > MAX_LIST for part in parts for value in part.values()):
        return f"a list in it has more than {MAX_LIST} members"
    if any("modifierExtension" in part for part in parts) or "implicitRules" in resource:
        return "it carries a modifier that is not understood"
    if resource.get("focus"):
        return "it is about something else than its patient (focus)"
    return _lenience(resource)


def _lenience(resource: Mapping[str, object]) -> str | None:
    """What fhir.resources lets pass and FHIR does not: a long id, a truth value in quotes, an unknown status."""
    name, status = resource.get("id", "none"), resource.get("status")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        return "id: not a FHIR id"
    for part in (resource, *_objects([resource.get("component")])):
        for member in _BOOLEANS:
            if not isinstance(part.get(member, False), bool):
                return f"{member}: not a boolean"
    known = isinstance(status, str) and status in ENCOUNTER_STATUSES
    if resource["resourceType"] == "Encounter" and not known:
        return "status: not one of FHIR's"
    return None


def _objects(values: Iterable[object]) -> Iterator[Mapping[str, object]]:
    """The objects among some values, and those in lists among them, up to the limit."""
    for value in values:
        for item in value[:MAX_LIST] if isinstance(value, list) else (value,):
            if isinstance(item, dict):
                yield item


def _errors(resource_type: str, resource: object) -> list[Any]:
    """The validator's findings."""
    try:
        _model(resource_type).model_validate(resource)
    except ValidationError as fault:
        return list(fault.errors(include_url=False, include_context=False, include_input=False))
    except (ValueError, TypeError, RecursionError, LookupError, AttributeError):
        # A contained resource of a type that does not exist is a plain KeyError.
        return [{"loc": (), "type": "invalid"}]
    return []


def _without(resource: Mapping[str, object], paths: list[tuple[int | str, ...]]) -> object:
    """A copy without the members at these paths."""
    last = {path[-1] for path in paths}
    drop = set(paths)

    def copy(value: object, path: tuple[int | str, ...]) -> object:
        if isinstance(value, dict):
            kept = ((k, v) for k, v in value.items() if k not in last or (*path, k) not in drop)
            return {k: copy(v, (*path, k)) for k, v in kept}
        if isinstance(value, list):
            return [copy(item, (*path, index)) for index, item in enumerate(value)]
        return value

    return copy(resource, ())


def _describe(error: Mapping[str, Any]) -> str:
    """Path and kind of fault. Member names come from the sender, so only plain ones are repeated."""
    steps = [str(step) for step in error["loc"] if str(step).isalnum() and len(str(step)) <= 40]
    return f"{'.'.join(steps) or 'resource'}: {error['type']}"
