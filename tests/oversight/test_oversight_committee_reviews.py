"""What the committee's pack says of reviews, on plans that a test makes up."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from oversight.analytics.selection import Selection
from oversight.pages.committee.reviews_part import review_lines
from oversight.reviews.plan import COMMENTS, Allocation, Grouping, Response, ReviewPlan
from oversight.reviews.sheet import Item, Judgement, Sheet
from oversight.statistics.adjudication import Verdict
from oversight.tallies import Period

NOW = datetime(2026, 4, 2, 9, tzinfo=UTC)
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
YES, NO = Verdict.APPROPRIATE, Verdict.INAPPROPRIATE
PLAN = ReviewPlan(
    "march", "one", date(2026, 3, 2), date(2026, 3, 29), (Response.OVERRIDDEN,), (Grouping.UNIT,), 40,
    Allocation.PROPORTIONAL, 7, 100,
)  # fmt: skip


def sheet(verdicts, plan=PLAN, size=40, probability=0.5):
    """A plan whose first cards have these pairs of verdicts; half of the cards are of Ward A."""
    items = []
    for number in range(size):
        pair = verdicts[number] if number < len(verdicts) else ()
        given = tuple(Judgement(f"r{place}", each, "", NOW) for place, each in enumerate(pair))
        items.append(Item(number, number, NOW, (f"Ward {'AB'[number % 2]}",), probability, given))
    return Sheet(plan, NOW, tuple(items))


def line(found, service=None):
    """The one line about it."""
    (only,) = review_lines([found], Selection(MARCH, service=service))
    return only


def test_a_finished_review_is_told_with_its_intervals():
    """κ and the weighted share, worked out by hand: 30 of 40 appropriate, and two reviewers who always agree."""
    told = line(sheet([(YES, YES)] * 30 + [(NO, NO)] * 10))
    assert told.progress == "all of 40 cards"
    assert told.agreement.startswith("1.00 (")
    assert told.appropriate.startswith("75 % (")
    assert [name for name, _share in told.groups] == ["Ward A", "Ward B"]


@pytest.mark.parametrize(
    ("done", "progress"),
    [(0, "none of 40 cards"), (3, "fewer than 11 of 40 cards"), (20, "20 of 40 cards"),
     (35, "all but fewer than 11 of 40 cards")],
)  # fmt: skip
def test_progress_tells_no_small_count(done, progress):
    """Neither of what is done nor of what is left."""
    assert line(sheet([(YES, YES)] * done)).progress == progress


def test_what_is_not_settled_has_no_share():
    """And the reason names no small number."""
    told = line(sheet([(YES, NO)] * 3 + [(YES, YES)] * 37))
    assert told.appropriate.startswith("no figure: fewer than 11 cards wait")
    assert "third verdict" in told.progress


def test_small_groups_and_plans_are_hidden():
    """A plan about few cards tells nothing; a small group takes another one with it."""
    assert "hidden" in line(sheet([(YES, YES)] * 8, size=8, probability=1.0)).appropriate
    wards = line(sheet([(YES, YES)] * 20, size=20, probability=1.0)).groups
    assert all("%" not in share for _name, share in wards)


def test_only_reviews_of_the_days_and_the_service_are_told():
    """Cards that somebody picked have neither, and no share."""
    whole = sheet([(YES, YES)] * 40)
    assert not review_lines([whole], Selection(MARCH, service="two"))
    assert not review_lines([whole], Selection(Period(date(2026, 4, 1), date(2026, 4, 30))))
    assert line(sheet([(YES, YES)] * 12, COMMENTS, 12)).appropriate.startswith("no figure: these cards were picked")
