"""A table that leaves the house: its columns with what they mean, and how it is written."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

from oversight.exports.cells import cell


class Kind(StrEnum):
    """How to read the cells of a column."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DAY = "day"
    TIME = "time"
    FLAG = "yes or no"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the data dictionary tells it. `source` is where it comes from in the ledger, or how it is made."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    source: str


@dataclass(frozen=True, slots=True)
class Table:
    """A file and its columns, in order."""

    file: str
    columns: tuple[Column, ...]

    def write(self, rows: Iterable[Sequence[object]], file: TextIO) -> int:
        """RFC 4180 with a line of names, into a file opened with `newline=""`. Gives back the number of rows."""
        writer = csv.writer(file)
        writer.writerow([column.name for column in self.columns])
        number = 0
        for row in rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {self.file} with {len(row)} cells")
            writer.writerow([cell(value) for value in row])
            number += 1
        return number


def share_columns(name: str, meaning: str, source: str) -> tuple[Column, ...]:
    """A share and the two ends of its interval."""
    made = "Wilson 1927, score interval"
    return (
        Column(name, Kind.NUMBER, "0 to 1", meaning, source),
        Column(f"{name}_low", Kind.NUMBER, "0 to 1", f"Lower end of the 95 % Wilson interval of {name}", made),
        Column(f"{name}_high", Kind.NUMBER, "0 to 1", f"Upper end of the 95 % Wilson interval of {name}", made),
    )
