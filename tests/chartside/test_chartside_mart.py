"""`chartside mart`, and the process that does the same beside the service."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chartside.factory import mart_folder, open_house
from chartside.history.plan import SERVICES, Plan
from chartside.history.seed import Wishes, seed
from chartside.mart_command import NOT_RUN, BesideTheService, mart
from chartside.settings import Settings
from models.runtime.catalogue import read_manifests
from oversight.database import open_engine
from oversight.mart.build import behind
from oversight.pages.mart_source import FreshMart
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a ledger with a small history."""
    file = tmp_path_factory.mktemp("history") / "ledger.db"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    shelf = read_manifests()
    wishes = Wishes(date(2026, 5, 31), plan=replace(Plan(), stays=500))
    seed(engine, Pseudonyms(b"k" * 32), {name: shelf[name].info for name in SERVICES}, wishes)
    engine.dispose()
    return file


@pytest.fixture
def deployment(history: Path, deployment: Settings, tmp_path: Path) -> Settings:
    """With a copy of that ledger."""
    shutil.copy(history, tmp_path / "ledger.db")
    return deployment


def lacking(settings: Settings) -> int:
    """How many rows the mart lacks."""
    engine = open_engine(settings.database_url)
    try:
        return behind(engine, mart_folder(settings))
    finally:
        engine.dispose()


def run(*words: str) -> Any:
    """The command."""
    return CliRunner().invoke(mart, list(words))


def test_the_command_brings_the_mart_up_and_tells(deployment: Settings) -> None:
    """Table by table; the second time there is nothing to read."""
    assert lacking(deployment) > 0
    first = run()
    assert first.exit_code == 0
    assert "advice: read up to row" in first.output
    assert "The mart is up to the ledger" in first.output
    assert lacking(deployment) == 0
    assert "read up to row" not in run().output


def test_beside_the_service_it_is_quiet(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """And gives way to hook calls."""
    gave: list[int] = []
    monkeypatch.setattr(os, "nice", gave.append)
    done = run("--background")
    assert (done.exit_code, done.output) == (0, "")
    assert gave == [10]
    assert lacking(deployment) == 0


def test_what_cannot_be_brought_up_is_told_in_words(deployment: Settings, tmp_path: Path) -> None:
    """With an exit code that the server does not take for its own."""
    (tmp_path / "file").write_text("no folder")
    done = run("--mart", str(tmp_path / "file" / "mart"))
    assert done.exit_code == NOT_RUN
    assert "could not be brought up" in done.output


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """While one is at it no other is started; afterwards one may be."""
    beside = BesideTheService((sys.executable, "-c", f"import time; open({str(tmp_path / 'log')!r}, 'a').write('x'); "
                                                     "time.sleep(0.5)"))  # fmt: skip
    beside.start()
    beside.start()
    assert beside._running is not None
    beside._running.wait(30)
    assert (tmp_path / "log").read_text() == "x"
    beside.start()
    beside._running.wait(30)
    assert (tmp_path / "log").read_text() == "xx"


def test_a_service_that_begins_far_behind_has_it_brought_up(deployment: Settings) -> None:
    """A process of its own, with the settings of the service; what few rows are missing waits for a reader."""
    beside = BesideTheService()
    with closing(open_house(deployment, mart_behind=beside.start)) as house:
        house.look_at_mart()
        assert beside._running is None
        small = replace(house, mart=FreshMart(house.mart._engine, house.mart._folder, 20, beside.start))
        small.look_at_mart()
        assert beside._running is not None
        assert beside._running.wait(120) == 0
        assert lacking(deployment) == 0
        assert small.mart.as_of().current
