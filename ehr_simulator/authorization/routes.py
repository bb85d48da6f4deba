"""The HTTP side of the authorization server, and the launch endpoint that CDS clients know."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, jsonify, make_response, request

from ehr_simulator.authorization.clients import RegisteredClient
from ehr_simulator.authorization.discovery import smart_configuration
from ehr_simulator.authorization.grant import RequiredS256, SmartCodeGrant, SmartRules
from ehr_simulator.authorization.grants_store import GrantsStore
from ehr_simulator.authorization.library import AuthorizationServer, OAuth2Error
from ehr_simulator.settings import CLINICIAN, EhrSettings
from ehr_simulator.signing import SigningKey

MAX_TEXT = 2000
LAUNCH_PATH = "/fhir/_services/smart/Launch"


def authorization_blueprint(app: Flask, settings: EhrSettings, store: GrantsStore, login_key: SigningKey) -> Blueprint:
    """All routes of the authorization server."""
    blueprint = Blueprint("authorization", __name__)
    clients = {client.client_id: RegisteredClient(client) for client in settings.clients}
    server = AuthorizationServer(app, query_client=clients.get, save_token=lambda _token, _request: None)
    members = {"settings": settings, "store": store, "login_key": login_key}
    server.register_grant(
        type("BoundCodeGrant", (SmartCodeGrant,), members), [RequiredS256(required=True), SmartRules(settings, store)]
    )

    @blueprint.get("/oauth/authorize")
    def authorize() -> Response:
        """Check the request, sign the clinician in without asking, go back with a code."""
        fault = _unsafe_redirect(clients)
        return _page(fault) if fault else _with_issuer(_grant_or_refuse(server), settings)

    @blueprint.post("/oauth/token")
    def token() -> Response:
        """Exchange a code."""
        answer: Response = server.create_token_response()
        return answer

    @blueprint.post("/oauth/revoke")
    def revoke() -> Response:
        """Forget a token (RFC 7009: 200, whether it was known or not)."""
        store.revoke(request.form.get("token", ""))
        return make_response("", 200)

    @blueprint.get("/oauth/jwks.json")
    def login_keys() -> Response:
        """Public keys of id_tokens."""
        return jsonify(login_key.public_keys())

    @blueprint.get("/fhir/.well-known/smart-configuration")
    @blueprint.get("/.well-known/openid-configuration")
    def configuration() -> Response:
        """Discovery, without a token."""
        answer = jsonify(smart_configuration(settings))
        answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer

    @blueprint.route(LAUNCH_PATH, methods=["POST", "OPTIONS"])
    def launch() -> Response:
        """The HSPC convention: a CDS client asks for a launch id before it opens a SMART link."""
        answer = make_response("", 204) if request.method == "OPTIONS" else _launch_answer(settings, store)
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
        answer.headers["Access-Control-Allow-Headers"] = "authorization, content-type"
        return answer

    return blueprint


def _unsafe_redirect(clients: dict[str, RegisteredClient]) -> str:
    """Why we must not send the browser back to the app; empty if we may (RFC 6749 section 4.1.2.1)."""
    if any(len(request.args.getlist(name)) > 1 for name in request.args):
        return "A parameter was sent twice."
    client = clients.get(request.args.get("client_id", ""))
    if client is None:
        return "This app is not registered here."
    if not client.check_redirect_uri(request.args.get("redirect_uri", "")):
        return "The redirect_uri is not one that this app registered."
    return ""


def _grant_or_refuse(server: Any) -> Response:
    """A redirect with a code, or with the OAuth error."""
    try:
        grant = server.get_consent_grant(end_user=CLINICIAN)
    except OAuth2Error as fault:
        asked = server.create_oauth2_request(None)
        refused: Response = server.handle_error_response(asked, fault)
        return refused
    granted: Response = server.create_authorization_response(grant_user=CLINICIAN, grant=grant)
    return granted


def _with_issuer(answer: Response, settings: EhrSettings) -> Response:
    """Name ourselves in the answer, against mix-up (RFC 9207)."""
    target = answer.headers.get("Location")
    if target:
        answer.headers["Location"] = f"{target}&{urlencode({'iss': settings.base_url})}"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _launch_answer(settings: EhrSettings, store: GrantsStore) -> Response:
    """A launch id for the patient in the body, or 400."""
    body = request.get_json(silent=True)
    parameters = body.get("parameters") if isinstance(body, dict) else None
    wanted = parameters if isinstance(parameters, dict) else {}
    patient, encounter, context = (wanted.get(name) for name in ("patient", "encounter", "appContext"))
    if not isinstance(patient, str) or not patient or not all(map(_short_text, (patient, encounter, context))):
        return make_response(jsonify(error="parameters.patient is required; all parameters are short strings"), 400)
    made = store.create_launch(patient, encounter, context, now=settings.clock(), seconds=settings.launch_lifetime)
    return jsonify(launch_id=made.id)


def _short_text(value: object) -> bool:
    """Absent, or a string that is not unreasonably long."""
    return value is None or (isinstance(value, str) and len(value) <= MAX_TEXT)


def _page(message: str) -> Response:
    """A refusal that stays here, as plain text."""
    return Response(f"The app cannot be opened. {message}\n", 400, mimetype="text/plain")
