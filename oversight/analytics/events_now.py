"""Has the event become more common? From the share of stays that raise a card, before outcomes are in.

The estimate holds only while events look as events did and others as others did. Where that is known to be broken it is
refused: where the inputs were found to have moved, and where it contradicts the outcomes that are already known of the
same stays. The share of events among these stands beside it in any case.

An event is known when it comes, its absence only when its time is over. So all of this is of stays that had their time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from oversight.analytics.judged import MICROSECONDS_PER_HOUR
from oversight.analytics.judged_stays import Rows, judged_rows
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.proportions import Proportion, proportion
from oversight.statistics.label_shift import LabelShift, label_shift
from oversight.statistics.refused import Refused
from oversight.tallies import Period

# How alerts tell events from others is taken from so many days before: enough, and quick to read.
REFERENCE_DAYS = 28
LEAST_EVENTS = 20
_NEWEST = "SELECT max(time) FROM advice"
_ALERTS = "SELECT count(*) FILTER (card), count(*) FROM drift_first WHERE now AND probability IS NOT NULL"


@dataclass(frozen=True, slots=True)
class EventsNow:
    """`known`: the stays since the day with the event, of those that had their time and whose outcome is known.

    None where there is none. `hours` is that time; 0 where the outcome is that of the whole stay.
    """

    estimate: LabelShift | Refused
    known: Proportion | None
    hours: float = 0.0


def events_now(
    mart: Questions, selection: Selection, since: date, question: OutcomeQuestion | None, moved: str = ""
) -> EventsNow:
    """For the stays since a day; `moved` says which input has moved. The tables of `drift_rows` must be there.

    The estimate is refused where `moved` says something, where no outcome is known of the stays before or too few of
    them had the event or had none, and where it and the outcomes known since exclude each other.
    """
    if question is None:
        return EventsNow(Refused("the model's manifest names no outcome that it is judged by"), None)
    last = since - timedelta(days=1)
    first = max(selection.period.first, last - timedelta(days=REFERENCE_DAYS - 1))
    now = _judged(mart, selection, Period(since, selection.period.last), question)
    known, hours = proportion(int((now.outcome > 0).sum()), len(now.outcome)), question.patience
    if moved:
        why = f"inputs have moved, so that events and others need not look as they did: {moved.removesuffix('.')}"
        return EventsNow(Refused(why), known, hours)
    estimate = _estimate(mart, _judged(mart, selection, Period(first, last), question))
    return EventsNow(_unless_contradicted(estimate, known), known, hours)


def _judged(mart: Questions, selection: Selection, period: Period, question: OutcomeQuestion) -> Rows:
    """The first assessment of each stay of some days that had its time and whose outcome is known."""
    rows = judged_rows(mart, replace(selection, period=period), question)[0].first_of_each_stay()
    ((newest,),) = mart.rows(_NEWEST)
    return rows.where(rows.time + int(question.patience * MICROSECONDS_PER_HOUR) <= (newest or 0))


def _estimate(mart: Questions, before: Rows) -> LabelShift | Refused:
    """From the cards since the day, read as cards told events from others before it."""
    event = before.outcome > 0
    events, others = int(event.sum()), int((~event).sum())
    ((cards, assessed),) = mart.rows(_ALERTS)
    alerts = proportion(cards, assessed)
    sensitivity = proportion(int(np.count_nonzero(before.alerted & event)), events)
    false_positive = proportion(int(np.count_nonzero(before.alerted & ~event)), others)
    prevalence = proportion(events, events + others)
    if alerts is None or sensitivity is None or false_positive is None or prevalence is None:
        return Refused("no outcome is known of the stays before this day")
    if min(events, others) < LEAST_EVENTS:
        return Refused(f"fewer than {LEAST_EVENTS} stays before this day had the event, or had none")
    return label_shift(prevalence, sensitivity, false_positive, alerts)


def _unless_contradicted(estimate: LabelShift | Refused, known: Proportion | None) -> LabelShift | Refused:
    """The estimate, but where its interval and that of the known outcomes have no share in common."""
    if isinstance(estimate, Refused) or known is None:
        return estimate
    current = estimate.current
    if current.low <= known.high and known.low <= current.high:
        return estimate
    side = "many" if current.low > known.high else "few"
    return Refused(
        f"the estimate would be of far too {side} events for the outcomes that are known of the same stays, so events "
        "or others no longer look as they did"
    )
