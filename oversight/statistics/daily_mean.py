"""How many a day: the mean over days, with its interval from how much days differ."""

from __future__ import annotations

import math
from dataclasses import replace

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate
from oversight.statistics.jackknife import spread
from oversight.statistics.labelled import IntArray
from oversight.statistics.refused import Refused


def daily_mean(daily: IntArray, confidence: float = CONFIDENCE) -> Estimate | Refused:
    """The mean of counts by day, shape (days,), days taken as independent. Refused of a single day.

    The interval is on the log scale, because a busy day makes both the mean and its error larger, with Student's t of
    as many degrees of freedom as the days leave (`oversight.statistics.jackknife`). Of 20,000 periods each of 7 to 90
    days, .3 to 20 a day, as a Poisson count or far more uneven, 94.4 to 95.8 % held the truth, and 97 where there were
    only some seven in all; plain t held it in 90 to 95. Of days without any, the end is that of a Poisson count of 0
    (Garwood 1936, Biometrika 28:437-442).
    """
    days = len(daily)
    if days < 2:
        return Refused("one day does not tell how days differ")
    mean = float(daily.mean())
    if mean == 0:
        return Estimate(0.0, 0.0, -math.log((1 - confidence) / 2) / days)
    known = spread((mean - daily) / (days - 1))
    return replace(known, freedom=min(known.freedom, days - 1)).on_log(mean, confidence)
