"""A training from files to a folder, on the model of docs/adding-a-model.md: what it refuses and what it keeps."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinical.errors import SettingsInvalid
from models.runtime.catalogue import MODELS_FOLDER
from models.training.cases import WrongData
from models.training.evaluate import Opened, evaluate
from models.training.evidence.report import About, report
from models.training.job import Work, renew_evidence, train
from models.training.load_recipe import load_recipe
from models.training.margins import MARGINS_FILE, read_margins, write_margins
from models.training.new_version import Order, recalibrate
from models.training.read_rows import read_rows
from models.training.signing import PRIVATE_FILE, new_key

PAGE = MODELS_FOLDER.parent / "docs" / "adding-a-model.md"
FILE = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the page, trained; `data` lies beside `models`."""
    home = tmp_path_factory.mktemp("team")
    for name, content in FILE.findall(PAGE.read_text("utf-8")):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content, "utf-8")
    source = (home / "make_data.py").read_text("utf-8")
    for name, seed in (("visits.csv", "2024"), ("site.csv", "7")):
        drawn = source.replace("Random(2024)", f"Random({seed})").replace("visits.csv", name)
        subprocess.run([sys.executable, "-c", drawn], cwd=home, check=True)
    train(load_recipe(folder_in(home)), work(home), silent)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "own"))


def folder_in(home: Path) -> Path:
    """The model's folder."""
    return home / "models" / "hyperkalaemia_30d"


def work(home: Path, **changes: Any) -> Work:
    """A training of the whole model in its place."""
    return replace(Work(folder_in(home), home / "data", folder_in(home)), **changes)


def silent(_: str) -> None:
    """Nobody listens."""


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def figures_of(home: Path) -> Any:
    """The written evaluation."""
    return json.loads((folder_in(home) / "evaluation.json").read_bytes())


def no_work(said: list[str]) -> None:
    """Nothing was read or fitted."""
    assert [line for line in said if "rows" in line or "fit" in line] == []


def test_a_trial_never_replaces_a_model(home: Path) -> None:
    """Neither its own, under whatever name of the folder, nor a shipped one; nothing is read and nothing written."""
    before, said = content(home), list[str]()
    alias = home / "alias"
    alias.symlink_to(folder_in(home))
    for out in (folder_in(home), alias, folder_in(home) / ".." / folder_in(home).name, MODELS_FOLDER / "icu_mortality"):
        with pytest.raises(WrongData, match="a trial does not replace a model"):
            train(load_recipe(folder_in(home)), work(home, out=out, first=100), said.append)
    no_work(said)
    alias.unlink()
    assert content(home) == before


def test_a_folder_may_be_named_from_where_one_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's own folder by a relative name is the model's own folder: the same bytes come out."""
    before = content(home)
    monkeypatch.chdir(home / "models")
    train(load_recipe(folder_in(home)), work(home, out=Path(folder_in(home).name)), silent)
    assert content(home) == before


def test_a_key_that_cannot_be_used_is_found_before_the_work(home: Path) -> None:
    """And not after all fits."""
    before, said = content(home), list[str]()
    open_key = home / "keys" / PRIVATE_FILE
    new_key(open_key.parent, "team")
    open_key.chmod(0o644)
    for key in (home / "none.key", open_key):
        with pytest.raises(SettingsInvalid):
            train(load_recipe(folder_in(home)), work(home, key=key), said.append)
    no_work(said)
    shutil.rmtree(open_key.parent)
    assert content(home) == before


def test_a_place_that_is_a_file_is_found_before_the_work(home: Path) -> None:
    """No folder can be made there."""
    said, taken = list[str](), home / "taken"
    taken.write_text("")
    with pytest.raises(OSError, match="taken"):
        train(load_recipe(folder_in(home)), work(home, out=taken), said.append)
    no_work(said)


def test_rows_that_look_alike_are_counted_in_the_figures(home: Path) -> None:
    """So that the report can say it."""
    found = figures_of(home)
    assert int(found["facts"]["alike"].replace(",", "")) >= 0
    page = (folder_in(home) / "evidence" / "report.html").read_text("utf-8")
    assert f"{found['facts']['alike']} of the {found['facts']['rows']} rows look like a row of another patient" in page


def test_evidence_about_other_features_is_refused(home: Path) -> None:
    """One value of one row that is worked out otherwise is enough; another last digit is none."""
    opened = Opened.at(folder_in(home))
    recipe = load_recipe(folder_in(home))
    rows = read_rows(recipe.source.cases([home / "data" / "visits.csv"]), opened.sight, silent)
    margins = read_margins(folder_in(home), rows.features)
    assert len(margins) == len(rows)
    other = rows.features.copy()
    place = tuple(np.argwhere(~np.isnan(other) & (other != 0))[-1])
    other[place] *= np.float32(1.0000001)
    assert (read_margins(folder_in(home), other) == margins).all()
    other[place] *= np.float32(1.01)
    with pytest.raises(WrongData, match="other features"):
        read_margins(folder_in(home), other)
    other = rows.features.copy()
    other[place] = np.nan
    with pytest.raises(WrongData, match="other features"):
        read_margins(folder_in(home), other)
    with pytest.raises(WrongData, match="train the model anew"):
        read_margins(folder_in(home), rows.features[:-1])


def test_the_command_refuses_evidence_about_other_features(home: Path) -> None:
    """Before anything is written."""
    opened = Opened.at(folder_in(home))
    recipe = load_recipe(folder_in(home))
    rows = read_rows(recipe.source.cases([home / "data" / "visits.csv"]), opened.sight, silent)
    changed = rows.features.copy()
    changed[:, 0] += 1
    write_margins(folder_in(home), read_margins(folder_in(home), rows.features), changed)
    before = {name: it for name, it in content(home).items() if not name.endswith(MARGINS_FILE)}
    with pytest.raises(WrongData, match="train the model anew"):
        renew_evidence(recipe, work(home), opened.artefact, silent)
    assert {name: it for name, it in content(home).items() if not name.endswith(MARGINS_FILE)} == before


def judged(home: Path, name: str) -> dict[str, Any]:
    """The figures of a file."""
    opened, recipe, files = Opened.at(folder_in(home)), load_recipe(folder_in(home)), [home / "data" / name]
    return evaluate(opened, recipe, opened.rows(recipe.source.cases(files), silent), files)


def test_the_ranges_are_judged_on_new_rows(home: Path) -> None:
    """Those that the model gives beside its answers."""
    found = judged(home, "site.csv")
    held = found["coverage"]["everybody"]["all"]
    assert held["n"] == found["answered"]
    assert held["agrees"]
    assert held["width"] > 0
    opened = Opened.at(folder_in(home))
    recipe = load_recipe(folder_in(home))
    rows = opened.rows(recipe.source.cases([home / "data" / "site.csv"]), silent)
    scored = opened.judged(rows, recipe)
    for place in (0, 10, 100):
        expected = opened.artefact.interval(float(scored.probability[place]), float(rows.hour[place]))
        assert tuple(float(end[place]) for end in scored.ends) == expected


def test_rows_that_the_model_was_trained_on_are_named(home: Path) -> None:
    """By the hash of their file, whatever it is called."""
    assert judged(home, "site.csv")["seen_in_training"] == []
    shutil.copyfile(home / "data" / "visits.csv", home / "data" / "other.csv")
    assert judged(home, "other.csv")["seen_in_training"] == ["other.csv"]


def test_a_local_fit_keeps_before_and_after(home: Path) -> None:
    """In its figures and in its report, each with its interval."""
    order = Order(folder_in(home), (home / "data" / "site.csv",), home / "local" / "ours", "local.1")
    told = recalibrate(order, silent)
    found = json.loads((order.out / "evaluation.json").read_bytes())
    assert found["local_fit"] == {name: told[name] for name in ("slope", "intercept", "before", "after")}
    assert found["local_fit"]["after"]["slope"] == found["slices"]["every row"]["slope"]
    page = (order.out / "evidence" / "report.html").read_text("utf-8")
    assert "Before and after the fit to this site" in page
    for when in ("before", "after"):
        value, low, high = (f"{part:.3f}".removeprefix("0") for part in found["local_fit"][when]["auroc"])
        assert f"<td>{value} <small>({low} to {high})</small></td>" in page
    assert "Before and after" not in (folder_in(home) / "evidence" / "report.html").read_text("utf-8")


def test_a_fault_of_the_features_is_no_fault_of_the_files(home: Path) -> None:
    """Only what a source stumbles over is told as a fault of its files."""
    opened, recipe = Opened.at(folder_in(home)), load_recipe(folder_in(home))
    cases = list(recipe.source.cases([home / "data" / "site.csv"]))

    class Blind:
        """Code that looks up what it does not have."""

        features = opened.sight.features

        def see(self, *_: object) -> Any:
            raise KeyError("lactate")

    with pytest.raises(KeyError, match="lactate"):
        read_rows(cases, Blind(), silent)

    def broken() -> Any:
        yield cases[0]
        raise KeyError("a column")

    with pytest.raises(WrongData, match="a column or a code"):
        read_rows(broken(), opened.sight, silent)


def test_a_note_about_periods_is_shown_over_them(home: Path) -> None:
    """The recipe says what they are; without a note nothing is claimed of their order."""
    found = figures_of(home)
    one = {"n": 5, "patients": 5, "events": 1, "too_few": True}
    found["periods"] = {"part 1": one, "part 2": one}
    about = About(*["words"] * 9)
    assert "Periods as the data name them" in report(found, about)
    assert "follow each other" not in report(found, about)
    found["notes"]["periods"] = "Fifths of the numbers"
    assert "Fifths of the numbers, " in report(found, about)
