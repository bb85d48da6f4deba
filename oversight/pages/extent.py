"""What the figures have of each service and version: since when, and how much of it in a page's period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.tallies import Period

_EPOCH = date(1970, 1, 1)
_EXTENT = """
SELECT CAST(service AS VARCHAR), CAST(model_version AS VARCHAR), min(day),
  count(*) FILTER (day >= $since), count(*) FILTER (day >= $since AND {card}),
  min(day) FILTER (day >= $since AND {card})
FROM advice WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2
"""
_CARD = "withheld IS NULL AND abstention IS NULL AND hook <> 'smart-launch'"


@dataclass(frozen=True, slots=True)
class Extent:
    """One version of a service: the day of its first entry, and its entries and cards within a period.

    `shown` is the day of its first card within the period, None where it has none.
    """

    service: str
    version: str
    begins: date
    entries: int
    cards: int
    shown: date | None


def extents(mart: Questions, selection: Selection) -> tuple[Extent, ...]:
    """Of everything up to the end of a selection's period, with the selection's filters: one question."""
    until = replace(selection, period=Period(date.min, selection.period.last))
    where, values = until.where()
    since = (selection.period.first - _EPOCH).days
    rows = mart.rows(_EXTENT.format(where=where, card=_CARD), values | {"since": since})
    return tuple(
        Extent(service, version or "", _day(begins), entries, cards, None if shown is None else _day(shown))
        for service, version, begins, entries, cards, shown in rows
    )


def busiest(found: Sequence[Extent]) -> str | None:
    """The service with most cards in the period (of equals with most entries); None where there is no entry."""
    services = sorted({each.service for each in found if each.entries})
    weight = {
        name: tuple(sum(getattr(each, what) for each in found if each.service == name) for what in ("cards", "entries"))
        for name in services
    }
    return max(services, key=lambda name: weight[name], default=None)


def first_day(found: Sequence[Extent], service: str | None = None) -> date | None:
    """The day of the first entry, of a service or of all."""
    return min((each.begins for each in found if service is None or each.service == service), default=None)


def no_comparison(begins: date | None, before: Period) -> str:
    """Why there is nothing to compare with a period, in words; nothing where entries (from `begins` on) fill it.

    A period that had begun without entries would look like a change.
    """
    if begins is not None and begins <= before.first:
        return ""
    return "no comparison: there are no entries" if begins is None else f"no comparison: entries begin on {begins}"


def version_change(found: Sequence[Extent]) -> tuple[Extent, Extent] | None:
    """The two versions of the one service with cards in the period, the earlier first.

    None where there is another number of services or versions, or where both were first shown on the same day.
    """
    shown = [(each.shown, each) for each in found if each.shown is not None]
    if len(shown) != 2 or len({each.service for _, each in shown}) != 1 or shown[0][0] == shown[1][0]:
        return None
    old, new = sorted(shown, key=lambda pair: pair[0])
    return old[1], new[1]


def _day(days: int) -> date:
    """A day as the mart counts them."""
    return _EPOCH + timedelta(days=days)
