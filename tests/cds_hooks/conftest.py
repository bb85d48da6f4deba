"""The EHR's door with a scripted main job behind it, and a client that signs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.exceptions import HTTPException

from cds_hooks import faults
from cds_hooks.blueprint import Door as HookDoor
from cds_hooks.blueprint import create_blueprint
from cds_hooks.cards import CardWriter
from cds_hooks.desk import Desk, Terms
from cds_hooks.services import Services
from cds_hooks.trust import Caller, Trust
from clinical.advice import Advice, Feedback, History, Leaf, Receipt
from clinical.app_context import AppContexts
from clinical.audit import AuditEvent
from clinical.errors import ChartsideError
from clinical.invocation import Invocation
from clinical.need import DataNeed
from clinical.record import LOINC, Coding
from findings import INFO

BASE = "https://chartside.test"
ISSUER = "https://ehr.test"
JKU = "https://ehr.test/.well-known/jwks.json"


class Model:
    """What the registry of services looks at."""

    info = INFO
    needs = (
        DataNeed("patient", "Patient"),
        DataNeed("stays", "Encounter", count=20),
        DataNeed("labs", "Observation", (Coding(LOINC, "2524-7"),), 500),
    )

    def assess(self, record: object, as_of: object) -> Any:
        raise AssertionError("the door does not assess")


class Memory:
    """A ledger that remembers feedback."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Feedback]] = []
        self.fault: Exception | None = None

    def append(self, advice: Advice) -> Advice:
        raise AssertionError("the door does not append")

    def put_off(self, advice: Advice, since: Any) -> bool:
        """Perhaps."""
        return True

    def history(self, advice: Advice, since: Any) -> History:
        raise AssertionError("the door does not ask")

    def find(
        self, advice_id: str, *, client: str, patient_id: str, encounter_id: str | None = None, asked_by: str = ""
    ) -> Advice | None:
        return None

    def decision(self, advice_id: str, *, asked_by: str = "") -> Feedback | None:
        return None

    def record(self, batch: Sequence[Feedback]) -> Receipt:
        if self.fault:
            raise self.fault
        self.batches.append(batch)
        return Receipt(len(batch), 0, 0, tuple(Leaf(index + 1, "ab" * 32) for index in range(len(batch))))


class Notes:
    """An audit in memory that may refuse."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []
        self.fault: Exception | None = None

    def note(self, event: AuditEvent) -> None:
        if self.fault:
            raise self.fault
        self.events.append(event)


class UsedOnce:
    """Token ids that were used."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.fault: Exception | None = None

    def claim(self, client: str, token_id: str, expires: float) -> bool:
        if self.fault:
            raise self.fault
        new = (client, token_id) not in self.seen
        self.seen.add((client, token_id))
        return new


class Door:
    """Calls the service as an EHR."""

    def __init__(self, clock: Any, make_advice: Callable[..., Advice], authentication: str) -> None:
        self.clock = clock
        self.calls: list[Invocation] = []
        self.advice: Advice | Exception = make_advice()
        self.ledger = Memory()
        self.key = ECKey.generate_key("P-384", {"kid": "k1", "use": "sig", "alg": "ES384"})
        self.key_sets: dict[str, Any] = {JKU: {"keys": [self.key.as_dict(private=False)]}}
        self.fetched: list[str] = []
        self.stored: list[Advice] = []
        self.earlier: Advice | None = None
        self.audit = Notes()
        self.used = UsedOnce()
        self.terms = {"demo-ehr": Terms(("https://ehr.test",)), "other": Terms(("https://other.test",))}
        caller = Caller("demo-ehr", authentication, ISSUER, JKU)
        desk = Desk(
            services=Services([Model()]),
            advise=self._advise,
            ledger=self.ledger,
            audit=self.audit,
            clock=clock,
            cards=CardWriter(BASE, AppContexts(b"c" * 32)),
            terms=self.terms,
            retry_secret=b"r" * 32,
        )
        app = Flask("door")
        trust = Trust([caller], fetch_keys=self._fetch, used=self.used, clock=clock)
        app.register_blueprint(create_blueprint(desk, HookDoor(trust, BASE)))
        app.register_error_handler(HTTPException, faults.answer)
        self.http: FlaskClient = app.test_client()

    def _advise(self, invocation: Invocation, *, check: Callable[[Advice], object]) -> Advice:
        self.calls.append(invocation)
        if isinstance(self.advice, Exception):
            raise self.advice
        check(self.advice)
        self.stored.append(self.advice)
        return self.earlier or self.advice

    def _fetch(self, url: str) -> object:
        self.fetched.append(url)
        if url not in self.key_sets:
            raise ChartsideError("not there")
        return self.key_sets[url]

    def token(self, path: str = "/cds-services", *, key: Any = None, header: Any = None, **claims: Any) -> str:
        """A JWT as CDS Hooks describes it, with changes; a claim set to None is left out."""
        now = int(self.clock.now().timestamp())
        content: dict[str, Any] = {
            "iss": ISSUER,
            "aud": BASE + path,
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid.uuid4()),
            **claims,
        }
        head = {"alg": "ES384", "kid": "k1", "typ": "JWT", "jku": JKU, **(header or {})}
        kept = {name: value for name, value in content.items() if value is not None}
        return jwt.encode(
            {name: value for name, value in head.items() if value is not None},
            kept,
            key or self.key,
            algorithms=["ES384", "RS384", "ES256", "HS256"],
        )

    def body(self, **changes: Any) -> dict[str, Any]:
        """A service request; a member set to `...` is left out."""
        whole = {
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/example", "patientId": "1288992", "encounterId": "89284"},
            "prefetch": {"patient": None},
            **changes,
        }
        return {name: value for name, value in whole.items() if value is not ...}

    def post(self, body: Any, path: str = "/cds-services/icu-mortality", **options: Any) -> Any:
        """POST JSON."""
        return self.http.post(path, json=body, **options)


@pytest.fixture
def door(clock: Any, make_advice: Callable[..., Advice]) -> Door:
    """A door for callers on this machine."""
    return Door(clock, make_advice, "loopback")


@pytest.fixture
def guarded(clock: Any, make_advice: Callable[..., Advice]) -> Door:
    """A door that asks for a JWT."""
    return Door(clock, make_advice, "jwt")
