"""The calibration curve in bins of equal mass, and the expected calibration error over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.cluster_share import cluster_share
from oversight.statistics.labelled import FloatArray, IntArray, Labelled, by_cluster, too_few
from oversight.statistics.refused import Refused
from oversight.statistics.risk_groups import coarse_risks
from oversight.statistics.weighted_share import Share, share

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


def calibration_curve(
    rows: Labelled, clusters: IntArray | None = None, bins: int = BINS, confidence: float = CONFIDENCE
) -> CalibrationCurve | Refused:
    """At most `bins` bins of equal mass (equal risks stay together), with Wilson intervals.

    `clusters` (codes from 0): rows of one patient are then taken to be alike, as in `operating_point`.

    `error` is the expected calibration error (Naeini et al. 2015, AAAI) with equal-mass bins, which mislead less than
    equal-width ones where most risks are low. It is above 0 by chance alone, the more so the fewer the rows.
    """
    if refusal := too_few(rows, clusters):
        return refusal
    counting = np.flatnonzero(rows.weight)
    risk, outcome, weight = rows.risk[counting], rows.outcome[counting], rows.weight[counting]
    code = coarse_risks(risk, bins, weight).code
    order = np.argsort(code, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
    curve = []
    for part in parts:
        owner = None if clusters is None else clusters[counting[part]]
        observed = _observed(outcome[part], weight[part], owner, confidence)
        if isinstance(observed, Share):
            mean = float(np.dot(weight[part], risk[part])) / observed.denominator
            curve.append(CurveBin(float(risk[part].min()), float(risk[part].max()), mean, observed))
    distance = sum(each.observed.denominator * abs(each.observed.value - each.mean_risk) for each in curve)
    return CalibrationCurve(tuple(curve), distance / float(weight.sum()))


def _observed(outcome: FloatArray, weight: FloatArray, owner: IntArray | None, confidence: float) -> Share | Refused:
    """The share of a bin that had the event."""
    if owner is None:
        return share(outcome == 1, weight, "row", confidence)
    return cluster_share(by_cluster(weight * outcome, owner), by_cluster(weight, owner), "row", len(weight), confidence)
