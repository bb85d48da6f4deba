"""A site's own outcomes as a table: what the model said, and what came of it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.training.cases import WrongData
from models.training.fit import Flags, Floats

COLUMNS = ("probability", "outcome")
PATIENT = "patient"
_OUTCOMES = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Aligned arrays of length n: what was predicted, what happened, and which rows belong to one patient."""

    probability: Floats
    outcome: Flags
    patient: npt.NDArray[np.int64]


def is_outcomes_table(path: Path) -> bool:
    """Whether a file begins like such a table, whatever its encoding: reading it says what is wrong with that."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return set(COLUMNS) <= set(next(csv.reader(file), []))
    except (OSError, csv.Error):
        return False


def read_outcomes(path: Path) -> Outcomes:
    """Read columns `probability` (above 0, below 1), `outcome` (0 or 1) and, if there is one, `patient`.

    Raises `WrongData`, which names the line where it can and never its content.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _check_columns(path.name, reader.fieldnames or ())
            read = list(_rows(path.name, reader))
    except UnicodeDecodeError:
        raise WrongData(f"{path.name} is not encoded in UTF-8; save it as CSV in UTF-8") from None
    except csv.Error:
        raise WrongData(
            f"{path.name} is not a readable CSV table: a field is too long or a quote is not closed"
        ) from None
    if not read:
        raise WrongData(f"{path.name} holds no rows")
    names = dict.fromkeys(patient for _, _, patient in read)
    number = {name: place for place, name in enumerate(names)}
    return Outcomes(
        np.array([p for p, _, _ in read]),
        np.array([outcome for _, outcome, _ in read], dtype=np.bool_),
        np.array([number[patient] for _, _, patient in read], dtype=np.int64),
    )


def _check_columns(name: str, columns: Sequence[str]) -> None:
    """Of two columns of one name nobody can say which one is meant."""
    for column in (*COLUMNS, PATIENT):
        if columns.count(column) > 1:
            raise WrongData(f"{name} has more than one column named {column}")


def _rows(name: str, reader: Iterator[Mapping[str, str | None]]) -> Iterator[tuple[float, bool, str]]:
    """Each line; a line without a patient is a patient of its own."""
    for line, row in enumerate(reader, start=2):
        try:
            p = float(row["probability"] or "")
            outcome = _OUTCOMES[(row["outcome"] or "").strip().lower()]
        except (KeyError, ValueError):
            raise WrongData(f"{name}, line {line}: probability must be a number and outcome 0 or 1") from None
        if not 0 < p < 1:
            raise WrongData(f"{name}, line {line}: probability must lie above 0 and below 1")
        yield p, outcome, row.get(PATIENT) or f"line {line}"
