"""The form "report a problem with this advice": checked, and as `IncidentReport`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clinical.advice import Advice
from clinical.errors import MalformedRequest
from clinical.incident import MAX_WORDS, IncidentReport, ProblemKind
from smart_app.page.decision import fingerprint, is_number, read_text
from smart_app.sessions import Launch

FORM = "report"
KINDS = {
    ProblemKind.WRONG_DATA: "Wrong data",
    ProblemKind.WRONG_PATIENT: "Wrong patient",
    ProblemKind.WRONG_RISK: "Wrong risk",
    ProblemKind.MISLEADING_TEXT: "Misleading text",
    ProblemKind.TECHNICAL: "Technical problem",
    ProblemKind.OTHER: "Something else",
}


@dataclass(frozen=True, slots=True)
class ProblemReport:
    """A checked form."""

    once: str
    kind: ProblemKind
    words: str


def read_report(form: Mapping[str, str]) -> ProblemReport:
    """Check a form. Raises `MalformedRequest` with words for the person who filled it in."""
    if form.get("kind", "") not in set(ProblemKind) or not is_number(form.get("once", "")):
        raise MalformedRequest("Choose what kind of problem it is. Nothing was saved yet.")
    words = read_text(form.get("words", ""), MAX_WORDS, "text")
    if not words:
        raise MalformedRequest("Say in a few words what happened. Nothing was saved yet.")
    return ProblemReport(form["once"], ProblemKind(form["kind"]), words)


def place_of(advice_id: str) -> str:
    """Where the form of one advice is on the page."""
    return f"{FORM}-{advice_id}"


def still_to_write(advice_id: str, reports: Mapping[str, Sequence[IncidentReport]], launch: Launch) -> str:
    """The advice that a card's link came to report, until a report was sent from the page that it opened; then empty.

    `reports` are this user's by the id of the advice; those from before the launch leave the form open.
    """
    return "" if any(one.time >= launch.started for one in reports.get(advice_id, ())) else advice_id


def as_report(found: ProblemReport, advice: Advice, launch: Launch, now: datetime) -> IncidentReport:
    """The quality team's form of it. The same form sent again has the same id; other words have another."""
    number = fingerprint(launch.id, advice.id, found.once, found.kind.value, found.words)[:12]
    return IncidentReport(
        id=f"I-{number}",
        time=now,
        client=advice.client,
        service=advice.service,
        advice_id=advice.id,
        kind=found.kind,
        words=found.words,
        user=launch.visit.user,
    )
