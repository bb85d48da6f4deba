"""Learners of boosted trees. Each fits one member of a bag, and gives the same member for the same rows and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from models.runtime.trees import Member
from models.training.adopt import adopted_boosting, adopted_lightgbm

Features = npt.NDArray[np.float32]
Numbers = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class Learner(Protocol):
    """What training needs of one."""

    def fit(
        self,
        features: Features,
        outcome: Numbers,
        directions: Sequence[int],
        seed: int,
        weights: Floats | None = None,
        threads: int = 1,
    ) -> Member:
        """One member, fitted on rows (n, m), NaN where missing.

        `outcome` (n,) lies from 0 to 1: between them a row counts as both, in parts. `directions` (m,) holds 1, -1 or
        0 per column: what may only raise, only lower, or do either to the risk. `weights` (n,) say how much each row
        counts; without them all count alike. Raises ValueError where there is nothing to learn.
        """
        ...


@dataclass(frozen=True, slots=True)
class HistGradientBoosting:
    """scikit-learn's; the parameters are those of HistGradientBoostingClassifier."""

    learning_rate: float = 0.1
    max_iter: int = 100
    max_leaf_nodes: int = 8
    min_samples_leaf: int = 20
    l2_regularization: float = 0.0
    max_features: float = 1.0

    def fit(
        self,
        features: Features,
        outcome: Numbers,
        directions: Sequence[int],
        seed: int,
        weights: Floats | None = None,
        threads: int = 1,
    ) -> Member:
        """As in `Learner`."""
        # Local: a recipe can be read where the library is not installed.
        from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415
        from threadpoolctl import threadpool_limits  # noqa: PLC0415

        x, y, w = split_soft(features, outcome, weights)
        booster = HistGradientBoostingClassifier(
            **asdict(self), monotonic_cst=list(directions), early_stopping=False, random_state=seed
        )
        with threadpool_limits(threads, user_api="openmp"):
            booster.fit(x, y, sample_weight=w)
        return adopted_boosting(booster)


@dataclass(frozen=True, slots=True)
class LightGBM:
    """Microsoft's (Ke et al. 2017); the parameters are its own, `rounds` is the number of trees."""

    learning_rate: float = 0.1
    rounds: int = 100
    num_leaves: int = 8
    min_data_in_leaf: int = 20
    lambda_l2: float = 0.0
    feature_fraction: float = 1.0
    bagging_fraction: float = 1.0

    def fit(
        self,
        features: Features,
        outcome: Numbers,
        directions: Sequence[int],
        seed: int,
        weights: Floats | None = None,
        threads: int = 1,
    ) -> Member:
        """As in `Learner`."""
        import lightgbm  # noqa: PLC0415 - local, as above

        x, y, w = split_soft(features, outcome, weights)
        parameters = asdict(self)
        rounds = parameters.pop("rounds")
        parameters |= {
            "objective": "binary",
            "monotone_constraints": list(directions),
            "bagging_freq": 1,
            "max_bin": 255,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": threads,
            "verbose": -1,
        }
        return adopted_lightgbm(lightgbm.train(parameters, lightgbm.Dataset(x, y.astype(np.float64), weight=w), rounds))


def split_soft(
    features: Features, outcome: Numbers, weights: Floats | None
) -> tuple[Features, npt.NDArray[np.bool_], Floats | None]:
    """Rows with an outcome between 0 and 1 stand twice: with the outcome and without it, each with its share of weight.

    Raises ValueError for an outcome outside of 0 to 1, or where there is only one.
    """
    share = np.asarray(outcome, dtype=np.float64)
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError("an outcome lies outside of 0 to 1")
    if not len(share) or share.max() == 0 or share.min() == 1:
        raise ValueError("there is one outcome only, and nothing to learn")
    between = (share > 0) & (share < 1)
    if not between.any():
        return features, share > 0, weights
    counts = np.ones(len(share)) if weights is None else weights
    first, second = np.where(between, share, 1.0) * counts, (1 - share[between]) * counts[between]
    return (
        np.concatenate([features, features[between]]),
        np.concatenate([share > 0, np.zeros(len(second), dtype=np.bool_)]),
        np.concatenate([first, second]),
    )
