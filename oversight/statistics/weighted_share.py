"""A weighted share with its denominator, and Wilson's interval for the number of rows that the weights leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.labelled import BoolArray, FloatArray
from oversight.statistics.refused import Refused


@dataclass(frozen=True, slots=True)
class Share:
    """`numerator` of `denominator`, both sums of weights, from `rows` rows that tell as much as `effective` ones."""

    numerator: float
    denominator: float
    rows: int
    effective: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself."""
        return self.numerator / self.denominator


def normal_interval(value: float, error: float, confidence: float = CONFIDENCE) -> Estimate:
    """`value` ± z × its standard error."""
    reach = z_value(confidence) * error
    return Estimate(value, value - reach, value + reach)


def effective_rows(weight: FloatArray) -> float:
    """How many equally weighted rows tell as much: (Σw)² / Σw² (Kish 1965). 0 of nothing."""
    squares = float(np.sum(weight * weight))
    return float(np.sum(weight)) ** 2 / squares if squares else 0.0


def share(hit: BoolArray, weight: FloatArray, of_what: str, confidence: float = CONFIDENCE) -> Share | Refused:
    """The weighted share of rows that are a hit; refused where the weights add up to nothing."""
    total = float(np.sum(weight))
    if total == 0:
        return Refused(f"no {of_what}")
    numerator, effective = float(np.sum(weight[hit])), effective_rows(weight)
    low, high = wilson_effective(numerator / total, effective, confidence)
    return Share(numerator, total, int(np.count_nonzero(weight)), effective, low, high)


def wilson_effective(value: float, effective: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval of a share of an effective number of rows; for whole rows as `oversight.proportions.wilson`."""
    low, high = wilson_arrays(np.array([value]), np.array([effective]), confidence)
    return float(low[0]), float(high[0])


def wilson_arrays(
    value: FloatArray, effective: FloatArray, confidence: float = CONFIDENCE
) -> tuple[FloatArray, FloatArray]:
    """Wilson's interval of each share; (0, 1), which claims nothing, where the effective number of rows is 0."""
    z = z_value(confidence)
    scale = 2 * (effective + z * z)
    centre = 2 * effective * value + z * z
    spread = z * np.sqrt(z * z + 4 * effective * value * (1 - value))
    # The ends are exact where the share is; rounding would leave 1e-17 or 1 - 1e-16.
    low = np.where(value <= 0, 0.0, np.maximum((centre - spread) / scale, 0.0))
    high = np.where(value >= 1, 1.0, np.minimum((centre + spread) / scale, 1.0))
    known = effective > 0
    return np.where(known, low, 0.0), np.where(known, high, 1.0)
