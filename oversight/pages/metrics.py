"""`GET /oversight/metrics`: the ledger's state for Prometheus, for a bearer of the token or who may export figures."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from threading import Lock

from flask import Blueprint, Response, make_response, request

from clinical.audit import AuditEvent, AuditKind
from clinical.errors import LedgerUnavailable
from clinical.ports import Audit, Clock
from oversight.exports.metrics import CONTENT_TYPE, State, counts, text
from oversight.pages.committee.pack import StandingSource
from oversight.pages.door.access import person, refused
from oversight.pages.door.roles import Right
from oversight.pages.mart_source import MartSource

ENDPOINT = "oversight.metrics"
# Prometheus asks every fifteen seconds at most places; two of them then cost as much as one.
REMEMBERED_S = 15.0


@dataclass(slots=True)
class MetricsDesk:
    """What the route needs. Without a token only people come in. One object serves all threads of a process."""

    mart: MartSource
    standing: StandingSource
    audit: Audit
    clock: Clock
    token: str | None = field(default=None, repr=False)
    monotonic: Callable[[], float] = time.monotonic
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)
    _last: tuple[float, bytes] | None = field(default=None, init=False, repr=False)
    _noted: date | None = field(default=None, init=False)

    def body(self) -> bytes:
        """The answer, counted anew where the last one is old. Raises `LedgerUnavailable`."""
        with self._lock:
            now = self.monotonic()
            if self._last is None or now - self._last[0] >= REMEMBERED_S:
                self._last = (now, text(self._state()))
            return self._last[1]

    def note_once(self) -> None:
        """A machine asks thousands of times a day; the audit hears of the first of each day and process."""
        now = self.clock.now()
        today = now.astimezone(UTC).date()
        if self._noted != today:
            self.note(now, "by the bearer of the token, first of this day")
            self._noted = today

    def note(self, now: datetime, who: str) -> None:
        """Before anything leaves."""
        self.audit.note(AuditEvent(now, AuditKind.LEDGER_READ, detail=f"metrics, {who}"))

    def _state(self) -> State:
        """Everything that is told."""
        as_of, now = self.mart.as_of(), self.clock.now()
        with self.mart.open() as mart:
            found = counts(mart, now.astimezone(UTC).date())
        return State(found, self.standing.read(now), as_of.moment, as_of.current, now)


def add_routes(pages: Blueprint, desk: MetricsDesk) -> None:
    """The way in for people, and before it the one for machines: to be called before the door for people is made."""
    pages.before_request(lambda: _by_token(desk))

    @pages.get("/oversight/metrics")
    def metrics() -> Response:
        """The same for who may see single clinicians: the counts of two moments tell what one of them did."""
        if (answer := refused(Right.EXPORT_FIGURES) or refused(Right.CLINICIANS)) is not None:
            return answer
        desk.note(desk.clock.now(), f"by {person().name}")
        return _answer(desk)


def _by_token(desk: MetricsDesk) -> Response | None:
    """None for everything but a machine at this door."""
    given = request.authorization
    if request.endpoint != ENDPOINT or given is None or given.type != "bearer":
        return None
    token = (given.token or "").encode("utf-8", "surrogatepass")
    if desk.token is None or not hmac.compare_digest(token, desk.token.encode()):
        response = make_response("The token is not the one of CHARTSIDE_METRICS_TOKEN_FILE.\n", 401)
        response.content_type = "text/plain; charset=utf-8"
        response.headers["WWW-Authenticate"] = 'Bearer realm="Chartside metrics"'
        return response
    try:
        desk.note_once()
        return _answer(desk)
    except LedgerUnavailable:
        return Response("The ledger is not available.\n", 503, content_type="text/plain; charset=utf-8")


def _answer(desk: MetricsDesk) -> Response:
    """In the text format of Prometheus."""
    return Response(desk.body(), content_type=CONTENT_TYPE)
