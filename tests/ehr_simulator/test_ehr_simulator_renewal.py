"""Refresh tokens rotate; revocation and introspection are for the app that holds the token."""

from __future__ import annotations

import base64
import threading
from datetime import timedelta
from typing import Any

import pytest

from ehr_simulator.authorization.offers import Offers
from ehr_simulator.settings import OAuthClient

SCOPE = "openid fhirUser launch patient/Patient.rs patient/Observation.rs"
BASIC = {"Authorization": f"Basic {base64.b64encode(b'confidential:a secret of some length').decode()}"}


@pytest.mark.parametrize("scope", ["online_access", "offline_access"])
def test_a_refresh_gives_a_new_pair_with_the_same_context(road: Any, scope: str) -> None:
    """New access token, new refresh token, patient and scope as before; the id_token is not repeated."""
    first = road.token(scope=f"{SCOPE} {scope}")
    second = road.refresh(first["refresh_token"]).get_json()
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert (second["patient"], second["scope"]) == ("sim-02", first["scope"])
    assert "id_token" not in second
    assert road.read("Patient/sim-02", second["access_token"]).status_code == 200
    assert road.refresh(second["refresh_token"]).status_code == 200


def test_without_the_scope_there_is_no_refresh_token(road: Any) -> None:
    """Neither online_access nor offline_access."""
    assert "refresh_token" not in road.token()


def test_a_reused_refresh_token_ends_everything(road: Any) -> None:
    """The old one is refused, and takes the new pair with it."""
    first = road.token(scope=f"{SCOPE} offline_access")
    second = road.refresh(first["refresh_token"]).get_json()
    assert road.refresh(first["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert road.refresh(second["refresh_token"]).get_json()["error"] == "invalid_grant"
    for body in (first, second):
        assert road.read("Patient/sim-02", body["access_token"]).status_code == 401


def test_two_refreshes_at_once_end_everything(road: Any) -> None:
    """At most one is answered, and nothing of the launch is good afterwards."""
    first = road.token(scope=f"{SCOPE} offline_access")
    bodies: list[Any] = []

    def refresh() -> None:
        bodies.append(road.refresh(first["refresh_token"]).get_json())

    threads = [threading.Thread(target=refresh) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [body["access_token"] for body in bodies if "access_token" in body]
    assert len(given) <= 1
    for token in (first["access_token"], *given):
        assert road.read("Patient/sim-02", token).status_code == 401


def test_scope_may_shrink_but_not_grow(road: Any) -> None:
    """A subset is granted; more gives invalid_scope and does not spend the token."""
    first = road.token(scope=f"{SCOPE} offline_access")
    more = road.refresh(first["refresh_token"], scope="patient/Encounter.rs")
    assert more.get_json()["error"] == "invalid_scope"
    less = road.refresh(first["refresh_token"], scope="patient/Patient.rs").get_json()
    assert less["scope"] == "patient/Patient.rs"
    assert road.read("Observation", less["access_token"]).status_code == 403


def test_a_refresh_token_belongs_to_its_app(road: Any, app_keys: Any) -> None:
    """Another app gets invalid_grant, and does no harm."""
    first = road.token(scope=f"{SCOPE} offline_access")
    stolen = road.refresh(first["refresh_token"], client_id=None, **app_keys.assertion())
    assert stolen.get_json()["error"] == "invalid_grant"
    assert road.refresh(first["refresh_token"]).status_code == 200
    assert road.refresh("invented").get_json()["error"] == "invalid_grant"
    assert road.refresh("").get_json()["error"] == "invalid_request"


def test_a_confidential_app_authenticates_to_refresh(road: Any, app_keys: Any) -> None:
    """The assertion is needed again, a fresh one each time."""
    code = road.code(client_id="keyed", scope=f"{SCOPE} offline_access")
    first = road.exchange(code, client_id=None, **app_keys.assertion()).get_json()
    assert road.refresh(first["refresh_token"], client_id="keyed").get_json()["error"] == "invalid_client"
    assert road.refresh(first["refresh_token"], client_id=None, **app_keys.assertion()).status_code == 200


def test_online_access_ends_with_the_session_offline_later(road: Any, ehr_clock: Any) -> None:
    """Eight hours and ninety days, both to be set; rotation does not prolong them."""
    online = road.token(scope=f"{SCOPE} online_access")
    offline = road.token(scope=f"{SCOPE} offline_access")
    ehr_clock.forward(7 * 3600)
    rotated = road.refresh(online["refresh_token"]).get_json()
    ehr_clock.forward(2 * 3600)
    assert road.refresh(rotated["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert road.refresh(offline["refresh_token"]).status_code == 200


def test_short_tokens(road_with: Any, ehr_clock: Any, redirect_uri: str) -> None:
    """Lifetimes are settings, for all apps or for one."""
    road = road_with(token_lifetime=5)
    body = road.token()
    assert body["expires_in"] == 5
    ehr_clock.forward(6)
    late = road.read("Patient/sim-02", body["access_token"])
    assert late.status_code == 401
    assert late.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    own = road_with(clients=(OAuthClient("chartside", (redirect_uri,), token_lifetime=7),))
    assert own.token()["expires_in"] == 7


def revoke(road: Any, token: str, headers: dict[str, str] | None = None, **form: str) -> Any:
    """A revocation request; a public app names itself."""
    return road.client.post("/oauth/revoke", data={"token": token, **form}, headers=headers or {})


def test_revoking_a_refresh_token_ends_everything(road: Any) -> None:
    """Access tokens of the same launch die with it; an access token dies alone."""
    body = road.token(scope=f"{SCOPE} offline_access")
    assert revoke(road, body["access_token"], client_id="chartside").status_code == 200
    renewed = road.refresh(body["refresh_token"]).get_json()
    assert revoke(road, renewed["refresh_token"], client_id="chartside").status_code == 200
    assert road.read("Patient/sim-02", renewed["access_token"]).status_code == 401
    assert road.refresh(renewed["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_only_the_own_app_revokes(road: Any) -> None:
    """Unauthenticated 4xx, another app 400, and the token stays good."""
    token = road.token()["access_token"]
    assert revoke(road, token).status_code in {400, 401}
    assert revoke(road, token, BASIC).get_json()["error"] == "invalid_grant"
    assert revoke(road, "", client_id="chartside").get_json()["error"] == "invalid_request"
    assert road.read("Patient/sim-02", token).status_code == 200


def introspect(road: Any, token: str, headers: dict[str, str] | None = None, **form: str) -> Any:
    """An introspection request."""
    return road.client.post("/oauth/introspect", data={"token": token, **form}, headers=headers or {})


def test_introspection_repeats_the_context(road: Any, ehr_clock: Any) -> None:
    """A confidential app sees its own token: scope, client, expiry, patient, fhirUser; a refresh token too."""
    code = road.code(client_id="confidential", scope=f"{SCOPE} offline_access")
    body = road.exchange(code, BASIC, client_id=None).get_json()
    seen = introspect(road, body["access_token"], BASIC).get_json()
    assert seen["active"] is True
    assert (seen["client_id"], seen["patient"], seen["scope"]) == ("confidential", "sim-02", body["scope"])
    assert seen["exp"] == int((ehr_clock() + timedelta(hours=1)).timestamp())
    assert seen["fhirUser"].endswith("Practitioner/dr-demo")
    assert introspect(road, body["refresh_token"], BASIC).get_json()["active"] is True
    ehr_clock.forward(3601)
    assert introspect(road, body["access_token"], BASIC).get_json() == {"active": False}


def test_introspection_needs_its_own_authorization(road: Any) -> None:
    """Nobody, or a public app by name alone, learns anything; its own token opens it; foreign ones are dark."""
    token = road.token()["access_token"]
    assert introspect(road, token).status_code == 401
    assert introspect(road, token, client_id="chartside").status_code == 401
    assert introspect(road, token, {"Authorization": "Bearer wrong"}).status_code == 401
    assert introspect(road, token, {"Authorization": f"Bearer {token}"}).get_json()["active"] is True
    assert introspect(road, token, BASIC).get_json() == {"active": False}
    assert introspect(road, "unknown", BASIC).get_json() == {"active": False}


def test_both_can_be_switched_off(road_with: Any) -> None:
    """Then discovery does not name them and the addresses are empty."""
    road = road_with(offers=Offers(revocation=False, introspection=False))
    document = road.client.get("/fhir/.well-known/smart-configuration").get_json()
    assert not {"revocation_endpoint", "introspection_endpoint"} & document.keys()
    assert revoke(road, "x", client_id="chartside").status_code == 404
    assert introspect(road, "x", BASIC).status_code == 404
