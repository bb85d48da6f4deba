"""The parts of the demo's history that need no ledger: what is told, what is counted, how a fault ends."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from ehr_simulator import cli
from ehr_simulator.demo import command, history, quality_team
from ehr_simulator.demo.browser import RoadBlocked
from ehr_simulator.demo.deployment import Ports, clients_toml
from ehr_simulator.demo.run import Wishes
from ehr_simulator.demo.tour import Tour
from ehr_simulator.processes import NotReady


def script(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A program in the place of `chartside`."""
    monkeypatch.setattr(command, "command_line", lambda _: ("-c", text))


def test_a_history_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By option; without it there is one."""
    asked: list[Wishes] = []
    monkeypatch.setattr(cli, "run_demo", lambda wishes, *_, **__: asked.append(wishes) or True)
    for options in ([], ["--without-history"]):
        assert CliRunner().invoke(cli.main, ["demo", "--check", *options]).exit_code == 0
    assert [wishes.history for wishes in asked] == [True, False]


def test_each_line_is_heard_and_the_code_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of both outputs, in order."""
    script(monkeypatch, "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(3)")
    heard: list[str] = []
    assert command.follow(tmp_path, Ports(), "x", heard=heard.append, limit=30) == 3
    assert heard == ["one", "two"]


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its limit."""
    script(monkeypatch, "import time; time.sleep(60)")
    assert command.follow(tmp_path, Ports(), "x", heard=print, limit=0.2) < 0


def test_who_stops_the_demo_stops_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not go on behind the user's back."""
    script(monkeypatch, "import time; print('begun', flush=True); time.sleep(60)")

    def stop(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        command.follow(tmp_path, Ports(), "x", heard=stop, limit=30)


def test_a_seed_that_fails_stops_the_demo_with_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than show pages of something else."""
    script(monkeypatch, "import sys; print('The ledger holds entries already.'); sys.exit(2)")
    with pytest.raises(NotReady, match=r"history seed.*code 2: The ledger holds entries"):
        history.write_history(tmp_path, Ports(), print)


def test_an_alarm_of_the_monitors_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alerts that are open are counted, and the report is kept."""
    said = "import sys; print('Open alerts:'); print('  alert 1, open'); sys.exit({})"
    monkeypatch.setattr(command, "command_line", lambda words: ("-c", said.format(int(words[0] == "monitor"))))
    told: list[str] = []
    history.write_history(tmp_path, Ports(), told.append)
    assert any(line.startswith("  alerts: 1;") for line in told)
    assert "alert 1" in (tmp_path / "monitors.txt").read_text("utf-8")


def test_the_history_is_of_none_of_the_clients_that_call(tmp_path: Path) -> None:
    """The demo's own calls have other thresholds: under one name they would read as a change of the hospital's."""
    clients = tomllib.loads(clients_toml(Ports().settings(), strict=False))["clients"]
    assert history.CLIENT not in clients


def test_without_a_truth_there_is_no_history(tmp_path: Path) -> None:
    """With one, the answers are those that stand there."""
    assert history.planted(tmp_path) is None
    total = {"accepted": 3, "overridden": 2, "snoozed": 1, "cards": 9}
    (tmp_path / history.TRUTH).write_text(json.dumps({"total": total}), encoding="utf-8")
    assert history.planted(tmp_path) == history.Answers(3, 2, 1)


def house(folder: Path, counted: dict[str, int]) -> Any:
    """A house whose ledger counts so much."""
    answer = SimpleNamespace(stdout=json.dumps({"total": counted}))
    return SimpleNamespace(folder=folder, chartside=lambda *_: answer)


def test_what_the_demo_did_is_counted_from_what_was_there(tmp_path: Path) -> None:
    """A ledger with a history gains as much as an empty one; a count that is off is named."""
    before = dict.fromkeys(quality_team.KINDS, 1000)
    after = before | {"shown": 1002, "accepted": 1001, "overridden": 1001}
    tour = Tour(risks=[None, None])  # type: ignore[list-item]
    said = quality_team.check_rates(house(tmp_path, after), tour, before)
    assert said == "shown 2, accepted 1, overridden 1, abstained 0"
    with pytest.raises(RoadBlocked, match="accepted is 2, not 1"):
        quality_team.check_rates(house(tmp_path, after | {"accepted": 1002}), tour, before)


def test_a_history_that_is_not_as_planted_is_named(tmp_path: Path) -> None:
    """Without one, the ledger has to be empty."""
    with pytest.raises(RoadBlocked, match="accepted is 4, not 0"):
        quality_team.check_history(house(tmp_path, {}), dict.fromkeys(quality_team.KINDS, 4))
    total = {"accepted": 4, "overridden": 4, "snoozed": 5}
    (tmp_path / history.TRUTH).write_text(json.dumps({"total": total}), encoding="utf-8")
    with pytest.raises(RoadBlocked, match="snoozed is 4, not 5"):
        quality_team.check_history(house(tmp_path, {}), dict.fromkeys(quality_team.KINDS, 4))


def test_numbers_that_do_not_come_are_a_fault(tmp_path: Path) -> None:
    """In words."""
    with pytest.raises(RoadBlocked, match="gave no numbers"):
        quality_team.totals(house(tmp_path, {"shown": 1}))


def test_who_may_look_is_told(tmp_path: Path) -> None:
    """The address, the hospital where people sign in, and the password; of a history only where there is one."""
    settings: Any = SimpleNamespace(chartside="http://127.0.0.1:1", hospital="Sim General")
    place: Any = SimpleNamespace(folder=tmp_path, settings=settings, quality_password="word")
    told = "\n".join(quality_team.addresses(place))
    for words in ("http://127.0.0.1:1/oversight/", "Sim General", "user quality, password word"):
        assert words in told
    assert "made-up" not in told


def test_the_pages_are_those_of_the_navigation() -> None:
    """Other links of a page are left alone."""
    page = '<a href="/x">x</a><nav><a href="/oversight/">a</a><a href="/oversight/drift">b</a></nav><a href="/y">y</a>'
    assert quality_team.navigation(page) == ("/oversight/", "/oversight/drift")
