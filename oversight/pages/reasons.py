"""`GET /oversight/reasons`: why cards were overridden, and which comments sound as if a rule is broken."""

from __future__ import annotations

from collections.abc import Mapping

from oversight.analytics.funnel import funnel
from oversight.analytics.reasons import MOST_RANKED, inbox, reasons, reasons_by
from oversight.analytics.selection import By
from oversight.mart.mart import Questions
from oversight.pages.access import may_read_comments
from oversight.pages.bars import reason_bars, trends
from oversight.pages.frame import Asked, Page

MOST_COMMENTS = 50


def figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
    """Everything that the template draws. Comments are read by this page only."""
    selection = asked.view.selection
    found = reasons(mart, selection)
    weeks = reasons_by(mart, selection, By.WEEK)
    read = may_read_comments(asked.role)
    return {
        "found": found,
        "counts": funnel(mart, selection),
        "bars": reason_bars(found),
        "weeks": weeks,
        "trends": trends(weeks, found.given),
        "versions": reasons_by(mart, selection, By.MODEL),
        "inbox": inbox(mart, selection) if read else None,
        "most": MOST_COMMENTS,
        "most_ranked": MOST_RANKED,
    }


REASONS = Page("reasons and comments", "oversight/reasons.html", figures, reads=lambda asked: asked.view.selection)
