"""The calibration curve in bins of equal mass, and the expected calibration error over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.labelled import Labelled, too_few
from oversight.statistics.refused import Refused
from oversight.statistics.risk_groups import coarse_risks
from oversight.statistics.weighted_share import Share, effective_rows, wilson_effective

BINS = 10


@dataclass(frozen=True, slots=True)
class CurveBin:
    """Rows with risks from `low_risk` to `high_risk`: their mean risk, and the share that had the event."""

    low_risk: float
    high_risk: float
    mean_risk: float
    observed: Share


@dataclass(frozen=True, slots=True)
class CalibrationCurve:
    """Bins by ascending risk, and `error`: the mean distance of observed from forecast, weighted by the bins' mass."""

    bins: tuple[CurveBin, ...]
    error: float


def calibration_curve(rows: Labelled, bins: int = BINS, confidence: float = CONFIDENCE) -> CalibrationCurve | Refused:
    """At most `bins` bins of equal mass (equal risks stay together), with Wilson intervals.

    `error` is the expected calibration error (Naeini et al. 2015, AAAI) with equal-mass bins, which mislead less than
    equal-width ones where most risks are low. It is above 0 by chance alone, the more so the fewer the rows.
    """
    if refusal := too_few(rows):
        return refusal
    counting = np.flatnonzero(rows.weight)
    risk, outcome, weight = rows.risk[counting], rows.outcome[counting], rows.weight[counting]
    code = coarse_risks(risk, bins, weight).code
    order = np.argsort(code, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
    curve = []
    for part in parts:
        mass, effective = float(weight[part].sum()), effective_rows(weight[part])
        happened = float(np.dot(weight[part], outcome[part]))
        observed = Share(
            happened, mass, len(part), effective, *wilson_effective(happened / mass, effective, confidence)
        )
        mean = float(np.dot(weight[part], risk[part])) / mass
        curve.append(CurveBin(float(risk[part].min()), float(risk[part].max()), mean, observed))
    distance = sum(each.observed.denominator * abs(each.observed.value - each.mean_risk) for each in curve)
    return CalibrationCurve(tuple(curve), distance / float(weight.sum()))
