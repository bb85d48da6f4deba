"""Keeping what monitors found: one row for each monitor, service and week, and one alert for one thing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select

from oversight import chain, tables
from oversight.alerts import AlertStep
from oversight.database import writing
from oversight.monitors.result import Check, MonitorResult
from oversight.monitors.run import ServiceRun

ALL_CLIENTS = ""


def store(engine: Engine, runs: Iterable[ServiceRun], now: datetime) -> tuple[int, ...]:
    """Keep runs, and open alerts for their alarms. Says the numbers of the alerts that are new.

    A run of the same monitor, service and week, on the same ledger with the same thresholds, is there already and
    adds nothing. A thing whose alert is still open gets no second one. Raises `LedgerUnavailable`.
    """
    opened: list[int] = []
    with writing(engine, one_at_a_time=True) as connection:
        for run in runs:
            for result in run.results:
                sequence = _run_row(connection, run, result, now)
                for check in result.alarms:
                    opened += _alert(connection, run, result, check, sequence, now)
    return tuple(opened)


def content_key(*parts: object) -> str:
    """64 hex digits that stand for some words."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


def as_json(result: MonitorResult) -> dict[str, Any]:
    """A result as plain JSON."""
    return {
        "monitor": result.monitor,
        "status": result.status.value,
        "subject": result.subject,
        "words": result.words,
        "figures": dict(result.figures),
        "checks": [asdict(check) for check in result.checks],
    }


def _run_row(connection: Connection, run: ServiceRun, result: MonitorResult, now: datetime) -> int:
    """The number of the row, new or of before."""
    key = content_key(
        result.monitor, run.service, run.week.first, run.week.last, run.up_to, run.answers,
        json.dumps(run.thresholds.as_json()),
    )  # fmt: skip
    earlier = connection.scalar(_RUN, {"key": key})
    if earlier is not None:
        return int(earlier)
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
        "result": json.dumps(as_json(result), allow_nan=False, sort_keys=True),
        "up_to": run.up_to,
    }
    return int(chain.append(connection, tables.monitor_run, row)["sequence"])


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


_RUN = select(tables.monitor_run.c.sequence).where(tables.monitor_run.c.content_key == bindparam("key"))
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
