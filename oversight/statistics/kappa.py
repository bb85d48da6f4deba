"""How far two reviewers agree beyond chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import CONFIDENCE, Proportion, proportion
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.refused import Refused

LEAST_PAIRS = 10
_NONE = 1e-12


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cohen's κ with its interval, the plain share of agreement, and the share that chance alone would give."""

    kappa: Estimate
    agreed: Proportion
    by_chance: float


def kappa(table: npt.ArrayLike) -> Agreement | Refused:
    """κ out of counts, shape (verdicts, verdicts): rows first reviewer, columns second.

    Cohen 1960 (Educ Psychol Meas 20:37-46); interval with the large-sample variance of Fleiss, Cohen and Everitt 1969
    (Psychol Bull 72:323-327). Where that is 0 (full agreement), the Wilson interval of the agreement stands in, with
    chance taken as known: ten equal pairs are not certainty. Refused under 10 pairs, or where both reviewers only ever
    gave the same one verdict. Raises ValueError unless the table is square.
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError("a table of two reviewers is square")
    number = int(counts.sum())
    agreed = proportion(int(np.trace(counts)), number)
    if agreed is None or number < LEAST_PAIRS:
        return Refused(f"fewer than {LEAST_PAIRS} cases have two verdicts")
    shares = counts / number
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    chance = float(rows @ columns)
    if chance > 1 - 1e-12:
        return Refused("both reviewers gave one and the same verdict throughout, so agreement by chance is 1")
    value = (agreed.value - chance) / (1 - chance)
    variance = _variance(shares, rows, columns, chance) / number
    if variance < _NONE:
        low, high = ((end - chance) / (1 - chance) for end in (agreed.low, agreed.high))
        return Agreement(Estimate(value, max(-1.0, low), high), agreed, chance)
    reach = z_value(CONFIDENCE) * math.sqrt(variance)
    return Agreement(Estimate(value, max(-1.0, value - reach), min(1.0, value + reach)), agreed, chance)


def _variance(
    shares: npt.NDArray[np.float64], rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64], chance: float
) -> float:
    """Variance of κ times the number of cases (equation 13 of Fleiss, Cohen and Everitt)."""
    agreed = float(np.trace(shares))
    value = (agreed - chance) / (1 - chance)
    diagonal = float(np.sum(np.diag(shares) * (1 - (rows + columns) * (1 - value)) ** 2))
    crossed = (columns[:, None] + rows[None, :]) ** 2
    np.fill_diagonal(crossed, 0.0)
    beside = (1 - value) ** 2 * float(np.sum(shares * crossed))
    least = (value - chance * (1 - value)) ** 2
    return max(0.0, diagonal + beside - least) / (1 - chance) ** 2
