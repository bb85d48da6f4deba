"""Which way does a row take through each of many trees?

A way says for every inner node of a tree on which side of it a row falls, whether or not the row comes by. In its
number the k-th inner node is the k-th binary digit: 0 on the side that a missing value falls on, 1 on the other. Many
trees split at the same places, so each distinct split is decided once for a row, and the digits of all trees are looked
up among these decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.runtime.trees import Nodes, inner_nodes

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.unsignedinteger[Any]]

_KEY = ("missing_go_to_left", "feature_idx", "num_threshold")


def most_digits(trees: Sequence[Nodes]) -> int:
    """The inner nodes of the largest tree; the number of its ways doubles with every one of them."""
    return max(len(inner_nodes(nodes)) for nodes in trees)


class Splits:
    """The splits of trees without categorical features, of at most 64 inner nodes each."""

    def __init__(self, trees: Sequence[Nodes]) -> None:
        """Number the distinct splits, those first at which a missing value goes right."""
        inner = [inner_nodes(nodes) for nodes in trees]
        nodes = np.concatenate(inner)
        keys = np.stack([nodes[name].astype(np.float64) for name in _KEY], axis=1)
        splits, place = np.unique(keys, axis=0, return_inverse=True)
        self._missing_right = int((splits[:, 0] == 0).sum())
        self._column = splits[:, 1].astype(np.intp)
        self._threshold = np.ascontiguousarray(splits[:, 2])
        digits = most_digits(trees)
        self._type = np.dtype(next(kind for kind in ("<u1", "<u2", "<u4", "<u8") if digits <= 8 * int(kind[-1])))
        # Behind the splits comes one that is always 0, for the digits that a tree does not have.
        split_of_digit = np.full((len(trees), 8 * self._type.itemsize), len(splits), dtype=np.intp)
        sizes = np.array([len(tree) for tree in inner])
        split_of_digit[np.arange(split_of_digit.shape[1]) < sizes[:, None]] = place.ravel()
        self._split_of_digit = split_of_digit.ravel()

    def ways(self, row: Floats) -> Numbers:
        """The number of the way that a row, NaN where missing, takes through each tree, shape (trees,)."""
        values, first = row.take(self._column), self._missing_right
        digits = np.zeros(len(values) + 1, dtype=np.bool_)
        # A comparison with NaN is false.
        np.less_equal(values[:first], self._threshold[:first], out=digits[:first])
        np.greater(values[first:], self._threshold[first:], out=digits[first:-1])
        found: Numbers = np.packbits(digits.take(self._split_of_digit), bitorder="little").view(self._type)
        return found
