"""Feedback (rows 80 to 87)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from clinical.advice import Outcome

PATH = "/cds-services/all-hooks/feedback"
COUNTS = ("stored", "repeated", "quarantined")


def counts(answer: Any) -> tuple[int, ...]:
    """What was done with a batch."""
    assert answer.status_code == 200, answer.text
    return tuple(answer.get_json()[name] for name in COUNTS)


@pytest.mark.conforms(80)
@pytest.mark.parametrize("body", [{}, {"feedback": None}, {"feedback": {}}, {"feedback": "x"}, {"feedback": [7]}])
def test_feedback_is_an_object_with_a_list(body: Any, caller: Any) -> None:
    """Anything else is 400, one bare item as well."""
    assert caller.http.post(PATH, json=body).status_code == 400
    assert caller.http.post(PATH, json=caller.overridden(caller.card())).status_code == 400
    assert caller.http.post(PATH, json=[caller.overridden(caller.card())]).status_code == 400


@pytest.mark.conforms(80, 81, 82)
def test_both_outcomes_are_stored(caller: Any) -> None:
    """Accepted with its suggestion, overridden with nothing more."""
    for make, outcome in ((caller.accepted, Outcome.ACCEPTED), (caller.overridden, Outcome.OVERRIDDEN)):
        card = caller.card()
        assert counts(caller.feedback(make(card))) == (1, 0, 0)
        decision = caller.house.ledger.decision(card["uuid"])
        assert (decision.outcome, decision.time) == (outcome, caller.now)


@pytest.mark.conforms(81)
@pytest.mark.parametrize(
    "changes",
    [
        {"card": None}, {"card": "x"}, {"card": 7}, {"outcome": None}, {"outcome": "ignored"}, {"outcome": 7},
        {"outcomeTimestamp": None}, {"outcomeTimestamp": "2026-03-02"}, {"outcomeTimestamp": "2026-03-02T08:00:00"},
        {"outcomeTimestamp": "yesterday"}, {"outcomeTimestamp": 7}, {"outcomeTimestamp": "2026-02-30T08:00:00Z"},
    ],
)  # fmt: skip
def test_an_item_without_its_members_is_refused(changes: dict[str, Any], caller: Any) -> None:
    """Card, outcome and time, each in its form; nothing of the batch is stored."""
    good, card = caller.card(), caller.card()
    assert caller.feedback(caller.overridden(good), {**caller.overridden(card), **changes}).status_code == 400
    assert caller.house.ledger.decision(good["uuid"]) is None


@pytest.mark.conforms(81)
def test_a_card_that_was_never_issued_does_not_count(caller: Any) -> None:
    """It is set apart, and the call is answered all the same."""
    assert counts(caller.feedback(caller.overridden({"uuid": str(uuid.uuid4())}))) == (0, 0, 1)


@pytest.mark.conforms(82)
@pytest.mark.parametrize("chosen", [None, [], ["x"], [{}], [{"id": "x"}], "x"])
def test_accepted_names_what_was_accepted(chosen: Any, caller: Any) -> None:
    """Otherwise it is refused."""
    assert caller.feedback({**caller.accepted(caller.card()), "acceptedSuggestions": chosen}).status_code == 400


@pytest.mark.conforms(83)
@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 200),
        ({"userComment": "not now"}, 200),
        ({"reason": {"code": "patient-refuses", "system": "http://terminology.hl7.org/CodeSystem/x"}}, 200),
        ({"reason": {"code": "c", "system": "https://ehr.test/own", "display": "Ours"}, "userComment": "x"}, 200),
        ({}, 400),
        ({"other": "x"}, 400),
        ("no", 400),
        ({"reason": "code"}, 400),
        ({"reason": {"display": "d"}}, 400),
    ],
)
def test_an_override_may_have_a_reason(given: Any, status: int, caller: Any) -> None:
    """A coding of anybody's list, also without display; a comment; both; neither; but no empty object."""
    assert caller.feedback({**caller.overridden(caller.card()), "overrideReason": given}).status_code == status


@pytest.mark.conforms(84)
def test_one_batch_for_many_cards_and_several_items_for_one(caller: Any) -> None:
    """Of several calls; the same item counts once, a later one of the same card decides."""
    first, second = caller.card(), caller.card()
    batch = [caller.overridden(first), caller.accepted(second)]
    assert counts(caller.feedback(*batch)) == (2, 0, 0)
    assert counts(caller.feedback(*batch)) == (0, 2, 0)
    caller.forward(minutes=1)
    assert counts(caller.feedback(caller.accepted(first))) == (1, 0, 0)
    assert caller.house.ledger.decision(first["uuid"]).outcome is Outcome.ACCEPTED


@pytest.mark.conforms(85)
def test_a_card_without_feedback_has_no_outcome(caller: Any) -> None:
    """Neither accepted nor overridden."""
    assert caller.house.ledger.decision(caller.card()["uuid"]) is None


@pytest.mark.conforms(86)
def test_feedback_is_authenticated_for_its_own_url(caller: Any) -> None:
    """A token for the call, or none, is not enough."""
    item = caller.overridden({"uuid": str(uuid.uuid4())})
    stranger = {"environ_base": {"REMOTE_ADDR": "10.0.0.9"}}
    assert caller.feedback(item, **stranger).status_code == 401
    assert caller.feedback(item, headers=caller.signed("/cds-services/all-hooks"), **stranger).status_code == 401
    assert caller.feedback(item, headers=caller.signed(PATH), **stranger).status_code == 200


@pytest.mark.conforms(86)
def test_feedback_of_another_client_does_not_count(caller: Any) -> None:
    """A card belongs to the client that was given it."""
    assert counts(caller.feedback(caller.overridden(caller.card()), headers=caller.signed(PATH))) == (0, 0, 1)


@pytest.mark.conforms(87)
def test_feedback_on_what_has_no_card_is_set_apart(caller: Any) -> None:
    """There is nothing but cards to say something about: an id of the answer's own is none of them."""
    suggestion = caller.card()["suggestions"][0]
    assert counts(caller.feedback(caller.overridden(suggestion))) == (0, 0, 1)
