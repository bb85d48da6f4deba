"""Which risk models there are. A model is a folder with a `model.toml`; nothing else has to be edited to add one.

A manifest without a `kind` is one of trees; a score says `kind = "score"`. A model of trees may name scores that are
shown beside it (`comparators`); they are worked out on the same record, so its needs cover theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from clinical.errors import ArtefactRejected, ManifestInvalid
from models.runtime.manifest import Manifest
from models.runtime.manifest_parts import parse
from models.runtime.model import TreeRiskModel
from models.runtime.needs import joined
from models.runtime.provenance import PROVENANCE_FILE, verified
from models.runtime.read_manifest import read_manifest
from models.runtime.read_score_manifest import KIND, read_score_manifest
from models.runtime.score_manifest import ScoreManifest
from models.runtime.score_model import ScoreModel
from models.runtime.signature import TrustedKey, trusted_keys

MODELS_FOLDER = Path(__file__).resolve().parent.parent
AnyManifest = Manifest | ScoreManifest
AnyModel = TreeRiskModel | ScoreModel


class Served(Protocol):
    """A manifest or a model, as far as it says whether it is offered unasked."""

    @property
    def served(self) -> bool:
        """Whether it is."""
        ...


_Offer = TypeVar("_Offer", bound=Served)


def read_manifests(folder: Path = MODELS_FOLDER, local: Path | None = None) -> Mapping[str, AnyManifest]:
    """The manifests of all models by id, in order of id; reads no artefact. Raises `ManifestInvalid`.

    A model in the folder `local` takes the place of the one with the same id.
    """
    shipped, own = _manifests(folder), _manifests(local) if local else {}
    for id_, manifest in own.items():
        if isinstance(manifest, ScoreManifest) and isinstance(shipped.get(id_), Manifest):
            raise ManifestInvalid(f"{local}: the score {id_} may not take the place of a model that was trained")
    manifests = {**shipped, **own}
    return {id_: _with_needs(manifest, manifests) for id_, manifest in sorted(manifests.items())}


def _manifests(folder: Path) -> dict[str, AnyManifest]:
    manifests: dict[str, AnyManifest] = {}
    for path in sorted(folder.glob("*/model.toml")):
        manifest = _read(path)
        other = manifests.setdefault(manifest.info.id, manifest)
        if other is not manifest:
            raise ManifestInvalid(f"{path}: the id {manifest.info.id} is taken by another folder")
    return manifests


def trained_folders(folder: Path = MODELS_FOLDER) -> tuple[Path, ...]:
    """The folders of the models that were trained."""
    return tuple(path.parent for path in sorted(folder.glob("*/model.toml")) if parse(path, []).get("kind") != KIND)


def load_models(
    folder: Path = MODELS_FOLDER, local: Path | None = None, keys: Sequence[TrustedKey] | None = None
) -> Mapping[str, AnyModel]:
    """Open every model, so that a wrong file stops the start and the first call is warm. Raises `NotStarted` faults.

    Whatever was trained must be as one of `keys` (default: the project's) has signed it.
    """
    trusted = trusted_keys() if keys is None else keys
    for top in (folder, local) if local else (folder,):
        _verify(top, trusted)
    manifests = read_manifests(folder, local)
    scores = {id_: ScoreModel(one) for id_, one in manifests.items() if isinstance(one, ScoreManifest)}
    models: dict[str, AnyModel] = {**scores}
    for id_, one in manifests.items():
        if isinstance(one, Manifest):
            models[id_] = TreeRiskModel(one, [scores[name] for name in one.comparators])
    return dict(sorted(models.items()))


def _verify(folder: Path, keys: Sequence[TrustedKey]) -> None:
    """Nothing is opened or run before it is known whose it is. Scores are not trained and not signed."""
    for path in sorted(folder.glob(f"*/{PROVENANCE_FILE}")):
        if not path.with_name("model.toml").is_file():
            raise ArtefactRejected(f"{path.parent.name}: model.toml is missing. Put back the folder that was signed.")
    for path in sorted(folder.glob("*/model.toml")):
        if parse(path, []).get("kind") != KIND or path.with_name(PROVENANCE_FILE).exists():
            verified(path.parent, keys)


def served(offers: Mapping[str, _Offer]) -> Mapping[str, _Offer]:
    """Of manifests or models by id, those that are offered unasked: the others are for sites that ask by name."""
    return {id_: offer for id_, offer in offers.items() if offer.served}


def _read(path: Path) -> AnyManifest:
    """One manifest, by its kind. A file that cannot be parsed is refused by the reader of trees."""
    return read_score_manifest(path) if parse(path, []).get("kind") == KIND else read_manifest(path)


def _with_needs(manifest: AnyManifest, manifests: Mapping[str, AnyManifest]) -> AnyManifest:
    """A manifest whose needs cover those of its comparators. Raises `ManifestInvalid` for one that is no score."""
    if isinstance(manifest, ScoreManifest) or not manifest.comparators:
        return manifest
    beside = [manifests.get(id_) for id_ in manifest.comparators]
    scores = [one for one in beside if isinstance(one, ScoreManifest)]
    unknown = set(manifest.comparators) - {one.info.id for one in scores}
    if unknown:
        raise ManifestInvalid(f"{manifest.info.id}: comparators names {', '.join(sorted(unknown))}, which is no score")
    return replace(manifest, needs=joined(manifest.needs, [need for one in scores for need in one.needs]))
