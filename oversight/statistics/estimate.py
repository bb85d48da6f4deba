"""`Estimate`: a figure with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its two-sided interval from `low` to `high`, in its own units."""

    value: float
    low: float
    high: float


def z_value(confidence: float) -> float:
    """The standard normal quantile of a two-sided interval: 1.96 for 95 %."""
    return NormalDist().inv_cdf((1 + confidence) / 2)
