"""Opening the files of the source: one table of hourly rows, whatever the files are called and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from models.training.cases import WrongData

PATIENT, HOUR, LABEL = "pid", "ICULOS", "SepsisLabel"
AGE, SEX, ADMISSION = "Age", "Gender", "HospAdmTime"
# 1 for a medical and a surgical unit; for audit only, so that a file may do without them.
MEDICAL, SURGICAL = "Unit1", "Unit2"
MEASURED = (
    *("HR", "O2Sat", "Temp", "SBP", "MAP", "DBP", "Resp", "EtCO2"),
    *("BaseExcess", "HCO3", "FiO2", "pH", "PaCO2", "SaO2", "AST", "BUN", "Alkalinephos", "Calcium", "Chloride"),
    *("Creatinine", "Bilirubin_direct", "Glucose", "Lactate", "Magnesium", "Phosphate", "Potassium"),
    *("Bilirubin_total", "TroponinI", "Hct", "Hgb", "PTT", "WBC", "Fibrinogen", "Platelets"),
)
REQUIRED = (*MEASURED, AGE, SEX, ADMISSION, HOUR, LABEL)
_UNITS = (MEDICAL, SURGICAL)
_PARQUET, _GZIP = b"PAR1", b"\x1f\x8b"


def read_table(files: Sequence[Path]) -> pd.DataFrame:
    """All rows, sorted by patient and hour: `pid` as text, everything else float32. Raises `WrongData`.

    A file without the column `pid` holds one patient, who is called by the name of the file.
    """
    if not files:
        raise WrongData("there are no files")
    table = pd.concat([_read(path) for path in files], ignore_index=True)
    table = table.sort_values([PATIENT, HOUR], kind="stable", ignore_index=True)
    _check(table)
    return table


def _read(path: Path) -> pd.DataFrame:
    """The columns of one file that are needed."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
        table = _parquet(path) if start == _PARQUET else _text(path, "gzip" if start.startswith(_GZIP) else None)
        patients = _patients(table, path)
        return _numbers(table, path).assign(**{PATIENT: patients})
    except (OSError, ValueError) as error:  # pandas' and pyarrow's own errors are ValueErrors
        raise WrongData(f"{path.name} cannot be read as Parquet, CSV or PSV ({type(error).__name__})") from error


def _parquet(path: Path) -> pd.DataFrame:
    """A Parquet file."""
    return pd.read_parquet(path, columns=_wanted(pq.read_schema(path).names, path))


def _text(path: Path, compression: Any) -> pd.DataFrame:
    """A file whose columns are parted by commas or, as the challenge gave them out, by bars."""
    header = pd.read_csv(path, nrows=0, compression=compression).columns
    separator = "|" if len(header) == 1 and "|" in header[0] else ","
    columns = _wanted(header[0].split(separator) if separator == "|" else header, path)
    text: dict[str, Any] = {PATIENT: str} if PATIENT in columns else {}
    return pd.read_csv(path, usecols=columns, sep=separator, dtype=text, compression=compression)


def _wanted(columns: Iterable[str], path: Path) -> list[str]:
    """Which columns to read. Raises `WrongData` where one is missing that must be there."""
    there = list(columns)
    missing = [name for name in REQUIRED if name not in there]
    if missing:
        raise WrongData(f"{path.name} has no column {', '.join(missing)}")
    return [name for name in there if name in {PATIENT, *REQUIRED, *_UNITS}]


def _patients(table: pd.DataFrame, path: Path) -> pd.Series[Any]:
    """Whose each row is."""
    if PATIENT not in table:
        return pd.Series(path.name.partition(".")[0], index=table.index, dtype=object)
    if table[PATIENT].isna().any():
        raise WrongData(f"{path.name} has rows without {PATIENT}")
    return table[PATIENT].astype(str).astype(object)


def _numbers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The other columns as float32; a unit that is not told is unknown."""
    table = table.reindex(columns=[*REQUIRED, *_UNITS])
    words = [name for name in REQUIRED if not (pd.api.types.is_numeric_dtype(table[name]) or table[name].isna().all())]
    if words:
        raise WrongData(f"{path.name}: {', '.join(words)} must hold numbers")
    return table.astype(np.float32)


def _check(table: pd.DataFrame) -> None:
    """Each hour of a patient stands once, and it is told whether it is labelled."""
    hours = table[HOUR]
    if hours.isna().any() or (hours < 0).any() or (hours % 1 != 0).any():
        raise WrongData(f"{HOUR} must hold whole hours from 0 on")
    if not table[LABEL].isin([0, 1]).all():
        raise WrongData(f"{LABEL} must be 0 or 1")
    if table.duplicated([PATIENT, HOUR]).any():
        raise WrongData("an hour of a patient stands twice")
