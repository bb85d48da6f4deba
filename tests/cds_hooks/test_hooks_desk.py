"""What happens to a call once its caller is known: time, retries, faults, audit, browsers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_hooks.desk import RESERVE_S, Terms
from clinical.audit import AuditKind
from clinical.errors import DataUnavailable, LedgerUnavailable, ModelFault, WrongPatient

CALL = "/cds-services/icu-mortality"
FEEDBACK = CALL + "/feedback"


def test_the_same_bytes_for_the_same_event_are_the_same_request(door: Any) -> None:
    """A retry has the key of the first call; another body or event has another."""
    again, other_event, other_body = door.body(), door.body(hookInstance="d1577c69-dfbe-44ad-ba6d-3e05e953b2eb"), None
    other_body = door.body(prefetch={"patient": None, "more": None})
    for body in (door.body(), again, other_event, other_body):
        assert door.post(body).status_code == 200
    keys = [call.request_key for call in door.calls]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert all(len(key) == 64 for key in keys)


def test_reading_gets_what_is_left_of_the_time(door: Any) -> None:
    """The client's limit, less a reserve for assessing and storing."""
    door.terms["demo-ehr"] = Terms(seconds=2.0)
    door.post(door.body())
    assert 1.0 < door.calls[0].seconds <= 2.0 - RESERVE_S
    door.terms["demo-ehr"] = Terms(seconds=0.1)
    door.post(door.body())
    assert door.calls[1].seconds == 0.05


@pytest.mark.conforms(110)
@pytest.mark.parametrize(
    ("fault", "status"),
    [(DataUnavailable("labs", "not sent"), 412), (ModelFault("not additive"), 500), (RuntimeError("patient X"), 500)],
)
def test_a_fault_is_audited(fault: Exception, status: int, door: Any) -> None:
    """Status, class and incident; the incident stands in the answer too, the words of a foreign fault nowhere."""
    door.advice = fault
    response = door.post(door.body())
    assert response.status_code == status
    (event,) = door.audit.events
    assert (event.kind, event.client, event.service, event.status) == (
        AuditKind.CALL_FAILED, "demo-ehr", "icu-mortality", status,
    )  # fmt: skip
    assert event.detail.startswith(type(fault).__name__)
    assert event.incident in response.text
    assert "patient X" not in event.detail + response.text


def test_an_unknown_service_is_not_named_in_the_audit(door: Any) -> None:
    """A path is the caller's text."""
    assert door.post(door.body(), "/cds-services/Jane-Doe-1950").status_code == 404
    assert door.audit.events[0].service == ""
    assert "Jane" not in str(door.audit.events[0])


@pytest.mark.conforms(46, 110)
def test_a_card_that_breaks_a_rule_is_an_error_and_an_audit_entry(door: Any, make_advice: Any) -> None:
    """The linter's finding never becomes an omission."""
    door.advice = make_advice(suggestion_id="not-a-uuid")
    response = door.post(door.body())
    assert response.status_code == 500
    assert response.get_json()["resourceType"] == "OperationOutcome"
    assert door.audit.events[0].kind is AuditKind.CARD_REJECTED
    assert door.stored == []


def test_an_earlier_card_is_checked_too(door: Any, make_advice: Any) -> None:
    """What is answered is the card of the advice that stands, and it passes the linter as well."""
    door.earlier = make_advice(id="7f1c5a80-5d3c-4f5a-9a39-6c3f7a3f2b22")
    assert door.post(door.body()).get_json()["cards"][0]["uuid"] == door.earlier.id
    door.earlier = make_advice(suggestion_id="not-a-uuid")
    assert door.post(door.body()).status_code == 500


def test_an_audit_that_fails_leaves_the_error_as_it_is(door: Any) -> None:
    """The caller hears of the fault all the same."""
    door.advice = DataUnavailable("labs", "not sent")
    door.audit.fault = LedgerUnavailable("The ledger cannot be written.")
    assert door.post(door.body()).status_code == 412


class TestEmptyOnFault:
    """A client may ask for an empty list where the service failed."""

    @pytest.fixture(autouse=True)
    def lenient(self, door: Any) -> None:
        door.terms["demo-ehr"] = Terms(empty_on_fault=True)

    @pytest.mark.parametrize("fault", [DataUnavailable("labs", "not sent"), ModelFault("x"), RuntimeError("x")])
    def test_the_list_says_what_it_stands_for(self, fault: Exception, door: Any) -> None:
        """Empty, marked as a fault, and audited as one."""
        door.advice = fault
        response = door.post(door.body())
        found = response.get_json()
        assert (response.status_code, found["cards"]) == (200, [])
        assert found["extension"]["org.chartside.outcome"]["status"] == "fault"
        assert door.audit.events[0].kind is AuditKind.EMPTY_ON_FAULT
        assert door.audit.events[0].incident == found["extension"]["org.chartside.outcome"]["incident"]

    @pytest.mark.parametrize(
        ("fault", "status"), [(WrongPatient("another"), 422), (LedgerUnavailable("The ledger is full."), 503)]
    )
    def test_some_faults_stay_faults(self, fault: Exception, status: int, door: Any) -> None:
        """What the caller has to change, and what could not be audited."""
        door.advice = fault
        assert door.post(door.body()).status_code == status

    def test_without_an_audit_there_is_no_empty_list(self, door: Any) -> None:
        """Not audited means not given."""
        door.advice = ModelFault("x")
        door.audit.fault = LedgerUnavailable("The ledger cannot be written.")
        assert door.post(door.body()).status_code == 503


def test_refused_feedback_is_audited(door: Any) -> None:
    """A batch that was not stored leaves a trace."""
    assert door.post({"feedback": [{}]}, FEEDBACK).status_code == 400
    assert door.audit.events[0].kind is AuditKind.FEEDBACK_REFUSED


@pytest.mark.conforms(99)
def test_every_401_is_the_same_to_the_byte(guarded: Any) -> None:
    """Whatever the reason, on every route; nothing is audited on a stranger's word."""
    bodies = set()
    for token in (None, "", "x.y.z", guarded.token(iss="https://evil.test"), guarded.token(aud="https://evil.test")):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        for path in (CALL, FEEDBACK, "/cds-services/no-such-service"):
            response = guarded.http.post(path, json={}, headers=headers)
            assert response.status_code == 401
            bodies.add(response.data)
    assert len(bodies) == 1
    assert json.loads(bodies.pop())["issue"][0]["code"] == "login"
    assert guarded.audit.events == []


def test_a_store_of_token_ids_that_fails_is_503(guarded: Any) -> None:
    """Nobody is let in, and nobody is told that their token was wrong."""
    guarded.used.fault = LedgerUnavailable("The ledger cannot be read.")
    headers = {"Authorization": f"Bearer {guarded.token(CALL)}"}
    response = guarded.http.post(CALL, json=guarded.body(), headers=headers)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


class TestBrowsers:
    """CORS belongs to the client that calls."""

    def test_an_origin_of_the_calling_client_may_read(self, door: Any) -> None:
        """Its own pages, never with credentials."""
        response = door.post(door.body(), headers={"Origin": "https://ehr.test"})
        assert response.headers["Access-Control-Allow-Origin"] == "https://ehr.test"
        assert "Access-Control-Allow-Credentials" not in response.headers

    @pytest.mark.parametrize(
        "origin", ["https://other.test", "https://evil.test", "null", "https://ehr.test.evil.test"]
    )
    def test_an_origin_of_another_client_may_not(self, origin: str, door: Any) -> None:
        """The answer is this client's alone."""
        response = door.post(door.body(), headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Origin" in response.headers["Vary"]

    @pytest.mark.parametrize("origin", ["https://ehr.test", "https://other.test"])
    def test_a_preflight_knows_no_caller_yet(self, origin: str, guarded: Any) -> None:
        """Every registered origin may ask; the call itself decides."""
        response = guarded.http.options(CALL, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
