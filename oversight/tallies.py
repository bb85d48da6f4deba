"""What the ledger holds, counted by the database: the rows that the rates are made from.

The database groups by service and day, so a page about a million entries reads some hundreds of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Engine, Select, Subquery, and_, func, select

from clinical.invocation import SMART_HOOK
from clinical.record import Coding
from oversight import feedback, tables
from oversight.database import reading


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in UTC, both ends included. It is the day of the advice that counts, not that of the answer."""

    first: date
    last: date


def monday_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def usual_first_day(last: date) -> date:
    """Where a period begins if nobody says: the Monday eleven weeks before the week of its last day."""
    days = 77 + last.weekday()
    return last - min(timedelta(days=days), last - date.min)


@dataclass(frozen=True, slots=True)
class Tally:
    """`number` entries of one service and UTC day that are alike in all that is counted.

    `withheld` and `abstention` are values of `WithheldReason` and `AbstentionReason`, `outcome` that of the deciding
    feedback (None, or withdrawn: no answer), `reason` its override reason or the length of its snooze. `on_page`: these
    are openings of the risk page that came from no card.
    """

    service: str
    day: date
    withheld: str | None
    abstention: str | None
    outcome: str | None
    reason: Coding | None
    number: int
    on_page: bool = False


class SqlTallies:
    """Counts out of the ledger's database. One object serves all threads."""

    def __init__(self, engine: Engine) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine

    def tallies(self, period: Period, service: str | None = None) -> tuple[Tally, ...]:
        """Everything of a period, of one service or of all. Raises `LedgerUnavailable`."""
        with reading(self._engine) as connection:
            rows = connection.execute(_counted(period, service)).mappings().all()
        return tuple(
            Tally(
                service=row["service"],
                day=row["day"],
                withheld=row["withheld"],
                abstention=row["abstention"],
                outcome=row["outcome"],
                reason=feedback.coding(row),
                number=row["number"],
                on_page=row["hook"] == SMART_HOOK,
            )
            for row in rows
        )

    def services(self) -> tuple[str, ...]:
        """Every service that has an entry, sorted. Raises `LedgerUnavailable`."""
        with reading(self._engine) as connection:
            return tuple(sorted(connection.scalars(select(tables.advice.c.service).distinct())))


def _counted(period: Period, service: str | None) -> Select[tuple[object, ...]]:
    """Entries with their deciding feedback, grouped by everything that is counted."""
    advice = tables.advice
    wanted: list[ColumnElement[bool]] = [advice.c.day.between(period.first, period.last)]
    if service is not None:
        wanted.append(advice.c.service == service)
    answer = _answers(wanted)
    group = (
        advice.c.service,
        advice.c.day,
        advice.c.hook,
        advice.c.withheld,
        advice.c.abstention,
        answer.c.outcome,
        answer.c.reason_system,
        answer.c.reason_code,
        answer.c.reason_display,
    )
    decides = and_(answer.c.advice_sequence == advice.c.sequence, answer.c.place == 1)
    counted = select(*group, func.count().label("number")).select_from(advice.outerjoin(answer, decides))
    return counted.where(*wanted).group_by(*group)


def _answers(wanted: list[ColumnElement[bool]]) -> Subquery:
    """Feedback that counts, numbered for each advice so that place 1 decides."""
    table = tables.feedback
    place = func.row_number().over(partition_by=table.c.advice_sequence, order_by=feedback.LATEST_FIRST)
    columns = (
        table.c.advice_sequence,
        table.c.outcome,
        table.c.reason_system,
        table.c.reason_code,
        table.c.reason_display,
    )
    joined = table.join(tables.advice, tables.advice.c.sequence == table.c.advice_sequence)
    numbered = select(*columns, place.label("place")).select_from(joined)
    return numbered.where(table.c.quarantine.is_(None), *wanted).subquery()
