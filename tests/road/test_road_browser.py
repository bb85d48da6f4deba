"""The road of one clinician in a real browser: chart → card → SMART page → override → override rates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ehr_simulator.demo.house import House

WIDE = {"width": 1360, "height": 1000}


@pytest.fixture
def page(chrome: Any, hospital: House) -> Iterator[Any]:
    """A tab whose console must stay silent."""
    context = chrome.new_context(
        viewport=WIDE,
        http_credentials={"username": "quality", "password": hospital.quality_password},
    )
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda fault: said.append(str(fault)))
    tab.said = said
    yield tab
    context.close()


def percent(text: str) -> str:
    """The first risk in a text."""
    found = re.search(r"([<>]?\d+)\s*%", text)
    assert found is not None, text
    return found[1]


def test_the_whole_road(page: Any, hospital: House, pictures: Path) -> None:
    """A card of a worsening patient, its page in the EHR's frame, an override with a reason, and the rates after it."""
    page.goto(hospital.settings.base_url)
    page.screenshot(path=pictures / "1-patients.png", full_page=True)
    page.get_by_role("link", name=re.compile("worsen", re.IGNORECASE)).first.click()

    card = page.locator("article.card").first
    risk = percent(card.inner_text())
    assert re.search(r"\d (?:mmHg|mL in 6 h|/min|mg/dL|mmol/L)", card.inner_text())
    assert "ago)" in card.inner_text()
    page.screenshot(path=pictures / "2-chart-with-card.png", full_page=True)

    card.get_by_role("link", name="See the reasons and decide").click()
    app = page.frame_locator("iframe")
    app.get_by_role("button", name="Accept").wait_for()
    assert percent(app.locator(".number").inner_text()) == risk
    app.locator("svg").first.wait_for()
    app.locator("table").first.wait_for(state="attached")
    page.screenshot(path=pictures / "3-page-in-the-ehr.png", full_page=True)
    frame = next(frame for frame in page.frames if "/smart/page/" in frame.url)

    app.locator("details.override summary").click()
    app.get_by_label("I judge the risk differently").check()
    app.get_by_role("textbox", name="Comment").fill("Improving since the last results")
    app.get_by_role("button", name="Save override").click()
    app.get_by_text("Saved: overridden").wait_for()
    assert "Improving since the last results" in app.locator("main").inner_text()
    page.screenshot(path=pictures / "4-overridden.png", full_page=True)

    stranger = page.context.browser.new_context()
    assert stranger.new_page().goto(frame.url).status in (403, 404), "the page opens for the browser of its launch only"
    stranger.close()

    page.goto(f"{hospital.settings.chartside}/oversight/password")
    page.goto(f"{hospital.settings.chartside}/oversight/override-rates")
    text = page.locator("main").inner_text()
    assert "I judge the risk differently" in text
    page.screenshot(path=pictures / "5-override-rates.png", full_page=True)
    assert page.said == []


def test_a_card_can_be_accepted_in_the_chart(page: Any, hospital: House) -> None:
    """The EHR sends feedback, Chartside answers that it is stored, and the chart says so."""
    page.goto(hospital.settings.base_url)
    page.get_by_role("link", name=re.compile("improv", re.IGNORECASE)).first.click()
    page.get_by_role("button", name=re.compile("^Accept")).first.click()
    page.get_by_text("Recorded as accepted").wait_for()
    assert page.said == []


def test_a_problem_is_reported_from_the_card(page: Any, hospital: House) -> None:
    """Card → its second link → launch → the open form of that advice → a draft with advice and deadline."""
    page.goto(hospital.settings.base_url)
    page.get_by_role("link", name=re.compile("worsen", re.IGNORECASE)).first.click()
    card = page.locator("article.card").first
    advice = str(card.get_attribute("id")).removeprefix("card-")
    card.get_by_role("link", name="Report a problem with this advice").click()
    app = page.frame_locator("iframe")
    app.locator(f"form#report-{advice}:focus").wait_for()
    app.get_by_role("radio", name="Misleading text").check()
    app.get_by_role("textbox", name="What happened").fill("The card does not say which ward.")
    app.get_by_role("button", name="Send report").click()
    number = app.locator(".report .code").inner_text()

    page.goto(f"{hospital.settings.chartside}/oversight/password")
    page.goto(f"{hospital.settings.chartside}/oversight/incidents/{number}")
    text = page.locator("main").inner_text()
    for words in ("Draft.", "The card does not say which ward.", advice):
        assert words in text
    assert re.search(r"by \d{4}-\d{2}-\d{2}, if it was a death; nobody has triaged it", text)
    assert page.said == []


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("early", "not assessed"),
        ("late", "not assessed"),
        ("ward", "No advice"),
        ("child", "No advice"),
    ],
)
def test_no_risk_is_never_silent(who: str, words: str, page: Any, hospital: House) -> None:
    """Each patient without a number has a reason on the chart."""
    page.goto(hospital.settings.base_url)
    page.get_by_role("link", name=re.compile(who, re.IGNORECASE)).first.click()
    page.wait_for_load_state()
    boxes = page.locator("section.advice > *").all_inner_texts()
    (advice,) = [box for box in boxes if re.search("death in hospital", box, re.IGNORECASE)]
    assert words in advice
    assert "%" not in advice


def test_the_page_fits_a_side_panel(page: Any, hospital: House, pictures: Path) -> None:
    """At 320 pixels nothing has to be scrolled sideways."""
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(hospital.settings.base_url)
    page.get_by_role("link", name=re.compile("worsen", re.IGNORECASE)).first.click()
    page.get_by_role("link", name="See the reasons and decide").first.click()
    app = page.frame_locator("iframe")
    app.get_by_role("button", name="Accept").wait_for()
    frame = next(frame for frame in page.frames if "/smart/page/" in frame.url)
    frame.wait_for_load_state()
    assert frame.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.screenshot(path=pictures / "6-side-panel.png", full_page=True)
