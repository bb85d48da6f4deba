"""The page in a cross-site frame of a strict EHR, in Chromium: chart on localhost, application on 127.0.0.1."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from smart_hostile.frame import Tab
from smart_hostile.ward import NAMES, OPEN_PAGE, OTHER_PATIENT, PATIENT, TOKEN_SECONDS


def test_from_the_card_to_the_page(tab: Tab) -> None:
    """Hook, card, link, launch, page: the same risk, in the EHR's own frame."""
    tab.chart(PATIENT)
    card = tab.page.locator("article.card").first
    risk = card.inner_text().partition("%")[0].split()[-1]
    card.get_by_role("link", name="See the reasons and decide").click()
    tab.inside.get_by_text("This is the advice of the card").wait_for()
    assert tab.inside.locator(".number").first.inner_text().startswith(f"{risk} %")
    assert tab.said == []


def test_a_standalone_launch_with_a_refused_scope(tab: Tab) -> None:
    """Sign in, choose, keep one kind of data back: the page opens, and says what it may not read."""
    inside = tab.put(f"{tab.ward.url}/smart/standalone/ward")
    inside.get_by_role("button", name="Sign in").click()
    inside.locator(f'button[value="{PATIENT}"]').click()
    inside.get_by_label("patient/MedicationRequest.rs").uncheck()
    inside.get_by_role("button", name="Allow").click()
    inside.get_by_text("did not give leave to read all of the orders of medicines").wait_for()
    tab.frame.wait_for_load_state()
    assert inside.locator("article.model").count() == 1
    assert tab.said == []


def test_a_refused_standalone_launch_is_words(tab: Tab) -> None:
    """The person says no at the EHR, and the page says that nothing was read."""
    inside = tab.put(f"{tab.ward.url}/smart/standalone/ward")
    inside.get_by_role("button", name="Sign in").click()
    inside.locator(f'button[value="{PATIENT}"]').click()
    inside.get_by_role("button", name="Deny").click()
    inside.get_by_text("declined to give this page access to the record").wait_for()
    assert "/smart/callback" in tab.address
    assert inside.locator("article.model").count() == 0
    assert tab.ward.ehr.tokens_asked == []


def test_a_token_that_ends_mid_page_is_renewed_unseen(tab: Tab) -> None:
    """The person presses "Assess again" after the end of the token, and sees a new assessment."""
    inside = tab.launch()
    inside.get_by_text(NAMES[PATIENT]).first.wait_for()
    tab.ward.clock.ahead += timedelta(seconds=TOKEN_SECONDS + 1)
    inside.get_by_role("button", name="Assess again now").click()
    inside.locator('[name="round"][value="2"]').first.wait_for(state="attached")
    assert tab.ward.ehr.renewals == 1
    assert NAMES[PATIENT] in inside.locator("header.patient").inner_text()
    assert tab.said == []


def test_a_token_that_is_over_mid_page_is_words(tab: Tab) -> None:
    """No renewal: the page says so, and leads back to what was assessed before."""
    tab.ward.ehr.settings.mischief.arm("refresh_refused")
    inside = tab.launch()
    inside.get_by_text(NAMES[PATIENT]).first.wait_for()
    tab.ward.clock.ahead += timedelta(seconds=TOKEN_SECONDS + 1)
    inside.get_by_role("button", name="Assess again now").click()
    inside.get_by_text("permission to read this record has run out").wait_for()
    assert inside.locator("article.model").count() == 0
    inside.get_by_role("link", name="Back to the page").click()
    inside.locator("article.model").first.wait_for()


def test_two_tabs_two_patients(browser: Any, tab: Tab) -> None:
    """Charts of two patients in two tabs of one browser: reloaded, assessed again and left, they never mix."""
    other = Tab(browser.new_page(), tab.ward)
    tabs = {PATIENT: tab, OTHER_PATIENT: other}
    for patient, one in tabs.items():
        one.launch(patient).get_by_text(NAMES[patient]).first.wait_for()
    addresses = {patient: one.address for patient, one in tabs.items()}
    for patient, one in tabs.items():
        one.inside.get_by_role("button", name="Assess again now").click()
        _shows_only(one, patient)
        one.put(addresses[patient])
        _shows_only(one, patient)


def _shows_only(tab: Tab, patient: str) -> None:
    """The right name, and no other."""
    tab.inside.get_by_text(NAMES[patient]).first.wait_for()
    text = tab.inside.locator("body").inner_text()
    assert [name for key, name in NAMES.items() if key != patient and name in text] == []


def test_the_patient_of_the_chart_may_change_in_one_tab(tab: Tab) -> None:
    """The frame of the next chart is a new launch; the address of the first still shows the first."""
    tab.launch(PATIENT)
    _shows_only(tab, PATIENT)
    first = tab.address
    tab.launch(OTHER_PATIENT)
    _shows_only(tab, OTHER_PATIENT)
    tab.put(first)
    _shows_only(tab, PATIENT)


def test_the_cookie_is_the_frames_own(browser: Any, tab: Tab) -> None:
    """`__Host-`, Secure, HttpOnly, SameSite=None, partitioned by the EHR's site: outside the frame nothing opens."""
    tab.launch().get_by_text(NAMES[PATIENT]).first.wait_for()
    (cookie,) = browser.cookies()
    assert cookie["name"].startswith("__Host-chartside-")
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, True, "None", "/")
    assert (cookie["expires"], cookie["partitionKey"]) == (-1, "http://localhost")
    outside = browser.new_page()
    assert outside.goto(tab.address).status == 403
    assert NAMES[PATIENT] not in outside.content()


def test_another_ehr_may_not_frame_the_page(tab: Tab) -> None:
    """The frame-ancestors of a page are those of its own EHR: on the chart of the other one it stays empty."""
    tab.page.goto(f"{tab.ward.ehr.settings.base_url}{OPEN_PAGE}")
    tab.launch(PATIENT, tab.ward.other)
    turns = 0
    while not any("frame-ancestors" in text for text in tab.said) and (turns := turns + 1) < 600:
        tab.page.wait_for_timeout(100)
    assert any("frame-ancestors" in text for text in tab.said)
    assert all(NAMES[PATIENT] not in frame.content() for frame in tab.page.frames[1:])


@pytest.mark.parametrize("name", ["wrong_nonce", "other_issuer", "hostile_error", "dead_token"])
def test_mischief_in_the_frame_is_words(tab: Tab, name: str) -> None:
    """What is refused is refused in the frame too, and runs nothing."""
    tab.ward.ehr.settings.mischief.arm(name)
    inside = tab.launch()
    inside.get_by_text(re.compile("^Incident")).wait_for()
    assert inside.locator("article.model").count() == 0
    assert tab.page.title() != "stolen"
    assert all("Failed to load resource" in text for text in tab.said)
