"""What stands open in the ledger: the latest word of each monitor, alerts, and reports of problems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Engine, select

from clinical.incident import IncidentState, ReporterKind
from oversight import tables
from oversight.alerts import Alert, SqlAlerts
from oversight.database import reading
from oversight.incident_events import IncidentHistory, SqlIncidentEvents
from oversight.monitor_runs import KeptRun, SqlRuns
from oversight.switches import SwitchState
from oversight.unjudged_weeks import UnjudgedWeek

MOST = 500


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """A report of a problem that is not closed, with what became of it so far."""

    service: str
    kind: str
    history: IncidentHistory

    def overdue(self, today: date) -> bool:
        """Whether the last day of a deadline has passed; before it is decided who reports, of either's."""
        decided = self.history.fact("as") if self.history.state is IncidentState.REPORTABLE else ""
        kinds = [who for who in ReporterKind if decided in ("", who.value)]
        return any(each.days_left(today) < 0 for who in kinds for each in self.history.deadlines(who))


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that is open at one moment; `monitors` are sorted by service, the rest comes newest first.

    `unjudged` are weeks that passed without an answer of every monitor, by service, the earliest first.
    """

    monitors: tuple[KeptRun, ...]
    alerts: tuple[Alert, ...]
    incidents: tuple[OpenIncident, ...]
    unjudged: tuple[UnjudgedWeek, ...] = ()


class SqlStanding:
    """Reads it from SQLite or PostgreSQL. One object serves all threads."""

    def __init__(self, engine: Engine) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine

    def read(self, now: datetime) -> Standing:
        """All of it at this moment. Raises `LedgerUnavailable`."""
        runs, alerts = SqlRuns(self._engine), SqlAlerts(self._engine).open_alerts()
        return Standing(runs.latest(), alerts, tuple(self._incidents()), runs.unjudged(now))

    def switched(self, first: datetime, until: datetime) -> tuple[SwitchState, ...]:
        """What was switched off or on between two moments, oldest first. Raises `LedgerUnavailable`."""
        table = tables.switch
        columns = (table.c.client, table.c.service, table.c.off, table.c.time, table.c.by_whom, table.c.reason)
        wanted = select(*columns).where(table.c.time >= first, table.c.time < until).order_by(table.c.sequence)
        with reading(self._engine) as connection:
            return tuple(SwitchState(*row) for row in connection.execute(wanted))

    def _incidents(self) -> Iterator[OpenIncident]:
        """Of the newest reports those that nobody has closed."""
        table = tables.incident
        wanted = select(table.c.id, table.c.service, table.c.kind).order_by(table.c.sequence.desc()).limit(MOST)
        with reading(self._engine) as connection:
            rows = connection.execute(wanted).all()
        histories = SqlIncidentEvents(self._engine)
        for row in rows:
            history = histories.history(row.id)
            if history is not None and history.state is not IncidentState.CLOSED:
                yield OpenIncident(row.service, row.kind, history)
