"""The geometry of an interrupted time series: weeks, the lines fitted before and after, and where it was going."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from oversight.monitors.alert_series import AlertSeries
from oversight.pages.pictures.axes import Plane, share_range
from oversight.pages.pictures.chart import Tick
from oversight.pages.words import DASH, people
from oversight.statistics.interrupted import Interruption, interruption
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN

_MOST_LABELS, _COUNT_MARKS = 8, 5


@dataclass(frozen=True, slots=True)
class Spot:
    """One week as a dot, with its text."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class WeekRow:
    """One week of the table; `fitted` and `expected` are empty where there is no fit or no action before it.

    Of a week of few people the count is only said to be few, and its figure is not shown.
    """

    monday: str
    total: str
    value: str
    unanswered: str
    fitted: str
    expected: str


@dataclass(frozen=True, slots=True)
class InterruptedPicture:
    """What the template draws. `reason` says why there are no lines, or is empty; `action` is where the action lies.

    `meaning` is the jump at the action in one sentence, `few` how many weeks have too few people for a dot.
    """

    plane: Plane
    spots: tuple[Spot, ...]
    fitted: tuple[str, ...]
    expected: str
    action: float
    reason: str
    meaning: str
    rows: tuple[WeekRow, ...]
    few: int
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def interrupted_picture(found: AlertSeries, action: date) -> InterruptedPicture | None:
    """The picture; None of no week at all. The week of the action belongs to the time before."""
    mondays, values = found.series.mondays, [float(each) for each in found.series.values]
    if not values:
        return None
    change = next((place for place, monday in enumerate(mondays) if monday > action), len(mondays))
    made = interruption(np.asarray(values, dtype=np.float64), change)
    lines = made if isinstance(made, Interruption) else None
    weeks = [(monday - mondays[0]).days // 7 for monday in mondays]
    plane = _plane(found, weeks, [*values, *(lines.fitted + lines.expected[change:] if lines else ())])
    step = -(-len(weeks) // _MOST_LABELS)
    return InterruptedPicture(
        plane=plane,
        spots=tuple(
            Spot(plane.x(week), plane.y(value), f"Week of {monday}: {said(found, value)} of {total:,} {found.of}")
            for week, monday, value, total in zip(weeks, mondays, values, found.totals, strict=True)
            if not _is_few(total)
        ),
        fitted=_fitted(plane, weeks, lines, change),
        expected=plane.path(list(zip(weeks, lines.expected, strict=True))[change:]) if lines else "",
        action=plane.x(weeks[change] - 0.5 if change < len(weeks) else weeks[-1] + 0.5),
        reason=made.reason if isinstance(made, Refused) else "",
        meaning=_meaning(found, lines) if lines else "",
        rows=_rows(found, lines, change),
        few=sum(map(_is_few, found.totals)),
        x_ticks=tuple(Tick(plane.x(weeks[place]), str(mondays[place])) for place in range(0, len(weeks), step)),
        y_ticks=plane.share_ticks() if found.is_share else _count_ticks(plane),
    )


def _is_few(total: int) -> bool:
    """Whether a week has so few people that they could be told by name."""
    return 0 < total < SMALLEST_SHOWN


def said(found: AlertSeries, value: float) -> str:
    """A value as a reader wants it."""
    return f"{100 * value:.1f} %" if found.is_share else f"{value:,.0f}"


def _moved(found: AlertSeries, value: float) -> str:
    """A change as a reader wants it."""
    return f"{100 * value:+.1f} points" if found.is_share else f"{value:+,.0f}"


def _meaning(found: AlertSeries, lines: Interruption) -> str:
    """How far the figure jumped, and whether that can be told from chance."""
    it = lines.level
    moved = f"At the action the {found.series.what} moved by {_moved(found, it.value)}"
    moved = f"{moved} ({_moved(found, it.low)} to {_moved(found, it.high)})"
    if it.low <= 0 <= it.high:
        return f"{moved}, which cannot be told from chance."
    return f"{moved}, more than chance brings. What else changed in that week moved it too."


def _plane(found: AlertSeries, weeks: Sequence[int], values: Sequence[float]) -> Plane:
    """Room for all of it; shares stay between 0 and 1."""
    if found.is_share:
        low, high = share_range([min(max(value, 0.0), 1.0) for value in values])
    else:
        low, high = 0.0, max(1.0, *values)
    return Plane(-0.5, weeks[-1] + 0.5, low, high)


def _fitted(plane: Plane, weeks: Sequence[int], lines: Interruption | None, change: int) -> tuple[str, ...]:
    """The line before and the line after."""
    if lines is None:
        return ()
    points = list(zip(weeks, lines.fitted, strict=True))
    return plane.path(points[:change]), plane.path(points[change:])


def _rows(found: AlertSeries, lines: Interruption | None, change: int) -> tuple[WeekRow, ...]:
    """The table."""
    unanswered = found.unanswered or (None,) * len(found.totals)
    rows = []
    for place, (monday, value, total, silent) in enumerate(
        zip(found.series.mondays, found.series.values, found.totals, unanswered, strict=True)
    ):
        fitted = said(found, lines.fitted[place]) if lines else ""
        expected = said(found, lines.expected[place]) if lines and place >= change else ""
        hide = _is_few(total)
        beside = "" if silent is None or hide else f"{100 * silent:.1f} %"
        shown = DASH if hide else said(found, value)
        rows.append(WeekRow(str(monday), people(total), shown, beside, fitted, expected))
    return tuple(rows)


def _count_ticks(plane: Plane) -> tuple[Tick, ...]:
    """Some marks from nothing to the top."""
    marks = (plane.y_high * place / _COUNT_MARKS for place in range(_COUNT_MARKS + 1))
    return tuple(Tick(plane.y(mark), f"{mark:,.0f}") for mark in marks)
