"""One engine for the ledger's database, on which a commit means "on the disk".

SQLite: WAL with synchronous=FULL; every commit is synced (sqlite.org/pragma.html#pragma_synchronous: with NORMAL, a WAL
transaction "might roll back following a power loss"). PostgreSQL: refused while synchronous_commit or fsync is off.
Both are checked on every new connection, not once.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from clinical.errors import LedgerUnavailable, SettingsInvalid
from oversight.database_faults import message, trouble
from oversight.kept_connections import KeptConnections

# Any number, the same in every process: writers to a chain and migrations queue behind it.
_ADVISORY_LOCK = 4_207_311_970
_LOCK = f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"
_TAKE_LOCK = text(_LOCK)
_TURNS = "ledger_turns"
_KEPT = "ledger_kept"
_WRITTEN = "written"
_WRITES = "ledger_writes_so_far"
# For how long after a write that failed the ledger counts as one that cannot be written, whatever a small trial says.
FAILED_FOR_S = 10.0


class Turns:
    """Writers of one process to an SQLite file, one after the other.

    SQLite allows one writer and lets the others ask again after pauses (sqlite.org/c3ref/busy_timeout.html) of up to
    0.1 s. Among many, some are passed over until their patience ends, though the file was free most of that time; a
    lock wakes whoever waits. Other processes are still waited for as SQLite does.
    """

    def __init__(self, patience: float) -> None:
        """Nobody writes. `patience` is how many seconds one waits."""
        self._patience = patience
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """A turn. Raises `LedgerUnavailable` where it did not come in time."""
        if not self._lock.acquire(timeout=self._patience):
            raise LedgerUnavailable("The ledger cannot be written (too many at once).")
        try:
            yield
        finally:
            self._lock.release()


class Writes:
    """What this process knows of whether the ledger can be written: a full disk is read as well as any other.

    Only a write shows it, and whoever asks may be a stranger. So one is tried when nobody knows, not at every question,
    and not within `FAILED_FOR_S` of one that failed: what a card needs may find no room where a trial does.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody has tried."""
        self._clock = clock
        self._proved = False
        self._failed: tuple[float, str] | None = None

    def failed(self, why: str) -> None:
        """A write failed, and not because others had the database."""
        self._proved, self._failed = False, (self._clock(), why)

    def prove(self, trial: Callable[[], object]) -> None:
        """Raise `LedgerUnavailable` where the last write failed just now, or where nobody knows and a trial fails."""
        if self._failed is not None and self._clock() < self._failed[0] + FAILED_FOR_S:
            raise LedgerUnavailable(self._failed[1])
        if not self._proved:
            trial()
            self._proved = True


def prove_writing(engine: Engine) -> None:
    """Raise `LedgerUnavailable` where the ledger cannot be written, as far as this process knows or a trial shows.

    It leaves nothing behind: no row, and no more of the disk than the next entry takes again.
    """
    writes: Writes = engine.get_execution_options()[_WRITES]
    writes.prove(lambda: _try_writing(engine))


def _try_writing(engine: Engine) -> None:
    """Commit a change that changes nothing."""
    with writing_directly(engine) as its:
        if its.dialect.name == "sqlite":
            # It writes the first page, though with the same number; a row that stays as it was would not be written.
            (number,) = its.driver.execute("PRAGMA user_version").fetchone()
            its.driver.execute(f"PRAGMA user_version = {int(number)}")
        else:
            its.driver.execute("UPDATE alembic_version SET version_num = version_num")


def _turn(engine: Engine) -> AbstractContextManager[None]:
    """The turn of a writer; PostgreSQL sees to that itself."""
    turns: Turns | None = engine.get_execution_options().get(_TURNS)
    return nullcontext() if turns is None else turns.one()


def open_engine(url: str, *, patience: float = 5.0, pool_size: int = 5, create: bool = True) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://…` (driver psycopg 3).

    With `create` False a missing SQLite file is a fault: a report about a mistyped path would show zeros.

    `patience` is how many seconds to wait for a connection, a lock or a statement. Nothing is opened yet.
    Make the engine after a fork, one a process. Raises `SettingsInvalid`; the message never holds the URL.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        if not create and not Path(parsed.database or "").is_file():
            raise SettingsInvalid("There is no ledger at CHARTSIDE_DATABASE_URL yet.")
        return _sqlite(parsed, patience, pool_size)
    return _postgresql(parsed, patience, pool_size)


def check_url(url: str) -> None:
    """Raise `SettingsInvalid` unless the URL names a database that can hold the ledger; nothing is opened."""
    _parsed(url)


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite ledger; None for PostgreSQL. Raises `SettingsInvalid`."""
    parsed = _parsed(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def _parsed(url: str) -> URL:
    """The URL with a driver that is supported."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsInvalid("CHARTSIDE_DATABASE_URL cannot be read as the URL of a database.") from None
    if parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise SettingsInvalid("CHARTSIDE_DATABASE_URL must begin with sqlite:/// or postgresql://.")
    if parsed.database in (None, "", ":memory:"):
        raise SettingsInvalid("CHARTSIDE_DATABASE_URL must name a file: an SQLite database in memory forgets.")
    return parsed


def _sqlite(url: URL, patience: float, pool_size: int) -> Engine:
    """SQLite in a file that only its owner may read."""
    kept = KeptConnections()
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        pool_timeout=patience,
        # The connection that was used last knows most pages of the file.
        pool_use_lifo=True,
        connect_args={"timeout": patience},
        execution_options={_TURNS: Turns(patience), _WRITES: Writes(), _KEPT: kept},
    )

    @event.listens_for(engine, "engine_disposed")
    def close_kept(_engine: Engine) -> None:
        """Close what the pool does not know of."""
        kept.close()

    @event.listens_for(engine, "do_connect")
    def make_private(_dialect: object, _record: object, _args: object, _kwargs: object) -> None:
        """Make a new file unreadable for others; SQLite gives the WAL beside it the same mode."""
        with suppress(OSError):  # a folder that is missing or full is reported by SQLite itself
            Path(url.database or "").touch(mode=0o600, exist_ok=True)

    @event.listens_for(engine, "connect")
    def make_durable(connection: sqlite3.Connection, _record: object) -> None:
        """Set and check the durability of one connection."""
        try:
            _set_pragmas(connection, patience)
        except sqlite3.Error as fault:
            raise LedgerUnavailable(message("opened", fault)) from None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """Take the write lock at the start: a read that turns into a write would fail at once, without waiting."""
        writes = connection.get_execution_options().get("ledger_writes", False)
        # Past SQLAlchemy, which would take ten times as long over it; `_faults` knows the driver's errors too.
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


_PRAGMAS = {
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", 2),
    # What is put back into the file at once: 16 MB of the WAL. Most of its pages were written by many commits, and are
    # put back once. A tenth of a millisecond for each call (`docs/performance.md`), and no commit is less durable.
    "wal_autocheckpoint": (4000, 4000),
    "foreign_keys": ("ON", 1),
    # INSERT OR REPLACE deletes rows, and does so without the delete trigger unless this is on.
    "recursive_triggers": ("ON", 1),
    # macOS: a plain fsync leaves data in the drive's cache. No effect elsewhere.
    "fullfsync": ("ON", 1),
    "checkpoint_fullfsync": ("ON", 1),
}


def _set_pragmas(connection: sqlite3.Connection, patience: float) -> None:
    """Set every pragma and read it back. Raises `LedgerUnavailable` where one did not take."""
    connection.isolation_level = None  # transactions begin where `begin` above says, not where the driver guesses
    connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
    for name, (wanted, reads_back) in _PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {wanted}")
        if connection.execute(f"PRAGMA {name}").fetchone() != (reads_back,):
            raise LedgerUnavailable(f"The ledger's database does not take PRAGMA {name} = {wanted}.")


def _postgresql(url: URL, patience: float, pool_size: int) -> Engine:
    """PostgreSQL; a connection that died while it lay in the pool is replaced, not handed out."""
    milliseconds = int(patience * 1000)
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        pool_timeout=patience,
        pool_pre_ping=True,
        connect_args={"connect_timeout": max(2, int(patience)), "tcp_user_timeout": milliseconds},
        execution_options={_WRITES: Writes()},
    )

    @event.listens_for(engine, "connect")
    def make_durable(connection: Any, _record: object) -> None:
        """Set the limits of one connection and check its durability."""
        with connection.cursor() as cursor:
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
                cursor.execute(f"SET {name} = {milliseconds}")
            for name in ("synchronous_commit", "fsync"):
                if cursor.execute(f"SHOW {name}").fetchone() == ("off",):
                    raise LedgerUnavailable(f"PostgreSQL has {name} = off, so a commit could be lost.")
        connection.commit()

    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection with a transaction for reading. Raises `LedgerUnavailable` for every fault of the database."""
    with _faults("read", engine), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, *, one_at_a_time: bool = False) -> Iterator[Connection]:
    """A transaction that is committed, and so on the disk, when the block has ended; rolled back on any fault.

    With `one_at_a_time` no second such block runs at the same time in any process (on SQLite that holds for all
    writers anyway). Raises `LedgerUnavailable` for every fault of the database.
    """
    with _turn(engine), _faults(_WRITTEN, engine), engine.connect() as plain:
        connection = plain.execution_options(ledger_writes=True)
        with connection.begin():
            if one_at_a_time and engine.dialect.name == "postgresql":
                connection.execute(_TAKE_LOCK)
            yield connection


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction on the driver's own connection, for `oversight.direct`."""

    dialect: Dialect
    driver: Any


@contextmanager
def writing_directly(engine: Engine) -> Iterator[Transaction]:
    """What `writing` one at a time is, past SQLAlchemy's connection: for what stands in the way of every call.

    What was not committed is rolled back when the connection is given back. Raises `LedgerUnavailable` for every fault
    of the database.
    """
    dialect = engine.dialect
    with _turn(engine), _faults(_WRITTEN, engine), _driver(engine) as driver:
        driver.execute("BEGIN IMMEDIATE" if dialect.name == "sqlite" else _LOCK)
        yield Transaction(dialect, driver)
        driver.commit()


@contextmanager
def reading_directly(engine: Engine) -> Iterator[Transaction]:
    """What `reading` is, past SQLAlchemy's connection. Raises `LedgerUnavailable` for every fault of the database.

    Close each cursor, or read it to its end (`Direct.first` does): the connection is used again.
    """
    with _faults("read", engine), _driver(engine) as driver:
        yield Transaction(engine.dialect, driver)


def execute_at_once(engine: Engine, statement: str, values: tuple[object, ...], *, synced: bool = True) -> int:
    """Run one statement with `?` for its values, commit, and say how many rows it touched.

    Past SQLAlchemy's statements, which cost twice what this costs: for what stands in the way of every call.

    With `synced` False SQLite does not wait for the disk. All processes see the change, and it outlives each of them;
    only a loss of power may take it back, and only before the next commit that is synced: that one syncs the whole WAL,
    in which the change stands before it (sqlite.org/wal.html#performance_considerations). PostgreSQL always waits.

    Raises `LedgerUnavailable` for every fault of the database.
    """
    with _turn(engine), _faults(_WRITTEN, engine), _driver(engine) as driver:
        if engine.dialect.name == "sqlite":  # where a statement outside a transaction is one by itself
            return _changed(driver, statement, values) if synced else _changed_unsynced(driver, statement, values)
        changed = _changed(driver, statement.replace("?", "%s"), values)
        driver.commit()
        return changed


def _changed(driver: Any, statement: str, values: tuple[object, ...]) -> int:
    """Run a statement; how many rows it touched."""
    return int(driver.execute(statement, values).rowcount)


def _changed_unsynced(driver: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> int:
    """The same without waiting for the disk. After a fault the connection is not used again, whatever it is set to.

    On this connection and not on one of its own: each would have to read again what the other one wrote.
    """
    driver.execute("PRAGMA synchronous = NORMAL")
    changed = _changed(driver, statement, values)
    driver.execute("PRAGMA synchronous = FULL")
    return changed


@contextmanager
def _driver(engine: Engine) -> Iterator[Any]:
    """A connection as the driver has it: one that is kept open, or on PostgreSQL one of the pool, which tries it."""
    kept: KeptConnections | None = engine.get_execution_options().get(_KEPT)
    if kept is not None:
        with kept.one(engine) as driver:
            yield driver
        return
    with closing(engine.raw_connection()) as connection:
        yield connection.driver_connection


@contextmanager
def _faults(verb: str, engine: Engine) -> Iterator[None]:
    """Turn faults of the database into `LedgerUnavailable`, in fixed words without SQL, values or addresses."""
    try:
        yield
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error, OSError) as fault:
        words, found = message(verb, fault), trouble(fault)
        if verb == _WRITTEN and found is not None and not found.passes:
            engine.get_execution_options()[_WRITES].failed(words)
        raise LedgerUnavailable(words) from None
