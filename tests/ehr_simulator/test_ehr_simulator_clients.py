"""Apps that prove who they are: private_key_jwt as SMART asks for it, and what else the token endpoint demands."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, Response, jsonify
from werkzeug.serving import make_server

from ehr_simulator.ehr_server import SilentHandler
from ehr_simulator.settings import OAuthClient


def exchange(
    road: Any, app_keys: Any, alg: str = "ES384", *, header: dict[str, Any] | None = None, **claims: Any
) -> Any:
    """A launch of the keyed app with a client assertion."""
    form = app_keys.assertion(alg=alg, header=header, **claims)
    return road.exchange(road.code(client_id="keyed"), client_id=None, **form)


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_both_algorithms_of_smart_are_taken(road: Any, app_keys: Any, alg: str) -> None:
    """ES384 and RS384 by inline keys."""
    assert exchange(road, app_keys, alg).status_code == 200


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({"aud": "http://127.0.0.1:8101"}, None),
        ({"aud": "http://127.0.0.1:8101/oauth/token/"}, None),
        ({"aud": None}, None),
        ({"sub": "chartside"}, None),
        ({"iss": "chartside", "sub": "chartside"}, None),
        ({"iss": "confidential", "sub": "confidential"}, None),
        ({"iss": "nobody", "sub": "nobody"}, None),
        ({"jti": None}, None),
        ({"jti": ""}, None),
        ({"exp": None}, None),
        ({"exp": "soon"}, None),
        ({"exp": True}, None),
        ({}, {"kid": None}),
        ({}, {"kid": "rs"}),
        ({}, {"kid": "unknown"}),
        ({}, {"typ": None}),
        ({}, {"typ": "at+jwt"}),
        ({}, {"jku": "https://evil.example/jwks.json"}),
    ],
)
def test_a_wrong_assertion_is_refused(
    road: Any, app_keys: Any, claims: dict[str, Any], header: dict[str, Any] | None
) -> None:
    """Every rule of the assertion, one broken at a time: 401 invalid_client."""
    answer = exchange(road, app_keys, header=header, **claims)
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("seconds", [-1, 0, 301, 3600])
def test_an_assertion_lives_five_minutes_at_most(road: Any, app_keys: Any, ehr_clock: Any, seconds: int) -> None:
    """Expired, or with an exp further ahead than SMART allows."""
    ends = int((ehr_clock() + timedelta(seconds=seconds)).timestamp())
    assert exchange(road, app_keys, exp=ends).status_code == 401


def test_an_assertion_is_good_once(road: Any, app_keys: Any) -> None:
    """The same jti again is refused, also in another assertion."""
    assert exchange(road, app_keys, jti="one").status_code == 200
    assert exchange(road, app_keys, jti="one").status_code == 401


def test_rs256_is_not_taken(road: Any, app_keys: Any) -> None:
    """SMART names RS384 and ES384; a token signed by RS256 is refused."""
    form = app_keys.assertion(alg="RS384")
    from joserfc import jwt

    key = app_keys.keys["RS384"]
    claims = {"iss": "keyed", "sub": "keyed", "aud": "http://127.0.0.1:8101/oauth/token", "exp": 4e9, "jti": "x"}
    form["client_assertion"] = jwt.encode({"alg": "RS256", "kid": "rs", "typ": "JWT"}, claims, key)
    assert road.exchange(road.code(client_id="keyed"), client_id=None, **form).status_code == 401


def test_garbage_is_refused(road: Any, app_keys: Any) -> None:
    """Not a JWT, or another assertion type."""
    for changes in ({"client_assertion": "x"}, {"client_assertion": "a.b.c"}, {"client_assertion_type": "saml"}):
        form = app_keys.assertion() | changes
        answer = road.exchange(road.code(client_id="keyed"), client_id=None, **form)
        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


def test_no_app_may_use_another_way_than_its_own(road: Any, app_keys: Any) -> None:
    """A keyed app without assertion, or a public one with an assertion of somebody else, gets nothing."""
    bare = road.exchange(road.code(client_id="keyed"), client_id="keyed")
    assert bare.get_json()["error"] == "invalid_client"
    stolen = road.exchange(road.code(), client_id=None, **app_keys.assertion())
    assert stolen.get_json()["error"] == "invalid_grant"


def test_a_confidential_app_leaves_client_id_out(road: Any, app_keys: Any) -> None:
    """SMART: `client_id` in the body is for public apps. The code is not burnt by the mistake."""
    code = road.code(client_id="keyed")
    answer = road.exchange(code, client_id="keyed", **app_keys.assertion())
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")
    assert road.exchange(code, client_id=None, **app_keys.assertion()).status_code == 200


def test_a_token_request_is_a_form_with_one_of_each(road: Any, app_keys: Any) -> None:
    """JSON, parameters in the address, one sent twice, two ways of authentication: invalid_request."""
    form = {"grant_type": "authorization_code", "code": "x", "client_id": "chartside"}
    basic = {"Authorization": f"Basic {base64.b64encode(b'a:b').decode()}"}
    post = road.client.post
    for answer in (
        post("/oauth/token", json=form),
        post("/oauth/token?client_id=chartside", data=form),
        post("/oauth/token", data={**form, "code": ["x", "y"]}),
        post("/oauth/token", data=form | app_keys.assertion(), headers=basic),
    ):
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def test_pkce_holds_for_confidential_apps_too(road: Any, app_keys: Any) -> None:
    """No challenge, or a wrong verifier, and the key does not help."""
    asked = road.authorize(client_id="keyed", code_challenge=None, code_challenge_method=None)
    assert road.returned(asked)["error"] == "invalid_request"
    wrong = road.exchange(road.code(client_id="keyed"), client_id=None, code_verifier="w" * 64, **app_keys.assertion())
    assert wrong.get_json()["error"] == "invalid_grant"


def test_an_app_has_one_kind_of_proof() -> None:
    """A secret and keys at once are a mistake in the settings."""
    with pytest.raises(ValueError, match="not two"):
        OAuthClient("x", (), secret="s", jwks={"keys": []})


@dataclass
class KeyServer:
    """A JWKS URL whose document can change."""

    url: str
    document: Any = None
    status: int = 200
    reads: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def key_server(free_ports: Any) -> Iterator[KeyServer]:
    port = free_ports(1)[0]
    held = KeyServer(f"http://127.0.0.1:{port}/jwks.json")
    app = Flask("keys")

    @app.get("/jwks.json")
    def keys() -> tuple[Response, int, dict[str, str]]:
        held.reads += 1
        return jsonify(held.document), held.status, held.headers

    server = make_server("127.0.0.1", port, app, True, request_handler=SilentHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield held
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def url_road(road_with: Any, key_server: KeyServer, redirect_uri: str) -> Any:
    """An EHR that knows the keyed app by its JWKS URL."""
    return road_with(clients=(OAuthClient("keyed", (redirect_uri,), jwks_url=key_server.url),))


def test_keys_are_read_from_their_url_and_kept(url_road: Any, app_keys: Any, key_server: KeyServer) -> None:
    """One read serves many launches; a rotated key is found by reading again; jku may name the registered URL."""
    key_server.document = app_keys.public("ES384")
    assert exchange(url_road, app_keys, header={"jku": key_server.url}).status_code == 200
    assert exchange(url_road, app_keys).status_code == 200
    assert key_server.reads == 1
    key_server.document = app_keys.public("RS384")
    assert exchange(url_road, app_keys, "RS384").status_code == 200
    assert key_server.reads == 2


def test_a_bad_key_set_lets_nobody_in(url_road: Any, app_keys: Any, key_server: KeyServer) -> None:
    """Status 500, a redirect, no keys, a list, two keys of one kid, a private key, a symmetric key."""
    own = app_keys.public("ES384")["keys"]
    private = app_keys.keys["ES384"].as_dict(private=True)
    for document, status in (
        ({"keys": own}, 500),
        ({"keys": own}, 302),
        ({}, 200),
        ([], 200),
        ({"keys": own * 2}, 200),
        ({"keys": [private]}, 200),
        ({"keys": [{"kty": "oct", "k": "AAAA", "kid": "es"}]}, 200),
        ({"keys": [{"kty": "EC", "kid": "es"}]}, 200),
        ({"keys": [], "padding": "x" * 200_000}, 200),
    ):
        key_server.document, key_server.status = document, status
        assert exchange(url_road, app_keys).status_code == 401
