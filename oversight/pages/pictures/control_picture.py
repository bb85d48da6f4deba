"""The geometry of Laney's p′ chart. The template draws it."""

from __future__ import annotations

from dataclasses import dataclass

from oversight.analytics.charts import VersionChange, WeeklyChart
from oversight.pages.pictures.axes import Plane, share_range
from oversight.pages.pictures.chart import Tick
from oversight.statistics.control_charts import ChartPoint, Judged
from oversight.statistics.refused import Refused

_MOST_LABELS = 8
# Changes of two services may cancel out, and a change of one may hide in the others.
_MIXED = (
    "These limits are one phase over all services: a signal may be a new version of one of them, or that their mix "
    "has moved, and no signal does not mean that each service is steady. Choose a service for limits of its own."
)


@dataclass(frozen=True, slots=True)
class Dot:
    """A week, and whether it is a signal."""

    x: float
    y: float
    text: str
    signal: bool


@dataclass(frozen=True, slots=True)
class ControlPicture:
    """Dots, the line through them, centre lines and limits (one path for each phase), and where phases begin, and why.

    `shifts` are the change points.
    """

    plane: Plane
    dots: tuple[Dot, ...]
    line: str
    centres: tuple[str, ...]
    limits: tuple[str, ...]
    starts: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    shifts: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """One week of the chart's table; `signals` in words."""

    start: str
    answered: int
    overridden: int
    value: float | None
    judged: Judged | None
    signals: str


def control_picture(weekly: WeeklyChart) -> ControlPicture | None:
    """The picture, also where there are no limits; None where nothing was answered."""
    rows = told(weekly)
    rates = [row.value for row in rows if row.value is not None]
    if not rates:
        return None
    edges = [edge for row in rows if row.judged for edge in (row.judged.low, row.judged.high)]
    plane = Plane(-0.5, len(rows) - 0.5, *share_range([*rates, *edges]))
    places = [(place, row) for place, row in enumerate(rows) if row.value is not None]
    dots = tuple(Dot(plane.x(place), plane.y(row.value or 0.0), _text(row), bool(row.signals)) for place, row in places)
    phases = _phases(weekly)
    step = -(-len(rows) // _MOST_LABELS)
    return ControlPicture(
        plane,
        dots,
        plane.path([(place, row.value or 0.0) for place, row in places]),
        tuple(_steps(plane, points, "centre") for points in phases),
        tuple(_steps(plane, points, end) for points in phases for end in ("low", "high")),
        tuple(Tick(plane.x(place - 0.5), why) for place, why in zip(weekly.starts, weekly.reasons, strict=True)),
        tuple(Tick(plane.x(place), row.start) for place, row in enumerate(rows) if place % step == 0),
        plane.share_ticks(),
    )


def told(weekly: WeeklyChart) -> tuple[Told, ...]:
    """Every week, with what the chart says of it."""
    points = {} if isinstance(weekly.chart, Refused) else {point.place: point for point in weekly.chart.points}
    rows = []
    for place, week in enumerate(weekly.weeks):
        judged = points[place].judged if place in points else None
        signals = ", ".join(judged.rules) if judged else ""
        value = week.overridden / week.answered if week.answered else None
        rows.append(Told(week.start.isoformat(), week.answered, week.overridden, value, judged, signals))
    return tuple(rows)


def spoken(weekly: WeeklyChart) -> list[str]:
    """The signals, the phases and their refusals in sentences."""
    said = [_changed(change, weekly.phased) for change in weekly.changes]
    if isinstance(weekly.chart, Refused):
        return [*said, f"No limits are drawn. {weekly.chart.reason}"]
    for phase in weekly.chart.phases:
        if isinstance(phase.basis, Refused):
            first, last = weekly.weeks[phase.first].start, weekly.weeks[phase.last].start
            said.append(f"Weeks of {first} to {last} have no limits. {phase.basis.reason}")
    for point in weekly.chart.signals:
        said.append(_signal(weekly, point))
    if not weekly.chart.signals:
        said.append("No week is a signal: the rate goes up and down as it usually does.")
    if not weekly.phased:
        said.append(_MIXED)
    return said


def _changed(change: VersionChange, phased: bool) -> str:
    """A version in a sentence."""
    came = f"{change.service} came in version {change.version} on {change.day}"
    return f"{came}; limits begin anew in its first whole week." if phased else f"{came}."


def _signal(weekly: WeeklyChart, point: ChartPoint) -> str:
    """A signal in a sentence."""
    if point.judged is None:
        raise ValueError("a signal without limits")
    side = "above" if point.judged.z > 0 else "below"
    return (
        f"Week of {weekly.weeks[point.place].start}: {100 * point.value:.1f} %, {side} the centre line of "
        f"{100 * point.judged.centre:.1f} % ({', '.join(point.judged.rules)})."
    )


def _phases(weekly: WeeklyChart) -> list[list[ChartPoint]]:
    """The judged points of each phase that has limits."""
    if isinstance(weekly.chart, Refused):
        return []
    found: dict[int, list[ChartPoint]] = {}
    for point in weekly.chart.points:
        if point.judged:
            found.setdefault(point.phase, []).append(point)
    return list(found.values())


def _steps(plane: Plane, points: list[ChartPoint], name: str) -> str:
    """A line that keeps its value for the width of a week."""
    ends = [(point.place + side, float(getattr(point.judged, name))) for point in points for side in (-0.5, 0.5)]
    return plane.path(ends)


def _text(row: Told) -> str:
    """What stands at a dot."""
    signal = f"; signal: {row.signals}" if row.signals else ""
    return f"Week of {row.start}: {row.overridden} of {row.answered} answered cards overridden{signal}"
