"""Tokens that end, die or cannot be renewed while the page is open, in the whole application."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from smart_hostile.person import Person, shows_data, text_of
from smart_hostile.ward import OTHER_PATIENT, TOKEN_SECONDS, Ward

LATER = timedelta(seconds=TOKEN_SECONDS + 1)
OVER = "The EHR's permission to read this record has run out."


def test_a_token_that_ended_is_renewed_with_rotation(ward: Ward, person: Person) -> None:
    """Each renewal uses the newest refresh token, and no token is shown to the EHR after its end."""
    _, page = person.launch()
    for turn in (1, 2):
        ward.clock.ahead += LATER
        ward.ehr.bearers.clear()
        page = person.again(page)
        assert (page.status_code, ward.ehr.renewals) == (200, turn)
        assert len(ward.ehr.bearers) == 1
    sent = [asked["refresh_token"] for asked in ward.ehr.tokens_asked if "refresh_token" in asked]
    assert len(set(sent)) == 2


def test_a_refresh_token_that_stays_is_used_again(ward: Ward, person: Person) -> None:
    """Some EHRs do not rotate."""
    ward.ehr.settings.mischief.arm("same_refresh_token")
    _, page = person.launch()
    for turn in (1, 2):
        ward.clock.ahead += LATER
        page = person.again(page)
        assert (page.status_code, ward.ehr.renewals) == (200, turn)


def test_a_token_that_is_dead_from_the_start_is_renewed(ward: Ward, person: Person) -> None:
    """The first read is refused, one refresh follows, and the page opens."""
    ward.ehr.settings.mischief.arm("dead_token", times=1)
    _, page = person.launch()
    assert (page.status_code, ward.ehr.renewals) == (200, 1)
    assert shows_data(page)


@pytest.mark.parametrize(("name", "asked"), [("no_refresh_token", 0), ("refresh_refused", 1)])
def test_a_token_that_cannot_be_renewed_is_words(ward: Ward, person: Person, name: str, asked: int) -> None:
    """No new number, and the EHR is not asked twice; what was assessed before stays on the page."""
    ward.ehr.settings.mischief.arm(name)
    _, page = person.launch()
    ward.clock.ahead += LATER
    for _ in range(2):
        answer = person.again(page)
        assert answer.status_code == 403
        assert OVER in text_of(answer)
        assert not shows_data(answer)
    assert ward.ehr.renewals == asked


def test_a_renewal_for_another_patient_is_refused(ward: Ward, person: Person) -> None:
    """The chart that is open does not change under the page."""
    _, page = person.launch()
    ward.ehr.settings.mischief.arm("other_patient", value=OTHER_PATIENT)
    ward.clock.ahead += LATER
    answer = person.again(page)
    assert (answer.status_code, shows_data(answer)) == (403, False)
    assert OVER in text_of(answer)


@pytest.mark.parametrize("name", ["token_type", "no_access_token", "not_json", "huge_answer", "token_status"])
def test_a_broken_renewal_is_words(ward: Ward, person: Person, name: str) -> None:
    """The old token is over, the new one is none."""
    _, page = person.launch()
    ward.ehr.settings.mischief.arm(name)
    ward.clock.ahead += LATER
    answer = person.again(page)
    assert (answer.status_code, shows_data(answer)) == (403, False)


def test_reads_side_by_side_share_one_renewal(ward: Ward, person: Person) -> None:
    """The EHR ends the token at once: every read of the new assessment is refused, and one refresh follows."""
    _, page = person.launch()
    ward.ehr.refuse()
    assert person.again(page).status_code == 200
    assert ward.ehr.renewals == 1


def test_two_browsers_tabs_that_renew_at_once(ward: Ward, person: Person) -> None:
    """Of two equal requests one assesses; of four callers for leave one refreshes, and all get the new token."""
    _, page = person.launch()
    ward.clock.ahead += LATER
    visit = ward.visits()[-1]
    start = Barrier(4)

    def ask(_: int) -> str:
        start.wait(60)
        return ward.house.sessions.access(visit).token

    with ThreadPoolExecutor(4) as pool:
        tokens = set(pool.map(ask, range(4)))
    assert (len(tokens), ward.ehr.renewals) == (1, 1)
    ward.ehr.refuse()
    with ThreadPoolExecutor(2) as pool:
        seen = {answer.status_code for answer in pool.map(lambda _: person.again(page), range(2))}
    assert seen <= {200, 503}
    assert 200 in seen
    assert ward.ehr.renewals == 2
