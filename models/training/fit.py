"""Fitting: a small bag of boosted trees, and the Platt step on its margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


_MOST_STEPS = 50
_TINY = 1e-10
# Beyond these log-odds a probability has no digits left.
_STEEPEST = 35.0


class NoCalibration(Exception):
    """The outcomes do not allow a calibration."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The parameters of the boosters (scikit-learn's names); `seeds` has one entry per member of the bag."""

    seeds: tuple[int, ...]
    learning_rate: float
    max_iter: int
    max_leaf_nodes: int
    min_samples_leaf: int
    l2_regularization: float
    max_features: float


def fit_members(
    features: Features, outcome: Flags, directions: Sequence[int], settings: Settings, weights: Floats | None = None
) -> list[Any]:
    """One booster per seed, all on the same rows (n, m); they differ in the columns that each split may choose from.

    `directions` (m,) holds 1, -1 or 0 per column: what may only raise, only lower, or do either to the risk. `weights`
    (n,) say how much each row counts; without them all count alike.
    """
    parameters = asdict(settings)
    seeds = parameters.pop("seeds")
    return [
        HistGradientBoostingClassifier(
            **parameters, monotonic_cst=list(directions), early_stopping=False, random_state=seed
        ).fit(features, outcome, sample_weight=weights)
        for seed in seeds
    ]


def margin(members: list[Any], features: Features) -> Floats:
    """Mean log-odds of the members before calibration, shape (n,)."""
    margins: Floats = np.mean([member.decision_function(features) for member in members], axis=0)
    return margins


def fit_platt(margins: Floats, outcome: Flags, weights: Floats | None = None) -> tuple[float, float]:
    """Slope and intercept of the outcome's log-odds on margins that the members had not been fitted on (Platt 1999).

    Maximum likelihood by Newton's method, to the last digits; a general solver takes a hundred times as long and stops
    earlier. Raises `NoCalibration` where there is no maximum: one outcome only, or the margins tell the two apart.
    """
    columns = np.column_stack([margins, np.ones(len(margins))])
    counts = np.ones(len(margins)) if weights is None else weights
    found = np.zeros(2)
    for _ in range(_MOST_STEPS):
        p = probability(np.clip(columns @ found, -_STEEPEST, _STEEPEST))
        curvature = columns.T @ (columns * (counts * p * (1 - p))[:, None])
        try:
            step = np.linalg.solve(curvature, columns.T @ (counts * (outcome - p)))
        except np.linalg.LinAlgError:
            break
        found = found + step
        if np.abs(step).max() < _TINY:
            return float(found[0]), float(found[1])
    raise NoCalibration("There is no slope and intercept that fit best.")


def probability(log_odds: Floats) -> Floats:
    """The logistic function."""
    return 1.0 / (1.0 + np.exp(-log_odds))
