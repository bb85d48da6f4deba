"""Calls that a service has to refuse, and how its refusals look (rows 28 to 32, 43, 44)."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chartside.doctor.checks import Check, Level, Outcome
from chartside.doctor.prefetched import is_outcome
from chartside.doctor.visit import Made, Visit, members, said
from chartside.doctor.wire import CLOSED, Answer

AREA = "Errors"
MAX_PLANS = 3
DEPTH = 10_000
SIZE = 2_000_000
SHALL, SHOULD = Level.SHALL, Level.SHOULD
_IDLE = "no well-formed call was answered with 200, so a refusal would prove nothing"
Members = dict[str, object]


def _check(name: str, rows: tuple[int, ...], level: Level, title: str, advice: str, idle: str = _IDLE) -> Check:
    """A check of this area."""
    return Check(f"error.{name}", AREA, rows, level, title, advice, idle)


_REJECT = "Answer 400 (malformed) or another 4xx; do not fill in or guess what is missing."
_PARSE = "Parse strictly and answer 400; a 5xx says that the fault is yours."
NO_INSTANCE = _check("no-hook-instance", (28,), SHALL, "A call without hookInstance is refused", _REJECT)
BAD_INSTANCE = _check("bad-hook-instance", (28,), SHALL, "A hookInstance that is no UUID is refused", _REJECT)
NO_HOOK = _check("no-hook", (28, 32), SHALL, "A call without hook is refused", _REJECT)
WRONG_HOOK = _check(
    "wrong-hook", (32,), SHALL, "A hook that is not listed for the id is refused",
    "Compare `hook` with what discovery lists for this id and answer 4xx.",
)  # fmt: skip
NO_CONTEXT = _check("no-context", (28,), SHALL, "A call without context is refused", _REJECT)
NO_PATIENT = _check("no-patient", (28, 107), SHALL, "A context without patientId is refused", _REJECT)
UNKNOWN = _check("unknown-service", (27,), SHALL, "An id that is not listed is answered 404", "Answer 404.")
NOT_JSON = _check("not-json", (2, 43), SHALL, "A body that is not JSON is refused", _PARSE)
ARRAY = _check("array", (2, 28), SHALL, "A JSON array in place of an object is refused", _PARSE)
TWICE = _check(
    "duplicate-keys", (2,), SHOULD, "A body with the same key twice is refused (RFC 8259, section 4)", _PARSE
)
NAN = _check("nan", (2,), SHOULD, "NaN, which is not JSON, is refused", _PARSE)
DEEP = _check("nesting", (43,), SHOULD, f"{DEPTH} nested arrays break nothing", "Limit the depth before parsing.")
LARGE = _check(
    "size", (43,), SHOULD, "A body of 2 MB is answered or refused, and breaks nothing", "Limit the size; answer 413."
)
MEDIA = _check("content-type", (2,), SHOULD, "A body that is not called JSON is refused", "Answer 415.")
NO_SERVER = _check("no-fhir-server", (29,), SHALL, "fhirAuthorization without fhirServer is refused", _REJECT)
BAD_TYPE = _check(
    "authorization", (30,), SHALL, "fhirAuthorization with another token_type than Bearer is refused", _REJECT
)
OUTCOME = _check(
    "operation-outcome", (44,), SHOULD, "Refusals carry an OperationOutcome",
    "Answer errors with severity, code and details.text.", "nothing was refused",
)  # fmt: skip
ECHO = _check(
    "echo", (44,), SHOULD, "Refusals do not repeat what the request said",
    "Name the path and the rule in errors, never the value: requests hold patient data.", "nothing was refused",
)  # fmt: skip
TOKEN_ECHO = _check(
    "token-echo", (41,), SHALL, "An access token never comes back", "Never put fhirAuthorization into errors or logs."
)
TRACE = _check(
    "stack-trace", (44,), SHOULD, "No answer shows a stack trace or a file path of the server",
    "Switch debug output off and answer unexpected faults with a fixed text.", "nothing was refused",
)  # fmt: skip
CHECKS = (
    NO_INSTANCE, BAD_INSTANCE, NO_HOOK, WRONG_HOOK, NO_CONTEXT, NO_PATIENT, UNKNOWN, NOT_JSON, ARRAY, TWICE, NAN,
    DEEP, LARGE, MEDIA, NO_SERVER, BAD_TYPE, OUTCOME, ECHO, TOKEN_ECHO, TRACE,
)  # fmt: skip

_TRACE = re.compile(
    rb"Traceback \(most recent call last\)|\bFile \"[^\"]+\", line \d+|\n\s+at [\w.$<>]+\([\w.]+(?::\d+)+\)"
    rb"|\bat (?:java|org|com|System|node:)[\w.$:/]+|Exception in thread|goroutine \d+ \["
)


@dataclass(frozen=True, slots=True)
class Case:
    """One call that is wrong in one way. `make` changes a copy of a good body; bytes are sent as they are."""

    check: Check
    make: Callable[[Members, Visit], object]
    may_pass: bool = False
    may_close: bool = False
    headers: Mapping[str, str] | None = None


def _without(name: str) -> Callable[[Members, Visit], object]:
    """The body without a member."""
    return lambda body, _: {key: value for key, value in body.items() if key != name}


def _with(**members: object) -> Callable[[Members, Visit], object]:
    """The body with members replaced."""
    return lambda body, _: {**body, **members}


def _no_patient(body: Members, _: Visit) -> object:
    """The context without its patient."""
    context = members(body, "context")
    return {**body, "context": {name: value for name, value in context.items() if name != "patientId"}}


def _twice(body: Members, _: Visit) -> object:
    """The key hookInstance twice, with two values."""
    return b'{"hookInstance":"%s",%s' % (str(uuid.uuid4()).encode(), json.dumps(body).encode()[1:])


def _spliced(text: bytes) -> Callable[[Members, Visit], object]:
    """The body with a raw value in one more prefetch key."""

    def make(body: Members, _: Visit) -> object:
        prefetch = {**members(body, "prefetch"), "chartsideDoctor": "@"}
        return json.dumps({**body, "prefetch": prefetch}).encode().replace(b'"@"', text, 1)

    return make


def _granted(body: Members, visit: Visit, **changes: object) -> Members:
    """The body with an access token."""
    granted: Members = {
        "access_token": visit.secret,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/Observation.rs",
        "subject": "chartside-doctor",
    }
    return {**body, "fhirAuthorization": {**granted, **changes}}


def _bad_type(body: Members, visit: Visit) -> object:
    """A token of a kind that does not exist, for a FHIR server that nobody reaches."""
    return {**_granted(body, visit, token_type="mac"), "fhirServer": "https://127.0.0.1:9/fhir"}  # noqa: S106


CASES = (
    Case(NO_INSTANCE, _without("hookInstance")),
    Case(BAD_INSTANCE, lambda body, visit: {**body, "hookInstance": visit.marker}),
    Case(NO_HOOK, _without("hook")),
    Case(WRONG_HOOK, _with(hook="org.chartside.doctor-not-listed")),
    Case(NO_CONTEXT, _without("context")),
    Case(NO_PATIENT, _no_patient),
    Case(NOT_JSON, lambda body, _: json.dumps(body).encode()[:-1]),
    Case(ARRAY, lambda body, _: [body]),
    Case(TWICE, _twice),
    Case(NAN, _spliced(b"NaN")),
    Case(DEEP, _spliced(b"[" * DEPTH + b"]" * DEPTH), may_pass=True),
    Case(LARGE, _spliced(b'"' + b"x" * SIZE + b'"'), may_pass=True, may_close=True),
    Case(MEDIA, lambda body, _: body, headers={"Content-Type": "text/plain"}),
    Case(NO_SERVER, _granted),
    Case(BAD_TYPE, _bad_type),
)


def examine(visit: Visit) -> None:
    """Send the bad calls to a few services that answer good ones."""
    chosen: dict[str, Made] = {}
    for made in visit.made:
        chosen.setdefault(made.plan.listed.hook, made)
    for made in list(chosen.values())[:MAX_PLANS]:
        for case in CASES:
            _try(visit, made, case)
        _crossed(visit, made)
        _unknown(visit, made)


def _try(visit: Visit, made: Made, case: Case) -> None:
    """One bad call."""
    body = case.make(visit.body(made.plan), visit)
    answer = visit.caller.post(made.plan.listed.url, body, case.headers)
    kept = answer.refused or (case.may_pass and answer.ok) or (case.may_close and answer.fault == CLOSED)
    visit.book.judge(case.check, made.plan.name, kept=kept, found=said(answer))
    look_at(visit, made.plan.name, answer)


def _crossed(visit: Visit, made: Made) -> None:
    """The hook and context of another service, sent to this id: it must not answer for the other one."""
    own = {listed.hook for listed in visit.services if listed.id == made.plan.listed.id}
    other = next((one for one in visit.made if one.plan.listed.hook not in own), None)
    if other is not None:
        answer = visit.caller.post(made.plan.listed.url, visit.body(other.plan))
        found = f"{other.plan.listed.hook}, which is listed for another id: {said(answer)}"
        visit.book.judge(WRONG_HOOK, made.plan.name, kept=answer.refused, found=found)
        look_at(visit, made.plan.name, answer)


def _unknown(visit: Visit, made: Made) -> None:
    """An id that does not exist."""
    url = f"{visit.options.discovery_url}/chartside-doctor-unknown"
    answer = visit.caller.post(url, visit.body(made.plan))
    if answer.refused and answer.status != 404:
        visit.book.note(UNKNOWN, made.plan.name, Outcome.WARN, f"{answer.said}; 404 is the status for this")
    else:
        visit.book.judge(UNKNOWN, made.plan.name, kept=answer.status == 404, found=answer.said)
    look_at(visit, made.plan.name, answer)


def look_at(visit: Visit, subject: str, answer: Answer) -> None:
    """Judge the body of an answer to a bad call, whatever its status; the form where it is a refusal."""
    leaked = visit.secret.encode() in answer.body
    visit.book.judge(TOKEN_ECHO, subject, kept=not leaked, found="repeats the access token" if leaked else "none")
    marked, traced = visit.marker.encode() in answer.body, bool(_TRACE.search(answer.body))
    if answer.status >= 300:
        said = f"status {answer.status}"
        right = is_outcome(answer)
        visit.book.judge(OUTCOME, subject, kept=right, found=said if right else f"{said} without one")
        visit.book.judge(ECHO, subject, kept=not marked, found="repeats a value of the request" if marked else "none")
        visit.book.judge(TRACE, subject, kept=not traced, found=f"{said} shows one" if traced else "none")
