"""The shape of a resource: all that a validator's verdict on it depends on, as 32 bytes.

Values that vary from one resource to the next (ids, times, numbers, names) matter to a validator only in one way:
whether they are valid for their place. Where our own check, which is at least as strict as FHIR R4's and as that of
fhir.resources, says so, the value is replaced by one mark. Every other value, every member name and every length of a
list stands in the shape as it came, so two resources of one shape get one verdict. A value that fails its check stands
as it came, too: then the validator itself decides. `tests/fhir_adapters/test_fhir_shapes.py` holds this to the proof.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import isfinite
from typing import Any

import msgspec

from fhir_adapters.ids import ANY_ID, TYPE
from fhir_adapters.times import is_date, is_moment


@dataclass(frozen=True, slots=True)
class Seen:
    """The times and references of one call that passed their checks: most come again, and need no second look.

    They are the patient's, so this goes when the call ends.
    """

    moments: set[str] = field(default_factory=set)
    references: set[str] = field(default_factory=set)


Mask = Callable[[object, Seen], object]

# Bytes, which JSON does not know, so no resource can hold them: a valid leaf (or Meta), and the usual Reference.
VALID = b""
POINTER = b"*"

# FHIR R4 datatypes.html: id; and a literal reference by type and id, relative or absolute (references.html#literal).
_ID = re.compile(ANY_ID, re.ASCII)
_REFERENCE = re.compile(rf"(?:https?://[!-~]{{1,200}}/)?{TYPE}/{ANY_ID}", re.ASCII)
_DATE = re.compile(r"(?!0000)\d{4}-\d{2}-\d{2}", re.ASCII)
# Codes as terminologies have them; FHIR allows more.
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,63}", re.ASCII)
_NO_SURROGATES = re.compile(r"[^\ud800-\udfff]+")
_LONGEST_ID = 64
_LONGEST_NUMBER = 10**30
_ENCODER = msgspec.msgpack.Encoder()


def shape_of(resource: Mapping[str, object], seen: Seen | None = None) -> bytes | None:
    """The shape (SHA-256), or None for what is not plain JSON of a type that is in use.

    A hash, so that no patient data outlive the call. MessagePack as msgspec writes it has one way for each JSON value
    (1, 1.0, true and "1" are four) and another one for bytes, each with its type and length.
    """
    kind = resource.get("resourceType")
    mask = _MASKS.get(kind) if isinstance(kind, str) else None
    if mask is None:
        return None
    masked: Any = mask(resource, Seen() if seen is None else seen)
    try:
        return hashlib.sha256(_ENCODER.encode(masked)).digest()
    except (ValueError, TypeError, OverflowError, RecursionError):  # half a surrogate pair, a number of 65 bits
        return None


def _each(mask: Mask) -> Mask:
    """A place for a list; most have one member."""

    def masked(value: object, seen: Seen) -> object:
        if type(value) is not list:
            return value
        return [mask(value[0], seen)] if len(value) == 1 else [mask(item, seen) for item in value]

    return masked


def _object(**masks: Mask) -> Mask:
    """A place for an object; members that are not named here stand as they came."""
    inner_of = masks.get

    def mask(value: object, seen: Seen) -> object:
        if type(value) is not dict:
            return value
        masked = value.copy()
        for name, member in value.items():
            inner = inner_of(name)
            if inner is not None:
                masked[name] = inner(member, seen)
        return masked

    return mask


def _matching(pattern: re.Pattern[str]) -> Mask:
    """A place for a string of one form."""
    matches = pattern.fullmatch
    return lambda value, _: VALID if type(value) is str and matches(value) else value


def _id(value: object, _: Seen) -> object:
    """A place for an id; most need no look at each character."""
    if type(value) is not str:
        return value
    plain = value.isalnum() and value.isascii() and len(value) <= _LONGEST_ID
    return VALID if plain or _ID.fullmatch(value) else value


def _moment(value: object, seen: Seen) -> object:
    """A place for a dateTime or instant with a time of day and a zone."""
    if type(value) is not str:
        return value
    if value in seen.moments:
        return VALID
    if is_moment(value):
        seen.moments.add(value)
        return VALID
    return value


def _when(value: object, seen: Seen) -> object:
    """A place for any dateTime: a moment, or a year, month or day."""
    return VALID if _moment(value, seen) is VALID or is_date(value) else value


def is_number(value: object) -> bool:
    """Whether a JSON value is a finite number that a float can hold."""
    return (type(value) is float and isfinite(value)) or (type(value) is int and abs(value) < _LONGEST_NUMBER)


def _day(value: object, _: Seen) -> object:
    """A place for a date with month and day that exists."""
    if type(value) is not str or not _DATE.fullmatch(value):
        return value
    try:
        date.fromisoformat(value)
    except ValueError:
        return value
    return VALID


def _text(value: object, _: Seen) -> object:
    """A place for a string with more in it than blanks."""
    if type(value) is not str or value.isspace() or not value:
        return value
    return VALID if value.isascii() or _NO_SURROGATES.fullmatch(value) else value


def _reference(value: object, seen: Seen) -> object:
    """A place for a literal reference; those to the patient and the stay come with each resource."""
    if type(value) is not str:
        return value
    if value in seen.references:
        return VALID
    if _REFERENCE.fullmatch(value):
        seen.references.add(value)
        return VALID
    return value


_code = _matching(_CODE)
_other_pointer = _object(reference=_reference, display=_text)
_other_meta = _object(versionId=_id, lastUpdated=_moment)


def _pointer(value: object, seen: Seen) -> object:
    """A place for a Reference; of all objects this one comes most often, as a rule with these members and no others."""
    if type(value) is not dict:
        return value
    reference, display, size = value.get("reference"), value.get("display"), len(value)
    # What comes again is found without a call.
    known = type(reference) is str and (reference in seen.references or _reference(reference, seen) is VALID)
    if known and _text(display, seen) is VALID:
        if size == 2:
            return POINTER
        kind = value.get("type")
        if size == 3 and type(kind) is str:
            return POINTER, kind
    return _other_pointer(value, seen)


def _meta(value: object, seen: Seen) -> object:
    """A place for Meta; as a rule it has these two members, and says nothing else."""
    if type(value) is not dict:
        return value
    usual = len(value) == 2 and _moment(value.get("lastUpdated"), seen) is VALID
    return VALID if usual and _id(value.get("versionId"), seen) is VALID else _other_meta(value, seen)


def _quantity(value: object, _: Seen) -> object:
    """A place for a Quantity: its number alone varies."""
    return {**value, "value": VALID} if type(value) is dict and is_number(value.get("value")) else value


# What is no measurement is decoded anew each time, so its codes matter to the verdict alone (no plan rests on them).
_CONCEPT = _object(coding=_each(_object(code=_code, display=_text)), text=_text)
_SPAN = _object(start=_when, end=_when)
_NOTES = _each(_object(text=_text, time=_when))
_PERIOD = _object(start=_moment, end=_moment)
_IDENTIFIERS = _each(_object(value=_text))
_EVERY = {
    "id": _id,
    "meta": _meta,
    "text": _object(div=_text),
    "identifier": _IDENTIFIERS,
}
_DOSAGES = _each(
    _object(
        text=_text,
        patientInstruction=_text,
        timing=_object(repeat=_object(boundsPeriod=_SPAN)),
        doseAndRate=_each(_object(doseQuantity=_quantity, rateQuantity=_quantity)),
    )
)
_ADDRESS = _object(line=_each(_text), city=_text, district=_text, state=_text, postalCode=_text, text=_text)
_NAME = _object(text=_text, family=_text, given=_each(_text), prefix=_each(_text), suffix=_each(_text))
_MASKS: Mapping[str, Mask] = {
    "Observation": _object(
        **_EVERY,
        subject=_pointer,
        encounter=_pointer,
        performer=_each(_pointer),
        specimen=_pointer,
        device=_pointer,
        basedOn=_each(_pointer),
        derivedFrom=_each(_pointer),
        hasMember=_each(_pointer),
        effectiveDateTime=_moment,
        effectiveInstant=_moment,
        effectivePeriod=_PERIOD,
        issued=_moment,
        valueQuantity=_quantity,
        note=_each(_object(text=_text, time=_moment)),
        component=_each(_object(valueQuantity=_quantity)),
    ),
    "Encounter": _object(
        **_EVERY,
        subject=_pointer,
        period=_PERIOD,
        participant=_each(_object(individual=_pointer, period=_PERIOD)),
        location=_each(_object(location=_pointer, period=_PERIOD)),
        serviceProvider=_pointer,
        partOf=_pointer,
        basedOn=_each(_pointer),
        diagnosis=_each(_object(condition=_pointer)),
        reasonReference=_each(_pointer),
    ),
    "Patient": _object(
        **_EVERY,
        birthDate=_day,
        deceasedDateTime=_moment,
        name=_each(_NAME),
        telecom=_each(_object(value=_text)),
        address=_each(_ADDRESS),
        contact=_each(_object(name=_NAME, telecom=_each(_object(value=_text)), address=_ADDRESS)),
        generalPractitioner=_each(_pointer),
        managingOrganization=_pointer,
    ),
    "Location": _object(**_EVERY, name=_text, partOf=_pointer, managingOrganization=_pointer, address=_ADDRESS),
    "Condition": _object(
        **_EVERY,
        extension=_each(_object(valueDateTime=_when)),
        code=_CONCEPT,
        subject=_pointer,
        encounter=_pointer,
        onsetDateTime=_when,
        onsetPeriod=_SPAN,
        abatementDateTime=_when,
        abatementPeriod=_SPAN,
        recordedDate=_when,
        recorder=_pointer,
        asserter=_pointer,
        evidence=_each(_object(detail=_each(_pointer))),
        note=_NOTES,
    ),
    "MedicationRequest": _object(
        **_EVERY,
        medicationCodeableConcept=_CONCEPT,
        medicationReference=_pointer,
        subject=_pointer,
        encounter=_pointer,
        supportingInformation=_each(_pointer),
        authoredOn=_when,
        requester=_pointer,
        performer=_pointer,
        recorder=_pointer,
        reasonCode=_each(_CONCEPT),
        reasonReference=_each(_pointer),
        basedOn=_each(_pointer),
        groupIdentifier=_object(value=_text),
        insurance=_each(_pointer),
        note=_NOTES,
        dosageInstruction=_DOSAGES,
        dispenseRequest=_object(validityPeriod=_SPAN, quantity=_quantity, expectedSupplyDuration=_quantity),
        priorPrescription=_pointer,
    ),
    "MedicationStatement": _object(
        **_EVERY,
        basedOn=_each(_pointer),
        partOf=_each(_pointer),
        medicationCodeableConcept=_CONCEPT,
        medicationReference=_pointer,
        subject=_pointer,
        context=_pointer,
        effectiveDateTime=_when,
        effectivePeriod=_SPAN,
        dateAsserted=_when,
        informationSource=_pointer,
        derivedFrom=_each(_pointer),
        reasonCode=_each(_CONCEPT),
        reasonReference=_each(_pointer),
        note=_NOTES,
        dosage=_DOSAGES,
    ),
    "Medication": _object(**_EVERY, code=_CONCEPT, manufacturer=_pointer, batch=_object(lotNumber=_text)),
    "Procedure": _object(
        **_EVERY,
        basedOn=_each(_pointer),
        partOf=_each(_pointer),
        code=_CONCEPT,
        subject=_pointer,
        encounter=_pointer,
        performedDateTime=_when,
        performedPeriod=_SPAN,
        recorder=_pointer,
        asserter=_pointer,
        performer=_each(_object(actor=_pointer, onBehalfOf=_pointer)),
        location=_pointer,
        reasonCode=_each(_CONCEPT),
        reasonReference=_each(_pointer),
        report=_each(_pointer),
        note=_NOTES,
    ),
}
