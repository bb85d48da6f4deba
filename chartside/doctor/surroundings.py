"""What stands around an answer: CORS, security headers, and the time it takes."""

from __future__ import annotations

import statistics

from chartside.doctor.checks import Check, Level
from chartside.doctor.visit import Made, Visit
from chartside.doctor.wire import Answer

CORS, HEADERS, TIME = "CORS", "Headers", "Response time"
CALLS = 10
MAX_TIMED = 3
FOREIGN = "https://chartside-doctor.invalid"
SHALL, SHOULD, MAY = Level.SHALL, Level.SHOULD, Level.MAY
_NO_ORIGIN = "no --origin was given"
_NO_CALL = "no well-formed call was answered with 200"

PREFLIGHT = Check(
    "cors.preflight", CORS, (102,), SHOULD, "A preflight of the EHR's origin allows POST, Authorization, Content-Type",
    "Answer OPTIONS without a token with the origin, the methods GET, POST, OPTIONS and both headers.", _NO_ORIGIN,
)  # fmt: skip
ANSWER = Check(
    "cors.answer", CORS, (102,), SHOULD, "The answers themselves carry the EHR's origin",
    "Send Access-Control-Allow-Origin on GET and POST answers too, errors included.", _NO_ORIGIN,
)  # fmt: skip
NARROW = Check(
    "cors.foreign", CORS, (102,), SHOULD, "A foreign origin is not allowed",
    "Keep a list of origins; answer neither '*' nor whatever Origin says.",
)  # fmt: skip
CREDENTIALS = Check(
    "cors.credentials", CORS, (102,), SHALL, "A foreign origin is never allowed with credentials",
    "Do not send Access-Control-Allow-Credentials: a CDS service needs no cookies.",
)  # fmt: skip
NOSNIFF = Check(
    "headers.nosniff", HEADERS, (), MAY, "Answers say X-Content-Type-Options: nosniff", "Send the header.", _NO_CALL
)
NO_STORE = Check(
    "headers.no-store", HEADERS, (), MAY, "Answers to calls say Cache-Control: no-store",
    "Send the header: cards hold patient data.", _NO_CALL,
)  # fmt: skip
MEDIAN = Check(
    "time.median", TIME, (42,), SHOULD, "The median of ten calls is within the time asked for",
    "Answer within about 500 ms: bound queries, cache, precompute.", _NO_CALL, telling=True,
)  # fmt: skip
WORST = Check(
    "time.worst", TIME, (42,), SHOULD, "The slowest of ten calls is within the time asked for",
    "Give the work a deadline of its own, and keep the service warm.", _NO_CALL, telling=True,
)  # fmt: skip
CHECKS = (PREFLIGHT, ANSWER, NARROW, CREDENTIALS, NOSNIFF, NO_STORE, MEDIAN, WORST)


def examine(visit: Visit) -> None:
    """CORS, headers, time."""
    url = visit.made[0].plan.listed.url if visit.made else visit.options.discovery_url
    _foreign(visit, _preflight(visit, url, FOREIGN))
    if visit.options.origin:
        _own(visit, url)
    for made in visit.made:
        _headers(visit, made)
    for made in list({made.plan.listed: made for made in visit.made}.values())[:MAX_TIMED]:
        _time(visit, made)


def _preflight(visit: Visit, url: str, origin: str) -> Answer:
    """What a browser asks before it posts; it never sends a token with it."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return visit.caller.bare("OPTIONS", url, headers=asked)


def _foreign(visit: Visit, answer: Answer) -> None:
    """An origin that nobody registered."""
    allowed = answer.headers.get("Access-Control-Allow-Origin", "")
    open_to_all = allowed in ("*", FOREIGN)
    found = "allows any origin" if open_to_all else "is not allowed"
    visit.book.judge(NARROW, "preflight", kept=not open_to_all, found=found)
    credentials = answer.headers.get("Access-Control-Allow-Credentials", "").lower() == "true"
    found = "any origin, with credentials" if open_to_all and credentials else "not allowed"
    visit.book.judge(CREDENTIALS, "preflight", kept=not (open_to_all and credentials), found=found)


def _own(visit: Visit, url: str) -> None:
    """The EHR's own origin."""
    origin = visit.options.origin
    answer = _preflight(visit, url, origin)
    faults = [] if answer.ok else [answer.said]
    if answer.headers.get("Access-Control-Allow-Origin") not in (origin, "*"):
        faults.append("the origin is not allowed")
    methods, headers = (_list(answer, f"Access-Control-Allow-{name}") for name in ("Methods", "Headers"))
    faults += [] if {"post", "*"} & methods else ["POST is not allowed"]
    faults += [f"the header {name} is not allowed" for name in ("authorization", "content-type") if name not in headers]
    visit.book.judge(PREFLIGHT, "preflight", kept=not faults, found="; ".join(faults) or "is allowed")
    answers = [("GET /cds-services", visit.caller.get(visit.options.discovery_url, {"Origin": origin}))]
    if visit.made:
        plan = visit.made[0].plan
        answers.append((plan.name, visit.caller.post(plan.listed.url, visit.body(plan), {"Origin": origin})))
    for name, answer in answers:
        kept = answer.headers.get("Access-Control-Allow-Origin") in (origin, "*")
        visit.book.judge(ANSWER, name, kept=kept, found="carries the origin" if kept else "does not carry the origin")


def _list(answer: Answer, name: str) -> set[str]:
    """The members of a header that is a list."""
    return {part.strip().lower() for part in answer.headers.get(name, "").split(",")}


def _headers(visit: Visit, made: Made) -> None:
    """Headers of an answer to a call."""
    sniff = made.answer.headers.get("X-Content-Type-Options", "").lower() == "nosniff"
    visit.book.judge(NOSNIFF, made.plan.name, kept=sniff, found="is sent" if sniff else "is not sent")
    store = "no-store" in made.answer.headers.get("Cache-Control", "").lower()
    visit.book.judge(NO_STORE, made.plan.name, kept=store, found="is sent" if store else "is not sent")


def _time(visit: Visit, made: Made) -> None:
    """Ten calls on one connection, after one that does not count."""
    plan, limit = made.plan, visit.options.deadline_ms
    with visit.caller.wire.kept_open():
        answers = [visit.caller.post(plan.listed.url, visit.body(plan)) for _ in range(CALLS + 1)][1:]
    spent = [answer.seconds * 1000 for answer in answers if answer.status == 200]
    if len(spent) < CALLS:
        visit.book.judge(
            WORST, plan.name, kept=False, found=f"{CALLS - len(spent)} of {CALLS} calls were not answered 200"
        )
        return
    for check, name, value in ((MEDIAN, "median", statistics.median(spent)), (WORST, "worst", max(spent))):
        visit.book.judge(check, plan.name, kept=value <= limit, found=f"{name} {value:.0f} ms of {limit:.0f} ms")
