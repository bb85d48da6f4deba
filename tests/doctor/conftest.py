"""A small CDS Hooks service that keeps every rule, and can be told to break any one of them."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from werkzeug.serving import make_server

from chartside.doctor.caller import Caller
from chartside.doctor.examination import examine
from chartside.doctor.report import Report
from chartside.doctor.signing import Identity, Signer
from chartside.doctor.visit import Options, Persons
from chartside.doctor.wire import Limits, Wire
from clinical import strict_json
from clinical.errors import ChartsideError

ISSUER, KID = "https://ehr.test", "k1"
ORIGIN = "http://127.0.0.1:9"
HL7 = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "labs": "Observation?patient={{context.patientId}}&code=http://loinc.org|2160-0&_sort=-date&_count=10",
}


class Refuse(Exception):
    """A refusal with a status."""

    def __init__(self, status: int, text: str = "The call was refused.") -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass
class Plant:
    """What is wrong with a service: rules that it does not keep, and changes to what it sends.

    `lax` names rules; the others replace or change the discovery answer, a card, the answer, or response headers.
    """

    lax: tuple[str, ...] = ()
    discovery: Callable[[dict[str, Any]], Any] = lambda value: value
    card: Callable[[dict[str, Any]], Any] = lambda card: card
    answer: Callable[[dict[str, Any]], Any] = lambda answer: answer
    headers: Mapping[str, str] = field(default_factory=dict)
    refusal: Callable[[Refuse, bytes], Any] | None = None
    seconds: float = 0.0
    hooks: tuple[str, ...] = ("patient-view",)


class Service:
    """The service. `keys` is a JWK Set; without it nobody has to prove anything."""

    def __init__(self, plant: Plant, keys: Mapping[str, Any] | None) -> None:
        self.plant = plant
        self.keys = keys
        self.used: set[str] = set()
        self.seen: list[dict[str, Any]] = []
        self.base = ""
        self.app = Flask("small-service")
        self.app.get("/cds-services")(self.discover)
        self.app.post("/cds-services/<name>")(self.call)
        self.app.post("/cds-services/<name>/feedback")(self.feedback)
        self.app.register_error_handler(Refuse, self.refused)
        self.app.after_request(self.headers)

    def rule(self, name: str, *, kept: bool, status: int = 400, text: str = "The call was refused.") -> None:
        """Refuse, unless this rule is one that the service does not keep."""
        if not kept and name not in self.plant.lax:
            raise Refuse(status, text)

    def listed(self) -> dict[str, str]:
        """Id → hook."""
        return {f"good-{hook}": hook for hook in self.plant.hooks}

    def discover(self) -> Any:
        self.identify("discovery")
        rows = [
            {"hook": hook, "id": name, "title": "Good", "description": "A service", "prefetch": dict(TEMPLATES)}
            for name, hook in self.listed().items()
        ]
        value = self.plant.discovery({"services": rows})
        return value if isinstance(value, Response) else jsonify(value)

    def call(self, name: str) -> Any:
        self.identify("call")
        time.sleep(self.plant.seconds)
        self.rule("unknown-service", kept=name in self.listed(), status=404)
        sent = self.read()
        if not isinstance(sent, dict) or self.check_envelope(name, sent):
            return jsonify({"cards": []})
        self.seen.append(sent)
        value = self.plant.answer({"cards": [self.plant.card(self.card(sent))] if self.data(sent) else []})
        return value if isinstance(value, Response) else jsonify(value)

    def read(self) -> Any:
        """The body, read strictly."""
        self.rule("content-type", kept=request.mimetype == "application/json", status=415)
        raw = request.get_data()
        if len(raw) > 1_500_000:
            self.rule("size", kept=True)
            if "size" in self.plant.lax:
                raise Refuse(500)
            raise Refuse(413)
        try:
            sent = strict_json.loads(raw)
        except ChartsideError as fault:
            sent = self.loosely(raw, fault.message)
        self.rule("array", kept=isinstance(sent, dict))
        return sent

    def loosely(self, raw: bytes, why: str) -> Any:
        """What a lax parser makes of a body that is not JSON."""
        if "nested" in why:
            raise Refuse(500 if "nesting" in self.plant.lax else 400)
        name = "duplicate-keys" if "twice" in why else "nan" if "NaN" in why else "not-json"
        self.rule(name, kept=False)
        return {} if name == "not-json" else json.loads(raw)

    def check_envelope(self, name: str, sent: dict[str, Any]) -> bool:
        """Refuse what is not a call; whether a lax service answers it with nothing."""
        context, instance = sent.get("context"), sent.get("hookInstance")
        self.rule("no-hook-instance", kept=instance is not None or not sent)
        if instance is not None:
            self.rule("bad-hook-instance", kept=is_uuid(instance), text=str(instance))
        self.rule("no-hook", kept="hook" in sent or not sent)
        self.rule("wrong-hook", kept=sent.get("hook") in (None, self.listed().get(name)))
        self.rule("no-context", kept=isinstance(context, dict) or not sent)
        if isinstance(context, dict):
            self.rule("no-patient", kept="patientId" in context)
        if "extension" in sent and "no-extension" in self.plant.lax:
            raise Refuse(422)
        if "chartsideDoctorUnknown" in sent and "no-unknown" in self.plant.lax:
            raise Refuse(422)
        granted = sent.get("fhirAuthorization")
        if granted is not None:
            self.rule("no-fhir-server", kept="fhirServer" in sent, text=f"token {granted['access_token']}")
            self.rule("authorization", kept=granted["token_type"] == "Bearer")
        return not isinstance(context, dict)

    def data(self, sent: dict[str, Any]) -> bool:
        """Check the prefetch; whether there is something to say."""
        given = sent.get("prefetch") or {}
        patient = sent["context"].get("patientId")
        if not set(TEMPLATES) <= set(given):
            if "absent-500" in self.plant.lax:
                raise Refuse(500)
            self.rule("absent", kept=False, status=412)
            return False
        if any(isinstance(v, dict) and v.get("resourceType") == "OperationOutcome" for v in given.values()):
            self.rule("operation-outcome", kept=False, status=412)
            return False
        if any(value is None for value in given.values()) and "null" in self.plant.lax:
            raise Refuse(500)
        if given["labs"] is None and "null-is-empty" in self.plant.lax:
            raise Refuse(412)
        if patient is not None:
            self.guard(patient, given)
        return True

    def guard(self, patient: str, given: dict[str, Any]) -> None:
        """Nothing about anybody else."""
        if given["patient"]:
            self.rule("other-patient", kept=given["patient"]["id"] == patient, status=422)
        for entry in (given["labs"] or {}).get("entry", ()):
            mine = entry["resource"]["subject"]["reference"] == f"Patient/{patient}"
            self.rule("others-facts", kept=mine, status=422)

    def card(self, sent: dict[str, Any]) -> dict[str, Any]:
        """A card whose ids follow from the call."""
        seed = hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()
        name = uuid.uuid4() if "repeat" in self.plant.lax else uuid.uuid5(uuid.NAMESPACE_URL, seed)
        action = {"type": "create", "description": "Add a task", "resource": {"resourceType": "Task"}}
        return {
            "uuid": str(name),
            "summary": "Raised risk",
            "indicator": "warning",
            "detail": "**Because**",
            "source": {"label": "Small", "url": "https://example.org", "topic": {"system": "urn:x", "code": "risk"}},
            "suggestions": [{"label": "Do it", "uuid": str(uuid.uuid5(name, "s")), "actions": [action]}],
            "selectionBehavior": "any",
            "overrideReasons": [{"code": "patient-refuses", "system": HL7, "display": "Patient refuses"}],
            "links": [{"label": "More", "url": "https://example.org/app", "type": "smart", "appContext": "x"}],
        }

    def feedback(self, name: str) -> Any:
        if "no-feedback" in self.plant.lax:
            raise Refuse(404)
        self.identify("feedback")
        sent = self.read_feedback()
        rows = sent.get("feedback") if isinstance(sent, dict) else None
        self.rule("feedback-shape", kept=isinstance(rows, list))
        for row in rows if isinstance(rows, list) else ():
            good = is_uuid(row.get("card")) and row.get("outcome") in ("accepted", "overridden")
            good = good and "T" in str(row.get("outcomeTimestamp"))
            whole = len(rows) > 1 and "feedback-batch" in self.plant.lax
            self.rule("feedback-item", kept=good or whole)
            accepted = row.get("outcome") == "accepted"
            self.rule("feedback-bare", kept=not accepted or bool(row.get("acceptedSuggestions")))
            self.rule("feedback-empty-reason", kept=row.get("overrideReason") != {})
            for fault, found in (
                ("no-accepted", accepted and "acceptedSuggestions" in row),
                ("no-overridden", not accepted and "overrideReason" not in row and len(rows) == 1),
                ("no-own-code", "display" not in (row.get("overrideReason") or {}).get("reason", {"display": ""})),
                ("one-only", len(rows) > 1 and all(one.get("outcome") == "overridden" for one in rows)),
            ):
                if found and fault in self.plant.lax:
                    raise Refuse(400)
        return jsonify({"stored": True})

    def read_feedback(self) -> Any:
        """The body of feedback."""
        try:
            return strict_json.loads(request.get_data())
        except ChartsideError:
            raise Refuse(400) from None

    def identify(self, endpoint: str) -> None:
        """Check the caller's token."""
        if self.keys is None or (endpoint == "feedback" and "endpoints" in self.plant.lax):
            return
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token and "query" in self.plant.lax:
            token = request.args.get("access_token", "")
        if not token and "required" in self.plant.lax:
            return
        try:
            header, claims = peek(token)
        except (ValueError, JoseError):
            self.rule("garbage", kept=token != "garbage", status=401) if token == "garbage" else None
            if token == "garbage":
                return
            raise Refuse(401) from None
        self.check_token(token, header, claims)

    def check_token(self, token: str, header: dict[str, Any], claims: dict[str, Any]) -> None:
        """All rules for a token."""
        now = time.time()
        for name in ("iss", "aud", "exp", "iat", "jti"):
            self.rule("missing-claims", kept=name in claims, status=401)
        self.rule("audience", kept=claims.get("aud", request.base_url) == request.base_url, status=401)
        self.rule("issuer", kept=claims.get("iss", ISSUER) == ISSUER, status=401)
        exp, iat = claims.get("exp", now + 300), claims.get("iat", now)
        self.rule("expired", kept=exp > now - 30, status=401, text="expired")
        self.rule("not-before", kept=claims.get("nbf", now) <= now + 30, status=401)
        self.rule("issued-later", kept=iat <= now + 30, status=401)
        self.rule("lifetime", kept=exp - iat <= 300, status=401)
        self.check_key(token, header)
        if "replay" not in self.plant.lax and "jti" in claims:
            self.rule("-", kept=claims["jti"] not in self.used, status=401)
            self.used.add(claims["jti"])

    def check_key(self, token: str, header: dict[str, Any]) -> None:
        """Algorithm, key id, where keys come from, signature."""
        for algorithm, name in (("none", "alg-none"), ("HS256", "alg-hs256")):
            if header["alg"] == algorithm:
                self.rule(name, kept=False, status=401)
                return
        keys = self.keys
        if "jku" in header and {"jku-called", "foreign-jku"} & set(self.plant.lax):
            with urllib.request.urlopen(header["jku"], timeout=60) as answer:
                fetched = json.load(answer)
            keys = fetched if "foreign-jku" in self.plant.lax else keys
        elif "jku" in header:
            raise Refuse(401)
        known = any(key["kid"] == header["kid"] for key in keys["keys"])  # type: ignore[index]
        self.rule("unknown-kid", kept=known, status=401)
        if known:
            try:
                jwt.decode(token, KeySet.import_key_set(keys), algorithms=["ES384"])  # type: ignore[arg-type]
            except JoseError:
                self.rule("signature", kept=False, status=401)

    def refused(self, fault: Refuse) -> Any:
        if self.plant.refusal is not None:
            return self.plant.refusal(fault, request.get_data())
        return outcome(fault.status, "Refused.")

    def headers(self, response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if request.headers.get("Origin") == ORIGIN:
            response.headers["Access-Control-Allow-Origin"] = ORIGIN
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        for name, value in self.plant.headers.items():
            if value == "-":
                response.headers.pop(name, None)
            else:
                response.headers[name] = value.replace("{origin}", request.headers.get("Origin", "null"))
        return response


def outcome(status: int, text: str) -> Any:
    """An OperationOutcome."""
    issue = {"severity": "error", "code": "invalid", "details": {"text": text}}
    return jsonify({"resourceType": "OperationOutcome", "issue": [issue]}), status


def is_uuid(value: object) -> bool:
    """Whether a value is a UUID."""
    try:
        return isinstance(value, str) and bool(uuid.UUID(value))
    except ValueError:
        return False


def peek(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, not yet believed."""
    if token.endswith("."):  # unsigned
        token += "AA"
    found = jws.extract_compact(token.encode())
    return dict(found.headers()), dict(json.loads(found.payload))


@pytest.fixture(scope="session")
def key() -> ECKey:
    """The private key of the EHR that the services know."""
    return ECKey.generate_key("P-384", {"kid": KID})


@pytest.fixture(scope="session")
def jwks(key: ECKey) -> dict[str, Any]:
    """Its public half, as the services have it."""
    return {"keys": [key.as_dict(private=False)]}


@contextmanager
def running(app: Flask) -> Iterator[str]:
    """Serve an application on a free port of this machine."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@pytest.fixture
def serve() -> Callable[..., Any]:
    """Serve an application while a block runs."""
    return running


@pytest.fixture
def plant() -> type[Plant]:
    """What can be wrong with a service."""
    return Plant


@pytest.fixture
def make_service() -> Callable[..., Service]:
    """Make a service."""
    return lambda plant=None, keys=None: Service(plant or Plant(), keys)


class NowClock:
    """The time now."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="session")
def diagnose(key: ECKey) -> Callable[..., Report]:
    """Examine the service at a base URL."""

    def run(
        base: str, *, signed: bool = True, persons: Persons | None = None, seconds: float = 10.0, **options: Any
    ) -> Report:
        signer = Signer(Identity(key, "ES384", ISSUER, KID), NowClock()) if signed else None
        caller = Caller(Wire(Limits(seconds=seconds), "chartside-doctor/test"), signer)
        # A machine that is busy with other tests is not a slow service.
        asked = Options(base, **{"origin": ORIGIN, "deadline_ms": 5000.0, **options})
        return examine(asked, caller, NowClock(), persons=persons or Persons(), version="test")

    return run


@pytest.fixture
def broken() -> Callable[[Report], dict[str, str]]:
    """The broken checks of a report: id → outcome."""
    return lambda report: {row.check.id: row.outcome.value for row in report.results if row.broken}
