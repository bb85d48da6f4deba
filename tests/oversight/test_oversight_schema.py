"""Migrations make the schema that the code speaks, and the schema refuses to be tampered with."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from clinical.errors import LedgerUnavailable
from oversight import chain
from oversight.database import writing
from oversight.incidents import SqlIncidents
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade
from oversight.switches import SqlSwitches
from oversight.tables import CHAINED, metadata
from oversight.verify import verify


def structure(engine):
    """Columns, keys and indexes of all tables, as the database itself describes them."""
    eye = inspect(engine)
    return {
        name: (
            [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in eye.get_columns(name)],
            eye.get_pk_constraint(name),
            # SQLite does not tell the name of a foreign key that came with a new column.
            [key | {"name": None} for key in eye.get_foreign_keys(name)],
            sorted(eye.get_unique_constraints(name), key=str),
            sorted(map(plain_index, eye.get_indexes(name)), key=str),
            sorted(eye.get_check_constraints(name), key=str),
        )
        for name in metadata.tables
    }


def plain_index(index):
    """The condition of an index as a text that can be compared."""
    conditions = {name: str(value) for name, value in index.pop("dialect_options", {}).items()}
    return index | {"conditions": conditions}


def test_migrations_make_what_the_tables_say(engine, empty_url, open_ledger):
    """Alembic sees no difference, and a database made from the tables has the same structure."""
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    _, plain = open_ledger(empty_url)
    metadata.create_all(plain)
    assert structure(engine) == structure(plain)


def test_upgrade_twice_changes_nothing(engine, ledger, make_advice):
    """Every start may run it; entries stay."""
    advice = make_advice()
    ledger.append(advice)
    upgrade(engine)
    assert ledger.find(advice.id, client="st-mary", patient_id="p-4711")


def test_processes_that_start_together_upgrade_once(empty_url, open_ledger):
    """Four upgrades at once, each with an engine of its own, all succeed."""
    engines = [open_ledger(empty_url)[1] for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, engines))
    with engines[0].connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1


def test_database_of_a_newer_version_is_refused(engine):
    """An old program does not write into a schema that it does not know."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerUnavailable):
        upgrade(engine)


@pytest.mark.parametrize("table", ["advice", "feedback", "vocabulary", "audit", "switch", "incident"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET chain = digest", "DELETE FROM {}"])
def test_rows_cannot_be_changed_or_deleted(engine, ledger, make_advice, answer, report_on, clock, table, statement):
    """The database itself refuses, whoever asks."""
    card = make_advice()
    ledger.append(card)
    ledger.record([answer(card)])
    SqlSwitches(engine, clock).set("", "", off=True, by_whom="ann", reason="drill")
    SqlIncidents(engine, Pseudonyms(b"k" * 32)).open(report_on(card))
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement.format(table)))
    assert ledger.decision(card.id)


def test_postgresql_tables_cannot_be_emptied(postgres_url, open_ledger, make_advice):
    """TRUNCATE is no way around it."""
    ledger, engine = open_ledger(postgres_url)
    ledger.append(make_advice())
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("TRUNCATE " + ", ".join(table.name for table in CHAINED)))


def test_sqlite_rows_cannot_be_replaced(tmp_path, open_ledger, make_advice, answer):
    """INSERT OR REPLACE deletes without a trigger on a plain connection; here it does not get that far."""
    path = tmp_path / "ledger.db"
    ledger, engine = open_ledger(f"sqlite:///{path}")
    upgrade(engine)
    card = make_advice()
    ledger.append(card)
    ledger.record([answer(card)])
    plain = sqlite3.connect(path, isolation_level=None)
    plain.execute("CREATE TEMP TABLE fake AS SELECT * FROM advice")
    plain.execute("UPDATE fake SET service = 'other'")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        plain.execute("INSERT OR REPLACE INTO advice SELECT * FROM fake")
    plain.execute("CREATE TEMP TABLE lie AS SELECT * FROM feedback")
    plain.execute("UPDATE lie SET outcome = 'accepted'")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        plain.execute("INSERT OR REPLACE INTO feedback SELECT * FROM lie")
    plain.execute("UPDATE lie SET sequence = 99, content_key = 'new', chain = ''")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        plain.execute("INSERT INTO feedback SELECT * FROM lie")
    plain.close()
    assert ledger.find(card.id, client="st-mary", patient_id="p-4711").service == "icu-mortality"
    assert ledger.decision(card.id).outcome == "overridden"


def test_row_outside_the_chain_is_refused(engine, ledger, make_advice):
    """A program that does not know of chains cannot write beside them."""
    ledger.append(make_advice())
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO audit (sequence, time, kind, client, service, hook, status, incident, detail) "
                "VALUES (7, '2026-03-02 12:00:00', 'switch', '', '', '', 0, '', '')"
            )
        )


LATER = {
    "outcome": {"client": "ward", "patient": "p" * 64, "encounter": None, "name": "death", "occurred": True, "at": None,
                "source": "csv", "key_id": "k"},
    "patient_group": {"client": "ward", "patient": "p" * 64, "attribute": "sex", "value": "female", "source": "csv",
                      "key_id": "k"},
    "monitor_run": {"monitor": "drift", "client": "", "service": "s", "model_version": "1", "first": date(2026, 3, 2),
                    "last": date(2026, 3, 8), "status": "ok", "result": "{}", "up_to": 1},
    "alert": {"monitor_run_sequence": 1, "monitor": "drift", "service": "s", "subject": "lactate", "level": "alarm",
              "words": "w"},
    "alert_event": {"alert_sequence": 1, "kind": "acknowledged", "words": "", "by_whom": "ann", "role": "quality"},
}  # fmt: skip


@pytest.mark.parametrize("statement", ["UPDATE {} SET chain = digest", "DELETE FROM {}", "again"])
def test_what_came_of_it_cannot_be_changed_either(engine, clock, statement):
    """The tables of the fifth migration are guarded as those before; the same content stands once."""
    rows = {name: content | {"content_key": name * 3, "time": clock.now()} for name, content in LATER.items()}
    with writing(engine, one_at_a_time=True) as connection:
        for name, row in rows.items():
            chain.append(connection, metadata.tables[name], row)
    for name, row in rows.items():
        if statement == "again":
            with pytest.raises(LedgerUnavailable), writing(engine, one_at_a_time=True) as connection:
                chain.append(connection, metadata.tables[name], row)
        else:
            with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
                connection.execute(text(statement.format(name)))
    assert all(check.fault is None for check in verify(engine))
