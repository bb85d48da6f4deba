"""A record as the inputs of a score see it, and what one of them found in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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

    `series` holds what was measured, `diagnoses` the diagnoses by input; `unused` takes what cannot be used, `foreign`
    the references of diagnoses in it.
    """

    record: PatientRecord
    as_of: datetime
    situation: Situation
    series: Mapping[str, Series]
    diagnoses: Sorted
    unused: list[SetAside] = field(default_factory=list)
    foreign: set[str] = field(default_factory=set)

    def unread(self, need: str, kind: str, codings: Callable[[Iterable[Coding]], bool]) -> bool:
        """Whether a fact that is not there may only not have been read: a gap, or one that was malformed.

        `kind` is how the references of such facts begin, `codings` whether codes are those that are asked for.
        """
        if any(gap.startswith(f"{need}:") for gap in self.record.incomplete):
            return True
        return any(
            aside.reason is SetAsideReason.MALFORMED
            and aside.reference.startswith(kind)
            and (not aside.codings or codings(aside.codings))
            for aside in self.record.set_aside
        )
