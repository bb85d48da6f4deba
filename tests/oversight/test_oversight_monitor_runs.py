"""What monitors said, read back from either database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from oversight.alerts import SqlAlerts
from oversight.monitor_runs import SqlRuns
from oversight.monitors.result import Check, MonitorResult, Status
from oversight.monitors.run import ServiceRun
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL
from oversight.tallies import Period

NOW = datetime(2026, 3, 9, 5, 10, tzinfo=UTC)


def run(service: str, monday: date, status: Status = Status.OK, monitor: str = "volume") -> ServiceRun:
    """One answer about one week; an alarm has a check."""
    checks = (Check("entries", status, 2.5, 1e-9, "Twice as many.", adjusted_p=1e-8),) if status is Status.ALARM else ()
    result = MonitorResult(monitor, status, "entries", f"{status.value} of {monday}", {"entries": [1, 2]}, checks)
    return ServiceRun(service, Period(monday, monday + timedelta(days=6)), "1.0.0", 17, 4, USUAL, (result,))


@pytest.fixture
def runs(engine) -> SqlRuns:
    """The runs of a new ledger."""
    return SqlRuns(engine)


def test_before_any_run_there_is_none(runs) -> None:
    """And no time of one."""
    assert (runs.latest(), runs.last_time(), runs.of_alert(1)) == ((), None, None)


def test_the_latest_week_of_each_service_and_monitor(engine, runs) -> None:
    """Not the latest run: an earlier week may be asked for afterwards."""
    old, new = date(2026, 2, 23), date(2026, 3, 2)
    store(engine, [run("sepsis", new), run("falls", old), run("sepsis", new, monitor="mix-drift")], NOW)
    store(engine, [run("sepsis", old)], NOW + timedelta(days=1))
    found = {(each.service, each.monitor): each.first for each in runs.latest()}
    assert found == {("falls", "volume"): old, ("sepsis", "volume"): new, ("sepsis", "mix-drift"): new}
    assert [each.service for each in runs.latest()] == ["falls", "sepsis", "sepsis"]
    assert runs.last_time() == NOW + timedelta(days=1)


def test_the_run_of_an_alert_has_its_figures_and_thresholds(engine, runs) -> None:
    """As they were on that day."""
    (number,) = store(engine, [run("sepsis", date(2026, 3, 2), Status.ALARM)], NOW)
    found = runs.of_alert(number)
    assert (found.status, found.version, found.words) == ("alarm", "1.0.0", "alarm of 2026-03-02")
    assert found.figures == {"entries": [1, 2]}
    assert [check["subject"] for check in found.checks] == ["entries"]
    assert found.thresholds["rate"] == list(USUAL.rate)
    assert SqlAlerts(engine).alert(number).first == found.first
