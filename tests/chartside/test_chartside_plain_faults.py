"""What a command says where it cannot go on: one sentence, and never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cds_hooks import hooks
from cds_hooks.services import known_hooks
from chartside.cli import cli
from chartside.factory import open_house
from chartside.settings import Settings
from clinical.advice import Advice
from clinical.errors import LedgerUnavailable, SettingsInvalid
from models.runtime.catalogue import MODELS_FOLDER

ROOT = Path(__file__).resolve().parents[2]


def test_rates_of_a_mistyped_service_are_refused(deployment: Settings, first_advice: Callable[..., Advice]) -> None:
    """An empty report would look like a quiet one."""
    with closing(open_house(deployment)) as house:
        first_advice(house)
    done = CliRunner().invoke(cli, ["override-rates", "--service", "nope"])
    assert done.exit_code == 2
    assert "knows no service 'nope'; there are: icu-mortality" in " ".join(done.output.split())
    assert CliRunner().invoke(cli, ["override-rates", "--service", "icu-mortality"]).exit_code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["models", "list"]])
def test_an_output_that_is_full_is_said_in_a_sentence(words: list[str]) -> None:
    """With 1, and nothing after it from Python itself."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "chartside", *words], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True,
            check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "The output could not be written (No space left on device).\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("HOOK = (\n", r"new_hook\.py cannot be loaded \(line 1: "),
        ("import nothing_of_this_name\n", r"new_hook\.py cannot be loaded \(ModuleNotFoundError: "),
        ("", r"new_hook\.py says no HOOK"),
        ("HOOK = 'new-hook'\n", r"new_hook\.py says no HOOK"),
    ],
)
def test_a_hook_file_that_is_none_is_named(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wrote it hears what is wrong with it."""
    (tmp_path / "new_hook.py").write_text(text)
    monkeypatch.setattr(hooks, "__path__", [*hooks.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, f"{hooks.__name__}.new_hook", raising=False)
    with pytest.raises(SettingsInvalid, match=said):
        known_hooks()
    monkeypatch.delitem(sys.modules, f"{hooks.__name__}.new_hook", raising=False)


def test_a_manifest_that_is_no_toml_is_named(tmp_path: Path) -> None:
    """A model that cannot be read has no id to be found by."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "model.toml").write_text('id = "mine"\ntitle = \n')
    done = CliRunner().invoke(cli, ["models", "verify", "mine", "--models", str(tmp_path)])
    said = " ".join(done.output.split())
    assert done.exit_code == 2
    assert "mine is no model, or its manifest cannot be read. In the folder own, model.toml cannot be read" in said
    assert "line 2" in said
    assert "None" not in said


def test_a_model_is_not_trained_into_its_own_folder(tmp_path: Path) -> None:
    """A folder in it would be no file that was signed."""
    own = tmp_path / "mine"
    shutil.copytree(MODELS_FOLDER / "icu_mortality", own, ignore=shutil.ignore_patterns("__pycache__"))
    words = ["train", str(own), "--data", str(tmp_path), "--out", str(own / "new")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2, done.output
    assert "inside the model's own folder" in " ".join(done.output.split())
    assert not (own / "new").exists()


def test_a_ledger_that_is_only_read_is_to_be_copied(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SQLite needs a log beside it even to read it."""
    (tmp_path / "ledger.db").write_bytes(b"not a database at all, but long enough to be looked at" * 40)

    def may(_path: Any, mode: int) -> bool:
        """As on a medium that cannot be written."""
        return mode != os.W_OK

    for command in ("heads", "verify"):
        done = CliRunner().invoke(cli, ["ledger", command])
        assert isinstance(done.exception, LedgerUnavailable)
        assert "copy" not in done.exception.message
        with monkeypatch.context() as patch:
            patch.setattr(os, "access", may)
            done = CliRunner().invoke(cli, ["ledger", command])
        assert isinstance(done.exception, LedgerUnavailable)
        assert "copy the file, with any -wal and -shm beside it, to a folder that can be" in done.exception.message
