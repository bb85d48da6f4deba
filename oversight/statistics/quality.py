"""The data quality of a feed in four parts, summed up by its worst part: an average would hide it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from oversight.proportions import Proportion, proportion
from oversight.statistics.refused import Refused

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Part(StrEnum):
    """What can be wrong with a feed (terms: Kahn et al. 2016, eGEMs 4:1244, and timeliness)."""

    COMPLETENESS = "completeness"
    TIMELINESS = "timeliness"
    PLAUSIBILITY = "plausibility"
    UNITS = "unit known"


WEIGHTS: Mapping[Part, float] = MappingProxyType(dict.fromkeys(Part, 1.0))
"""How much of a part's shortfall counts, 0 to 1. Ours: all of it."""


@dataclass(frozen=True, slots=True)
class FeedCounts:
    """(good, all) of each part: present of expected, in time of received, plausible and unit known of valued."""

    feed: str
    present: tuple[int, int]
    in_time: tuple[int, int]
    plausible: tuple[int, int]
    unit_known: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PartScore:
    """One part: its share with interval and denominator, or why there is none; and its weight."""

    part: Part
    share: Proportion | Refused
    weight: float

    @property
    def score(self) -> float | None:
        """1 − weight × shortfall; None where nothing was counted."""
        return None if isinstance(self.share, Refused) else 1 - self.weight * (1 - self.share.value)


@dataclass(frozen=True, slots=True)
class FeedQuality:
    """All four parts. `score` and `worst` are those of the lowest part; `unknown` parts had nothing to count."""

    feed: str
    parts: tuple[PartScore, ...]
    worst: Part | None
    score: float | Refused
    unknown: tuple[Part, ...]


def feed_quality(counts: FeedCounts, weights: Mapping[Part, float] = WEIGHTS) -> FeedQuality:
    """Score a feed: the minimum over its parts of 1 − weight × (1 − share) (weighted minimum, Yager 1981).

    Raises ValueError for a weight outside 0 to 1.
    """
    pairs = (counts.present, counts.in_time, counts.plausible, counts.unit_known)
    parts = tuple(_part(part, *pair, weights[part]) for part, pair in zip(Part, pairs, strict=True))
    known = [(score, each.part) for each in parts if (score := each.score) is not None]
    unknown = tuple(each.part for each in parts if each.score is None)
    if not known:
        return FeedQuality(counts.feed, parts, None, Refused("nothing was expected and nothing came"), unknown)
    score, worst = min(known, key=lambda pair: pair[0])
    return FeedQuality(counts.feed, parts, worst, score, unknown)


def _part(part: Part, good: int, total: int, weight: float) -> PartScore:
    """One part's share."""
    if not 0 <= weight <= 1:
        raise ValueError("a weight lies between 0 and 1")
    return PartScore(part, proportion(good, total) or Refused("nothing to count"), weight)


def count_feed(
    feed: str,
    expected: int,
    values: Floats,
    plausible: tuple[float, float],
    delay_minutes: Floats,
    in_time_minutes: float,
    unit_known: Flags,
) -> FeedCounts:
    """Count a feed's messages, arrays (received,); a value that is NaN came without one, a delay that is NaN is late.

    `expected` is how many values should have come; more than that counts as all of them.
    """
    valued = np.isfinite(values)
    number, received = int(valued.sum()), len(values)
    inside = valued & (values >= plausible[0]) & (values <= plausible[1])
    return FeedCounts(
        feed,
        present=(min(number, expected), expected),
        in_time=(int(np.count_nonzero(delay_minutes <= in_time_minutes)), received),
        plausible=(int(inside.sum()), number),
        unit_known=(int(np.count_nonzero(unit_known & valued)), number),
    )
