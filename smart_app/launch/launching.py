"""`/smart/launch`, `/smart/standalone/…` and `/smart/callback…`: from the EHR's link, or ours, to an open page."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace

from flask import Response, redirect, request, url_for

from clinical.errors import LaunchFailed, MalformedRequest, NotAllowed
from smart_app import cookies
from smart_app.deps import Deps
from smart_app.faults import TooManyLaunches, fault_page
from smart_app.launch.handing_over import hand_over
from smart_app.opening import card_link
from smart_app.page.problem_report import FORM
from smart_app.ports.ehr import Begun, Ehr
from smart_app.sessions import LAUNCH_LIFETIME, PENDING_LIFETIME, Launch, Pending, Stores

MAX_PARAMETER = 4_096
MAX_LAUNCHES = 12

# RFC 6749 section 4.1.2.1, in words for the person at the screen.
ERROR_WORDS = {
    "access_denied": "The EHR or you declined to give this page access to the record.",
    "unauthorized_client": "This page is not set up at the EHR for this kind of launch.",
    "invalid_scope": "The EHR does not offer this page the data that the models need.",
    "invalid_request": "The EHR could not read the launch request.",
    "unsupported_response_type": "The EHR does not offer the kind of launch that this page uses.",
    "server_error": "The EHR's authorization server failed.",
    "temporarily_unavailable": "The EHR's authorization server is busy. Try again in a moment.",
    "login_required": "The EHR wants you to sign in first.",
    "interaction_required": "The EHR wants you to sign in first.",
}


class Launching:
    """The routes of a launch."""

    def __init__(self, deps: Deps, stores: Stores) -> None:
        """Keep the collaborators."""
        self._deps = deps
        self._stores = stores
        self._callback = f"{deps.base_url.rstrip('/')}/smart/callback"

    def launch(self) -> Response:
        """Begin where the EHR opened the page. Nothing is asked of an `iss` that is not registered."""
        iss, launch = _one("iss"), _one("launch")
        # The registered URL, or the same with a slash at its end; `aud` repeats what the EHR sent.
        ehr = self._deps.ehrs.get(iss) or self._deps.ehrs.get(iss.removesuffix("/"))
        return self._begin(ehr if ehr is None else replace(ehr, iss=iss), launch)

    def standalone(self, client: str) -> Response:
        """Begin without the EHR's frame: the EHR lets the user sign in and choose a patient."""
        return self._begin(next((ehr for ehr in self._deps.ehrs.values() if ehr.client == client), None), None)

    def _begin(self, ehr: Ehr | None, launch: str | None) -> Response:
        """Send the browser to the authorization server, with a new session of its own."""
        if ehr is None:
            raise NotAllowed("The EHR that opened this page is not registered with this service.")
        secret = secrets.token_urlsafe(32)
        pending = self._place(ehr, secret, standalone=launch is None)
        begun = self._begun(ehr, launch, pending)
        response = _see(begun.authorize_url)
        if begun.form:
            response = hand_over(begun.authorize_url, begun.form, ehr.sign_in_origins)
        cookies.take_back(response, self._over())
        cookies.hand_out(response, pending.id, secret)
        return response

    def _place(self, ehr: Ehr, secret: str, *, standalone: bool) -> Pending:
        """A place among the launches that wait for this EHR, taken before the EHR is asked anything."""
        known = ehr.iss if ehr.iss in self._deps.ehrs else ehr.iss.removesuffix("/")
        now = self._deps.clock.now()
        id_, browser = secrets.token_urlsafe(16), cookies.digest(secret)
        pending = Pending(id_, known, now, browser, state="", sealed="", standalone=standalone)
        if not self._stores.pending.put(pending.id, pending, now + PENDING_LIFETIME, new=True):
            raise TooManyLaunches(
                "So many launches of this EHR wait for its answer that no further one is begun. Nothing was read."
            )
        return pending

    def _begun(self, ehr: Ehr, launch: str | None, pending: Pending) -> Begun:
        """The authorization request; a launch that comes to none gives its place back."""
        try:
            begun = self._deps.sessions.begin(ehr, launch, self._redirect_uri(ehr))
        except BaseException:
            self._stores.pending.take(pending.id)
            raise
        ready = replace(pending, state=cookies.digest(begun.state), sealed=begun.pending)
        self._stores.pending.replace(pending.id, ready, pending.started + PENDING_LIFETIME)
        return begun

    def _redirect_uri(self, ehr: Ehr) -> str:
        """Where this EHR's answer comes to."""
        return f"{self._callback}/{ehr.client}" if ehr.own_redirect else self._callback

    def callback(self, client: str = "") -> Response:
        """Complete: the state belongs to this browser, is used once, in time, and comes to the address of its EHR."""
        pending = self._pending(_one("state"))
        ehr = self._deps.ehrs.get(pending.iss)
        if ehr is None or self._stores.pending.take(pending.id) is None:
            raise NotAllowed("This launch was already used.")
        if client != (ehr.client if ehr.own_redirect else ""):
            raise LaunchFailed("The answer came to the address of another EHR, so nothing was asked for with it.")
        if "error" in request.args:
            words = ERROR_WORDS.get(_one("error"), "The EHR did not authorize the launch.")
            return fault_page(LaunchFailed(words), said=request.args.get("error_description", ""))
        names = [name for name in ("code", "state", "iss") if name in request.args]
        visit = self._deps.sessions.complete(pending.sealed, {name: _one(name) for name in names})
        if visit.client != ehr.client:
            self._deps.sessions.end(visit)
            raise LaunchFailed("The answer came from another EHR than the launch.")
        now = self._deps.clock.now()
        until, alone = now + LAUNCH_LIFETIME, pending.standalone
        launch = Launch(pending.id, pending.iss, now, until, pending.browser, visit, standalone=alone)
        self._stores.launches.put(launch.id, launch, launch.until)
        link = card_link(self._deps, visit)
        to = FORM if link is not None and link.reports else None
        return _see(url_for("smart_app.page", launch_id=launch.id, to=to))

    def _pending(self, state: str) -> Pending:
        """The launch of this browser that waits for this state."""
        for launch_id, secret in cookies.held(request.cookies).items():
            pending = self._stores.pending.get(launch_id)
            if pending is not None and cookies.same(secret, pending.browser) and cookies.same(state, pending.state):
                return pending
        raise NotAllowed(
            "This launch is not known in this browser: it was used already, took longer than ten minutes, "
            "or the browser did not keep the cookie."
        )

    def _over(self) -> Iterable[str]:
        """Launches of this browser that have ended, and the oldest if there are many: header space is short."""
        found = {id_: self._stores.launches.get(id_) or self._stores.pending.get(id_) for id_ in self._held()}
        alive = sorted((held.started, id_) for id_, held in found.items() if held is not None)
        surplus = [id_ for _, id_ in alive[: max(len(alive) - MAX_LAUNCHES + 1, 0)]]
        return [*(id_ for id_, held in found.items() if held is None), *surplus]

    def _held(self) -> Iterable[str]:
        """The launch ids in this browser's cookies."""
        return cookies.held(request.cookies)


def _one(name: str) -> str:
    """A query parameter that is there exactly once, and not empty or endless."""
    values = request.args.getlist(name)
    if len(values) != 1 or not 0 < len(values[0]) <= MAX_PARAMETER:
        raise MalformedRequest(f"The launch needs the parameter '{name}' exactly once.")
    return values[0]


def _see(url: str) -> Response:
    """Send the browser on with a GET."""
    response = redirect(url, 303, Response)
    assert isinstance(response, Response)  # noqa: S101  what the line above asked for
    return response
