"""Where observations are written down while the service is examined."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from chartside.doctor.checks import Check, Observation, Outcome, Result, outcome_of

SUBJECT_LENGTH = 100
FOUND_LENGTH = 160


class Book:
    """Gathers observations for each check, in the order of the checks."""

    def __init__(self, checks: Iterable[Check]) -> None:
        """Start with every check unjudged."""
        self._seen: dict[str, list[Observation]] = {}
        self._reasons: dict[str, str] = {}
        self._checks = tuple(checks)

    def judge(self, check: Check, subject: str, *, kept: bool, found: str) -> None:
        """Write down whether a rule was kept."""
        self.note(check, subject, outcome_of(check, kept=kept), found)

    def note(self, check: Check, subject: str, outcome: Outcome, found: str) -> None:
        """Write down an outcome that was decided elsewhere."""
        row = Observation(printable(subject, SUBJECT_LENGTH), outcome, printable(found, FOUND_LENGTH))
        rows = self._seen.setdefault(check.id, [])
        if row not in rows:
            rows.append(row)

    def skip(self, check: Check, reason: str) -> None:
        """Say why a check was not made. Counts only where nothing is observed for it at all."""
        self._reasons.setdefault(check.id, printable(reason, FOUND_LENGTH))

    def skip_rest(self, reason: str) -> None:
        """Give this reason to every check that has neither observation nor reason."""
        for check in self._checks:
            if check.id not in self._seen:
                self.skip(check, reason)

    def broke(self, check: Check) -> bool:
        """Whether the rule was broken at least once so far."""
        return any(row.outcome in (Outcome.FAIL, Outcome.WARN) for row in self._seen.get(check.id, ()))

    def results(self) -> tuple[Result, ...]:
        """Every check once."""
        return tuple(
            Result(check, tuple(self._seen.get(check.id, ())), self._reasons.get(check.id, check.idle))
            for check in self._checks
        )


def printable(text: str, limit: int) -> str:
    """One line without control or direction characters, cut to a length: ids come from the service under test."""
    plain = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"
