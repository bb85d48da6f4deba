"""What a policy gets to know of the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from clinical.advice import OVERRIDE_REASONS, History, Outcome, ShownBefore, WithheldReason
from clinical.assessment import Indicator, Tier

HOUR = timedelta(hours=1)


@pytest.fixture
def past(ledger, make_advice):
    """Append an advice so many hours ago; keywords change it."""

    def add(hours, **changes):
        """One entry."""
        advice = make_advice(**changes)
        advice = replace(advice, time=advice.time - hours * HOUR)
        ledger.append(advice)
        return advice

    return add


def history(ledger, advice, hours=72):
    """The history before an advice."""
    return ledger.history(advice, advice.time - hours * HOUR)


def test_nothing_before_is_an_empty_history(ledger, make_advice):
    """The first call of all."""
    assert history(ledger, make_advice()) == History()


def test_cards_come_newest_first_with_tier_and_override(ledger, make_advice, past, answer, assessment):
    """Time and floor of the tier; code and time of the override, where the deciding feedback is one."""
    low = replace(assessment, tier=Tier("low", 0.0, Indicator.INFO, "x"))
    old, newer, newest = past(5, finding=low), past(3), past(1)
    ledger.record([answer(old, reason=OVERRIDE_REASONS[1]), answer(newer)])
    ledger.record([answer(newest), answer(newest, outcome=Outcome.ACCEPTED, time=newest.time + HOUR / 2)])
    assert history(ledger, make_advice()).shown == (
        ShownBefore(newest.time, 0.1, indicator=Indicator.WARNING),
        ShownBefore(newer.time, 0.1, newer.time + timedelta(minutes=5), indicator=Indicator.WARNING),
        ShownBefore(old.time, 0.0, old.time + timedelta(minutes=5), "cds-not-applicable", Indicator.INFO),
    )


def test_changed_mind_counts_as_it_stands(ledger, make_advice, past, answer):
    """Accepted and then overridden is overridden, with the reason of the last."""
    card = past(2)
    later = answer(card, time=card.time + HOUR, reason=OVERRIDE_REASONS[3])
    ledger.record([later, answer(card, reason=OVERRIDE_REASONS[0]), answer(card, outcome=Outcome.ACCEPTED)])
    assert history(ledger, make_advice()).shown == (
        ShownBefore(card.time, 0.1, later.time, "patient-refuses", Indicator.WARNING),
    )


def test_quarantined_feedback_never_counts(ledger, make_advice, past, answer):
    """An override from another service or too early snoozes nothing."""
    card = past(2)
    ledger.record([answer(card, service="other"), answer(card, time=card.time - HOUR), answer(card, client="x")])
    assert history(ledger, make_advice()).shown == (ShownBefore(card.time, 0.1, indicator=Indicator.WARNING),)


@pytest.mark.parametrize(
    "change",
    [
        {"client": "other"},
        {"service": "other"},
        {"patient_id": "p-4712"},
        {"user": "Practitioner/2"},
        {"user": ""},
        {"withheld": WithheldReason.SHADOW},
        {"withheld": WithheldReason.REPEAT},
    ],
)
def test_only_shown_cards_of_client_service_patient_and_clinician(ledger, make_advice, past, change):
    """Everything else is not what this clinician saw."""
    past(1, **change)
    assert history(ledger, make_advice()).shown == ()


def test_abstention_is_no_risk_card(ledger, make_advice, past, abstention):
    """A card that says "not assessed" neither repeats nor uses up a budget."""
    past(1, finding=abstention)
    assert history(ledger, make_advice()) == History()


def test_shown_reaches_back_to_since(ledger, make_advice, past):
    """The moment itself included."""
    card = past(5)
    past(6)
    found = ledger.history(make_advice(), card.time)
    assert [each.time for each in found.shown] == [card.time]
    assert (found.to_clinician, found.in_encounter) == (2, 2)


def test_budget_of_a_clinician_counts_24_hours_of_all_services(ledger, make_advice, past):
    """All patients and services of this client; openings of the page are no cards."""
    past(24)
    past(23, service="a", patient_id="p-1", encounter_id="e-1")
    past(1, service="b", patient_id="p-2", encounter_id=None)
    past(1, hook="smart-launch")
    past(1, client="other")
    past(1, user="Practitioner/2")
    past(1, withheld=WithheldReason.ENCOUNTER_BUDGET)
    assert history(ledger, make_advice()).to_clinician == 2


def test_budget_of_an_encounter_counts_from_its_beginning(ledger, make_advice, past):
    """All clinicians and services of this client; openings of the page are no cards."""
    past(24 * 40)
    past(1, user="Practitioner/2", service="other")
    past(1, hook="smart-launch")
    past(1, client="other")
    past(1, encounter_id="e-1")
    past(1, withheld=WithheldReason.SHADOW)
    assert history(ledger, make_advice()).in_encounter == 2


def test_unknown_encounter_counts_nothing(ledger, make_advice, past):
    """Cards without an encounter are not cards of one encounter."""
    past(1, encounter_id=None)
    assert history(ledger, make_advice(encounter_id=None)).in_encounter == 0


def test_unknown_clinician_is_nobody_else(ledger, make_advice, past):
    """A call without a user sees only entries without a user, of its own client."""
    past(1)
    past(2, user="", client="other")
    mine = past(3, user="")
    found = history(ledger, make_advice(user=""))
    assert ([each.time for each in found.shown], found.to_clinician) == ([mine.time], 1)


def test_history_is_one_statement(engine, ledger, make_advice, past):
    """It stands in the way of every call."""
    past(1)
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *about: statements.append(about[2]))
    history(ledger, make_advice())
    assert len(statements) == 1


entries = st.fixed_dictionaries(
    {
        "hours": st.integers(0, 50),
        "service": st.sampled_from(["a", "b"]),
        "patient_id": st.sampled_from(["p1", "p2"]),
        "encounter_id": st.sampled_from([None, "e1", "e2"]),
        "user": st.sampled_from(["", "Practitioner/1", "Practitioner/2"]),
        "hook": st.sampled_from(["patient-view", "smart-launch"]),
        "withheld": st.sampled_from([None, None, WithheldReason.REPEAT]),
        "kind": st.sampled_from(["risk", "score", "abstention"]),
    }
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(drawn=st.lists(entries, max_size=12), asked=entries, reach=st.integers(0, 60))
def test_history_equals_counting_by_hand(
    ledger, make_advice, abstention, assessment, score, request, drawn, asked, reach
):
    """Whatever was said to whom, in a client of its own for each run."""
    client = f"client-{id(drawn)}-{request.node.name}-{make_advice().id}"

    findings = {"risk": assessment, "score": score, "abstention": abstention}

    def form(*, hours, kind, **about):
        """One entry as drawn."""
        advice = make_advice(client=client, finding=findings[kind], **about)
        return replace(advice, time=advice.time - hours * HOUR)

    advices = [form(**each) for each in drawn]
    for advice in advices:
        ledger.append(advice)
    call = replace(form(**asked), time=make_advice().time)
    found = ledger.history(call, call.time - reach * HOUR)
    cards = [a for a in advices if a.withheld is None and a.finding is not abstention]
    seen = [a for a in cards if a.hook != "smart-launch"]  # nobody answered on a page here
    mine = [a for a in seen if (a.service, a.patient_id, a.user) == (call.service, call.patient_id, call.user)]
    times = sorted((a.time for a in mine if call.time - a.time <= reach * HOUR), reverse=True)
    assert [each.time for each in found.shown] == times
    hooked = [a for a in cards if a.hook != "smart-launch"]
    recent = [a for a in hooked if a.user == call.user and call.time - a.time < 24 * HOUR]
    inside = [a for a in hooked if call.encounter_id is not None and a.encounter_id == call.encounter_id]
    assert (found.to_clinician, found.in_encounter) == (len(recent), len(inside))
