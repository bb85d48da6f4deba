"""The whole application for an EHR whose FHIR server misbehaves; its authorization server is strict and good."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from open_ports import free_ports
from smart_peer import AuthorizationServer, running

from chartside.factory import create_app
from fhir_adapters.http.transport import Limits
from smart_hostile.evil_fhir import PATIENT, EvilFhir, Way, running_evil
from smart_hostile.ward import Clock, Said, jwt, never_open, opened, served

REGISTRY = """
[clients.ward]
name = "Ward"
authentication = "loopback"
fhir_base = "{base}"
origins = ["{base_origin}"]
show_from = 0.0
deadline_ms = {deadline_ms}
smart_client_id = "chartside-app"
smart_refresh = "online"
intensive_care_locations = ["Medical ICU"]
"""
CONFIGURATION = "/fhir/.well-known/smart-configuration"
GIVEN = {"", "hook-token", "secret-access-token", "renewed-token-"}
# A machine may be slow, and may stand still for a moment, but what hangs takes longer.
BOUND_S = 60.0
ROWS = [
    ("8867-4", "Heart rate", 128, "/min"), ("8480-6", "Systolic", 84, "mm[Hg]"), ("8462-4", "Diastolic", 44, "mm[Hg]"),
    ("8478-0", "Mean pressure", 57, "mm[Hg]"), ("9279-1", "Breaths", 31, "/min"), ("8310-5", "Body", 35.4, "Cel"),
    ("9269-2", "Coma score", 5, "{score}"), ("9187-6", "Urine", 15, "mL"), ("2524-7", "Lactate", 8.2, "mmol/L"),
    ("2160-0", "Creatinine", 3.1, "mg/dL"), ("3094-0", "Urea", 61, "mg/dL"), ("1975-2", "Bilirubin", 6.0, "mg/dL"),
    ("777-3", "Platelets", 48, "10*3/uL"), ("6690-2", "White cells", 26, "10*3/uL"), ("2744-1", "pH", 7.12, "[pH]"),
    ("1963-8", "Bicarbonate", 12, "mmol/L"),
]  # fmt: skip
NAME = "Zzoriginal Quartz"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long reads are waited for, in seconds: all of a call or a page together, and one step of one of them."""

    whole: float
    step: float


# Where the server is slow, so that its time runs out; and where it answers at once, so that time is not what ends it.
HURRIED = Patience(1.0, 2.0)
PATIENT_ENOUGH = Patience(30.0, 30.0)
LONGEST_MS = 4500  # for a call of a hook, in the registry


def very_ill(now: datetime) -> dict[str, list[dict[str, Any]]]:
    """A patient 30 hours into intensive care; every text that a page could show is there."""
    subject, narrative = {"reference": f"Patient/{PATIENT}"}, {"status": "generated", "div": "<div>narrative</div>"}
    facts = [
        {
            "resourceType": "Observation",
            "id": f"o{hours}-{code}",
            "status": "final",
            "text": narrative,
            "category": [{"coding": [{"system": "http://x.example", "code": "c", "display": "category"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": words}], "text": words},
            "subject": {**subject, "display": "subject"},
            "effectiveDateTime": (now - timedelta(hours=hours)).isoformat(),
            "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
            "referenceRange": [{"low": {"value": 1}, "text": "reference range"}],
            "interpretation": [{"text": "interpretation"}],
            "note": [{"text": "note"}],
        }
        for hours in (1, 7, 13, 19, 25)
        for code, words, value, unit in ROWS
    ]
    stay = {
        "resourceType": "Encounter",
        "id": "stay-1",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP", "display": "class"},
        "type": [{"text": "type"}],
        "subject": subject,
        "period": {"start": (now - timedelta(hours=30)).isoformat()},
        "location": [{"location": {"reference": "Location/icu", "display": "Medical ICU"}}],
    }
    patient = {
        "resourceType": "Patient",
        "id": PATIENT,
        "text": narrative,
        "name": [{"use": "official", "text": NAME}],
        "gender": "male",
        "birthDate": "1944-05-01",
    }
    place = {"resourceType": "Location", "id": "icu", "status": "active", "name": "Medical ICU", "text": narrative}
    return {"Patient": [patient], "Encounter": [stay], "Observation": facts, "Location": [place]}


class Peer(AuthorizationServer):
    """The strict authorization server of an EHR whose FHIR base is elsewhere."""

    fhir = ""

    @property
    def iss(self) -> str:
        """The FHIR base, which is also the issuer."""
        return self.fhir


@dataclass
class EvilWard:
    """Everything together. `url` is where the application is served, `app` the application."""

    url: str
    app: Flask
    evil: EvilFhir
    peer: AuthorizationServer
    said: Said
    answers: list[str] = field(default_factory=list)

    def fresh(self) -> None:
        """As at the beginning, with a breaker that never opens: each test is about one answer of the server."""
        self.evil.fresh()
        self.peer.spent.clear()
        self.answers.clear()
        self.said.lines.clear()
        self.reset()

    def reset(self) -> None:
        """Set by the fixture."""

    @property
    def tokens(self) -> set[str]:
        """Every token that was given."""
        renewed = {f"renewed-token-{number}" for number in range(1, len(self.peer.spent) + 1)}
        return {"secret-access-token", "hook-token", *renewed, *self.peer.spent, *self.peer.refresh_tokens}

    def leaks(self) -> list[str]:
        """Where a token stands."""
        texts = (*self.answers, *self.said.lines)
        return [text[:300] for text in texts if any(token in text for token in self.tokens) or jwt(text)]

    def open(self, browser: FlaskClient | None = None) -> Any:
        """A launch, and the page that it leads to."""
        browser = browser or self.app.test_client()
        begun = browser.get("/smart/launch", query_string={"iss": self.evil.base, "launch": "L"}, base_url=self.url)
        assert begun.status_code == 303, begun.text
        self.peer.scope = parse_qs(urlsplit(begun.location).query)["scope"][0]
        back = browser.get("/smart/callback", query_string=self.peer.authorize(begun.location), base_url=self.url)
        assert back.status_code == 303, back.text
        until = time.monotonic() + BOUND_S
        answer = browser.get(back.location, base_url=self.url)
        while "Refresh" in answer.headers and time.monotonic() < until:  # as a browser does
            answer = browser.get(back.location, base_url=self.url)
        self.answers.append(f"{answer.headers}{answer.text}")
        return answer

    def call(self) -> Any:
        """A call of the hook, with leave to read."""
        body = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),  # an equal call would be answered as before
            "fhirServer": self.evil.base,
            "fhirAuthorization": {
                "access_token": "hook-token", "token_type": "Bearer", "expires_in": 300,
                "scope": "patient/*.rs", "subject": "cds",
            },
            "context": {"userId": "Practitioner/dr-1", "patientId": PATIENT, "encounterId": "stay-1"},
        }  # fmt: skip
        answer = self.app.test_client().post("/cds-services/icu-mortality", json=body, base_url=self.url)
        self.answers.append(f"{answer.headers}{answer.text}")
        return answer


@contextmanager
def running_evil_ward(folder: Path, patience: Patience) -> Iterator[EvilWard]:
    """Start all of it."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    evil = EvilFhir(very_ill(datetime.now(UTC)))
    peer = Peer(
        redirect_uri=f"{url}/smart/callback",
        refreshes=True,
        token={"patient": PATIENT, "encounter": "stay-1", "need_patient_banner": True, "appContext": None},
    )
    with ExitStack() as stack:
        stack.enter_context(running_evil(evil))
        stack.enter_context(running(peer))
        peer.fhir = evil.base
        evil.documents[CONFIGURATION] = lambda: _configuration(peer)
        evil.documents["/fhir/style"] = lambda: {"color_background": "#abcdef"}
        milliseconds = min(round(patience.whole * 1000), LONGEST_MS)
        registry = REGISTRY.format(base=evil.base, base_origin=evil.origin, deadline_ms=milliseconds)
        (folder / "clients.toml").write_text(registry)
        house = stack.enter_context(opened(folder, url, Clock(), "icu-mortality", fhir_seconds=patience.whole))
        house.fhir._limits = Limits(patience.step, patience.step)
        app = create_app(house)
        stack.enter_context(served(app, port))
        made = EvilWard(url, app, evil, peer, Said())
        made.reset = lambda: never_open(house)  # type: ignore[method-assign]
        yield made


def _configuration(peer: AuthorizationServer) -> dict[str, Any]:
    """The smart-configuration."""
    return {
        "issuer": peer.iss,
        "jwks_uri": f"{peer.origin}/keys",
        "authorization_endpoint": f"{peer.origin}/authorize?tenant=1",
        "token_endpoint": f"{peer.origin}/token",
        "revocation_endpoint": f"{peer.iss}/revoke",
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["permission-v2"],
    }


def words_of(answer: Any) -> str:
    """What a person reads, of a page or of a hook's answer."""
    if answer.is_json:
        return json.dumps(answer.get_json(), ensure_ascii=False)
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def at_both_doors(ward: EvilWard, kind: str, way: Way) -> Iterator[Any]:
    """The answers of the page and of the hook, each within bounds."""
    for door in (ward.open, ward.call):
        ward.fresh()
        ward.evil.plan[kind] = way
        begun = time.monotonic()
        answer = door()
        assert time.monotonic() - begun < BOUND_S
        assert ward.leaks() == []
        # A read that was given up may still come from the door before.
        assert {asked.token.rstrip("0123456789") for asked in ward.evil.asked} <= GIVEN
        yield answer
