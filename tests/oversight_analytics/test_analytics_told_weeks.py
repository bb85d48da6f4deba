"""Who may not see single clinicians gets whole weeks: no two periods differ by a day, or by a week of few."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from oversight_analytics.conftest import FIRST
from oversight_analytics.pages_on_marts import INSIDE

from oversight.analytics.few_clinicians import FEWEST, groups_of_few, why_too_few
from oversight.analytics.selection import By, Selection
from oversight.analytics.told_weeks import ToldWeeks, told_weeks
from oversight.pages.door import roles
from oversight.pages.door.roles import Right, Role
from oversight.statistics.suppression import SMALLEST_SHOWN
from oversight.tallies import Period

WEEK = timedelta(days=7)
# A Wednesday: the week of it is not over.
TODAY = FIRST + 9 * WEEK + timedelta(days=2)
# Cards and clinicians of each week: of few people the third and the fourth, of few cards the sixth, none in the eighth.
WEEKS = ((40, 12), (40, 12), (30, 2), (30, 3), (40, 12), (4, 4), (40, 12), (0, 1), (40, 12), (40, 12))
NOTE = "Your role sees whole weeks that are over"


def day(week: int, weekday: int = 0) -> date:
    """A day of one of the weeks."""
    return FIRST + week * WEEK + timedelta(days=weekday)


def through(first: int, last: int) -> Period:
    """From the Monday of a week to the Sunday of another."""
    return Period(day(first), day(last, 6))


def columns() -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Every card is answered, each third one by an override; of few weeks the people are others than of the rest."""
    days = np.concatenate([np.full(cards, 7 * week) for week, (cards, _) in enumerate(WEEKS)])
    people = [
        f"{week if of < FEWEST else 'all'}-{n % of}" for week, (cards, of) in enumerate(WEEKS) for n in range(cards)
    ]
    number = days.size
    outcome = np.where(np.arange(number) % 3 == 0, "overridden", "accepted").astype(object)
    advice = {"days": days + np.arange(number) % 2, "clinician": np.array(people, dtype=object)}
    return number, advice, {"about": np.arange(1, number + 1), "outcome": outcome}


@pytest.fixture
def told(make_mart: Any) -> ToldWeeks:
    """Those of this hospital."""
    with make_mart(*columns()) as mart:
        return told_weeks(mart, Selection(through(0, 9)), TODAY)


def test_weeks_of_few_stand_only_together_with_the_next(told: ToldWeeks) -> None:
    """Until together they are of five who answer and of eleven cards; a week of nobody describes nobody."""
    stretches = [(0, 0), (1, 1), (2, 3), (4, 4), (5, 6), (7, 7), (8, 8)]
    assert told.stretches == tuple(through(*each) for each in stretches)
    assert told.over == day(8, 6)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ((day(0), day(4, 6)), (0, 4)),
        ((day(1, 3), day(4, 5)), (1, 3)),
        ((day(0), day(2, 6)), (0, 1)),
        ((day(3), day(6, 6)), (2, 6)),
        ((day(2, 1), day(2, 1)), (2, 3)),
        ((day(0), TODAY), (0, 8)),
        ((TODAY, TODAY), (8, 8)),
        ((day(-4, 2), day(-2, 2)), (-4, -3)),
        ((day(-4, 2), day(1)), (-4, 0)),
    ],
)
def test_a_period_is_shown_in_stretches(told: ToldWeeks, asked: tuple[date, date], shown: tuple[int, int]) -> None:
    """Back to where one begins, up to where one ends, and not beyond the last Sunday; asked again it is the same."""
    assert told.within(Period(*asked)) == through(*shown)
    assert told.within(through(*shown)) == through(*shown)


def test_no_two_periods_differ_by_few(told: ToldWeeks) -> None:
    """Whatever days are asked for: what lies between any two ends that are shown is of enough clinicians and cards."""
    days = [day(0) + timedelta(days=n) for n in range(70)]
    shown = {told.within(Period(first, last)) for first in days for last in days if first <= last}
    cuts = sorted({each.first for each in shown} | {each.last + timedelta(days=1) for each in shown})
    for first, after in pairwise(cuts):
        between = [WEEKS[week] for week in range(len(WEEKS)) if first <= day(week) < after]
        cards = sum(number for number, _ in between)
        assert cards == 0 or (cards >= SMALLEST_SHOWN and sum(of for _, of in between) >= FEWEST), (first, after)


def test_of_what_is_of_few_in_all_nothing_is_told(make_mart: Any) -> None:
    """Told as one it would grow by a week each Monday; of nothing at all there is nothing to hide."""
    with make_mart(20, {"days": np.arange(20), "clinician": "one"}) as mart:
        told = told_weeks(mart, Selection(through(0, 9)), TODAY)
        nothing = told_weeks(mart, Selection(through(0, 9), service="another"), TODAY)
    assert told.stretches == nothing.stretches == ()
    assert told.why_none
    assert nothing.why_none is None


@pytest.mark.parametrize(
    ("asked", "begins"),
    [(day(4), 4), (day(4, 3), 4), (day(3, 6), 2), (day(2), 2), (day(0), 1), (day(-3), 1), (day(12), 8)],
)
def test_a_period_is_divided_where_a_stretch_begins(told: ToldWeeks, asked: date, begins: int) -> None:
    """Never within a stretch: the parts of two divisions would differ by a day, or by a week of few."""
    assert told.divided(through(0, 8), asked) == day(begins)


def test_a_period_of_one_stretch_is_not_divided(told: ToldWeeks) -> None:
    """There is nothing before its first day."""
    assert told.divided(through(2, 3), day(3)) == day(2)


@pytest.fixture
def without_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes in sees and exports figures, and no single clinicians."""
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES, Right.EXPORT_FIGURES})})


def answering(who: Any) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Twelve clinicians with five cards each in each of nine weeks; `who` says of week and clinician who answers."""
    k = np.arange(9 * 60)
    week, clinician = k // 60, k % 12
    about = k[who(week, clinician)]
    outcome = np.where(about % 3 == 0, "overridden", "accepted").astype(object)
    advice = {"days": week * 7 + k % 5, "clinician": np.array([f"c{n}" for n in clinician], dtype=object)}
    return k.size, advice, {"about": about + 1, "outcome": outcome}


@pytest.mark.usefixtures("without_the_right")
@pytest.mark.parametrize("page", ["", "service", "override-rates"])
def test_a_week_in_which_few_answered_is_hidden_in_every_table(make_mart: Any, app: Any, page: str) -> None:
    """Its rate would be that of two, however many were advised: the rule for weeks is that for periods."""
    with make_mart(*answering(lambda week, clinician: (week != 3) | (clinician < 2))), app().test_client() as client:
        text = client.get(f"/oversight/{page}?from={day(0)}&to={day(8, 6)}", headers=INSIDE).text
    rows = [row for row in re.findall(r"<tr><th.*?</tr>", text, re.DOTALL) if f">{day(3)}<" in row]
    assert rows
    assert all("hidden" in row for row in rows)
    assert f"{day(2)}: " in text
    assert f"{day(3)}: " not in text


@pytest.mark.usefixtures("without_the_right")
@pytest.mark.parametrize("page", ["", "service", "override-rates", "reasons"])
def test_where_few_answer_nothing_is_told_though_many_are_advised(
    make_mart: Any, app: Any, clock: Any, page: str
) -> None:
    """Not on any Monday either: two of them would tell the week between."""
    with make_mart(*answering(lambda _week, clinician: clinician < 1)), app().test_client() as client:
        for week in (5, 6, 12):
            clock.time = datetime.combine(day(week), time(), UTC)
            answer = client.get(f"/oversight/{page}?from={day(0)}&to={day(8, 6)}", headers=INSIDE)
            assert answer.status_code == 403
            assert "answered cards" not in answer.text


def test_a_period_in_which_nobody_answered_is_of_those_advised(make_mart: Any) -> None:
    """Without an answer there is no rate of answers to speak of one of them."""
    with make_mart(*answering(lambda week, _clinician: week > 3)) as mart:
        assert why_too_few(mart, Selection(through(0, 3))) is None
        assert groups_of_few(mart, Selection(through(0, 3)), By.UNIT) == frozenset()


def test_what_a_filter_leaves_of_few_who_answer_is_not_told(make_mart: Any) -> None:
    """Set against the whole it would give away those who answered at the other hook."""
    number, advice, answers = answering(lambda week, clinician: (week % 2 == 0) | (clinician < 2))
    advice["hook"] = np.where(advice["days"] // 7 % 2 == 0, "patient-view", "order-sign").astype(object)
    with make_mart(number, advice, answers) as mart:
        for hook in ("patient-view", "order-sign"):
            assert why_too_few(mart, Selection(through(0, 8), hook=hook))


PAGES = ("", "service", "reasons", "override-rates", "comparison", "drift", "equity")


@pytest.mark.usefixtures("without_the_right")
@pytest.mark.parametrize("page", PAGES)
def test_a_period_with_one_day_more_is_the_same_page(make_mart: Any, app: Any, page: str) -> None:
    """The page and its form say which days are shown."""
    with make_mart(*columns()), app().test_client() as client:
        texts = [
            unescape(client.get(f"/oversight/{page}?from={day(0)}&to={to}", headers=INSIDE).text)
            for to in (day(4, 6), day(5), day(5, 1), day(5, 6))
        ]
    shown = [re.findall(r'<td[ >].*?</td>|type="date"[^>]*>|class="big">[^<]*', text, re.DOTALL) for text in texts]
    assert all(each == shown[0] for each in shown)
    assert all(
        "in which fewer than 5 clinicians were advised or answered, or of fewer than 11" in text for text in texts
    )
    assert all(NOTE in text and f"Shown are {day(0)} to {day(4, 6)}." in text for text in texts)
    assert f'name="to" value="{day(4, 6)}"' in texts[-1]


@pytest.mark.usefixtures("without_the_right")
def test_months_which_cut_weeks_are_not_told(make_mart: Any, app: Any) -> None:
    """Set against the weeks they would tell single days."""
    with make_mart(*columns()), app().test_client() as client:
        text = client.get(f"/oversight/override-rates?from={day(0)}&to={day(8, 6)}&by=month", headers=INSIDE).text
    assert "Counts by week" in text
    assert "Counts by month" not in text


@pytest.mark.usefixtures("without_the_right")
def test_drift_is_divided_between_weeks(make_mart: Any, app: Any) -> None:
    """Two days of one week are the same page, and its form says from which day on; so is a day that is not shown."""
    with make_mart(*columns()), app().test_client() as client:
        period = f"from={day(0)}&to={TODAY}"
        texts = [
            unescape(client.get(f"/oversight/drift?{period}&since={since}", headers=INSIDE).text)
            for since in (day(4), day(4, 3), day(4, 6))
        ]
        late = client.get(f"/oversight/drift?{period}&since={TODAY}", headers=INSIDE)
    assert texts[0] == texts[1] == texts[2]
    assert f'name="since" value="{day(4)}"' in texts[0]
    assert (late.status_code, f'name="since" value="{day(8)}"' in late.text) == (200, True)


@pytest.mark.usefixtures("without_the_right")
def test_periods_of_one_stretch_are_named_where_they_meet(make_mart: Any, app: Any) -> None:
    """The days were asked for one after the other; in whole weeks they are the same."""
    with make_mart(*columns()), app().test_client() as client:
        asked = f"compare=periods&first_from={day(2)}&first_to={day(2, 6)}&from={day(3)}&to={day(3, 6)}"
        text = client.get(f"/oversight/comparison?{asked}", headers=INSIDE).text
    both = f"{day(2)} to {day(3, 6)}"
    assert f"In whole weeks they are {both} and {both}." in text


@pytest.mark.usefixtures("without_the_right")
@pytest.mark.parametrize("page", ["", "service"])
def test_a_period_before_of_another_length_says_so(make_mart: Any, app: Any, page: str) -> None:
    """One week beside the two that are told together: their counts are not of as many days."""
    with make_mart(*columns()), app().test_client() as client:
        longer, same = (
            unescape(client.get(f"/oversight/{page}?from={day(week)}&to={day(week, 6)}", headers=INSIDE).text)
            for week in (4, 1)
        )
    assert f"{day(2)} to {day(3, 6)}" in longer
    assert "14 days, while this period has 7: set rates against each other, not counts" in longer
    assert f"{day(0)} to {day(0, 6)}" in same
    assert "while this period has" not in same


def test_who_may_see_clinicians_keeps_any_days(make_mart: Any, app: Any) -> None:
    """And nothing is said of weeks."""
    with make_mart(*columns()), app().test_client() as client:
        text = client.get(f"/oversight/?from={day(0, 1)}&to={day(5, 2)}", headers=INSIDE).text
    assert NOTE not in text
    assert f'name="to" value="{day(5, 2)}"' in text
