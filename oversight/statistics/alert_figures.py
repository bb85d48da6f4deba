"""The figures that an alert changes by being acted on, from sums over cells of risk group × alerted × outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.bootstrap import corrected
from oversight.statistics.discrimination import precision_area, roc_area
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import BoolArray, FloatArray, IntArray, log_odds
from oversight.statistics.logistic import LogisticFit, fit_logistic
from oversight.statistics.risk_groups import RiskGroups


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """Each figure with its interval: drawn anew (bootstrap), but for average precision."""

    ppv: Estimate
    sensitivity: Estimate
    specificity: Estimate
    auroc: Estimate
    average_precision: Estimate
    calibration_slope: Estimate
    observed_expected: Estimate


def cell_codes(groups: RiskGroups, alerted: BoolArray, outcome: FloatArray) -> IntArray:
    """The cell of each row: 4 × risk group + 2 × alerted + outcome."""
    return 4 * groups.code + 2 * alerted.astype(np.int64) + outcome.astype(np.int64)


def figures(sums: FloatArray, risk: FloatArray) -> FloatArray:
    """The seven figures in the order of `AlertFigures`; NaN where one cannot be had. `sums`: weights by cell."""
    by_cell = sums.reshape(-1, 2, 2)
    others, events = by_cell.sum(axis=1).T
    (_, missed), (false, true) = by_cell.sum(axis=0)
    if not (events.any() and others.any() and true + false > 0):
        return np.full(7, np.nan)
    return np.array(
        [
            true / (true + false),
            true / (true + missed),
            1 - false / others.sum(),
            roc_area(events, others),
            precision_area(events, others),
            _slope(events, others, risk),
            events.sum() / np.dot(events + others, risk),
        ]
    )


def estimates(
    exact: FloatArray, coarse: FloatArray, replicates: FloatArray, confidence: float = CONFIDENCE, wider: float = 1.0
) -> AlertFigures | None:
    """`exact` figures with intervals from `replicates` (replicate × figure) of the `coarse`; None where one fails.

    `wider`: as for `corrected`.
    """
    usable = replicates[np.isfinite(replicates).all(axis=1)]
    if not np.isfinite(exact).all() or len(usable) == 0:
        return None
    each = zip(exact, coarse, usable.T, strict=True)
    return AlertFigures(
        *(corrected(float(value), float(near), drawn, confidence, wider) for value, near, drawn in each)
    )


def _slope(events: FloatArray, others: FloatArray, risk: FloatArray) -> float:
    """The calibration slope from grouped rows."""
    total = events + others
    kept = total > 0
    design = np.column_stack([np.ones(int(kept.sum())), log_odds(risk[kept])])
    fit = fit_logistic(design, events[kept] / total[kept], total[kept], start=np.array([0.0, 1.0]))
    return float(fit.coefficients[1]) if isinstance(fit, LogisticFit) else float("nan")
