"""Numbers and facts in words that more than one part of the page needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from clinical import wording
from clinical.assessment import Basis, RiskAssessment, Score

_ANNOTATION = re.compile(r"\{([^{}]*)\}")


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


def scored(value: float, unit: str) -> str:
    """The value of a score: `7`, `48 mL/min/1.73 m²`. Points are no unit to a reader."""
    printed = _ANNOTATION.sub(lambda found: found[1].replace("_", " "), wording.printed_unit(unit))
    return f"{wording.number(value)} {printed.replace('m2', 'm²')}".rstrip()


def spread(ends: Iterable[float]) -> str:
    """`18 to 27 %`, or `21 %` where both ends read the same."""
    known = tuple(ends)
    low, high = wording.percent(min(known)), wording.percent(max(known))
    return high if low == high else f"{low.removesuffix(' %')} to {high}"


def data_span(found: RiskAssessment | Score, zone: tzinfo) -> str:
    """How old the data are."""
    if found.oldest is None or found.newest is None:
        return "no dated values were used"
    newest = wording.age(found.as_of - found.newest)
    return f"newest value {newest} old, oldest from {wording.moment(found.oldest, zone)}"


def moment_of(time: datetime | None, zone: tzinfo) -> str:
    """A moment, or nothing."""
    return "" if time is None else wording.moment(time, zone)
