"""A FHIR server that can misbehave, and small resources."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from clinical.invocation import FhirAccess, Invocation
from clinical.need import DataNeed, Importance
from clinical.record import LOINC, Coding
from fhir_adapters.http.transport import Limits, Transport
from fhir_adapters.record import FhirRecords, Site
from fhir_adapters.units import Analytes, load_analytes

PATIENT = {"resourceType": "Patient", "id": "pat-1", "gender": "female", "birthDate": "1950-02-03"}
STAY = {
    "resourceType": "Encounter",
    "id": "enc-1",
    "status": "in-progress",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "subject": {"reference": "Patient/pat-1"},
    "period": {"start": "2026-03-01T08:00:00Z"},
    "location": [{"location": {"display": "Medical ICU"}}],
}
NEEDS = (
    DataNeed("patient", "Patient"),
    DataNeed("stays", "Encounter", count=20),
    DataNeed("labs", "Observation", (Coding(LOINC, "2524-7"), Coding(LOINC, "2160-0"), Coding(LOINC, "8480-6")), 500),
)


def lab(
    name: str = "o1", code: str = "2524-7", value: Any = 4.1, unit: str = "mmol/L", **changes: Any
) -> dict[str, Any]:
    """An Observation."""
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": "Patient/pat-1"},
        "effectiveDateTime": "2026-03-02T07:30:00Z",
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        **changes,
    }


def bundle(*resources: dict[str, Any], following: str = "") -> dict[str, Any]:
    """A searchset."""
    link = [{"relation": "next", "url": following}] if following else []
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        **({"link": link} if link else {}),
        "entry": [{"resource": resource} for resource in resources],
    }


# As long as a server that misbehaves keeps its caller waiting: whoever gave it up did so by a limit of its own.
HOLD_S = 60.0


class Server:
    """A real HTTP server on this machine; `answers` maps a path (with query, or without) to what it does."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.answers: dict[str, Callable[[], Response]] = {}
        self.seen: list[tuple[str, str | None]] = []
        app = Flask("ehr")
        app.add_url_rule("/<path:path>", "any", self._answer)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.base = f"http://127.0.0.1:{self._server.server_port}/fhir"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def _answer(self, path: str) -> Response:
        self.seen.append((request.full_path, request.headers.get("Authorization")))
        for name, answer in self.answers.items():
            if request.full_path.startswith(f"/fhir/{name}"):
                return answer()
        return Response("{}", 404)

    def json(self, name: str, value: object, status: int = 200) -> None:
        self.answers[name] = lambda: Response(json.dumps(value), status, content_type="application/fhir+json")

    def slow(self, name: str) -> None:
        """Say nothing for so long that nobody waits for it."""

        def answer() -> Response:
            self.over.wait(HOLD_S)
            return Response("{}")

        self.answers[name] = answer

    def drip(self, name: str) -> None:
        """Send a blank now and then, for as long."""

        def chunks() -> Iterator[bytes]:
            until = time.monotonic() + HOLD_S
            while time.monotonic() < until and not self.over.wait(0.05):
                yield b" "

        self.answers[name] = lambda: Response(chunks())

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def ehr() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def analytes() -> Analytes:
    return load_analytes()


@pytest.fixture
def make_lab() -> Callable[..., dict[str, Any]]:
    return lab


@pytest.fixture
def make_bundle() -> Callable[..., dict[str, Any]]:
    return bundle


class Reading:
    """Reads one patient's record."""

    def __init__(self, analytes: Analytes) -> None:
        self.now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
        self.budget = HOLD_S / 2  # no test is about it that does not set it
        self.seconds: float | None = None
        self.analytes = analytes
        self.needs = NEEDS
        self.names: tuple[str, ...] = ("Medical ICU",)
        self.hosts: tuple[str, ...] = ()
        self.classes: dict[str, str] = {}
        self.hook = "patient-view"
        self.limits: Limits | None = Limits(read=HOLD_S / 2)
        self.ticks = time.monotonic

    def prefetch(self, *labs: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return {"patient": PATIENT, "stays": bundle(STAY), "labs": bundle(*labs), **changes}

    def lacking(self, *keys: str) -> dict[str, Any]:
        return {key: value for key, value in self.prefetch().items() if key not in keys}

    def weigh(self, importance: Importance) -> None:
        """Give the labs another importance."""
        self.needs = (*NEEDS[:2], replace(NEEDS[2], importance=importance))

    def reader(self, base: str = "https://ehr.test/fhir") -> FhirRecords:
        class Clock:
            def now(clock) -> datetime:  # noqa: N805
                return self.now

        return FhirRecords(
            {"ehr": Site(base, self.names, self.hosts, self.classes)},
            transport=Transport(self.limits),
            clock=Clock(),
            analytes=self.analytes,
            budget=self.budget,
            monotonic=self.ticks,
        )

    def call(self, prefetch: dict[str, Any], access: FhirAccess | None = None, **changes: Any) -> Invocation:
        call = Invocation("ehr", "m", self.hook, "i", "pat-1", "Practitioner/1", None, prefetch, access, self.seconds)
        return replace(call, **changes)

    def read(
        self, prefetch: dict[str, Any], access: FhirAccess | None = None, base: str = "https://ehr.test/fhir"
    ) -> Any:
        return self.reader(base).read(self.call(prefetch, access), self.needs)


@pytest.fixture
def reading(analytes: Analytes) -> Reading:
    return Reading(analytes)
