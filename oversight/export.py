"""Feedback for analysis elsewhere, as rows and as CSV: what was advised, what was done with it, and when.

What people wrote is not in here, only whether they wrote; names are not in here either, and their pseudonyms only where
somebody asks. Every row of the period is exported, also what is in quarantine and does not count.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TextIO

from sqlalchemy import ColumnElement, Engine, Select, and_, or_, select

from oversight import tables
from oversight.column_types import AnyRow
from oversight.database import reading
from oversight.exports.cells import cell
from oversight.tallies import Period

_AT_ONCE = 500
_PSEUDONYMS = frozenset({"patient", "clinician"})


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """One feedback. What is known of the card is empty where the feedback names no card of its client.

    `quarantined` says why it does not count; it is empty where it does. `patient` and `clinician` are pseudonyms.
    """

    service: str
    model_version: str
    tier: str
    shown_at: datetime | None
    outcome: str
    reason_system: str
    reason_code: str
    reason_display: str
    outcome_time: datetime
    channel: str
    role: str
    unit: str
    client: str
    quarantined: str
    comment_given: bool
    patient: str = ""
    clinician: str = ""


def feedback_rows(engine: Engine, period: Period, *, pseudonyms: bool = False) -> Iterator[FeedbackRow]:
    """All feedback on the advice of a period, in the order of arrival. Raises `LedgerUnavailable`.

    Feedback that names no card of its client belongs to the UTC day on which it came.
    """
    with reading(engine) as connection:
        streaming = connection.execution_options(stream_results=True, yield_per=_AT_ONCE)
        for row in streaming.execute(_selected(period)):
            yield _row(row, pseudonyms=pseudonyms)


def write_csv(rows: Iterable[FeedbackRow], file: TextIO, *, pseudonyms: bool = False) -> int:
    """Write RFC 4180 with a line of names, into a file opened with `newline=""`. Gives back the number of rows."""
    names = [field.name for field in fields(FeedbackRow) if pseudonyms or field.name not in _PSEUDONYMS]
    writer = csv.writer(file)
    writer.writerow(names)
    number = 0
    for row in rows:
        writer.writerow([cell(getattr(row, name)) for name in names])
        number += 1
    return number


def _selected(period: Period) -> Select[Any]:
    """Feedback with its card, but never another client's card."""
    said, card = tables.feedback, tables.advice
    own = and_(card.c.sequence == said.c.advice_sequence, card.c.client == said.c.client)
    arrived = and_(card.c.sequence.is_(None), *_within(said.c.received, period))
    columns = (card.c.model_version, card.c.tier, card.c.time.label("shown_at"), card.c.unit_name, card.c.patient)
    people = (card.c.clinician.label("asked"), card.c.role.label("asked_role"))
    return (
        select(*(said.c[name] for name in _SAID), (said.c.comment != "").label("comment_given"), *columns, *people)
        .select_from(said.outerjoin(card, own))
        .where(or_(card.c.day.between(period.first, period.last), arrived))
        .order_by(said.c.sequence)
    )


_SAID = (
    *("service", "outcome", "reason_system", "reason_code", "reason_display", "time", "channel", "client"),
    *("quarantine", "clinician", "role"),
)


def _within(column: ColumnElement[datetime], period: Period) -> tuple[ColumnElement[bool], ...]:
    """Both days of the period included. The last day of the calendar has no next."""
    begun = column >= datetime.combine(period.first, time(), UTC)
    if period.last == date.max:
        return (begun,)
    return begun, column < datetime.combine(period.last + timedelta(days=1), time(), UTC)


def _row(row: AnyRow, *, pseudonyms: bool) -> FeedbackRow:
    """One row; the clinician is who answered, or else who was shown the card."""
    return FeedbackRow(
        service=row.service,
        model_version=row.model_version or "",
        tier=row.tier or "",
        shown_at=row.shown_at,
        outcome=row.outcome,
        reason_system=row.reason_system or "",
        reason_code=row.reason_code or "",
        reason_display=row.reason_display or "",
        outcome_time=row.time,
        channel=row.channel,
        role=row.role or row.asked_role or "",
        unit=row.unit_name or "",
        client=row.client,
        quarantined=row.quarantine or "",
        comment_given=bool(row.comment_given),
        patient=(row.patient or "") if pseudonyms else "",
        clinician=(row.clinician or row.asked or "") if pseudonyms else "",
    )
