"""Shares with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Proportion:
    """`count` of `total`, with the Wilson score interval `low` to `high` (all shares between 0 and 1)."""

    count: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself."""
        return self.count / self.total


def proportion(count: int, total: int, confidence: float = CONFIDENCE) -> Proportion | None:
    """The share `count / total` with its interval, or None of nothing."""
    return None if total == 0 else Proportion(count, total, *wilson(count, total, confidence))


def wilson(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The two-sided score interval of a binomial share, without continuity correction.

    (2np + z² ± z √(z² + 4npq)) / 2(n + z²), Wilson 1927 (JASA 22:209-212), in the form of Newcombe 1998
    (Stat Med 17:857-872), method 3. Raises ValueError unless 0 <= count <= total and total > 0.
    """
    if not 0 <= count <= total or total == 0:
        raise ValueError("count must be between 0 and total, and total above 0")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = 2 * count + z * z
    spread = z * math.sqrt(z * z + 4 * count * (total - count) / total)
    scale = 2 * (total + z * z)
    # The ends are exact where the share is; rounding would leave 1e-17 or 1 - 1e-16.
    low = 0.0 if count == 0 else (centre - spread) / scale
    high = 1.0 if count == total else (centre + spread) / scale
    return low, high
