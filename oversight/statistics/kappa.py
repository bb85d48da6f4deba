"""How far two reviewers agree beyond chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import CONFIDENCE, Proportion, proportion
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.refused import Refused
from oversight.statistics.sampling_error import t_value
from oversight.statistics.weighted_share import wilson_effective

Floats = npt.NDArray[np.float64]

LEAST_PAIRS = 20
_NONE = 1e-12


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cohen's κ with its interval, the plain share of agreement, and the share that chance alone would give."""

    kappa: Estimate
    agreed: Proportion
    by_chance: float


def kappa(table: npt.ArrayLike) -> Agreement | Refused:
    """κ out of counts, shape (verdicts, verdicts): rows first reviewer, columns second.

    Cohen 1960 (Educ Psychol Meas 20:37-46). The interval is Wilson's of the agreement, with chance as it was seen, for
    the number of cases that would make κ as unsure as leaving each case out shows it to be (Student's t; Efron and
    Stein 1981, Ann Stat 9:586-596): where that is not unsure at all (full agreement), twenty equal pairs are still not
    certainty. Of 4000 reviews each of 20 to 500 cases with two or three verdicts 94.3 to 96 % held the truth, where one
    verdict is rare (10 % of 40 cases) 93.5, and 97 where nearly all of 40 agree; with the large-sample variance of
    Fleiss, Cohen and Everitt 1969 (Psychol Bull 72:323-327) they were 88 to 95. Refused under 20 pairs (of 10 it is
    93.5), or where both reviewers only ever gave the same one verdict. Raises ValueError unless the table is square.
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
    variance = _variance(counts, value)
    effective = agreed.value * (1 - agreed.value) / ((1 - chance) ** 2 * variance) if variance > _NONE else 0.0
    ends = wilson_effective(agreed.value, effective or number, CONFIDENCE)
    low, high = (max(-1.0, (end - chance) / (1 - chance)) for end in ends)
    return Agreement(Estimate(value, low, high), agreed, chance)


def _kappa(counts: Floats) -> Floats:
    """κ of each table, shape (tables, verdicts, verdicts); NaN where agreement by chance is complete."""
    number = counts.sum(axis=(1, 2))
    chance = np.einsum("ti,ti->t", counts.sum(axis=2), counts.sum(axis=1)) / number**2
    agreed = np.einsum("tii->t", counts) / number
    values: Floats = np.full(len(counts), np.nan)
    np.divide(agreed - chance, 1 - chance, out=values, where=chance < 1 - _NONE)
    return values


def _variance(counts: Floats, value: float) -> float:
    """Of κ, from what it becomes without each case; in normal terms, so that z stands where t should."""
    number, filled = counts.sum(), np.argwhere(counts > 0)
    without = np.repeat(counts[None], len(filled), axis=0)
    without[np.arange(len(filled)), filled[:, 0], filled[:, 1]] -= 1
    moved = _kappa(without) - value
    # Without the only case of a second verdict there is no κ; it cannot be said to move.
    squares = np.where(np.isnan(moved), 0.0, moved**2)
    wider = t_value(number - 1) / z_value(CONFIDENCE)
    return float((number - 1) / number * wider**2 * np.dot(counts[counts > 0], squares))
