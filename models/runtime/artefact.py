"""Opening a trained file: hash first, then a reader that builds only the types named here.

skops stores arrays and plain attributes; unlike pickle it runs nothing on loading, and it refuses types it was not
told of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import skops.io

from clinical.errors import ArtefactRejected
from models.runtime.manifest import Manifest

# skops knows scikit-learn's own estimators; the trees of HistGradientBoosting are the one type beyond that.
TRUSTED_TYPES = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


@dataclass(frozen=True, slots=True)
class Artefact:
    """What training produced. The margin is the mean over `members` (fitted HistGradientBoostingClassifiers).

    The calibrated log-odds are `slope * margin + intercept` (Platt 1999). `features` are the names of the columns,
    in order.
    """

    members: tuple[Any, ...]
    slope: float
    intercept: float
    features: tuple[str, ...]


def load_artefact(manifest: Manifest, features: Sequence[str]) -> Artefact:
    """Read, check and open the manifest's artefact.

    Raises `ArtefactRejected` if the file cannot be read, has another hash, holds a type that is not trusted, or was
    trained with other features than `features`.
    """
    content = _verified(manifest)
    try:
        artefact = _artefact(skops.io.loads(content, trusted=list(TRUSTED_TYPES)))
    except Exception as error:  # the reader raises many kinds; each means: do not use this file
        raise ArtefactRejected(f"{manifest.artefact.file} cannot be opened ({type(error).__name__}).") from error
    if artefact.features != tuple(features):
        raise ArtefactRejected(f"{manifest.artefact.file} was trained with other features than model.toml declares.")
    if not (artefact.members and artefact.slope > 0):
        raise ArtefactRejected(f"{manifest.artefact.file} holds no trees, or a calibration that turns the risk around.")
    return artefact


def _verified(manifest: Manifest) -> bytes:
    """The bytes of the file, read once, so that what was hashed is what is parsed."""
    try:
        content = manifest.artefact.path.read_bytes()
    except OSError as error:
        raise ArtefactRejected(f"{manifest.artefact.file} cannot be read ({type(error).__name__}).") from error
    if hashlib.sha256(content).hexdigest() != manifest.artefact.sha256:
        raise ArtefactRejected(f"{manifest.artefact.file} is not the file that artefact.toml names (SHA-256 differs).")
    return content


def _artefact(stored: Any) -> Artefact:
    return Artefact(
        members=tuple(stored["members"]),
        slope=float(stored["slope"]),
        intercept=float(stored["intercept"]),
        features=tuple(map(str, stored["features"])),
    )
