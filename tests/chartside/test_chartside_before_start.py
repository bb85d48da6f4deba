"""What `chartside check` and `chartside serve` refuse, by the same checks: `check` needs no ledger and no port."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chartside.before_start import check_host
from chartside.cli import cli
from chartside.factory import open_house, rehearse
from chartside.settings import Settings
from clinical.errors import ArtefactRejected, LedgerUnavailable, NotStarted, SettingsInvalid

ROLE = """
kind = "oidc"
label = "Hospital"
issuer = "https://login.hospital.example/"
client_id = "quality"

[people]
king = ["1"]
"""
SERVICES = "[clients.ward.services.{name}]\n{rule}\n"


@pytest.fixture
def check(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `chartside check` with further settings, and more in the registry."""

    def run(registry: str = "", **more: str) -> Result:
        deployment.clients_file.write_text(deployment.clients_file.read_text() + registry)
        for name, value in more.items():
            monkeypatch.setenv(f"CHARTSIDE_{name}", value)
        return CliRunner().invoke(cli, ["check"])

    return run


def refused(done: Result) -> str:
    """What stops the start: `chartside.cli.main` says it and ends with 3."""
    assert isinstance(done.exception, NotStarted), done.output
    return done.exception.message


def test_what_holds_is_listed_and_no_ledger_is_made(check: Callable[..., Result], tmp_path: Path) -> None:
    """A check leaves nothing behind."""
    done = check()
    assert done.exit_code == 0, done.output
    assert "client ward: Ward" in done.output
    assert not list(tmp_path.glob("ledger.db*"))


@pytest.mark.parametrize("url", ["foo", "sqlite://", "sqlite:///:memory:", "mysql://u:secret@host/ledger"])
def test_a_database_that_cannot_hold_the_ledger_is_refused(url: str, check: Callable[..., Result]) -> None:
    """By the name of its setting, and without the address."""
    message = refused(check(DATABASE_URL=url))
    assert "CHARTSIDE_DATABASE_URL" in message
    assert "secret" not in message


@pytest.mark.parametrize("host", ["999.1.1.1", "::1", "two words", "a..b"])
def test_a_host_that_cannot_be_listened_on_is_refused(host: str, check: Callable[..., Result]) -> None:
    """The server listens on IPv4."""
    assert "CHARTSIDE_HOST" in refused(check(HOST=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", ""])
def test_hosts_that_are_one_are_taken(host: str) -> None:
    """No name at all is every address of this machine."""
    check_host(host)


@pytest.mark.parametrize("text", [None, "", "kind = \n", ROLE, ROLE.replace("king", "admin") + "colour = 1\n"])
def test_a_wrong_sign_in_file_is_refused(text: str | None, check: Callable[..., Result], tmp_path: Path) -> None:
    """One that is missing, empty, no TOML, or has an unknown role or key."""
    path = tmp_path / "sign-in.toml"
    if text is not None:
        path.write_text(text)
    assert "sign-in file sign-in.toml" in refused(check(SIGN_IN_FILE=str(path)))


def test_callers_without_a_token_are_refused_on_a_public_address(check: Callable[..., Result]) -> None:
    """Behind a proxy everybody seems to come from this machine."""
    assert "'loopback'" in refused(check(BASE_URL="https://chartside.hospital.example"))


def test_a_mistyped_service_is_refused(check: Callable[..., Result]) -> None:
    """It would be offered to nobody."""
    assert "services.new2] is for no service" in refused(check(SERVICES.format(name="new2", rule="")))


def test_everything_that_can_be_told_is_told_at_once(check: Callable[..., Result]) -> None:
    """Whoever mends the settings does not start five times."""
    message = refused(
        check(
            SERVICES.format(name="new2", rule="") + SERVICES.format(name="qsofa", rule="show_from = 20"),
            DATABASE_URL="foo",
            HOST="999.1.1.1",
            SIGN_IN_FILE="nowhere.toml",
            BASE_URL="https://chartside.hospital.example",
        )
    )
    for word in ("DATABASE_URL", "CHARTSIDE_HOST", "nowhere.toml", "'loopback'", "new2", "qsofa] has a 'show_from'"):
        assert word in message


def test_a_fault_of_one_kind_stays_of_its_kind(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    """And services are not called mistyped because the models could not be opened."""
    settings, stray = make_settings(tmp_path), tmp_path / "own" / "mine"
    stray.mkdir(parents=True)
    (stray / "provenance.json").write_text("{}")
    settings.clients_file.write_text(settings.clients_file.read_text() + SERVICES.format(name="news2", rule=""))
    with pytest.raises(ArtefactRejected, match=r"mine: model\.toml is missing"):
        rehearse(replace(settings, local_models=tmp_path / "own"))


def test_a_start_refuses_what_a_check_refuses(make_settings: Callable[..., Any], tmp_path: Path) -> None:
    """Before it makes a ledger."""
    with pytest.raises(SettingsInvalid, match="CHARTSIDE_HOST"):
        open_house(replace(make_settings(tmp_path), host="999.1.1.1"))
    assert not list(tmp_path.glob("ledger.db*"))


def test_a_check_does_not_mind_a_port_that_is_taken(check: Callable[..., Result]) -> None:
    """A service that runs can have its next settings checked."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert check(PORT=str(taken.getsockname()[1])).exit_code == 0


@pytest.mark.parametrize(
    ("service", "level", "highest"),
    [
        ("news2", 400, 20),
        ("qsofa", 20, 3),
        ("sofa", 24.5, 24),
        ("meld3", 41, 40),
        ("charlson", 30, 29),
        ("lace", 20, 19),
    ],
)
def test_points_that_a_score_does_not_have_are_refused(
    service: str, level: float, highest: int, check: Callable[..., Result]
) -> None:
    """Such a threshold would silence it for good."""
    message = refused(check(SERVICES.format(name=service, rule=f"show_from = {level}")))
    assert f"[clients.ward.services.{service}] has a 'show_from'" in message
    assert f"from 0 to {highest}," in message


@pytest.mark.parametrize(("service", "level"), [("news2", 20), ("qsofa", 3), ("fib4", 40), ("ckd-epi", -15)])
def test_levels_that_an_answer_can_reach_are_taken(service: str, level: float, check: Callable[..., Result]) -> None:
    """The highest itself, and any number of an equation that has no highest."""
    assert check(SERVICES.format(name=service, rule=f"show_from = {level}")).exit_code == 0


def test_a_start_without_its_database_names_the_setting(make_settings: Callable[..., Any], tmp_path: Path) -> None:
    """Whoever starts it has no other place to look."""
    url = f"sqlite:///{tmp_path / 'nowhere' / 'ledger.db'}"
    with pytest.raises(LedgerUnavailable, match=r"cannot be opened: .*\. See CHARTSIDE_DATABASE_URL"):
        open_house(replace(make_settings(tmp_path), database_url=url))
