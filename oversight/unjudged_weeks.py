"""Weeks that passed without an answer: a monitor broke and was never asked again, or nobody ran any.

The next week's answer does not make up for them: what changed in such a week has raised no alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

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


def unjudged_weeks(answered: Iterable[Answered]) -> tuple[UnjudgedWeek, ...]:
    """The weeks before a service's latest of which a monitor has only its fault, and those that nobody asked about.

    A service is asked about from its first week here up to the latest week of any service: where one of them fails as a
    whole, it has no runs while the others go on. What ran before its week was over knew a part of it and does not
    count. Sorted by service, the earliest first. What broke in a service's latest week is left to whoever tells that.
    """
    statuses: dict[str, dict[date, dict[str, set[str]]]] = {}
    for one in answered:
        if one.time >= datetime.combine(one.last + timedelta(days=1), time.min, UTC):
            weeks = statuses.setdefault(one.service, {})
            weeks.setdefault(one.first, {}).setdefault(one.monitor, set()).add(one.status)
    newest = max((week for weeks in statuses.values() for week in weeks), default=None)
    if newest is None:
        return ()
    return tuple(week for service in sorted(statuses) for week in _of_service(service, statuses[service], newest))


def _of_service(service: str, weeks: Mapping[date, Mapping[str, set[str]]], newest: date) -> Iterator[UnjudgedWeek]:
    """Those of one service."""
    latest, first = max(weeks), min(weeks)
    while first <= newest:
        last = first + _WEEK - timedelta(days=1)
        said = weeks.get(first)
        if said is None:
            yield UnjudgedWeek(service, first, last, ())
        elif first != latest and (broke := sorted(name for name, found in said.items() if found == {_FAULT})):
            yield UnjudgedWeek(service, first, last, tuple(broke))
        first += _WEEK
