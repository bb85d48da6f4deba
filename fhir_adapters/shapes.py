"""The shape of a resource: all that a validator's verdict on it depends on, as 32 bytes.

Values that vary from one resource to the next (ids, times, numbers, names) matter to a validator only in one way:
whether they are valid for their place. Where our own check, which is at least as strict as FHIR R4's and as that of
fhir.resources, says so, the value is replaced by one mark. Every other value, every member name and every length of a
list stands in the shape as it came, so two resources of one shape get one verdict. A value that fails its check stands
as it came, too: then the validator itself decides. `tests/fhir_adapters/test_fhir_shapes.py` holds this to the proof.
"""

from __future__ import annotations

import hashlib
import marshal
import re
from collections.abc import Callable, Mapping
from datetime import date
from math import isfinite
from typing import Any

from fhir_adapters.times import is_moment

Mask = Callable[[object], object]

# JSON has no such value, so no resource can hold it.
VALID = ...

# FHIR R4 datatypes.html: id; and a literal reference by type and id, relative or absolute (references.html#literal).
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_REFERENCE = re.compile(r"(?:https?://[!-~]{1,200}/)?[A-Z][A-Za-z]{1,40}/[A-Za-z0-9\-.]{1,64}", re.ASCII)
_DATE = re.compile(r"(?!0000)\d{4}-\d{2}-\d{2}", re.ASCII)
_NO_SURROGATES = re.compile(r"[^\ud800-\udfff]+")
_LONGEST_NUMBER = 10**30


def shape_of(resource: Mapping[str, object]) -> bytes | None:
    """The shape (SHA-256), or None for what is not plain JSON of a type that is in use.

    A hash, so that no patient data outlive the call. marshal's version 2 writes each JSON value in one way, and
    1, 1.0, true and "1" in four.
    """
    kind = resource.get("resourceType")
    mask = _MASKS.get(kind) if isinstance(kind, str) else None
    if mask is None:
        return None
    masked: Any = mask(resource)
    try:
        return hashlib.sha256(marshal.dumps(masked, 2)).digest()
    except ValueError:
        return None


def _leaf(is_valid: Callable[[object], bool]) -> Mask:
    """A place for one value."""
    return lambda value: VALID if is_valid(value) else value


def _each(mask: Mask) -> Mask:
    """A place for a list."""
    return lambda value: [mask(item) for item in value] if type(value) is list else value


def _object(**masks: Mask) -> Mask:
    """A place for an object; members that are not named here stand as they came."""

    def mask(value: object) -> object:
        if type(value) is not dict:
            return value
        return {name: masks[name](member) if name in masks else member for name, member in value.items()}

    return mask


def _is_id(value: object) -> bool:
    """An id of FHIR R4."""
    return type(value) is str and _ID.fullmatch(value) is not None


def _is_reference(value: object) -> bool:
    """A literal reference by type and id."""
    return type(value) is str and _REFERENCE.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    """A finite number."""
    return (type(value) is float and isfinite(value)) or (type(value) is int and abs(value) < _LONGEST_NUMBER)


def _is_day(value: object) -> bool:
    """A date with month and day that exists."""
    if type(value) is not str or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_text(value: object) -> bool:
    """A string with more in it than blanks."""
    return type(value) is str and not value.isspace() and _NO_SURROGATES.fullmatch(value) is not None


_MOMENT, _NUMBER, _TEXT = _leaf(is_moment), _leaf(_is_number), _leaf(_is_text)
_POINTER = _object(reference=_leaf(_is_reference), display=_TEXT)
_PERIOD = _object(start=_MOMENT, end=_MOMENT)
_QUANTITY = _object(value=_NUMBER)
_IDENTIFIERS = _each(_object(value=_TEXT))
_EVERY = {
    "id": _leaf(_is_id),
    "meta": _object(versionId=_leaf(_is_id), lastUpdated=_MOMENT),
    "text": _object(div=_TEXT),
    "identifier": _IDENTIFIERS,
}
_ADDRESS = _object(line=_each(_TEXT), city=_TEXT, district=_TEXT, state=_TEXT, postalCode=_TEXT, text=_TEXT)
_NAME = _object(text=_TEXT, family=_TEXT, given=_each(_TEXT), prefix=_each(_TEXT), suffix=_each(_TEXT))
_MASKS: Mapping[str, Mask] = {
    "Observation": _object(
        **_EVERY,
        subject=_POINTER,
        encounter=_POINTER,
        performer=_each(_POINTER),
        specimen=_POINTER,
        device=_POINTER,
        basedOn=_each(_POINTER),
        derivedFrom=_each(_POINTER),
        hasMember=_each(_POINTER),
        effectiveDateTime=_MOMENT,
        effectiveInstant=_MOMENT,
        effectivePeriod=_PERIOD,
        issued=_MOMENT,
        valueQuantity=_QUANTITY,
        note=_each(_object(text=_TEXT, time=_MOMENT)),
        component=_each(_object(valueQuantity=_QUANTITY)),
    ),
    "Encounter": _object(
        **_EVERY,
        subject=_POINTER,
        period=_PERIOD,
        participant=_each(_object(individual=_POINTER, period=_PERIOD)),
        location=_each(_object(location=_POINTER, period=_PERIOD)),
        serviceProvider=_POINTER,
        partOf=_POINTER,
        basedOn=_each(_POINTER),
    ),
    "Patient": _object(
        **_EVERY,
        birthDate=_leaf(_is_day),
        deceasedDateTime=_MOMENT,
        name=_each(_NAME),
        telecom=_each(_object(value=_TEXT)),
        address=_each(_ADDRESS),
        contact=_each(_object(name=_NAME, telecom=_each(_object(value=_TEXT)), address=_ADDRESS)),
        generalPractitioner=_each(_POINTER),
        managingOrganization=_POINTER,
    ),
    "Location": _object(**_EVERY, name=_TEXT, partOf=_POINTER, managingOrganization=_POINTER, address=_ADDRESS),
}
