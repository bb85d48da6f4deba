"""The running service, called as an EHR calls it."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from ehr_simulator.demo.house import House
from ehr_simulator.loader import Shift, load_folder
from ehr_simulator.patients import generate

TIMEOUT = 60


def call(house: House, patient: str, **changes: Any) -> requests.Response:
    """A patient-view call from this machine, without prefetch unless given."""
    body = {
        "hook": "patient-view",
        "hookInstance": "0e0c2d4e-3c64-4c1a-9f5e-7d2f7a0e9b11",
        "context": {"userId": "Practitioner/dr-demo", "patientId": patient},
        **changes,
    }
    return requests.post(f"{house.settings.chartside}/cds-services/icu-mortality", json=body, timeout=TIMEOUT)


def test_discovery_offers_the_models_at_their_hooks(hospital: House) -> None:
    """As an integration engineer would look at it first."""
    services = requests.get(f"{hospital.settings.chartside}/cds-services", timeout=TIMEOUT).json()["services"]
    offered: dict[str, set[str]] = {}
    for service in services:
        offered.setdefault(service["hook"], set()).add(service["id"])
    assert offered["patient-view"] >= {"icu-mortality", "sepsis-6h", "mortality-10y"}
    assert offered["encounter-discharge"] >= {"readmission-30d"}
    assert set(offered) == {"patient-view", "encounter-start", "order-select", "encounter-discharge", "order-sign"}


def test_the_example_of_the_docs_works(hospital: House) -> None:
    """The curl command of docs/integration.md, sent as it stands there."""
    page = (Path(__file__).parents[2] / "docs" / "integration.md").read_text("utf-8")
    example = re.search(r"-d '(\{.*?\})'\n", page, re.DOTALL)
    assert example is not None
    url = f"{hospital.settings.chartside}/cds-services/icu-mortality"
    answer = requests.post(url, json=json.loads(example[1]), timeout=TIMEOUT)
    assert answer.status_code == 200
    assert answer.json()["cards"]


def test_data_that_nobody_gives_are_412(hospital: House) -> None:
    """Neither prefetch nor access."""
    answer = call(hospital, "sim-02")
    assert answer.status_code == 412
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_a_broken_call_is_told_what_is_wrong(hospital: House) -> None:
    """Over real HTTP: not JSON, no context, an unknown service."""
    base = f"{hospital.settings.chartside}/cds-services"
    bad = requests.post(
        f"{base}/icu-mortality", data=b"{", headers={"Content-Type": "application/json"}, timeout=TIMEOUT
    )
    assert (bad.status_code, bad.json()["issue"][0]["code"]) == (400, "invalid")
    assert call(hospital, "x", context=None).status_code == 400
    assert requests.post(f"{base}/unknown", json={}, timeout=TIMEOUT).status_code == 404


def test_no_token_name_or_value_in_any_log_line(hospital: House) -> None:
    """After every patient's chart was opened, the service's log holds ids of ours and outcomes only."""
    for person in hospital.desk.patients():
        hospital.desk.fire("patient-view", person)
        hospital.desk.fire("encounter-start", person)
    text = (hospital.folder / "chartside.log").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert len([line for line in lines if line.get("event") == "advice"]) >= 20
    names = {
        part
        for bundle in generate(hospital.settings.clock()).values()
        for entry in bundle["entry"]
        for name in entry["resource"].get("name", [])
        if isinstance(name, dict)
        for part in [name.get("family", ""), *name.get("given", [])]
        if len(part) > 2
    }
    assert names
    for forbidden in (*names, "eyJ", "Bearer", "sim-0", "Practitioner/", "Patient/", "mmol", "Traceback"):
        assert forbidden not in text, forbidden


@pytest.mark.parametrize("hour", [12, 40])  # in this order: the later hour overwrites what the earlier one left
def test_every_open_intensive_care_bundle_gets_an_answer_with_a_reason(
    hour: int, hospital: House, shared: Path
) -> None:
    """Twenty real stays through the whole EHR: a risk, or an abstention that says why; never an empty answer."""
    now = hospital.settings.clock()
    report = load_folder(
        shared / "data" / "fhir",
        hospital.settings.fhir_server,
        shift=Shift(now, float(hour)),
        pattern="p12_*.json",
        tell=lambda *_: None,
    )
    assert len(report.patients) == 20
    hooks = hospital.desk.hooks
    (service,) = [one for one in hooks.services("patient-view") if one.id == "icu-mortality"]
    answers = []
    for person in hospital.desk.patients():
        if person.id.startswith("p12-"):
            result = hooks.call(service, person.id, person.stay.id if person.stay else None)
            assert result.response is not None, result.problem
            found = result.response["extension"]["org.chartside.outcome"]
            assert found["status"] in ("assessed", "not-assessed")
            assert found["status"] == "assessed" or found["text"]
            assert result.response["cards"]
            answers.append(found)
    assert len(answers) == 20
    assert sum(found["status"] == "assessed" for found in answers) >= 18


def test_slow_callers_do_not_stop_the_service(hospital: House) -> None:
    """More connections than threads, each sending a byte now and then, are hung up on, and others are served."""
    address = ("127.0.0.1", hospital.ports.chartside)
    slow = [socket.create_connection(address, timeout=60) for _ in range(20)]
    for one in slow:
        one.sendall(b"POST /cds-services/icu-mortality HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    until = time.monotonic() + 90
    served = False
    while not served and time.monotonic() < until:
        for one in slow:
            with contextlib.suppress(OSError):
                one.sendall(b"a")
        with contextlib.suppress(requests.RequestException):
            served = requests.get(f"{hospital.settings.chartside}/health", timeout=60).status_code == 200
    for one in slow:
        one.close()
    assert served


def test_what_is_no_http_is_refused_in_fixed_words(hospital: House) -> None:
    """Nothing of it comes back."""
    for raw in (b"<script>secret-words</script>\r\n\r\n", b"GET / HTTP/9.9 secret-words\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", hospital.ports.chartside), timeout=60) as one:
            one.sendall(raw)
            answer = one.recv(4000)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"secret-words" not in answer
