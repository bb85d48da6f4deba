"""The units of the hospital, which services they use, and when patients come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chartside.history.plan import ICU_MORTALITY, READMISSION, SEPSIS, Flags, Floats, Integers, Plan


@dataclass(frozen=True, slots=True)
class Unit:
    """`share`: of the stays, up to a factor.

    `sepsis`: the share of stays that sepsis-6h is asked about, before and after its second version. `override`: the
    log-odds of an override here for a usual clinician at a risk of even odds.
    """

    name: str
    services: tuple[int, ...]
    share: float
    sepsis: tuple[float, float]
    override: float


# Wards override more than intensive care, and the second version was rolled out to them, while intensive care went over
# to its own protocol: most cards then came from wards, which turns the crude rate around.
UNITS = (
    Unit("Medical ICU", (ICU_MORTALITY, SEPSIS), 18, (0.95, 0.4), -2.2),
    Unit("Surgical ICU", (ICU_MORTALITY, SEPSIS), 16, (0.95, 0.4), -2.0),
    Unit("Cardiac ICU", (ICU_MORTALITY, SEPSIS), 12, (0.95, 0.4), -1.7),
    Unit("Emergency Department", (SEPSIS,), 13, (0.6, 0.6), -0.4),
    Unit("Ward 3 East", (SEPSIS, READMISSION), 15, (0.3, 0.95), 1.5),
    Unit("Ward 4 West", (SEPSIS, READMISSION), 15, (0.3, 0.95), 1.7),
    Unit("Oncology Ward", (SEPSIS, READMISSION), 11, (0.3, 0.95), 1.3),
)
USUAL_PART = 0.95
# How many patients come in each hour of the day, up to a factor: few at night, most around noon.
_HOURS = np.array([4, 3, 3, 3, 3, 4, 5, 7, 9, 11, 12, 12, 12, 11, 11, 10, 10, 9, 8, 8, 7, 6, 5, 4], dtype=np.float64)
FIRST_HOUR_OF_DAY, LAST_HOUR_OF_DAY = 7, 21


def arrivals(plan: Plan, first_weekday: int, rng: np.random.Generator) -> Floats:
    """The moments at which stays begin, in days from the start, ascending. `first_weekday`: 0 is Monday."""
    weekend = np.isin((np.arange(plan.days) + first_weekday) % 7, (5, 6))
    by_day = np.where(weekend, plan.weekend, 1.0)
    weight = np.outer(by_day, _HOURS / _HOURS.sum()).ravel()
    hours = rng.choice(weight.size, size=plan.stays, p=weight / weight.sum())
    return np.sort((hours + rng.random(plan.stays)) / 24.0)


def units_of(number: int, rng: np.random.Generator) -> Integers:
    """The unit of each stay, as a place in `UNITS`."""
    shares = np.array([unit.share for unit in UNITS], dtype=np.float64)
    return rng.choice(len(UNITS), size=number, p=shares / shares.sum()).astype(np.int64)


def part(service: int, unit: Integers, start: Floats, plan: Plan) -> Floats:
    """The share of the stays of each unit, beginning at these moments, that a service is asked about."""
    offered = np.array([service in each.services for each in UNITS])[unit]
    if service != SEPSIS:
        return offered * USUAL_PART
    later = (start >= plan.version_day) & plan.mix_shift
    return np.array([each.sepsis for each in UNITS])[unit, later.astype(np.int64)]


def at_night(time: Floats) -> Flags:
    """Whether moments (days from the start) fall into the night."""
    hour = (time % 1.0) * 24
    return (hour < FIRST_HOUR_OF_DAY) | (hour >= LAST_HOUR_OF_DAY)
