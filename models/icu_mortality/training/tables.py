"""Opening the files of the source: which of them hold values and which outcomes is told by their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from models.training.cases import WrongData

VALUES = ("rid", "min", "par", "val")
NUMBER, DIED = "RecordID", "In-hospital_death"
OUTCOMES = (NUMBER, DIED)
# Days from admission to death (-1: not known to have died) and to discharge; nobody is judged by them.
SURVIVAL, STAY = "Survival", "Length_of_stay"
# What the source worked out for the first 24 hours: to compare with, never a feature.
SCORES = {"SAPS-I": "SAPS-I (first day)", "SOFA": "SOFA (first day)"}
_PARQUET, _GZIP = b"PAR1", b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether somebody died in hospital, and else how long after discharge, if that is known to have happened.

    `scores` are those that the source worked out for the first day, by name.
    """

    died: bool
    days_after_discharge: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tables:
    """`values` has the columns of `VALUES`, `par` as a category; `outcomes` are by the number of the stay."""

    values: pd.DataFrame
    outcomes: Mapping[int, Outcome]


def read_tables(files: Sequence[Path]) -> Tables:
    """Both tables, each from one file or from several. Raises `WrongData`."""
    found: dict[tuple[str, ...], list[pd.DataFrame]] = {VALUES: [], OUTCOMES: []}
    for path in files:
        kind, table = _read(path)
        found[kind].append(table)
    for kind, tables in found.items():
        if not tables:
            raise WrongData(f"none of the files has the columns {', '.join(kind)}")
    outcomes = _outcomes(pd.concat(found[OUTCOMES], ignore_index=True))
    return Tables(_values(pd.concat(found[VALUES], ignore_index=True), outcomes), outcomes)


def _read(path: Path) -> tuple[tuple[str, ...], pd.DataFrame]:
    """A file's kind and those of its columns that are needed."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
        columns = _columns(path, start)
        kind = next((kind for kind in (VALUES, OUTCOMES) if set(kind) <= set(columns)), None)
        if kind is None:
            raise WrongData(f"{path.name} has neither the columns {', '.join(VALUES)} nor {', '.join(OUTCOMES)}")
        later = [name for name in (SURVIVAL, STAY, *SCORES) if kind is OUTCOMES and name in columns]
        return kind, _table(path, start, [*kind, *later])
    except (OSError, ValueError) as error:  # pandas' and pyarrow's own errors are ValueErrors
        raise WrongData(f"{path.name} cannot be read as Parquet or CSV ({type(error).__name__})") from error


def _columns(path: Path, start: bytes) -> Sequence[str]:
    """The names in the header."""
    if start == _PARQUET:
        return list(pq.read_schema(path).names)
    return list(pd.read_csv(path, nrows=0, compression=_compression(start)).columns)


def _table(path: Path, start: bytes, columns: list[str]) -> pd.DataFrame:
    """These columns."""
    if start == _PARQUET:
        return pd.read_parquet(path, columns=columns)
    text = {"par": "category"} if "par" in columns else {}
    return pd.read_csv(path, usecols=columns, dtype=text, compression=_compression(start))


def _compression(start: bytes) -> Any:
    return "gzip" if start.startswith(_GZIP) else None


def _outcomes(table: pd.DataFrame) -> dict[int, Outcome]:
    """The outcomes by stay; each stay has one, and it is 0 or 1."""
    _whole_numbers(table, NUMBER)
    if table[NUMBER].duplicated().any():
        raise WrongData(f"a {NUMBER} stands twice among the outcomes")
    if not table[DIED].isin([0, 1]).all():
        raise WrongData(f"{DIED} must be 0 or 1")
    died = table[DIED].astype(bool).tolist()
    rows = zip(table[NUMBER].tolist(), died, _days_after_discharge(table), _scores(table), strict=True)
    return {number: Outcome(died, None if died else days, scores) for number, died, days, scores in rows}


def _scores(table: pd.DataFrame) -> Sequence[Mapping[str, float]]:
    """Each stay's scores; -1 stands for one that could not be worked out."""
    found: list[dict[str, float]] = [{} for _ in range(len(table))]
    for column, name in SCORES.items():
        if column in table:
            for scores, value in zip(found, table[column].tolist(), strict=True):
                if value >= 0:
                    scores[name] = float(value)
    return found


def _days_after_discharge(table: pd.DataFrame) -> Sequence[int | None]:
    """Days from discharge to death, where both are known."""
    if SURVIVAL not in table or STAY not in table:
        return [None] * len(table)
    pairs = zip(table[SURVIVAL].tolist(), table[STAY].tolist(), strict=True)
    return [int(death - stay) if death >= 0 and stay >= 0 else None for death, stay in pairs]


def _values(table: pd.DataFrame, outcomes: Mapping[int, Outcome]) -> pd.DataFrame:
    """The values, each of a stay with an outcome; rows without a number are left out."""
    _whole_numbers(table, "rid")
    _whole_numbers(table, "min")
    if not pd.api.types.is_numeric_dtype(table["val"]):
        raise WrongData("val must hold numbers")
    unjudged = set(table["rid"].unique().tolist()) - set(outcomes)
    if unjudged:
        raise WrongData(f"{len(unjudged)} stays have values and no outcome")
    return table[table["val"].notna()].astype({"par": "category"})


def _whole_numbers(table: pd.DataFrame, column: str) -> None:
    if not pd.api.types.is_integer_dtype(table[column]):
        raise WrongData(f"{column} must hold whole numbers")
    if (table[column] < 0).any():
        raise WrongData(f"{column} must not be negative")
