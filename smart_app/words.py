"""Numbers and facts in words that more than one part of the page needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from clinical import wording
from clinical.assessment import Basis, RiskAssessment, Score

# How a model names a signal that it leaves out by its design, because another one is there.
_LEFT_OUT = re.compile(r"(.+) \(not used beside (.+)\)")


def left_out(labels: Iterable[str]) -> dict[str, str]:
    """Of the labels of what is missing, those that a model leaves out by its design, each with what is used instead.

    `Respiratory rate (not used beside inspired oxygen)` gives `Respiratory rate: inspired oxygen`.
    """
    found = (_LEFT_OUT.fullmatch(label) for label in labels)
    return {out[1]: out[2] for out in found if out is not None}


def really_missing(labels: Iterable[str]) -> tuple[str, ...]:
    """The other labels: signals without a usable value."""
    return tuple(label for label in labels if _LEFT_OUT.fullmatch(label) is None)


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
