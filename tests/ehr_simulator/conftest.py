"""A real FHIR server with a few invented patients, a small CDS service to call, and the EHR between them."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from open_ports import free_port
from werkzeug.serving import make_server

from ehr_simulator.app import create_app
from ehr_simulator.ehr_server import SilentHandler
from ehr_simulator.fhir_server import start_fhir_server
from ehr_simulator.loader import Report, load_bundle
from ehr_simulator.patients import generate
from ehr_simulator.settings import EhrSettings, OAuthClient

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LOADED = ("00-hospital", "sim-02", "sim-04", "sim-06", "sim-09", "sim-11", "sim-14")
EHR = "http://127.0.0.1:8101"
REDIRECT = "http://127.0.0.1:8100/smart/callback"
VERIFIER = "v" * 64


class FreePorts:
    """Ports that nobody uses at the moment."""

    def __call__(self, number: int) -> list[int]:
        return [free_port() for _ in range(number)]

    def is_free(self, port: int) -> bool:
        """Whether somebody listens."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def free_ports() -> FreePorts:
    return FreePorts()


class MovableClock:
    """The EHR's clock; tests may set it forward."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class FakeService:
    """A CDS service over real HTTP. `answer` is what a call gives; everything it gets is kept in `calls`."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.reset()

    def reset(self) -> None:
        """Forget, and answer with one card."""
        self.calls: list[tuple[str, str, dict[str, Any] | None]] = []
        self.status, self.answer = 200, {"cards": [self.card()]}
        self.discovery_status = 200
        self.templates = {
            "patient": "Patient/{{context.patientId}}",
            "stay": "Encounter/{{context.encounterId}}",
            "vitals": "Observation?patient={{context.patientId}}&code=http://loinc.org|8867-4&_sort=-date&_count=3",
            "unknown": "Observation?performer={{userPatientId}}",
        }

    def card(self, **changes: object) -> dict[str, Any]:
        """A full card."""
        return {
            "uuid": "6a8c0f6e-6a51-4c0c-9c4e-000000000001",
            "summary": "High risk: 41 % in-hospital death",
            "indicator": "critical",
            "detail": "**Why**\n\n| Raises the risk | Latest value |\n|---|---|\n| Lactate | 7.1 mmol/L |",
            "source": {"label": "Chartside"},
            "suggestions": [{"label": "Review goals of care", "uuid": "6a8c0f6e-6a51-4c0c-9c4e-000000000002"}],
            "selectionBehavior": "any",
            "overrideReasons": [{"code": "patient-refuses", "system": "http://example.org/r", "display": "Declined"}],
            "links": [
                {"label": "See reasons", "type": "smart", "url": f"{self.base}/smart/launch", "appContext": "ctx-1"}
            ],
        } | changes

    def app(self) -> Flask:
        """The service as an app."""
        app = Flask("fake_service")

        @app.route("/cds-services", defaults={"path": ""})
        @app.route("/cds-services/<path:path>", methods=["POST"])
        def take(path: str) -> tuple[Response, int]:
            self.calls.append((path, request.headers.get("Authorization", ""), request.get_json(silent=True)))
            if not path:
                return jsonify({"services": self._services()}), self.discovery_status
            if path.endswith("/feedback"):
                return jsonify({"stored": 1}), 200
            return jsonify(self.answer), self.status

        return app

    def _services(self) -> list[dict[str, object]]:
        hooks = ("patient-view", "encounter-start")
        return [{"hook": hook, "id": "icu", "title": "ICU risk", "prefetch": self.templates} for hook in hooks]


@pytest.fixture(scope="session")
def fhir_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The FHIR base of a server that holds a part of the cast."""
    port = free_port()
    child = start_fhir_server(port, tmp_path_factory.mktemp("fhir"))
    base = f"http://127.0.0.1:{port}/fhir"
    try:
        bundles, report = generate(NOW), Report()
        for name in LOADED:
            load_bundle(bundles[name], base, report, name=name)
        assert not report.set_aside
        yield base
    finally:
        child.stop()


@pytest.fixture(scope="session")
def running_service() -> Iterator[FakeService]:
    service = FakeService(f"http://127.0.0.1:{free_port()}")
    server = make_server(
        "127.0.0.1", urlsplit(service.base).port or 0, service.app(), True, request_handler=SilentHandler
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield service
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def service(running_service: FakeService) -> FakeService:
    running_service.reset()
    return running_service


@pytest.fixture
def ehr_clock() -> MovableClock:
    return MovableClock()


class AppKeys:
    """The keys of a confidential app, and its client assertions with every part open to change."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {
            "ES384": ECKey.generate_key("P-384", {"kid": "es", "use": "sig"}),
            "RS384": RSAKey.generate_key(2048, {"kid": "rs", "use": "sig"}),
        }

    def public(self, *algorithms: str) -> dict[str, Any]:
        """The JWKS, of all keys or some."""
        return {"keys": [self.keys[one].as_dict(private=False) for one in algorithms or self.keys]}

    def assertion(
        self, client: str = "keyed", alg: str = "ES384", *, header: dict[str, Any] | None = None, **changes: Any
    ) -> dict[str, str]:
        """The two form parameters; None leaves a claim or header member out."""
        key = self.keys.get(alg, self.keys["ES384"])
        head = {"alg": alg, "kid": key.kid, "typ": "JWT", **(header or {})}
        claims = {
            "iss": client,
            "sub": client,
            "aud": f"{EHR}/oauth/token",
            "exp": int((NOW + timedelta(seconds=240)).timestamp()),
            "jti": str(uuid.uuid4()),
            **changes,
        }
        made = jwt.encode(
            {name: value for name, value in head.items() if value is not None},
            {name: value for name, value in claims.items() if value is not None},
            key,
            algorithms=["ES384", "RS384", "RS256", "ES256"],
            default_type=None,
        )
        return {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": made,
        }


@pytest.fixture(scope="session")
def app_keys() -> AppKeys:
    return AppKeys()


@pytest.fixture
def ehr_settings(fhir_server: str, service: FakeService, ehr_clock: MovableClock, app_keys: AppKeys) -> EhrSettings:
    clients = (
        OAuthClient("chartside", (REDIRECT,)),
        OAuthClient("confidential", (REDIRECT,), secret="a secret of some length"),
        OAuthClient("keyed", (REDIRECT,), jwks=app_keys.public()),
    )
    return EhrSettings(EHR, fhir_server, service.base, clients, clock=ehr_clock)


class AtItsAddress(FlaskClient):
    """Calls the app at the address that it believes to have."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], str):
            kwargs.setdefault("base_url", EHR)
        return super().open(*args, **kwargs)


def client_of(settings: EhrSettings) -> FlaskClient:
    """A client of the EHR app at its real address."""
    app = create_app(settings)
    app.testing = True
    app.test_client_class = AtItsAddress
    return app.test_client()


@pytest.fixture
def ehr(ehr_settings: EhrSettings) -> FlaskClient:
    return client_of(ehr_settings)


class Road:
    """The OAuth road, with every parameter open to change; None leaves one out."""

    def __init__(self, client: FlaskClient, settings: EhrSettings) -> None:
        self.client = client
        self.settings = settings
        self.mischief = settings.mischief

    def launch(self, patient: str = "sim-02", **more: Any) -> str:
        """A launch id by the HSPC convention."""
        body = {"launchUrl": "http://127.0.0.1:8100/smart/launch", "parameters": {"patient": patient, **more}}
        answer = self.client.post("/fhir/_services/smart/Launch", json=body)
        assert answer.status_code == 200
        return str(answer.get_json()["launch_id"])

    def request(self, **changes: str | None) -> dict[str, str]:
        """The parameters of a correct authorization request with changes."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        query: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "chartside",
            "redirect_uri": REDIRECT,
            "scope": "openid fhirUser launch patient/Patient.rs patient/Observation.rs",
            "state": "state-1",
            "aud": f"{EHR}/fhir",
            "nonce": "nonce-1",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        query.update(changes)
        if "launch" not in query:
            query["launch"] = self.launch()
        return {name: value for name, value in query.items() if value is not None}

    def authorize(self, **changes: str | None) -> Any:
        """A correct authorization request with changes."""
        return self.client.get("/oauth/authorize", query_string=self.request(**changes))

    def returned(self, answer: Any) -> dict[str, str]:
        """The parameters of the redirect back to the app."""
        assert answer.status_code in {302, 303}, answer.data
        assert answer.headers["Location"].startswith(f"{REDIRECT}?")
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def code(self, **changes: str | None) -> str:
        """A fresh code."""
        return self.returned(self.authorize(**changes))["code"]

    def exchange(self, code: str, headers: dict[str, str] | None = None, **changes: str | None) -> Any:
        """A correct token request with changes."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code or None,
            "redirect_uri": REDIRECT,
            "client_id": "chartside",
            "code_verifier": VERIFIER,
        }
        form.update(changes)
        return self.client.post(
            "/oauth/token", data={k: v for k, v in form.items() if v is not None}, headers=headers or {}
        )

    def token(self, **changes: str | None) -> dict[str, Any]:
        """A whole launch."""
        answer = self.exchange(self.code(**changes))
        assert answer.status_code == 200, answer.data
        body: dict[str, Any] = answer.get_json()
        return body

    def refresh(self, token: str, **changes: str | None) -> Any:
        """A correct refresh with changes."""
        return self.exchange("", redirect_uri=None, code_verifier=None,
                             grant_type="refresh_token", refresh_token=token, **changes)  # fmt: skip

    def read(self, path: str, token: str, **query: str) -> Any:
        """A FHIR call."""
        return self.client.get(f"/fhir/{path}", query_string=query, headers={"Authorization": f"Bearer {token}"})

    def claims(self, token: str, keys_path: str, algorithm: str = "ES384") -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and verified claims of a JWT, by the published keys."""
        keys = KeySet.import_key_set(self.client.get(keys_path).get_json())
        decoded = jwt.decode(token, keys, algorithms=[algorithm])
        return dict(decoded.header), dict(decoded.claims)


@pytest.fixture
def road(ehr: FlaskClient, ehr_settings: EhrSettings) -> Road:
    return Road(ehr, ehr_settings)


@pytest.fixture
def road_with(ehr_settings: EhrSettings) -> Callable[..., Road]:
    """An EHR with other settings."""

    def make(**changes: Any) -> Road:
        settings = replace(ehr_settings, **changes)
        return Road(client_of(settings), settings)

    return make


@pytest.fixture
def ehr_at() -> str:
    """The base URL that the EHR believes to have."""
    return EHR


@pytest.fixture
def redirect_uri() -> str:
    return REDIRECT
