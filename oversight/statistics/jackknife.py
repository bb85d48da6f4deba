"""The error of a figure, from what it becomes when each independent row, or each cluster of rows, is left out.

Where patients are few, a figure's derivative for each of them (the sandwich, the infinitesimal jackknife) makes its
error too small, because a patient pulls the figure towards themselves. Leaving each out does not (MacKinnon and White
1985, J Econom 29:305-325; for clusters Bell and McCaffrey 2002, Surv Methodol 28:169-181), and Student's t allows for
an error that rests on few of them.

How often such intervals hold the truth was measured on samples of 60, 100, 150 and 300 patients, 4000 of each and 8000
for areas of 300 (binomial error .3 and .2 points): 1 to 15 or (geometric) 1 to 40 rows of a patient, weighted or not,
35 to 350 events, risks alike within a patient (.6 to .9 of the variance of their log-odds) and outcomes too, beyond
their risks (.5 to .9). The docstrings of the figures say what came out. In one setting of 30 patients all figures but
AUROC, which was not measured there, held in 94.7 to 95.6 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import FloatArray
from oversight.statistics.sampling_error import t_estimate, t_value

_LARGEST = 709.0


@dataclass(frozen=True, slots=True)
class Spread:
    """The standard error of a figure, the degrees of freedom that it is known by, and the skewness of its parts."""

    error: float
    freedom: float
    skewness: float

    def known_by(self, clusters: int) -> Spread:
        """With a degree of freedom less than clusters: for a figure to which they all add about alike."""
        return replace(self, freedom=clusters - 1)

    def interval(self, value: float, confidence: float = CONFIDENCE) -> Estimate:
        """`value` ± t × the error."""
        return t_estimate(value, self.error, self.freedom, confidence)

    def on_log(self, value: float, confidence: float = CONFIDENCE) -> Estimate:
        """For a figure above 0; of 0 itself, and of what nothing moved, no width."""
        if value <= 0 or self.error == 0:
            return Estimate(value, value, value)
        return Spread(self.error / value, self.freedom, self.skewness).of_log(value, confidence)

    def of_log(self, value: float, confidence: float = CONFIDENCE) -> Estimate:
        """For a figure above 0 whose logarithm this is the spread of."""
        made = t_estimate(math.log(value), self.error, self.freedom, confidence)
        # There and back, rounding may pass the figure itself.
        return Estimate(value, min(math.exp(made.low), value), max(math.exp(made.high), value))

    def on_log_odds(self, value: float, confidence: float = CONFIDENCE) -> Estimate:
        """For a figure between 0 and 1."""
        made = t_estimate(math.log(value / (1 - value)), self.error / (value * (1 - value)), self.freedom, confidence)
        return Estimate(value, 1 / (1 + _exp(-made.low)), 1 / (1 + _exp(-made.high)))

    def on_log_of_log(self, value: float, confidence: float = CONFIDENCE) -> Estimate:
        """For a figure between 0 and 1, on the scale of ln(-ln) (Borgan & Liestøl 1990, Scand J Stat 17:35-41)."""
        slope = -1 / (value * math.log(value))
        made = t_estimate(math.log(-math.log(value)), self.error * slope, self.freedom, confidence)
        return Estimate(value, math.exp(-_exp(made.high)), math.exp(-_exp(made.low)))

    def skewed(self, value: float, confidence: float = CONFIDENCE) -> Estimate:
        """For a mean on either side of 0: t with the skewness taken off (Hall 1992, J R Stat Soc B 54:221-228).

        It reaches further to the side on which the large parts lie.
        """
        reach = t_value(self.freedom, confidence)
        high, low = (self.error * _unskewed(side * reach, self.skewness) for side in (-1, 1))
        return Estimate(value, value - low, value - high)


def spread(moved: FloatArray) -> Spread:
    """From how far the figure moves as each of the independent clusters (or rows) that count is left out.

    Variance (G - 1)/G × Σ moved² for G clusters. Degrees of freedom: 2 × its square over the variance of that (Pan &
    Wall 2002, Stat Med 21:1429-1441), the fewer the more the clusters differ; clusters that move nothing do not count.
    """
    squares = moved**2
    total = float(squares.sum())
    if total == 0:
        return Spread(0.0, 1.0, 0.0)
    shares = squares / total
    unsure = float(np.dot(shares, shares)) - 1 / np.count_nonzero(shares)
    return Spread(
        error=math.sqrt(total * (len(moved) - 1) / len(moved)),
        freedom=2 / max(unsure, 1e-9),
        skewness=-float(np.dot(squares, moved)) / total**1.5,
    )


def of_parts(parts: FloatArray) -> Spread:
    """The same from what each cluster, or row, adds to the figure: their squares taken as they are."""
    made, number = spread(parts), len(parts)
    return Spread(made.error * math.sqrt(number / (number - 1)), made.freedom, -made.skewness)


def ratio_without_each(sums: FloatArray, totals: FloatArray) -> FloatArray:
    """How far Σ sums / Σ totals moves as each cluster with a total is left out; there must be two of these."""
    counted = totals > 0
    part, size = sums[counted], totals[counted]
    whole = float(size.sum())
    return np.asarray((float(part.sum()) / whole * size - part) / (whole - size), dtype=np.float64)


def _exp(value: float) -> float:
    """Held at the largest that there is: the error of a figure all but 0 or 1 may reach beyond it."""
    return math.exp(min(value, _LARGEST))


def _unskewed(quantile: float, skewness: float) -> float:
    """The quantile of a mean of skewed parts that this symmetric one stands for."""
    if abs(skewness) < 1e-6:
        return quantile
    return 3 / skewness * (math.cbrt(1 + skewness * (quantile - skewness / 6)) - 1)
