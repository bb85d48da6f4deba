"""Whatever is done to the ledger behind its back is found."""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from clinical.errors import LedgerUnavailable
from oversight import chain, tables
from oversight.verify import Fault, Head, heads, verify

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


def lift(connection):
    """Take the triggers away, as the owner of the database can."""
    if connection.dialect.name == "sqlite":
        names = list(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")))
        for name in names:
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("PRAGMA foreign_keys = OFF"))
    else:
        connection.execute(text("SET LOCAL session_replication_role = replica"))


def checked(engine, kept=()):
    """The checks by table."""
    return {check.table: check for check in verify(engine, kept)}


def test_ledger_that_was_left_alone_is_sound(full_ledger):
    """Every table with its rows and its head, which is the one that `heads` tells."""
    checks = checked(full_ledger, heads(full_ledger))
    assert {name: check.rows for name, check in checks.items()} == dict.fromkeys(
        (t.name for t in tables.CHAINED), 0
    ) | {
        "vocabulary": 1,
        "advice": 6,
        "feedback": 12,
        "audit": 12,
        "switch": 6,
        "incident": 6,
    }
    assert all(check.fault is None and check.first_bad is None for check in checks.values())
    assert tuple(check.head for check in checks.values()) == heads(full_ledger)
    assert checks["advice"].head.sequence == 6


def test_empty_ledger_is_sound_and_has_heads(engine):
    """Each table begins with a head of its own, so that two empty tables are not one."""
    assert all(check.fault is None and check.rows == 0 for check in verify(engine, heads(engine)))
    assert len({head.chain for head in heads(engine)}) == len(tables.CHAINED)
    assert {head.sequence for head in heads(engine)} == {0}


def test_digests_can_be_worked_out_by_anybody(full_ledger):
    """The form in the docstring of the chain, with nothing but SHA-256 and JSON."""
    with full_ledger.connect() as connection:
        row = connection.execute(text("SELECT * FROM audit WHERE sequence = 1")).mappings().one()
    said = {
        "sequence": 1,
        "time": "2026-03-02 12:00:00.123456",
        "kind": "switch",
        "client": "",
        "service": "service 0",
        "hook": "",
        "status": 0,
        "incident": "",
        "detail": "off, by ann: drill",
    }
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(b"\0" + canonical).digest()
    genesis = hashlib.sha256(b"chartside ledger audit").digest()
    assert (row["digest"], row["chain"]) == (digest.hex(), hashlib.sha256(b"\1" + genesis + digest).hexdigest())


def test_digest_is_of_what_the_database_gives_back(engine, ledger, make_advice, assessment):
    """Minus zero, other zones, text that is mended, numbers that are whole."""
    tokyo = datetime(2026, 3, 3, 1, 30, tzinfo=timezone(timedelta(hours=9)))
    odd = replace(assessment, probability=1, tier=replace(assessment.tier, at_least=-0.0))
    ledger.append(make_advice(finding=odd, time=tokyo, unit_name="ICU\0 \ud800 é 😀", user=""))
    assert checked(engine)["advice"].fault is None


def test_heads_grow_with_every_row(engine, ledger, make_advice, answer):
    """A head that was kept stays part of the chain."""
    kept = list(heads(engine))
    for _ in range(3):
        advice = make_advice()
        ledger.append(advice)
        ledger.record([answer(advice)])
        kept += heads(engine)
    assert len({(head.table, head.chain) for head in kept}) == len(tables.CHAINED) + 1 + 3 + 3
    assert all(check.fault is None for check in verify(engine, kept))


def test_many_writers_make_one_chain(url, open_ledger, make_advice, answer):
    """Advice and feedback from eight threads and two engines."""
    ledgers = [open_ledger(url)[0] for _ in range(2)]

    def work(number):
        """One advice and its answer."""
        advice = make_advice()
        ledgers[number % 2].append(advice)
        ledgers[(number + 1) % 2].record([answer(advice)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    checks = checked(open_ledger(url)[1])
    assert (checks["advice"].rows, checks["feedback"].rows) == (40, 40)
    assert all(check.fault is None for check in checks.values())


STATEMENTS = {
    "UPDATE advice SET probability = 0.2 WHERE sequence = 2": ("advice", 2, Fault.CHANGED),
    "UPDATE advice SET withheld = 'shadow' WHERE sequence = 5": ("advice", 5, Fault.CHANGED),
    "UPDATE advice SET encounter = NULL WHERE sequence = 1": ("advice", 1, Fault.CHANGED),
    "UPDATE feedback SET outcome = 'accepted' WHERE sequence = 3": ("feedback", 3, Fault.CHANGED),
    "UPDATE feedback SET digest = chain WHERE sequence = 3": ("feedback", 3, Fault.CHANGED),
    "UPDATE feedback SET chain = digest WHERE sequence = 3": ("feedback", 3, Fault.BROKEN),
    "UPDATE audit SET status = 200 WHERE sequence = 4": ("audit", 4, Fault.CHANGED),
    "UPDATE audit SET time = (SELECT min(received) FROM feedback), detail = '' WHERE sequence = 4": (
        "audit",
        4,
        Fault.CHANGED,
    ),
    "UPDATE vocabulary SET content = (SELECT max(finding) FROM advice)": ("vocabulary", 1, Fault.CHANGED),
    "UPDATE switch SET sequence = 99 WHERE sequence = 6": ("switch", 99, Fault.CHANGED),
    "DELETE FROM audit WHERE sequence = 1": ("audit", 2, Fault.BROKEN),
    "DELETE FROM audit WHERE sequence BETWEEN 3 AND 5": ("audit", 6, Fault.BROKEN),
    "DELETE FROM audit WHERE sequence > 10": ("audit", 11, Fault.CUT),
    "DELETE FROM audit": ("audit", 1, Fault.CUT),
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_change_is_found_where_it_was_made(full_ledger, statement):
    """The first bad sequence and what is wrong with it; other tables stay sound."""
    kept = heads(full_ledger)
    with full_ledger.begin() as connection:
        lift(connection)
        connection.execute(text(statement))
    checks = checked(full_ledger, kept)
    table, sequence, fault = STATEMENTS[statement]
    assert (checks[table].first_bad, checks[table].fault) == (sequence, fault)
    assert [name for name, check in checks.items() if check.fault] == [table]


def test_value_that_is_never_stored_is_found(full_ledger, kind):
    """A number that is none, which SQLite does not know."""
    value = "'NaN'" if kind == "postgresql" else "'none'"
    with full_ledger.begin() as connection:
        lift(connection)
        connection.execute(text(f"UPDATE advice SET probability = {value} WHERE sequence = 4"))
    assert (checked(full_ledger)["advice"].first_bad, checked(full_ledger)["advice"].fault) == (4, Fault.CHANGED)


def test_cut_tail_and_old_copy_show_against_kept_heads_only(full_ledger, ledger, make_advice):
    """The chain of what is left is sound in itself."""
    old = heads(full_ledger)
    ledger.append(make_advice())
    kept = heads(full_ledger)
    with full_ledger.begin() as connection:
        lift(connection)
        connection.execute(text("DELETE FROM advice WHERE sequence = 7"))
    assert checked(full_ledger)["advice"].fault is None
    assert checked(full_ledger, old)["advice"].fault is None
    cut = checked(full_ledger, kept)["advice"]
    assert (cut.fault, cut.first_bad, cut.rows) == (Fault.CUT, 7, 6)


def rewrite(engine, table, after):
    """Work out every digest and link anew, as somebody can who knows how."""
    with engine.begin() as connection:
        lift(connection)
        last = chain.genesis(table)
        for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY sequence").mappings().all():
            content = dict(row) | (after if row["sequence"] == 3 else {})
            digest = chain.digest(content)
            last = chain.Link(row["sequence"], chain.linked(last.chain, digest))
            new = {"digest": digest, "chain": last.chain, **after, "sequence": last.sequence}
            changes = after if row["sequence"] == 3 else {}
            sets = ", ".join(f"{name} = :{name}" for name in ("digest", "chain", *changes))
            connection.execute(text(f"UPDATE {table} SET {sets} WHERE sequence = :sequence"), new)


def test_chain_that_was_written_anew_shows_against_a_kept_head(full_ledger):
    """Otherwise it is as sound as the first one."""
    kept = heads(full_ledger)
    rewrite(full_ledger, "feedback", {"outcome": "accepted"})
    assert checked(full_ledger)["feedback"].fault is None
    found = checked(full_ledger, kept)["feedback"]
    assert (found.fault, found.first_bad) == (Fault.REWRITTEN, 12)


def test_head_of_another_ledger_does_not_fit(full_ledger):
    """Each kept head names its table and its row; a table that is not there is passed over."""
    other = Head("advice", 3, "ab" * 32)
    assert checked(full_ledger, [other, Head("elsewhere", 1, "cd" * 32)])["advice"].first_bad == 3


def test_hundred_thousand_rows_are_checked_in_seconds(engine, ledger, make_advice):
    """At most 50 microseconds a row, measured on a thousand of the usual size."""
    with engine.begin() as connection:
        last = chain.last_link(connection, tables.audit)
        rows = []
        for number in range(1000):
            content = {"time": NOON, "kind": "switch", "client": "c", "service": "s", "hook": "", "status": number}
            rows.append(chain.row_behind(tables.audit, last, content | {"incident": "", "detail": "d" * 200}))
            last = chain.Link(rows[-1]["sequence"], rows[-1]["chain"])
        connection.execute(chain.INSERT["audit"], rows)
    started = time.process_time()
    assert checked(engine)["audit"].rows == 1000
    assert time.process_time() - started < 0.5


def test_what_cannot_be_written_down_is_refused():
    """NaN, a naive time, an unknown type."""
    content = {"time": NOON, "kind": "k", "client": "", "service": "", "hook": "", "status": 0, "incident": ""}
    naive = datetime(2026, 3, 2)  # noqa: DTZ001 (that is the fault)
    for bad in ({"detail": 1}, {"status": float("nan")}, {"time": naive}, {"status": {1}}):
        with pytest.raises(LedgerUnavailable):
            chain.row_behind(tables.audit, chain.genesis("audit"), content | {"detail": ""} | bad)


@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.binary(),
    ),
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.binary(),
    ),
)
def test_two_contents_have_two_digests(one, other):
    """Types and the borders of columns are part of the content; a column without a value is not."""

    def as_said(content):
        """With types, without nothing; minus zero is another number to JSON."""
        return {name: (type(value), repr(value)) for name, value in content.items() if value is not None}

    assert (chain.digest(one) == chain.digest(other)) == (as_said(one) == as_said(other))
