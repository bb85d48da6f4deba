"""Weeks that passed without an answer: a monitor broke and was never asked again, or nobody ran any.

The next week's answer does not make up for them: what changed in such a week has raised no alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from oversight.tallies import monday_of

# For so long after its last entry a service is asked about.
IN_USE = timedelta(weeks=26)
_WEEK = timedelta(weeks=1)
_FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Answered:
    """That a monitor said something of a week, with its status, and when it last did."""

    service: str
    monitor: str
    first: date
    last: date
    status: str
    time: datetime


@dataclass(frozen=True, slots=True)
class UnjudgedWeek:
    """A week of a service, from its Monday to its Sunday. `broke` has the monitors at fault; without any, none ran."""

    service: str
    first: date
    last: date
    broke: tuple[str, ...]


def over(last: date) -> datetime:
    """When a week is over that ends with this day."""
    return datetime.combine(last + timedelta(days=1), time.min, UTC)


def newest_due(now: datetime) -> date:
    """The Monday of the latest week whose answers are overdue: it was over a whole week ago, and some more days."""
    return monday_of(now.astimezone(UTC).date()) - 2 * _WEEK


def unjudged_weeks(
    answered: Iterable[Answered], newest: date, never: Mapping[str, date] | None = None
) -> tuple[UnjudgedWeek, ...]:
    """The weeks up to `newest` (a Monday) of which a monitor has only its fault, and those that nobody asked about.

    A service is asked about from its first week here on; `never` has those that no monitor ever answered about, each
    with the Monday from which on it had something to judge. What ran before its week was over knew a part of it and
    does not count. Sorted by service, the earliest first. What broke in a service's latest week is left to whoever
    tells that, and a monitor that has no answer there any more, not even a fault, is asked no longer.
    """
    services: dict[str, dict[date, dict[str, set[str]]]] = {name: {first: {}} for name, first in (never or {}).items()}
    for one in answered:
        said = services.setdefault(one.service, {}).setdefault(one.first, {})
        if one.time >= over(one.last):
            said.setdefault(one.monitor, set()).add(one.status)
    return tuple(week for name in sorted(services) for week in _of_service(name, services[name], newest))


def _of_service(service: str, weeks: Mapping[date, Mapping[str, set[str]]], newest: date) -> Iterator[UnjudgedWeek]:
    """Those of one service."""
    judged = [week for week, said in weeks.items() if said]
    latest = max(judged, default=None)
    asked = weeks[latest].keys() if latest else frozenset()
    first = min(weeks)
    while first <= max(newest, latest or newest):
        said = weeks.get(first, {})
        broke = sorted(name for name, found in said.items() if found == {_FAULT} and name in asked)
        if (not said and first <= newest) or (broke and first != latest):
            yield UnjudgedWeek(service, first, first + _WEEK - timedelta(days=1), tuple(broke))
        first += _WEEK
