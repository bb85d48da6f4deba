"""How far two distributions lie apart: effect sizes over bins, and the Kolmogorov-Smirnov distance."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

EMPTY_BIN = 1e-4


def shares(counts: npt.ArrayLike) -> Floats:
    """Counts (shape (bins,), sum above 0) as shares of their sum."""
    numbers = np.asarray(counts, dtype=np.float64)
    total = float(numbers.sum())
    if total <= 0:
        raise ValueError("counts of nothing have no shares")
    return numbers / total


def population_stability(reference: npt.ArrayLike, current: npt.ArrayLike, floor: float = EMPTY_BIN) -> float:
    """PSI = Σ (b − a) ln(b / a) over the shares of equal bins; a share below `floor` counts as `floor`.

    That is the symmetric divergence of Kullback and Leibler 1951. Under no change its mean is about
    (bins − 1)(1/n + 1/m) (Yurdakul 2018), so a small sample alone can look moved.
    """
    a, b = np.maximum(shares(reference), floor), np.maximum(shares(current), floor)
    return float(np.sum((b - a) * np.log(b / a)))


def chance_psi(bins: int, reference: int, current: int) -> float:
    """The mean PSI of two samples of these sizes from one distribution: (bins − 1)(1/n + 1/m) (Yurdakul 2018)."""
    return max(bins - 1, 0) * (1 / reference + 1 / current)


def jensen_shannon(reference: npt.ArrayLike, current: npt.ArrayLike) -> float:
    """Jensen-Shannon divergence in bits, 0 (equal) to 1 (disjoint). Lin 1991 (IEEE Trans Inf Theory 37:145-151)."""
    a, b = shares(reference), shares(current)
    middle = (a + b) / 2
    return max(0.0, (_bits(a, middle) + _bits(b, middle)) / 2)


def _bits(share: Floats, against: Floats) -> float:
    """Kullback-Leibler divergence in bits; an empty bin adds nothing."""
    held = share > 0
    return float(np.sum(share[held] * np.log2(share[held] / against[held])))


def cut_points(reference: Floats, bins: int = 10) -> tuple[Floats, Floats]:
    """Upper ends of the bins, and which values stand in a bin of their own, out of sorted reference values.

    The inner ends are the reference's deciles and the outer bins are open. A value that fills a whole decile or more
    (a default of 0, a score of few steps) gets its own bin, so that a move just below it is seen too.
    """
    places = np.arange(1, bins) * len(reference) // bins
    ends, times = np.unique(reference[places], return_counts=True)
    return ends, ends[times > 1]


def binned(values: Floats, cuts: tuple[Floats, Floats]) -> Integers:
    """How many of the sorted values fall into each bin of `cut_points`."""
    ends, alone = cuts
    upper = np.searchsorted(values, ends, side="right")
    before = np.searchsorted(values, alone, side="left")
    # Ascending in both kinds, and each "before" lies at or below its own "upper": sorting keeps the order of the cuts.
    inner = np.sort(np.concatenate([upper, before]))
    return np.diff(np.concatenate([[0], inner, [len(values)]])).astype(np.int64)


def ks_distance(reference: Floats, current: Floats) -> float:
    """The largest distance between two empirical distribution functions; both arrays sorted, neither empty.

    Between values of `current` its function is flat and the other only rises, so the largest distance lies at such a
    value or just before it.
    """
    last = np.flatnonzero(np.append(current[1:] != current[:-1], True))
    points = current[last]
    at_current = (last + 1) / len(current)
    before_current = np.concatenate([[0.0], at_current[:-1]])
    at = np.searchsorted(reference, points, side="right") / len(reference)
    before = np.searchsorted(reference, points, side="left") / len(reference)
    return float(max(np.max(np.abs(at - at_current)), np.max(np.abs(before - before_current))))


def ks_p(distance: float, first: int, second: int) -> float:
    """The p-value of a Kolmogorov-Smirnov distance between samples of these sizes.

    Kolmogorov's limit with the small-sample step of Stephens 1970 (J R Stat Soc B 32:115-122). Ties make it cautious.
    """
    from scipy.special import kolmogorov  # noqa: PLC0415  heavy

    size = math.sqrt(first * second / (first + second))
    return float(kolmogorov((size + 0.12 + 0.11 / size) * distance))
