"""The ways from the roots of many trees to their leaves, which is all that Shapley values are made of.

On the way to a leaf a row passes *steps*: at this node it goes to that side. The steps of one leaf that look at one
column are a *factor*. A column that is known lets the row come to the leaf or not; of the rows for which it is not
known, a share does: how many training rows went on at each of its nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.runtime.trees import Floats, Integers, Nodes, children, end_to_end

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class LeafPaths:
    """Leaves, factors and steps of trees laid end to end. Steps stand by factor, factors by leaf, leaves by tree.

    By leaf: its `tree` and its `value`. By factor: `leaf`, `column` and `share`. By step: `factor`, `node` (a place in
    `inner`, the nodes of all trees that split) and whether it goes `left` there.
    """

    inner: Nodes
    tree: Integers
    value: Floats
    leaf: Integers
    column: Integers
    share: Floats
    factor: Integers
    node: Integers
    left: Flags

    @property
    def base(self) -> float:
        """The mean of the training rows, summed over all trees: what is answered if nothing is known."""
        first = np.flatnonzero(np.append(True, np.diff(self.leaf)))
        return float(np.multiply.reduceat(self.share, first) @ self.value)


def leaf_paths(trees: Sequence[Nodes]) -> LeafPaths:
    """The paths of all leaves of trees that split at least once."""
    nodes, starts, sizes = end_to_end(trees)
    inner, left, right = children(nodes, starts, sizes)
    parent = np.full(len(nodes), -1, dtype=np.int64)
    parent[left] = parent[right] = inner
    goes_left = np.zeros(len(nodes), dtype=np.bool_)
    goes_left[left] = True
    leaves = np.flatnonzero(nodes["is_leaf"])
    leaf, at = _upwards(leaves, parent)
    above = parent[at]
    order = np.lexsort((above, nodes["feature_idx"][above], leaf))
    leaf, at, above = leaf[order], at[order], above[order]
    column = nodes["feature_idx"][above].astype(np.int64)
    first = np.append(True, (np.diff(leaf) != 0) | (np.diff(column) != 0))
    factors = np.flatnonzero(first)
    return LeafPaths(
        inner=nodes[inner],
        tree=np.repeat(np.arange(len(trees)), sizes)[leaves],
        value=nodes["value"][leaves],
        leaf=leaf[factors],
        column=column[factors],
        share=np.multiply.reduceat(nodes["count"][at] / nodes["count"][above], factors),
        factor=np.cumsum(first) - 1,
        node=np.searchsorted(inner, above),
        left=goes_left[at],
    )


def _upwards(leaves: Integers, parent: Integers) -> tuple[Integers, Integers]:
    """Every node but the root on the way to a leaf, the leaf's number beside it."""
    number, at = np.arange(len(leaves)), leaves
    numbers, places = [], []
    while len(at):
        below_root = parent[at] >= 0
        number, at = number[below_root], at[below_root]
        numbers.append(number)
        places.append(at)
        at = parent[at]
    return np.concatenate(numbers), np.concatenate(places)
