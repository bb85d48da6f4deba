"""Drift of one numeric column (a laboratory value, a score): how far its distribution and its missing share moved."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import Proportion, proportion
from oversight.statistics import drift_measures as measures
from oversight.statistics.drift_measures import Floats, Integers
from oversight.statistics.estimate import Estimate
from oversight.statistics.exact_shares import hypergeometric_tail
from oversight.statistics.refused import Refused
from oversight.statistics.two_proportions import difference, equal_shares_p

LEAST_VALUES = 20
"""Fewer values than this on either side have no distribution worth comparing."""
FEW_MISSING = 200
"""From so many missing values on, and as many others, the normal approximation is good enough."""
RESCALED_PSI = 0.1
LEAST_FACTOR = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class NumericReference:
    """A column of the reference period, sorted once so that many weeks can be held against it."""

    column: str
    values: Floats
    missing: Proportion
    cuts: tuple[Floats, Floats]
    counts: Integers


@dataclass(frozen=True, slots=True)
class MissingChange:
    """The share of missing values before and now; `change` is now − before, `p` that of no change."""

    reference: Proportion
    current: Proportion
    change: Estimate
    p: float


@dataclass(frozen=True, slots=True)
class Shape:
    """How the distribution of the values that are there moved.

    `psi` and `js` (bits) are effect sizes over the reference's deciles; `ks` is the largest distance of the
    distribution functions with its `p`. `factor` is set where one factor explains a large move:
    multiply the reference by it and it looks like the present. That is what a changed unit does. `chance` is the mean
    PSI of two samples of these sizes where nothing moved.
    """

    psi: float
    js: float
    ks: float
    p: float
    reference_median: float
    current_median: float
    factor: float | None
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class NumericDrift:
    """One column. `shape` is refused where too few values are there; the missing share speaks then."""

    column: str
    missing: MissingChange
    shape: Shape | Refused


def missing_change(before: tuple[int, int], now: tuple[int, int]) -> MissingChange | Refused:
    """Compare (missing, all) of two periods. Refused where either has no rows."""
    reference, current = proportion(*before), proportion(*now)
    if reference is None or current is None:
        return Refused("one of the two periods has no rows")
    return MissingChange(reference, current, difference(current, reference), _equal_p(current, reference))


def _equal_p(current: Proportion, reference: Proportion) -> float:
    """Two-sided p of equal shares: Fisher's exact test, doubled, where few are missing or few are not; else the score.

    The score's p is too small where a share is near 0, and a unit of the hospital has few missing values.
    """
    missing = [(each.count, each.total) for each in (current, reference)]
    present = [(total - count, total) for count, total in missing]
    # The rarer of both: the exact test takes as long as there are cases.
    rare = min(missing, present, key=lambda each: each[0][0] + each[1][0])
    if rare[0][0] + rare[1][0] >= FEW_MISSING:
        return equal_shares_p(current, reference)
    more, less = sorted(rare, key=lambda each: each[0] / each[1], reverse=True)
    return min(1.0, 2 * hypergeometric_tail(*more, *less))


def numeric_reference(column: str, values: npt.ArrayLike) -> NumericReference | Refused:
    """Prepare a column, shape (rows,); NaN and infinite count as missing. Refused under `LEAST_VALUES` values."""
    present, missing = _sorted(values)
    share = proportion(missing, len(present) + missing)
    if share is None or len(present) < LEAST_VALUES:
        return Refused(f"{column}: the reference period has fewer than {LEAST_VALUES} values")
    cuts = measures.cut_points(present)
    return NumericReference(column, present, share, cuts, measures.binned(present, cuts))


def numeric_drift(reference: NumericReference, values: npt.ArrayLike) -> NumericDrift | Refused:
    """Hold the present values, shape (rows,), against the reference. Refused where there are no rows at all."""
    present, missing = _sorted(values)
    change = missing_change((reference.missing.count, reference.missing.total), (missing, len(present) + missing))
    if isinstance(change, Refused):
        return Refused(f"{reference.column}: {change.reason}")
    return NumericDrift(reference.column, change, _shape(reference, present))


def _sorted(values: npt.ArrayLike) -> tuple[Floats, int]:
    """The finite values in order, and how many are not finite."""
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise ValueError("a column has one dimension")
    present = np.sort(column[np.isfinite(column)])
    return present, len(column) - len(present)


def _shape(reference: NumericReference, present: Floats) -> Shape | Refused:
    """The effect sizes of one column."""
    if len(present) < LEAST_VALUES:
        return Refused(f"fewer than {LEAST_VALUES} values now")
    counts = measures.binned(present, reference.cuts)
    distance = measures.ks_distance(reference.values, present)
    psi = measures.population_stability(reference.counts, counts)
    return Shape(
        psi=psi,
        js=measures.jensen_shannon(reference.counts, counts),
        ks=distance,
        p=measures.ks_p(distance, len(reference.values), len(present)),
        reference_median=_median(reference.values),
        current_median=_median(present),
        factor=_factor(reference, present, psi),
        chance=measures.chance_psi(len(counts), len(reference.values), len(present)),
    )


def _median(values: Floats) -> float:
    """The median of sorted values."""
    return float(values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def _factor(reference: NumericReference, present: Floats, psi: float) -> float | None:
    """The one factor that explains a large move, if there is one: after dividing it out little is left."""
    before, now = _median(reference.values), _median(present)
    if psi < 2 * RESCALED_PSI or before <= 0 or now <= 0 or abs(math.log(now / before)) < math.log(LEAST_FACTOR):
        return None
    rescaled = measures.binned(present * (before / now), reference.cuts)
    chance = measures.chance_psi(len(reference.counts), len(reference.values), len(present))
    left = measures.population_stability(reference.counts, rescaled)
    return now / before if left < RESCALED_PSI + chance else None
