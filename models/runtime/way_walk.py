"""The leaves that walks through pieces of trees end at: found from node to child, not from the Shapley values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.runtime.leaf_paths import LeafPaths
from models.runtime.pieces import NONE, Pieces
from models.runtime.trees import Floats, Nodes, children, end_to_end


class WayWalk:
    """The trees, and which of their nodes and leaves belong to which piece."""

    def __init__(self, trees: Sequence[Nodes], paths: LeafPaths, pieces: Pieces) -> None:
        """Note where every node leads."""
        nodes, starts, sizes = end_to_end(trees)
        inner, left, right = children(nodes, starts, sizes)
        self._child = np.repeat(np.arange(len(nodes)), 2)
        self._child[2 * inner], self._child[2 * inner + 1] = right, left
        self._value = np.ascontiguousarray(nodes["value"])
        self._owner = np.full(len(nodes), NONE, dtype=np.int64)
        self._owner[np.flatnonzero(nodes["is_leaf"])] = pieces.of_leaf
        tree = np.zeros(len(pieces.digits), dtype=np.int64)
        inside = pieces.of_leaf != NONE
        tree[pieces.of_leaf[inside]] = paths.tree[inside]
        self._root, self._size = starts[tree], int(sizes.max())
        self._node = np.where(pieces.node == NONE, NONE, inner[pieces.node])
        self._digits = pieces.digits

    def leaves(self, some: slice) -> Floats:
        """The leaf at the end of every way through some pieces of equally many nodes, 0 if outside, (pieces, ways)."""
        digits = int(self._digits[some][0])
        number, root = np.arange(len(self._digits))[some], self._root[some][:, None]
        node = self._node[some, :digits]
        digit_at = np.full((len(node), self._size), NONE, dtype=np.int64)
        digit_at[np.arange(len(node))[:, None], node - root] = np.arange(digits)
        before = np.arange(len(node))[:, None] * self._size - root
        way = np.arange(1 << digits)
        at = np.repeat(root, len(way), axis=1)
        for _ in range(digits):
            digit = digit_at.take(before + at)
            at = np.where(digit == NONE, at, self._child.take(2 * at + (way >> np.maximum(digit, 0) & 1)))
        return np.where(self._owner.take(at) == number[:, None], self._value.take(at), 0.0)
