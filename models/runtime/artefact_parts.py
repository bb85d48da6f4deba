"""From the arrays of an artefact's file to its members and its ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

import numpy as np

from models.runtime.archive import Array
from models.runtime.calibration import Ranges
from models.runtime.trees import NODE, Member, Nodes, grow


def members_of(arrays: Mapping[str, Array]) -> Iterator[Member]:
    """The members; their trees are laid end to end. Raises ValueError for what is no tree."""
    nodes = np.zeros(len(arrays["value"]), dtype=NODE)
    for name in arrays.keys() & set(NODE.names or ()):
        if len(arrays[name]) != len(nodes):
            raise ValueError("a node lacks a number")
        nodes[name] = arrays[name]
    trees = grow(arrays["sizes"], nodes)
    for baseline, own in zip(arrays["baseline"].tolist(), _parts(trees, arrays["trees"]), strict=True):
        yield Member(baseline, own)


def _parts(items: Sequence[Nodes], counts: Array) -> list[tuple[Nodes, ...]]:
    """Runs of so many items each."""
    if (counts < 0).any() or counts.sum() != len(items):
        raise ValueError("the counts of trees are not those of the members")
    return [tuple(items[first:last]) for first, last in pairwise(accumulate(counts.tolist(), initial=0))]


def ranges_of(arrays: Mapping[str, Array]) -> Iterator[Ranges]:
    """The tables; one of k ranges has k + 1 points. Raises ValueError where the counts do not fit."""
    sizes = arrays["range_sizes"]
    if (sizes < 1).any() or len(sizes) != len(arrays["range_from"]):
        raise ValueError("the ranges are not those of their landmarks")
    ends = np.cumsum(sizes)
    points = len(arrays["range_at"]), len(arrays["range_lower"]), len(arrays["range_upper"])
    if points != (sizes.sum() + len(sizes), sizes.sum(), sizes.sum()):
        raise ValueError("the ranges lack a number")
    for number, (start, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        at = arrays["range_at"][start + number : end + number + 1]
        lower, upper = arrays["range_lower"][start:end], arrays["range_upper"][start:end]
        yield Ranges(float(arrays["range_from"][number]), at, lower, upper)
