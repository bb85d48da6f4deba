"""The trained file: only the one that was named. What may be in it: test_artefact_file."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clinical.errors import ArtefactRejected
from models.runtime import artefact as module
from models.runtime.artefact import load_artefact
from models.runtime.features import FeaturePlan
from models.runtime.manifest import Manifest
from models.training.store import artefact_bytes

REPOSITORY = Path(__file__).resolve().parents[2]


def names(manifest: Manifest) -> list[str]:
    """The feature names of the manifest."""
    return [feature.name for feature in FeaturePlan(manifest).features]


def moved(manifest: Manifest, folder: Path, content: bytes, *, digest: bool) -> Manifest:
    """The manifest with another file in another folder, its hash set right or left as it was."""
    (folder / manifest.artefact.file).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest() if digest else manifest.artefact.sha256
    return replace(manifest, artefact=replace(manifest.artefact, folder=folder, sha256=sha256))


@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_one_changed_byte_is_refused(model: Any, tmp_path: Path, place: float) -> None:
    """At the start, in the middle or at the end."""
    content = bytearray(model.manifest.artefact.path.read_bytes())
    content[int(place * len(content)) if place > 0 else int(place)] ^= 1
    manifest = moved(model.manifest, tmp_path, bytes(content), digest=False)
    with pytest.raises(ArtefactRejected, match="SHA-256"):
        load_artefact(manifest, names(manifest))


def test_the_hash_is_checked_before_anything_is_parsed(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with another hash never reaches the reader."""
    manifest = moved(model.manifest, tmp_path, b"not even a file", digest=False)
    monkeypatch.setattr(module, "read_artefact", lambda *_, **__: pytest.fail("parsed"))
    with pytest.raises(ArtefactRejected):
        load_artefact(manifest, names(manifest))


def test_a_missing_file_is_refused(model: Any, tmp_path: Path) -> None:
    """With a message that names it."""
    manifest = replace(model.manifest, artefact=replace(model.manifest.artefact, folder=tmp_path))
    with pytest.raises(ArtefactRejected, match=re.escape(model.manifest.artefact.file)):
        load_artefact(manifest, names(manifest))


def test_a_file_of_another_kind_is_refused(model: Any, tmp_path: Path) -> None:
    """Even if its hash is right."""
    manifest = moved(model.manifest, tmp_path, b"not even a file", digest=True)
    with pytest.raises(ArtefactRejected, match="cannot be opened"):
        load_artefact(manifest, names(manifest))


def test_other_features_than_declared_are_refused(model: Any) -> None:
    """Training and service must mean the same columns in the same order."""
    swapped = names(model.manifest)
    swapped[0], swapped[1] = swapped[1], swapped[0]
    with pytest.raises(ArtefactRejected, match="features"):
        load_artefact(model.manifest, swapped)


def test_the_shipped_file_is_what_writing_it_again_gives(model: Any) -> None:
    """The artefact does not depend on memory addresses, the clock or the machine."""
    artefact = load_artefact(model.manifest, names(model.manifest))
    assert artefact_bytes(artefact) == model.manifest.artefact.path.read_bytes()


def test_no_pickle_and_no_joblib_anywhere() -> None:
    """Neither as a file nor as an import in this room."""
    room = REPOSITORY / "models"
    assert not [path for path in room.rglob("*") if path.suffix in {".pkl", ".pickle", ".joblib"}]
    imported = re.compile(r"^\s*(?:import|from)\s+(?:pickle|joblib|cloudpickle|dill)\b", re.MULTILINE)
    assert not [path for path in room.rglob("*.py") if imported.search(path.read_text(encoding="utf-8"))]
