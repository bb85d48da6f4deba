"""Numbers and facts in words that more than one part of the page needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from clinical import wording
from clinical.assessment import Basis, RiskAssessment, Score


@dataclass(frozen=True, slots=True)
class Behind:
    """A diagnosis, medicine, encounter or answer behind a number: what it says, when, and its reference."""

    text: str
    time: str
    reference: str


def behind(bases: Iterable[Basis], zone: tzinfo) -> tuple[Behind, ...]:
    """What a number rests on beside measured values, each once."""
    return tuple(
        Behind(
            basis.text or basis.reference,
            "" if basis.time is None else wording.day(basis.time.astimezone(zone).date()),
            basis.reference if basis.text else "",
        )
        for basis in dict.fromkeys(bases)
    )


def data_span(found: RiskAssessment | Score, zone: tzinfo) -> str:
    """How old the data are."""
    if found.oldest is None or found.newest is None:
        return "no dated values were used"
    newest = wording.age(found.as_of - found.newest)
    return f"newest value {newest} old, oldest from {wording.moment(found.oldest, zone)}"


def moment_of(time: datetime | None, zone: tzinfo) -> str:
    """A moment, or nothing."""
    return "" if time is None else wording.moment(time, zone)
