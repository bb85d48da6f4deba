"""A finished examination: what a report holds, whichever way it is printed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from chartside.doctor.checks import Level, Outcome, Result

CLEAN = 0
BROKEN = 1
NOT_EXAMINED = 2
_RANK = {Level.SHALL: 0, Level.SHOULD: 1, Level.MAY: 2}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is printed.

    `service` is the discovery address, `signed` the signing algorithm or empty, `services` the listed "id (hook)", with
    ", not called" where the hook is not one that the doctor knows.
    `blocked` says why the examination could not be made or ended early; empty where it ran through.
    """

    service: str
    time: datetime
    version: str
    signed: str
    services: tuple[str, ...]
    requests: int
    seconds: float
    results: tuple[Result, ...]
    blocked: str = ""

    def counts(self) -> dict[Outcome, int]:
        """How many checks had each outcome."""
        counted = Counter(result.outcome for result in self.results)
        return {outcome: counted[outcome] for outcome in Outcome}

    def exit_code(self, *, strict: bool) -> int:
        """0: no SHALL rule was broken. 1: one was (`strict`: or a SHOULD rule). 2: it could not be examined."""
        levels = {result.check.level for result in self.results if result.broken}
        failed = any(result.outcome is Outcome.FAIL for result in self.results)
        if failed or (strict and levels & {Level.SHALL, Level.SHOULD}):
            return BROKEN
        return NOT_EXAMINED if self.blocked else CLEAN

    def down_to(self, level: Level) -> Report:
        """The report with the rules of this level and the more binding ones only."""
        kept = tuple(result for result in self.results if _RANK[result.check.level] <= _RANK[level])
        return replace(self, results=kept)
