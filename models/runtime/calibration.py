"""From a margin to calibrated log-odds, and from a probability to its range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
HOURS_A_DAY = 24.0
Number = TypeVar("Number", float, Floats)


def days(hours: Number) -> Number:
    """The t of `Calibration`: days since hour 24."""
    return hours / HOURS_A_DAY - 1.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """log-odds = (slope + slope_by_day * t) * margin + intercept + intercept_by_day * t, with t = hours/24 - 1.

    Without the terms by day it is Platt's (1999). `hours` are those of the column of that name.
    """

    slope: float
    intercept: float
    slope_by_day: float = 0.0
    intercept_by_day: float = 0.0

    @property
    def by_day(self) -> bool:
        """Whether the hours count."""
        return bool(self.slope_by_day or self.intercept_by_day)

    def log_odds(self, margin: Number, hours: Number) -> Number:
        """Calibrated log-odds; the hours are not looked at where they do not count."""
        if not self.by_day:
            return self.slope * margin + self.intercept
        t = days(hours)
        return (self.slope + self.slope_by_day * t) * margin + self.intercept + self.intercept_by_day * t


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """A Venn-ABERS table for answers from `from_hour` on.

    `at` (k + 1,) rises from 0 to 1; a probability from at[i] to below at[i + 1] has the range lower[i] to upper[i].
    """

    from_hour: float
    at: Floats
    lower: Floats
    upper: Floats

    @property
    def sound(self) -> bool:
        """Whether every probability has a range, from a lower to a higher one."""
        rises = self.at[0] == 0 and self.at[-1] == 1 and (np.diff(self.at) > 0).all()
        fit = len(self.lower) == len(self.upper) == len(self.at) - 1
        # A comparison with NaN is false.
        return bool(rises and fit and ((self.lower >= 0) & (self.lower <= self.upper) & (self.upper <= 1)).all())

    def interval(self, p: float) -> tuple[float, float]:
        """The range of one probability, wide enough to hold it: a person would not understand one that does not."""
        place = min(int(np.searchsorted(self.at, p, side="right")) - 1, len(self.lower) - 1)
        return min(float(self.lower[place]), p), max(float(self.upper[place]), p)
