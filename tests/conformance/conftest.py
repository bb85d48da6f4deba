"""The whole application with a stand-in model on all ten hooks, and an EHR that serves FHIR and keys over HTTP."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from cds_hooks.services import known_hooks
from chartside.factory import House, create_app, open_house
from chartside.settings import Settings
from clinical.assessment import Abstention, AbstentionReason, Explanation, Finding, RiskAssessment
from clinical.need import DataNeed, Importance
from clinical.record import LOINC, Coding, PatientRecord
from findings import INFO, TIERS, attribution

BASE = "http://127.0.0.1:8100"
FINGERPRINT = "ab" * 32
LACTATE = Coding(LOINC, "2524-7")
ALL = tuple(sorted(known_hooks()))


class SetClock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class LactateModel:
    """A stand-in: the risk is a tenth of the newest lactate, without one there is no answer."""

    needs = (
        DataNeed("patient", "Patient"),
        DataNeed("labs", "Observation", (LACTATE,), 100),
        DataNeed("problems", "Condition", count=50, importance=Importance.INFORMATIVE),
    )

    def __init__(self, name: str, hooks: tuple[str, ...]) -> None:
        self.info = replace(INFO, id=name, title=f"Stand-in {name}", hooks=hooks)

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        facts = sorted(record.observations, key=lambda fact: fact.time)
        if not facts:
            reason = AbstentionReason.NOT_ENOUGH_DATA
            return Abstention(self.info, as_of, reason, "no lactate was measured", True, ("Lactate",))
        risk = min(facts[-1].value / 10, 0.95)
        tier = next(tier for tier in reversed(TIERS.values()) if risk >= tier.at_least)
        reasons = Explanation(-1.8, (attribution("lactate", 1.2, facts[-1]),))
        return RiskAssessment(self.info, as_of, risk, tier, reasons, "now", oldest=facts[0].time, newest=facts[-1].time)


class Ehr:
    """An EHR's HTTP server: FHIR below /fhir, key sets beside it. `seen` are path and Authorization of each request."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.seen: list[tuple[str, str | None]] = []
        self.delay = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append((self.path, self.headers.get("Authorization")))
                time.sleep(outer.delay)
                found = outer.pages.get(self.path) or outer.pages.get(self.path.partition("?")[0])
                data = json.dumps(found if found is not None else {"resourceType": "OperationOutcome"}).encode()
                with suppress(ConnectionError):  # a caller that no longer waits has hung up
                    self.send_response(200 if found is not None else 404)
                    self.send_header("Content-Type", "application/fhir+json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.fhir = f"{self.url}/fhir"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def reset(self) -> None:
        """Nothing to read, nothing seen, no delay; the key sets stay."""
        self.pages = {path: page for path, page in self.pages.items() if not path.startswith("/fhir")}
        self.seen.clear()
        self.delay = 0.0

    def close(self) -> None:
        """Shut the server down."""
        self.server.shutdown()
        self.server.server_close()


def registry(ehr: Ehr) -> str:
    """Clients: this machine, a JWT with a key URL, a JWT with a key file and a tenant, and one with a certificate."""
    return f"""
[clients.ward]
name = "Ward"
authentication = "loopback"
fhir_base = "{ehr.fhir}"
origins = ["https://ward.test"]
smart_client_id = "chartside"
show_from = 0.0
deadline_ms = 4500

[clients.hospital]
name = "Hospital"
authentication = "jwt"
issuer = "https://hospital.test"
jwks_url = "{ehr.url}/jwks.json"
fhir_base = "https://hospital.test/fhir"
origins = ["https://hospital.test"]
flags = ["cds-hooks-3"]

[clients.filed]
name = "Filed"
authentication = "jwt"
issuer = "https://filed.test"
jwks_file = "filed.json"
tenants = ["north"]
fhir_base = "https://filed.test/fhir"

[clients.sealed]
name = "Sealed"
authentication = "jwt"
issuer = "https://sealed.test"
jwks_file = "filed.json"
certificates = ["{FINGERPRINT}"]
fhir_base = "https://sealed.test/fhir"
"""


@pytest.fixture(scope="session")
def ehr_server() -> Iterator[Ehr]:
    """One EHR for all tests."""
    with closing(Ehr()) as ehr:
        yield ehr


@pytest.fixture(scope="session")
def signing_key() -> ECKey:
    """The key of all clients that sign."""
    return ECKey.generate_key("P-384", {"kid": "k1", "use": "sig", "alg": "ES384"})


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the deployment stands."""
    return tmp_path_factory.mktemp("conformance")


@pytest.fixture(scope="session")
def open_rooms(ehr_server: Ehr, signing_key: ECKey, folder: Path) -> Iterator[House]:
    """An open house, with stand-ins for its models."""
    public = {"keys": [signing_key.as_dict(private=False)]}
    ehr_server.pages["/jwks.json"] = public
    (folder / "filed.json").write_text(json.dumps(public))
    (folder / "clients.toml").write_text(registry(ehr_server))
    settings = Settings(
        base_url=BASE,
        database_url=f"sqlite:///{folder}/ledger.db",
        clients_file=folder / "clients.toml",
        secret=b"s" * 64,
        quality_password="quality-secret",
        certificate_header="X-Client-Cert",
    )
    models = {
        "all-hooks": LactateModel("all-hooks", ALL),
        "second": LactateModel("second", ("patient-view", "order-sign")),
    }
    with closing(open_house(settings, clock=SetClock())) as house:
        yield replace(house, models=models)


class Caller:
    """Calls the service over HTTP, as an EHR does."""

    def __init__(self, house: House, ehr: Ehr, key: ECKey) -> None:
        self.house = house
        self.ehr = ehr
        self.key = key
        self.http = create_app(house).test_client()
        self.bearer = f"access-{uuid.uuid4()}"

    @property
    def reads(self) -> list[str]:
        """What was read with this caller's access token. Reads that an earlier test left behind carry another one."""
        return [path for path, authorization in list(self.ehr.seen) if authorization == f"Bearer {self.bearer}"]

    @property
    def now(self) -> datetime:
        """The time of the service."""
        return self.house.clock.now()

    def forward(self, **span: float) -> None:
        """Let time pass."""
        self.house.clock.time += timedelta(**span)  # type: ignore[attr-defined]

    def lactate(self, value: float, name: str = "lab-1", **changes: Any) -> dict[str, Any]:
        """An Observation of this hour."""
        return {
            "resourceType": "Observation",
            "id": name,
            "status": "final",
            "code": {"coding": [{"system": LOINC, "code": "2524-7"}]},
            "subject": {"reference": "Patient/pat-1"},
            "effectiveDateTime": (self.now - timedelta(minutes=30)).isoformat(),
            "valueQuantity": {
                "value": value, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L",
            },
            **changes,
        }  # fmt: skip

    def results(self, *resources: dict[str, Any], next_url: str = "") -> dict[str, Any]:
        """A searchset."""
        link = {"link": [{"relation": "next", "url": next_url}]} if next_url else {}
        entries = [{"resource": resource} for resource in resources]
        return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **link}

    def prefetch(self, value: float = 5.0) -> dict[str, Any]:
        """All that the model needs."""
        patient = {"resourceType": "Patient", "id": "pat-1", "gender": "male", "birthDate": "1944-05-01"}
        return {"patient": patient, "labs": self.results(self.lactate(value)), "problems": None}

    def body(self, hook: str = "patient-view", **changes: Any) -> dict[str, Any]:
        """A request; a member that is set to `...` is left out."""
        whole = {
            "hook": hook,
            "hookInstance": str(uuid.uuid4()),
            "context": deepcopy(CONTEXTS[hook]),
            "prefetch": self.prefetch(),
            **changes,
        }
        return {name: value for name, value in whole.items() if value is not ...}

    def access(self, **changes: Any) -> dict[str, Any]:
        """Leave to read from the EHR, as members of a request."""
        granted = {
            "access_token": self.bearer, "token_type": "Bearer", "expires_in": 300,
            "scope": "patient/*.rs", "subject": "chartside", "patient": "pat-1", **changes,
        }  # fmt: skip
        return {"fhirServer": self.ehr.fhir, "fhirAuthorization": granted}

    def post(self, body: Any, service: str = "all-hooks", **options: Any) -> Any:
        """Call a service."""
        return self.http.post(f"/cds-services/{service}", json=body, **options)

    def card(self, value: float = 5.0, **changes: Any) -> dict[str, Any]:
        """The one card of a call."""
        answer = self.post(self.body(**{"prefetch": self.prefetch(value), **changes}))
        assert answer.status_code == 200, answer.text
        (card,) = answer.get_json()["cards"]
        return dict(card)

    def discovery(self, **options: Any) -> list[dict[str, Any]]:
        """The services on offer."""
        return list(self.http.get("/cds-services", **options).get_json()["services"])

    def token(self, path: str, *, client: str = "hospital", key: Any = None, header: Any = None, **claims: Any) -> str:
        """A JWT for a path; a member that is set to None is left out."""
        now = int(self.now.timestamp())
        content = {
            "iss": f"https://{client}.test", "aud": BASE + path, "iat": now, "exp": now + 300,
            "jti": str(uuid.uuid4()), **claims,
        }  # fmt: skip
        jku = {"jku": f"{self.ehr.url}/jwks.json"} if client == "hospital" else {}
        head = {"alg": "ES384", "kid": "k1", "typ": "JWT", **jku, **(header or {})}
        return jws.serialize_compact(
            {name: value for name, value in head.items() if value is not None},
            json.dumps({name: value for name, value in content.items() if value is not None}),
            key or self.key,
            algorithms=["ES384", "RS384", "ES256", "HS256"],
        )

    def signed(self, path: str, **changes: Any) -> dict[str, str]:
        """Headers of a signed request."""
        return {"Authorization": f"Bearer {self.token(path, **changes)}"}

    def feedback(self, *items: dict[str, Any], **options: Any) -> Any:
        """Send feedback."""
        return self.http.post("/cds-services/all-hooks/feedback", json={"feedback": list(items)}, **options)

    def overridden(self, card: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A feedback item."""
        time = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": time, **changes}

    def accepted(self, card: dict[str, Any]) -> dict[str, Any]:
        """A feedback item."""
        chosen = [{"id": card["suggestions"][0]["uuid"]}]
        return {**self.overridden(card), "outcome": "accepted", "acceptedSuggestions": chosen}


@pytest.fixture
def caller(open_rooms: House, ehr_server: Ehr, signing_key: ECKey) -> Caller:
    """A caller and its EHR."""
    ehr_server.reset()
    return Caller(open_rooms, ehr_server, signing_key)


@pytest.fixture
def golden() -> Callable[[str], Any]:
    """Reads an example of the specification."""
    return lambda name: json.loads((Path(__file__).parent / "golden" / f"{name}.json").read_text("utf-8"))


PERSON = {"userId": "Practitioner/dr-1", "patientId": "pat-1", "encounterId": "enc-1"}
ORDER = {"resourceType": "MedicationRequest", "id": "m", "status": "draft", "subject": {"reference": "Patient/pat-1"}}


def _bundle(resource: dict[str, Any]) -> dict[str, Any]:
    """A Bundle of one resource."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource}]}


# A context of each hook.
CONTEXTS: dict[str, dict[str, Any]] = {
    "patient-view": PERSON,
    "encounter-start": PERSON,
    "encounter-discharge": PERSON,
    "order-sign": {**PERSON, "draftOrders": _bundle(ORDER)},
    "order-select": {**PERSON, "draftOrders": _bundle(ORDER), "selections": ["MedicationRequest/m"]},
    "appointment-book": {
        **PERSON,
        "appointments": _bundle(
            {"resourceType": "Appointment", "participant": [{"actor": {"reference": "Patient/pat-1"}}]}
        ),
    },
    "order-dispatch": {
        "patientId": "pat-1", "dispatchedOrders": ["ServiceRequest/s"], "performer": "Organization/o",
    },
    "allergyintolerance-create": {
        **PERSON,
        "allergyIntolerance": {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/pat-1"}},
    },
    "medication-refill": {"patientId": "pat-1", "medications": _bundle(ORDER)},
    "problem-list-item-create": {
        **PERSON,
        "conditions": _bundle({"resourceType": "Condition", "subject": {"reference": "Patient/pat-1"}}),
    },
}  # fmt: skip
