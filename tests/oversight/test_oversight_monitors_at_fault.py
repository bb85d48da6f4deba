"""A monitor that breaks costs its own answer: it is told there, in the log and in the ledger, and the others stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pytest
from monitored_weeks import SERVICE, Week, week_number

from chartside.logs import JsonLines
from clinical.errors import LedgerUnavailable
from oversight.alerts import SqlAlerts
from oversight.exports.metrics import State, text
from oversight.exports.standing import SqlStanding
from oversight.mart.mart import Questions
from oversight.monitor_runs import SqlRuns
from oversight.monitors import answers
from oversight.monitors.answers import Monitor
from oversight.monitors.family import controlled
from oversight.monitors.result import Fault, MonitorResult, Status, at_fault
from oversight.monitors.run import ServiceRun, all_monitors, run_service
from oversight.monitors.stays import StayMonitor, StayWeek
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL
from oversight.verify import verify

NOW = datetime(2026, 6, 1, 5, 10, tzinfo=UTC)
LAST = 14
WEEKS = [Week()] * LAST + [Week(overridden=0.9)]
# What a message of an exception may quote, and nobody may read.
QUOTED = "Mrs Waldegrave"
OF_STAYS = [each.name for each in all_monitors() if isinstance(each, StayMonitor)]
Break = Callable[[Questions], object]


def divided(_: Questions) -> object:
    """ZeroDivisionError."""
    return 1 / 0


def mistaken(_: Questions) -> object:
    """A message that quotes what was read."""
    raise ValueError(f"no unit for {QUOTED}")


def singular(_: Questions) -> object:
    """As numpy says it."""
    return np.linalg.inv(np.zeros((2, 2)))


def mistyped(mart: Questions) -> object:
    """A question to the mart that is wrong."""
    return mart.rows(f"SELECT nothing FROM event WHERE patient = '{QUOTED}'")


def overflowed(mart: Questions) -> object:
    """A question whose answer no integer holds."""
    return mart.rows("SELECT 9223372036854775807::BIGINT + count(*)::BIGINT FROM event")


def converted(mart: Questions) -> object:
    """A question that takes a word for a number."""
    return mart.rows("SELECT CAST(service AS INTEGER) FROM event")


@dataclass(frozen=True)
class Broken:
    """A monitor that breaks."""

    name: str
    broken: Break
    subject: str = "something"
    needs: tuple[str, ...] = ()

    def run(self, mart: Questions, *_: Any) -> MonitorResult:
        """Break, or answer with what came of it."""
        return MonitorResult(self.name, Status.OK, self.subject, "", {"found": self.broken(mart)})


class BrokenOfStays(StayMonitor):
    """The same for one that looks at stays."""

    name = "feature-drift"
    subject = "values"

    def judge(self, stays: StayWeek, *_: Any) -> MonitorResult:
        """Break."""
        return divided(stays.mart)  # type: ignore[return-value]


def without(name: str, other: Monitor) -> tuple[Monitor, ...]:
    """All monitors that need no outcomes, with another in the place of one."""
    return tuple(other if each.name == name else each for each in all_monitors())


def run(mart: Questions, monitors: tuple[Monitor, ...] = all_monitors()) -> ServiceRun:
    """One week, in which the override rate rose."""
    return run_service(mart, SERVICE, week_number(LAST), USUAL, monitors)


def said(found: ServiceRun, *names: str) -> dict[str, tuple[Any, ...]]:
    """What the monitors but these say; how loud that may be hangs on how many were asked."""
    return {
        each.monitor: (each.subject, each.figures, [(check.subject, check.p, check.effect) for check in each.checks])
        for each in found.results
        if each.monitor not in names
    }


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """The log as it is written; what is not written is looked for too."""

    def read() -> list[dict[str, Any]]:
        """Each line."""
        assert not [record for record in caplog.records if record.exc_info or QUOTED in str(record.__dict__)]
        return [json.loads(JsonLines().format(record)) for record in caplog.records]

    return read


# --- the others stand ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (divided, "ZeroDivisionError"), (mistaken, "ValueError"), (singular, "LinAlgError"),
        (mistyped, "BinderException"), (overflowed, "OutOfRangeException"), (converted, "ConversionException"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["volume", "score-drift", "feed-quality"])
def test_the_others_answer_as_if_nothing_were(opened, lines, broken: Break, kind: str, name: str) -> None:
    """First, in the middle or last; the fault is told by its class and place, and once."""
    with opened(WEEKS) as mart:
        whole, found = run(mart), run(mart, without(name, Broken(name, broken)))
    assert whole.at_fault == ()
    assert found.at_fault == (name,)
    assert said(found, name) == said(whole, name)
    assert [each.monitor for each in found.results] == [each.monitor for each in whole.results]
    assert "override-rate" in {each.monitor for each in found.results if each.alarms}
    answer = next(each for each in found.results if each.monitor == name)
    assert (answer.status, answer.figures["fault"], answer.checks) == (Status.FAULT, kind, ())
    assert f"at fault ({kind} at {answer.figures['where']})" in answer.words
    assert QUOTED not in str(answer)
    (line,) = lines()
    assert {**line, "time": ""} == {
        "time": "", "level": "error", "logger": "chartside.monitors", "event": "monitor at fault", "service": SERVICE,
        "week": "2026-04-13", "monitor": name, "fault": kind, "where": answer.figures["where"],
    }  # fmt: skip
    assert line["where"].partition(":")[0].endswith(".py")


def test_one_of_those_of_stays_breaks_alone(opened, lines) -> None:
    """What was read of the stays is there for the others."""
    with opened(WEEKS) as mart:
        whole, found = run(mart), run(mart, without("feature-drift", BrokenOfStays()))
    assert found.at_fault == ("feature-drift",)
    assert said(found, "feature-drift") == said(whole, "feature-drift")
    assert [line["monitor"] for line in lines()] == ["feature-drift"]


def test_without_the_stays_none_of_theirs_answers(opened, lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading is tried once and told once; a run after it has all answers again."""
    tries: list[object] = []

    def broken(mart: Questions, *_: object) -> StayWeek:
        """Break after a part of it was read."""
        tries.append(None)
        mart.rows("CREATE OR REPLACE TEMP TABLE drift_first AS SELECT 1 AS sequence")
        return mistaken(mart)  # type: ignore[return-value]

    with opened(WEEKS) as mart:
        whole = run(mart)
        with monkeypatch.context() as patched:
            patched.setattr(answers, "stay_week", broken)
            found = run(mart)
        again = run(mart)
    assert len(OF_STAYS) == 3
    assert (list(found.at_fault), len(tries)) == (OF_STAYS, 1)
    assert said(found, *OF_STAYS) == said(whole, *OF_STAYS)
    assert [line["monitor"] for line in lines()] == [", ".join(OF_STAYS)]
    assert again == whole


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), np.arange(3)])
def test_an_answer_that_cannot_be_kept_is_a_fault_too(opened, figure: object) -> None:
    """It would cost the week when it is written down."""
    with opened(WEEKS) as mart:
        found = run(mart, without("volume", Broken("volume", lambda _: figure)))
    assert found.at_fault == ("volume",)


# --- what is of no one monitor ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [partial(LedgerUnavailable, "The mart is gone."), MemoryError, KeyboardInterrupt, SystemExit]
)
def test_what_is_of_no_one_monitor_ends_the_run(opened, lines, kind: Callable[[], BaseException]) -> None:
    """There is no ledger, no memory, or somebody wants it to end."""

    def end(_: Questions) -> object:
        """Raise it."""
        raise kind()

    with opened(WEEKS[:2]) as mart, pytest.raises(type(kind())):
        run(mart, (Broken("volume", end),))
    assert lines() == []


def test_a_damaged_mart_is_no_fault_of_a_monitor(opened, tmp_path) -> None:
    """Its parts go while it is asked."""

    def ask(mart: Questions) -> MonitorResult:
        """A run after the values are gone."""
        for part in (tmp_path / "mart-1" / "value").glob("*.parquet"):
            part.unlink()
        return run(mart)  # type: ignore[return-value]

    with opened(WEEKS) as mart, pytest.raises(LedgerUnavailable, match="The mart cannot be read") as told_of:
        ask(mart)
    assert isinstance(told_of.value.__cause__, duckdb.IOException)


# --- kept and shown --------------------------------------------------------------------------------------------------


def kept(engine) -> list[tuple[str, str]]:
    """The latest word of each monitor."""
    return [(each.monitor, each.status) for each in SqlRuns(engine).latest()]


def test_a_run_with_a_fault_is_kept_with_the_alerts_of_the_others(engine, opened) -> None:
    """Twice is once."""
    with opened(WEEKS) as mart:
        found = run(mart, without("volume", Broken("volume", mistaken)))
    numbers = store(engine, [found], NOW)
    assert "override-rate" in {SqlAlerts(engine).alert(number).monitor for number in numbers}
    assert store(engine, [found], NOW + timedelta(hours=1)) == ()
    assert len(kept(engine)) == len(found.results)
    assert ("volume", "fault") in kept(engine)
    (row,) = [each for each in SqlRuns(engine).latest() if each.monitor == "volume"]
    assert (row.number, row.time) == (1, NOW)
    assert QUOTED not in f"{row.words}{row.figures}"
    assert all(check.fault is None for check in verify(engine))


def test_a_mended_monitor_is_kept_on_the_same_ledger(engine, opened) -> None:
    """Beside its fault, and it is its latest word; a fault after an answer on the same ledger adds nothing."""
    with opened(WEEKS) as mart:
        whole, found = run(mart), run(mart, without("volume", Broken("volume", divided)))
    assert found.up_to == whole.up_to
    store(engine, [found], NOW)
    store(engine, [whole], NOW + timedelta(days=1))
    assert ("volume", "ok") in kept(engine)
    store(engine, [found], NOW + timedelta(days=2))
    assert ("volume", "ok") in kept(engine)
    assert SqlRuns(engine).last_time() == NOW + timedelta(days=1)


def test_a_fault_is_not_kept_beside_the_answer_of_a_whole_week(engine, opened) -> None:
    """Even where the week was judged before its end too, on the same ledger."""
    with opened(WEEKS) as mart:
        whole, found = run(mart), run(mart, without("volume", Broken("volume", divided)))
    early, over_ = (
        datetime.combine(day, time(), UTC) for day in (whole.week.last, whole.week.last + timedelta(days=2))
    )
    for each, moment in ((whole, early), (whole, over_), (found, over_ + timedelta(days=1))):
        store(engine, [each], moment)
    (row,) = [each for each in SqlRuns(engine).latest() if each.monitor == "volume"]
    assert (row.status, row.time) == ("ok", over_)


def test_the_metrics_tell_a_fault_from_a_lack_of_data(engine, opened) -> None:
    """By a status of its own."""
    with opened(WEEKS) as mart:
        store(engine, [run(mart, without("volume", Broken("volume", divided)))], NOW)
    page = text(State({}, SqlStanding(engine).read(NOW), None, current=True, now=NOW)).decode()
    values = {
        status: f'chartside_monitor_status{{monitor="volume",service="{SERVICE}",status="{status.value}"}} '
        for status in Status
    }
    for status, line in values.items():
        assert f"{line}{float(status is Status.FAULT)}" in page


def test_a_fault_is_never_quietened() -> None:
    """The control of false discoveries is about checks, and it has none."""
    result = at_fault("volume", "entries", Fault("ValueError", "volume.py:7"))
    assert controlled([result], 0.05) == (result,)
