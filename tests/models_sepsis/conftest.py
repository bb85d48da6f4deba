"""Stays of the open hourly rows, small made-up ones, and a reader of FHIR."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clinical.invocation import Invocation
from clinical.need import DataNeed
from clinical.record import Observation, PatientRecord
from fhir_adapters.http.transport import Transport
from fhir_adapters.record import FhirRecords, Site
from fhir_adapters.units import load_analytes
from models.runtime.folder_code import MODELS
from models.runtime.manifest import Manifest
from models.runtime.read_manifest import read_untrained
from models.sepsis_6h.training import tables
from models.sepsis_6h.training.data import SHA256, Cinc2019
from models.training.cases import Case

FOLDERS = ("sepsis_6h", "sepsis_6h_physiology")
_EVERY = 1300


@pytest.fixture(scope="session", params=FOLDERS)
def manifest(request: pytest.FixtureRequest) -> Manifest:
    """The manifest of each of the two models, before there is an artefact."""
    return read_untrained(MODELS / str(request.param) / "model.toml")


@pytest.fixture(scope="session")
def open_rows(shared: Path) -> pd.DataFrame:
    """Rows of a few stays of the open data, some with sepsis, some with what is seldom measured."""
    (name,) = SHA256
    table = pd.read_parquet(shared / "data" / "tabular" / name)
    table["pid"] = table["pid"].astype(str)
    septic = table.loc[table["SepsisLabel"] == 1, "pid"].drop_duplicates()
    rare = table.loc[table["BaseExcess"].notna() & table["EtCO2"].notna(), "pid"].drop_duplicates()
    chosen = {*table["pid"].drop_duplicates().iloc[::_EVERY], *septic.iloc[::150], *rare.iloc[:2]}
    return table[table["pid"].isin(chosen)].reset_index(drop=True)


@pytest.fixture(scope="session")
def rows_file(open_rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a file."""
    path = tmp_path_factory.mktemp("rows") / "some.parquet"
    open_rows.to_parquet(path)
    return path


@pytest.fixture(scope="session")
def cases(rows_file: Path, manifest: Manifest) -> list[Case]:
    """The same as the trainer of each model reads them."""
    return list(Cinc2019(manifest=manifest.folder / "model.toml").cases([rows_file]))


def made_rows(hours: int = 4, **columns: Any) -> pd.DataFrame:
    """Rows of one patient with nothing measured but what is given."""
    empty: dict[str, Any] = dict.fromkeys(tables.MEASURED, np.nan)
    person = {"Age": 61.0, "Gender": 0.0, "Unit1": 0.0, "Unit2": 1.0, "HospAdmTime": -3.25}
    return pd.DataFrame({**empty, **person, "ICULOS": range(1, hours + 1), "SepsisLabel": 0, **columns})


@pytest.fixture
def make_rows_of() -> Callable[..., pd.DataFrame]:
    """Makes rows."""
    return made_rows


@dataclass
class Ehr:
    """Renders a record as FHIR and reads it back as the service would."""

    now: datetime

    def read(self, record: PatientRecord, needs: Iterable[DataNeed]) -> PatientRecord:
        """The record after its way through prefetch."""
        listed = tuple(needs)
        call = Invocation("ehr", "m", "patient-view", "i", "p1", "Practitioner/1", None, self.prefetch(record, listed))
        clock = _Clock(self.now)
        site = {"ehr": Site("https://ehr.test/fhir")}
        return FhirRecords(site, transport=Transport(), clock=clock, analytes=load_analytes()).read(call, listed)

    def prefetch(self, record: PatientRecord, needs: Iterable[DataNeed]) -> dict[str, object]:
        """Every need's resources; observations stand under the need that asks for their code."""
        found: dict[str, object] = {}
        for need in needs:
            if need.resource_type == "Patient":
                found[need.key] = _patient(record)
            elif need.resource_type == "Encounter":
                found[need.key] = _bundle([_encounter(record)])
            else:
                codes = {coding.code for coding in need.codes}
                facts = [
                    fact for fact in record.observations if fact.codings[0].code in codes and fact.time <= self.now
                ]
                found[need.key] = _bundle([_observation(fact) for fact in facts])
        return found


@dataclass
class _Clock:
    time: datetime

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def ehr_at() -> Callable[[datetime], Ehr]:
    """An EHR at a moment."""
    return Ehr


def _bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}


def _patient(record: PatientRecord) -> dict[str, Any]:
    assert record.birth_date is not None
    return {
        "resourceType": "Patient",
        "id": "p1",
        "gender": record.sex,
        "birthDate": record.birth_date.isoformat(),
    }


def _encounter(record: PatientRecord) -> dict[str, Any]:
    (stay,) = record.stays
    (bed,) = stay.locations
    assert stay.start is not None
    assert bed.start is not None
    kind = {"coding": [{"system": coding.system, "code": coding.code} for coding in bed.codings]}
    place = {"resourceType": "Location", "id": "bed", "status": "active", "name": bed.name, "type": [kind]}
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": "Patient/p1"},
        "period": {"start": stay.start.isoformat()},
        "contained": [place],
        "location": [{"location": {"reference": "#bed"}, "period": {"start": bed.start.isoformat()}}],
    }


def _observation(fact: Observation) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": fact.reference.removeprefix("Observation/").replace("_", "."),
        "status": "final",
        "code": {"coding": [{"system": coding.system, "code": coding.code} for coding in fact.codings]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": fact.time.isoformat(),
        "valueQuantity": {"value": fact.value, "system": "http://unitsofmeasure.org", "code": fact.unit},
    }
