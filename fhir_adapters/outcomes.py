"""FHIR R4 resources of many patients → what happened to them in the end, for judging advice later.

What a resource does not say is not guessed: it is left out, and counted with its reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clinical.follow_up import ObservedOutcome
from clinical.record import Coding
from fhir_adapters.decode import Json, codings, member, newer, text
from fhir_adapters.ids import ANY_ID
from fhir_adapters.times import FAR_FUTURE, fhir_moment, last_moment

# ActCode of a stay in bed; the codes that say that it ended with death: FHIR's own, and those of HL7 table 0112 and
# of the National Uniform Billing Committee (20 expired; 40 at home, 41 in a facility, 42 place not known).
INPATIENT = frozenset({"IMP", "ACUTE", "NONAC"})
_DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
_BILLING = ("http://terminology.hl7.org/CodeSystem/v2-0112", "https://www.nubc.org/CodeSystem/PatDischargeStatus")
DIED = frozenset({"20", "40", "41", "42"})
READMISSION = timedelta(days=30)
_REFERENCE = re.compile(rf"(?:.*/)?(Patient|Encounter)/({ANY_ID})(?:/_history/.+)?", re.ASCII)
_FAR_UP = 5
_TYPES = frozenset({"Patient", "Encounter", "Condition", "Observation"})
# All that is read here. An export holds a hundred times more.
_KEPT = (
    "resourceType", "id", "meta", "status", "class", "subject", "encounter", "partOf", "period", "hospitalization",
    "deceasedBoolean", "deceasedDateTime", "code", "verificationStatus", "onsetDateTime", "recordedDate",
    "effectiveDateTime", "effectiveInstant", "valueBoolean",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gathered:
    """Outcomes out of resources or messages, and how many of these said nothing, by why."""

    outcomes: tuple[ObservedOutcome, ...]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Stay:
    """A stay in bed that counts: under way or ended."""

    id: str
    patient: str
    start: datetime | None
    end: datetime | None
    part_of: str
    resource: Json


@dataclass(slots=True)
class Resources:
    """What outcomes are told by, by type and id; of several versions of a resource the newer."""

    by_key: dict[tuple[str, str], Json] = field(default_factory=dict)

    def add(self, resource: Json) -> bool:
        """Keep one resource; False where it has no type or no id."""
        key = text(resource.get("resourceType")), text(resource.get("id"))
        if not all(key):
            return False
        if key[0] in _TYPES:
            kept = {name: resource[name] for name in _KEPT if name in resource}
            known = self.by_key.get(key)
            self.by_key[key] = kept if known is None else newer(known, kept) or kept
        return True

    def of(self, *types: str) -> Iterator[Json]:
        """Those of some types."""
        return (resource for (kind, _), resource in self.by_key.items() if kind in types)


Found = Iterator[ObservedOutcome | str]


def deaths_in_hospital(resources: Resources, client: str, name: str) -> Gathered:
    """Whether each ended stay ended with death: by its discharge disposition, else by the patient's time of death.

    A stay that is part of another one has that one's end.
    """
    stays = {stay.id: stay for stay in _stays(resources)}

    def found() -> Found:
        for stay in stays.values():
            whole = _whole(stay, stays)
            died, when = _death(whole, resources)
            if whole.end is None:
                yield "a stay that has not ended, or without the time of its end"
            elif died is None:
                yield "a stay of which nobody says how it ended"
            else:
                yield ObservedOutcome(stay.patient, client, name, died, when or whole.end, stay.id)

    return _gathered(found())


def _death(stay: _Stay, resources: Resources) -> tuple[bool | None, datetime | None]:
    """Whether a stay ended with death, and when; None where that is not said."""
    patient = resources.by_key.get(("Patient", stay.patient), {})
    dead = _moment(patient.get("deceasedDateTime"))
    inside = dead is not None and stay.start is not None and stay.end is not None and _within(dead, stay)
    when = min(dead, stay.end) if inside and dead and stay.end else None
    said = _ended_with_death(member(stay.resource, "hospitalization", "dischargeDisposition"))
    if said is not None:
        return said, when if said else None
    if dead is not None:
        return inside, when
    return (None if not patient or patient.get("deceasedBoolean") is True else False), None


def _within(dead: datetime, stay: _Stay) -> bool:
    """Whether a time of death lies in a stay; of a death on its last day only the day may be known."""
    return stay.start is not None and stay.end is not None and stay.start <= dead <= _day_end(stay.end)


def _day_end(moment: datetime) -> datetime:
    """The last moment of a day."""
    return moment.replace(hour=23, minute=59, second=59, microsecond=999_999)


def _ended_with_death(disposition: object) -> bool | None:
    """What a discharge disposition says; None where it has no code that we know."""
    found = codings(disposition)
    known = [coding for coding in found if coding.system == _DISPOSITION or coding.system in _BILLING]
    return any(coding.code == "exp" or coding.code in DIED for coding in known) if known else None


def deaths(resources: Resources, client: str, name: str) -> Gathered:
    """Whether each patient has died (Patient.deceased[x]); that one has not is known until the resource was updated."""

    def found() -> Found:
        for patient in resources.of("Patient"):
            when, updated = _moment(patient.get("deceasedDateTime")), _moment(member(patient, "meta", "lastUpdated"))
            if when is not None:
                yield ObservedOutcome(text(patient.get("id")), client, name, True, when)
            elif patient.get("deceasedBoolean") is True or "deceasedDateTime" in patient:
                yield "a patient who has died, nobody says when"
            elif updated is None:
                yield "a patient who has not died, nobody says until when (meta.lastUpdated)"
            else:
                yield ObservedOutcome(text(patient.get("id")), client, name, False, updated)

    return _gathered(found())


def readmissions(resources: Resources, client: str, name: str) -> Gathered:
    """Whether the patient of each ended stay was back as an inpatient within 30 days, planned or not.

    "No" is said only of stays that ended 30 days before the newest admission in the data. Stays that ended with death
    are left out.
    """
    stays = [stay for stay in _stays(resources) if not stay.part_of]
    admissions = _Admissions(stays)

    def found() -> Found:
        for stay in stays:
            if stay.end is None:
                yield "a stay that has not ended, or without the time of its end"
            elif _death(stay, resources)[0]:
                yield "a stay that ended with death"
            else:
                yield admissions.after(stay, stay.end, client, name)

    return _gathered(found())


class _Admissions:
    """When each patient came in."""

    def __init__(self, stays: Iterable[_Stay]) -> None:
        """Sort them by patient."""
        self._starts: dict[str, list[tuple[datetime, str]]] = {}
        for stay in stays:
            if stay.start:
                self._starts.setdefault(stay.patient, []).append((stay.start, stay.id))
        self._newest = max((start for each in self._starts.values() for start, _ in each), default=None)

    def after(self, stay: _Stay, end: datetime, client: str, name: str) -> ObservedOutcome | str:
        """Whether the patient of a stay was back, or why nobody can say."""
        others = (start for start, id_ in self._starts.get(stay.patient, ()) if id_ != stay.id and start >= end)
        back = min(others, default=None)
        if back is not None and back <= end + READMISSION:
            return ObservedOutcome(stay.patient, client, name, True, back, stay.id)
        if self._newest is None or end + READMISSION > self._newest:
            return "a stay that ended less than 30 days before the newest admission in the data"
        return ObservedOutcome(stay.patient, client, name, False, end + READMISSION, stay.id)


def coded(resources: Resources, client: str, name: str, code: Coding) -> Gathered:
    """Diagnoses with a code, at their onset or else when they were recorded, and yes-or-no findings with it.

    That somebody has no such diagnosis is not said by it, so there is a "no" only from an Observation.
    """

    def found() -> Found:
        for resource in resources.of("Condition", "Observation"):
            if any((one.system, one.code) == (code.system, code.code) for one in codings(resource.get("code"))):
                yield _coded(resource, client, name)

    return _gathered(found())


def _coded(resource: Json, client: str, name: str) -> ObservedOutcome | str:
    """One resource with the code, or why it says nothing."""
    is_condition = resource.get("resourceType") == "Condition"
    occurred = _diagnosed(resource) if is_condition else _observed(resource)
    if occurred is None:
        return "an entry that is not final or confirmed, or holds no yes or no"
    times = ("onsetDateTime", "recordedDate") if is_condition else ("effectiveDateTime", "effectiveInstant")
    when = next((moment for name in times if (moment := _moment(resource.get(name)))), None)
    patient = _target(resource.get("subject"), "Patient")
    if when is None or not patient:
        return "an entry without a time or without its patient"
    return ObservedOutcome(
        patient, client, name, occurred, when, _target(resource.get("encounter"), "Encounter") or None
    )


def _diagnosed(condition: Json) -> bool | None:
    """A diagnosis that is not taken back, refuted or only suspected."""
    status = {coding.code for coding in codings(condition.get("verificationStatus"))}
    return True if status <= {"confirmed"} else None


def _observed(observation: Json) -> bool | None:
    """A final yes or no."""
    value = observation.get("valueBoolean")
    final = observation.get("status") in ("final", "amended", "corrected")
    return value if isinstance(value, bool) and final else None


def _stays(resources: Resources) -> Iterator[_Stay]:
    """Stays in bed whose patient is named."""
    for resource in resources.of("Encounter"):
        patient = _target(resource.get("subject"), "Patient")
        code = text(member(resource, "class", "code"))
        ended, under_way = resource.get("status") == "finished", resource.get("status") in ("in-progress", "onleave")
        if patient and code in INPATIENT and (ended or under_way):
            start, end = (_moment(member(resource, "period", name)) for name in ("start", "end"))
            part_of = _target(resource.get("partOf"), "Encounter")
            yield _Stay(text(resource.get("id")), patient, start, end if ended else None, part_of, resource)


def _whole(stay: _Stay, stays: Mapping[str, _Stay]) -> _Stay:
    """The stay that a stay is part of."""
    for _ in range(_FAR_UP):
        above = stays.get(stay.part_of)
        if above is None or above.patient != stay.patient:
            break
        stay = above
    return stay


def _target(pointer: object, kind: str) -> str:
    """The id behind a literal reference to a patient or an encounter, or an empty text."""
    found = _REFERENCE.fullmatch(text(member(pointer, "reference")))
    return found[2] if found and found[1] == kind else ""


def _moment(value: object) -> datetime | None:
    """A moment; a day, month or year is its last moment in UTC."""
    found = fhir_moment(value) or last_moment(value)
    return None if found is None or found.year >= FAR_FUTURE else found


def _gathered(found: Iterable[ObservedOutcome | str]) -> Gathered:
    """Outcomes apart from what said nothing."""
    outcomes, left_out = [], Counter[str]()
    for each in found:
        if isinstance(each, str):
            left_out[each] += 1
        else:
            outcomes.append(each)
    return Gathered(tuple(outcomes), left_out)


Reader = Callable[[Resources, str, str], Gathered]
# The outcomes that resources tell without a code, by name.
READERS: Mapping[str, Reader] = {
    "death-in-hospital": deaths_in_hospital,
    "death-from-any-cause": deaths,
    "readmission-to-hospital": readmissions,
}
