"""Trust and browsers (rows 88 to 102)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

STRANGER = {"REMOTE_ADDR": "10.0.0.9"}
PATHS = ["/cds-services", "/cds-services/all-hooks", "/cds-services/all-hooks/feedback"]


def call(caller: Any, path: str, headers: dict[str, str] | None = None) -> Any:
    """A request from another machine, of the method that belongs to the path."""
    if path == "/cds-services":
        return caller.http.get(path, headers=headers, environ_base=STRANGER)
    item = {
        "card": "00000000-0000-4000-8000-000000000000",
        "outcome": "overridden",
        "outcomeTimestamp": "2026-03-02T08:00:00Z",
    }
    body = {"feedback": [item]} if path.endswith("feedback") else caller.body()
    return caller.http.post(path, json=body, headers=headers, environ_base=STRANGER)


def status(caller: Any, **changes: Any) -> int:
    """The status of discovery with a token."""
    return int(call(caller, PATHS[0], caller.signed(PATHS[0], **changes)).status_code)


@pytest.mark.conforms(88, 89)
@pytest.mark.parametrize("path", PATHS)
def test_every_door_asks_for_a_token(path: str, caller: Any) -> None:
    """Discovery, call and feedback: 401 without, 200 with one for that URL."""
    assert call(caller, path).status_code == 401
    assert call(caller, path, {"Authorization": "Bearer "}).status_code == 401
    assert call(caller, path, {"Authorization": "Basic eDp5"}).status_code == 401
    assert call(caller, path, caller.signed(path)).status_code == 200


@pytest.mark.conforms(90)
def test_unsigned_and_symmetric_tokens_are_refused(caller: Any) -> None:
    """`none` in several spellings, and an HMAC keyed with the public key."""
    _, claims, signature = caller.token(PATHS[0]).split(".")
    for name in ("none", "None", "NONE", ""):
        head = base64.urlsafe_b64encode(json.dumps({"alg": name, "kid": "k1", "typ": "JWT"}).encode()).rstrip(b"=")
        for tail in ("", signature):
            answer = call(caller, PATHS[0], {"Authorization": f"Bearer {head.decode()}.{claims}.{tail}"})
            assert answer.status_code == 401
    public = OctKey.import_key(json.dumps(caller.key.as_dict(private=False)))
    assert status(caller, key=public, header={"alg": "HS256"}) == 401


@pytest.mark.conforms(91)
def test_es384_and_rs384_are_taken(caller: Any) -> None:
    """And no other, unless the registry names it for a client."""
    keys = caller.ehr.pages["/jwks.json"]["keys"]
    rsa = RSAKey.generate_key(2048, {"kid": "r1", "use": "sig", "alg": "RS384"})
    p256 = ECKey.generate_key("P-256", {"kid": "p256", "use": "sig"})
    keys += [rsa.as_dict(private=False), p256.as_dict(private=False)]
    caller.forward(minutes=10)
    try:
        assert status(caller) == 200
        assert status(caller, key=rsa, header={"alg": "RS384", "kid": "r1"}) == 200
        assert status(caller, key=p256, header={"alg": "ES256", "kid": "p256"}) == 401
    finally:
        del keys[1:]


@pytest.mark.conforms(92)
@pytest.mark.parametrize(
    "header",
    [{"kid": None}, {"kid": "k2"}, {"kid": ""}, {"typ": None}, {"typ": "at+jwt"}, {"typ": "jwt "}],
    ids=str,
)
def test_the_header_is_whole(header: dict[str, Any], caller: Any) -> None:
    """Kid and typ are there, and the kid is of a key in the set."""
    assert status(caller, header=header) == 401


@pytest.mark.conforms(92)
def test_the_key_id_picks_the_key(caller: Any) -> None:
    """Another key under the same id signs for nobody."""
    assert status(caller, key=ECKey.generate_key("P-384", {"kid": "k1"})) == 401


@pytest.mark.conforms(93)
@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "jti"])
def test_the_claims_are_there(claim: str, caller: Any) -> None:
    """Each of the five, and each of its type."""
    assert status(caller) == 200
    for value in (None, "", [], {}, True):
        assert status(caller, **{claim: value}) == 401


@pytest.mark.conforms(93)
def test_a_token_has_its_time(caller: Any) -> None:
    """Not expired, not from the future, not for hours."""
    now = int(caller.now.timestamp())
    assert status(caller, iat=now - 900, exp=now - 600) == 401
    assert status(caller, iat=now + 600, exp=now + 900) == 401
    assert status(caller, exp=now + 24 * 3600) == 401
    assert status(caller, nbf=now + 600) == 401


@pytest.mark.conforms(94)
def test_the_audience_is_the_called_url(caller: Any) -> None:
    """As a text or in a list; neither another endpoint nor a prefix, whatever the Host header says."""
    own = "http://127.0.0.1:8100/cds-services"
    assert status(caller, aud=[own]) == 200
    assert status(caller, aud=["https://other.test", own]) == 200
    for wrong in (
        f"{own}/all-hooks",
        "http://127.0.0.1:8100",
        f"{own}/",
        "https://evil.test/cds-services",
        [own + "x"],
    ):
        assert status(caller, aud=wrong) == 401
    headers = {**caller.signed(PATHS[0], aud="https://evil.test/cds-services"), "Host": "evil.test"}
    assert call(caller, PATHS[0], headers).status_code == 401


@pytest.mark.conforms(95)
def test_issuers_and_key_urls_are_on_a_list(caller: Any) -> None:
    """An unknown issuer or jku is refused, and nobody asks that URL."""
    caller.ehr.pages["/stranger.json"] = caller.ehr.pages["/jwks.json"]
    caller.ehr.seen.clear()
    assert status(caller, header={"jku": f"{caller.ehr.url}/stranger.json"}) == 401
    assert status(caller, iss="https://hospital.test.evil.test") == 401
    assert status(caller, iss=f"{caller.ehr.url}/stranger.json") == 401
    for header in ({"x5u": f"{caller.ehr.url}/stranger.json"}, {"jwk": caller.key.as_dict(private=False)}):
        assert status(caller, header=header) == 401
    assert not [path for path, _ in caller.ehr.seen if "stranger" in path]


@pytest.mark.conforms(96)
def test_keys_may_be_agreed_out_of_band(caller: Any) -> None:
    """A key set in a file: no jku is needed, and none is followed."""
    assert status(caller, client="filed", tenant="north") == 200
    assert status(caller, client="filed", tenant="north", header={"jku": f"{caller.ehr.url}/jwks.json"}) == 401
    assert status(caller, header={"jku": None}) == 200


@pytest.mark.conforms(97)
def test_a_token_counts_once(caller: Any) -> None:
    """The second time it is refused; a token that was refused for something else is not used up."""
    headers = caller.signed(PATHS[0])
    assert [call(caller, PATHS[0], headers).status_code for _ in range(2)] == [200, 401]
    assert status(caller, jti="one-and-only", tenant="x", aud="https://evil.test") == 401
    assert status(caller, jti="one-and-only") == 200
    assert status(caller, jti="one-and-only") == 401


@pytest.mark.conforms(98)
def test_tenants_are_on_a_list(caller: Any) -> None:
    """Where the registry names some."""
    assert status(caller, client="filed", tenant="south") == 401
    assert status(caller, client="filed") == 401
    assert status(caller, client="filed", tenant="north") == 200


@pytest.mark.conforms(99)
def test_every_refusal_looks_the_same(caller: Any) -> None:
    """To the byte, at every door, for known and unknown services: no reason, no incident, no timing of the body."""
    refusals = [
        call(caller, PATHS[0]),
        call(caller, PATHS[0], {"Authorization": "Bearer x"}),
        call(caller, PATHS[0], caller.signed(PATHS[0], iss="https://nobody.test")),
        call(caller, PATHS[0], caller.signed(PATHS[0], aud="https://nobody.test")),
        call(caller, PATHS[0], caller.signed(PATHS[0], client="filed")),
        call(caller, PATHS[0], caller.signed(PATHS[0], header={"alg": "ES384", "kid": "k2"})),
        call(caller, PATHS[1]),
        call(caller, PATHS[2]),
        caller.http.post("/cds-services/nobody", data=b"{", environ_base=STRANGER),
    ]
    assert {answer.status_code for answer in refusals} == {401}
    assert len({answer.data for answer in refusals}) == 1
    assert refusals[0].headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.conforms(101)
def test_keys_may_rotate(caller: Any) -> None:
    """A new key is found after a moment, and an old one that is gone no longer counts."""
    fresh = ECKey.generate_key("P-384", {"kid": "k9", "use": "sig", "alg": "ES384"})
    old = caller.ehr.pages["/jwks.json"]
    assert status(caller) == 200
    caller.ehr.pages["/jwks.json"] = {"keys": [fresh.as_dict(private=False)]}
    try:
        caller.forward(minutes=1)
        assert status(caller, key=fresh, header={"kid": "k9"}) == 200
        assert status(caller) == 401
    finally:
        caller.ehr.pages["/jwks.json"] = old
        caller.forward(minutes=10)
        assert status(caller) == 200


@pytest.mark.conforms(102)
@pytest.mark.parametrize("path", PATHS)
def test_browsers_of_registered_origins_may_call(path: str, caller: Any) -> None:
    """The preflight names methods and headers; nobody else's origin, no wildcard, no credentials."""
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    answer = caller.http.options(path, headers={"Origin": "https://ward.test", **ask})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://ward.test"
    assert {"authorization", "content-type"} <= {
        name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")
    }
    assert {"GET", "POST", "OPTIONS"} == set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    assert "Access-Control-Allow-Credentials" not in answer.headers
    for origin in ("https://evil.test", "null", "https://ward.test.evil.test", "http://ward.test"):
        assert "Access-Control-Allow-Origin" not in caller.http.options(path, headers={"Origin": origin, **ask}).headers


@pytest.mark.conforms(102)
def test_an_answer_is_for_the_origins_of_its_client(caller: Any) -> None:
    """One hospital's page does not read what another one was told."""
    for origin, allowed in (("https://hospital.test", True), ("https://ward.test", False)):
        answer = call(caller, PATHS[0], {**caller.signed(PATHS[0]), "Origin": origin})
        assert answer.status_code == 200
        assert ("Access-Control-Allow-Origin" in answer.headers) == allowed
        assert "Origin" in answer.headers["Vary"]
