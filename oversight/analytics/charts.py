"""The override rate week by week, with the weeks in which a model's version changed, as Laney's p′ chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.control_charts import ControlChart, laney_chart, phase_starts
from oversight.statistics.refused import Refused
from oversight.tallies import Period


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
    """Every week of a period, also those without a card; a place in `chart` is one in `weeks`."""

    weeks: tuple[Week, ...]
    changes: tuple[VersionChange, ...]
    chart: ControlChart | Refused


_WEEKS = """
SELECT CAST(date_trunc('week', date) AS DATE), count(*), count(*) FILTER (outcome IN ('accepted', 'overridden')),
  count(*) FILTER (outcome = 'overridden')
FROM event WHERE card AND {where} GROUP BY 1
"""
_VERSIONS = """
SELECT CAST(service AS VARCHAR), CAST(model_version AS VARCHAR), min(date) FROM event WHERE card AND {where}
GROUP BY 1, 2 ORDER BY 1, 3, 2
"""


def weekly_chart(mart: Questions, selection: Selection) -> WeeklyChart:
    """Of a selection; a phase begins in the first whole week of a new version."""
    where, values = selection.where()
    found = {row[0]: Week(*row) for row in mart.rows(_WEEKS.format(where=where), values)}
    weeks = tuple(found.get(start, Week(start, 0, 0, 0)) for start in mondays(selection.period))
    changes = version_changes(mart, selection)
    starts = phase_starts([week.start for week in weeks], (change.day for change in changes))
    overridden = np.array([week.overridden for week in weeks], dtype=np.int64)
    answered = np.array([week.answered for week in weeks], dtype=np.int64)
    return WeeklyChart(weeks, changes, laney_chart(overridden, answered, starts))


def version_changes(mart: Questions, selection: Selection) -> tuple[VersionChange, ...]:
    """New versions in a selection, by day. The first version of each service is none."""
    where, values = selection.where()
    seen: set[str] = set()
    changes = []
    for service, version, day in mart.rows(_VERSIONS.format(where=where), values):
        if service in seen:
            changes.append(VersionChange(day, service, version))
        seen.add(service)
    return tuple(sorted(changes, key=lambda change: (change.day, change.service)))


def mondays(period: Period) -> tuple[date, ...]:
    """The first day of each week that has a day in a period."""
    first = period.first - timedelta(days=period.first.weekday())
    return tuple(first + timedelta(days=days) for days in range(0, (period.last - first).days + 1, 7))
