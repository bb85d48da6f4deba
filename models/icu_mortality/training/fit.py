"""Fitting: a small bag of boosted trees, and the Platt step on its margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Settings:
    """What was tried and kept; `seeds` has one entry per member of the bag."""

    seeds: tuple[int, ...] = (1, 2, 3)
    learning_rate: float = 0.03
    max_iter: int = 700
    max_leaf_nodes: int = 8
    min_samples_leaf: int = 400
    l2_regularization: float = 10.0
    max_features: float = 0.15


def fit_members(features: Features, died: Flags, directions: Sequence[int], settings: Settings) -> list[Any]:
    """One booster per seed, all on the same rows (n, m); they differ in the columns that each split may choose from.

    `directions` (m,) holds 1, -1 or 0 per column: what may only raise, only lower, or do either to the risk.
    """
    parameters = asdict(settings)
    seeds = parameters.pop("seeds")
    return [
        HistGradientBoostingClassifier(
            **parameters, monotonic_cst=list(directions), early_stopping=False, random_state=seed
        ).fit(features, died)
        for seed in seeds
    ]


def margin(members: list[Any], features: Features) -> Floats:
    """Mean log-odds of the members before calibration, shape (n,)."""
    margins: Floats = np.mean([member.decision_function(features) for member in members], axis=0)
    return margins


def fit_platt(margins: Floats, died: Flags) -> tuple[float, float]:
    """Slope and intercept of the outcome's log-odds on margins that the members had not been fitted on (Platt 1999)."""
    platt = LogisticRegression(C=np.inf).fit(margins[:, None], died)
    return float(platt.coef_[0, 0]), float(platt.intercept_[0])


def probability(log_odds: Floats) -> Floats:
    """The logistic function."""
    return 1.0 / (1.0 + np.exp(-log_odds))
