"""What a clinician answers in the EHR's cross-site frame, and where it ends: saved state, ledger, next card."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clinical.advice import Channel, Feedback, Outcome
from ehr_simulator.settings import CLINICIAN
from smart_hostile.frame import Tab
from smart_hostile.ward import NAMES, OTHER_PATIENT, PATIENT


def stored(tab: Tab, advice: str) -> Feedback:
    """The latest decision that the ledger holds, as its author sees it."""
    found = tab.ward.house.ledger.decision(advice, asked_by=f"{tab.ward.ehr.fhir}/{CLINICIAN}")
    assert found is not None
    return found


def override(inside: Any, words: str) -> None:
    """Unfold, choose, write, save, and see that it is saved."""
    inside.locator("details.override summary").first.click()
    inside.get_by_label("I judge the risk differently").first.check()
    inside.get_by_role("textbox", name="Comment").locator("visible=true").fill(words)
    inside.get_by_role("button", name="Save override").click()
    inside.get_by_text("Saved: overridden").first.wait_for()


def test_an_override_with_its_reason_is_saved_and_undone(tab: Tab) -> None:
    """The page says what is saved, the ledger holds it, a reload still says it; Undo withdraws it in both."""
    inside = tab.open()
    advice, address = tab.advice, tab.address.partition("#")[0]
    override(inside, "improving since the last results")
    decided = stored(tab, advice)
    assert (decided.outcome, decided.channel) == (Outcome.OVERRIDDEN, Channel.PAGE)
    assert decided.reason is not None
    assert decided.reason.code == "recipient-disagrees-evidence"
    assert decided.comment == "improving since the last results"
    tab.put(address)
    inside.locator(".saved", has_text="improving since the last results").wait_for()
    assert not inside.get_by_role("button", name="Accept").is_visible()
    inside.get_by_role("button", name="Undo").click()
    inside.get_by_text("No decision stands now").wait_for()
    inside.get_by_role("button", name=re.compile("Accept|Agree")).first.wait_for()
    assert stored(tab, advice).outcome is Outcome.WITHDRAWN
    assert tab.said == []


def test_a_refused_comment_is_seen_at_once(tab: Tab) -> None:
    """The page that comes back opens where its message stands, and the words are still there."""
    inside = tab.open()
    inside.locator("details.override summary").first.click()
    inside.get_by_label("I judge the risk differently").first.check()
    inside.get_by_role("textbox", name="Comment").locator("visible=true").fill("improving\u202e since")
    inside.get_by_role("button", name="Save override").click()
    inside.locator(".problem", has_text="Nothing was saved").wait_for()
    tab.frame.wait_for_load_state()
    tab.frame.wait_for_function("document.querySelector('.problem').getBoundingClientRect().top < innerHeight")
    assert inside.get_by_role("textbox", name="Comment").locator("visible=true").input_value() == "improving since"


@pytest.fixture
def snoozed(tab: Tab) -> Tab:
    """A page of a risk that may be put off, put off for twelve hours."""
    inside = tab.open(OTHER_PATIENT)
    inside.get_by_text("Snooze …").click()
    inside.get_by_role("radio", name="for 12 hours").check()
    inside.get_by_role("button", name="Save snooze").click()
    inside.locator("strong", has_text="Saved: snoozed").wait_for()
    return tab


def test_a_snooze_keeps_the_next_card_away_until_it_is_undone(snoozed: Tab, browser: Any) -> None:
    """From the frame through the ledger to the hook: the chart is opened again and has no card, then one."""
    decided = stored(snoozed, snoozed.advice)
    assert decided.reason is not None
    assert (decided.outcome, decided.reason.code) == (Outcome.SNOOZED, "PT12H")
    chart = Tab(browser.new_page(), snoozed.ward)
    chart.chart(OTHER_PATIENT)
    assert chart.page.locator("article.card").count() == 0
    snoozed.inside.get_by_role("button", name="Undo").click()
    snoozed.inside.get_by_text("No decision stands now").wait_for()
    chart.chart(OTHER_PATIENT)
    assert chart.page.locator("article.card").count() == 1
    assert snoozed.said == []


def test_a_report_of_a_problem_becomes_an_incident(tab: Tab) -> None:
    """Sent from the frame it stands on the page and among the drafts of the quality team, with the advice's id."""
    inside = tab.open()
    inside.get_by_text("Report a problem with this advice").first.click()
    inside.get_by_role("radio", name="Misleading text").first.check()
    inside.get_by_role("textbox", name="What happened").first.fill("The tier says low, the colour says high.")
    inside.get_by_role("button", name="Send report").first.click()
    inside.get_by_text("Saved as incident").wait_for()
    told = inside.locator(".report").first.inner_text()
    (incident,) = [one for one in tab.ward.house.incidents.incidents() if one.advice_id == tab.advice]
    assert incident.id in told
    assert incident.words == "The tier says low, the colour says high."
    assert tab.said == []


def test_a_report_from_the_card_becomes_an_incident(tab: Tab) -> None:
    """The card's second link: the frame opens at the form of that very advice, focused; sent, it is its draft."""
    tab.chart(PATIENT)
    card = tab.page.locator("article.card").first
    advice = str(card.get_attribute("id")).removeprefix("card-")
    card.get_by_role("link", name="Report a problem with this advice").click()
    inside = tab.inside
    inside.locator(f"form#report-{advice}:focus").wait_for()
    assert tab.address.endswith(f"#report-{advice}")
    inside.get_by_role("radio", name="Wrong data").check()
    inside.get_by_role("textbox", name="What happened").fill("The urine output is of yesterday.")
    inside.get_by_role("button", name="Send report").click()
    inside.get_by_text("Saved as incident").wait_for()
    (incident,) = [one for one in tab.ward.house.incidents.incidents() if one.advice_id == advice]
    assert incident.id in inside.locator(".report").inner_text()
    assert incident.words == "The urine output is of yesterday."
    assert tab.said == []


def test_signing_out_ends_the_page_its_cookie_and_its_token(tab: Tab, browser: Any) -> None:
    """The frame says so; its address opens nothing more, and the EHR knows the token no longer."""
    inside = tab.open()
    address, before = tab.address, set(tab.ward.ehr.grants._tokens._items)
    shown = {bearer.removeprefix("Bearer ") for bearer in tab.ward.ehr.bearers}
    assert shown <= before
    assert shown
    inside.get_by_role("button", name="Sign out of this page").click()
    inside.get_by_role("heading", name="Signed out").wait_for()
    assert browser.cookies() == []
    assert shown.isdisjoint(tab.ward.ehr.grants._tokens._items)
    tab.put(address)
    inside.get_by_role("heading", name="not open in this browser").wait_for()
    assert all(name not in inside.locator("body").inner_text() for name in NAMES.values())
