"""What the made-up quality team does with the seeded history, held against what is true of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta

import pytest

from chartside.history.team import DONE, WAITING, NotMadeUp, Team, check_made_up
from clinical.incident import IncidentState
from oversight.alerts import AlertStep, SqlAlerts
from oversight.analytics.judged import judged
from oversight.database import open_engine
from oversight.incidents import SqlIncidents
from oversight.monitors.run import run_all
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL
from oversight.reviews.results import results
from oversight.reviews.store import SqlReviews
from oversight.schema import upgrade
from oversight.statistics.adjudication import State

WEEK_OF_THE_BROKEN_RULE = date(2026, 3, 29)


@pytest.fixture(scope="module")
def engine(seeded, tmp_path_factory):
    """A copy of the ledger, so that other tests find theirs as it was."""
    path = tmp_path_factory.mktemp("team") / "ledger.db"
    with closing(sqlite3.connect(seeded.file)) as connection:
        connection.execute("VACUUM INTO ?", (str(path),))
    opened = open_engine(f"sqlite:///{path}")
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def worked(seeded, engine):
    """The week of the broken rule was looked at, and the team has worked."""
    runs = run_all(seeded.mart, WEEK_OF_THE_BROKEN_RULE, lambda _: USUAL, judged, "readmission-30d")
    assert not any(run.at_fault for run in runs)
    store(engine, runs, datetime.combine(WEEK_OF_THE_BROKEN_RULE + timedelta(days=1), time(5), UTC))
    now = datetime.combine(seeded.wishes.last_day + timedelta(days=1), time(8), UTC)
    return Team(engine, seeded.pseudonyms, seeded.mart, now).work()


def test_the_weighted_share_of_the_review_covers_the_truth(seeded, engine, worked):
    """Two reviewers who mostly see what is true, and a third; the interval of all overrides holds their true share."""
    sheet = SqlReviews(engine, seeded.pseudonyms).sheet(DONE)
    found = results(sheet)
    assert sheet.finished == worked.drawn == len(sheet.items)
    assert found.share.share.low <= worked.appropriate <= found.share.share.high
    assert worked.overrides == seeded.truth.services["sepsis-6h"].overridden


def test_a_queue_is_left_for_who_tries_the_pages(seeded, engine, worked):
    """Nobody has judged its cards yet."""
    sheet = SqlReviews(engine, seeded.pseudonyms).sheet(WAITING)
    assert sheet.count(State.WAITING) == len(sheet.items) > 0


def test_reports_are_where_their_age_has_taken_them(seeded, engine, worked):
    """The newest is unread, the older ones are closed, those between are triaged; none was reportable."""
    found = sorted(SqlIncidents(engine, seeded.pseudonyms).incidents(), key=lambda one: one.time)
    states = [one.state for one in found]
    assert states[-1] is IncidentState.DRAFT
    assert set(states[:-1]) == {IncidentState.CLOSED, IncidentState.TRIAGED}
    assert states[:-1] == sorted(states[:-1], key=lambda state: state is not IncidentState.CLOSED)


def test_the_alerts_of_the_broken_rule_have_their_cause(seeded, engine, worked):
    """As it was planted; no step lies before its alert."""
    found = [one for one in SqlAlerts(engine).alerts("readmission-30d") if one.monitor == "score-drift"]
    assert [one.state for one in found] == [AlertStep.ACTION]
    assert "twice" in found[0].events[1].words
    assert all(event.time >= found[0].time for event in found[0].events)


def test_it_works_neither_twice_nor_in_a_real_ledger(engine, worked, tmp_path):
    """A ledger that somebody has worked in, or without a made-up history, is refused."""
    with pytest.raises(NotMadeUp):
        check_made_up(engine)
    another = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    upgrade(another)
    with pytest.raises(NotMadeUp):
        check_made_up(another)
    another.dispose()
