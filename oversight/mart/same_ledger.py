"""Is the ledger still the one that the mart was copied from? A ledger out of a backup lacks rows that the mart has.

Sequences then begin again where the backup ended, and rows with old numbers would be taken for copied. So each part
leaves a mark: its last sequence and the link of the ledger's chain there, which stands for all rows up to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Table, select

from clinical.errors import LedgerUnavailable
from oversight.mart.parts import NO_ROOM, Parts

MARKS = "marks.txt"
REMADE = "Remove its folder; it is made again."


def remember(connection: Connection, table: Table, parts: Parts, last: int) -> None:
    """Mark a part up to this sequence of a table. Before the part is there: a part without a mark proves nothing."""
    there = parts.lasts()
    kept = {number: link for number, link in _marks(parts).items() if number in there}
    lines = {**kept, last: _link(connection, table, last) or ""}
    half = parts.folder / f".{MARKS}"
    try:
        parts.folder.mkdir(parents=True, exist_ok=True)
        half.write_text("".join(f"{number} {link}\n" for number, link in sorted(lines.items())), encoding="ascii")
        half.replace(parts.folder / MARKS)
    except OSError as fault:
        raise LedgerUnavailable(NO_ROOM) from fault


@dataclass(frozen=True, slots=True)
class Held:
    """How far the parts of a table reach, the link that was there (None: not known), and whether a part has gone."""

    table: Table
    last: int
    link: str | None
    gone: bool


def held(table: Table, parts: Parts) -> Held:
    """Look at the parts. Raises `LedgerUnavailable` where their marks cannot be read."""
    last = parts.last()
    marks = _marks(parts)
    gone = not all(number > last or parts.covers(number) for number in marks) if last else False
    return Held(table, last, marks.get(last), gone)


def check(connection: Connection, found: Held) -> None:
    """Raises `LedgerUnavailable` where the table is not the one the parts are of, or a part has gone.

    The parts must have been looked at before the ledger: another process may copy what comes meanwhile. A mart without
    marks (made before there were any) is only held against how far the table reaches.
    """
    if not found.last:
        return
    link = _link(connection, found.table, found.last)
    if link is None or found.link not in (None, link):
        raise LedgerUnavailable(f"The ledger is not the one that the mart was made from (a backup?). {REMADE}")
    if found.gone:
        raise LedgerUnavailable(f"A part of the mart is missing. {REMADE}")


def _marks(parts: Parts) -> Mapping[int, str]:
    """The link at the end of each part. Raises `LedgerUnavailable` where they cannot be read."""
    file = parts.folder / MARKS
    if not file.is_file():
        return {}
    try:
        lines = [line.split(" ") for line in file.read_text(encoding="ascii").splitlines()]
        return {int(number): link for number, link in lines}
    except ValueError:
        raise LedgerUnavailable(f"The marks of the mart cannot be read. {REMADE}") from None


def _link(connection: Connection, table: Table, sequence: int) -> str | None:
    """The link of the chain at a row, None where there is no such row."""
    found = connection.scalar(select(table.c.chain).where(table.c.sequence == sequence))
    return None if found is None else str(found)
