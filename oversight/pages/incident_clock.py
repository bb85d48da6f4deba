"""What is due of an incident and by when, told in words and by a shape."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from clinical.incident import ReporterKind
from oversight.incident_events import IncidentHistory
from oversight.report_deadlines import Deadline

SOON_DAYS = 3
OVERDUE, SOON, LATER = "▲", "◆", "●"
_WHO = {ReporterKind.USER_FACILITY: "the hospital", ReporterKind.MANUFACTURER: "the developer"}


@dataclass(frozen=True, slots=True)
class Due:
    """One deadline: who has it, how many days are left (below 0: overdue), the same in words, and a shape."""

    who: str
    deadline: Deadline
    left: int

    @property
    def words(self) -> str:
        """`due in 5 days`, `due today`, `3 days overdue`."""
        if self.left == 0:
            return "due today"
        days = f"{abs(self.left)} {'day' if abs(self.left) == 1 else 'days'}"
        return f"due in {days}" if self.left > 0 else f"{days} overdue"

    @property
    def mark(self) -> str:
        """A shape, so that it does not hang on colour."""
        return OVERDUE if self.left < 0 else SOON if self.left <= SOON_DAYS else LATER


def due(history: IncidentHistory, today: date) -> tuple[Due, ...]:
    """Everything that is due, the soonest first.

    Before somebody has decided who reports, it is what either would have to; afterwards only theirs.
    """
    decided = history.fact("as") if history.state == "reportable" else ""
    found = [
        Due(_WHO[who], each, each.days_left(today))
        for who in ReporterKind
        if decided in ("", who.value)
        for each in history.deadlines(who)
    ]
    return tuple(sorted(found, key=lambda one: one.left))
