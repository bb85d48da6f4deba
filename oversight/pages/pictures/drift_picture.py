"""The geometry of the drift page: how far each column moved, and medians and agreement by week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from oversight.analytics.drift import Column, Drift, weekly_medians
from oversight.analytics.drift_rows import DriftRows, monday
from oversight.analytics.explained import Explained
from oversight.pages.pictures.axes import Plane
from oversight.pages.pictures.chart import Tick
from oversight.statistics.drift import Finding, Level, Measure
from oversight.statistics.refused import Refused

_WIDTH, _LABELS, _ROW, _NUMBERS = 760, 250, 26, 150
_MOST_BARS = 25
_MOST_LINES = 6
# Beyond so many times the alarm threshold a bar would dwarf all others; its number stands beside it.
_LONGEST = 4.0


@dataclass(frozen=True, slots=True)
class EffectBar:
    """One column: how far it moved in units of its alarm threshold."""

    label: str
    text: str
    y: float
    width: float
    text_x: float
    loud: bool


@dataclass(frozen=True, slots=True)
class Effects:
    """Bars from the top down; `watch` and `alarm` are where the thresholds lie."""

    bars: tuple[EffectBar, ...]
    watch: float
    alarm: float
    height: int
    left_out: int
    width: int = _WIDTH
    left: int = _LABELS
    row: int = _ROW


@dataclass(frozen=True, slots=True)
class Line:
    """A small drawing by week; `since` is where the later period begins, `dots` the weeks in words."""

    label: str
    path: str
    dots: tuple[tuple[float, float, str], ...]
    since: float
    plane: Plane
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def effects(findings: Sequence[Finding]) -> Effects | None:
    """Every column's distribution, the farthest first; None of none."""
    moved = [each for each in findings if each.measure is Measure.DISTRIBUTION]
    if not moved:
        return None
    room = _WIDTH - _LABELS - _NUMBERS
    unit = room / _LONGEST
    shown = sorted(moved, key=lambda each: -each.effect)[:_MOST_BARS]
    bars = tuple(
        EffectBar(
            each.column if len(each.column) <= 34 else each.column[:33] + "…",
            f"PSI {each.effect:.2f}" + ("" if each.level is Level.NONE else f", {each.level.value}"),
            place * _ROW,
            (width := unit * min(each.effect / each.thresholds[1], _LONGEST)),
            _LABELS + max(width, unit) + 6,
            each.level is not Level.NONE,
        )
        for place, each in enumerate(shown)
    )
    watch, alarm = shown[0].thresholds
    ends = (_LABELS + unit * watch / alarm, _LABELS + unit)
    return Effects(bars, *ends, len(bars) * _ROW + 24, len(moved) - len(shown))


def raised_columns(found: Drift) -> list[Column]:
    """Columns of numbers that are raised, at most six: those of single units stand for the same move of all."""
    names = [
        each.column
        for each in (*found.unit_report.raised, *found.report.raised)
        if each.measure is Measure.DISTRIBUTION and (column := found.column(each.column)) is not None
        and (column.feature is not None or column.unit)
    ]  # fmt: skip
    columns = [column for name in dict.fromkeys(names) if (column := found.column(name)) is not None]
    return columns[:_MOST_LINES]


def median_line(rows: DriftRows, column: Column, version: str, since: date) -> Line | None:
    """The weekly medians of a column; None of fewer than two weeks."""
    weeks = weekly_medians(rows, column, version)
    unit = column.feature.unit if column.feature and column.feature.unit != "1" else ""
    points = [
        (monday(week), median, f"{monday(week)}: median {median:.3g} {unit}".rstrip()) for week, median, _ in weeks
    ]
    return _line(f"{column.name}{f', {unit}' if unit else ''}", points, since)


def agreement_line(found: Explained, since: date) -> Line | None:
    """The weekly agreement of the reasons' ranking with that of the reference period."""
    points = [
        (each.week, each.found.agreement.value, f"{each.week}: {each.found.agreement.value:.2f}")
        for each in found.weeks
        if not isinstance(each.found, Refused)
    ]
    return _line("Rank correlation", points, since, (min([0.0, *(value for _, value, _ in points)]), 1.0))


def _line(
    label: str, points: Sequence[tuple[date, float, str]], since: date, span: tuple[float, float] | None = None
) -> Line | None:
    """A line through weeks."""
    if len(points) < 2:
        return None
    values = [value for _, value, _ in points]
    low, high = span or (min(0.0, *values), max(*values, 1e-9) * 1.05)
    days = [day.toordinal() for day, _, _ in points]
    plane = Plane(days[0], days[-1], low, high, 240, 120, 46, 214, 8, 94)
    places = [(plane.x(day), plane.y(value)) for day, value in zip(days, values, strict=True)]
    ticks = np.linspace(low, high, 3)
    return Line(
        label,
        plane.path(list(zip(days, values, strict=True))),
        tuple((x, y, text) for (x, y), (_, _, text) in zip(places, points, strict=True)),
        min(max(plane.x(since.toordinal()), plane.left), plane.right),
        plane,
        tuple(Tick(plane.x(day), f"{date.fromordinal(day):%d %b}") for day in (days[0], days[-1])),
        tuple(Tick(plane.y(value), f"{value:.2g}" if value < 10 else f"{value:.0f}") for value in ticks),
    )
