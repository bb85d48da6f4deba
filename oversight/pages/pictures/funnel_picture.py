"""The geometry of a funnel plot: rates against denominators, between their limits. The template draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from oversight.analytics.variation import Unit, Variation
from oversight.pages.pictures.axes import Plane, share_range
from oversight.pages.pictures.chart import Tick
from oversight.statistics.funnel import Position
from oversight.statistics.refused import Refused

_SMALLEST = 5
# More names than these would hide one another; the table has them.
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Mark:
    """A unit; `label` is its name where it lies outside the limits, unless too many do."""

    x: float
    y: float
    text: str
    outside: bool
    label: str


@dataclass(frozen=True, slots=True)
class FunnelPicture:
    """Marks, the common rate, and the 95 % and 99.8 % limits as paths."""

    plane: Plane
    marks: tuple[Mark, ...]
    common: float
    warning: tuple[str, str]
    alarm: tuple[str, str]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def funnel_picture(found: Variation, name: Callable[[str], str] = str) -> FunnelPicture | None:
    """The plot of all units; None where the funnel is refused. `name` is what a unit is called."""
    if isinstance(found.funnel, Refused) or not found.units:
        return None
    named = sum(_outside(unit) for unit in found.units) <= _MOST_NAMED
    most = max(unit.rate.total for unit in found.units)
    totals = np.unique(np.geomspace(_SMALLEST, max(most * 1.05, _SMALLEST + 1), 60).round().astype(int))
    curve = found.funnel.curve(totals.tolist())
    plane = Plane(0, float(totals[-1]), *share_range([unit.rate.value for unit in found.units] + _far(found)))
    ends = ("low_alarm", "low", "high", "high_alarm")
    paths = [plane.path([(one.total, _within(plane, getattr(one, end))) for one in curve]) for end in ends]
    return FunnelPicture(
        plane,
        tuple(_mark(plane, unit, name, named) for unit in found.units),
        plane.y(found.funnel.common),
        (paths[1], paths[2]),
        (paths[0], paths[3]),
        tuple(Tick(plane.x(value), f"{value:,.0f}") for value in np.linspace(0, float(totals[-1]), 6).round()),
        plane.share_ticks(),
    )


def _far(found: Variation) -> list[float]:
    """The limits of the units, which the plot must hold."""
    points = [unit.point for unit in found.units if unit.point]
    return [edge for point in points for edge in (point.limits.low_alarm, point.limits.high_alarm)]


def _within(plane: Plane, share: float) -> float:
    """A limit of a small denominator may leave the plot."""
    return min(max(share, plane.y_low), plane.y_high)


def _outside(unit: Unit) -> bool:
    """Whether a unit lies beyond a limit."""
    return unit.point is not None and unit.point.position not in {Position.INSIDE, Position.TOO_FEW}


def _mark(plane: Plane, unit: Unit, name: Callable[[str], str], named: bool) -> Mark:
    """One unit."""
    text = f"{name(unit.key)}: {unit.rate.count} of {unit.rate.total} answered cards overridden"
    label = name(unit.key) if named and _outside(unit) else ""
    return Mark(plane.x(unit.rate.total), plane.y(unit.rate.value), text, _outside(unit), label)
