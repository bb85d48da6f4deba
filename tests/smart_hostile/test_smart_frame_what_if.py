"""What-if in the EHR's cross-site frame: sliders that ask nobody, and leave nothing behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from sqlalchemy import make_url

from smart_hostile.frame import Tab

SLIDERS = "input[type=range]"


def rows(tab: Tab) -> dict[str, int]:
    """How many rows each table of the ledger has."""
    path = make_url(tab.ward.house.settings.database_url).database
    with closing(sqlite3.connect(str(path))) as ledger:
        tables = [name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: ledger.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


def test_sliders_ask_nobody_and_nothing_is_recorded(tab: Tab) -> None:
    """Opened, the model comes once; then every slider goes to both ends, the answer moves, and no request is made."""
    inside = tab.open()
    inside.locator(".what-if summary").first.click()
    inside.locator("details[data-state=ready]").first.wait_for()
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    before, bearers, answers = rows(tab), tab.ward.ehr.bearers.copy(), set()
    for slider in inside.locator(SLIDERS).all():
        for key in ("Home", "End", "PageUp", "ArrowLeft"):
            slider.press(key)
            answers.add(inside.locator("[aria-live]").first.get_attribute("data-probability"))
    assert inside.locator(SLIDERS).count() >= 2
    assert len(answers) > 2
    assert "not the effect of a treatment" in inside.locator("[aria-live]").first.inner_text()
    inside.get_by_role("button", name="Back to what was measured").click()
    assert asked == []
    assert rows(tab) == before
    assert tab.ward.ehr.bearers == bearers
    assert "?" not in tab.address
    assert tab.said == []


def test_what_was_tried_is_gone_after_a_reload(tab: Tab) -> None:
    """The page of the assessment stays what was assessed."""
    inside = tab.open()
    assessed, address = inside.locator(".number").first.text_content(), tab.address
    inside.locator(".what-if summary").first.click()
    inside.locator("details[data-state=ready]").first.wait_for()
    inside.locator(SLIDERS).first.press("End")
    tab.put(address)
    inside.locator("article.model").first.wait_for()
    assert inside.locator(".number").first.text_content() == assessed
    assert inside.locator("details[data-state]").count() == 0
