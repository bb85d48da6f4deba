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
from clinical.assessment import Abstention
from clinical.errors import MalformedRequest
from clinical.record import Coding

MAX_COMMENT = 500

_ONCE = re.compile(r"[A-Za-z0-9_\-]{16,64}")
_REASONS = {reason.code: reason for reason in OVERRIDE_REASONS}


@dataclass(frozen=True, slots=True)
class Decision:
    """A checked form."""

    once: str
    outcome: Outcome
    reason: Coding | None
    comment: str

    @property
    def fingerprint(self) -> str:
        """The same for the same form sent again, another for another answer."""
        parts = (self.once, self.outcome.value, self.reason.code if self.reason else "", self.comment)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def new_once() -> str:
    """The number of a new form."""
    return secrets.token_urlsafe(16)


def read_decision(form: Mapping[str, str]) -> Decision:
    """Check a form. Raises `MalformedRequest` with words for the person who filled it in."""
    outcome, once = form.get("outcome", ""), form.get("once", "")
    if outcome not in set(Outcome) or not _ONCE.fullmatch(once):
        raise MalformedRequest("Choose Accept or Override.")
    comment = "\n".join(form.get("comment", "").split("\r\n")).strip()
    if len(comment) > MAX_COMMENT:
        raise MalformedRequest(f"The comment is longer than {MAX_COMMENT} characters. Nothing was saved.")
    if any(not character.isprintable() and character != "\n" for character in comment):
        raise MalformedRequest("The comment holds characters that cannot be stored. Nothing was saved.")
    if outcome == Outcome.ACCEPTED:
        return Decision(once, Outcome.ACCEPTED, None, comment)
    reason = _REASONS.get(form.get("reason", ""))
    if reason is None:
        raise MalformedRequest("An override needs a reason. Choose one; nothing was saved yet.")
    return Decision(once, Outcome.OVERRIDDEN, reason, comment)


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
