"""What came of the advice: outcomes, groups, actions, monitors and their alerts, events of incidents, reviews.

Append-only and chained as the other tables are. No entry is touched.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_REFUSAL = "the ledger is append-only"
_UNCHAINED = "length(NEW.digest) <> 64 OR length(NEW.chain) <> 64"


def upgrade() -> None:
    """Make the tables and their triggers."""
    _table("outcome", _text("client"), _pseudonym("patient"), _maybe("encounter"), _text("name"), _flag("occurred"),
           _moment_or_none("at"), _text("source"), _key())  # fmt: skip
    _table(
        "patient_group", _text("client"), _pseudonym("patient"), *map(_text, ("attribute", "value", "source")), _key()
    )
    _table("action_seen", _text("client"), _of("advice"), _text("kind"), _moment_or_none("at"), _text("source"))
    _table("monitor_run", *map(_text, ("monitor", "client", "service", "model_version")), _day("first"), _day("last"),
           *map(_text, ("status", "result")), _count("up_to"))  # fmt: skip
    _table("alert", _of("monitor_run"), *map(_text, ("monitor", "service", "subject", "level", "words")))
    _table("alert_event", _of("alert"), *map(_text, ("kind", "words", "by_whom", "role")))
    _table("incident_event", _of("incident"), *map(_text, ("kind", "fields", "by_whom", "role")))
    chance: sa.Column[float] = sa.Column("sampling_probability", sa.Double(), nullable=False)
    _table("review_item", _text("plan"), _of("advice"), _text("stratum"), chance)
    _table("review", _of("review_item"), _pseudonym("reviewer"), *map(_text, ("verdict", "words")))
    for table, column in _INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column])


_INDEXED = (
    ("outcome", "patient"),
    ("patient_group", "patient"),
    ("action_seen", "advice_sequence"),
    ("monitor_run", "monitor"),
    ("alert", "monitor_run_sequence"),
    ("alert_event", "alert_sequence"),
    ("incident_event", "incident_sequence"),
    ("review_item", "plan"),
    ("review_item", "advice_sequence"),
    ("review", "review_item_sequence"),
)


def _table(name: str, *columns: sa.Column[Any]) -> None:
    """One table with its guards."""
    keys = [column.name for column in columns if column.name.endswith("_sequence")]
    op.create_table(
        name,
        sa.Column("sequence", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("content_key", sa.String(64), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        *columns,
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
        sa.Column("chain", sa.String(64), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("sequence", name=f"pk_{name}"),
        sa.UniqueConstraint("content_key", name=f"uq_{name}_content_key"),
        *(
            sa.ForeignKeyConstraint([key], [f"{key.removesuffix('_sequence')}.sequence"], name=f"fk_{name}_{key}")
            for key in keys
        ),
        sqlite_autoincrement=True,
    )
    (_guard_sqlite if op.get_context().dialect.name == "sqlite" else _guard_postgresql)(name)


def _text(name: str) -> sa.Column[str]:
    """A column of text."""
    return sa.Column(name, sa.Text(), nullable=False)


def _pseudonym(name: str) -> sa.Column[str]:
    """Who somebody is, keyed."""
    return sa.Column(name, sa.String(64), nullable=False)


def _maybe(name: str) -> sa.Column[str]:
    """A pseudonym that may be missing."""
    return sa.Column(name, sa.String(64))


def _flag(name: str) -> sa.Column[bool]:
    """Yes or no."""
    return sa.Column(name, sa.Boolean(), nullable=False)


def _moment_or_none(name: str) -> sa.Column[Any]:
    """A moment that may be unknown."""
    return sa.Column(name, sa.DateTime(timezone=True))


def _day(name: str) -> sa.Column[Any]:
    """A day."""
    return sa.Column(name, sa.Date(), nullable=False)


def _count(name: str) -> sa.Column[int]:
    """A whole number."""
    return sa.Column(name, _NUMBER, nullable=False)


def _of(table: str) -> sa.Column[int]:
    """The row of another table."""
    return sa.Column(f"{table}_sequence", _NUMBER, nullable=False)


def _key() -> sa.Column[str]:
    """Which pseudonym key was in use."""
    return sa.Column("key_id", sa.String(16), nullable=False)


def _guard_sqlite(name: str) -> None:
    """Refuse UPDATE, DELETE, INSERT in place of a row, and rows that are not in the chain."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for verb in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER {name}_no_{verb.lower()} BEFORE {verb} ON {name} {refuse}")
    op.execute(
        f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} "  # noqa: S608 (the names are those above)
        f"WHEN EXISTS (SELECT 1 FROM {name} WHERE content_key = NEW.content_key OR sequence = NEW.sequence) {refuse}"
    )
    op.execute(f"CREATE TRIGGER {name}_in_chain BEFORE INSERT ON {name} WHEN {_UNCHAINED} {refuse}")


def _guard_postgresql(name: str) -> None:
    """Refuse UPDATE, DELETE, TRUNCATE, and rows that are not in the chain."""
    op.execute(
        f"CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
    )
    op.execute(
        f"CREATE TRIGGER {name}_in_chain BEFORE INSERT ON {name} FOR EACH ROW "
        f"WHEN ({_UNCHAINED}) EXECUTE FUNCTION ledger_is_append_only()"
    )
