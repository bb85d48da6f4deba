"""The PhysioNet/CinC 2012 stays as patient records, so that training goes the same way as the service.

Quirks of the source: -1 stands for unknown, height and weight at minute 0 come with the person, a non-invasive
pressure has a name of its own, inspired oxygen is a fraction, Gender 1 is male. Ventilation is left out: it has no
FHIR form here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd

from clinical.record import Coding, Observation, PatientRecord, Source, Stay, StayLocation
from models.runtime.manifest import Signal

VALUES_FILE = "cinc2012_ab_8000_long.parquet"
OUTCOMES_FILE = "cinc2012_ab_outcomes.csv"
SHA256 = {
    VALUES_FILE: "07e7fc948be74cbf33cb2d8f962b730b7eb88bb9638fa4132544962a2b661cc2",
    OUTCOMES_FILE: "59b6373045ad7cb4c539d39e301777fa2ab5925fd1b31f68be5f1e831f8861a5",
}
# The source gives minutes since admission and no dates; every stay is given the same start.
START = datetime(2024, 3, 1, 8, tzinfo=UTC)
_MERGED = {"NISysABP": "SysABP", "NIDiasABP": "DiasABP", "NIMAP": "MAP"}
_PERSON = ("Age", "Gender", "ICUType")
_UNKNOWN = -1
_SEX = {1: "male", 0: "female"}
ICU_TYPES = {1: "coronary", 2: "cardiac surgery", 3: "medical", 4: "surgical"}


class WrongData(Exception):
    """A data file is missing or is not the one the figures were made with."""


@dataclass(frozen=True, slots=True)
class TrainingStay:
    """One stay: its record, whether the patient died in hospital, and what is known for audit only."""

    record: PatientRecord
    died: bool
    icu_type: str


def check_files(folder: Path) -> None:
    """Compare the SHA-256 of both files. Raises `WrongData`."""
    for name, expected in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise WrongData(f"{path} is missing")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise WrongData(f"{path} is not the file that the figures were made with (SHA-256 differs)")


def read_stays(folder: Path, signals: Mapping[str, Signal]) -> Iterator[TrainingStay]:
    """Every stay of sets a and b, in order of its number."""
    outcomes = pd.read_csv(folder / OUTCOMES_FILE).set_index("RecordID")["In-hospital_death"]
    values = pd.read_parquet(folder / VALUES_FILE, columns=["rid", "min", "par", "val"])
    values["par"] = values["par"].astype(str).replace(_MERGED)
    values["val"] = _decimal(values["val"])
    oxygen = values["par"] == "FiO2"
    values.loc[oxygen, "val"] = (values.loc[oxygen, "val"] * 100).round(4)
    rows = dict(iter(values.groupby("rid")))
    for number in sorted(outcomes.index):
        yield _stay(int(number), rows[number], bool(outcomes[number]), signals)


def _decimal(column: pd.Series[float]) -> pd.Series[float]:
    """The shortest decimal of each float32: the source's 170.2, not 170.1999969."""
    decimals = {value: float(str(value)) for value in column.unique()}
    return column.map(decimals).astype("float64")


def _stay(number: int, rows: pd.DataFrame, died: bool, signals: Mapping[str, Signal]) -> TrainingStay:
    person = rows[rows["par"].isin(_PERSON) & (rows["min"] == 0)].set_index("par")["val"]
    facts = rows[rows["par"].isin(signals)]
    listed = zip(facts["par"], facts["min"].tolist(), facts["val"].tolist(), strict=True)
    reference = f"Observation/{number}"
    record = PatientRecord(
        patient_id=str(number),
        read_at=START + timedelta(hours=48),
        birth_date=date(START.year - int(person["Age"]), 1, 1),
        sex=_SEX.get(int(person["Gender"])),
        stays=(stay_of(number),),
        observations=tuple(
            observation(f"{reference}-{i}", signals[name], value, START + timedelta(minutes=minute))
            for i, (name, minute, value) in enumerate(listed)
            if not (minute == 0 and value == _UNKNOWN)
        ),
    )
    return TrainingStay(record, died, ICU_TYPES[int(person["ICUType"])])


def stay_of(number: int) -> Stay:
    """A stay that is in intensive care from its first minute."""
    bed = StayLocation("intensive care", start=START, intensive_care=True, recognised_by="source")
    inpatient = Coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP")
    return Stay(f"Encounter/{number}", "in-progress", inpatient, START, None, (bed,))


def observation(reference: str, signal: Signal, value: float, time: datetime) -> Observation:
    """A final fact of a signal, in its canonical unit."""
    return Observation(reference, signal.codes[:1], value, signal.unit, time, "final", Source.FHIR, value, signal.unit)
