"""Every fault that is planted in a service turns exactly the right checks red."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Response, jsonify


def changed(**members: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A card or answer with members replaced; None takes one out."""
    return lambda value: {k: v for k, v in {**value, **members}.items() if v is not None}


def first_service(**members: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Discovery with members of its first service replaced."""
    return lambda value: {"services": [changed(**members)(value["services"][0]), *value["services"][1:]]}


def template(text: str) -> dict[str, Any]:
    """A planted prefetch template, beside the good ones' keys."""
    good = "Observation?patient={{context.patientId}}&_count=10"
    return {"discovery": first_service(prefetch={"patient": "Patient/{{context.patientId}}", "labs": good, "x": text})}


def says(body: bytes, content_type: str) -> Callable[[Any], Response]:
    """A fixed answer."""
    return lambda _: Response(body, content_type=content_type)


def plain_refusal(fault: Any, _: bytes) -> Any:
    """A refusal in plain text."""
    return "refused", fault.status


def telling(text: Callable[[Any, bytes], str]) -> Callable[[Any, bytes], Any]:
    """A refusal whose OperationOutcome says too much."""

    def refuse(fault: Any, body: bytes) -> Any:
        issue = {"severity": "error", "code": "invalid", "diagnostics": text(fault, body)}
        return jsonify({"resourceType": "OperationOutcome", "issue": [issue]}), fault.status

    return refuse


TRACE = 'Traceback (most recent call last):\n  File "/srv/app.py", line 3, in call'
ECHO = telling(lambda fault, body: body.decode() if fault.text.startswith("doctor-") else "Refused.")
TOKEN = telling(lambda fault, _: fault.text if fault.text.startswith("token ") else "Refused.")

FAULTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    # discovery
    "discovery moved": ({"discovery": lambda _: Response("", 301, {"Location": "/x"})}, {"discovery.path": "fail"}),
    "discovery not json": ({"discovery": says(b"<p>", "text/html")}, {"discovery.services": "fail"}),
    "discovery as text": (
        {"discovery": says(b'{"services":[]}', "text/plain")},
        {"discovery.services": "fail"},
    ),
    "services missing": ({"discovery": lambda _: {"service": [1]}}, {"discovery.services": "fail"}),
    "no description": ({"discovery": first_service(description=None)}, {"discovery.description": "fail"}),
    "no title": ({"discovery": first_service(title=None)}, {"discovery.title": "warn"}),
    "no id": ({"discovery": first_service(id=None)}, {"discovery.id": "fail"}),
    "no hook": ({"discovery": first_service(hook=None)}, {"discovery.hook": "fail"}),
    "hook of nobody": ({"discovery": first_service(hook="my-hook")}, {"discovery.hook-name": "warn"}),
    "empty member": ({"discovery": first_service(usageRequirements={})}, {
        "discovery.empties": "fail", "discovery.usage": "fail"}),
    "null member": ({"discovery": lambda v: {**v, "x": None}}, {"discovery.nulls": "fail"}),
    "prefetch as list": ({"discovery": first_service(prefetch=["x"])}, {
        "discovery.prefetch": "fail", "call.answered": "warn"}),
    "listed twice": ({"discovery": lambda v: {"services": v["services"] * 2}}, {"discovery.unique": "fail"}),
    "id with a slash": ({"discovery": first_service(id="a/b")}, {
        "discovery.id-form": "fail", "call.answered": "fail"}),
    # templates
    "absolute template": (template("https://ehr.test/Patient/{{context.patientId}}"), {"prefetch.form": "fail"}),
    "leading slash": (template("/Patient/{{context.patientId}}"), {"prefetch.form": "fail"}),
    "foreign token": (template("Patient/{{Patient.id}}"), {"prefetch.tokens": "fail"}),
    "field of another hook": (template("Task/{{context.draftOrders}}"), {"prefetch.tokens": "fail"}),
    "single brace": (template("Patient/{context.patientId}"), {"prefetch.delimiters": "fail"}),
    "rare parameter": (
        template("Observation?patient={{context.patientId}}&code:below=x&_count=5"), {"prefetch.parameters": "warn"}),
    "no count": (template("Observation?patient={{context.patientId}}"), {"prefetch.count": "warn"}),
    # calls
    "not answered": ({"answer": lambda _: Response("", 500)}, {"call.answered": "fail"}),
    "no cards": ({"answer": changed(cards=None, card=[1])}, {"call.answered": "fail"}),
    "answer not json": ({"answer": says(b"<p>", "application/json")}, {"call.json": "fail"}),
    "answer as text": ({"answer": says(b'{"cards":[]}', "text/plain")}, {
        "call.json": "fail"}),
    "picky": ({"lax": ("no-unknown",)}, {"call.unknown-members": "warn"}),
    "no extensions": ({"lax": ("no-extension",)}, {"call.extension": "warn"}),
    "new ids": ({"lax": ("repeat",)}, {"call.repeat": "warn"}),
    # data
    "nothing sent, no word": ({"lax": ("absent",)}, {"data.absent": "fail"}),
    "nothing sent, crash": ({"lax": ("absent-500",)}, {"data.absent": "fail"}),
    "null crashes": ({"lax": ("null",)}, {"data.null": "fail", "data.null-is-empty": "fail"}),
    "null is missing": ({"lax": ("null-is-empty",)}, {"data.null-is-empty": "fail"}),
    "failed query is empty": ({"lax": ("operation-outcome",)}, {"data.operation-outcome": "fail"}),
    "other patient": ({"lax": ("other-patient",)}, {"data.other-patient": "fail"}),
    "others' facts": ({"lax": ("others-facts",)}, {"data.others-facts": "warn"}),
    # refusals
    **{name: ({"lax": (name,)}, {f"error.{name}": "fail"}) for name in (
        "no-hook-instance", "bad-hook-instance", "no-hook", "wrong-hook", "no-context", "no-patient", "not-json",
        "no-fhir-server", "authorization", "array")},
    **{name: ({"lax": (name,)}, {f"error.{name}": "warn"}) for name in (
        "duplicate-keys", "nan", "nesting", "size", "content-type")},
    "plain refusals": ({"refusal": plain_refusal}, {"error.operation-outcome": "warn"}),
    "echo": ({"refusal": ECHO}, {"error.echo": "warn"}),
    "token comes back": ({"refusal": TOKEN}, {"error.token-echo": "fail"}),
    "stack trace": ({"refusal": telling(lambda *_: TRACE)}, {"error.stack-trace": "warn"}),
    # feedback
    "feedback shape": ({"lax": ("feedback-shape",)}, {"feedback.shape": "fail"}),
    "feedback item": ({"lax": ("feedback-item",)}, {"feedback.item": "fail", "feedback.batch": "warn"}),
    "feedback bare": ({"lax": ("feedback-bare",)}, {"feedback.accepted-bare": "fail"}),
    "feedback empty reason": ({"lax": ("feedback-empty-reason",)}, {"feedback.empty-reason": "warn"}),
    "feedback batch": ({"lax": ("feedback-batch",)}, {"feedback.batch": "warn"}),
    "feedback accepted": ({"lax": ("no-accepted",)}, {"feedback.accepted": "fail"}),
    "feedback overridden": ({"lax": ("no-overridden",)}, {"feedback.overridden": "fail"}),
    "feedback own code": ({"lax": ("no-own-code",)}, {"feedback.reasons": "warn"}),
    "feedback one only": ({"lax": ("one-only",)}, {"feedback.many": "fail"}),
    # surroundings
    "any origin": ({"headers": {"Access-Control-Allow-Origin": "*"}}, {"cors.foreign": "warn"}),
    "any origin with credentials": (
        {"headers": {"Access-Control-Allow-Origin": "{origin}", "Access-Control-Allow-Credentials": "true"}},
        {"cors.foreign": "warn", "cors.credentials": "fail"},
    ),
    "Authorization not allowed": (
        {"headers": {"Access-Control-Allow-Headers": "Content-Type"}}, {"cors.preflight": "warn"}),
    "sniffed": ({"headers": {"X-Content-Type-Options": "-"}}, {"headers.nosniff": "warn"}),
    "stored": ({"headers": {"Cache-Control": "private"}}, {"headers.no-store": "warn"}),
    # tokens
    **{name: ({"lax": (name,)}, {f"token.{name}": "fail"}) for name in (
        "garbage", "alg-none", "alg-hs256", "unknown-kid", "audience", "expired", "not-before",
        "missing-claims", "query", "endpoints")},
    **{name: ({"lax": (name,)}, {f"token.{name}": "warn"}) for name in (
        "issuer", "issued-later", "lifetime", "replay", "required")},
    "signature": ({"lax": ("signature",)}, {"token.signature": "fail", "token.endpoints": "fail"}),
    "foreign jku": ({"lax": ("foreign-jku",)}, {"token.foreign-jku": "fail", "token.jku-not-called": "warn"}),
    "jku is called": ({"lax": ("jku-called",)}, {"token.jku-not-called": "warn"}),
    "refusals that tell": ({"refusal": telling(lambda fault, _: fault.text)}, {
        "token.uniform": "warn", "error.echo": "warn", "error.token-echo": "fail"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_turns_the_right_check_red(
    name: str, plant: Any, make_service: Any, serve: Any, diagnose: Any, broken: Any, jwks: Any
) -> None:
    """What is wrong with the service is what the report says, and nothing else."""
    what, expected = FAULTS[name]
    # A service that asks for no token is warned about it; with tokens, the examination takes twice as long.
    signed = any(check.startswith("token.") for check in expected)
    with serve(make_service(plant(**what), jwks if signed else None).app) as base:
        found = broken(diagnose(base, signed=signed))
    unasked = {} if signed or not found.get("token.required") else {"token.required": "warn"}
    assert found == expected | unasked


def test_a_service_that_keeps_the_rules_breaks_none(
    make_service: Any, serve: Any, diagnose: Any, broken: Any, jwks: Any
) -> None:
    """The baseline of this table: nothing red, nothing yellow, and hardly anything left out."""
    with serve(make_service(None, jwks).app) as base:
        report = diagnose(base)
    assert broken(report) == {}
    skipped = {row.check.id for row in report.results if row.outcome.value == "skip"}
    assert skipped == {
        "discovery.https", "discovery.usage", "call.order-dispatch-1.0", "card.absolute-context", "card.extension",
        "card.action-delete",
    }  # fmt: skip
    assert report.exit_code(strict=True) == 0


def test_a_slow_service_is_told(
    plant: Any, make_service: Any, serve: Any, diagnose: Any, broken: Any, jwks: Any
) -> None:
    """Median and worst are measured against the time that was asked for."""
    with serve(make_service(plant(seconds=0.02), jwks).app) as base:
        assert broken(diagnose(base, deadline_ms=10)) == {"time.median": "warn", "time.worst": "warn"}


def test_the_hook_of_another_service_is_tried(
    plant: Any, make_service: Any, serve: Any, diagnose: Any, broken: Any, jwks: Any
) -> None:
    """An id that answers for its neighbour runs the wrong model: the worst that routing can do."""
    service = make_service(plant(hooks=("patient-view", "order-sign")), jwks)
    with serve(service.app) as base:
        assert broken(diagnose(base)) == {}
    service = make_service(plant(hooks=("patient-view", "order-sign"), lax=("wrong-hook",)), jwks)
    with serve(service.app) as base:
        report = diagnose(base)
    row = next(row for row in report.results if row.check.id == "error.wrong-hook")
    assert any("order-sign, which is listed for another id" in one.found for one in row.broken)
