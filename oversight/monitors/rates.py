"""Monitors of weekly rates by Laney's p′ chart: firing, override, no answer, repeats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors import weekly as weeks_of
from oversight.monitors.judged_week import Series, judge
from oversight.monitors.result import Check, MonitorResult, level, refused, told
from oversight.monitors.thresholds import Thresholds
from oversight.monitors.weekly import Counts, Weekly, weekly
from oversight.monitors.weeks import charted, during
from oversight.proportions import proportion
from oversight.statistics.refused import Refused


@dataclass(frozen=True, slots=True)
class RateMonitor:
    """A rate of each week against its usual up and down, since the version in use came."""

    name: str
    subject: str
    of: str
    counts: Callable[[Weekly], Counts]
    totals: Callable[[Weekly], Counts]
    needs: tuple[str, ...] = weeks_of.COLUMNS

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """Judge the week of the selection."""
        period = charted(selection.period, thresholds.reference_weeks)
        found = weekly(mart, during(selection, period))
        counts, totals = self.counts(found), self.totals(found)
        figures = _figures(found, counts, totals)
        if not totals[-1]:
            return refused(self.name, self.subject, f"There are no {self.of} in this week.", figures)
        judged = judge(Series(counts[found.since :], totals[found.since :]), thresholds.reference_weeks)
        if isinstance(judged, Refused):
            return refused(self.name, self.subject, f"{judged.reason}{_since(found)}", figures)
        words = f"{self._words(counts, totals, judged.centre)}{self._beside(found)}"
        loud = level(judged.effect, thresholds.rate)
        why = f" Chart: {'; '.join(judged.rules)}." if judged.rules else ""
        check = Check(self.subject, loud, judged.effect, judged.p, f"{words}{why}", otherwise=judged.left)
        figures |= {"centre": judged.centre, "low": judged.low, "high": judged.high, "rules": list(judged.rules)}
        return told(self.name, self.subject, words, figures, (check,))

    def _words(self, counts: Counts, totals: Counts, centre: float) -> str:
        """The rate of the week with its interval, and the usual one."""
        share = proportion(int(counts[-1]), int(totals[-1]))
        if share is None:
            return ""
        return (
            f"{self.subject.capitalize()}: {share.value:.1%} of {share.total:,} {self.of} ({share.low:.1%} to "
            f"{share.high:.1%}), usually {centre:.1%}."
        )

    def _beside(self, found: Weekly) -> str:
        """No rate of answers without the share of cards that have none."""
        share = proportion(int(found.no_answer[-1]), int(found.cards[-1]))
        if share is None or self.subject != OVERRIDE:
            return ""
        return f" {share.value:.1%} of {share.total:,} cards have no answer."


OVERRIDE = "override rate"
RATES = (
    RateMonitor("firing-rate", "firing rate", "entries", lambda w: w.cards, lambda w: w.entries),
    RateMonitor("override-rate", OVERRIDE, "answered cards", lambda w: w.overridden, lambda w: w.answered),
    RateMonitor("no-answer", "no-answer share", "cards", lambda w: w.no_answer, lambda w: w.cards),
    RateMonitor("repeats", "share of repeats", "cards", lambda w: w.repeats, lambda w: w.cards),
)


def _figures(found: Weekly, counts: Counts, totals: Counts) -> dict[str, Any]:
    """The series as plain JSON."""
    weeks = [
        {"week": found.monday(place).isoformat(), "count": int(count), "total": int(total)}
        for place, (count, total) in enumerate(zip(counts, totals, strict=True))
    ]
    return {"weeks": weeks, "version": found.version, "since": found.monday(found.since).isoformat()}


def _since(found: Weekly) -> str:
    """Why there are so few weeks."""
    return f" Version {found.version} came in the week of {found.monday(found.since)}." if found.since else ""
