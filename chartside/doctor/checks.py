"""The words of a report: a check, what was seen, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How binding a rule is (RFC 2119 words, as CDS Hooks uses them)."""

    SHALL = "SHALL"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Outcome(StrEnum):
    """What came of a check."""

    PASS = "pass"  # noqa: S105 (no secret)
    FAIL = "fail"
    WARN = "warn"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Check:
    """One rule that can be judged over HTTP.

    `id` is stable and is what machines match on. `rows` are numbers of the conformance checklist (empty for good
    practice that no row names). `advice` says what to do where the rule is broken, `idle` why nothing was judged;
    `telling` marks a check whose findings are worth reading where it passed.
    """

    id: str
    area: str
    rows: tuple[int, ...]
    level: Level
    title: str
    advice: str
    idle: str = "nothing that came back could be judged by this rule"
    telling: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """One judgement: `subject` says of what, `found` what was seen. Neither holds patient data or tokens."""

    subject: str
    outcome: Outcome
    found: str


@dataclass(frozen=True, slots=True)
class Result:
    """A check with everything that was observed for it, and why nothing was where it was skipped."""

    check: Check
    observations: tuple[Observation, ...]
    reason: str = ""

    @property
    def outcome(self) -> Outcome:
        """The worst of the observations; skipped where there is none."""
        seen = {observation.outcome for observation in self.observations}
        return next((worst for worst in (Outcome.FAIL, Outcome.WARN, Outcome.PASS) if worst in seen), Outcome.SKIP)

    @property
    def broken(self) -> tuple[Observation, ...]:
        """The observations that broke the rule."""
        return tuple(row for row in self.observations if row.outcome in (Outcome.FAIL, Outcome.WARN))


def outcome_of(check: Check, *, kept: bool) -> Outcome:
    """Broken SHALL rules fail; broken SHOULD and MAY rules warn."""
    if kept:
        return Outcome.PASS
    return Outcome.FAIL if check.level is Level.SHALL else Outcome.WARN
