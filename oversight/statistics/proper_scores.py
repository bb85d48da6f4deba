"""Brier score and log loss: scores that only honest risks minimise."""

from __future__ import annotations

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate
from oversight.statistics.jackknife import Spread, ratio_without_each, spread
from oversight.statistics.labelled import FloatArray, IntArray, Labelled, by_cluster, too_few
from oversight.statistics.refused import Refused

_SMALLEST = float(np.finfo(np.float64).eps)


def brier(rows: Labelled, clusters: IntArray | None = None, confidence: float = CONFIDENCE) -> Estimate | Refused:
    """The weighted mean of (risk - outcome)², Brier 1950 (Mon Weather Rev 78:1-3), with the interval of a loss."""
    return too_few(rows, clusters) or _mean_loss((rows.risk - rows.outcome) ** 2, rows.weight, clusters, confidence)


def log_loss(rows: Labelled, clusters: IntArray | None = None, confidence: float = CONFIDENCE) -> Estimate | Refused:
    """The weighted mean of -ln(the risk given to what came), risks held off 0 and 1 by 2e-16, as that of a loss."""
    given = np.clip(np.where(rows.outcome == 1, rows.risk, 1 - rows.risk), _SMALLEST, 1.0)
    return too_few(rows, clusters) or _mean_loss(-np.log(given), rows.weight, clusters, confidence)


def mean_and_spread(values: FloatArray, weight: FloatArray, clusters: IntArray | None) -> tuple[float, Spread]:
    """A weighted mean, and how far it may be off: from the mean without each row, or each cluster (codes from 0)."""
    sums, totals = weight * values, weight
    if clusters is not None:
        sums, totals = by_cluster(sums, clusters), by_cluster(totals, clusters)
    return float(sums.sum()) / float(totals.sum()), spread(ratio_without_each(sums, totals))


def _mean_loss(values: FloatArray, weight: FloatArray, clusters: IntArray | None, confidence: float) -> Estimate:
    """With its interval on the log scale, because a few large losses make most of the mean.

    Of few patients (`oversight.statistics.jackknife`) it held the truth in 94.9 to 95.5 % (Brier) and 94.5 to 95.3 (log
    loss), of 300 rows in 95.1 to 95.9 (Brier); normal ones of 60 patients in 90.8 to 94.5.
    """
    mean, error = mean_and_spread(values, weight, clusters)
    return error.on_log(mean, confidence)
