"""The last part of a training, and all of `chartside evidence`: from out-of-fold predictions to figures and cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from models.runtime.artefact import Artefact
from models.runtime.features import Feature
from models.runtime.provenance import file_digest
from models.runtime.read_manifest import read_untrained
from models.runtime.sight import TreeSight
from models.training.assemble import cross_ranges
from models.training.cross_validate import Say
from models.training.evidence.evaluation import Run
from models.training.evidence.publish import publish
from models.training.evidence.scored import scored_of
from models.training.fit import Floats
from models.training.folds import Numbers
from models.training.leaning import leaning
from models.training.recipe import EVERY_ROW, Recipe, measured
from models.training.rows import Rows

MODEL_FILE = "model.npz"


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows with out-of-fold probabilities and folds, each of shape (n,), and how many look alike across folds."""

    rows: Rows
    probabilities: Floats
    fold: Numbers
    alike: int


def write_evidence(out: Path, judged: Judged, artefact: Artefact, recipe: Recipe, say: Say) -> list[str]:
    """Write figures, report and cards into the folder of the artefact; the names of the files."""
    rows, p = judged.rows, judged.probabilities
    untrained = read_untrained(out / "model.toml")
    info = replace(untrained.info, digest=file_digest(out / MODEL_FILE), base_rate=base_rate(rows))
    interval = cross_ranges(rows, p, judged.fold, recipe.main)
    beside = {**rows.beside, **{name: score(rows) for name, score in recipe.beside.items()}}
    scored = scored_of(rows, p, recipe.main, beside, interval)
    say("judging")
    run = _run(judged, artefact, TreeSight(untrained).features, recipe)
    return [*publish(out, scored, replace(untrained, info=info), run)]


def _run(judged: Judged, artefact: Artefact, features: Sequence[Feature], recipe: Recipe) -> Run:
    """How it came about, for the readers of the evidence."""
    rows, p = judged.rows, judged.probabilities
    return Run(
        how="Cross-validated",
        method=(
            f"{recipe.folds}-fold cross-validation by patient; the calibration of each fold fitted on the out-of-fold "
            "margins of the others"
        ),
        data=recipe.source.sha256,
        facts={
            "rows": f"{len(rows):,}",
            "patients": f"{len(np.unique(rows.patient)):,}",
            "features": f"{rows.features.shape[1]}",
            "members": f"{len(artefact.members)}",
            "alike": f"{judged.alike:,}",
        },
        settings=recipe.parameters()
        | {"calibration": asdict(artefact.calibration), "budget_thresholds": _budgets(rows, p, recipe)},
        leaning=leaning(artefact, features, rows),
        measures={name: measured(figure, rows, p) for name, figure in recipe.measures.items()},
        groups_note=recipe.groups_note,
        periods_note=recipe.periods_note,
    )


def _budgets(rows: Rows, probabilities: Floats, recipe: Recipe) -> dict[str, float]:
    """For each budget the probability that this share of the answered rows of the main slice reaches."""
    at = rows.answered & ((rows.slice == recipe.main) | (recipe.main == EVERY_ROW))
    return {name: round(float(np.quantile(probabilities[at], 1 - share)), 4) for name, share in recipe.budgets.items()}


def base_rate(rows: Rows) -> float:
    """The share of the rows with the outcome."""
    return round(float(rows.outcome.mean()), 4)
