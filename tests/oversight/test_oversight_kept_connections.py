"""Connections that stay open beside the pool: as durable as any other, one to each thread, gone after a fault."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import bindparam, column, select, table

from clinical.errors import LedgerUnavailable
from oversight.database import execute_at_once, open_engine, reading_directly, writing_directly
from oversight.direct import Direct
from oversight.kept_connections import MOST, KeptConnections


@pytest.fixture
def file_engine(tmp_path):
    """An engine on an SQLite file with one small table."""
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    execute_at_once(engine, "CREATE TABLE thing (number INTEGER PRIMARY KEY)", ())
    yield engine
    engine.dispose()


def pragma(driver, name):
    """The value of a pragma."""
    return driver.execute(f"PRAGMA {name}").fetchone()[0]


def count(engine):
    """How many rows there are."""
    with reading_directly(engine) as its:
        return its.driver.execute("SELECT count(*) FROM thing").fetchone()[0]


def test_what_is_written_directly_is_synced(file_engine):
    """Advice goes through here: FULL (2) in WAL mode, the first time and the next."""
    for _ in range(2):
        with writing_directly(file_engine) as its:
            assert pragma(its.driver, "synchronous") == 2
            assert pragma(its.driver, "journal_mode") == "wal"


def statements(engine):
    """Everything that SQLite is told to do on the connection that is kept, from now on."""
    told = []
    with reading_directly(engine) as its:
        its.driver.set_trace_callback(told.append)
    return told


def test_what_is_not_synced_leaves_the_connection_as_it_was(file_engine):
    """NORMAL for this one statement; what comes next is synced, and with it what stands before it."""
    told = statements(file_engine)
    execute_at_once(file_engine, "INSERT INTO thing VALUES (?)", (1,), synced=False)
    assert told == ["PRAGMA synchronous = NORMAL", "INSERT INTO thing VALUES (1)", "PRAGMA synchronous = FULL"]
    with writing_directly(file_engine) as its:
        assert pragma(its.driver, "synchronous") == 2
    assert count(file_engine) == 1


def test_a_fault_of_what_is_not_synced_leaves_no_such_connection(file_engine):
    """The setting goes with it."""
    execute_at_once(file_engine, "INSERT INTO thing VALUES (?)", (1,), synced=False)
    with pytest.raises(LedgerUnavailable):
        execute_at_once(file_engine, "INSERT INTO thing VALUES (?)", (1,), synced=False)
    with writing_directly(file_engine) as its:
        assert pragma(its.driver, "synchronous") == 2


def test_what_is_synced_is_told_so(file_engine):
    """The default."""
    told = statements(file_engine)
    execute_at_once(file_engine, "INSERT INTO thing VALUES (?)", (1,))
    assert told == ["INSERT INTO thing VALUES (1)"]


def test_it_is_the_same_connection_again(file_engine):
    """That is what it is for."""
    with writing_directly(file_engine) as first:
        pass
    with reading_directly(file_engine) as second:
        assert second.driver is first.driver


def test_after_a_fault_it_is_closed_and_its_change_undone(file_engine):
    """Nobody knows what state it is in."""
    drivers = []

    def broken():
        with writing_directly(file_engine) as its:
            drivers.append(its.driver)
            its.driver.execute("INSERT INTO thing VALUES (7)")
            its.driver.execute("INSERT INTO thing VALUES (7)")

    with pytest.raises(LedgerUnavailable):
        broken()
    with pytest.raises(Exception, match="closed"):
        drivers[0].execute("SELECT 1")
    assert count(file_engine) == 0
    with writing_directly(file_engine) as its:
        its.driver.execute("INSERT INTO thing VALUES (7)")
    assert count(file_engine) == 1


def test_a_transaction_that_was_left_open_is_not_handed_on(file_engine):
    """It is rolled back, and the next who comes gets another connection."""
    with reading_directly(file_engine) as first:
        first.driver.execute("BEGIN IMMEDIATE")
        first.driver.execute("INSERT INTO thing VALUES (7)")
    with writing_directly(file_engine) as second:
        assert second.driver is not first.driver
    assert count(file_engine) == 0


def test_disposal_closes_them_and_the_engine_goes_on(file_engine):
    """Whoever moves the file away afterwards finds nobody on it."""
    with writing_directly(file_engine) as first:
        pass
    file_engine.dispose()
    with pytest.raises(Exception, match="closed"):
        first.driver.execute("SELECT 1")
    assert count(file_engine) == 0


def test_each_thread_has_its_own_and_only_a_few_are_kept(file_engine):
    """Eight at once get eight, of which no more than a few stay open."""
    kept = KeptConnections()
    together = threading.Barrier(8, timeout=20)

    def use(_):
        with kept.one(file_engine) as driver:
            together.wait()
            driver.execute("SELECT 1").fetchall()
            return driver

    with ThreadPoolExecutor(8) as pool:
        drivers = list(pool.map(use, range(8)))
    assert len({id(driver) for driver in drivers}) == 8
    assert sum(is_open(driver) for driver in drivers) == MOST
    kept.close()
    assert not any(is_open(driver) for driver in drivers)


def is_open(driver):
    """Whether a connection still answers."""
    try:
        driver.execute("SELECT 1")
    except Exception:
        return False
    return True


def test_a_connection_in_use_while_all_are_closed_is_closed_too(file_engine):
    """Else it would stay open for as long as the process lives, with the file gone perhaps."""
    with reading_directly(file_engine) as its:
        driver = its.driver
        file_engine.dispose()
        assert driver.execute("SELECT count(*) FROM thing").fetchone() == (0,)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        driver.execute("SELECT 1")
    assert count(file_engine) == 0


def test_the_first_of_many_rows_leaves_nothing_open(file_engine):
    """Who comes next on the same connection sees what another one has written since."""
    for number in range(5):
        execute_at_once(file_engine, "INSERT INTO thing VALUES (?)", (number,))
    many = Direct(select(table("thing", column("number")).c.number).where(column("number") >= bindparam("least")))
    with reading_directly(file_engine) as its:
        assert many.first(its, {"least": 1}) == (1,)
        with closing(sqlite3.connect(file_engine.url.database)) as other, other:
            other.execute("INSERT INTO thing VALUES (99)")
        assert its.driver.execute("SELECT count(*) FROM thing").fetchone() == (6,)
        assert many.first(its, {"least": 100}) is None
