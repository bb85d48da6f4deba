"""Working out the Shapley values of every way through every piece, many pieces at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.runtime.leaf_paths import Flags, LeafPaths
from models.runtime.leaf_shapley import shapley_of_patterns
from models.runtime.pieces import NONE, Pieces
from models.runtime.trees import Floats, Integers

# So many pieces of seven nodes take a few MB while they are worked out.
AT_ONCE = 96


def every_way(paths: LeafPaths, pieces: Pieces) -> Iterator[Floats]:
    """Shapley values (pieces, slots, ways) for runs of pieces of equally many digits, in their order."""
    factors, of_factor = _by_piece(pieces.of_leaf[paths.leaf])
    steps, of_step = _by_piece(pieces.of_leaf[paths.leaf[paths.factor]])
    for first, last in _runs(pieces.digits):
        ends = [first, last]
        some = slice(*np.searchsorted(of_factor, ends).tolist())
        own = slice(*np.searchsorted(of_step, ends).tolist())
        leaves = _Leaves.of(paths, factors[some])
        patterns = leaves.patterns(_leads(paths, pieces, steps[own], int(pieces.digits[first])))
        found = np.zeros((last - first, pieces.column.shape[1], patterns.shape[1]))
        slot = pieces.slot_of_factor[factors[some]]
        place = (of_factor[some] - first) * found.shape[1] + slot
        leaves.add_up(paths, patterns, place, found.reshape(-1, patterns.shape[1]))
        yield found


def _by_piece(piece: Integers) -> tuple[Integers, Integers]:
    """What belongs to a piece, in the order of the pieces, and the piece of each."""
    order = np.argsort(piece, kind="stable")
    order = order[np.searchsorted(piece[order], NONE, side="right") :]
    return order, piece[order]


def _runs(digits: Integers) -> Iterator[tuple[int, int]]:
    """Runs of at most `AT_ONCE` pieces of equally many digits."""
    ends = [*np.flatnonzero(np.diff(digits)) + 1, len(digits)]
    first = 0
    for end in ends:
        while first < end:
            last = min(first + AT_ONCE, int(end))
            yield first, last
            first = last


def _leads(paths: LeafPaths, pieces: Pieces, steps: Integers, digits: int) -> Flags:
    """Whether a column leads to its leaf on every way, by factor, (factors, ways)."""
    goes_left = (np.arange(1 << digits) >> np.arange(digits)[:, None] & 1).astype(np.bool_)
    taken = goes_left[pieces.digit_of_step[steps]] == paths.left[steps][:, None]
    return _folded(np.logical_and, taken, _starts(paths.factor[steps]))


def _starts(number: Integers) -> Integers:
    """Where runs of the same number begin."""
    return np.flatnonzero(np.append(True, np.diff(number)))


def _folded(how: np.ufunc, lines: npt.NDArray[Any], starts: Integers) -> npt.NDArray[Any]:
    """`how.reduceat(lines, starts)`, which is slow for runs of few long lines."""
    sizes = np.diff(np.append(starts, len(lines)))
    found = lines[starts]
    for number in range(1, int(sizes.max())):
        more = np.flatnonzero(sizes > number)
        found[more] = how(found[more], lines[starts[more] + number])
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Leaves:
    """The leaves of some pieces. By leaf: its `first` factor and `size`, its number of them. By factor: `leaf`."""

    factors: Integers
    first: Integers
    size: Integers
    leaf: Integers

    @staticmethod
    def of(paths: LeafPaths, factors: Integers) -> _Leaves:
        """The leaves of factors that stand by leaf."""
        first = _starts(paths.leaf[factors])
        size = np.diff(np.append(first, len(factors)))
        return _Leaves(factors, first, size, np.repeat(np.arange(len(first)), size))

    def patterns(self, leads: Flags) -> npt.NDArray[np.uint8]:
        """The columns that lead to each leaf on each way, the first the lowest binary digit, (leaves, ways)."""
        digit = np.arange(len(self.leaf)) - self.first[self.leaf]
        return _folded(np.bitwise_or, leads.view(np.uint8) << digit.astype(np.uint8)[:, None], self.first)

    def add_up(self, paths: LeafPaths, patterns: npt.NDArray[np.uint8], place: Integers, target: Floats) -> None:
        """Add every factor's Shapley values at its place in `target`, (places, ways)."""
        offset, values = self._values(paths)
        order = np.argsort(place, kind="stable")
        index = offset[order][:, None] + patterns[self.leaf[order]]
        starts = _starts(place[order])
        target[place[order][starts]] = _folded(np.add, values.take(index), starts)

    def _values(self, paths: LeafPaths) -> tuple[Integers, Floats]:
        """Where the values of each factor begin, which stand by pattern, and the values."""
        offset = np.zeros(len(self.factors), dtype=np.int64)
        tables, end = [], 0
        for size in np.unique(self.size).tolist():
            some = np.flatnonzero(self.size == size)
            places = self.first[some][:, None] + np.arange(size)
            factors = self.factors[places]
            found = shapley_of_patterns(paths.value[paths.leaf[factors[:, 0]]], paths.share[factors])
            offset[places] = end + (np.arange(places.size) << size).reshape(places.shape)
            tables.append(found.transpose(0, 2, 1).ravel())
            end += found.size
        return offset, np.concatenate(tables)
