"""On which side of each of many nodes does a row fall, whether or not it comes by?

Many trees split at the same places, so each distinct split is decided once for a row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.runtime.trees import Floats, Integers, Nodes

Flags = npt.NDArray[np.bool_]
_KEY = ("missing_go_to_left", "feature_idx", "num_threshold")


class Splits:
    """The distinct splits of inner nodes. `of_node` (nodes,) says which one each node is; `nowhere` is none of them."""

    of_node: Integers
    nowhere: int

    def __init__(self, inner: Nodes) -> None:
        """Number them, those first at which a missing value goes right."""
        order = np.lexsort([inner[name] for name in reversed(_KEY)])
        by_key = inner[order]
        differs = np.zeros(len(inner), dtype=np.bool_)
        for name in _KEY:
            differs[1:] |= by_key[name][1:] != by_key[name][:-1]
        self.of_node = np.zeros(len(inner), dtype=np.int64)
        self.of_node[order] = np.cumsum(differs)
        differs[0] = True
        distinct = by_key[differs]
        self.nowhere = len(distinct)
        self._missing_right = int((~distinct["missing_go_to_left"]).sum())
        self._column = distinct["feature_idx"].astype(np.intp)
        self._threshold = np.ascontiguousarray(distinct["num_threshold"])

    def decide(self, row: Floats) -> Flags:
        """Whether a row, NaN where missing, goes left, by split, shape (nowhere + 1,); the last is False."""
        values, first = row.take(self._column), self._missing_right
        left = np.zeros(len(values) + 1, dtype=np.bool_)
        # A comparison with NaN is false.
        np.less_equal(values[:first], self._threshold[:first], out=left[:first])
        np.greater(values[first:], self._threshold[first:], out=left[first:-1])
        np.logical_not(left[first:-1], out=left[first:-1])
        return left
