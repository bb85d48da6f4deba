"""The SMART page of the whole application against a strict authorization server: tokens end and are renewed."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from smart_peer import AuthorizationServer, running

from chartside.factory import create_app, open_house
from chartside.settings import Settings

BASE_URL = "http://127.0.0.1:8100"
REDIRECT_URI = f"{BASE_URL}/smart/callback/ward"
REGISTRY = """
[clients.ward]
name = "Ward"
authentication = "loopback"
fhir_base = "{iss}"
smart_client_id = "chartside-app"
smart_redirect = "own"
smart_authentication = "private_key_jwt"
smart_key_file = "keys.json"
smart_refresh = "online"
"""


class Now:
    """The time."""

    def now(self) -> datetime:
        """Now."""
        return datetime.now(UTC)


@pytest.fixture(scope="module")
def peer() -> Iterator[AuthorizationServer]:
    """A strict server that gives refresh tokens."""
    with running(AuthorizationServer(refreshes=True, token={"encounter": None}, redirect_uri=REDIRECT_URI)) as made:
        yield made


@pytest.fixture(scope="module")
def browser(peer: AuthorizationServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A browser in front of the whole application, which authenticates by a key from a file."""
    folder: Path = tmp_path_factory.mktemp("smart")
    (folder / "keys.json").write_text(json.dumps(ECKey.generate_key("P-384", {"kid": "k1"}).as_dict(private=True)))
    (folder / "clients.toml").write_text(REGISTRY.format(iss=peer.iss))
    settings = Settings(
        base_url=BASE_URL,
        database_url=f"sqlite:///{folder}/ledger.db",
        clients_file=folder / "clients.toml",
        secret=b"s" * 64,
        fhir_seconds=8.0,
    )
    with closing(open_house(settings, clock=Now())) as house:
        client = create_app(house).test_client()
        peer.client_keys = lambda: client.get("/smart/jwks.json").get_json()
        yield client


@pytest.fixture
def opened(browser: FlaskClient, peer: AuthorizationServer) -> Callable[[], str]:
    """A launch until the page's address is known."""

    def open_() -> str:
        begun = browser.get("/smart/launch", query_string={"iss": peer.iss, "launch": "L1"}, base_url=BASE_URL)
        peer.scope = parse_qs(urlsplit(begun.location).query)["scope"][0]
        callback = peer.authorize(begun.location)
        return str(browser.get("/smart/callback/ward", query_string=callback, base_url=BASE_URL).location)

    return open_


def test_a_page_opens_with_a_key_of_ours(browser: FlaskClient, peer: AuthorizationServer, opened) -> None:
    """Assertion, published key, minimal scopes, records read with the token of the visit."""
    url = opened()
    peer.bearers.clear()
    answer = browser.get(url, base_url=BASE_URL)
    assert answer.status_code == 200
    assert set(peer.bearers) == {"Bearer secret-access-token"}
    assert "online_access" in peer.scope.split()
    assert not [name for name in peer.scope.split() if "*" in name or name.endswith((".write", ".crs"))]


def test_a_token_that_ends_mid_page_is_renewed_once(browser: FlaskClient, peer: AuthorizationServer, opened) -> None:
    """All reads of one opening share one refresh, and the page is shown."""
    url = opened()
    before, peer.refused = len(peer.spent), {"secret-access-token"}
    try:
        assert browser.get(url, base_url=BASE_URL).status_code == 200
    finally:
        peer.refused = set()
    assert len(peer.spent) == before + 1


def test_a_token_that_cannot_be_renewed_is_words(browser: FlaskClient, peer: AuthorizationServer, opened) -> None:
    """No risk is shown, no silence: the page says that the record could not be read."""
    url = opened()
    peer.refresh_tokens.clear()
    peer.refused = {"secret-access-token"}
    try:
        answer = browser.get(url, base_url=BASE_URL)
    finally:
        peer.refused = set()
    assert answer.status_code == 503
    assert "permission to read the record has run out" in html.unescape(answer.text)
    assert "Incident" in answer.text
    assert "secret-access-token" not in answer.text
