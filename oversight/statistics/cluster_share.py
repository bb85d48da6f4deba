"""Shares and means whose rows come in clusters, with intervals that allow for it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from oversight.proportions import CONFIDENCE, Proportion, proportion
from oversight.statistics.estimate import Estimate
from oversight.statistics.jackknife import Spread, ratio_without_each, spread
from oversight.statistics.labelled import FloatArray, by_cluster, shared
from oversight.statistics.refused import Refused
from oversight.statistics.sampling_error import t_value
from oversight.statistics.weighted_share import Share, wilson_effective

FEW = 2000
"""Of no more clusters than these each is left out once; beyond, none weighs enough for that to tell."""


def cluster_share(
    hits: FloatArray, totals: FloatArray, of_what: str, rows: int, confidence: float = CONFIDENCE
) -> Share | Refused:
    """A share from sums by cluster (`hits` of `totals`), with Wilson's interval for the effective number of rows.

    Effective = p(1 - p) over the variance of the ratio, times (t of the rows / t of the clusters)² for how little few
    clusters tell of that variance, and never more than the rows (Korn & Graubard 1998, Survey Methodology 24:193-201).
    Where p is 0 or 1 there is no variance to see: each cluster counts once. Of few patients
    (`oversight.statistics.jackknife`) PPV, sensitivity and NPV held the truth in 94.1 to 95.8 %.
    """
    denominator = float(totals.sum())
    if denominator == 0:
        return Refused(f"no {of_what}")
    value = float(hits.sum()) / denominator
    effective = float(np.count_nonzero(totals))
    error = _spread(hits, totals)
    if 0 < value < 1 and error.error > 0:
        known = t_value(max(rows - 1, 1), confidence) / t_value(error.freedom, confidence)
        effective = min(value * (1 - value) * (known / error.error) ** 2, float(rows))
    return Share(float(hits.sum()), denominator, rows, effective, *wilson_effective(value, effective, confidence))


def cluster_proportion(hit: FloatArray, labels: npt.ArrayLike, confidence: float = CONFIDENCE) -> Proportion | None:
    """The share of rows with a `hit` of 1 (else 0), its interval that of `cluster_share`; None of no row.

    `labels`: one for each row, of any kind. Where all are different, rows are independent and the interval is Wilson's.
    """
    made, clusters = proportion(int(hit.sum()), len(hit), confidence), shared(labels)
    if made is None or clusters is None:
        return made
    totals = by_cluster(np.ones_like(hit), clusters)
    found = cluster_share(by_cluster(hit, clusters), totals, "row", len(hit), confidence)
    return made if isinstance(found, Refused) else replace(made, low=found.low, high=found.high)


def cluster_ratio(sums: FloatArray, totals: FloatArray, confidence: float = CONFIDENCE) -> Estimate:
    """Σ sums / Σ totals, an unbounded mean, with the skewness taken off; the totals must not all be 0."""
    return _spread(sums, totals).skewed(float(sums.sum()) / float(totals.sum()), confidence)


def _spread(sums: FloatArray, totals: FloatArray) -> Spread:
    """How far the ratio may be off, t being of no more than the clusters that have a total, less one."""
    clusters = int(np.count_nonzero(totals))
    if 2 <= clusters <= FEW:
        made = spread(ratio_without_each(sums, totals))
        return Spread(made.error, min(made.freedom, clusters - 1), made.skewness)
    return Spread(math.sqrt(ratio_variance(sums, totals)), max(clusters - 1, 1), 0.0)


def ratio_variance(sums: FloatArray, totals: FloatArray) -> float:
    """The linearised variance of Σ sums / Σ totals over clusters drawn independently."""
    denominator, clusters = float(totals.sum()), int(np.count_nonzero(totals))
    ratio = float(sums.sum()) / denominator
    # Σ (s - R t)², multiplied out: no array is made for a threshold that is only tried.
    squares = _product(sums, sums) - 2 * ratio * _product(sums, totals) + ratio**2 * _product(totals, totals)
    return max(squares, 0.0) / denominator**2 * clusters / max(clusters - 1, 1)


def _product(one: FloatArray, other: FloatArray) -> float:
    """Σ ab without BLAS, whose threads wait for each other on a busy machine longer than the sum takes."""
    return float(np.einsum("i,i->", one, other))


def scaled_share(hits: float, total: float, of_what: str, overall: Share | Refused) -> Share | Refused:
    """A part's share, its rows telling as much each as those of the whole do."""
    if total == 0 or isinstance(overall, Refused):
        return Refused(f"no {of_what}")
    effective = total * overall.effective / overall.denominator
    rows = round(total * overall.rows / overall.denominator)
    return Share(hits, total, rows, effective, *wilson_effective(hits / total, effective))
