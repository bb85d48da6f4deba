"""Two shares compared: their difference and their ratio, with intervals."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Protocol

from oversight.proportions import CONFIDENCE, Proportion
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused


def difference(share: Proportion, reference: Proportion) -> Estimate:
    """`share` − `reference` with the interval built from the two Wilson intervals.

    Newcombe 1998 (Stat Med 17:873-890), method 10. The confidence is that of the two shares.
    """
    return square_and_add(share, reference)


class HasInterval(Protocol):
    """A figure between two ends."""

    @property
    def value(self) -> float:
        """The figure itself."""

    @property
    def low(self) -> float:
        """The lower end of its interval."""

    @property
    def high(self) -> float:
        """The upper end of its interval."""


def square_and_add(share: HasInterval, reference: HasInterval) -> Estimate:
    """The difference of two independent figures from the interval of each, which need not be symmetric.

    Zou and Donner 2008 (Stat Med 27:1693-1702): what Newcombe did for shares holds for any figures.
    """
    value = share.value - reference.value
    below = math.hypot(share.value - share.low, reference.high - reference.value)
    above = math.hypot(share.high - share.value, reference.value - reference.low)
    return Estimate(value, value - below, value + above)


def ratio(share: Proportion, reference: Proportion, confidence: float = CONFIDENCE) -> Estimate | Refused:
    """`share` / `reference` with the interval of its logarithm (Katz et al. 1978, Biometrics 34:469-474).

    Refused where a count is 0: the logarithm has no interval there.
    """
    if share.count == 0 or reference.count == 0:
        return Refused("a ratio needs at least one case in both groups")
    value = share.value / reference.value
    variance = 1 / share.count - 1 / share.total + 1 / reference.count - 1 / reference.total
    reach = math.exp(NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(max(variance, 0.0)))
    return Estimate(value, value / reach, value * reach)


def equal_shares_p(share: Proportion, reference: Proportion) -> float:
    """Two-sided p of equal shares, by the pooled score test (the square root of Pearson's χ²)."""
    pooled = (share.count + reference.count) / (share.total + reference.total)
    variance = pooled * (1 - pooled) * (1 / share.total + 1 / reference.total)
    if variance == 0:
        return 1.0
    return math.erfc(abs(share.value - reference.value) / math.sqrt(2 * variance))
