"""Finding the folder of a model, as people call it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clinical.errors import ManifestInvalid
from models.runtime.manifest_parts import parse

MANIFEST = "model.toml"


def folders_of(name: str, tops: Sequence[Path]) -> list[Path]:
    """The folders of a model by id, by the folder's name or by its path; in each of `tops` there may be one.

    Raises `ManifestInvalid` where there is none.
    """
    called = [(path, {path.name, str(parse(path / MANIFEST, []).get("id"))}) for path in every_folder(tops)]
    found = [path for path, own in called if name in own]
    elsewhere = Path(name)
    if not found and (elsewhere / MANIFEST).is_file():
        return [elsewhere.resolve()]
    if not found:
        known = ", ".join(sorted(set().union(*(own for _, own in called))))
        raise ManifestInvalid(f"{name} is no model: neither an id, nor a folder with a {MANIFEST}. Known: {known}.")
    return found


def every_folder(tops: Sequence[Path]) -> list[Path]:
    """The folders of all models, in the order of `tops`."""
    return [path.parent for top in tops for path in sorted(top.glob(f"*/{MANIFEST}"))]
