"""The code of a model's folder: a copy runs its own files, and what fails is a fault and no answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clinical.errors import ManifestInvalid, ModelFault
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.columns import Value, load_code
from models.runtime.folder_code import folder_module, holds_code

NOTHING: Any = None


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder elsewhere with these files."""

    def make(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        return tmp_path

    return make


def test_a_file_elsewhere_imports_those_beside_it(folder: Callable[..., Path]) -> None:
    """By name, as a whole, and through one another; anew each time."""
    made = folder(
        features="from .one import ONE\nfrom . import two\nFOUND = (ONE, two.TWO)",
        one="from .two import TWO\nfrom dataclasses import dataclass\n@dataclass\nclass A: x: int\nONE = TWO - 1",
        two="TWO = 2",
    )
    assert folder_module(made / "features.py").FOUND == (1, 2)
    (made / "two.py").write_text("TWO = 5")
    assert folder_module(made / "features.py").FOUND == (4, 5)
    assert not list(made.rglob("__pycache__"))


def test_a_copied_folder_computes_with_its_own_code(tmp_path: Path) -> None:
    """And not with that of the folder that it was copied from."""
    copy = tmp_path / "ours"
    shutil.copytree(MODELS_FOLDER / "readmission_30d", copy, ignore=shutil.ignore_patterns("__pycache__"))
    groups = copy / "icd_groups.py"
    groups.write_text(groups.read_text() + '\nLABELS = {**LABELS, "own": "Ours"}\n')
    assert folder_module(copy / "features.py").LABELS["own"] == "Ours"
    assert "own" not in folder_module(MODELS_FOLDER / "readmission_30d" / "features.py").LABELS
    assert callable(load_code(copy).columns)


@pytest.mark.parametrize(
    "line",
    [
        "from models.readmission_30d.diabetes import icd9_diabetes",
        "import models.readmission_30d.diabetes",
        "from models.readmission_30d import diabetes",
    ],
)
def test_a_copy_that_names_where_it_came_from_is_refused(folder: Callable[..., Path], line: str) -> None:
    """It would run other code than was signed; the message says what to write."""
    made = folder(features=line, diabetes="")
    with pytest.raises(ManifestInvalid, match=r"write 'from \.diabetes import"):
        load_code(made)


def test_what_the_tree_offers_may_be_imported(folder: Callable[..., Path]) -> None:
    """Also where a file beside it has the same name."""
    made = folder(features="from models.runtime.columns import Value\nfrom models.formulae import kfre", kfre="")
    with pytest.raises(ManifestInvalid, match="kfre"):
        load_code(made)
    (made / "kfre.py").unlink()
    load_code(made)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise TypeError('secret')", "TypeError"),
        ("return record['secret']", "TypeError"),
        ("return {}['secret']", "KeyError"),
        ("return ()[0]", "IndexError"),
        ("return 1 / 0", "ZeroDivisionError"),
        ("return 7", "something else"),
        ("return {'x': 1.0}", "something else"),
    ],
)
@pytest.mark.parametrize("name", ["columns", "refusal"])
def test_a_mistake_of_a_folder_is_a_fault_of_the_model(
    name: str, body: str, words: str, folder: Callable[..., Path]
) -> None:
    """Without what stood in the record."""
    code = load_code(folder(features=f"def {name}(record, placed, series):\n    {body}"))
    with pytest.raises(ModelFault) as fault:
        getattr(code, name)(NOTHING, NOTHING, {})
    assert words in fault.value.message
    assert "secret" not in fault.value.message


def test_what_a_folder_gives_comes_through(folder: Callable[..., Path]) -> None:
    """Columns as they are; without any, the code says so."""
    text = (
        "from models.runtime.columns import Value\ndef columns(record, placed, series):\n    return {'x': Value(1.0)}"
    )
    code = load_code(folder(features=text))
    assert (code.gives_columns, code.columns(NOTHING, NOTHING, {})) == (True, {"x": Value(1.0)})
    assert code.refusal(NOTHING, NOTHING, {}) is None
    assert not load_code(folder(features="")).gives_columns


@pytest.mark.parametrize(
    ("text", "code"),
    [("", False), ('"""Words."""\n', False), ("# Words\n", False), ("import os\n", True), ("x = 1", True), ("(", True)],
)
def test_more_than_words(text: str, code: bool, folder: Callable[..., Path]) -> None:
    """A docstring is none; what cannot be parsed may be anything."""
    assert holds_code(folder(__init__=text) / "__init__.py") is code
    assert not holds_code(Path("absent.py"))
