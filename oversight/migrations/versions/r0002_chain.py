"""Chains of digests through all tables, retries, words kept apart, audit, switches, and tokens that were used.

Entries that are there get their place in the chain now: what was changed before cannot be seen any more.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from oversight import chain

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OLD = ("advice", "feedback")
_NEW = ("vocabulary", "audit", "switch")
_AT_ONCE = 500
_REFUSAL = "the ledger is append-only"


def upgrade() -> None:
    """Change the schema; the triggers are away only within this transaction."""
    on_sqlite = op.get_context().dialect.name == "sqlite"
    _lift_sqlite() if on_sqlite else _lift_postgresql()
    _make_tables()
    _add_columns()
    for table in _OLD:
        _fill(table)
    _make_indexes()
    _guard_sqlite() if on_sqlite else _guard_postgresql()


def _text(name: str) -> sa.Column[str]:
    """A column of text."""
    return sa.Column(name, sa.Text(), nullable=False)


def _hashes() -> tuple[sa.Column[str], sa.Column[str]]:
    """The two links of the chain."""
    return (
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
        sa.Column("chain", sa.String(64), nullable=False, server_default=""),
    )


def _make_chained(name: str, *columns: sa.Column[Any]) -> None:
    """A table of rows that hang on each other."""
    sequence = sa.Column("sequence", _NUMBER, autoincrement=True, nullable=False)
    key = sa.PrimaryKeyConstraint("sequence", name=f"pk_{name}")
    op.create_table(name, sequence, *columns, *_hashes(), key, sqlite_autoincrement=True)


def _make_tables() -> None:
    """The tables that are new."""
    key, content = sa.Column("model_key", sa.String(64), nullable=False), sa.LargeBinary()
    _make_chained("vocabulary", key, sa.Column("content", content, nullable=False))
    time = sa.Column("time", sa.DateTime(timezone=True), nullable=False)
    status = sa.Column("status", sa.Integer(), nullable=False)
    about = map(_text, ("kind", "client", "service", "hook"))
    _make_chained("audit", time, *about, status, *map(_text, ("incident", "detail")))
    time = sa.Column("time", sa.DateTime(timezone=True), nullable=False)
    off: sa.Column[bool] = sa.Column("off", sa.Boolean(), nullable=False)
    _make_chained("switch", time, *map(_text, ("client", "service")), off, *map(_text, ("by_whom", "reason")))
    op.create_table(
        "used_token",
        _text("client"),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("client", "token_hash", name="pk_used_token"),
        sqlite_with_rowid=False,
    )


def _add_columns() -> None:
    """What advice and feedback have more."""
    op.add_column("advice", sa.Column("request_key", sa.Text(), nullable=False, server_default=""))
    op.add_column("advice", sa.Column("tier_at_least", sa.Double()))
    number = _NUMBER.compile(dialect=op.get_context().dialect)
    # By hand, because SQLite takes a foreign key for a new column only together with it.
    op.execute(
        f"ALTER TABLE advice ADD COLUMN vocabulary {number} "
        "CONSTRAINT fk_advice_vocabulary REFERENCES vocabulary (sequence)"
    )
    for table in _OLD:
        for column in _hashes():
            op.add_column(table, column)


def _fill(name: str) -> None:
    """Give every entry its place in the chain, and advice the floor of its tier."""
    connection = op.get_bind()
    floor = "tier_at_least = :tier_at_least, " if name == "advice" else ""
    statement = sa.text(
        f"UPDATE {name} SET {floor}digest = :digest, chain = :chain WHERE sequence = :sequence"  # noqa: S608
    )
    last = chain.genesis(name)
    for rows in _batches(connection, name):
        changes = []
        for row in rows:
            content = dict(row) | ({"tier_at_least": _floor(row)} if floor else {})
            digest = chain.digest(content)
            last = chain.Link(row["sequence"], chain.linked(last.chain, digest))
            changes.append({**content, "digest": digest, "chain": last.chain})
        connection.execute(statement, changes)


def _batches(connection: sa.Connection, name: str) -> Iterator[Sequence[Mapping[str, Any]]]:
    """All rows in order, as the driver gives them; each batch is read before it is changed."""
    after = 0
    while True:
        query = f"SELECT * FROM {name} WHERE sequence > {after} ORDER BY sequence LIMIT {_AT_ONCE}"  # noqa: S608
        rows = [dict(row) for row in connection.exec_driver_sql(query).mappings()]
        if not rows:
            return
        yield rows
        after = rows[-1]["sequence"]


def _floor(row: Mapping[str, Any]) -> float | None:
    """The probability from which the tier of an entry applies, out of its finding."""
    try:
        tier = json.loads(zlib.decompress(row["finding"]))["finding"]["tier"]  # noqa: TID251 (our own text)
        return float(tier["at_least"]) + 0.0
    except (KeyError, TypeError, ValueError, zlib.error):  # an abstention, or not ours to judge here
        return None


def _make_indexes() -> None:
    """For repeats and for what was shown before."""
    op.create_index("ix_vocabulary_model_key", "vocabulary", ["model_key"])
    op.create_index("ix_advice_request_key_time", "advice", ["request_key", "time"])
    shown = sa.text("withheld IS NULL AND probability IS NOT NULL")
    for columns in (
        ["patient", "service", "clinician", "time"],
        ["clinician", "time"],
        ["encounter"],
    ):
        name = "_".join(["ix_advice", *columns])
        op.create_index(name, "advice", columns, sqlite_where=shown, postgresql_where=shown)


def _lift_sqlite() -> None:
    """Take the triggers of the first migration away."""
    for table in _OLD:
        for verb in ("update", "delete", "replace"):
            op.execute(f"DROP TRIGGER {table}_no_{verb}")


def _lift_postgresql() -> None:
    """The same, and no limit of time for the statements of this transaction."""
    for table in _OLD:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
        op.execute(f"SET LOCAL {limit} = 0")


def _guard_sqlite() -> None:
    """Refuse UPDATE, DELETE, INSERT in place of a row, and rows that are not in the chain."""
    for table, known in (("advice", "id = NEW.id"), ("feedback", "content_key = NEW.content_key")):
        _guard_sqlite_table(table, f"{known} OR ")
    for table in _NEW:
        _guard_sqlite_table(table, "")


def _guard_sqlite_table(table: str, known: str) -> None:
    """The triggers of one table."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for verb in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {refuse}")
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 (the names are those above)
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {known}sequence = NEW.sequence) {refuse}"
    )
    op.execute(f"CREATE TRIGGER {table}_in_chain BEFORE INSERT ON {table} WHEN {_UNCHAINED} {refuse}")


_UNCHAINED = "length(NEW.digest) <> 64 OR length(NEW.chain) <> 64"


def _guard_postgresql() -> None:
    """Refuse UPDATE, DELETE, TRUNCATE, and rows that are not in the chain."""
    for table in (*_OLD, *_NEW):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_in_chain BEFORE INSERT ON {table} FOR EACH ROW "
            f"WHEN ({_UNCHAINED}) EXECUTE FUNCTION ledger_is_append_only()"
        )
