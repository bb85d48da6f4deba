"""Fixtures of the models room: the shipped model, loaded once, and a builder of charts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from clinical.record import Coding, Observation, PatientRecord, Source, Stay, StayLocation
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.model import TreeRiskModel


@pytest.fixture(scope="session")
def model() -> TreeRiskModel:
    """The shipped intensive care model."""
    return TreeRiskModel.load(MODELS_FOLDER / "icu_mortality" / "model.toml")


START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Chart:
    """Builds records around one stay that begins at `start`; times are hours since then."""

    model: TreeRiskModel
    start: datetime = START

    def at(self, hours: float) -> datetime:
        """The moment so many hours after the start."""
        return self.start + timedelta(hours=hours)

    def fact(self, signal: str, value: float, hours: float, *, unit: str | None = None, n: int = 0) -> Observation:
        """A final fact of a signal; `n` keeps references apart."""
        declared = self.model.manifest.signals[signal]
        unit = declared.unit if unit is None else unit
        reference = f"Observation/{signal}-{hours}-{n}"
        return Observation(
            reference, declared.codes[:1], value, unit, self.at(hours), "final", Source.FHIR, value, unit
        )

    def bed(self, *, start: float | None = 0.0, end: float | None = None, icu: bool = True) -> StayLocation:
        """A place of the stay."""
        return StayLocation(
            "Medical ICU" if icu else "Ward 5",
            start=None if start is None else self.at(start),
            end=None if end is None else self.at(end),
            intensive_care=icu,
            recognised_by="test" if icu else "",
        )

    def stay(self, *beds: StayLocation, **changes: Any) -> Stay:
        """An inpatient stay under way; without beds given, in intensive care from the start."""
        inpatient = Coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP")
        stay = Stay("Encounter/1", "in-progress", inpatient, self.start, None, beds or (self.bed(),))
        return replace(stay, **changes)

    def record(self, *facts: Observation, **changes: Any) -> PatientRecord:
        """A woman of 64 in intensive care."""
        record = PatientRecord(
            patient_id="1",
            read_at=self.start,
            birth_date=date(1961, 5, 17),
            sex="female",
            stays=(self.stay(),),
            observations=facts,
        )
        return replace(record, **changes)

    def ordinary(self) -> tuple[Observation, ...]:
        """Enough facts for an answer at hours 6 to 15: bedside facts at hours 1 and 4, a few laboratory values."""
        bedside = {"HR": (112, 98), "SysABP": (84, 96), "DiasABP": (44, 52), "MAP": (58, 66)}
        bedside |= {"Temp": (38.9, 38.1), "GCS": (12, 14), "Urine": (20, 45)}
        labs = {"Lactate": 4.2, "BUN": 38.0, "Creatinine": 2.1, "WBC": 18.4, "PaO2": 70.0, "FiO2": 50.0}
        facts = [self.fact(name, early, 1) for name, (early, _) in bedside.items()]
        facts += [self.fact(name, late, 4) for name, (_, late) in bedside.items()]
        return (*facts, *(self.fact(name, value, 2) for name, value in labs.items()))


@pytest.fixture(scope="session")
def chart(model: TreeRiskModel) -> Chart:
    """A builder of records for the shipped model."""
    return Chart(model)
