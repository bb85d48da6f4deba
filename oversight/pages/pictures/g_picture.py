"""The geometry of a g chart, its table, and what it says in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from oversight.analytics.rare_events import RareEvents
from oversight.pages.pictures.axes import Plane
from oversight.pages.pictures.chart import Tick
from oversight.pages.pictures.control_picture import ControlPicture, Dot
from oversight.statistics.control_charts import ChartPoint, Judged
from oversight.statistics.refused import Refused

_MOST_LABELS = 10
_COMMON = 0.1


@dataclass(frozen=True, slots=True)
class Gap:
    """One row of the table: `day` is empty where the day of a single event is not told; `signals` in words."""

    number: int
    day: str
    cards: int
    judged: Judged | None
    signals: str
    note: str


def gap_rows(rare: RareEvents, *, dated: bool) -> tuple[Gap, ...]:
    """Every gap, oldest first. `dated`: with the day of the event that ends it."""
    points = _points(rare)
    notes = dict(zip(rare.starts, rare.reasons, strict=True))
    return tuple(
        Gap(
            place + 1, str(day) if dated else "", cards, point.judged if point else None,
            ", ".join(point.judged.rules) if point and point.judged else "", notes.get(place, ""),
        )
        for place, (cards, day, point) in enumerate(zip(rare.gaps, rare.days, points, strict=True))
    )  # fmt: skip


def g_picture(rare: RareEvents, *, dated: bool) -> ControlPicture | None:
    """The picture, also where there are no limits; None where there is no gap."""
    if not rare.gaps:
        return None
    rows, points = gap_rows(rare, dated=dated), _points(rare)
    highs = [point.judged.high for point in points if point and point.judged]
    step, top = _scale(max([1.0, *map(float, rare.gaps), *highs]))
    plane = Plane(0.5, len(rows) + 0.5, 0.0, top)
    every = -(-len(rows) // _MOST_LABELS)
    phases = _phases(points)
    return ControlPicture(
        plane,
        tuple(Dot(plane.x(row.number), plane.y(row.cards), _text(row), bool(row.signals)) for row in rows),
        plane.path([(row.number, row.cards) for row in rows]),
        tuple(_steps(plane, phase, "centre") for phase in phases),
        tuple(_steps(plane, phase, end) for phase in phases for end in ("low", "high")),
        tuple(Tick(plane.x(place + 0.5), why) for place, why in zip(rare.starts, rare.reasons, strict=True)),
        tuple(Tick(plane.x(row.number), str(row.number)) for row in rows if (row.number - 1) % every == 0),
        tuple(Tick(plane.y(step * n), f"{step * n:,.0f}") for n in range(round(top / step) + 1)),
    )


def gap_words(rare: RareEvents, *, dated: bool) -> list[str]:
    """What the chart says, in sentences."""
    known = "" if dated else " whose outcome is known"
    said = [f"{rare.events:,} of them among {rare.cards:,} cards{known}, and {rare.since:,} such cards since the last."]
    if rare.earlier:
        said.append(f"The newest {len(rare.gaps)} gaps are drawn; {rare.earlier} before them are not.")
    if rare.events > _COMMON * rare.cards:
        said.append(
            f"{100 * rare.events / rare.cards:.0f} % of cards is not rare: a weekly share would show a change sooner."
        )
    if isinstance(rare.chart, Refused):
        return [*said, f"No limits are drawn. {rare.chart.reason}"]
    for phase in rare.chart.phases:
        if isinstance(phase.basis, Refused):
            said.append(f"Gaps {phase.first + 1} to {phase.last + 1} have no limits. {phase.basis.reason}")
    signals = _signals(rare, rare.chart.signals, dated)
    return [*said, *(signals or ["No gap is a signal: they are as uneven as chance makes them."])]


def _signals(rare: RareEvents, points: Sequence[ChartPoint], dated: bool) -> list[str]:
    """Signals in sentences; those that follow one another for the same reason are one."""
    runs: list[list[ChartPoint]] = []
    for point in points:
        if runs and _why(runs[-1][-1]) == _why(point) and runs[-1][-1].place + 1 == point.place:
            runs[-1].append(point)
        else:
            runs.append([point])
    return [_signal(rare, run, dated) for run in runs]


def _why(point: ChartPoint) -> tuple[bool, tuple[str, ...]]:
    """Whether a signal is a short gap, and the rules that it meets."""
    return (point.judged.z < 0, point.judged.rules) if point.judged else (False, ())


def _signal(rare: RareEvents, run: Sequence[ChartPoint], dated: bool) -> str:
    """Signals in a row in a sentence."""
    first, last = run[0].place, run[-1].place
    name = f"Gap {first + 1}" if first == last else f"Gaps {first + 1} to {last + 1}"
    ends = f", up to {rare.days[last]}" if dated else ""
    short, rules = _why(run[-1])
    closer = "Shorter than usual: they came closer together" if short else "Longer than usual: they came farther apart"
    return f"{name}{ends}. {closer} ({', '.join(rules)})."


def _points(rare: RareEvents) -> list[ChartPoint | None]:
    """A point for each gap; None where the chart is refused."""
    return [None] * len(rare.gaps) if isinstance(rare.chart, Refused) else list(rare.chart.points)


def _phases(points: list[ChartPoint | None]) -> list[list[ChartPoint]]:
    """The judged points of each phase that has limits."""
    found: dict[int, list[ChartPoint]] = {}
    for point in points:
        if point and point.judged:
            found.setdefault(point.phase, []).append(point)
    return list(found.values())


def _steps(plane: Plane, points: list[ChartPoint], name: str) -> str:
    """A line that keeps its value for the width of a gap."""
    ends = [(point.place + 1 + side, float(getattr(point.judged, name))) for point in points for side in (-0.5, 0.5)]
    return plane.path(ends)


def _scale(most: float) -> tuple[float, float]:
    """A step of 1, 2 or 5 times a power of ten, at least 1, and how high the axis goes."""
    scale = 10.0 ** math.floor(math.log10(most / 4)) if most > 4 else 1.0
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= most / 4)
    return step, step * math.ceil(most / step)


def _text(row: Gap) -> str:
    """What stands at a dot."""
    ends = f", which ended on {row.day}" if row.day else ""
    return f"Gap {row.number}{ends}: {row.cards} cards{f'; signal: {row.signals}' if row.signals else ''}"
