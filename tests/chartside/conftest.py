"""The whole application in this process, on a fresh ledger, for callers on this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chartside.factory import House, create_app, open_house
from chartside.settings import Settings
from clinical.advice import Advice
from fhir_adapters.times import fhir_moment

REGISTRY = """
[clients.ward]
name = "Ward"
authentication = "loopback"
fhir_base = "http://127.0.0.1:9/fhir"
origins = ["http://127.0.0.1:9"]
smart_client_id = "chartside"
show_from = 0.0
intensive_care_locations = ["Medical ICU"]
"""


class SetClock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


def settings_in(folder: Path, database: str = "") -> Settings:
    """Settings of a deployment in a folder."""
    (folder / "clients.toml").write_text(REGISTRY)
    return Settings(
        base_url="http://127.0.0.1:8100",
        database_url=database or f"sqlite:///{folder}/ledger.db",
        clients_file=folder / "clients.toml",
        secret=b"s" * 64,
        quality_password="quality-secret",
    )


@pytest.fixture(scope="session", autouse=True)
def shelf(one_shelf: None) -> None:
    """The houses of this folder, and those that its commands open, share their models."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An open house; its clock is `house.clock`."""
    with closing(open_house(settings_in(tmp_path_factory.mktemp("house")), clock=SetClock())) as opened:
        yield opened


@pytest.fixture
def open_with(tmp_path: Path) -> Iterator[Callable[[str], House]]:
    """Opens a house with lines added to the registry entry of its ward; its clock is `house.clock`."""
    opened: list[House] = []

    def open_(wishes: str) -> House:
        settings = settings_in(tmp_path)
        settings.clients_file.write_text(settings.clients_file.read_text() + wishes)
        opened.append(open_house(settings, clock=SetClock()))
        return opened[-1]

    yield open_
    for house in opened:
        house.close()


@pytest.fixture
def http(house: House) -> Any:
    """A test client of the application."""
    house.clock.time = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # type: ignore[attr-defined]
    return create_app(house).test_client()


@pytest.fixture
def make_settings() -> Callable[..., Settings]:
    """A factory of settings."""
    return settings_in


@pytest.fixture
def in_environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[Settings], None]:
    """Puts settings into the environment, where the commands read them; the secret lies beside the clients."""

    def put(settings: Settings) -> None:
        secret = settings.clients_file.with_name("secret")
        secret.write_bytes(settings.secret)
        for name, value in {
            "BASE_URL": settings.base_url,
            "DATABASE_URL": settings.database_url,
            "CLIENTS_FILE": str(settings.clients_file),
            "SECRET_FILE": str(secret),
        }.items():
            monkeypatch.setenv(f"CHARTSIDE_{name}", value)

    return put


@pytest.fixture
def deployment(tmp_path: Path, in_environment: Callable[[Settings], None]) -> Settings:
    """A deployment in whose environment commands run. It has no ledger yet; a file may put one there."""
    settings = settings_in(tmp_path)
    in_environment(settings)
    return settings


@pytest.fixture
def first_advice(ill: dict[str, Any]) -> Callable[[House], Advice]:
    """Asks the whole application of a house about `ill`: the advice behind the first card."""

    def ask(house: House) -> Advice:
        http = create_app(house).test_client()
        card = http.post("/cds-services/icu-mortality", json=ill).get_json()["cards"][0]
        advice = house.ledger.find(card["uuid"], client="ward", patient_id="pat-1", encounter_id="enc-1")
        assert advice is not None
        return advice

    return ask


def observation(name: str, code: str, value: float, unit: str, time: str) -> dict[str, Any]:
    """One Observation."""
    assert fhir_moment(time)
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/pat-1"},
        "effectiveDateTime": time,
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }


@pytest.fixture
def ill() -> dict[str, Any]:
    """A call about a patient 24 hours into intensive care, very ill."""
    return very_ill()


@pytest.fixture
def make_ill() -> Callable[[], dict[str, Any]]:
    """The same call, as often as a test needs it."""
    return very_ill


@pytest.fixture
def raised(ill: dict[str, Any]) -> dict[str, Any]:
    """A patient whose risk is raised, not critical."""
    milder = {"2524-7": 2.4, "2744-1": 7.33, "9269-2": 10, "8478-0": 68, "8480-6": 102, "2160-0": 2.0, "777-3": 140,
              "3094-0": 38, "9187-6": 45, "1975-2": 1.5, "8310-5": 36.4, "8867-4": 112, "8462-4": 54}  # fmt: skip
    for entry in ill["prefetch"]["vitals"]["entry"]:
        resource = entry["resource"]
        code = resource["code"]["coding"][0]["code"]
        resource["valueQuantity"]["value"] = milder.get(code, resource["valueQuantity"]["value"])
    ill["prefetch"]["labs"] = ill["prefetch"]["vitals"]
    return ill


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The FHIR base of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/fhir"


def very_ill() -> dict[str, Any]:
    """A body as an EHR sends it."""
    rows = [
        ("8867-4", 128, "/min"), ("8480-6", 84, "mm[Hg]"), ("8462-4", 44, "mm[Hg]"), ("8478-0", 57, "mm[Hg]"),
        ("9279-1", 31, "/min"), ("8310-5", 35.4, "Cel"), ("9269-2", 5, "{score}"), ("9187-6", 15, "mL"),
        ("2524-7", 8.2, "mmol/L"), ("2160-0", 3.1, "mg/dL"), ("3094-0", 61, "mg/dL"), ("1975-2", 6.0, "mg/dL"),
        ("777-3", 48, "10*3/uL"), ("6690-2", 26, "10*3/uL"), ("2744-1", 7.12, "[pH]"), ("1963-8", 12, "mmol/L"),
    ]  # fmt: skip
    facts = [
        observation(f"o{hour}-{code}", code, value, unit, f"2026-03-{1 + hour // 24:02d}T{hour % 24:02d}:30:00Z")
        for hour in (9, 15, 21, 27, 31)
        for code, value, unit in rows
    ]
    stay = {
        "resourceType": "Encounter",
        "id": "enc-1",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": "Patient/pat-1"},
        "period": {"start": "2026-03-01T08:00:00Z"},
        "location": [{"location": {"display": "Medical ICU"}}],
    }
    patient = {"resourceType": "Patient", "id": "pat-1", "gender": "male", "birthDate": "1944-05-01"}
    results = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": fact} for fact in facts]}
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/dr-1", "patientId": "pat-1", "encounterId": "enc-1"},
        "prefetch": {"patient": patient, "encounter": stay, "vitals": results, "labs": results},
    }
