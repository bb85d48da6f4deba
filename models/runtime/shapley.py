"""The margin of boosted trees and its Shapley values, which `shap` computes once for every way through a tree.

The Shapley values of one tree depend on a row only through the side that it takes at each node. A tree with eight
leaves has seven nodes, so there are at most 128 ways, and `shap.TreeExplainer` explains all of them in a quarter of a
second at start. What is left for a call is to find each tree's way and to add up: Shapley values of a sum of trees are
the sums of theirs (Lundberg, Erion & Lee 2018, arXiv:1802.03888). Trees with more ways than that are explained anew for
each row.

The margin is never taken from the Shapley values. It is the sum of the leaves that a walk through the trees' nodes ends
at, so that one can be checked against the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from models.runtime.ensemble import base_of, tree_explainer
from models.runtime.splits import Splits, most_digits
from models.runtime.tree_ways import TreeWays, most_slots
from models.runtime.trees import Forest, MeanOfMembers, leaf_values, trees_of

# The numbers in a table: 64 MB of memory, and about a second of work at start.
MAX_NUMBERS = 8_000_000
_CACHE_LINE = 64
Floats = npt.NDArray[np.float64]


class Shapley(Protocol):
    """The members' mean margin and its additive parts."""

    base: float

    def explain(self, row: Floats) -> tuple[float, Floats]:
        """The margin of one row, shape (n,), NaN where missing, and the part of each column, shape (n,).

        `base` and the parts add up to the margin.
        """
        ...


def shapley(members: Sequence[Any], columns: int) -> Shapley:
    """The quicker of the two kinds that fits these trees. Raises ValueError for a booster of another kind."""
    trees = [nodes for member in members for nodes in trees_of(member)]
    if len(trees) * (most_slots(trees) + 1) << most_digits(trees) > MAX_NUMBERS:
        return DirectShapley(members)
    return TabulatedShapley(members, columns)


class DirectShapley:
    """Walks the trees and asks the library, for each row."""

    def __init__(self, members: Sequence[Any]) -> None:
        """Build the explainer and the walk."""
        self._forest = Forest(members)
        self._explainer = tree_explainer(members)
        self.base = base_of(self._explainer)

    def explain(self, row: Floats) -> tuple[float, Floats]:
        """As in `Shapley`."""
        found: Floats = self._explainer.shap_values(row[None, :], check_additivity=False)[0]
        return self._forest.margin(row), found


class TabulatedShapley:
    """Walks the trees and asks the library once, at start.

    The table has a line for each tree and way: the tree's Shapley values by slot, and last its leaf. For trees of eight
    leaves that is 64 bytes, one fetch from memory. A way that no row can take has NaN, which is never answered.
    """

    def __init__(self, members: Sequence[Any], columns: int) -> None:
        """Fill the table. Raises ValueError for a booster of another kind."""
        trees = [nodes for member in members for nodes in trees_of(member)]
        self._mean = MeanOfMembers(members)
        self._splits = Splits(trees)
        ways = TreeWays(trees, nowhere=columns)
        explainer = tree_explainer(members, ways.own_columns)
        self.base = base_of(explainer)
        self._columns = columns
        # What stands in no column, the leaves among it, is added up behind the last one.
        self._column = np.append(ways.column_of_slot, np.full((ways.trees, 1), columns), axis=1).ravel()
        numbers = 1 << most_digits(trees)
        self._first_line = np.arange(ways.trees) * numbers
        self._table = _aligned(ways.trees * numbers, ways.slots + 1)
        self._fill(trees, ways, explainer)

    def _fill(self, trees: Sequence[Any], ways: TreeWays, explainer: Any) -> None:
        """Explain all ways of all trees in one call; each tree has columns of its own, which keeps its values apart."""
        examples = ways.examples()
        lines = self._first_line + ways.numbers(examples)
        found = explainer.shap_values(examples.reshape(len(examples), -1), check_additivity=False)
        self._table[lines, :-1] = found.reshape(examples.shape)
        for tree, nodes in enumerate(trees):
            self._table[lines[:, tree], -1] = leaf_values(nodes, lines[:, tree] - self._first_line[tree])

    def explain(self, row: Floats) -> tuple[float, Floats]:
        """As in `Shapley`."""
        lines = self._table.take(self._first_line + self._splits.ways(row), axis=0)
        parts: Floats = np.asarray(np.bincount(self._column, lines.ravel(), self._columns + 1), dtype=np.float64)
        return self._mean.of(lines[:, -1].copy()), parts[:-1]


def _aligned(lines: int, width: int) -> Floats:
    """A table of NaN that begins where a line of the processor's cache does."""
    size = lines * width
    memory = np.full(size + _CACHE_LINE // 8, np.nan)
    skipped = -memory.ctypes.data % _CACHE_LINE // memory.itemsize
    return memory[skipped : skipped + size].reshape(lines, width)
