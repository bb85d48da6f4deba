"""One resource of an open chart in words, read anew with the visit's access: what stands in the EHR now.

The narrative is never read. The type is that of the reference; its members are taken by their names in FHIR R4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from clinical.errors import DataUnavailable, NotAllowed
from clinical.invocation import FhirAccess
from fhir_adapters.decode import Json, member, members, named, text
from fhir_adapters.http.transport import Bounds, Deadline, FetchFailed, Transport
from fhir_adapters.identity import PatientGuard
from fhir_adapters.ids import RELATIVE
from fhir_adapters.reference_ranges import in_words, quantity
from fhir_adapters.times import fhir_moment

MAX_BYTES = 200_000
OTHER_FORM = "in a form that this page does not show"
# FHIR R4 ObservationStatus and its likes: what was said does not hold.
TAKEN_BACK = frozenset({"entered-in-error", "cancelled", "not-done", "refuted"})
# Where a type says what it is about, and when; the first that is there counts.
_ABOUT = ("code", "medicationCodeableConcept", "class", "type", "vaccineCode")
_WHEN = (
    ("effectiveDateTime",),
    ("effectiveInstant",),
    ("effectivePeriod", "start"),
    ("performedDateTime",),
    ("performedPeriod", "start"),
    ("onsetDateTime",),
    ("period", "start"),
    ("authoredOn",),
    ("recordedDate",),
    ("issued",),
)


@dataclass(frozen=True, slots=True)
class FactRead:
    """What one resource says; a text that it does not have is empty. `taken_back`: by its codes it does not hold."""

    type: str
    code: str
    value: str
    time: datetime | None
    status: str
    performer: str
    reference_range: str
    taken_back: bool


def read_fact(
    transport: Transport, access: FhirAccess, patient_id: str, reference: str, *, seconds: float = 5.0
) -> FactRead:
    """Read `Type/id`. Raises `DataUnavailable`, `NotAllowed` for what is no such reference, or `WrongPatient`.

    A resource that names nobody is refused, too: it may be anybody's.
    """
    if not RELATIVE.fullmatch(reference):
        raise NotAllowed("This is no reference to a resource of the chart.")
    base = access.base_url.rstrip("/")
    try:
        resource = transport.get_json(
            f"{base}/{reference}",
            token=access.token,
            deadline=Deadline.after(seconds),
            bounds=Bounds(max_bytes=MAX_BYTES),
        )
    except FetchFailed as fault:
        raise DataUnavailable(reference.partition("/")[0], fault.message) from None
    kind, _, name = reference.partition("/")
    if not isinstance(resource, dict) or resource.get("resourceType") != kind or resource.get("id") != name:
        raise DataUnavailable(kind, "the EHR answered with another resource")
    if not PatientGuard(patient_id, base).check(resource):
        raise NotAllowed("The resource does not say whose it is, so it is not shown.")
    return fact_of(resource)


def fact_of(resource: Json) -> FactRead:
    """A resource in words."""
    return FactRead(
        type=text(resource.get("resourceType")),
        code=next(filter(None, (_concept(resource.get(name)) for name in _ABOUT)), ""),
        value="; ".join(filter(None, _values(resource))),
        time=next(filter(None, (fhir_moment(member(resource, *path)) for path in _WHEN)), None),
        status=_status(resource),
        performer=next(_performers(resource), ""),
        reference_range="; ".join(filter(None, map(in_words, members(resource, "referenceRange")))),
        taken_back=_is_taken_back(resource),
    )


def _is_taken_back(resource: Json) -> bool:
    """By its status, or by the codes of a Condition's verification status (FHIR R4 ConditionVerificationStatus)."""
    codes = [text(row.get("code")) for row in members(resource.get("verificationStatus"), "coding")]
    return not TAKEN_BACK.isdisjoint([text(resource.get("status")), *codes])


def _concept(value: object) -> str:
    """A CodeableConcept or Coding as people call it, else its code."""
    rows = members(value, "coding")
    own = text(member(value, "display")) or text(member(value, "code"))
    return named(value) or next((code for row in rows if (code := text(row.get("code")))), own)


def _status(resource: Json) -> str:
    """The status; of a Condition its clinical and verification status."""
    both = (_concept(resource.get(name)) for name in ("verificationStatus", "clinicalStatus"))
    told = [text(resource.get("status")), *both]
    return "entered-in-error" if "entered-in-error" in told else ", ".join(filter(None, told))


def _values(resource: Json) -> Iterator[str]:
    """The value, and those of the components with their names."""
    yield _value(resource)
    for part in members(resource, "component"):
        value = _value(part)
        yield f"{_concept(part.get('code'))} {value}".strip() if value else ""


def _value(part: Json) -> str:
    """`value[x]` of R4, as it was sent."""
    for name, value in part.items():
        if name == "valueQuantity":
            return quantity(value)
        if name == "valueCodeableConcept":
            return _concept(value)
        if name == "valueBoolean" and isinstance(value, bool):
            return "yes" if value else "no"
        if name in ("valueString", "valueDateTime", "valueTime", "valueInteger"):
            return str(value) if isinstance(value, str | int) else ""
    absent = _concept(part.get("dataAbsentReason"))
    return absent or (OTHER_FORM if any(name.startswith("value") for name in part) else "")


def _performers(resource: Json) -> Iterator[str]:
    """Who made it, where the resource has a name."""
    for name in ("performer", "recorder", "asserter", "requester", "participant"):
        value = resource.get(name)
        for row in value if isinstance(value, list) else (value,):
            shown = text(member(row, "display")) or text(member(row, "actor", "display"))
            if shown:
                yield shown
