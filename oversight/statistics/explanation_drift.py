"""Do the reasons still rank as they did? Rank correlation of mean |SHAP| by concept, a week against the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.refused import Refused

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LEAST_CONCEPTS = 5
LEAST_ROWS = 50
AGREEMENT = 0.8
"""Below this the reasons rank differently (ours; no study sets it)."""


@dataclass(frozen=True, slots=True)
class ConceptMove:
    """A concept's rank before and now, 1 = the strongest reason on average."""

    concept: str
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class ExplanationDrift:
    """`agreement`: Spearman's ρ with its interval over the concepts; `moves`: the concepts, the largest move first.

    `moved` only if ρ lies under the threshold; the interval shows how little some ten concepts can tell.
    """

    agreement: Estimate
    rows: int
    moves: tuple[ConceptMove, ...]
    moved: bool


def mean_absolute(attributions: Floats, weeks: Integers, number: int) -> tuple[Floats, Integers]:
    """Mean |SHAP| by week and concept, shape (number, concepts), and rows by week.

    `attributions`: (rows, concepts) in log-odds; `weeks`: codes 0 to number − 1. A week without rows has zeros.
    """
    rows = np.bincount(weeks, minlength=number)
    if not attributions.shape[1]:
        return np.zeros((number, 0)), rows.astype(np.int64)
    sums = np.column_stack([np.bincount(weeks, np.abs(column), minlength=number) for column in attributions.T])
    return sums / np.maximum(rows, 1)[:, None], rows.astype(np.int64)


def explanation_drift(
    concepts: Sequence[str], reference: Floats, current: Floats, rows: int, threshold: float = AGREEMENT
) -> ExplanationDrift | Refused:
    """Compare mean |SHAP| by concept, shape (concepts,) each, of the reference and of a week with `rows` assessments.

    The interval is on Fisher's scale with the standard error √((1 + ρ²/2)/(n − 3)) (Bonett and Wright 2000,
    Psychometrika 65:23-28). Refused under 5 concepts or 50 rows, or where all concepts weigh the same.
    """
    if len(concepts) < LEAST_CONCEPTS:
        return Refused(f"fewer than {LEAST_CONCEPTS} concepts have no ranking to compare")
    if rows < LEAST_ROWS:
        return Refused(f"fewer than {LEAST_ROWS} assessments this week")
    before, now = ranks(-reference), ranks(-current)
    if np.ptp(before) == 0 or np.ptp(now) == 0:
        return Refused("all concepts weigh the same, so there is no ranking")
    rho = float(np.clip(np.corrcoef(before, now)[0, 1], -1.0, 1.0))
    order = np.argsort(-np.abs(now - before), kind="stable")
    moves = tuple(ConceptMove(concepts[each], float(before[each]), float(now[each])) for each in order)
    return ExplanationDrift(_interval(rho, len(concepts)), rows, moves, rho < threshold)


def ranks(values: Floats) -> Floats:
    """Ascending ranks from 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)


def _interval(rho: float, number: int) -> Estimate:
    """The interval of a rank correlation; a perfect one has none to either side."""
    if abs(rho) == 1.0:
        return Estimate(rho, rho, rho)
    centre = math.atanh(rho)
    reach = z_value(CONFIDENCE) * math.sqrt((1 + rho * rho / 2) / (number - 3))
    return Estimate(rho, math.tanh(centre - reach), math.tanh(centre + reach))
