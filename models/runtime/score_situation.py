"""For whom a score answers: the age, and where the patient is; else a refusal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from clinical.assessment import AbstentionReason
from clinical.record import PatientRecord, Stay
from models.runtime.encounter_class import class_as_written, class_of, is_visit
from models.runtime.population import DIED, age_on, age_refusal
from models.runtime.score_leaving import not_leaving, not_read
from models.runtime.score_manifest import ScorePopulation, Setting
from models.runtime.whereabouts import (
    Refusal,
    current_stay,
    intensive_care_bed,
    intensive_care_start,
    is_surely_in_hospital,
    is_under_way,
    outside,
    stay_to_leave,
)

_HOUR = timedelta(hours=1)
NOT_SURE_WHERE = "the record does not say for certain that this is not a stay in hospital"


@dataclass(frozen=True, slots=True)
class Situation:
    """A patient for whom the score is meant: age, the stay that is under way (if any), and words for both."""

    age: float
    stay: Stay | None
    words: str


def situate(record: PatientRecord, population: ScorePopulation, as_of: datetime) -> Situation | Refusal:
    """Check age and whereabouts at `as_of`."""
    if record.deceased:
        return DIED
    refusal = age_refusal(record, population.minimum_age, as_of)
    if refusal is not None:
        return refusal
    age = age_on(record, as_of) or 0.0
    if age > population.maximum_age:
        return outside(f"the score is for people of up to {population.maximum_age} years")
    if population.setting is Setting.INPATIENT:
        return _inpatient(record, age, as_of)
    if population.setting is Setting.DISCHARGE:
        return _leaving(record, age, as_of)
    if population.setting is Setting.INTENSIVE_CARE:
        return _intensive_care(record, age, as_of)
    return _anywhere(record, population, age, as_of)


def _anywhere(record: PatientRecord, population: ScorePopulation, age: float, as_of: datetime) -> Situation | Refusal:
    stay, words = _admitted_stay(record, as_of), f"at the age of {age:g} years"
    if population.setting is Setting.ANY:
        return Situation(age, None if isinstance(stay, Refusal) else stay, words)
    if not isinstance(stay, Refusal):
        return _here(stay, record, as_of)
    return Situation(age, None, f"{words}; {NOT_SURE_WHERE}" if stay.in_population else words)


def _here(stay: Stay, record: PatientRecord, as_of: datetime) -> Refusal:
    """Why a score for people outside hospital is not for somebody who is here, or cannot know it.

    Of a class that cannot be read, nobody can say whether it is a stay or an ordinary visit.
    """
    named = [stay] if record.focus is not None else record.stays
    if any(is_under_way(one, as_of) and is_surely_in_hospital(one, as_of) for one in named):
        return outside("the score is for people who are not in hospital")
    text = f"{NOT_SURE_WHERE}: its class cannot be read ({class_as_written(stay)})"
    return Refusal(AbstentionReason.NO_CURRENT_STAY, text, in_population=True)


def _inpatient(record: PatientRecord, age: float, as_of: datetime) -> Situation | Refusal:
    stay = _admitted_stay(record, as_of)
    return stay if isinstance(stay, Refusal) else Situation(age, stay, _day(stay, as_of))


def _leaving(record: PatientRecord, age: float, as_of: datetime) -> Situation | Refusal:
    if any(_ended_some_time(stay) for stay in record.stays if stay.reference == record.focus):
        text = "the record does not say when the stay ended"
        return Refusal(AbstentionReason.NO_CURRENT_STAY, text, in_population=True)
    stay = stay_to_leave(_with_ends(record), as_of)
    if isinstance(stay, Refusal):
        return stay
    own = next(one for one in record.stays if one.reference == stay.reference)
    refusal = not_leaving(own)
    if refusal is not None:
        return refusal
    words, unread = _day(own, min(own.end or as_of, as_of)), not_read(own)
    return Situation(age, own, f"{words}; {unread}" if unread else words)


def _ended_some_time(stay: Stay) -> bool:
    return stay.status == "finished" and stay.end is None and stay.end_day is None and not is_visit(stay)


def _with_ends(record: PatientRecord) -> PatientRecord:
    """The record in which a stay that ended on a day, nobody knows when, ends with the last moment of it."""
    return replace(record, stays=tuple(map(_ended, record.stays)))


def _ended(stay: Stay) -> Stay:
    if stay.status != "finished" or stay.end is not None or stay.end_day is None:
        return stay
    return replace(stay, end=datetime.combine(stay.end_day, time.max, UTC))


def _day(stay: Stay, as_of: datetime) -> str:
    """How long somebody is here; whether it is a stay in hospital nobody can say of a class that cannot be read."""
    unread = class_of(stay) is None
    if stay.start is None:
        return "in a stay or visit, its class cannot be read" if unread else "in a hospital stay"
    number = (as_of - stay.start).days + 1
    return (
        f"day {number} of a stay or visit, its class cannot be read" if unread else f"day {number} of the hospital stay"
    )


def _intensive_care(record: PatientRecord, age: float, as_of: datetime) -> Situation | Refusal:
    stay = _admitted_stay(record, as_of)
    if isinstance(stay, Refusal):
        return _bed_of_a_visit(record, as_of) or stay
    bed = intensive_care_bed(stay, record, as_of)
    if isinstance(bed, Refusal):
        return bed
    begun = intensive_care_start(stay, bed, as_of)
    words = "in intensive care" if begun is None else f"hour {int((as_of - begun) / _HOUR)} of the intensive care stay"
    return Situation(age, stay, words)


def _bed_of_a_visit(record: PatientRecord, as_of: datetime) -> Refusal | None:
    """Why nobody can say whether a visit is a stay: its place is intensive care. None for every other visit."""
    stay = current_stay(record, as_of)
    bed = stay if isinstance(stay, Refusal) else intensive_care_bed(stay, record, as_of)
    return bed if isinstance(bed, Refusal) and bed.in_population else None


def _admitted_stay(record: PatientRecord, as_of: datetime) -> Stay | Refusal:
    """The stay under way in which the patient is admitted; a visit that nobody has closed is none.

    Where the caller named a visit, there is no such stay, whatever else is open.
    """
    visits = [stay for stay in record.stays if is_visit(stay)]
    named = [stay for stay in visits if stay.reference == record.focus]
    if any(is_under_way(stay, as_of) for stay in named):
        return _not_admitted("the stay named is a visit, and no stay in hospital")
    if visits and not named:
        record = replace(record, stays=tuple(stay for stay in record.stays if not is_visit(stay)))
    return current_stay(record, as_of)


def _not_admitted(text: str) -> Refusal:
    return Refusal(AbstentionReason.NO_CURRENT_STAY, text, in_population=False)
