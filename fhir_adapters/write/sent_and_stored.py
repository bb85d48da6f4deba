"""Is it valid R4, and is what the EHR stored what was sent?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from fhir_adapters.write.write_scopes import WRITTEN

# A server may write its own narrative of a resource, and keep or drop its tags.
_ITS_OWN = ("text", "meta")
# A reader who does not know these may not read on (FHIR R4 extensibility.html#modifierExtension).
_CHANGES_MEANING = ("modifierExtension", "implicitRules")
# A server may add an identifier of its own.
_OPEN_LISTS = ("identifier",)
# What must hold of a resource that was written before, perhaps by another version of this software.
_CORE = ("resourceType", "identifier", "status", "method", "subject", "occurrenceDateTime")


@cache
def _model(resource_type: str) -> Any:
    """The R4B class of a type that is written."""
    return getattr(import_module(f"fhir.resources.R4B.{resource_type.lower()}"), resource_type)


def warm_up_writing() -> None:
    """Build the schemas at start; the first use of a type costs some 100 ms."""
    for resource_type in WRITTEN:
        _model(resource_type).model_rebuild()


def fault_in_written(resource: object, resource_type: str) -> str | None:
    """What is wrong with a resource, by names of members and never a value; None if it is a valid one of its type."""
    if not isinstance(resource, dict) or resource.get("resourceType") != resource_type:
        return f"not a {resource_type}"
    try:
        _model(resource_type).model_validate(resource)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_context=False, include_input=False)[0]
        steps = [str(step) for step in first["loc"] if str(step).isalnum() and len(str(step)) <= 40]
        return f"{'.'.join(steps) or resource_type}: {first['type']}"
    except (ValueError, TypeError, RecursionError, LookupError, AttributeError):
        return f"not a {resource_type}"
    return None


def core(risk: Mapping[str, object]) -> dict[str, object]:
    """The members by which one assessment is the same as another: what, of whom, when, by which model, how likely."""
    predictions = risk["prediction"]
    assert isinstance(predictions, list)  # noqa: S101  `risk_resource` made it
    numbers = [{key: part[key] for key in ("probabilityDecimal",) if key in part} for part in predictions]
    return {key: risk[key] for key in _CORE} | {"prediction": numbers}


def differences(sent: Mapping[str, object], stored: Mapping[str, object], base: str) -> tuple[str, ...]:
    """Names of the members of `sent` that `stored` lacks or has otherwise, and of what changes the meaning of all.

    What a server may do: add members, write a time with another offset, a number with other zeros, a reference with
    its own base or without its version.
    """
    compared = {name: value for name, value in sent.items() if name not in _ITS_OWN}
    return _differing(compared, stored, base)


def _differing(sent: Mapping[str, object], stored: Mapping[str, object], base: str) -> tuple[str, ...]:
    """The same for an object at any depth."""
    lost = [name for name, value in sent.items() if not _same(value, stored.get(name), name, base)]
    return (*lost, *(name for name in _CHANGES_MEANING if name in stored))


def _same(sent: object, stored: object, name: str, base: str) -> bool:
    """Whether one value came back as it was."""
    if isinstance(sent, dict):
        return isinstance(stored, dict) and not _differing(sent, stored, base)
    if isinstance(sent, list):
        return isinstance(stored, list) and _same_list(sent, stored, name, base)
    if isinstance(sent, float | int):
        known = isinstance(stored, float | int) and not isinstance(stored, bool)
        return known and math.isclose(sent, float(stored), abs_tol=1e-9)  # type: ignore[arg-type]
    return isinstance(stored, str) and _same_text(str(sent), stored, name, base)


def _same_list(sent: list[object], stored: list[object], name: str, base: str) -> bool:
    """In order and in number; of an open list, all that was sent."""
    if name in _OPEN_LISTS:
        return all(any(_same(one, other, name, base) for other in stored) for one in sent)
    return len(sent) == len(stored) and all(
        _same(one, other, name, base) for one, other in zip(sent, stored, strict=True)
    )


def _same_text(sent: str, stored: str, name: str, base: str) -> bool:
    """Letter by letter; a reference by what it points to, a time by its moment."""
    if sent == stored:
        return True
    if name == "reference":
        mine, its = (text.removeprefix(f"{base}/") for text in (sent, stored))
        return its in (mine, mine.partition("/_history/")[0])
    try:
        return datetime.fromisoformat(sent) == datetime.fromisoformat(stored)
    except (ValueError, TypeError):
        return False
