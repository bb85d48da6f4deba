"""Examples of rows that between them take every way through each of many trees, for the library to explain.

Within a tree every column has a few states: between which of its thresholds a value lies, or that it is missing. One
state for each column of the tree (its *slots*) makes an example.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, nan, prod

import numpy as np
import numpy.typing as npt

from models.runtime.trees import Nodes, inner_nodes

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Slot:
    """One column of one tree, with an example of a value for each of its states."""

    column: int
    examples: tuple[float, ...]


class TreeWays:
    """Examples for trees, in which every slot of every tree has a column of its own: shape (k, trees, slots).

    `column_of_slot` has shape (trees, slots); it holds `nowhere` where a tree has fewer slots.
    """

    def __init__(self, trees: Sequence[Nodes], nowhere: int) -> None:
        """Find the slots of every tree."""
        self._trees = [inner_nodes(nodes) for nodes in trees]
        self._slots = [_slots(inner) for inner in self._trees]
        self.trees = len(trees)
        self.slots = most_slots(trees)
        self.column_of_slot: Integers = np.full((self.trees, self.slots), nowhere, dtype=np.int64)
        for tree, slots in enumerate(self._slots):
            self.column_of_slot[tree, : len(slots)] = [slot.column for slot in slots]

    def own_columns(self, tree: int, nodes: Nodes) -> Integers:
        """The columns of a tree's nodes in the examples, if their last two axes are laid end to end."""
        place = {slot.column: tree * self.slots + number for number, slot in enumerate(self._slots[tree])}
        return np.array([place.get(int(column), 0) for column in nodes["feature_idx"]], dtype=np.int64)

    def examples(self) -> Floats:
        """The examples. There are as many as the tree with the most ways needs; for others they repeat."""
        number = np.arange(max(prod(len(slot.examples) for slot in slots) for slots in self._slots))
        found = np.zeros((len(number), self.trees, self.slots))
        for tree, slots in enumerate(self._slots):
            for place, (slot, weight) in enumerate(_weights(slots)):
                found[:, tree, place] = np.array(slot.examples)[number // weight % len(slot.examples)]
        return found

    def numbers(self, examples: Floats) -> Integers:
        """The number, as in `splits`, of the way that each example takes through each tree, shape (k, trees)."""
        flat = examples.reshape(len(examples), -1)
        found = np.zeros(examples.shape[:2], dtype=np.int64)
        for tree, inner in enumerate(self._trees):
            values = flat[:, self.own_columns(tree, inner)]
            right = values > inner["num_threshold"]
            elsewhere = ~np.isnan(values) & (right == inner["missing_go_to_left"])
            found[:, tree] = elsewhere @ (1 << np.arange(len(inner), dtype=np.int64))
        return found


def most_slots(trees: Sequence[Nodes]) -> int:
    """The columns of the tree that looks at most of them."""
    return max(len(np.unique(inner_nodes(nodes)["feature_idx"])) for nodes in trees)


def _slots(inner: Nodes) -> list[Slot]:
    """The slots of one tree, by column."""
    return [_slot(int(column), inner[inner["feature_idx"] == column]) for column in np.unique(inner["feature_idx"])]


def _slot(column: int, nodes: Nodes) -> Slot:
    """One column of one tree. At a single node a missing value goes the way of a low or of a high one."""
    thresholds = sorted(nodes["num_threshold"].tolist())
    if len(thresholds) > 1:
        return Slot(column, (*thresholds, inf, nan))
    # Where nothing is above the threshold (it parts missing from measured), only a missing value goes right.
    high = nan if thresholds[0] == inf and not nodes["missing_go_to_left"][0] else inf
    return Slot(column, (thresholds[0], high))


def _weights(slots: Sequence[Slot]) -> Iterator[tuple[Slot, int]]:
    """Each slot with how many examples one of its states lasts."""
    weight = 1
    for slot in slots:
        yield slot, weight
        weight *= len(slot.examples)
