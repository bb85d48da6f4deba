"""`GET /oversight/incidents`: problems with advice that clinicians have reported."""

from __future__ import annotations

from typing import Protocol

from flask import Response, make_response, render_template

from clinical.audit import AuditEvent, AuditKind
from clinical.ports import Audit, Clock
from oversight.incidents import MOST_LISTED, Incident
from oversight.pages.access import USER
from oversight.pages.words import problem_kind


class IncidentSource(Protocol):
    """The list of incidents; `oversight.incidents.SqlIncidents` is one."""

    def incidents(self, most: int = MOST_LISTED) -> tuple[Incident, ...]:
        """The newest incidents. Raises `LedgerUnavailable`."""
        ...


def incidents_page(source: IncidentSource, audit: Audit, clock: Clock) -> Response:
    """The page. Somebody wrote these texts, so who reads them stands in the audit first."""
    audit.note(AuditEvent(clock.now(), AuditKind.LEDGER_READ, detail=f"incidents, by {USER}"))
    found = source.incidents(MOST_LISTED + 1)
    page = render_template(
        "oversight/incidents.html",
        incidents=found[:MOST_LISTED],
        more=len(found) > MOST_LISTED,
        most=MOST_LISTED,
        problem_kind=problem_kind,
    )
    return make_response(page)
