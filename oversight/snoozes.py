"""The snooze of a clinician that is in force, whichever advice it was given on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from clinical.advice import Feedback, Outcome
from clinical.snooze import LONGEST_SNOOZE, snooze_span
from oversight import feedback, tables


def snooze_in_force(connection: Connection, values: dict[str, str], at: datetime) -> Feedback | None:
    """The one that ends last, of those that are not over at that moment.

    `values` are `client`, `service`, `patient` and `clinician`.
    """
    rows = connection.execute(_STATEMENT, {**values, "since": at - LONGEST_SNOOZE}).mappings()
    given = (feedback.from_row(row) for row in rows)
    holding = [one for one in given if _end(one) > at]
    return max(holding, key=_end, default=None)


def _end(snooze: Feedback) -> datetime:
    """When a snooze is over."""
    return snooze.time + snooze_span(snooze.reason.code if snooze.reason else "")


def _statement() -> Select[Any]:
    """Snoozes that decide, the latest first: what was answered differently since is none."""
    said, card, later = tables.feedback, tables.advice, tables.feedback.alias("later")
    deciding = (
        select(later.c.sequence)
        .where(later.c.advice_sequence == said.c.advice_sequence, later.c.quarantine.is_(None))
        .order_by(later.c.time.desc(), later.c.sequence.desc())
        .limit(1)
        .correlate(said)
        .scalar_subquery()
    )
    return (
        select(said)
        .join(card, card.c.sequence == said.c.advice_sequence)
        .where(
            said.c.outcome == Outcome.SNOOZED.value,
            said.c.clinician == bindparam("clinician"),
            said.c.time >= bindparam("since"),
            said.c.quarantine.is_(None),
            said.c.sequence == deciding,
            card.c.client == bindparam("client"),
            card.c.service == bindparam("service"),
            card.c.patient == bindparam("patient"),
        )
        .order_by(said.c.time.desc(), said.c.sequence.desc())
    )


_STATEMENT = _statement()
