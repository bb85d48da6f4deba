"""Features that join two others: ratios, differences, and a value over the one in force when it was measured."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import nan

KINDS = ("ratio", "difference", "paired-last", "paired-min")
PAIRED = ("paired-last", "paired-min")
# A setting or a pressure older than this no longer describes the moment of the other measurement.
PAIR_HOURS = 12.0

Numbers = Sequence[float]


def ratio(top: float, bottom: float, scale: float) -> float:
    """`scale * top / bottom`; NaN if either is unknown or the bottom is zero."""
    return scale * top / bottom if bottom else nan


def difference(top: float, bottom: float, scale: float) -> float:
    """`scale * (top - bottom)`; NaN if either is unknown."""
    return scale * (top - bottom)


OF_FEATURES: dict[str, Callable[[float, float, float], float]] = {"ratio": ratio, "difference": difference}


def pairs(top: tuple[Numbers, Numbers], bottom: tuple[Numbers, Numbers]) -> list[tuple[int, int]]:
    """For each top fact its index and that of the latest bottom fact at or before it, within `PAIR_HOURS`.

    Both series are (times in hours, values), sorted by time. Top facts without such a partner are left out.
    """
    found = []
    for i, time in enumerate(top[0]):
        j = bisect_right(bottom[0], time) - 1
        if j >= 0 and time - bottom[0][j] <= PAIR_HOURS:
            found.append((i, j))
    return found


def chosen_pair(kind: str, top: tuple[Numbers, Numbers], bottom: tuple[Numbers, Numbers]) -> tuple[int, int] | None:
    """The pair that a paired kind reports: the latest, or the one with the lowest ratio (the first of equals)."""
    found = pairs(top, bottom)
    if not found:
        return None
    if kind == "paired-last":
        return found[-1]
    return min(found, key=lambda pair: top[1][pair[0]] / bottom[1][pair[1]])
