"""The HTTP side of the authorization server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, g, jsonify, make_response, request

from ehr_simulator.authorization import launch_endpoint, sign_out
from ehr_simulator.authorization.authorize import AuthorizeDesk, stay
from ehr_simulator.authorization.clients import RegisteredClient
from ehr_simulator.authorization.discovery import SIGN_OUT, smart_configuration
from ehr_simulator.authorization.grants_store import GrantsStore
from ehr_simulator.authorization.library import OAuth2Error
from ehr_simulator.authorization.login_keys import LoginKeys
from ehr_simulator.authorization.manage import TokenManagement
from ehr_simulator.authorization.mischief import identity, tokens
from ehr_simulator.authorization.people import People
from ehr_simulator.authorization.server import SmartServer, make_server
from ehr_simulator.authorization.style import style_document
from ehr_simulator.authorization.token_rules import malformed
from ehr_simulator.fhir_store import FhirStoreFault
from ehr_simulator.settings import EhrSettings


def authorization_blueprint(
    app: Flask, settings: EhrSettings, store: GrantsStore, keys: LoginKeys, people: People
) -> Blueprint:
    """All routes of the authorization server."""
    blueprint = Blueprint(
        "authorization", __name__, template_folder="templates", static_folder="static", static_url_path="/oauth/static"
    )
    clients = {client.client_id: RegisteredClient(client, settings.offers) for client in settings.clients}
    server = make_server(app, settings, store, keys, clients)
    desk = AuthorizeDesk(settings, clients, server, people)
    blueprint.add_url_rule("/oauth/authorize", "authorize", desk.authorize, methods=["GET", "POST"])
    blueprint.add_url_rule("/oauth/continue", "carry_on", desk.carry_on, methods=["POST"])
    blueprint.add_url_rule(SIGN_OUT, "sign_out", lambda: sign_out.answer(clients))
    blueprint.register_error_handler(FhirStoreFault, lambda fault: stay(str(fault), 502))
    _add_tokens(blueprint, settings, server, TokenManagement(settings, store, server))
    _add_documents(blueprint, settings, keys)
    blueprint.add_url_rule(
        launch_endpoint.PATH, "launch", lambda: launch_endpoint.answer(settings, store), methods=["POST", "OPTIONS"]
    )
    return blueprint


def _add_tokens(blueprint: Blueprint, settings: EhrSettings, server: SmartServer, management: TokenManagement) -> None:
    """Token, revocation and introspection endpoints."""

    @blueprint.post("/oauth/token")
    def token() -> Response:
        """Exchange a code or a refresh token."""
        fault = malformed(request)
        return _invalid(fault) if fault else _token_answer(settings, server)

    @blueprint.post("/oauth/revoke")
    def revoke() -> Response:
        """Forget a token."""
        return _managed(settings.offers.revocation, management.revoke, server)

    @blueprint.post("/oauth/introspect")
    def introspect() -> Response:
        """Say what a token stands for."""
        return _managed(settings.offers.introspection, management.introspect, server)


def _add_documents(blueprint: Blueprint, settings: EhrSettings, keys: LoginKeys) -> None:
    """What can be read without a token."""

    @blueprint.get("/oauth/jwks.json")
    def login_keys() -> Response:
        """Public keys of id_tokens."""
        answer = jsonify(identity.twist_keys(keys.published(), settings.mischief))
        answer.headers["Cache-Control"] = "max-age=300"
        return answer

    @blueprint.get("/fhir/.well-known/smart-configuration")
    @blueprint.get("/.well-known/openid-configuration")
    def configuration() -> Response:
        """Discovery."""
        if not settings.offers.well_known:
            return make_response("", 404)
        answer = jsonify(smart_configuration(settings))
        answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer

    @blueprint.get("/smart-style/<name>.json")
    def style(name: str) -> Response:
        """The document behind smart_style_url; another version has another address."""
        document = style_document(name, settings)
        answer = make_response("", 404) if document is None else jsonify(document)
        answer.headers["Cache-Control"] = "public, max-age=86400"
        return answer


def _token_answer(settings: EhrSettings, server: SmartServer) -> Response:
    """The answer of the grants, or what a test has armed in its place."""
    answer: Response = server.create_token_response()
    consent = g.get("consent")
    instead = tokens.instead(settings.mischief, consent.who) if consent is not None else None
    if instead is None:
        return answer
    status, body, headers = instead
    return Response(body, status, headers)


def _managed(offered: bool, act: Callable[[], Response], server: Any) -> Response:
    """A management endpoint, if it is offered."""
    if not offered:
        return make_response("", 404)
    fault = malformed(request)
    if fault:
        return _invalid(fault)
    try:
        return act()
    except OAuth2Error as error:
        refused: Response = server.handle_error_response(None, error)
        return refused


def _invalid(why: str) -> Response:
    """The OAuth error for a request that cannot be read."""
    return make_response(jsonify(error="invalid_request", error_description=why), 400)
