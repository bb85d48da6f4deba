"""The days that cards a day are counted over: those on which what is asked about ran."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.pages.view import View
from oversight.tallies import Period

_EPOCH = date(1970, 1, 1)
# The last entry of the selection, and that of its service (and client) altogether.
_LAST = "SELECT max(day) FILTER (WHERE {narrow}), max(day) FROM advice WHERE {wide}"


@dataclass(frozen=True, slots=True)
class DaysReplayed:
    """`left_out`: which of the days asked for are not among them, and why, as words; nothing where none are.

    `silent_since`: the day of the last entry, where later days count as days without a card.
    """

    period: Period
    left_out: tuple[str, ...]
    silent_since: date | None


def days_replayed(mart: Questions, selection: Selection, view: View) -> DaysReplayed:
    """From the first entry ever: a day before it is not one without cards.

    To the last entry where the service goes on without these filters (a version or a unit that has ended). Where the
    service is silent as well, silence is what happened: then to the last day that is over.
    """
    asked = selection.period
    first = max(asked.first, view.begins or asked.first)
    narrow, wide = _last_entries(mart, selection)
    latest = narrow or first
    ended = narrow is not None and wide is not None and narrow < wide
    last = latest if ended else min(asked.last, max(latest, view.today - timedelta(days=1)))
    left_out = [f"entries begin on {first}"] if first > asked.first else []
    if last < asked.last:
        why = "not over and have no entry"
        if ended:
            why = "without an entry of this selection, while the service goes on"
        left_out.append(f"the last of them is {last}, because later ones are {why}")
    return DaysReplayed(Period(first, last), tuple(left_out), latest if latest < last else None)


def _last_entries(mart: Questions, selection: Selection) -> tuple[date | None, date | None]:
    """The days of the last entries in the period: of the selection, and of its service and client."""
    narrow, values = selection.where()
    wide, _ = Selection(selection.period, service=selection.service, client=selection.client).where()
    ((one, other),) = mart.rows(_LAST.format(narrow=narrow, wide=wide), values)
    return _day(one), _day(other)


def _day(days: int | None) -> date | None:
    """A day as the mart counts them."""
    return None if days is None else _EPOCH + timedelta(days=days)
