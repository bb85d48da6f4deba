"""The routes of the quality team's pages; `GET /oversight/override-rates`: what clinicians did with the advice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from typing import Protocol

from flask import Blueprint, Response, make_response, render_template, request

from clinical.audit import AuditEvent, AuditKind
from clinical.errors import LedgerUnavailable
from clinical.ports import Audit, Clock
from oversight.override_rates import Step, override_report
from oversight.pages import words
from oversight.pages.access import USER, require_quality
from oversight.pages.chart import override_chart
from oversight.pages.comparison import COMPARISON
from oversight.pages.frame import Desk, Page, navigation, show
from oversight.pages.incidents import IncidentSource, incidents_page
from oversight.pages.mart_source import MartSource
from oversight.pages.overview import OVERVIEW
from oversight.pages.query import parse_question
from oversight.pages.reasons import REASONS
from oversight.pages.service import SERVICE
from oversight.tallies import Period, Tally

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class TallySource(Protocol):
    """Counts out of the ledger; `oversight.tallies.SqlTallies` is one. Both methods raise `LedgerUnavailable`."""

    def tallies(self, period: Period, service: str | None = None) -> tuple[Tally, ...]:
        """Everything of a period, of one service or of all."""
        ...

    def services(self) -> tuple[str, ...]:
        """Every service that has an entry."""
        ...


@dataclass(frozen=True, slots=True)
class PageDeps:
    """What the pages need. Without a password they stay closed; a view that cannot be noted is not given.

    Without `incidents` there is no page of them, and without `mart` none of the pages with figures out of it.
    """

    tallies: TallySource
    clock: Clock
    audit: Audit
    password: str | None = field(repr=False)
    incidents: IncidentSource | None = None
    mart: MartSource | None = None


# Address and endpoint of each page with figures.
_WITH_FIGURES = (
    ("/oversight/", "overview", OVERVIEW),
    ("/oversight/service", "service", SERVICE),
    ("/oversight/comparison", "comparison", COMPARISON),
    ("/oversight/reasons", "reasons", REASONS),
)


def create_blueprint(deps: PageDeps) -> Blueprint:
    """The quality team's pages, closed to everyone but them."""
    pages = Blueprint(
        "oversight", __name__, template_folder="templates", static_folder="static", static_url_path="/oversight/static"
    )
    pages.before_request(_but_static(require_quality(deps.password)))
    pages.after_request(_with_headers)
    pages.context_processor(navigation)
    pages.register_error_handler(LedgerUnavailable, _ledger_unavailable)

    @pages.get("/oversight/override-rates")
    def override_rates() -> Response:
        """The override rates of a period."""
        return _override_rates(deps)

    if (source := deps.incidents) is not None:

        @pages.get("/oversight/incidents")
        def incidents() -> Response:
            """The problems that clinicians have reported."""
            return incidents_page(source, deps.audit, deps.clock)

    if deps.mart is not None:
        desk = Desk(deps.mart, deps.audit, deps.clock)
        for address, endpoint, page in _WITH_FIGURES:
            pages.add_url_rule(address, endpoint, _drawn(page, desk), methods=["GET"], strict_slashes=False)

    return pages


def _drawn(page: Page, desk: Desk) -> Callable[[], Response]:
    """The view of a page. Whoever has the password is of the quality team."""

    def view() -> Response:
        """Draw it."""
        return show(page, desk, role=USER)

    return view


def _but_static(check: Callable[[], Response | None]) -> Callable[[], Response | None]:
    """The style sheet holds no data, and the pages that say "no" need it too."""

    def check_pages() -> Response | None:
        """Check everything else."""
        return None if request.endpoint == "oversight.static" else check()

    return check_pages


def _with_headers(response: Response) -> Response:
    """Keep answers out of caches, frames and referrers, and scripts out of answers."""
    response.headers.update(_HEADERS)
    return response


def _ledger_unavailable(_fault: LedgerUnavailable) -> Response:
    """No numbers are not zero."""
    response = make_response(render_template("oversight/unavailable.html"), 503)
    response.headers["Retry-After"] = "30"
    return response


def _override_rates(deps: PageDeps) -> Response:
    """Check the question, count, and draw."""
    services = deps.tallies.services()
    question = parse_question(request.args, services, deps.clock.now().astimezone(UTC).date())
    if isinstance(question, list):
        return make_response(render_template("oversight/bad_request.html", faults=question), 400)
    seen = f"override rates, {question.period.first} to {question.period.last}, by {USER}"
    deps.audit.note(AuditEvent(deps.clock.now(), AuditKind.LEDGER_READ, service=question.service or "", detail=seen))
    rows = deps.tallies.tallies(question.period, question.service)
    report = override_report(rows, question.period, question.by)
    page = render_template(
        "oversight/override_rates.html",
        question=question,
        services=services,
        steps=list(Step),
        report=report,
        chart=override_chart(report.times, question.period),
        words=words,
        with_incidents=deps.incidents is not None,
    )
    return make_response(page)
