"""Has the event become more common? From the share of stays that raise a card, before outcomes are in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from oversight.analytics.judged_stays import judged_rows
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.proportions import proportion
from oversight.statistics.label_shift import LabelShift, label_shift
from oversight.statistics.refused import Refused
from oversight.tallies import Period

# How alerts tell events from others is taken from so many days before: enough, and quick to read.
REFERENCE_DAYS = 28
LEAST_EVENTS = 20
_ALERTS = "SELECT count(*) FILTER (card), count(*) FROM drift_first WHERE now AND probability IS NOT NULL"


def events_now(
    mart: Questions, selection: Selection, since: date, question: OutcomeQuestion | None
) -> LabelShift | Refused:
    """The estimate for the stays since a day. The tables of `drift_rows` must be there.

    Refused where no outcome is known of the stays before, or too few of them had the event or had none.
    """
    if question is None:
        return Refused("the model's manifest names no outcome that it is judged by")
    last = since - timedelta(days=1)
    first = max(selection.period.first, last - timedelta(days=REFERENCE_DAYS - 1))
    rows, _ = judged_rows(mart, replace(selection, period=Period(first, last)), question)
    before = rows.first_of_each_stay()
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
