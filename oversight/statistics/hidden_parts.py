"""Which parts of a total that is shown stand without their counts, so that no small one follows from the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.statistics.suppression import SMALLEST_SHOWN, Flags, Integers, Line, mark, protect


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums of parts that are told elsewhere, such as weeks of days: that of each part, and which of them are hidden."""

    of: Integers
    hidden: Flags


def few(counts: Integers) -> Flags:
    """Which counts are of somebody, but of fewer than eleven."""
    found: Flags = (counts > 0) & (counts < SMALLEST_SHOWN)
    return found


def word(counts: Integers, hidden: Flags) -> str:
    """What stands in the place of hidden counts. Where all are at their largest, "<11" and their sum would say so."""
    full = int(counts[hidden].sum()) == (SMALLEST_SHOWN - 1) * int(hidden.sum())
    return "" if not hidden.any() else "hidden" if full else mark(counts.astype(np.float64), hidden)


def hidden_parts(counts: Integers, small: Flags, sums: Sums | None = None) -> tuple[Flags, str]:
    """Which parts of a shown total to hide, and what to print in their place. Where nobody is, nothing is hidden.

    With `sums` none follows from these either.
    """
    size = counts.size
    if sums is None:
        cells, lines = np.append(counts, counts.sum()), [Line(np.arange(size), size)]
        given = np.append(small, False)
    else:
        added = np.bincount(sums.of, counts, sums.hidden.size).astype(np.int64)
        cells, given = np.concatenate([counts, added, [counts.sum()]]), np.concatenate([small, sums.hidden, [False]])
        lines = [Line(np.flatnonzero(sums.of == place), size + place) for place in range(added.size)]
        lines.append(Line(np.arange(size, size + added.size), size + added.size))
    flags = protect(cells, given, lines)[:size]
    return flags, word(counts, flags)
