"""Random changes to the file of a ledger, a thousand of them: each is found, in the table where it was made."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing, suppress

import pytest

from oversight.database import open_engine
from oversight.verify import heads, verify

CHAINED = ("vocabulary", "advice", "feedback", "audit", "switch", "incident")


def checked(engine, kept):
    """The tables in which something is wrong."""
    return [check.table for check in verify(engine, kept) if check.fault]


@pytest.fixture
def kind():
    """These tests go to the file."""
    return "sqlite"


def _columns(connection, table):
    """The names of the columns."""
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _flip(connection, table, dice):
    """Change one value in one row, if only by one letter, one bit or its type."""
    sequence = dice.choice([row[0] for row in connection.execute(f"SELECT sequence FROM {table}")])
    column = dice.choice(_columns(connection, table))
    (value,) = connection.execute(f"SELECT {column} FROM {table} WHERE sequence = ?", (sequence,)).fetchone()
    new = _other(value, dice)
    connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE sequence = ?", (new, sequence))


def _other(value, dice):
    """A value that is not this one."""
    if value is None:
        return dice.choice(["", "x", 0, 0.5, b""])
    if isinstance(value, (int, float)):
        return dice.choice([value + 1, -value - 1, value + 2**-40, None, str(value) + "0"])
    if not value:
        return dice.choice(["x", None, " "])
    place, some = dice.randrange(len(value)), dice.choice(["x", "0", "é", "\0", " "])
    if isinstance(value, bytes):
        return value[:place] + bytes([value[place] ^ 1 << dice.randrange(8)]) + value[place + 1 :]
    return dice.choice([value[:place], value + some, value[:place] + some + value[place + 1 :], value.encode()])


def _delete(connection, table, dice):
    """Remove some rows that follow each other; not behind the last."""
    last = connection.execute(f"SELECT max(sequence) FROM {table}").fetchone()[0]
    start = dice.randrange(1, last + 1)
    connection.execute(f"DELETE FROM {table} WHERE sequence BETWEEN ? AND ?", (start, dice.randrange(start, last + 1)))


def _swap(connection, table, dice):
    """Let two rows change places, hashes and all, or only their places in the chain."""
    last = connection.execute(f"SELECT max(sequence) FROM {table}").fetchone()[0]
    if last < 2:
        return
    one, two = dice.sample(range(1, last + 1), 2)
    for old, new in ((one, -1), (two, one), (-1, two)):
        connection.execute(f"UPDATE {table} SET sequence = ? WHERE sequence = ?", (new, old))


def _copy(connection, table, dice):
    """Add a row that is a copy of another."""
    columns = ", ".join(name for name in _columns(connection, table) if name != "sequence")
    unique = {"advice": "id", "feedback": "content_key"}.get(table)
    values = columns.replace(unique, f"{unique} || 'x'", 1) if unique else columns
    source, new = dice.randrange(1, 7), dice.choice([-1, 0, 13, 1000])
    connection.execute(
        f"INSERT INTO {table} (sequence, {columns}) SELECT ?, {values} FROM {table} WHERE sequence = ?", (new, source)
    )


def _raw_text(connection, table, dice):
    """Bytes that are no UTF-8 in a column of text."""
    names = {"advice": "unit_name", "feedback": "comment", "audit": "detail", "switch": "reason", "incident": "words"}
    column = names.get(table, "model_key")
    connection.execute(f"UPDATE {table} SET {column} = CAST(x'ff41' AS TEXT) WHERE sequence = 1")


def everything(connection):
    """All that the chains are about, with the types of values: 1 is not 1.0, and a text is not its bytes."""
    connection.text_factory = lambda data: ("text", data)
    rows = [connection.execute(f"SELECT * FROM {table} ORDER BY sequence").fetchall() for table in CHAINED]
    connection.text_factory = str
    return repr(rows)


def test_a_thousand_random_mutations_are_found(full_ledger, tmp_path):
    """Flips of letters, bits and types, rows removed, swapped, copied and garbled: not one passes."""
    dice, kept = random.Random(4711), heads(full_ledger)
    full_ledger.dispose()
    original, path = full_ledger.url.database, tmp_path / "copy.db"
    with closing(sqlite3.connect(original)) as connection, connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
    shutil.copy(original, path)
    with closing(sqlite3.connect(original)) as connection:
        before = everything(connection)
    engine = open_engine(f"sqlite:///{path}", pool_size=1)
    done, mutations = 0, (_flip, _flip, _flip, _flip, _delete, _swap, _copy, _raw_text)
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(path, isolation_level=None)) as copy:
        while done < 1000:
            table, mutate = dice.choice(CHAINED), dice.choice(mutations)
            with suppress(sqlite3.IntegrityError):  # a constraint was in the way
                mutate(copy, table, dice)
            if everything(copy) != before:
                done += 1
                assert checked(engine, kept) == [table], (done, mutate, table)
                source.backup(copy)
    engine.dispose()
    assert done == 1000
