"""The authorization endpoint: check the request, then a code at once (EHR launch) or our pages (standalone)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Response, make_response, render_template, request

from ehr_simulator.authorization.clients import RegisteredClient
from ehr_simulator.authorization.library import OAuth2Error
from ehr_simulator.authorization.mischief import answers
from ehr_simulator.authorization.people import People
from ehr_simulator.authorization.scopes import standalone_part
from ehr_simulator.authorization.server import SmartServer, kept_request
from ehr_simulator.authorization.staff import members
from ehr_simulator.authorization.standalone import NotThisStep, Waiting, WaitingRoom, launch_of, may_be_refused
from ehr_simulator.settings import CLINICIAN, EhrSettings


class AuthorizeDesk:
    """The endpoint and its pages. Holds no request state."""

    def __init__(
        self, settings: EhrSettings, clients: Mapping[str, RegisteredClient], server: SmartServer, people: People
    ) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._clients = clients
        self._server = server
        self._people = people
        self._room = WaitingRoom(settings, people)

    def authorize(self) -> Response:
        """Answer to GET and, where offered, POST."""
        fault = self._unsafe()
        if fault:
            return stay(fault)
        asked = (request.form if request.method == "POST" else request.args).to_dict()
        grant = self._checked(kept_request(self._settings, asked))
        if isinstance(grant, Response):
            return self._back(grant, asked)
        if "launch" in grant.request.scope.split():
            return self._back(self._granted(grant, CLINICIAN), asked)
        staff = self._clients[asked["client_id"]].settings.staff
        return self._page(self._room.enter(asked, standalone_part(grant.request.scope), staff=staff))

    def carry_on(self) -> Response:
        """A form of our own pages."""
        if request.headers.get("Origin") not in (None, self._settings.base_url):
            return stay("This form was not sent from here.", 403)
        try:
            waiting = self._room.move(request.form)
        except NotThisStep as fault:
            return stay(str(fault))
        return self._finished(waiting) if waiting.step == "done" else self._page(waiting)

    def _finished(self, waiting: Waiting) -> Response:
        """Back to the app with a code, or with access_denied."""
        grant = self._checked(kept_request(self._settings, waiting.parameters))
        if isinstance(grant, Response):
            return self._back(grant, waiting.parameters)
        grant.request.chosen = (launch_of(waiting), waiting.agreed)
        return self._back(self._granted(grant, CLINICIAN if waiting.agreed else None), waiting.parameters)

    def _unsafe(self) -> str:
        """Why we must not send the browser back to the app; empty if we may (RFC 6749 section 4.1.2.1)."""
        if request.method == "POST" and (request.args or not self._settings.offers.post):
            return "The parameters belong into the form." if request.args else "Authorization by POST is not offered."
        asked = request.form if request.method == "POST" else request.args
        if any(len(asked.getlist(name)) > 1 for name in asked):
            return "A parameter was sent twice."
        client = self._clients.get(asked.get("client_id", ""))
        if client is None:
            return "This app is not registered here."
        if not client.check_redirect_uri(asked.get("redirect_uri", "")):
            return "The redirect_uri is not one that this app registered."
        return ""

    def _checked(self, asked: Any) -> Any:
        """The grant of a correct request, else the redirect with its error."""
        try:
            return self._server.get_consent_grant(request=asked, end_user=CLINICIAN)
        except OAuth2Error as fault:
            return self._server.handle_error_response(asked, fault)

    def _granted(self, grant: Any, user: str | None) -> Response:
        """The redirect with a code; without a user, with access_denied."""
        answer: Response = self._server.create_authorization_response(
            request=grant.request, grant_user=user, grant=grant
        )
        return answer

    def _back(self, answer: Response, asked: Mapping[str, str]) -> Response:
        """The redirect, with our issuer against mix-up (RFC 9207), and with what is armed."""
        target = answer.headers.get("Location")
        if not target:
            return answer
        redirect_uri = asked["redirect_uri"]
        said = dict(parse_qsl(target.removeprefix(redirect_uri).lstrip("?&"), keep_blank_values=True))
        if self._settings.offers.response_issuer:
            said["iss"] = self._settings.base_url
        said = answers.twist(said, self._settings.mischief, (asked["client_id"], asked.get("launch", "")))
        mark = "&" if urlsplit(redirect_uri).query else "?"
        sent = make_response("", 303 if request.method == "POST" else 302)
        sent.headers["Location"] = f"{redirect_uri}{mark}{urlencode(said)}"
        sent.headers["Cache-Control"] = "no-store"
        return sent

    def _page(self, waiting: Waiting) -> Response:
        """The form of the next step."""
        values: dict[str, object] = {"waiting": waiting, "members": members(staff=waiting.staff)}
        if waiting.step == "patient":
            values["choices"] = self._people.patients()
        elif waiting.step == "encounter":
            values["choices"] = self._people.encounters(waiting.patient or "")
        elif waiting.step == "approve":
            values["patient"] = self._people.patient(waiting.patient) if waiting.patient else None
            values["scopes"] = [(text, may_be_refused(text)) for text in waiting.scope.split()]
        content = render_template(f"oauth/{waiting.step}.html", hospital=self._settings.hospital, **values)
        page = make_response(content)
        page.headers["Content-Security-Policy"] = _page_policy(waiting.parameters["redirect_uri"])
        return page


def _page_policy(redirect_uri: str) -> str:
    """Our own files; a form may end at the app, because browsers apply form-action to redirects too."""
    app = urlsplit(redirect_uri)
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'self'; "
        f"form-action 'self' {app.scheme}://{app.netloc}"
    )


def stay(message: str, status: int = 400) -> Response:
    """A refusal that stays here, as plain text."""
    return Response(f"The app cannot be opened. {message}\n", status, mimetype="text/plain")
