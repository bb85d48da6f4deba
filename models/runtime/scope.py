"""How much of what a model weighs is known of a patient, and what of it the model has never seen.

The weight of a column is its mean absolute Shapley value in training, so the share that was observed says how much of
the usual reasoning rests on this patient and how much on nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.runtime.artefact import Artefact
from models.runtime.features import Feature, Vector
from models.runtime.gather import Series
from models.runtime.manifest import Manifest
from models.runtime.population import missing_signals

# Below this share an answer is no reason for an alert (selective prediction: Geifman & El-Yaniv 2017,
# arXiv:1705.08500; the share itself is this product's choice, stated in each model card).
LEAST_COVERAGE = 0.6


def weakness(coverage: float) -> str:
    """Why an answer is too weak for an alert; empty where it is not."""
    if coverage >= LEAST_COVERAGE:
        return ""
    return f"only {coverage:.0%} of what the model usually weighs was found".replace("%", " %")


class Scope:
    """What of a row is known, missing and unusual."""

    def __init__(self, manifest: Manifest, features: Sequence[Feature], artefact: Artefact) -> None:
        """Note weights and ranges, and which columns belong to one concept."""
        self._manifest = manifest
        self._weights = artefact.weights
        self._total = float(artefact.weights.sum())
        self._lowest, self._highest = artefact.lowest, artefact.highest
        self._labels = [feature.concept_label for feature in features]
        given: dict[str, list[int]] = {}
        for place, feature in enumerate(features):
            if feature.name in manifest.columns and feature.concept not in manifest.signals:
                given.setdefault(feature.concept_label, []).append(place)
        self._given = given

    @property
    def things(self) -> int:
        """How many things the model asks for."""
        return len(self._manifest.signals) + len(self._given)

    def coverage(self, row: Vector) -> float:
        """The share of the weight whose columns are known in a row (n,)."""
        return float(self._weights[~np.isnan(row)].sum()) / self._total

    def missing(self, series: Mapping[str, Series], row: Vector) -> tuple[str, ...]:
        """Labels of the signals without a usable value, and of the other concepts of which nothing is known."""
        nothing = np.isnan(row)
        given = tuple(label for label, places in self._given.items() if nothing[places].all())
        return missing_signals(series, self._manifest) + given

    def unusual(self, row: Vector) -> tuple[str, ...]:
        """Labels of the concepts with a value below the lowest or above the highest that training saw."""
        outside = np.flatnonzero((row < self._lowest) | (row > self._highest))
        return tuple(dict.fromkeys(self._labels[place] for place in outside))
