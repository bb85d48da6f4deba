"""Counts of groups by what became of their cards, in which small counts cannot be read or worked out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oversight.proportions import Proportion, proportion
from oversight.statistics.suppression import SMALLEST_SHOWN, Flags, Integers, Line, mark, protect

# Answers that cards fall into, and what they add up to.
ANSWERS = ("accepted", "overridden", "snoozed", "no_answer")
CARDS: Mapping[str, tuple[str, ...]] = {"cards": ANSWERS, "answered": ("accepted", "overridden")}


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Counts by row and name, shape (rows + 1, names): the last row is the sum of the others.

    `word` stands in the place of hidden ones.
    """

    names: tuple[str, ...]
    counts: Integers
    hidden: Flags
    word: str

    def count(self, row: int, name: str) -> int | None:
        """A count (row -1: of all), or None where it is hidden."""
        place = self.names.index(name)
        return None if self.hidden[row, place] else int(self.counts[row, place])

    def told(self, row: int, name: str) -> int | str:
        """A count, or the word for a hidden one."""
        found = self.count(row, name)
        return self.word if found is None else found

    def share(self, row: int, part: str, whole: str) -> Proportion | str | None:
        """A share: None of nothing, the word where one of its counts is hidden."""
        numerator, denominator = self.count(row, part), self.count(row, whole)
        return self.word if numerator is None or denominator is None else proportion(numerator, denominator)


def grid(
    rows: Sequence[Mapping[str, int]], sums: Mapping[str, tuple[str, ...]], also: Sequence[Collection[str]] = ()
) -> Grid:
    """Hide what is small and what would give it away, knowing every row, the sum of all rows, and `sums`.

    `rows` have a count for each name; `sums` say which names add up to which. `also` are names of each row to hide as
    small ones are, for another reason.
    """
    names = (
        tuple(rows[0]) if rows else tuple(dict.fromkeys([*sums, *(part for parts in sums.values() for part in parts)]))
    )
    table = np.array([[row[name] for name in names] for row in rows], dtype=np.int64).reshape(len(rows), len(names))
    counts = np.vstack([table, table.sum(axis=0, keepdims=True)])
    small = (counts > 0) & (counts < SMALLEST_SHOWN)
    for row, hide in enumerate(also):
        small[row] |= (counts[row] > 0) & np.isin(names, list(hide))
    flags = protect(counts.ravel(), small.ravel(), _lines(counts, names, sums))
    hidden = flags.reshape(counts.shape)
    return Grid(names, counts, hidden, mark(counts.astype(np.float64), hidden) if hidden.any() else "")


def grid_in_blocks(
    rows: Sequence[Mapping[str, int]],
    sums: Mapping[str, tuple[str, ...]],
    size: int,
    also: Sequence[Collection[str]] = (),
) -> Grid:
    """The same for many rows: so many at a time, as if the sum of each such block were known too.

    Hides a little more, and takes time in proportion to the rows. The sum of all rows is not told.
    """
    blocks = [grid(rows[first : first + size], sums, also[first : first + size]) for first in range(0, len(rows), size)]
    if not blocks:
        return grid(rows, sums)
    counts = np.vstack([block.counts[:-1] for block in blocks])
    hidden = np.vstack([block.hidden[:-1] for block in blocks])
    total = counts.sum(axis=0, keepdims=True)
    word = mark(counts.astype(np.float64), hidden) if hidden.any() else ""
    untold = np.ones_like(total, dtype=np.bool_)
    return Grid(blocks[0].names, np.vstack([counts, total]), np.vstack([hidden, untold]), word)


def _lines(counts: Integers, names: tuple[str, ...], sums: Mapping[str, tuple[str, ...]]) -> list[Line]:
    """Down each name, and within each row."""
    number, width = counts.shape
    places = np.arange(counts.size).reshape(number, width)
    lines = [Line(places[:-1, column], int(places[-1, column])) for column in range(width)]
    for row in range(number):
        for whole, parts in sums.items():
            where = np.array([places[row, names.index(part)] for part in parts])
            lines.append(Line(where, int(places[row, names.index(whole)])))
    return lines
