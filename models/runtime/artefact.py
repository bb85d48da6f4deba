"""What training produced, and opening its file: hash first, then a reader that takes nothing but arrays of numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from clinical.errors import ArtefactRejected
from models.runtime.archive import VERSION, Array, read_archive
from models.runtime.artefact_parts import members_of, ranges_of
from models.runtime.calibration import Calibration, Floats, Ranges
from models.runtime.manifest import Manifest
from models.runtime.trees import Member

__all__ = ["HOURS", "Artefact", "Calibration", "Member", "Ranges", "load_artefact", "read_artefact"]

# The column that a calibration by day looks at.
HOURS = "hours"


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """The margin is the mean over `members`; `calibration` makes log-odds of it.

    `features` (m,) are the names of the columns, in order. By column too: `weights` (m,), the mean size of its
    Shapley value in training, and `lowest` and `highest` (m,), what training saw, NaN where it saw nothing. `ranges`
    are tables by landmark, the earliest first.
    """

    members: tuple[Member, ...]
    calibration: Calibration
    features: tuple[str, ...]
    weights: Floats
    lowest: Floats
    highest: Floats
    ranges: tuple[Ranges, ...] = ()

    def interval(self, p: float, hours: float) -> tuple[float, float] | tuple[()]:
        """The range of a probability by the table of the latest landmark reached, else by the first; () without one."""
        if not self.ranges:
            return ()
        reached = [ranges for ranges in self.ranges if ranges.from_hour <= hours]
        return (reached or self.ranges[:1])[-1].interval(p)


def load_artefact(manifest: Manifest, features: Sequence[str]) -> Artefact:
    """Read, check and open the manifest's artefact.

    Raises `ArtefactRejected` if the file cannot be read, has another hash, does not hold together, or was trained with
    other features than `features`.
    """
    artefact = read_artefact(_verified(manifest), manifest.artefact.file)
    if artefact.features != tuple(features):
        raise ArtefactRejected(f"{manifest.artefact.file} was trained with other features than model.toml declares.")
    return artefact


def read_artefact(content: bytes, name: str = "The file") -> Artefact:
    """The artefact in the bytes of a file called `name`. Raises `ArtefactRejected` if it does not hold together."""
    try:
        return _artefact(read_archive(content))
    except ValueError as error:
        raise ArtefactRejected(f"{name} cannot be opened: {error}.") from error


def _verified(manifest: Manifest) -> bytes:
    """The bytes of the file, read once, so that what was hashed is what is parsed."""
    try:
        content = manifest.artefact.path.read_bytes()
    except OSError as error:
        raise ArtefactRejected(f"{manifest.artefact.file} cannot be read ({type(error).__name__}).") from error
    if hashlib.sha256(content).hexdigest() != manifest.artefact.sha256:
        raise ArtefactRejected(f"{manifest.artefact.file} is not the file that artefact.toml names (SHA-256 differs).")
    return content


def _artefact(arrays: Mapping[str, Array]) -> Artefact:
    """Raises ValueError for what could not give an answer."""
    if arrays["version"].tolist() != [VERSION] or len(arrays["calibration"]) != 4:
        raise ValueError("it has another version")
    features = tuple(bytes(arrays["features"]).decode().split("\n"))
    by_column = {name: arrays[name] for name in ("weights", "lowest", "highest")}
    artefact = Artefact(
        members=tuple(members_of(arrays)),
        calibration=Calibration(*arrays["calibration"].tolist()),
        features=features,
        ranges=tuple(ranges_of(arrays)),
        **by_column,
    )
    _check_columns(artefact)
    _check_answers(artefact)
    return artefact


def _check_columns(artefact: Artefact) -> None:
    """Each column has a name of its own, a weight and what training saw; the trees look at no other."""
    columns = len(artefact.features)
    if len(set(artefact.features)) != columns or "" in artefact.features:
        raise ValueError("two columns have one name")
    if {len(artefact.weights), len(artefact.lowest), len(artefact.highest)} != {columns}:
        raise ValueError("a column lacks a number")
    if not np.isfinite(artefact.weights).all() or (artefact.weights < 0).any() or not artefact.weights.any():
        raise ValueError("a weight is not a size, or there is none: then nothing would be missing")
    if np.isinf([artefact.lowest, artefact.highest]).any() or (artefact.lowest > artefact.highest).any():
        raise ValueError("what training saw is not a range")
    if max(int(tree["feature_idx"].max()) for member in artefact.members for tree in member.trees) >= columns:
        raise ValueError("a node looks at no column")


def _check_answers(artefact: Artefact) -> None:
    """There is an answer for every row, and more risk is never called less."""
    calibration = artefact.calibration
    if not np.isfinite([*astuple(calibration), *(member.baseline for member in artefact.members)]).all():
        raise ValueError("a number is missing")
    if calibration.slope <= 0 or not all(member.trees for member in artefact.members):
        raise ValueError("it holds no trees, or a calibration that turns the risk around")
    if calibration.by_day and HOURS not in artefact.features:
        raise ValueError("it goes by a column of hours that it does not have")
    hours = [ranges.from_hour for ranges in artefact.ranges]
    if not np.isfinite(hours).all() or hours != sorted(set(hours)):
        raise ValueError("its landmarks do not rise")
    if not all(ranges.sound for ranges in artefact.ranges):
        raise ValueError("a range is none")
