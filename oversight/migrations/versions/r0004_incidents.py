"""Reports of problems with advice, append-only and chained as the other tables are; an index of cards put off.

No entry is touched.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLE = "incident"
_REFUSAL = "the ledger is append-only"
_UNCHAINED = "length(NEW.digest) <> 64 OR length(NEW.chain) <> 64"


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        _TABLE,
        sa.Column("sequence", _NUMBER, autoincrement=True, nullable=False),
        _text("id"),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        *map(_text, ("client", "service")),
        sa.Column("advice_sequence", _NUMBER),
        *map(_text, ("advice_id", "kind", "words")),
        sa.Column("clinician", sa.String(64), nullable=False),
        _text("role"),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
        sa.Column("chain", sa.String(64), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("sequence", name="pk_incident"),
        sa.UniqueConstraint("id", name="uq_incident_id"),
        sa.ForeignKeyConstraint(["advice_sequence"], ["advice.sequence"], name="fk_incident_advice_sequence"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_incident_advice_id", _TABLE, ["advice_id"])
    snoozed = sa.text("outcome = 'snoozed'")
    op.create_index(
        "ix_feedback_clinician_time",
        "feedback",
        ["clinician", "time"],
        sqlite_where=snoozed,
        postgresql_where=snoozed,
    )
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _text(name: str) -> sa.Column[str]:
    """A column of text."""
    return sa.Column(name, sa.Text(), nullable=False)


def _guard_sqlite() -> None:
    """Refuse UPDATE, DELETE, INSERT in place of a row, and rows that are not in the chain."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for verb in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER {_TABLE}_no_{verb.lower()} BEFORE {verb} ON {_TABLE} {refuse}")
    op.execute(
        f"CREATE TRIGGER {_TABLE}_no_replace BEFORE INSERT ON {_TABLE} "  # noqa: S608 (the names are those above)
        f"WHEN EXISTS (SELECT 1 FROM {_TABLE} WHERE id = NEW.id OR sequence = NEW.sequence) {refuse}"
    )
    op.execute(f"CREATE TRIGGER {_TABLE}_in_chain BEFORE INSERT ON {_TABLE} WHEN {_UNCHAINED} {refuse}")


def _guard_postgresql() -> None:
    """Refuse UPDATE, DELETE, TRUNCATE, and rows that are not in the chain."""
    op.execute(
        f"CREATE TRIGGER {_TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
    )
    op.execute(
        f"CREATE TRIGGER {_TABLE}_in_chain BEFORE INSERT ON {_TABLE} FOR EACH ROW "
        f"WHEN ({_UNCHAINED}) EXECUTE FUNCTION ledger_is_append_only()"
    )
