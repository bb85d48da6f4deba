"""`chartside monitor --watch`: every week once, by itself, whatever happens to the process, the ledger or the clock."""

from __future__ import annotations

import json
import logging
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from chartside.history.plan import SERVICES, Plan
from chartside.history.seed import Wishes, seed
from chartside.logs import JsonLines
from chartside.monitor_command import USUAL_TIME, WEEKS_BACK, monitor
from chartside.monitor_watch import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    NICE,
    TICK_S,
    WEEK,
    Appointment,
    Look,
    Stopped,
    Unfinished,
    Watch,
    weeks_due,
)  # fmt: skip
from chartside.settings import Settings
from models.runtime.catalogue import read_manifests
from oversight.analytics.judged import judged
from oversight.database import open_engine
from oversight.mart.build import bring_up
from oversight.mart.mart import Mart
from oversight.monitors import run as monitor_run
from oversight.monitors.run import ServiceRun, all_monitors
from oversight.pages.alerts import freshness
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade
from oversight.verify import verify

ROOT = Path(__file__).resolve().parents[2]
MONDAY = datetime(2026, 6, 1, 5, 10, tzinfo=UTC)
USUALLY = Appointment.read(USUAL_TIME)
# The last weeks of the history, by their Mondays.
MONDAYS = ["2026-05-11", "2026-05-18", "2026-05-25"]
EVERY = len(all_monitors(judged))
# A watcher says its first word when its imports are done; on a busy machine that takes a while.
LIMIT_S = 120.0


def write(file: Path, last: date) -> None:
    """A ledger with a small history that ends on a day."""
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    shelf = read_manifests()
    wishes = Wishes(last, plan=replace(Plan(), stays=500))
    seed(engine, Pseudonyms(b"k" * 32), {name: shelf[name].info for name in SERVICES}, wishes)
    engine.dispose()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of thirteen weeks that ends on the Sunday before MONDAY, and the mart of it."""
    file = tmp_path_factory.mktemp("watched") / "ledger.db"
    write(file, MONDAY.date() - timedelta(days=1))
    engine = open_engine(f"sqlite:///{file}")
    bring_up(engine, Path(f"{file}.mart"))
    engine.dispose()
    return file


@pytest.fixture
def deployment(history: Path, deployment: Settings, tmp_path: Path) -> Settings:
    """With a copy of that ledger."""
    shutil.copy(history, tmp_path / "ledger.db")
    shutil.copytree(f"{history}.mart", tmp_path / "ledger.db.mart")
    return deployment


class Time:
    """A clock that only sleeping moves; what is in `then` happens while somebody sleeps past it."""

    def __init__(self, now: datetime, until: datetime) -> None:
        """It is stopped after `until`."""
        self.moment = now
        self.until = until
        self.sleeps: list[float] = []
        self.then: dict[datetime, Callable[[], None]] = {}

    def now(self) -> datetime:
        """The time."""
        return self.moment

    def pause(self, seconds: float) -> None:
        """Let it pass."""
        self.sleeps.append(seconds)
        self.moment += timedelta(seconds=seconds)
        for moment in [each for each in self.then if each <= self.moment]:
            self.then.pop(moment)()
        if self.moment > self.until:
            raise Stopped


def watch(settings: Settings, at: Time, weeks: int = 2) -> None:
    """Watch a real ledger until the time is over."""
    with pytest.raises(Stopped):
        Watch(Look(settings, None, weeks, at), at, at.pause, USUALLY).run()


def kept(settings: Settings) -> list[tuple[str, str, int]]:
    """The Monday, the service and the number of rows of each run, in the order of keeping."""
    engine = open_engine(settings.database_url)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT first, service, count(*), min(sequence) FROM monitor_run GROUP BY 1, 2 ORDER BY 4")
        ).all()
        broken = [check for check in verify(engine) if check.fault is not None]
    engine.dispose()
    assert not broken
    return [(str(first), str(service), int(number)) for first, service, number, _ in rows]


def whole(mondays: list[str], services: tuple[str, ...]) -> list[tuple[str, str, int]]:
    """Every service of these weeks once."""
    return [(monday, service, EVERY) for monday in mondays for service in services]


@pytest.fixture(scope="module")
def services(history: Path) -> tuple[str, ...]:
    """The services of the history."""
    with Mart(Path(f"{history}.mart")).open() as mart:
        return monitor_run.expected(mart, weeks_due(MONDAY, 1)[0])


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """Says what stands in the log, as it is written."""
    caplog.set_level(logging.INFO, "chartside")
    return lambda: [json.loads(JsonLines().format(record)) for record in caplog.records]


# --- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "now", "latest"),
    [
        ("Mon 05:10", "2026-06-01T05:10", "2026-06-01T05:10"),
        ("Mon 05:10", "2026-06-01T05:09", "2026-05-25T05:10"),
        ("Mon 05:10", "2026-06-07T23:59", "2026-06-01T05:10"),
        ("Wed 23:59", "2026-06-01T00:00", "2026-05-27T23:59"),
        ("Sun 00:00", "2026-06-07T00:00", "2026-06-07T00:00"),
    ],
)
def test_an_appointment_is_a_moment_of_every_week(at: str, now: str, latest: str) -> None:
    """In UTC; until it comes, the one of the week before is the last."""
    found = Appointment.read(at).latest(datetime.fromisoformat(f"{now}+00:00"))
    assert found == datetime.fromisoformat(f"{latest}+00:00")


def test_the_hospital_may_be_in_another_zone() -> None:
    """What counts is UTC, whatever the clock speaks."""
    there = datetime.fromisoformat("2026-06-01T00:10-05:00")
    assert USUALLY.latest(there) == MONDAY


@pytest.mark.parametrize("day", ["Mon 00:00", "Mon 05:10", "Wed 12:00", "Sun 23:59"])
def test_only_weeks_that_are_over_are_judged(day: str) -> None:
    """Also where the appointment is on a Sunday."""
    due = Appointment.read(day).latest(datetime(2026, 6, 7, 23, 59, tzinfo=UTC))
    assert [str(week.first) for week in weeks_due(due, 3)] == MONDAYS


def test_it_looks_at_the_start_and_then_every_week() -> None:
    """Within a minute of the time, and not in between."""
    at = Time(MONDAY + timedelta(days=2), MONDAY + timedelta(days=17))
    looks: list[datetime] = []
    with pytest.raises(Stopped):
        Watch(lambda _: looks.append(at.moment), at, at.pause, USUALLY).run()
    assert looks[0] == MONDAY + timedelta(days=2)
    assert looks[1:] == [MONDAY + WEEK, MONDAY + 2 * WEEK]
    assert set(at.sleeps) == {TICK_S}


def test_a_clock_that_is_set_costs_no_week() -> None:
    """A machine that slept over the time looks within a minute of waking; one set back looks once more, and again."""
    at = Time(MONDAY, MONDAY + timedelta(days=14))
    looks: list[datetime] = []

    def jump(days: int) -> Callable[[], None]:
        """Set the clock."""
        return lambda: setattr(at, "moment", at.moment + timedelta(days=days))

    at.then = {MONDAY + timedelta(hours=1): jump(9), MONDAY + timedelta(days=10): jump(-9)}
    with pytest.raises(Stopped):
        Watch(looks.append, at, at.pause, USUALLY).run()
    assert looks == [MONDAY, MONDAY + WEEK, MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK][: len(looks)]
    assert len(looks) >= 4


def test_the_waits_after_a_fault_grow_to_an_hour() -> None:
    """And each is slept through in pieces, so that the clock is looked at."""
    at = Time(MONDAY, MONDAY + timedelta(hours=6))
    looks: list[datetime] = []

    def fail(_due: datetime) -> None:
        """Never well."""
        looks.append(at.moment)
        raise OSError

    with pytest.raises(Stopped):
        Watch(fail, at, at.pause, USUALLY).run()
    waits = [(after - before).total_seconds() for before, after in pairwise(looks)]
    assert waits[:4] == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S, 8 * FIRST_WAIT_S]
    assert waits[-1] == max(waits) == LONGEST_WAIT_S
    assert max(at.sleeps) <= TICK_S


def test_after_a_good_look_the_waits_begin_anew() -> None:
    """Trouble of one week does not make the next week's slow."""
    at = Time(MONDAY, MONDAY + timedelta(days=8))
    looks: list[datetime] = []

    def fail_twice(_due: datetime) -> None:
        """Two faults every week."""
        looks.append(at.moment)
        if len(looks) % 3:
            raise OSError

    with pytest.raises(Stopped):
        Watch(fail_twice, at, at.pause, USUALLY).run()
    first, second = looks[:3], looks[3:]
    assert [moment - first[0] for moment in first] == [moment - second[0] for moment in second]
    assert first[1] - first[0] == timedelta(seconds=FIRST_WAIT_S)


# --- what ------------------------------------------------------------------------------------------------------------


def test_missed_weeks_are_judged_the_earliest_first(deployment: Settings, services, told) -> None:
    """Each service once; the next start finds nothing to do, and the week after adds its own."""
    at = Time(MONDAY + timedelta(days=1), MONDAY + timedelta(days=2))
    watch(deployment, at)
    assert kept(deployment) == whole(MONDAYS[1:], services)
    assert len(services) > 1
    assert [line["week"] for line in told() if line["event"] == "week judged"] == [
        monday for monday in MONDAYS[1:] for _ in services
    ]
    assert told()[-1] == {**told()[-1], "event": "monitors up to date", "next": "2026-06-08T05:10+00:00"}
    watch(deployment, Time(MONDAY + timedelta(days=3), MONDAY + timedelta(days=4)))
    assert kept(deployment) == whole(MONDAYS[1:], services)
    watch(deployment, Time(MONDAY + timedelta(days=6), MONDAY + timedelta(days=8)), 1)
    assert kept(deployment) == whole([*MONDAYS[1:], "2026-06-01"], services)
    assert [line["event"] for line in told() if "week" in line] == 3 * len(services) * ["week judged"]


def test_what_was_run_by_hand_is_not_run_again(deployment: Settings, services, told) -> None:
    """One service of one week and all of another: the rest is judged."""
    first, second = services[0], services[1:]
    by_hand = CliRunner().invoke(monitor, ["--service", first, "--last", "2026-05-24"])
    assert by_hand.exit_code in (0, 1), by_hand.output
    watch(deployment, Time(MONDAY, MONDAY + timedelta(hours=1)))
    assert kept(deployment) == whole(MONDAYS[1:2], (first, *second)) + whole(MONDAYS[2:], services)
    assert [line["service"] for line in told() if "week" in line] == [*second, *services]


def test_one_service_that_fails_does_not_silence_the_others(
    deployment: Settings, services, told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named in the log without what the fault said, tried again, and made good."""
    real, bad = monitor_run.run_service, services[0]

    def run_service(mart: Any, service: str, *others: Any, **more: Any) -> ServiceRun:
        """One service fails."""
        if service == bad:
            raise ZeroDivisionError("p-0815")
        return real(mart, service, *others, **more)

    monkeypatch.setattr(monitor_run, "run_service", run_service)
    at = Time(MONDAY, MONDAY + timedelta(seconds=25))
    at.then[MONDAY + timedelta(seconds=10)] = lambda: monkeypatch.setattr(monitor_run, "run_service", real)
    watch(deployment, at, 1)
    assert kept(deployment) == whole(MONDAYS[2:], (*services[1:], bad))
    named, again = [line for line in told() if line["level"] == "error"]
    assert (named["event"], named["service"], named["fault"]) == ("service not judged", bad, "ZeroDivisionError")
    assert (again["event"], again["wait_s"]) == ("monitors not run", FIRST_WAIT_S)
    assert "p-0815" not in json.dumps(told())


def test_what_fails_is_not_called_done(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look in which a service failed ends with a fault of its own."""
    monkeypatch.setattr(monitor_run, "run_service", lambda *_, **__: 1 / 0)
    with pytest.raises(Unfinished, match="failed for"):
        Look(deployment, None, 1, Time(MONDAY, MONDAY))(MONDAY)


def test_a_ledger_that_comes_back_is_judged(deployment: Settings, services, told, tmp_path: Path) -> None:
    """Each try is one line that says why and for how long it waits; then the week is made up for."""
    away = tmp_path / "away.db"
    (tmp_path / "ledger.db").rename(away)
    at = Time(MONDAY, MONDAY + timedelta(minutes=5))
    at.then[MONDAY + timedelta(seconds=60)] = lambda: away.rename(tmp_path / "ledger.db") and None
    watch(deployment, at, 1)
    lines = told()
    assert [line["wait_s"] for line in lines if line["event"] == "monitors not run"] == [10.0, 20.0, 40.0]
    assert {line["fault"] for line in lines if "fault" in line} == {"There is no ledger at CHARTSIDE_DATABASE_URL yet."}
    assert [line["event"] for line in lines].count("monitors up to date") == 1
    assert kept(deployment) == whole(MONDAYS[2:], services)


# --- the process -----------------------------------------------------------------------------------------------------


@dataclass
class Child:
    """A watcher in a process of its own."""

    process: subprocess.Popen[bytes]
    lines: list[dict[str, Any]]

    def until(self, event: str) -> dict[str, Any]:
        """Read its log up to an event. Every line is an object of JSON."""
        end = time.monotonic() + LIMIT_S
        assert self.process.stderr is not None
        while time.monotonic() < end:
            if select.select([self.process.stderr], [], [], 1.0)[0]:
                line = self.process.stderr.readline()
                assert line, self.lines
                self.lines.append(json.loads(line))
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(self.lines)

    def end(self, number: int) -> int:
        """Send a signal, read the rest, and say how it ended."""
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=LIMIT_S)
        self.lines += [json.loads(line) for line in rest.splitlines()]
        return self.process.returncode


@contextmanager
def running(*options: str) -> Iterator[Child]:
    """`chartside monitor --watch` with the settings of this environment."""
    process = subprocess.Popen(
        (sys.executable, "-m", "chartside", "monitor", "--watch", *options),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, cwd=ROOT,
    )  # fmt: skip
    try:
        yield Child(process, [])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def of_today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that ends yesterday, for processes, whose clock is that of the machine."""
    file = tmp_path_factory.mktemp("today") / "ledger.db"
    write(file, datetime.now(UTC).date() - timedelta(days=1))
    return file


@pytest.fixture
def today(of_today: Path, in_environment: Callable[[Settings], None], make_settings: Callable[..., Settings],
          tmp_path: Path) -> Settings:  # fmt: skip
    """A deployment with a copy of it."""
    shutil.copy(of_today, tmp_path / "ledger.db")
    settings = make_settings(tmp_path)
    in_environment(settings)
    return settings


@pytest.fixture
def without_ledger(
    in_environment: Callable[[Settings], None], make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """A deployment whose service has not started yet."""
    in_environment(make_settings(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_while_it_waits(without_ledger: None, number: int) -> None:
    """Here for a ledger that is not there yet: it says so, stays, gives way to the service, and ends at once with 0."""
    with running() as child:
        line = child.until("monitors not run")
        assert (line["fault"], line["wait_s"]) == ("There is no ledger at CHARTSIDE_DATABASE_URL yet.", FIRST_WAIT_S)
        mine, its = (os.getpriority(os.PRIO_PROCESS, each) for each in (0, child.process.pid))
        assert its == min(19, mine + NICE)
        assert child.end(number) == 0
        assert [each["event"] for each in child.lines] == [
            "monitors watch begun", "monitors not run", "monitors watch ended"
        ]  # fmt: skip


def test_a_signal_in_the_middle_loses_nothing(today: Settings) -> None:
    """What was judged is kept whole; the next one does the rest and repeats nothing."""
    with running("--weeks", "2") as child:
        child.until("week judged")
        assert child.end(signal.SIGTERM) == 0
    before = kept(today)
    assert before
    assert {number for *_, number in before} == {EVERY}
    with running("--weeks", "2") as child:
        child.until("monitors up to date")
        assert child.end(signal.SIGTERM) == 0
    after = kept(today)
    assert after[: len(before)] == before
    assert {number for *_, number in after} == {EVERY}
    assert len({monday for monday, *_ in after}) == 2


def test_two_at_once_keep_each_run_once(today: Settings) -> None:
    """And between them every service of the week; alerts too are there once."""
    with running("--weeks", "1") as one, running("--weeks", "1") as other:
        for child in (one, other):
            child.until("monitors up to date")
            assert child.end(signal.SIGTERM) == 0
            assert not [line for line in child.lines if line["level"] == "error"]
    found = kept(today)
    assert len(found) == len({service for _, service, _ in found}) > 1
    assert {number for *_, number in found} == {EVERY}
    engine = open_engine(today.database_url)
    with closing(engine.connect()) as connection:
        alerts = connection.execute(text("SELECT monitor, service, subject FROM alert")).all()
    engine.dispose()
    assert len(alerts) == len(set(alerts))


# --- the command and its words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--service", "sirs"], "--service is not for --watch"),
        (["--last", "2026-05-31"], "--last is not for --watch"),
        (["--json"], "--json is not for --watch"),
        (["--dry-run"], "--dry-run is not for --watch"),
        (["--at", "Mon 5:10"], "write a day and a time in UTC"),
        (["--at", "monday"], "write a day and a time in UTC"),
        (["--at", "Mon 24:00"], "write a day and a time in UTC"),
        (["--weeks", "0"], "--weeks"),
    ],
)
def test_what_makes_no_sense_is_refused(options: list[str], words: str) -> None:
    """In words that say why, before anything is read."""
    result = CliRunner().invoke(monitor, ["--watch", *options])
    assert (result.exit_code, words in result.output) == (2, True), result.output


def test_a_time_is_for_a_watcher() -> None:
    """A run by hand is now."""
    result = CliRunner().invoke(monitor, ["--at", "Mon 05:10"])
    assert (result.exit_code, "--at is for --watch" in result.output) == (2, True)


def test_settings_that_do_not_hold_are_not_waited_for(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps its environment, so it ends, with the code of a run by hand."""
    monkeypatch.delenv("CHARTSIDE_BASE_URL")
    done = subprocess.run(
        (sys.executable, "-m", "chartside", "monitor", "--watch"),
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip
    assert (done.returncode, "CHARTSIDE_BASE_URL" in done.stderr) == (2, True)


def test_help_and_pages_say_how_it_is_started() -> None:
    """The command line's help, the warning of the overview, and the page about installing."""
    words = CliRunner().invoke(monitor, ["--help"]).output
    assert re.search(r"^\s+chartside monitor --watch$", words, re.MULTILINE)
    assert f"Default: '{USUAL_TIME}'." in " ".join(words.split())
    assert f"Default: {WEEKS_BACK}." in " ".join(words.split())
    for last in (None, MONDAY - timedelta(days=20)):
        assert "chartside monitor --watch" in freshness(last, MONDAY)
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    assert "chartside monitor --watch" in page
    options = {option for parameter in monitor.params for option in parameter.opts}
    assert set(re.findall(r"chartside monitor (--[a-z-]+)", page)) <= options
