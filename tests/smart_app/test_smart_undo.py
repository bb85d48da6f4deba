"""Snooze and undo on the page, and whose decision it was."""

import re
from datetime import timedelta

import pytest

from clinical.advice import OVERRIDE_REASONS, Channel, Feedback, Outcome, WithheldReason
from clinical.assessment import Indicator, Tier
from clinical.snooze import SNOOZES


@pytest.fixture
def shown(doctor, browser):
    """An open page: its address, its text, and the hidden fields of its forms by their last letter."""
    url, text = doctor.see(browser)
    return url, text, fields_of(text)


def fields_of(text):
    """The hidden fields, by the last letter of the form's number."""
    token, advice = (re.search(rf'name="{name}" value="([^"]+)"', text)[1] for name in ("csrf_token", "advice"))
    numbers = re.findall(r'name="once" value="([^"]+)"', text)
    return {number[-1]: {"csrf_token": token, "advice": advice, "once": number} for number in numbers}


@pytest.fixture
def decide(doctor, browser, shown, make):
    """Send a decision with the form that now stands on the page; gives the page afterwards."""

    def send(form, status=303, **given):
        """One decision."""
        url = shown[0]
        fields = fields_of(browser.get(url, base_url=make.base_url).text)[form]
        answer = doctor.post(browser, f"{url}/decision", {**fields, **given})
        assert answer.status_code == status
        return answer.text if status == 400 else browser.get(url, base_url=make.base_url).text

    return send


def said(house, **given):
    """Somebody answers the advice of the page by another way."""
    (advice,) = house.ledger.advice.values()
    members = {"outcome": Outcome.OVERRIDDEN, "time": house.clock.now(), "channel": Channel.CARD}
    house.ledger.feedback.append(Feedback(advice.id, advice.client, advice.service, **(members | given)))


@pytest.mark.parametrize("choice", SNOOZES)
def test_a_snooze_says_until_when(house, decide, choice) -> None:
    """The duration stands as the coded reason; the page says when it ends, and that a higher tier comes."""
    text = decide("s", outcome="snoozed", span=choice.code, comment="after the round")
    (feedback,) = house.ledger.feedback
    assert (feedback.outcome, feedback.reason, feedback.comment) == (Outcome.SNOOZED, choice, "after the round")
    assert (feedback.accepted_suggestions, feedback.channel, feedback.user) == ((), Channel.PAGE, "Practitioner/7")
    assert re.search(rf"Saved: snoozed</strong> {choice.display}\s+on this page", text)
    assert "Until " in text
    assert "higher tier" in text
    assert "after the round" in text


@pytest.mark.parametrize("span", [{}, {"span": ""}, {"span": "PT5H"}, {"span": "PT9999H"}, {"reason": "PT4H"}])
def test_a_snooze_needs_one_of_its_times(house, decide, span) -> None:
    """Nothing is stored, and the form stays open with what was typed."""
    text = decide("s", 400, outcome="snoozed", comment="typed text", **span)
    assert "Choose for how long" in text
    assert text.count("typed text") == 1
    assert house.ledger.feedback == []


@pytest.mark.parametrize("withheld", [None, WithheldReason.BELOW_THRESHOLD])
def test_only_a_card_that_may_stay_away_can_be_put_off(house, doctor, browser, make, withheld) -> None:
    """A critical one always comes again, and where no card came there is none to put off: no form, and no way past."""
    tier = Tier("red", 0.2, Indicator.CRITICAL, "x") if withheld is None else make.risk().tier
    house.findings[:] = [lambda: (make.risk(tier=tier), withheld)]
    url, text = doctor.see(browser)
    forms = fields_of(text)
    assert forms.keys() == {"a", "o", "r"}
    answer = doctor.post(browser, f"{url}/decision", {**forms["a"], "outcome": "snoozed", "span": "PT4H"})
    assert (answer.status_code, house.ledger.feedback) == (400, [])
    assert "cannot be put off" in answer.text


def test_an_acceptance_may_have_a_comment(house, decide) -> None:
    """It is saved and shown like that of an override."""
    text = decide("a", outcome="accepted", comment="called the senior")
    assert house.ledger.feedback[0].comment == "called the senior"
    assert "<q>called the senior</q>" in text


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ("a", {"outcome": "accepted"}),
        ("o", {"outcome": "overridden", "reason": OVERRIDE_REASONS[0].code}),
        ("s", {"outcome": "snoozed", "span": "PT12H"}),
    ],
)
def test_undo_opens_the_form_again(house, decide, form, given) -> None:
    """A withdrawal of its own in the ledger; the page says when, and the next answer counts as any."""
    assert 'value="withdrawn"' in decide(form, **given)
    house.clock.pass_(timedelta(minutes=2))
    text = decide("u", outcome="withdrawn", comment="ignored", reason="ignored")
    withdrawn = house.ledger.feedback[-1]
    assert (withdrawn.outcome, withdrawn.reason, withdrawn.comment) == (Outcome.WITHDRAWN, None, "")
    assert withdrawn.user == "Practitioner/7"
    assert re.search(r"Withdrawn\s+at .*14:07", text)
    assert "No decision stands now" in text
    assert "Saved:" not in text
    assert "Change this decision" not in text
    assert 'value="withdrawn"' not in text
    assert "Saved: accepted" in decide("a", outcome="accepted")
    assert [item.outcome for item in house.ledger.feedback][1:] == [Outcome.WITHDRAWN, Outcome.ACCEPTED]


def test_the_same_undo_twice_counts_once(house, decide, doctor, browser, shown) -> None:
    """A double click, also seconds later; and a first answer sent again brings nothing back."""
    accept = {**shown[2]["a"], "outcome": "accepted"}
    doctor.post(browser, f"{shown[0]}/decision", accept)
    undo = {**shown[2]["a"], "once": shown[2]["a"]["once"][:-1] + "u", "outcome": "withdrawn"}
    for _ in range(2):
        house.clock.pass_(timedelta(seconds=3))
        assert doctor.post(browser, f"{shown[0]}/decision", undo).status_code == 303
    assert doctor.post(browser, f"{shown[0]}/decision", accept).status_code == 303
    assert [item.outcome for item in house.ledger.feedback] == [Outcome.ACCEPTED, Outcome.WITHDRAWN]


def test_there_must_be_something_to_undo(house, decide) -> None:
    """Neither nothing nor what was withdrawn already; the words say so."""
    assert "no decision of yours to undo" in decide("a", 400, outcome="withdrawn")
    decide("a", outcome="accepted")
    decide("u", outcome="withdrawn")
    assert "no decision of yours to undo" in decide("a", 400, outcome="withdrawn")
    assert len(house.ledger.feedback) == 2


def test_an_undo_needs_the_token(house, decide, doctor, browser, shown) -> None:
    """Like every form."""
    decide("a", outcome="accepted")
    form = {**shown[2]["a"], "outcome": "withdrawn", "csrf_token": "0" * 64}
    assert doctor.post(browser, f"{shown[0]}/decision", form).status_code == 403
    assert len(house.ledger.feedback) == 1


def test_the_decision_of_another_has_no_name(house, decide, browser, shown, make) -> None:
    """It says "another clinician", cannot be undone, and may be answered differently."""
    said(house, channel=Channel.PAGE, user="Practitioner/3f2a9be1", reason=OVERRIDE_REASONS[2])
    text = browser.get(shown[0], base_url=make.base_url).text
    assert re.search(r"Saved: overridden</strong>\s+on this page by another clinician", text)
    assert "3f2a9be1" not in text
    assert 'value="withdrawn"' not in text
    assert "Change this decision" in text
    assert "no decision of yours" in decide("a", 400, outcome="withdrawn")
    assert "by another clinician" not in decide("a", outcome="accepted")


def test_the_snooze_of_another_promises_nothing(house, browser, shown, make) -> None:
    """It keeps their cards away, not those of who reads this."""
    said(house, outcome=Outcome.SNOOZED, channel=Channel.PAGE, user="Practitioner/8", reason=SNOOZES[0])
    text = browser.get(shown[0], base_url=make.base_url).text
    assert re.search(r"snoozed</strong> for 4 hours\s+on this page by another clinician", text)
    assert "Until " not in text


def test_a_withdrawal_of_another_says_so(house, browser, shown, make) -> None:
    """The form is open."""
    said(house, outcome=Outcome.WITHDRAWN, channel=Channel.PAGE, user="Practitioner/8")
    text = browser.get(shown[0], base_url=make.base_url).text
    assert re.search(r"Withdrawn by another clinician\s+at ", text)
    assert "Change this decision" not in text


def test_an_answer_on_the_card_can_be_undone_here(house, decide, browser, shown, make) -> None:
    """The EHR names nobody; its clock may be ahead of ours, and the undo still comes after it."""
    ahead = house.clock.now() + timedelta(minutes=4)
    said(house, time=ahead)
    assert re.search(r"Saved: overridden</strong>\s+on the card,", browser.get(shown[0], base_url=make.base_url).text)
    decide("u", outcome="withdrawn")
    assert (house.ledger.feedback[-1].outcome, house.ledger.feedback[-1].time) == (Outcome.WITHDRAWN, ahead)
