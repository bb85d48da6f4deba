"""The figure that an alert is about, week by week: what an interrupted time series looks at after an action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from oversight.alerts import Alert, Series
from oversight.analytics.feeds import FeedWeeks, feeds_by_week
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.feed_quality import FeedQualityMonitor
from oversight.monitors.weekly import Counts, Weekly, weekly
from oversight.monitors.weeks import WEEK, last_full_week
from oversight.statistics.quality import Part
from oversight.tallies import Period

# So far back a check looks, so that an old habit does not outvote the weeks around an action.
MOST_WEEKS = 104


@dataclass(frozen=True, slots=True)
class AlertSeries:
    """`series` with the counts behind it, and what its values are; weeks without a denominator are left out.

    `totals` are the denominators ("answered cards"). `unanswered`, for the override rate only, is the share of cards
    without an answer. `is_share`: values lie between 0 and 1.
    """

    series: Series
    of: str
    totals: tuple[int, ...]
    unanswered: tuple[float, ...] = ()
    is_share: bool = True


@dataclass(frozen=True, slots=True)
class _Rate:
    """A rate of each week, as the monitor of the same name counts it."""

    what: str
    of: str
    counts: Callable[[Weekly], Counts]
    totals: Callable[[Weekly], Counts]


_OVERRIDE = _Rate("override rate", "answered cards", lambda w: w.overridden, lambda w: w.answered)
_RATES = {
    "firing-rate": _Rate("firing rate", "entries", lambda w: w.cards, lambda w: w.entries),
    "override-rate": _OVERRIDE,
    "change-points": _OVERRIDE,
    "no-answer": _Rate("no-answer share", "cards", lambda w: w.no_answer, lambda w: w.cards),
    "repeats": _Rate("share of repeats", "cards", lambda w: w.repeats, lambda w: w.cards),
}
VOLUME, SCORE, FEED = "volume", "score-drift", FeedQualityMonitor.name
KNOWN = frozenset({*_RATES, VOLUME, SCORE, FEED})
_RISKS = """
SELECT (day - $first) // 7 AS week, count(*) AS number, avg(probability) AS mean FROM event
WHERE hook <> 'smart-launch' AND probability IS NOT NULL AND {where} GROUP BY 1 ORDER BY 1
"""


def alert_series(mart: Questions, alert: Alert, today: date) -> AlertSeries | None:
    """The figure of the alert's service in whole weeks up to today; None where it has no figure by week.

    The mix of entries, reasons, the classifier and the monitors of performance have none: what shows there is another
    column, or comes later.
    """
    if alert.monitor not in KNOWN:
        return None
    selection = _weeks(alert.service, today)
    if alert.monitor == SCORE:
        return _risks(mart, selection)
    if alert.monitor == FEED:
        feed, _, part = alert.subject.rpartition(": ")
        return next((_feed(each, part) for each in feeds_by_week(mart, selection) if each.name == feed), None)
    found = weekly(mart, selection)
    return _volume(found) if alert.monitor == VOLUME else _rates(found, _RATES[alert.monitor])


def _weeks(service: str, today: date) -> Selection:
    """The last whole weeks before today."""
    last = last_full_week(today - timedelta(days=1)).last
    return Selection(Period(last - MOST_WEEKS * WEEK + timedelta(days=1), last), service=service)


def _rates(found: Weekly, rate: _Rate) -> AlertSeries:
    """The weeks in which there was something to count."""
    counts, totals = rate.counts(found), rate.totals(found)
    seen = np.flatnonzero(totals > 0)
    values = (counts[seen] / totals[seen]).tolist()
    beside = (found.no_answer[seen] / found.cards[seen]).tolist() if rate is _OVERRIDE else ()
    mondays = [found.monday(int(place)) for place in seen]
    return AlertSeries(Series(rate.what, mondays, values), rate.of, tuple(totals[seen].tolist()), tuple(beside))


def _volume(found: Weekly) -> AlertSeries:
    """Entries of each week since the first one that has any; a week without is a value here."""
    first = int(np.argmax(found.entries > 0)) if found.entries.any() else found.entries.size
    entries = found.entries[first:]
    mondays = [found.monday(first + place) for place in range(entries.size)]
    series = Series("weekly number of entries", mondays, entries.astype(np.float64).tolist())
    return AlertSeries(series, "entries", tuple(entries.tolist()), is_share=False)


def _risks(mart: Questions, selection: Selection) -> AlertSeries:
    """The mean predicted risk."""
    where, values = selection.where()
    rows = mart.arrays(_RISKS.format(where=where), values)
    weeks: npt.NDArray[np.int64] = rows["week"].astype(np.int64)
    mondays = [selection.period.first + int(week) * WEEK for week in weeks]
    series = Series("mean predicted risk", mondays, rows["mean"].astype(np.float64).tolist())
    return AlertSeries(series, "assessments with a risk", tuple(rows["number"].astype(np.int64).tolist()))


def _feed(found: FeedWeeks, part: str) -> AlertSeries:
    """A part of a feed's score in the weeks that have it, of all versions; of a feed that fell silent its stays."""
    first = found.monday
    if part not in set(Part):
        begun = int(np.argmax(found.stays > 0))
        stays = found.stays[begun:]
        mondays = [first + (begun + place) * WEEK for place in range(stays.size)]
        series = Series("weekly number of stays", mondays, stays.astype(np.float64).tolist())
        return AlertSeries(series, "stays", tuple(stays.tolist()), is_share=False)
    good, every = (counts[list(Part).index(Part(part))] for counts in (found.good, found.all))
    seen = np.flatnonzero(every > 0)
    mondays = [first + int(place) * WEEK for place in seen]
    series = Series(f"{part} of {found.name}", mondays, (good[seen] / every[seen]).tolist())
    return AlertSeries(series, "signals, stays or values", tuple(every[seen].tolist()))
