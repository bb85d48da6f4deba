"""Since when is the weekly override rate another one, and was anything changed at that time?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from oversight.analytics.charts import WeeklyChart
from oversight.statistics.change_points import ChangePoint, change_points
from oversight.statistics.refused import Refused

# The place of a change point is itself uncertain by about so many weeks.
NEAR_WEEKS = 1
# The same weeks are shuffled alike each time, so that a page says the same twice.
_SEED = 20_010


@dataclass(frozen=True, slots=True)
class Shift:
    """The rate is another one from the week at `place` on. `beside`: why a phase begins near there, or nothing."""

    place: int
    week: date
    change: ChangePoint
    beside: str


def shifts(weekly: WeeklyChart) -> tuple[Shift, ...] | Refused:
    """The change points of a chart's weeks, looked for without regard to what is known to have changed."""
    overridden = np.array([week.overridden for week in weekly.weeks], dtype=np.int64)
    answered = np.array([week.answered for week in weekly.weeks], dtype=np.int64)
    found = change_points(overridden, answered, np.random.default_rng(_SEED))
    if isinstance(found, Refused):
        return found
    return tuple(Shift(one.place, weekly.weeks[one.place].start, one, _beside(weekly, one.place)) for one in found)


def _beside(weekly: WeeklyChart, place: int) -> str:
    """Why the nearest phase begins, if it is near."""
    near: Sequence[tuple[int, str]] = sorted(
        (abs(start - place), why) for start, why in zip(weekly.starts, weekly.reasons, strict=True)
    )
    return near[0][1] if near and near[0][0] <= NEAR_WEEKS else ""
