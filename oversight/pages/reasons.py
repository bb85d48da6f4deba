"""`GET /oversight/reasons`: why cards were overridden, and whether comments and firing point to a broken rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from flask import current_app

from oversight.analytics.few_clinicians import OVERRIDDEN, few_by, undivided, weeks_of_few
from oversight.analytics.funnel import funnel
from oversight.analytics.reasons import MOST_RANKED, OTHER, Reasons, Stretch, inbox, reasons, reasons_by
from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions
from oversight.pages.broken_rules import broken_rules
from oversight.pages.door.forms import token
from oversight.pages.door.roles import Right
from oversight.pages.frame import Asked, Page
from oversight.pages.group_rows import NONE_HIDDEN, Hidden, hidden_names, hidden_reasons
from oversight.pages.overview import chart_selection
from oversight.pages.pictures.bars import Trends, reason_bars, trends
from oversight.reviews.comments import comment_key
from oversight.statistics.suppression import SMALLEST_SHOWN

MOST_COMMENTS = 50


@dataclass(frozen=True, slots=True)
class Rows:
    """Which reasons, weeks and versions stand without their counts; `whole`: there are so few overrides that all do."""

    reasons: Hidden = NONE_HIDDEN
    weeks: Hidden = NONE_HIDDEN
    versions: Hidden = NONE_HIDDEN
    whole: bool = False


def figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
    """Everything that the template draws. Comments are read by this page only."""
    selection = asked.view.selection
    found = reasons(mart, selection)
    stretches = {by: reasons_by(mart, selection, by) for by in (By.WEEK, By.MODEL)}
    hidden = Rows() if asked.person.may(Right.CLINICIANS) else _hidden(mart, selection, found, stretches)
    weeks = [_told(week, hidden) for week in stretches[By.WEEK] if week.key not in hidden.weeks.names]
    told = _without(found, hidden)
    read = asked.person.may(Right.COMMENTS)
    may = asked.person.may(Right.CLINICIANS)
    broken = broken_rules(mart, selection, counts=may, hidden_weeks=hidden.weeks.names)
    send = asked.person.may(Right.PLAN_REVIEWS) and "oversight.review_comment" in current_app.view_functions
    return {
        "found": found,
        "counts": funnel(mart, selection),
        "hidden": hidden,
        "told": told,
        "bars": reason_bars(told),
        "weeks": stretches[By.WEEK],
        "trends": _trends(weeks, told),
        "versions": stretches[By.MODEL],
        "broken": broken,
        "inbox": inbox(mart, selection, broken.supports) if read else None,
        "most": MOST_COMMENTS,
        "most_ranked": MOST_RANKED,
        "form_token": token() if send else None,
        "comment_key": comment_key,
    }


def _hidden(mart: Questions, selection: Selection, found: Reasons, stretches: Mapping[By, Sequence[Stretch]]) -> Rows:
    """The rows of few overrides or clinicians, and those that would give them away."""
    of_few = dict(few_by(mart, selection, (By.WEEK, By.MODEL, By.REASON), of=OVERRIDDEN))
    of_few[By.WEEK] = of_few[By.WEEK] | weeks_of_few(mart, selection)
    numbers = {reason.code: reason.share.count for reason in found.given}
    numbers |= {"": found.missing.count} if found.missing else {}
    weeks, versions = (
        hidden_names(
            [each.key for each in stretches[by]],
            [np.array([each.overridden for each in stretches[by]], dtype=np.int64)],
            of_few[by],
        )
        for by in (By.WEEK, By.MODEL)
    )
    return Rows(hidden_reasons(numbers, of_few[By.REASON]), weeks, versions, 0 < found.overridden < SMALLEST_SHOWN)


def _without(found: Reasons, hidden: Rows) -> Reasons:
    """The reasons that may be told; what they are together is without the hidden ones."""
    gone = hidden.reasons.names
    if not gone:
        return found
    kept = [reason for reason in found.given if reason.code not in gone]
    so_far = accumulate(reason.share.count for reason in kept)
    given = tuple(
        replace(reason, together=number / found.overridden) for reason, number in zip(kept, so_far, strict=True)
    )
    other = None if any(code.casefold() in OTHER for code in gone) else found.other
    return replace(found, given=given, missing=None if "" in gone else found.missing, other=other)


def _told(stretch: Stretch, hidden: Rows) -> Stretch:
    """A week with the reasons that may be told."""
    kept = {code: number for code, number in stretch.reasons.items() if code not in hidden.reasons.names}
    return replace(stretch, reasons=kept)


def _trends(weeks: Sequence[Stretch], told: Reasons) -> Trends | None:
    """The reasons that may be told, by week; the last one is of no reason."""
    drawn = trends(weeks, told.given)
    return replace(drawn, trends=drawn.trends[:-1]) if drawn and told.missing is None else drawn


def reads(asked: Asked) -> Selection:
    """The period and the weeks that it is held against; with the rest of each week as the service's page."""
    chosen = chart_selection(asked.view.selection)
    return chosen if asked.person.may(Right.CLINICIANS) else undivided(chosen)


REASONS = Page("reasons and comments", "oversight/reasons.html", figures, reads=reads)
