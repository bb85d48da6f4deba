"""Drawing a plan: a stratified random sample in which each card keeps its probability of being drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clinical.errors import Unprocessable
from oversight.reviews.plan import LEAST_OF_STRATUM, Allocation, ReviewPlan
from oversight.reviews.population import Label, Population
from oversight.statistics.sampling import allocate, draw
from oversight.statistics.suppression import SMALLEST_SHOWN


@dataclass(frozen=True, slots=True)
class Drawn:
    """A card by its sequence in the ledger, its stratum, and the probability with which it was drawn."""

    advice: int
    stratum: Label
    probability: float


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn out of `population` cards in `strata` strata."""

    cards: tuple[Drawn, ...]
    population: int
    strata: int


def drawn(plan: ReviewPlan, cards: Population) -> Draw:
    """Draw from the plan's seed: the same plan on the same cards gives the same draw.

    Raises `Unprocessable` where there are fewer than eleven cards, whose number nobody is to see, or where the strata
    are too many for the size.
    """
    number = len(cards.labels)
    if not number:
        raise Unprocessable("No card fits: nothing of this service has such a response in these days.")
    if len(cards.sequences) < SMALLEST_SHOWN:
        raise Unprocessable(f"Fewer than {SMALLEST_SHOWN} cards fit: choose more days or more responses.")
    if number * LEAST_OF_STRATUM > plan.size:
        raise Unprocessable(
            f"The groups make {number} strata, and each needs {LEAST_OF_STRATUM} cards: draw at least "
            f"{number * LEAST_OF_STRATUM}, or group by less."
        )
    sizes = np.bincount(cards.strata, minlength=number).astype(np.int64)
    least = plan.size // number if plan.allocation is Allocation.EQUAL else LEAST_OF_STRATUM
    sample = draw(cards.strata, allocate(sizes, plan.size, least), np.random.default_rng(plan.seed))
    found = zip(cards.sequences[sample.rows], sample.strata, sample.probabilities, strict=True)
    return Draw(
        tuple(Drawn(int(advice), cards.labels[stratum], float(chance)) for advice, stratum, chance in found),
        len(cards.sequences),
        number,
    )
