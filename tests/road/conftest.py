"""The whole road: FHIR server, EHR with its authorization server, Chartside, Chromium. Nothing on it is a stand-in."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ehr_simulator.demo.deployment import Ports
from ehr_simulator.demo.house import House, running_house
from ehr_simulator.loader import Report, load_bundle
from ehr_simulator.patients import generate

ROOT = Path(__file__).resolve().parents[2]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running hospital with the invented patients."""
    folder = tmp_path_factory.mktemp("hospital")
    with running_house(folder, Ports(*free_ports(3)), lambda _: None, strict=False) as house:
        report = Report()
        for name, bundle in generate(datetime.now(UTC)).items():
            load_bundle(bundle, house.settings.fhir_server, report, name=name)
        assert not report.set_aside
        yield house


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots are left."""
    folder = Path(os.environ.get("CHARTSIDE_PICTURES", ROOT / "tests" / "output"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
