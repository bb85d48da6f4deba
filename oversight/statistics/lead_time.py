"""How long before the event the alert came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate
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
    The median's interval is the distribution-free one between order statistics, interpolated (`median_interval`).
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
        median=Estimate(middle, *median_interval(ahead, confidence)),
        lower_quartile=lower,
        upper_quartile=upper,
        ahead=len(ahead),
        late=int(np.count_nonzero(lead < 0)),
        never=int(np.count_nonzero(np.isnan(lead))),
    )


def median_interval(ascending: FloatArray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of the median of independent values, without any assumption of how they are distributed.

    Hettmansperger and Sheather 1986 (Stat Probab Lett 4:75-79): the ends lie between the two neighbouring order
    statistics whose exact (binomial) confidences are just above and just below the one wanted. Of 4000 samples each of
    11 to 200 lognormal values 94.5 to 95.5 % held the truth; between order statistics alone 95 to 99. Under 6 values
    the whole range stands, which holds it in 94 % of five and in 50 % of two.
    """
    from scipy.special import bdtr  # noqa: PLC0415  heavy, and wanted on few pages

    number = len(ascending)
    # The exact confidence of the interval from the k-th value to the k-th from the end, k from 0.
    sure = 1 - 2 * bdtr(np.arange(number // 2), number, 0.5)
    inside = int(np.count_nonzero(sure >= confidence)) - 1
    if inside < 0 or inside + 1 >= len(sure):
        return float(ascending[0]), float(ascending[-1])
    further = float((sure[inside] - confidence) / (sure[inside] - sure[inside + 1]))
    outer = inside + 1
    inner = (number - outer) * further / (outer + (number - 2 * outer) * further)
    low, high = ascending[[inside, inside + 1]], ascending[[-inside - 1, -inside - 2]]
    return float(low[0] + inner * (low[1] - low[0])), float(high[0] + inner * (high[1] - high[0]))
