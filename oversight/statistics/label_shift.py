"""How common the event has become, from alerts alone, if only its frequency changed (label shift)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from oversight.proportions import CONFIDENCE, Proportion
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.refused import Refused

LEAST_YOUDEN = 0.1


@dataclass(frozen=True, slots=True)
class LabelShift:
    """The event's share before and now, and the factor by which the odds of the event changed.

    It holds only while events look as events did and others as others did; a changed disease or a changed laboratory
    breaks that, and then this figure is wrong without notice.
    """

    reference: Proportion
    current: Estimate
    odds_factor: float | None


def label_shift(
    prevalence: Proportion, sensitivity: Proportion, false_positive_rate: Proportion, alerts: Proportion
) -> LabelShift | Refused:
    """Black-box shift estimation for two classes: (alert share − FPR) / (sensitivity − FPR).

    Lipton, Wang and Smola 2018 (ICML, arXiv 1802.03916); for two classes it is Rogan and Gladen 1978 (Am J Epidemiol
    107:71-76), whose variance gives the interval. The first three come from the reference period, `alerts` is the
    alerted share now. Refused where alerts hardly tell events from others (sensitivity − FPR under .1), and where the
    whole interval lies outside 0 to 1: then the assumption is broken.
    """
    youden = sensitivity.value - false_positive_rate.value
    if youden < LEAST_YOUDEN:
        return Refused("alerts hardly tell events from others, so their number says nothing about the events")
    value = (alerts.value - false_positive_rate.value) / youden
    variance = (
        _variance(alerts) + value**2 * _variance(sensitivity) + (1 - value) ** 2 * _variance(false_positive_rate)
    ) / youden**2
    reach = z_value(CONFIDENCE) * math.sqrt(variance)
    if value - reach > 1 or value + reach < 0:
        return Refused(
            "no share of events would bring so many or so few alerts, so they no longer tell events as they did"
        )
    now = Estimate(*(min(1.0, max(0.0, each)) for each in (value, value - reach, value + reach)))
    before = prevalence.value
    sensible = 0 < now.value < 1 and 0 < before < 1
    factor = now.value / (1 - now.value) * (1 - before) / before if sensible else None
    return LabelShift(prevalence, now, factor)


def _variance(share: Proportion) -> float:
    """Of a share; the half case keeps a share of 0 or 1 from looking certain."""
    value = (share.count + 0.5) / (share.total + 1)
    return value * (1 - value) / share.total
