"""Since when a column is a multiple of what it was: the week is looked for, and the days of the change are left out.

A page is opened some days after a laboratory changed its unit, so that its reference period already holds changed
values, or its later period old ones. No one factor explains such a mixture. Held apart at the week of the change, one
does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from oversight.analytics.drift_rows import Flags, Floats, Integers
from oversight.statistics.drift_numeric import NumericDrift, Shape, numeric_drift, numeric_reference
from oversight.statistics.refused import Refused

# A column that moved less holds nothing to look for.
_LEAST_PSI = 0.1
# Enough for a median that tells 1 from 1.5 times; nothing of it is shown.
_LEAST_IN_WEEK = 5
_LEAST_VALUES = 20

Medians = list[tuple[int, float, int]]


def medians_by_week(values: Floats, week: Integers, least: int) -> Medians:
    """Week, median and number of values of each week that has at least so many; NaN counts as no value."""
    there = np.isfinite(values)
    order = np.lexsort((values[there], week[there]))
    value, in_week = values[there][order], week[there][order]
    weeks, starts, numbers = np.unique(in_week, return_index=True, return_counts=True)
    return [
        (int(each), float(np.median(value[start : start + number])), int(number))
        for each, start, number in zip(weeks, starts, numbers, strict=True)
        if number >= least
    ]


def apart(moved: NumericDrift, values: Floats, week: Integers, now: Flags) -> tuple[NumericDrift, int] | None:
    """The column (shape (rows,)) held apart at the week of its change; None unless one factor then explains the move.

    The weeks beside the change are left out where enough values stay. `p` allows for all weeks that were tried.
    """
    if isinstance(moved.shape, Refused) or moved.shape.psi < _LEAST_PSI or moved.shape.factor is not None:
        return None
    medians = medians_by_week(values, week, _LEAST_IN_WEEK)
    if len(medians) < 2 or any(median <= 0 for _, median, _ in medians):
        return None
    place = _change(np.log([median for _, median, _ in medians]), np.array([number for *_, number in medians], float))
    begun = medians[place][0]
    shape = _shape(moved.column, values, week, now, begun)
    if shape is None or not _lasts(medians[place:], shape):
        return None
    return replace(moved, shape=replace(shape, p=min(1.0, shape.p * (len(medians) - 1)))), begun


def _change(logs: Floats, numbers: Floats) -> int:
    """The place of the first week after the split that parts two levels best (least squares)."""
    left, total = np.cumsum(numbers)[:-1], numbers.sum()
    sums = np.cumsum(numbers * logs)
    gap = sums[:-1] / left - (sums[-1] - sums[:-1]) / (total - left)
    return int(np.argmax(left * (total - left) * gap**2)) + 1


def _shape(name: str, values: Floats, week: Integers, now: Flags, begun: int) -> Shape | None:
    """Before the change against after it; None unless one factor explains it."""
    before = _enough(values, ~now & (week < begun - 1), ~now & (week < begun))
    after = _enough(values, now & (week > begun), now & (week >= begun))
    prepared = numeric_reference(name, before)
    found = prepared if isinstance(prepared, Refused) else numeric_drift(prepared, after)
    if isinstance(found, Refused) or isinstance(found.shape, Refused) or found.shape.factor is None:
        return None
    return found.shape


def _enough(values: Floats, strict: npt.NDArray[np.bool_], loose: npt.NDArray[np.bool_]) -> Floats:
    """The values of the strict choice where they are enough, else those of the loose one."""
    return values[strict if int(np.isfinite(values[strict]).sum()) >= _LEAST_VALUES else loose]


def _lasts(medians: Medians, shape: Shape) -> bool:
    """Whether every week since is nearer to now than to before."""
    middle = np.sqrt(shape.reference_median * shape.current_median)
    up = shape.current_median > shape.reference_median
    return all((median > middle) == up for _, median, _ in medians)
