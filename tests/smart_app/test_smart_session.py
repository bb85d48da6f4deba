"""The SMART launch against a strict little authorization server, over real HTTP on 127.0.0.1."""

import base64
import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, jsonify, redirect
from joserfc import jws
from joserfc.jwk import RSAKey
from smart_peer import EC, REDIRECT, RSA, SCOPES

from clinical.errors import LaunchFailed, NotAllowed
from fhir_adapters.smart.session import SmartSessions, Visit
from fhir_adapters.smart.smart_client import SmartClient
from smart_app.blueprint import create_blueprint
from smart_app.deps import Deps
from smart_app.ports.ehr import Ehr


@pytest.fixture
def clock(real_clock):
    """The time."""
    return real_clock


def test_a_launch_reads_the_whole_context(launch: Callable[[], Visit], sessions, server) -> None:
    """Patient, encounter, user, banner, appContext and scopes come out of the token response."""
    visit = launch()
    assert (visit.client, visit.patient_id, visit.encounter_id) == ("general", "p1", "e1")
    assert (visit.user, visit.app_context, visit.need_patient_banner) == ("Practitioner/7", "abc", False)
    assert sessions.granted(visit).not_granted == ()
    access = sessions.access(visit)
    assert (access.base_url, access.token) == (server.iss, "secret-access-token")
    assert "secret-access-token" not in repr(visit)
    assert visit.handle not in repr(visit)
    (form,) = server.token_forms
    assert set(form) == {"client_id", "code", "grant_type", "redirect_uri", "code_verifier"}


def test_state_verifier_and_nonce_are_fresh_each_time(sessions: SmartSessions, server, ehr: Ehr) -> None:
    """Nothing secret is used for two launches, and the state is long."""
    sent = []
    for _ in range(2):
        begun = sessions.begin(ehr, "L1", REDIRECT)
        sent.append(parse_qs(urlsplit(begun.authorize_url).query))
        assert sent[-1]["state"] == [begun.state]
        assert sent[-1]["launch"] == ["L1"]
        for secret in (begun.state, sent[-1]["nonce"][0]):
            assert secret not in repr(begun)
            assert secret not in begun.pending
    for name in ("state", "nonce", "code_challenge"):
        assert sent[0][name] != sent[1][name]
        assert len(sent[0][name][0]) >= 43


@pytest.mark.parametrize("methods", [["plain"], [], "S256-ish"])
def test_a_server_without_s256_is_refused(launch, server, methods: object) -> None:
    """A server that lists PKCE methods without S256 ends the launch before the browser is sent anywhere."""
    server.discovery["code_challenge_methods_supported"] = methods
    with pytest.raises(LaunchFailed, match="S256"):
        launch()


def test_a_server_that_lists_no_methods_still_gets_s256(launch, server) -> None:
    """An absent list is not a refusal; the challenge is sent all the same."""
    server.discovery["code_challenge_methods_supported"] = None
    assert launch().patient_id == "p1"


@pytest.mark.parametrize("key", ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_discovery_must_be_whole(launch, server, key: str) -> None:
    """A missing field is named."""
    server.discovery[key] = None
    with pytest.raises(LaunchFailed, match=key):
        launch()


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example; script-src *",
        "https://a b/t",
        "https:///t",
        "https://ü.example/t",
        "ftp://x/token",
        "javascript:alert(1)",
        "http://user@127.0.0.1/token",
        "file:///etc",
    ],
)
def test_endpoints_of_another_kind_are_refused(launch, server, url: str) -> None:
    """Only http(s) endpoints without a user part count."""
    server.discovery["token_endpoint"] = url
    with pytest.raises(LaunchFailed, match="token_endpoint"):
        launch()


def test_relative_endpoints_resolve_against_the_fhir_base(launch, server) -> None:
    """SMART lets a server give relative URLs."""
    server.discovery["token_endpoint"] = "../../token"
    assert launch().patient_id == "p1"


def _encoded(part: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _none(header: dict, claims: dict) -> str:
    return f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."


def _public_key_as_secret(header: dict, claims: dict) -> str:
    # By hand, because joserfc refuses to make such a token.
    signed = f"{_encoded({'alg': 'HS256', 'kid': 'rsa-1'})}.{_encoded(claims)}"
    mac = hmac.new(RSA.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _twice_the_same_claim(header: dict, claims: dict) -> str:
    payload = json.dumps(claims)[:-1] + ',"fhirUser":"Practitioner/evil"}'
    return jws.serialize_compact(dict(header), payload, RSA, ["RS256"])


@pytest.mark.parametrize("sign", [_none, _public_key_as_secret, _twice_the_same_claim])
def test_forged_id_tokens_are_refused(launch, server, sign) -> None:
    """No algorithm, a public key used as a shared secret, and a claim given twice."""
    server.sign = sign
    with pytest.raises(LaunchFailed, match="could not be verified"):
        launch()


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-app"},
        {"aud": ["chartside-app", "another-app"]},
        {"azp": "another-app"},
        {"iss": "https://evil.example/fhir"},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"fhirUser": None},
        {"fhirUser": "Device/7"},
        {"fhirUser": "Practitioner/../../x"},
        {"fhirUser": ["Practitioner/7"]},
    ],
    ids=str,
)
def test_an_id_token_of_another_launch_is_refused(launch, server, claims: dict) -> None:
    """Nonce, audience, party, issuer, times and the user must hold."""
    server.claims = claims
    with pytest.raises(LaunchFailed):
        launch()


def test_a_key_that_is_not_published_is_refused(launch, server) -> None:
    """A signature counts only by a key of the discovered key set."""
    server.key = RSAKey.generate_key(2048, {"kid": "rsa-1"})
    with pytest.raises(LaunchFailed, match="could not be verified"):
        launch()


def test_a_missing_id_token_is_refused(launch, server) -> None:
    """Without it nobody knows who decides on the page."""
    server.token["id_token"] = None
    with pytest.raises(LaunchFailed, match="id_token"):
        launch()


def test_es384_and_a_set_without_kid_are_understood(launch, server) -> None:
    """The other algorithm of SMART, and a token that names no key of a set of one."""
    server.header, server.key, server.keys = {"alg": "ES384"}, EC, [EC]
    assert launch().user == "Practitioner/7"


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({"fhirUser": "PractitionerRole/r1"}, "PractitionerRole/r1"),
        ({"fhirUser": None, "profile": "Practitioner/8"}, "Practitioner/8"),
        ({"fhirUser": "https://people.example/fhir/Practitioner/9"}, "https://people.example/fhir/Practitioner/9"),
    ],
)
def test_the_user_may_be_named_in_three_ways(launch, server, claims: dict, user: str) -> None:
    """Relative, by the older claim, and on another server."""
    server.claims = claims
    assert launch().user == user


def test_a_redirecting_token_endpoint_is_not_followed(launch, server) -> None:
    """The code and the verifier must not travel to another place."""
    server.token_answer = lambda: redirect(f"{server.origin}/token2", 307)
    with pytest.raises(LaunchFailed, match="307"):
        launch()
    assert len(server.token_forms) == 1


def test_a_slow_token_endpoint_meets_the_time_limit(sessions_for, launch_with, server) -> None:
    """The launch fails in time; it does not hang as long as the EHR does."""
    over = threading.Event()
    server.token_answer = lambda: (over.wait(60), jsonify({}))[1]
    with pytest.raises(LaunchFailed, match="time"):
        launch_with(sessions_for(seconds=0.6))
    over.set()


@pytest.mark.parametrize(
    "token",
    [
        {"token_type": None},
        {"token_type": "mac"},
        {"access_token": None},
        {"access_token": "a\r\nX: y"},
        {"patient": None},
        {"patient": "../Patient"},
        {"patient": 7},
        {"encounter": "a b"},
    ],
    ids=str,
)
def test_unusable_token_responses_are_refused(launch, server, token: dict) -> None:
    """Each part that is used is checked."""
    server.token = token
    with pytest.raises(LaunchFailed):
        launch()


def test_what_the_token_response_leaves_out(launch, sessions, server) -> None:
    """No banner flag means: show it. No scope means: as asked. No encounter and no appContext is fine."""
    server.token = dict.fromkeys(("need_patient_banner", "scope", "encounter", "appContext", "expires_in"))
    visit = launch()
    assert visit.need_patient_banner
    assert (visit.encounter_id, visit.app_context) == (None, None)
    assert sessions.granted(visit).not_granted == ()


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ("patient/*.rs", ()),
        ("patient/*.read", ()),
        ("user/*.cruds", ()),
        ("patient/Observation.read patient/Encounter.* patient/Patient.s", ("patient/Patient.rs",)),
        ("patient/Observation.rs?category=laboratory patient/Encounter.rs patient/Patient.rs", SCOPES[1:2]),
        ("", SCOPES),
    ],
)
def test_what_was_not_granted_is_named(launch, sessions, server, granted: str, missing: tuple) -> None:
    """v1 and v2 forms are compared; a scope with a filter gives only a part."""
    server.token["scope"] = f"launch openid fhirUser {granted}"
    assert sessions.granted(launch()).not_granted == missing


def test_a_callback_is_used_once(sessions: SmartSessions, server, ehr: Ehr) -> None:
    """The library's client forgets state and verifier at the first callback, and the server its code."""
    begun = sessions.begin(ehr, "L1", REDIRECT)
    callback = server.authorize(begun.authorize_url)
    client = SmartClient(None, sessions._seal.open(begun.pending)["smart"], sessions._line(ehr.iss, "general"))
    url = f"{REDIRECT}?code={callback['code']}&state={callback['state']}"
    client.handle_callback(url)
    with pytest.raises(LaunchFailed, match="does not belong"):
        client.handle_callback(url)
    with pytest.raises(LaunchFailed, match="400"):
        sessions.complete(begun.pending, callback)


@pytest.mark.parametrize(
    "callback",
    [{"code": "c", "state": "wrong"}, {"code": "c"}, {"code": "c", "state": ""}, {"code": "c", "state": "ü"}],
)
def test_a_wrong_state_never_reaches_the_token_endpoint(
    sessions: SmartSessions, server, ehr: Ehr, callback: dict
) -> None:
    """No code of a stranger is exchanged, and the error does not print the state."""
    begun = sessions.begin(ehr, "L1", REDIRECT)
    with pytest.raises(LaunchFailed) as caught:
        sessions.complete(begun.pending, callback)
    assert begun.state not in str(caught.value)
    assert server.token_forms == []


def test_the_answer_of_another_server_is_refused(sessions: SmartSessions, server, ehr: Ehr) -> None:
    """RFC 9207: a wrong iss, and a missing one where the server promised it."""
    begun = sessions.begin(ehr, "L1", REDIRECT)
    callback = server.authorize(begun.authorize_url)
    with pytest.raises(LaunchFailed, match="another authorization server"):
        sessions.complete(begun.pending, {**callback, "iss": "https://evil.example"})
    server.discovery["authorization_response_iss_parameter_supported"] = True
    begun = sessions.begin(ehr, "L1", REDIRECT)
    callback = server.authorize(begun.authorize_url)
    with pytest.raises(LaunchFailed, match="another authorization server"):
        sessions.complete(begun.pending, callback)
    assert sessions.complete(begun.pending, {**callback, "iss": server.iss}).patient_id == "p1"


def test_a_launch_expires_and_its_seal_holds(sessions: SmartSessions, server, ehr: Ehr, clock) -> None:
    """After ten minutes, or with another key or a changed byte, there is nothing to complete."""
    begun = sessions.begin(ehr, "L1", REDIRECT)
    callback = server.authorize(begun.authorize_url)
    for broken in (begun.pending[:-2] + "AA", "x", "", begun.pending.replace(".", "", 1)):
        with pytest.raises(LaunchFailed):
            sessions.complete(broken, callback)
    clock.ahead = timedelta(minutes=11)
    with pytest.raises(LaunchFailed, match="too long"):
        sessions.complete(begun.pending, callback)
    assert server.token_forms == []


def test_the_token_stays_below_the_fhir_base(sessions: SmartSessions, server, ehr: Ehr) -> None:
    """A link to another host or another path is refused before it is asked, so no token leaks."""
    begun = sessions.begin(ehr, "L1", REDIRECT)
    client = SmartClient(None, sessions._seal.open(begun.pending)["smart"], sessions._line(ehr.iss, "general"))
    callback = server.authorize(begun.authorize_url)
    client.handle_callback(f"{REDIRECT}?code={callback['code']}&state={callback['state']}")
    assert client.server.request_json("Patient/p1")["id"] == "p1"
    for link in (f"{server.origin}/elsewhere/Patient/p1", "https://evil.example/next", "../../elsewhere/Patient/p1"):
        with pytest.raises(LaunchFailed, match="outside"):
            client.server.request_json(link)
    assert server.bearers == ["Bearer secret-access-token"]
    with pytest.raises(NotAllowed):
        client.server.post_json("Patient", {})


def test_nothing_secret_is_logged(launch, server, caplog: pytest.LogCaptureFixture) -> None:
    """The library logs parameters and context at debug level; here it has nothing to log."""
    caplog.set_level(logging.DEBUG)
    launch()
    (form,) = server.token_forms
    logged = caplog.text
    for secret in ("secret-access-token", form["code"], form["code_verifier"], "eyJ", "p1"):
        assert secret not in logged.replace("http1", "")


def test_page_and_session_together(sessions: SmartSessions, server, ehr: Ehr, house, make, clock) -> None:
    """From the EHR's link to the risk page; a replayed callback brings no second token request."""
    app = Flask("joined")
    base_url = "https://chartside.example"
    deps = Deps(
        {ehr.iss: ehr}, sessions, house.assess, house.banner, house.ledger, clock, make.contexts, base_url, b"s" * 32
    )
    app.register_blueprint(create_blueprint(deps))
    browser = app.test_client()
    begun = browser.get("/smart/launch", query_string={"iss": ehr.iss, "launch": "L1"}, base_url=deps.base_url)
    callback = server.authorize(begun.location)
    landed = browser.get("/smart/callback", query_string=callback, base_url=deps.base_url)
    assert landed.status_code == 303
    assert "31 %" in browser.get(landed.location, base_url=deps.base_url).text
    again = browser.get("/smart/callback", query_string=callback, base_url=deps.base_url)
    assert again.status_code == 403
    assert len(server.token_forms) == 1
