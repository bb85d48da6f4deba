"""The authorization server gives what SMART asks for and refuses everything else."""

from __future__ import annotations

import base64
from typing import Any

import pytest


def test_a_correct_launch_gives_token_context_and_identity(road: Any) -> None:
    """The token response carries patient, encounter, appContext, banner flag, granted scope, and a signed id_token."""
    launch = road.launch("sim-02", encounter="sim-02-stay", appContext="card-7")
    body = road.token(launch=launch)
    assert body["token_type"] == "Bearer"
    assert (body["patient"], body["encounter"], body["appContext"]) == ("sim-02", "sim-02-stay", "card-7")
    assert body["need_patient_banner"] is False
    assert body["scope"] == "openid fhirUser launch patient/Patient.rs patient/Observation.rs"
    header, claims = road.claims(body["id_token"], "/oauth/jwks.json")
    assert header["alg"] == "ES384"
    assert (claims["aud"], claims["nonce"]) == ("chartside", "nonce-1")
    assert claims["iss"] == road.client.get("/fhir/.well-known/smart-configuration").get_json()["issuer"]
    assert claims["fhirUser"].endswith("/fhir/Practitioner/dr-demo")


def test_the_answer_names_state_and_issuer(road: Any) -> None:
    """The redirect echoes the state and names the issuer (RFC 9207)."""
    back = road.returned(road.authorize())
    assert back["state"] == "state-1"
    assert back["iss"] == "http://127.0.0.1:8101"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": "v" * 64, "code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": "short"},
        {"aud": "http://127.0.0.1:8104/fhir"},
        {"aud": "http://127.0.0.1:8101/fhir/"},
        {"aud": None},
        {"launch": "invented"},
        {"launch": None},
        {"state": None},
    ],
)
def test_a_wrong_request_goes_back_as_invalid(road: Any, changes: dict[str, Any]) -> None:
    """Missing or plain PKCE, a foreign aud, an unknown launch, a missing state: invalid_request, never a code."""
    back = road.returned(road.authorize(**changes))
    assert back["error"] == "invalid_request"
    assert "code" not in back


def test_without_the_launch_scope_there_is_no_code(road: Any) -> None:
    """A launch from the EHR needs the scope launch."""
    assert road.returned(road.authorize(scope="openid patient/Patient.rs"))["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://127.0.0.1:8100/smart/callback/"},
        {"redirect_uri": "http://127.0.0.1:8100/smart/callback?x=1"},
        {"redirect_uri": 'https://evil.example/"'},
        {"redirect_uri": None},
        {"client_id": "somebody"},
    ],
)
def test_an_unknown_app_or_address_is_never_redirected_to(road: Any, changes: dict[str, Any]) -> None:
    """With a wrong client or redirect_uri the browser stays here."""
    answer = road.authorize(**changes)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_a_repeated_parameter_is_refused(road: Any) -> None:
    """Two values of one parameter are an attack or a bug."""
    answer = road.client.get("/oauth/authorize?client_id=chartside&client_id=chartside")
    assert answer.status_code == 400


def test_a_wrong_verifier_gets_nothing_and_burns_the_code(road: Any) -> None:
    """The right verifier comes too late after a wrong one."""
    code = road.code()
    first = road.exchange(code, code_verifier="w" * 64)
    assert (first.status_code, first.get_json()["error"]) == (400, "invalid_grant")
    assert road.exchange(code).get_json()["error"] == "invalid_grant"


@pytest.mark.parametrize("changes", [{"code_verifier": None}, {"redirect_uri": "http://127.0.0.1:8100/other"}])
def test_an_incomplete_exchange_is_refused(road: Any, changes: dict[str, Any]) -> None:
    """A missing verifier or another redirect_uri than before gives no token."""
    answer = road.exchange(road.code(), **changes)
    assert answer.status_code == 400
    assert "access_token" not in answer.get_json()


def test_a_replayed_code_is_refused_and_revokes_the_token(road: Any) -> None:
    """The second use of a code gives invalid_grant and takes back what the first one gave."""
    code = road.code()
    token = road.exchange(code).get_json()["access_token"]
    assert road.read("Patient/sim-02", token).status_code == 200
    assert road.exchange(code).get_json()["error"] == "invalid_grant"
    assert road.read("Patient/sim-02", token).status_code == 401


def test_a_code_is_short_lived(road: Any, ehr_clock: Any) -> None:
    """After a minute the code is worth nothing."""
    code = road.code()
    ehr_clock.forward(61)
    assert road.exchange(code).get_json()["error"] == "invalid_grant"


def test_a_launch_is_used_up_by_a_code(road: Any) -> None:
    """The same launch id gives one code."""
    launch = road.launch()
    road.code(launch=launch)
    assert road.returned(road.authorize(launch=launch))["error"] == "invalid_request"


def test_a_launch_expires(road: Any, ehr_clock: Any) -> None:
    """A launch id is good for five minutes."""
    launch = road.launch()
    ehr_clock.forward(301)
    assert road.returned(road.authorize(launch=launch))["error"] == "invalid_request"


def test_a_confidential_client_must_use_basic(road: Any) -> None:
    """With the secret in HTTP Basic it works; without it, or as a public client, it does not."""
    basic = base64.b64encode(b"confidential:a secret of some length").decode()
    good = road.exchange(road.code(client_id="confidential"), {"Authorization": f"Basic {basic}"}, client_id=None)
    assert good.status_code == 200
    bare = road.exchange(road.code(client_id="confidential"), client_id="confidential")
    assert bare.get_json()["error"] == "invalid_client"
    wrong = base64.b64encode(b"confidential:another secret").decode()
    bad = road.exchange(road.code(client_id="confidential"), {"Authorization": f"Basic {wrong}"}, client_id=None)
    assert (bad.status_code, bad.get_json()["error"]) == (401, "invalid_client")


def test_a_code_belongs_to_its_client(road: Any) -> None:
    """A code of one app is worth nothing to another."""
    answer = road.exchange(road.code(client_id="confidential"))
    assert answer.get_json()["error"] == "invalid_grant"


def test_other_grants_are_not_offered(road: Any) -> None:
    """No password, no client credentials."""
    for grant in ("password", "client_credentials"):
        assert road.exchange("x", grant_type=grant).get_json()["error"] == "unsupported_grant_type"


def test_writing_scopes_are_cut_down(road: Any) -> None:
    """What is granted may be less than what was asked, and the answer says so."""
    asked = "openid launch patient/Observation.cruds patient/Patient.write patient/Encounter.* patient/X.rs?a=b offline"
    assert road.token(scope=asked)["scope"] == "openid launch patient/Observation.rs patient/Encounter.read"


def test_revocation(road: Any) -> None:
    """A revoked token reads nothing, and revoking an unknown one is no error (RFC 7009)."""
    token = road.token()["access_token"]
    for value in (token, "unknown"):
        form = {"token": value, "client_id": "chartside"}
        assert road.client.post("/oauth/revoke", data=form).status_code == 200
    assert road.read("Patient/sim-02", token).status_code == 401


def test_the_launch_endpoint_speaks_cors_and_checks_its_input(road: Any) -> None:
    """A browser-based CDS client may ask; a body without a patient is refused."""
    preflight = road.client.options("/fhir/_services/smart/Launch")
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    bodies: tuple[Any, ...] = (
        {},
        {"parameters": {}},
        {"parameters": {"patient": 7}},
        {"parameters": {"patient": "x" * 3000}},
        [],
    )
    for body in bodies:
        assert road.client.post("/fhir/_services/smart/Launch", json=body).status_code == 400


def test_published_keys_hold_no_private_part(road: Any) -> None:
    """Both key sets show public members only."""
    for path in ("/oauth/jwks.json", "/.well-known/jwks.json"):
        for key in road.client.get(path).get_json()["keys"]:
            assert "d" not in key
            assert {"kid", "kty", "crv", "x", "y"} <= key.keys()
