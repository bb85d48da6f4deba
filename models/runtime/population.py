"""For whom there is an answer: where the patient is, the age, the hour and the least data; else a refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from math import nan

from clinical.assessment import AbstentionReason
from clinical.record import PatientRecord, Stay, completed_years
from models.runtime.gather import Series
from models.runtime.manifest import OLDEST, Kind, Manifest, Population, Signal
from models.runtime.placed import Person, Placed
from models.runtime.whereabouts import (
    Refusal,
    current_stay,
    in_hospital,
    intensive_care_bed,
    intensive_care_start,
    outside,
    stay_to_leave,
)

_HOUR = timedelta(hours=1)
DIED = Refusal(AbstentionReason.DECEASED, "the record says that the patient has died", in_population=False)


def place(record: PatientRecord, population: Population, as_of: datetime) -> Placed | Refusal:
    """Find where the patient is at `as_of`, as far as the model asks, and check the age."""
    if record.deceased:
        return DIED
    too_young = age_refusal(record, population.minimum_age, as_of)
    if too_young is not None and not too_young.in_population:
        return too_young
    placed = _PLACES[population.kind](record, population, as_of)
    if isinstance(placed, Placed) and placed.person.age > population.maximum_age:
        return outside(f"the model is for people of up to {population.maximum_age} years")
    return placed


def _in_intensive_care(record: PatientRecord, population: Population, as_of: datetime) -> Placed | Refusal:
    """The intensive care stay that is under way, within the hours that the model knows."""
    stay = current_stay(record, as_of)
    if isinstance(stay, Refusal):
        return stay
    bed = intensive_care_bed(stay, record, as_of)
    if isinstance(bed, Refusal):
        return bed
    start = intensive_care_start(stay, bed, as_of)
    refusal = age_refusal(record, population.minimum_age, start or as_of)
    if refusal is not None:
        return refusal
    if start is None:
        text = "the record does not say when the intensive care stay began"
        return Refusal(AbstentionReason.STAY_START_UNKNOWN, text, in_population=True)
    hours = (as_of - start) / _HOUR
    if hours < population.from_hour:
        return Refusal(AbstentionReason.TOO_EARLY, _hour_text(hours, population), in_population=True)
    if hours > population.to_hour:
        return Refusal(AbstentionReason.TOO_LATE, _hour_text(hours, population), in_population=True)
    return Placed(
        person=_person(record, start, as_of, stay),
        start=start,
        hours=hours,
        opens=start - population.allowance,
        as_of=as_of,
        situation=f"hour {int(hours)} of the intensive care stay",
        stay=stay,
        bed=bed,
    )


def _at_discharge(record: PatientRecord, population: Population, as_of: datetime) -> Placed | Refusal:
    """The stay in hospital that is under way or has just ended."""
    stay = stay_to_leave(record, as_of)
    if isinstance(stay, Refusal):
        return stay
    refusal = age_refusal(record, population.minimum_age, stay.start or as_of)
    if refusal is not None:
        return refusal
    if stay.start is None:
        text = "the record does not say when the hospital stay began"
        return Refusal(AbstentionReason.STAY_START_UNKNOWN, text, in_population=True)
    hours = (min(stay.end or as_of, as_of) - stay.start) / _HOUR
    return Placed(
        person=_person(record, stay.start, as_of, stay),
        start=stay.start,
        hours=hours,
        opens=stay.start - population.allowance,
        as_of=as_of,
        situation=f"day {int(hours / 24) + 1} of the hospital stay",
        stay=stay,
    )


def _outside_hospital(record: PatientRecord, population: Population, as_of: datetime) -> Placed | Refusal:
    """Nobody who is in hospital now; what was measured within the look-back counts."""
    refusal = age_refusal(record, population.minimum_age, as_of)
    if refusal is not None:
        return refusal
    inside = in_hospital(record, as_of)
    if inside is not None:
        return inside
    start = as_of - population.look_back
    return Placed(
        person=_person(record, as_of, as_of, None),
        start=start,
        hours=population.look_back / _HOUR,
        opens=start,
        as_of=as_of,
        situation="outside hospital",
    )


def _person(record: PatientRecord, on: datetime, as_of: datetime, stay: Stay | None) -> Person:
    """Age on a day, sex, and how long ago the stay in hospital began."""
    admitted = nan if stay is None or stay.start is None else (as_of - stay.start) / _HOUR
    return Person(age_on(record, on) or 0.0, record.sex, admitted)


_PLACES: Mapping[Kind, Callable[[PatientRecord, Population, datetime], Placed | Refusal]] = {
    Kind.INTENSIVE_CARE: _in_intensive_care,
    Kind.DISCHARGE: _at_discharge,
    Kind.OUTPATIENT: _outside_hospital,
}


def _hour_text(hours: float, population: Population) -> str:
    """The whole hours that have passed; where they alone would lie within, that there are some minutes more."""
    whole = int(hours)
    now = f"past hour {whole}" if whole <= population.to_hour < hours else f"hour {whole}"
    return (
        f"it is {now} of the intensive care stay; the model answers from hour "
        f"{population.from_hour:g} to hour {population.to_hour:g}"
    )


def age_on(record: PatientRecord, on: datetime) -> float | None:
    """The age in completed years, if the record has a birth date."""
    return None if record.birth_date is None else float(completed_years(record.birth_date, on.date()))


def age_refusal(record: PatientRecord, minimum_age: int, on: datetime) -> Refusal | None:
    """Why there is no answer at this age, if there is none."""
    age = age_on(record, on)
    if age is None or not 0 <= age <= OLDEST:
        text = "the birth date is unknown" if age is None else f"the birth date gives an age outside 0 to {OLDEST}"
        return Refusal(AbstentionReason.AGE_UNKNOWN, text, in_population=True)
    if age < minimum_age:
        text = f"the model is for people of {minimum_age} years and older"
        return Refusal(AbstentionReason.NOT_ADULT, text, in_population=False)
    return None


def missing_signals(series: Mapping[str, Series], manifest: Manifest) -> tuple[str, ...]:
    """Labels of the signals without a usable value, in the order of the manifest."""
    return tuple(_missing_label(s, series, manifest) for s in manifest.signals.values() if s.name not in series)


def _missing_label(signal: Signal, series: Mapping[str, Series], manifest: Manifest) -> str:
    """The label, and why a signal that may well have been measured is not used."""
    if signal.unless not in series:
        return signal.label
    return f"{signal.label} (not used beside {manifest.signals[signal.unless].label.lower()})"


def too_little(series: Mapping[str, Series], manifest: Manifest, hours: float) -> Refusal | None:
    """A refusal if fewer signals were measured than the manifest asks for, or none of the vital ones lately."""
    least = manifest.minimum
    for name in least.required:
        if name not in series:
            text = f"nothing usable of: {manifest.signals[name].label.lower()}"
            return _lacking(text, series, manifest)
    after = hours - least.hours if least.hours else -1.0
    recent = any(name in series and series[name].times[-1] > after for name in least.any_of) or not least.any_of
    if recent and len(series) >= least.signals:
        return None
    if recent:
        text = f"{len(series)} of {len(manifest.signals)} signals were measured; the model needs {least.signals}"
        return _lacking(text, series, manifest)
    vital = ", ".join(manifest.signals[name].label.lower() for name in least.any_of)
    since = f" in the last {least.hours:g} hours" if least.hours else ""
    return _lacking(f"nothing usable{since} of: {vital}", series, manifest)


def _lacking(text: str, series: Mapping[str, Series], manifest: Manifest) -> Refusal:
    missing = missing_signals(series, manifest)
    return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True, missing=missing)
