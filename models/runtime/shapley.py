"""Shapley values of boosted trees, computed by `shap` once for every way in which a row can fall through a tree.

The Shapley values of one tree depend on a row only through the side that it takes at each node. A tree with eight
leaves has seven nodes, so there are at most 128 ways, and `shap.TreeExplainer` explains all of them in a quarter of a
second at start. What is left for a call is to find each tree's way and to add up: Shapley values of a sum of trees are
the sums of theirs (Lundberg, Erion & Lee 2018, arXiv:1802.03888). Trees with more ways than that are explained anew for
each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from models.runtime.ensemble import base_of, tree_explainer
from models.runtime.tree_ways import TreeWays, most_ways, slots_of

# The numbers in a table: 64 MB of memory, and about a second of work at start.
MAX_NUMBERS = 8_000_000
Floats = npt.NDArray[np.float64]


class Shapley(Protocol):
    """Additive parts of the members' mean margin."""

    base: float

    def values(self, row: Floats) -> Floats:
        """The part of each column of one row, shape (n,), NaN where missing; with `base` they add up to the margin."""
        ...


def shapley(members: Sequence[Any], columns: int) -> Shapley:
    """The quicker of the two kinds that fits these trees."""
    slots = slots_of(members)
    if most_ways(slots) * len(slots) * max(map(len, slots)) > MAX_NUMBERS:
        return DirectShapley(members)
    return TabulatedShapley(members, TreeWays(slots), columns)


class DirectShapley:
    """Asks the library for each row."""

    def __init__(self, members: Sequence[Any]) -> None:
        """Build the explainer."""
        self._explainer = tree_explainer(members)
        self.base = base_of(self._explainer)

    def values(self, row: Floats) -> Floats:
        """As in `Shapley`."""
        found: Floats = self._explainer.shap_values(row[None, :], check_additivity=False)[0]
        return found


class TabulatedShapley:
    """Asks the library once, at start."""

    def __init__(self, members: Sequence[Any], ways: TreeWays, columns: int) -> None:
        """Explain all ways of all trees in one call.

        Each tree is given columns of its own, so that its values stay apart from those of the others.
        """
        explainer = tree_explainer(members, ways.own_columns)
        self.base = base_of(explainer)
        found = explainer.shap_values(ways.examples(), check_additivity=False)
        by_tree = found.reshape(ways.most, ways.trees, ways.slots).transpose(1, 0, 2)
        self._table: Floats = np.ascontiguousarray(by_tree).reshape(ways.trees * ways.most, ways.slots)
        self._first_line = np.arange(ways.trees) * ways.most
        self._column = ways.column_of_slot.ravel()
        self._columns = columns
        self._ways = ways

    def values(self, row: Floats) -> Floats:
        """As in `Shapley`."""
        lines = self._table.take(self._first_line + self._ways.taken(row), axis=0)
        return np.asarray(np.bincount(self._column, lines.ravel(), self._columns), dtype=np.float64)
