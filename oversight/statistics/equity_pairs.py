"""Every attribute and every two of them as cells of one table: what is published together is protected together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.statistics.equity_groups import Attribute, Cells, Floats, Group, Integers, cells
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import Line

MOST_LINKED = 400


@dataclass(frozen=True, slots=True, eq=False)
class PairCells:
    """Everybody, each attribute's groups, and the intersections of `pairs` of attributes, by their places.

    `tables` are those that rows are counted into, one for each pair and for each attribute without one; the cells of
    all of them follow one another in `every`, and `first` are those that say something new. `uncrossed` says why other
    attributes are not crossed.
    """

    groups: tuple[Group, ...]
    subsets: tuple[tuple[int, ...], ...]
    lines: tuple[Line, ...]
    pairs: tuple[tuple[int, int], ...]
    tables: tuple[Cells, ...]
    first: Integers
    uncrossed: tuple[str, ...]

    def count(self, weights: npt.NDArray[np.generic] | None = None) -> Floats:
        """The rows of each cell, or the sum of their weights, shape (cells,)."""
        return np.concatenate([table.count(weights) for table in self.tables])[self.first]

    def count_kinds(self, kind: npt.NDArray[np.integer[Any]], kinds: int) -> Floats:
        """The rows of each kind, shape (kinds, cells)."""
        return np.concatenate([table.count_kinds(kind, kinds) for table in self.tables], axis=1)[:, self.first]


def pair_cells(attributes: Sequence[Attribute]) -> PairCells | Refused:
    """All attributes, crossed two by two as long as there are at most `MOST_LINKED` cells, in the order given.

    The single attributes are the margins of their intersections, and an attribute is a margin of several: so all of
    them are one table, in which a cell that one intersection hides is hidden in every other and by itself.

    Two attributes of which one says, of some groups, what the other says (ages in bands of five and of ten years) are
    crossed with each other only, and the coarser one with no third: its counts in a third one's groups would be sums
    of the finer one's, which no line of this table knows.
    Raises ValueError for no attribute or for unequal lengths.
    """
    if not attributes or len({len(each.codes) for each in attributes}) != 1:
        raise ValueError("at least one attribute, and all for the same rows")
    if not len(attributes[0].codes):
        return Refused("no rows")
    pairs, uncrossed = _crossed(attributes)
    alone = [(place,) for place in range(len(attributes)) if not any(place in pair for pair in pairs)]
    kept = [*pairs, *alone]
    tables = [cells([attributes[place] for place in places]) for places in kept]
    return _linked(kept, [each for each in tables if isinstance(each, Cells)], pairs, uncrossed)


def _linked(
    kept: Sequence[tuple[int, ...]],
    tables: Sequence[Cells],
    pairs: Sequence[tuple[int, int]],
    uncrossed: Sequence[str],
) -> PairCells:
    """One table out of several: a group that stands in more than one of them is one cell."""
    places: dict[Group, int] = {}
    first: list[int] = []
    subsets: list[tuple[int, ...]] = []
    lines: dict[tuple[int, bytes], Line] = {}
    begun = 0
    for attributes, table in zip(kept, tables, strict=True):
        for index, group in enumerate(table.groups):
            if group not in places:
                places[group] = len(places)
                first.append(begun + index)
                subsets.append(tuple(attributes[each] for each in table.subsets[index]))
        own = np.array([places[group] for group in table.groups], dtype=np.int64)
        for line in table.lines:
            moved = Line(own[line.parts], int(own[line.total]))
            lines[moved.total, moved.parts.tobytes()] = moved
        begun += len(table.groups)
    found = (tuple(places), tuple(subsets), tuple(lines.values()), tuple(pairs), tuple(tables))
    return PairCells(*found, np.array(first, dtype=np.int64), tuple(uncrossed))


def _crossed(attributes: Sequence[Attribute]) -> tuple[list[tuple[int, int]], list[str]]:
    """Which attributes to cross, and why others are not."""
    every = list(combinations(range(len(attributes)), 2))
    kin = [pair for pair in every if _parted(attributes[pair[0]], attributes[pair[1]])]
    coarse: dict[int, int] = {}
    for one, other in kin:
        if one not in coarse and other not in coarse:
            less, more = sorted((one, other), key=lambda each: len(attributes[each].labels))
            coarse[less] = more
    wanted = [
        (one, other)
        for one, other in every
        if coarse.get(one) == other or coarse.get(other) == one or (one not in coarse and other not in coarse)
    ]
    pairs = list(_fitting(attributes, wanted))
    uncrossed = [
        f"{attributes[less].name} is crossed with no third attribute: {attributes[more].name} tells part of it"
        for less, more in coarse.items()
    ]
    if len(pairs) < len(wanted):
        uncrossed.append(f"not all attributes are crossed: more than {MOST_LINKED} groups")
    return pairs, uncrossed


def _fitting(attributes: Sequence[Attribute], pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """As many pairs as there is room for beside the single groups."""
    room = MOST_LINKED - 1 - sum(len(each.labels) for each in attributes)
    for one, other in pairs:
        size = len(attributes[one].labels) * len(attributes[other].labels)
        if size <= room:
            room -= size
            yield one, other


def _parted(one: Attribute, other: Attribute) -> bool:
    """Whether people fall apart into parts, of which each has labels of its own in both attributes."""
    wide = len(other.labels)
    together = np.bincount(one.codes * wide + other.codes, minlength=len(one.labels) * wide).reshape(-1, wide) > 0
    met = together[np.any(together, axis=1)][:1].any(axis=0)
    while True:
        grown = together[np.any(together & met, axis=1)].any(axis=0)
        if bool(np.all(grown == met)):
            return bool(np.any(together.any(axis=0) & ~met))
        met = grown
