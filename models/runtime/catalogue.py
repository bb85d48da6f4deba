"""Which risk models there are. A model is a folder with a `model.toml`; nothing else has to be edited to add one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clinical.errors import ManifestInvalid
from models.runtime.manifest import Manifest
from models.runtime.model import TreeRiskModel
from models.runtime.read_manifest import read_manifest

MODELS_FOLDER = Path(__file__).resolve().parent.parent


def read_manifests(folder: Path = MODELS_FOLDER) -> Mapping[str, Manifest]:
    """The manifests of all models by id, in order of id; reads no artefact. Raises `ManifestInvalid`."""
    manifests: dict[str, Manifest] = {}
    for path in sorted(folder.glob("*/model.toml")):
        manifest = read_manifest(path)
        other = manifests.setdefault(manifest.info.id, manifest)
        if other is not manifest:
            raise ManifestInvalid(f"{path}: the id {manifest.info.id} is taken by another folder")
    return dict(sorted(manifests.items()))


def load_models(folder: Path = MODELS_FOLDER) -> Mapping[str, TreeRiskModel]:
    """Open every model, so that a wrong file stops the start and the first call is warm. Raises `NotStarted` faults."""
    return {id_: TreeRiskModel(manifest) for id_, manifest in read_manifests(folder).items()}
