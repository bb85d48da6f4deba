"""Measures of predictions whose rows count several times, sorted once: a bootstrap of many rows becomes affordable.

A bootstrap over patients only changes how often each row counts. So the rows are sorted once, and a resample is a
vector of counts: one cumulative sum, and a look at the rows with the outcome. The numbers are those of the plain
definitions in `measures.MEASURES` on rows that are repeated so often (ties in the calibration groups aside).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan

import numpy as np
import numpy.typing as npt

from models.training.fit import Flags, Floats, NoCalibration, logistic

Numbers = npt.NDArray[np.int64]

BINS = 10
_EDGE = 1e-9
# More digits than this no interval shows.
_CLOSE = 1e-7


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows (n,) in rising order of prediction; `order` says where each came from.

    `positive` (e,) are the places of the rows with the outcome, `first` and `past` (e,) bound the rows that share their
    prediction.
    """

    order: Numbers
    outcome: Flags
    p: Floats
    log_odds: Floats
    positive: Numbers
    first: Numbers
    past: Numbers

    @classmethod
    def of(cls, outcome: Flags, p: Floats) -> Ranked:
        """Sort; rows with the same prediction keep their order."""
        order = np.argsort(p, kind="stable")
        ranked, happened = p[order], outcome[order]
        inside = np.clip(ranked, _EDGE, 1 - _EDGE)
        positive = np.flatnonzero(happened)
        first = np.searchsorted(ranked, ranked[positive], side="left")
        past = np.searchsorted(ranked, ranked[positive], side="right")
        return cls(order, happened, ranked, np.log(inside / (1 - inside)), positive, first, past)

    def counted(self, times: Floats) -> Counted:
        """The rows with the number of times (n,) that each counts, in the order in which they came."""
        weight = times[self.order]
        below = np.concatenate([[0.0], np.cumsum(weight)])
        happened = weight[self.positive]
        return Counted(self, weight, below, happened, np.concatenate([[0.0], np.cumsum(happened)]))


@dataclass(frozen=True, slots=True)
class Counted:
    """Ranked rows, and how often each counts.

    `below` (n + 1,) counts all rows before a place, `events` (e + 1,) those with the outcome before the k-th of them;
    `happened` (e,) is how often each of these counts.
    """

    rows: Ranked
    weight: Floats
    below: Floats
    happened: Floats
    events: Floats

    @property
    def both(self) -> bool:
        """Whether rows with and without the outcome count."""
        return bool(0 < self.events[-1] < self.below[-1])

    def auroc(self) -> float:
        """Area under the ROC curve; ties count half."""
        rows, total = self.rows, self.events[-1]
        lower, upper = self._others(rows.first), self._others(rows.past)
        return float(self.happened @ (lower + upper) / 2 / (total * (self.below[-1] - total)))

    def _others(self, places: Numbers) -> Floats:
        """How many rows without the outcome count before each place."""
        others: Floats = self.below[places] - self._events_before(places)
        return others

    def _events_before(self, places: Numbers) -> Floats:
        """How many rows with the outcome count before each place."""
        found: Floats = self.events[np.searchsorted(self.rows.positive, places)]
        return found

    def auprc(self) -> float:
        """Average precision: each step of recall weighs the precision reached there (as scikit-learn has it)."""
        first = self.rows.first
        found = self.events[-1] - self._events_before(first)
        flagged = self.below[-1] - self.below[first]
        precision = np.divide(found, flagged, out=np.zeros_like(found), where=flagged > 0)
        return float(self.happened @ precision / self.events[-1])

    def brier(self) -> float:
        """Mean squared distance."""
        return float(self.weight @ np.square(self.rows.p - self.rows.outcome) / self.below[-1])

    def observed_per_expected(self) -> float:
        """Observed events over expected events."""
        return float(self.events[-1] / (self.weight @ self.rows.p))

    def ece(self) -> float:
        """Mean distance of observed from predicted over ten equally large groups."""
        total = int(self.below[-1])
        sizes = np.full(BINS, total // BINS)
        sizes[: total % BINS] += 1
        ends = np.cumsum(sizes)[:-1].astype(np.float64)
        places = np.searchsorted(self.below, ends, side="right") - 1
        expected = np.concatenate([[0.0], np.cumsum(self.weight * self.rows.p)])
        parts = self._at(expected, places, ends, self.rows.p) - self._at_events(places, ends)
        return float(np.abs(np.diff(np.concatenate([[0.0], parts, [expected[-1] - self.events[-1]]]))).sum() / total)

    def _at(self, sums: Floats, places: Numbers, ends: Floats, values: Floats) -> Floats:
        """A cumulative sum at a count that may lie amid the repeats of one row."""
        inside = np.minimum(places, len(values) - 1)
        found: Floats = sums[places] + (ends - self.below[places]) * values[inside]
        return found

    def _at_events(self, places: Numbers, ends: Floats) -> Floats:
        """The same for the outcome."""
        inside = np.minimum(places, len(self.rows.outcome) - 1)
        partly: Floats = (ends - self.below[places]) * self.rows.outcome[inside]
        return self._events_before(places) + partly

    def slope(self) -> float:
        """Slope of the outcome's log-odds on the predicted log-odds; NaN where nothing fits best."""
        columns = [self.rows.log_odds, np.ones(len(self.weight))]
        for start in ((1.0, 0.0), (0.0, 0.0)):  # the first is near the end of the way where predictions are about right
            try:
                return float(logistic(columns, self.rows.outcome, self.weight, start=start, close=_CLOSE)[0])
            except NoCalibration:
                continue
        return nan

    def flagged(self, threshold: float) -> float:
        """Share of the rows at or above a threshold."""
        return float(1 - self.below[self._place(threshold)] / self.below[-1])

    def sensitivity(self, threshold: float) -> float:
        """Share of the rows with the outcome that are at or above a threshold."""
        return float(1 - self._events_before(np.array([self._place(threshold)]))[0] / self.events[-1])

    def positive_predictive_value(self, threshold: float) -> float:
        """Share with the outcome of the rows at or above a threshold; NaN where there is none."""
        place = self._place(threshold)
        flagged = self.below[-1] - self.below[place]
        found = self.events[-1] - self._events_before(np.array([place]))[0]
        return float(found / flagged) if flagged else float("nan")

    def _place(self, threshold: float) -> int:
        """The first row at or above a threshold."""
        return int(np.searchsorted(self.rows.p, threshold, side="left"))


COUNTED: Mapping[str, Callable[[Counted], float]] = {
    "auroc": Counted.auroc,
    "auprc": Counted.auprc,
    "brier": Counted.brier,
    "slope": Counted.slope,
    "ece": Counted.ece,
    "observed_per_expected": Counted.observed_per_expected,
}
