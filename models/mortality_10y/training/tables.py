"""Reading survey files: known by their columns, whatever they are called and in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from models.training.cases import WrongData
from models.training.open_table import open_table

PERSON = ("sampleID", "year", "gender", "age")
# Eligible for linkage, dead, months followed: as the linkage of 2019 has them, or the one of 2015.
FOLLOWED = (("elig", "dead", "mo"), ("eligstat", "status", "permth_int"))


def read_tables(files: Sequence[Path]) -> pd.DataFrame:
    """All rows of all files, each person once, in order of cycle and number; columns `elig`, `dead`, `mo` are there.

    What a file does not have is unknown for its people. Raises `WrongData`.
    """
    if not files:
        raise WrongData("no file was named")
    rows = pd.concat([_table(path) for path in files], ignore_index=True)
    twice = rows["sampleID"].duplicated()
    if twice.any():
        raise WrongData(f"{int(twice.sum())} people stand in these files more than once (column sampleID)")
    rows["number"] = list(_numbers(rows["sampleID"]))
    return rows.sort_values(["year", "number"], kind="stable", ignore_index=True)


def _table(path: Path) -> pd.DataFrame:
    """One file, with its follow-up under the names `elig`, `dead`, `mo`."""
    rows = open_table(path)
    missing = [name for name in PERSON if name not in rows]
    if missing:
        raise WrongData(f"{path.name} is no table of this survey: it has no column {', '.join(missing)}")
    for names in FOLLOWED:
        if all(name in rows for name in names):
            # The same thing under other names must not stand there twice.
            kept = rows.drop(columns=[n for others in FOLLOWED for n in others if n not in names], errors="ignore")
            return kept.rename(columns=dict(zip(names, FOLLOWED[0], strict=True)))
    raise WrongData(f"{path.name} has no follow-up: it needs the columns {', '.join(FOLLOWED[0])}")


def _numbers(names: pd.Series[str]) -> Iterator[int]:
    """The number within the survey: `1999_5` is 5, and `2017_1e+05` (as R writes it) 100000."""
    for name in names:
        try:
            yield int(float(str(name).rpartition("_")[2]))
        except (ValueError, OverflowError) as error:
            text = "column sampleID must read like 1999_5: the cycle and the number of the person"
            raise WrongData(text) from error
