"""What came in the year before the stay: stays in hospital and visits to the emergency room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from clinical.record import PatientRecord, Stay
from models.runtime.whereabouts import NEVER_HAPPENED

YEAR = timedelta(days=365)
# The visit that led to the stay is a part of it.
_SAME_EPISODE = timedelta(hours=24)
_INPATIENT = frozenset({"IMP", "ACUTE", "NONAC"})
_EMERGENCY = frozenset({"EMER"})
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class YearBefore:
    """Stays in hospital and emergency visits of the year before, newest first."""

    inpatient: tuple[Stay, ...]
    emergency: tuple[Stay, ...]


def year_before(record: PatientRecord, stay: Stay, start: datetime) -> YearBefore:
    """What began within 365 days before a stay did, each stay in hospital once, as the first of its encounters.

    A stay that had not ended a day before is a part of this one.
    """
    episodes = _episodes(_begun(record, stay, _INPATIENT, start))
    inpatient = [first for first, end in episodes if first.start >= start - YEAR and start - end > _SAME_EPISODE]
    visits = _begun(record, stay, _EMERGENCY, start - _SAME_EPISODE)
    emergency = [begun.stay for begun in visits if begun.start >= start - YEAR]
    return YearBefore(tuple(first.stay for first in reversed(inpatient)), tuple(reversed(emergency)))


@dataclass(frozen=True, slots=True)
class _Begun:
    """A stay whose start is known."""

    start: datetime
    stay: Stay


def _episodes(stays: Iterable[_Begun]) -> list[tuple[_Begun, datetime]]:
    """Stays in hospital, oldest first, each with the end of its last encounter; its start where no end is known.

    One stay may be several encounters (a transfer, the same visit from two systems): what begins within 24 hours of
    the end of another goes on with it.
    """
    found: list[tuple[_Begun, datetime]] = []
    for begun in stays:
        end = begun.stay.end or begun.start
        if found and begun.start - found[-1][1] <= _SAME_EPISODE:
            first, until = found.pop()
            found.append((first, max(until, end)))
        else:
            found.append((begun, end))
    return found


def _begun(record: PatientRecord, stay: Stay, classes: frozenset[str], until: datetime) -> list[_Begun]:
    """Other stays of some classes that began before a time, oldest first, each reference once."""
    found = {
        one.reference: _Begun(one.start, one)
        for one in record.stays
        if one.start is not None
        and one.start < until
        and one.reference != stay.reference
        and one.class_code is not None
        and one.class_code.code in classes
        and one.status not in NEVER_HAPPENED
    }
    return sorted(found.values(), key=lambda begun: (begun.start, begun.stay.reference))


def days_between(start: datetime, end: datetime) -> float:
    """Whole days, rounded, and one at least: the training data know stays of 1 to 14 days."""
    return float(max(1, round((end - start) / _DAY)))
