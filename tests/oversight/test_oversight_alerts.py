"""Alerts: their state follows from what was done, in order, by whom; a check of an action is an interrupted series."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy.exc import DBAPIError

from clinical.errors import Unprocessable
from oversight import tables
from oversight.alerts import NEXT, AlertStep, Series, SqlAlerts, check_words, is_overdue, since
from oversight.monitors.result import Check, MonitorResult, Status
from oversight.monitors.run import ServiceRun
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL
from oversight.tallies import Period
from oversight.verify import heads, verify

NOW = datetime(2026, 3, 9, 5, 10, tzinfo=UTC)
WEEK = Period(date(2026, 3, 2), date(2026, 3, 8))
WHO = {"by_whom": "ann", "role": "quality", "now": NOW}


def run_with(service: str = "sepsis", subject: str = "override rate", week: Period = WEEK) -> ServiceRun:
    """A run of one monitor with one alarm."""
    check = Check(subject, Status.ALARM, 0.2, 1e-9, "The override rate rose.", adjusted_p=1e-8)
    quiet = Check("something else", Status.OK, 0.0, 0.5, "nothing")
    result = MonitorResult("override-rate", Status.ALARM, subject, check.words, {"weeks": []}, (check, quiet))
    return ServiceRun(service, week, "1.0.0", 17, 4, USUAL, (result,))


@pytest.fixture
def alerts(engine) -> SqlAlerts:
    """A ledger with one alert."""
    assert len(store(engine, [run_with()], NOW)) == 1
    return SqlAlerts(engine)


@pytest.fixture
def number(alerts) -> int:
    """The number of the alert."""
    return alerts.alerts()[0].number


def test_an_alarm_opens_an_alert(alerts) -> None:
    """With what it is about; nobody has done anything yet."""
    (alert,) = alerts.open_alerts()
    assert (alert.monitor, alert.service, alert.subject, alert.level) == (
        "override-rate", "sepsis", "override rate", "alarm"
    )  # fmt: skip
    assert (alert.first, alert.last, alert.model_version, alert.time) == (WEEK.first, WEEK.last, "1.0.0", NOW)
    assert (alert.state, alert.words, alert.events) == (AlertStep.OPEN, "The override rate rose.", ())
    assert alert.next_steps == (AlertStep.ACKNOWLEDGED,)


def test_the_whole_way_leaves_its_words(engine, alerts, number) -> None:
    """Each step with who took it in which role; a closed alert is no longer among the open ones."""
    for step in (AlertStep.ACKNOWLEDGED, AlertStep.CAUSE, AlertStep.ACTION, AlertStep.CHECK, AlertStep.CLOSED):
        assert alerts.add(number, step, f"{step.value} Größe", **WHO).state is step
    found = alerts.alert(number)
    assert [event.step for event in found.events] == list(AlertStep)[1:]
    assert {(event.by_whom, event.role, event.time) for event in found.events} == {("ann", "quality", NOW)}
    assert found.events[1].words == "cause Größe"
    assert alerts.open_alerts() == ()
    assert alerts.alerts()[0] == found
    assert all(check.fault is None for check in verify(engine, heads(engine)))


@pytest.mark.parametrize("done", range(6))
def test_the_order_is_enforced(alerts, number, done) -> None:
    """Whatever does not come next is refused, with what does."""
    way = list(AlertStep)
    for step in way[1 : done + 1]:
        alerts.add(number, step, "words", **WHO)
    for step in AlertStep:
        if step not in NEXT[way[done]]:
            with pytest.raises(Unprocessable, match=r"next comes|is closed"):
                alerts.add(number, step, "other words", **WHO)
    assert alerts.alert(number).state is way[done]


def test_a_false_alarm_is_closed_after_its_cause(alerts, number) -> None:
    """Without an action there is nothing to check."""
    for step in (AlertStep.ACKNOWLEDGED, AlertStep.CAUSE, AlertStep.CLOSED):
        alerts.add(number, step, "a public holiday", **WHO)
    assert alerts.alert(number).state is AlertStep.CLOSED


def test_an_action_without_effect_leads_to_another(alerts, number) -> None:
    """The same words again are a new event, because something came between."""
    for step in (AlertStep.ACKNOWLEDGED, AlertStep.CAUSE, AlertStep.ACTION, AlertStep.CHECK, AlertStep.ACTION):
        alerts.add(number, step, "again", **WHO)
    assert [event.step for event in alerts.alert(number).events].count(AlertStep.ACTION) == 2


def test_the_same_step_sent_twice_is_one(alerts, number) -> None:
    """A form that is sent again."""
    first = alerts.add(number, AlertStep.ACKNOWLEDGED, "se\u00aden", **WHO)
    assert alerts.add(number, AlertStep.ACKNOWLEDGED, "se\u00aden", **{**WHO, "now": NOW + timedelta(hours=1)}) == first


@pytest.mark.parametrize(("words", "who"), [("  ", "ann"), ("seen", " ")])
def test_a_step_has_words_and_a_name(alerts, number, words, who) -> None:
    """Nobody's deed is no deed."""
    with pytest.raises(Unprocessable, match="needs words"):
        alerts.add(number, AlertStep.ACKNOWLEDGED, words, by_whom=who, role="quality", now=NOW)


def test_an_unknown_alert_is_refused(alerts) -> None:
    """As is one that was never there."""
    assert alerts.alert(99) is None
    with pytest.raises(Unprocessable, match="no such alert"):
        alerts.add(99, AlertStep.ACKNOWLEDGED, "seen", **WHO)


def test_newest_first_and_by_service(engine, alerts) -> None:
    """One alert for one thing; other services and subjects have their own."""
    store(engine, [run_with("falls"), run_with(subject="no-answer share"), run_with()], NOW)
    assert [(each.service, each.subject) for each in alerts.alerts()] == [
        ("sepsis", "no-answer share"), ("falls", "override rate"), ("sepsis", "override rate"),
    ]  # fmt: skip
    assert [each.service for each in alerts.open_alerts("falls")] == ["falls"]


def test_events_cannot_be_changed(engine, alerts, number) -> None:
    """They hang on their chain, and the database refuses."""
    alerts.add(number, AlertStep.ACKNOWLEDGED, "seen", **WHO)
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(tables.alert_event.update().values(words="never"))
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(tables.alert_event.delete())


def test_an_alert_that_nobody_acknowledges_is_overdue(alerts, number) -> None:
    """After a week."""
    alert = alerts.alert(number)
    assert not is_overdue(alert, NOW + timedelta(days=7))
    assert is_overdue(alert, NOW + timedelta(days=8))
    assert not is_overdue(alerts.add(number, AlertStep.ACKNOWLEDGED, "seen", **WHO), NOW + timedelta(days=8))


def series(fall: float, before: int = 16, after: int = 12) -> Series:
    """Override rates with noise, and a fall at the action."""
    rng = np.random.default_rng(1)
    values = 0.6 + 0.01 * rng.standard_normal(before + after)
    values[before:] -= fall
    mondays = [date(2026, 1, 5) + timedelta(weeks=number) for number in range(before + after)]
    return Series("override rate", mondays, values.tolist())


def test_a_check_says_what_came_of_the_action(alerts, number) -> None:
    """The words of the interrupted time series stand behind the person's own; the week of the action is before."""
    for step in (AlertStep.ACKNOWLEDGED, AlertStep.CAUSE):
        alerts.add(number, step, "words", **WHO)
    alerts.add(number, AlertStep.ACTION, "threshold raised", by_whom="ann", role="quality", now=NOW)
    acted = since(alerts.alert(number), AlertStep.ACTION)
    assert acted == NOW.date()
    found = alerts.check(number, series(0.2), date(2026, 4, 22), words="It worked.", **WHO)
    assert found.state is AlertStep.CHECK
    words = found.events[-1].words
    assert words.startswith("It worked. Interrupted time series of the override rate, 16 weeks before and 12 after")
    level = float(words.split("level ")[1].split(" ")[0])
    assert level == pytest.approx(-0.2, abs=0.03)


def test_too_few_weeks_are_said_to_be_too_few() -> None:
    """The check stands, without a figure."""
    words = check_words(series(0.2, before=16, after=3), date(2026, 4, 22))
    assert words.startswith("No interrupted time series of the override rate: ")
    assert "at least 8 points" in words
    assert "No interrupted" in check_words(series(0.2, 9, 0), date(2027, 1, 1))
