"""What the model leans on: shares of the attribution mass by concept, and of what was not measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.icu_mortality.training.rows import Rows
from models.runtime.artefact import Artefact
from models.runtime.explain import Explainer
from models.runtime.features import Feature

SAMPLE = 800
SEED = 20120803
HOUR = 24.0


@dataclass(frozen=True, slots=True)
class Leaning:
    """Shares of the summed absolute attributions at hour 24: per concept label, and of features without a value."""

    by_concept: dict[str, float]
    not_measured: float


def leaning(artefact: Artefact, features: tuple[Feature, ...], rows: Rows) -> Leaning:
    """Explain a sample of rows (no answer leaves here, so rows seen in training do) and add up."""
    at = np.flatnonzero((rows.hour == HOUR) & rows.answered)
    sample = np.random.default_rng(SEED).choice(at, min(SAMPLE, len(at)), replace=False)
    explainer = Explainer(artefact)
    mass = np.abs([explainer.explain(rows.features[i]).attributions for i in sample])
    share = mass.sum(axis=0) / mass.sum()
    concepts: dict[str, float] = {}
    for feature, part in zip(features, share, strict=True):
        concepts[feature.concept_label] = concepts.get(feature.concept_label, 0.0) + float(part)
    ranked = sorted(concepts.items(), key=lambda item: -item[1])
    missing = float(mass[np.isnan(rows.features[sample])].sum() / mass.sum())
    return Leaning({name: round(part, 4) for name, part in ranked}, round(missing, 4))
