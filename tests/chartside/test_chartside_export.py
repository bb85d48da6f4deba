"""`chartside export` on a real ledger, the key that signs, and what docs/exports.md says of them."""

from __future__ import annotations

import csv
import json
import re
import stat
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from chartside.export_command import NOT_WHOLE, OTHER_KEY, WHOLE, export
from chartside.export_key import ExportKey, signed_with
from chartside.factory import House, open_house
from chartside.settings import Settings, from_environment
from clinical.advice import Advice, Channel, Feedback, Outcome
from clinical.errors import SettingsInvalid
from oversight import tables
from oversight.database import open_engine, reading
from oversight.exports.dictionary import dictionary_rows
from oversight.exports.events import EVENTS
from oversight.exports.order import FIGURES
from oversight.pages.committee.pack import last_month
from oversight.pages.exports import OFFERS

ROOT = Path(__file__).resolve().parents[2]
SERVICE = "icu-mortality"
PERIOD = ("--from", "2026-03-01", "--to", "2026-03-31")


@pytest.fixture
def deployment(deployment: Settings, clock: Any, first_advice: Callable[[House], Advice]) -> Settings:
    """With a ledger of twenty cards of the whole application; half of them were overridden with a comment."""
    with closing(open_house(deployment, clock=clock)) as house:
        advice = first_advice(house)
        for number in range(19):
            one = replace(advice, id=f"card-{number}", suggestion_id=f"s-{number}", request_key="")
            house.ledger.append(one)
            if number % 2:
                later = one.time + timedelta(minutes=1)
                said = Feedback(one.id, one.client, one.service, Outcome.OVERRIDDEN, later, Channel.CARD, comment="no")
                house.ledger.record([said])
    return deployment


def run(*arguments: object) -> Result:
    """The command."""
    return CliRunner().invoke(export, [str(each) for each in arguments])


def audited(settings: Settings) -> list[str]:
    """What the audit says of exports."""
    engine = open_engine(settings.database_url)
    with reading(engine) as connection:
        found = list(connection.scalars(select(tables.audit.c.detail)))
    engine.dispose()
    return [detail for detail in found if detail.startswith("export ")]


def test_every_command_writes_its_file(deployment: Settings, tmp_path: Path) -> None:
    """For its owner only, noted first, and never over another file."""
    commands = {"events": b"card_id,", "weekly": b"service,week,", "reasons": b"service,reason_code,",
                "equity": b"service,first,",
                "measure": b'{\n "resourceType": "Bundle"', "pack": b"\n<!doctype html>"}  # fmt: skip
    for command, begins in commands.items():
        out = tmp_path / command
        done = run(command, *PERIOD, "--out", out)
        assert done.exit_code == 0, done.output
        assert out.read_bytes().startswith(begins)
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert len(audited(deployment)) == len(commands)
    assert audited(deployment)[0] == "export events.csv, 2026-03-01 to 2026-03-31, up to entry 20, by command line"
    again = run("events", *PERIOD, "--out", tmp_path / "events")
    assert (again.exit_code, len(audited(deployment))) == (2, len(commands))
    with (tmp_path / "events").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["action_taken"] for line in lines].count("overridden") == 9
    assert (len(lines), {line["comment"] for line in lines}) == (20, {""})


def test_an_export_is_verified(deployment: Settings, tmp_path: Path) -> None:
    """Whole and ours; ours but changed; whole but somebody else's: three exit codes, and the reason in words."""
    out, key = tmp_path / "e.zip", run("key").output.strip()
    made = run("bundle", *PERIOD, "--events", "--comments", "--service", SERVICE, "--out", out)
    assert made.exit_code == 0, made.output
    assert key in made.output
    assert "bundle, with events, with comments" in audited(deployment)[0]
    assert run("verify", out).exit_code == run("verify", out, "--key", key).exit_code == WHOLE
    other = run("verify", out, "--key", ExportKey(b"t" * 64).public_key)
    assert (other.exit_code, "It may come from somebody else" in other.output) == (OTHER_KEY, True)
    with zipfile.ZipFile(out) as archive:
        assert json.loads(archive.read("manifest.json"))["service"] == SERVICE
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(out, "w") as archive:
        for name, old in content.items():
            archive.writestr(name, old.replace(b"overridden", b"accepted") if name == "events.csv" else old)
    changed = run("verify", out)
    assert (changed.exit_code, "events.csv is not what was signed" in changed.output) == (NOT_WHOLE, True)


def test_who_has_only_the_key_can_verify(deployment: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the hospital's settings."""
    out, key = tmp_path / "e.zip", run("key").output.strip()
    assert run("bundle", *PERIOD, "--out", out).exit_code == 0
    for name in ("BASE_URL", "DATABASE_URL", "CLIENTS_FILE", "SECRET_FILE"):
        monkeypatch.delenv(f"CHARTSIDE_{name}")
    assert run("verify", out, "--key", key).exit_code == WHOLE
    assert deployment.base_url


@pytest.mark.parametrize(
    "arguments", [("--from", "2026-03-02", "--to", "2026-03-01"), ("--service", "other"), ("--from", "x")]
)
def test_a_wrong_wish_writes_nothing(deployment: Settings, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Neither a file nor a note."""
    assert run("weekly", *arguments, "--out", tmp_path / "w.csv").exit_code == 2
    assert not (tmp_path / "w.csv").exists()
    assert audited(deployment) == []


def test_a_key_is_one_of_a_secret() -> None:
    """The same secret gives the same key; a signature fits its own key and content only."""
    one, other = ExportKey(b"a" * 32), ExportKey(b"b" * 32)
    assert one.public_key == ExportKey(b"a" * 32).public_key != other.public_key
    signature = one.sign(b"content")
    assert signed_with(one.public_key, signature, b"content")
    assert not signed_with(other.public_key, signature, b"content")
    assert not signed_with(one.public_key, signature, b"other")
    assert not signed_with("zz", signature, b"content")


def test_the_month_before() -> None:
    """Also in January and in March."""
    for today, first, last in (
        (date(2026, 1, 15), date(2025, 12, 1), date(2025, 12, 31)),
        (date(2024, 3, 31), date(2024, 2, 1), date(2024, 2, 29)),
    ):
        found = last_month(today)
        assert (found.first, found.last) == (first, last)


@pytest.mark.parametrize(("content", "holds"), [("k" * 32, True), ("short", False), ("with blanks " * 4, False)])
def test_the_metrics_token_is_hard_to_guess(deployment: Settings, tmp_path: Path, content: str, holds: bool) -> None:
    """A short one, or one that no header can carry, keeps the service from starting."""
    (tmp_path / "token").write_text(content)
    environment = {
        "CHARTSIDE_BASE_URL": deployment.base_url,
        "CHARTSIDE_DATABASE_URL": deployment.database_url,
        "CHARTSIDE_CLIENTS_FILE": str(deployment.clients_file),
        "CHARTSIDE_SECRET_FILE": str(tmp_path / "secret"),
        "CHARTSIDE_METRICS_TOKEN_FILE": str(tmp_path / "token"),
    }
    if holds:
        assert from_environment(environment).metrics_token == content
    else:
        with pytest.raises(SettingsInvalid, match="METRICS_TOKEN_FILE"):
            from_environment(environment)


def test_the_docs_tell_every_file_command_and_metric() -> None:
    """What docs/exports.md lists is what there is."""
    page = (ROOT / "docs/exports.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([a-z_]+\.(?:csv|html|zip|json))`", page, re.MULTILINE)) == set(OFFERS)
    assert set(re.findall(r"chartside export ([a-z]+)", page)) == set(export.commands)
    code = (ROOT / "oversight/exports/metrics.py").read_text("utf-8")
    assert set(re.findall(r"^\| `(chartside_[a-z_]+)`", page, re.MULTILINE)) == set(
        re.findall(r'"(chartside_[a-z_]+)"', code)
    )
    told = {row[2] for row in dictionary_rows([EVENTS])}
    assert set(re.findall(r"`([a-z_]+)`", page.split("## Events")[1].split("\n## ")[0])) <= told
    assert set(FIGURES) <= set(OFFERS)
