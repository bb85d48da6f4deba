"""Which overrides to review: a stratified random sample that keeps each one's probability of being drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SamplePlan:
    """The rows drawn (ascending), with their stratum and the probability to store beside each.

    `sizes` and `drawn` are rows and draws by stratum.
    """

    rows: Integers
    strata: Integers
    probabilities: Floats
    sizes: Integers
    drawn: Integers


def allocate(sizes: Integers, total: int, least: int = 5) -> Integers:
    """How many to draw from each stratum: `least` (or all there are), the rest in proportion to size, `total` in all.

    Largest remainders decide the odd ones. If the minimum alone needs more than `total`, it stands: a stratum with one
    draw has no variance. Never more than a stratum holds.
    """
    drawn = np.minimum(sizes, least)
    while (left := min(total, int(sizes.sum())) - int(drawn.sum())) > 0:
        room = sizes - drawn
        wish = sizes * (room > 0) * (left / sizes[room > 0].sum())
        whole = np.minimum(np.floor(wish).astype(np.int64), room)
        if whole.sum() == 0:
            odd = np.argsort(-np.where(room > 0, wish, -1.0), kind="stable")[:left]
            whole[odd] = room[odd] > 0
        drawn = drawn + whole
    return drawn.astype(np.int64)


def draw(strata: Integers, drawn: Integers, rng: np.random.Generator) -> SamplePlan:
    """Draw without replacement within each stratum; `strata`: (rows,), codes from 0; `drawn`: by stratum.

    Raises ValueError if a stratum holds fewer rows than it should give.
    """
    sizes = np.bincount(strata, minlength=len(drawn)).astype(np.int64)
    if len(sizes) != len(drawn) or bool(np.any(drawn > sizes)):
        raise ValueError("no stratum can give more rows than it holds")
    by_stratum = np.argsort(strata, kind="stable")
    starts = np.cumsum(sizes) - sizes
    picked = [
        by_stratum[start + rng.choice(size, number, replace=False)]
        for start, size, number in zip(starts, sizes, drawn, strict=True)
        if number
    ]
    rows = np.sort(np.concatenate(picked)) if picked else np.zeros(0, dtype=np.int64)
    code = strata[rows]
    return SamplePlan(rows, code, drawn[code] / sizes[code], sizes, drawn)
