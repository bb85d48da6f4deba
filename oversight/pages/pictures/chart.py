"""The geometry of the chart: override rate by time, with interval whiskers. The template draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from oversight.override_rates import Group
from oversight.tallies import Period

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 30, 16, 40
_MAX_LABELS = 8
_MAX_RADIUS = 5.0


@dataclass(frozen=True, slots=True)
class Point:
    """One stretch of time, in the units of the drawing; y grows downwards."""

    x: float
    y: float
    low_y: float
    high_y: float
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis with its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template needs."""

    points: tuple[Point, ...]
    line: str
    radius: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def override_chart(times: Sequence[Group], period: Period) -> Chart | None:
    """The chart of all stretches with an answer, each at its true place in time; None where there is none."""
    points = tuple(point for point in (_point(group, period) for group in times) if point is not None)
    if not points:
        return None
    return Chart(
        points=points,
        line=" ".join(f"{point.x:.1f},{point.y:.1f}" for point in points),
        radius=max(1.5, min(_MAX_RADIUS, (WIDTH - LEFT - RIGHT) / len(points) / 3)),
        x_ticks=_x_ticks([group.start for group in times if group.start and group.counts.answered], period),
        y_ticks=tuple(Tick(_y(share / 100), f"{share} %") for share in (0, 25, 50, 75, 100)),
    )


def _point(group: Group, period: Period) -> Point | None:
    """One point; None where nothing was answered."""
    rate = group.counts.override_rate
    if rate is None or group.start is None:
        return None
    text = f"{group.start}: {rate.count} of {rate.total} answered cards overridden"
    return Point(_x(group.start, period), _y(rate.value), _y(rate.low), _y(rate.high), text)


def _x(day: date, period: Period) -> float:
    """The place of a day. A week or month may begin before the period does; it stands at its left end."""
    days = max((period.last - period.first).days, 1)
    share = max((day - period.first).days, 0) / days
    inset = 12
    return LEFT + inset + share * (WIDTH - LEFT - RIGHT - 2 * inset)


def _y(share: float) -> float:
    """The place of a share."""
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


def _x_ticks(days: Sequence[date], period: Period) -> tuple[Tick, ...]:
    """Labels under some of the points, far enough apart to be read."""
    ticks: list[Tick] = []
    for day in days:
        x = _x(day, period)
        if not ticks or x - ticks[-1].at >= (WIDTH - LEFT - RIGHT) / _MAX_LABELS:
            ticks.append(Tick(x, day.isoformat()))
    return tuple(ticks)
