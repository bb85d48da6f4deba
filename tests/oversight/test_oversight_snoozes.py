"""Snoozed and withdrawn in the ledger: what decides, what the past says, and how it is counted."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, timedelta

import pytest

from clinical.advice import OVERRIDE_REASONS, Channel, Outcome, ShownBefore, WithheldReason
from clinical.assessment import Indicator, Tier
from clinical.policy import Policy
from clinical.snooze import LONGEST_SNOOZE, SNOOZES
from oversight.export import feedback_rows, write_csv
from oversight.override_rates import Step, override_report
from oversight.report_forms import as_json, render_text
from oversight.tallies import Period, Tally
from oversight.verify import verify

HOUR = timedelta(hours=1)
USER = "Practitioner/dr-house-007"
FOUR = SNOOZES[0]


@pytest.fixture
def card(ledger, make_advice):
    """A card five hours old."""
    advice = make_advice()
    advice = replace(advice, time=advice.time - 5 * HOUR)
    ledger.append(advice)
    return advice


@pytest.fixture
def said(answer):
    """What a clinician says on the page, an hour after the card; keywords change it."""

    def make(card, outcome, **changes):
        """One feedback."""
        given = {"channel": Channel.PAGE, "user": USER, "time": card.time + HOUR, "outcome": outcome}
        return answer(card, **(given | changes))

    return make


@pytest.mark.parametrize("last", [Outcome.SNOOZED, Outcome.WITHDRAWN, Outcome.ACCEPTED])
def test_the_latest_decides_whatever_it_is(ledger, card, said, last):
    """A withdrawal is what was said last, and so is an answer after one."""
    ledger.record([said(card, Outcome.OVERRIDDEN, reason=OVERRIDE_REASONS[0])])
    ledger.record([said(card, Outcome.WITHDRAWN)])
    ledger.record([said(card, last, reason=FOUR if last is Outcome.SNOOZED else None, time=card.time + 2 * HOUR)])
    found = ledger.decision(card.id)
    assert (found.outcome, found.time) == (last, card.time + 2 * HOUR)
    assert found.reason == (FOUR if last is Outcome.SNOOZED else None)


def test_at_one_moment_the_later_arrival_decides(ledger, card, said):
    """An undo within the same microsecond is still an undo."""
    ledger.record([said(card, Outcome.ACCEPTED)])
    ledger.record([said(card, Outcome.WITHDRAWN)])
    assert ledger.decision(card.id).outcome is Outcome.WITHDRAWN


def test_only_who_decided_is_told_that_it_was_them(ledger, card, said, answer):
    """Everybody else gets a pseudonym; an answer on the card names nobody."""
    ledger.record([said(card, Outcome.ACCEPTED)])
    assert ledger.decision(card.id, asked_by=USER).user == USER
    absolute = f"https://ehr.example/fhir/{USER}"
    assert ledger.decision(card.id, asked_by=absolute).user == absolute
    for other in ("Practitioner/2", ""):
        assert ledger.decision(card.id, asked_by=other).user.startswith("Practitioner/")
        assert ledger.decision(card.id, asked_by=other).user not in (other, USER)
    ledger.record([answer(card, time=card.time + 2 * HOUR)])
    assert ledger.decision(card.id, asked_by=USER).user == ""


@pytest.mark.parametrize("outcome", [Outcome.SNOOZED, Outcome.WITHDRAWN])
@pytest.mark.parametrize("withheld", [WithheldReason.SHADOW, WithheldReason.REPEAT, WithheldReason.BELOW_THRESHOLD])
def test_what_nobody_saw_has_no_answer(ledger, make_advice, said, outcome, withheld):
    """As for accept and override: the page shows a risk that was too low for a card, and no other withheld one."""
    advice = make_advice(withheld=withheld)
    ledger.append(advice)
    receipt = ledger.record([said(advice, outcome, time=advice.time)])
    assert receipt.quarantined == (withheld is not WithheldReason.BELOW_THRESHOLD)


@pytest.mark.parametrize("choice", SNOOZES)
def test_the_past_says_until_when_it_is_put_off(ledger, make_advice, card, said, choice):
    """From the moment of the snooze, not from that of the card."""
    snooze = said(card, Outcome.SNOOZED, reason=choice)
    ledger.record([snooze])
    hours = int(choice.code.removeprefix("PT").removesuffix("H"))
    (found,) = ledger.history(make_advice(), card.time).shown
    until = snooze.time + hours * HOUR
    assert found == ShownBefore(card.time, 0.1, indicator=Indicator.WARNING, snoozed_until=until)


def test_another_clinician_puts_off_nobody_elses_cards(ledger, make_advice, card, said):
    """Whose card it was goes on being told."""
    ledger.record([said(card, Outcome.SNOOZED, reason=FOUR, user="Practitioner/2")])
    (found,) = ledger.history(make_advice(), card.time).shown
    assert found.snoozed_until is None


def test_an_old_card_put_off_just_now_is_remembered(ledger, make_advice, said):
    """The card may have been shown longer ago than any snooze lasts."""
    now = make_advice()
    old = replace(make_advice(), time=now.time - 40 * HOUR)
    ledger.append(old)
    assert ledger.history(now, now.time - LONGEST_SNOOZE).shown == ()
    ledger.record([said(old, Outcome.SNOOZED, reason=SNOOZES[2], time=now.time - 20 * HOUR)])
    (found,) = ledger.history(now, now.time - LONGEST_SNOOZE).shown
    assert found.snoozed_until == now.time + 4 * HOUR


@pytest.mark.parametrize("undone", [Outcome.OVERRIDDEN, Outcome.SNOOZED])
def test_what_was_withdrawn_keeps_nothing_away(ledger, make_advice, card, said, undone):
    """Neither an override nor a snooze; the card itself was still shown."""
    ledger.record([said(card, undone, reason=FOUR if undone is Outcome.SNOOZED else OVERRIDE_REASONS[0])])
    ledger.record([said(card, Outcome.WITHDRAWN, time=card.time + 2 * HOUR)])
    assert ledger.history(make_advice(), card.time).shown == (ShownBefore(card.time, 0.1, indicator=Indicator.WARNING),)


def test_a_snooze_decides_with_the_policy(ledger, make_advice, assessment, card, said):
    """Until its end, for the same tier; a higher tier and the critical one come all the same."""
    policy = Policy(own_snooze=LONGEST_SNOOZE)
    ledger.record([said(card, Outcome.SNOOZED, reason=FOUR)])

    def decided(finding, hours):
        """What happens so many hours after the snooze."""
        call = replace(make_advice(finding=finding), time=card.time + (1 + hours) * HOUR)
        since = call.time - policy.look_back
        return policy.decide(finding, user=USER, now=call.time, history=lambda: ledger.history(call, since))

    higher = replace(assessment, tier=Tier("higher", 0.12, Indicator.WARNING, "x"))
    critical = replace(assessment, tier=Tier("high", 0.1, Indicator.CRITICAL, "x"))
    assert decided(assessment, 3.9) is WithheldReason.SNOOZED
    assert decided(assessment, 4) is None
    assert decided(higher, 1) is None
    assert decided(critical, 1) is None


MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


def tally(number, outcome=None, *, withheld=None):
    """Some entries that are alike."""
    return Tally("a", date(2026, 3, 2), withheld, None, outcome, FOUR if outcome == "snoozed" else None, number)


def test_four_columns_add_up_to_shown():
    """Withdrawn is unanswered; snoozed is neither, in no rate, and its length is no reason for an override."""
    rows = [tally(3, "overridden"), tally(1, "accepted"), tally(5, "snoozed"), tally(2, "withdrawn"), tally(4)]
    report = override_report(rows, MARCH, Step.WEEK)
    total = report.total
    assert (total.shown, total.accepted, total.overridden, total.snoozed, total.no_answer) == (15, 1, 3, 5, 6)
    assert (total.override_rate.total, total.no_answer_share.value) == (4, 0.4)
    assert [(each.reason, each.number) for each in report.reasons] == [(None, 3)]
    cells = as_json(report)["total"]
    assert [cells[name] for name in ("shown", "accepted", "overridden", "snoozed", "no_answer")] == [15, 1, 3, 5, 6]
    assert "snoozed" in render_text(report)


def test_a_few_snoozes_hide_with_the_others_and_none_hides_nothing():
    """Small cells cannot be worked out from the total."""
    many = [tally(30, "overridden"), tally(20, "accepted"), tally(40)]
    told = as_json(override_report(many, MARCH, Step.WEEK), 11)["total"]
    assert (told["overridden"], told["snoozed"], told["no_answer"]) == (30, 0, 40)
    told = as_json(override_report([*many, tally(2, "snoozed")], MARCH, Step.WEEK), 11)["total"]
    assert (told["overridden"], told["accepted"], told["snoozed"], told["no_answer"]) == (
        "hidden", "hidden", "< 11", "hidden",
    )  # fmt: skip
    assert told["override_rate"] is None


def test_the_ledger_counts_them_alike(engine, ledger, tallies, make_advice, said):
    """Through the database, with the export and a whole chain."""
    cards = [make_advice() for _ in range(4)]
    for card in cards:
        ledger.append(card)
    ledger.record([said(cards[0], Outcome.SNOOZED, reason=FOUR)])
    ledger.record(
        [said(cards[1], Outcome.OVERRIDDEN), said(cards[1], Outcome.WITHDRAWN, time=cards[1].time + 2 * HOUR)]
    )
    ledger.record([said(cards[2], Outcome.SNOOZED, reason=FOUR)])
    ledger.record([said(cards[2], Outcome.ACCEPTED, time=cards[2].time + 2 * HOUR)])
    total = override_report(tallies.tallies(MARCH), MARCH, Step.DAY).total
    assert (total.shown, total.accepted, total.overridden, total.snoozed, total.no_answer) == (4, 1, 0, 1, 2)
    file = io.StringIO(newline="")
    assert write_csv(feedback_rows(engine, MARCH), file) == 5
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [row["outcome"] for row in rows] == ["snoozed", "overridden", "withdrawn", "snoozed", "accepted"]
    assert (rows[0]["reason_code"], rows[0]["reason_display"]) == ("PT4H", "for 4 hours")
    assert all(check.fault is None for check in verify(engine))


def test_the_quick_question_finds_own_snoozes_only(ledger, card, said, make_advice):
    """Any card that this clinician put off since; no override, nobody else's snooze, no older one."""
    call = make_advice()
    now = call.time
    assert not ledger.put_off(call, now - 24 * HOUR)
    ledger.record([said(card, Outcome.OVERRIDDEN, reason=OVERRIDE_REASONS[0])])
    other = {"user": "Practitioner/somebody-else", "time": card.time + 2 * HOUR}
    ledger.record([said(card, Outcome.SNOOZED, reason=FOUR, **other)])
    assert not ledger.put_off(call, now - 24 * HOUR)
    ledger.record([said(card, Outcome.SNOOZED, reason=FOUR)])
    assert ledger.put_off(replace(call, user=USER), now - 24 * HOUR)
    assert not ledger.put_off(replace(call, user=USER), now)
    assert not ledger.put_off(replace(call, user=USER, client="another"), now - 24 * HOUR)


@pytest.mark.parametrize(("hours", "holds"), [(0, True), (3.99, True), (4, False)])
def test_a_snooze_in_force_is_found_from_another_advice(ledger, make_advice, card, said, hours, holds):
    """With the id of the advice that it was given on, until it is over."""
    given = said(card, Outcome.SNOOZED, reason=FOUR)
    ledger.record([given])
    found = ledger.snooze(make_advice(), given.time + hours * HOUR)
    assert (found == given) is holds
    assert holds or found is None


@pytest.mark.parametrize(
    "changes",
    [{"user": "Practitioner/2"}, {"user": ""}, {"patient_id": "p2"}, {"service": "other"}, {"client": "other"}],
)
def test_a_snooze_is_that_of_one_clinician_patient_and_service(ledger, make_advice, card, said, changes):
    """Nobody else's is told, and none of another model."""
    given = said(card, Outcome.SNOOZED, reason=FOUR)
    ledger.record([given])
    assert ledger.snooze(replace(make_advice(), **changes), given.time) is None


def test_a_snooze_that_was_changed_is_not_in_force(ledger, make_advice, card, said):
    """Withdrawn, answered otherwise, or in quarantine; an earlier one on another advice still holds."""
    other = replace(make_advice(), time=card.time)
    ledger.append(other)
    first = said(other, Outcome.SNOOZED, reason=SNOOZES[2])
    ledger.record([first, said(card, Outcome.SNOOZED, reason=FOUR, time=card.time + 2 * HOUR)])
    assert ledger.snooze(card, card.time + 3 * HOUR) == first, "the one that ends last is in force"
    ledger.record([said(card, Outcome.WITHDRAWN, time=card.time + 3 * HOUR)])
    assert ledger.snooze(card, card.time + 3 * HOUR) == first
    ledger.record([said(other, Outcome.ACCEPTED, time=card.time + 4 * HOUR)])
    assert ledger.snooze(card, card.time + 4 * HOUR) is None


@pytest.mark.parametrize("answered", [False, True])
def test_a_page_that_nobody_answered_keeps_no_card_away(ledger, make_advice, said, answered):
    """It may have been filled and never be looked at; one that was answered was seen."""
    opened = replace(make_advice(), hook="smart-launch")
    ledger.append(opened)
    if answered:
        ledger.record([said(opened, Outcome.OVERRIDDEN, reason=OVERRIDE_REASONS[0], time=opened.time)])
    later = make_advice()
    assert bool(ledger.history(later, opened.time - HOUR).shown) is answered
