"""A patient about to leave the hospital, the model's columns, and made-up rows in the form of the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clinical.record import Coding, Condition, MedicationUse, PatientRecord, Stay, StayDiagnosis
from models.readmission_30d.destinations import ACT_PRIORITY, ADMIT_SOURCE, DISPOSITION
from models.readmission_30d.training.table import COLUMNS, LABEL, MEDICINES
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.code_list import ICD_10_CM
from models.runtime.read_manifest import read_untrained
from models.runtime.sight import Looked, Refused, TreeSight

NOW = datetime(2026, 3, 9, 10, tzinfo=UTC)
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@dataclass(frozen=True)
class Chart:
    """Builds records of one patient who came `days` ago and leaves now."""

    now: datetime = NOW
    start: datetime = NOW - timedelta(days=4)

    def ago(self, days: float) -> datetime:
        """So many days before the stay began."""
        return self.start - timedelta(days=days)

    def stay(self, **changes: Any) -> Stay:
        """The stay under way: heart failure, ranked first, and diabetes with kidney disease."""
        found = Stay(
            reference="Encounter/e1",
            status="in-progress",
            class_code=Coding(ACT_CODE, "IMP"),
            start=self.start,
            end=None,
            priority=Coding(ACT_PRIORITY, "EM"),
            admit_source=Coding(ADMIT_SOURCE, "emd"),
            discharge_disposition=Coding(DISPOSITION, "snf"),
            diagnoses=(StayDiagnosis("Condition/c2", "DD", 2), StayDiagnosis("Condition/c1", "DD", 1)),
        )
        return replace(found, **changes)

    def past(self, name: str, days: float, kind: str = "IMP", length: float | None = 3.0, **changes: Any) -> Stay:
        """A stay or a visit that began so many days before this one."""
        end = None if length is None else self.ago(days - length)
        return replace(Stay(f"Encounter/{name}", "finished", Coding(ACT_CODE, kind), self.ago(days), end), **changes)

    def diagnosis(self, name: str, code: str, system: str = ICD_10_CM, **changes: Any) -> Condition:
        """A diagnosis."""
        return replace(Condition(f"Condition/{name}", (Coding(system, code),)), **changes)

    def medicine(self, name: str, text: str, **changes: Any) -> MedicationUse:
        """An order of this stay."""
        return replace(MedicationUse(f"MedicationRequest/{name}", (), encounter="Encounter/e1", text=text), **changes)

    def record(self, *stays: Stay, **changes: Any) -> PatientRecord:
        """A woman of 64 with heart failure and diabetes; `stays` are further ones."""
        found = PatientRecord(
            patient_id="p1",
            read_at=self.now,
            birth_date=date(1961, 8, 20),
            sex="female",
            stays=(self.stay(), *stays),
            conditions=(self.diagnosis("c1", "I50.9"), self.diagnosis("c2", "E11.22")),
            medications=(self.medicine("m1", "metformin hydrochloride 500 MG Oral Tablet"),),
            focus="Encounter/e1",
        )
        return replace(found, **changes)


@pytest.fixture
def chart() -> Chart:
    return Chart()


@pytest.fixture(scope="session")
def sight() -> TreeSight:
    """What the model sees; no artefact is needed."""
    return TreeSight(read_untrained(MODELS_FOLDER / "readmission_30d" / "model.toml"))


@pytest.fixture
def look(sight: TreeSight) -> Callable[[PatientRecord], Looked | Refused]:
    """The row of a record, or why there is none."""
    return lambda record: sight.look(record, NOW)


@pytest.fixture
def see(sight: TreeSight, look: Any) -> Callable[[PatientRecord], Mapping[str, float]]:
    """The columns of a record by name."""

    def columns(record: PatientRecord) -> Mapping[str, float]:
        found = look(record)
        assert isinstance(found, Looked), found.refusal.text
        return dict(zip((feature.name for feature in sight.features), found.row.tolist(), strict=True))

    return columns


_ROW = dict.fromkeys(COLUMNS, "0") | {
    "encounter_id": "1000",
    "patient_nbr": "7",
    "race": "Caucasian",
    "gender": "Female",
    "age": "[60-70)",
    "payer_code": "MC",
    "medical_specialty": "?",
    "admission_type_id": "1",
    "discharge_disposition_id": "1",
    "admission_source_id": "7",
    "time_in_hospital": "4",
    "num_medications": "10",
    "number_diagnoses": "5",
    "diag_1": "428",
    "diag_2": "250.4",
    "diag_3": "?",
    **dict.fromkeys(MEDICINES, "No"),
    "insulin": "Up",
    LABEL: "NO",
}


@dataclass(frozen=True)
class Tables:
    """Writes made-up files in the form of the source."""

    folder: Path
    written: list[Path] = field(default_factory=list)

    def write(self, *changes: Mapping[str, str], leave: Sequence[str] = (), name: str = "rows.csv") -> Path:
        """A file with one row for each set of changes, without the columns to leave out."""
        rows = [
            {name: value for name, value in (_ROW | dict(change)).items() if name not in leave} for change in changes
        ]
        path = self.folder / name
        path.write_text("\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n")
        return path


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)
