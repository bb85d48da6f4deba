"""Net benefit: true alerts less false ones, weighed as the threshold weighs them.

Vickers & Elkin 2006 (Med Decis Making 26:565-574): NB = TP/N - FP/N · t/(1 - t).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import BoolArray, IntArray, Labelled, too_few
from oversight.statistics.proper_scores import mean_and_spread
from oversight.statistics.refused import Refused
from oversight.statistics.weighted_share import normal_interval


@dataclass(frozen=True, slots=True)
class DecisionPoint:
    """Net benefit at one threshold, of the model and of alerting on everyone; on no one it is 0."""

    threshold: float
    model: float
    everyone: float


def net_benefit(
    rows: Labelled,
    alerted: BoolArray,
    threshold: float,
    clusters: IntArray | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate | Refused:
    """Net benefit of the alerts given, in true alerts per row. `threshold` sets the exchange rate.

    Normal interval; where rows come in clusters (codes from 0), with Student's t and the skewness taken off: of few
    patients (`oversight.statistics.jackknife`) it held the truth in 94.2 to 96.0 %, a normal one in 89.6 to 93.9 of 60.
    """
    exchange = odds(threshold)
    worth = np.where(rows.outcome == 1, 1.0, -exchange) * alerted
    if refusal := too_few(rows, clusters):
        return refusal
    mean, error = mean_and_spread(worth, rows.weight, clusters)
    return normal_interval(mean, error.error, confidence) if clusters is None else error.skewed(mean, confidence)


def decision_curve(rows: Labelled, thresholds: Sequence[float]) -> tuple[DecisionPoint, ...] | Refused:
    """Net benefit of alerting at risk >= t, for each threshold t (above 0, below 1)."""
    if refusal := too_few(rows):
        return refusal
    order = np.argsort(rows.risk)
    risk, weight, outcome = rows.risk[order], rows.weight[order], rows.outcome[order]
    total = float(weight.sum())
    missed = np.concatenate([[0.0], np.cumsum(weight * outcome)])
    spared = np.concatenate([[0.0], np.cumsum(weight * (1 - outcome))])
    curve = []
    for threshold in thresholds:
        exchange, below = odds(threshold), int(np.searchsorted(risk, threshold, side="left"))
        true, false = missed[-1] - missed[below], spared[-1] - spared[below]
        everyone = missed[-1] - spared[-1] * exchange
        curve.append(DecisionPoint(float(threshold), float((true - false * exchange) / total), float(everyone / total)))
    return tuple(curve)


def odds(threshold: float) -> float:
    """How many false alerts a true one is worth at this threshold, inverted. Raises ValueError outside 0 to 1."""
    if not 0 < threshold < 1:
        raise ValueError("a threshold lies above 0 and below 1")
    return threshold / (1 - threshold)
