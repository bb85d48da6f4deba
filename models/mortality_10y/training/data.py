"""The US survey NHANES, linked with deaths, as patient records, so that training goes the same way as the service.

Quirks of the table (as cleaned for the R package BioAge): `gender` 1 is male; C-reactive protein is in mg/dL; `health`
is self-rated, 1 excellent to 5 poor, and was not asked of everybody; `pulse` is pulse pressure and not used; `diabetes`
and `hyperten` come from death certificates and would leak the outcome. Values far from the mean were removed, so one
that is missing while the rest of its panel is there was an extreme one: see `mask.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from clinical.record import LOINC, Answer, Coding, Observation, PatientRecord, Source
from models.mortality_10y.training.tables import read_tables
from models.runtime.manifest import Manifest, Signal
from models.runtime.read_manifest import read_untrained
from models.training.cases import Case, Moment, WrongData
from models.training.rows import EVERY_ROW

MANIFEST = Path(__file__).resolve().parent.parent / "model.toml"
SHA256 = {
    "nhanes_1999_2018_without_2007_labs_mort2019.parquet": (
        "e80a0a886292467cc1d846e5535ab001fa8133410c2c18e834e6aac29058eaa8"
    ),
}
# The survey gives no dates; everybody is asked at the same time, a day after the examination.
AS_OF = datetime(2024, 3, 1, 8, tzinfo=UTC)
_EXAMINED = AS_OF - timedelta(days=1)
MONTHS = 120
# Deaths are known to the end of 2019. Of people examined in 2009 or later, only the dead have an outcome by then.
LAST_CYCLE = 2007
_AGES = (30, 79)
_SEX = {1.0: "male", 2.0: "female"}
# Column, what it is multiplied with to get the unit of the manifest.
COLUMNS: Mapping[str, tuple[str, float]] = {
    "BMI": ("bmi", 1),
    "Waist": ("waist", 1),
    "SysBP": ("sbp", 1),
    "DiaBP": ("dbp", 1),
    "Albumin": ("albumin", 1),
    "ALP": ("alp", 1),
    "BUN": ("bun", 1),
    "Creatinine": ("creat", 1),
    "Glucose": ("glucose", 1),
    "Bilirubin": ("ttbl", 1),
    "Urate": ("uap", 1),
    "CRP": ("crp", 10),
    "WBC": ("wbc", 1),
    "RBC": ("rbc", 1),
    "MCV": ("mcv", 1),
    "RDW": ("rdw", 1),
    "Lymphocytes": ("lymph", 1),
    "Monocytes": ("monopa", 1),
    "Neutrophils": ("neut", 1),
    "Eosinophils": ("eosnpa", 1),
    "HbA1c": ("hba1c", 1),
    "HDL": ("hdl", 1),
    "Cholesterol": ("totchol", 1),
}
HEALTH = Coding(LOINC, "61577-3", "In general, would you say your health is")
HEALTH_ANSWERS = {
    1: Coding(LOINC, "LA9206-9", "Excellent"),
    2: Coding(LOINC, "LA13913-1", "Very good"),
    3: Coding(LOINC, "LA8967-7", "Good"),
    4: Coding(LOINC, "LA8968-5", "Fair"),
    5: Coding(LOINC, "LA8969-3", "Poor"),
}
_AGE_BANDS = ((30, 45), (45, 60), (60, 70), (70, 80))
_ETHNICITY = {1.0: "White", 2.0: "Black", 3.0: "Hispanic", 4.0: "other"}
# Family income over the poverty line.
_POVERTY_BANDS = ((0, 1), (1, 2), (2, 4))
_RICHEST = "4 and above"


@dataclass(frozen=True, slots=True)
class Nhanes:
    """People of the survey with their laboratory results and deaths. Fills `models.training.cases.Source`.

    A file is known by its columns (`tables.py`). Used are people of 30 to 79 years who could be linked, were not
    pregnant, and were followed for ten years or died within them.
    """

    manifest: Path = MANIFEST
    sha256: Mapping[str, str] = field(default_factory=lambda: dict(SHA256))

    def remarks(self, files: Sequence[Path]) -> Sequence[str]:
        """Which columns are not there, so that nobody has such a value, and who was left out. Raises `WrongData`."""
        rows = read_tables(files)
        absent = [name for name in (*(column for column, _ in COLUMNS.values()), "health") if name not in rows]
        late = int((_followed_at_all(rows) & (rows["year"] > LAST_CYCLE)).sum())
        pregnant = int((_numbers(rows, "pregnant") == 1).sum())
        said = [f"columns that are not there, unknown for everybody: {', '.join(absent)}"] if absent else []
        said += [f"people left out because they were pregnant: {pregnant:,}"] if pregnant else []
        if "pregnant" not in rows:
            said.append("there is no column pregnant: pregnant people, for whom the model is not meant, are judged too")
        text = f"left out, as nobody knows what came of them in ten years (cycles after {LAST_CYCLE}): {late:,} people"
        return [*said, text] if late else said

    def cases(self, files: Sequence[Path]) -> Iterator[Case]:
        """Every such person, in order of cycle and number. Raises `WrongData`."""
        rows = _followed(read_tables(files))
        declared = self._signals
        signals = {name: declared[name] for name, (column, _) in COLUMNS.items() if column in rows}
        if not signals:
            raise WrongData("these files have no column with measurements")
        columns = {name: _numbers(rows, COLUMNS[name][0]) * COLUMNS[name][1] for name in signals}
        table = pd.DataFrame({"health": _numbers(rows, "health"), **columns})
        audit = pd.DataFrame({name: _numbers(rows, name) for name in ("gender", "age", "ethnicity", "poverty_ratio")})
        died = (rows["dead"] == 1) & (rows["mo"] <= MONTHS)
        people = zip(
            rows["year"], rows["number"], died, audit.to_dict("records"), table.to_dict("records"), strict=True
        )
        for year, number, dead, person, values in people:
            yield _case(int(year), int(number), bool(dead), person, values, signals)

    @property
    def _signals(self) -> Mapping[str, Signal]:
        """The signals, for their units and codes."""
        manifest: Manifest = read_untrained(self.manifest)
        return manifest.signals


def _followed(rows: pd.DataFrame) -> pd.DataFrame:
    """Who is in the population and has an outcome."""
    pregnant = _numbers(rows, "pregnant") == 1
    right = _followed_at_all(rows) & ~pregnant
    outcome = (rows["mo"] >= MONTHS) | (rows["dead"] == 1)
    found = rows[right & outcome & (rows["year"] <= LAST_CYCLE)]
    if found.empty:
        raise WrongData("nobody in these files was between 30 and 79 years old and followed for ten years")
    return found


def _followed_at_all(rows: pd.DataFrame) -> pd.Series[bool]:
    """Who has the age and could be linked with what came later, however long."""
    known = rows["dead"].notna() & rows["mo"].notna() & (rows["elig"] == 1)
    return known & rows["age"].between(*_AGES) & rows["gender"].isin(_SEX)


def _numbers(rows: pd.DataFrame, column: str) -> pd.Series[float]:
    """A column as numbers; unknown where it is not there."""
    if column not in rows:
        return pd.Series(float("nan"), index=rows.index)
    return pd.to_numeric(rows[column], errors="coerce").astype("float64")


def _case(
    year: int,
    number: int,
    died: bool,
    person: Mapping[Any, float],
    values: Mapping[Any, float],
    signals: Mapping[str, Signal],
) -> Case:
    """One person."""
    name = f"{year}-{number}"
    record = PatientRecord(
        patient_id=name,
        read_at=AS_OF,
        birth_date=date(AS_OF.year - int(person["age"]), 1, 1),
        sex=_SEX[person["gender"]],
        observations=tuple(
            observation(f"Observation/{name}-{key}", signal, values[key])
            for key, signal in signals.items()
            if not math.isnan(values[key])
        ),
        answers=_answers(name, values["health"]),
    )
    return Case(
        record=record,
        # Numbers of other surveys begin again at 1.
        patient=year * 1_000_000 + number,
        moments=(Moment(AS_OF, died, EVERY_ROW),),
        groups=_groups(person),
        period=f"{year} to {year + 1}",
    )


def observation(reference: str, signal: Signal, value: float) -> Observation:
    """A final fact of a signal, in its canonical unit."""
    return Observation(
        reference, signal.codes[:1], value, signal.unit, _EXAMINED, "final", Source.FHIR, value, signal.unit
    )


def _answers(name: str, health: float) -> tuple[Answer, ...]:
    """Self-rated health, where it was asked and answered."""
    said = HEALTH_ANSWERS.get(int(health)) if not math.isnan(health) else None
    if said is None:
        return ()
    return (Answer(f"Observation/{name}-health", (HEALTH,), (said,), said.display, _EXAMINED, "final", Source.FHIR),)


def _groups(person: Mapping[Any, float]) -> dict[str, str]:
    """For audit only; race and ethnicity as the survey recorded them."""
    age, ratio = person["age"], person["poverty_ratio"]
    return {
        "sex": _SEX[person["gender"]],
        "age": next(f"{low} to {high - 1}" for low, high in _AGE_BANDS if age < high),
        "race or ethnicity": _ETHNICITY.get(person["ethnicity"], ""),
        "income to poverty line": _ratio_band(ratio),
    }


def _ratio_band(ratio: float) -> str:
    """A band of the poverty ratio; empty where it is not known."""
    if math.isnan(ratio):
        return ""
    return next((f"{low} to below {high}" for low, high in _POVERTY_BANDS if ratio < high), _RICHEST)
