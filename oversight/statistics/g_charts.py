"""The g chart: how many cards, or days, lie between two rare events such as harms?

Gaps between rare events are about geometric, with p = 1 / (1 + mean gap); Benneyan 2001 (Health Care Manag Sci
4:305-318). Short gaps mean more events. As the geometric distribution is skewed, limits at mean ± 3σ lie below 0 on
the side that matters; so limits here are its 0.135 % and 99.865 % points by default, the centre its median, and a
point's z the normal score of its mid-distribution, by which the run rules keep their meaning.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from oversight.statistics.control_charts import (
    Basis,
    ChartPoint,
    ControlChart,
    Judged,
    Phase,
    finished,
    met,
    stretches,
    too_few_points,
)
from oversight.statistics.refused import Refused
from oversight.statistics.rules import DEFAULT, Rule

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

MINIMUM_GAPS = 8


class Limits(StrEnum):
    """Where the limits of a g chart come from."""

    PROBABILITY = "quantiles of the geometric distribution"
    THREE_SIGMA = "mean and standard deviation"


def g_chart(
    gaps: Counts,
    starts: Sequence[int] = (),
    rules: Iterable[Rule] = DEFAULT,
    limits: Limits = Limits.PROBABILITY,
    minimum_gaps: int = MINIMUM_GAPS,
) -> ControlChart | Refused:
    """The chart of `gaps`: cards without an event, or days, between each event and the one before (0 and up).

    `starts` are places at which a new phase begins. The spread of a `Basis` here is the standard deviation over the
    geometric one, to see if events cluster. A phase of fewer gaps than `minimum_gaps` is refused. Raises ValueError
    for a negative gap.
    """
    if gaps.ndim != 1 or bool((gaps < 0).any()):
        raise ValueError("gaps are whole numbers from 0 on")
    points: list[ChartPoint] = []
    phases: list[Phase] = []
    for first, last in stretches(gaps.size, starts):
        part = gaps[first : last + 1]
        basis = _basis(part, minimum_gaps)
        points.extend(_points(first, part, basis, len(phases), tuple(rules), limits))
        phases.append(Phase(first, last, _shown(basis, part, limits)))
    return finished(points, phases)


def _basis(gaps: Counts, minimum: int) -> float | Refused:
    """The mean gap."""
    if gaps.size < minimum:
        return too_few_points(gaps.size, minimum)
    mean = float(gaps.mean())
    return mean if mean > 0 else Refused("Every gap is 0: these events are not rare.")


def _shown(mean: float | Refused, gaps: Counts, limits: Limits) -> Basis | Refused:
    """Centre and spread for the reader."""
    if isinstance(mean, Refused):
        return mean
    centre = mean if limits is Limits.THREE_SIGMA else _quantile(mean, 0.5)
    return Basis(centre, float(gaps.std(ddof=1)) / math.sqrt(mean * (mean + 1)), gaps.size)


def _points(
    first: int, gaps: Counts, mean: float | Refused, phase: int, rules: tuple[Rule, ...], limits: Limits
) -> list[ChartPoint]:
    """The points of a phase, judged where it has limits."""
    if isinstance(mean, Refused):
        return [ChartPoint(first + place, float(gap), phase, None) for place, gap in enumerate(gaps)]
    if limits is Limits.THREE_SIGMA:
        sigma = math.sqrt(mean * (mean + 1))
        centre, low, high = mean, max(mean - 3 * sigma, 0.0), mean + 3 * sigma
        z: Floats = gaps.astype(np.float64) - mean
        z /= sigma
    else:
        from scipy.special import ndtr  # noqa: PLC0415  heavy

        tail = float(ndtr(-3))
        centre, low, high = (_quantile(mean, share) for share in (0.5, tail, 1 - tail))
        z = _normal_score(gaps, mean)
    return [
        ChartPoint(first + place, float(gap), phase, Judged(centre, low, high, float(far), why))
        for place, (gap, far, why) in enumerate(zip(gaps, z, met(z, rules), strict=True))
    ]


def _quantile(mean: float, share: float) -> float:
    """The gap below which `share` of all gaps lie, by the mid-distribution 1 - (q^g + q^(g + 1)) / 2; never below 0."""
    stay = mean / (1 + mean)
    return max(float((np.log1p(-share) - np.log((1 + stay) / 2)) / np.log(stay)), 0.0)


def _normal_score(gaps: Counts, mean: float) -> Floats:
    """How far out a gap is, as standard normal values: those of P(less) + P(equal) / 2."""
    from scipy.special import ndtri  # noqa: PLC0415  heavy

    stay = mean / (1 + mean)
    above = (stay**gaps + stay ** (gaps + 1.0)) / 2
    score: Floats = -ndtri(np.clip(above, 1e-300, 1))
    return score
