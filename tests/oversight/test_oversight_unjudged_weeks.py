"""Weeks that passed without an answer: the next week's does not make up for them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from clinical.invocation import SMART_HOOK
from oversight.monitor_runs import SqlRuns
from oversight.monitors.result import Fault, MonitorResult, Status, at_fault
from oversight.monitors.run import ServiceRun
from oversight.monitors.store import store, store_once
from oversight.monitors.thresholds import USUAL
from oversight.tallies import Period
from oversight.unjudged_weeks import UnjudgedWeek, newest_due

MONDAY = date(2026, 3, 2)
BROKEN = Fault("LinAlgError", "linalg.py:104")


def monday(week: int) -> date:
    """The Monday of a week."""
    return MONDAY + timedelta(weeks=week)


def moment(week: int, days: int = 0) -> datetime:
    """Some days after the Monday of a week, early."""
    return datetime.combine(monday(week) + timedelta(days=days), time(5, 10), UTC)


def week_of(week: int, *broke: str, service: str = "sepsis") -> UnjudgedWeek:
    """What is told of a week."""
    return UnjudgedWeek(service, monday(week), monday(week) + timedelta(days=6), broke)


def run_of(week: int, *broken: str, well: tuple[str, ...] = (), service: str = "sepsis") -> ServiceRun:
    """What monitors said of a week."""
    results = [at_fault(name, "entries", BROKEN) for name in broken]
    results += [MonitorResult(name, Status.OK, "entries", "As usual.") for name in well]
    its = Period(monday(week), monday(week) + timedelta(days=6))
    return ServiceRun(service, its, "1.0.0", 17, 4, USUAL, tuple(results))


@pytest.fixture
def ran(engine, ledger, make_advice):
    """Keep runs of one week, made on a day after its Monday: by default after its end. Its service is in use."""
    begun = set()

    def keep(week: int, *broken: str, well: tuple[str, ...] = (), service: str = "sepsis", after: int = 7) -> None:
        if service not in begun:
            ledger.append(make_advice(time=moment(0), service=service))
            begun.add(service)
        store(engine, [run_of(week, *broken, well=well, service=service)], moment(week, after))

    return keep


@pytest.fixture
def told(engine):
    """What is told on the Monday of a week."""
    return lambda week: SqlRuns(engine).unjudged(moment(week))


def test_a_missing_answer_is_overdue_a_week_after_its_monday() -> None:
    """Until then whoever runs the monitors has their time of the week; the days of a week are all alike."""
    for day in range(7):
        assert newest_due(moment(5, day)) == monday(3)


def test_where_every_week_is_answered_there_is_nothing_to_tell(ran, told) -> None:
    """Nor before the first run, nor of a service that began later than others."""
    assert told(9) == ()
    for week in range(3):
        ran(week, well=("volume", "mix-drift"))
    ran(2, well=("volume",), service="falls")
    assert told(3) == told(4) == ()


def test_what_broke_stays_told_when_later_weeks_are_answered(ran, told) -> None:
    """In the latest week it is told elsewhere; a refusal is an answer."""
    ran(0, "volume", "mix-drift", well=("no-answer",))
    assert told(1) == ()
    ran(1, well=("volume", "mix-drift", "no-answer"))
    assert told(2) == (week_of(0, "mix-drift", "volume"),)


def test_an_answer_by_hand_of_that_week_settles_it(ran, told) -> None:
    """Only what it answers."""
    ran(0, "volume", "mix-drift")
    ran(1, well=("volume", "mix-drift"))
    ran(0, well=("volume",), after=20)
    assert told(3) == (week_of(0, "mix-drift"),)
    ran(0, well=("mix-drift",), after=21)
    assert told(3) == ()


def test_a_monitor_that_is_asked_no_longer_is_not_told(ran, told) -> None:
    """Its command would not bring an answer; in the latest week it has not even a fault."""
    ran(0, "former", well=("volume",))
    ran(1, well=("volume",))
    assert told(2) == ()


def test_a_week_in_which_nothing_ran_is_told(ran, told) -> None:
    """Between others, and where one service fails as a whole while the others go on; a week later."""
    for week in (0, 3):
        ran(week, well=("volume",))
    ran(1, well=("volume",), service="falls")
    assert told(4) == (week_of(2, service="falls"), week_of(1), week_of(2))
    assert told(5) == (week_of(2, service="falls"), week_of(3, service="falls"), week_of(1), week_of(2))


def test_a_run_from_before_the_end_of_its_week_is_no_answer(ran, told) -> None:
    """It knew only a part of it; asked again once it is over, on the same ledger, it is one."""
    ran(0, well=("volume",), after=6)
    ran(1, "volume", after=6)
    assert told(3) == (week_of(0), week_of(1))
    ran(0, well=("volume",), after=15)
    ran(1, "volume", after=15)
    ran(2, well=("volume",))
    assert told(3) == (week_of(1, "volume"),)
    ran(1, well=("volume",), after=15)
    assert told(3) == ()


def test_what_is_kept_once_stays_one_row(engine, ran) -> None:
    """Of a part of the week, of all of it, and at fault: each once, however often it is run."""
    for _ in range(3):
        ran(0, well=("volume",), after=6)
        ran(0, well=("volume",))
        ran(0, "mix-drift", after=6)
        ran(0, "mix-drift")
    assert store_once(engine, run_of(0, well=("volume",)), moment(2)) is None
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM monitor_run").scalar() == 4


def test_a_service_that_is_used_no_longer_is_not_told(engine, ledger, make_advice, ran, told) -> None:
    """For half a year after its last entry by a hook it is asked about, and then no more."""
    ran(20, well=("volume",))
    ledger.append(make_advice(time=moment(40), service="sepsis", hook=SMART_HOOK))
    assert told(29) == tuple(week_of(week) for week in range(21, 27))
    assert told(43) == tuple(week_of(week) for week in range(21, 27))
    ledger.append(make_advice(time=moment(42), service="sepsis"))
    assert told(45)[-2:] == (week_of(42), week_of(43))


def test_what_is_long_past_is_not_told(ran, told) -> None:
    """The latest 26 weeks are looked at."""
    ran(0, "volume")
    for week in range(1, 28):
        ran(week, well=("volume",))
    assert told(27) == (week_of(0, "volume"),)
    assert told(28) == ()


def test_a_service_that_was_never_judged_is_told_beside_those_that_were(ledger, make_advice, ran, told) -> None:
    """From the week of its first entry, for as long as it is in use; where nothing was judged, that is told instead."""
    for week, days in ((1, 2), (3, 6), (4, 0)):
        ledger.append(make_advice(time=moment(week, days), service="falls"))
    ledger.append(make_advice(time=moment(2), service="page-only", hook=SMART_HOOK))
    assert told(5) == ()
    for week in range(5):
        ran(week, well=("volume",))
    assert told(2) == ()
    assert told(3) == (week_of(1, service="falls"),)
    assert told(5) == (week_of(1, service="falls"), week_of(2, service="falls"), week_of(3, service="falls"))
    ran(3, well=("volume",), service="falls")
    assert told(5) == ()
