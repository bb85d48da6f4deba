"""The two tables of the ledger. Rows are added and never changed; order is by `sequence`, never by time.

The schema is made by the migrations; a test holds both to be equal.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """An aware time, to the microsecond, always in UTC. SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone, and turn the others into UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The time in UTC."""
        if value is None or value.tzinfo is not None:
            return None if value is None else value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text from outside. NUL and half surrogates, which no database takes, become U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Text that UTF-8 and PostgreSQL can hold."""
        if value is None:
            return None
        whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return whole.replace("\0", "\N{REPLACEMENT CHARACTER}")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """The text."""
        return value


def _sequence() -> Column[Any]:
    """A number that grows with every row. SQLite counts only in columns of type INTEGER."""
    return Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


advice = Table(
    "advice",
    metadata,
    _sequence(),
    Column("id", Words, nullable=False, unique=True),
    Column("suggestion_id", Words, nullable=False),
    Column("time", Moment, nullable=False),
    # The UTC day of `time`, so that counting by day is the same SQL on every database.
    Column("day", Date, nullable=False),
    Column("client", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("hook", Words, nullable=False),
    Column("hook_instance", Words, nullable=False),
    Column("patient", String(64), nullable=False),
    Column("encounter", String(64)),
    Column("clinician", String(64), nullable=False),
    Column("role", Words, nullable=False),
    Column("unit_name", Words, nullable=False),
    # Which pseudonym key was in use, so that a change of key can be seen.
    Column("key_id", String(16), nullable=False),
    Column("model_id", Words, nullable=False),
    Column("model_version", Words, nullable=False),
    Column("model_digest", Words, nullable=False),
    Column("base_rate", Double, nullable=False),
    Column("probability", Double),
    Column("tier", Words),
    Column("indicator", Words),
    Column("abstention", Words),
    Column("withheld", Words),
    Column("finding_format", Integer, nullable=False),
    Column("finding", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
Index(None, advice.c.day, advice.c.service)

feedback = Table(
    "feedback",
    metadata,
    _sequence(),
    # What makes the same feedback, sent twice, one row.
    Column("content_key", String(64), nullable=False, unique=True),
    # Empty where the card is not known; `advice_id` is what was sent and may be anything, so it has no index.
    Column("advice_sequence", BigInteger().with_variant(Integer, "sqlite"), ForeignKey("advice.sequence"), index=True),
    Column("advice_id", Words, nullable=False),
    Column("client", Words, nullable=False),
    Column("service", Words, nullable=False),
    Column("outcome", Words, nullable=False),
    Column("time", Moment, nullable=False),
    Column("received", Moment, nullable=False),
    Column("channel", Words, nullable=False),
    Column("reason_system", Words),
    Column("reason_code", Words),
    Column("reason_display", Words),
    Column("comment", Words, nullable=False),
    Column("accepted_suggestions", Text, nullable=False),
    Column("clinician", String(64), nullable=False),
    Column("role", Words, nullable=False),
    # Why this row is kept and never counted; empty for feedback that counts.
    Column("quarantine", Words),
    sqlite_autoincrement=True,
)
