"""The manifest's keys for what-if, the file of usual values, and a model file that is none."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinical.errors import ManifestInvalid
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.manifest import Modifiable
from models.runtime.read_manifest import read_untrained
from models.runtime.what_if_program import KINDS, Expression
from models.runtime.what_if_usual import usual_values

SHIPPED = MODELS_FOLDER / "mortality_10y"
OLD = "modifiable = { low = 90, high = 220, step = 1 }"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a shipped model's manifest."""
    for name in ("model.toml", "features.py", "usual_values.toml"):
        shutil.copy(SHIPPED / name, tmp_path / name)
    return tmp_path


def changed(folder: Path, old: str, new: str) -> Path:
    """The manifest with another line."""
    path = folder / "model.toml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return path


def test_what_treatment_changes_is_read(folder: Path) -> None:
    """A signal says from where to where and in what steps; without the key it is not modifiable."""
    signals = read_untrained(folder / "model.toml").signals
    assert signals["SysBP"].modifiable == Modifiable(90, 220, 1)
    assert signals["Albumin"].modifiable is None


@pytest.mark.parametrize(
    "new",
    [
        "modifiable = { low = 90, high = 400, step = 1 }",
        "modifiable = { low = 90, high = 90, step = 1 }",
        "modifiable = { low = 90, high = 220, step = 0 }",
        "modifiable = { low = 90, high = 220, step = 131 }",
        "modifiable = { low = 90, high = 220 }",
        "modifiable = { low = 90, high = 220, step = 1, more = 2 }",
        "modifiable = true",
    ],
)
def test_a_range_that_makes_no_sense_stops_the_start(folder: Path, new: str) -> None:
    """Beyond the plausible range, empty, or without steps."""
    with pytest.raises(ManifestInvalid, match="modifiable"):
        read_untrained(changed(folder, OLD, new))


def test_a_sum_of_an_hour_is_not_modifiable(tmp_path: Path) -> None:
    """The latest of several parts says nothing."""
    text = (MODELS_FOLDER / "icu_mortality" / "model.toml").read_text()
    key = "modifiable = { low = 0, high = 500, step = 5 }"
    (tmp_path / "model.toml").write_text(text.replace('per_hour = "sum"', f'per_hour = "sum"\n{key}'))
    shutil.copy(MODELS_FOLDER / "icu_mortality" / "features.py", tmp_path / "features.py")
    with pytest.raises(ManifestInvalid, match="not modifiable"):
        read_untrained(tmp_path / "model.toml")


def test_the_key_does_not_ask_for_a_new_training(folder: Path) -> None:
    """What may be asked about decides no feature's number."""
    before = read_untrained(folder / "model.toml").recipe
    assert read_untrained(changed(folder, OLD, "")).recipe == before


def test_usual_values_are_percentiles_where_they_are_known(folder: Path) -> None:
    """Each signal has two values in rising order, named for what they are."""
    manifest = read_untrained(folder / "model.toml")
    found = usual_values(manifest, artefact=None)  # type: ignore[arg-type]
    assert found["SysBP"].source == "5th and 95th percentile in training"
    assert all(one.low < one.high for one in found.values())
    assert set(found) <= set(manifest.signals)


@pytest.mark.parametrize("line", ["Nobody = [1.0, 2.0]", "Albumin2 = [3.0]", 'CRP2 = "x"'])
def test_usual_values_of_no_signal_stop_the_start(folder: Path, line: str) -> None:
    """A misspelt name would silently be without effect."""
    path = folder / "usual_values.toml"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ManifestInvalid):
        usual_values(read_untrained(folder / "model.toml"), artefact=None)  # type: ignore[arg-type]


@pytest.fixture
def page(chrome: Any, desk: Any) -> Any:
    """A page with the modules."""
    opened = chrome.new_page()
    opened.goto(f"{desk.url}/")
    opened.wait_for_function("window.chartside !== undefined")
    yield opened
    opened.close()


def test_every_kind_of_expression_gives_the_same_double(page: Any) -> None:
    """Random series, one value alone, and zero below a ratio: bit by bit as in Python."""
    rng = np.random.default_rng(8)
    expressions, latest = [], {"X": 71.3, "Y": 0.0}
    for kind in KINDS:
        for size in (0, 1, 5, 40):
            numbers = tuple(rng.normal(70, 20, size).tolist())
            times = tuple(np.sort(rng.uniform(0, 48, size + 1)).tolist())
            parts = tuple(Expression("latest", name) for name in ("X", "Y"))
            if kind == "constant":
                expressions.append(Expression(kind, numbers=(float("nan"),)))
            elif kind in ("ratio", "difference"):
                expressions.append(Expression(kind, numbers=(0.1,), operands=parts))
                expressions.append(Expression(kind, numbers=(100.0,), operands=parts[::-1]))
            elif kind == "lowest-ratio":
                pairs = tuple(Expression("constant", numbers=(n + 1.0,)) for n in range(6))
                expressions.append(Expression(kind, numbers=(100.0,), operands=(*pairs, parts[0], pairs[0])))
            else:
                expressions.append(Expression(kind, "X", numbers, times if kind == "slope" else ()))
    script = "([all, latest]) => all.map((one) => chartside.evaluate(one, latest))"
    found = page.evaluate(script, [[one.as_json() for one in expressions], latest])
    for one, value in zip(expressions, found, strict=True):
        np.testing.assert_array_equal(value, one.value(latest), err_msg=repr(one))


def arrays() -> dict[str, np.ndarray]:
    """The arrays of a shipped model."""
    with np.load(SHIPPED / "model.npz") as file:
        return {name: file[name] for name in file.files}


def stored(found: dict[str, np.ndarray], *, compressed: bool = False) -> bytes:
    """As a file."""
    target = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(target, **found)  # type: ignore[arg-type]
    return target.getvalue()


def cycle(found: dict[str, np.ndarray]) -> None:
    found["left"] = found["left"].copy()
    found["left"][0] = found["right"][0]


def other_type(found: dict[str, np.ndarray]) -> None:
    found["value"] = found["value"].astype("<f4")


def more(found: dict[str, np.ndarray]) -> None:
    found["extra"] = np.zeros(1)


def fewer(found: dict[str, np.ndarray]) -> None:
    del found["weights"]


def counts(found: dict[str, np.ndarray]) -> None:
    found["count"] = found["count"].copy()
    found["count"][0] += 1


def column(found: dict[str, np.ndarray]) -> None:
    found["feature_idx"] = np.where(found["left"] > 0, 999, found["feature_idx"]).astype("<i4")


def no_number(found: dict[str, np.ndarray]) -> None:
    found["value"] = np.full_like(found["value"], np.nan)


def turned(found: dict[str, np.ndarray]) -> None:
    found["calibration"] = -found["calibration"]


def two_dimensions(found: dict[str, np.ndarray]) -> None:
    found["value"] = found["value"][None, :]


OPEN = """async (url) => {
  const buffer = await (await fetch(url)).arrayBuffer();
  return new chartside.Model(chartside.readArchive(buffer)).names.length;
}"""


def opened(page: Any, desk: Any, content: bytes) -> int:
    """How many columns the page finds in a file."""
    desk.files["/file"] = ("application/octet-stream", content)
    found: int = page.evaluate(OPEN, "/file")
    return found


@pytest.mark.parametrize("spoil", [cycle, other_type, more, fewer, counts, column, no_number, turned, two_dimensions])
def test_a_file_that_does_not_hold_together_is_refused(
    page: Any, desk: Any, spoil: Callable[[dict[str, np.ndarray]], None]
) -> None:
    """Even one with the right digest: arrays, types, shapes and trees are checked before anything is worked out."""
    found = arrays()
    spoil(found)
    with pytest.raises(Exception, match="The model file cannot be used"):
        opened(page, desk, stored(found))


def test_another_container_is_refused(page: Any, desk: Any) -> None:
    """A compressed file, an entry too many, bytes behind the end."""
    good = stored(arrays())
    assert opened(page, desk, good) == 32
    target = io.BytesIO(good)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("run.js", "x")
    for wrong in (stored(arrays(), compressed=True), good + b"x", good[: len(good) // 2], target.getvalue()):
        with pytest.raises(Exception, match="The model file cannot be used"):
            opened(page, desk, wrong)
