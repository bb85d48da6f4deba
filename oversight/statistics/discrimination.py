"""How well risks rank those who had the event above those who had not: AUROC and average precision, with weights."""

from __future__ import annotations

import math

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.labelled import FloatArray, IntArray, Labelled, too_few
from oversight.statistics.refused import Refused
from oversight.statistics.risk_groups import distinct_risks
from oversight.statistics.sampling_error import t_estimate


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
    rows: Labelled, clusters: IntArray | None = None, confidence: float = CONFIDENCE
) -> Estimate | Refused:
    """The area under the precision-recall curve as a step function (no interpolation).

    The error is that of each row's influence (infinitesimal jackknife, Efron 1981, Biometrika 68:589-599), added up by
    cluster (codes from 0) first; weights are taken as known. The interval is laid on the scale of ln(-ln), as those
    of shares of survivors are (Borgan & Liestøl 1990, Scand J Stat 17:35-41): in a sample the figure is skewed and a
    little too high. It is of Student's t, because a few top rows make most of the error, which is then itself unsure:
    degrees of freedom are 2 × its square over the variance of that (Pan & Wall 2002, Stat Med 21:1429-1441).

    Of 3000 or more samples each of 300, 800 and 3000 rows with 35 to 790 events, weighted or not, it held the truth in
    94.0 to 95.6 % (binomial error .2 to .4 points; 2.0 to 3.9 % lay below it, 1.7 to 3.3 above); with the weights of
    `feedback_aware` in 94.8 to 95.8; in clusters in 93.7 (150 patients) and 94.7 (1000). Of the same samples bootstrap
    intervals held it in 92.4 to 94.2 (normal, of percentiles, BCa, with ties broken) and 93.5 to 94.5 (bootstrap-t),
    and they take ten to a hundred times as long. Refused for a perfect ranking.
    """
    if refusal := too_few(rows):
        return refusal
    groups = distinct_risks(rows.risk)
    events, others = groups.sums(rows.weight * rows.outcome), groups.sums(rows.weight * (1 - rows.outcome))
    area = precision_area(events, others)
    if area >= 1:
        return Refused(
            "every event ranks above every other row: the average precision is 1, with no interval to be had"
        )
    by_event, by_other = _pull_on_precision(events, others, area)
    influence = rows.weight * np.where(rows.outcome == 1, by_event[groups.code], by_other[groups.code])
    if clusters is not None:
        influence = np.bincount(clusters, influence).astype(np.float64)
    return Estimate(area, *_on_log_of_log(area, influence, confidence))


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


def _pull_on_precision(events: FloatArray, others: FloatArray, area: float) -> tuple[FloatArray, FloatArray]:
    """By how much a little more weight of an event, or of another row, moves the average precision, by ascending risk.

    An event adds its own precision and raises that of the events below it or tied with it; another row lowers these.
    """
    found = np.cumsum(events[::-1])[::-1]
    shown = np.cumsum((events + others)[::-1])[::-1]
    # Above the highest row that weighs anything nothing is shown, and no event lies there to be divided by it.
    held = np.where(shown > 0, shown, 1.0)
    raised = np.cumsum(events * (shown - found) / held**2)
    lowered = np.cumsum(events * found / held**2)
    return (found / held + raised - area) / found[0], -lowered / found[0]


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


def _on_log_of_log(area: float, influence: FloatArray, confidence: float) -> tuple[float, float]:
    """An interval with Student's t on the scale of ln(-ln), from the influence of each independent row or cluster."""
    squares = influence**2
    error = math.sqrt(float(squares.sum())) / (-area * math.log(area))
    made = t_estimate(math.log(-math.log(area)), error, _freedom(squares), confidence)
    return math.exp(-math.exp(made.high)), math.exp(-math.exp(made.low))


def _freedom(squares: FloatArray) -> float:
    """Degrees of freedom of a sum of squares: the more unsure it is, the more they differ."""
    total = float(squares.sum())
    if total == 0:
        # One cluster of everybody: nothing can be told, and no error is to be multiplied.
        return 1.0
    shares = squares / total
    unsure = float(np.dot(shares, shares)) - 1 / np.count_nonzero(shares)
    return 2 / max(unsure, 1e-9)


def _perfect(area: float, events: int, others: int, confidence: float) -> tuple[float, float]:
    """The interval of an area of 0 or 1, whose own variance is 0: Newcombe 2006 (Stat Med 25:559-573), method 5."""
    low, high, z = 0.5, 1.0, z_value(confidence)
    for _ in range(60):
        middle = (low + high) / 2
        shape = (1 - middle) / (2 - middle) + middle / (1 + middle)
        variance = middle * (1 - middle) * (1 + ((events + others) / 2 - 1) * shape) / (events * others)
        low, high = (middle, high) if 1 - middle > z * math.sqrt(variance) else (low, middle)
    return (high, 1.0) if area == 1 else (0.0, 1 - high)
