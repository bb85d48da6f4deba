"""The share of appropriate overrides among all of them, out of a reviewed sample with known probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.refused import Refused
from oversight.statistics.sampling_error import t_value

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

LEAST_REVIEWED = 10


@dataclass(frozen=True, slots=True)
class ReviewShare:
    """`share` is the weighted one (Hájek) with its interval; `total` the Horvitz-Thompson count of appropriate ones.

    `reviewed` cases stand for `population` of which they tell as much as `effective` drawn simply at random.
    """

    share: Estimate
    total: float
    reviewed: int
    population: int
    effective: float


def review_share(appropriate: Flags, probabilities: Floats, strata: Integers, population: int) -> ReviewShare | Refused:
    """Weigh each verdict by 1 / its probability of being drawn; arrays (reviewed,).

    Horvitz and Thompson 1952 (J Am Stat Assoc 47:663-685), Hájek 1971. Variance linearised within strata, with the
    finite-population correction; Wilson's interval at the effective number of cases (Korn and Graubard 1998, Surv
    Methodol 24:193-201, in Wilson's form), with Student's t of the degrees of freedom that strata of few cases leave
    (Satterthwaite 1946, Biom Bull 2:110-114). Cases drawn but not reviewed must be left out *and* the probabilities of
    their stratum lowered (`as_reviewed`). Refused under 10 reviewed cases. Raises ValueError for a probability outside
    0 to 1.
    """
    if not bool(np.all((probabilities > 0) & (probabilities <= 1))):
        raise ValueError("a probability of being drawn lies above 0 and not above 1")
    if len(appropriate) < LEAST_REVIEWED:
        return Refused(f"fewer than {LEAST_REVIEWED} overrides were reviewed")
    weight = 1 / probabilities
    total = float(np.sum(weight[appropriate]))
    share = total / float(weight.sum())
    variance, freedom = _variance(appropriate, weight, strata, share)
    simple = share * (1 - share)
    # Where all verdicts are alike there is no variance to see; the design effect of the weights takes its place.
    effective = simple / variance if variance > 0 and simple > 0 else float(weight.sum() ** 2 / np.sum(weight**2))
    if bool(np.all(probabilities == 1)):
        effective = math.inf
    known = t_value(len(appropriate) - 1) / t_value(freedom)
    return ReviewShare(_wilson(share, effective * known**2), total, len(appropriate), population, effective)


def as_reviewed(strata: Integers, sizes: Integers) -> Floats:
    """The probability of each reviewed case if those reviewed are a random part of each stratum: n / N."""
    reviewed = np.bincount(strata, minlength=len(sizes))
    return np.asarray(reviewed[strata] / sizes[strata], dtype=np.float64)


def _variance(appropriate: Flags, weight: Floats, strata: Integers, share: float) -> tuple[float, float]:
    """Of the weighted share, and its degrees of freedom; a single case of a stratum is measured from the centre, 0."""
    pull = weight * (appropriate - share) / weight.sum()
    number = np.bincount(strata)
    held = np.maximum(number, 1)
    centre = np.where(number > 1, np.bincount(strata, pull) / held, 0.0)
    fraction = np.bincount(strata, 1 / weight) / held
    spread = np.bincount(strata, (pull - centre[strata]) ** 2) * np.where(number > 1, held / np.maximum(held - 1, 1), 1)
    parts = (1 - fraction) * spread
    unsure = float(np.sum(parts**2 / np.maximum(held - 1, 1)))
    whole = float(np.sum(parts))
    return whole, min(whole**2 / unsure, len(pull) - 1.0) if unsure > 0 else len(pull) - 1.0


def _wilson(share: float, number: float) -> Estimate:
    """Wilson's interval for a number of cases that need not be whole."""
    z = z_value(CONFIDENCE)
    centre = (share + z * z / (2 * number)) / (1 + z * z / number)
    reach = z / (1 + z * z / number) * math.sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    return Estimate(share, min(share, max(0.0, centre - reach)), max(share, min(1.0, centre + reach)))
