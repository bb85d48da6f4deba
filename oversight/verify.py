"""Whether the ledger is still what was written: every digest and link is worked out anew.

A row that was changed, removed, added or moved breaks its chain. Rows cut off at the end, an old copy put in place, or
a chain written anew from some row on show only against heads that were kept outside the database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Table

from oversight import chain, tables
from oversight.database import reading

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one table's chain: the last sequence (0 of an empty table) and its link. Keep it elsewhere."""

    table: str
    sequence: int
    chain: str


class Fault(StrEnum):
    """What is wrong with a row."""

    CHANGED = "changed"  # its content is not what its digest says
    BROKEN = "broken"  # it does not hang on the row before: rows were removed, added or moved
    REWRITTEN = "rewritten"  # its chain holds, but it is not the chain of a head that was kept
    CUT = "cut"  # it is missing: a head that was kept knows it


@dataclass(frozen=True, slots=True)
class TableCheck:
    """What the check of one table found: `rows` in it, its `head`, and the first bad sequence with what is wrong."""

    table: str
    rows: int
    head: Head
    first_bad: int | None = None
    fault: Fault | None = None


def heads(engine: Engine) -> tuple[Head, ...]:
    """The heads of all chains. Raises `LedgerUnavailable`."""
    with reading(engine) as connection:
        links = [(table.name, chain.last_link(connection, table)) for table in tables.CHAINED]
    return tuple(Head(name, link.sequence, link.chain) for name, link in links)


def verify(engine: Engine, kept: Iterable[Head] = ()) -> tuple[TableCheck, ...]:
    """Check all chains, and that `kept` heads are still part of them. Raises `LedgerUnavailable` if it cannot read."""
    known: dict[str, dict[int, str]] = {table.name: {} for table in tables.CHAINED}
    for head in kept:
        known.setdefault(head.table, {})[head.sequence] = head.chain
    with reading(engine) as connection, _any_text(connection):
        return tuple(_check(connection, table, known[table.name]) for table in tables.CHAINED)


def _check(connection: Connection, table: Table, known: Mapping[int, str]) -> TableCheck:
    """Go through one table. After the first fault only the rows are counted."""
    last, rows = chain.genesis(table.name), 0
    bad = _not_the_kept(last, known)
    for row in _rows(connection, table):
        rows += 1
        if bad is None:
            fault = _fault(row, last)
            last = chain.Link(row["sequence"], row["chain"])
            bad = (last.sequence, fault) if fault else _not_the_kept(last, known)
        else:
            last = chain.Link(row["sequence"], row["chain"])
    if bad is None:
        bad = _missing(last, known)
    head = Head(table.name, last.sequence, last.chain)
    return TableCheck(table.name, rows, head, *(bad or (None, None)))


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """All rows, as the driver gives them: a conversion could make two values one."""
    streaming = connection.execution_options(stream_results=True, yield_per=_AT_ONCE)
    result = streaming.exec_driver_sql(f"SELECT * FROM {table.name} ORDER BY sequence")  # noqa: S608 (our own name)
    names = tuple(result.keys())
    for row in result:
        yield dict(zip(names, row, strict=True))


def _fault(row: Mapping[str, Any], last: chain.Link) -> Fault | None:
    """What is wrong with a row behind a good one."""
    try:
        if chain.digest(row) != row["digest"]:
            return Fault.CHANGED
    except (TypeError, ValueError):  # not even of a type that is stored
        return Fault.CHANGED
    return None if chain.linked(last.chain, row["digest"]) == row["chain"] else Fault.BROKEN


def _not_the_kept(link: chain.Link, known: Mapping[int, str]) -> tuple[int, Fault] | None:
    """Whether a kept head says otherwise about this row."""
    kept = known.get(link.sequence, link.chain)
    return None if kept == link.chain else (link.sequence, Fault.REWRITTEN)


def _missing(last: chain.Link, known: Mapping[int, str]) -> tuple[int, Fault] | None:
    """Whether a kept head speaks of rows behind the last. (A row that is missing before it has broken the chain.)"""
    return (last.sequence + 1, Fault.CUT) if max(known, default=0) > last.sequence else None


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    """Let SQLite give text that is no UTF-8 any more: it is a changed row, and no fault of the reader."""
    driver: Any = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    driver.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = str
