"""The committee's pack: one page for a month, without anything from outside, made to be printed and filed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, PackageLoader

from oversight.analytics.burden import burden
from oversight.analytics.charts import version_changes
from oversight.analytics.few_clinicians import FEWEST
from oversight.analytics.funnel import actions_loaded, funnels
from oversight.analytics.narrowed import narrow
from oversight.analytics.phases import level_changes
from oversight.analytics.selection import By, Selection
from oversight.exports.of_few import hidden_services
from oversight.exports.order import Open, Order
from oversight.exports.standing import Standing
from oversight.mart.mart import Questions
from oversight.pages import outcome_words, words
from oversight.pages.committee.beside import beside
from oversight.pages.committee.reviews_part import review_lines
from oversight.pages.committee.service_part import service_part
from oversight.pages.door.roles import Person, Right
from oversight.pages.extent import extents, first_day, no_comparison
from oversight.pages.group_rows import group_rows
from oversight.pages.incident_clock import due
from oversight.pages.outcome_asked import Own
from oversight.pages.overview import chart_selection
from oversight.pages.view import before, unequal
from oversight.reviews.sheet import Sheet
from oversight.switches import SwitchState
from oversight.tallies import Period

_STYLE = Path(__file__).parents[1] / "static" / "oversight.css"


class StandingSource(Protocol):
    """What stands open; `oversight.exports.standing.SqlStanding` is one. Both methods raise `LedgerUnavailable`."""

    def read(self, now: datetime) -> Standing:
        """All of it at this moment."""
        ...

    def switched(self, first: datetime, until: datetime) -> tuple[SwitchState, ...]:
        """What was switched off or on between two moments."""
        ...


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a pack is: what their roles do not show is left out, and the pack says so."""

    person: Person

    def may(self, right: str) -> bool:
        """Whether a role has the right of this name."""
        return self.person.may(Right(right))


@dataclass(frozen=True, slots=True)
class PackParts:
    """What the pack needs: the mart, what stands open, what each service is judged by, and for whom it is.

    `reviews` reads the plans of reviews; it raises `LedgerUnavailable`.
    """

    mart: Open
    standing: StandingSource
    outcomes: Own
    person: Person
    reviews: Callable[[], Sequence[Sheet]] = tuple


def committee_pack(parts: PackParts, order: Order) -> str:
    """The page as HTML. Raises `LedgerUnavailable`."""
    with parts.mart() as mart:
        figures = _figures(mart, order)
    judged = [
        beside(parts.mart, replace(order.selection, service=name), parts.outcomes.get(name), order.entry)
        for name in figures.pop("names")
    ]
    page = _environment().get_template("oversight/committee_pack.html")
    return page.render(
        order=order,
        style=_STYLE.read_text("utf-8"),
        period=order.selection.period,
        reader=Reader(parts.person),
        words=words,
        told=outcome_words,
        judged=judged,
        reviews=review_lines(parts.reviews(), order.selection) if parts.person.may(Right.PLAN_REVIEWS) else None,
        **figures,
        **_open(parts.standing, order.selection, order.now),
    )


def _figures(mart: Questions, order: Order) -> dict[str, Any]:
    """Counts, rates and changes, from entries that are laid out once."""
    selection = order.selection
    earlier = replace(selection, period=order.shown(before(selection.period)))
    chart = chart_selection(selection)
    first = min(earlier.period.first, chart.period.first)
    levels = level_changes(mart, selection)
    actions = actions_loaded(mart)
    known = extents(mart, selection)
    narrow(mart, replace(selection, period=Period(first, selection.period.last)), order.entry)
    every, without = funnels(mart, selection, By.SERVICE), hidden_services(mart, selection)
    found = [one for one in every if one.key not in without]
    return {
        "names": [one.key for one in found],
        "untold": sorted(without),
        "fewest": FEWEST,
        "earlier": earlier.period,
        "unequal": unequal(selection.period, earlier.period),
        "without_before": no_comparison(first_day(known, selection.service), earlier.period),
        "services": group_rows(every, of_few=without),
        "service_parts": [
            service_part(
                mart,
                replace(selection, service=one.key),
                replace(earlier, service=one.key),
                no_comparison(first_day(known, one.key), earlier.period),
            )
            for one in found
        ],
        "actions": actions,
        "cost": burden(mart, selection),
        "versions": version_changes(mart, replace(selection, period=chart.period)),
        "levels": levels,
    }


def _open(source: StandingSource, selection: Selection, now: datetime) -> Mapping[str, object]:
    """What waits for somebody, of this service or of all."""
    standing, wanted = source.read(now), selection.service
    midnight = datetime.combine(selection.period.first, time(), UTC)
    until = datetime.combine(selection.period.last, time.max, UTC)
    return {
        "monitors": [run for run in standing.monitors if wanted in (None, run.service)],
        "unjudged": [week for week in standing.unjudged if wanted in (None, week.service)],
        "alerts": [alert for alert in standing.alerts if wanted in (None, alert.service)],
        "incidents": [
            (each, due(each.history, now.astimezone(UTC).date()))
            for each in standing.incidents
            if wanted in (None, each.service)
        ],
        "switches": source.switched(midnight, until),
    }


@cache
def _environment() -> Environment:
    """The templates of the pages, without an application around them."""
    return Environment(loader=PackageLoader("oversight.pages"), autoescape=True, trim_blocks=False)


def last_month(today: date) -> Period:
    """The whole month before the one of this day."""
    last = today.replace(day=1) - timedelta(days=1)
    return Period(last.replace(day=1), last)
