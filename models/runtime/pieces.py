"""Cutting trees into pieces of which every way through can be written down.

A piece is some leaves of one tree with the nodes on their paths. With seven nodes there are 128 ways through it: to one
side or the other at each. A tree of eight leaves is one piece. Larger trees are cut into several; a leaf whose own path
is longer than a piece may be is in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.runtime.leaf_paths import Flags, LeafPaths
from models.runtime.trees import Integers

NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """`of_leaf` holds the piece of each leaf or `NONE`.

    The nodes of a piece are its *digits*, its columns its *slots*: `node` (pieces, most digits) and `column` (pieces,
    most slots) say which, `NONE` where a piece has fewer. `digit_of_step` and `slot_of_factor` say where a step and a
    factor of the paths stand in their piece. Pieces stand by their number of `digits`.
    """

    of_leaf: Integers
    digits: Integers
    node: Integers
    column: Integers
    digit_of_step: Integers
    slot_of_factor: Integers

    @property
    def lines(self) -> int:
        """The ways through all pieces."""
        return int((1 << self.digits).sum())


def pieces(paths: LeafPaths, most: int) -> Pieces:
    """Pieces of at most `most` nodes."""
    of_leaf = _cut(paths, most)
    of_factor = of_leaf[paths.leaf]
    of_step = of_factor[paths.factor]
    node, digit_of_step = _tabulated(of_step, paths.node)
    digits = (node != NONE).sum(axis=1)
    order = np.argsort(digits, kind="stable")
    rank = np.append(np.argsort(order, kind="stable"), NONE)
    column, slot_of_factor = _tabulated(of_factor, paths.column)
    return Pieces(rank[of_leaf], digits[order], node[order], column[order], digit_of_step, slot_of_factor)


def _tabulated(piece: Integers, item: Integers) -> tuple[Integers, Integers]:
    """The distinct items of each piece, (pieces, most items), and the place of every item among those of its piece."""
    width = int(item.max()) + 1
    keys, place = np.unique(np.where(piece == NONE, NONE, piece * width + item), return_inverse=True)
    outside = int(keys[0] == NONE)
    owner = keys[outside:] // width
    number = np.arange(len(owner)) - np.searchsorted(owner, owner)
    table = np.full((int(owner.max(initial=NONE)) + 1, int(number.max(initial=NONE)) + 1), NONE, dtype=np.int64)
    table[owner, number] = keys[outside:] % width
    return table, np.append(np.full(outside, NONE), number)[place]


def _cut(paths: LeafPaths, most: int) -> Integers:
    """The piece of each leaf, numbered by tree."""
    trees = int(paths.tree[-1]) + 1
    tree_of_node = np.zeros(len(paths.inner), dtype=np.int64)
    tree_of_node[paths.node] = paths.tree[paths.leaf[paths.factor]]
    nodes = np.bincount(tree_of_node, minlength=trees)
    first_node = np.cumsum(nodes) - nodes
    ends = np.cumsum(np.bincount(paths.tree, minlength=trees))
    small = nodes <= most
    of_leaf = np.zeros(len(paths.tree), dtype=np.int64)
    parts = np.ones(trees, dtype=np.int64)
    masks = _masks(paths, first_node[tree_of_node], ~small[tree_of_node])
    for tree in np.flatnonzero(~small).tolist():
        own = slice(ends[tree - 1] if tree else 0, ends[tree])
        of_leaf[own], parts[tree] = _packed(masks[own], most)
    first_piece = np.cumsum(parts) - parts
    return np.where(of_leaf == NONE, NONE, of_leaf + first_piece[paths.tree])


def _masks(paths: LeafPaths, first_node: Integers, wanted: Flags) -> list[int]:
    """The nodes on the path of each leaf of some trees, as the binary digits of one integer of any length."""
    masks = [0] * len(paths.tree)
    steps = np.flatnonzero(wanted[paths.node])
    local = paths.node[steps] - first_node[paths.node[steps]]
    for leaf, node in zip(paths.leaf[paths.factor[steps]].tolist(), local.tolist(), strict=True):
        masks[leaf] |= 1 << node
    return masks


def _packed(masks: Sequence[int], most: int) -> tuple[list[int], int]:
    """The piece of each leaf of one tree, and how many there are: the longest path first, to where it adds least."""
    unions: list[int] = []
    found = [NONE] * len(masks)
    for leaf in sorted(range(len(masks)), key=lambda leaf: -masks[leaf].bit_count()):
        if masks[leaf].bit_count() > most:
            continue
        added = [(union | masks[leaf]).bit_count() for union in unions]
        fits = [place for place, nodes in enumerate(added) if nodes <= most]
        if not fits:
            unions.append(0)
        place = min(fits, key=lambda place: added[place] - unions[place].bit_count(), default=len(unions) - 1)
        unions[place] |= masks[leaf]
        found[leaf] = place
    return found, len(unions)
