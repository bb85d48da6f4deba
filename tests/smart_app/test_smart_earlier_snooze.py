"""A snooze that was given on earlier advice: the page of a new launch tells it, and can end it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from clinical.advice import Outcome

TOLD = "you put further cards of this model about this patient off, until 12 Nov 2026, 18:05 UTC"


def form(text: str) -> dict[str, str]:
    """The hidden fields of the first form about an advice."""
    found = {name: re.search(rf'name="{name}" value="([^"]+)"', text) for name in ("csrf_token", "advice", "round")}
    return {name: one[1] for name, one in found.items() if one}


@pytest.fixture
def put_off(doctor, browser):
    """A page on which cards were put off for four hours."""
    url, text = doctor.see(browser)
    once = re.search(r'name="once" value="([^"]+s)"', text)[1]
    given = {**form(text), "once": once, "outcome": "snoozed", "span": "PT4H"}
    assert doctor.post(browser, f"{url}/decision", given).status_code == 303
    return url


def test_a_new_launch_tells_the_snooze_and_ends_it(put_off, house, doctor, make) -> None:
    """Whichever round or tab it was given in."""
    browser = house.browser()
    url, text = doctor.see(browser)
    assert TOLD in " ".join(text.split())
    assert 'value="snoozed"' not in text
    answer = doctor.post(browser, f"{url}/wake", form(text))
    assert answer.status_code == 303
    withdrawn = house.ledger.feedback[-1]
    assert (withdrawn.outcome, withdrawn.advice_id) == (Outcome.WITHDRAWN, house.ledger.feedback[0].advice_id)
    assert "you put further cards" not in browser.get(url, base_url=make.base_url).text
    doctor.post(browser, f"{url}/wake", form(text))  # once more: there is none any more
    assert len(house.ledger.feedback) == 2


def test_assessing_again_keeps_it_in_sight(put_off, house, doctor, browser, make) -> None:
    """The new advice has no decision of its own."""
    doctor.post(browser, f"{put_off}/again", form(browser.get(put_off, base_url=make.base_url).text))
    assert TOLD in " ".join(browser.get(put_off, base_url=make.base_url).text.split())


def test_where_it_was_given_it_is_told_once(put_off, browser, make) -> None:
    """There it is the saved decision."""
    page = browser.get(put_off, base_url=make.base_url).text
    assert "Saved: snoozed" in page
    assert "you put further cards" not in page


def test_it_is_told_until_it_is_over_and_to_nobody_else(put_off, house, doctor, make) -> None:
    """Four hours later, for another clinician, and about another patient there is none."""
    for patient, user in (("p1", "Practitioner/8"), ("p2", "Practitioner/7")):
        visit = make.visit(patient_id=patient, user=user)
        assert "you put further cards" not in doctor.see(house.browser(), visit)[1]
    house.clock.time += timedelta(hours=4)
    assert "you put further cards" not in doctor.see(house.browser())[1]


def test_a_ledger_that_fails_ends_no_snooze(put_off, house, doctor, make) -> None:
    """And says so."""
    browser = house.browser()
    url, text = doctor.see(browser)
    house.ledger.down = True
    answer = doctor.post(browser, f"{url}/wake", form(text))
    assert answer.status_code == 503
    assert "Not saved" in answer.text
    house.ledger.down = False
    assert len(house.ledger.feedback) == 1
