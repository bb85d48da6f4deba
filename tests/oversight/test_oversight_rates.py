"""The rates are what counting by hand gives."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from clinical.advice import OVERRIDE_REASONS, Outcome, WithheldReason
from clinical.record import Coding
from oversight.override_rates import Step, bucket, override_report
from oversight.proportions import proportion, wilson
from oversight.report_forms import as_json, render_text
from oversight.tallies import Period, Tally

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
MONDAY = date(2026, 3, 2)
OVERRIDDEN = Outcome.OVERRIDDEN.value
ACCEPTED = Outcome.ACCEPTED.value


def tally(number, outcome=None, *, service="a", day=MONDAY, reason=None, withheld=None, abstention=None):
    """Some entries that are alike."""
    return Tally(service, day, withheld, abstention, outcome, reason, number)


@given(st.data())
def test_interval_is_that_of_scipy(data):
    """Wilson's interval, against an independent implementation."""
    total = data.draw(st.integers(1, 100_000))
    count = data.draw(st.integers(0, total))
    confidence = data.draw(st.floats(0.5, 0.999))
    expected = binomtest(count, total).proportion_ci(confidence, method="wilson")
    assert wilson(count, total, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_interval_is_the_published_one(count, total, low, high):
    """The four examples of Newcombe 1998, table I, method 3."""
    assert wilson(count, total) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("count", "total"), [(1, 0), (0, 0), (-1, 5), (6, 5)])
def test_share_that_is_none_is_refused(count, total):
    """There is no interval of nothing or of more than all."""
    with pytest.raises(ValueError, match="count"):
        wilson(count, total)


def test_share_of_nothing_is_none():
    """No answers: no rate, not zero."""
    assert proportion(0, 0) is None
    assert proportion(5, 5).high == 1.0


def test_rate_is_of_answers_and_silence_stands_beside_it():
    """3 overridden, 1 accepted, 6 silent: 75 % of answers, 60 % without an answer."""
    counts = override_report([tally(3, OVERRIDDEN), tally(1, ACCEPTED), tally(6)], MARCH, Step.DAY).total
    assert (counts.override_rate.value, counts.no_answer_share.value) == (0.75, 0.6)
    assert (counts.shown, counts.answered, counts.no_answer) == (10, 4, 6)


def test_abstentions_and_withheld_are_in_no_denominator():
    """A "not assessed" card has nothing to accept; withheld advice was never seen."""
    rows = [
        tally(4, OVERRIDDEN, abstention="too-early"),
        tally(5, abstention="not-enough-data"),
        tally(7, withheld="shadow"),
        tally(8, withheld="below-threshold"),
        tally(9, withheld="outside-population", abstention="not-adult"),
        tally(1, ACCEPTED),
    ]
    counts = override_report(rows, MARCH, Step.DAY).total
    assert (counts.shown, counts.accepted, counts.overridden) == (1, 1, 0)
    assert (counts.abstained, counts.abstained_overridden) == (9, 4)
    assert counts.withheld == (("below-threshold", 8), ("outside-population", 9), ("shadow", 7))


def test_stretches_of_time_begin_where_people_expect_it():
    """Weeks on Monday, months on the first."""
    assert bucket(date(2026, 3, 8), Step.WEEK) == MONDAY
    assert bucket(date(2026, 3, 8), Step.MONTH) == date(2026, 3, 1)
    assert bucket(date(2026, 3, 8), Step.DAY) == date(2026, 3, 8)
    assert bucket(date.min, Step.WEEK) == date.min


def test_one_code_is_one_reason_however_it_is_displayed():
    """Reasons are grouped by code, most frequent first, with "no reason given" among them."""
    other = Coding("s", "x", "Other")
    rows = [
        tally(2, OVERRIDDEN, reason=replace(other, display="OTHER")),
        tally(3, OVERRIDDEN, reason=other),
        tally(4, OVERRIDDEN),
        tally(9, ACCEPTED, reason=other),
        tally(9, OVERRIDDEN, reason=other, abstention="too-early"),
    ]
    reasons = override_report(rows, MARCH, Step.DAY).reasons
    assert [(each.reason, each.number) for each in reasons] == [(other, 5), (None, 4)]


def test_rows_outside_the_period_do_not_count():
    """Both ends of the period are inside."""
    days = [date(2026, 2, 28), MARCH.first, MARCH.last, date(2026, 4, 1)]
    assert override_report([tally(1, day=day) for day in days], MARCH, Step.DAY).total.shown == 2


def test_json_has_exact_counts():
    """By default every number is exact, and the whole is plain JSON."""
    rows = [tally(3, OVERRIDDEN, reason=OVERRIDE_REASONS[0]), tally(1, ACCEPTED), tally(2, withheld="shadow")]
    report = json.loads(json.dumps(as_json(override_report(rows, MARCH, Step.WEEK))))
    assert report["total"]["overridden"] == 3
    assert report["total"]["withheld"] == {"shadow": 2}
    assert report["total"]["override_rate"]["value"] == 0.75
    assert report["services"][0]["service"] == "a"
    assert report["times"][0]["start"] == "2026-03-02"
    assert report["service_times"][0]["service"] == "a"
    assert report["reasons"][0]["code"] == "action-completed"
    assert report["reasons"][0]["number"] == 3


def test_small_cells_are_hidden_with_what_would_reveal_them():
    """Below 11 stands "< 11"; the other two answers and the rates hide with it."""
    rows = [tally(3, OVERRIDDEN), tally(20, ACCEPTED), tally(30), tally(11, withheld="shadow")]
    report = override_report(rows, MARCH, Step.WEEK)
    total = as_json(report, 11)["total"]
    assert (total["shown"], total["overridden"], total["accepted"], total["no_answer"]) == (
        53,
        "< 11",
        "hidden",
        "hidden",
    )
    assert (total["override_rate"], total["no_answer_share"]) == (None, None)
    assert total["withheld"] == {"shadow": 11}
    text = render_text(report, 11)
    assert "13.0 %" not in text
    assert "< 11" in text
    assert as_json(report, 11)["reasons"][0]["number"] == "< 11"


def test_text_is_a_table_that_a_terminal_may_show():
    """Columns are aligned, the total is last, and control characters from outside are gone."""
    reason = Coding("s", "c", "bad \x1b[31mred")
    rows = [tally(30, OVERRIDDEN, reason=reason), tally(90, ACCEPTED), tally(80, service="bb")]
    text = render_text(override_report(rows, MARCH, Step.MONTH))
    assert "25.0 % (18.1-33.4)" in text
    assert "\x1b" not in text
    table = text.split("\n\n")[1].splitlines()
    assert len({len(line) for line in table}) == 1
    assert table[-1].startswith("all")
    assert text.endswith("\n")


def test_nothing_is_told_as_nothing():
    """An empty period has no rate and no division by zero."""
    report = override_report([], MARCH, Step.DAY)
    assert as_json(report)["total"]["override_rate"] is None
    assert "none" in render_text(report)


cards = st.tuples(
    st.integers(0, 1),  # service
    st.integers(0, 20),  # day
    st.sampled_from(["shown", "shown", "shown", "score", "abstained", *WithheldReason]),
)
answers = st.tuples(
    st.integers(0, 9),  # card; may not exist
    st.sampled_from(list(Outcome)),
    st.integers(0, 3),  # minutes after the card
    st.sampled_from([None, *OVERRIDE_REASONS[:2]]),
    st.sampled_from(["own", "own", "own", "other client", "other service"]),
)


class ByHand:
    """Remembers every card and the last valid answer to it, in plain Python."""

    def __init__(self):
        self.cards = []
        self.last = {}
        self.said = set()

    def hear(self, card, state, item, sender):
        """Take one answer; only a new one to a shown card from its own client and service counts."""
        known = (item.advice_id, item.client, item.service, item.outcome, item.time, item.reason)
        if known in self.said:
            return
        self.said.add(known)
        if sender == "own" and state in ("shown", "abstained"):
            before = self.last.get(card.id)
            if before is None or item.time >= before.time:
                self.last[card.id] = item

    def outcomes(self, cards, state):
        """The outcomes of the cards in one state; None where nobody answered."""
        answers = [self.last.get(card.id) for card, its_state in cards if its_state == state]
        return [answer.outcome if answer else None for answer in answers]

    def counts(self, cards):
        """In the order of `as_tuple`."""
        shown, abstained = self.outcomes(cards, "shown"), self.outcomes(cards, "abstained")
        return (
            len(shown),
            shown.count(Outcome.ACCEPTED),
            shown.count(Outcome.OVERRIDDEN),
            shown.count(Outcome.SNOOZED),
            shown.count(None) + shown.count(Outcome.WITHDRAWN),
            len(abstained),
            abstained.count(Outcome.OVERRIDDEN),
            len(cards) - len(shown) - len(abstained),
        )

    def reasons(self, cards):
        """How often each reason was given with an override of a risk card."""
        answers = [self.last.get(card.id) for card, state in cards if state == "shown"]
        return Counter(each.reason for each in answers if each and each.outcome is Outcome.OVERRIDDEN)


@pytest.fixture
def play(ledger, make_advice, abstention, score, answer):
    """Let drawn cards and answers happen, in the ledger and by hand."""

    def form(services, service, day, state):
        """The advice for one drawn card."""
        advice = make_advice(service=services[service], withheld=state if state in list(WithheldReason) else None)
        finding = {"abstained": abstention, "score": score}.get(state, advice.finding)
        return replace(advice, time=advice.time + timedelta(days=day), finding=finding)

    def play_it(services, drawn_cards, batches):
        """What was counted by hand."""
        by_hand = ByHand()
        for service, day, state in drawn_cards:
            its = "shown" if state == "score" else state  # a card like any other
            by_hand.cards.append((form(services, service, day, state), its))
            ledger.append(by_hand.cards[-1][0])
        deck = by_hand.cards + [(make_advice(service=services[0]), "unknown")] * 10
        for batch in batches:
            items = []
            for place, outcome, minutes, reason, sender in batch:
                card, state = deck[place]
                moment = card.time + timedelta(minutes=minutes)
                items.append(answer(card, outcome=outcome, time=moment, reason=reason, **SENDERS[sender]))
                by_hand.hear(card, state, items[-1], sender)
            ledger.record(items)
        return by_hand

    return play_it


SENDERS = {"own": {}, "other client": {"client": "x"}, "other service": {"service": "x"}}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(drawn=st.lists(cards, min_size=1, max_size=8), batches=st.lists(st.lists(answers, max_size=6), max_size=3))
def test_rates_equal_counting_by_hand(play, tallies, drawn, batches):
    """Whatever is shown, answered, repeated, changed and misdirected, the report counts the last valid answers."""
    services = [f"service-{uuid.uuid4()}" for _ in range(2)]
    by_hand = play(services, drawn, batches)
    for service in services:
        mine = [(card, state) for card, state in by_hand.cards if card.service == service]
        report = override_report(tallies.tallies(MARCH, service), MARCH, Step.WEEK)
        assert as_tuple(report.total) == by_hand.counts(mine)
        assert {each.reason: each.number for each in report.reasons} == by_hand.reasons(mine)
        for group in report.times:
            week = [(a, s) for a, s in mine if group.start <= a.time.date() < group.start + timedelta(days=7)]
            assert as_tuple(group.counts) == by_hand.counts(week)


def as_tuple(counts):
    """The counts in the order of `by_hand`."""
    withheld = sum(number for _, number in counts.withheld)
    return (
        counts.shown,
        counts.accepted,
        counts.overridden,
        counts.snoozed,
        counts.no_answer,
        counts.abstained,
        counts.abstained_overridden,
        withheld,
    )


def test_services_are_those_with_an_entry(ledger, tallies, make_advice):
    """Also those whose advice was never shown, sorted."""
    ledger.append(make_advice(service="b", withheld=WithheldReason.SHADOW))
    ledger.append(make_advice(service="a"))
    ledger.append(make_advice(service="a"))
    assert tallies.services() == ("a", "b")
