"""Brier score and log loss: scores that only honest risks minimise."""

from __future__ import annotations

import math

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import FloatArray, IntArray, Labelled, too_few
from oversight.statistics.refused import Refused
from oversight.statistics.weighted_share import normal_interval

_SMALLEST = float(np.finfo(np.float64).eps)


def brier(rows: Labelled, clusters: IntArray | None = None, confidence: float = CONFIDENCE) -> Estimate | Refused:
    """The weighted mean of (risk - outcome)², Brier 1950 (Mon Weather Rev 78:1-3); normal interval."""
    return too_few(rows) or weighted_mean((rows.risk - rows.outcome) ** 2, rows.weight, clusters, confidence)


def log_loss(rows: Labelled, clusters: IntArray | None = None, confidence: float = CONFIDENCE) -> Estimate | Refused:
    """The weighted mean of -ln(the risk given to what came), risks held off 0 and 1 by 2e-16; normal interval."""
    given = np.clip(np.where(rows.outcome == 1, rows.risk, 1 - rows.risk), _SMALLEST, 1.0)
    return too_few(rows) or weighted_mean(-np.log(given), rows.weight, clusters, confidence)


def weighted_mean(
    values: FloatArray, weight: FloatArray, clusters: IntArray | None = None, confidence: float = CONFIDENCE
) -> Estimate:
    """A weighted mean with its normal interval (linearised; by cluster where codes from 0 are given)."""
    total = float(weight.sum())
    mean = float(np.dot(weight, values)) / total
    influence = weight * (values - mean) / total
    if clusters is not None:
        influence = np.bincount(clusters, influence).astype(np.float64)
    number = max(int(np.count_nonzero(weight)) if clusters is None else len(influence), 2)
    error = math.sqrt(float(np.dot(influence, influence)) * number / (number - 1))
    return normal_interval(mean, error, confidence)
