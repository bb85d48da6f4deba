"""Validation of single FHIR R4 resources with fhir.resources (R4B classes; its default classes are R5).

Tolerant in one way only: unknown members are taken out and the rest is tried again. Everything else that is wrong
sets the resource aside, by name. One bad entry never sinks a bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import ValidationError

TYPES = ("Patient", "Encounter", "Observation", "Location")


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
    """What is wrong with a resource, as a path and a rule without the value; None if it is valid R4."""
    resource_type = resource.get("resourceType")
    if resource_type not in TYPES:
        return f"a resource of type {resource_type!s:.40} is not expected here"
    errors = _errors(str(resource_type), resource)
    unknown = [error["loc"] for error in errors if error["type"] == "extra_forbidden"]
    if errors and len(unknown) == len(errors):
        errors = _errors(str(resource_type), _without(resource, unknown))
    return _describe(errors[0]) if errors else None


def _errors(resource_type: str, resource: object) -> list[Any]:
    """The validator's findings."""
    try:
        _model(resource_type).model_validate(resource)
    except ValidationError as fault:
        return list(fault.errors(include_url=False, include_context=False, include_input=False))
    except (ValueError, TypeError, RecursionError):
        return [{"loc": (), "type": "invalid"}]
    return []


def _without(resource: Mapping[str, object], paths: list[tuple[int | str, ...]]) -> object:
    """A copy without the members at these paths."""
    last = {path[-1] for path in paths}
    drop = set(paths)

    def copy(value: object, path: tuple[int | str, ...]) -> object:
        if isinstance(value, Mapping):
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
