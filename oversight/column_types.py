"""What the ledger's columns hold: times in UTC, and text that every database takes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import DateTime, Dialect, Row, Text
from sqlalchemy.types import TypeDecorator

AnyRow: TypeAlias = Row[*tuple[Any, ...]]


class Moment(TypeDecorator[datetime]):
    """An aware time, to the microsecond, always in UTC. SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone, and turn the others into UTC."""
        return None if value is None else in_utc(value)

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
        return None if value is None else mended(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """The text."""
        return value


def in_utc(time: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for a time without a zone, OverflowError outside the calendar."""
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time if time.tzinfo is UTC else time.astimezone(UTC)


def mended(text: str) -> str:
    """The text as the database gives it back. An enumeration's member becomes its plain text."""
    if text.isascii() and "\0" not in text:
        return str(text)
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\0", "\N{REPLACEMENT CHARACTER}")
