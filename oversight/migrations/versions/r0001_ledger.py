"""The ledger: advice and feedback, and the triggers that refuse to change either.

The triggers guard against mistakes in programs and at the prompt. They are no seal: the owner of the database can
drop them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = ("advice", "feedback")


def upgrade() -> None:
    """Make tables and triggers."""
    _make_advice()
    _make_feedback()
    if op.get_context().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """A column of text."""
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str) -> sa.Column[object]:
    """A column of times."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _make_advice() -> None:
    """The advice that was given."""
    op.create_table(
        "advice",
        sa.Column("sequence", _NUMBER, autoincrement=True, nullable=False),
        *map(_text, ("id", "suggestion_id")),
        _time("time"),
        sa.Column("day", sa.Date(), nullable=False),
        *map(_text, ("client", "service", "hook", "hook_instance")),
        sa.Column("patient", sa.String(64), nullable=False),
        sa.Column("encounter", sa.String(64)),
        sa.Column("clinician", sa.String(64), nullable=False),
        *map(_text, ("role", "unit_name")),
        sa.Column("key_id", sa.String(16), nullable=False),
        *map(_text, ("model_id", "model_version", "model_digest")),
        sa.Column("base_rate", sa.Double(), nullable=False),
        sa.Column("probability", sa.Double()),
        *(_text(name, nullable=True) for name in ("tier", "indicator", "abstention", "withheld")),
        sa.Column("finding_format", sa.Integer(), nullable=False),
        sa.Column("finding", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_advice"),
        sa.UniqueConstraint("id", name="uq_advice_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_advice_day_service", "advice", ["day", "service"])


def _make_feedback() -> None:
    """What clinicians did with it."""
    op.create_table(
        "feedback",
        sa.Column("sequence", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("content_key", sa.String(64), nullable=False),
        sa.Column("advice_sequence", _NUMBER),
        *map(_text, ("advice_id", "client", "service", "outcome")),
        _time("time"),
        _time("received"),
        _text("channel"),
        *(_text(name, nullable=True) for name in ("reason_system", "reason_code", "reason_display")),
        *map(_text, ("comment", "accepted_suggestions")),
        sa.Column("clinician", sa.String(64), nullable=False),
        _text("role"),
        _text("quarantine", nullable=True),
        sa.PrimaryKeyConstraint("sequence", name="pk_feedback"),
        sa.UniqueConstraint("content_key", name="uq_feedback_content_key"),
        sa.ForeignKeyConstraint(["advice_sequence"], ["advice.sequence"], name="fk_feedback_advice_sequence"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_feedback_advice_sequence", "feedback", ["advice_sequence"])


def _guard_sqlite() -> None:
    """Refuse UPDATE and DELETE, and INSERT OR REPLACE, which would delete without a trigger."""
    for table in _TABLES:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )
    _guard_sqlite_insert("advice", "id", "ABORT, 'the ledger is append-only'")
    # The same feedback again is no fault: it is known, and nothing happens.
    _guard_sqlite_insert("feedback", "content_key", "IGNORE")


def _guard_sqlite_insert(table: str, key: str, answer: str) -> None:
    """Let no insert take the place of a row."""
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 (the names are those above)
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key} OR sequence = NEW.sequence) "
        f"BEGIN SELECT RAISE({answer}); END"
    )


def _guard_postgresql() -> None:
    """Refuse UPDATE, DELETE and TRUNCATE."""
    op.execute(
        "CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
        )
