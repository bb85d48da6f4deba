"""What a client was shown before, as far as a policy asks: one statement, built once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import inf
from typing import Any

from sqlalchemy import (
    Connection,
    ScalarSelect,
    Select,
    Subquery,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
)

from clinical.advice import Advice, History, Outcome, ShownBefore
from clinical.assessment import Indicator
from clinical.invocation import SMART_HOOK
from clinical.snooze import snooze_span
from oversight import feedback, tables
from oversight.column_types import AnyRow
from oversight.pseudonyms import Pseudonyms

DAY = timedelta(hours=24)


def read_history(connection: Connection, advice: Advice, since: datetime, pseudonyms: Pseudonyms) -> History:
    """The history before an advice; `shown` from `since` on, the numbers as `History` has them."""
    rows = connection.execute(
        _STATEMENT,
        {
            "client_": advice.client,
            "service_": advice.service,
            "patient_": pseudonyms.patient(advice.client, advice.patient_id),
            # NULL is equal to nothing, so an unknown encounter counts 0; an unknown clinician is the empty text.
            "encounter_": pseudonyms.encounter(advice.client, advice.encounter_id),
            "clinician_": pseudonyms.user(advice.client, advice.user),
            "since": since,
            "day_ago": advice.time - DAY,
        },
    ).all()
    return _history(rows)


def _history(rows: Sequence[AnyRow]) -> History:
    """The counts stand in every row; one row without a time is an empty history."""
    shown = tuple(
        ShownBefore(
            time=row.time,
            # An old entry may be without it, and then keeps nothing back.
            tier_at_least=-inf if row.tier_at_least is None else row.tier_at_least,
            overridden_at=row.answered_at if row.outcome == Outcome.OVERRIDDEN else None,
            reason=(row.reason_code or "") if row.outcome == Outcome.OVERRIDDEN else "",
            indicator=Indicator(row.indicator) if row.indicator else None,
            snoozed_until=row.answered_at + snooze_span(row.reason_code or "")
            if row.outcome == Outcome.SNOOZED
            else None,
        )
        for row in rows
        if row.time is not None
    )
    return History(shown, rows[0].to_clinician, rows[0].in_encounter)


def _count(*where: Any) -> ScalarSelect[int]:
    """How many cards with a risk or a score were shown."""
    table = tables.advice
    # An opening of the page is advice of its own, but nobody's attention was called to it.
    shown = (table.c.withheld.is_(None), table.c.abstention.is_(None), table.c.hook != SMART_HOOK)
    of_client = table.c.client == bindparam("client_")
    return select(func.count()).select_from(table).where(*where, of_client, *shown).scalar_subquery()


def _shown() -> Subquery:
    """Cards with a risk or a score of this service to this clinician about this patient, with their answer.

    Only an override counts, whoever gave it, and a snooze by this clinician. An answer may be younger than its card.
    """
    table, said, answer = tables.advice, tables.feedback, tables.feedback.alias("answer")
    deciding = (
        select(said.c.sequence)
        .where(said.c.advice_sequence == table.c.sequence, said.c.quarantine.is_(None))
        .order_by(*feedback.LATEST_FIRST)
        .limit(1)
        .correlate(table)
        .scalar_subquery()
    )
    own_snooze = and_(answer.c.outcome == Outcome.SNOOZED.value, answer.c.clinician == bindparam("clinician_"))
    counts = and_(answer.c.sequence == deciding, or_(answer.c.outcome == Outcome.OVERRIDDEN.value, own_snooze))
    columns = (table.c.sequence, table.c.time, table.c.tier_at_least, table.c.indicator)
    return (
        select(*columns, answer.c.outcome, answer.c.time.label("answered_at"), answer.c.reason_code)
        .select_from(table.outerjoin(answer, counts))
        .where(
            table.c.patient == bindparam("patient_"),
            table.c.service == bindparam("service_"),
            table.c.clinician == bindparam("clinician_"),
            or_(table.c.time >= bindparam("since"), answer.c.time >= bindparam("since")),
            table.c.client == bindparam("client_"),
            table.c.withheld.is_(None),
            table.c.abstention.is_(None),
            # A page may be filled and never be looked at; one that was answered was seen.
            or_(table.c.hook != SMART_HOOK, deciding.is_not(None)),
        )
        .subquery("shown")
    )


def _statement() -> Select[Any]:
    """One row for each card, or one row without a card; the two counts beside."""
    table = tables.advice
    counts = select(
        _count(table.c.clinician == bindparam("clinician_"), table.c.time > bindparam("day_ago")).label("to_clinician"),
        _count(table.c.encounter == bindparam("encounter_")).label("in_encounter"),
    ).subquery("counts")
    shown = _shown()
    wanted = (counts.c.to_clinician, counts.c.in_encounter, shown.c.time, shown.c.tier_at_least, shown.c.indicator)
    joined = counts.outerjoin(shown, true())
    answer = (shown.c.outcome, shown.c.answered_at, shown.c.reason_code)
    statement = select(*wanted, *answer).select_from(joined)
    return statement.order_by(shown.c.time.desc(), shown.c.sequence.desc())


_STATEMENT = _statement()
