"""Settings and the client registry: every fault at once, in words, before anything runs."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from chartside.clients import load_clients
from chartside.logs import JsonLines
from chartside.settings import from_environment, is_web_url
from clinical.errors import SettingsInvalid


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A whole set of settings."""
    secret = tmp_path / "secret"
    secret.write_text("s" * 64 + "\n")
    return {
        "CHARTSIDE_BASE_URL": "https://chartside.hospital.test/",
        "CHARTSIDE_DATABASE_URL": "sqlite:///x.db",
        "CHARTSIDE_CLIENTS_FILE": str(tmp_path / "clients.toml"),
        "CHARTSIDE_SECRET_FILE": str(secret),
    }


def test_settings_have_safe_defaults(environment: dict[str, str]) -> None:
    """Loopback only, no quality password, no secret in the representation."""
    settings = from_environment(environment)
    assert (settings.host, settings.port, settings.quality_password) == ("127.0.0.1", 8100, None)
    assert (settings.model_keys_file, settings.local_models) == (None, None)
    assert settings.base_url == "https://chartside.hospital.test"
    assert settings.secret == b"s" * 64
    assert "sss" not in repr(settings)
    assert "sqlite" not in repr(settings)


def test_models_of_the_site_lie_in_a_folder(environment: dict[str, str], tmp_path: Path) -> None:
    """Which is there when the service starts; each model in it is checked when it is opened."""
    found = from_environment(environment | {"CHARTSIDE_LOCAL_MODELS": str(tmp_path)})
    assert found.local_models == tmp_path


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """One run names everything that is missing or wrong."""
    short = tmp_path / "short"
    short.write_text("too short")
    bad = {
        "CHARTSIDE_BASE_URL": "http://hospital.test",
        "CHARTSIDE_SECRET_FILE": str(short),
        "CHARTSIDE_QUALITY_PASSWORD_FILE": str(tmp_path / "absent"),
        "CHARTSIDE_PORT": "x",
        "CHARTSIDE_FHIR_SECONDS": "900",
        "CHARTSIDE_TIME_ZONE": "../etc/passwd",
        "CHARTSIDE_LOCAL_MODELS": str(short),
    }
    with pytest.raises(SettingsInvalid) as fault:
        from_environment(bad)
    for name in (
        "BASE_URL",
        "DATABASE_URL",
        "CLIENTS_FILE",
        "SECRET_FILE",
        "QUALITY_PASSWORD_FILE",
        "PORT",
        "FHIR_SECONDS",
        "TIME_ZONE",
        "LOCAL_MODELS",
    ):
        assert f"CHARTSIDE_{name}" in fault.value.message
    assert "too short" not in fault.value.message


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://ehr.test/fhir", True),
        ("http://127.0.0.1:8100", True),
        ("http://localhost", True),
        ("http://[::1]:9", True),
        ("http://ehr.test", False),
        ("https://user@ehr.test", False),
        ("https://ehr.test/?a=1", False),
        ("ftp://ehr.test", False),
        ("https://ehr.test:port", False),
        ("", False),
    ],
)
def test_urls_are_https_except_on_this_machine(url: str, good: bool) -> None:
    """Plain http never leaves the machine."""
    assert is_web_url(url) == good


ENTRY = """
[clients.demo]
name = "Demo"
authentication = "jwt"
issuer = "https://ehr.test"
jwks_url = "https://ehr.test/jwks"
fhir_base = "https://ehr.test/fhir/"
origins = ["https://ehr.test"]
show_from = 0.2
intensive_care_locations = ["Medical ICU"]
"""


def registry(tmp_path: Path, text: str) -> Path:
    """A registry file."""
    path = tmp_path / "clients.toml"
    path.write_text(text)
    return path


def test_a_client_entry_is_read_whole(tmp_path: Path) -> None:
    """Every key arrives; the base URL loses its closing slash."""
    (client,) = load_clients(registry(tmp_path, ENTRY))
    assert (client.id, client.issuer, client.keys) == ("demo", "https://ehr.test", "https://ehr.test/jwks")
    assert (client.fhir_base, client.show_from, client.shadow) == ("https://ehr.test/fhir", 0.2, False)
    assert client.intensive_care_locations == ("Medical ICU",)


def test_keys_may_come_from_a_file(tmp_path: Path) -> None:
    """A JWK Set beside the registry."""
    (tmp_path / "keys.json").write_text('{"keys": []}')
    text = ENTRY.replace('jwks_url = "https://ehr.test/jwks"', 'jwks_file = "keys.json"')
    assert load_clients(registry(tmp_path, text))[0].keys == {"keys": []}
    (tmp_path / "keys.json").write_text("[]")
    with pytest.raises(SettingsInvalid, match="key file"):
        load_clients(registry(tmp_path, text))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("[clients.demo]", "[demo]"), "no \\[clients"),
        (("[clients.demo]", "[clients.demo"), "cannot be read"),
        (('name = "Demo"', ""), "lacks 'name'"),
        (('name = "Demo"', "nmae = 1"), "unknown key 'nmae'"),
        (('authentication = "jwt"', 'authentication = "none"'), "other than jwt or loopback"),
        (('issuer = "https://ehr.test"', ""), "lacks 'issuer'"),
        (('jwks_url = "https://ehr.test/jwks"', ""), "needs either"),
        (('jwks_url = "https://ehr.test/jwks"', 'jwks_url = "http://ehr.test/jwks"'), "'jwks_url'"),
        (("https://ehr.test/fhir/", "http://ehr.test/fhir"), "'fhir_base'"),
        (("show_from = 0.2", 'show_from = "0.2"'), "'show_from' of the wrong type"),
        (("show_from = 0.2", "show_from = true"), "'show_from' of the wrong type"),
        (('["Medical ICU"]', "[1]"), "'intensive_care_locations' of the wrong type"),
    ],
)
def test_a_wrong_entry_stops_the_start(change: tuple[str, str], words: str, tmp_path: Path) -> None:
    """A typo is a fault, not a default."""
    with pytest.raises(SettingsInvalid, match=words):
        load_clients(registry(tmp_path, ENTRY.replace(*change)))


def test_entries_must_not_clash(tmp_path: Path) -> None:
    """One issuer, one entry; one entry for this machine."""
    local = '[clients.{}]\nname = "x"\nauthentication = "loopback"\nfhir_base = "https://ehr.test/fhir"\n'
    text = ENTRY + ENTRY.replace("clients.demo", "clients.other") + local.format("a") + local.format("b")
    with pytest.raises(SettingsInvalid) as fault:
        load_clients(registry(tmp_path, text))
    assert "Two entries have the issuer" in fault.value.message
    assert "More than one entry" in fault.value.message
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        load_clients(tmp_path / "absent.toml")


def line(record: logging.LogRecord) -> dict[str, Any]:
    """A formatted line."""
    return dict(json.loads(JsonLines().format(record)))


def test_a_log_line_holds_listed_members_only() -> None:
    """What is not on the list does not get out, and what libraries write is not repeated."""
    record = logging.LogRecord("chartside.x", 20, "p", 1, "advice", (), None)
    record.__dict__.update(client="demo", patient="Doe")
    assert line(record)["event"] == "advice"
    assert line(record)["client"] == "demo"
    assert "Doe" not in json.dumps(line(record))
    foreign = logging.LogRecord("urllib3", 30, "p", 1, "GET /Patient/pat-0815?token=x", (), None)
    assert "pat-0815" not in json.dumps(line(foreign))


def test_an_exception_in_the_log_is_its_class() -> None:
    """No message, no traceback: either may quote a record."""
    try:
        raise ValueError("Doe, Jane")
    except ValueError:
        record = logging.LogRecord("gunicorn.error", 40, "p", 1, "boom", (), sys.exc_info())
    assert line(record)["fault"] == "ValueError"
    assert "Jane" not in json.dumps(line(record))
