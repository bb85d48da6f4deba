"""The geometry of line charts with two kinds of lines: over time, over thresholds, and of calibration curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from oversight.pages.pictures.axes import Plane
from oversight.pages.pictures.chart import Tick

_MOST_LABELS = 7
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spot:
    """A point with what stands at it, and its interval where it has one (`low`, `high`: y, or None)."""

    x: float
    y: float
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One line: `kind` is its class in the style sheet. A gap in the figures is a gap in the line."""

    name: str
    kind: str
    path: str
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class LinePicture:
    """Lines on one plane. `level`: a horizontal line at what would be right; `rulers`: marked places on the x axis."""

    name: str
    plane: Plane
    traces: tuple[Trace, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    level: float | None = None
    rulers: tuple[Tick, ...] = ()
    below: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What to draw: a value for each x, None for a gap; `texts` as long, `ends` the intervals if there are any."""

    name: str
    kind: str
    points: Sequence[tuple[float, float | None]]
    texts: Sequence[str]
    ends: Sequence[tuple[float, float] | None] | None = None


def line_picture(
    name: str,
    lines: Sequence[Line],
    x_labels: Sequence[tuple[float, str]],
    *,
    share: bool = False,
    level: float | None = None,
    rulers: Sequence[tuple[float, str]] = (),
    below: str = "",
) -> LinePicture | None:
    """The picture; None where there is no value. `share`: the y axis is in per cent."""
    values = [value for line in lines for _, value in line.points if value is not None]
    if not values:
        return None
    low, high, step = _nice([*values, *([level] if level is not None else [])])
    xs = [x for line in lines for x, _ in line.points]
    left, right = min(xs), max(xs)
    margin = (right - left) * 0.02 or 0.5
    plane = Plane(left - margin, right + margin, low, high)
    return LinePicture(
        name,
        plane,
        tuple(_trace(plane, line) for line in lines),
        _spaced([Tick(plane.x(x), text) for x, text in x_labels]),
        tuple(Tick(plane.y(value), _text(value, step, share)) for value in _steps(low, high, step)),
        None if level is None else plane.y(level),
        tuple(Tick(plane.x(x), text) for x, text in rulers if plane.x_low <= x <= plane.x_high),
        below,
    )


def _trace(plane: Plane, line: Line) -> Trace:
    """Paths between gaps, and spots."""
    runs: list[list[Point]] = [[]]
    spots = []
    ends = line.ends or [None] * len(line.points)
    for (x, value), text, end in zip(line.points, line.texts, ends, strict=True):
        if value is None:
            runs.append([])
            continue
        runs[-1].append((x, value))
        low, high = (None, None) if end is None else (_held(plane, end[0]), _held(plane, end[1]))
        spots.append(Spot(plane.x(x), plane.y(value), text, low, high))
    return Trace(line.name, line.kind, "".join(plane.path(run) for run in runs if len(run) > 1), tuple(spots))


def _held(plane: Plane, value: float) -> float:
    """The end of an interval, held inside the drawing."""
    return plane.y(min(max(value, plane.y_low), plane.y_high))


def _nice(values: Sequence[float]) -> tuple[float, float, float]:
    """Bounds at whole steps of 1, 2 or 5 around the values, and the step."""
    low, high = min(values), max(values)
    width = max(high - low, abs(high) * 0.1, 1e-6)
    rough = width / 4
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return first, last if last > first else first + step, step


def _steps(low: float, high: float, step: float) -> list[float]:
    """The marks of an axis."""
    return [low + step * place for place in range(round((high - low) / step) + 1)]


def _text(value: float, step: float, share: bool) -> str:
    """A mark in words, with as many decimals as the step needs."""
    size = step * 100 if share else step
    digits = max(0, -math.floor(math.log10(size) + 1e-9))
    return f"{100 * value:.{digits}f} %" if share else f"{value:,.{digits}f}"


def _spaced(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """Every so many, so that labels do not touch."""
    step = -(-len(ticks) // _MOST_LABELS) or 1
    return tuple(ticks[::step])
