"""Who may call: every rule about the JWT has a case that breaks it, and all refusals look the same."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

PATH = "/cds-services"


def get(door: Any, token: str | None, scheme: str = "Bearer") -> Any:
    """Discovery with a token."""
    headers = {} if token is None else {"Authorization": f"{scheme} {token}"}
    return door.http.get(PATH, headers=headers)


def test_a_signed_call_is_let_in(guarded: Any) -> None:
    """ES384 by the registered key set; the audience may be one of a list."""
    assert get(guarded, guarded.token()).status_code == 200
    assert get(guarded, guarded.token(aud=["https://other", "https://chartside.test/cds-services"])).status_code == 200
    assert guarded.fetched == ["https://ehr.test/.well-known/jwks.json"]


def test_rs384_is_let_in(guarded: Any) -> None:
    """The other algorithm of the specification."""
    key = RSAKey.generate_key(2048, {"kid": "r1", "use": "sig", "alg": "RS384"})
    guarded.key_sets = {name: {"keys": [key.as_dict(private=False)]} for name in guarded.key_sets}
    token = guarded.token(key=key, header={"alg": "RS384", "kid": "r1"})
    assert get(guarded, token).status_code == 200


def bad_tokens(door: Any) -> dict[str, str]:
    """One token per broken rule."""
    now = int(door.clock.now().timestamp())
    stranger = ECKey.generate_key("P-384", {"kid": "k1"})
    p256 = ECKey.generate_key("P-256", {"kid": "k1"})
    public = json.dumps(door.key.as_dict(private=False)).encode()
    good = door.token()
    head, claims, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1","typ":"JWT"}').rstrip(b"=").decode()
    twice = base64.urlsafe_b64encode(b'{"iss":"https://ehr.test","iss":"https://ehr.test"}').rstrip(b"=").decode()
    return {
        "another key under the same id": door.token(key=stranger),
        "ES256": door.token(key=p256, header={"alg": "ES256"}),
        "HMAC with the public key": door.token(key=OctKey.import_key(public), header={"alg": "HS256"}),
        "alg none": f"{none}.{claims}.",
        "signature cut": f"{head}.{claims}.",
        "claims changed": f"{head}.{claims[:-2]}AA.{signature}",
        "repeated claim": f"{head}.{twice}.{signature}",
        "no kid": door.token(header={"kid": None}),
        "unknown kid": door.token(header={"kid": "k2"}),
        "another typ": door.token(header={"typ": "at+jwt"}),
        "foreign jku": door.token(header={"jku": "https://evil.test/jwks"}),
        "embedded key": door.token(header={"jwk": stranger.as_dict(private=False)}),
        "no iss": door.token(iss=None),
        "foreign iss": door.token(iss="https://ehr.test.evil.test"),
        "no aud": door.token(aud=None),
        "aud of another endpoint": door.token("/cds-services/icu-mortality"),
        "aud as prefix": door.token(aud="https://chartside.test/"),
        "no exp": door.token(exp=None),
        "expired": door.token(iat=now - 600, exp=now - 300),
        "text exp": door.token(exp=str(now + 300)),
        "no iat": door.token(iat=None),
        "iat in the future": door.token(iat=now + 200, exp=now + 400),
        "too long a life": door.token(exp=now + 3600),
        "exp before iat": door.token(iat=now + 30, exp=now + 10),
        "nbf in the future": door.token(nbf=now + 200),
        "no jti": door.token(jti=None),
        "numeric jti": door.token(jti=7),
        "not a token": "a.b.c",
        "two parts": f"{head}.{claims}",
        "too long": "x" * 9000,
        "empty": "",
    }


NAMES = """
    another key under the same id
    ES256
    HMAC with the public key
    alg none
    signature cut
    claims changed
    repeated claim
    no kid
    unknown kid
    another typ
    foreign jku
    embedded key
    no iss
    foreign iss
    no aud
    aud of another endpoint
    aud as prefix
    no exp
    expired
    text exp
    no iat
    iat in the future
    too long a life
    exp before iat
    nbf in the future
    no jti
    numeric jti
    not a token
    two parts
    too long
    empty
""".strip().split("\n    ")


@pytest.mark.parametrize("name", NAMES)
def test_a_token_that_breaks_a_rule_is_401(name: str, guarded: Any) -> None:
    """The same answer for each rule, and no request to a URL that the registry does not name."""
    tokens = bad_tokens(guarded)
    assert set(tokens) == set(NAMES)
    response = get(guarded, tokens[name])
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.get_json()["issue"][0]["details"]["text"] == "Authentication is required."
    assert set(guarded.fetched) <= {"https://ehr.test/.well-known/jwks.json"}


@pytest.mark.parametrize("scheme", ["Basic", "bearer2", ""])
def test_other_schemes_are_401(scheme: str, guarded: Any) -> None:
    """Only a bearer token counts."""
    assert get(guarded, guarded.token(), scheme).status_code == 401


def test_no_token_is_401_also_from_this_machine(guarded: Any) -> None:
    """Unless the registry has an entry for callers on this machine."""
    assert get(guarded, None).status_code == 401


def test_a_token_counts_once(guarded: Any) -> None:
    """The second use of a jti is refused."""
    token = guarded.token()
    assert get(guarded, token).status_code == 200
    assert get(guarded, token).status_code == 401
    guarded.clock.time += timedelta(seconds=400)
    assert get(guarded, guarded.token()).status_code == 200


def test_authentication_comes_before_the_body(guarded: Any) -> None:
    """A stranger's body is not parsed, and a stranger does not learn which services there are."""
    response = guarded.http.post("/cds-services/nobody", data=b"{", content_type="application/json")
    assert response.status_code == 401


def test_rotated_keys_are_found(guarded: Any) -> None:
    """An unknown key id asks for the key set again, but not at every call."""
    assert get(guarded, guarded.token()).status_code == 200
    fresh = ECKey.generate_key("P-384", {"kid": "k9"})
    url = guarded.fetched[0]
    guarded.key_sets[url] = {"keys": [guarded.key.as_dict(private=False), fresh.as_dict(private=False)]}
    assert get(guarded, guarded.token(key=fresh, header={"kid": "k9"})).status_code == 401
    guarded.clock.time += timedelta(seconds=31)
    assert get(guarded, guarded.token(key=fresh, header={"kid": "k9"})).status_code == 200
    assert len(guarded.fetched) == 2


def test_an_unreachable_key_set_is_401(guarded: Any) -> None:
    """Not a fault of ours, and not a way in."""
    guarded.key_sets.clear()
    assert get(guarded, guarded.token()).status_code == 401


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "Via"])
def test_a_proxy_is_not_this_machine(header: str, door: Any) -> None:
    """The entry for this machine does not cover what a proxy brings in."""
    assert door.http.get(PATH).status_code == 200
    assert door.http.get(PATH, headers={header: "x"}).status_code == 401


def test_another_machine_is_not_this_machine(door: Any) -> None:
    """The peer's address decides."""
    assert door.http.get(PATH, environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 401
    assert door.http.get(PATH, environ_base={"REMOTE_ADDR": "::1"}).status_code == 200
    assert door.http.get(PATH, environ_base={"REMOTE_ADDR": ""}).status_code == 401
