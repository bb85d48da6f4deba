"""What monitors said when they last ran, read back from the ledger: for the page of alerts and for model cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, func, select

from clinical import strict_json
from clinical.errors import LedgerUnavailable
from oversight import tables
from oversight.column_types import AnyRow
from oversight.database import reading
from oversight.unjudged_weeks import Answered, UnjudgedWeek, unjudged_weeks

# As far back as services are expected (`oversight.monitors.run`).
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

    def unjudged(self) -> tuple[UnjudgedWeek, ...]:
        """Of the latest `WEEKS_TOLD` weeks that were asked about those that passed without an answer."""
        with reading(self._engine) as connection:
            newest: date | None = connection.scalar(select(func.max(_R.c.first)))
            if newest is None:
                return ()
            rows = connection.execute(_ANSWERED, {"since": newest - timedelta(weeks=WEEKS_TOLD - 1)}).all()
        return unjudged_weeks(Answered(*row) for row in rows)

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
_OF_ALERT = (
    select(_R)
    .join(tables.alert, tables.alert.c.monitor_run_sequence == _R.c.sequence)
    .where(tables.alert.c.sequence == bindparam("number"))
)
