"""The words of boosted trees: a member is what the margin begins with, and trees whose leaves are added to it.

No learner's own type is used here: whatever grew the trees, these are the records that serve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# One node. A row goes left if its value is at most the threshold; a missing value where the node says. `left` and
# `right` count from the root of the tree, which is node 0, and lie behind their parent. `count` is the number of
# training rows that came by. A leaf has a value and is 0 in all that speaks of a split.
NODE = np.dtype(
    [
        ("feature_idx", "<i4"),
        ("num_threshold", "<f8"),
        ("left", "<u4"),
        ("right", "<u4"),
        ("missing_go_to_left", "?"),
        ("is_leaf", "?"),
        ("value", "<f8"),
        ("count", "<u4"),
        ("depth", "<u2"),
    ]
)
DEEPEST = 250

Nodes = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_SPLIT = ("feature_idx", "num_threshold", "left", "right", "missing_go_to_left")


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One fitted booster: the margin of a row is `baseline` and the values of the leaves that it ends at."""

    baseline: float
    trees: tuple[Nodes, ...]


def grow(sizes: Sequence[int] | Integers, nodes: Nodes) -> tuple[Nodes, ...]:
    """Trees of so many nodes each, laid end to end in `nodes`, which needs neither `is_leaf` nor `depth` yet.

    A node without a left child is a leaf. Raises ValueError where the nodes are not trees of finite numbers.
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    if not len(sizes) or sizes.min() < 1 or sizes.sum() != len(nodes):
        raise ValueError("the sizes of the trees are not those of their nodes")
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    found = nodes.astype(NODE)
    found["is_leaf"] = leaf = found["left"] == 0
    for name in _SPLIT:
        found[name][leaf] = 0
    found["value"][~leaf] = 0.0
    _check_links(found, starts, sizes)
    _check_numbers(found, starts, sizes)
    found["depth"] = _depths(found, starts, sizes)
    return tuple(found[start : start + size] for start, size in zip(starts, sizes, strict=True))


def end_to_end(trees: Sequence[Nodes]) -> tuple[Nodes, Integers, Integers]:
    """All nodes of some trees, where each tree begins, and its size."""
    sizes = np.array([len(tree) for tree in trees], dtype=np.int64)
    # For thousands of small trees much quicker than np.concatenate, which compares their types.
    return np.frombuffer(b"".join(tree.tobytes() for tree in trees), dtype=NODE), np.cumsum(sizes) - sizes, sizes


def children(nodes: Nodes, starts: Integers, sizes: Integers) -> tuple[Integers, Integers, Integers]:
    """Inner nodes, their left and their right children, as places among all nodes of trees laid end to end."""
    inner = np.flatnonzero(~nodes["is_leaf"])
    root = np.repeat(starts, sizes)[inner]
    return inner, root + nodes["left"][inner], root + nodes["right"][inner]


def _check_links(nodes: Nodes, starts: Integers, sizes: Integers) -> None:
    """Every node but a root is the child of one node before it, in the same tree: so there are no cycles."""
    inner, left, right = children(nodes, starts, sizes)
    behind = np.repeat(starts + sizes, sizes)[inner]
    apart = (left > inner) & (right > inner) & (left < behind) & (right < behind)
    if not apart.all():
        raise ValueError("a child does not lie behind its parent in the same tree")
    parents = np.bincount(np.concatenate([left, right]), minlength=len(nodes))
    expected = np.ones(len(nodes), dtype=np.int64)
    expected[starts] = 0
    if not np.array_equal(parents, expected):
        raise ValueError("a node has no parent or several")


def _check_numbers(nodes: Nodes, starts: Integers, sizes: Integers) -> None:
    """Thresholds may be +inf, which parts measured from missing values."""
    inner, left, right = children(nodes, starts, sizes)
    threshold, count = nodes["num_threshold"], nodes["count"].astype(np.int64)
    if not np.isfinite(nodes["value"]).all() or np.isnan(threshold).any() or np.isneginf(threshold).any():
        raise ValueError("a leaf or a threshold is not a number")
    if (nodes["feature_idx"] < 0).any():
        raise ValueError("a node looks at no column")
    if count.min() < 1 or not np.array_equal(count[inner], count[left] + count[right]):
        raise ValueError("the rows of a node are not those of its children")


def _depths(nodes: Nodes, starts: Integers, sizes: Integers) -> Integers:
    """Steps from the root."""
    inner, left, right = children(nodes, starts, sizes)
    child = np.zeros((len(nodes), 2), dtype=np.int64)
    child[inner] = np.stack([left, right], axis=1)
    depths = np.zeros(len(nodes), dtype=np.int64)
    level, now = 0, starts
    while len(now):
        if level > DEEPEST:
            raise ValueError(f"a tree is deeper than {DEEPEST}")
        depths[now] = level
        now = child[now[~nodes["is_leaf"][now]]].ravel()
        level += 1
    return depths
