"""The Diabetes 130-US hospitals table (Strack et al. 2014, doi 10.1155/2014/781670), as rows that can be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from models.training.cases import WrongData
from models.training.open_table import open_table

LABEL = "readmitted"
BACK = "<30"
# Within 30 days, later, and not at all; nothing else says what became of somebody.
_LABELS = (BACK, ">30", "NO")
_CODES = ("admission_type_id", "discharge_disposition_id", "admission_source_id")
_COUNTS = (
    "encounter_id",
    "patient_nbr",
    "time_in_hospital",
    "num_medications",
    "number_outpatient",
    "number_emergency",
    "number_inpatient",
    "number_diagnoses",
    *_CODES,
)
DIAGNOSES = ("diag_1", "diag_2", "diag_3")
MEDICINES = (
    "metformin",
    "repaglinide",
    "nateglinide",
    "chlorpropamide",
    "glimepiride",
    "acetohexamide",
    "glipizide",
    "glyburide",
    "tolbutamide",
    "pioglitazone",
    "rosiglitazone",
    "acarbose",
    "miglitol",
    "troglitazone",
    "tolazamide",
    "insulin",
    "glyburide-metformin",
    "glipizide-metformin",
    "glimepiride-pioglitazone",
    "metformin-rosiglitazone",
    "metformin-pioglitazone",
)
_TEXTS = ("race", "gender", "age", "payer_code", "medical_specialty", *DIAGNOSES, *MEDICINES)
COLUMNS = (*_COUNTS, *_TEXTS)
_NOTHING = ("?", "", "nan", "None", "<NA>")


@dataclass(frozen=True, slots=True)
class Row:
    """One encounter of the table. Texts that the source leaves open are empty; `medicines` are those given."""

    encounter: int
    patient: int
    back: str
    race: str
    sex: str
    age: str
    payer: str
    specialty: str
    admission_type: int
    disposition: int
    source: int
    days: int
    medications: int
    outpatient: int
    emergency: int
    inpatient: int
    number_diagnoses: int
    diagnoses: tuple[str, ...]
    medicines: tuple[str, ...]


def read_rows(files: Sequence[Path]) -> list[Row]:
    """All encounters of all files, by number. Raises `WrongData`."""
    if not files:
        raise WrongData("there is no file to read")
    table = pd.concat([_table(path) for path in files], ignore_index=True)
    if table["encounter_id"].duplicated().any():
        raise WrongData("an encounter stands twice in these files")
    return list(_rows(table.sort_values("encounter_id", kind="stable")))


def _table(path: Path) -> pd.DataFrame:
    """One file, recognised by its columns."""
    table = open_table(path, text=str)
    lacking = [name for name in COLUMNS if name not in table.columns]
    if lacking:
        raise WrongData(f"{path.name} is no table of the Diabetes 130-US hospitals data: it has no {lacking[0]}")
    if LABEL not in table.columns:
        raise WrongData(f"{path.name} has no column {LABEL}: without it nothing can be learnt or judged")
    table = table[[*COLUMNS, LABEL]]
    table = table.astype(object).where(table.notna(), "").astype(str)
    try:
        table[list(_COUNTS)] = table[list(_COUNTS)].astype("int64")
    except ValueError:
        raise WrongData(f"{path.name}: a number is none") from None
    unknown = int((~table[LABEL].isin(_LABELS)).sum())
    if unknown:
        raise WrongData(f"{path.name}: in {unknown:,} rows {LABEL} is none of {', '.join(_LABELS)}")
    return table


def _rows(table: pd.DataFrame) -> Iterator[Row]:
    texts = {name: table[name].where(~table[name].isin(_NOTHING), "").tolist() for name in (*_TEXTS, LABEL)}
    numbers = {name: table[name].tolist() for name in _COUNTS}
    diagnoses = zip(*(texts[name] for name in DIAGNOSES), strict=True)
    given = zip(*(texts[name] for name in MEDICINES), strict=True)
    for place, (named, doses) in enumerate(zip(diagnoses, given, strict=True)):
        yield Row(
            encounter=numbers["encounter_id"][place],
            patient=numbers["patient_nbr"][place],
            back=texts[LABEL][place],
            race=texts["race"][place],
            sex=texts["gender"][place].lower(),
            age=texts["age"][place],
            payer=texts["payer_code"][place],
            specialty=texts["medical_specialty"][place],
            admission_type=numbers["admission_type_id"][place],
            disposition=numbers["discharge_disposition_id"][place],
            source=numbers["admission_source_id"][place],
            days=numbers["time_in_hospital"][place],
            medications=numbers["num_medications"][place],
            outpatient=numbers["number_outpatient"][place],
            emergency=numbers["number_emergency"][place],
            inpatient=numbers["number_inpatient"][place],
            number_diagnoses=numbers["number_diagnoses"][place],
            diagnoses=named,
            medicines=_given(doses),
        )


def _given(doses: Iterable[str]) -> tuple[str, ...]:
    """The medicines whose dose is not "No"."""
    return tuple(name for name, dose in zip(MEDICINES, doses, strict=True) if dose not in ("No", ""))
