"""Statements that may be corrected later: how a stream of them is stored, each once, in the order in which it came.

A statement has a subject (who, and what is said about it) and says something of it. The latest on a subject counts, so
one that says what is known already is not stored again, and one that says something else is. The source is part of what
makes a statement the same: a file that is loaded again brings nothing back that was corrected since, and a new delivery
that returns to what was said first is heard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, select

from clinical.ports import Clock
from oversight import chain
from oversight.database import writing
from oversight.follow_up.keys import content_key

# Statements of one transaction: many at once are quicker, and the hooks' writers wait behind it.
BATCH = 1_000
Content = Mapping[str, Any]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of statements: `stored` are new, `repeated` were known, `unknown` name advice that is not there."""

    stored: int
    repeated: int
    unknown: int = 0

    def __add__(self, other: Loaded) -> Loaded:
        """Both together."""
        return Loaded(self.stored + other.stored, self.repeated + other.repeated, self.unknown + other.unknown)


@dataclass(frozen=True, slots=True)
class Kind:
    """A table of statements: the columns that name the subject, and those that say something about it."""

    table: Table
    subject: tuple[str, ...]
    said: tuple[str, ...]


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Lists of `BATCH` items, the last with what is left."""
    stream = iter(items)
    while batch := list(islice(stream, BATCH)):
        yield batch


def load(engine: Engine, kind: Kind, contents: Iterable[Content], source: str, clock: Clock) -> Loaded:
    """Store statements, a transaction for each batch. Contents name subject, said and `key_id`.

    Raises `LedgerUnavailable`; what was stored until then stays, and loading again adds the rest.
    """
    heard, total = _Heard(Counter(), {}), Loaded(0, 0)
    for batch in batches(contents):
        with writing(engine, one_at_a_time=True) as connection:
            total += _store(connection, kind, batch, source, clock.now(), heard)
    return total


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one load has said: how often each statement came anew, and what it said last of each subject, as digests."""

    times: Counter[bytes]
    last: dict[bytes, bytes]

    def key(self, table: str, subject: tuple[Any, ...], said: tuple[Any, ...], source: str) -> str:
        """The content key of a statement; empty if this load said just that last. To and fro is kept."""
        who, same = (bytes.fromhex(content_key(table, *subject, *rest)) for rest in ((), (*said, source)))
        if self.last.get(who) == same:
            return ""
        self.last[who] = same
        self.times[same] += 1
        return content_key(table, same.hex(), self.times[same])


def _store(
    connection: Connection, kind: Kind, batch: Sequence[Content], source: str, now: datetime, heard: _Heard
) -> Loaded:
    """One batch."""
    latest = _latest(connection, kind, {content["patient"] for content in batch})
    rows = []
    for content in batch:
        row = chain.as_stored(kind.table, {**content, "source": source, "time": now, "content_key": ""})
        subject, said = _values(row, kind.subject), _values(row, kind.said)
        row["content_key"] = heard.key(kind.table.name, subject, said, row["source"])
        if row["content_key"] and latest.get(subject) != said:
            rows.append(row)
            latest[subject] = said
    # What this source said before is repeated, although something else was said since.
    known = known_keys(connection, kind.table, [row["content_key"] for row in rows])
    new = [row for row in rows if row["content_key"] not in known]
    append_all(connection, kind.table, new)
    return Loaded(len(new), len(batch) - len(new))


def _latest(connection: Connection, kind: Kind, patients: set[str]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """What was said last about each subject of some patients."""
    columns = [kind.table.c[name] for name in (*kind.subject, *kind.said)]
    query = select(*columns).where(kind.table.c.patient.in_(sorted(patients))).order_by(kind.table.c.sequence)
    size = len(kind.subject)
    return {tuple(row[:size]): tuple(row[size:]) for row in connection.execute(query)}


def _values(row: Content, names: Sequence[str]) -> tuple[Any, ...]:
    """Some columns of a row."""
    return tuple(row[name] for name in names)


def known_keys(connection: Connection, table: Table, keys: Sequence[str]) -> set[str]:
    """Those of some content keys that are stored."""
    return set(connection.scalars(select(table.c.content_key).where(table.c.content_key.in_(keys)))) if keys else set()


def append_all(connection: Connection, table: Table, contents: Sequence[Content]) -> None:
    """Add rows to the chain of a table, in a transaction that keeps other writers out."""
    last, rows = chain.last_link(connection, table), []
    for content in contents:
        row = chain.row_behind(table, last, content)
        last = chain.Link(row["sequence"], row["chain"])
        rows.append(row)
    if rows:
        connection.execute(chain.INSERT[table.name], rows)
