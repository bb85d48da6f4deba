"""The patients: who they are, what is measured, how high their risk is, and what would come of it untreated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chartside.history.plan import ICU_MORTALITY, READMISSION, SEPSIS, Flags, Floats, Integers, Plan
from chartside.history.ward import arrivals, part, units_of


@dataclass(frozen=True, slots=True)
class Concept:
    """A signal: median, spread of its logarithm, and what one standard deviation adds to the log-odds by service."""

    name: str
    label: str
    loinc: str
    unit: str
    median: float
    spread: float
    weights: tuple[float, float, float]


CONCEPTS = (
    Concept("lactate", "Lactate", "2524-7", "mmol/L", 1.6, 0.45, (0.65, 0.70, 0.15)),
    Concept("creatinine", "Creatinine", "2160-0", "mg/dL", 1.1, 0.40, (0.40, 0.30, 0.45)),
    Concept("glucose", "Glucose", "15074-8", "mmol/L", 6.8, 0.30, (0.10, 0.12, 0.12)),
    Concept("heart-rate", "Heart rate", "8867-4", "/min", 88.0, 0.18, (0.30, 0.50, 0.10)),
    Concept("respiratory-rate", "Respiratory rate", "9279-1", "/min", 18.0, 0.22, (0.45, 0.55, 0.15)),
    Concept("albumin", "Albumin", "1751-7", "g/L", 34.0, 0.18, (-0.35, -0.25, -0.60)),
)
GLUCOSE, RESPIRATION = 2, 4
MISSING = 0.08
READMISSION_DAYS = 30.0
BASE_LOG_ODDS = (-1.8, -1.7, -1.7)
# Labels and shares of the groups, for audit only.
GROUPS: dict[str, dict[str, float]] = {
    "sex": {"female": 0.51, "male": 0.49},
    "age band": {"18-44": 0.18, "45-64": 0.31, "65-79": 0.33, "80+": 0.18},
    "language": {"English": 0.78, "Spanish": 0.14, "other": 0.08},
    "race": {"Asian": 0.07, "Black": 0.19, "other": 0.12, "White": 0.62},
}
RETURNING = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Stays:
    """One entry for each stay. Times in days from the start.

    `standard`: stays × concepts, standardised logarithms, NaN where nothing was measured. `groups`: codes into the
    labels of `GROUPS`. `log_odds`: stays × services, as the models see them where nothing is wrong. `untreated`: the
    same shape, the events that come if nobody acts. `known`: whether outcomes are followed up.
    """

    start: Floats
    days: Floats
    unit: Integers
    patient: Integers
    groups: dict[str, Integers]
    in_gap: Flags
    standard: Floats
    log_odds: Floats
    untreated: Flags
    known: Flags

    @property
    def end(self) -> Floats:
        """When stays end."""
        return self.start + self.days

    def due(self, service: int) -> Floats:
        """When it is known of each stay whether the event came: at its end, or after the horizon of a readmission."""
        return self.end + (READMISSION_DAYS if service == READMISSION else 0.0)


def make_stays(plan: Plan, first_weekday: int, rng: np.random.Generator) -> Stays:
    """All stays of the history, in the order in which they begin."""
    start = arrivals(plan, first_weekday, rng)
    unit = units_of(plan.stays, rng)
    patient = _patients(plan.stays, rng)
    groups = {
        name: _codes(np.array(list(shares.values())), plan.stays, rng)[patient] for name, shares in GROUPS.items()
    }
    standard = rng.normal(size=(plan.stays, len(CONCEPTS)))
    standard[rng.random(standard.shape) < MISSING] = np.nan
    attribute, label = plan.gap_group
    in_gap = groups[attribute] == list(GROUPS[attribute]).index(label)
    standard[in_gap, RESPIRATION] -= plan.gap_risk / CONCEPTS[RESPIRATION].weights[SEPSIS]
    log_odds = np.array(BASE_LOG_ODDS) + np.nan_to_num(standard) @ np.array([each.weights for each in CONCEPTS])
    true = log_odds.copy()
    true[in_gap & ~np.isnan(standard[:, RESPIRATION]), SEPSIS] += plan.gap_risk
    return Stays(
        start=start,
        days=np.clip(rng.lognormal(1.3, 0.6, plan.stays), 1.0, 30.0),
        unit=unit,
        patient=patient,
        groups=groups,
        in_gap=in_gap,
        standard=standard,
        log_odds=log_odds,
        untreated=rng.random(true.shape) < share(true),
        known=rng.random(plan.stays) < plan.followed_up,
    )


def takes_part(plan: Plan, stays: Stays, service: int, rng: np.random.Generator) -> Integers:
    """The stays that a service is asked about."""
    return np.flatnonzero(rng.random(stays.unit.size) < part(service, stays.unit, stays.start, plan))


def first_assessed(stays: Stays, service: int, which: Integers, rng: np.random.Generator) -> Floats:
    """When the service is asked about stays for the first time: soon, after half a day, or before discharge."""
    stay = stays.days[which]
    least, most = np.full((2, which.size), [[0.04], [0.4]])
    if service == ICU_MORTALITY:
        least, most = np.full((2, which.size), [[0.4], [0.9]])
    elif service == READMISSION:
        least, most = np.maximum(stay - 2.0, 0.3), np.maximum(stay - 1.0, 0.6)
    return stays.start[which] + rng.uniform(least, most)


def share(log_odds: Floats) -> Floats:
    """The probability of log-odds."""
    return 1.0 / (1.0 + np.exp(-log_odds))


def _patients(number: int, rng: np.random.Generator) -> Integers:
    """The patient of each stay: now and then one who was there before."""
    patient = np.arange(number)
    back = np.flatnonzero(rng.random(number) < RETURNING)
    back = back[back > 0]
    patient[back] = patient[(back * rng.random(back.size)).astype(np.int64)]
    return patient


def _codes(shares: Floats, number: int, rng: np.random.Generator) -> Integers:
    """Codes drawn with these shares."""
    return rng.choice(shares.size, size=number, p=shares / shares.sum()).astype(np.int64)
