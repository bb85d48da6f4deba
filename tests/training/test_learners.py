"""Learners: the members that they give say what the library says, the same for the same rows and seed."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from models.runtime.trees import Member
from models.training.adopt import adopted_boosting, adopted_lightgbm
from models.training.batch import margin
from models.training.learners import HistGradientBoosting, Learner, LightGBM, split_soft

BOOSTING = HistGradientBoosting(learning_rate=0.1, max_iter=30, max_leaf_nodes=8, min_samples_leaf=10, max_features=0.5)
LIGHT = LightGBM(
    learning_rate=0.1, rounds=30, num_leaves=8, min_data_in_leaf=10, feature_fraction=0.5, bagging_fraction=0.7
)
both = pytest.mark.parametrize("learner", [BOOSTING, LIGHT], ids=["scikit-learn", "lightgbm"])


def rows(count: int = 900, seed: int = 0) -> tuple[Any, Any]:
    """Four columns with gaps, and what they tell, blurred."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 4)).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = np.nan
    told = np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) * 0.5 + rng.normal(size=count)
    return x, told > 0.4


def same(one: Member, other: Member) -> bool:
    """To the bit."""
    trees = len(one.trees) == len(other.trees) and one.baseline == other.baseline
    return trees and all(np.array_equal(a, b) for a, b in zip(one.trees, other.trees, strict=True))


@both
def test_the_same_rows_and_seed_give_the_same_member(learner: Learner) -> None:
    """With one thread and with two; another seed gives another."""
    x, y = rows()
    first = learner.fit(x, y, [0, 0, 0, 0], 3)
    assert same(first, learner.fit(x, y, [0, 0, 0, 0], 3))
    assert same(first, learner.fit(x, y, [0, 0, 0, 0], 3, threads=2))
    assert not same(first, learner.fit(x, y, [0, 0, 0, 0], 4))


def test_a_member_says_what_scikit_learn_says() -> None:
    """For rows with and without gaps, and with thresholds that part only missing from measured."""
    x, y = rows()
    x[:, 3] = np.where(np.isnan(x[:, 3]) | y, np.nan, 1.0)
    booster = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, random_state=1).fit(x, y)
    member = adopted_boosting(booster)
    assert any(np.isinf(tree["num_threshold"]).any() for tree in member.trees)
    assert np.allclose(margin([member], x), booster.decision_function(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("gaps", [True, False])
def test_a_member_says_what_lightgbm_says(gaps: bool) -> None:
    """Where training had no gaps, LightGBM reads a missing value as 0."""
    x, y = rows()
    training = x if gaps else np.nan_to_num(x, nan=0.7)
    parameters = {"objective": "binary", "num_leaves": 12, "verbose": -1, "num_threads": 1, "seed": 2}
    booster = lightgbm.train(parameters, lightgbm.Dataset(training, y.astype(float)), 40)
    found = margin([adopted_lightgbm(booster)], x)
    assert np.allclose(found, booster.predict(x, raw_score=True), rtol=0, atol=1e-12)


def test_zero_as_missing_is_refused() -> None:
    """Its trees would send a true 0 the way of what is missing."""
    x, y = rows()
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "zero_as_missing": True}
    booster = lightgbm.train(parameters, lightgbm.Dataset(np.nan_to_num(x), y.astype(float)), 3)
    with pytest.raises(ValueError, match="NaN"):
        adopted_lightgbm(booster)


def test_splits_by_category_are_refused() -> None:
    """Of either library: a walk would misread them."""
    x = np.repeat(np.arange(4.0), 50)[:, None]
    y = x[:, 0] % 2
    with pytest.raises(ValueError, match="categorical"):
        adopted_boosting(HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]).fit(x, y))
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "min_data_per_group": 1, "cat_smooth": 0}
    data = lightgbm.Dataset(x, y, categorical_feature=[0])
    with pytest.raises(ValueError, match="threshold"):
        adopted_lightgbm(lightgbm.train(parameters, data, 2))


@both
def test_directions_are_kept(learner: Learner) -> None:
    """More of a column that may only raise the risk never lowers it, nor the other way round."""
    x, y = rows()
    member = learner.fit(x, y, [1, -1, 0, 0], 1)
    more = x + np.array([0.8, 0, 0, 0], dtype=np.float32)
    less = x - np.array([0, 0.8, 0, 0], dtype=np.float32)
    before = margin([member], x)
    assert (margin([member], more) >= before - 1e-12).all()
    assert (margin([member], less) >= before - 1e-12).all()


@both
def test_a_soft_outcome_is_both_in_parts(learner: Learner) -> None:
    """As if the row stood there twice, with the outcome and without, each with its share of the weight."""
    x, y = rows()
    soft = np.where(np.arange(len(y)) % 3 == 0, np.where(y, 0.8, 0.1), y.astype(float))
    weights = np.random.default_rng(4).uniform(0.5, 2, len(y))
    found = learner.fit(x, soft, [0, 0, 0, 0], 1, weights)
    twice, outcome, counts = split_soft(x, soft, weights)
    assert counts is not None
    assert same(found, learner.fit(twice, outcome, [0, 0, 0, 0], 1, counts))
    assert counts.sum() == pytest.approx(weights.sum())
    assert (counts * outcome).sum() == pytest.approx((weights * soft).sum())


@both
def test_weights_count(learner: Learner) -> None:
    """Without them it is as with ones; a row of little weight says little."""
    x, y = rows()
    plain = learner.fit(x, y, [0, 0, 0, 0], 1)
    ones = learner.fit(x, y, [0, 0, 0, 0], 1, np.ones(len(y)))
    assert np.allclose(margin([plain], x), margin([ones], x), rtol=0, atol=1e-4)
    rare = learner.fit(x, y, [0, 0, 0, 0], 1, np.where(y, 0.05, 1.0))
    assert margin([rare], x).mean() < margin([plain], x).mean() - 1


@both
def test_where_there_is_nothing_to_learn_there_is_no_member(learner: Learner) -> None:
    """One outcome only, an outcome that is no share, and rows too few to split."""
    x, y = rows(40)
    for outcome in (np.zeros(40), np.ones(40, dtype=bool), np.full(40, np.nan), np.where(y, 1.5, 0)):
        with pytest.raises(ValueError, match="outcome"):
            learner.fit(x, outcome, [0, 0, 0, 0], 1)
    with pytest.raises(ValueError, match="nothing to learn"):
        learner.fit(x[:6], np.arange(6) % 2, [0, 0, 0, 0], 1)


@both
def test_trees_that_do_not_split_go_into_the_baseline(learner: Learner) -> None:
    """What is said of every row is still said."""
    x, y = rows()
    member = learner.fit(x, y, [0, 0, 0, 0], 1)
    assert all(len(tree) > 1 for tree in member.trees)


def test_a_single_leaf_of_lightgbm_is_kept_in_the_baseline() -> None:
    """As where bagging leaves too few rows for a split."""
    x, y = rows(200)
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1, "min_gain_to_split": 6.0},
        lightgbm.Dataset(x, y.astype(float)),
        30,
    )
    leaves = [info["num_leaves"] for info in booster.dump_model()["tree_info"]]
    member = adopted_lightgbm(booster)
    assert len(member.trees) == sum(count > 1 for count in leaves)
    assert np.allclose(margin([member], x), booster.predict(x, raw_score=True), rtol=0, atol=1e-12)
