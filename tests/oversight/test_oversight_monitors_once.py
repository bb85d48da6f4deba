"""A run that is kept once for its service and week, by whichever process is first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

from sqlalchemy import text

from oversight.database import open_engine
from oversight.monitors.result import Check, MonitorResult, Status
from oversight.monitors.run import ServiceRun
from oversight.monitors.store import judged_services, store, store_once
from oversight.monitors.thresholds import USUAL
from oversight.tallies import Period

NOW = datetime(2026, 3, 9, 5, 10, tzinfo=UTC)
WEEK = Period(date(2026, 3, 2), date(2026, 3, 8))
CHECK = Check("override rate", Status.ALARM, 0.2, 1e-9, "The override rate rose.", adjusted_p=1e-8)
RESULT = MonitorResult("override-rate", Status.ALARM, "override rate", CHECK.words, {"weeks": []}, (CHECK,))
RUN = ServiceRun("sepsis", WEEK, "1.0.0", 17, 4, USUAL, (RESULT,))
# The same week, asked again when more had come to the ledger.
LATER = replace(RUN, up_to=18)


def rows(engine) -> tuple[int, int]:
    """How many runs and alerts are kept."""
    with engine.connect() as connection:
        return tuple(connection.scalar(text(f"SELECT count(*) FROM {name}")) for name in ("monitor_run", "alert"))


def test_the_second_is_not_kept(engine) -> None:
    """Also where the ledger has grown meanwhile, so that a run by hand would be kept beside the first."""
    assert store_once(engine, RUN, NOW) == (1,)
    assert store_once(engine, LATER, NOW) is None
    assert rows(engine) == (1, 1)
    store(engine, [LATER], NOW)
    assert rows(engine) == (2, 1)


def test_other_services_and_weeks_are_kept(engine) -> None:
    """Once means once for each."""
    after = replace(RUN, week=Period(WEEK.first + timedelta(days=7), WEEK.last + timedelta(days=7)))
    for run in (RUN, replace(RUN, service="other"), after):
        assert store_once(engine, run, NOW + timedelta(days=7)) is not None
    assert judged_services(engine, WEEK) == {"sepsis", "other"}
    assert judged_services(engine, after.week) == {"sepsis"}


def test_a_run_from_before_the_end_of_the_week_does_not_count(engine) -> None:
    """It knew a part of the week."""
    sunday = datetime(2026, 3, 8, 23, 59, 59, tzinfo=UTC)
    store(engine, [RUN], sunday)
    assert judged_services(engine, WEEK) == frozenset()
    assert store_once(engine, LATER, sunday + timedelta(seconds=1)) == ()
    assert judged_services(engine, WEEK) == {"sepsis"}
    assert rows(engine) == (2, 1)


def test_of_several_at_once_one_keeps_it(engine) -> None:
    """Each with a connection of its own, let go at the same moment."""
    number = 6
    start = Barrier(number)

    def keep(place: int) -> tuple[int, ...] | None:
        """One process's run, which knew more than the one before."""
        mine = open_engine(engine.url.render_as_string(hide_password=False), patience=30.0)
        try:
            start.wait(30)
            return store_once(mine, replace(RUN, up_to=17 + place), NOW)
        finally:
            mine.dispose()

    with ThreadPoolExecutor(number) as pool:
        found = list(pool.map(keep, range(number)))
    assert sorted(found, key=str) == [(1,)] + [None] * (number - 1)
    assert rows(engine) == (1, 1)
