"""What the committee's pack says of one service beside its cards: how right its risks were, and whether for all alike.

The same functions, sample and seed as the pages of outcomes and of equity, so both say the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from oversight.analytics.equity import answers, judged_groups
from oversight.analytics.equity_gaps import gaps
from oversight.analytics.equity_rows import attribute_labels, equity_rows
from oversight.analytics.judged_stays import judged_rows
from oversight.analytics.laid_out import lay_out
from oversight.analytics.live_threshold import WITHOUT_CARDS, live_threshold
from oversight.analytics.logged_features import logged_features
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.analytics.side_by_side import SideBySide, side_by_side, verdict
from oversight.analytics.told_weeks import whole_weeks
from oversight.exports.order import Open
from oversight.pages import equity_words
from oversight.statistics.labelled import FEWEST
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN
from oversight.tallies import Period

# As on the page of outcomes: a sample of so many stays, the same one each time.
MOST_STAYS, SEED = 60_000, 20_240_229


@dataclass(frozen=True, slots=True)
class Beside:
    """`verdict` and `equity` are the answers in words, `figures` the naive and the feedback-aware ones side by side.

    `doubts`: what the threshold that the net benefit is weighed at does not say; nothing where there is no doubt.
    """

    verdict: str
    figures: SideBySide | Refused
    equity: str
    weeks: Period
    doubts: str = ""


def beside(mart: Open, selection: Selection, question: OutcomeQuestion | None, entry: int) -> Beside:
    """Of the one service that the selection names. Raises `LedgerUnavailable`."""
    found, doubts = _performance(mart, selection, question, entry)
    weeks = whole_weeks(selection.period)
    told = "" if isinstance(found, Refused) else verdict(found)
    return Beside(told, found, _equity(mart, replace(selection, period=weeks), question), weeks, doubts)


def _performance(
    mart: Open, selection: Selection, question: OutcomeQuestion | None, entry: int
) -> tuple[SideBySide | Refused, str]:
    """With the doubts of the live threshold. Refused where nobody said by which outcome, or too few are known."""
    if question is None:
        return Refused("The model's manifest names no outcome that it is judged by."), ""
    with mart() as questions:
        lay_out(questions, selection, question.name, entry)
        every, known = judged_rows(questions, selection, question)
        if known.known < max(FEWEST, SMALLEST_SHOWN):
            return Refused(f"Too few assessments of these days have a known outcome ({question.name})."), ""
        rows = every.first_of_each_stay().sample(MOST_STAYS)
        live = live_threshold(questions, selection) or WITHOUT_CARDS
        features, names = logged_features(questions, rows)
        return side_by_side(rows, features, names, live.value, np.random.default_rng(SEED)), live.doubts


def _equity(mart: Open, selection: Selection, question: OutcomeQuestion | None) -> str:
    """In one sentence for each group that is served otherwise, or why nothing is said."""
    with mart() as questions:
        labels = attribute_labels(questions)
        if not labels:
            return "No groups of patients have been loaded."
        rows = equity_rows(questions, selection, labels)
        if not len(rows.sequence):
            return "Nothing was assessed in these weeks."
        judged = judged_groups(questions, selection, question, rows)
    answered = [each for name in labels if not isinstance(each := answers(rows, [name]), Refused)]
    known = [] if isinstance(judged, Refused) else [judged.judge([name]) for name in labels]
    return equity_words.verdict(gaps(answered, known), tuple(labels))
