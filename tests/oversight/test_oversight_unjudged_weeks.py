"""Weeks that passed without an answer: the next week's does not make up for them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from oversight.monitor_runs import SqlRuns
from oversight.monitors.result import Fault, MonitorResult, Status, at_fault
from oversight.monitors.run import ServiceRun
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL
from oversight.tallies import Period
from oversight.unjudged_weeks import UnjudgedWeek

MONDAY = date(2026, 3, 2)


def monday(week: int) -> date:
    """The Monday of a week."""
    return MONDAY + timedelta(weeks=week)


def week_of(week: int, *broke: str, service: str = "sepsis") -> UnjudgedWeek:
    """What is told of a week."""
    return UnjudgedWeek(service, monday(week), monday(week) + timedelta(days=6), broke)


@pytest.fixture
def ran(engine):
    """Keep runs of one week, made on a day after its Monday: by default after its end."""

    def keep(week: int, *broken: str, well: tuple[str, ...] = (), service: str = "sepsis", after_days: int = 7) -> None:
        fault = Fault("LinAlgError", "linalg.py:104")
        results = [at_fault(name, "entries", fault) for name in broken]
        results += [MonitorResult(name, Status.OK, "entries", "As usual.") for name in well]
        its = Period(monday(week), monday(week) + timedelta(days=6))
        run = ServiceRun(service, its, "1.0.0", 17 + week, 4, USUAL, tuple(results))
        store(engine, [run], datetime.combine(monday(week) + timedelta(days=after_days), time(5, 10), UTC))

    return keep


@pytest.fixture
def told(engine):
    """What is told."""
    return SqlRuns(engine).unjudged


def test_where_every_week_is_answered_there_is_nothing_to_tell(ran, told) -> None:
    """Nor before the first run, nor of a service that began later than others."""
    assert told() == ()
    for week in range(3):
        ran(week, well=("volume", "mix-drift"))
    ran(2, well=("volume",), service="falls")
    assert told() == ()


def test_what_broke_stays_told_when_later_weeks_are_answered(ran, told) -> None:
    """In the latest week it is told elsewhere; a refusal is an answer."""
    ran(0, "volume", "mix-drift", well=("no-answer",))
    assert told() == ()
    ran(1, well=("volume", "mix-drift", "no-answer"))
    assert told() == (week_of(0, "mix-drift", "volume"),)


def test_an_answer_by_hand_of_that_week_settles_it(ran, told) -> None:
    """Only what it answers."""
    ran(0, "volume", "mix-drift")
    ran(1, well=("volume", "mix-drift"))
    ran(0, well=("volume",), after_days=20)
    assert told() == (week_of(0, "mix-drift"),)
    ran(0, well=("mix-drift",), after_days=21)
    assert told() == ()


def test_a_week_in_which_nothing_ran_is_told(ran, told) -> None:
    """Between others, and where one service fails as a whole while the others go on."""
    for week in (0, 3):
        ran(week, well=("volume",))
    ran(1, well=("volume",), service="falls")
    assert told() == (
        week_of(2, service="falls"), week_of(3, service="falls"), week_of(1), week_of(2),
    )  # fmt: skip


def test_a_run_from_before_the_end_of_its_week_is_no_answer(ran, told) -> None:
    """It knew only a part of it; asked again once it is over, on the same ledger, it is one."""
    ran(0, well=("volume",))
    ran(1, well=("volume",), after_days=6)
    ran(2, well=("volume",))
    assert told() == (week_of(1),)
    ran(1, well=("volume",), after_days=15)
    assert told() == ()


def test_what_is_long_past_is_not_told(ran, told) -> None:
    """The latest 26 weeks are looked at."""
    ran(0, "volume")
    for week in range(1, 26):
        ran(week, well=("volume",))
    assert told() == (week_of(0, "volume"),)
    ran(26, well=("volume",))
    assert told() == ()
