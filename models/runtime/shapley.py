"""The margin of boosted trees and its exact, path-dependent Shapley values (Lundberg, Erion & Lee 2018).

Shapley values are linear in the leaves: those of the mean of the members are those of all leaves of all their trees
together, divided by the number of members. Most leaves are answered out of tables that are worked out at start
(`way_tables`), those at the end of very long paths for each row anew (`deep_leaves`).

The margin is never taken from the Shapley values. It is the sum of the leaves that the row ends at, so that one can be
checked against the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.runtime.deep_leaves import deep_leaves
from models.runtime.leaf_paths import LeafPaths, leaf_paths
from models.runtime.pieces import NONE, Pieces, pieces
from models.runtime.splits import Splits
from models.runtime.trees import Floats, Member
from models.runtime.way_tables import WayTables

# The nodes of the pieces that trees are cut into, the fastest first, and the bytes that the tables may take.
SIZES = (7, 6, 5, 4)
MOST_BYTES = 60_000_000


class Shapley:
    """The members' mean margin and its additive parts. `base` is the margin if nothing is known about a row."""

    base: float

    def __init__(self, members: Sequence[Member], columns: int) -> None:
        """Fill the tables."""
        trees = [tree for member in members for tree in member.trees]
        paths = leaf_paths(trees)
        cut = _cut(paths)
        splits = Splits(paths.inner)
        self._splits = splits
        self._tables = WayTables(trees, paths, cut, splits, columns)
        self._deep = deep_leaves(paths, splits, cut.of_leaf == NONE, columns)
        self._share = 1.0 / len(members)
        self._baseline = float(np.mean([member.baseline for member in members]))
        self.base = self._baseline + self._share * paths.base

    def explain(self, row: Floats) -> tuple[float, Floats]:
        """The margin of one row, shape (n,), NaN where missing, and the part of each column, shape (n,).

        `base` and the parts add up to the margin.
        """
        decided = self._splits.decide(row)
        leaves, parts = self._tables.explain(decided)
        for deep in self._deep:
            more, others = deep.explain(decided)
            leaves, parts = leaves + more, parts + others
        return self._baseline + self._share * leaves, self._share * parts


def _cut(paths: LeafPaths) -> Pieces:
    """The fastest pieces of which the tables are not too large, else the smallest."""
    for size in SIZES:
        found = pieces(paths, size)
        if 8 * found.lines * (found.column.shape[1] + 1) <= MOST_BYTES:
            break
    return found
