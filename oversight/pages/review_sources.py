"""What the review pages ask for: plans with verdicts, cards without anybody's name, and a card's first line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from clinical.assessment import Finding
from oversight.reviews.cases import Case
from oversight.reviews.drawing import Drawn
from oversight.reviews.plan import ReviewPlan
from oversight.reviews.sheet import Queued, Sheet, Turn
from oversight.statistics.adjudication import Verdict


class ReviewSource(Protocol):
    """Plans and verdicts; `oversight.reviews.store.SqlReviews` is one. All methods raise `LedgerUnavailable`."""

    def add(self, plan: ReviewPlan, cards: tuple[Drawn, ...], now: datetime) -> None:
        """Keep a plan with what was drawn. Raises `Unprocessable` where its name is taken."""
        ...

    def pick(self, advice: int, now: datetime) -> bool:
        """Put a card among those that were picked; False where it is there already."""
        ...

    def sheets(self) -> tuple[Sheet, ...]:
        """All plans with their items, the newest plan first."""
        ...

    def sheet(self, name: str) -> Sheet | None:
        """One plan with its items, or None."""
        ...

    def queued(self, person: str) -> tuple[Queued, ...]:
        """All plans, the newest first, each with whose turn it is."""
        ...

    def turn(self, name: str, person: str, wanted: int = 0) -> Turn | None:
        """What this person judges next, the item `wanted` first; None where there is no such plan."""
        ...

    def turn_to_settle(self, name: str, person: str, wanted: int = 0) -> Turn | None:
        """The disagreement that this person settles next."""
        ...

    def judge(self, name: str, number: int, verdict: Verdict, words: str, *, person: str, now: datetime) -> None:
        """Keep a verdict. Raises `Unprocessable` where it cannot be taken."""
        ...

    def settle(self, name: str, number: int, verdict: Verdict, words: str, *, person: str, now: datetime) -> None:
        """Keep the third verdict. Raises `Unprocessable` where it cannot be taken."""
        ...


class CaseSource(Protocol):
    """Cards without anybody's name; `oversight.reviews.cases.SqlCases` is one."""

    def case(self, advice: int, drawn: datetime) -> Case:
        """One card, with the answer that stood when it was drawn. Raises `LedgerUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class ReviewParts:
    """What these pages need beside the desk. `summary` writes the first line of a card, as the clinician saw it."""

    source: ReviewSource
    cases: CaseSource
    summary: Callable[[Finding], str]
