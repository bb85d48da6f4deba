"""What a linear programme makes of a table with hidden cells: which of them it can pin down."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# People in a table up to which every hidden cell is tried. In larger ones sums and bounds find what there is to find.
FEW_PEOPLE = 2_000
FEW_CELLS = 300
# Counts are whole: bounds nearer than this leave one number.
_ONE_NUMBER = 0.5


def pinned_by_programme(counts: Integers, unknown: Integers, equations: npt.NDArray[np.float64]) -> Flags:
    """For each unknown cell, whether all sums together leave it one value, to who knows that each holds at least one.

    `equations` has one row for each line and one column for each cell: 1 for a part, -1 for the total. All False where
    the table is too large to try (Castro 2012, Computers & OR 39, on cell suppression audits).
    """
    told = np.zeros(len(unknown), dtype=bool)
    if counts.max(initial=0) > FEW_PEOPLE or len(counts) > FEW_CELLS:
        return told
    from scipy.optimize import linprog  # noqa: PLC0415  heavy

    hidden = np.zeros(len(counts), dtype=bool)
    hidden[unknown] = True
    bounds = [(1, None) if hide else (count, count) for count, hide in zip(counts.tolist(), hidden, strict=True)]
    nothing = np.zeros(len(equations))
    # The truth is a solution, and every other one that is found spares the cells that it moves their own programmes.
    low, high = counts.astype(np.float64), counts.astype(np.float64)
    for place, cell in enumerate(unknown):
        aim = np.zeros(len(counts))
        aim[cell] = 1
        for sign in (1, -1):
            if high[cell] - low[cell] >= _ONE_NUMBER:
                break
            end = linprog(sign * aim, A_eq=equations, b_eq=nothing, bounds=bounds)
            if end.status != 0:
                break
            low, high = np.minimum(low, end.x), np.maximum(high, end.x)
        else:
            told[place] = high[cell] - low[cell] < _ONE_NUMBER
    return told
