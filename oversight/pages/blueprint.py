"""The routes of the quality team's pages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_bytes

from flask import Blueprint, Response, make_response, render_template, request

from clinical.errors import LedgerUnavailable, origin
from clinical.ports import Audit, Clock
from clinical.typed_words import shown
from oversight.incidents import MOST_LISTED
from oversight.pages import alerts, incidents, models, no_page
from oversight.pages.alerts import AlertBook, AlertDesk, RunBook
from oversight.pages.comparison import COMPARISON
from oversight.pages.door import forms
from oversight.pages.door.routes import Locks, add_door
from oversight.pages.door.sign_in import SignInDeps
from oversight.pages.drift import drift_page
from oversight.pages.equity import equity_page
from oversight.pages.exports import ExportDesk, ExportParts
from oversight.pages.exports import add_routes as add_export_routes
from oversight.pages.frame import Desk, Page, navigation, show
from oversight.pages.in_short import open_alerts
from oversight.pages.incidents import IncidentDesk, IncidentSource, IncidentWork
from oversight.pages.mart_source import MartSource
from oversight.pages.model_shelf import ModelShelf, SwitchBook
from oversight.pages.models import ModelSources
from oversight.pages.outcome_asked import Own
from oversight.pages.outcomes import outcomes_page
from oversight.pages.override_rates import OVERRIDE_RATES
from oversight.pages.overview import Waiting, overview_page
from oversight.pages.rare_harms import RareSources
from oversight.pages.reasons import REASONS
from oversight.pages.review_sources import ReviewParts
from oversight.pages.reviews import add_routes as add_review_routes
from oversight.pages.service import service_page
from oversight.pages.thresholds import thresholds_page

LOG = logging.getLogger("chartside.oversight")

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    # Not "no-referrer": then a browser names no origin on our own forms either (`Origin: null`); forms.py looks at it.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class PageDeps:
    """What the pages need. Without a password and a sign-in they stay closed; a view that cannot be noted is not given.

    Without `incidents` there is no page of them (without `incident_work` only their list), without `alerts` and `runs`
    none of alerts, without `models`, `runs` and `switches` none of models, and without `mart` none of the pages with
    figures out of it.
    `outcomes` says what each service is judged by, where its model says so.
    `secret` binds forms to whoever they were drawn for; all processes of a service need the same.
    """

    clock: Clock
    audit: Audit
    password: str | None = field(repr=False)
    incidents: IncidentSource | None = None
    mart: MartSource | None = None
    incident_work: IncidentWork | None = None
    alerts: AlertBook | None = None
    runs: RunBook | None = None
    models: ModelShelf | None = None
    switches: SwitchBook | None = None
    reviews: ReviewParts | None = None
    sign_in: SignInDeps | None = None
    outcomes: Own = field(default_factory=dict)
    exports: ExportParts | None = None
    secret: bytes = field(default_factory=lambda: token_bytes(32), repr=False)


# Address and endpoint of each page with figures.
_WITH_FIGURES = (
    ("/oversight/comparison", "comparison", COMPARISON),
    ("/oversight/reasons", "reasons", REASONS),
    ("/oversight/override-rates", "override_rates", OVERRIDE_RATES),
)


def create_blueprint(deps: PageDeps) -> Blueprint:
    """The quality team's pages, closed to everyone but them."""
    pages = Blueprint(
        "oversight", __name__, template_folder="templates", static_folder="static", static_url_path="/oversight/static"
    )
    pages.record_once(lambda state: state.app.config.__setitem__(forms.SECRET, deps.secret))
    pages.before_request(forms.limit)
    pages.add_app_template_filter(shown, "shown")
    _add_exports(pages, deps)
    add_door(pages, deps.sign_in, Locks(deps.password, deps.secret, deps.audit, deps.clock))
    pages.after_request(_with_headers)
    pages.context_processor(navigation)
    pages.register_error_handler(LedgerUnavailable, _ledger_unavailable)

    if deps.incidents is not None:
        incidents.add_routes(pages, IncidentDesk(deps.incidents, deps.incident_work, deps.audit, deps.clock))

    if deps.alerts is not None and deps.runs is not None:
        alerts.add_routes(pages, AlertDesk(deps.alerts, deps.runs, deps.mart, deps.audit, deps.clock))

    if deps.mart is not None:
        desk = Desk(deps.mart, deps.audit, deps.clock)
        for address, endpoint, page in _with_figures(deps):
            pages.add_url_rule(address, endpoint, _drawn(page, desk), methods=["GET"], strict_slashes=False)
        if deps.models is not None and deps.runs is not None and deps.switches is not None:
            models.add_routes(pages, ModelSources(deps.models, deps.runs, deps.switches), desk)
        if deps.reviews is not None:
            add_review_routes(pages, deps.reviews, desk)

    no_page.add_routes(pages)
    return pages


def _add_exports(pages: Blueprint, deps: PageDeps) -> None:
    """Where there is something to export. The metrics have a door for machines, so this comes before the other door."""
    if deps.exports is not None and deps.mart is not None:
        add_export_routes(pages, ExportDesk(deps.mart, deps.exports, deps.audit, deps.clock))


def _with_figures(deps: PageDeps) -> tuple[tuple[str, str, Page], ...]:
    """Address and endpoint of each page with figures, those that know of outcomes among them."""
    return (
        ("/oversight/", "overview", overview_page(_waiting(deps))),
        ("/oversight/service", "service", service_page(_rare(deps))),
        *_WITH_FIGURES,
        ("/oversight/equity", "equity", equity_page(deps.outcomes)),
        ("/oversight/drift", "drift", drift_page(deps.outcomes)),
        ("/oversight/outcomes", "outcomes", outcomes_page(deps.outcomes)),
        ("/oversight/thresholds", "thresholds", thresholds_page(deps.outcomes)),
    )


def _rare(deps: PageDeps) -> RareSources:
    """Where rare harms are told."""
    source = deps.incidents
    return RareSources(deps.outcomes, None if source is None else lambda: source.incidents(MOST_LISTED))


def _waiting(deps: PageDeps) -> Waiting | None:
    """What alerts are open, where there is a page of them."""
    if deps.alerts is None or deps.runs is None:
        return None
    book, runs = deps.alerts, deps.runs
    return lambda service: open_alerts(book, runs, service, deps.clock.now())


def _drawn(page: Page, desk: Desk) -> Callable[[], Response]:
    """The view of a page."""

    def view() -> Response:
        """Draw it."""
        return show(page, desk)

    return view


def _with_headers(response: Response) -> Response:
    """Keep answers out of caches, frames and referrers, and scripts out of answers."""
    response.headers.update(_HEADERS)
    return response


def _ledger_unavailable(fault: LedgerUnavailable) -> Response:
    """No numbers are not zero. What is the matter stands there, and in the log, in our own fixed words.

    A form that could not be kept comes back with what was typed, to be sent again.
    """
    LOG.warning("page not available", extra={"fault": fault.message, "where": origin(fault), "status": 503})
    sent, again = request.method == "POST", forms.again()
    page = render_template("oversight/unavailable.html", why=fault.message, sent=sent, again=again)
    response = make_response(page, 503)
    response.headers["Retry-After"] = "30"
    return response
