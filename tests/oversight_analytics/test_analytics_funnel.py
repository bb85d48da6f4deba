"""The funnel, the rates by group and the burden: exact counts of entries that were made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from oversight.analytics.burden import burden
from oversight.analytics.funnel import funnel, funnels
from oversight.analytics.narrowed import narrow
from oversight.analytics.selection import By, Selection
from oversight.exports.weekly_burden import weekly_burden
from oversight.monitors.weekly import weekly
from oversight.proportions import proportion
from oversight.tallies import Period


@pytest.fixture
def entries():
    """Ten entries: one on the page, two that were not assessed (one told so), two withheld, five cards."""
    none = None
    return {
        "hook": np.array(["smart-launch"] + ["patient-view"] * 9, dtype=object),
        "abstention": np.array([none, "too-early", "too-early"] + [none] * 7, dtype=object),
        "withheld": np.array([none, none, "outside-population", "repeat", "shadow"] + [none] * 5, dtype=object),
        "unit_name": np.array(["ICU 1"] * 8 + ["ICU 2"] * 2, dtype=object),
    }


@pytest.fixture
def answers():
    """Of the five cards (6 to 10): accepted, overridden, put off, overridden and withdrawn, and nothing."""
    return {
        "about": [6, 7, 8, 9, 9],
        "outcome": np.array(["accepted", "overridden", "snoozed", "overridden", "withdrawn"], dtype=object),
    }


def test_every_entry_stands_in_one_place(make_mart, period, entries, answers) -> None:
    """The counts add up at each step."""
    with make_mart(10, entries, answers) as mart:
        found = funnel(mart, Selection(period))
    assert (found.entries, found.on_page, found.abstained, found.abstained_shown) == (10, 1, 2, 1)
    assert (found.assessed, found.withheld, found.cards) == (7, (("repeat", 1), ("shadow", 1)), 5)
    assert (found.accepted, found.overridden, found.snoozed, found.no_answer) == (1, 1, 1, 2)
    assert found.entries == found.on_page + found.abstained + found.assessed
    assert found.assessed == found.cards + sum(number for _, number in found.withheld)


def test_rates_are_those_of_wilson(make_mart, period, entries, answers) -> None:
    """Override rate of what was answered; acceptance and silence of all cards."""
    with make_mart(10, entries, answers) as mart:
        found = funnel(mart, Selection(period))
    assert found.override_rate == proportion(1, 2)
    assert found.acceptance_rate == proportion(1, 5)
    assert found.no_answer_share == proportion(2, 5)


def test_groups_add_up_to_the_whole(make_mart, period, entries, answers) -> None:
    """Whatever they are grouped by."""
    with make_mart(10, entries, answers) as mart:
        whole = funnel(mart, Selection(period))
        for by in By:
            parts = funnels(mart, Selection(period), by)
            for name in ("entries", "on_page", "abstained", "assessed", "cards", "accepted", "overridden", "snoozed"):
                assert sum(getattr(part, name) for part in parts) == getattr(whole, name), by
        units = funnels(mart, Selection(period), By.UNIT)
    assert [(one.key, one.cards) for one in units] == [("ICU 1", 3), ("ICU 2", 2)]


def test_a_selection_leaves_the_rest_out(make_mart, period, entries, answers) -> None:
    """By unit, service and day; a value is a value and no SQL."""
    with make_mart(10, entries | {"days": np.arange(10)}, answers) as mart:
        assert funnel(mart, Selection(period, unit_name="ICU 2")).cards == 2
        assert funnel(mart, Selection(period, service="x' OR '1'='1")).entries == 0
        assert funnel(mart, Selection(replace(period, last=period.first))).entries == 1


def test_nothing_is_no_rate(make_mart, period) -> None:
    """None, not zero."""
    with make_mart(1, {"withheld": "repeat"}) as mart:
        found, cost = funnel(mart, Selection(period)), burden(mart, Selection(period))
    assert (found.override_rate, found.no_answer_share, cost.repeats, cost.seconds, cost.reflex) == (None,) * 5


def test_the_burden_counts_people_stays_and_repeats(make_mart, period) -> None:
    """Four cards to one clinician about one patient, an hour and four days apart; one to another."""
    entries = {
        "patient": np.array(["a", "a", "a", "b", "a"], dtype=object),
        "clinician": np.array(["x", "x", "x", "x", "y"], dtype=object),
        "encounter": np.array(["1", "1", "1", "2", None], dtype=object),
        "days": [0, 0, 4, 4, 4],
        "seconds": [0, 3600, 3600, 0, 0],
    }
    answers = {
        "about": [1, 2, 3, 4],
        "outcome": np.array(["overridden", "overridden", "accepted", "overridden"], dtype=object),
        "time": np.zeros(4, dtype=np.int64),
    }
    with make_mart(5, entries, answers) as mart:
        at = [row[0] for row in mart.rows("SELECT time FROM advice ORDER BY sequence")]
    answers["time"] = np.array([at[0] + 1_000_000, at[1] + 8_000_000, at[2] + 20_000_000, at[3] - 5_000_000])
    with make_mart(5, entries, answers) as mart:
        found = burden(mart, Selection(period))
    assert (found.cards, found.encounters, found.clinician_days) == (5, 2, 3)
    assert (found.per_100_encounters, found.per_clinician_day) == (250.0, 5 / 3)
    assert found.repeats == proportion(1, 5)
    assert found.seconds == (4.5, 8.0, 14.0)
    assert found.top_tenth is None  # a tenth of two clinicians is nobody
    assert found.reflex == proportion(1, 2)  # the answer before its card has no time


def test_the_busiest_tenth_is_of_twenty_or_more(make_mart, period) -> None:
    """Of twenty clinicians, two; of nineteen nobody is told."""
    for people, expected in ((19, None), (20, 39 / 57)):
        busy = [f"busy{place % 2}" for place in range(2 * (people - 1))]
        who = np.array([*busy, *(f"c{place}" for place in range(people - 2)), "busy0"], dtype=object)
        with make_mart(len(who), {"clinician": who}) as mart:
            found = burden(mart, Selection(period)).top_tenth
        assert found == (None if expected is None else pytest.approx(expected))


def test_a_card_of_the_first_day_may_repeat_one_before_it(make_mart, period) -> None:
    """A day and its week have the same repeats, whichever period is asked for; 72 hours back, and no further."""
    days = np.array([0, 2, 5, 6, 9, 13])
    entries = {"patient": "a", "clinician": "x", "days": days, "seconds": np.zeros(6)}
    first = period.first
    with make_mart(6, entries) as mart:
        whole = burden(mart, Selection(period)).repeats
        apart = [
            burden(mart, Selection(Period(day, day))).repeats
            for day in (first + timedelta(days=int(each)) for each in days)
        ]
        weeks = weekly(mart, Selection(Period(first, first + timedelta(days=13)))).repeats
        second = weekly(mart, Selection(Period(first + timedelta(days=7), first + timedelta(days=13)))).repeats
        narrow(mart, Selection(Period(first + timedelta(days=2), period.last)), 6)
        late = burden(mart, Selection(Period(first + timedelta(days=2), period.last)))
    assert [each.count for each in apart] == [0, 1, 1, 1, 1, 0]
    assert whole == proportion(4, 6)
    assert (weeks.tolist(), second.tolist()) == ([3, 1], [1])
    assert (late.repeats, late.cards, late.clinician_days) == (proportion(4, 5), 5, 5)


def test_two_exports_of_a_week_have_the_same_repeats(make_mart, period) -> None:
    """The file of a longer period and the file of that week alone."""
    first = period.first
    last = first + timedelta(days=13)
    with make_mart(4, {"patient": "a", "clinician": "x", "days": np.array([2, 5, 7, 9])}) as mart:
        narrow(mart, Selection(Period(first + timedelta(days=7), last)), 4)
        alone = weekly_burden(mart, Selection(Period(first + timedelta(days=7), last)))
    with make_mart(4, {"patient": "a", "clinician": "x", "days": np.array([2, 5, 7, 9])}) as mart:
        both = weekly_burden(mart, Selection(Period(first, last)))
    week = ("icu-mortality", str(first + timedelta(days=7)))
    assert alone == {week: both[week]}
    assert both[week].repeats == 2
