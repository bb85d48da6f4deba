"""Local fit: intercept and slope of a model re-estimated on a site's own outcomes (logistic recalibration).

Only the two numbers are estimated (Steyerberg et al. 2004, Stat Med 23:2567; "method 3"): the order of the patients
and the reasons stay as they were, which is all that a few hundred outcomes can carry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.training.fit import Flags, Floats, NoCalibration, fit_platt, probability
from models.training.folds import Numbers, folds_by_patient, held_out
from models.training.measures import Interval, log_odds, measure

FOLDS = 5
SEED = 20120801
# Below these numbers of patients with the outcome, and without it, a curve says nothing (refused), or little (said so).
# At least 100 of each: Collins, Ogundimu & Altman 2016, Stat Med 35:214. 200: Van Calster et al. 2016, J Clin Epidemiol
# 74:167.
FEWEST = 50
ENOUGH = 200


class TooFewOutcomes(Exception):
    """The outcomes cannot carry a local fit."""


@dataclass(frozen=True, slots=True)
class LocalFit:
    """log-odds' = slope * log-odds + intercept, and every measure before and after.

    `after` is cross-validated by patient: each probability comes from a fit that did not see the patient.
    `probabilities` (n,) are those. `carrying` is the number of patients with a row with the outcome, or of those with
    one without it, whichever is smaller: many rows of one patient say little more than one.
    """

    slope: float
    intercept: float
    before: dict[str, Interval]
    after: dict[str, Interval]
    events: int
    rows: int
    probabilities: Floats
    carrying: int

    @property
    def few(self) -> bool:
        """Whether the result should be taken with care."""
        return self.carrying < ENOUGH


def fit_locally(p: Floats, outcome: Flags, patient: Numbers) -> LocalFit:
    """Re-estimate. All arrays have shape (n,). Raises `TooFewOutcomes` or `NoCalibration`."""
    carrying = min(len(np.unique(patient[outcome])), len(np.unique(patient[~outcome])))
    events = int(outcome.sum())
    if carrying < FEWEST:
        raise TooFewOutcomes(
            f"{events} of {len(outcome)} rows had the outcome; at least {FEWEST} patients with it and {FEWEST} without "
            "it are needed"
        )
    z = log_odds(p)
    slope, intercept = fit_platt(z, outcome)
    if slope <= 0:
        raise NoCalibration(
            "At this site a higher risk does not go with more outcomes. A local fit cannot mend that: look at the "
            "data, and do not use the model."
        )
    after = _cross_fitted(z, outcome, patient)
    return LocalFit(
        slope=slope,
        intercept=intercept,
        before=measure(outcome, p, patient),
        after=measure(outcome, after, patient),
        events=events,
        rows=len(outcome),
        probabilities=after,
        carrying=carrying,
    )


def _cross_fitted(z: Floats, outcome: Flags, patient: Numbers) -> Floats:
    """Probabilities by fits that did not see the patient."""
    fold = folds_by_patient(patient, FOLDS, SEED)
    found = np.full(len(z), np.nan)
    for held in held_out(fold):
        slope, intercept = fit_platt(z[~held], outcome[~held])
        found[held] = probability(slope * z[held] + intercept)
    return found
