"""The whole road: FHIR server, EHR with its authorization server, Chartside, Chromium. Nothing on it is a stand-in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from open_ports import free_ports

from ehr_simulator.demo.deployment import Ports
from ehr_simulator.demo.house import House, running_house
from ehr_simulator.loader import Report, load_bundle
from ehr_simulator.patients import generate

ROOT = Path(__file__).resolve().parents[2]


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
