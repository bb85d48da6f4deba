"""Well-formed calls of every listed service (CDS Hooks 2.0.1, "Calling a CDS Service" and "Providing FHIR Resources").

Each way to call a hook is tried with the full prefetch first; what that call does decides what the others can show.
"""

from __future__ import annotations

from chartside.doctor import cards, prefetched
from chartside.doctor.checks import Check, Level, Outcome
from chartside.doctor.hooks import HOOKS, OLD_DISPATCH
from chartside.doctor.visit import Made, Plan, Visit, cards_of, members
from chartside.doctor.wire import Answer

AREA = "Service calls"
SHALL, SHOULD = Level.SHALL, Level.SHOULD
EXTENSION = {"org.chartside.doctor": {"note": "an extension that a service does not know is to be passed over"}}
_NO_CALL = "no well-formed call was answered with 200"


def _check(name: str, rows: tuple[int, ...], level: Level, title: str, advice: str, idle: str = _NO_CALL) -> Check:
    """A check of this area."""
    return Check(f"call.{name}", AREA, rows, level, title, advice, idle)


ANSWERED = _check(
    "answered", (27, 46, 107), SHALL, "A well-formed call is answered 200 with the array cards",
    "Answer 200 and {\"cards\": []} where there is nothing to say; 412 or 422 where the data do not suffice.",
    "no listed hook is one that the doctor can call",
)  # fmt: skip
JSON = _check(
    "json", (2,), SHALL, "The answer is JSON and says so", "Answer valid JSON with Content-Type: application/json."
)
DISPATCH = _check(
    "order-dispatch-1.0", (107,), SHOULD, "order-dispatch is answered with the field names of 1.0 as well",
    "EHRs still send order and task; take both sets of names.", "order-dispatch is not listed",
)  # fmt: skip
UNKNOWN = _check(
    "unknown-members", (33,), SHOULD, "Unknown members and context fields are passed over",
    "Ignore what you do not know: EHRs and later versions add members.",
)  # fmt: skip
EXTENDED = _check(
    "extension", (33, 104), SHOULD, "A request with extension is answered",
    "Take an `extension` object anywhere in a request and ignore what you do not know in it.",
)  # fmt: skip
REPEAT = _check(
    "repeat", (45, 50), SHOULD, "The same call sent again gives cards with the same uuids",
    "EHRs repeat calls; derive the card's uuid from the call, or keep the answer for a while.",
    "no answer held a card with a uuid",
)  # fmt: skip
CHECKS = (ANSWERED, JSON, DISPATCH, UNKNOWN, EXTENDED, REPEAT)


def examine(visit: Visit) -> None:
    """Call each service in each way of its hook."""
    for listed in visit.services:
        hook = HOOKS.get(listed.hook)
        for label in hook.labels if hook else ():
            if not visit.over:
                _call(visit, Plan(listed, label))


def _call(visit: Visit, plan: Plan) -> None:
    """One way to call one service."""
    body = visit.body(plan)
    answer = visit.caller.post(plan.listed.url, body)
    if visit.closed(answer):
        return
    _judge(visit, plan, answer)
    cards.lint(visit.book, plan.name, answer.value if answer.status == 200 else None)
    prefetched.examine(visit, plan, answer)
    if cards_of(answer) is None:
        return
    visit.made.append(Made(plan, body, answer))
    _again(visit, plan, body, answer)
    _tolerant(visit, plan)


def _judge(visit: Visit, plan: Plan, answer: Answer) -> None:
    """Whether the full call was answered as it should be."""
    check = DISPATCH if plan.label == OLD_DISPATCH else ANSWERED
    if answer.status in (412, 422):
        note = f"{answer.said} to the doctor's data; give --prefetch with data that this service can use"
        visit.book.note(check, plan.name, Outcome.WARN, note)
        return
    if answer.status == 200:
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        right = answer.is_json and kind == "application/json"
        found = f"Content-Type {kind or 'missing'}" if answer.is_json else "the body is not JSON"
        visit.book.judge(JSON, plan.name, kept=right, found=found)
        if not answer.is_json:
            return
    kept = cards_of(answer) is not None
    found = answer.said if kept or answer.status != 200 else "answered 200 without the array cards"
    visit.book.judge(check, plan.name, kept=kept, found=found)


def _again(visit: Visit, plan: Plan, body: dict[str, object], first: Answer) -> None:
    """The same bytes once more."""
    before = [card.get("uuid") for card in cards_of(first) or ()]
    if not any(before):
        return
    answer = visit.caller.post(plan.listed.url, body)
    after = [card.get("uuid") for card in cards_of(answer) or ()]
    found = "same uuids" if after == before else f"{answer.said}, with other uuids"
    visit.book.judge(REPEAT, plan.name, kept=after == before, found=found)


def _tolerant(visit: Visit, plan: Plan) -> None:
    """Members that nobody knows."""
    body = visit.body(plan)
    context = {**members(body, "context"), "chartsideDoctorUnknown": {"note": "x"}}
    answer = visit.caller.post(plan.listed.url, {**body, "context": context, "chartsideDoctorUnknown": ["x"]})
    visit.book.judge(UNKNOWN, plan.name, kept=cards_of(answer) is not None, found=answer.said)
    answer = visit.caller.post(plan.listed.url, {**visit.body(plan), "extension": EXTENSION})
    visit.book.judge(EXTENDED, plan.name, kept=cards_of(answer) is not None, found=answer.said)
