"""Is the last week of a series of shares more than the usual up and down? Limits, run rules, and a p-value.

Limits alone are not enough where a dozen monitors look at every service each week. So beside the rules of the chart
stands the chance of so much under no change, for the control of false discoveries: of the last week, and of the mean
of the judged weeks, the smaller one doubled. The weeks before are few, so both are of Student's t with the standard
deviation of those weeks, which is held at that of counting alone where it happens to be smaller.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from oversight.monitors.result import Status
from oversight.monitors.weekly import Counts
from oversight.monitors.weeks import JUDGED
from oversight.statistics.control_charts import MINIMUM_POINTS, ControlChart, Judged, laney_chart, too_few_points
from oversight.statistics.exact_shares import hypergeometric_tail
from oversight.statistics.refused import Refused


@dataclass(frozen=True, slots=True)
class Series:
    """`counts` of `totals` week by week, oldest first; weeks without a total are skipped, but the last has one."""

    counts: Counts
    totals: Counts


@dataclass(frozen=True, slots=True)
class JudgedWeek:
    """The last week: the usual rate, the limits around it, how far off the week is (absolute), its p, and the rules.

    `left` is what is left to say where p does not survive: a point outside the limits stays one to watch.
    """

    centre: float
    low: float
    high: float
    effect: float
    p: float
    rules: tuple[str, ...]

    @property
    def left(self) -> Status:
        """Of a week that meets a rule."""
        return Status.WATCH if self.rules else Status.OK


def judge(series: Series, reference_weeks: int) -> JudgedWeek | Refused:
    """Limits from the weeks before the last three (or fewer, where the series is short), at least eight of them."""
    seen = series.totals > 0
    counts, totals = series.counts[seen], series.totals[seen]
    judged = min(JUDGED, counts.size - MINIMUM_POINTS)
    if judged < 1:
        return too_few_points(max(counts.size - 1, 0), MINIMUM_POINTS)
    baseline = min(reference_weeks, counts.size - judged)
    counts, totals = counts[-baseline - judged :], totals[-baseline - judged :]
    if _is_flat(counts[:baseline], totals[:baseline]):
        return _against_never(counts, totals, baseline)
    chart = laney_chart(counts, totals, baseline=baseline)
    return chart if isinstance(chart, Refused) else _judged(chart, judged, baseline)


def _is_flat(counts: Counts, totals: Counts) -> bool:
    """Whether something never happened, or always."""
    return int(counts.sum()) in (0, int(totals.sum()))


def _against_never(counts: Counts, totals: Counts, baseline: int) -> JudgedWeek:
    """What never (or always) happened has no up and down: the last week by Fisher's exact check."""
    always = bool(counts[:baseline].sum())
    odd = totals - counts if always else counts
    centre, effect = float(always), float(odd[-1] / totals[-1])
    p = min(1.0, 2 * hypergeometric_tail(int(odd[-1]), int(totals[-1]), 0, int(totals[:baseline].sum())))
    rules = ("what never happened before",) if odd[-1] else ()
    return JudgedWeek(centre, centre, centre, effect, p, rules)


def _judged(chart: ControlChart, judged: int, baseline: int) -> JudgedWeek | Refused:
    """From the chart's last points."""
    points = [point.judged for point in chart.points[-judged:]]
    whole = [point for point in points if isinstance(point, Judged)]
    if len(whole) < judged:
        return Refused("The weeks before have no limits.")
    last, value = whole[-1], chart.points[-1].value
    return JudgedWeek(
        centre=last.centre,
        low=last.low,
        high=last.high,
        effect=abs(value - last.centre),
        p=_chance(chart, baseline),
        rules=tuple(rule.value for rule in last.rules),
    )


def _chance(chart: ControlChart, baseline: int) -> float:
    """Two-sided p of the last week, and of all judged weeks together, the smaller one doubled."""
    from scipy.special import stdtr  # noqa: PLC0415  heavy

    basis = chart.phases[-1].basis
    if isinstance(basis, Refused):
        return 1.0
    # In units of chance alone: the chart's own are wider by its spread.
    z = np.array([point.judged.z * basis.spread for point in chart.points if point.judged])
    before, after = z[:baseline], z[baseline:]
    scale = max(float(before.std(ddof=1)), 1.0)
    alone = after[-1] / math.sqrt(1 + 1 / baseline)
    together = math.sqrt(after.size) * float(after.mean()) / math.sqrt(1 + after.size / baseline)
    return min(1.0, 2 * min(2 * float(stdtr(baseline - 1, -abs(each) / scale)) for each in (alone, together)))
