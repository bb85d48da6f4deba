"""What monitors said when they last ran, read back from the ledger: for the page of alerts and for model cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, and_, bindparam, func, select

from clinical import strict_json
from clinical.errors import LedgerUnavailable
from clinical.invocation import SMART_HOOK
from oversight import tables
from oversight.column_types import AnyRow
from oversight.database import reading
from oversight.tallies import monday_of
from oversight.unjudged_weeks import IN_USE, Answered, UnjudgedWeek, newest_due, unjudged_weeks

WEEKS_TOLD = 26


@dataclass(frozen=True, slots=True)
class KeptRun:
    """One monitor's answer about one week of a service, as `oversight.monitors.store` kept it.

    `figures`, `checks` and `thresholds` are plain JSON. `thresholds` is empty for runs of an earlier version.
    """

    number: int
    time: datetime
    monitor: str
    service: str
    version: str
    first: date
    last: date
    status: str
    subject: str
    words: str
    figures: Mapping[str, Any]
    checks: tuple[Mapping[str, Any], ...]
    thresholds: Mapping[str, Any]


class SqlRuns:
    """Runs on SQLite or PostgreSQL. One object serves all threads. All methods raise `LedgerUnavailable`."""

    def __init__(self, engine: Engine) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine

    def latest(self) -> tuple[KeptRun, ...]:
        """Of each service and monitor the run about the latest week, sorted by service, in the order of running."""
        with reading(self._engine) as connection:
            return tuple(_run(row) for row in connection.execute(_LATEST))

    def of_alert(self, number: int) -> KeptRun | None:
        """The run that raised an alert, or None."""
        with reading(self._engine) as connection:
            row = connection.execute(_OF_ALERT, {"number": number}).one_or_none()
        return None if row is None else _run(row)

    def unjudged(self, now: datetime) -> tuple[UnjudgedWeek, ...]:
        """Of the latest `WEEKS_TOLD` weeks those that passed without an answer, of services that were in use then."""
        newest = newest_due(now)
        oldest = newest - timedelta(weeks=WEEKS_TOLD - 1)
        with reading(self._engine) as connection:
            answered = [Answered(*row) for row in connection.execute(_ANSWERED, {"since": oldest})]
            never = _never_judged(connection, {one.service for one in answered}, oldest, newest) if answered else {}
            weeks = unjudged_weeks(answered, newest, never)
            return tuple(week for week in weeks if week.broke or _in_use(connection, week))

    def last_time(self) -> datetime | None:
        """When any monitor last ran; None where none ever did."""
        with reading(self._engine) as connection:
            found: datetime | None = connection.scalar(select(func.max(_R.c.time)))
        return found


def _run(row: AnyRow) -> KeptRun:
    """From its row. Raises `LedgerUnavailable` for one that does not hold together."""
    found = strict_json.loads(row.result.encode("utf-8"))
    if not isinstance(found, dict):
        raise LedgerUnavailable("A run of a monitor is not in a form that this version reads.")
    return KeptRun(
        number=row.sequence,
        time=row.time,
        monitor=row.monitor,
        service=row.service,
        version=row.model_version,
        first=row.first,
        last=row.last,
        status=row.status,
        subject=str(found.get("subject", "")),
        words=str(found.get("words", "")),
        figures=_table(found.get("figures")),
        checks=tuple(_table(each) for each in found.get("checks") or ()),
        thresholds=_table(found.get("thresholds")),
    )


def _never_judged(connection: Connection, judged: set[str], oldest: date, newest: date) -> Mapping[str, date]:
    """The services in use that no monitor answered about while it did about others, and the Monday each began.

    In use means here an entry by a hook in one of the two latest weeks that are due.
    """
    values = {"since": newest - timedelta(weeks=1), "until": newest + timedelta(days=6), "judged": sorted(judged)}
    found = connection.execute(_NOT_JUDGED, values).scalars().all()
    first = {name: connection.execute(_FIRST, {"service_": name, "since": oldest}).scalar_one() for name in found}
    return {name: monday_of(day) for name, day in first.items()}


def _in_use(connection: Connection, week: UnjudgedWeek) -> bool:
    """Whether a service has an entry in a week or not too long before."""
    values = {"service_": week.service, "since": week.first - IN_USE, "until": week.last}
    return connection.execute(_ENTRY, values).first() is not None


def _table(found: object) -> Mapping[str, Any]:
    """An object, or nothing."""
    return found if isinstance(found, dict) else {}


_R = tables.monitor_run
_PLACE = func.row_number().over(
    partition_by=(_R.c.service, _R.c.monitor), order_by=(_R.c.last.desc(), _R.c.sequence.desc())
)
_RANKED = select(_R.c.sequence, _PLACE.label("place")).subquery()
_LATEST = (
    select(_R)
    .join(_RANKED, _RANKED.c.sequence == _R.c.sequence)
    .where(_RANKED.c.place == 1)
    .order_by(_R.c.service, _R.c.sequence)
)
_SAID = (_R.c.service, _R.c.monitor, _R.c.first, _R.c.last, _R.c.status)
_ANSWERED = select(*_SAID, func.max(_R.c.time)).where(_R.c.first >= bindparam("since")).group_by(*_SAID)
_A = tables.advice
_DAYS = _A.c.day.between(bindparam("since"), bindparam("until"))
_OF_SERVICE = and_(_A.c.service == bindparam("service_"), _A.c.hook != SMART_HOOK)
_ENTRY = select(_A.c.sequence).where(_DAYS, _OF_SERVICE).limit(1)
_NOT_JUDGED = (
    select(_A.c.service)
    .where(_DAYS, _A.c.service.not_in(bindparam("judged", expanding=True)), _A.c.hook != SMART_HOOK)
    .distinct()
)
_FIRST = select(_A.c.day).where(_A.c.day >= bindparam("since"), _OF_SERVICE).order_by(_A.c.day).limit(1)
_OF_ALERT = (
    select(_R)
    .join(tables.alert, tables.alert.c.monitor_run_sequence == _R.c.sequence)
    .where(tables.alert.c.sequence == bindparam("number"))
)
