"""Fixtures of the models room: the shipped model, loaded once, and a builder of charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from clinical.assessment import Finding
from clinical.record import (
    LOINC,
    Answer,
    Coding,
    Condition,
    MedicationUse,
    Observation,
    PatientRecord,
    ProcedureDone,
    Source,
    Stay,
    StayLocation,
)
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.model import TreeRiskModel
from models.runtime.score_model import ScoreModel


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


ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SYSTEMS = {
    "icd-10": "http://hl7.org/fhir/sid/icd-10-cm",
    "icd-9": "http://hl7.org/fhir/sid/icd-9-cm",
    "snomed": "http://snomed.info/sct",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "atc": "http://www.whocc.no/atc",
    "loinc": LOINC,
}


def coded(token: str) -> Coding:
    """`icd-10|E11.9` as a coding."""
    system, _, code = token.partition("|")
    return Coding(SYSTEMS.get(system, system), code)


@dataclass(frozen=True)
class Patient:
    """Builds records for scores; times are hours before `now`."""

    now: datetime = datetime(2026, 3, 2, 8, tzinfo=UTC)

    def ago(self, hours: float) -> datetime:
        """So many hours before now."""
        return self.now - timedelta(hours=hours)

    def fact(self, code: str, value: float, unit: str, hours: float = 1.0) -> Observation:
        """A final fact with a LOINC code."""
        reference = f"Observation/{code}-{hours}-{value}"
        return Observation(
            reference, (Coding(LOINC, code),), value, unit, self.ago(hours), "final", Source.FHIR, value, unit
        )

    def answer(self, code: str, value: str, hours: float = 1.0, text: str = "") -> Answer:
        """A coded answer."""
        reference = f"Observation/{code.partition('|')[2]}-{hours}"
        return Answer(reference, (coded(code),), (coded(value),), text, self.ago(hours), "final", Source.FHIR)

    def diagnosis(self, code: str, hours: float = 1000.0, **changes: Any) -> Condition:
        """A condition."""
        condition = Condition(f"Condition/{code}", (coded(code),), self.ago(hours), text=f"diagnosis {code}")
        return replace(condition, **changes)

    def medicine(self, name: str, code: str = "rxnorm|1", **changes: Any) -> MedicationUse:
        """A medicine in use."""
        use = MedicationUse(f"MedicationRequest/{name}", (coded(code),), self.ago(1000), text=name)
        return replace(use, **changes)

    def procedure(self, code: str, hours: float) -> ProcedureDone:
        """Something done."""
        return ProcedureDone(f"Procedure/{code}-{hours}", (coded(code),), self.ago(hours))

    def stay(self, kind: str = "IMP", hours: float = 30.0, **changes: Any) -> Stay:
        """A stay of a class under way since so many hours."""
        stay = Stay("Encounter/1", "in-progress", Coding(ACT_CODE, kind), self.ago(hours), None)
        return replace(stay, **changes)

    def record(self, *facts: Observation, **changes: Any) -> PatientRecord:
        """A woman of 64, in hospital since yesterday."""
        record = PatientRecord(
            patient_id="1",
            read_at=self.now,
            birth_date=date(1961, 5, 17),
            sex="female",
            stays=(self.stay(),),
            observations=facts,
        )
        return replace(record, **changes)


@pytest.fixture(scope="session")
def patient() -> Patient:
    """A builder of records for scores."""
    return Patient()


@dataclass(frozen=True)
class Scores:
    """The shipped scores, each loaded once."""

    loaded: dict[str, ScoreModel] = field(default_factory=dict)

    def __getitem__(self, folder: str) -> ScoreModel:
        if folder not in self.loaded:
            self.loaded[folder] = ScoreModel.load(MODELS_FOLDER / folder / "model.toml")
        return self.loaded[folder]


@pytest.fixture(scope="session")
def scores() -> Scores:
    """The shipped scores by folder."""
    return Scores()


SCORE_HEAD = """
kind = "score"
id = "toy"
version = "1.0.0"
served = false
answers = "{answers}"
unit = "{{points}}"
title = "Toy"
description = "Toy."
horizon = "now"
hooks = ["patient-view"]
action = "Look."
intended_use = "Supports clinical judgement, does not replace it."
source = "nowhere"
outcome = {{ text = "nothing", system = "s", code = "c" }}
population = {{ minimum_age = 18, setting = "{setting}" }}
minimum = {{ items = 1, source = "a test" }}

[[tiers]]
name = "low"
at_least = 0
indicator = "info"
source = "a test"

[[tiers]]
name = "high"
at_least = {high}
indicator = "warning"
source = "a test"
"""


@dataclass(frozen=True)
class Toy:
    """Writes a score into a folder: what is asked, and what is worked out."""

    folder: Any

    def path(self, inputs: str, code: str, *changes: tuple[str, str], **head: Any) -> Any:
        """The `model.toml` of a folder with both files; `changes` replace pieces of it."""
        text = SCORE_HEAD.format(**{"answers": "score", "setting": "any", "high": 2, **head}) + inputs
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        (self.folder / "model.toml").write_text(text, encoding="utf-8")
        (self.folder / "score.py").write_text(code, encoding="utf-8")
        return self.folder / "model.toml"

    def model(self, inputs: str, code: str, *changes: tuple[str, str], **head: Any) -> ScoreModel:
        """The score, loaded."""
        return ScoreModel.load(self.path(inputs, code, *changes, **head))


@pytest.fixture
def toy(tmp_path: Any) -> Toy:
    """A maker of scores for tests."""
    return Toy(tmp_path)


@pytest.fixture(scope="session")
def points() -> Callable[[Finding], Mapping[str, float | None]]:
    """The points of a score, by line."""
    return lambda finding: {item.name: item.points for item in finding.items}  # type: ignore[union-attr]
