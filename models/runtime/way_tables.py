"""The Shapley values of every way through the pieces of trees, worked out once.

The Shapley values of a piece depend on a row only through the side that it falls on at each node. So there is a line
for each piece and way: the piece's Shapley values by slot, and last the leaf that a walk ends at, 0 if it leads out of
the piece. What is left for a call is to look up one line for each piece and to add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.runtime.every_way import every_way
from models.runtime.leaf_paths import Flags, LeafPaths
from models.runtime.pieces import NONE, Pieces
from models.runtime.splits import Splits
from models.runtime.trees import Floats, Nodes
from models.runtime.way_walk import WayWalk

# A digit is a bit of one byte.
MOST_DIGITS = 8
_CACHE_LINE = 64


class WayTables:
    """The lines of all pieces."""

    def __init__(self, trees: Sequence[Nodes], paths: LeafPaths, pieces: Pieces, splits: Splits, columns: int) -> None:
        """Fill the tables. Each piece has at most `MOST_DIGITS` nodes."""
        count = len(pieces.digits)
        split = np.full((count, MOST_DIGITS), splits.nowhere, dtype=np.int64)
        split[:, : pieces.node.shape[1]] = np.where(pieces.node == NONE, splits.nowhere, splits.of_node[pieces.node])
        self._split_of_digit = split.ravel()
        sizes = 1 << pieces.digits
        self._first_line = np.cumsum(sizes) - sizes
        self._columns = columns
        # What stands in no column, the leaves among it, is added up behind the last one.
        column = np.append(pieces.column, np.full((count, 1), NONE), axis=1)
        self._column = np.where(column == NONE, columns, column).ravel()
        self.table = _aligned(pieces.lines, column.shape[1])
        walk, first = WayWalk(trees, paths, pieces), 0
        for values in every_way(paths, pieces):
            number, slots, ways = values.shape
            lines = self.table[self._first_line[first] :][: number * ways].reshape(number, ways, -1)
            lines[:, :, :slots] = values.transpose(0, 2, 1)
            lines[:, :, -1] = walk.leaves(slice(first, first + number))
            first += number

    def explain(self, decided: Flags) -> tuple[float, Floats]:
        """The sum of the leaves that a row ends at, and the Shapley values of all by column, for decided splits."""
        ways = np.packbits(decided.take(self._split_of_digit), bitorder="little")
        lines = self.table.take(self._first_line + ways, axis=0)
        parts = np.bincount(self._column, lines.ravel(), self._columns + 1)
        return float(lines[:, -1].sum()), np.asarray(parts[:-1], dtype=np.float64)


def _aligned(lines: int, width: int) -> Floats:
    """A table of zeros that begins where a line of the processor's cache does."""
    size = lines * width
    memory = np.zeros(size + _CACHE_LINE // 8)
    skipped = -memory.ctypes.data % _CACHE_LINE // memory.itemsize
    return memory[skipped : skipped + size].reshape(lines, width)
