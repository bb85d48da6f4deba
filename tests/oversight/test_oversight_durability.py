"""What is acknowledged is on the disk; what cannot be stored is said so, without SQL or values."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from clinical.errors import LedgerUnavailable, SettingsInvalid
from oversight.database import execute_at_once, open_engine, reading_directly, writing
from oversight.schema import upgrade
from oversight.verify import verify

ROOT = Path(__file__).parents[2]

# Appends and prints each id only after the append has returned.
APPENDER = """
import sys, uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from clinical.advice import Advice
from clinical.assessment import Abstention, AbstentionReason, ModelInfo
from oversight.database import open_engine
from oversight.ledger import SqlLedger
from oversight.pseudonyms import Pseudonyms

@dataclass
class Clock:
    def now(self):
        return datetime.now(UTC)

model = ModelInfo("m", "1", "d", "t", "d", "o", "h", 0.1, (), "a", "u")
ledger = SqlLedger(open_engine(sys.argv[1]), Pseudonyms(bytes(32)), Clock())
while True:
    name = str(uuid.uuid4())
    now = datetime.now(UTC)
    finding = Abstention(model, now, AbstentionReason.TOO_EARLY, "t", True)
    ledger.append(Advice(name, name, now, "c", "s", "h", "i", "p", None, "", "", finding, None))
    print(name, flush=True)
"""


def test_killed_process_has_stored_everything_it_acknowledged(url, engine):
    """SIGKILL in the middle of appending: every id that was printed is in the database, and the chains hold."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", APPENDER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        printed = [process.stdout.readline().strip() for _ in range(25)]
        os.kill(process.pid, signal.SIGKILL)
        printed += process.stdout.read().split()
    with engine.connect() as connection:
        stored = set(connection.scalars(text("SELECT id FROM advice")))
    assert all(printed)
    assert set(printed) <= stored
    assert all(check.fault is None for check in verify(engine))


def test_every_sqlite_connection_syncs_every_commit(tmp_path):
    """FULL (2) and WAL hold on each of several connections at once, and on one opened after a close."""
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}", pool_size=3)
    for _ in range(2):
        with ExitStack() as stack:
            connections = [stack.enter_context(engine.connect()) for _ in range(5)]
            for connection in connections:
                wanted = {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1, "wal_autocheckpoint": 4000}
                for pragma, value in wanted.items():
                    assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
                assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
        engine.dispose()


def test_the_wal_stays_in_bounds_while_others_read(tmp_path):
    """Commit after commit, with a connection that has read and stays open: what is in the file is overwritten."""
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    execute_at_once(engine, "CREATE TABLE thing (content BLOB)", ())
    for _ in range(300):
        execute_at_once(engine, "INSERT INTO thing VALUES (zeroblob(?))", (100_000,))
        with reading_directly(engine) as its:
            its.driver.execute("SELECT count(*) FROM thing").fetchone()
    page = 4096
    wal = (tmp_path / "ledger.db-wal").stat().st_size
    assert wal < (4000 + 2 * 100_000 // page) * (page + 24) + 32
    assert (tmp_path / "ledger.db").stat().st_size > 10_000_000
    engine.dispose()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_others_cannot_read_the_sqlite_file(tmp_path, open_ledger, make_advice):
    """The file and the WAL beside it belong to their owner alone."""
    _, engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(engine)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("ledger.db*")} == {0o600}


def limit_pages(engine, most):
    """Let no connection of the engine make the file larger: neither the one of its pool nor the one that is kept."""
    with engine.connect() as connection, reading_directly(engine) as kept:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")
        kept.driver.execute(f"PRAGMA max_page_count = {most}")


def append_until_full(ledger, make_advice):
    """More than fits into what is left of the pages that are there."""
    for _ in range(50):
        ledger.append(make_advice())


def test_full_disk_is_a_fault_and_heals(tmp_path, open_ledger, make_advice, answer):
    """With no page left, neither advice nor feedback is acknowledged; with space again, both work."""
    ledger, engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", pool_size=1)
    upgrade(engine)
    card = make_advice()
    ledger.append(card)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    limit_pages(engine, pages)
    with pytest.raises(LedgerUnavailable) as fault:
        append_until_full(ledger, make_advice)
    assert "p-4711" not in str(fault.value)
    with pytest.raises(LedgerUnavailable):
        ledger.record([answer(card, comment="x" * 9000)])
    ledger.ping()
    limit_pages(engine, 100_000)
    late = make_advice()
    ledger.append(late)
    assert ledger.find(late.id, client="st-mary", patient_id="p-4711")


def test_held_lock_is_a_fault_within_the_deadline(url, kind, engine, open_ledger, make_advice, answer):
    """Another writer that does not let go: a fault after the agreed patience, and work goes on once it has."""
    impatient, _ = open_ledger(url, patience=0.2)
    card = make_advice()
    impatient.append(card)
    with writing(engine, one_at_a_time=True) as holder:
        if kind == "postgresql":
            holder.execute(text("LOCK TABLE advice IN EXCLUSIVE MODE"))
        with pytest.raises(LedgerUnavailable):
            impatient.append(make_advice())
        with pytest.raises(LedgerUnavailable):
            impatient.record([answer(card)])
        assert impatient.find(card.id, client="st-mary", patient_id="p-4711")
    assert impatient.record([answer(card)]).stored == 1


def test_writers_of_one_process_queue_before_they_ask_sqlite(tmp_path, open_ledger, make_advice):
    """Asked by many at once, SQLite passes some over until their patience ends: in a queue only one of them asks."""
    ledger, engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", patience=60.0, pool_size=4)
    upgrade(engine)
    with ThreadPoolExecutor(8) as writers:
        with writing(engine):
            waiting = [writers.submit(ledger.append, make_advice()) for _ in range(8)]
            done, _ = wait(waiting, timeout=0.5)
            assert (len(done), engine.pool.checkedout()) == (0, 1)
            ledger.ping()
        assert len({each.result(60).id for each in waiting}) == 8


def test_a_turn_that_does_not_come_is_a_fault(tmp_path, open_ledger, make_advice):
    """Within the agreed patience; the turn after it comes again."""
    ledger, engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", patience=0.2)
    upgrade(engine)
    with ThreadPoolExecutor(1) as writer, writing(engine), pytest.raises(LedgerUnavailable, match="too many at once"):
        writer.submit(ledger.append, make_advice()).result(60)
    ledger.append(make_advice())


def test_database_that_is_none_is_a_fault(tmp_path, open_ledger, make_advice):
    """A file with other content is not taken for an empty ledger."""
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    ledger, _ = open_ledger(f"sqlite:///{path}")
    for use in (lambda: ledger.append(make_advice()), ledger.ping, lambda: ledger.decision("x")):
        with pytest.raises(LedgerUnavailable):
            use()


def test_missing_folder_is_a_fault(tmp_path, open_ledger, make_advice):
    """So is a path that does not exist; the message does not tell it."""
    ledger, _ = open_ledger(f"sqlite:///{tmp_path / 'nowhere' / 'ledger.db'}")
    with pytest.raises(LedgerUnavailable) as fault:
        ledger.append(make_advice())
    assert "nowhere" not in str(fault.value)


def test_ping_notices_a_database_without_tables(empty_url, open_ledger):
    """A ledger that was never upgraded is not healthy."""
    ledger, _ = open_ledger(empty_url)
    with pytest.raises(LedgerUnavailable):
        ledger.ping()


def test_ping_is_content_with_an_upgraded_database(ledger):
    """A healthy ledger says nothing."""
    ledger.ping()


def test_postgresql_that_does_not_sync_is_refused(postgres_url, open_ledger):
    """A server that acknowledges before the disk has it cannot hold the ledger."""
    ledger, _ = open_ledger(postgres_url + "%20-csynchronous_commit%3Doff")
    with pytest.raises(LedgerUnavailable, match="synchronous_commit"):
        ledger.ping()


def test_postgresql_connections_that_died_are_replaced(postgres_url, open_ledger, make_advice):
    """After the server has closed every connection, the next append simply works."""
    ledger, _ = open_ledger(postgres_url)
    ledger.append(make_advice())
    _, other = open_ledger(postgres_url)
    with other.begin() as connection:
        closing = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        own = " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(closing + own))
    ledger.append(make_advice())


def test_postgresql_that_is_not_there_is_a_fault(open_ledger, make_advice, tmp_path):
    """No server at the address: a fault, without the address or the password."""
    ledger, _ = open_ledger(f"postgresql://someone:secret@/db?host={tmp_path}", patience=1)
    with pytest.raises(LedgerUnavailable) as fault:
        ledger.append(make_advice())
    assert "secret" not in str(fault.value)


@pytest.mark.parametrize(
    "address", ["sqlite://", "sqlite:///:memory:", "mysql://u:secret@h/d", "secret", "", "postgresql+psycopg2://h/d"]
)
def test_database_that_cannot_hold_the_ledger_stops_the_start(address):
    """Memory, other databases and nonsense are refused; the message never holds the address."""
    with pytest.raises(SettingsInvalid) as fault:
        open_engine(address)
    assert "secret" not in str(fault.value)
