"""Where the pages get their figures: a mart that is brought up to the ledger before a page is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Protocol

from sqlalchemy import Engine

from clinical.errors import LedgerUnavailable
from oversight.mart.build import behind, bring_up, is_current
from oversight.mart.mart import Mart, Questions

# So many rows are read before a page is drawn (some tenths of a second). A page says up to when its figures reach.
AT_MOST = 20_000
# While another process brings the mart up, a reader sees what there is.
PATIENCE_S = 1.0
# Each open mart may take half a gigabyte; further readers wait, so many of them and so long. Who waits holds a thread
# of the server that hook calls need; the rest is told to come again, before the server hangs up.
AT_ONCE = 2
WAITING = 3
WAIT_S = 6.0
_BUSY = "Too many pages are being drawn at once."
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

    def __init__(
        self, engine: Engine, folder: Path, at_most: int = AT_MOST, far_behind: Callable[[], object] = lambda: None
    ) -> None:
        """`engine` comes from `open_engine`, upgraded. `far_behind` is told when readers alone would take long."""
        self._engine = engine
        self._folder = folder
        self._at_most = at_most
        self._far_behind = far_behind
        self._room = BoundedSemaphore(AT_ONCE)
        self._door = BoundedSemaphore(AT_ONCE + WAITING)

    def as_of(self) -> AsOf:
        """Bring it up by at most so many rows of each table, and say where it stands."""
        current = is_current(self._engine, self._folder) or bring_up(
            self._engine, self._folder, at_most=self._at_most, patience=PATIENCE_S
        )
        if not current:
            self.look()
        with self.open() as mart:
            entry, moment = last_entry(mart)
        return AsOf(entry, moment, current)

    def look(self) -> None:
        """Have the rest brought up where the mart lacks more than a reader waits for. Raises `LedgerUnavailable`."""
        if behind(self._engine, self._folder) > self._at_most:
            self._far_behind()

    @contextmanager
    def open(self) -> Iterator[Questions]:
        """A connection of its own. Raises `LedgerUnavailable` at once where many wait already."""
        with _place(self._door, 0.0), _place(self._room, WAIT_S), Mart(self._folder).open() as mart:
            yield mart


@contextmanager
def _place(among: BoundedSemaphore, patience: float) -> Iterator[None]:
    """One of the places during the block. Raises `LedgerUnavailable` where none becomes free in so many seconds."""
    if not among.acquire(timeout=patience):
        raise LedgerUnavailable(_BUSY)
    try:
        yield
    finally:
        among.release()


def last_entry(mart: Questions) -> tuple[int, datetime | None]:
    """The last advice of a mart, and when it was given."""
    ((entry, moment),) = mart.rows("SELECT max(sequence), max(time) FROM advice")
    return (0, None) if entry is None else (entry, _EPOCH + timedelta(microseconds=moment))
