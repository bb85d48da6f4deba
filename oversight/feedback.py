"""Feedback as rows: what makes two of them the same, which are kept and not counted, and which of them decides."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, RowMapping

from clinical.advice import Channel, Feedback, Outcome, WithheldReason
from clinical.errors import LedgerUnavailable
from clinical.record import Coding
from oversight import tables
from oversight.column_types import AnyRow
from oversight.pseudonyms import Pseudonyms, role

# A clinician may change their mind: the latest by the clinician's own time decides, then the latest that we got.
LATEST_FIRST: tuple[ColumnElement[Any], ...] = (tables.feedback.c.time.desc(), tables.feedback.c.sequence.desc())


class Quarantine(StrEnum):
    """Why feedback is kept and never counted."""

    UNKNOWN_ADVICE = "unknown-advice"
    OTHER_CLIENT = "other-client"
    OTHER_SERVICE = "other-service"
    NEVER_SHOWN = "never-shown"
    UNKNOWN_SUGGESTION = "unknown-suggestion"
    BEFORE_ADVICE = "before-advice"
    LATE = "late"


# Clocks of two machines differ; more than this is no difference of clocks.
CLOCKS_DIFFER = timedelta(minutes=5)
# After this, nobody remembers the card.
TOO_LATE = timedelta(days=30)


def content_key(item: Feedback) -> str:
    """SHA-256 of what was said, as 64 hex digits: the same feedback, however often it comes, has one key.

    The service is part of it, so that feedback once sent to the wrong service can be sent again to the right one.
    Raises `LedgerUnavailable` for a time without a zone or outside the calendar.
    """
    try:
        if item.time.tzinfo is None:
            raise ValueError("a time without a zone")
        moment = item.time.astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        raise LedgerUnavailable("A feedback has a time that the ledger cannot write down.") from None
    reason = [item.reason.system, item.reason.code, item.reason.display] if item.reason else None
    said = [item.client, item.service, item.advice_id, item.outcome, moment, reason, item.comment, item.channel]
    # ASCII JSON keeps the parts apart whatever they hold.
    return hashlib.sha256(json.dumps([*said, item.accepted_suggestions]).encode("ascii")).hexdigest()


def quarantine(item: Feedback, advice: AnyRow | None, received: datetime) -> Quarantine | None:
    """Why this feedback must not count, or None. `advice` is the row that it names, if there is one."""
    if advice is None:
        return Quarantine.UNKNOWN_ADVICE
    if advice.client != item.client:
        return Quarantine.OTHER_CLIENT
    if advice.service != item.service:
        return Quarantine.OTHER_SERVICE
    if _was_never_shown(item, advice):
        return Quarantine.NEVER_SHOWN
    if set(item.accepted_suggestions) - {advice.suggestion_id}:
        return Quarantine.UNKNOWN_SUGGESTION
    return _out_of_time(item, advice, received)


def _out_of_time(item: Feedback, advice: AnyRow, received: datetime) -> Quarantine | None:
    """Whether the answer came before the question, or long after."""
    # Differences, because near the ends of the calendar a sum is no time.
    if item.time - advice.time < -CLOCKS_DIFFER:
        return Quarantine.BEFORE_ADVICE
    return Quarantine.LATE if max(item.time, received) - advice.time > TOO_LATE else None


def _was_never_shown(item: Feedback, advice: AnyRow) -> bool:
    """Whether nobody can have seen what the feedback answers. The page shows a risk that was too low for a card."""
    withheld = advice.withheld
    on_the_page = item.channel is Channel.PAGE and withheld == WithheldReason.BELOW_THRESHOLD
    return withheld is not None and not on_the_page


def to_row(item: Feedback, advice: AnyRow | None, pseudonyms: Pseudonyms, received: datetime) -> dict[str, Any]:
    """The row for one feedback; `received` is the time of our own clock."""
    key = content_key(item)  # first: it refuses times that cannot be compared
    kept_apart = quarantine(item, advice, received)
    return {
        "content_key": key,
        "advice_sequence": advice.sequence if advice else None,
        "advice_id": item.advice_id,
        "client": item.client,
        "service": item.service,
        "outcome": item.outcome.value,
        "time": item.time,
        "received": received,
        "channel": item.channel.value,
        "reason_system": item.reason.system if item.reason else None,
        "reason_code": item.reason.code if item.reason else None,
        "reason_display": item.reason.display if item.reason else None,
        "comment": item.comment,
        "accepted_suggestions": json.dumps(item.accepted_suggestions),
        "clinician": pseudonyms.user(item.client, item.user),
        "role": role(item.user),
        "quarantine": kept_apart.value if kept_apart else None,
    }


def from_row(row: RowMapping) -> Feedback:
    """The feedback of a row. `user` comes back as `user_name` says, not as it was sent."""
    return Feedback(
        advice_id=row["advice_id"],
        client=row["client"],
        service=row["service"],
        outcome=Outcome(row["outcome"]),
        time=row["time"],
        channel=Channel(row["channel"]),
        reason=coding(row),
        comment=row["comment"],
        accepted_suggestions=tuple(json.loads(row["accepted_suggestions"])),  # noqa: TID251 (our own text)
        user=user_name(row),
    )


def coding(row: RowMapping) -> Coding | None:
    """The override reason of a row."""
    if row["reason_code"] is None:
        return None
    return Coding(row["reason_system"], row["reason_code"], row["reason_display"])


def user_name(row: RowMapping) -> str:
    """Role and pseudonym (`Practitioner/3f…`), which is all that the ledger knows of a user."""
    return f"{row['role']}/{row['clinician']}" if row["role"] else str(row["clinician"])
