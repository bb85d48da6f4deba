"""What is reviewed: which cards, how they are grouped before the draw, how many are drawn, from which seed.

Every item of a plan carries the whole plan as text, so that one row of the ledger says how it came to be drawn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from clinical.errors import LedgerUnavailable, Unprocessable

MOST_ITEMS = 2_000
LEAST_ITEMS = 20
MOST_SEED = 2**31 - 1
# A stratum with one draw has no variance.
LEAST_OF_STRATUM = 2
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


class Kind(StrEnum):
    """Whether the cards stand for others, or only for themselves because somebody picked them."""

    DRAWN = "drawn"
    PICKED = "picked"


class Response(StrEnum):
    """What became of a card; only answers that are of use to a reviewer."""

    OVERRIDDEN = "overridden"
    ACCEPTED = "accepted"
    UNANSWERED = "unanswered"


class Grouping(StrEnum):
    """By what cards are grouped before the draw. `RISK` are thirds of the risk, or tiers where there is no risk."""

    RISK = "risk"
    RESPONSE = "response"
    UNIT = "unit"
    REASON = "reason"


class Allocation(StrEnum):
    """How many of each stratum: as many as its size asks for, or the same number of each, so that rare ones count."""

    PROPORTIONAL = "proportional"
    EQUAL = "equal"


@dataclass(frozen=True, slots=True)
class ReviewPlan:
    """A plan. `first` and `last` are the UTC days of the advice; `entry` is the last entry that the draw knew.

    Raises `Unprocessable` where it makes no sense.
    """

    name: str
    service: str
    first: date
    last: date
    responses: tuple[Response, ...]
    groupings: tuple[Grouping, ...]
    size: int
    allocation: Allocation
    seed: int
    entry: int = 0
    kind: Kind = Kind.DRAWN

    def __post_init__(self) -> None:
        """Check, with all faults at once."""
        faults = _faults(self)
        if faults:
            raise Unprocessable(" ".join(faults))

    def text(self) -> str:
        """The plan as it is stored: ASCII JSON, keys sorted."""
        return json.dumps(
            {
                "name": self.name,
                "service": self.service,
                "first": self.first.isoformat(),
                "last": self.last.isoformat(),
                "responses": self.responses,
                "groupings": self.groupings,
                "size": self.size,
                "allocation": self.allocation,
                "seed": self.seed,
                "entry": self.entry,
                "kind": self.kind,
            },
            sort_keys=True,
            separators=(",", ":"),
        )


def plan_of(text: str) -> ReviewPlan:
    """A plan from its text. Raises `LedgerUnavailable` where another version wrote it."""
    try:
        said = json.loads(text)  # noqa: TID251 (our own text)
        return ReviewPlan(
            said["name"], said["service"], date.fromisoformat(said["first"]), date.fromisoformat(said["last"]),
            tuple(map(Response, said["responses"])), tuple(map(Grouping, said["groupings"])), said["size"],
            Allocation(said["allocation"]), said["seed"], said["entry"], Kind(said["kind"]),
        )  # fmt: skip
    except (TypeError, ValueError, LookupError, Unprocessable):
        raise LedgerUnavailable("A review plan is not in a form that this version reads.") from None


_Member = TypeVar("_Member", Response, Grouping, Allocation)


def chosen(kind: type[_Member], names: Sequence[str]) -> tuple[_Member, ...]:
    """Members by their names, each once, in the order of the enumeration. Raises `Unprocessable`."""
    known = {member.value for member in kind}
    if not set(names) <= known:
        raise Unprocessable(f"Choose among {', '.join(sorted(known))}.")
    return tuple(member for member in kind if member.value in names)


def _faults(plan: ReviewPlan) -> list[str]:
    """Everything that is wrong."""
    if plan.kind is Kind.PICKED:
        return []
    checks = (
        (_NAME.fullmatch(plan.name), "A plan's name is up to 60 small letters, digits and hyphens."),
        (plan.name not in PICKED_NAMES, "This name is taken by the cards that were picked for their comments."),
        (plan.service, "A plan is about one service."),
        (plan.first <= plan.last, "The first day lies after the last."),
        (plan.responses, "A plan needs at least one kind of response."),
        (
            LEAST_ITEMS <= plan.size <= MOST_ITEMS,
            f"The size lies from {LEAST_ITEMS} to {MOST_ITEMS:,} cards: fewer say nothing, more nobody reads.",
        ),
        (0 <= plan.seed <= MOST_SEED, f"The seed lies from 0 to {MOST_SEED}."),
    )
    return [words for good, words in checks if not good]


# The one plan of cards that somebody picked because of a comment. Days and size say nothing here.
COMMENTS = ReviewPlan(
    "comments", "", date(2000, 1, 1), date(2000, 1, 1), (Response.OVERRIDDEN,), (), 0, Allocation.PROPORTIONAL, 0,
    kind=Kind.PICKED,
)  # fmt: skip
PICKED_NAMES = frozenset({COMMENTS.name})
