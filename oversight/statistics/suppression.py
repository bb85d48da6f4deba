"""Small cells hidden so that nobody can work them out from what is shown.

A table is cells and lines: in a line, parts add up to a total. First every small cell is hidden; then more cells, the
smallest first, until no line gives one away, nor any combination of lines (Willenborg and de Waal 2001, Elements of
Statistical Disclosure Control, chapter 5; Hundepool et al. 2012, chapter 4). A cell with nobody in it is shown: it
describes nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.statistics.narrowed import pinned_by_programme

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SMALLEST_SHOWN = 11
HIDDEN = "hidden: it, or another group that it would give away, has fewer than 11"
_ZERO = 1e-9
_ROUNDING = 1e-6
_ROUNDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Cells whose counts add up to that of the cell `total` (all by their index)."""

    parts: Integers
    total: int


def protect(
    counts: Integers,
    small: Flags,
    lines: Sequence[Line],
    smallest: int = SMALLEST_SHOWN,
    already: Flags | None = None,
) -> Flags:
    """Which cells to hide, shape (cells,). `small`: cells to hide in any case; `already`: others that are hidden.

    Within a line with a shown total at least two cells with someone in them are hidden, together at least `smallest`
    people; and no small cell follows from all lines together, nor from handing bounds on from line to line, nor, in a
    table of few people, from a linear programme.
    """
    hidden = (small if already is None else small | already) & (counts > 0)
    while _closed(counts, hidden, small, lines, smallest):
        pass
    return hidden


def mark(counts: npt.NDArray[np.float64], hidden: Flags, smallest: int = SMALLEST_SHOWN) -> str:
    """What to print for every hidden cell of a table: "<11" where all of them are that small, else "hidden".

    One word for all: who knew which cells are small and which only protect them could narrow the small ones down.
    """
    return f"<{smallest}" if bool(np.all(counts[hidden] < smallest)) else "hidden"


def _closed(counts: Integers, hidden: Flags, small: Flags, lines: Sequence[Line], smallest: int) -> bool:
    """Hide more (in place) where something can be worked out; False if there was nothing to do."""
    changed = False
    for line in lines:
        while not _safe(counts, hidden, small, line, smallest):
            hidden[_smallest_shown(counts, hidden, line)] = True
            changed = True
    if not changed and (cell := next(_given_away(counts, hidden, small, lines, smallest), None)) is not None:
        hidden[cell] = True
        changed = True
    return changed


def _safe(counts: Integers, hidden: Flags, small: Flags, line: Line, smallest: int) -> bool:
    """Whether a line on its own gives nothing away."""
    kept = line.parts[hidden[line.parts] & (counts[line.parts] > 0)]
    if hidden[line.total]:
        return len(kept) > 0 or counts[line.total] == 0
    if len(kept) == 0:
        return True
    together = int(counts[kept].sum())
    # Where all hidden cells are small and at their largest, their sum says so.
    full = bool(small[kept].all()) and together == len(kept) * (smallest - 1)
    return len(kept) > 1 and together >= smallest and not full


def _smallest_shown(counts: Integers, hidden: Flags, line: Line) -> int:
    """The smallest part with someone in it that is still shown; where there is none, the total."""
    shown = line.parts[~hidden[line.parts] & (counts[line.parts] > 0)]
    return int(shown[np.argmin(counts[shown])]) if len(shown) else line.total


def _given_away(counts: Integers, hidden: Flags, small: Flags, lines: Sequence[Line], smallest: int) -> Iterator[int]:
    """Cells that would protect the small ones which all lines together still give away."""
    unknown = np.flatnonzero(hidden & (counts > 0))
    if not len(unknown) or not lines:
        return
    told = _determined(unknown, len(counts), lines) | _pinned(counts, hidden, small, lines, smallest)[unknown]
    if not (told & small[unknown]).any():
        told = pinned_by_programme(counts, unknown, _coefficients(np.arange(len(counts)), len(counts), lines))
    for cell in unknown[told & small[unknown]]:
        own = [line for line in lines if cell in line.parts]
        for line in own:
            if not (hidden[line.parts] | (counts[line.parts] == 0)).all():
                yield _smallest_shown(counts, hidden, line)
        yield from (line.total for line in own if not hidden[line.total])


def _determined(unknown: Integers, number: int, lines: Sequence[Line]) -> Flags:
    """Which unknown cells are 0 in every solution of the lines with all shown counts set to 0: sums alone tell them."""
    matrix = _coefficients(unknown, number, lines)
    sizes, directions = np.linalg.eigh(matrix.T @ matrix)
    free = directions[:, sizes < _ZERO * max(1.0, float(sizes[-1]))]
    result: Flags = np.all(np.abs(free) < _ROUNDING, axis=1)
    return result


def _pinned(counts: Integers, hidden: Flags, small: Flags, lines: Sequence[Line], smallest: int) -> Flags:
    """Cells told by sums to someone who knows that each hidden cell holds at least one: bounds handed on by lines."""
    unknown = hidden & (counts > 0)
    # A cell may be one to hide in any case and yet be large: few clinicians may have many cards.
    most = smallest - 1 if bool((small & (counts < smallest))[unknown].all()) else int(counts.sum())
    low, high = np.where(unknown, 1, counts), np.where(unknown, most, counts)
    parts, totals = np.concatenate([line.parts for line in lines]), np.array([line.total for line in lines])
    line = np.repeat(np.arange(len(lines)), [len(each.parts) for each in lines])
    for _ in range(_ROUNDS):
        least, largest = (np.bincount(line, end[parts]).astype(np.int64) for end in (low, high))
        np.maximum.at(low, totals, least)
        np.minimum.at(high, totals, largest)
        np.maximum.at(low, parts, low[totals][line] - (largest[line] - high[parts]))
        np.minimum.at(high, parts, high[totals][line] - (least[line] - low[parts]))
    pinned: Flags = unknown & (low == high)
    return pinned


def _coefficients(unknown: Integers, number: int, lines: Sequence[Line]) -> npt.NDArray[np.float64]:
    """One row for each line that holds an unknown cell: 1 for a part, −1 for the total."""
    place = np.full(number, -1, dtype=np.int64)
    place[unknown] = np.arange(len(unknown))
    rows = np.zeros((len(lines), len(unknown)))
    for row, line in zip(rows, lines, strict=True):
        parts = place[line.parts]
        row[parts[parts >= 0]] = 1.0
        if place[line.total] >= 0:
            row[place[line.total]] -= 1.0
    used = np.unique(rows[np.any(rows != 0, axis=1)], axis=0)
    return used if len(used) else np.zeros((1, len(unknown)))
