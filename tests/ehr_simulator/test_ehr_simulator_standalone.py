"""A launch that begins in the app: sign in, choose, agree; and authorization by POST."""

from __future__ import annotations

from typing import Any

import pytest

from ehr_simulator.authorization.offers import Offers
from ehr_simulator.demo.browser import PageSeen

SCOPE = "openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs offline_access"


class Pages:
    """Walks through the pages of one standalone launch."""

    def __init__(self, road: Any, **changes: str | None) -> None:
        self.road = road
        self.answer = road.authorize(**{"launch": None, "scope": SCOPE} | changes)

    @property
    def page(self) -> PageSeen:
        assert self.answer.status_code == 200, self.answer.data
        return PageSeen("", 200, self.answer.get_data(as_text=True))

    def send(self, headers: dict[str, str] | None = None, **values: Any) -> Pages:
        """Send the form of the page with these values."""
        form = self.page.forms()[0]
        self.answer = self.road.client.post(form.action, data={**form.hidden, **values}, headers=headers or {})
        return self

    def to_approval(self, patient: str = "sim-02") -> Pages:
        """Sign in and choose a patient."""
        return self.send(user="dr-demo").send(patient=patient)

    def approve(self, *scopes: str) -> dict[str, str]:
        """Agree to some scopes, or to all that were asked for."""
        self.send(decision="approve", scope=list(scopes or SCOPE.split()))
        back: dict[str, str] = self.road.returned(self.answer)
        return back


def test_a_patient_is_chosen_on_our_pages(road: Any) -> None:
    """Sign in, choose, agree: the token is for the chosen patient, without encounter, renewable."""
    pages = Pages(road)
    assert "Sign in" in pages.page.text
    pages.send(user="dr-demo")
    buttons = pages.page.forms()[0].buttons
    assert ("patient", "sim-02") in buttons
    assert ("patient", "sim-04") in buttons
    pages.send(patient="sim-04")
    assert "patient/Observation.rs" in pages.page.text
    back = pages.approve()
    assert (back["state"], back["iss"]) == ("state-1", "http://127.0.0.1:8101")
    body = road.exchange(back["code"]).get_json()
    assert body["patient"] == "sim-04"
    assert "encounter" not in body
    assert body["refresh_token"]
    assert road.read("Patient/sim-04", body["access_token"]).status_code == 200
    assert road.read("Patient/sim-02", body["access_token"]).status_code == 403


def test_an_encounter_can_be_asked_for(road: Any) -> None:
    """`launch/encounter` adds a page and the member."""
    scope = "launch/patient launch/encounter patient/Patient.rs"
    pages = Pages(road, scope=scope).to_approval()
    assert ("encounter", "sim-02-stay") in pages.page.forms()[0].buttons
    assert pages.send(encounter="sim-04-stay").answer.status_code == 400
    pages = Pages(road, scope=scope).to_approval().send(encounter="sim-02-stay")
    body = road.exchange(pages.approve(*scope.split())["code"]).get_json()
    assert (body["patient"], body["encounter"]) == ("sim-02", "sim-02-stay")


def test_without_patient_scopes_nobody_is_chosen(road: Any) -> None:
    """A user-level launch goes from sign-in to approval."""
    pages = Pages(road, scope="openid fhirUser user/Patient.rs").send(user="dr-demo")
    body = road.exchange(pages.approve("user/Patient.rs")["code"]).get_json()
    assert "patient" not in body
    assert "need_patient_banner" not in body


def test_the_user_may_grant_less(road: Any) -> None:
    """An unticked scope is not in the token; the launch scopes are not open to choice."""
    back = Pages(road).to_approval().approve("patient/Patient.rs")
    body = road.exchange(back["code"]).get_json()
    assert body["scope"] == "openid fhirUser launch/patient patient/Patient.rs"
    assert "refresh_token" not in body
    assert road.read("Observation", body["access_token"]).status_code == 403


def test_a_scope_cannot_be_added_in_the_form(road: Any) -> None:
    """Ticks beyond what was asked for count for nothing."""
    back = Pages(road).to_approval().approve("patient/Patient.rs", "patient/Encounter.rs", "user/*.rs")
    assert road.exchange(back["code"]).get_json()["scope"].endswith("launch/patient patient/Patient.rs")


def test_the_user_may_refuse(road: Any) -> None:
    """Deny goes back with access_denied, and the request is gone."""
    pages = Pages(road).to_approval()
    form = {**pages.page.forms()[0].hidden, "decision": "deny"}
    pages.send(decision="deny")
    back = road.returned(pages.answer)
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "state-1", "http://127.0.0.1:8101")
    assert road.client.post("/oauth/continue", data=form).status_code == 400


def test_steps_cannot_be_skipped_or_repeated(road: Any, ehr_clock: Any) -> None:
    """Approval before a choice, an unknown request, a form from elsewhere, an old request: all stay here."""
    pages = Pages(road)
    hidden = pages.page.forms()[0].hidden
    skipped = {**hidden, "step": "approve", "decision": "approve", "scope": SCOPE.split()}
    assert road.client.post("/oauth/continue", data=skipped).status_code == 400
    assert road.client.post("/oauth/continue", data={**hidden, "request": "x"}).status_code == 400
    foreign = road.client.post("/oauth/continue", data=hidden, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert pages.send(user="dr-demo").send(patient="nobody").answer.status_code == 400
    later = Pages(road)
    ehr_clock.forward(601)
    assert later.send(user="dr-demo").answer.status_code == 400


def test_approval_works_once(road: Any) -> None:
    """The approval form sent twice gives one code."""
    pages = Pages(road).to_approval()
    form = {**pages.page.forms()[0].hidden, "decision": "approve"}
    assert road.client.post("/oauth/continue", data=form).status_code == 303
    assert road.client.post("/oauth/continue", data=form).status_code == 400


def test_the_page_lets_its_form_end_at_the_app_only(road: Any) -> None:
    """Browsers apply form-action to redirects."""
    policy = Pages(road).answer.headers["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1:8100" in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    "changes",
    [{"aud": None}, {"state": None}, {"code_challenge": None}, {"scope": "launch"}, {"scope": "nonsense"}],
)
def test_a_wrong_standalone_request_never_reaches_the_pages(road: Any, changes: dict[str, Any]) -> None:
    """The rules hold before anybody signs in."""
    assert "error" in road.returned(Pages(road, **changes).answer)


def test_online_access_needs_an_ehr_session(road: Any) -> None:
    """It is granted in a launch from the EHR only."""
    pages = Pages(road, scope="launch/patient patient/Patient.rs online_access").to_approval()
    assert "online_access" not in pages.page.text


def test_authorization_by_post(road: Any) -> None:
    """The same request as a form; the way back is a GET."""
    answer = road.client.post("/oauth/authorize", data=road.request())
    assert answer.status_code == 303
    assert road.exchange(road.returned(answer)["code"]).status_code == 200
    standalone = road.client.post("/oauth/authorize", data=road.request(launch=None, scope=SCOPE))
    assert b"Sign in" in standalone.data


def test_a_post_with_parameters_in_its_address_is_refused(road: Any) -> None:
    """And a repeated parameter, and a POST where it is not offered."""
    asked = road.request()
    assert road.client.post("/oauth/authorize?state=x", data=asked).status_code == 400
    assert road.client.post("/oauth/authorize", data={**asked, "scope": ["a", "b"]}).status_code == 400


def test_post_can_be_switched_off(road_with: Any) -> None:
    """Then discovery does not name it."""
    road = road_with(offers=Offers(post=False))
    assert road.client.post("/oauth/authorize", data=road.request()).status_code == 400
    named = road.client.get("/fhir/.well-known/smart-configuration").get_json()["capabilities"]
    assert "authorize-post" not in named
