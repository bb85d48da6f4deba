"""Sign-in of the hospital's staff to an app of its own: OpenID Connect without a chart."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from ehr_simulator.authorization.staff import STAFF
from ehr_simulator.settings import OAuthClient

BACK = "http://127.0.0.1:8100/oversight/sign-in"


@pytest.fixture
def staffed(road_with: Callable[..., Any], redirect_uri: str) -> Any:
    """An EHR with an app for the staff, and one for the chart."""
    staff = OAuthClient("quality", (redirect_uri,), staff=True, signed_out_uris=(BACK,))
    return road_with(clients=(staff, OAuthClient("chartside", (redirect_uri,))))


def ask(road: Any, **changes: str | None) -> Any:
    """The request of the staff's app, without `aud`."""
    return road.authorize(**{"client_id": "quality", "scope": "openid profile", "launch": None, "aud": None} | changes)


def sign_in(road: Any, user: str, **changes: str | None) -> dict[str, Any]:
    """From the request to the claims."""
    hidden = dict(re.findall(r'name="(request|step)" value="([^"]+)"', ask(road, **changes).text))
    back = road.returned(road.client.post("/oauth/continue", data={**hidden, "user": user}))
    body = road.exchange(back["code"], client_id="quality").get_json()
    claims: dict[str, Any] = road.claims(body["id_token"], "/oauth/jwks.json")[1]
    return claims | {"scope": body["scope"]}


def test_everybody_may_sign_in_and_has_their_groups(staffed: Any) -> None:
    """Without a step of approval; subject, login name and groups are those of the person."""
    page = ask(staffed).text
    assert all(one.name in page for one in STAFF)
    for one in STAFF:
        claims = sign_in(staffed, one.user)
        assert (claims["sub"], claims["preferred_username"]) == (one.user, one.user)
        assert claims["groups"] == list(one.groups)
        assert claims["nonce"] == "nonce-1"


def test_an_app_of_the_staff_reads_no_record(staffed: Any) -> None:
    """Scopes of charts are not granted, and no patient is chosen."""
    asked = "openid profile launch/patient patient/*.rs user/*.rs offline_access"
    assert sign_in(staffed, "ann", scope=asked)["scope"] == "openid profile"


def test_smart_names_the_reference(staffed: Any) -> None:
    """With `fhirUser` and the audience of the FHIR base; another audience is refused."""
    aud = staffed.settings.fhir_base
    claims = sign_in(staffed, "olu", scope="openid fhirUser", aud=aud)
    assert claims["fhirUser"] == f"{aud}/Practitioner/olu"
    assert "groups" not in claims
    assert staffed.returned(ask(staffed, aud="http://other.example/fhir"))["error"] == "invalid_request"


def test_an_app_of_the_chart_knows_the_clinician_only(staffed: Any) -> None:
    """And must name the audience; nobody else can come in by a changed form."""
    asked = {"client_id": "chartside", "scope": "openid fhirUser user/Patient.rs", "launch": None}
    page = staffed.authorize(**asked).text
    assert "Ann Abara" not in page
    hidden = dict(re.findall(r'name="(request|step)" value="([^"]+)"', page))
    assert staffed.client.post("/oauth/continue", data={**hidden, "user": "ann"}).status_code == 400
    assert staffed.returned(staffed.authorize(**asked, aud=None))["error"] == "invalid_request"


def test_sign_out_leads_back_to_registered_addresses_only(staffed: Any) -> None:
    """Else it says so and stays."""
    assert (
        staffed.client.get("/.well-known/openid-configuration")
        .get_json()["end_session_endpoint"]
        .endswith("/oauth/sign-out")
    )
    ask_out = lambda **query: staffed.client.get("/oauth/sign-out", query_string=query)  # noqa: E731
    back = ask_out(client_id="quality", post_logout_redirect_uri=BACK)
    assert (back.status_code, back.headers["Location"]) == (302, BACK)
    for query in (
        {"client_id": "quality", "post_logout_redirect_uri": "https://evil.example/"},
        {"client_id": "chartside", "post_logout_redirect_uri": BACK},
        {"post_logout_redirect_uri": BACK},
        {},
    ):
        assert ask_out(**query).status_code == 200
