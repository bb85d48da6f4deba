"""A call uses its token up before its answer leaves, however it ends; of two at once, one is answered."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.desk import Terms
from cds_hooks.linter import CardRejected
from clinical.advice import Advice
from clinical.errors import DataUnavailable, LedgerUnavailable, ModelFault, WrongPatient

CALL = "/cds-services/icu-mortality"
ORIGIN = {"Origin": "https://ehr.test"}
FAULTS = [
    (DataUnavailable("labs", "not sent"), 412),
    (WrongPatient("another"), 422),
    (ModelFault("not additive"), 500),
    (CardRejected("no summary"), 500),
    (RuntimeError("patient X"), 500),
    (LedgerUnavailable("The ledger cannot be written."), 503),
]


def post(door: Any, token: str, path: str = CALL, **sent: Any) -> Any:
    """A call with this token; by default a good one."""
    headers = {"Authorization": f"Bearer {token}", **ORIGIN}
    return door.http.post(path, headers=headers, **({"json": door.body()} | sent))


def refused(door: Any) -> Any:
    """What everybody hears who is refused."""
    return post(door, door.token(CALL, aud="https://elsewhere.test"))


def test_an_answered_call_uses_its_token_up(guarded: Any) -> None:
    """With its advice; the token is not claimed a second time."""
    token = guarded.token(CALL)
    assert post(guarded, token).status_code == 200
    assert len(guarded.used.seen) == 1
    assert guarded.used.claims == 1
    assert post(guarded, token).status_code == 401
    assert len(guarded.stored) == 1


def test_an_answer_without_an_entry_uses_the_token_up(guarded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a main job ever answer past the ledger that it was given."""
    monkeypatch.setattr(guarded, "appends", False)
    token = guarded.token(CALL)
    assert post(guarded, token).status_code == 200
    assert guarded.used.claims == 1
    assert post(guarded, token).status_code == 401


@pytest.mark.parametrize(("fault", "status"), FAULTS, ids=lambda value: type(value).__name__)
def test_a_call_that_fails_uses_its_token_up(fault: Exception, status: int, guarded: Any) -> None:
    """Whatever stopped it; a new token is needed to try again."""
    guarded.advice, token = fault, guarded.token(CALL)
    assert post(guarded, token).status_code == status
    assert len(guarded.used.seen) == 1
    guarded.audit.events.clear()
    assert post(guarded, token).status_code == 401
    assert guarded.audit.events == []
    assert len(guarded.calls) == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": "{", "json": None, "content_type": "application/json"}, 400),
        ({"data": "{}", "json": None, "content_type": "text/plain"}, 415),
        ({"json": {}}, 400),
        ({"data": b" " * 1_000_001, "json": None, "content_type": "application/json"}, 413),
        ({"path": "/cds-services/no-such-service"}, 404),
    ],
    ids=["no JSON", "no JSON type", "no hook", "too long", "no service"],
)
def test_a_request_that_is_refused_uses_its_token_up(sent: dict[str, Any], status: int, guarded: Any) -> None:
    """Before anything was assessed; the second time nobody looks at the body."""
    token = guarded.token(sent.get("path", CALL))
    assert post(guarded, token, **sent).status_code == status
    assert len(guarded.used.seen) == 1
    again = post(guarded, token, **sent)
    assert (again.status_code, again.data) == (401, refused(guarded).data)


def test_an_empty_answer_to_a_fault_uses_the_token_up(guarded: Any) -> None:
    """It is an answer as any other."""
    guarded.terms["demo-ehr"] = Terms(empty_on_fault=True)
    guarded.advice, token = ModelFault("x"), guarded.token(CALL)
    assert post(guarded, token).get_json()["cards"] == []
    assert len(guarded.used.seen) == 1


class TestSecond:
    """Another call with the same token was first, after this one had been let in."""

    @pytest.fixture
    def late(self, guarded: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A door at which every token is used by somebody else while its call is worked on."""
        unused = guarded.used.was_used

        def overtaken(client: str, token_id: str) -> bool:
            before = unused(client, token_id)
            guarded.used.seen.add((client, token_id))
            return bool(before)

        monkeypatch.setattr(guarded.used, "was_used", overtaken)
        return guarded

    def test_it_is_refused_as_everybody_is(self, late: Any) -> None:
        """The same bytes and headers, no entry, nothing in the audit."""
        answer, usual = post(late, late.token(CALL)), refused(late)
        assert (answer.status_code, answer.data) == (401, usual.data)
        assert dict(answer.headers) == dict(usual.headers)
        assert late.stored == []
        assert late.audit.events == []

    @pytest.mark.parametrize(
        "fault", [each for each, status in FAULTS if status != 503], ids=lambda each: type(each).__name__
    )
    def test_it_does_not_hear_of_its_fault(self, fault: Exception, late: Any) -> None:
        """Not even that there was one, and the audit does not either."""
        late.advice = fault
        answer, usual = post(late, late.token(CALL)), refused(late)
        assert (answer.status_code, answer.data) == (401, usual.data)
        assert late.audit.events == []

    def test_it_gets_no_empty_answer(self, late: Any) -> None:
        """Where its client asked for one on faults."""
        late.terms["demo-ehr"] = Terms(empty_on_fault=True)
        late.advice = ModelFault("x")
        assert post(late, late.token(CALL)).status_code == 401

    def test_an_origin_of_another_client_learns_as_much_as_from_any_refusal(self, late: Any) -> None:
        """Who is refused is nobody, also late."""
        headers = {"Authorization": f"Bearer {late.token(CALL)}", "Origin": "https://other.test"}
        answer = late.http.post(CALL, json=late.body(), headers=headers)
        assert answer.status_code == 401
        assert answer.headers["Access-Control-Allow-Origin"] == "https://other.test"


class TestWithoutStore:
    """The claim cannot be stored."""

    @pytest.mark.parametrize(("fault", "status"), FAULTS, ids=lambda value: type(value).__name__)
    def test_a_failed_call_is_503(self, fault: Exception, status: int, guarded: Any) -> None:
        """What it would have heard is not told, as by a door that is shut; nothing is noted as told either."""
        guarded.advice, guarded.used.claim_fault = fault, LedgerUnavailable("The ledger cannot be written.")
        answer = post(guarded, guarded.token(CALL))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert guarded.audit.events == []

    def test_an_advice_is_503(self, guarded: Any) -> None:
        """It is not stored either."""
        guarded.used.claim_fault = LedgerUnavailable("The ledger cannot be written.")
        assert post(guarded, guarded.token(CALL)).status_code == 503
        assert guarded.stored == []

    def test_a_call_that_has_waited_for_the_store_hardly_waits_again(self, guarded: Any) -> None:
        """Only after that fault; else a claim has all its patience."""
        guarded.advice = LedgerUnavailable("The ledger cannot be written.")
        post(guarded, guarded.token(CALL))
        guarded.advice = ModelFault("x")
        post(guarded, guarded.token(CALL))
        assert guarded.used.hurried == [True, False]

    def test_nobody_knows_whether_it_was_stored(self, guarded: Any, make_advice: Any) -> None:
        """The store broke off after the commit: 503 and not 401, because the caller did nothing wrong."""

        class BrokeOff(type(guarded.used.keeper("demo-ehr", "x", 0.0))):  # type: ignore[misc]
            def append(self, advice: Advice) -> Advice:
                self.used.claim(*self.once)
                raise LedgerUnavailable("The ledger cannot be written.")

        guarded.used.keeper = lambda *once: BrokeOff(guarded.used, *once)
        token = guarded.token(CALL)
        assert post(guarded, token).status_code == 503
        assert post(guarded, token).status_code == 401


def test_discovery_and_feedback_use_their_token_up_at_the_door(guarded: Any) -> None:
    """They have no advice to go with."""
    for path, ask in (("/cds-services", guarded.http.get), (f"{CALL}/feedback", guarded.http.post)):
        headers = {"Authorization": f"Bearer {guarded.token(path)}"}
        assert ask(path, headers=headers).status_code != 401
        assert ask(path, headers=headers).status_code == 401
    assert len(guarded.used.seen) == guarded.used.claims - 2 == 2


def test_a_caller_without_a_token_has_none_to_use_up(door: Any) -> None:
    """On this machine."""
    assert door.post(door.body()).status_code == 200
    door.advice = ModelFault("x")
    assert door.post(door.body()).status_code == 500
    assert door.used.claims == 0
