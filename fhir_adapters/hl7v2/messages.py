"""HL7 v2 messages → `PatientRecord`: ADT^A01 (who, where, since when, why) and ORU^R01 (measurements).

The same rules as for FHIR apply to each OBX. A later result for the same measurement replaces the earlier one, as
a corrected (C) or deleted (D) result means it to (HL7 v2.5.1 chapter 7, table 0085).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo

from clinical.errors import DataUnavailable, MalformedRequest, WrongPatient
from clinical.need import DataNeed, Importance
from clinical.record import (
    Answer,
    Coding,
    Condition,
    Observation,
    PatientRecord,
    SetAside,
    Source,
    Stay,
    StayLocation,
)
from clinical.wording import printed_unit
from fhir_adapters.asked import asked_types, wanted_codes
from fhir_adapters.encounter_classes import ACT_CODE
from fhir_adapters.facts import Reported, Said, judged
from fhir_adapters.hl7v2.codes import codings, table
from fhir_adapters.hl7v2.diagnoses import Diagnosis, diagnoses
from fhir_adapters.hl7v2.period import NULL, Period, sent
from fhir_adapters.hl7v2.segments import Segment, parse
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.no_result import says_no_result
from fhir_adapters.reference_ranges import of_hl7
from fhir_adapters.times import FAR_FUTURE, v2_birth_date, v2_day, v2_last_moment, v2_moment, v2_offset
from fhir_adapters.units import UCUM, Analytes

ACT_PRIORITY = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
# HL7 table 0085 → FHIR observation-status (HL7 v2-to-FHIR, ConceptMap ObservationStatus).
_STATUS = {"F": "final", "U": "final", "C": "corrected", "A": "amended", "P": "preliminary", "R": "preliminary"}
_STATUS |= {"S": "preliminary", "D": "entered-in-error", "W": "entered-in-error", "X": "cancelled"}
# HL7 table 0001 → FHIR administrative-gender; table 0004 → ActCode.
_SEX = {"F": "female", "M": "male", "O": "other", "A": "other", "U": "unknown"}
_CLASS = {"I": "IMP", "O": "AMB", "E": "EMER", "P": "PRENC"}
# HL7 table 0007, as far as it says how urgent an admission is (not labour, birth or accident) → ActPriority.
_PRIORITY = {"E": "EM", "U": "UR", "R": "R", "C": "EL"}
# What these messages cannot bring, by resource type.
_NOT_BROUGHT = {
    "MedicationRequest": "these messages bring no medicines",
    "MedicationStatement": "these messages bring no medicines",
    "Procedure": "these messages bring no procedures",
}
_ONLY_ADMISSION = "these messages bring the diagnoses of the admission, and no others"
# OBX-2 of a coded value.
_CODED = ("CE", "CWE", "CNE")
_DAY = len("20260131")


@dataclass(frozen=True, slots=True)
class Feed:
    """What must be known about a sender: which places are intensive care, and its zone for times without one."""

    rule: IntensiveCare
    analytes: Analytes
    zone: tzinfo = UTC


def read_messages(
    messages: Iterable[bytes], needs: Sequence[DataNeed], *, patient_id: str, feed: Feed, now: datetime
) -> PatientRecord:
    """Read messages, in their order, about one patient (PID-3.1).

    Raises `MalformedRequest`, `WrongPatient` if a message is about somebody else, or `DataUnavailable` for a need that
    such messages cannot fill.
    """
    now = now.astimezone(UTC)
    record = PatientRecord(patient_id=patient_id, read_at=now)
    reports: dict[tuple[object, ...], Reported] = {}
    reasons: dict[str, tuple[Diagnosis, ...]] = {}
    for number, message in enumerate(messages):
        segments = parse(message)
        _check_patient(segments, patient_id)
        kind = f"{segments[0].get(9, 1)}^{segments[0].get(9, 2)}"
        if kind == "ADT^A01":
            record = _admit(record, segments, feed)
            stay = record.stays[-1]
            reasons[stay.reference] = tuple(diagnoses(segments, stay.reference, feed.zone, now))
        elif kind == "ORU^R01":
            reports.update((_key(report, number), report) for report in _results(segments, feed.zone))
        else:
            raise MalformedRequest("Only ADT^A01 and ORU^R01 messages are read.")
    record = _with_facts(record, reports.values(), wanted_codes(needs), feed, now)
    return replace(_with_diagnoses(record, reasons, needs), incomplete=tuple(_not_brought(needs)))


def _not_brought(needs: Sequence[DataNeed]) -> Iterator[str]:
    """What these messages cannot bring, as the record says it: nobody may read "none" for "not sent".

    Raises `DataUnavailable` for a need without which there is no answer.
    """
    for need in needs:
        history = need.resource_type == "Encounter" and need.look_back is not None
        why = "these messages bring no earlier stays" if history else _NOT_BROUGHT.get(need.resource_type)
        if why and need.importance is Importance.REQUIRED:
            raise DataUnavailable(need.key, why)
        if need.resource_type == "Condition":
            why = _ONLY_ADMISSION
        if why and need.importance is not Importance.INFORMATIVE:
            yield f"{need.key}: {why}"


def _with_facts(
    record: PatientRecord, reports: Iterable[Reported], wanted: frozenset[tuple[str, str]], feed: Feed, now: datetime
) -> PatientRecord:
    """Apply the rules of the record to each result that somebody asked for."""
    asked = (report for report in reports if not wanted.isdisjoint(_pairs(report.codings)))
    facts = [fact for report in asked for fact in judged(report, feed.analytes, now)]
    observations = [fact for fact in facts if isinstance(fact, Observation)]
    answers = [fact for fact in facts if isinstance(fact, Answer)]
    return replace(
        record,
        observations=tuple(sorted(observations, key=lambda fact: (fact.time, fact.reference))),
        answers=tuple(sorted(answers, key=lambda fact: (fact.time, fact.reference))),
        set_aside=tuple(fact for fact in facts if isinstance(fact, SetAside)),
    )


def _with_diagnoses(
    record: PatientRecord, reasons: Mapping[str, Sequence[Diagnosis]], needs: Sequence[DataNeed]
) -> PatientRecord:
    """Tell each stay its diagnoses; they are conditions where somebody asked for such."""
    stays = (replace(stay, diagnoses=tuple(found.place for found in reasons[stay.reference])) for stay in record.stays)
    asked = asked_types(needs)
    codes = asked.get("Condition")
    facts = [found.fact for rows in reasons.values() for found in rows] if "Condition" in asked else []
    # What has no code cannot be told to be something else than was asked for.
    kept = [fact for fact in facts if codes is None or not fact.codings or codes & set(_pairs(fact.codings))]
    return replace(
        record,
        stays=tuple(stays),
        conditions=tuple(fact for fact in kept if isinstance(fact, Condition)),
        set_aside=record.set_aside + tuple(fact for fact in kept if isinstance(fact, SetAside)),
    )


def _pairs(found: Iterable[Coding]) -> Iterator[tuple[str, str]]:
    """Codings as (system, code)."""
    return ((coding.system, coding.code) for coding in found)


def _check_patient(segments: Sequence[Segment], patient_id: str) -> None:
    """Each message names the patient, among its identifiers."""
    pid = _only(segments, "PID")
    if patient_id not in {pid.get(3, 1, repetition) for repetition in range(len(pid.fields.get(3, ())))}:
        raise WrongPatient("An HL7 v2 message is about another patient than this call.")


def _only(segments: Sequence[Segment], name: str) -> Segment:
    """The first segment with a name. Raises `MalformedRequest`."""
    found = next((segment for segment in segments if segment.name == name), None)
    if found is None:
        raise MalformedRequest(f"An HL7 v2 message has no {name} segment.")
    return found


def _admit(record: PatientRecord, segments: Sequence[Segment], feed: Feed) -> PatientRecord:
    """Who, where, since when."""
    pid, visit = _only(segments, "PID"), _only(segments, "PV1")
    birth = v2_birth_date(pid.get(7))
    admitted, left = v2_moment(sent(visit, 44), feed.zone), _left(visit)
    end, latest_end = v2_moment(left, feed.zone), v2_last_moment(left, feed.zone)
    place = visit.get(3, 1)
    why = feed.rule.recognise(place, ())
    code, priority = _CLASS.get(visit.get(2)), _PRIORITY.get(visit.get(4))
    stay = Stay(
        reference=f"PV1 {visit.get(19) or '(no visit number)'}",
        status=_status(left, end, latest_end, record.read_at.astimezone(feed.zone).date()),
        class_code=Coding(ACT_CODE, code) if code else None,
        start=admitted,
        end=end,
        locations=(StayLocation(place, (), admitted, None, bool(why), why),) if place else (),
        priority=Coding(ACT_PRIORITY, priority) if priority else None,
        admit_source=table(visit, 14, "0023"),
        discharge_disposition=_destination(visit),
        start_day=v2_day(sent(visit, 44)),
        end_day=v2_day(left),
        offset=v2_offset(sent(visit, 44), feed.zone),
        latest_end=latest_end,
    )
    others = tuple(known for known in record.stays if known.reference != stay.reference)
    return replace(
        record,
        birth_date=birth[0] if birth else None,
        sex=_SEX.get(pid.get(8)),
        deceased=pid.get(30) == "Y",
        name=" ".join(part for part in (pid.get(5, 2), pid.get(5, 1)) if part),
        caveats=() if birth is None or birth[1] else ("The birth date is not complete; its middle is used.",),
        stays=(*others, stay),
    )


def _destination(visit: Segment) -> Coding | None:
    """PV1-36, where the patient goes; in words alone it has no code and is not nothing."""
    words = visit.get(36, 2)
    if visit.get(36) and not sent(visit, 36):
        return None
    return table(visit, 36, "0112") or (Coding("", "", words) if words else None)


def _left(visit: Segment) -> str:
    """PV1-45, when the patient left; nothing for a day so far ahead that it says that the stay goes on."""
    left = sent(visit, 45)
    year = left[:4]
    return "" if year.isascii() and year.isdigit() and int(year) >= FAR_FUTURE else left


def _status(left: str, end: datetime | None, latest_end: datetime | None, today: date) -> str:
    """The FHIR status of a stay by PV1-45, which is filled when somebody has left, be it told by the day alone.

    A day to come is none on which anybody has left. Of a month or a year its first day counts.
    """
    if not left:
        return "in-progress"
    if end is None and latest_end is None:
        return "unknown"
    day = v2_day(f"{left}0101"[:_DAY])
    return "in-progress" if end is None and day is not None and day > today else "finished"


def _results(segments: Sequence[Segment], zone: tzinfo) -> Iterator[Reported]:
    """The OBX segments; OBX-14 is the time of a result, else what OBR-7 and OBR-8 say of the whole order."""
    control, ordered = segments[0].get(10), Period()
    for index, segment in enumerate(segments):
        if segment.name == "OBR":
            ordered = Period(sent(segment, 7), sent(segment, 8))
        elif segment.name == "OBX":
            at = sent(segment, 14)
            yield _reported(segment, f"ORU {control} segment {index + 1}", Period(at) if at else ordered, zone)


def _reported(obx: Segment, reference: str, during: Period, zone: tzinfo) -> Reported:
    """One OBX as a report. Only NM values are numbers, and only coded ones answers."""
    text = sent(obx, 5)
    said = _said(obx) if obx.get(2) in _CODED and obx.get(5).strip() != NULL else None
    is_number = obx.get(2) == "NM" and len(obx.fields.get(5, ())) == 1 and _NUMBER.fullmatch(text)
    system = obx.get(6, 3)
    return Reported(
        reference=reference,
        codings=tuple(codings(obx, 3)),
        status=_STATUS.get(obx.get(11), "unknown"),
        value=float(text) if is_number else None,
        unit_code=obx.get(6, 1) or None,
        unit_system=UCUM if system == "UCUM" else None,
        unit_text=None,
        time=during.moment(zone),
        source=Source.HL7V2,
        problem="" if is_number else "it holds no number",
        said=said,
        reference_range=_usual(obx),
        span=during.possible(zone),
        absent=said is None and (not text or says_no_result(text)),
        over=during.length(zone),
    )


def _usual(obx: Segment) -> str:
    """OBX-7, the reference range, where there is one alone."""
    unit = printed_unit(obx.get(6)) if obx.get(6, 3) == "UCUM" else obx.get(6)
    return of_hl7(obx.get(7), unit) if len(obx.fields.get(7, ())) == 1 else ""


def _said(obx: Segment) -> Said | None:
    """A coded OBX-5 with one repetition, or None for an empty one."""
    values = tuple(codings(obx, 5))
    words = obx.get(5, 9) or obx.get(5, 2) or obx.get(5, 5)
    return Said(values, words) if (values or words) and len(obx.fields.get(5, ())) == 1 else None


def _key(report: Reported, message: int) -> tuple[object, ...]:
    """What makes two results the same measurement: code and time.

    Without a time each is its own, by its message's place: two messages may bear one id (MSH-10).
    """
    return (report.codings[:1], report.time, (message, report.reference) if report.time is None else None)
