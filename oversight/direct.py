"""Statements for the way that every call takes: compiled once for each kind of database, run on the driver itself.

SQLAlchemy takes several times as long to hand a statement over as the database to run it. Text, order and types of the
values still come from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Double, Insert, Select

from oversight.column_types import Words
from oversight.database import Transaction


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The text for one kind of database, and what becomes of the values: `order` is None where they go by name."""

    text: str
    known: Mapping[str, object]
    order: tuple[str, ...] | None
    changes: tuple[tuple[str, Callable[[Any], object]], ...]


class Direct:
    """One statement. Run it in a transaction of `oversight.database`, which knows the driver's errors."""

    def __init__(self, statement: Select[Any] | Insert, columns: Collection[str] | None = None) -> None:
        """`columns` are those that an INSERT fills."""
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def run(self, transaction: Transaction, values: Mapping[str, Any]) -> Any:
        """Run it in this transaction. Texts and numbers are as `chain.as_stored` leaves them.

        Returns the driver's cursor; rows come as the driver has them. Raises the driver's errors.
        """
        its = self._compiled.get(transaction.dialect.name) or self._compile(transaction.dialect)
        every = {**its.known, **values}
        for name, change in its.changes:
            every[name] = change(every[name])
        given = every if its.order is None else tuple(map(every.__getitem__, its.order))
        return transaction.driver.execute(its.text, given)

    def first(self, transaction: Transaction, values: Mapping[str, Any]) -> Any:
        """The first row, or None; the cursor is closed.

        On a connection that stays open (`kept_connections`), one that is read by half would show whoever comes next
        the database of this moment.
        """
        with closing(self.run(transaction, values)) as cursor:
            return cursor.fetchone()

    def _compile(self, dialect: Dialect) -> _Compiled:
        """Compile it for this kind of database. Two threads that do it at once do no harm."""
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._columns)
        types = {name: compiled.binds[name].type for name in compiled.params}
        changes = {
            name: its.dialect_impl(dialect).bind_processor(dialect)
            for name, its in types.items()
            if not isinstance(its, Words | Double)
        }
        order = tuple(compiled.positiontup) if dialect.positional else None
        needed = tuple((name, change) for name, change in changes.items() if change is not None)
        its = self._compiled[dialect.name] = _Compiled(compiled.string, compiled.params, order, needed)
        return its
