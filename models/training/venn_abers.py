"""Venn-ABERS intervals (Vovk & Petej 2014, arXiv:1211.0025; inductive: Vovk, Petej & Fedorova 2015, arXiv:1511.00213).

For a new patient with prediction s, isotonic regression of the outcome on the prediction is fitted twice over patients
whom the model had not been fitted on and the new one: once as if the outcome will not happen (p0), once as if it will
(p1). One of the two is a calibrated probability, whatever the distribution, so [p0, p1] is the model's own range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import isotonic_regression

from models.training.fit import Flags, Floats

# Values of the prediction at which the two fits are worked out. Between two of them the range is that of both together.
GRID = 120


@dataclass(frozen=True, slots=True)
class VennAbers:
    """`at` (k,) rises from 0 to 1; a prediction from at[i] to below at[i + 1] has the range lower[i] to upper[i]."""

    at: Floats
    lower: Floats
    upper: Floats

    def interval(self, p: float) -> tuple[float, float]:
        """The range of one prediction."""
        place = min(int(np.searchsorted(self.at, p, side="right")) - 1, len(self.lower) - 1)
        return float(self.lower[place]), float(self.upper[place])


def venn_abers(p: Floats, outcome: Flags, grid: int = GRID) -> VennAbers:
    """The ranges from out-of-fold predictions (n,) and outcomes (n,), one row a patient.

    p0 and p1 rise with the prediction, so between two points p0 of the lower and p1 of the upper one hold for all.
    """
    inner = np.unique(np.quantile(p, np.linspace(0, 1, grid), method="inverted_cdf"))
    at = np.unique(np.concatenate([[0.0], inner, [1.0]]))
    known, place = np.unique(p, return_inverse=True)
    weights = np.bincount(place).astype(np.float64)
    events = np.bincount(place, weights=outcome.astype(np.float64)).astype(np.float64)
    low = np.array([_fitted(known, events, weights, s, 0.0) for s in at])
    high = np.array([_fitted(known, events, weights, s, 1.0) for s in at])
    return VennAbers(at, low[:-1], high[1:])


def _fitted(known: Floats, events: Floats, weights: Floats, s: float, outcome: float) -> float:
    """The isotonic fit at `s` with one more patient there; `events` and `weights` stand at the distinct `known`."""
    place = int(np.searchsorted(known, s))
    if place == len(known) or known[place] != s:
        events, weights = np.insert(events, place, 0.0), np.insert(weights, place, 0.0)
    one_more = np.arange(len(events)) == place
    total = weights + one_more
    shares = (events + outcome * one_more) / total
    return float(isotonic_regression(shares, sample_weight=total, y_min=0.0, y_max=1.0)[place])
