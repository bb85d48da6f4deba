"""`IncidentReport`: somebody says that there is a problem with a piece of advice. It opens the draft of an incident."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

MAX_WORDS = 1_000


class ProblemKind(StrEnum):
    """What the problem is, as the reporter sees it."""

    WRONG_DATA = "wrong-data"
    WRONG_PATIENT = "wrong-patient"
    WRONG_RISK = "wrong-risk"
    MISLEADING_TEXT = "misleading-text"
    TECHNICAL = "technical"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """One report. `id` is the same for a form that is sent again; `words` are at most `MAX_WORDS` characters.

    `user` is a reference such as `Practitioner/7`, in the clear here and pseudonymised where it is stored.
    """

    id: str
    time: datetime
    client: str
    service: str
    advice_id: str
    kind: ProblemKind
    words: str = field(repr=False)
    user: str = field(repr=False)


class IncidentState(StrEnum):
    """How far an incident has got. A report opens it as a draft; each later state is an event that somebody adds."""

    DRAFT = "draft"
    TRIAGED = "triaged"
    REPORTABLE = "reportable"
    NOT_REPORTABLE = "not-reportable"
    SUBMITTED = "submitted"
    CLOSED = "closed"


class Harm(StrEnum):
    """What came of it, in the words of 21 CFR 803.3. Who triages decides it; a report of a problem does not."""

    DEATH = "death"
    SERIOUS_INJURY = "serious-injury"
    MALFUNCTION = "malfunction"
    NONE = "none"


class ReporterKind(StrEnum):
    """Who reports to the authority: the hospital that uses the software, or its developer."""

    USER_FACILITY = "user-facility"
    MANUFACTURER = "manufacturer"
