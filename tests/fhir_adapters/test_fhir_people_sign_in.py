"""Sign-in of people without a chart, against a strict little authorization server over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey
from smart_peer import AuthorizationServer, RealClock, running

from clinical.errors import LaunchFailed
from fhir_adapters.http.transport import Transport
from fhir_adapters.smart.client_authentication import Basic, PrivateKeyJwt
from fhir_adapters.smart.client_keys import published, read_client_keys
from fhir_adapters.smart.people_sign_in import DISCOVERY_LIFETIME, PAUSE, NotSignedIn, PeopleSignIn, SignInServer, Why

BACK = "https://chartside.example/oversight/callback"


@pytest.fixture
def clock() -> RealClock:
    """The time, to be moved."""
    return RealClock()


@pytest.fixture
def peer() -> Iterator[AuthorizationServer]:
    """The server, for an app that opens no chart."""
    with running(AuthorizationServer(redirect_uri=BACK, scope="openid fhirUser")) as made:
        yield made


def people(peer: AuthorizationServer, clock: RealClock, **changes: Any) -> PeopleSignIn:
    """Our side of it."""
    values = {"kind": "smart", "base": peer.iss, "client_id": "chartside-app", "scopes": ("openid", "fhirUser")}
    server = SignInServer(**{**values, **changes})
    return PeopleSignIn(server, transport=Transport(), clock=clock, seal_key=b"k" * 32)


def walk(side: PeopleSignIn, peer: AuthorizationServer, **changes: str) -> Any:
    """Begin, sign in there, complete."""
    asked = side.begin(BACK)
    return side.complete(peer.authorize(asked.url) | changes, asked.kept)


def test_who_has_signed_in_is_proved(peer: AuthorizationServer, clock: RealClock) -> None:
    """Issuer, subject, reference and claims; the code goes back with the verifier, and no token is kept."""
    proved = walk(people(peer, clock), peer)
    assert (proved.issuer, proved.subject, proved.fhir_user) == (peer.iss, "u1", "Practitioner/7")
    assert proved.claims["sub"] == "u1"
    assert "secret-access-token" not in repr(proved)
    assert peer.bearers == []


@pytest.mark.parametrize("kind", ["basic", "private_key_jwt"])
def test_the_app_proves_which_it_is(peer: AuthorizationServer, clock: RealClock, kind: str) -> None:
    """By a secret or by a key, as the page does."""
    if kind == "basic":
        peer.secret = "a secret + more"
        side = people(peer, clock, authentication=Basic(peer.secret))
    else:
        keys = read_client_keys(ECKey.generate_key("P-384", {"kid": "one"}).as_dict(private=True))
        peer.client_keys = lambda: published(keys)
        side = people(peer, clock, authentication=PrivateKeyJwt(keys))
    assert walk(side, peer).subject == "u1"


@pytest.mark.parametrize(
    ("discovery", "said"),
    [
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        ({"issuer": None}, "lacks 'issuer'"),
        ({"jwks_uri": None}, "lacks 'jwks_uri'"),
        ({"token_endpoint": "http://169.254.169.254/token#x"}, "unusable 'token_endpoint'"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "unusable 'authorization_endpoint'"),
    ],
)
def test_a_server_that_cannot_prove_anybody_is_refused(
    peer: AuthorizationServer, clock: RealClock, discovery: dict[str, object], said: str
) -> None:
    """Before the browser is sent anywhere."""
    peer.discovery = discovery
    with pytest.raises(NotSignedIn, match=said) as refused:
        people(peer, clock).begin(BACK)
    assert refused.value.why is Why.SERVER


@pytest.mark.parametrize(
    "claims",
    [{"sub": None}, {"sub": ""}, {"sub": 7}, {"fhirUser": None}, {"fhirUser": "Device/1"}, {"exp": None}, {"nonce": 1}],
)
def test_an_id_token_that_names_nobody_is_refused(
    peer: AuthorizationServer, clock: RealClock, claims: dict[str, object]
) -> None:
    """Signed as it is."""
    peer.claims = claims
    with pytest.raises(NotSignedIn) as refused:
        walk(people(peer, clock), peer)
    assert refused.value.why is Why.IDENTITY


def test_who_signed_in_too_long_ago_is_refused(peer: AuthorizationServer, clock: RealClock) -> None:
    """With `max_age` the server must say when; a minute is left to clocks."""
    side = people(peer, clock, max_age=timedelta(minutes=5))
    for auth_time in (None, "now", True, time.time() - 361):
        peer.claims = {"auth_time": int(auth_time) if isinstance(auth_time, float) else auth_time}
        with pytest.raises(NotSignedIn, match="auth_time"):
            walk(side, peer)
    peer.claims = {"auth_time": int(time.time()) - 330}
    assert walk(side, peer).subject == "u1"


def test_discovery_is_asked_for_once_in_a_while(peer: AuthorizationServer, clock: RealClock) -> None:
    """Strangers can begin a sign-in as often as they like; a fault is kept for seconds, an answer for minutes."""
    side = people(peer, clock)
    peer.well_known = 500
    with pytest.raises(NotSignedIn):
        side.begin(BACK)
    peer.well_known = 200
    with pytest.raises(NotSignedIn):
        side.begin(BACK)
    clock.ahead = PAUSE
    assert side.begin(BACK).url
    peer.well_known = 500
    assert side.begin(BACK).url
    clock.ahead += DISCOVERY_LIFETIME
    with pytest.raises(NotSignedIn):
        side.begin(BACK)


def test_what_is_kept_is_sealed(peer: AuthorizationServer, clock: RealClock) -> None:
    """The browser carries it and cannot read it; one that was changed, or is of another key, opens nothing."""
    side = people(peer, clock)
    asked = side.begin(BACK)
    answer = peer.authorize(asked.url)
    assert "verifier" not in asked.kept
    with pytest.raises(LaunchFailed):
        side.complete(answer, asked.kept[:-2] + "xx")
    other = PeopleSignIn(side._server, transport=Transport(), clock=clock, seal_key=b"o" * 32)
    with pytest.raises(LaunchFailed):
        other.complete(answer, asked.kept)


def test_a_server_without_sign_out_has_no_address_for_it(peer: AuthorizationServer, clock: RealClock) -> None:
    """One that names an unusable one neither."""
    assert people(peer, clock).sign_out_url(BACK) == ""
    peer.discovery = {"end_session_endpoint": "javascript:alert(1)"}
    assert people(peer, clock).sign_out_url(BACK) == ""
    peer.discovery = {"end_session_endpoint": f"{peer.origin}/out?x=1"}
    url = people(peer, clock).sign_out_url(BACK)
    assert url.startswith(f"{peer.origin}/out?x=1&client_id=chartside-app&post_logout_redirect_uri=https%3A%2F%2F")
    peer.well_known = 500
    assert people(peer, clock).sign_out_url(BACK) == ""
