"""The files of the mart: each holds a run of one table's rows, by the sequence of the ledger, and is never changed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy.typing as npt

Columns = Mapping[str, npt.NDArray[Any]]
_NAME = re.compile(r"(\d{12})-(\d{12})\.parquet")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one table in its folder."""

    folder: Path

    def last(self) -> int:
        """The last sequence that is there; 0 where nothing is."""
        return max((int(found[2]) for found in map(_NAME.fullmatch, self._names()) if found), default=0)

    def add(self, rows: Columns) -> None:
        """Write one more part, whole or not at all. `rows` has a column `sequence`, in order."""
        first, last = int(rows["sequence"][0]), int(rows["sequence"][-1])
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{first:012d}-{last:012d}.parquet"
        half = self.folder / f".{name}.{os.getpid()}"
        with duckdb.connect() as connection:
            connection.register("rows", rows)
            connection.execute(f"COPY (SELECT * FROM rows) TO {quoted(half)} (FORMAT parquet, COMPRESSION zstd)")  # noqa: S608
        half.replace(self.folder / name)

    def files(self) -> list[Path]:
        """The files, in order."""
        return [self.folder / name for name in sorted(self._names()) if _NAME.fullmatch(name)]

    def _names(self) -> list[str]:
        """What lies in the folder."""
        return [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []


def quoted(path: Path) -> str:
    """A path as a text of SQL."""
    return "'" + str(path).replace("'", "''") + "'"
