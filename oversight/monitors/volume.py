"""The monitor of how much a service is asked: half as many entries as usual, or none, is a feed that broke."""

from __future__ import annotations

import math

import numpy as np

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors import weekly as weeks_of
from oversight.monitors.result import Check, MonitorResult, Status, level, refused, told
from oversight.monitors.thresholds import Thresholds
from oversight.monitors.weekly import weekly
from oversight.monitors.weeks import JUDGED, charted, during
from oversight.statistics.control_charts import MINIMUM_POINTS

SUBJECT = "weekly number of entries"
# Fewer than this a week, and a week without any is no news.
FEWEST = 20


class VolumeMonitor:
    """The logarithm of a week's entries against those of the reference weeks, by Student's t for one more week."""

    name = "volume"
    subject = SUBJECT
    needs = weeks_of.COLUMNS

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """Judge the week of the selection. Weeks before the service's first entry do not count."""
        found = weekly(mart, during(selection, charted(selection.period, thresholds.reference_weeks)))
        entries = np.trim_zeros(found.entries, "f")
        usual = entries[:-JUDGED][entries[:-JUDGED] > 0].astype(np.float64)
        now = int(found.entries[-1])
        figures = {"entries": [int(each) for each in found.entries], "first": found.first.isoformat()}
        if usual.size < MINIMUM_POINTS:
            why = f"{MINIMUM_POINTS} earlier weeks with entries are needed; there are {usual.size}."
            return refused(self.name, SUBJECT, why, figures)
        middle = float(np.median(usual))
        words = f"{now:,} entries in the week, usually {middle:,.0f}."
        if middle < FEWEST:
            return refused(self.name, SUBJECT, f"{words} That is too few to tell a gap from chance.", figures)
        effect, p = _distance(now, usual)
        check = Check(SUBJECT, Status.ALARM if not now else level(effect, thresholds.volume), effect, p, words)
        return told(self.name, SUBJECT, words, figures, (check,))


def _distance(now: int, usual: np.typing.NDArray[np.float64]) -> tuple[float, float]:
    """The factor from the usual number, and the chance of so much in one more week. A week of none has none."""
    from scipy.special import stdtr  # noqa: PLC0415  heavy

    logs = np.log(usual)
    mean, spread = float(logs.mean()), float(logs.std(ddof=1))
    if now == 0:
        return math.exp(mean), 0.0
    # Counting alone scatters by 1 / √n on this scale, however alike the few weeks were.
    spread = max(spread, 1 / math.sqrt(math.exp(mean)))
    far = abs(math.log(now) - mean)
    t = far / (spread * math.sqrt(1 + 1 / usual.size))
    return math.exp(far), float(2 * stdtr(usual.size - 1, -t))
