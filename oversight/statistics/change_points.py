"""When did a weekly rate change? Binary segmentation with a binomial likelihood-ratio scan.

At each place a series is split in two and 2 (log-likelihood of two rates - of one) is taken; the largest is the scan
statistic (Scott and Knott 1974, Biometrics 30:507-512, for the segmentation). Its threshold comes from the same weeks
in random order, so weeks that differ by more than chance raise it too. What is found is split again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import Proportion, wilson
from oversight.statistics.refused import Refused

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

MINIMUM_WEEKS = 3
PERMUTATIONS = 999
ALPHA = 0.01


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The rate is another one from `place` on: `before` and `after` up to the neighbouring change points."""

    place: int
    before: Proportion
    after: Proportion
    p_value: float


def change_points(
    counts: Counts,
    totals: Counts,
    rng: np.random.Generator,
    alpha: float = ALPHA,
    minimum_weeks: int = MINIMUM_WEEKS,
    permutations: int = PERMUTATIONS,
) -> tuple[ChangePoint, ...] | Refused:
    """Change points of `counts` out of `totals`, one entry a week, in order; none where none is beyond noise.

    A series without a change has one reported with probability `alpha`. Each side of a change has at least
    `minimum_weeks` weeks. Same numbers and same `rng`, same answer. Refused for fewer than 2 × `minimum_weeks` weeks
    with cards, which alone count (a place still refers to the series as it was given), and for fewer `permutations`
    than can reach `alpha`. Raises ValueError unless 0 <= count <= total.
    """
    if counts.shape != totals.shape or counts.ndim != 1 or bool(((counts < 0) | (counts > totals)).any()):
        raise ValueError("one count and one total for each week, count between 0 and total")
    seen = np.flatnonzero(totals)
    if seen.size < 2 * minimum_weeks:
        return Refused(f"A change needs at least {2 * minimum_weeks} weeks with answered cards; there are {seen.size}.")
    if 1 / (permutations + 1) > alpha:
        return Refused("Too few permutations for so small an error.")
    scan = _Scan(counts[seen], totals[seen], rng, alpha, minimum_weeks, permutations)
    found = scan.split(0, seen.size)
    edges = [0, *(place for place, _ in found), seen.size]
    return tuple(
        ChangePoint(int(seen[place]), scan.rate(start, place), scan.rate(place, end), p_value)
        for start, (place, p_value), end in zip(edges, found, edges[2:], strict=False)
    )


@dataclass(frozen=True, slots=True)
class _Scan:
    """A series and how it is searched."""

    counts: Counts
    totals: Counts
    rng: np.random.Generator
    alpha: float
    minimum: int
    permutations: int

    def split(self, start: int, end: int) -> list[tuple[int, float]]:
        """Places of change between `start` and `end` with their p values, in order."""
        if end - start < 2 * self.minimum:
            return []
        counts, totals = self.counts[start:end], self.totals[start:end]
        statistic = _ratios(counts, totals, self.minimum)
        best = int(statistic.argmax())
        # Rounding may put the same weeks in another order a hair above.
        reached = self._shuffled(counts, totals) >= statistic[best] - 1e-9
        p_value = (1 + int(reached.sum())) / (1 + self.permutations)
        if p_value > self.alpha:
            return []
        place = start + self.minimum + best
        return [*self.split(start, place), (place, p_value), *self.split(place, end)]

    def rate(self, start: int, end: int) -> Proportion:
        """The rate of some weeks."""
        count, total = int(self.counts[start:end].sum()), int(self.totals[start:end].sum())
        return Proportion(count, total, *wilson(count, total))

    def _shuffled(self, counts: Counts, totals: Counts) -> Floats:
        """The largest statistic of each random order."""
        orders = self.rng.permuted(np.tile(np.arange(counts.size), (self.permutations, 1)), axis=1)
        largest: Floats = _ratios(counts[orders], totals[orders], self.minimum).max(axis=1)
        return largest


def _ratios(counts: Counts, totals: Counts, minimum: int) -> Floats:
    """2 × log likelihood ratio of a change at each allowed place; weeks on the last axis."""
    events, cards = np.cumsum(counts, axis=-1), np.cumsum(totals, axis=-1)
    left, left_cards = events[..., minimum - 1 : -minimum], cards[..., minimum - 1 : -minimum]
    all_events, all_cards = events[..., -1:], cards[..., -1:]
    parts = _fit(left, left_cards) + _fit(all_events - left, all_cards - left_cards)
    ratios: Floats = 2 * (parts - _fit(all_events, all_cards))
    return ratios


def _fit(events: Counts, cards: Counts) -> Floats:
    """Log likelihood at the observed rate, without what cancels."""
    from scipy.special import xlogy  # noqa: PLC0415  heavy

    fit: Floats = xlogy(events, events / cards) + xlogy(cards - events, 1 - events / cards)
    return fit
