"""`POST …/{id}/feedback` (CDS Hooks 2.0.1, "Feedback"). The endpoint is optional; its shape is not."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from chartside.doctor.checks import Check, Level
from chartside.doctor.lint import Members, is_uuid, rows
from chartside.doctor.visit import Listed, Visit, cards_of
from chartside.doctor.wire import Answer

AREA = "Feedback"
MAX_SERVICES = 3
SHALL, SHOULD = Level.SHALL, Level.SHOULD
NOT_OFFERED = (404, 405, 501)
REASON = {
    "system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes",
    "code": "cds-not-applicable",
    "display": "CDS not applicable",
}


def _check(name: str, rows_: tuple[int, ...], level: Level, title: str, advice: str, idle: str = "") -> Check:
    """A check of this area."""
    return Check(f"feedback.{name}", AREA, rows_, level, title, advice, idle or "no service offers feedback")


_NO_CARD = "no answer held a card with a uuid, so there is nothing to give feedback on"
_WHOLE = "Answer 400 and name the item and the rule."
SHAPE = _check("shape", (80,), SHALL, "A body that is not an object with the array feedback is refused", _WHOLE)
ITEM = _check(
    "item", (81,), SHALL, "An item without card uuid, known outcome or RFC 3339 outcomeTimestamp is refused", _WHOLE
)
BARE = _check("accepted-bare", (82,), SHALL, "accepted without acceptedSuggestions is refused", _WHOLE)
EMPTY_REASON = _check(
    "empty-reason", (83,), SHOULD, "An overrideReason with neither reason nor userComment is refused", _WHOLE
)
BATCH = _check(
    "batch", (84,), SHOULD, "A batch with one bad item is refused as a whole",
    "Check all items before storing any; answer 4xx.",
)  # fmt: skip
OVERRIDDEN = _check(
    "overridden", (81,), SHALL, "An overridden card is taken", "Answer 2xx once the feedback is stored.", _NO_CARD
)
ACCEPTED = _check(
    "accepted", (81, 82), SHALL, "An accepted suggestion is taken", "Answer 2xx once the feedback is stored.",
    "no card held a suggestion with a uuid",
)  # fmt: skip
FORMS = _check(
    "reasons", (83,), SHOULD, "A coded reason, a code of the client's own without display, a comment alone are taken",
    "Take all three: clients may use lists of their own.", _NO_CARD,
)  # fmt: skip
MANY = _check(
    "many", (84,), SHALL, "Several items at once, and the same item again, are taken",
    "Take many items in one call and answer a repeated one like the first.", _NO_CARD,
)  # fmt: skip
CHECKS = (SHAPE, ITEM, BARE, EMPTY_REASON, BATCH, OVERRIDDEN, ACCEPTED, FORMS, MANY)


@dataclass(frozen=True, slots=True)
class Target:
    """A service's feedback endpoint, and a card of its own if there is one."""

    name: str
    url: str
    card: str
    suggestion: str
    time: str

    def item(self, **changes: object) -> Members:
        """A well-formed item: the card was overridden. None takes a member out."""
        card = self.card or str(uuid.uuid4())
        usual: Members = {"card": card, "outcome": "overridden", "outcomeTimestamp": self.time}
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def examine(visit: Visit) -> None:
    """Try the feedback endpoints of a few services."""
    if not visit.options.feedback:
        _skip(visit, "--no-feedback")
        return
    for listed in list({listed.id: listed for listed in visit.services}.values())[:MAX_SERVICES]:
        target = _target(visit, listed)
        probe = visit.caller.post(target.url, {})
        if probe.status in NOT_OFFERED:
            _skip(visit, f"{target.name} offers no feedback ({probe.said}), which is optional")
        elif probe.status in (401, 403):
            _skip(visit, f"the feedback endpoint {probe.said}")
        else:
            _bad(visit, target, probe)
            _good(visit, target)


def _skip(visit: Visit, reason: str) -> None:
    """Nothing of this area is tried."""
    for check in CHECKS:
        visit.book.skip(check, reason)


def _target(visit: Visit, listed: Listed) -> Target:
    """The endpoint of a service, with a card that it just gave."""
    cards = [
        card
        for made in visit.made
        if made.plan.listed.id == listed.id
        for card in cards_of(made.answer) or ()
        if is_uuid(card.get("uuid"))
    ]
    rich = next((card for card in cards if _suggestion(card)), next(iter(cards), {}))
    url, time = f"{listed.url}/feedback", visit.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Target(listed.id, url, str(rich.get("uuid", "")), _suggestion(rich), time)


def _suggestion(card: Members) -> str:
    """The uuid of the first suggestion."""
    return next((str(row["uuid"]) for row in rows(card, "suggestions") if is_uuid(row.get("uuid"))), "")


def _bad(visit: Visit, target: Target, probe: Answer) -> None:
    """What must be refused."""
    _judge(visit, SHAPE, target, "an empty object", probe, taken=False)
    for check, told, body in _wrong(target):
        _judge(visit, check, target, told, visit.caller.post(target.url, body), taken=False)


def _wrong(target: Target) -> Iterator[tuple[Check, str, object]]:
    """Bad bodies: the rule, what is wrong, the body."""
    good = target.item()
    yield SHAPE, "a bare array", [good]
    yield SHAPE, "a bare item", good
    yield SHAPE, "an object in place of the array", {"feedback": good}
    for told, changes in (
        ("no card", {"card": None}),
        ("an unknown outcome", {"outcome": "ignored"}),
        ("no outcomeTimestamp", {"outcomeTimestamp": None}),
        ("an outcomeTimestamp in words", {"outcomeTimestamp": "yesterday"}),
    ):
        yield ITEM, told, {"feedback": [target.item(**changes)]}
    yield BARE, "no acceptedSuggestions", {"feedback": [target.item(outcome="accepted")]}
    yield EMPTY_REASON, "an empty overrideReason", {"feedback": [target.item(overrideReason={})]}
    yield BATCH, "one good and one bad item", {"feedback": [good, target.item(outcome="ignored")]}


def _good(visit: Visit, target: Target) -> None:
    """What must be taken; only for a card that the service gave."""
    if not target.card:
        return
    for check, told, items in _right(target):
        _judge(visit, check, target, told, visit.caller.post(target.url, {"feedback": items}), taken=True)


def _right(target: Target) -> Iterator[tuple[Check, str, list[Members]]]:
    """Good batches: the rule, what they hold, the items."""
    item = target.item
    yield OVERRIDDEN, "an overridden card", [item()]
    if target.suggestion:
        accepted = item(outcome="accepted", acceptedSuggestions=[{"id": target.suggestion}])
        yield ACCEPTED, "an accepted suggestion", [accepted]
    for told, reason in (
        ("a coded reason", {"reason": REASON, "userComment": "test by chartside doctor"}),
        ("a code without display", {"reason": {"system": "https://example.org/reasons", "code": "other"}}),
        ("a comment alone", {"userComment": "test by chartside doctor"}),
    ):
        yield FORMS, told, [item(overrideReason=reason)]
    batch = [item(), item(overrideReason={"reason": REASON})]
    yield MANY, "two items", batch
    yield MANY, "the same two items again", batch


def _judge(visit: Visit, check: Check, target: Target, told: str, answer: Answer, *, taken: bool) -> None:
    """Whether the answer is 2xx where feedback is to be taken, 4xx where not."""
    kept = answer.ok if taken else answer.refused
    visit.book.judge(check, target.name, kept=kept, found=f"{told}: {answer.said}")
