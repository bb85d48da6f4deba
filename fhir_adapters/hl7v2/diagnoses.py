"""DG1 segments of an ADT message → `Condition` and `StayDiagnosis` (HL7 v2-to-FHIR: DG1[Condition], DG1[Encounter])."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from clinical.record import Condition, SetAside, SetAsideReason, StayDiagnosis
from fhir_adapters.hl7v2.codes import codings
from fhir_adapters.hl7v2.segments import Segment
from fhir_adapters.times import v2_start

# HL7 table 0052 → FHIR diagnosis-role; the map has no counterpart for W (working) and F (final).
_ROLES = {"A": "AD"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One DG1: its place among the diagnoses of the stay, and what the rules of the record made of it."""

    place: StayDiagnosis
    fact: Condition | SetAside


def diagnoses(segments: Sequence[Segment], stay: str, zone: tzinfo, now: datetime) -> Iterator[Diagnosis]:
    """The diagnoses of a message. `stay` is the reference of the stay; `zone` that of times without one."""
    control = segments[0].get(10)
    for index, segment in enumerate(segments):
        if segment.name == "DG1":
            name = f"ADT {control} segment {index + 1}"
            rank = segment.get(15)
            place = StayDiagnosis(name, _ROLES.get(segment.get(6), ""), int(rank) if _is_rank(rank) else None)
            yield Diagnosis(place, _judged(segment, name, stay, zone, now))


def _is_rank(text: str) -> bool:
    """Whether DG1-15 ranks the diagnosis; 0 stands for none."""
    return text.isascii() and text.isdigit() and 0 < len(text) < 4 and int(text) > 0


def _judged(dg1: Segment, name: str, stay: str, zone: tzinfo, now: datetime) -> Condition | SetAside:
    """One diagnosis. DG1-5 is when it was determined, so it counts as recorded; the onset is not told."""
    found = tuple(codings(dg1, 3))
    text = dg1.get(4) or dg1.get(3, 2)
    recorded = v2_start(dg1.get(5), zone, now)

    def aside(reason: SetAsideReason, detail: str) -> SetAside:
        return SetAside(name, reason, detail, found)

    if dg1.get(21) == "D":
        return aside(SetAsideReason.VOID, "it was entered in error")
    if dg1.get(6) == "W":
        return aside(SetAsideReason.STATUS, "it is a working diagnosis, which nobody has confirmed")
    if dg1.get(5) and recorded is None:
        return aside(SetAsideReason.NO_TIME, "its date cannot be read")
    if recorded is not None and recorded > now:
        return aside(SetAsideReason.FUTURE, "its time lies in the future")
    if not found and not text:
        return aside(SetAsideReason.NO_VALUE, "it does not say which condition it is")
    return Condition(name, found, None, recorded, True, stay, text)
