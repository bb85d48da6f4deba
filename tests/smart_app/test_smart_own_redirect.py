"""Each EHR with an answering address of its own: a mix-up ends before any code goes anywhere (RFC 9700 section 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from smart_peer import AuthorizationServer, running

from clinical.errors import SettingsInvalid
from fhir_adapters.smart.session import SmartSessions
from smart_app.blueprint import create_blueprint
from smart_app.ports.ehr import Ehr

BASE = "https://chartside.example"


@dataclass
class Two:
    """An honest EHR and one in somebody else's hands, both registered, and a browser. Neither knows RFC 9207."""

    honest: AuthorizationServer
    evil: AuthorizationServer
    browser: FlaskClient

    def begin(self, ehr: AuthorizationServer) -> str:
        """Open the page from an EHR; gives the address of its authorization endpoint."""
        begun = self.browser.get("/smart/launch", query_string={"iss": ehr.iss, "launch": "L1"}, base_url=BASE)
        return str(begun.location)

    def mixed_up(self) -> str:
        """The evil endpoint sends the browser on to the honest one, as that EHR's own client; gives where it ends."""
        asked = dict(parse_qsl(urlsplit(self.begin(self.evil)).query))
        asked |= {"redirect_uri": self.honest.redirect_uri, "aud": self.honest.iss}
        answer = self.honest.authorize(f"{self.honest.origin}/authorize?{urlencode(asked)}")
        return f"{urlsplit(self.honest.redirect_uri).path}?{urlencode(answer)}"


def page_for(house: Any, sessions: SmartSessions, *ehrs: Ehr) -> FlaskClient:
    """A browser before a page with real launches at these EHRs."""
    app = Flask("own redirect")
    app.register_blueprint(
        create_blueprint(replace(house.deps, ehrs={ehr.iss: ehr for ehr in ehrs}, sessions=sessions))
    )
    return app.test_client()


@pytest.fixture
def two(house, server, sessions_for):
    """Makes both, with addresses of their own or a shared one."""
    with running(AuthorizationServer()) as evil:

        def make(own: bool) -> Two:
            ehrs = {"honest": server, "evil": evil}
            for name, ehr in ehrs.items():
                ehr.redirect_uri = f"{BASE}/smart/callback/{name}" if own else f"{BASE}/smart/callback"
            registered = [
                Ehr(name, ehr.iss, "chartside-app", ("https://ehr.example",), own_redirect=own)
                for name, ehr in ehrs.items()
            ]
            return Two(server, evil, page_for(house, sessions_for(), *registered))

        yield make


def test_a_mix_up_ends_before_the_code_goes_anywhere(two) -> None:
    """The honest EHR's code arrives at its own address, for a launch of the other: refused, and used up."""
    ward = two(True)
    back = ward.mixed_up()
    answer = ward.browser.get(back, base_url=BASE)
    assert answer.status_code == 502
    assert "came to the address of another EHR" in answer.text
    assert (ward.honest.token_forms, ward.evil.token_forms) == ([], [])
    state = parse_qs(urlsplit(back).query)["state"][0]
    again = ward.browser.get(f"/smart/callback/evil?code=c&state={state}", base_url=BASE)
    assert again.status_code == 403
    assert ward.evil.token_forms == []


def test_what_the_shared_address_rests_on(two) -> None:
    """With one address for all, and no RFC 9207, the other EHR gets the code, whose verifier is of no use to it."""
    ward = two(False)
    answer = ward.browser.get(ward.mixed_up(), base_url=BASE)
    assert answer.status_code == 502
    assert ward.honest.token_forms == []
    assert len(ward.evil.token_forms) == 1


@pytest.mark.parametrize("own", [True, False])
def test_launches_at_both_open_pages(two, own: bool) -> None:
    """Each at its own address, or both at the shared one; the same address goes to the token endpoint."""
    ward = two(own)
    for ehr in (ward.honest, ward.evil):
        answer = ehr.authorize(ward.begin(ehr))
        landed = ward.browser.get(urlsplit(ehr.redirect_uri).path, query_string=answer, base_url=BASE)
        assert landed.location.startswith("/smart/page/")
        assert [form["redirect_uri"] for form in ehr.token_forms] == [ehr.redirect_uri]


@pytest.mark.parametrize("place", ["/smart/callback", "/smart/callback/evil", "/smart/callback/nobody"])
@pytest.mark.parametrize(
    "query", [{"code": "c"}, {"error": "access_denied", "error_description": "Call the helpline"}], ids=str
)
def test_an_answer_at_another_address_is_refused(two, place: str, query: dict[str, str]) -> None:
    """Also an error: its words are not shown as those of the EHR."""
    ward = two(True)
    state = parse_qs(urlsplit(ward.begin(ward.honest)).query)["state"][0]
    answer = ward.browser.get(place, query_string={**query, "state": state}, base_url=BASE)
    assert answer.status_code == 502
    assert "came to the address of another EHR" in answer.text
    assert "helpline" not in answer.text
    assert (ward.honest.token_forms, ward.evil.token_forms) == ([], [])


def test_an_own_address_is_unknown_where_the_shared_one_is_registered(house, doctor, browser, make) -> None:
    """An EHR without an address of its own is not answered at one."""
    state = doctor.begin(browser).location.split("state=")[1].split("&")[0]
    answer = browser.get(f"/smart/callback/general?code=c&state={state}", base_url=make.base_url)
    assert answer.status_code == 502
    assert house.sessions.completed == []


def test_a_sign_in_page_elsewhere_is_allowed_by_name(house, doctor, make) -> None:
    """The policy of the page that posts names the endpoint, and the origins of the registry; nobody else's does."""
    login = "https://login.example"
    ehr = replace(house.deps.ehrs[make.iss], sign_in_origins=(login,))
    house.app = Flask("sign-in")
    house.app.register_blueprint(create_blueprint(replace(house.deps, ehrs={ehr.iss: ehr})))
    house.sessions.by_post = True
    browser = house.app.test_client()
    assert f"form-action 'self' https://as.example {login};" in doctor.begin(browser).headers["Content-Security-Policy"]
    other = browser.get("/smart/launch", base_url=make.base_url).headers["Content-Security-Policy"]
    assert login not in other
    for origin in ("*", "https://a.example/path", "https://a.example; script-src *"):
        with pytest.raises(SettingsInvalid, match="sign-in origin"):
            replace(ehr, sign_in_origins=(origin,))
