"""The common frame of the pages with figures: filters, how far the figures reach, the audit, the mart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from flask import Response, current_app, make_response, render_template, request
from werkzeug.datastructures import MultiDict

from clinical.audit import AuditEvent, AuditKind
from clinical.ports import Audit, Clock
from oversight.analytics.narrowed import narrow
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.pages import words
from oversight.pages.mart_source import MartSource
from oversight.pages.view import View, choices, parse_view

# Pages in the order of the navigation: endpoint and name. Those that are not there are left out.
PAGES = (
    ("overview", "Overview"),
    ("service", "Service"),
    ("comparison", "Comparison"),
    ("reasons", "Reasons"),
    ("override_rates", "Override rates"),
    ("incidents", "Incidents"),
)
Args = MultiDict[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is drawn from: a view, the role of who looks, and what only this page asks for."""

    view: View
    role: str
    own: Any = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page with figures.

    `figures` gives what the template needs, `ask` what only this page asks for, or faults; `reads` the entries
    that it needs, if any. `name` is what the audit says.
    """

    name: str
    template: str
    figures: Callable[[Questions, Asked], Mapping[str, object]]
    ask: Callable[[Args, View], object | list[str]] = lambda _args, _view: None
    reads: Callable[[Asked], Selection | None] = lambda asked: asked.view.both


@dataclass(frozen=True, slots=True)
class Desk:
    """What every page with figures needs."""

    mart: MartSource
    audit: Audit
    clock: Clock


def show(page: Page, desk: Desk, role: str) -> Response:
    """Check the question, note who asks, and draw. Raises `LedgerUnavailable`."""
    as_of = desk.mart.as_of()
    with desk.mart.open() as mart:
        view = parse_view(request.args, choices(mart), desk.clock.now().astimezone(UTC).date())
        own = [] if isinstance(view, list) else page.ask(request.args, view)
        faults = view if isinstance(view, list) else own
        if isinstance(view, list) or isinstance(own, list):
            return make_response(render_template("oversight/bad_request.html", faults=faults), 400)
        period = view.selection.period
        seen = f"{page.name}, {period.first} to {period.last}, by {role}"
        service = view.selection.service or ""
        desk.audit.note(AuditEvent(desk.clock.now(), AuditKind.LEDGER_READ, service=service, detail=seen))
        asked = Asked(view, role, own)
        if (needed := page.reads(asked)) is not None:
            narrow(mart, needed, as_of.entry)
        figures = page.figures(mart, asked)
    drawn = render_template(page.template, view=view, kept=view.kept, as_of=as_of, words=words, **figures)
    return make_response(drawn)


def navigation() -> dict[str, object]:
    """What every template may draw the navigation from."""
    there = [(f"oversight.{name}", label) for name, label in PAGES if f"oversight.{name}" in current_app.view_functions]
    return {"pages": there, "here": request.endpoint}
