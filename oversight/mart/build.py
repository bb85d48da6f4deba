"""Bringing the mart up to the ledger: only what is new is read, because the ledger only grows."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Boolean, Column, Connection, Date, Double, Engine, Integer, func, select

from clinical.errors import LedgerUnavailable
from oversight import tables
from oversight.column_types import Moment
from oversight.database import reading
from oversight.mart.columns import COPIED, Copied
from oversight.mart.parts import Columns, Parts
from oversight.mart.same_ledger import REMADE, Held, check, held, remember
from oversight.mart.values import VALUE, WORD, bring_up_values, values_behind

# Rows of one part: a part is held in memory while it is written.
ROWS = 50_000
# A finding takes as long to take apart as several rows to copy.
AS_ROWS = 10
LEDGER = "ledger.txt"
# How often somebody with patience tries the lock.
_LOOK_S = 0.02
# What has parts, and the table of the ledger that each is numbered by.
_TABLES = (*((each.name, each.table) for each in COPIED), (VALUE, tables.advice), (WORD, tables.vocabulary))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


def bring_up(
    engine: Engine,
    folder: Path,
    *,
    at_most: int | None = None,
    patience: float | None = None,
    told: Callable[[str, int], object] = lambda *_: None,
) -> bool:
    """Copy what the ledger has gained. Says whether the mart then is as new as the ledger, but for findings.

    With `at_most`, no more than so many rows of a table are read, and a tenth of that of findings, for who cannot
    wait; so the values behind the advice may lag. `told` hears of each part: the table and its last sequence. One
    process at a time does it; with `patience`, after so many seconds the answer is no. Raises `LedgerUnavailable`.
    """
    with _alone(folder, patience) as alone, reading(engine) as connection:
        if not alone:
            return False
        _check_same_ledger(connection, folder)
        for name, _ in _TABLES:
            Parts(folder / name).clear_halves()
        current = [_copy(connection, one, Parts(folder / one.name), at_most, told) for one in COPIED]
        for one in COPIED:
            Parts(folder / one.name).merge()
        bring_up_values(connection, folder, None if at_most is None else max(1, at_most // AS_ROWS), told)
    return all(current)


def behind(engine: Engine, folder: Path) -> int:
    """How many rows of a table the mart lacks, of the table of which it lacks most. Raises `LedgerUnavailable`."""
    with reading(engine) as connection:
        rows = [_newest(connection, one) - Parts(folder / one.name).last() for one in COPIED]
        return max(values_behind(connection, folder), *rows)


def is_current(engine: Engine, folder: Path) -> bool:
    """Whether nothing has come to the ledger since, findings included. Raises `LedgerUnavailable`."""
    found = _held(folder)
    with reading(engine) as connection:
        _check_same_rows(connection, found)
        rows = all(_newest(connection, one) == Parts(folder / one.name).last() for one in COPIED)
        return rows and not values_behind(connection, folder)


def _copy(
    connection: Connection, copied: Copied, parts: Parts, at_most: int | None, told: Callable[[str, int], object]
) -> bool:
    """Part after part of one table."""
    left = at_most
    while left is None or left > 0:
        size = ROWS if left is None else min(ROWS, left)
        rows = _rows(connection, copied, parts.last(), size)
        if rows is None:
            return True
        remember(connection, copied.table, parts, int(rows["sequence"][-1]))
        parts.add(rows)
        told(copied.name, parts.last())
        if left is not None:
            left -= size
    return parts.last() == _newest(connection, copied)


def _newest(connection: Connection, copied: Copied) -> int:
    """The last sequence of a table; 0 where it is empty."""
    return connection.scalar(select(func.max(copied.table.c.sequence))) or 0


def _rows(connection: Connection, copied: Copied, after: int, size: int) -> Columns | None:
    """The next rows as columns, or None where there are none."""
    key = copied.table.c.sequence
    statement = select(*copied.columns).where(key > after).order_by(key).limit(size)
    found = connection.execute(statement).all()
    if not found:
        return None
    values = zip(*found, strict=True)
    return {column.name: _column(column, part) for column, part in zip(copied.columns, values, strict=True)}


def _column(column: Column[Any], values: Sequence[Any]) -> npt.NDArray[Any]:
    """One column: moments in microseconds, days since 1970, numbers with gaps as NaN, texts as they are."""
    if isinstance(column.type, Moment):
        return _moments(values)
    if isinstance(column.type, Boolean):
        return np.array(values, dtype=np.bool_)
    if isinstance(column.type, Date):
        return np.array([(value - _FIRST_DAY).days for value in values], dtype=np.int32)
    if isinstance(column.type, Double):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if isinstance(column.type, Integer):
        return np.array([0 if value is None else value for value in values], dtype=np.int64)
    return np.array(values, dtype=object)


def _moments(values: Sequence[datetime | None]) -> npt.NDArray[np.int64]:
    """Microseconds since 1970; what is not known is masked, where there is any."""
    moments = np.array([0 if value is None else (value - _EPOCH) // _MICROSECOND for value in values], dtype=np.int64)
    gaps = [value is None for value in values]
    return np.ma.masked_array(moments, mask=gaps) if any(gaps) else moments


def _check_same_ledger(connection: Connection, folder: Path) -> None:
    """The mart is of one ledger: that whose first entry has this digest. Raises `LedgerUnavailable`."""
    _check_same_rows(connection, _held(folder))
    first = connection.scalar(select(tables.advice.c.digest).order_by(tables.advice.c.sequence).limit(1))
    mark = folder / LEDGER
    if first is None:
        return
    if not mark.is_file():
        half = folder / f".{LEDGER}"
        half.write_text(first)
        half.replace(mark)
    elif mark.read_text() != first:
        raise LedgerUnavailable(f"The mart was made from another ledger. {REMADE}")


def _held(folder: Path) -> list[Held]:
    """What the mart has of each table. Raises `LedgerUnavailable`."""
    return [held(table, Parts(folder / name)) for name, table in _TABLES]


def _check_same_rows(connection: Connection, found: list[Held]) -> None:
    """What was copied is what stands there now. Raises `LedgerUnavailable`."""
    for each in found:
        check(connection, each)


@contextmanager
def _alone(folder: Path, patience: float | None) -> Iterator[bool]:
    """One builder at a time, whichever process it is in. False where another one is still at it after so long."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / "lock").open("w")
    except OSError as fault:
        raise LedgerUnavailable(f"The folder of the mart cannot be written: {fault.strerror}.") from fault
    with lock:
        yield _locked(lock, patience)


def _locked(lock: IO[str], patience: float | None) -> bool:
    """Wait for the lock, for ever or so many seconds."""
    if patience is None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return True
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_S)
        else:
            return True
