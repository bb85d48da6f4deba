"""Alerts and what became of them: acknowledged, the cause, what was done, whether it helped, closed.

An alert's state is not a column: it follows from the events that hang on it, which are only added.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, bindparam, select

from clinical.errors import LedgerUnavailable, Unprocessable
from clinical.typed_words import typed, typed_name
from oversight import chain, tables
from oversight.column_types import AnyRow
from oversight.database import reading, writing
from oversight.statistics.interrupted import Interruption, interruption
from oversight.statistics.refused import Refused

MOST_WORDS = 1_000
MOST_NAME = 200


class AlertStep(StrEnum):
    """What was done about an alert, and so its state; `OPEN` is before anything was."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CAUSE = "cause"
    ACTION = "action"
    CHECK = "check"
    CLOSED = "closed"


# What may follow. A check that shows no effect leads back to another action or another cause. Where nothing has to be
# done (a false alarm, a change that was wanted) the cause says so, and the alert may be closed.
NEXT: Mapping[AlertStep, tuple[AlertStep, ...]] = {
    AlertStep.OPEN: (AlertStep.ACKNOWLEDGED,),
    AlertStep.ACKNOWLEDGED: (AlertStep.CAUSE,),
    AlertStep.CAUSE: (AlertStep.ACTION, AlertStep.CLOSED),
    AlertStep.ACTION: (AlertStep.CHECK,),
    AlertStep.CHECK: (AlertStep.CLOSED, AlertStep.ACTION, AlertStep.CAUSE),
    AlertStep.CLOSED: (),
}


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One step, by whom (a name as the sign-in gives it) in which role."""

    step: AlertStep
    time: datetime
    words: str
    by_whom: str
    role: str


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert with its events, oldest first. `first` to `last` is the week that it is about."""

    number: int
    time: datetime
    monitor: str
    service: str
    subject: str
    level: str
    words: str
    model_version: str
    first: date
    last: date
    events: tuple[AlertEvent, ...] = ()

    @property
    def state(self) -> AlertStep:
        """The latest step."""
        return self.events[-1].step if self.events else AlertStep.OPEN

    @property
    def next_steps(self) -> tuple[AlertStep, ...]:
        """What may be done now."""
        return NEXT[self.state]


@dataclass(frozen=True, slots=True)
class Series:
    """A figure of each week; `mondays` are its first days, ascending, `what` its name in words ("override rate")."""

    what: str
    mondays: Sequence[date]
    values: Sequence[float]


class SqlAlerts:
    """Alerts on SQLite or PostgreSQL. One object serves all threads."""

    def __init__(self, engine: Engine) -> None:
        """`engine` comes from `open_engine`, upgraded."""
        self._engine = engine

    def open_alerts(self, service: str | None = None, most: int = 500) -> tuple[Alert, ...]:
        """Those that are not closed, newest first. Raises `LedgerUnavailable`."""
        found = (one for one in self.alerts(service) if one.state is not AlertStep.CLOSED)
        return tuple(found)[:most]

    def alerts(self, service: str | None = None) -> tuple[Alert, ...]:
        """All, newest first. Raises `LedgerUnavailable`."""
        with reading(self._engine) as connection:
            rows = connection.execute(_ALERTS if service is None else _ALERTS.where(_A.c.service == service)).all()
            events = _by_alert(connection.execute(_EVENTS).all())
        return tuple(_alert(row, events.get(row.sequence, ())) for row in rows)

    def alert(self, number: int) -> Alert | None:
        """One alert, or None. Raises `LedgerUnavailable`."""
        with reading(self._engine) as connection:
            return _found(connection, number)

    def add(self, number: int, step: AlertStep, words: str, *, by_whom: str, role: str, now: datetime) -> Alert:
        """Add a step and return the alert with it; the same step sent again is one.

        Raises `Unprocessable` for an alert that is not there, a step out of order, one without words or a name, or
        words that cannot be kept (`clinical.typed_words`), and `LedgerUnavailable`.
        """
        who, function = typed_name(by_whom, MOST_NAME), typed_name(role, MOST_NAME, "role")
        event = AlertEvent(step, now, typed(words, MOST_WORDS), who, function)
        if not (event.words and event.by_whom):
            raise Unprocessable("A step needs words, and who takes it.")
        with writing(self._engine, one_at_a_time=True) as connection:
            alert = _found(connection, number)
            if alert is None:
                raise Unprocessable("There is no such alert.")
            if alert.events and _same(alert.events[-1], event):
                return alert
            if step not in alert.next_steps:
                raise Unprocessable(_out_of_order(alert))
            chain.append(connection, tables.alert_event, _row(alert, event))
            found = _found(connection, number)
        if found is None:
            raise LedgerUnavailable("The alert cannot be read back.")
        return found

    def check(
        self, number: int, series: Series, action: date, *, by_whom: str, role: str, now: datetime, words: str = ""
    ) -> Alert:
        """Add the step `CHECK` with what an interrupted time series says about the days since an action.

        Where that is refused (fewer than 8 weeks on either side), the words say so: it is still a check that somebody
        made, and `words` are theirs. Raises what `add` raises.
        """
        said = check_words(series, action)
        return self.add(number, AlertStep.CHECK, f"{words.strip()} {said}".strip(), by_whom=by_whom, role=role, now=now)


def check_words(series: Series, action: date) -> str:
    """Before and after an action in words; the week of the action belongs to the time before."""
    change = next((place for place, monday in enumerate(series.mondays) if monday > action), len(series.mondays))
    made = interruption(np.asarray(series.values, dtype=np.float64), change)
    if isinstance(made, Refused):
        return f"No interrupted time series of the {series.what}: {made.reason}"
    return (
        f"Interrupted time series of the {series.what}, {change} weeks before and {len(series.values) - change} after "
        f"{action}: level {_points(made, 'level')}, slope {_points(made, 'slope')} a week, by the last week "
        f"{_points(made, 'last')} against where it was going."
    )


def _points(made: Interruption, name: str) -> str:
    """A figure with its interval."""
    it = getattr(made, name)
    return f"{it.value:+.3f} ({it.low:+.3f} to {it.high:+.3f})"


def since(alert: Alert, step: AlertStep) -> date | None:
    """The day of the latest such step, for the series of its check."""
    return next((event.time.date() for event in reversed(alert.events) if event.step is step), None)


def is_overdue(alert: Alert, now: datetime, days: int = 7) -> bool:
    """Whether nobody has acknowledged it for so long."""
    return alert.state is AlertStep.OPEN and now - alert.time > timedelta(days=days)


def _same(one: AlertEvent, other: AlertEvent) -> bool:
    """The same step by the same person in the same words, as it is stored."""
    said = chain.as_stored(tables.alert_event, _row_of(other))
    return (one.step.value, one.words, one.by_whom, one.role) == tuple(
        said[name] for name in ("kind", "words", "by_whom", "role")
    )


def _out_of_order(alert: Alert) -> str:
    """What is possible instead."""
    if not alert.next_steps:
        return "The alert is closed."
    return f"The alert is {alert.state.value}; next comes {' or '.join(step.value for step in alert.next_steps)}."


def _row_of(event: AlertEvent) -> dict[str, Any]:
    """The columns that an event fills."""
    return {
        "time": event.time,
        "kind": event.step.value,
        "words": event.words,
        "by_whom": event.by_whom,
        "role": event.role,
    }


def _row(alert: Alert, event: AlertEvent) -> dict[str, Any]:
    """A whole row. The place among the events makes a step that is taken again a new one."""
    parts = [alert.number, len(alert.events), event.step.value, event.words, event.by_whom]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return {"content_key": key, "alert_sequence": alert.number, **_row_of(event)}


def _found(connection: Connection, number: int) -> Alert | None:
    """One alert with its events."""
    row = connection.execute(_ONE, {"number": number}).one_or_none()
    if row is None:
        return None
    events = connection.execute(_EVENTS.where(_E.c.alert_sequence == number)).all()
    return _alert(row, _by_alert(events).get(number, ()))


def _by_alert(rows: Sequence[AnyRow]) -> dict[int, tuple[AlertEvent, ...]]:
    """Events by alert, in order."""
    found: dict[int, list[AlertEvent]] = {}
    for row in rows:
        found.setdefault(row.alert_sequence, []).append(
            AlertEvent(_step(row.kind), row.time, row.words, row.by_whom, row.role)
        )
    return {number: tuple(events) for number, events in found.items()}


def _step(kind: str) -> AlertStep:
    """A step as it is stored. Raises `LedgerUnavailable` for one of another version."""
    try:
        return AlertStep(kind)
    except ValueError:
        raise LedgerUnavailable("An alert is not in a form that this version reads.") from None


def _alert(row: AnyRow, events: tuple[AlertEvent, ...]) -> Alert:
    """An alert from its row."""
    return Alert(
        row.sequence, row.time, row.monitor, row.service, row.subject, row.level, row.words, row.model_version,
        row.first_day, row.last_day, events,
    )  # fmt: skip


_A, _E, _R = tables.alert, tables.alert_event, tables.monitor_run
_ALERTS = (
    select(_A, _R.c.model_version, _R.c.first.label("first_day"), _R.c.last.label("last_day"))
    .join(_R, _R.c.sequence == _A.c.monitor_run_sequence)
    .order_by(_A.c.sequence.desc())
)
_ONE = _ALERTS.where(_A.c.sequence == bindparam("number"))
_EVENTS = select(_E).order_by(_E.c.sequence)
