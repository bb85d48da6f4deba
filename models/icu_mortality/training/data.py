"""The PhysioNet/CinC 2012 stays as patient records, so that training goes the same way as the service.

Quirks of the source: -1 stands for unknown, height and weight at minute 0 come with the person, a non-invasive
pressure has a name of its own, inspired oxygen is a fraction, Gender 1 is male. Ventilation is left out: it has no
FHIR form here. The type of the unit becomes what a FHIR server would say about the place: its name and its type code.

Somebody who left hospital alive and died soon after is no clear survivor. In fitting, and only there, such a stay
counts for less than 1 (`Moment.weight`).
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
from models.icu_mortality.training.tables import Outcome, Tables, read_tables
from models.runtime.manifest import Manifest, Signal
from models.runtime.read_manifest import read_untrained
from models.training.cases import Case, Moment

MANIFEST = Path(__file__).resolve().parent.parent / "model.toml"
SHA256 = {
    "cinc2012_ab_8000_long.parquet": "07e7fc948be74cbf33cb2d8f962b730b7eb88bb9638fa4132544962a2b661cc2",
    "cinc2012_ab_outcomes.csv": "59b6373045ad7cb4c539d39e301777fa2ab5925fd1b31f68be5f1e831f8861a5",
}
# The source gives minutes since admission and no dates; every stay is given the same start.
START = datetime(2024, 3, 1, 8, tzinfo=UTC)
READ_AT = START + timedelta(hours=48)
_MERGED = {"NISysABP": "SysABP", "NIDiasABP": "DiasABP", "NIMAP": "MAP"}
_PERSON = ("Age", "Gender", "ICUType")
_UNKNOWN = -1
_SEX = {1: "male", 0: "female"}
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
# Of who died up to so many days after discharge, how much the stay counts as a survivor's in fitting.
_DIED_SOON_AFTER = ((30, 0.0), (90, 0.5), (365, 0.8))
_AGE_BANDS = ((18, 55), (55, 70), (70, 80))
_OLDEST_BAND = "80 and older"


@dataclass(frozen=True, slots=True)
class Unit:
    """A type of unit: for audit, and as the place that a FHIR server would name."""

    group: str
    name: str
    code: str = "ICU"


UNITS = {
    1: Unit("coronary", "Coronary Care Unit", "CCU"),
    2: Unit("cardiac surgery", "Cardiac Surgery Recovery Unit"),
    3: Unit("medical", "Medical ICU"),
    4: Unit("surgical", "Surgical ICU"),
}
NO_UNIT = Unit("", "Intensive Care")


@dataclass(frozen=True, slots=True)
class Cinc2012:
    """Stays in the long form of the challenge with its outcomes. Fills `models.training.cases.Source`.

    A file is known by its columns: `rid, min, par, val` (stay, minute, what, value) or `RecordID, In-hospital_death`.
    There may be several of either, as Parquet or CSV, in any order.
    """

    manifest: Path = MANIFEST
    sha256: Mapping[str, str] = field(default_factory=lambda: dict(SHA256))

    def cases(self, files: Sequence[Path]) -> Iterator[Case]:
        """Every stay with an outcome and values, in order of its number. Raises `WrongData`."""
        tables = read_tables(files)
        manifest = read_untrained(self.manifest)
        for number, facts in _stays(tables, tuple(manifest.signals)):
            yield _case(number, facts, tables.outcomes[number], manifest)


@dataclass(frozen=True, slots=True)
class _Facts:
    """The values of one stay: names, minutes and values of its signals, and what is known of the person."""

    person: Mapping[str, float]
    names: Sequence[str]
    minutes: Sequence[int]
    values: Sequence[float]


def _stays(tables: Tables, signals: Sequence[str]) -> Iterator[tuple[int, _Facts]]:
    """Each stay's number and values, sorted by everything: the order of the rows makes no difference."""
    values = tables.values
    kinds = np.array([*signals, *_PERSON])
    kind = _kinds(values["par"], kinds.tolist())
    wanted = (kind >= 0) & values["rid"].isin(tables.outcomes).to_numpy()
    rid, minute = values["rid"].to_numpy()[wanted], values["min"].to_numpy()[wanted]
    kind, value = kind[wanted], _decimal(values["val"].to_numpy()[wanted])
    oxygen = kind == list(kinds).index("FiO2")
    value[oxygen] = np.round(value[oxygen] * 100, 4)
    order = np.lexsort((value, kind, minute, rid))
    rid, minute, kind, value = rid[order], minute[order], kind[order], value[order]
    borders = [0, *(np.flatnonzero(np.diff(rid)) + 1).tolist(), len(rid)]
    for begin, end in pairwise(borders):
        if begin < end:
            part = slice(begin, end)
            number = int(rid[begin])
            yield number, _facts(kinds, kind[part], minute[part], value[part])


def _kinds(names: pd.Series[str], kinds: Sequence[str]) -> npt.NDArray[np.int64]:
    """The place of each name (a categorical column) among `kinds`; -1 for what is not used."""
    place = {kind: i for i, kind in enumerate(kinds)}
    known = [place.get(_MERGED.get(name, name), -1) for name in names.cat.categories]
    places: npt.NDArray[np.int64] = np.array([*known, -1], dtype=np.int64)[names.cat.codes]
    return places


def _facts(
    kinds: npt.NDArray[np.str_],
    kind: npt.NDArray[np.int64],
    minute: npt.NDArray[np.int64],
    value: npt.NDArray[np.float64],
) -> _Facts:
    """One stay, without what the source marks as unknown."""
    measured = kind < len(kinds) - len(_PERSON)
    start = minute == 0
    person = ~measured & start & (value != _UNKNOWN)
    kept = measured & ~(start & (value == _UNKNOWN))
    return _Facts(
        person=dict(zip(kinds[kind[person]].tolist(), value[person].tolist(), strict=True)),
        names=kinds[kind[kept]].tolist(),
        minutes=minute[kept].tolist(),
        values=value[kept].tolist(),
    )


def _decimal(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The shortest decimal of each value as float32: the source's 170.2, not 170.1999969."""
    unique, place = np.unique(values.astype(np.float32), return_inverse=True)
    decimals = np.array([float(str(value)) for value in unique], dtype=np.float64)
    return decimals[place]


def _case(number: int, facts: _Facts, outcome: Outcome, manifest: Manifest) -> Case:
    """One stay with its landmarks."""
    age, unit = facts.person.get("Age"), UNITS.get(int(facts.person.get("ICUType", 0)), NO_UNIT)
    sex = _SEX.get(int(facts.person.get("Gender", _UNKNOWN)))
    record = PatientRecord(
        patient_id=str(number),
        read_at=READ_AT,
        birth_date=None if age is None else date(START.year - int(age), 1, 1),
        sex=sex,
        stays=(stay_of(number, unit),),
        observations=tuple(_observations(number, facts, manifest.signals)),
    )
    return Case(
        record=record,
        patient=number,
        moments=tuple(
            Moment(START + timedelta(hours=hour), outcome.died, f"hour {hour:g}", hour, _weight(outcome))
            for hour in manifest.population.landmarks
        ),
        groups={"sex": sex or "", "age": _age_band(age), "unit": unit.group},
        beside=outcome.scores,
    )


def _weight(outcome: Outcome) -> float:
    """How much the stay counts in fitting."""
    after = outcome.days_after_discharge
    if outcome.died or after is None:
        return 1.0
    return next((weight for days, weight in _DIED_SOON_AFTER if after <= days), 1.0)


def _age_band(age: float | None) -> str:
    """The band for audit; empty where the age is unknown."""
    if age is None:
        return ""
    return next((f"{low} to {high - 1}" for low, high in _AGE_BANDS if low <= age < high), _OLDEST_BAND)


def _observations(number: int, facts: _Facts, signals: Mapping[str, Signal]) -> Iterator[Observation]:
    """The facts of a stay, each with the first code and the canonical unit of its signal."""
    rows = zip(facts.names, facts.minutes, facts.values, strict=True)
    for i, (name, minute, value) in enumerate(rows):
        time = START + timedelta(minutes=minute)
        yield observation(f"Observation/{number}-{i}", signals[name], value, time)


def observation(reference: str, signal: Signal, value: float, time: datetime) -> Observation:
    """A final fact of a signal, in its canonical unit."""
    return Observation(reference, signal.codes[:1], value, signal.unit, time, "final", Source.FHIR, value, signal.unit)


def stay_of(number: int, unit: Unit = NO_UNIT) -> Stay:
    """A stay that is in intensive care from its first minute, in a unit of this type."""
    role = Coding(_ROLE_CODE, unit.code)
    bed = StayLocation(unit.name, (role,), START, intensive_care=True, recognised_by=f"code {role.token}")
    return Stay(f"Encounter/{number}", "in-progress", Coding(_ACT_CODE, "IMP"), START, None, (bed,))
