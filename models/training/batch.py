"""The margin of many rows at once.

Every split is decided for a block of rows, and the trees are folded from their leaves to their roots: at each node a
row keeps the number of the side that it falls on. That is more arithmetic than a walk, but none of it is a look-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.runtime.trees import Floats, Member, Nodes

# So many rows of a few columns, and the sums on the way to the root, stay in the processor's cache.
BLOCK = 8192


def margin(members: Sequence[Member], features: npt.NDArray[np.float32]) -> Floats:
    """Mean log-odds of the members before calibration, shape (n,), for rows (n, m), NaN where missing."""
    found = np.full(len(features), np.mean([member.baseline for member in members]))
    steps = [_steps(tree) for member in members for tree in member.trees]
    for start in range(0, len(features), BLOCK):
        columns = np.ascontiguousarray(features[start : start + BLOCK].T, dtype=np.float32)
        sums = np.zeros(columns.shape[1])
        for tree in steps:
            sums += _folded(tree, columns)
        found[start : start + BLOCK] += sums / len(members)
    return found


@dataclass(frozen=True, slots=True)
class _Tree:
    """One tree as plain numbers, the root first."""

    values: list[float | Floats]
    splits: list[tuple[int, int, np.float32, bool, int, int]]


def _steps(tree: Nodes) -> _Tree:
    """The splits are listed from the last to the root, so that the children of each come before it."""
    inner = np.flatnonzero(~tree["is_leaf"])[::-1]
    names = ("feature_idx", "num_threshold", "missing_go_to_left", "left", "right")
    column, threshold, missing, left, right = (tree[name][inner] for name in names)
    at_most = _rounded_down(threshold)
    numbers = (inner.tolist(), column.tolist(), list(at_most), missing.tolist(), left.tolist(), right.tolist())
    return _Tree(tree["value"].tolist(), list(zip(*numbers, strict=True)))


def _rounded_down(threshold: Floats) -> npt.NDArray[np.float32]:
    """The largest float32 that is at most the threshold: a float32 lies on the same side of both."""
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
        return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _folded(tree: _Tree, columns: npt.NDArray[np.float32]) -> float | Floats:
    """The value of one tree for every row of columns (m, n)."""
    values = tree.values.copy()
    for node, column, at_most, missing_left, left, right in tree.splits:
        if missing_left:
            # A comparison with NaN is false.
            values[node] = np.where(columns[column] > at_most, values[right], values[left])
        else:
            values[node] = np.where(columns[column] <= at_most, values[left], values[right])
    return values[0]
