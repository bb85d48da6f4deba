"""How well risks rank those who had the event above those who had not: AUROC and average precision, with weights."""

from __future__ import annotations

import math

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.cluster_share import FEW
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.jackknife import Spread, of_parts, spread
from oversight.statistics.labelled import FloatArray, IntArray, Labelled, by_cluster, count_clusters, too_few
from oversight.statistics.refused import Refused
from oversight.statistics.risk_groups import RiskGroups, distinct_risks

_LEFT_OUT = 120_000
"""So many numbers are worked through for the average precision without each cluster: 5 ms."""

_ROUNDING = 1e-12


def auroc(rows: Labelled, clusters: IntArray | None = None, confidence: float = CONFIDENCE) -> Estimate | Refused:
    """The area under the ROC curve; a tie counts half. Interval on the log-odds scale; weights are taken as known.

    Of equal rows from DeLong's variance (DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837-845). Where rows are
    weighted or come in clusters (codes from 0), from the area without each cluster, with Student's t
    (`oversight.statistics.jackknife`): of 60 to 300 patients 94.3 to 95.7 % of such intervals held the truth, of 300
    weighted rows 94.2 to 94.9; normal ones by cluster (Obuchowski 1997, Biometrics 53:567-578) in 91.3 to 94.9.
    """
    if refusal := too_few(rows, clusters):
        return refusal
    groups = distinct_risks(rows.risk)
    events = groups.sums(rows.weight * rows.outcome)
    others = groups.sums(rows.weight * (1 - rows.outcome))
    area = roc_area(events, others)
    if area in {0.0, 1.0}:
        return Estimate(area, *_perfect(area, *count_clusters(rows, clusters), confidence))
    if rows.weighted or clusters is not None:
        owner = np.arange(len(rows.risk)) if clusters is None else clusters
        moved = _areas_without(rows, groups, owner) - area
        return spread(moved).known_by(len(moved)).on_log_odds(area, confidence)
    below = (np.cumsum(others) - others / 2) / others.sum()
    above = 1 - (np.cumsum(events) - events / 2) / events.sum()
    return _delong(rows, np.where(rows.outcome == 1, below[groups.code], above[groups.code]), area, confidence)


def average_precision(
    rows: Labelled, clusters: IntArray | None = None, confidence: float = CONFIDENCE
) -> Estimate | Refused:
    """The area under the precision-recall curve as a step function (no interpolation); weights are taken as known.

    The error of independent rows is that of each one's influence (infinitesimal jackknife, Efron 1981, Biometrika
    68:589-599); of clusters (codes from 0) that of the figure without each (`oversight.statistics.jackknife`), where of
    many only the most influential are left out in earnest, and of more than 2000 none. The interval is of Student's t,
    because a few top rows make most of the error, which is then itself unsure, and is laid on the scale of ln(-ln), as
    those of shares of survivors are: in a sample the figure is skewed and a little too high.

    Of 4000 samples each of 300, 800 and 3000 rows with 35 to 703 events, weighted or not, it held the truth in 94.0 to
    95.4 % (binomial error .3 points; 2.6 to 3.4 % lay below it, 1.9 to 2.9 above); with the weights of `feedback_aware`
    in 95.1. Of few patients it did in 94.5 to 95.7 (1000: 95.1), where the influence alone did in 91.3 to 95.0. Of 3000
    samples of rows bootstrap intervals held it in 92.4 to 94.2 (normal, of percentiles, BCa, with ties broken) and 93.5
    to 94.5 (bootstrap-t), and they take ten to a hundred times as long. Refused for a perfect ranking.
    """
    if refusal := too_few(rows, clusters):
        return refusal
    groups = distinct_risks(rows.risk)
    events, others = groups.sums(rows.weight * rows.outcome), groups.sums(rows.weight * (1 - rows.outcome))
    area = precision_area(events, others)
    # Sums of weights are rounded, so that is asked of the ranking too.
    if area > 1 - _ROUNDING or np.flatnonzero(events)[0] > np.flatnonzero(others)[-1]:
        return Refused(
            "every event ranks above every other row: the average precision is 1, with no interval to be had"
        )
    by_event, by_other = _pull_on_precision(events, others, area)
    influence = rows.weight * np.where(rows.outcome == 1, by_event[groups.code], by_other[groups.code])
    error = of_parts(influence) if clusters is None else _precision_spread(rows, groups, clusters, influence, area)
    return error.on_log_of_log(area, confidence)


def roc_area(events: FloatArray, others: FloatArray) -> float:
    """The area from weights with and without the event, by ascending risk."""
    below = np.cumsum(others) - others / 2
    area = float(np.dot(events, below)) / (float(events.sum()) * float(others.sum()))
    # Sums of weights are rounded: a perfect ranking must be known as one, for its interval is another.
    return 1.0 if area > 1 - _ROUNDING else 0.0 if area < _ROUNDING else area


def precision_area(events: FloatArray, others: FloatArray) -> float:
    """Average precision from weights with and without the event, by ascending risk."""
    return float(_precision_areas(events, events + others))


def _precision_areas(events: FloatArray, rows: FloatArray) -> FloatArray:
    """The same, of each line of a table, from weights with the event and weights of all."""
    found = np.cumsum(events[..., ::-1], axis=-1)
    shown = np.cumsum(rows[..., ::-1], axis=-1)
    # What taking away leaves of a sum by rounding is nothing that was shown.
    precision = np.divide(found, shown, out=np.zeros_like(found), where=shown > 1e-12 * shown[..., -1:])
    return np.asarray(np.einsum("...i,...i->...", events[..., ::-1], precision) / found[..., -1], dtype=np.float64)


def _delong(rows: Labelled, placement: FloatArray, area: float, confidence: float) -> Estimate:
    """From each row's placement among those of the other outcome."""
    variance = sum(np.var(placement[kind], ddof=1) / kind.sum() for kind in (rows.outcome == 1, rows.outcome == 0))
    return Spread(math.sqrt(variance), math.inf, 0.0).on_log_odds(area, confidence)


def _areas_without(rows: Labelled, groups: RiskGroups, owner: IntArray) -> FloatArray:
    """The area under the ROC curve without each cluster that counts."""
    event, other = rows.weight * rows.outcome, rows.weight * (1 - rows.outcome)
    events, others = groups.sums(event), groups.sums(other)
    below, above = np.cumsum(others) - others / 2, events.sum() - (np.cumsum(events) - events / 2)
    # Pairs of rows that the cluster has a hand in, those between two of its own being counted from both sides.
    pairs = by_cluster(event * below[groups.code] + other * above[groups.code], owner)
    pairs -= _pairs_within(event, other, groups.code, owner)
    left = (events.sum() - by_cluster(event, owner)) * (others.sum() - by_cluster(other, owner))
    counted = by_cluster(rows.weight, owner) > 0
    without: FloatArray = (np.dot(events, below) - pairs)[counted] / left[counted]
    return without


def _pairs_within(event: FloatArray, other: FloatArray, code: IntArray, owner: IntArray) -> FloatArray:
    """Rightly ranked pairs of rows of one cluster, by cluster; a tie counts half."""
    width = int(code.max()) + 1
    # A row alone in its cluster makes no pair there, and sorting takes the time.
    paired = np.flatnonzero((np.bincount(owner) > 1)[owner])
    cells, place = np.unique(owner[paired] * width + code[paired], return_inverse=True)
    events, others = by_cluster(event[paired], place), by_cluster(other[paired], place)
    of = cells // width
    before = np.cumsum(others) - others
    first = np.searchsorted(of, of)
    pairs = events * (before - before[first] + others / 2)
    return np.bincount(of, pairs, int(owner.max()) + 1).astype(np.float64)


def _precision_spread(
    rows: Labelled, groups: RiskGroups, owner: IntArray, influence: FloatArray, area: float
) -> Spread:
    """From the average precision without each cluster that counts."""
    event = rows.weight * rows.outcome
    events, every = groups.sums(event), groups.sums(rows.weight)
    counted = by_cluster(rows.weight, owner) > 0
    number, width = int(counted.sum()), len(events)
    moved = -by_cluster(influence, owner) * number / max(number - 1, 1)
    if number > FEW:
        return spread(moved[counted])
    # The most influential first: in few clusters that is all of them.
    chosen = np.flatnonzero(counted)
    chosen = chosen[np.argsort(-np.abs(moved[chosen]), kind="stable")[: max(_LEFT_OUT // width, 1)]]
    for part in np.array_split(chosen, math.ceil(len(chosen) * width / (_LEFT_OUT // 4))):
        place = np.full(len(counted), -1)
        place[part] = np.arange(len(part))
        here = np.flatnonzero(place[owner] >= 0)
        cell, size = place[owner[here]] * width + groups.code[here], len(part) * width
        own = np.bincount(cell, event[here], size).reshape(-1, width)
        all_own = np.bincount(cell, rows.weight[here], size).reshape(-1, width)
        moved[part] = _precision_areas(np.maximum(events - own, 0.0), np.maximum(every - all_own, 0.0)) - area
    return spread(moved[counted])


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


def _perfect(area: float, events: int, others: int, confidence: float) -> tuple[float, float]:
    """The interval of an area of 0 or 1, whose own variance is 0: Newcombe 2006 (Stat Med 25:559-573), method 5."""
    low, high, z = 0.5, 1.0, z_value(confidence)
    for _ in range(60):
        middle = (low + high) / 2
        shape = (1 - middle) / (2 - middle) + middle / (1 + middle)
        variance = middle * (1 - middle) * (1 + ((events + others) / 2 - 1) * shape) / (events * others)
        low, high = (middle, high) if 1 - middle > z * math.sqrt(variance) else (low, middle)
    return (high, 1.0) if area == 1 else (0.0, 1 - high)
