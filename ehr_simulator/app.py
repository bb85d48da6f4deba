"""The stand-in EHR as one Flask app: chart, authorization server, guarded FHIR API."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, make_response, request

from ehr_simulator.authorization.grants_store import GrantsStore
from ehr_simulator.authorization.login_keys import LoginKeys
from ehr_simulator.authorization.people import People
from ehr_simulator.authorization.routes import authorization_blueprint
from ehr_simulator.chart.desk import Desk
from ehr_simulator.chart.hook_client import HookClient
from ehr_simulator.chart.routes import chart_blueprint, content_policy
from ehr_simulator.chart.times import add_filters
from ehr_simulator.chart.visits import Visits
from ehr_simulator.fhir_proxy.routes import fhir_blueprint
from ehr_simulator.fhir_store import FhirStore
from ehr_simulator.settings import EhrSettings
from ehr_simulator.signing import SigningKey

MAX_REQUEST_BYTES = 200_000


def create_app(config: EhrSettings) -> Flask:
    """Make the app. All its state lives in the objects made here and ends with the process.

    Raises `NotOnLoopback` where mischief is armed and the base URL is not on a loopback address.
    """
    config.mischief.bind(config.base_url)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    store, grants = FhirStore(config.fhir_server, config.fhir_timeout), GrantsStore()
    hook_key, login_keys = SigningKey(), LoginKeys(config.id_token_algorithm)
    desk = Desk(config, store, grants, HookClient(config, store, grants, hook_key), Visits())
    app.extensions["ehr_desk"] = desk
    app.register_blueprint(authorization_blueprint(app, config, grants, login_keys, People(store)))
    app.register_blueprint(chart_blueprint(desk))
    app.register_blueprint(fhir_blueprint(config, store, grants))
    add_filters(app)
    _add_keys(app, hook_key)
    _add_guards(app, config)
    return app


def _add_keys(app: Flask, hook_key: SigningKey) -> None:
    """Publish the keys of hook calls."""

    @app.get("/.well-known/jwks.json")
    def hook_keys() -> Response:
        """Public keys of hook calls."""
        answer = jsonify(hook_key.public_keys())
        answer.headers["Cache-Control"] = "max-age=60"
        return answer


def _add_guards(app: Flask, config: EhrSettings) -> None:
    """Refuse foreign hosts and forms from elsewhere; set the security headers."""
    host = urlsplit(config.base_url).netloc

    @app.before_request
    def refuse_foreign() -> Response | None:
        """A wrong Host is DNS rebinding; a form from another origin is cross-site request forgery."""
        if request.host != host:
            return make_response("Unknown host.\n", 421)
        origin = request.headers.get("Origin")
        if request.path.startswith("/chart/") and origin not in (None, config.base_url):
            return make_response("This form was not sent from the chart.\n", 403)
        return None

    @app.after_request
    def secure(answer: Response) -> Response:
        """Headers of every answer."""
        answer.headers.setdefault("Content-Security-Policy", content_policy(config.chartside))
        answer.headers.setdefault("Referrer-Policy", "same-origin")
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer
