"""For whom there is an answer: an intensive care stay, the age, the hour and the least data; else a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from clinical.assessment import AbstentionReason
from clinical.record import PatientRecord, completed_years
from models.runtime.features import Person
from models.runtime.gather import Series
from models.runtime.manifest import Manifest, Population, Signal
from models.runtime.whereabouts import Refusal, current_stay, intensive_care_bed, intensive_care_start

_HOUR = timedelta(hours=1)
# The longest documented life is 122 years; above that the birth date is wrong.
OLDEST = 122
DIED = Refusal(AbstentionReason.DECEASED, "the record says that the patient has died", in_population=False)


@dataclass(frozen=True, slots=True)
class Placed:
    """A patient in the population: who, since when in intensive care, and how many hours that is."""

    person: Person
    start: datetime
    hours: float


def place(record: PatientRecord, population: Population, as_of: datetime) -> Placed | Refusal:
    """Find the intensive care stay that is under way at `as_of`, and check age and hour."""
    if record.deceased:
        return DIED
    too_young = age_refusal(record, population.minimum_age, as_of)
    if too_young is not None and not too_young.in_population:
        return too_young
    stay = current_stay(record, as_of)
    if isinstance(stay, Refusal):
        return stay
    where = intensive_care_bed(stay, record, as_of)
    if isinstance(where, Refusal):
        return where
    return _age_and_hour(record, population, intensive_care_start(stay, where, as_of), as_of)


def _age_and_hour(
    record: PatientRecord, population: Population, start: datetime | None, as_of: datetime
) -> Placed | Refusal:
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
    return Placed(Person(age_on(record, start) or 0.0, record.sex), start, hours)


def _hour_text(hours: float, population: Population) -> str:
    return (
        f"it is hour {int(hours)} of the intensive care stay; the model answers from hour "
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
    recent = any(name in series and series[name].times[-1] > hours - least.hours for name in least.any_of)
    if recent and len(series) >= least.signals:
        return None
    missing = missing_signals(series, manifest)
    vital = ", ".join(manifest.signals[name].label.lower() for name in least.any_of)
    if recent:
        text = f"{len(series)} of {len(manifest.signals)} signals were measured; the model needs {least.signals}"
    else:
        text = f"nothing usable in the last {least.hours:g} hours of: {vital}"
    return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True, missing=missing)
