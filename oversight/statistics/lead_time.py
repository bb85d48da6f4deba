"""How long before the event the alert came."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.labelled import FloatArray
from oversight.statistics.refused import Refused


@dataclass(frozen=True, slots=True)
class LeadTime:
    """Hours from alert to event. `ahead` events had the alert before or as they came, `late` after, `never` none."""

    median: Estimate
    lower_quartile: float
    upper_quartile: float
    ahead: int
    late: int
    never: int


def lead_time(alert: npt.ArrayLike, event: npt.ArrayLike, confidence: float = CONFIDENCE) -> LeadTime | Refused:
    """`alert`, `event`: hours on one clock, one entry for each event; `alert` is NaN where none was given.

    Quartiles are over events whose alert was not late: what came too late, or not at all, is counted beside them.
    The median's interval is the distribution-free one between order statistics (David & Nagaraja 2003, section 7.1).
    """
    given, came = np.asarray(alert, dtype=np.float64), np.asarray(event, dtype=np.float64)
    if given.shape != came.shape or np.isnan(came).any():
        raise ValueError("alert and event must be equally long, and every event must have a time")
    lead = came - given
    ahead = np.sort(lead[lead >= 0])
    if len(ahead) == 0:
        return Refused("no event had an alert before it")
    lower, middle, upper = (float(each) for each in np.quantile(ahead, [0.25, 0.5, 0.75]))
    return LeadTime(
        median=Estimate(middle, *_order_statistics(ahead, confidence)),
        lower_quartile=lower,
        upper_quartile=upper,
        ahead=len(ahead),
        late=int(np.count_nonzero(lead < 0)),
        never=int(np.count_nonzero(np.isnan(lead))),
    )


def _order_statistics(ascending: FloatArray, confidence: float) -> tuple[float, float]:
    """The normal approximation to the binomial ranks; the whole range where there are too few to exclude any."""
    number = len(ascending)
    reach = z_value(confidence) * math.sqrt(number) / 2
    first = max(math.floor(number / 2 - reach), 0)
    last = min(math.ceil(number / 2 + reach), number - 1)
    return float(ascending[first]), float(ascending[last])
