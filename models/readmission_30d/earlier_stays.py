"""What came in the year before the stay: stays in hospital and visits to the emergency room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from clinical.record import PatientRecord, Stay

YEAR = timedelta(days=365)
# The visit that led to the stay is a part of it.
_SAME_EPISODE = timedelta(hours=24)
_NEVER_HAPPENED = frozenset({"planned", "cancelled", "entered-in-error"})
_INPATIENT = frozenset({"IMP", "ACUTE", "NONAC"})
_EMERGENCY = frozenset({"EMER"})
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class YearBefore:
    """Stays in hospital and emergency visits of the year before, newest first."""

    inpatient: tuple[Stay, ...]
    emergency: tuple[Stay, ...]


def year_before(record: PatientRecord, stay: Stay, start: datetime) -> YearBefore:
    """What began within 365 days before a stay did. A stay that had not ended by then is a part of it."""
    inpatient = _begun(record, stay, _INPATIENT, start - YEAR, start)
    return YearBefore(
        inpatient=tuple(one for one in inpatient if one.end is None or one.end <= start),
        emergency=tuple(_begun(record, stay, _EMERGENCY, start - YEAR, start - _SAME_EPISODE)),
    )


def _begun(record: PatientRecord, stay: Stay, classes: frozenset[str], since: datetime, until: datetime) -> list[Stay]:
    """Other stays of some classes that began in a time, newest first."""
    found = [
        (one.start, one.reference, one)
        for one in record.stays
        if one.start is not None
        and since <= one.start < until
        and one.reference != stay.reference
        and one.class_code is not None
        and one.class_code.code in classes
        and one.status not in _NEVER_HAPPENED
    ]
    return [one for _, _, one in sorted(found, key=lambda row: row[:2], reverse=True)]


def days_between(start: datetime, end: datetime) -> float:
    """Whole days, rounded, and one at least: the training data know stays of 1 to 14 days."""
    return float(max(1, round((end - start) / _DAY)))
