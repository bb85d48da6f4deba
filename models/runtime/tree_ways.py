"""The ways in which a row can fall through each of many trees, numbered, and how to find a row's number.

Within a tree every column has a few states: between which of its thresholds a value lies, or that it is missing. A way
is one state for each column of the tree (its *slots*); its number is written in a system whose digits are the states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, nan, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from models.runtime.trees import trees_of

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Slot:
    """One column of one tree: its thresholds in rising order, and an example of a value for each state.

    State k means "above k of the thresholds". `missing` is the state of a missing value.
    """

    column: int
    thresholds: tuple[float, ...]
    examples: tuple[float, ...]
    missing: int


class TreeWays:
    """The numbered ways of trees whose slots are given. `most` is the largest number of ways of one tree.

    `column_of_slot` has shape (trees, slots); trees with fewer slots are filled up with column 0.
    """

    def __init__(self, trees: Sequence[Sequence[Slot]]) -> None:
        """Number the ways of every tree."""
        self._slots = trees
        self.trees = len(trees)
        self.slots = max(map(len, trees))
        self.most = most_ways(trees)
        self.column_of_slot: Integers = np.zeros((self.trees, self.slots), dtype=np.int64)
        for tree, slots in enumerate(trees):
            self.column_of_slot[tree, : len(slots)] = [slot.column for slot in slots]
        self._lay_out_thresholds()

    def _lay_out_thresholds(self) -> None:
        """One line for the first threshold of each tree, one for the second, …: shape (thresholds, trees)."""
        rows = [list(_weighted(slots)) for slots in self._slots]
        shape = max(map(len, rows)), self.trees
        self._column: Integers = np.zeros(shape, dtype=np.int64)
        self._threshold = np.full(shape, inf)
        self._if_above: Integers = np.zeros(shape, dtype=np.int64)
        self._if_missing: Integers = np.zeros(shape, dtype=np.int64)
        for tree, row in enumerate(rows):
            for line, (column, threshold, above, missing) in enumerate(row):
                self._column[line, tree], self._threshold[line, tree] = column, threshold
                self._if_above[line, tree], self._if_missing[line, tree] = above, missing

    def taken(self, row: Floats) -> Integers:
        """The number of the way that a row takes through each tree, shape (trees,). NaN is missing."""
        # A comparison with NaN is false, so a missing value adds nothing but its own state.
        above = (row.take(self._column) > self._threshold) * self._if_above
        above += np.isnan(row).take(self._column) * self._if_missing
        found: Integers = above.sum(axis=0)
        return found

    def own_columns(self, tree: int, nodes: npt.NDArray[Any]) -> Integers:
        """The columns of a tree's nodes in `examples`, where every slot of every tree has a column of its own."""
        place = {slot.column: tree * self.slots + number for number, slot in enumerate(self._slots[tree])}
        return np.array([place.get(int(column), 0) for column in nodes["feature_idx"]])

    def examples(self) -> Floats:
        """Rows, shape (most, trees * slots), of which the k-th takes the k-th way through every tree that has it."""
        rows = np.zeros((self.most, self.trees * self.slots))
        number = np.arange(self.most)
        for tree, slots in enumerate(self._slots):
            for place, (slot, weight) in enumerate(_weights(slots), start=tree * self.slots):
                rows[:, place] = np.array(slot.examples)[number // weight % len(slot.examples)]
        return rows


def slots_of(members: Sequence[Any]) -> list[list[Slot]]:
    """The slots of every tree of fitted, binary HistGradientBoostingClassifiers, by column."""
    return [_slots(nodes) for member in members for nodes in trees_of(member)]


def most_ways(trees: Sequence[Sequence[Slot]]) -> int:
    """The largest number of ways of one tree; it doubles with every node, so large trees have beyond measure many."""
    return max(prod(len(slot.examples) for slot in slots) for slots in trees)


def _slots(nodes: npt.NDArray[Any]) -> list[Slot]:
    """The slots of one tree, by column."""
    inner = nodes[nodes["is_leaf"] == 0]
    return [_slot(int(column), inner[inner["feature_idx"] == column]) for column in np.unique(inner["feature_idx"])]


def _slot(column: int, nodes: npt.NDArray[Any]) -> Slot:
    """One column of one tree. At a single node a missing value goes the way of a low or of a high one."""
    thresholds = tuple(sorted(nodes["num_threshold"].tolist()))
    between = (*thresholds, inf)
    if len(thresholds) > 1:
        return Slot(column, thresholds, (*between, nan), missing=len(between))
    missing = 0 if nodes["missing_go_to_left"][0] else 1
    # Where nothing is above the threshold (it parts missing from measured), only a missing value goes right.
    high = nan if missing and thresholds[0] == inf else inf
    return Slot(column, thresholds, (thresholds[0], high), missing)


def _weights(slots: Sequence[Slot]) -> Iterator[tuple[Slot, int]]:
    """Each slot with what one step of its state adds to the number of the way."""
    weight = 1
    for slot in slots:
        yield slot, weight
        weight *= len(slot.examples)


def _weighted(slots: Sequence[Slot]) -> Iterator[tuple[int, float, int, int]]:
    """For each threshold its column, itself, what it adds if a value is above it, and what a missing value adds."""
    for slot, weight in _weights(slots):
        for number, threshold in enumerate(slot.thresholds):
            yield slot.column, threshold, weight, weight * slot.missing if number == 0 else 0
