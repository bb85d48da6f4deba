"""The files of the mart: each holds a run of one table's rows, by the sequence of the ledger, and is never changed."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy.typing as npt

from clinical.errors import LedgerUnavailable

Columns = Mapping[str, npt.NDArray[Any]]
_NAME = re.compile(r"(\d{12})-(\d{12})\.parquet")
_HALF = re.compile(r"\.\d{12}-\d{12}\.parquet\.\d+")
# A page view adds a part of what is new. More small ones than this become one: each costs a little at every reading.
MOST_SMALL = 32
SMALL = 10_000
# A reader may still be at a part that another one has taken the place of.
LEFT_LYING_S = 600.0
NO_ROOM = "A part of the mart cannot be written. Is there room on its disk?"


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one table in its folder."""

    folder: Path

    def last(self) -> int:
        """The last sequence that is there; 0 where nothing is."""
        return max(self.lasts(), default=0)

    def lasts(self) -> frozenset[int]:
        """The last sequence of each part."""
        return frozenset(int(found[2]) for found in map(_NAME.fullmatch, self._names()) if found)

    def covers(self, number: int) -> bool:
        """Whether the row of this sequence stands in a part that is there, if there is such a row."""
        return any(first <= number <= last for first, last in map(_ends, self._all()))

    def add(self, rows: Columns, *, order: str = "", group: int = 122_880) -> None:
        """Write one more part, whole or not at all. `rows` has a column `sequence`, in order.

        In the file they lie in that order or in another one (SQL), in groups of so many that can be read alone.
        Raises `LedgerUnavailable` where there is no room for it.
        """
        first, last = int(rows["sequence"][0]), int(rows["sequence"][-1])
        with duckdb.connect() as connection:
            connection.register("rows", rows)
            self._write(connection, "rows", (first, last), order, group)

    def merge(self, *, order: str = "", group: int = 122_880) -> None:
        """Make one part of the small ones at the end, where there are many. No row is lost if this is cut off.

        Raises what `add` raises.
        """
        self._clear_away()
        small = list(itertools.takewhile(lambda path: _span(path) < SMALL, reversed(self.files())))[::-1]
        if len(small) <= MOST_SMALL:
            return
        source = f"read_parquet([{', '.join(map(quoted, small))}], union_by_name = true)"
        with duckdb.connect() as connection:
            self._write(connection, source, (_ends(small[0])[0], _ends(small[-1])[1]), order or "sequence", group)

    def clear_halves(self) -> None:
        """Remove what somebody who was stopped had half written. For who is alone at it."""
        for name in self._names():
            if _HALF.fullmatch(name):
                (self.folder / name).unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """The files, in order, without those whose rows stand in a larger one."""
        kept: list[Path] = []
        for path in sorted(self._all(), key=lambda path: (_ends(path)[0], -_ends(path)[1])):
            if not kept or _ends(path)[1] > _ends(kept[-1])[1]:
                kept.append(path)
        return kept

    def _write(
        self, connection: duckdb.DuckDBPyConnection, source: str, ends: tuple[int, int], order: str, group: int
    ) -> None:
        """A part from rows that the connection knows."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{ends[0]:012d}-{ends[1]:012d}.parquet"
        half = self.folder / f".{name}.{os.getpid()}"
        ordered = f"SELECT * FROM {source} ORDER BY {order}" if order else f"SELECT * FROM {source}"  # noqa: S608 (ours)
        how = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group}"
        try:
            connection.execute(f"COPY ({ordered}) TO {quoted(half)} ({how})")
            half.replace(self.folder / name)
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as fault:
            half.unlink(missing_ok=True)
            raise LedgerUnavailable(NO_ROOM) from fault

    def _clear_away(self) -> None:
        """Remove what another part has long taken the place of."""
        kept = self.files()
        newest = max((path.stat().st_mtime for path in kept), default=0.0)
        for path in set(self._all()) - set(kept):
            cover = next(each for each in kept if _ends(each)[0] <= _ends(path)[0] and _ends(path)[1] <= _ends(each)[1])
            if newest - cover.stat().st_mtime > LEFT_LYING_S:
                path.unlink(missing_ok=True)

    def _all(self) -> list[Path]:
        """Every part that lies there."""
        return [self.folder / name for name in self._names() if _NAME.fullmatch(name)]

    def _names(self) -> list[str]:
        """What lies in the folder."""
        return [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []


def _ends(path: Path) -> tuple[int, int]:
    """The first and the last sequence of a part, as its name says."""
    first, last = path.stem.split("-")
    return int(first), int(last)


def _span(path: Path) -> int:
    """How many rows it holds at most."""
    first, last = _ends(path)
    return last - first + 1


def quoted(path: Path) -> str:
    """A path as a text of SQL."""
    return "'" + str(path).replace("'", "''") + "'"
