"""The common frame of the pages with figures: filters, how far the figures reach, the audit, the mart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date
from typing import Any

from flask import Response, current_app, g, make_response, render_template, request
from werkzeug.datastructures import MultiDict

from clinical.audit import AuditEvent, AuditKind
from clinical.ports import Audit, Clock
from oversight.analytics.few_clinicians import why_too_few
from oversight.analytics.narrowed import narrow
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.pages import words
from oversight.pages.door.access import person, refused
from oversight.pages.door.roles import Person, Right
from oversight.pages.extent import extents
from oversight.pages.mart_source import MartSource
from oversight.pages.view import View, choices, chosen_service, in_whole_weeks, parse_view, told

# Pages in the order of the navigation: endpoint and name. On a narrow screen each of `ROWS` begins a line: use, models,
# work, the rest. Those that are not there, or not for the person, are left out. A page needs `Right.FIGURES` unless
# `NEEDED` says otherwise.
PAGES = (
    ("overview", "Overview"),
    ("service", "Service"),
    ("comparison", "Comparison"),
    ("reasons", "Reasons"),
    ("equity", "Equity"),
    ("drift", "Drift"),
    ("outcomes", "Outcomes"),
    ("thresholds", "Thresholds"),
    ("reviews", "Reviews"),
    ("alerts", "Alerts"),
    ("incidents", "Incidents"),
    ("models", "Models"),
    ("exports", "Exports"),
    ("override_rates", "Override rates"),
)
ROWS = ("overview", "equity", "reviews", "models")
NEEDED = {
    "reviews": Right.REVIEW,
    "alerts": Right.ALERTS,
    "incidents": Right.INCIDENTS,
    "exports": Right.EXPORT_FIGURES,
}
Args = MultiDict[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is drawn from: a view, who looks, and what only this page asks for."""

    view: View
    person: Person
    own: Any = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page with figures.

    `figures` gives what the template needs, `ask` what only this page asks for, or faults; `reads` the entries
    that it needs, if any, and `about` is what its figures are of. `name` is what the audit says; `right` is what opens
    the page. `one_service`: where nobody says which service, it is about the busiest. `unfiltered`: of the filters only
    days and service hold.
    """

    name: str
    template: str
    figures: Callable[[Questions, Asked], Mapping[str, object]]
    ask: Callable[[Args, View], object | list[str]] = lambda _args, _view: None
    reads: Callable[[Asked], Selection | None] = lambda asked: asked.view.both
    about: Callable[[Asked], tuple[Selection, ...]] = lambda asked: (asked.view.selection,)
    right: Right = Right.FIGURES
    one_service: bool = False
    unfiltered: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """What every page with figures needs."""

    mart: MartSource
    audit: Audit
    clock: Clock


def show(page: Page, desk: Desk) -> Response:
    """Check who asks and what, note it, and draw. Raises `LedgerUnavailable`."""
    if (answer := refused(page.right)) is not None:
        return answer
    as_of = desk.mart.as_of()
    with desk.mart.open() as mart:
        today = desk.clock.now().astimezone(UTC).date()
        view = parse_view(request.args, choices(mart), today)
        if isinstance(view, View):
            view = _view(mart, page, view, today)
        own = [] if isinstance(view, list) else page.ask(request.args, view)
        faults = view if isinstance(view, list) else own
        if isinstance(view, list) or isinstance(own, list):
            return make_response(render_template("oversight/bad_request.html", faults=faults), 400)
        period = view.selection.period
        seen = f"{page.name}, {period.first} to {period.last}, by {person().name}"
        service = view.selection.service or ""
        desk.audit.note(AuditEvent(desk.clock.now(), AuditKind.LEDGER_READ, service=service, detail=seen))
        asked = Asked(view, person(), own)
        if (reason := _too_few(mart, page, asked)) is not None:
            shown = {"view": view, "kept": view.kept, "as_of": as_of, "words": words, "told_filter": told}
            return make_response(render_template("oversight/too_few.html", reason=reason, **shown), 403)
        if (needed := page.reads(asked)) is not None:
            narrow(mart, needed, as_of.entry)
        figures = page.figures(mart, asked)
    drawn = render_template(
        page.template, view=view, kept=view.kept, as_of=as_of, words=words, told_filter=told, **figures
    )
    return make_response(drawn)


def _view(mart: Questions, page: Page, view: View, today: date) -> View:
    """What is asked for, as far as who looks may have it."""
    if page.one_service:
        view = chosen_service(replace(view, known=extents(mart, view.selection)))
    if not person().may(Right.CLINICIANS):
        view = in_whole_weeks(view, mart, today, unfiltered=page.unfiltered)
    return replace(view, known=extents(mart, view.selection))


def _too_few(mart: Questions, page: Page, asked: Asked) -> str | None:
    """Why the figures are those of few clinicians, for who may not see such."""
    if asked.person.may(Right.CLINICIANS):
        return None
    weeks = asked.view.weeks
    if weeks is not None and weeks.why_none is not None:
        return weeks.why_none
    found = (why_too_few(mart, selection) for selection in page.about(asked))
    return next((reason for reason in found if reason is not None), None)


def navigation() -> dict[str, object]:
    """What every template may draw the navigation from: nothing for who has not come in."""
    if "oversight_person" not in g:
        return {"pages": [], "here": request.endpoint}
    who = person()
    there = [
        (f"oversight.{name}", label)
        for name, label in PAGES
        if f"oversight.{name}" in current_app.view_functions and who.may(NEEDED.get(name, Right.FIGURES))
    ]
    line = {"pages": there, "first_of_line": _first_of_line(there), "here": request.endpoint}
    return {**line, "who": who, "role_words": words.role}


def _first_of_line(there: list[tuple[str, str]]) -> set[str]:
    """The endpoints that begin a line of the navigation: the first of each group that is there."""
    order = [f"oversight.{name}" for name, _ in PAGES]
    starts = [order.index(f"oversight.{name}") for name in ROWS]
    groups = {sum(start <= order.index(endpoint) for start in starts): endpoint for endpoint, _ in reversed(there)}
    return set(groups.values())
