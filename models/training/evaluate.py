"""A trained model on rows that it has never seen, in the format of the open ones: the same figures as in training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.runtime.artefact import Artefact, load_artefact
from models.runtime.manifest import Manifest
from models.runtime.read_manifest import read_manifest
from models.runtime.sight import TreeSight
from models.training.batch import margin
from models.training.cases import Case, WrongData, file_digest
from models.training.cross_validate import Say
from models.training.evidence.figures import figures
from models.training.evidence.scored import Scored, scored_of
from models.training.fit import Floats, probability
from models.training.read_rows import read_rows
from models.training.recipe import Figure, Recipe
from models.training.rows import Rows


@dataclass(frozen=True, slots=True)
class Opened:
    """A trained model, as far as judging it needs."""

    manifest: Manifest
    artefact: Artefact
    sight: TreeSight

    @classmethod
    def at(cls, folder: Path) -> Opened:
        """The model of a folder. Raises `ManifestInvalid` or `ArtefactRejected`."""
        manifest = read_manifest(folder / "model.toml")
        sight = TreeSight(manifest)
        return cls(manifest, load_artefact(manifest, [feature.name for feature in sight.features]), sight)

    def rows(self, cases: Iterable[Case], say: Say) -> Rows:
        """The rows of these patients. Raises `WrongData` where none is in the population."""
        return read_rows(cases, self.sight, say)

    def probabilities(self, rows: Rows) -> Floats:
        """What the model says, shape (n,), also of rows that it would not answer."""
        margins = margin(self.artefact.members, rows.features)
        return probability(self.artefact.calibration.log_odds(margins, rows.hour))

    def judged(self, rows: Rows, recipe: Recipe) -> Scored:
        """The rows with what the model and the recipe's other scores say. Raises `WrongData` where none is answered."""
        beside = {**rows.beside, **{name: score(rows) for name, score in recipe.beside.items()}}
        try:
            return scored_of(rows, self.probabilities(rows), recipe.main, beside)
        except ValueError as error:
            raise WrongData(f"these rows cannot be judged: {error}") from error

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Where the tiers above the first begin."""
        return {tier.name: tier.at_least for tier in self.manifest.tiers[1:]}


def evaluate(opened: Opened, recipe: Recipe, rows: Rows, files: Sequence[Path]) -> dict[str, Any]:
    """All figures as plain JSON. Raises `WrongData` where the rows do not allow any."""
    judged = opened.judged(rows, recipe)
    p = judged.probability
    return {
        "model": opened.manifest.info.id,
        "version": opened.manifest.info.version,
        "artefact_sha256": opened.manifest.artefact.sha256,
        "files": {path.name: file_digest(path) for path in files},
        "rows": len(rows),
        "answered": int(rows.answered.sum()),
        "patients": len(np.unique(rows.patient)),
        "events": int(rows.outcome.sum()),
        "measures": {name: _measured(figure, rows, p) for name, figure in recipe.measures.items()},
    } | figures(judged, opened.thresholds)


def _measured(figure: Figure, rows: Rows, p: Floats) -> float | None:
    """A further figure; None where these rows do not allow it (nobody has the outcome)."""
    try:
        return round(figure(rows, p), 4)
    except ValueError:
        return None
