"""How good a set of probabilities is, with 95 % intervals that know which rows belong to one patient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from models.training.fit import Flags, Floats, fit_platt

BINS = 10
RESAMPLES = 300
SEED = 20120802
_Z = NormalDist().inv_cdf(0.975)
# The log-odds of a probability that a table gave as 0 or 1 would be infinite.
_EDGE = 1e-9

Numbers = npt.NDArray[np.int64]
Measure = Callable[[Flags, Floats], float]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def rounded(self, digits: int = 4) -> list[float]:
        """As it is written down: [value, low, high]."""
        return [round(part, digits) for part in (self.value, self.low, self.high)]


def log_odds(p: Floats) -> Floats:
    """The inverse of the logistic function; 0 and 1 are moved inwards by 1e-9."""
    inside = np.clip(p, _EDGE, 1 - _EDGE)
    odds: Floats = np.log(inside / (1 - inside))
    return odds


def calibration_slope(outcome: Flags, p: Floats) -> float:
    """Slope of the outcome's log-odds on the predicted log-odds; 1 is ideal (Cox 1958, Biometrika 45:562)."""
    return fit_platt(log_odds(p), outcome)[0]


def expected_calibration_error(outcome: Flags, p: Floats) -> float:
    """Mean distance of observed from predicted over ten equally large groups (Naeini 2015, equal-mass bins)."""
    groups = np.array_split(np.argsort(p, kind="stable"), BINS)
    return float(sum(len(g) * abs(outcome[g].mean() - p[g].mean()) for g in groups if len(g)) / len(p))


def observed_per_expected(outcome: Flags, p: Floats) -> float:
    """Observed events over expected events; 1 is ideal."""
    return float(outcome.sum() / p.sum())


def wilson(events: int, patients: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927; formula in Brown, Cai & DasGupta 2001, Stat Sci 16:101)."""
    share, spread = events / patients, _Z * _Z / patients
    centre = share + spread / 2
    half = sqrt(share * (1 - share) * spread + spread * spread / 4)
    return (centre - half) / (1 + spread), (centre + half) / (1 + spread)


MEASURES: Mapping[str, Measure] = {
    "auroc": lambda outcome, p: float(roc_auc_score(outcome, p)),
    "auprc": lambda outcome, p: float(average_precision_score(outcome, p)),
    "brier": lambda outcome, p: float(brier_score_loss(outcome, p)),
    "slope": calibration_slope,
    "ece": expected_calibration_error,
    "observed_per_expected": observed_per_expected,
}


def measure(
    outcome: Flags, p: Floats, patients: Numbers | None = None, names: Sequence[str] = tuple(MEASURES)
) -> dict[str, Interval]:
    """Each measure with a percentile bootstrap over patients; without `patients` (n,) every row is one.

    Both outcomes must be there, else there is no AUROC to speak of: ValueError.
    """
    return of_functions(outcome, p, patients, {name: MEASURES[name] for name in names})


def of_functions(
    outcome: Flags, p: Floats, patients: Numbers | None, functions: Mapping[str, Measure]
) -> dict[str, Interval]:
    """The same for any functions of outcome (n,) and prediction (n,)."""
    if not 0 < outcome.sum() < len(outcome):
        raise ValueError("only one outcome stands in these rows")
    draws = list(_draws(outcome, patients))
    found = {}
    for name, function in functions.items():
        spread = [function(outcome[draw], p[draw]) for draw in draws]
        low, high = np.percentile(spread, [2.5, 97.5])
        found[name] = Interval(function(outcome, p), float(low), float(high))
    return found


def _draws(outcome: Flags, patients: Numbers | None) -> Iterator[Numbers]:
    """Bootstrap samples of row numbers by patient; one without both outcomes is drawn again."""
    rng = np.random.default_rng(SEED)
    rows = _rows_of_patients(np.arange(len(outcome)) if patients is None else patients)
    drawn = 0
    while drawn < RESAMPLES:
        chosen = rng.integers(0, len(rows), len(rows))
        draw = np.concatenate([rows[patient] for patient in chosen])
        if 0 < outcome[draw].sum() < len(draw):
            drawn += 1
            yield draw


def _rows_of_patients(patients: Numbers) -> list[Numbers]:
    """The row numbers of each patient."""
    order = np.argsort(patients, kind="stable")
    borders = np.flatnonzero(np.diff(patients[order])) + 1
    return np.split(order, borders)
