"""`AuditEvent`: what a person may later have to explain, beside the advice itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AuditKind(StrEnum):
    """What happened."""

    CALL_FAILED = "call-failed"
    EMPTY_ON_FAULT = "empty-on-fault"
    CARD_REJECTED = "card-rejected"
    FEEDBACK_REFUSED = "feedback-refused"
    SWITCH = "switch"
    LEDGER_READ = "ledger-read"
    SIGN_IN = "sign-in"
    WRITTEN_BACK = "written-back"
    FOLLOW_UP_LOADED = "follow-up-loaded"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event. `status` is the HTTP status that went out (0 where none did), `incident` the id that the log has too.

    `detail` is our own words: an error's class, a reason that an operator gave; never patient data, never request text.
    """

    time: datetime
    kind: AuditKind
    client: str = ""
    service: str = ""
    hook: str = ""
    status: int = 0
    incident: str = ""
    detail: str = ""
