"""The margin of boosted trees by walking them: an answer that owes nothing to the explanation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.runtime.trees import Floats, Integers, Member, children, end_to_end

_Places = npt.NDArray[np.intp]


class Forest:
    """The trees of all members, laid end to end."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Note where every node leads."""
        trees = [tree for member in members for tree in member.trees]
        self._baseline = float(np.mean([member.baseline for member in members]))
        self._share = 1.0 / len(members)
        nodes, starts, sizes = end_to_end(trees)
        depths = np.maximum.reduceat(nodes["depth"], starts).astype(np.int64)
        # Deepest first, so that at every step the walks that go on are the first so many.
        order = np.argsort(-depths, kind="stable")
        self._going_on = [int((depths > level).sum()) for level in range(depths.max())]
        self._feature = nodes["feature_idx"].astype(np.intp)
        self._threshold = np.ascontiguousarray(nodes["num_threshold"])
        self._left_if_missing = np.ascontiguousarray(nodes["missing_go_to_left"])
        self._child = _children(len(nodes), *children(nodes, starts, sizes))
        self._value = np.ascontiguousarray(nodes["value"])
        self._roots: _Places = starts[order]

    def margin(self, row: Floats) -> float:
        """The members' mean log-odds before calibration for one row, shape (n,), NaN where missing."""
        missing = np.isnan(row)
        at = self._roots.copy()
        for count in self._going_on:
            node = at[:count]
            feature = self._feature.take(node)
            left = row.take(feature) <= self._threshold.take(node)
            left |= missing.take(feature) & self._left_if_missing.take(node)
            at[:count] = self._child.take(2 * node + left)
        return self._baseline + self._share * float(self._value.take(at).sum())


def _children(nodes: int, inner: Integers, left: Integers, right: Integers) -> _Places:
    """The right and the left child of each node in turn; a leaf leads to itself, as a walk may end early."""
    found = np.repeat(np.arange(nodes), 2).reshape(nodes, 2)
    found[inner] = np.stack([right, left], axis=1)
    return found.ravel().astype(np.intp)
