"""The parts of the demo that need no Chartside: files, forms, text, ports, command line."""

from __future__ import annotations

import socket
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from ehr_simulator.chart.hook_client import Result, Service
from ehr_simulator.cli import main
from ehr_simulator.demo.browser import PageSeen
from ehr_simulator.demo.deployment import FolderNotOurs, Ports, chartside_environment, fresh_folder, write_files
from ehr_simulator.demo.telling import result_lines
from ehr_simulator.processes import Child, NotReady, PortInUse, check_port_free, wait_until_ready

SERVICE = Service("icu", "patient-view", "ICU risk", {})


def test_the_registry_names_the_ehr(tmp_path: Path) -> None:
    """Signed EHR and this machine; with strict only the EHR."""
    settings = Ports(1, 2, 3).settings()
    write_files(tmp_path, settings, strict=False)
    clients = tomllib.loads((tmp_path / "clients.toml").read_text())["clients"]
    assert clients["demo-ehr"]["issuer"] == "http://127.0.0.1:2"
    assert clients["demo-ehr"]["jwks_url"] == "http://127.0.0.1:2/.well-known/jwks.json"
    assert clients["demo-ehr"]["fhir_base"] == clients["local"]["fhir_base"] == "http://127.0.0.1:2/fhir"
    assert clients["local"]["authentication"] == "loopback"
    assert "Medical ICU" in clients["demo-ehr"]["intensive_care_locations"]
    write_files(tmp_path, settings, strict=True)
    assert set(tomllib.loads((tmp_path / "clients.toml").read_text())["clients"]) == {"demo-ehr", "doctor"}


def test_secrets_are_long_and_private(tmp_path: Path) -> None:
    """Secrets are readable by their owner alone."""
    write_files(tmp_path, Ports().settings(), strict=True)
    assert len((tmp_path / "secret").read_text().strip()) >= 64
    for name in ("secret", "quality-password", "doctor.jwk"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_the_environment_is_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CHARTSIDE_ variable of the caller does not leak into the demo."""
    monkeypatch.setenv("CHARTSIDE_SHADOW", "1")
    environment = chartside_environment(tmp_path, Ports(5, 6, 7))
    assert "CHARTSIDE_SHADOW" not in environment
    assert environment["CHARTSIDE_BASE_URL"] == "http://127.0.0.1:5"
    assert environment["CHARTSIDE_DATABASE_URL"] == f"sqlite:///{tmp_path}/ledger.db"


def test_only_a_folder_of_a_demo_is_emptied(tmp_path: Path) -> None:
    """Somebody's files are not deleted."""
    mine = fresh_folder(tmp_path / "demo")
    (mine / "old").touch()
    assert not (fresh_folder(tmp_path / "demo") / "old").exists()
    (tmp_path / "precious").touch()
    with pytest.raises(FolderNotOurs, match="--var"):
        fresh_folder(tmp_path)
    assert (tmp_path / "precious").exists()


def test_a_port_in_use_names_the_option(tmp_path: Path) -> None:
    """The message tells which option to change, and the command ends with code 3."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match="--port-fhir"):
            check_port_free(port, "--port-fhir")
        run = CliRunner().invoke(main, ["demo", "--check", "--port-chartside", str(port), "--var", str(tmp_path / "v")])
    assert run.exit_code == 3
    assert "--port-chartside" in run.output


def test_a_program_that_stops_or_hangs_is_named(tmp_path: Path) -> None:
    """A child that ends early, or never answers, is an error that names its log; none is left running."""
    for script, message, limit in (
        ("raise SystemExit(7)", "code 7", 60),
        ("import time; time.sleep(60)", "did not answer", 1),
    ):
        child = Child.start("the program", [sys.executable, "-c", script], log=tmp_path / "log", folder=tmp_path,
                            environment={})  # fmt: skip
        with pytest.raises(NotReady, match=message):
            wait_until_ready(child, "http://127.0.0.1:9/", time_limit=limit)
        assert child.process.poll() is not None


def test_at_hour_needs_patients() -> None:
    """An option that would do nothing is refused."""
    run = CliRunner().invoke(main, ["demo", "--at-hour", "24"])
    assert run.exit_code == 2
    assert "--patients" in run.output


def test_help_teaches() -> None:
    """Help names the commands and the exit codes."""
    run = CliRunner().invoke(main, ["--help"])
    assert run.exit_code == 0
    for word in ("demo", "serve", "patients", "Exit codes"):
        assert word in run.output


def test_patients_can_be_written(tmp_path: Path) -> None:
    """`patients FOLDER` writes the bundles."""
    assert CliRunner().invoke(main, ["patients", str(tmp_path)]).exit_code == 0
    assert (tmp_path / "sim-01.json").exists()


def test_forms_are_read_as_a_browser_does() -> None:
    """Hidden fields, radio and select choices, buttons with values."""
    page = PageSeen("http://x/", 200, """<style>p{}</style><p>69&nbsp;%</p><form action="/d">
        <input type="hidden" name="csrf_token" value="t"><input type="radio" name="reason" value="a">
        <select name="s"><option value="">-</option><option value="b">B</option></select>
        <button name="outcome" value="overridden">Save</button></form>""")  # fmt: skip
    assert page.text == "69 % - B Save"
    form = page.forms()[0]
    assert (form.action, form.hidden) == ("/d", {"csrf_token": "t"})
    assert form.choices == {"reason": ["a"], "s": ["b"]}
    assert form.buttons == [("outcome", "overridden")]


def test_a_card_is_told_in_plain_lines() -> None:
    """Summary, text without marks, tables in columns."""
    card = {"summary": "High", "indicator": "warning", "detail": "**41 %** x\\-y\n\n| A | B |\n|---|---|\n| 1 | two |"}
    lines = list(result_lines(Result(SERVICE, {"cards": [card]}), "http://x"))
    assert lines == ["  [Warning] High", "    41 % x-y", "    A  B", "    1  two"]


def test_silence_and_fault_are_told_apart() -> None:
    """An empty answer and a fault never read alike."""
    assert "No advice" in next(result_lines(Result(SERVICE, {"cards": []}), ""))
    assert list(result_lines(Result(SERVICE, None, "broken", 503), "")) == ["  FAULT (status 503): broken"]
