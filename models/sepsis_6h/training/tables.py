"""Opening the files of the source: one table of hourly rows, whatever the files are called and how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.training.cases import WrongData
from models.training.open_table import open_table

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
    table = open_table(path, partial(_wanted, path), text={PATIENT: str}, bars=True)
    patients = _patients(table, path)
    return _numbers(table, path).assign(**{PATIENT: patients})


def _wanted(path: Path, columns: Iterable[str]) -> list[str]:
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
