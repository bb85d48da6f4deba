"""A ledger of many entries in the database itself: a made-up history, and each of its rows repeated there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, func, insert, literal, select, text

from bench.many_entries import CLINICIANS, LAST_DAY
from chartside.history.plan import SERVICES, Plan
from chartside.history.seed import Wishes, seed
from models.runtime.catalogue import read_manifests
from oversight.mart.columns import COPIED
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade

# Columns of a fixed width keep it: their last letters become the number of the copy.
_FIXED, _KEPT = 64, 58
_EACH_ITS_OWN = ("id", "suggestion_id", "content_key", "patient", "encounter")


def filled(engine: Engine, stays: int, entries: int, told: Callable[[str], object]) -> None:
    """Write ninety made-up days into an empty database, then repeat all rows to at least so many entries of advice."""
    upgrade(engine)
    shelf = read_manifests()
    wishes = Wishes(LAST_DAY, plan=Plan(stays=stays))
    seed(engine, Pseudonyms(b"k" * 32), {name: shelf[name].info for name in SERVICES}, wishes)
    with engine.begin() as connection:
        last = {one.name: connection.scalar(select(func.max(one.table.c.sequence))) or 0 for one in COPIED}
    told(f"a history of {last['advice']:,} entries")
    for turn in range(1, -(-entries // last["advice"])):
        with engine.begin() as connection:
            for one in COPIED:
                _copy(connection, one.table, turn, last)
        told(f"{(turn + 1) * last['advice']:,} entries")
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("ANALYZE"))


def _copy(connection: Connection, table: Table, turn: int, last: Mapping[str, int]) -> None:
    """One copy of the first rows: other numbers, other people. The chain's links are copied too, and so not true."""
    rows = select(*(_changed(column, turn, last) for column in table.columns)).where(
        table.c.sequence <= last[table.name]
    )
    connection.execute(insert(table).from_select(list(table.columns), rows.order_by(table.c.sequence)))


def _changed(column: Column[Any], turn: int, last: Mapping[str, int]) -> ColumnElement[Any]:
    """A column as it stands in a copy."""
    if column.name == "sequence":
        return column + turn * last[column.table.name]
    if column.name == "advice_sequence":
        return column + turn * last["advice"]
    if column.name in _EACH_ITS_OWN:
        return _marked(column, turn)
    if column.name == "clinician" and column.table.name == "advice":
        return _marked(column, turn % CLINICIANS)
    return column


def _marked(column: Column[Any], number: int) -> ColumnElement[Any]:
    """A text with a number at its end, no longer than its column."""
    short = func.substr(column, 1, _KEPT) if getattr(column.type, "length", None) == _FIXED else column
    return short + literal(f"{number:06d}")
