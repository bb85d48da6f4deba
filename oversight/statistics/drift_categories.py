"""Drift of one column of categories (units, codes, sites): moved shares, and what was never seen before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from oversight.proportions import Proportion, proportion
from oversight.statistics import drift_measures as measures
from oversight.statistics.drift_measures import Floats
from oversight.statistics.drift_numeric import LEAST_VALUES, MissingChange, missing_change
from oversight.statistics.exact_shares import hypergeometric_tail
from oversight.statistics.refused import Refused

LEAST_EXPECTED = 5.0
"""A category expected less often than this joins the others that are rare (Cochran 1954, Biometrics 10:417-451)."""


@dataclass(frozen=True, slots=True)
class Novelty:
    """Categories that the reference period never had, most frequent first, and their share of the present values.

    `p` compares that share with the share of reference values whose category stood there only once: those would have
    been new too (Good 1953, Biometrika 40:237-264). Exact (hypergeometric), one-sided.
    """

    categories: tuple[tuple[str, int], ...]
    share: Proportion
    p: float


@dataclass(frozen=True, slots=True)
class Mix:
    """How the shares of the categories moved: `psi`, `js` (bits), and Pearson's χ² of equal shares with its p.

    `chance` is the mean PSI of two samples of these sizes where nothing moved.
    """

    psi: float
    js: float
    chi_squared: float
    degrees: int
    p: float
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class CategoryDrift:
    """One column; `mix` and `novelty` are refused where too few values are there."""

    column: str
    missing: MissingChange
    mix: Mix | Refused
    novelty: Novelty | Refused


def category_drift(
    column: str, reference: Mapping[str | None, int], current: Mapping[str | None, int]
) -> CategoryDrift | Refused:
    """Compare counts by category, None for missing. Refused where either period has no rows."""
    before, now = _present(reference), _present(current)
    change = missing_change(
        (reference.get(None, 0), sum(reference.values())), (current.get(None, 0), sum(current.values()))
    )
    if isinstance(change, Refused):
        return Refused(f"{column}: {change.reason}")
    if min(sum(before.values()), sum(now.values())) < LEAST_VALUES:
        few = Refused(f"fewer than {LEAST_VALUES} values in one of the periods")
        return CategoryDrift(column, change, few, few)
    return CategoryDrift(column, change, _mix(before, now), _novelty(before, now))


def _present(counts: Mapping[str | None, int]) -> dict[str, int]:
    """Without the missing ones and without categories that nobody has."""
    return {name: number for name, number in counts.items() if name is not None and number > 0}


def _mix(before: Mapping[str, int], now: Mapping[str, int]) -> Mix | Refused:
    """Effect sizes and χ² over the categories, the rare ones joined."""
    names = sorted(before.keys() | now.keys())
    table = _joined(np.array([[side.get(name, 0) for name in names] for side in (before, now)], dtype=np.float64))
    if table.shape[1] < 2:
        return Mix(0.0, 0.0, 0.0, 0, 1.0)
    from scipy.special import chdtrc  # noqa: PLC0415  heavy

    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(np.sum((table - expected) ** 2 / expected))
    degrees = table.shape[1] - 1
    return Mix(
        psi=measures.population_stability(table[0], table[1]),
        js=measures.jensen_shannon(table[0], table[1]),
        chi_squared=statistic,
        degrees=degrees,
        p=float(chdtrc(degrees, statistic)),
        chance=measures.chance_psi(table.shape[1], int(table[0].sum()), int(table[1].sum())),
    )


def _joined(table: Floats) -> Floats:
    """The table (2, categories) with all rare categories as one column at its end."""
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    rare = np.any(expected < LEAST_EXPECTED, axis=0)
    if not np.any(rare):
        return table
    return np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])


def _novelty(before: Mapping[str, int], now: Mapping[str, int]) -> Novelty | Refused:
    """What is new, and whether that is more than a long tail of rare codes brings anyway."""
    new = sorted(((name, number) for name, number in now.items() if name not in before), key=lambda it: (-it[1], it[0]))
    count, total = sum(number for _, number in new), sum(now.values())
    share = proportion(count, total)
    if share is None:
        return Refused("no values now")
    singles = sum(1 for number in before.values() if number == 1)
    return Novelty(tuple(new), share, hypergeometric_tail(count, total, singles, sum(before.values())))
