"""What a service makes of prefetch that is missing, empty, an OperationOutcome, or about somebody else.

No call here offers a FHIR server, so what is not in the prefetch cannot be read by the caller's leave.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from chartside.doctor import cards
from chartside.doctor.checks import Check, Level, Outcome
from chartside.doctor.record import searchset
from chartside.doctor.visit import Plan, Visit, cards_of, members, said
from chartside.doctor.wire import Answer

AREA = "Data of a call"
SHALL, SHOULD = Level.SHALL, Level.SHOULD
_IDLE = "the service publishes no prefetch templates, so it may need no data"
OTHER = "chartside-doctor-somebody-else"


def _check(name: str, rows: tuple[int, ...], level: Level, title: str, advice: str, idle: str = _IDLE) -> Check:
    """A check of this area."""
    return Check(f"data.{name}", AREA, rows, level, title, advice, idle)


ABSENT = _check(
    "absent", (35, 39), SHALL, "Without prefetch and FHIR access the answer is 412, or a card that says so",
    "Answer 412 naming the missing data. An empty list of cards would look like 'no risk'.",
)  # fmt: skip
NULL = _check(
    "null", (37,), SHALL, "null prefetch values (the query found nothing) do not break the service",
    "Take null as an empty result.",
)  # fmt: skip
SAME = _check(
    "null-is-empty", (37,), SHALL, "null and an empty searchset are answered alike",
    "Both mean that the query was run and found nothing.", "no template is a search",
)  # fmt: skip
OUTCOME = _check(
    "operation-outcome", (35, 36), SHALL, "OperationOutcome as prefetch value is not taken for 'no findings'",
    "The query failed: read the data yourself, answer 412, or say on a card that they are missing.",
)  # fmt: skip
PATIENT = _check(
    "other-patient", (35,), SHALL, "A Patient who is not the patient of the call stops it",
    "Compare Patient.id in the prefetch with context.patientId and refuse the call.", "no prefetch held a Patient",
)  # fmt: skip
FACTS = _check(
    "others-facts", (35,), SHOULD, "Findings about another patient stop the call",
    "Compare the subject of each resource with context.patientId.", "no prefetch held findings about the patient",
)  # fmt: skip
CHECKS = (ABSENT, NULL, SAME, OUTCOME, PATIENT, FACTS)


def examine(visit: Visit, plan: Plan, full: Answer) -> None:
    """All variations of the prefetch. `full` is the answer to the call that has all data."""
    templates = plan.listed.templates
    if not templates:
        return
    if full.status not in (200, 412, 422):
        for check in CHECKS:
            visit.book.skip(check, f"the well-formed call with all data {full.said}, so a refusal would prove nothing")
        return
    _missing(visit, plan)
    answer = _send(visit, plan, dict.fromkeys(templates))
    visit.book.judge(NULL, plan.name, kept=0 < answer.status < 500, found=answer.said)
    if full.status == 200:
        _null_is_empty(visit, plan)
        _outcome(visit, plan)
        _must_stop(visit, plan, PATIENT, _with_other_patient)
        _must_stop(visit, plan, FACTS, _with_others_facts)


def _send(visit: Visit, plan: Plan, changes: dict[str, object], body: dict[str, object] | None = None) -> Answer:
    """A call with these values in its prefetch; its cards are judged like all others."""
    good = body or visit.body(plan)
    answer = visit.caller.post(plan.listed.url, {**good, "prefetch": {**members(good, "prefetch"), **changes}})
    if answer.status == 200:
        cards.lint(visit.book, plan.name, answer.value)
    return answer


def _missing(visit: Visit, plan: Plan) -> None:
    """No prefetch at all."""
    body = visit.body(plan)
    body.pop("prefetch", None)
    answer = visit.caller.post(plan.listed.url, body)
    found = cards_of(answer)
    cards.lint(visit.book, plan.name, answer.value if found is not None else None)
    if answer.refused and answer.status != 412:
        visit.book.note(ABSENT, plan.name, Outcome.WARN, f"{answer.said}; 412 is the status for this")
        return
    visit.book.judge(ABSENT, plan.name, kept=answer.status == 412 or bool(found), found=said(answer))


def _null_is_empty(visit: Visit, plan: Plan) -> None:
    """Two ways to say that a search found nothing."""
    searches = [key for key, template in plan.listed.templates.items() if "?" in template]
    if not searches:
        return
    first = _send(visit, plan, dict.fromkeys(searches))
    second = _send(visit, plan, {key: searchset([]) for key in searches})
    # About a patient that the user named, the second answer may be withheld as a repeat of the first.
    same = first.status == second.status if visit.named else said(first) == said(second)
    found = "answered alike" if same else f"null: {said(first)}; empty searchset: {said(second)}"
    visit.book.judge(SAME, plan.name, kept=same, found=found)


def _outcome(visit: Visit, plan: Plan) -> None:
    """Every query failed at the EHR."""
    issue = {"severity": "error", "code": "exception", "details": {"text": "The search failed."}}
    failed = {"resourceType": "OperationOutcome", "issue": [issue]}
    answer = _send(visit, plan, dict.fromkeys(plan.listed.templates, failed))
    kept = answer.refused or told(answer) or bool(cards_of(answer))
    visit.book.judge(OUTCOME, plan.name, kept=kept, found=said(answer))


def told(answer: Answer) -> bool:
    """A 502, 503 or their like with an OperationOutcome: meant, and not a crash, which is 500."""
    return answer.status > 500 and is_outcome(answer)


def is_outcome(answer: Answer) -> bool:
    """Whether the body is an OperationOutcome."""
    return isinstance(answer.value, dict) and answer.value.get("resourceType") == "OperationOutcome"


def _must_stop(
    visit: Visit, plan: Plan, check: Check, change: Callable[[dict[str, object], str], dict[str, object] | None]
) -> None:
    """Data that must not lead to advice."""
    body = visit.body(plan)
    patient = str(members(body, "context").get("patientId", ""))
    changed = change(members(body, "prefetch"), patient)
    if changed is not None:
        answer = _send(visit, plan, changed, body)
        visit.book.judge(check, plan.name, kept=answer.refused or told(answer), found=said(answer))


def _with_other_patient(prefetch: dict[str, object], patient: str) -> dict[str, object] | None:
    """The Patient resource replaced by somebody else; None where there is none."""
    changed: dict[str, object] = {
        key: {**value, "id": OTHER}
        for key, value in prefetch.items()
        if isinstance(value, dict) and value.get("resourceType") == "Patient" and value.get("id") == patient
    }
    return changed or None


def _with_others_facts(prefetch: dict[str, object], patient: str) -> dict[str, object] | None:
    """All references to the patient replaced by somebody else's; None where there are none."""
    text = json.dumps(prefetch)
    mine, theirs = json.dumps(f"Patient/{patient}"), json.dumps(f"Patient/{OTHER}")
    changed: dict[str, object] = json.JSONDecoder().decode(text.replace(mine, theirs))
    return changed if mine in text else None
