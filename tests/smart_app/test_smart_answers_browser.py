"""Accept, override, snooze, undo and report in a real browser: without JavaScript, by keys alone, at 320 px."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from flask import Flask
from werkzeug.serving import make_server

from clinical.advice import Outcome
from clinical.incident import ProblemKind
from ehr_simulator.whole_answers import whole
from smart_app.blueprint import create_blueprint

WIDTH = "document.documentElement.scrollWidth"
SMALL_TARGETS = """() => [...document.querySelectorAll('button, summary, label:has(input)')]
  .filter(el => el.checkVisibility() && el.getBoundingClientRect().height < 24).map(el => el.textContent.trim())"""


@pytest.fixture
def origin(house, make) -> Iterator[str]:
    """The page on a real port, for an EHR whose authorization server sends the browser straight back."""
    app = Flask("page")
    app.register_blueprint(create_blueprint(replace(house.deps, base_url="http://x")))
    server = make_server("127.0.0.1", 0, whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    origin = f"http://127.0.0.1:{server.server_port}"

    def begin(_ehr, launch, _redirect):
        """At once."""
        state = f"s{launch}"
        url = f"{origin}/smart/callback?code=c&state={state}"
        return SimpleNamespace(authorize_url=url, state=state, pending="sealed", form={})

    house.sessions.begin = begin
    yield origin
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def tab(chrome, origin: str, make):
    """Opens the page in a tab, without JavaScript unless a test asks for it."""
    contexts = []

    def open_(width: int = 1280, *, script: bool = False):
        contexts.append(chrome.new_context(viewport={"width": width, "height": 800}, java_script_enabled=script))
        page = contexts[-1].new_page()
        page.goto(f"{origin}/smart/launch?launch=1&iss={make.iss}")
        return page

    yield open_
    for context in contexts:
        context.close()


def test_a_snooze_by_keyboard_and_its_undo(tab, house) -> None:
    """Unfold, choose, save; then the page says until when, and Undo opens the forms again."""
    page = tab()
    page.get_by_text("Snooze …").focus()
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="for 12 hours").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Save snooze").press("Enter")
    page.get_by_text("Saved: snoozed").and_(page.locator("strong")).wait_for()
    assert "no further card of this model" in page.locator(".saved").inner_text()
    assert not page.get_by_role("button", name="Accept").is_visible()
    page.get_by_role("button", name="Undo").press("Enter")
    page.get_by_text("No decision stands now").wait_for()
    page.get_by_role("button", name="Accept").wait_for()
    outcomes = [(item.outcome, item.reason and item.reason.code) for item in house.ledger.feedback]
    assert outcomes == [(Outcome.SNOOZED, "PT12H"), (Outcome.WITHDRAWN, None)]


def test_the_browser_asks_for_what_is_needed(tab, house) -> None:
    """A snooze without a time and a report without words are not even sent."""
    page = tab(script=True)
    page.get_by_text("Snooze …").click()
    page.get_by_role("button", name="Save snooze").click()
    page.get_by_text("Report a problem with this advice").click()
    page.get_by_role("radio", name="Wrong data").check()
    page.get_by_role("button", name="Send report").click()
    assert page.evaluate("document.querySelector('textarea[name=words]:invalid') !== null")
    assert house.ledger.feedback == []
    assert house.incidents.reports == {}


def test_an_acceptance_with_a_comment(tab, house) -> None:
    """The comment is folded away, so that Accept stays one press."""
    page = tab()
    page.get_by_text("with a comment").click()
    page.locator(".accept textarea").fill("called the senior")
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("called the senior").wait_for()
    assert house.ledger.feedback[0].comment == "called the senior"


def test_a_report_by_keyboard(tab, house) -> None:
    """Unfold, choose, write, send; the page names the incident."""
    page = tab()
    page.get_by_text("Report a problem with this advice").focus()
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="Misleading text").focus()
    page.keyboard.press("Space")
    page.get_by_role("textbox", name="What happened").fill("The tier says low, the colour says high.")
    page.get_by_role("button", name="Send report").press("Enter")
    page.get_by_text("Saved as incident").wait_for()
    (report,) = house.incidents.reports.values()
    assert report.id in page.locator(".report").inner_text()
    assert report.words == "The tier says low, the colour says high."


def test_a_report_from_the_card_by_keyboard(tab, house, make) -> None:
    """The card's own link ends at the open form, which has the focus: the next keys choose, write and send."""
    given = house.ledger.append(make.advice())
    house.sessions.visit = make.visit(app_context=make.token(given, reports=True))
    page = tab()
    form = page.get_by_role("form", name="Report a problem with this advice: Risk of death in hospital")
    form.and_(page.locator(":focus")).wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("The lactate is of another patient.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Saved as incident").wait_for()
    (report,) = house.incidents.reports.values()
    assert (report.advice_id, report.kind) == (given.id, ProblemKind.WRONG_DATA)
    assert report.words == "The lactate is of another patient."
    assert not page.get_by_role("button", name="Send report").is_visible()


@pytest.mark.parametrize("width", [320, 1280])
def test_all_forms_fit_and_can_be_hit(tab, width: int) -> None:
    """Unfolded and saved, no sideways scrolling and no target below 24 px."""
    page = tab(width, script=True)
    for _ in range(2):
        for summary in page.locator(".decide summary, .report summary").all():
            summary.click()
        assert page.evaluate(WIDTH) <= width
        assert page.evaluate(SMALL_TARGETS) == []
        page.get_by_role("button", name="Accept").first.click()
        page.get_by_text("Saved: accepted").first.wait_for()
        page.wait_for_load_state()  # with its style sheet


def test_paper_has_what_is_saved_and_no_forms(tab) -> None:
    """The decision and the incident are printed, buttons are not."""
    page = tab()
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Saved: accepted").first.wait_for()
    page.wait_for_load_state()
    page.emulate_media(media="print")
    page.locator(".decide .saved").wait_for()
    for name in ("Undo", "Send report", "Save snooze"):
        assert not page.get_by_role("button", name=name).is_visible()
