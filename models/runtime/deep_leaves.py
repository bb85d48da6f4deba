"""Leaves whose paths are too long to write down every way: their Shapley values are worked out for each row."""

from __future__ import annotations

import numpy as np

from models.runtime.leaf_paths import Flags, LeafPaths
from models.runtime.leaf_shapley import gauss
from models.runtime.splits import Splits
from models.runtime.trees import Floats


def deep_leaves(paths: LeafPaths, splits: Splits, leaves: Flags, columns: int) -> tuple[DeepLeaves, ...]:
    """Some leaves, parted by how many points the integral of each needs."""
    points = (np.bincount(paths.leaf) + 1) // 2
    needed = np.unique(points[leaves]).tolist()
    return tuple(DeepLeaves(paths, splits, leaves & (points == some), columns) for some in needed)


class DeepLeaves:
    """Some leaves of trees. There is at least one."""

    def __init__(self, paths: LeafPaths, splits: Splits, leaves: Flags, columns: int) -> None:
        """Note their steps and factors."""
        factors = leaves[paths.leaf]
        steps = factors[paths.factor]
        self._split = splits.of_node[paths.node[steps]]
        self._left = paths.left[steps]
        self._first_step = np.flatnonzero(np.append(True, np.diff(paths.factor[steps])))
        self._leaf = np.unique(paths.leaf[factors], return_inverse=True)[1]
        self._first_factor = np.flatnonzero(np.append(True, np.diff(self._leaf)))
        self._column, self._columns = paths.column[factors], columns
        self._value = paths.value[leaves]
        share = paths.share[factors]
        value = self._value[self._leaf]
        # What stands before the integral, and what a factor of the integrand is at each point: astray, and leading.
        self._before = -value * share, value * (1 - share)
        points, self._weights = gauss(int(np.bincount(self._leaf).max()))
        self._factor = [(share * (1 - t), t + share * (1 - t)) for t in points.tolist()]

    def explain(self, decided: Flags) -> tuple[float, Floats]:
        """The sum of the leaves that a row ends at, and the Shapley values of all by column, for decided splits."""
        taken = decided.take(self._split) == self._left
        leads = np.logical_and.reduceat(taken, self._first_step)
        reached = np.logical_and.reduceat(leads, self._first_factor)
        parts = np.where(leads, self._before[1], self._before[0]) * self._integral(leads)
        by_column = np.bincount(self._column, parts, self._columns)
        return float(self._value[reached].sum()), np.asarray(by_column, dtype=np.float64)

    def _integral(self, leads: Flags) -> Floats:
        """For every factor, the integral over the others of its leaf. No factor is 0 between 0 and 1."""
        found = np.zeros(len(leads))
        for (astray, leading), weight in zip(self._factor, self._weights.tolist(), strict=True):
            factor = np.where(leads, leading, astray)
            product = np.multiply.reduceat(factor, self._first_factor) * weight
            found += product.take(self._leaf) / factor
        return found
