"""The pages of alerts, on a real book of alerts and a mart with an action in its middle."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from flask import Flask
from oversight_analytics.pages_on_marts import INSIDE, MartAsItIs

from clinical.errors import LedgerUnavailable
from oversight.alerts import AlertStep, SqlAlerts, check_words
from oversight.mart.mart import Mart
from oversight.monitor_runs import SqlRuns
from oversight.monitors.alert_series import FEED, KNOWN, SCORE, VOLUME, alert_series
from oversight.monitors.rates import RATES
from oversight.monitors.result import Check, MonitorResult, Status
from oversight.monitors.run import ServiceRun
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL
from oversight.pages import PageDeps, create_blueprint
from oversight.pages.alerts import freshness
from oversight.pages.door.roles import Person, Role
from oversight.pages.mart_source import AsOf
from oversight.pages.pictures.interrupted_picture import interrupted_picture
from oversight.tallies import Period

FIRST = date(2026, 3, 2)
WEEKS, CHANGE = 24, 12
SERVICE = "icu-mortality"
# The Wednesday of the twelfth week, of 24.
ACTED = datetime(2026, 5, 20, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 8, 18, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock(clock):
    """It stands at a day when the weeks after the action are over."""
    clock.time = NOW
    return clock


@pytest.fixture
def raise_alert(engine):
    """Opens an alert of a monitor, two weeks before the action; says its number."""

    def make(monitor: str = "override-rate", subject: str = "override rate", now: datetime | None = None) -> int:
        """One run with one alarm."""
        check = Check(subject, Status.ALARM, 0.2, 1e-9, "The <b>override</b> rate rose.", adjusted_p=1e-8)
        figures = {"weeks": [{"week": "2026-04-27", "count": 12, "total": 30}]}
        result = MonitorResult(monitor, Status.ALARM, subject, check.words, figures, (check,))
        week = Period(date(2026, 4, 27), date(2026, 5, 3))
        run = ServiceRun(SERVICE, week, "1.0.0", 17, 4, USUAL, (result,))
        (number,) = store(engine, [run], now or ACTED - timedelta(days=14))
        return number

    return make


def cards(rng: np.random.Generator) -> tuple[dict, dict]:
    """Forty cards a week: .6 overridden before the action, .35 after; three in four answered, none in the third."""
    week = np.repeat(np.arange(WEEKS), 40)
    answered = (rng.random(week.size) < 0.75) & (week != 2)
    about = np.flatnonzero(answered) + 1
    over = rng.random(week.size) < np.where(week <= CHANGE - 1, 0.6, 0.35)
    outcome = np.where(over, "overridden", "accepted").astype(object)[answered]
    return {"days": week * 7 + np.arange(week.size) % 7}, {"about": about, "outcome": outcome}


@pytest.fixture
def filled(make_mart) -> Period:
    """The mart of this test."""
    with make_mart(WEEKS * 40, *cards(np.random.default_rng(4))):
        return Period(FIRST, FIRST + timedelta(weeks=WEEKS, days=-1))


@pytest.fixture
def http(app, engine):
    """A browser of the quality team."""
    client = app(alerts=SqlAlerts(engine), runs=SqlRuns(engine)).test_client()
    return SimpleNamespace(
        get=lambda address: client.get(address, headers=INSIDE),
        post=lambda address, form: client.post(address, data=form, headers=INSIDE),
    )


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the first form of a page."""
    form = page[page.index('<form class="step"') :]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[: form.index("</form>")]))


def take(http, number: int, step: str, words: str, **more: str):
    """Fill in the form of a step as a person would."""
    fields = hidden(http.get(f"/oversight/alerts/{number}").text)
    return http.post(f"/oversight/alerts/{number}/step", fields | {"step": step, "words": words} | more)


def read(page: str) -> str:
    """The text of a page."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


# --- the series ------------------------------------------------------------------------------------------------------


def test_every_monitor_of_a_rate_has_its_series() -> None:
    """A new one must say what a check of it looks at."""
    assert {each.name for each in RATES} | {"change-points", VOLUME, SCORE, FEED} == KNOWN


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: rate.name)
def test_the_series_is_what_the_monitor_counts(filled, tmp_path, engine, raise_alert, rate) -> None:
    """Count over total of each week that has a total, to the last digit."""
    from oversight.analytics.selection import Selection
    from oversight.monitors.weekly import weekly

    alert = SqlAlerts(engine).alert(raise_alert(rate.name, rate.subject))
    with Mart(tmp_path).open() as mart:
        found = alert_series(mart, alert, NOW.date())
        known = weekly(mart, Selection(filled, service=SERVICE))
    totals, counts = rate.totals(known), rate.counts(known)
    seen = np.flatnonzero(totals)
    assert found.totals == tuple(totals[seen].tolist())
    assert found.series.values == pytest.approx((counts[seen] / totals[seen]).tolist(), abs=1e-12)
    assert found.series.mondays == [FIRST + timedelta(weeks=int(place)) for place in seen]
    assert bool(found.unanswered) == (rate.name == "override-rate")


@pytest.mark.parametrize(("monitor", "what"), [(VOLUME, "weekly number of entries"), (SCORE, "mean predicted risk")])
def test_volume_and_risk_have_series_too(filled, tmp_path, engine, raise_alert, monitor, what) -> None:
    """Up to the last whole week before today."""
    alert = SqlAlerts(engine).alert(raise_alert(monitor, "x"))
    with Mart(tmp_path).open() as mart:
        found = alert_series(mart, alert, NOW.date())
    assert (found.series.what, len(found.totals)) == (what, WEEKS)
    assert found.series.values == pytest.approx([40.0 if monitor == VOLUME else 0.3] * WEEKS)


def test_what_has_no_figure_by_week_has_no_series(filled, tmp_path, engine, raise_alert) -> None:
    """The mix of entries, and performance."""
    with Mart(tmp_path).open() as mart:
        for monitor in ("mix-drift", "performance"):
            assert alert_series(mart, SqlAlerts(engine).alert(raise_alert(monitor, monitor)), NOW.date()) is None


def test_the_picture_has_lines_on_either_side(filled, tmp_path, engine, raise_alert) -> None:
    """The week of the action belongs to the time before; without enough weeks there are dots and a reason."""
    alert = SqlAlerts(engine).alert(raise_alert())
    with Mart(tmp_path).open() as mart:
        found = alert_series(mart, alert, NOW.date())
    picture = interrupted_picture(found, ACTED.date())
    assert len(picture.spots) == len(picture.rows) == WEEKS - 1
    assert len(picture.fitted) == 2
    assert picture.expected
    assert not picture.reason
    assert re.search(r"moved by -\d+\.\d points \(.*more than chance brings", picture.meaning)
    expected = [row.monday for row in picture.rows if row.expected]
    assert expected[0] == "2026-05-25"
    early = interrupted_picture(found, FIRST)
    assert (early.fitted, early.expected) == ((), "")
    assert "at least 8 points" in early.reason


# --- the pages -------------------------------------------------------------------------------------------------------


def test_an_empty_list_says_that_the_monitors_never_ran(http) -> None:
    """No alert is not the same as all is well."""
    page = read(http.get("/oversight/alerts").text)
    assert "No alert is open." in page
    assert "The monitors have never run" in page
    assert "chartside monitor" in page


@pytest.mark.parametrize(("days", "loud"), [(1, False), (8, False), (9, True), (40, True)])
def test_old_runs_are_told_loudly(days, loud) -> None:
    """A week and a day is the usual time."""
    said = freshness(NOW - timedelta(days=days), NOW)
    assert bool(said) == loud
    assert (f"not run for {days} days" in said) == loud


def test_the_list_has_what_is_open_and_what_waits_too_long(http, raise_alert, filled) -> None:
    """With service, week, words and how long nobody has looked; nothing hostile comes through."""
    raise_alert()
    raise_alert("no-answer", "no-answer share", NOW - timedelta(days=1))
    page = http.get("/oversight/alerts").text
    text = read(page)
    assert "2 alerts are open; 1 of them has waited more than 7 days" in text
    assert "104 days without anybody" in text
    assert "2026-04-27" in text
    assert "&lt;b&gt;override" in page
    assert "Refused" in text
    assert page.index("Alert 1</a>") < page.index("Alert 2</a>")


def test_an_alert_shows_its_run(http, raise_alert, filled) -> None:
    """Figures, week, version, and the thresholds of that day."""
    text = read(http.get(f"/oversight/alerts/{raise_alert()}").text)
    for words in ("2026-04-27 to 2026-05-03", "version 1.0.0", "below .001", "false discoveries 0.05",
                  "rate watch 0.02, alarm 0.05", "outcome none"):  # fmt: skip
        assert words in text


@pytest.mark.parametrize("number", ["99", "x", "-1", "9" * 30, "1/"])
def test_an_alert_that_is_not_there_is_not_found(http, filled, number) -> None:
    """Whatever its number looks like."""
    assert http.get(f"/oversight/alerts/{number}").status_code == 404


def test_the_whole_way_ends_in_the_action_log(http, engine, raise_alert, filled, clock, tmp_path) -> None:
    """Acknowledge, cause, action with what is expected, check with the figures that were shown, close."""
    number = raise_alert()
    clock.time = ACTED
    for step, words in (("acknowledged", "Ann, by Friday"), ("cause", "the rule fired twice")):
        assert take(http, number, step, words).status_code == 303
    assert take(http, number, "action", "rule mended", expected="ten points fewer by July").status_code == 303
    clock.time = NOW
    page = http.get(f"/oversight/alerts/{number}").text
    book = SqlAlerts(engine)
    with Mart(tmp_path).open() as mart:
        series = alert_series(mart, book.alert(number), NOW.date()).series
    words = check_words(series, ACTED.date())
    assert words in read(page)
    assert "<svg" in page
    assert "Without the action" in page
    assert "Cards without an answer" in page
    assert take(http, number, "check", "it helped").status_code == 303
    assert book.alert(number).events[-1].words == f"it helped {words}"
    assert take(http, number, "closed", "done").status_code == 303
    log = read(http.get("/oversight/alerts").text)
    for said in ("the rule fired twice", "rule mended", "ten points fewer by July", "it helped", "quality: done"):
        assert said in log
    assert [(event.by_whom, event.role) for event in book.alert(number).events] == [("quality", "quality")] * 5


def to_action(engine, number: int) -> None:
    """An alert with an action."""
    for step in (AlertStep.ACKNOWLEDGED, AlertStep.CAUSE, AlertStep.ACTION):
        SqlAlerts(engine).add(number, step, step.value, by_whom="ann", role="quality", now=ACTED)


def test_a_check_keeps_only_what_was_shown(http, engine, raise_alert, filled) -> None:
    """With a fingerprint of other figures, or without one, nothing is kept."""
    number = raise_alert()
    to_action(engine, number)
    for seen in ("", "0" * 64):
        answer = take(http, number, "check", "it helped", seen=seen)
        assert (answer.status_code, "figures have moved" in answer.text) == (400, True)
    assert SqlAlerts(engine).alert(number).state is AlertStep.ACTION


def test_a_check_without_a_figure_by_week_is_in_words(http, engine, raise_alert, filled) -> None:
    """And the page says so."""
    number = raise_alert("mix-drift", "unit")
    to_action(engine, number)
    assert "no figure by week" in http.get(f"/oversight/alerts/{number}").text
    assert take(http, number, "check", "the unit was renamed").status_code == 303
    assert SqlAlerts(engine).alert(number).events[-1].words == "the unit was renamed"


@pytest.mark.parametrize(
    ("form", "status"),
    [({"step": "closed", "words": "x"}, 400), ({"step": "acknowledged", "words": "  "}, 400), ({"step": "x"}, 400),
     ({"step": "acknowledged", "words": "y" * 1001}, 400), ({"step": "acknowledged", "words": "x", "form": "0"}, 403)],
)  # fmt: skip
def test_a_wrong_form_changes_nothing(http, engine, raise_alert, filled, form, status) -> None:
    """Out of order, empty, too long, of another site."""
    number = raise_alert()
    fields = hidden(http.get(f"/oversight/alerts/{number}").text)
    assert http.post(f"/oversight/alerts/{number}/step", fields | form).status_code == status
    assert SqlAlerts(engine).alert(number).events == ()


@pytest.mark.parametrize(
    ("role", "page", "step"),
    [(Role.CLINICIAN, 403, 403), (Role.AUDITOR, 200, 403), (Role.ADMIN, 200, 403), (Role.INTEGRATOR, 200, 303)],
)
def test_rights_open_the_page_and_the_step(http, raise_alert, filled, monkeypatch, role, page, step) -> None:
    """Who may only look sees no form."""
    number = raise_alert()
    fields = hidden(http.get(f"/oversight/alerts/{number}").text) | {"step": "acknowledged", "words": "me"}
    monkeypatch.setattr("oversight.pages.door.routes.by_password", lambda _: Person("quality", frozenset({role})))
    answer = http.get(f"/oversight/alerts/{number}")
    assert (answer.status_code, http.get("/oversight/alerts").status_code) == (page, page)
    assert ("<form" in answer.text) == (step == 303)
    assert http.post(f"/oversight/alerts/{number}/step", fields).status_code == step


def test_every_view_and_step_is_noted_first(http, raise_alert, filled, notes, engine) -> None:
    """What cannot be noted is neither shown nor done."""
    number = raise_alert()
    take(http, number, "acknowledged", "me")
    assert [event.detail for event in notes.events] == [
        f"alert {number}, by quality", f"alert {number}: acknowledged, by quality"
    ]  # fmt: skip
    fields = hidden(http.get(f"/oversight/alerts/{number}").text)
    notes.fault = LedgerUnavailable("The ledger cannot be written.")
    assert http.get("/oversight/alerts").status_code == 503
    form = fields | {"step": "cause", "words": "x"}
    assert http.post(f"/oversight/alerts/{number}/step", form).status_code == 503
    assert SqlAlerts(engine).alert(number).state is AlertStep.ACKNOWLEDGED


def test_without_a_book_there_are_no_such_pages(clock, notes) -> None:
    """And no way to them."""
    app = Flask("test")
    app.register_blueprint(create_blueprint(PageDeps(clock, notes, "word")))
    assert app.test_client().get("/oversight/alerts", headers=INSIDE).status_code == 404


def test_what_was_typed_stands_in_the_form_again(http, engine, raise_alert, filled) -> None:
    """With the fault beside it, also where another tab has taken the step in the meantime."""
    number = raise_alert()
    page = take(http, number, "acknowledged", "y" * 1001).text
    assert "Nothing was kept." in page
    assert "y" * 1001 + "</textarea>" in page
    assert take(http, number, "acknowledged", "first tab").status_code == 303
    answer = take(http, number, "acknowledged", "second <b>tab</b>")
    assert answer.status_code == 400
    assert "next comes cause" in answer.text
    assert "second &lt;b&gt;tab&lt;/b&gt;" in answer.text
    assert len(SqlAlerts(engine).alert(number).events) == 1


def test_a_step_sent_twice_is_one(http, engine, raise_alert, filled) -> None:
    """A double click leads to the alert as one click does."""
    number = raise_alert()
    assert [take(http, number, "acknowledged", "me").status_code for _ in range(2)] == [303, 303]
    assert len(SqlAlerts(engine).alert(number).events) == 1


def test_no_figure_of_a_check_is_cut_off(http, engine, raise_alert, filled) -> None:
    """Words and figures are kept whole, or nothing is."""
    number = raise_alert()
    to_action(engine, number)
    answer = take(http, number, "check", "z" * 1000)
    assert (answer.status_code, "The figures take" in answer.text, "z" * 1000 in answer.text) == (400, True, True)
    assert SqlAlerts(engine).alert(number).state is AlertStep.ACTION


def test_weeks_of_few_people_are_not_shown(make_mart, tmp_path, engine, raise_alert, http) -> None:
    """Neither as a dot nor in the table, nor among the weeks of the run; the lines count them."""
    days = np.concatenate([np.full(40 if week % 3 else 4, week * 7) for week in range(WEEKS)])
    about = np.arange(1, days.size + 1)
    outcome = np.where(about % 3 == 0, "overridden", "accepted").astype(object)
    with make_mart(days.size, {"days": days}, {"about": about, "outcome": outcome}):
        pass
    number = raise_alert()
    to_action(engine, number)
    with Mart(tmp_path).open() as mart:
        picture = interrupted_picture(alert_series(mart, SqlAlerts(engine).alert(number), NOW.date()), ACTED.date())
    assert (len(picture.spots), picture.few, len(picture.fitted)) == (16, 8, 2)
    assert [(row.total, row.value) for row in picture.rows if row.value == "\N{EN DASH}"] == [
        ("<11", "\N{EN DASH}")
    ] * 8
    page = http.get(f"/oversight/alerts/{number}").text
    assert "8 weeks have fewer than eleven answered cards" in page
    assert "of 4 answered cards" not in page


def test_no_check_is_kept_of_half_a_mart(http, engine, raise_alert, filled, monkeypatch) -> None:
    """What has not been read yet may be all that came after the action."""
    number = raise_alert()
    to_action(engine, number)
    monkeypatch.setattr(MartAsItIs, "as_of", lambda self: AsOf(5, None, False))
    assert "The ledger has newer entries" in http.get(f"/oversight/alerts/{number}").text
    answer = take(http, number, "check", "it helped")
    assert (answer.status_code, "still being brought up" in answer.text) == (400, True)
    assert SqlAlerts(engine).alert(number).state is AlertStep.ACTION
