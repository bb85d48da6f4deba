"""Intervals from standard errors, and whether an interval leaves out 0."""

from __future__ import annotations

import math

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate, z_value


def t_estimate(value: float, error: float, freedom: float, confidence: float = CONFIDENCE) -> Estimate:
    """`value` ± t × its standard error, t with `freedom` degrees of freedom."""
    return around(value, error * t_value(freedom, confidence))


def t_value(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Student's two-sided quantile; of endless freedom the normal one."""
    if math.isinf(freedom):
        return z_value(confidence)
    from scipy.special import stdtrit  # noqa: PLC0415  heavy, and wanted on few pages

    return float(stdtrit(freedom, (1 + confidence) / 2))


def around(value: float, reach: float) -> Estimate:
    """An interval of equal reach to both sides."""
    return Estimate(value, value - reach, value + reach)


def direction(estimate: Estimate) -> int:
    """-1 or 1 where the whole interval lies below or above 0, else 0."""
    return int(estimate.low > 0) - int(estimate.high < 0)
