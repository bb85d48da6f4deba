"""The override rate week by week, with the weeks in which a version or a level changed, as Laney's p′ chart."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from oversight.analytics.phases import LevelChange, level_changes, phase_reasons
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.control_charts import ControlChart, laney_chart
from oversight.statistics.refused import Refused
from oversight.statistics.rules import DEFAULT, Rule
from oversight.tallies import Period, monday_of


@dataclass(frozen=True, slots=True)
class VersionChange:
    """The day of the first card of a version of a service that another version had served before."""

    day: date
    service: str
    version: str


@dataclass(frozen=True, slots=True)
class Week:
    """Cards of one week (from Monday, UTC): `answered` were accepted or overridden; `cards` are all."""

    start: date
    cards: int
    answered: int
    overridden: int


@dataclass(frozen=True, slots=True)
class WeeklyChart:
    """Every week of a period from the first with a card on; a place in `chart` is one in `weeks`.

    `starts` are the places at which new versions or thresholds (`levels`) begin, `reasons` which of them, for each.
    Limits begin anew there if `phased`: the chart is of one service. Over several services a change moves only a part
    of the cards, so all weeks are one phase, and changes of levels are not looked for.
    """

    weeks: tuple[Week, ...]
    changes: tuple[VersionChange, ...]
    chart: ControlChart | Refused
    starts: tuple[int, ...] = ()
    phased: bool = True
    levels: tuple[LevelChange, ...] = ()
    reasons: tuple[str, ...] = ()


_WEEKS = """
SELECT CAST(date_trunc('week', date) AS DATE), count(*), count(*) FILTER (outcome IN ('accepted', 'overridden')),
  count(*) FILTER (outcome = 'overridden')
FROM event WHERE card AND {where} GROUP BY 1
"""
_VERSIONS = """
SELECT CAST(service AS VARCHAR), CAST(model_version AS VARCHAR), min(date) FROM event WHERE card AND {where}
GROUP BY 1, 2 ORDER BY 1, 3, 2
"""


def weekly_chart(
    mart: Questions, selection: Selection, rules: Iterable[Rule] = DEFAULT, hidden: Collection[str] = ()
) -> WeeklyChart:
    """Of a selection; of one service, a phase begins in the first whole week of a new version or threshold.

    Weeks that are `hidden` (by their Mondays, as text) keep their places and have no cards: neither a point nor a
    limit, a signal or a change point says anything of them.
    """
    where, values = selection.where()
    found = {row[0]: Week(*row) for row in mart.rows(_WEEKS.format(where=where), values)}
    # Weeks before anything was shown would only be an empty half of the picture.
    begins = min(found, default=selection.period.first)
    known = {start: week for start, week in found.items() if start.isoformat() not in hidden}
    weeks = tuple(known.get(start, Week(start, 0, 0, 0)) for start in mondays(selection.period) if start >= begins)
    versions = _versions(mart, selection)
    changes = _changes(versions)
    phased = len({service for service, _, _ in versions}) <= 1
    levels = level_changes(mart, selection) if phased else ()
    reasons = phase_reasons(
        [week.start for week in weeks], (change.day for change in changes), (change.day for change in levels)
    )
    starts = tuple(reasons)
    overridden = np.array([week.overridden for week in weeks], dtype=np.int64)
    answered = np.array([week.answered for week in weeks], dtype=np.int64)
    chart = laney_chart(overridden, answered, starts if phased else (), rules)
    return WeeklyChart(weeks, changes, chart, starts, phased, levels, tuple(reasons.values()))


def version_changes(mart: Questions, selection: Selection) -> tuple[VersionChange, ...]:
    """New versions in a selection, by day. The first version of each service is none."""
    return _changes(_versions(mart, selection))


def _versions(mart: Questions, selection: Selection) -> list[tuple[str, str, date]]:
    """Each version of each service with the day of its first card, by service and day."""
    where, values = selection.where()
    return [(service, version, day) for service, version, day in mart.rows(_VERSIONS.format(where=where), values)]


def _changes(versions: list[tuple[str, str, date]]) -> tuple[VersionChange, ...]:
    """All but the first of each service."""
    seen: set[str] = set()
    changes = []
    for service, version, day in versions:
        if service in seen:
            changes.append(VersionChange(day, service, version))
        seen.add(service)
    return tuple(sorted(changes, key=lambda change: (change.day, change.service)))


def mondays(period: Period) -> tuple[date, ...]:
    """The first day of each week that has a day in a period."""
    first = monday_of(period.first)
    return tuple(first + timedelta(days=days) for days in range(0, (period.last - first).days + 1, 7))
