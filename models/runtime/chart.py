"""A record as the inputs of a score see it, and what one of them found in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from clinical.assessment import Basis
from clinical.record import Coding, Observation, PatientRecord, SetAside, SetAsideReason
from models.runtime.diagnoses import Sorted
from models.runtime.gather import Series
from models.runtime.score_situation import Situation


@dataclass(frozen=True, slots=True)
class Found:
    """One input's number, how it reads, what it rests on, and when that was measured or answered."""

    value: float | None = None
    text: str = ""
    facts: tuple[Observation, ...] = ()
    basis: tuple[Basis, ...] = ()
    times: tuple[datetime, ...] = ()


NOTHING = Found()


@dataclass(frozen=True, slots=True)
class Chart:
    """The record as the inputs see it.

    `series` holds what was measured, `diagnoses` the diagnoses by input; `unused` takes what cannot be used.
    """

    record: PatientRecord
    as_of: datetime
    situation: Situation
    series: Mapping[str, Series]
    diagnoses: Sorted
    unused: list[SetAside] = field(default_factory=list)

    def has_gap(self, need: str) -> bool:
        """Whether a kind of data was read only in part, so that what is not there may only not have been read."""
        return any(gap.startswith(f"{need}:") for gap in self.record.incomplete)

    def aside(self, kinds: tuple[str, ...], may_be: Callable[[tuple[Coding, ...]], bool]) -> list[SetAside]:
        """What the reader set aside of some kinds and what may be asked for; what never held is left out.

        `kinds` is how the references of such facts begin; `may_be` says of codes whether they can be those asked for.
        """
        return [
            fact
            for fact in self.record.set_aside
            if fact.reference.startswith(kinds)
            and fact.reason is not SetAsideReason.VOID
            and (may_be(fact.codings) if fact.codings else True)
        ]

    def unread(self, need: str, kind: str) -> bool:
        """Whether a fact that is not there may only not have been read: a gap, or one that was set aside.

        `kind` is how the references of such facts begin.
        """
        return self.has_gap(need) or bool(self.aside((kind,), lambda _: True))

    def tell(self, facts: Iterable[SetAside]) -> bool:
        """Report what cannot be used. True if there was any."""
        told = list(facts)
        self.unused.extend(told)
        return bool(told)


def not_told(references: Iterable[str], detail: str, reason: SetAsideReason) -> Iterator[SetAside]:
    """Facts that were read and of which nobody can say whether they are what a score asks for."""
    return (SetAside(reference, reason, detail) for reference in references)
