"""The monitor of change points: since when is the override rate another one?"""

from __future__ import annotations

import numpy as np

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors import weekly as weeks_of
from oversight.monitors.rates import OVERRIDE
from oversight.monitors.result import Check, MonitorResult, Status, level, refused, told
from oversight.monitors.thresholds import Thresholds
from oversight.monitors.weekly import Weekly, weekly
from oversight.monitors.weeks import charted, during
from oversight.statistics.change_points import ChangePoint, change_points
from oversight.statistics.refused import Refused

# A change further back was told when it was new.
RECENT_WEEKS = 4
SUBJECT = OVERRIDE


class ChangePointMonitor:
    """Binary segmentation of the weekly override rate, since the version in use came."""

    name = "change-points"
    subject = SUBJECT
    needs = weeks_of.COLUMNS

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """Look for changes up to the week of the selection; only a recent one is loud."""
        found = weekly(mart, during(selection, charted(selection.period, 2 * thresholds.reference_weeks)))
        places = change_points(found.overridden[found.since :], found.answered[found.since :], rng)
        if isinstance(places, Refused):
            return refused(self.name, SUBJECT, places.reason)
        checks = tuple(_check(found, each, thresholds) for each in places)
        figures = {
            "changes": [
                {
                    "week": found.monday(found.since + each.place).isoformat(),
                    "before": [each.before.count, each.before.total],
                    "after": [each.after.count, each.after.total],
                    "p": each.p_value,
                }
                for each in places
            ]
        }
        return told(self.name, SUBJECT, "No recent change of the override rate.", figures, checks)


def _check(found: Weekly, change: ChangePoint, thresholds: Thresholds) -> Check:
    """One change."""
    place = found.since + change.place
    effect = abs(change.after.value - change.before.value)
    recent = place >= found.entries.size - RECENT_WEEKS
    words = (
        f"The override rate changed in the week of {found.monday(place)}: {change.before.value:.1%} of "
        f"{change.before.total:,} answered cards before, {change.after.value:.1%} of {change.after.total:,} since."
    )
    return Check(SUBJECT, level(effect, thresholds.rate) if recent else Status.OK, effect, change.p_value, words)
