"""Each mischief does what its table says, a strict client sees it, and none acts unless it was armed."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ehr_simulator.app import create_app
from ehr_simulator.authorization.extras import Extras
from ehr_simulator.authorization.mischief import table
from ehr_simulator.authorization.mischief.board import Mischief, NotOnLoopback

SCOPE = "openid fhirUser launch patient/Patient.rs patient/Observation.rs offline_access"
FOLDER = Path(table.__file__).parent


class Distrusted(Exception):
    """A strict client refuses the id_token."""


def identity(road: Any, token: str, keys: Any = None, nonce: str = "nonce-1") -> dict[str, Any]:
    """The claims, checked as OpenID Connect Core section 3.1.3.7 asks. Raises `Distrusted`."""
    held = KeySet.import_key_set(keys or road.client.get("/oauth/jwks.json").get_json())
    now = int(road.settings.clock().timestamp())
    checks = jwt.JWTClaimsRegistry(
        now=lambda: now,
        leeway=60,
        iss={"essential": True, "value": "http://127.0.0.1:8101"},
        aud={"essential": True, "value": "chartside"},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = dict(jwt.decode(token, held, algorithms=["ES384"]).claims)
        checks.validate(claims)
    except (JoseError, ValueError) as fault:
        raise Distrusted(type(fault).__name__) from None
    if claims["aud"] != "chartside" and claims["aud"] != ["chartside"]:
        raise Distrusted("audience")
    return claims


def launch(road: Any, **changes: str | None) -> dict[str, Any]:
    """A token response, by an EHR launch with encounter."""
    body: dict[str, Any] = road.token(launch=road.launch("sim-02", encounter="sim-02-stay"), scope=SCOPE, **changes)
    return body


def test_without_mischief_everything_is_right(road: Any) -> None:
    """The strict client of these tests takes what the server gives."""
    body = launch(road)
    assert identity(road, body["id_token"])["fhirUser"].endswith("/Practitioner/dr-demo")
    assert body["refresh_token"]


# --- the switchboard ---------------------------------------------------------------------------------------------


def test_every_mischief_is_used_and_listed() -> None:
    """The names in the code are those of the table, and each has a test here."""
    used = {
        node.value
        for path in [*FOLDER.glob("*.py"), *FOLDER.parent.glob("*.py")]
        if path.name != "table.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(table.TABLE) <= used
    tested = Path(__file__).read_text("utf-8")
    assert [name for name in table.TABLE if f'"{name}"' not in tested] == []


def test_it_can_be_armed_for_one_app_one_launch_or_a_number_of_times(road: Any) -> None:
    """Others go on undisturbed."""
    road.mischief.arm("no_scope", target="another-app")
    assert "scope" in launch(road)
    road.mischief.arm("no_scope", target="chartside", times=1)
    assert "scope" not in launch(road)
    assert "scope" in launch(road)
    first, second = road.launch(), road.launch()
    road.mischief.arm("no_scope", target=first)
    assert "scope" in road.token(launch=second, scope=SCOPE)
    body = road.token(launch=first, scope=SCOPE)
    assert "scope" not in body
    assert "scope" not in road.refresh(body["refresh_token"]).get_json()
    road.mischief.disarm()
    assert "scope" in launch(road)


def test_an_unknown_name_cannot_be_armed() -> None:
    """A test with a spelling mistake must not pass."""
    with pytest.raises(KeyError):
        Mischief().arm("alg_non")


@pytest.mark.parametrize("base_url", ["http://10.0.0.5:8101", "https://ehr.example", "http://0.0.0.0:8101"])
def test_it_stays_on_loopback(road_with: Any, base_url: str) -> None:
    """An EHR that others could reach neither starts with mischief nor can be armed."""
    armed = Mischief()
    armed.arm("alg_none")
    with pytest.raises(NotOnLoopback):
        road_with(base_url=base_url, mischief=armed)
    clean = Mischief()
    road_with(base_url=base_url, mischief=clean)
    with pytest.raises(NotOnLoopback):
        clean.arm("alg_none")


def test_no_address_arms_it(road: Any) -> None:
    """There is no route for it."""
    rules = [rule.rule for rule in create_app(road.settings).url_map.iter_rules()]
    assert not [rule for rule in rules if "mischief" in rule]


# --- the answer of the authorization endpoint --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "member", "seen"),
    [
        ("other_issuer", None, "iss", "https://other-ehr.example"),
        ("other_issuer", "http://127.0.0.1:9", "iss", "http://127.0.0.1:9"),
        ("no_issuer", None, "iss", None),
        ("wrong_state", None, "state", "another-state"),
        ("no_state", None, "state", None),
    ],
)
def test_answers(road: Any, name: str, value: Any, member: str, seen: str | None) -> None:
    """Issuer and state are wrong or missing; the code is good."""
    road.mischief.arm(name, value=value)
    back = road.returned(road.authorize())
    assert back.get(member) == seen
    assert road.exchange(back["code"]).status_code == 200


def test_a_replayed_code(road: Any) -> None:
    """The app is given its code of before, which ends what that one gave."""
    first = road.code()
    token = road.exchange(first).get_json()["access_token"]
    road.mischief.arm("replayed_code", target="chartside")
    assert road.code() == first
    assert road.exchange(first).get_json()["error"] == "invalid_grant"
    assert road.read("Patient/sim-02", token).status_code == 401


def test_a_hostile_error(road: Any) -> None:
    """No code, and a script where words should be."""
    road.mischief.arm("hostile_error")
    back = road.returned(road.authorize())
    assert "code" not in back
    assert "<script>" in back["error_description"]


# --- the id_token ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "wrong_nonce",
        "no_nonce",
        "alg_none",
        "hs256_public_key",
        "bad_signature",
        "foreign_key",
        "retired_key",
        "expired_id_token",
        "future_id_token",
        "foreign_audience",
        "extra_audience",
        "foreign_issuer",
    ],
)
def test_a_strict_client_distrusts(road: Any, name: str) -> None:
    """Each of these must be refused."""
    road.mischief.arm(name)
    token = launch(road)["id_token"]
    with pytest.raises(Distrusted):
        identity(road, token)


def test_the_public_key_really_is_the_secret(road: Any) -> None:
    """A client that lets the header choose would take it."""
    import hashlib
    import hmac
    from base64 import urlsafe_b64decode

    road.mischief.arm("hs256_public_key")
    token = launch(road)["id_token"]
    message, _, signature = token.rpartition(".")
    pem = KeySet.import_key_set(road.client.get("/oauth/jwks.json").get_json()).keys[0].as_pem(private=False)
    assert urlsafe_b64decode(signature + "=") == hmac.digest(pem, message.encode(), hashlib.sha256)


def test_a_rotated_key_is_found_by_reading_again(road: Any) -> None:
    """The cached key set does not fit, the fresh one does, and the old key is gone."""
    before = road.client.get("/oauth/jwks.json").get_json()
    road.mischief.arm("rotated_key", times=1)
    token = launch(road)["id_token"]
    with pytest.raises(Distrusted):
        identity(road, token, before)
    assert identity(road, token)
    after = road.client.get("/oauth/jwks.json").get_json()
    assert {key["kid"] for key in before["keys"]}.isdisjoint(key["kid"] for key in after["keys"])


def test_tokens_and_keys_without_kid(road: Any) -> None:
    """One key needs no name; with two keys the token is ambiguous."""
    road.mischief.arm("no_kid")
    token = launch(road)["id_token"]
    assert "kid" not in jwt_header(token)
    assert identity(road, token)
    road.mischief.arm("keys_without_kid")
    keys = road.client.get("/oauth/jwks.json").get_json()["keys"]
    assert [key.get("kid") for key in keys] == [None]
    road.mischief.disarm("keys_without_kid")
    road.mischief.arm("two_keys")
    assert len(road.client.get("/oauth/jwks.json").get_json()["keys"]) == 2
    road.mischief.disarm("no_kid")
    assert identity(road, launch(road)["id_token"])


def jwt_header(token: str) -> dict[str, Any]:
    """The header without any check."""
    from base64 import urlsafe_b64decode

    header: dict[str, Any] = json.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))
    return header


def test_no_id_token_at_all(road: Any) -> None:
    """Though openid was granted."""
    road.mischief.arm("no_id_token")
    body = launch(road)
    assert "id_token" not in body
    assert "openid" in body["scope"]


@pytest.mark.parametrize(
    ("form", "claims"),
    [
        ("absolute", {"fhirUser": "http://127.0.0.1:8101/fhir/Practitioner/dr-demo"}),
        ("relative", {"fhirUser": "Practitioner/dr-demo"}),
        ("profile", {"profile": "Practitioner/dr-demo"}),
        ("none", {}),
        ("patient", {"fhirUser": "http://127.0.0.1:8101/fhir/Patient/sim-02"}),
        ("foreign", {"fhirUser": "https://other-ehr.example/fhir/Practitioner/dr-demo"}),
    ],
)
def test_forms_of_fhir_user(road: Any, form: str, claims: dict[str, str]) -> None:
    """The claim in each form that servers have."""
    road.mischief.arm("fhir_user", value=form)
    seen = identity(road, launch(road)["id_token"])
    assert {name: seen[name] for name in ("fhirUser", "profile") if name in seen} == claims


# --- the token endpoint ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("no_refresh_token", lambda body: "refresh_token" not in body),
        ("token_type", lambda body: body["token_type"] == "mac"),
        ("no_token_type", lambda body: "token_type" not in body),
        ("no_access_token", lambda body: "access_token" not in body),
        ("no_expiry", lambda body: "expires_in" not in body),
        ("expiry_as_text", lambda body: body["expires_in"] == "3600"),
        ("no_scope", lambda body: "scope" not in body),
        ("empty_scope", lambda body: body["scope"] == ""),
        ("no_patient", lambda body: "patient" not in body),
        ("other_patient", lambda body: body["patient"] == "sim-04"),
        ("no_encounter", lambda body: "encounter" not in body),
        ("no_banner_flag", lambda body: "need_patient_banner" not in body),
        ("wrong_types", lambda body: body["patient"] == 7),
        ("unknown_intent", lambda body: body["intent"] == "brew-coffee"),
        ("foreign_style", lambda body: body["smart_style_url"].startswith("https://other-ehr.example")),
        ("extra_context", lambda body: "x_vendor" in body and "not an object" in body["fhirContext"]),
    ],
)
def test_members_of_the_response(road: Any, name: str, check: Callable[[dict[str, Any]], bool]) -> None:
    """One member is wrong, missing or too much; without the mischief it is not."""
    assert not check({"scope": "x", "patient": "x", "intent": "", "smart_style_url": "", **launch(road)})
    road.mischief.arm(name)
    assert check(launch(road))


@pytest.mark.parametrize(
    ("name", "value", "status", "sign"),
    [
        ("token_status", 500, 500, b""),
        ("token_status", None, 503, b""),
        ("not_json", None, 200, b"<!doctype html>"),
        ("huge_answer", 3_000_000, 200, b"xxxx"),
        ("token_redirect", "http://127.0.0.1:9/steal", 307, b""),
    ],
)
def test_another_answer_than_a_token(road: Any, name: str, value: Any, status: int, sign: bytes) -> None:
    """Instead of the response."""
    code = road.code()
    road.mischief.arm(name, value=value)
    answer = road.exchange(code)
    assert answer.status_code == status
    assert sign in answer.data
    assert name != "huge_answer" or len(answer.data) > 3_000_000
    assert answer.headers.get("Location") == (value if name == "token_redirect" else None)


def test_a_slow_token_endpoint(road: Any) -> None:
    """It waits, then answers."""
    code = road.code()
    road.mischief.arm("slow_token", value=0.3, times=1)
    began = time.monotonic()
    assert road.exchange(code).status_code == 200
    assert time.monotonic() - began >= 0.3


def test_refresh_mischief(road: Any) -> None:
    """Not rotated, or refused though the token is good."""
    body = launch(road)
    road.mischief.arm("same_refresh_token")
    for _ in range(2):
        assert road.refresh(body["refresh_token"]).get_json()["refresh_token"] == body["refresh_token"]
    road.mischief.arm("refresh_refused", times=1)
    assert road.refresh(body["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert road.refresh(body["refresh_token"]).status_code == 200


def test_a_dead_access_token(road: Any) -> None:
    """Refused from the start; the renewed one is good."""
    road.mischief.arm("dead_token", times=1)
    body = launch(road)
    assert body["expires_in"] == 3600
    assert road.read("Patient/sim-02", body["access_token"]).status_code == 401
    renewed = road.refresh(body["refresh_token"]).get_json()
    assert road.read("Patient/sim-02", renewed["access_token"]).status_code == 200


# --- scopes and context ------------------------------------------------------------------------------------------


def test_narrower_scope_is_really_narrower(road: Any) -> None:
    """What the response leaves out, the FHIR API refuses."""
    road.mischief.arm("narrower_scope")
    body = launch(road)
    assert "Observation" not in body["scope"]
    assert road.read("Observation", body["access_token"]).status_code == 403
    road.mischief.arm("narrower_scope", value=("patient/", "offline"))
    assert launch(road)["scope"] == "openid fhirUser launch"


def test_a_narrower_renewal_is_really_narrower(road: Any) -> None:
    """The first token reads all; the renewed one not what its response leaves out."""
    road.mischief.arm("narrower_renewal")
    body = launch(road)
    assert road.read("Observation", body["access_token"]).status_code == 200
    renewed = road.refresh(body["refresh_token"]).get_json()
    assert "Observation" not in renewed["scope"]
    assert road.read("Observation", renewed["access_token"]).status_code == 403
    assert road.read("Patient/sim-02", renewed["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("launch patient/Patient.rs patient/Provenance.c", "launch patient/Patient.read patient/Provenance.write"),
        ("launch patient/Patient.read patient/Provenance.*", "launch patient/Patient.rs patient/Provenance.cruds"),
    ],
)
def test_the_other_form_of_scopes(road: Any, asked: str, granted: str) -> None:
    """The same permissions in the other version's words."""
    road.mischief.arm("other_form")
    body = road.token(scope=asked)
    assert body["scope"] == granted
    assert road.read("Patient/sim-02", body["access_token"]).status_code == 200


def test_an_exact_scope(road: Any) -> None:
    """More or less than was asked for, and it holds."""
    road.mischief.arm("exact_scope", value="launch patient/*.read")
    body = road.token(scope="launch patient/Patient.rs")
    assert body["scope"] == "launch patient/*.read"
    assert road.read("Observation", body["access_token"], _count="1").status_code == 200
    assert "id_token" not in body


def test_another_patient_in_the_response_only(road: Any) -> None:
    """The token is still for the patient of the launch."""
    road.mischief.arm("other_patient", value="sim-06")
    body = launch(road)
    assert body["patient"] == "sim-06"
    assert road.read("Patient/sim-06", body["access_token"]).status_code == 403


def test_a_hostile_style_document(road_with: Any) -> None:
    """It is at our own origin, where an app may read it."""
    road = road_with(extras=Extras(style=True), mischief=Mischief())
    road.mischief.arm("hostile_style")
    address = launch(road)["smart_style_url"]
    document = road.client.get(address.removeprefix("http://127.0.0.1:8101")).get_json()
    assert "</style><script>" in document["color_text"]
    assert document["color_success"] == "#00aa00"
