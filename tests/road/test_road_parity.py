"""No skew between training and serving: stays of the training data as FHIR over real HTTP, against the offline path."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from werkzeug.serving import make_server

from chartside.factory import create_app, open_house
from chartside.settings import Settings
from clinical.record import Observation, PatientRecord
from models.icu_mortality.training.data import START, TrainingStay, read_stays
from models.runtime.artefact import load_artefact
from models.runtime.catalogue import read_manifests
from models.runtime.features import FeaturePlan
from models.runtime.gather import Gatherer
from models.runtime.population import Placed, place, too_little

REGISTRY = """
[clients.parity]
name = "Parity"
authentication = "loopback"
fhir_base = "http://127.0.0.1:9/fhir"
show_from = 0.0
intensive_care_locations = ["Medical ICU"]
"""
STAYS = 40
HOURS = (6, 13, 24, 37, 48)


class SetClock:
    """A clock that is set, so that a stay of the past is current."""

    time = START

    def now(self) -> datetime:
        return self.time


@dataclass
class Service:
    """The whole service behind a real port."""

    url: str
    clock: SetClock

    def outcome(self, body: dict[str, Any]) -> dict[str, Any]:
        """What a patient-view call finds."""
        answer = requests.post(f"{self.url}/cds-services/icu-mortality", json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["extension"]["org.chartside.outcome"])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Chartside on a port of its own, with a clock that the test sets."""
    folder = tmp_path_factory.mktemp("parity")
    (folder / "clients.toml").write_text(REGISTRY)
    clock = SetClock()
    house = open_house(
        Settings("http://127.0.0.1:8100", f"sqlite:///{folder}/ledger.db", folder / "clients.toml", b"s" * 64),
        clock=clock,
    )
    server = make_server("127.0.0.1", 0, create_app(house), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Service(f"http://127.0.0.1:{server.server_port}", clock)
    server.shutdown()
    server.server_close()
    house.close()


class Offline:
    """Features by the training code's plan, probability by scikit-learn's own prediction: no SHAP, no service."""

    def __init__(self) -> None:
        self.manifest = read_manifests()["icu-mortality"]
        self.plan = FeaturePlan(self.manifest)
        self.gatherer = Gatherer(self.manifest.signals.values())
        self.artefact = load_artefact(self.manifest, [feature.name for feature in self.plan.features])

    def probability(self, record: PatientRecord, hour: float) -> float | None:
        """The probability at an hour of the stay, or None where the model would not answer."""
        as_of = START + timedelta(hours=hour)
        placed = place(record, self.manifest.population, as_of)
        if not isinstance(placed, Placed):
            return None
        gathered = self.gatherer.gather(record, placed.start - self.manifest.population.allowance, placed.start, as_of)
        if too_little(gathered.series, self.manifest, placed.hours) is not None:
            return None
        row = self.plan.values(gathered.series, placed.person, placed.hours)
        margins = [member.decision_function(row[None, :])[0] for member in self.artefact.members]
        log_odds = self.artefact.slope * float(np.mean(margins)) + self.artefact.intercept
        return 1 / (1 + math.exp(-log_odds))


def as_fhir(fact: Observation, patient: str, number: int) -> dict[str, Any]:
    """An Observation resource."""
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": fact.status,
        "code": {"coding": [{"system": coding.system, "code": coding.code} for coding in fact.codings]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": fact.time.isoformat(),
        "valueQuantity": {"value": fact.value, "system": "http://unitsofmeasure.org", "code": fact.unit},
    }


def as_call(record: PatientRecord) -> dict[str, Any]:
    """A stay as the EHR would send it."""
    name = f"p{record.patient_id}"
    facts = [as_fhir(fact, name, number) for number, fact in enumerate(record.observations)]
    stay = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": f"Patient/{name}"},
        "period": {"start": START.isoformat()},
        "location": [{"location": {"display": "Medical ICU"}, "period": {"start": START.isoformat()}}],
    }
    assert record.birth_date is not None
    patient = {"resourceType": "Patient", "id": name, "birthDate": record.birth_date.isoformat()}
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": name},
        "prefetch": {
            "patient": {**patient, **({"gender": record.sex} if record.sex else {})},
            "encounter": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": stay}]},
            "vitals": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": f} for f in facts]},
            "labs": {"resourceType": "Bundle", "type": "searchset"},
        },
    }


@pytest.fixture(scope="module")
def stays(shared: Path) -> list[TrainingStay]:
    """Some stays of the training data, every fiftieth so that they are mixed."""
    manifest = read_manifests()["icu-mortality"]
    found = islice(read_stays(shared / "data" / "tabular", manifest.signals), 0, STAYS * 50, 50)
    return list(found)


def test_the_service_gives_the_offline_probability(service: Service, stays: list[TrainingStay]) -> None:
    """To 1e-9, at landmarks and between them; where the offline path gives none, the service abstains."""
    offline = Offline()
    compared = 0
    for number, stay in enumerate(stays):
        hour = HOURS[number % len(HOURS)]
        service.clock.time = START + timedelta(hours=hour)
        expected = offline.probability(stay.record, hour)
        found = service.outcome(as_call(stay.record))
        if expected is None:
            assert found["status"] == "not-assessed"
        else:
            assert abs(found["probability"] - expected) < 1e-9
            compared += 1
    assert compared >= STAYS * 0.8


def test_the_model_ranks_its_own_training_stays(stays: list[TrainingStay]) -> None:
    """A check of the check: the offline probabilities are not all alike, and those who died have the higher ones."""
    offline = Offline()
    pairs = [(offline.probability(stay.record, 48), stay.died) for stay in stays]
    died = [p for p, outcome in pairs if p is not None and outcome]
    lived = [p for p, outcome in pairs if p is not None and not outcome]
    assert died
    assert np.mean(died) > np.mean(lived) + 0.1
