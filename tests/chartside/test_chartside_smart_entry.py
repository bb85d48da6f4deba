"""What the registry says about the SMART page: its keys, its files, what is registered, what is printed."""

import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey

from chartside.clients import KEYS
from chartside.clients.client import Client
from chartside.clients.keys import SMART_KEYS
from chartside.clients.read import read_clients
from chartside.clients.review import doubts, holds
from chartside.clients.sheet import registration_sheet
from chartside.clients.smart_entry import registration_of
from clinical.errors import SettingsInvalid
from fhir_adapters.smart.client_authentication import Basic, PrivateKeyJwt, Public

ROOT = Path(__file__).resolve().parents[2]
LEAST = """
[clients.a]
name = "A"
authentication = "loopback"
fhir_base = "http://127.0.0.1:9/fhir"
"""
PAGE = LEAST + 'smart_client_id = "app"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a secret, a key set and a public key."""
    keys = [
        ECKey.generate_key("P-384", {"kid": "new"}).as_dict(private=True),
        RSAKey.generate_key(2048, {"kid": "old"}).as_dict(private=True),
    ]
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "lines").write_text("a\nb")
    (tmp_path / "keys.json").write_text(json.dumps({"keys": keys}))
    (tmp_path / "public.json").write_text(json.dumps({key: keys[0][key] for key in ("kty", "crv", "x", "y", "kid")}))
    return tmp_path


def read(text: str, folder: Path) -> Client:
    """The one client of a registry."""
    (client,) = read_clients(text, "clients.toml", folder)
    return client


def test_every_key_of_the_page_is_documented() -> None:
    """A row each in docs/settings.md."""
    page = (ROOT / "docs/settings.md").read_text("utf-8")
    assert [key for key in SMART_KEYS if f"\n| `{key}` |" not in page] == []
    assert set(SMART_KEYS) <= set(KEYS)


def test_the_default_is_a_public_client_that_asks_for_the_least(folder: Path) -> None:
    """No refresh, no writing, no unproved user."""
    found = registration_of(read(PAGE, folder))
    assert (found.authentication, found.scopes, found.refresh, found.writes) == (Public(), "auto", "none", ())
    assert not found.unproved_user


def test_secret_and_keys_come_from_files_beside_the_registry(folder: Path) -> None:
    """And stand in no repr."""
    basic = read(PAGE + 'smart_authentication = "basic"\nsmart_client_secret_file = "secret"\n', folder)
    assert registration_of(basic).authentication == Basic("s3cret")
    signed = read(PAGE + 'smart_authentication = "private_key_jwt"\nsmart_key_file = "keys.json"\n', folder)
    method = registration_of(signed).authentication
    assert isinstance(method, PrivateKeyJwt)
    assert [(key.kid, key.algorithm) for key in method.keys] == [("new", "ES384"), ("old", "RS384")]
    secret = json.loads((folder / "keys.json").read_text())["keys"][0]["d"]
    assert "s3cret" not in repr(basic)
    assert secret not in repr(signed)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (LEAST + "smart_write_back = true\n", "without 'smart_client_id'"),
        (LEAST + 'smart_refresh = "online"\n', "without 'smart_client_id'"),
        (PAGE + 'smart_authentication = "secret"\n', "other than public or basic or private_key_jwt"),
        (PAGE + 'smart_authentication = "basic"\n', "lacks 'smart_client_secret_file'"),
        (PAGE + 'smart_authentication = "private_key_jwt"\n', "lacks 'smart_key_file'"),
        (PAGE + 'smart_client_secret_file = "secret"\n', "used with smart_authentication 'basic' only"),
        (PAGE + 'smart_key_file = "keys.json"\n', "used with smart_authentication 'private_key_jwt' only"),
        (PAGE + 'smart_authentication = "basic"\nsmart_client_secret_file = "none"\n', "secret file none"),
        (PAGE + 'smart_authentication = "basic"\nsmart_client_secret_file = "empty"\n', "secret file empty"),
        (PAGE + 'smart_authentication = "basic"\nsmart_client_secret_file = "lines"\n', "secret file lines"),
        (PAGE + 'smart_authentication = "private_key_jwt"\nsmart_key_file = "none"\n', "key file none"),
        (PAGE + 'smart_authentication = "private_key_jwt"\nsmart_key_file = "secret"\n', "key file secret"),
        (PAGE + 'smart_authentication = "private_key_jwt"\nsmart_key_file = "public.json"\n', "'new' is public"),
        (PAGE + 'smart_scopes = "v3"\n', "other than auto or v1 or v2"),
        (PAGE + 'smart_refresh = "always"\n', "other than none or online or offline"),
        (PAGE + 'smart_unproved_user = "yes"\n', "must be true or false"),
        (PAGE + 'smart_style_origins = ["https://ehr.example/path"]\n', "origins such as"),
        (PAGE + 'smart_sign_in_origins = ["https://login.example/path"]\n', "origins such as"),
        (PAGE + 'smart_redirect = "mine"\n', "other than shared or own"),
        (LEAST + 'smart_redirect = "own"\n', "without 'smart_client_id'"),
    ],
)
def test_a_fault_stops_the_start_in_words(folder: Path, entry: str, words: str) -> None:
    """Each names the key or the file, and none what is in it."""
    with pytest.raises(SettingsInvalid, match=words) as caught:
        read(entry, folder)
    assert "s3cret" not in str(caught.value)


def test_the_sheet_says_what_to_register(folder: Path) -> None:
    """Launch, redirect, standalone and JWKS URLs, client type, scopes in both forms."""
    entry = 'smart_authentication = "private_key_jwt"\nsmart_key_file = "keys.json"\nsmart_refresh = "online"\n'
    sheet = registration_sheet(read(PAGE + entry + "smart_write_back = true\n", folder), "https://c.example/", [])
    for words in (
        "https://c.example/smart/launch", "https://c.example/smart/callback", "https://c.example/smart/standalone/a",
        "https://c.example/smart/jwks.json", "private_key_jwt", "new (ES384), old (RS384)", "online_access",
        "patient/RiskAssessment.crs", "patient/RiskAssessment.write", "launch/patient",
    ):  # fmt: skip
        assert words in sheet, words
    assert "jwks.json" not in registration_sheet(read(PAGE, folder), "https://c.example/", [])
    assert "/smart/standalone" not in registration_sheet(read(LEAST, folder), "https://c.example/", [])


def test_an_address_of_its_own_is_what_the_sheet_and_the_review_say(folder: Path) -> None:
    """The default stays what is registered; with `own`, the entry's id stands behind it, and no doubt is left."""
    shared, own = read(PAGE, folder), read(PAGE + 'smart_redirect = "own"\n', folder)
    for client, address in ((shared, "https://c.example/smart/callback"), (own, "https://c.example/smart/callback/a")):
        lines = registration_sheet(client, "https://c.example/", []).splitlines()
        assert [line.split()[-1] for line in lines if line.startswith("redirect URI:")] == [address]
    assert any('smart_redirect = "own"' in line for line in doubts(shared))
    assert not any("smart_redirect" in line for line in doubts(own))
    assert any("/smart/callback/a" in line for line in holds(own))
    assert not any("/smart/callback" in line for line in holds(shared))


def test_sign_in_pages_elsewhere_are_named(folder: Path) -> None:
    """In the review, and nowhere by themselves."""
    named = read(PAGE + 'smart_sign_in_origins = ["https://login.example"]\n', folder)
    assert any("sign-in pages of https://login.example" in line for line in holds(named))
    assert not any("sign-in" in line for line in holds(read(PAGE, folder)))


def test_a_review_says_what_is_doubtful(folder: Path) -> None:
    """Public and shared secrets, an unproved user, offline access."""
    text = PAGE + 'smart_refresh = "offline"\nsmart_unproved_user = true\nsmart_write_back = true\n'
    client = read(text, folder)
    doubtful = "\n".join(doubts(client))
    for words in ("public client", "smart_unproved_user", "smart_refresh = offline"):
        assert words in doubtful
    held = "\n".join(holds(client))
    assert "offline_access" in held
    assert "RiskAssessment" in held
