"""`/oversight/sign-in`, `/oversight/callback`, `/oversight/sign-out`: in and out by the hospital's own sign-in server.

The browser gets one pending sign-in at a time, in a cookie; the server's answer must bring the state of that cookie, in
time, and once. A person without a role is told so and gets no visit.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from clinical.audit import AuditEvent, AuditKind
from clinical.ports import Audit, Clock
from oversight.pages.begins import Begins
from oversight.pages.door import forms
from oversight.pages.door.access import visit_now
from oversight.pages.door.return_address import first_page, return_address
from oversight.pages.door.sign_in_server import WORDS, Known, Refusal, SignIn, SignInRefused
from oversight.pages.door.signed import Signed
from oversight.pages.door.visits import Limits, Over, UsedIds, Visit, Visits, attributes, take_back

PENDING = "__Host-oversight-pending"
PENDING_LIFETIME = timedelta(minutes=10)
MAX_PARAMETER = 4_096
_STATES = "oversight sign-in"


@dataclass(frozen=True, slots=True)
class SignInDeps:
    """What the sign-in needs.

    `base_url` is where browsers reach Chartside; `edition` changes with the rules of who has which role.
    """

    server: SignIn
    used: UsedIds
    base_url: str
    limits: Limits = field(default_factory=Limits)
    edition: str = ""


class SignInDesk:
    """The routes."""

    def __init__(self, deps: SignInDeps, secret: bytes, audit: Audit, clock: Clock, *, with_password: bool) -> None:
        """`with_password`: the way in by password is open too."""
        self._deps = deps
        self._audit = audit
        self._clock = clock
        self._with_password = with_password
        self._pending = Signed(secret, "pending sign-in 1")
        self._begins = Begins(clock)
        self.visits = Visits(secret, deps.limits, deps.used, clock, edition=deps.edition)

    def page(self) -> Response:
        """The page with the button; it says why somebody has to sign in again."""
        to = return_address(request.args.get("to"))
        if isinstance(self.visits.read(request.cookies), Visit):  # whatever this page once said
            return go(to)
        return self.ask(request.args.get("why", ""), to)

    def ask(self, why: str, to: str, status: int = 200) -> Response:
        """The same page in the place of another."""
        out = self._deps.server.sign_out_url(self._back) if why == Over.OUT else ""
        page = render_template(
            "oversight/sign_in.html",
            why=why,
            status=status,
            label=self._deps.server.label,
            begin=f"{url_for('oversight.begin_sign_in')}?{urlencode({'to': to})}",
            password=f"{url_for('oversight.by_password')}?{urlencode({'to': to})}" if self._with_password else "",
            sign_out_url=out,
            limits=self._deps.limits,
        )
        return make_response(page, status)

    def begin(self) -> Response:
        """Send the browser to the sign-in server."""
        to = return_address(request.args.get("to"))
        if request.headers.get("Sec-Fetch-Site") == "cross-site":  # another site's link or image begins nothing
            return self.ask("", to)
        try:
            if not self._begins.one_more(request.remote_addr or ""):
                raise SignInRefused(Refusal.TOO_MANY)
            started = self._deps.server.begin(f"{self._deps.base_url}/oversight/callback")
        except SignInRefused as fault:
            return self._refusal(fault.why)
        now = self._clock.now().timestamp()
        pending = {"state": _digest(started.state), "to": to, "began": now, "kept": started.kept}
        response = go(started.url)
        seconds = int(PENDING_LIFETIME.total_seconds())
        response.set_cookie(PENDING, self._pending.write(pending), max_age=seconds, **attributes())
        return response

    def callback(self) -> Response:
        """The sign-in server's answer."""
        pending, state = self._pending.read(request.cookies.get(PENDING)), _one("state")
        if pending is None or not hmac.compare_digest(_digest(state), pending["state"]):
            return self._refusal(Refusal.NOT_BEGUN)  # not noted: anybody may call this as often as they like
        try:
            known = self._completed(pending, state)
        except SignInRefused as fault:
            self._note(f"sign-in refused: {fault.why}", WORDS[fault.why][1])
            return self._ended(self._refusal(fault.why))
        mark = self.visits.mark(known.issuer, known.subject)
        if not known.roles:
            return self._ended(self._no_role(known, mark))
        visit = self.visits.begin(mark, known.name, known.roles)
        before = self.visits.read(request.cookies)
        if isinstance(before, Visit):
            self.visits.end(before)
        self._note(f"signed in: {known.name} (person {mark}) as {visit.person.role}", 200)
        response = self._ended(go(pending["to"]))
        self.visits.hand_out(response, visit)
        return response

    def _completed(self, pending: Mapping[str, object], state: str) -> Known:
        """Who came, in time and once. Raises `SignInRefused`."""
        began, kept = float(str(pending["began"])), str(pending["kept"])
        until = datetime.fromtimestamp(began, UTC) + PENDING_LIFETIME
        if self._clock.now() >= until:
            raise SignInRefused(Refusal.LATE)
        if not self._deps.used.claim(_STATES, state, until.timestamp()):
            raise SignInRefused(Refusal.USED)
        names = ("code", "iss", "error")
        return self._deps.server.complete({name: _one(name) for name in names if name in request.args}, kept)

    def sign_out(self) -> Response:
        """End the visit: no copy of its cookie opens anything any more."""
        if (answer := forms.faulty()) is not None:
            return answer
        visit = visit_now()
        if visit is not None:
            self.visits.end(visit)
            self._note(f"signed out: {visit.name} (person {visit.mark})", 303)
        response = go(url_for("oversight.sign_in", why=Over.OUT.value))
        take_back(response)
        return response

    def _no_role(self, known: Known, mark: str) -> Response:
        """Known, and let in nowhere."""
        self._note(f"sign-in refused: {known.name} (person {mark}) has no role", 403)
        server = self._deps.server
        out = server.sign_out_url(self._back)
        page = render_template("oversight/no_role.html", known=known, label=server.label, sign_out_url=out)
        return make_response(page, 403)

    @property
    def _back(self) -> str:
        """Where the sign-in server sends a browser that has signed out there."""
        return f"{self._deps.base_url}/oversight/sign-in"

    def _refusal(self, why: Refusal) -> Response:
        """The page that says why not."""
        words, status = WORDS[why]
        page = render_template("oversight/sign_in_refused.html", words=words, again=url_for("oversight.sign_in"))
        response = make_response(page, status)
        if status in (429, 503):
            response.headers["Retry-After"] = "60"
        return response

    def _ended(self, response: Response) -> Response:
        """An answer after which nothing is pending in this browser."""
        take_back(response, PENDING)
        return response

    def _note(self, detail: str, status: int) -> None:
        """For the audit; raises `LedgerUnavailable`, and then nobody is signed in."""
        self._audit.note(AuditEvent(self._clock.now(), AuditKind.SIGN_IN, status=status, detail=detail))


def add_routes(pages: Blueprint, desk: SignInDesk | None) -> None:
    """The routes of the sign-in. Without a desk they are there, and lead nowhere."""

    @pages.get("/oversight/sign-in")
    def sign_in() -> Response:
        """The page with the button."""
        return _or_nothing(desk).page()

    @pages.get("/oversight/sign-in/begin")
    def begin_sign_in() -> Response:
        """To the sign-in server."""
        return _or_nothing(desk).begin()

    @pages.get("/oversight/callback")
    def sign_in_callback() -> Response:
        """Back from there."""
        return _or_nothing(desk).callback()

    @pages.post("/oversight/sign-out")
    def sign_out() -> Response:
        """Out."""
        return _or_nothing(desk).sign_out()

    @pages.get("/oversight/password")
    def by_password() -> Response:
        """The way in by password, for a browser that would not be asked for it: whoever comes here has given it."""
        return go(return_address(request.args.get("to")) if request.args else first_page())


def go(url: str) -> Response:
    """Send the browser on with a GET."""
    response = redirect(url, 303, Response)
    assert isinstance(response, Response)  # noqa: S101  what the line above asked for
    return response


def _or_nothing(desk: SignInDesk | None) -> SignInDesk:
    """The desk; without one there is no such page."""
    return desk if desk is not None else abort(404)


def _one(name: str) -> str:
    """A parameter that is there once and not endless, else an empty text."""
    values = request.args.getlist(name)
    return values[0] if len(values) == 1 and len(values[0]) <= MAX_PARAMETER else ""


def _digest(state: str) -> str:
    """What the cookie holds of the state."""
    return sha256(state.encode("utf-8", "replace")).hexdigest()
