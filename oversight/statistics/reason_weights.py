"""How much of the explanations has changed hands: each concept's share of all mean |SHAP|, before and now.

Ranks (`explanation_drift`) turn over where two concepts weigh nearly the same, and stay where a strong one doubles.
Shares say how much moved, and have an error, so that chance can be told from change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.statistics.familywise import simes
from oversight.statistics.refused import Refused

Floats = npt.NDArray[np.float64]

LEAST_ROWS = 50


@dataclass(frozen=True, slots=True)
class WeightMove:
    """A concept's share of the explanations before and now, 0 to 1."""

    concept: str
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class ReasonWeights:
    """`moved`: half the sum of all |changes|, the share of the explanations that went to other concepts (0 to 1).

    `chance`: its mean where nothing moved. `p`: of no change in any concept. `moves`: the largest change first.
    """

    moved: float
    chance: float
    p: float
    moves: tuple[WeightMove, ...]


def reason_weights(concepts: Sequence[str], before: Floats, now: Floats) -> ReasonWeights | Refused:
    """Compare log-odds by row and concept, shape (rows, concepts) each; rows are independent (one for each stay).

    A share is a ratio of means, so its error is that of its linearised rows; the chance of each concept's change is of
    Student's t with the fewer rows, and one p of all is Simes's. Refused under 50 rows in either period, under two
    concepts, or where nothing is explained.
    """
    if min(len(before), len(now)) < LEAST_ROWS:
        return Refused(f"one of the two periods has fewer than {LEAST_ROWS} assessments with reasons")
    if len(concepts) < 2:
        return Refused("fewer than two concepts have no shares to compare")
    old, new = _shares(before), _shares(now)
    if old is None or new is None:
        return Refused("one of the two periods explains nothing")
    (then, then_variance), (present, variance) = old, new
    change, error = present - then, np.sqrt(then_variance + variance)
    moves = [
        WeightMove(concepts[place], float(then[place]), float(present[place]))
        for place in np.argsort(-np.abs(change), kind="stable")
    ]
    # The mean distance of a normal error from nothing is √(2/π) of its standard deviation.
    chance = math.sqrt(2 / math.pi) * float(error.sum()) / 2
    p = _p_values(change, error, min(len(before), len(now)))
    return ReasonWeights(float(np.abs(change).sum()) / 2, chance, simes(p), tuple(moves))


def _shares(effects: Floats) -> tuple[Floats, Floats] | None:
    """Each concept's share of all mean |effects| and its variance; None where all are 0."""
    sizes = np.abs(effects)
    total = float(sizes.mean(axis=0).sum())
    if total == 0:
        return None
    shares: Floats = sizes.mean(axis=0) / total
    rows = (sizes - sizes.sum(axis=1, keepdims=True) * shares) / total
    return shares, np.asarray(rows.var(axis=0, ddof=1) / len(rows), dtype=np.float64)


def _p_values(change: Floats, error: Floats, rows: int) -> Floats:
    """Two-sided, of no change of each concept; a concept that never varies has changed for sure, or not at all."""
    from scipy.special import stdtr  # noqa: PLC0415  heavy

    varies = error > 0
    t = np.divide(np.abs(change), error, out=np.zeros_like(change), where=varies)
    sure = np.where(change == 0, 1.0, 0.0)
    return np.where(varies, 2 * stdtr(rows - 1, -t), sure)
