"""How well risks rank those who had the event above those who had not: AUROC and average precision, with weights."""

from __future__ import annotations

import math

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.bootstrap import REPLICATES, CellDraws
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.labelled import FloatArray, IntArray, Labelled, log_odds, too_few
from oversight.statistics.refused import Refused
from oversight.statistics.risk_groups import coarse_risks, distinct_risks


def auroc(rows: Labelled, clusters: IntArray | None = None, confidence: float = CONFIDENCE) -> Estimate | Refused:
    """The area under the ROC curve; a tie counts half. Interval on the log-odds scale from DeLong's variance.

    DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44:837-845); with clusters (codes from 0), each row's share in
    the variance is added up by cluster first, as Obuchowski 1997 (Biometrics 53:567-578). Weights are taken as known.
    """
    if refusal := too_few(rows):
        return refusal
    groups = distinct_risks(rows.risk)
    events = groups.sums(rows.weight * rows.outcome)
    others = groups.sums(rows.weight * (1 - rows.outcome))
    area = roc_area(events, others)
    if area in {0.0, 1.0}:
        return Estimate(area, *_perfect(area, rows.events, rows.rows - rows.events, confidence))
    below = (np.cumsum(others) - others / 2) / others.sum()
    above = 1 - (np.cumsum(events) - events / 2) / events.sum()
    variance = _variance(rows, np.where(rows.outcome == 1, below[groups.code], above[groups.code]) - area, clusters)
    return Estimate(area, *_on_log_odds(area, math.sqrt(variance), confidence))


def average_precision(
    rows: Labelled,
    rng: np.random.Generator,
    clusters: IntArray | None = None,
    replicates: int = REPLICATES,
    confidence: float = CONFIDENCE,
) -> Estimate | Refused:
    """The area under the precision-recall curve as a step function (no interpolation).

    Normal interval on the log-odds scale with the bootstrap's error; of 95 % it holds the truth in about 93 % (measured
    at 800 and 4000 rows: the figure is skewed, and rows drawn twice rank alike). Refused for a perfect ranking.
    """
    if refusal := too_few(rows):
        return refusal
    exact = distinct_risks(rows.risk)
    area = precision_area(exact.sums(rows.weight * rows.outcome), exact.sums(rows.weight * (1 - rows.outcome)))
    if area >= 1:
        return Refused(
            "every event ranks above every other row: the average precision is 1, with no interval to be had"
        )
    groups = coarse_risks(rows.risk)
    cells = CellDraws(
        2 * groups.code + rows.outcome.astype(np.int64),
        2 * len(groups.risk),
        rows.weight if rows.weighted else None,
        clusters,
    )
    sums = (cells.draw(rng) for _ in range(replicates))
    areas = np.array([precision_area(each[1::2], each[::2]) for each in sums if each[1::2].any()])
    # A replicate may rank without a fault; held off 1, it still has log-odds.
    error = float(np.std(log_odds(areas), ddof=1)) * area * (1 - area)
    return Estimate(area, *_on_log_odds(area, error, confidence))


def roc_area(events: FloatArray, others: FloatArray) -> float:
    """The area from weights with and without the event, by ascending risk."""
    below = np.cumsum(others) - others / 2
    # The clip is for rounding only: sums of a million weights may leave 1 + 1e-16.
    return min(1.0, float(np.dot(events, below)) / (float(events.sum()) * float(others.sum())))


def precision_area(events: FloatArray, others: FloatArray) -> float:
    """Average precision from weights with and without the event, by ascending risk."""
    found = np.cumsum(events[::-1])
    shown = np.cumsum((events + others)[::-1])
    precision = np.divide(found, shown, out=np.zeros_like(found), where=shown > 0)
    return float(np.dot(events[::-1], precision)) / float(found[-1])


def _variance(rows: Labelled, distance: FloatArray, clusters: IntArray | None) -> float:
    """The variance of the area from how far each row's placement lies from it."""
    influence = np.zeros_like(distance)
    for value in (0.0, 1.0):
        members = (rows.outcome == value) & (rows.weight > 0)
        number = int(members.sum())
        weights = rows.weight[members]
        influence[members] = distance[members] * weights / weights.sum() * math.sqrt(number / (number - 1))
    if clusters is not None:
        influence = np.bincount(clusters, influence).astype(np.float64)
    return float(np.dot(influence, influence))


def _on_log_odds(area: float, error: float, confidence: float) -> tuple[float, float]:
    """A normal interval on the log-odds scale stays between 0 and 1."""
    centre, reach = math.log(area / (1 - area)), z_value(confidence) * error / (area * (1 - area))
    return 1 / (1 + math.exp(reach - centre)), 1 / (1 + math.exp(-reach - centre))


def _perfect(area: float, events: int, others: int, confidence: float) -> tuple[float, float]:
    """The interval of an area of 0 or 1, whose own variance is 0: Newcombe 2006 (Stat Med 25:559-573), method 5."""
    low, high, z = 0.5, 1.0, z_value(confidence)
    for _ in range(60):
        middle = (low + high) / 2
        shape = (1 - middle) / (2 - middle) + middle / (1 + middle)
        variance = middle * (1 - middle) * (1 + ((events + others) / 2 - 1) * shape) / (events * others)
        low, high = (middle, high) if 1 - middle > z * math.sqrt(variance) else (low, middle)
    return (high, 1.0) if area == 1 else (0.0, 1 - high)
