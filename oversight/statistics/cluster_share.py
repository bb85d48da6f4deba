"""Shares and means whose rows come in clusters, with intervals that allow for it."""

from __future__ import annotations

import math

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import FloatArray
from oversight.statistics.refused import Refused
from oversight.statistics.sampling_error import around
from oversight.statistics.weighted_share import Share, wilson_effective


def cluster_share(hits: FloatArray, totals: FloatArray, of_what: str, rows: int) -> Share | Refused:
    """A share from sums by cluster (`hits` of `totals`), with Wilson's interval for the effective number of rows.

    Effective = p(1 - p) over the linearised variance of the ratio, times (t of the rows / t of the clusters)² for how
    little few clusters tell of that variance, and never more than the rows (Korn & Graubard 1998, Survey Methodology
    24:193-201). Where p is 0 or 1 there is no variance to see: each cluster counts once.
    """
    denominator = float(totals.sum())
    if denominator == 0:
        return Refused(f"no {of_what}")
    value = float(hits.sum()) / denominator
    clusters = int(np.count_nonzero(totals))
    variance = ratio_variance(hits, totals)
    effective = float(clusters)
    if 0 < value < 1 and variance > 0:
        known = (_t_value(rows) / _t_value(clusters)) ** 2
        effective = min(value * (1 - value) / variance * known, float(rows))
    return Share(float(hits.sum()), denominator, rows, effective, *wilson_effective(value, effective))


def cluster_ratio(sums: FloatArray, totals: FloatArray, confidence: float = CONFIDENCE) -> Estimate:
    """Σ sums / Σ totals ± t (one less than the clusters) × its error; the totals must not all be 0."""
    reach = _t_value(int(np.count_nonzero(totals)), confidence) * math.sqrt(ratio_variance(sums, totals))
    return around(float(sums.sum()) / float(totals.sum()), reach)


def _t_value(number: int, confidence: float = CONFIDENCE) -> float:
    """Student's two-sided quantile for a variance seen from so many."""
    from scipy.special import stdtrit  # noqa: PLC0415  heavy, and wanted on few pages

    return float(stdtrit(max(number - 1, 1), (1 + confidence) / 2))


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
