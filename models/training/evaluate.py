"""A trained model on rows that it has never seen, in the format of the open ones: the same figures as in training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.runtime.artefact import Artefact, load_artefact
from models.runtime.manifest import Manifest
from models.runtime.provenance import PROVENANCE_FILE, file_digest, read_provenance
from models.runtime.read_manifest import read_manifest
from models.runtime.sight import TreeSight
from models.training.assemble import ends_by
from models.training.batch import margin
from models.training.cases import Case, WrongData, remarks_of
from models.training.cross_validate import Say
from models.training.evidence.figures import figures
from models.training.evidence.scored import Scored, scored_of
from models.training.fit import Floats, probability
from models.training.read_rows import read_rows
from models.training.recipe import Recipe, measured
from models.training.rows import Rows


@dataclass(frozen=True, slots=True)
class Opened:
    """A trained model, as far as judging it needs. `seen` are the SHA-256 of the files that it was trained on."""

    manifest: Manifest
    artefact: Artefact
    sight: TreeSight
    seen: frozenset[str] = frozenset()

    @classmethod
    def at(cls, folder: Path) -> Opened:
        """The model of a folder. Raises `ManifestInvalid` or `ArtefactRejected`."""
        manifest = read_manifest(folder / "model.toml")
        sight = TreeSight(manifest)
        seen = read_provenance(folder).inputs.values() if (folder / PROVENANCE_FILE).is_file() else ()
        artefact = load_artefact(manifest, [feature.name for feature in sight.features])
        return cls(manifest, artefact, sight, frozenset(seen))

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
        p = self.probabilities(rows)
        interval = ends_by(self.artefact.ranges, p, rows.hour) if self.artefact.ranges else None
        try:
            return scored_of(rows, p, recipe.main, beside, interval)
        except ValueError as error:
            raise WrongData(f"these rows cannot be judged: {error}") from error

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Where the tiers above the first begin."""
        return {tier.name: tier.at_least for tier in self.manifest.tiers[1:]}


def evaluate(opened: Opened, recipe: Recipe, rows: Rows, files: Sequence[Path]) -> dict[str, Any]:
    """All figures as plain JSON. Raises `WrongData` where the rows do not allow any.

    `seen_in_training` names the files that the model was trained on: on their rows it looks better than it is.
    `remarks` is what the source has to say about the files.
    """
    judged = opened.judged(rows, recipe)
    p = judged.probability
    digests = {path.name: file_digest(path) for path in files}
    return {
        "model": opened.manifest.info.id,
        "version": opened.manifest.info.version,
        "artefact_sha256": opened.manifest.artefact.sha256,
        "files": digests,
        "seen_in_training": [name for name, digest in digests.items() if digest in opened.seen],
        "remarks": remarks_of(recipe.source, files),
        "rows": len(rows),
        "answered": int(rows.answered.sum()),
        "patients": len(np.unique(rows.patient)),
        "events": int(rows.outcome.sum()),
        "measures": {name: measured(figure, rows, p) for name, figure in recipe.measures.items()},
    } | figures(judged, opened.thresholds)
