"""A fault of the database is told in fixed words that say what to do; whether the ledger can be written is known."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from clinical.errors import LedgerUnavailable
from oversight import database_faults
from oversight.database import FAILED_FOR_S, Writes, open_engine, prove_writing, reading, writing
from oversight.schema import upgrade

ROOT = Path(__file__).parents[2]


class Clock:
    """A clock that is moved."""

    def __init__(self) -> None:
        """At the beginning."""
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def told(url: str, use: Any = upgrade) -> str:
    """What is said of a database."""
    engine = open_engine(url, patience=1)
    with pytest.raises(LedgerUnavailable) as fault:
        use(engine)
    engine.dispose()
    return fault.value.message


def read(engine: Any) -> None:
    """Read the ledger."""
    with reading(engine) as connection:
        connection.execute(text("SELECT 1 FROM advice"))


def remove(engine: Any) -> None:
    """Try to write."""
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM alembic_version"))


def test_a_server_that_is_not_there_is_not_reachable() -> None:
    """A closed port, and a host without an address."""
    for url in ("postgresql://someone:secret@127.0.0.1:1/ledger", "postgresql://someone:secret@nowhere.invalid/ledger"):
        message = told(url)
        assert "not reachable" in message
        assert not any(word in message for word in ("secret", "someone", "127.0.0.1", "nowhere"))


def test_a_missing_certificate_is_no_missing_database() -> None:
    """Libpq says of both that they do not exist."""
    words = 'connection to server at "db", port 5432 failed: root certificate file "/x/root.crt" does not exist'
    assert "the database does not exist" not in database_faults.message("opened", psycopg.OperationalError(words))


def test_postgresql_says_what_is_wrong(postgres: str, new_schema: Any) -> None:
    """A missing database, a user who is not there or may not, a server that only reads, a ledger that nobody made."""
    assert "the database does not exist" in told(postgres.replace("/postgres?", "/nothing?"))
    assert "signing in to the database was refused" in told(postgres.replace("postgres:@", "nobody:@"))
    assert "There is no ledger at CHARTSIDE_DATABASE_URL yet" in told(new_schema(), read)


def test_postgresql_says_that_it_is_read_only_or_that_rights_are_missing(postgres_url: str) -> None:
    """Each with its own words; both keep the ledger from being written."""
    assert "it is read-only" in told(f"{postgres_url}%20-cdefault_transaction_read_only%3Don", remove)
    engine = open_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS poor"))
        connection.execute(text("CREATE ROLE poor LOGIN"))
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO poor"))
    engine.dispose()
    assert "no rights" in told(postgres_url.replace("postgres:@", "poor:@"), remove)


def test_sqlite_says_what_is_wrong(tmp_path: Path) -> None:
    """A missing folder, a file that is none, and one without a ledger."""
    assert "its file cannot be opened" in told(f"sqlite:///{tmp_path / 'nowhere' / 'ledger.db'}")
    (tmp_path / "words.db").write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    assert "not an SQLite database" in told(f"sqlite:///{tmp_path / 'words.db'}")
    assert "There is no ledger at CHARTSIDE_DATABASE_URL yet" in told(f"sqlite:///{tmp_path / 'empty.db'}", read)


def test_faults_of_the_system_and_of_the_pool() -> None:
    """What has no class keeps its name, and no words of its own."""
    assert database_faults.trouble(OSError(errno.ENOSPC, "x")) is database_faults.FULL
    assert database_faults.trouble(PoolTimeout()) is database_faults.TOO_MANY
    assert database_faults.message("read", ValueError("secret")) == "The ledger cannot be read (ValueError)."


def test_writing_is_proved_and_leaves_nothing(url: str, engine: Any) -> None:
    """The database has the same rows afterwards."""

    def rows() -> list[Any]:
        with reading(engine) as connection:
            return connection.execute(text("SELECT version_num FROM alembic_version")).all()  # type: ignore[return-value]

    before = rows()
    prove_writing(engine)
    prove_writing(engine)
    assert rows() == before


def test_a_trial_on_sqlite_does_write(tmp_path: Path) -> None:
    """A change that the database would leave out proves nothing."""
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    wal = tmp_path / "ledger.db-wal"
    assert wal.stat().st_size == 0
    prove_writing(engine)
    assert wal.stat().st_size > 4096
    engine.dispose()


def test_it_is_tried_only_when_nobody_knows() -> None:
    """Whoever asks may be a stranger: neither disk nor lock are theirs to use up."""
    clock, tried = Clock(), list[float]()
    writes = Writes(clock)
    for _ in range(3):
        writes.prove(lambda: tried.append(clock.now))
    assert len(tried) == 1
    writes.failed("The ledger cannot be written (the disk is full).")
    for _ in range(3):
        with pytest.raises(LedgerUnavailable, match="the disk is full"):
            writes.prove(lambda: tried.append(clock.now))
    assert len(tried) == 1
    clock.now += FAILED_FOR_S
    for _ in range(3):
        writes.prove(lambda: tried.append(clock.now))
    assert len(tried) == 2


def test_a_lock_that_another_holds_is_no_fault_of_the_database(url: str, engine: Any, open_ledger: Any) -> None:
    """The ledger still counts as one that can be written."""
    prove_writing(other := open_engine(url, patience=0.2))
    with writing(engine, one_at_a_time=True) as holder:
        if engine.dialect.name == "postgresql":
            holder.execute(text("LOCK TABLE alembic_version"))
        with pytest.raises(LedgerUnavailable):
            remove(other)
        prove_writing(other)
    other.dispose()


# On a file system of its own: a real one that is full, then one with room again, then one that is only read.
FULL = """
import subprocess, sys
from pathlib import Path
from clinical.errors import LedgerUnavailable
from oversight import database
from oversight.database import open_engine, prove_writing, reading, writing
from oversight.schema import upgrade
from sqlalchemy import text

folder = Path(sys.argv[1])
mount = lambda *options: subprocess.run(["mount", *options, str(folder)], check=True)
mount("-t", "tmpfs", "-o", "size=8m", "none")
url = f"sqlite:///{folder / 'ledger.db'}"
engine = open_engine(url)
upgrade(engine)
prove_writing(engine)

def fill():
    with (folder / "filler").open("ab", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass

def said(use):
    try:
        use()
    except LedgerUnavailable as fault:
        return fault.message
    return "written"

def write():
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS room (x TEXT)"))
        connection.execute(text("INSERT INTO room SELECT hex(zeroblob(2000000))"))

def read():
    with reading(engine) as connection:
        connection.execute(text("SELECT 1 FROM advice")).all()

fill()
print(said(write)); print(said(lambda: prove_writing(engine))); print(said(read))
database.FAILED_FOR_S = 0.0
(folder / "filler").unlink()
print(said(lambda: prove_writing(engine))); print(said(write))
engine.dispose()
mount("-o", "remount,ro")
engine = open_engine(url)
print(said(write)); print(said(lambda: prove_writing(engine)))
"""


def test_a_disk_that_is_really_full_and_one_that_is_read_only(tmp_path: Path) -> None:
    """Both are told, and the first is over when there is room again."""
    apart = ["unshare", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*apart, "mount", "-t", "tmpfs", "none", tmp_path]).returncode:  # noqa: PLW1510
        pytest.skip("no file system of one's own can be mounted here")
    command = [*apart, sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 7, done.stderr
    assert ["disk is full" in line for line in lines[:2]] == [True, True], lines
    assert lines[2:5] == ["written"] * 3, lines
    assert all("read-only" in line or "cannot be opened" in line for line in lines[5:]), lines
