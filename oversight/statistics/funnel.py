"""Funnel plot: which units differ from the others by more than chance and by more than units usually do?

Spiegelhalter 2005 (Stat Med 24:1185-1202; over-dispersion: Qual Saf Health Care 14:347-351), in the form for shares
of Spiegelhalter et al. 2012 (J R Stat Soc A 175:1-47): y = asin √rate with standard error s = 1 / (2 √n), which keeps
limits inside 0 to 1 where denominators are small. Units have reasons of their own to differ, so limits are widened by
a variance τ² between units (additive random effects): θ ± z √(s² + τ²).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from oversight.proportions import Proportion, wilson
from oversight.statistics.refused import Refused

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

# Smaller counts are hidden anyway, and say nothing of a rate.
MINIMUM_TOTAL = 11
MINIMUM_UNITS = 5
WINSORISE = 0.1
_WARNING = NormalDist().inv_cdf(0.975)
_ALARM = NormalDist().inv_cdf(0.999)


class Position(StrEnum):
    """Where a unit lies. Beyond the 99.8 % limits is an alarm; beyond 95 % is one unit in 20 without any cause."""

    INSIDE = "inside the limits"
    HIGH = "above the 95 % limit"
    VERY_HIGH = "above the 99.8 % limit"
    LOW = "below the 95 % limit"
    VERY_LOW = "below the 99.8 % limit"
    TOO_FEW = "too few cards to judge"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits at one denominator, as shares."""

    total: int
    low_alarm: float
    low: float
    high: float
    high_alarm: float


@dataclass(frozen=True, slots=True)
class FunnelPoint:
    """One unit at its place in the input; `z` counts standard deviations √(s² + τ²) from the common rate."""

    place: int
    rate: Proportion
    z: float
    limits: Limits
    position: Position


@dataclass(frozen=True, slots=True)
class Funnel:
    """All units with a card, around the `common` rate.

    `between` is τ² on the scale of asin √rate, `dispersion` φ (1: chance explains all), both from `judged` units.
    """

    common: float
    between: float
    dispersion: float
    judged: int
    points: tuple[FunnelPoint, ...]

    def curve(self, totals: Sequence[int]) -> tuple[Limits, ...]:
        """The limits at some denominators, to draw the funnel."""
        return tuple(_limits(total, self.common, self.between) for total in totals)


def funnel(
    counts: Counts,
    totals: Counts,
    winsorise: float = WINSORISE,
    as_published: bool = False,
    minimum_total: int = MINIMUM_TOTAL,
) -> Funnel | Refused:
    """The funnel of `counts` out of `totals`, one entry for each unit or clinician, around their common rate.

    Units below `minimum_total` are drawn and neither judged nor used for τ². See `between_variance` for the other two.
    Refused for fewer than 5 units to judge, or where all or no cards count. Raises ValueError unless
    0 <= count <= total.
    """
    if counts.shape != totals.shape or counts.ndim != 1 or bool(((counts < 0) | (counts > totals)).any()):
        raise ValueError("one count and one total for each unit, count between 0 and total")
    judged = totals >= max(minimum_total, 1)
    if int(judged.sum()) < MINIMUM_UNITS:
        return Refused(f"A funnel needs at least {MINIMUM_UNITS} units with {minimum_total} answered cards or more.")
    common = float(counts[judged].sum() / totals[judged].sum())
    if common in {0.0, 1.0}:
        return Refused("All units have the same rate.")
    angle, error = _angle(counts[judged] / totals[judged]), 1 / (2 * np.sqrt(totals[judged]))
    dispersion, between = between_variance(angle, error, float(_angle(common)), winsorise, as_published)
    points = tuple(
        _point(int(place), int(counts[place]), int(totals[place]), common, between, bool(judged[place]))
        for place in np.flatnonzero(totals)
    )
    return Funnel(common, between, dispersion, int(judged.sum()), points)


def between_variance(
    values: Floats, errors: Floats, target: float, winsorise: float, as_published: bool = False
) -> tuple[float, float]:
    """Dispersion φ and variance between units τ² by moments (DerSimonian and Laird 1986), robust to outlying units.

    z scores beyond the `winsorise` quantile at either end are drawn in to it; φ is the mean z²;
    τ² = (I φ - (I - 1)) / (Σw - Σw² / Σw), w = 1 / s², never below 0. Drawing in makes φ too small even where nobody
    is an outlier (by a third at 10 %), and 95 % limits then hold about 89 % of units that are like all others. So φ is
    divided by what it is for normal z scores, unless `as_published`.
    """
    z = (values - target) / errors
    if winsorise > 0:
        z = np.clip(z, *np.quantile(z, (winsorise, 1 - winsorise)))
    dispersion = float(np.square(z).mean()) / (1 if as_published else _drawn_in(winsorise))
    weight = 1 / np.square(errors)
    scale = float(weight.sum() - np.square(weight).sum() / weight.sum())
    return dispersion, max(0.0, (z.size * dispersion - (z.size - 1)) / scale)


def _drawn_in(winsorise: float) -> float:
    """The variance of a standard normal value that is drawn in at both ends."""
    if winsorise <= 0:
        return 1.0
    edge = -NormalDist().inv_cdf(winsorise)
    density = float(np.exp(-edge * edge / 2) / np.sqrt(2 * np.pi))
    return 1 - 2 * winsorise - 2 * edge * density + 2 * winsorise * edge * edge


def _point(place: int, count: int, total: int, common: float, between: float, judged: bool) -> FunnelPoint:
    """One unit."""
    z = float((_angle(count / total) - _angle(common)) / np.sqrt(1 / (4 * total) + between))
    position = _position(z) if judged else Position.TOO_FEW
    return FunnelPoint(
        place, Proportion(count, total, *wilson(count, total)), z, _limits(total, common, between), position
    )


def _position(z: float) -> Position:
    """Which limits a unit lies beyond."""
    if abs(z) <= _WARNING:
        return Position.INSIDE
    if abs(z) <= _ALARM:
        return Position.HIGH if z > 0 else Position.LOW
    return Position.VERY_HIGH if z > 0 else Position.VERY_LOW


def _limits(total: int, common: float, between: float) -> Limits:
    """Limits at one denominator, back on the scale of shares."""
    spread = np.sqrt(1 / (4 * total) + between)
    angles = _angle(common) + spread * np.array([-_ALARM, -_WARNING, _WARNING, _ALARM])
    shares = np.square(np.sin(np.clip(angles, 0, np.pi / 2)))
    return Limits(total, *(float(share) for share in shares))


def _angle(share: float | Floats) -> Floats:
    """The scale asin √share, on which the error of a share depends on its denominator alone."""
    angle: Floats = np.arcsin(np.sqrt(share))
    return angle
