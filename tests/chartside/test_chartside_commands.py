"""`chartside switch` and `chartside ledger`, on a real ledger."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chartside.cli import cli
from chartside.clock import SystemClock
from chartside.factory import create_app, open_house
from chartside.settings import Settings
from clinical.errors import LedgerUnavailable
from oversight.database import open_engine
from oversight.switches import SqlSwitches

CALL = "/cds-services/icu-mortality"
WHO = ("--by", "dr-chief", "--reason", "recall")


@pytest.fixture
def command(deployment: Settings, ill: dict[str, Any]) -> Callable[..., Result]:
    """Runs a command in the environment of a deployment whose ledger holds one card with feedback."""
    with closing(open_house(deployment)) as house:
        http = create_app(house).test_client()
        card = http.post(CALL, json=ill).get_json()["cards"][0]
        item = {
            "card": card["uuid"],
            "outcome": "overridden",
            "overrideReason": {"userComment": "=HYPERLINK(secret words)"},
            "outcomeTimestamp": house.clock.now().isoformat(),
        }
        assert http.post(f"{CALL}/feedback", json={"feedback": [item]}).status_code == 200
    return lambda *arguments: CliRunner().invoke(cli, list(arguments))


def audited(folder: Path) -> list[str]:
    """The kinds in the audit."""
    with closing(sqlite3.connect(folder / "ledger.db")) as connection:
        return [row[0] for row in connection.execute("SELECT kind FROM audit ORDER BY sequence")]


def test_switching_is_kept_with_who_and_why(command: Callable[..., Result], tmp_path: Path) -> None:
    """Off, on again, and the list says the latest of each."""
    assert "ever switched off" in command("switch", "list").output
    assert command("switch", "off", "icu-mortality", *WHO).exit_code == 0
    assert command("switch", "off", "all", "--client", "ward", *WHO).exit_code == 0
    again = command("switch", "on", "icu-mortality", *WHO)
    assert "is on for all clients" in again.output
    listed = command("switch", "list").output
    assert "on   service icu-mortality, client (all)" in listed
    assert "OFF  service (all), client ward" in listed
    assert "by dr-chief: recall" in listed
    assert audited(tmp_path) == ["switch"] * 3


def test_switching_on_says_what_still_keeps_it_off(command: Callable[..., Result]) -> None:
    """Two entries may speak of one service."""
    command("switch", "off", "all", *WHO)
    assert "still keeps it off" in command("switch", "on", "icu-mortality", *WHO).output


@pytest.mark.parametrize("arguments", [("no-such-service",), ("icu-mortality", "--client", "no-such-client")])
def test_a_name_that_does_not_exist_is_refused(arguments: tuple[str, ...], command: Callable[..., Result]) -> None:
    """A mistyped name would switch nothing off."""
    result = command("switch", "off", *arguments, *WHO)
    assert result.exit_code == 2
    assert "Known:" in result.output


@pytest.mark.parametrize(
    ("by", "reason", "said"),
    [
        ("dr-chief", "wrong \u202egnol oot", "In the reason there are characters that nobody sees and that change what "
         "is read (U+202E)"),
        ("dr\x1b[2Jchief", "recall", "In the name there are characters that nobody sees"),
        ("dr-chief", "x" * 301, "At most 300 characters are kept of the reason; you sent 301."),
        ("d" * 201, "recall", "At most 200 characters are kept of the name; you sent 201."),
        ("\u200b", "recall", "Say who decides this, and why"),
        ("dr-chief", " \u00ad ", "Say who decides this, and why"),
    ],
)  # fmt: skip
def test_words_that_cannot_be_kept_switch_nothing(
    by: str, reason: str, said: str, command: Callable[..., Result], tmp_path: Path
) -> None:
    """By the one rule of all words that are typed; nothing is cut off in silence."""
    result = command("switch", "off", "icu-mortality", "--by", by, "--reason", reason)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert "Nothing was switched." in " ".join(result.output.split())
    assert "ever switched off" in command("switch", "list").output
    assert audited(tmp_path) == []


def test_words_are_kept_as_plain_text(command: Callable[..., Result]) -> None:
    """What only came along is left out, what belongs to the writing stays, and the longest that fits is whole."""
    why = "کتاب\u200cها " + "x" * 291 + "."
    assert len(why) == 300
    arguments = ("--by", " dr\u00a0chief\ufeff ", "--reason", f"\ufeff{why}\u00ad")
    assert command("switch", "off", "icu-mortality", *arguments).exit_code == 0
    assert f"by dr chief: {why}\n" in command("switch", "list").output


def test_what_was_kept_before_the_rule_is_listed_plainly(command: Callable[..., Result], deployment: Settings) -> None:
    """A terminal obeys control characters, and a list has a line for each."""
    engine = open_engine(deployment.database_url)
    SqlSwitches(engine, SystemClock()).set("", "sirs", off=True, by_whom="a\x1b[2J", reason="one\ntwo \u202eeerht")
    engine.dispose()
    (line,) = command("switch", "list").output.splitlines()
    assert line.endswith("by a[2J: one two eerht")


def test_a_whole_ledger_is_said_to_be_whole(command: Callable[..., Result]) -> None:
    """Each table with its number of entries."""
    result = command("ledger", "verify")
    assert result.exit_code == 0
    assert "advice: 1 entries, whole" in result.output
    assert "feedback: 1 entries, whole" in result.output


def test_a_changed_entry_and_a_cut_tail_are_found(command: Callable[..., Result], tmp_path: Path) -> None:
    """The second only with heads that were kept elsewhere."""
    kept = tmp_path / "heads.json"
    kept.write_text(command("ledger", "heads").output)
    assert command("ledger", "verify", "--heads", str(kept)).exit_code == 0
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        for table in ("feedback", "advice"):
            connection.execute(f"DROP TRIGGER {table}_no_delete")
            connection.execute(f"DROP TRIGGER {table}_no_update")
        connection.execute("DELETE FROM feedback")
        connection.commit()
        assert command("ledger", "verify").exit_code == 0
        cut = command("ledger", "verify", "--heads", str(kept))
        assert (cut.exit_code, "feedback: 0 entries, BAD" in cut.output) == (1, True)
        connection.execute("UPDATE advice SET probability = 0.01")
        connection.commit()
    changed = command("ledger", "verify")
    assert (changed.exit_code, "advice: 1 entries, BAD from entry 1 on (changed)" in changed.output) == (1, True)


def test_a_file_that_holds_no_heads_is_refused(command: Callable[..., Result], tmp_path: Path) -> None:
    """In words."""
    for content in ("[]", "{}", '{"heads": [1]}', "no json"):
        (tmp_path / "heads.json").write_text(content)
        result = command("ledger", "verify", "--heads", str(tmp_path / "heads.json"))
        assert (result.exit_code, "is not a file that" in result.output) == (2, True)


def test_the_export_holds_no_comment_and_is_audited(command: Callable[..., Result], tmp_path: Path) -> None:
    """Outcome and reason, whether somebody wrote, and who may read the file: its owner."""
    out = tmp_path / "feedback.csv"
    days = ("--from", "2020-01-01", "--to", "2100-01-01")
    result = command("ledger", "feedback", str(out), *days)
    assert (result.exit_code, "1 rows" in result.output) == (0, True)
    assert "overridden" in out.read_text()
    assert "secret words" not in out.read_text()
    assert out.stat().st_mode & 0o077 == 0
    assert audited(tmp_path) == ["ledger-read"]
    again = command("ledger", "feedback", str(out), *days)
    assert (again.exit_code, "is there already" in again.output) == (2, True)
    assert command("ledger", "feedback", str(tmp_path / "no" / "x.csv"), *days).exit_code == 1
    assert command("ledger", "feedback", str(out), "--from", "2021-01-01", "--to", "2020-01-01").exit_code == 2


def test_an_export_that_ends_before_its_end_leaves_no_file(
    command: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger goes away after the first row: half an export would look like a whole one."""
    from oversight import export

    real, seen = export.feedback_rows, []

    def breaks_off(*asked: Any, **more: Any) -> Any:
        """The first rows, then no ledger."""
        yield from real(*asked, **more)
        seen.append((tmp_path / "feedback.csv").exists())
        raise LedgerUnavailable("The ledger cannot be read.")

    monkeypatch.setattr(export, "feedback_rows", breaks_off)
    days = ("--from", "2020-01-01", "--to", "2100-01-01")
    assert command("ledger", "feedback", str(tmp_path / "feedback.csv"), *days).exit_code != 0
    assert seen == [False]
    assert not [path.name for path in tmp_path.iterdir() if "feedback" in path.name]


def test_heads_are_machine_readable(command: Callable[..., Result]) -> None:
    """One for each chained table."""
    heads = json.loads(command("ledger", "heads").output)["heads"]
    assert {head["table"] for head in heads} >= {"advice", "feedback", "audit", "switch"}
