"""The page on paper, from the EHR's cross-site frame and from a tab of its own without a frame."""

from __future__ import annotations

import re
from typing import Any

from smart_hostile.frame import Tab
from smart_hostile.ward import NAMES, PATIENT, Ward

# Folded parts that paper must have, and of which nothing is seen.
STILL_FOLDED = """() => [...document.querySelectorAll('details')]
  .filter(one => !one.closest('.no-print'))
  .filter(one => ![...one.querySelectorAll(':scope > :not(summary)')].some(
    part => part.checkVisibility({contentVisibilityAuto: true}) && part.getBoundingClientRect().height > 0))
  .map(one => one.textContent.trim().slice(0, 60))"""
FOLDED = "[...document.querySelectorAll('details')].filter(one => !one.closest('.no-print') && !one.open).length"
CONTROLS = """() => [...document.querySelectorAll('button, input, textarea, select')]
  .filter(one => one.type !== 'hidden' && one.checkVisibility()).map(one => one.outerHTML.slice(0, 60))"""


def on_paper(page: Any, frame: Any) -> None:
    """Show a tab as it is printed: in the frame nothing stays folded, and no button or field is left."""
    page.emulate_media(media="print")  # a frame of another site follows in a process of its own
    # Asked by the clock: a browser may draw nothing more in a frame of another site, and then never asks.
    frame.wait_for_function(f"({STILL_FOLDED})().length + ({CONTROLS})().length === 0", polling=100)


def test_a_framed_page_on_paper_is_whole_and_has_no_controls(tab: Tab) -> None:
    """Printed in its frame: every folded part is open, no button or field is left, the patient is named."""
    inside = tab.open()
    frame = tab.frame
    assert frame.evaluate(FOLDED) > 5
    assert frame.evaluate(STILL_FOLDED) != []
    assert frame.evaluate(CONTROLS) != []
    on_paper(tab.page, frame)
    assert NAMES[PATIENT] in inside.locator("header.patient").inner_text()
    inside.locator(".number").first.wait_for()
    assert tab.said == []


def test_a_saved_override_is_on_paper(tab: Tab) -> None:
    """The decision is printed, the way to change it is not."""
    inside = tab.open()
    inside.locator("details.override summary").first.click()
    inside.get_by_label("I judge the risk differently").first.check()
    inside.get_by_role("button", name="Save override").click()
    inside.locator(".saved", has_text="Saved: overridden").wait_for()
    tab.frame.wait_for_load_state()
    on_paper(tab.page, tab.frame)
    inside.locator(".saved", has_text="I judge the risk differently").wait_for()
    tab.page.emulate_media(media="screen")
    inside.get_by_role("button", name="Undo").click()
    inside.get_by_text("No decision stands now").wait_for()


def test_a_standalone_launch_in_a_tab_of_its_own_is_printed(browser: Any, ward: Ward) -> None:
    """Without an EHR around it: sign in, choose, allow, see who it is about; its sheets are those of a whole page."""
    ward.ehr.settings.mischief.arm("no_banner_flag")  # there is no banner of the EHR around such a page
    page, said = browser.new_page(), []
    page.on("console", lambda one: said.append(one.text) if one.location["url"].startswith(ward.url) else None)
    page.goto(f"{ward.url}/smart/standalone/ward")
    page.get_by_role("button", name="Sign in").click()
    page.locator(f'button[value="{PATIENT}"]').click()
    page.get_by_role("button", name="Allow").click()
    page.locator("article.model").first.wait_for()
    page.wait_for_load_state()
    assert page.url.startswith(f"{ward.url}/smart/page/")
    assert "?" not in page.url
    assert NAMES[PATIENT] in page.locator("header.patient").inner_text()
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format="A4"))) >= 2
    on_paper(page, page)
    assert said == []
