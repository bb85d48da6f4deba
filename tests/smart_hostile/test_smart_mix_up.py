"""Two live EHRs, used callbacks and other browsers: an answer counts for its own launch, browser and EHR, once."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from smart_hostile.person import Person, shows_data, text_of
from smart_hostile.ward import NAMES, OTHER_PATIENT, PATIENT, Ward


def test_both_ehrs_open_pages(ward: Ward, person: Person) -> None:
    """Two charts of two EHRs in one browser: each token goes to its own EHR only."""
    pages = {ehr.name: person.launch(ehr, ehr.launch(patient))[1] for ehr, patient in _charts(ward)}
    for ehr, patient in _charts(ward):
        answer = person.again(pages[ehr.name])
        assert NAMES[patient] in answer.text
        assert not any(name in answer.text for key, name in NAMES.items() if key != patient)
    assert set(ward.ehr.bearers).isdisjoint(ward.other.bearers)


@pytest.mark.parametrize("named", [True, False])
def test_the_code_of_one_ehr_is_never_taken_to_another(ward: Ward, person: Person, named: bool) -> None:
    """Mix-up (RFC 9700 section 4.4): a launch at one EHR, the answer from the other, with or without its name."""
    begun = urlsplit(person.begin(ward.other))
    asked = dict(parse_qsl(begun.query)) | {
        "client_id": "app-at-ward",
        "aud": ward.ehr.fhir,
        "launch": ward.ehr.launch(),
    }
    target = urlsplit(f"{ward.ehr.settings.base_url}/oauth/authorize")
    back = urlsplit(person.agree(urlunsplit(target._replace(query=urlencode(asked)))))
    answered = dict(parse_qsl(back.query))
    if not named:
        del answered["iss"]
    answer = person.get("/smart/callback", **answered)
    assert answer.status_code == 502
    assert "The answer came from another authorization server." in text_of(answer)
    assert (ward.ehr.tokens_asked, ward.other.tokens_asked) == ([], [])


def test_a_callback_belongs_to_its_browser(ward: Ward, person: Person) -> None:
    """Somebody else's callback, sent to a colleague, opens nothing; its owner may still use it, once."""
    back = person.agree(person.begin(ward.ehr)).removeprefix(ward.url)
    stranger = Person(ward)
    assert stranger.get(back).status_code == 403
    stranger.begin(ward.ehr)  # with a launch, and so a cookie, of their own
    assert stranger.get(back).status_code == 403
    assert ward.ehr.tokens_asked == []
    assert person.get(back).status_code == 303
    again = person.get(back)
    assert (again.status_code, shows_data(again)) == (403, False)
    assert len(ward.ehr.tokens_asked) == 1


def test_a_page_belongs_to_its_browser(ward: Ward, person: Person) -> None:
    """The address alone opens nothing."""
    back = person.agree(person.begin(ward.ehr)).removeprefix(ward.url)
    address = person.get(back).location
    stranger = Person(ward)
    answer = stranger.get(address)
    assert (answer.status_code, shows_data(answer)) == (403, False)
    assert shows_data(person.get(address))


def test_a_cookie_cannot_be_made_up(ward: Ward, person: Person) -> None:
    """Who knows a launch by its address, and gives the cookie its name, still lacks its value."""
    back = person.agree(person.begin(ward.ehr)).removeprefix(ward.url)
    (name,) = (name for _, _, name in person.browser._cookies)
    stranger = Person(ward)
    stranger.browser.set_cookie(name, "made-up", domain=urlsplit(ward.url).hostname or "")
    assert stranger.get(back).status_code == 403
    address = person.get(back).location
    assert stranger.get(address).status_code == 403
    assert person.get(address).status_code == 200


def test_a_code_that_was_replayed_ends_the_first_page_too(ward: Ward, person: Person) -> None:
    """The EHR revokes what the code had given; the page says so in words at its next reading."""
    _, page = person.launch()
    ward.ehr.settings.mischief.arm("replayed_code")
    assert person.launch()[1].status_code == 502
    ward.ehr.settings.mischief.disarm()
    answer = person.again(page)
    assert (answer.status_code, shows_data(answer)) == (503, False)
    assert "permission to read the record has run out" in text_of(answer)


def test_a_launch_id_is_used_once(ward: Ward, person: Person) -> None:
    """The second launch with it ends at the EHR's refusal, in words."""
    launch = ward.ehr.launch()
    assert person.launch(launch=launch)[1].status_code == 200
    answer = person.launch(launch=launch)[1]
    assert (answer.status_code, shows_data(answer)) == (502, False)
    assert "could not read the launch request" in text_of(answer)


def test_the_callback_of_one_tab_is_not_that_of_another(ward: Ward, person: Person) -> None:
    """State and code of two launches of one browser, crossed: neither code is worth anything for the other launch."""
    backs = [dict(parse_qsl(urlsplit(person.agree(person.begin(ward.ehr))).query)) for _ in range(2)]
    for mine, other in (backs, backs[::-1]):
        answer = person.get("/smart/callback", **(mine | {"code": other["code"]}))
        assert (answer.status_code, shows_data(answer)) == (502, False)
        assert "did not exchange the code" in text_of(answer)


def test_a_form_of_one_page_does_nothing_on_another(ward: Ward, person: Person) -> None:
    """Two pages of one browser: the token of a form is its own page's."""
    mine, other = (person.launch(launch=ward.ehr.launch(patient))[1] for patient in (PATIENT, OTHER_PATIENT))
    form = dict(re.findall(r'name="(csrf_token|round)" value="([^"]+)"', mine.text))
    answer = person.post(re.findall(r'action="(/smart/page/[\w-]+/again)"', other.text)[0], form)
    assert (answer.status_code, shows_data(answer)) == (403, False)


def _charts(ward: Ward):
    """Who is open where."""
    return ((ward.ehr, PATIENT), (ward.other, OTHER_PATIENT))
