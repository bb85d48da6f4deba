"""The export of feedback: every row of the period, no word that a clinician wrote, nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinical.advice import OVERRIDE_REASONS, Channel, Outcome, WithheldReason
from clinical.record import Coding
from oversight.export import feedback_rows, write_csv
from oversight.tallies import Period

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
ALWAYS = Period(date.min, date.max)


def as_csv(rows, **options):
    """The lines as a program reads them, by name of the column."""
    file = io.StringIO(newline="")
    number = write_csv(rows, file, **options)
    lines = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert len(lines) == number
    return lines


@pytest.fixture
def card(ledger, make_advice):
    """A card that was shown."""
    advice = make_advice()
    ledger.append(advice)
    return advice


def test_row_says_what_was_advised_and_what_was_done(ledger, engine, card, answer):
    """Every column, with times in UTC."""
    user = "Practitioner/dr-house-007"
    item = answer(card, reason=OVERRIDE_REASONS[2], comment="I know him", channel=Channel.PAGE, user=user)
    ledger.record([item])
    assert as_csv(feedback_rows(engine, MARCH)) == [
        {
            "service": "icu-mortality",
            "model_version": "1.0.0",
            "tier": "high",
            "shown_at": "2026-03-02T12:00:00.123456Z",
            "outcome": "overridden",
            "reason_system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes",
            "reason_code": "recipient-disagrees-evidence",
            "reason_display": "I judge the risk differently",
            "outcome_time": "2026-03-02T12:05:00.123456Z",
            "channel": "page",
            "role": "Practitioner",
            "unit": "ICU 2",
            "client": "st-mary",
            "quarantined": "",
            "comment_given": "yes",
        }
    ]


def test_pseudonyms_come_only_when_asked_for(ledger, engine, card, answer):
    """In the rows and in the file, both."""
    ledger.record([answer(card)])
    (plain,) = feedback_rows(engine, MARCH)
    assert (plain.patient, plain.clinician) == ("", "")
    (asked,) = feedback_rows(engine, MARCH, pseudonyms=True)
    assert (len(asked.patient), len(asked.clinician)) == (64, 64)
    assert "patient" not in as_csv([asked])[0]
    assert as_csv([asked], pseudonyms=True)[0]["patient"] == asked.patient


def test_answer_without_reason_or_comment_has_empty_cells(ledger, engine, card, answer):
    """A plain dismissal."""
    ledger.record([answer(card, outcome=Outcome.ACCEPTED)])
    (row,) = as_csv(feedback_rows(engine, MARCH))
    assert (row["reason_code"], row["comment_given"], row["outcome"]) == ("", "no", "accepted")


def test_quarantined_rows_say_why_and_tell_nothing_of_other_clients(ledger, engine, card, make_advice, answer):
    """Unknown card, another client's card, a card that nobody saw."""
    silent = make_advice(withheld=WithheldReason.SHADOW)
    ledger.append(silent)
    batch = [answer(make_advice()), answer(card, client="other"), answer(silent)]
    ledger.record([replace(item, comment="x") for item in batch])
    rows = list(feedback_rows(engine, MARCH))
    assert [row.quarantined for row in rows] == ["unknown-advice", "other-client", "never-shown"]
    assert [row.unit for row in rows] == ["", "", "ICU 2"]
    assert [row.shown_at is None for row in rows] == [True, True, False]


def test_period_is_that_of_the_advice(ledger, engine, make_advice, answer, clock):
    """Both days included; feedback without a card belongs to the day on which it came."""
    days = [date(2026, 2, 28), MARCH.first, MARCH.last, date(2026, 4, 1)]
    cards = [replace(make_advice(), time=clock.time + timedelta(days=(day - clock.time.date()).days)) for day in days]
    for card in cards:
        ledger.append(card)
        ledger.record([answer(card)])
    clock.time += timedelta(days=30)
    ledger.record([answer(make_advice())])
    assert [row.shown_at.date() for row in feedback_rows(engine, MARCH)] == [MARCH.first, MARCH.last]
    april = Period(date(2026, 4, 1), date(2026, 4, 1))
    assert [row.quarantined for row in feedback_rows(engine, april)] == ["", "unknown-advice"]
    assert len(list(feedback_rows(engine, ALWAYS))) == 5


def test_nothing_is_a_line_of_names(engine):
    """An empty period is a file that says so."""
    file = io.StringIO(newline="")
    assert write_csv(feedback_rows(engine, MARCH), file) == 0
    assert file.getvalue().startswith("service,model_version,tier,shown_at,outcome,")
    assert file.getvalue().endswith("comment_given\r\n")


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", '="a,b"\n'])
def test_cell_is_never_a_formula(ledger, engine, make_advice, answer, evil):
    """What a client sends as a reason or a unit is text to a spreadsheet, and still all there."""
    advice = make_advice(unit_name=evil)
    ledger.append(advice)
    ledger.record([answer(advice, reason=Coding(evil, evil, evil))])
    (row,) = as_csv(feedback_rows(engine, MARCH))
    for name in ("unit", "reason_system", "reason_code", "reason_display"):
        assert row[name].startswith("'")
        assert row[name].replace("'", "") == evil.replace("'", "")


words = st.text(max_size=30)
answers = st.lists(
    st.tuples(
        st.sampled_from(list(Outcome)),
        st.none() | st.builds(Coding, words, words, words),
        st.sampled_from(["", "comment"]) | words.map("\N{SECTION SIGN}".__add__),
        st.sampled_from([{}, {}, {"client": "x"}, {"service": "-x"}, {"advice_id": "="}]),
    ),
    max_size=6,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(drawn=answers)
def test_no_comment_ever_reaches_the_export(ledger, engine, make_advice, answer, drawn):
    """Whatever people write and wherever it is sent: the file says that they did, and has one line for each row."""
    secret = "the patient's neighbour says "
    advice = make_advice()
    ledger.append(advice)
    before = len(list(feedback_rows(engine, ALWAYS)))
    items = [
        answer(advice, outcome=outcome, reason=reason, comment=comment and secret + comment, **(sender | own))
        for outcome, reason, comment, sender in drawn
        for own in ({"advice_id": sender["advice_id"] + advice.id} if "advice_id" in sender else {},)
    ]
    receipt = ledger.record(items)
    rows = list(feedback_rows(engine, ALWAYS, pseudonyms=True))
    lines = as_csv(rows, pseudonyms=True)
    assert len(rows) - before == len(lines) - before == receipt.stored + receipt.quarantined
    assert secret not in repr([astuple(row) for row in rows])
    assert secret not in repr(lines)
    stored = {leaf.sequence: item for leaf, item in zip(receipt.leaves, items, strict=True)}
    given_ = [line["comment_given"] == "yes" for line in lines[before:]]
    assert given_ == [bool(stored[sequence].comment) for sequence in sorted(stored)]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for line in lines for cell in line.values())
