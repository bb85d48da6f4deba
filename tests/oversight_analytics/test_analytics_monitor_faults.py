"""The pages where a monitor broke: louder than a lack of data, and told until that week has its answer."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from oversight_analytics.pages_on_marts import INSIDE

from oversight.alerts import SqlAlerts
from oversight.monitor_runs import SqlRuns
from oversight.monitors.result import Fault, MonitorResult, Status, at_fault, refused
from oversight.monitors.run import ServiceRun
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL
from oversight.tallies import Period
from oversight.unjudged_weeks import UnjudgedWeek

MONDAY = date(2026, 4, 27)
NOW = datetime(2026, 5, 4, 5, 10, tzinfo=UTC)
LATER = NOW + timedelta(weeks=2)
BROKEN = Fault("LinAlgError", "linalg.py:104")


@pytest.fixture
def clock(clock):
    """Just after the run."""
    clock.time = NOW + timedelta(hours=2)
    return clock


@pytest.fixture
def page(app, engine):
    """The page of alerts as the quality team reads it: its text, and its warnings."""
    client = app(alerts=SqlAlerts(engine), runs=SqlRuns(engine)).test_client()

    def get() -> tuple[str, list[str]]:
        """Draw it."""
        drawn = client.get("/oversight/alerts", headers=INSIDE).text
        return read(drawn), [read(each) for each in re.findall(r'<p class="warning">(.*?)</p>', drawn, re.DOTALL)]

    return get


def read(drawn: str) -> str:
    """The text of a page."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", drawn)))


def run(service: str, *results: MonitorResult, weeks: int = 0) -> ServiceRun:
    """What was said of a week."""
    first = MONDAY + timedelta(weeks=weeks)
    return ServiceRun(service, Period(first, first + timedelta(days=6)), "1.0.0", 17 + weeks, 4, USUAL, results)


def answer(monitor: str) -> MonitorResult:
    """One that is well."""
    return MonitorResult(monitor, Status.OK, "entries", "As usual.")


def test_a_fault_is_told_at_the_top_and_in_its_place(engine, page) -> None:
    """By service and monitor, with what to do; a lack of data is not told there."""
    few = refused("override-rate", "override rate", "There are no answered cards in this week.")
    store(engine, [run("sepsis", answer("mix-drift"), few, at_fault("volume", "entries", BROKEN)),
                   run("falls", answer("volume"), few)], NOW)  # fmt: skip
    text, warnings = page()
    assert len(warnings) == 1
    assert "1 monitor of sepsis broke and has no answer: volume." in warnings[0]
    assert "not a lack of data" in warnings[0]
    assert "✕ fault , volume: This monitor is at fault (LinAlgError at linalg.py:104)" in text
    assert re.search(r"Service Week Fault Alarm Watch Ok Refused falls 2026-04-27 to 2026-05-03 – – – ● volume ○", text)
    assert "sepsis 2026-04-27 to 2026-05-03 ✕ volume – – ● mix-drift ○ override-rate" in text


def test_a_fault_goes_with_the_next_answer(engine, page) -> None:
    """Of the week after, or of the same week after a mend: at the top stands what is so now."""
    faults = [at_fault(name, "entries", BROKEN) for name in ("volume", "mix-drift")]
    store(engine, [run("sepsis", *faults)], NOW)
    assert "2 monitors of sepsis broke and have no answer: volume, mix-drift." in page()[1][0]
    store(engine, [run("sepsis", answer("mix-drift"))], NOW)
    assert "1 monitor of sepsis broke and has no answer: volume." in page()[1][0]
    store(engine, [run("sepsis", answer("volume"), answer("mix-drift"), weeks=1)], LATER)
    assert page()[1] == []


def test_a_week_without_an_answer_is_told_until_it_has_one(engine, page) -> None:
    """The answer of the week after does not silence it; there is a command that asks again, and then it goes."""
    store(engine, [run("sepsis", at_fault("volume", "entries", BROKEN))], NOW)
    store(engine, [run("sepsis", answer("volume"), weeks=1)], LATER)
    text, _ = page()
    assert "1 week of sepsis was not judged in full. What changed then and went again has raised no alert." in text
    by_hand = "To ask now: chartside monitor --service sepsis --last"
    assert f"2026-04-27 to 2026-05-03: volume broke. {by_hand} 2026-05-03" in text
    store(engine, [run("sepsis", answer("volume"))], LATER)
    assert "not judged in full" not in page()[0]


def test_weeks_in_which_nothing_ran_are_folded_where_they_are_many(page, monkeypatch) -> None:
    """Each with its command."""
    days = [MONDAY + timedelta(weeks=week) for week in range(5)]
    weeks = tuple(UnjudgedWeek("sepsis", day, day + timedelta(days=6), ()) for day in days)
    monkeypatch.setattr(SqlRuns, "unjudged", lambda _self, _now: weeks)
    text, _ = page()
    assert "5 weeks of sepsis were not judged in full." in text
    assert "Which weeks of sepsis 2026-04-27 to 2026-05-03: no monitor ran once it was over. To ask now" in text
