"""Feedback: the specification's example goes in whole; a bad item refuses the batch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clinical.advice import Channel, Outcome
from clinical.errors import LedgerUnavailable
from clinical.record import Coding

PATH = "/cds-services/icu-mortality/feedback"
CARD = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
ACCEPTED = {
    "card": CARD,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}],
    "outcomeTimestamp": "2020-12-11T00:00:00Z",
}
OVERRIDDEN = {
    "card": "9368d37b-283f-44a0-93ea-547cebab93ed",
    "outcome": "overridden",
    "overrideReason": {
        "reason": {"code": "d7ecf885", "system": "https://example.com/cds-hooks/override-reason-system"},
        "userComment": "clinician entered comment",
    },
    "outcomeTimestamp": "2020-12-11T00:00:00Z",
}


@pytest.mark.conforms(80, 81, 82, 83)
def test_the_examples_of_the_specification_are_read(door: Any) -> None:
    """CDS Hooks 2.0.1, Feedback: accepted with suggestions, overridden with a code of the client's own."""
    response = door.post({"feedback": [ACCEPTED, OVERRIDDEN]}, PATH)
    assert response.status_code == 200
    answer = response.get_json()
    assert (answer["stored"], answer["repeated"], answer["quarantined"]) == (2, 0, 0)
    assert [leaf["sequence"] for leaf in answer["leaves"]] == [1, 2]
    first, second = door.ledger.batches[0]
    assert (first.advice_id, first.outcome, first.channel) == (CARD, Outcome.ACCEPTED, Channel.CARD)
    assert first.accepted_suggestions == ("e56e1945-20b3-4393-8503-a1a20fd73152",)
    assert first.time == datetime(2020, 12, 11, tzinfo=UTC)
    assert second.reason == Coding("https://example.com/cds-hooks/override-reason-system", "d7ecf885")
    assert second.comment == "clinician entered comment"
    assert (second.client, second.service) == ("demo-ehr", "icu-mortality")


@pytest.mark.conforms(83)
@pytest.mark.parametrize(
    "reason",
    [None, {"userComment": "x"}, {"reason": {"code": "c"}}, {"reason": {"code": "c", "system": "s", "display": "d"}}],
)
def test_an_override_may_say_little(reason: Any, door: Any) -> None:
    """A bare dismissal, a comment alone, a code without display."""
    assert door.post({"feedback": [{**OVERRIDDEN, "overrideReason": reason}]}, PATH).status_code == 200


@pytest.mark.conforms(81, 82)
@pytest.mark.parametrize(
    "changes",
    [
        {"card": None},
        {"card": "x"},
        {"card": 7},
        {"outcome": "ignored"},
        {"outcome": None},
        {"acceptedSuggestions": None},
        {"acceptedSuggestions": []},
        {"acceptedSuggestions": ["x"]},
        {"acceptedSuggestions": [{"id": "x"}]},
        {"outcomeTimestamp": None},
        {"outcomeTimestamp": "yesterday"},
        {"outcomeTimestamp": "2020-12-11"},
        {"outcomeTimestamp": "2020-12-11T00:00:00"},
        {"outcomeTimestamp": "2020-13-11T00:00:00Z"},
        {"outcomeTimestamp": "2099-12-11T00:00:00Z"},
        {"overrideReason": {"userComment": "accepted and overridden"}},
        {"outcome": "overridden"},
        {"outcome": "overridden", "acceptedSuggestions": None, "overrideReason": {}},
        {"outcome": "overridden", "acceptedSuggestions": None, "overrideReason": "no"},
        {"outcome": "overridden", "acceptedSuggestions": None, "overrideReason": {"reason": {"display": "d"}}},
        {"outcome": "overridden", "acceptedSuggestions": None, "overrideReason": {"reason": "code"}},
        {"outcome": "overridden", "acceptedSuggestions": None, "overrideReason": {"userComment": 7}},
        {"outcome": "overridden", "acceptedSuggestions": None, "overrideReason": {"userComment": "x" * 4001}},
    ],
)
def test_one_bad_item_refuses_the_batch(changes: dict[str, Any], door: Any) -> None:
    """Whole or nothing; the fault names the item and not its content."""
    response = door.post({"feedback": [OVERRIDDEN, {**ACCEPTED, **changes}]}, PATH)
    assert response.status_code == 400
    assert "feedback[1]" in response.get_json()["issue"][0]["details"]["text"]
    assert door.ledger.batches == []


@pytest.mark.conforms(80)
@pytest.mark.parametrize(
    "body", [{}, {"feedback": None}, {"feedback": []}, {"feedback": {}}, ACCEPTED, {"feedback": [7]}]
)
def test_a_body_without_a_list_is_400(body: Any, door: Any) -> None:
    """One bare object is not a batch."""
    assert door.post(body, PATH).status_code == 400


def test_too_many_items_are_refused(door: Any) -> None:
    """A batch is bounded."""
    assert door.post({"feedback": [OVERRIDDEN] * 1001}, PATH).status_code == 400


def test_what_was_not_stored_is_not_acknowledged(door: Any) -> None:
    """503 with Retry-After asks the EHR to send it again."""
    door.ledger.fault = LedgerUnavailable("The ledger cannot be written.")
    response = door.post({"feedback": [OVERRIDDEN]}, PATH)
    assert response.status_code == 503
    assert response.headers["Retry-After"]
