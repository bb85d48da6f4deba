"""The decision form: what the clinician sent, checked, and as `Feedback`.

Sending the same form twice gives the same feedback, so that the ledger counts it once: the form carries a number of
its own (`once`), and the moment of the first arrival is kept beside it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from clinical.advice import OVERRIDE_REASONS, Advice, Channel, Feedback, Outcome
from clinical.assessment import Abstention, Indicator
from clinical.errors import MalformedRequest, Unprocessable
from clinical.policy import is_person
from clinical.record import Coding
from clinical.snooze import SNOOZES
from clinical.typed_words import shown, typed

MAX_COMMENT = 500
# The fields of all forms of the page that hold somebody's words.
WRITTEN = ("comment", "words")

_ONCE = re.compile(r"[A-Za-z0-9_\-]{16,64}")
_REASONS = {reason.code: reason for reason in OVERRIDE_REASONS}
_SNOOZES = {choice.code: choice for choice in SNOOZES}


@dataclass(frozen=True, slots=True)
class Decision:
    """A checked form. `reason` is the code of an override, or the duration of a snooze."""

    once: str
    outcome: Outcome
    reason: Coding | None
    comment: str

    @property
    def fingerprint(self) -> str:
        """The same for the same form sent again, another for another answer."""
        return fingerprint(self.once, self.outcome.value, self.reason.code if self.reason else "", self.comment)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a form that was sent: about which advice, which form, and the words for who filled it in."""

    advice_id: str
    form: str
    message: str


def new_once() -> str:
    """The number of a new form."""
    return secrets.token_urlsafe(16)


def fingerprint(*parts: str) -> str:
    """The same 64 hex digits for the same parts, none of which may hold a NUL."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def is_number(once: str) -> bool:
    """Whether this can be the number of a form."""
    return bool(_ONCE.fullmatch(once))


def read_text(text: str, most: int, name: str) -> str:
    """Words as they are kept. Raises `MalformedRequest` for those that cannot be (`clinical.typed_words`)."""
    try:
        return typed(text, most, name)
    except Unprocessable as refused:
        raise MalformedRequest(f"{refused.message} Nothing was saved.") from None


def given_back(form: Mapping[str, str]) -> dict[str, str]:
    """What was sent, as the form shows it again: words without marks that nobody sees, which could not be found."""
    return {name: shown(value) if name in WRITTEN else value for name, value in form.items()}


def with_difference(fault: str, form: Mapping[str, str]) -> str:
    """A fault, and that the words which stand below it are not quite what was sent, where that is so."""
    sent = (form.get(name, "").replace("\r\n", "\n").strip() for name in WRITTEN)
    if all(shown(words) == words for words in sent):
        return fault
    return f"{fault} Below, your words stand as plain text: read them again before you send them."


def read_decision(form: Mapping[str, str]) -> Decision:
    """Check a form. Raises `MalformedRequest` with words for the person who filled it in."""
    once = form.get("once", "")
    if form.get("outcome", "") not in set(Outcome) or not is_number(once):
        raise MalformedRequest("Choose Accept, Override or Snooze.")
    outcome = Outcome(form["outcome"])
    if outcome is Outcome.WITHDRAWN:
        return Decision(once, outcome, None, "")
    return Decision(once, outcome, _reason(outcome, form), read_text(form.get("comment", ""), MAX_COMMENT, "comment"))


def _reason(outcome: Outcome, form: Mapping[str, str]) -> Coding | None:
    """The code that an outcome needs."""
    if outcome is Outcome.OVERRIDDEN and form.get("reason", "") not in _REASONS:
        raise MalformedRequest("An override needs a reason. Choose one; nothing was saved yet.")
    if outcome is Outcome.SNOOZED and form.get("span", "") not in _SNOOZES:
        raise MalformedRequest("Choose for how long. Nothing was saved yet.")
    if outcome is Outcome.OVERRIDDEN:
        return _REASONS[form["reason"]]
    return _SNOOZES[form["span"]] if outcome is Outcome.SNOOZED else None


def may_snooze(advice: Advice, user: str) -> bool:
    """Whether there is a card of this user to put off. One of the critical tier always comes again."""
    finding = advice.finding
    own = advice.user == user and is_person(user)
    return (
        own
        and advice.shown
        and not isinstance(finding, Abstention)
        and finding.tier.indicator is not Indicator.CRITICAL
    )


def may_undo(latest: Feedback | None, user: str) -> bool:
    """Whether a decision stands that this user gave, or that nobody is known to have given (an answer on the card)."""
    return latest is not None and latest.outcome is not Outcome.WITHDRAWN and latest.user in ("", user)


def check_possible(decision: Decision, advice: Advice, latest: Feedback | None, user: str) -> None:
    """Raise `MalformedRequest` for what cannot be done to this advice now."""
    if decision.outcome is Outcome.SNOOZED and not may_snooze(advice, user):
        raise MalformedRequest("This cannot be put off: no card came, or one of this urgency always comes again.")
    if decision.outcome is Outcome.WITHDRAWN and not may_undo(latest, user):
        raise MalformedRequest("There is no decision of yours to undo.")


def as_feedback(decision: Decision, advice: Advice, user: str, at: datetime) -> Feedback:
    """The ledger's form of it. Accepting takes up the suggested action, where one was suggested."""
    accepted = decision.outcome is Outcome.ACCEPTED
    suggested = advice.shown and not isinstance(advice.finding, Abstention)
    return Feedback(
        advice_id=advice.id,
        client=advice.client,
        service=advice.service,
        outcome=decision.outcome,
        time=at,
        channel=Channel.PAGE,
        reason=decision.reason,
        comment=decision.comment,
        accepted_suggestions=(advice.suggestion_id,) if accepted and suggested else (),
        user=user,
    )
