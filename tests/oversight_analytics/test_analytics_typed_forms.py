"""What people type on these pages: kept as plain text, given back in bounds, and not lost where it cannot be saved."""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from oversight_analytics.pages_on_marts import INSIDE, said

from clinical.errors import LedgerUnavailable
from oversight.alerts import AlertStep, SqlAlerts
from oversight.database import open_engine
from oversight.monitor_runs import SqlRuns
from oversight.monitors.result import Check, MonitorResult, Status
from oversight.monitors.run import ServiceRun
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL
from oversight.pages.door import forms
from oversight.pages.door.roles import Person, Role
from oversight.schema import upgrade
from oversight.tallies import Period

NOW = datetime(2026, 5, 30, 12, tzinfo=UTC)
PAGE, STEP = "/oversight/alerts/1", "/oversight/alerts/1/step"
OVERRIDE = "\u202e"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Any]:
    """A ledger with one alert; whoever writes waits a moment for its lock."""
    made = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}", patience=0.05)
    upgrade(made)
    check = Check("override rate", Status.ALARM, 0.2, 1e-9, "It rose.", adjusted_p=1e-8)
    result = MonitorResult("mix-drift", Status.ALARM, check.subject, check.words, {}, (check,))
    week = Period(date(2026, 4, 27), date(2026, 5, 3))
    store(made, [ServiceRun("icu-mortality", week, "1.0.0", 1, 1, USUAL, (result,))], NOW - timedelta(days=20))
    yield made
    made.dispose()


@pytest.fixture
def book(engine: Any) -> SqlAlerts:
    """The alerts of the ledger."""
    return SqlAlerts(engine)


@pytest.fixture
def http(app: Callable[..., Any], make_mart: Any, engine: Any, book: SqlAlerts) -> SimpleNamespace:
    """A browser of the quality team."""
    with make_mart(20, {"days": [3] * 20}):
        client = app(alerts=book, runs=SqlRuns(engine)).test_client()
    return SimpleNamespace(
        get=lambda address: client.get(address, headers=INSIDE),
        post=lambda address, form: client.post(address, data=form, headers=INSIDE),
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Somebody else writes to the ledger and does not end."""
    other = sqlite3.connect(folder / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def fields(page: str) -> dict[str, str]:
    """What the first form with a token would send, as it was drawn."""
    form = next(one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if 'name="form"' in one)
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    written = re.findall(r'<textarea name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL)
    return {name: html.unescape(value) for name, value in (*hidden, *written)}


def send(http: SimpleNamespace, words: str, **more: str) -> Any:
    """Acknowledge with these words."""
    return http.post(STEP, fields(http.get(PAGE).text) | {"step": "acknowledged", "words": words} | more)


@pytest.mark.parametrize("words", ["\u200b\u200b", "\u00ad", "\u00a0", "\u3164", "\U000e0041\U000e0042", "\u200d"])
def test_words_that_show_nothing_are_none(http: Any, book: SqlAlerts, words: str) -> None:
    """Refused in words, and nothing is kept."""
    answer = send(http, words)
    assert (answer.status_code, "needs words that can be seen" in said(answer)) == (400, True)
    assert book.alert(1).events == ()


@pytest.mark.parametrize("mark", [OVERRIDE, "\u200f", "\u2066", "\x1b", "\0"])
def test_marks_are_refused_and_come_back_taken_out(http: Any, book: SqlAlerts, mark: str) -> None:
    """The form below the fault holds plain text, which is taken when it is sent as it stands."""
    answer = send(http, f"Ann, <b>{mark}by</b> Friday")
    assert answer.status_code == 400
    assert f"U+{ord(mark):04X}" in said(answer)
    assert "your words stand as plain text" in said(answer)
    assert mark not in answer.text
    assert book.alert(1).events == ()
    assert http.post(STEP, fields(answer.text)).status_code == 303
    assert book.alert(1).events[0].words == "Ann, <b>by</b> Friday"


def test_joiners_and_letters_from_right_to_left_are_kept(http: Any, book: SqlAlerts) -> None:
    """Persian with its joiner, and what came along with a paste left out."""
    assert send(http, "\u0645\u06cc\u200c\u0631\u0648\u0645 pre\u00adscribed").status_code == 303
    assert book.alert(1).events[0].words == "\u0645\u06cc\u200c\u0631\u0648\u0645 prescribed"
    assert "\u0645\u06cc\u200c\u0631\u0648\u0645 prescribed</span>" in http.get(PAGE).text


def test_an_expectation_is_checked_like_the_words(http: Any, book: SqlAlerts) -> None:
    """The two fields of an action are two texts."""
    for step in (AlertStep.ACKNOWLEDGED, AlertStep.CAUSE):
        book.add(1, step, "x", by_whom="ann", role="quality", now=NOW)
    for expected in ("\u200b", f"less{OVERRIDE}"):
        assert send(http, "mended", step="action", expected=expected).status_code == 400
    assert book.alert(1).state is AlertStep.CAUSE


def test_words_of_an_older_ledger_are_shown_without_marks(http: Any, engine: Any, book: SqlAlerts) -> None:
    """What was kept before nobody can change; it turns no line of the page round."""
    book.add(1, AlertStep.ACKNOWLEDGED, "plain", by_whom="ann", role="quality", now=NOW)
    with engine.begin() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("UPDATE alert_event SET words = ?", (f"old {OVERRIDE}words\x07",))
    page = http.get(PAGE).text
    assert "old words</span>" in page
    assert OVERRIDE not in page
    assert "\x07" not in page


def test_what_is_too_long_is_given_back_in_bounds(http: Any, book: SqlAlerts) -> None:
    """With the limit and what was sent; who wrote somewhat too much gets all of it back."""
    answer = send(http, "y" * 60_000)
    assert answer.status_code == 400
    assert "At most 1,000 characters are kept of the words; you sent 60,000." in said(answer)
    assert f"the first {forms.MOST_ECHOED:,} characters" in said(answer)
    assert fields(answer.text)["words"] == "y" * forms.MOST_ECHOED
    assert answer.text.count("y" * 100) <= forms.MOST_ECHOED // 100
    some = send(http, "z" * 1_200)
    assert fields(some.text)["words"] == "z" * 1_200
    assert "the first" not in said(some)
    assert book.alert(1).events == ()


def test_a_form_of_any_size_is_not_read(http: Any, book: SqlAlerts) -> None:
    """Three megabytes, said beforehand or not: 413, in words, with the way on."""
    answer = send(http, "y" * 3_000_000)
    assert (answer.status_code, "yyyy" in answer.text) == (413, False)
    assert "A form may be 131,072 bytes long. You sent 3,000," in said(answer)
    assert '<nav aria-label="Pages">' in answer.text
    assert len(answer.data) < 10_000
    largest = "\U0001f600" * 4_000
    assert len(html.escape(largest).encode()) < forms.MOST_BYTES
    assert send(http, largest).status_code == 400, "the longest field of all is read"
    assert book.alert(1).events == ()


def test_what_cannot_be_saved_comes_back_to_be_sent_again(http: Any, book: SqlAlerts, tmp_path: Path) -> None:
    """503 while another process holds the ledger; the page's own form, pressed as it stands, is the step."""
    words = 'Ann says “<now>” & "soon",\nby Friday'
    form = fields(http.get(PAGE).text) | {"step": "acknowledged", "words": words}
    with locked(tmp_path):
        answer = http.post(STEP, form)
        again = http.post(STEP, fields(answer.text))
    for each in (answer, again):
        assert each.status_code == 503
        assert each.headers["Retry-After"] == "30"
        assert "Nothing was saved. What you wrote stands here. Press the button" in said(each)
        assert "<script" not in each.text
        assert f'<form class="step" method="post" action="{STEP}">' in each.text
        assert fields(each.text) == form
    assert book.alert(1).events == ()
    assert http.post(STEP, fields(again.text)).status_code == 303
    assert [event.words for event in book.alert(1).events] == [words]


def test_words_survive_a_ledger_that_cannot_even_say_who_comes(app: Any, book: SqlAlerts, engine: Any) -> None:
    """The door itself fails: nobody is named, and the form keeps the token that it came with."""
    made = app(alerts=book, runs=SqlRuns(engine))

    def gone() -> None:
        """As a visit is read where the ledger is gone."""
        raise LedgerUnavailable("The ledger cannot be read.")

    made.before_request_funcs["oversight"] = [*made.before_request_funcs["oversight"][:1], gone]
    form = {"form": "a" * 64, "step": "acknowledged", "words": "half an <i>hour</i> of work"}
    answer = made.test_client().post(STEP, data=form)
    assert (answer.status_code, fields(answer.text)) == (503, form)
    assert "Signed in" not in answer.text
    assert made.test_client().post(STEP, data={"words": "y" * 200_000}).status_code == 503, "too large to come back"


def test_no_words_of_a_strangers_form_come_back(http: Any, app: Any, book: SqlAlerts, tmp_path: Path) -> None:
    """A form without this person's token is refused as ever, and one without a password is not looked at."""
    form = {"step": "acknowledged", "words": "planted words", "form": "0" * 64}
    with locked(tmp_path):
        answer = http.post(STEP, form)
        stranger = app(alerts=book, runs=SqlRuns(book._engine)).test_client().post(STEP, data=form)
    assert (answer.status_code, stranger.status_code) == (403, 401)
    assert "planted words" not in answer.text + stranger.text


def test_a_view_that_cannot_be_noted_is_no_form(http: Any, notes: Any) -> None:
    """Nothing was sent, so nothing is to be sent again."""
    notes.fault = LedgerUnavailable("The ledger cannot be written.")
    answer = http.get(PAGE)
    assert (answer.status_code, "<form" in answer.text) == (503, False)
    assert "There are no figures at the moment" in answer.text


# --- pages that are not there ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["alerts/99", "alerts/x", "nothing", "nothing/at/all", "alerts/", "reviews/none"])
def test_a_page_that_is_not_there_says_where_to_go(http: Any, path: str) -> None:
    """In the frame of the house, with the pages of the role."""
    answer = http.get(f"/oversight/{path}")
    assert answer.status_code == 404
    assert "There is no such" in said(answer)
    assert '<nav aria-label="Pages">' in answer.text
    assert 'class="button" href="/oversight/' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert ('href="/oversight/alerts">All alerts' in answer.text) == path.startswith("alerts/") * (path != "alerts/")


def test_an_address_of_the_other_kind_says_so(http: Any) -> None:
    """405 with what is allowed: a form's address opened by hand, and a page that a form is sent to."""
    for answer, allowed in ((http.get(STEP), "POST"), (http.post("/oversight/alerts", {}), "GET")):
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
        assert "This address is no page to open" in answer.text or "takes no form" in answer.text
        assert '<nav aria-label="Pages">' in answer.text


def test_a_stranger_learns_nothing_of_what_is_there(http: Any, app: Any, book: SqlAlerts, engine: Any) -> None:
    """The same bytes for a page, a missing one, a missing alert and a wrong kind of request."""
    client = app(alerts=book, runs=SqlRuns(engine)).test_client()
    asked = [("GET", path) for path in (PAGE, "/oversight/alerts/99", "/oversight/nothing", STEP)]
    asked += [("POST", path) for path in (STEP, "/oversight/alerts/99/step", "/oversight/nothing", PAGE)]
    answers = [client.open(path, method=method) for method, path in asked]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.data for answer in answers}) == 1


def test_a_role_without_the_right_learns_nothing_of_an_alert(http: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused alike, whether it is there or not; of pages that nobody has, it is told."""
    someone = Person("quality", frozenset({Role.CLINICIAN}))
    monkeypatch.setattr("oversight.pages.door.routes.by_password", lambda _: someone)
    there, missing = http.get(PAGE), http.get("/oversight/alerts/99")
    assert (there.status_code, there.data) == (missing.status_code, missing.data)
    assert there.status_code == 403
    unknown = http.get("/oversight/nothing")
    assert (unknown.status_code, "/oversight/alerts" in unknown.text) == (404, False)
