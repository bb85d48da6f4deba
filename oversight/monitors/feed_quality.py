"""The monitor of feeds: is what a client sends at a hook as complete, fresh, plausible and well labelled as usual?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from oversight.analytics.feeds import IN_TIME_HOURS, FeedWeeks, feeds_by_week
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.drifting import in_use
from oversight.monitors.judged_week import JudgedWeek, Series, judge
from oversight.monitors.result import Check, Family, MonitorResult, Status, level, refused, told
from oversight.monitors.thresholds import Pair, Thresholds
from oversight.monitors.weeks import JUDGED, charted, during
from oversight.statistics.control_charts import MINIMUM_POINTS
from oversight.statistics.drift_numeric import missing_change
from oversight.statistics.quality import WEIGHTS, FeedQuality, Part
from oversight.statistics.refused import Refused

SUBJECT = "quality of feeds"
# Of fewer stays in the week a few odd ones would be a tenth. Ours, and that of `drift`.
FEWEST = 20
_WORDS: Mapping[Part, str] = {
    Part.COMPLETENESS: "of the signals that the model asks for came",
    Part.TIMELINESS: f"of stays had a value not older than {IN_TIME_HOURS:g} h",
    Part.PLAUSIBILITY: "of values were plausible",
    Part.UNITS: "of values had a unit that is known",
}


class FeedQualityMonitor:
    """Each part of each feed's score on Laney's p′ chart, of the version in use: others ask for other signals.

    An effect is a fall of the part's score, which is what the feed's score falls by where that part is the worst.
    """

    name = "feed-quality"
    subject = SUBJECT
    needs = ("day", "time", "client", "service", "patient", "encounter", "hook", "model_version")

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """The week against the weeks before; each stay counts once a week."""
        now = in_use(mart, selection)
        period = charted(now.period, thresholds.reference_weeks)
        weeks = feeds_by_week(mart, during(now, period))
        # A feed that a new version broke has no row of that version: whether it is silent is asked of all.
        every = feeds_by_week(mart, during(selection, period)) if now.model_version else weeks
        checks = [check for each in every for check in _silent(each)]
        figures = {"version": now.model_version, "feeds": [_figures(each) for each in weeks if _counts(each)]}
        if not checks and not any(each.stays[-1] for each in weeks):
            return refused(self.name, SUBJECT, "No values were read of this week.", figures)
        for each in weeks:
            checks += _checks(each, thresholds)
        judged = {check.subject.rpartition(": ")[0] for check in checks}
        left = len({each.name for each in (*weeks, *every)} - judged)
        why = f"{FEWEST} stays in the week and {MINIMUM_POINTS} weeks before it are needed of a feed"
        if not checks:
            return refused(self.name, SUBJECT, f"{why}; none has them.", figures)
        aside = f"{left} more could not be judged: {why}." if left else ""
        quiet = f"No part of the quality of {_feeds(len(judged))} has fallen. {aside}".strip()
        return told(self.name, SUBJECT, quiet, figures, tuple(checks), aside)


def _feeds(number: int) -> str:
    """`1 feed`, `2 feeds`."""
    return f"{number} feed{'' if number == 1 else 's'}"


def _counts(feed: FeedWeeks) -> bool:
    """Whether the week of a feed has enough stays to be told of."""
    return int(feed.stays[-1]) >= FEWEST


def _checks(feed: FeedWeeks, thresholds: Thresholds) -> Iterator[Check]:
    """One check of each part of which something was counted."""
    if not _counts(feed):
        return
    for place, part in enumerate(Part):
        series = Series(feed.good[place], feed.all[place])
        judged = judge(series, thresholds.reference_weeks) if feed.all[place, -1] else Refused("nothing to count")
        if isinstance(judged, JudgedWeek):
            yield _check(feed, part, series, judged, thresholds.quality)


def _check(feed: FeedWeeks, part: Part, series: Series, judged: JudgedWeek, thresholds: Pair) -> Check:
    """A part that is better than usual is no news, and a point outside the limits of it is none to watch."""
    share = float(series.counts[-1] / series.totals[-1])
    fall = WEIGHTS[part] * max(judged.centre - share, 0.0)
    now, usual = _quality(feed.quality(slice(-1, None))), _quality(feed.quality(slice(None, -JUDGED)))
    words = (
        f"{feed.name}: {share:.1%} {_WORDS[part]}, usually {judged.centre:.1%}. "
        f"The score of the feed, that of its worst part, is {now}; it was {usual}."
    )
    loud = level(fall, thresholds)
    p = max(judged.p, _counted(series))
    return Check(f"{feed.name}: {part.value}", loud, fall, p, words, family=Family.DRIFT)


def _counted(series: Series) -> float:
    """The p of the week by counting alone, exact where few are at fault: a chart of few and rare faults is too sure."""
    bad = series.totals - series.counts
    pairs = [(int(bad[weeks].sum()), int(series.totals[weeks].sum())) for weeks in (slice(None, -1), slice(-1, None))]
    change = missing_change(pairs[0], pairs[1])
    return 1.0 if isinstance(change, Refused) else change.p


def _silent(feed: FeedWeeks) -> Iterator[Check]:
    """Nothing came of a feed that brought enough in three of four weeks before.

    The week in which it began or died may have few; the weeks just before count not, so that it stays known.
    """
    usual = feed.stays[:-JUDGED]
    usual = usual[int(np.argmax(usual > 0)) :] if usual.any() else usual
    low = float(np.quantile(usual, 0.25)) if usual.size >= MINIMUM_POINTS else 0.0
    if feed.stays[-1] or low < FEWEST:
        return
    words = f"{feed.name}: nothing came in this week, usually {float(np.median(usual)):,.0f} stays."
    # Counting alone: the chance of none where a weak week so far is the rule.
    p = math.exp(-low)
    yield Check(f"{feed.name}: silent", Status.ALARM, 1.0, p, words, family=Family.DRIFT)


def _quality(quality: FeedQuality) -> str:
    """A score, or that there is none."""
    return "none" if isinstance(quality.score, Refused) else f"{quality.score:.2f}"


def _figures(feed: FeedWeeks) -> dict[str, Any]:
    """The week's score and parts, and those of the weeks before, as plain JSON."""
    now, usual = feed.quality(slice(-1, None)), feed.quality(slice(None, -JUDGED))
    return {
        "feed": feed.name,
        "stays": int(feed.stays[-1]),
        "score": _number(now.score),
        "usual": _number(usual.score),
        "worst": now.worst.value if now.worst else None,
        "parts": {one.part.value: [_share(usual, place), _share(now, place)] for place, one in enumerate(now.parts)},
    }


def _share(quality: FeedQuality, place: int) -> float | None:
    """The share of a part."""
    share = quality.parts[place].share
    return None if isinstance(share, Refused) else share.value


def _number(score: float | Refused) -> float | None:
    """A score, or nothing."""
    return None if isinstance(score, Refused) else score
