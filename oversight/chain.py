"""Tamper evidence: every row carries the digest of its content and a link to all rows before it.

    digest = SHA-256(0x00 || canonical content)         chain = SHA-256(0x01 || chain of the row before || digest)

The two prefixes keep a content from passing for a link (as RFC 6962 section 2.1 does for leaves and nodes). One chain
for each table; before the first row stands SHA-256 of the table's name. Whoever changes, removes or moves a row has to
write every later link anew, and that shows against a head that was kept outside the database.

Canonical content is ASCII JSON, an object of the columns that are not null, keys sorted, no spaces: numbers as Python
writes them, times as `2026-03-02 12:00:00.123456` in UTC, days as `2026-03-02`, booleans as 0 and 1, bytes as
`{"sha256": "…"}`. This form never changes: rows of years hang on it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Double, Select, Table, insert, select

from clinical.errors import LedgerUnavailable
from oversight import tables
from oversight.column_types import Moment, Words, in_utc, mended

HASHES = frozenset({"digest", "chain"})
_NOT_STORED = "An entry holds something that the ledger cannot write down."


@dataclass(frozen=True, slots=True)
class Link:
    """Where a chain has got to: the last row (0 before the first), and 64 hex digits for all rows up to it."""

    sequence: int
    chain: str


def genesis(table: str) -> Link:
    """What stands before the first row of a table."""
    return Link(0, hashlib.sha256(b"chartside ledger " + table.encode("ascii")).hexdigest())


def digest(content: Mapping[str, object]) -> str:
    """SHA-256 of a row's content (64 hex digits); the two hashes in it are left out. Raises ValueError for NaN."""
    said = {
        name: int(value) if value.__class__ is bool else value
        for name, value in content.items()
        if value is not None and name not in HASHES
    }
    return hashlib.sha256(b"\0" + _ENCODER.encode(said).encode("ascii")).hexdigest()


def linked(previous: str, digest: str) -> str:
    """The link of a row with this digest, behind the row with the link `previous` (64 hex digits each)."""
    return hashlib.sha256(b"\1" + bytes.fromhex(previous) + bytes.fromhex(digest)).hexdigest()


def row_behind(table: Table, last: Link, content: Mapping[str, object]) -> dict[str, Any]:
    """The whole row for a content: as the database will give it back, with its sequence and both hashes.

    Raises `LedgerUnavailable` for what cannot be stored (a time without a zone, NaN).
    """
    return behind(last, as_stored(table, content))


def as_stored(table: Table, content: Mapping[str, object]) -> dict[str, Any]:
    """A content as the database will give it back. Raises `LedgerUnavailable` for what cannot be stored."""
    row: dict[str, Any] = {**content}
    try:
        for name, change in _AS_STORED[table.name]:
            if row[name] is not None:
                row[name] = change(row[name])
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise LedgerUnavailable(_NOT_STORED) from None
    return row


def behind(last: Link, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The row for what `as_stored` gave, with its sequence and both hashes. Raises `LedgerUnavailable` for NaN."""
    row = {**stored, "sequence": last.sequence + 1}
    try:
        its = row["digest"] = digest(row)
    except (TypeError, ValueError, OverflowError):
        raise LedgerUnavailable(_NOT_STORED) from None
    row["chain"] = linked(last.chain, its)
    return row


def last_link(connection: Connection, table: Table) -> Link:
    """Where the chain of a table has got to. Holds until this transaction ends, if it keeps other writers out."""
    row = connection.execute(_LAST[table.name]).first()
    return genesis(table.name) if row is None else Link(row[0], row[1])


def append(
    connection: Connection, table: Table, content: Mapping[str, object], last: Link | None = None
) -> dict[str, Any]:
    """Add one row, in a transaction that keeps other writers out. Content names every column but those of the chain.

    `last` saves looking for it. Raises what `row_behind` raises.
    """
    row = row_behind(table, last or last_link(connection, table), content)
    connection.execute(INSERT[table.name], row)
    return row


def _json(value: object) -> object:
    """What JSON does not know."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return {"sha256": hashlib.sha256(value).hexdigest()}
    raise TypeError("a type that the ledger does not store")


def _number(value: float) -> float:
    """SQLite keeps no sign of zero, and gives a float for whatever was put in."""
    return float(value) + 0.0


def _changes(table: Table) -> tuple[tuple[str, Callable[[Any], object]], ...]:
    """How values of some columns change on their way into the database and out again."""
    of_type: dict[type, Callable[[Any], object]] = {Words: mended, Moment: in_utc, Double: _number}
    return tuple((column.name, of_type[type(column.type)]) for column in table.c if type(column.type) in of_type)


def newest(table: Table) -> Select[Any]:
    """The statement for the last link of a table."""
    return select(table.c.sequence, table.c.chain).order_by(table.c.sequence.desc()).limit(1)


_ENCODER = json.JSONEncoder(allow_nan=False, sort_keys=True, separators=(",", ":"), default=_json)
_AS_STORED = {table.name: _changes(table) for table in tables.CHAINED}
# Built once: making a statement costs more than running it.
_LAST = {table.name: newest(table) for table in tables.CHAINED}
INSERT = {table.name: insert(table).inline() for table in tables.CHAINED}
