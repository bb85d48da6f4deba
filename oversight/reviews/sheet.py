"""A plan's cards with what was judged of each, and where each stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oversight.reviews.plan import ReviewPlan
from oversight.reviews.population import Label
from oversight.statistics.adjudication import Standing, State, Verdict, standing

REVIEWERS = 2
_WAITS = standing(None, None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One verdict. `reviewer` is a pseudonym, `words` are the reviewer's."""

    reviewer: str
    verdict: Verdict
    words: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """A card of a plan. `judgements` in order: two reviewers', then that of who settles a disagreement.

    `number` is the item's place in the ledger, `advice` that of its card; `drawn` is the moment of its draw.
    """

    number: int
    advice: int
    drawn: datetime
    stratum: Label
    probability: float
    judgements: tuple[Judgement, ...] = ()

    @property
    def standing(self) -> Standing:
        """Its state and, once there is one, its verdict."""
        if len(self.judgements) < REVIEWERS:  # most items of most plans: a list of plans asks this often
            return _WAITS
        given: list[Verdict | None] = [each.verdict for each in self.judgements]
        first, second, third = [*given, None, None, None][:3]
        return standing(first, second, third)

    @property
    def state(self) -> State:
        """Where it stands in the queue."""
        return self.standing.state

    @property
    def verdict(self) -> Verdict | None:
        """The verdict that stands."""
        return self.standing.verdict

    def judged_by(self, reviewer: str) -> bool:
        """Whether this reviewer has given a verdict."""
        return any(each.reviewer == reviewer for each in self.judgements)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A plan with its items, in an order that says nothing about them. `drawn` is the moment of the first draw."""

    plan: ReviewPlan
    drawn: datetime
    items: tuple[Item, ...]

    def count(self, *states: State) -> int:
        """How many items are in one of these states."""
        return sum(item.state in states for item in self.items)

    @property
    def finished(self) -> int:
        """How many items have a verdict that stands."""
        return self.count(State.AGREED, State.ADJUDICATED)


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is: the item that a person gets next, if there is one, and the person's progress.

    `done` items were judged by this person, `left` wait for them; `own` are left out because the person was the
    clinician.
    """

    item: Item | None
    done: int
    left: int
    own: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """A plan in the list of one person: what they judge next, and which disagreement they settle next."""

    sheet: Sheet
    judging: Turn
    settling: Turn
