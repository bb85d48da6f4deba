"""Groups of patients and all their intersections as cells of one table, and the lines in which cells add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from oversight.statistics.refused import Refused
from oversight.statistics.suppression import Line

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

UNKNOWN = "unknown"
MOST_CELLS = 1000

Group = tuple[tuple[str, str], ...]
"""(attribute, label) pairs; the empty group is everybody."""


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """An attribute of each row: `codes`, shape (rows,), are places in `labels`."""

    name: str
    labels: tuple[str, ...]
    codes: Integers


def attribute(name: str, values: Sequence[str | None]) -> Attribute:
    """Code the values of an attribute; None becomes the group "unknown", so that groups add up to everybody."""
    places: dict[str | None, int] = {}
    codes = np.fromiter((places.setdefault(value, len(places)) for value in values), np.int64, len(values))
    named = [UNKNOWN if value is None else value for value in places]
    labels, sorted_codes = np.unique(named, return_inverse=True)
    return Attribute(name, tuple(str(label) for label in labels), sorted_codes[codes].astype(np.int64))


class Table(Protocol):
    """Groups as cells, which lines add up, and how rows are counted into them."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """What each cell is called."""

    @property
    def subsets(self) -> tuple[tuple[int, ...], ...]:
        """Which attributes each cell fixes, by their places."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """Which cells add up to which."""

    def count(self, weights: npt.NDArray[np.generic] | None = None) -> Floats:
        """The rows of each cell, or the sum of their weights, shape (cells,)."""

    def count_kinds(self, kind: npt.NDArray[np.integer[Any]], kinds: int) -> Floats:
        """The rows of each kind (rows,), codes below `kinds`: shape (kinds, cells)."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """All groups of a table: everybody, each attribute's groups, and their intersections.

    `row_cells`: each row's place in the finest intersection, whose shape is `shape`. `groups` names every cell and
    `subsets` says which attributes it fixes. `lines`: which cells add up to which.
    """

    shape: tuple[int, ...]
    row_cells: Integers
    groups: tuple[Group, ...]
    subsets: tuple[tuple[int, ...], ...]
    lines: tuple[Line, ...]

    @property
    def finest(self) -> int:
        """The number of cells in the finest intersection."""
        return int(np.prod(self.shape, dtype=np.int64))

    def count(self, weights: npt.NDArray[np.generic] | None = None) -> Floats:
        """The rows of each cell, or the sum of their weights (shape (rows,)); one pass over the rows."""
        return self.folded(np.bincount(self.row_cells, weights, minlength=self.finest).astype(np.float64))

    def count_kinds(self, kind: npt.NDArray[np.integer[Any]], kinds: int) -> Floats:
        """The rows of each kind, shape (kinds, cells); one pass over the rows."""
        finest = np.bincount(self.row_cells * kinds + kind, minlength=kinds * self.finest)
        return np.stack([self.folded(each) for each in finest.reshape(self.finest, kinds).T.astype(np.float64)])

    def folded(self, finest: Floats) -> Floats:
        """Sums for every cell, shape (cells,), from those of the finest intersection, shape (finest,)."""
        cube = finest.reshape(self.shape)
        every = range(len(self.shape))
        sums = [cube.sum(axis=tuple(set(every) - set(subset))).ravel() for subset in _distinct(self.subsets)]
        return np.concatenate(sums)

    def members(self, subset: tuple[int, ...]) -> tuple[Integers, int, int]:
        """Each row's cell among those of a subset, how many there are, and the first one's place in the table."""
        codes = np.unravel_index(self.row_cells, self.shape)
        kept = tuple(self.shape[each] for each in subset)
        rows = (
            np.ravel_multi_index(tuple(codes[each] for each in subset), kept)
            if subset
            else np.zeros(len(self.row_cells), dtype=np.int64)
        )
        return rows.astype(np.int64), int(np.prod(kept, dtype=np.int64)), self.subsets.index(subset)


def cells(attributes: Sequence[Attribute]) -> Cells | Refused:
    """The table of all attributes and their intersections. Refused beyond `MOST_CELLS` cells.

    Raises ValueError for no attribute or for unequal lengths.
    """
    if not attributes or len({len(each.codes) for each in attributes}) != 1:
        raise ValueError("at least one attribute, and all for the same rows")
    shape = tuple(len(each.labels) for each in attributes)
    if int(np.prod([size + 1 for size in shape], dtype=np.int64)) > MOST_CELLS:
        return Refused(f"more than {MOST_CELLS} groups: ask for fewer attributes at a time")
    if not len(attributes[0].codes):
        return Refused("no rows")
    kinds = [kind for size in range(len(shape) + 1) for kind in combinations(range(len(shape)), size)]
    groups: list[Group] = []
    subsets: list[tuple[int, ...]] = []
    for kind in kinds:
        for labels in product(*(attributes[each].labels for each in kind)):
            groups.append(tuple((attributes[each].name, label) for each, label in zip(kind, labels, strict=True)))
            subsets.append(kind)
    row_cells = np.ravel_multi_index(tuple(each.codes for each in attributes), shape).astype(np.int64)
    return Cells(shape, row_cells, tuple(groups), tuple(subsets), _lines(groups, shape, attributes))


def _distinct(subsets: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Each subset once, in order."""
    return list(dict.fromkeys(subsets))


def _lines(groups: Sequence[Group], shape: tuple[int, ...], attributes: Sequence[Attribute]) -> tuple[Line, ...]:
    """For each cell and each attribute it leaves open: the cells that fix that attribute add up to it."""
    place = {frozenset(group): index for index, group in enumerate(groups)}
    lines = []
    for index, group in enumerate(groups):
        fixed = {name for name, _ in group}
        for each in attributes:
            if each.name not in fixed:
                parts = [place[frozenset({*group, (each.name, label)})] for label in each.labels]
                lines.append(Line(np.array(parts, dtype=np.int64), index))
    return tuple(lines)
