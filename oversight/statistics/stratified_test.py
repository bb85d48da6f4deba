"""Do two groups differ at equal strata? Tests that thin strata do not spoil: of shares, and of times by their ranks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def by_stratum(
    cases: npt.NDArray[np.bool_], group: npt.NDArray[np.int64], groups: int, stratum: npt.NDArray[np.int64], strata: int
) -> tuple[Floats, Floats]:
    """Cases and rows by stratum and group, shape (strata, groups) each, out of arrays (rows,)."""
    place = (stratum * groups + group) * 2 + cases
    counts = np.bincount(place, minlength=2 * strata * groups).reshape(strata, groups, 2).astype(np.float64)
    return counts[:, :, 1], counts.sum(axis=2)


def stratified_p(cases: Floats, rows: Floats, first: int, second: int) -> float:
    """Two-sided p of no difference between two groups within strata (Mantel and Haenszel 1959, JNCI 22:719-748).

    `cases` and `rows`: (strata, groups). Without continuity correction; 1 where no stratum has both groups.
    """
    one, other = rows[:, first], rows[:, second]
    total = one + other
    both = (one > 0) & (other > 0) & (total > 1)
    one, other, total = one[both], other[both], total[both]
    events = cases[both, first] + cases[both, second]
    surprise = float(np.sum(cases[both, first] - one * events / total))
    variance = float(np.sum(one * other * events * (total - events) / (total**2 * (total - 1))))
    return math.erfc(abs(surprise) / math.sqrt(2 * variance)) if variance > 0 else 1.0


def ranks_p(first: npt.NDArray[np.bool_], stratum: npt.NDArray[np.int64]) -> float:
    """Two-sided p that values of two groups are alike within strata (van Elteren 1960, Bull Inst Int Stat 37:351-361).

    Rows (rows,) must be sorted by stratum, then by value; `first` are those of the first group. Equal values count in
    the order in which they stand. 1 where no stratum has both groups.
    """
    if not len(first):
        return 1.0
    starts = np.flatnonzero(np.append(True, stratum[1:] != stratum[:-1]))
    place = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(stratum))))
    total = np.bincount(place).astype(np.float64)
    one = np.bincount(place, first, minlength=len(starts))
    rank = np.arange(1, len(stratum) + 1) - starts[place]
    surprise = float(np.sum((rank / (total[place] + 1))[first]) - one.sum() / 2)
    variance = float(np.sum(one * (total - one) / (12 * (total + 1))))
    return math.erfc(abs(surprise) / math.sqrt(2 * variance)) if variance > 0 else 1.0
