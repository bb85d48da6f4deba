"""Where the pages get their figures: a mart that is brought up to the ledger before a page is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Protocol

import duckdb
from sqlalchemy import Engine

from clinical.errors import LedgerUnavailable
from oversight.mart.build import bring_up, is_current
from oversight.mart.mart import Mart, Questions

# So many rows are read before a page is drawn (some tenths of a second). A page says up to when its figures reach.
AT_MOST = 20_000
# Each open mart may take half a gigabyte; further readers wait.
AT_ONCE = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AsOf:
    """The last entry that the figures know and its moment (0 and None: none), and whether the ledger has no more."""

    entry: int
    moment: datetime | None
    current: bool


class MartSource(Protocol):
    """A mart. Both methods raise `LedgerUnavailable`."""

    def as_of(self) -> AsOf:
        """How far the figures reach, after they were brought up as far as a reader can wait."""
        ...

    def open(self) -> AbstractContextManager[Questions]:
        """The mart as it is."""
        ...


class FreshMart:
    """Fills `MartSource` with the mart of a folder and the ledger that it is made from."""

    def __init__(self, engine: Engine, folder: Path, at_most: int = AT_MOST) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine
        self._folder = folder
        self._at_most = at_most
        self._room = BoundedSemaphore(AT_ONCE)

    def as_of(self) -> AsOf:
        """Bring it up by at most so many rows of each table, and say where it stands."""
        try:
            current = is_current(self._engine, self._folder) or bring_up(
                self._engine, self._folder, at_most=self._at_most
            )
        except OSError as fault:
            raise LedgerUnavailable("The folder of the mart cannot be written.") from fault
        with self.open() as mart:
            entry, moment = last_entry(mart)
        return AsOf(entry, moment, current)

    @contextmanager
    def open(self) -> Iterator[Questions]:
        """A connection of its own."""
        try:
            with self._room, Mart(self._folder).open() as mart:
                yield mart
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.OutOfMemoryException) as fault:
            raise LedgerUnavailable("The mart cannot be read.") from fault


def last_entry(mart: Questions) -> tuple[int, datetime | None]:
    """The last advice of a mart, and when it was given."""
    ((entry, moment),) = mart.rows("SELECT max(sequence), max(time) FROM advice")
    return (0, None) if entry is None else (entry, _EPOCH + timedelta(microseconds=moment))
