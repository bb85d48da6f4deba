"""Rows of groups of clinicians or patients, in which a group of few stands without its counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oversight.analytics.funnel import Funnel
from oversight.statistics.suppression import SMALLEST_SHOWN, Flags, Integers, Line, mark, protect


@dataclass(frozen=True, slots=True)
class Row:
    """A group; `counts` is None where it has fewer than eleven, or would give away one that has."""

    name: str
    counts: Funnel | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Groups in order, and what stands in the place of hidden counts."""

    rows: tuple[Row, ...]
    hidden: str

    @property
    def without_counts(self) -> frozenset[str]:
        """The names of the hidden groups."""
        return frozenset(row.name for row in self.rows if row.counts is None)


def group_rows(found: Sequence[Funnel], nameless: str = "not told") -> Rows:
    """Hide small groups and, so that the total gives none away, the smallest of the others (`protect`)."""
    cards = np.array([one.cards for one in found], dtype=np.int64)
    assessed = np.array([one.assessed for one in found], dtype=np.int64)
    small = ((cards > 0) & (cards < SMALLEST_SHOWN)) | ((assessed > 0) & (assessed < SMALLEST_SHOWN))
    flags, hidden = hidden_parts(assessed, small)
    rows = tuple(
        Row(one.key or nameless, None if flags[place] else one) for place, one in enumerate(found) if one.entries
    )
    return Rows(rows, hidden)


def hidden_parts(counts: Integers, small: Flags) -> tuple[Flags, str]:
    """Which parts of a shown total to hide, and what to print in their place. Where nobody is, nothing is hidden."""
    whole = np.append(counts, counts.sum())
    flags = protect(whole, np.append(small, False), [Line(np.arange(counts.size), counts.size)])[:-1]
    return flags, mark(counts.astype(np.float64), flags) if flags.any() else ""
