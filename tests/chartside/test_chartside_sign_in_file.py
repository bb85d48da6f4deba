"""The sign-in file: what it takes, and every fault at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chartside.clients.smart_keys import new_row
from chartside.factory import open_house
from chartside.sign_in import KEYS, SignInEntry, load_sign_in
from clinical.errors import SettingsInvalid
from ehr_simulator.demo.deployment import Ports
from ehr_simulator.demo.quality_sign_in import settings_toml
from fhir_adapters.smart.client_authentication import Basic, PrivateKeyJwt, Public
from oversight.pages.door.roles import Role

ROOT = Path(__file__).resolve().parents[2]
LEAST = """
kind = "oidc"
label = "Hospital"
issuer = "https://login.hospital.example/realms/staff/"
client_id = "quality"
"""
PEOPLE = """
[people]
admin = ["1"]
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], SignInEntry]:
    """Reads a text as the file."""

    def read(text: str) -> SignInEntry:
        path = tmp_path / "sign-in.toml"
        path.write_text(text)
        found = load_sign_in(path)
        assert found is not None
        return found

    return read


@pytest.fixture
def faults(load: Callable[[str], SignInEntry]) -> Callable[[str], list[str]]:
    """What is wrong with a text."""

    def read(text: str) -> list[str]:
        with pytest.raises(SettingsInvalid) as told:
            load(text)
        return told.value.message.splitlines()

    return read


def test_without_a_file_there_is_no_sign_in() -> None:
    """The setting is optional."""
    assert load_sign_in(None) is None


def test_what_is_left_out_has_its_default(load: Callable[[str], SignInEntry]) -> None:
    """The issuer stays as it is written, to the last letter."""
    found = load(LEAST + PEOPLE)
    assert found.base == "https://login.hospital.example/realms/staff/"
    assert found.scopes == ("openid", "profile")
    assert found.authentication == Public()
    assert (found.idle, found.longest, found.max_age) == (timedelta(minutes=15), timedelta(hours=8), None)
    assert (found.groups, found.people) == ({}, {Role.ADMIN: frozenset({"1"})})


def test_all_of_it(load: Callable[[str], SignInEntry], tmp_path: Path) -> None:
    """An EHR with every key."""
    (tmp_path / "key.json").write_text(json.dumps(new_row("ES384", "one")))
    found = load("""
        kind = "smart"
        label = "EHR"
        fhir_base = "http://127.0.0.1:8101/fhir"
        client_id = "quality"
        authentication = "private_key_jwt"
        key_file = "key.json"
        scopes = ["openid", "fhirUser", "profile"]
        roles_claim = ["realm", "roles"]
        name_claim = "email"
        idle_minutes = 1.5
        longest_hours = 12
        max_age_minutes = 0
        [roles]
        quality = ["a", "b"]
        clinician = ["c"]
        [people]
        quality = ["Practitioner/7"]
        """)
    assert isinstance(found.authentication, PrivateKeyJwt)
    assert (found.kind, found.roles_claim, found.name_claim) == ("smart", ("realm", "roles"), "email")
    assert (found.idle, found.longest, found.max_age) == (timedelta(seconds=90), timedelta(hours=12), timedelta())
    assert found.roles_of({"realm": {"roles": ["b", "c"]}}, "1") == {Role.QUALITY, Role.CLINICIAN}
    assert found.roles_of({}, "1", "Practitioner/7") == {Role.QUALITY}


def test_a_secret_comes_from_its_file_and_is_not_shown(load: Callable[[str], SignInEntry], tmp_path: Path) -> None:
    """In no representation of the entry."""
    (tmp_path / "secret").write_text("very secret\n")
    found = load(LEAST + 'authentication = "basic"\nsecret_file = "secret"\n' + PEOPLE)
    assert found.authentication == Basic("very secret")
    assert "very secret" not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LEAST, "neither [roles] nor [people]"),
        (LEAST + "rolles = 1\n" + PEOPLE, "unknown key 'rolles'"),
        (LEAST + "[people]\nboss = ['1']", "unknown role 'boss' in [people]; there are: clinician"),
        (LEAST + "[people]\nadmin = []", "[people] has a 'admin' other than a list of texts"),
        (LEAST + "[people]\nadmin = '1'", "[people] has a 'admin' of the wrong type"),
        (LEAST + "[roles]\nadmin = ['1']", "needs 'roles_claim' and [roles] together"),
        (LEAST + "roles_claim = 'groups'\n" + PEOPLE, "needs 'roles_claim' and [roles] together"),
        (LEAST + "roles_claim = []\n" + PEOPLE, "'roles_claim' other than the name of a claim"),
        (LEAST + "idle_minutes = 61\n" + PEOPLE, "'idle_minutes' other than a number from 1 to 60"),
        (LEAST + "idle_minutes = true\n" + PEOPLE, "'idle_minutes' of the wrong type"),
        (LEAST + "longest_hours = 13\n" + PEOPLE, "'longest_hours' other than a number from 1 to 12"),
        (LEAST + "scopes = ['profile']\n" + PEOPLE, "has 'scopes' without 'openid'"),
        (LEAST + "scopes = ['openid profile']\n" + PEOPLE, "'scopes' other than a list of scopes"),
        (LEAST + "fhir_base = 'https://ehr.example'\n" + PEOPLE, "'fhir_base', which is used with kind 'smart' only"),
        (LEAST.replace("oidc", "saml") + PEOPLE, "'kind' other than oidc or smart"),
        (LEAST.replace("https", "http") + PEOPLE, "'issuer' other than an https URL"),
        (LEAST.replace("issuer", "# ") + PEOPLE, "lacks 'issuer'"),
        (LEAST + "authentication = 'basic'\n" + PEOPLE, "needs 'secret_file' with authentication 'basic'"),
        (LEAST + "secret_file = 'x'\n" + PEOPLE, "needs 'secret_file' with authentication 'basic', and with no other"),
        (LEAST + "authentication = 'basic'\nsecret_file = 'x'\n" + PEOPLE, "names the secret file x, which cannot"),
        (LEAST + "authentication = 'private_key_jwt'\nkey_file = 'x'\n" + PEOPLE, "names the key file x, which cannot"),
        ("people = 1", "'people' of the wrong type"),
        ("nothing", "cannot be read"),
    ],
)
def test_a_fault_is_named(faults: Callable[[str], list[str]], text: str, said: str) -> None:
    """In words, before anything is served."""
    assert any(said in line for line in faults(text)), faults(text)


def test_all_faults_are_named_at_once(faults: Callable[[str], list[str]]) -> None:
    """An empty file lacks everything."""
    assert len(faults("")) == 1 + 4


def test_a_house_with_a_faulty_file_does_not_open(make_settings: Callable[..., Any], tmp_path: Path) -> None:
    """The start is where it is found."""
    settings = make_settings(tmp_path)
    object.__setattr__(settings, "sign_in_file", tmp_path / "nowhere.toml")
    with pytest.raises(SettingsInvalid, match=r"nowhere\.toml cannot be read"):
        open_house(settings)


def test_other_rules_make_another_edition(load: Callable[[str], SignInEntry]) -> None:
    """So that a visit does not outlive the role it rests on; how long it lasts and what it is called may change."""
    usual = load(LEAST + PEOPLE).edition
    assert load(LEAST + "idle_minutes = 5\n" + PEOPLE).edition == usual
    assert load(LEAST.replace('"Hospital"', '"House"') + PEOPLE).edition == usual
    for other in (PEOPLE.replace("1", "2"), PEOPLE.replace("admin", "quality"), PEOPLE + 'quality = ["1"]'):
        assert load(LEAST + other).edition != usual


def test_the_demo_has_a_file_that_holds(load: Callable[[str], SignInEntry]) -> None:
    """For its own EHR, in which the pages are registered."""
    settings = Ports().settings()
    found = load(settings_toml(settings))
    assert found.base == settings.base_url
    assert set(found.groups) == set(Role)
    assert found.client_id in {client.client_id for client in settings.clients}


def test_every_key_is_explained() -> None:
    """One row per key, tables among them."""
    rows = re.findall(r"^\| `\[?([a-z_]+)\]?` \| ", (ROOT / "docs/sign-in.md").read_text("utf-8"), re.MULTILINE)
    assert set(rows) - set(Role) == set(KEYS)
