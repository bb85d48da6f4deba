"""No skew between training and serving: stays of the training data as FHIR over real HTTP, against the offline path."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from clinical.record import Coding, Observation, PatientRecord, StayLocation
from ehr_simulator.whole_answers import whole
from models.icu_mortality.features import unit_type
from models.icu_mortality.training.data import SHA256, START, Cinc2012
from models.runtime.catalogue import MODELS_FOLDER
from models.training.cases import Case, Moment
from models.training.evaluate import Opened
from models.training.rows import make_rows

REGISTRY = """
[clients.parity]
name = "Parity"
authentication = "loopback"
fhir_base = "http://127.0.0.1:9/fhir"
show_from = 0.0
intensive_care_locations = [
    "Medical ICU", "Surgical ICU", "Coronary Care Unit", "Cardiac Surgery Recovery Unit", "North tower",
]
"""
STAYS = 40
HOURS = (6, 13, 24, 37, 48)
HSLOC = "https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html"
UNIT_CODES = {"coronary": "1028-0", "cardiac_surgery": "1032-2", "medical": "1027-2", "surgical": "1030-6"}


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
        answer = requests.post(f"{self.url}/cds-services/icu-mortality", json=body, timeout=60)
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
    server = make_server("127.0.0.1", 0, whole(create_app(house)), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Service(f"http://127.0.0.1:{server.server_port}", clock)
    server.shutdown()
    server.server_close()
    house.close()


class Offline:
    """Rows and margins as in training, over many rows at once: no explanation, no service."""

    def __init__(self) -> None:
        self.opened = Opened.at(MODELS_FOLDER / "icu_mortality")

    def probability(self, record: PatientRecord, hour: float) -> float | None:
        """The probability at an hour of the stay, or None where the model would not answer."""
        moment = Moment(START + timedelta(hours=hour), outcome=False, slice="", hour=float(hour))
        rows = make_rows([Case(record, 1, [moment])], self.opened.sight)
        return float(self.opened.probabilities(rows)[0]) if rows.answered[0] else None


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


def as_place(bed: StayLocation) -> dict[str, Any]:
    """What an Encounter says about a place: by a Location with a type where it has one of NHSN, else by its name."""
    period = {"start": START.isoformat()}
    if not any(coding.system == HSLOC for coding in bed.codings):
        return {"location": [{"location": {"display": bed.name}, "period": period}]}
    kinds = [{"coding": [{"system": coding.system, "code": coding.code}]} for coding in bed.codings]
    location = {"resourceType": "Location", "id": "place", "status": "active", "name": bed.name, "type": kinds}
    return {"contained": [location], "location": [{"location": {"reference": "#place"}, "period": period}]}


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
        **as_place(record.stays[0].locations[0]),
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
def stays(shared: Path) -> list[Case]:
    """Some stays of the training data, every fiftieth so that they are mixed, in places that are told in three ways."""
    files = [shared / "data" / "tabular" / name for name in SHA256]
    found = islice(Cinc2012().cases(files), 0, STAYS * 50, 50)
    return [replace(case, record=elsewhere(case.record, number)) for number, case in enumerate(found)]


def elsewhere(record: PatientRecord, number: int) -> PatientRecord:
    """The stay in a place known by its name, by a type code alone, or in one of unknown type."""
    stay = record.stays[0]
    bed = stay.locations[0]
    kind = unit_type(bed)
    assert kind is not None
    places = (
        replace(bed, codings=()),
        replace(bed, name="4 West", codings=(Coding(HSLOC, UNIT_CODES[kind]),)),
        replace(bed, name="North tower", codings=()),
    )
    return replace(record, stays=(replace(stay, locations=(places[number % len(places)],)),))


def test_the_service_gives_the_offline_probability(service: Service, stays: list[Case]) -> None:
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


def test_the_place_makes_a_difference(service: Service, stays: list[Case]) -> None:
    """A check of the check: through FHIR, the same stay in a place of another type has another probability."""
    stay = stays[0].record.stays[0]
    service.clock.time = START + timedelta(hours=24)
    found = set()
    for name in ("Medical ICU", "Surgical ICU", "Coronary Care Unit", "Cardiac Surgery Recovery Unit", "North tower"):
        bed = replace(stay.locations[0], name=name, codings=())
        record = replace(stays[0].record, stays=(replace(stay, locations=(bed,)),))
        found.add(service.outcome(as_call(record))["probability"])
    assert len(found) == 5


def test_the_model_ranks_its_own_training_stays(stays: list[Case]) -> None:
    """A check of the check: the offline probabilities are not all alike, and those who died have the higher ones."""
    offline = Offline()
    pairs = [(offline.probability(stay.record, 48), stay.moments[0].outcome) for stay in stays]
    died = [p for p, outcome in pairs if p is not None and outcome]
    lived = [p for p, outcome in pairs if p is not None and not outcome]
    assert died
    assert np.mean(died) > np.mean(lived) + 0.1
