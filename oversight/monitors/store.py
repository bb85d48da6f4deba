"""Keeping what monitors found: one row for each monitor, service and week, and one alert for one thing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Engine, bindparam, select

from oversight import chain, tables
from oversight.alerts import AlertStep
from oversight.column_types import AnyRow
from oversight.database import reading, writing
from oversight.monitors.result import Check, MonitorResult, Status, as_json
from oversight.monitors.run import ServiceRun
from oversight.tallies import Period
from oversight.unjudged_weeks import over

ALL_CLIENTS = ""
# In the key of what is said of a whole week, where a part of it was judged before on the same ledger.
_WHOLE = "whole"


def store(engine: Engine, runs: Iterable[ServiceRun], now: datetime) -> tuple[int, ...]:
    """Keep runs, and open alerts for their alarms. Says the numbers of the alerts that are new.

    A run of the same monitor, service and week, on the same ledger with the same thresholds, is there already and
    adds nothing; an answer is kept beside an earlier fault, and no fault beside an earlier answer; what is said of a
    whole week is kept beside what was said before its end. A thing whose alert is still open gets no second one. Raises
    `LedgerUnavailable`.
    """
    with writing(engine, one_at_a_time=True) as connection:
        return tuple(number for run in runs for number in _kept(connection, run, now))


def store_once(engine: Engine, run: ServiceRun, now: datetime) -> tuple[int, ...] | None:
    """Keep a run, unless one of its service and week is kept, on whatever ledger: the numbers of new alerts, or None.

    Looking and keeping are one transaction with no other writer in it, so of two processes one keeps it. Raises
    `LedgerUnavailable`.
    """
    with writing(engine, one_at_a_time=True) as connection:
        return None if run.service in _judged(connection, run.week) else _kept(connection, run, now)


def judged_services(engine: Engine, week: Period) -> frozenset[str]:
    """The services of which a run about a week is kept. Raises `LedgerUnavailable`."""
    with reading(engine) as connection:
        return _judged(connection, week)


def content_key(*parts: object) -> str:
    """64 hex digits that stand for some words."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


def _kept(connection: Connection, run: ServiceRun, now: datetime) -> tuple[int, ...]:
    """Keep one run. The numbers of the alerts that are new."""
    opened: list[int] = []
    for result in run.results:
        sequence = _run_row(connection, run, result, now)
        for check in result.alarms:
            opened += _alert(connection, run, result, check, sequence, now)
    return tuple(opened)


def _judged(connection: Connection, week: Period) -> frozenset[str]:
    """The services of which a run about a week is kept. One from before the week was over knew only a part of it."""
    values = {"first": week.first, "last": week.last, "over": over(week.last)}
    return frozenset(connection.scalars(_JUDGED, values))


def _run_row(connection: Connection, run: ServiceRun, result: MonitorResult, now: datetime) -> int:
    """The number of the row, new or of before."""
    key = content_key(
        result.monitor, run.service, run.week.first, run.week.last, run.up_to, run.answers,
        json.dumps(run.thresholds.as_json()),
    )  # fmt: skip
    earlier = _kept_as(connection, key)
    if result.status is Status.FAULT and (earlier is None or _was_early(earlier, run.week, now)):
        if (answer := _kept_as(connection, content_key(key, _WHOLE))) is not None:
            return int(answer.sequence)
        # A key of its own leaves room for the answer of a monitor that was mended, on the same ledger.
        key = content_key(key, result.status.value)
        earlier = _kept_as(connection, key)
    if earlier is not None and _was_early(earlier, run.week, now):
        # And so does what was said of a part of the week for what is said of all of it.
        key = content_key(key, _WHOLE)
        earlier = _kept_as(connection, key)
    if earlier is not None:
        return int(earlier.sequence)
    # With the thresholds of the day: those of the manifest may be others by the time that somebody looks.
    kept = as_json(result) | {"thresholds": run.thresholds.as_json()}
    row = {
        "content_key": key,
        "time": now,
        "monitor": result.monitor,
        "client": ALL_CLIENTS,
        "service": run.service,
        "model_version": run.version,
        "first": run.week.first,
        "last": run.week.last,
        "status": result.status.value,
        "result": json.dumps(kept, allow_nan=False, sort_keys=True),
        "up_to": run.up_to,
    }
    return int(chain.append(connection, tables.monitor_run, row)["sequence"])


def _kept_as(connection: Connection, key: str) -> AnyRow | None:
    """The sequence and time of what is kept under a key."""
    return connection.execute(_RUN, {"key": key}).one_or_none()


def _was_early(kept: AnyRow, week: Period, now: datetime) -> bool:
    """Whether a week is over that was not when something was said of it."""
    return bool(kept.time < over(week.last) <= now)


def _alert(
    connection: Connection, run: ServiceRun, result: MonitorResult, check: Check, sequence: int, now: datetime
) -> list[int]:
    """The number of a new alert, or nothing where this week's is there or an earlier one is still open."""
    key = content_key(result.monitor, run.service, check.subject, run.week.first)
    thing = {"monitor": result.monitor, "service": run.service, "subject": check.subject}
    if connection.scalar(_ALERT, {"key": key}) is not None or connection.scalar(_OPEN, thing) is not None:
        return []
    row = {
        "content_key": key,
        "time": now,
        "monitor_run_sequence": sequence,
        **thing,
        "level": check.level.value,
        "words": check.words,
    }
    return [int(chain.append(connection, tables.alert, row)["sequence"])]


_RUN = select(tables.monitor_run.c.sequence, tables.monitor_run.c.time).where(
    tables.monitor_run.c.content_key == bindparam("key")
)
_JUDGED = (
    select(tables.monitor_run.c.service)
    .distinct()
    .where(tables.monitor_run.c.first == bindparam("first"), tables.monitor_run.c.last == bindparam("last"))
    .where(tables.monitor_run.c.time >= bindparam("over"))
)
_ALERT = select(tables.alert.c.sequence).where(tables.alert.c.content_key == bindparam("key"))
_CLOSED = (
    select(tables.alert_event.c.sequence)
    .where(tables.alert_event.c.alert_sequence == tables.alert.c.sequence)
    .where(tables.alert_event.c.kind == AlertStep.CLOSED.value)
    .exists()
)
_OPEN = (
    select(tables.alert.c.sequence)
    .where(*(tables.alert.c[name] == bindparam(name) for name in ("monitor", "service", "subject")), ~_CLOSED)
    .limit(1)
)
