"""Small line charts as inline SVG: no script, no font or picture from elsewhere, lines told apart by dashes as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, HEIGHT = 420, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 68, 14, 12, 44
_DASHES = ("", "6 4", "2 3", "10 3 2 3")
_TICKS = 5

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """Joined points, or marks with whiskers where `low` and `high` are given (as many as points)."""

    name: str
    points: Sequence[Point]
    whiskers: Sequence[Point] = ()


@dataclass(frozen=True, slots=True)
class Axes:
    """What the two axes mean and their ends."""

    x: str
    y: str
    x_range: Point = (0.0, 1.0)
    y_range: Point = (0.0, 1.0)


def round_end(highest: float) -> float:
    """The least round number from `highest` on that five steps lead to: 0.518 gives 0.75, 0.043 gives 0.05."""
    size = 10.0 ** floor(log10(highest)) if highest > 0 else 1.0
    return next(end for end in (size * part for part in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10)) if end >= highest)


def chart(title: str, axes: Axes, lines: Sequence[Line]) -> str:
    """An `<svg>` with a title for screen readers; all text is escaped."""
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape(title)}</title>",
        *_grid(axes),
        *(drawn for number, line in enumerate(lines) for drawn in _line(number, line, axes)),
        "</svg>",
    ]
    return "".join(parts)


def legend(lines: Sequence[Line]) -> str:
    """One row a line, with its dashes; a dot where it is marks."""
    rows = [
        f'<li><svg viewBox="0 0 40 8" width="40" height="8" aria-hidden="true">{_key(number, line)}</svg> '
        f"{escape(line.name)}</li>"
        for number, line in enumerate(lines)
    ]
    return f'<ul class="legend">{"".join(rows)}</ul>'


def _key(number: int, line: Line) -> str:
    """What stands before a line's name."""
    if line.whiskers:
        return f'<circle class="dot dot-{_look(number)}" cx="20" cy="4" r="3.5"/>'
    dashes = _DASHES[_look(number)]
    return f'<path d="M0 4H40" class="line line-{_look(number)}" stroke-dasharray="{dashes}"/>'


def _look(number: int) -> int:
    """Which of the looks a line has."""
    return number % len(_DASHES)


def _place(point: Point, axes: Axes) -> Point:
    """Data to pixels; what lies outside is moved to the edge."""
    shares = [
        min(max((value - low) / (high - low), 0.0), 1.0)
        for value, (low, high) in zip(point, (axes.x_range, axes.y_range), strict=True)
    ]
    return (
        round(_LEFT + shares[0] * (WIDTH - _LEFT - _RIGHT), 2),
        round(HEIGHT - _BOTTOM - shares[1] * (HEIGHT - _TOP - _BOTTOM), 2),
    )


def _grid(axes: Axes) -> list[str]:
    """Grid lines, numbers and names of the axes."""
    parts = []
    for step in range(_TICKS + 1):
        across = axes.x_range[0] + (axes.x_range[1] - axes.x_range[0]) * step / _TICKS
        up = axes.y_range[0] + (axes.y_range[1] - axes.y_range[0]) * step / _TICKS
        x, y = _place((across, up), axes)
        parts.append(f'<path class="grid" d="M{x} {_TOP}V{HEIGHT - _BOTTOM}M{_LEFT} {y}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{across:.3g}</text>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{up:.3g}</text>')
    middle = (WIDTH + _LEFT - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(axes.x)}</text>')
    turned = (HEIGHT - _BOTTOM + _TOP) / 2
    parts.append(f'<text transform="translate(14 {turned}) rotate(-90)" text-anchor="middle">{escape(axes.y)}</text>')
    return parts


def _line(number: int, line: Line, axes: Axes) -> list[str]:
    """A path, or marks with whiskers."""
    placed = [_place(point, axes) for point in line.points]
    if line.whiskers:
        return [_mark(number, x, y, _ends(line, index, axes)) for index, (x, y) in enumerate(placed)]
    inside = [place for place, (_, y) in zip(placed, line.points, strict=True) if y >= axes.y_range[0]]
    path = "M" + "L".join(f"{x} {y}" for x, y in inside)
    return [f'<path class="line line-{_look(number)}" stroke-dasharray="{_DASHES[_look(number)]}" d="{path}"/>']


def _ends(line: Line, index: int, axes: Axes) -> Point:
    """Both ends of a whisker, in pixels."""
    x = line.points[index][0]
    low, high = line.whiskers[index]
    return _place((x, low), axes)[1], _place((x, high), axes)[1]


def _mark(number: int, x: float, y: float, ends: Point) -> str:
    """A dot with its interval."""
    low, high = ends
    look = _look(number)
    dot = f'<circle class="dot dot-{look}" cx="{x}" cy="{y}" r="3.5"/>'
    return f'<path class="line line-{look}" d="M{x} {low}V{high}"/>{dot}'
