"""Opening the files of the source: which of them hold values and which outcomes is told by their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

from models.training.cases import WrongData
from models.training.open_table import open_table

VALUES = ("rid", "min", "par", "val")
NUMBER, DIED = "RecordID", "In-hospital_death"
OUTCOMES = (NUMBER, DIED)
# Days from admission to death (-1: not known to have died) and to discharge; nobody is judged by them.
SURVIVAL, STAY = "Survival", "Length_of_stay"
# What the source worked out for the first 24 hours: to compare with, never a feature.
SCORES = {"SAPS-I": "SAPS-I (first day)", "SOFA": "SOFA (first day)"}


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
    table = open_table(path, partial(_wanted, path), text={"par": "category"})
    return next(kind for kind in (VALUES, OUTCOMES) if set(kind) <= set(table.columns)), table


def _wanted(path: Path, columns: Sequence[str]) -> list[str]:
    """Which columns to read. Raises `WrongData` for a table of another kind."""
    kind = next((kind for kind in (VALUES, OUTCOMES) if set(kind) <= set(columns)), None)
    if kind is None:
        raise WrongData(f"{path.name} has neither the columns {', '.join(VALUES)} nor {', '.join(OUTCOMES)}")
    return [*kind, *(name for name in (SURVIVAL, STAY, *SCORES) if kind is OUTCOMES and name in columns)]


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
