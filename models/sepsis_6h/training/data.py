"""The PhysioNet/CinC 2019 hourly rows as patient records, so that training goes the same way as the service.

Quirks of the source: one row an hour and no dates; ICULOS counts the hours of intensive care, HospAdmTime is when the
hospital stay began, in hours after the start of intensive care (so it is negative); inspired oxygen is a fraction;
Calcium holds total calcium (mg/dL) and ionised calcium (mmol/L) in one column; Gender 1 is male.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from clinical.record import Coding, Observation, PatientRecord, Source, Stay, StayLocation
from models.runtime.manifest import Manifest, Signal
from models.runtime.read_manifest import read_untrained
from models.sepsis_6h.training import tables
from models.training.cases import Case, Moment

MANIFEST = Path(__file__).resolve().parent.parent / "model.toml"
SHA256 = {"cinc2019_hospitalB_16000.parquet": "5c13b89f66a1ad4e2a75e413cf37758e996d6e217772fbefdb5ca8c3ef74b682"}
# The source has no dates; every stay in intensive care is given the same start.
START = datetime(2024, 3, 1, 8, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_SEX = {1.0: "male", 0.0: "female"}
_AGE_BANDS = ((0, 18), (18, 45), (45, 55), (55, 65), (65, 75))
_OLDEST_BAND = "75 and older"
_SLICES = ((6, "hour 1 to 6"), (12, "hour 7 to 12"), (24, "hour 13 to 24"), (48, "hour 25 to 48"))
_LAST_SLICE = "hour 49 and later"
_PLACES = {"medical": "Medical ICU", "surgical": "Surgical ICU", "": "Intensive Care"}
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
# Ionised calcium is never higher, total calcium never so low: only 15 of 41,775 values lie between 2.5 and 3.5.
IONISED, _HIGHEST_IONISED = "CaIon", 2.5

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cinc2019:
    """Hourly rows in the form of the challenge. Fills `models.training.cases.Source`.

    A file is known by its columns (`tables.REQUIRED`): Parquet, CSV or PSV, several patients told apart by `pid`, or
    one without it. `manifest` says which signals are read and how they are coded.
    """

    manifest: Path = MANIFEST
    sha256: Mapping[str, str] = field(default_factory=lambda: dict(SHA256))

    def cases(self, files: Sequence[Path]) -> Iterator[Case]:
        """Every patient, in order of the name; moments are the hours that have a row. Raises `WrongData`."""
        table = tables.read_table(files)
        manifest = read_untrained(self.manifest)
        names = table[tables.PATIENT].to_numpy()
        values = _values(table, manifest.signals)
        columns = {name: table[name].to_numpy() for name in table if name != tables.PATIENT}
        changes = np.flatnonzero(names[1:] != names[:-1]) + 1
        for number, (begin, end) in enumerate(pairwise([0, *changes.tolist(), len(names)])):
            part = slice(begin, end)
            own = {name: column[part] for name, column in columns.items()}
            yield _case(number, str(names[begin]), own, values[part], manifest)


def _values(table: pd.DataFrame, signals: Mapping[str, Signal]) -> Numbers:
    """What was measured, shape (rows, signals), in the signals' units; NaN where nothing was."""
    found = np.empty((len(table), len(signals)))
    for place, name in enumerate(signals):
        found[:, place] = _of_signal(table, name)
    return found


def _of_signal(table: pd.DataFrame, name: str) -> Numbers:
    """One column in the unit of its signal."""
    values = _decimal(table["Calcium" if name == IONISED else name].to_numpy())
    if name == "FiO2":
        return np.round(values * 100, 4)
    if name in ("Calcium", IONISED):
        return np.where((values <= _HIGHEST_IONISED) == (name == IONISED), values, np.nan)
    return values


def _decimal(values: npt.NDArray[np.float32]) -> Numbers:
    """The shortest decimal of each value: the source's 36.7, not 36.7000008."""
    unique, place = np.unique(values, return_inverse=True)
    return np.array([float(str(value)) for value in unique], dtype=np.float64)[place]


def _case(
    number: int, name: str, own: Mapping[str, npt.NDArray[np.float32]], values: Numbers, manifest: Manifest
) -> Case:
    """One patient with the hours that have a row."""
    hours = own[tables.HOUR].astype(int).tolist()
    labels = own[tables.LABEL].astype(bool).tolist()
    age, sex, unit = _first(own[tables.AGE]), _SEX.get(_first(own[tables.SEX])), _unit(own)
    record = PatientRecord(
        patient_id=name,
        read_at=at(hours[-1]),
        birth_date=None if np.isnan(age) else date(START.year - int(age), 1, 1),
        sex=sex,
        stays=(stay_of(name, _first(own[tables.ADMISSION]), unit),),
        observations=tuple(_observations(name, hours, values, manifest.signals)),
    )
    moments = tuple(Moment(at(hour), label, slice_of(hour), hour) for hour, label in zip(hours, labels, strict=True))
    return Case(record, number, moments, {"sex": sex or "", "age": _age_band(age), "unit": unit})


def _first(column: npt.NDArray[np.float32]) -> float:
    """The first value that is known, as a decimal."""
    known = column[~np.isnan(column)]
    return float(str(known[0])) if len(known) else float("nan")


def _unit(own: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """The type of the unit, empty where it is not told."""
    if _first(own[tables.MEDICAL]) == 1:
        return "medical"
    return "surgical" if _first(own[tables.SURGICAL]) == 1 else ""


def _age_band(age: float) -> str:
    """The band for audit; empty where the age is unknown."""
    if np.isnan(age):
        return ""
    return next((f"{low} to {high - 1}" for low, high in _AGE_BANDS if low <= age < high), _OLDEST_BAND)


def slice_of(hour: float) -> str:
    """The part of the stay that an hour is reported in."""
    return next((name for last, name in _SLICES if hour <= last), _LAST_SLICE)


def at(hour: float) -> datetime:
    """The moment so many hours after the start of intensive care."""
    return START + hour * _HOUR


def _observations(
    name: str, hours: Sequence[int], values: Numbers, signals: Mapping[str, Signal]
) -> Iterator[Observation]:
    """The facts of a stay, each at its hour, with the first code and the canonical unit of its signal."""
    times = [at(hour) for hour in hours]
    for place, signal in enumerate(signals.values()):
        column, codes, unit = values[:, place], signal.codes[:1], signal.unit
        start = f"Observation/{name}-{signal.name}-"
        for row in np.flatnonzero(~np.isnan(column)).tolist():
            value = float(column[row])
            reference = f"{start}{hours[row]}"
            yield Observation(reference, codes, value, unit, times[row], "final", Source.FHIR, value, unit)


def stay_of(name: str, admission: float, unit: str) -> Stay:
    """A stay in intensive care since `START`; the hospital stay began so many hours after that (before: negative)."""
    place = Coding(_ROLE_CODE, "ICU")
    bed = StayLocation(_PLACES[unit], (place,), START, intensive_care=True, recognised_by=f"code {place.token}")
    start = None if np.isnan(admission) else at(min(admission, 0.0))
    return Stay(f"Encounter/{name}", "in-progress", Coding(_ACT_CODE, "IMP"), start, None, (bed,))
