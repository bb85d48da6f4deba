"""People of the open survey, small made-up ones, and an EHR that renders a record as FHIR and reads it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clinical.invocation import Invocation
from clinical.need import DataNeed
from clinical.record import LOINC, Answer, Coding, Condition, Observation, PatientRecord, Source, Stay
from fhir_adapters.http.transport import Transport
from fhir_adapters.record import FhirRecords, Site
from fhir_adapters.units import load_analytes
from models.mortality_10y.training.data import MANIFEST, SHA256
from models.runtime.manifest import Manifest
from models.runtime.read_manifest import read_untrained
from models.runtime.sight import TreeSight

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PEOPLE = 210
UCUM = "http://unitsofmeasure.org"
# Other units that laboratories send: the signal, the unit, and how a canonical value becomes it.
OTHER_UNITS: dict[str, tuple[str, Callable[[float], float]]] = {
    "Creatinine": ("umol/L", lambda value: value * 88.42),
    "Urate": ("umol/L", lambda value: value * 59.48),
    "CRP": ("mg/dL", lambda value: value / 10),
    "Glucose": ("mmol/L", lambda value: value / 18.016),
    "RBC": ("10*12/L", lambda value: value),
    "WBC": ("10*9/L", lambda value: value),
    "Lymphocytes": ("1", lambda value: value / 100),
    "Waist": ("m", lambda value: value / 100),
    "Albumin": ("g/L", lambda value: value * 10),
}


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    """The manifest, whether there is an artefact or not."""
    return read_untrained(MANIFEST)


@pytest.fixture(scope="session")
def sight(manifest: Manifest) -> TreeSight:
    """The eyes of the model."""
    return TreeSight(manifest)


@pytest.fixture(scope="session")
def names(sight: TreeSight) -> tuple[str, ...]:
    """The columns of every row."""
    return tuple(feature.name for feature in sight.features)


@pytest.fixture(scope="session")
def survey(shared: Path) -> pd.DataFrame:
    """Some people of the cycles that the model is trained on, and some of later ones."""
    (name,) = SHA256
    table = pd.read_parquet(shared / "data" / "tabular" / name)
    eligible = table[(table["age"] >= 30) & (table["age"] < 80) & (table["elig"] == 1)]
    early = eligible[eligible["year"] <= 2005]
    return pd.concat([early.iloc[:: len(early) // PEOPLE], eligible[eligible["year"] > 2009].iloc[::500]])


@pytest.fixture(scope="session")
def survey_file(survey: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a file with a name of its own."""
    path = tmp_path_factory.mktemp("survey") / "rows.parquet"
    survey.to_parquet(path)
    return path


@pytest.fixture
def person() -> Callable[..., dict[str, Any]]:
    """Makes the row of a person who was followed for ten years."""

    def make(number: int = 1, **changes: Any) -> dict[str, Any]:
        row = {"sampleID": f"2001_{number}", "year": 2001.0, "gender": 2.0, "age": 60.0, "pregnant": 0.0}
        followed = {"elig": 1.0, "dead": 0.0, "mo": 190.0, "ethnicity": 3.0, "poverty_ratio": 1.5, "health": 4.0}
        return {**row, **followed, "sbp": 130.5, "creat": 0.91, "crp": 0.36, **changes}

    return make


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows into a file."""

    def write(*rows: dict[str, Any], name: str = "people.csv") -> Path:
        path = tmp_path / name
        table = pd.DataFrame(list(rows))
        table.to_parquet(path) if name.endswith("parquet") else table.to_csv(path, index=False)
        return path

    return write


# What is measured at a check-up; each a day ago.
CHECK_UP = {
    "SysBP": 132.0, "DiaBP": 81.0, "BMI": 27.5, "BUN": 14.0, "Creatinine": 0.9, "Glucose": 97.0, "HDL": 51.0,
    "Cholesterol": 205.0, "RBC": 4.6, "MCV": 90.0, "RDW": 13.1, "WBC": 6.4, "Neutrophils": 58.0, "Lymphocytes": 29.0,
}  # fmt: skip


@dataclass
class Chart:
    """Makes records out of the manifest's signals."""

    manifest: Manifest

    def fact(self, name: str, value: float, days: float = 1.0) -> Observation:
        """A value of a signal, so many days old."""
        signal = self.manifest.signals[name]
        reference = f"Observation/{name}-{days:g}".replace(".", "-")
        time = NOW - timedelta(days=days)
        return Observation(
            reference, signal.codes[:1], value, signal.unit, time, "final", Source.FHIR, value, signal.unit
        )

    def record(
        self,
        *further: Observation,
        answers: Sequence[Answer] = (),
        conditions: Sequence[Condition] = (),
        stays: Sequence[Stay] = (),
        sex: str | None = "female",
        birth: date | None = date(1964, 1, 5),
        without: Sequence[str] = (),
    ) -> PatientRecord:
        """A woman of 62 years after a check-up."""
        facts = [self.fact(name, value) for name, value in CHECK_UP.items() if name not in without]
        return PatientRecord(
            patient_id="p1",
            read_at=NOW,
            birth_date=birth,
            sex=sex,
            observations=(*facts, *further),
            answers=tuple(answers),
            conditions=tuple(conditions),
            stays=tuple(stays),
        )

    def answer(self, code: str, value: Coding, days: float = 1.0) -> Answer:
        """An answer to a question, so many days old."""
        time = NOW - timedelta(days=days)
        asked = (Coding(LOINC, code),)
        return Answer(f"Observation/a{days:g}", asked, (value,), value.display, time, "final", Source.FHIR)


@pytest.fixture
def chart(manifest: Manifest) -> Chart:
    """Makes records."""
    return Chart(manifest)


@dataclass
class Ehr:
    """Renders a record as FHIR R4, some of it in other units, and reads it back as the service would."""

    manifest: Manifest
    now: datetime

    def read(self, record: PatientRecord, *, other_units: bool) -> PatientRecord:
        """The record after its way through prefetch."""
        needs = self.manifest.needs
        sent = {need.key: self._sent(record, need, other_units=other_units) for need in needs}
        call = Invocation("ehr", "m", "patient-view", "i", "p1", "Practitioner/1", None, sent)
        site = {"ehr": Site("https://ehr.test/fhir")}
        reader = FhirRecords(site, transport=Transport(), clock=_Clock(self.now), analytes=load_analytes())
        return reader.read(call, needs)

    def _sent(self, record: PatientRecord, need: DataNeed, *, other_units: bool) -> dict[str, Any]:
        """What a prefetch holds under one key."""
        if need.resource_type == "Patient":
            assert record.birth_date is not None
            born = record.birth_date.isoformat()
            return {"resourceType": "Patient", "id": "p1", "gender": record.sex, "birthDate": born}
        if need.resource_type != "Observation":
            return _bundle([])
        codes = {coding.code for coding in need.codes}
        facts = [self._number(fact, other_units=other_units) for fact in record.observations if _asked(fact, codes)]
        answers = [_coded(answer) for answer in record.answers if _asked(answer, codes)]
        return _bundle([*facts, *answers])

    def _number(self, fact: Observation, *, other_units: bool) -> dict[str, Any]:
        """An Observation with a number; every second code of a signal's set, where there are two."""
        (name, signal) = next(
            (name, signal) for name, signal in self.manifest.signals.items() if fact.codings[0] in signal.codes
        )
        unit, convert = OTHER_UNITS.get(name, (fact.unit, float)) if other_units else (fact.unit, float)
        coding = signal.codes[-1] if other_units else fact.codings[0]
        return _observation(fact, coding) | {
            "valueQuantity": {"value": convert(fact.value), "unit": unit, "system": UCUM, "code": unit}
        }


@dataclass
class _Clock:
    time: datetime

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def ehr(manifest: Manifest) -> Callable[[datetime], Ehr]:
    """An EHR at a moment."""
    return lambda now: Ehr(manifest, now)


def _asked(fact: Observation | Answer, codes: set[str]) -> bool:
    return fact.codings[0].code in codes


def _bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}


def _coded(answer: Answer) -> dict[str, Any]:
    values = [{"system": one.system, "code": one.code, "display": one.display} for one in answer.values]
    return _observation(answer, answer.codings[0]) | {"valueCodeableConcept": {"coding": values}}


def _observation(fact: Observation | Answer, coding: Coding) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": fact.reference.removeprefix("Observation/"),
        "status": "final",
        "code": {"coding": [{"system": coding.system, "code": coding.code}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": fact.time.isoformat(),
    }
