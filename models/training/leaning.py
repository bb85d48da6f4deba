"""What a model leans on: shares of the attribution mass by concept, and of what was not measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.runtime.artefact import Artefact
from models.runtime.features import Feature
from models.training.assemble import explained
from models.training.rows import Rows


def leaning(artefact: Artefact, features: Sequence[Feature], rows: Rows) -> dict[str, Any]:
    """Shares of the summed absolute attributions of a sample: per concept label, largest first; and of unknowns."""
    values, parts = explained(artefact, rows)
    mass = np.abs(parts)
    share = mass.sum(axis=0) / mass.sum()
    concepts: dict[str, float] = {}
    for feature, part in zip(features, share, strict=True):
        concepts[feature.concept_label] = concepts.get(feature.concept_label, 0.0) + float(part)
    ranked = sorted(concepts.items(), key=lambda item: (-item[1], item[0]))
    missing = float(mass[np.isnan(values)].sum() / mass.sum())
    return {"by_concept": {name: round(part, 4) for name, part in ranked}, "not_measured": round(missing, 4)}
