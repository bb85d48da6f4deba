"""What clinicians send back about a card, as feedback: answers, changed minds, withdrawals, snoozes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chartside.history.comments import BROKEN, SOUND
from chartside.history.rows import FIRST_BROKEN_COMMENT
from clinical.advice import OVERRIDE_REASONS, Advice, Channel, Feedback, Outcome
from clinical.snooze import SNOOZES

_OPPOSITE = {Outcome.ACCEPTED: Outcome.OVERRIDDEN, Outcome.OVERRIDDEN: Outcome.ACCEPTED}
_LATER = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Sent:
    """Feedback and when it is sent."""

    time: datetime
    feedback: Feedback


def replies(row: Any, advice: Advice) -> Iterator[Sent]:
    """What is sent about one entry, in order."""
    if not row["answer"]:
        return
    last = _last(row, advice)
    if row["reversed"]:
        first = _with(last, _OPPOSITE[last.outcome], advice.time + (last.time - advice.time) / 2, advice)
        yield Sent(first.time, replace(first, reason=None, comment=""))
    yield Sent(last.time, last)
    if row["withdrawn"]:
        gone = _with(last, Outcome.WITHDRAWN, last.time + _LATER, advice)
        yield Sent(gone.time, replace(gone, reason=None, comment="", channel=Channel.PAGE, user=advice.user))


def _last(row: Any, advice: Advice) -> Feedback:
    """The answer that stands, unless it is withdrawn."""
    outcome, reason, comment = Outcome(str(row["answer"])), None, ""
    if outcome is Outcome.OVERRIDDEN:
        reason = OVERRIDE_REASONS[row["reason"]] if row["reason"] >= 0 else None
        comment = _comment(int(row["comment"]))
    elif outcome is Outcome.SNOOZED:
        reason = SNOOZES[0]
    on_page = bool(row["on_page"])
    answer = Feedback(
        advice_id=advice.id,
        client=advice.client,
        service=advice.service,
        outcome=outcome,
        time=advice.time,
        channel=Channel.PAGE if on_page else Channel.CARD,
        reason=reason,
        comment=comment,
        user=advice.user if on_page else "",
    )
    return _with(answer, outcome, advice.time + timedelta(seconds=float(row["seconds"])), advice)


def _with(answer: Feedback, outcome: Outcome, time: datetime, advice: Advice) -> Feedback:
    """The same with another outcome; who accepts takes the suggestion."""
    taken = (advice.suggestion_id,) if outcome is Outcome.ACCEPTED else ()
    return replace(answer, outcome=outcome, time=time, accepted_suggestions=taken)


def _comment(code: int) -> str:
    """The words of a comment's code."""
    if code < 0:
        return ""
    return BROKEN[code - FIRST_BROKEN_COMMENT] if code >= FIRST_BROKEN_COMMENT else SOUND[code]
