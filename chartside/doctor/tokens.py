"""Tokens that a service has to refuse (CDS Hooks 2.0.1, "Trusting CDS Clients"; RFC 7519, RFC 8725)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from chartside.doctor.caller import bearer
from chartside.doctor.checks import Check, Level, Outcome
from chartside.doctor.discovery import is_loopback
from chartside.doctor.feedback import NOT_OFFERED
from chartside.doctor.listener import listening
from chartside.doctor.signing import PrivateKey, Signer
from chartside.doctor.visit import Visit
from chartside.doctor.wire import Answer

AREA = "Tokens"
ELSEWHERE = "https://chartside-doctor.invalid"
FOREIGN_KID = "chartside-doctor-foreign"
SHALL, SHOULD = Level.SHALL, Level.SHOULD
_REFUSE = "Answer 401 and read nothing more of the request."


def _check(name: str, rows: tuple[int, ...], level: Level, title: str, advice: str = _REFUSE) -> Check:
    """A check of this area."""
    return Check(f"token.{name}", AREA, rows, level, title, advice, "no --key was given")


ANONYMOUS = _check(
    "required", (88,), SHOULD, "A call without a token is refused",
    "Require a JWT (or mutual TLS) wherever patient data are real.",
)  # fmt: skip
GARBAGE = _check("garbage", (89,), SHALL, "Text that is no JWT is refused")
NONE = _check("alg-none", (90,), SHALL, "alg none is refused", "Allow named asymmetric algorithms only.")
SYMMETRIC = _check(
    "alg-hs256", (90,), SHALL, "HS256 with the public key as secret is refused",
    "Allow named asymmetric algorithms only; never take the algorithm from the token.",
)  # fmt: skip
SIGNATURE = _check("signature", (89,), SHALL, "A signature by another key under the known kid is refused")
KID = _check("unknown-kid", (92,), SHALL, "A kid that is not in the client's key set is refused")
JKU = _check(
    "foreign-jku", (89, 95), SHALL, "A key set that the token itself points to is not trusted",
    "Take key sets from your own registry of clients; a jku may only repeat what stands there.",
)  # fmt: skip
JKU_CALL = _check(
    "jku-not-called", (95,), SHOULD, "A jku that is not registered is never called",
    "Compare the jku with the registry before any request goes out (SSRF).",
)  # fmt: skip
AUDIENCE = _check("audience", (94,), SHALL, "A token for another audience is refused")
ISSUER = _check("issuer", (95,), SHOULD, "An issuer that is not registered is refused")
EXPIRED = _check("expired", (93,), SHALL, "An expired token is refused")
NOT_BEFORE = _check("not-before", (93,), SHALL, "A token that is not valid yet (nbf) is refused")
FUTURE = _check("issued-later", (93,), SHOULD, "A token that was issued in the future (iat) is refused")
MISSING = _check("missing-claims", (93,), SHALL, "A token without iss, aud, exp, iat or jti is refused")
LONG = _check(
    "lifetime", (97,), SHOULD, "A token that lives for a day is refused",
    "Bound exp - iat (five minutes is usual), or the memory of used jti has no end.",
)  # fmt: skip
REPLAY = _check(
    "replay", (97,), SHOULD, "A token that was used before is refused", "Remember each jti until its token expires."
)
QUERY = _check(
    "query", (89,), SHALL, "A token in the query is not taken", "Read the Authorization header only: URLs are logged."
)
ENDPOINTS = _check(
    "endpoints", (86, 89), SHALL, "Feedback, and discovery where it is closed, are guarded like the call",
    "Check tokens in one place, before routing.",
)  # fmt: skip
UNIFORM = _check(
    "uniform", (99,), SHOULD, "All these refusals are 401 and read the same", "Never say which rule a token broke."
)
CHECKS = (
    ANONYMOUS, GARBAGE, NONE, SYMMETRIC, SIGNATURE, KID, JKU, JKU_CALL, AUDIENCE, ISSUER, EXPIRED, NOT_BEFORE, FUTURE,
    MISSING, LONG, REPLAY, QUERY, ENDPOINTS, UNIFORM,
)  # fmt: skip
# What may differ between two refusals without saying anything: incident ids and times.
_VARYING = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{8,}|\d{4}-\d\d-\d\dT[\d:.]+")


@dataclass(slots=True)
class Attempt:
    """The endpoint that is tried, and the refusals so far. `open_door`: it also answers without any token."""

    visit: Visit
    name: str
    url: str
    method: str
    make_body: Callable[[], object]
    open_door: bool = False
    refusals: set[tuple[int, bytes]] = field(default_factory=set)

    def send(self, headers: Mapping[str, str], *, query: str = "") -> Answer:
        """One call with these headers."""
        return self.visit.caller.bare(self.method, self.url + query, self.make_body(), headers)

    def remember(self, answer: Answer) -> None:
        """Keep the form of a refusal, to compare it with the others."""
        if answer.refused:
            self.refusals.add((answer.status, _VARYING.sub(b"#", answer.body)))

    def refuse(self, check: Check, subject: str, answer: Answer) -> None:
        """Judge that an answer is a refusal. Where anybody may call, a wrong token gets past nothing: a warning."""
        self.remember(answer)
        if self.open_door and answer.ok:
            note = f"{answer.said}, as without any token"
            self.visit.book.note(check, subject, Outcome.WARN, note)
        else:
            self.visit.book.judge(check, subject, kept=answer.refused, found=answer.said)


def examine(visit: Visit) -> None:
    """Try wrong tokens on one service."""
    attempt = _attempt(visit)
    answer = attempt.send({})
    attempt.open_door = answer.ok
    found = answer.said + (" (it may trust callers on this machine)" if answer.ok and _here(visit) else "")
    visit.book.judge(ANONYMOUS, attempt.name, kept=answer.refused, found=found)
    attempt.remember(answer)
    if visit.caller.signer is None:
        return
    _wrong_tokens(attempt, visit.caller.signer)
    _foreign_keys(attempt, visit.caller.signer)
    _used_twice(attempt, visit.caller.signer)
    _query(attempt, visit.caller.signer)
    _endpoints(attempt, visit.caller.signer)
    _uniform(attempt)


def _attempt(visit: Visit) -> Attempt:
    """A service that answers signed calls, else discovery."""
    if not visit.made:
        return Attempt(visit, "discovery", visit.options.discovery_url, "GET", lambda: None)
    plan = visit.made[0].plan
    return Attempt(visit, plan.name, plan.listed.url, "POST", lambda: visit.body(plan))


def _here(visit: Visit) -> bool:
    """Whether the service runs on this machine."""
    return is_loopback(urlsplit(visit.options.base).hostname or "")


def _wrong_tokens(attempt: Attempt, signer: Signer) -> None:
    """Tokens that are wrong in one way each."""
    for check, subject, token in _wrong(signer, attempt.url):
        attempt.refuse(check, subject, attempt.send(bearer(token)))


def _wrong(signer: Signer, url: str) -> Iterator[tuple[Check, str, str]]:
    """The rule, what is wrong, the token."""
    now, stranger = signer.now(), signer.stranger()

    def claims(**changes: object) -> str:
        return signer.token(url, claims=changes)

    yield GARBAGE, "garbage", "garbage"
    yield NONE, "alg none", signer.unsigned(url)
    yield SYMMETRIC, "HS256", signer.symmetric(url)
    yield SIGNATURE, "another key", signer.token(url, key=stranger)
    yield KID, "unknown kid", signer.token(url, header={"kid": FOREIGN_KID}, key=stranger)
    yield AUDIENCE, "another aud", claims(aud=f"{ELSEWHERE}/cds-services/x")
    yield ISSUER, "another iss", claims(iss=ELSEWHERE)
    yield EXPIRED, "exp ten minutes ago", claims(iat=now - 900, exp=now - 600)
    yield NOT_BEFORE, "nbf in ten minutes", claims(nbf=now + 600)
    yield FUTURE, "iat in an hour", claims(iat=now + 3600, exp=now + 3900)
    yield LONG, "exp in a day", claims(exp=now + 86_400)
    for name in ("iss", "aud", "exp", "iat", "jti"):
        yield MISSING, f"no {name}", claims(**{name: None})


def _foreign_keys(attempt: Attempt, signer: Signer) -> None:
    """A token whose jku points to a listener of the doctor's own."""
    stranger = signer.stranger()
    public = {**stranger.as_dict(private=False), "kid": FOREIGN_KID, "use": "sig", "alg": signer.identity.algorithm}
    with listening({"keys": [public]}) as bait:
        token = signer.token(attempt.url, header={"jku": bait.url, "kid": FOREIGN_KID}, key=stranger)
        attempt.refuse(JKU, "foreign jku", attempt.send(bearer(token)))
        time.sleep(0.2)
        hits = bait.hits
    if not _here(attempt.visit):
        attempt.visit.book.skip(JKU_CALL, "the service runs on another machine and could not reach the listener here")
        return
    found = f"was called {hits} times" if hits else "was not called"
    attempt.visit.book.judge(JKU_CALL, "listener on this machine", kept=not hits, found=found)


def _used_twice(attempt: Attempt, signer: Signer) -> None:
    """The same good token two times."""
    token = bearer(signer.token(attempt.url))
    if attempt.send(token).ok:
        attempt.refuse(REPLAY, "second use", attempt.send(token))
    else:
        attempt.visit.book.skip(REPLAY, "a good token was not taken, so its second use proves nothing")


def _query(attempt: Attempt, signer: Signer) -> None:
    """A good token in the wrong place."""
    if attempt.open_door:
        attempt.visit.book.skip(QUERY, "the service answers without any token")
        return
    for name in ("access_token", "token"):
        query = f"?{name}={signer.token(attempt.url)}"
        attempt.refuse(QUERY, f"?{name}=", attempt.send({}, query=query))


def _endpoints(attempt: Attempt, signer: Signer) -> None:
    """The other endpoints of the service."""
    visit = attempt.visit
    if attempt.open_door or not visit.made:
        visit.book.skip(ENDPOINTS, "no call was answered that needs a token")
        return
    stranger = signer.stranger()
    feedback = f"{attempt.url}/feedback"
    if visit.caller.post(feedback, {}).status not in NOT_OFFERED:
        _guarded(attempt, "feedback", "POST", feedback, stranger)
    discovery = visit.options.discovery_url
    if visit.caller.bare("GET", discovery).refused:
        _guarded(attempt, "discovery", "GET", discovery, stranger)


def _guarded(attempt: Attempt, name: str, method: str, url: str, stranger: PrivateKey) -> None:
    """No token and a forged one at another endpoint."""
    signer = attempt.visit.caller.signer
    body: object = {} if method == "POST" else None
    forged = bearer(signer.token(url, key=stranger)) if signer else {}
    tries: tuple[tuple[str, dict[str, str]], ...] = (("no token", {}), ("another key", forged))
    for told, headers in tries:
        answer = attempt.visit.caller.bare(method, url, body, headers)
        kept = answer.status in (401, 403)
        attempt.visit.book.judge(ENDPOINTS, f"{name}, {told}", kept=kept, found=answer.said)
        if kept:
            attempt.remember(answer)


def _uniform(attempt: Attempt) -> None:
    """One and the same refusal for all."""
    if not attempt.refusals:
        attempt.visit.book.skip(UNIFORM, "nothing was refused")
        return
    statuses = sorted({status for status, _ in attempt.refusals})
    kept = statuses == [401] and len(attempt.refusals) == 1
    found = f"{len(attempt.refusals)} different answers with status {', '.join(map(str, statuses))}"
    attempt.visit.book.judge(UNIFORM, "refusals", kept=kept, found="all alike" if kept else found)
