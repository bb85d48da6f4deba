"""Where a patient of the population stands at the moment that is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import nan

from clinical.record import Stay, StayLocation

# What models take for a sex (administrative gender); any other is unknown to them.
SEX = {"male": 1.0, "female": 0.0}


@dataclass(frozen=True, slots=True)
class Person:
    """`age` in completed years, `sex` an administrative gender or None.

    `admitted` is how many hours ago the stay in hospital began, NaN where that is not known.
    """

    age: float
    sex: str | None
    admitted: float = nan


@dataclass(frozen=True, slots=True)
class Placed:
    """A patient in the population: who, since when, and how many `hours` that is at `as_of`.

    Facts after `opens` count, their hours from `start`. `stay` and `bed` are where the patient is, if anywhere;
    `situation` says it in words.
    """

    person: Person
    start: datetime
    hours: float
    opens: datetime
    as_of: datetime
    situation: str
    stay: Stay | None = None
    bed: StayLocation | None = None
