"""Run rules of control charts: which points of a series in σ units are signals, and why.

Each further rule finds shifts sooner and alarms more often without cause. Mean run length to a false alarm
(Champ and Woodall 1987, Technometrics 29:393-399, table 1): beyond 3σ alone 370, with two of three beyond 2σ 225, all
four Western Electric rules 92. So only the first two are on unless somebody asks for more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Rule(StrEnum):
    """What makes a point a signal. All patterns lie on one side of the centre line and end at the point."""

    BEYOND_3_SIGMA = "one point beyond 3 sigma"
    TWO_OF_THREE = "two of three points beyond 2 sigma on one side"
    FOUR_OF_FIVE = "four of five points beyond 1 sigma on one side"
    EIGHT_ON_ONE_SIDE = "eight points on one side of the centre line"
    SEVEN_ON_ONE_SIDE = "seven points on one side of the centre line"
    SEVEN_RISING_OR_FALLING = "seven points that rise, or fall, one after the other"


DEFAULT = (Rule.BEYOND_3_SIGMA, Rule.TWO_OF_THREE)
# Western Electric 1956, Statistical Quality Control Handbook.
WESTERN_ELECTRIC = (*DEFAULT, Rule.FOUR_OF_FIVE, Rule.EIGHT_ON_ONE_SIDE)
# NHS England, Making Data Count.
NHS = (*DEFAULT, Rule.SEVEN_ON_ONE_SIDE, Rule.SEVEN_RISING_OR_FALLING)


def signals(z: Floats, rules: Iterable[Rule] = DEFAULT) -> dict[Rule, Flags]:
    """For each rule the points at which it is met; `z` is in σ units from the centre, time on the last axis."""
    return {rule: _TESTS[rule](z) for rule in rules}


def _beyond(z: Floats, sigmas: float, needed: int, among: int) -> Flags:
    """Points beyond so many σ, of which `needed` lie among the last `among` points on the same side."""
    found = np.zeros(z.shape, np.bool_)
    for side in (z, -z):
        outside = side > sigmas
        found |= outside & (_recent(outside, among) >= needed)
    return found


def _recent(flags: Flags, among: int) -> npt.NDArray[np.int64]:
    """How many of the last `among` flags are set, at each point."""
    total = np.cumsum(flags, axis=-1)
    earlier = np.zeros_like(total)
    earlier[..., among:] = total[..., :-among]
    count: npt.NDArray[np.int64] = total - earlier
    return count


def _trend(z: Floats) -> Flags:
    """The last of seven points of which each is above, or each below, the one before."""
    step = np.diff(z, axis=-1, prepend=z[..., :1])
    return _beyond(step, 0, 6, 6)


_TESTS: dict[Rule, Callable[[Floats], Flags]] = {
    Rule.BEYOND_3_SIGMA: lambda z: np.abs(z) > 3,
    Rule.TWO_OF_THREE: lambda z: _beyond(z, 2, 2, 3),
    Rule.FOUR_OF_FIVE: lambda z: _beyond(z, 1, 4, 5),
    Rule.EIGHT_ON_ONE_SIDE: lambda z: _beyond(z, 0, 8, 8),
    Rule.SEVEN_ON_ONE_SIDE: lambda z: _beyond(z, 0, 7, 7),
    Rule.SEVEN_RISING_OR_FALLING: _trend,
}
