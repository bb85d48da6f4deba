"""Rows of groups of clinicians or patients, in which a group of few stands without its counts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oversight.analytics.funnel import Funnel
from oversight.analytics.hidden_groups import hidden_groups
from oversight.statistics.hidden_parts import Sums, few, hidden_parts, word
from oversight.statistics.suppression import Integers


@dataclass(frozen=True, slots=True)
class Hidden:
    """Groups that stand without their counts, and what stands in the place of these."""

    names: frozenset[str]
    word: str


NONE_HIDDEN = Hidden(frozenset(), "")


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


def group_rows(
    found: Sequence[Funnel],
    nameless: str = "not told",
    told: Callable[[str], str] = str,
    of_few: Collection[str] = (),
) -> Rows:
    """Hide small groups and, so that the total gives none away, the smallest of the others (`protect`).

    `told` is what a group is called; `of_few` are groups to hide because few clinicians stand behind them.
    """
    flags, hidden = hidden_groups(found, of_few)
    rows = tuple(
        Row(told(one.key) or nameless, None if flags[place] else one) for place, one in enumerate(found) if one.entries
    )
    return Rows(rows, hidden)


def hidden_names(
    names: Sequence[str], measures: Sequence[Integers], of_few: Collection[str] = (), sums: Sums | None = None
) -> Hidden:
    """The groups of which some measure is small, or which would give away one that is; all have shown totals.

    The first two measures are what is assessed and the cards, which decide as in `group_rows`, so that neither table
    gives the other away.
    """
    small = np.array([name in of_few for name in names], dtype=np.bool_)
    for measure in measures[:2]:
        small |= few(measure)
    for measure in measures:
        small |= few(measure)
        small |= hidden_parts(measure, small, sums)[0]
    found = frozenset(name for name, flag in zip(names, small, strict=True) if flag)
    return Hidden(found, word(measures[0], small))


def hidden_reasons(numbers: Mapping[str, int], of_few: Collection[str]) -> Hidden:
    """Reasons of overrides by their code, "" for none. Of equals the first in the alphabet is hidden, on every page."""
    codes = sorted(numbers)
    return hidden_names(codes, [np.array([numbers[code] for code in codes], dtype=np.int64)], of_few)
