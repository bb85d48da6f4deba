"""The one entry that training calls: from predictions to everything that is shown about a model.

`publish` writes `evaluation.json` and the folder `evidence/` of a model: the same bytes for the same input, no clock,
no chance.
"""

from __future__ import annotations

from pathlib import Path

from models.runtime.manifest import Manifest
from models.training.evidence.evaluation import Run, evaluation
from models.training.evidence.figures import figures
from models.training.evidence.files import files_of, write
from models.training.evidence.scored import Scored
from models.training.model_card.read import row_word


def publish(
    folder: Path,
    scored: Scored,
    manifest: Manifest,
    run: Run,
    *,
    out: Path | None = None,
) -> dict[str, str]:
    """Judge, and write it all; the SHA-256 of each file by its name relative to `out` (default: `folder`).

    `folder` holds `attributes.toml`. `manifest` is that of the trained artefact; its tiers are the thresholds. Figures
    of a site (`run.site`) make a report and no card; a model without `attributes.toml` gets its figures alone. Raises
    `CardInvalid` where the card is not whole (31 of 31); nothing is written then.
    """
    limits = {tier.name: tier.at_least for tier in manifest.tiers[1:]}
    found = evaluation(figures(scored, limits), run, manifest.info.digest, row_word(folder))
    return write(out or folder, files_of(folder, found, manifest))
