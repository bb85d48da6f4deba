"""`chartside history seed`: a made-up history goes into a new ledger, and into no other."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chartside.history_command import history

SMALL = ("seed", "--people", "500", "--to", "2026-05-31")


@pytest.fixture
def seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command on the ledger of this name in the test's folder."""
    (tmp_path / "clients.toml").write_text("")
    (tmp_path / "secret").write_text("s" * 64)
    monkeypatch.setenv("CHARTSIDE_BASE_URL", "http://127.0.0.1:8100")
    monkeypatch.setenv("CHARTSIDE_CLIENTS_FILE", str(tmp_path / "clients.toml"))
    monkeypatch.setenv("CHARTSIDE_SECRET_FILE", str(tmp_path / "secret"))

    def run(*more: str, name: str = "ledger") -> Result:
        """Run it."""
        monkeypatch.setenv("CHARTSIDE_DATABASE_URL", f"sqlite:///{tmp_path / name}.db")
        return CliRunner().invoke(history, [*SMALL, *more])

    return run


def heads(file: Path) -> list[tuple[object, ...]]:
    """The last links of the chains."""
    chains = ("advice", "feedback", "incident", "outcome", "patient_group", "action_seen")
    with closing(sqlite3.connect(file)) as connection:
        return [
            connection.execute(f"SELECT sequence, chain FROM {name} ORDER BY sequence DESC").fetchone()
            for name in chains
        ]


def test_a_history_is_written_with_its_truth(seed: Callable[..., Result], tmp_path: Path) -> None:
    """The command says how many entries there are; the truth beside the ledger agrees with both."""
    done = seed("--truth", str(tmp_path / "truth.json"))
    assert done.exit_code == 0, done.output
    truth = json.loads((tmp_path / "truth.json").read_text())
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        entries, first, last = connection.execute("SELECT count(*), min(day), max(day) FROM advice").fetchone()
    assert truth["total"]["entries"] == entries
    assert f"{entries} entries of 90 days up to 2026-05-31" in done.output
    assert truth["first_day"] == "2026-03-03"
    assert "2026-03-03" <= first < last <= "2026-05-31"
    assert truth["plan"]["version_day"] == 45
    assert (tmp_path / "truth.json").stat().st_mode & 0o077 == 0


def test_a_ledger_with_entries_is_left_alone(seed: Callable[..., Result], tmp_path: Path) -> None:
    """The second time nothing is written, and the words say what to do; exit code 2."""
    assert seed().exit_code == 0
    before = heads(tmp_path / "ledger.db")
    again = seed()
    assert again.exit_code == 2
    assert "holds entries already" in again.output
    assert "CHARTSIDE_DATABASE_URL" in again.output
    assert heads(tmp_path / "ledger.db") == before


def test_the_same_options_give_the_same_ledger(seed: Callable[..., Result], tmp_path: Path) -> None:
    """To the last link of each chain; another seed gives another ledger."""
    assert [seed(name="one").exit_code, seed(name="same").exit_code, seed("--seed", "2", name="other").exit_code] == [
        0
    ] * 3
    one, same, other = (heads(tmp_path / f"{name}.db") for name in ("one", "same", "other"))
    assert one == same
    assert all(link != another for link, another in zip(one, other, strict=True))


def test_fewer_days_than_the_plan_needs_are_refused(seed: Callable[..., Result]) -> None:
    """The version change and the new unit would fall out of the history."""
    refused = seed("--days", "30")
    assert refused.exit_code == 2
    assert "90<=x<=365" in refused.output
