"""The margin of gradient-boosted trees by walking them.

An answer that does not come from the explainer, so that the explanation can be checked against it on every call;
scikit-learn's own `decision_function` gives the same number and takes several milliseconds for one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Nodes = npt.NDArray[Any]
_Floats = npt.NDArray[np.float64]
_Places = npt.NDArray[np.intp]


def trees_of(booster: Any) -> list[Nodes]:
    """The nodes of each tree of one fitted, binary HistGradientBoostingClassifier, as scikit-learn's node records."""
    return [predictor.nodes for (predictor,) in booster._predictors]


def inner_nodes(nodes: Nodes) -> Nodes:
    """The nodes of a tree that split, in their order. Raises ValueError for one that splits by category."""
    if nodes["is_categorical"].any():
        raise ValueError("categorical splits are not supported")
    found: Nodes = nodes[nodes["is_leaf"] == 0]
    return found


def baseline(booster: Any) -> float:
    """The margin before any tree."""
    return float(np.ravel(booster._baseline_prediction)[0])


def leaf_values(nodes: Nodes, ways: npt.NDArray[np.int64]) -> _Floats:
    """The leaves of one tree that ways end at, shape (ways,).

    The k-th binary digit of a way says where it goes on at the k-th inner node: 0 where a missing value would.
    """
    inner = nodes["is_leaf"] == 0
    sides = np.stack([nodes["right"], nodes["left"]], axis=1)
    missing = nodes["missing_go_to_left"].astype(np.int64)
    digit = np.where(inner, np.cumsum(inner) - 1, 0)
    at: _Places = np.zeros(len(ways), dtype=np.intp)
    for _ in range(int(nodes["depth"].max())):
        at = np.where(inner[at], sides[at, (ways >> digit[at] & 1) ^ missing[at]], at)
    found: _Floats = nodes["value"][at]
    return found


class MeanOfMembers:
    """The margin of fitted, binary HistGradientBoostingClassifiers out of the leaves that a row ends at."""

    def __init__(self, members: Sequence[Any]) -> None:
        """Note where the trees of each member begin and end among all trees."""
        self._baselines = [baseline(member) for member in members]
        self._parts = list(pairwise(accumulate((len(trees_of(member)) for member in members), initial=0)))

    def of(self, leaves: _Floats) -> float:
        """The members' mean log-odds before calibration; `leaves` has shape (trees,), in the order of the members."""
        sums = [float(leaves[first:last].sum()) for first, last in self._parts]
        return sum(base + part for base, part in zip(self._baselines, sums, strict=True)) / len(sums)


class Forest:
    """The trees of fitted, binary HistGradientBoostingClassifiers without categorical features."""

    def __init__(self, members: Sequence[Any]) -> None:
        """Lay all nodes of all trees end to end. Raises ValueError for a booster of another kind."""
        trees = [tree for member in members for tree in trees_of(member)]
        self._mean = MeanOfMembers(members)
        depths = np.array([int(tree["depth"].max()) for tree in trees])
        # Deepest first, so that at every step the walks that go on are the first so many.
        order = np.argsort(-depths, kind="stable")
        self._given_order: _Places = np.argsort(order, kind="stable")
        self._going_on = [int((depths > level).sum()) for level in range(depths.max())]
        self._lay_out(trees, order)

    def _lay_out(self, trees: list[npt.NDArray[Any]], order: _Places) -> None:
        """One array for each property of a node; `_child` holds the right and the left child of each node in turn."""
        nodes = np.concatenate(trees)
        if nodes["is_categorical"].any():
            raise ValueError("categorical splits are not supported")
        sizes = np.array([len(tree) for tree in trees])
        roots = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        leaf = nodes["is_leaf"].astype(bool)
        self._feature = np.where(leaf, 0, nodes["feature_idx"].astype(np.intp))
        self._threshold = nodes["num_threshold"].astype(np.float64)
        self._left_if_missing = nodes["missing_go_to_left"].astype(bool)
        # A leaf leads to itself: a walk in a tree with a short and a long branch may end early.
        here = np.arange(len(nodes))
        children = (np.where(leaf, here, nodes[side] + np.repeat(roots, sizes)) for side in ("right", "left"))
        self._child: _Places = np.stack(list(children), axis=1).astype(np.intp).ravel()
        self._value = nodes["value"].astype(np.float64)
        self._roots: _Places = roots[order]

    def margin(self, row: _Floats) -> float:
        """The members' mean log-odds before calibration for one row, shape (n,), NaN where missing."""
        missing = np.isnan(row)
        at = self._roots.copy()
        for count in self._going_on:
            node = at[:count]
            feature = self._feature.take(node)
            left = row.take(feature) <= self._threshold.take(node)
            left |= missing.take(feature) & self._left_if_missing.take(node)
            at[:count] = self._child.take(2 * node + left)
        return self._mean.of(self._value.take(at).take(self._given_order))
