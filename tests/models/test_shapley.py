"""Shapley values are those of the library, of the learner and of brute force, for trees of every shape."""

from __future__ import annotations

import itertools
from dataclasses import FrozenInstanceError, fields
from math import factorial, inf, nan
from typing import Any

import lightgbm
import numpy as np
import pytest
import shap
from sklearn.ensemble import HistGradientBoostingClassifier

from clinical.assessment import Attribution, Basis
from clinical.record import Observation
from models.runtime import shapley as module
from models.runtime.attributions import attributions, words_of
from models.runtime.features import Feature
from models.runtime.leaf_paths import leaf_paths
from models.runtime.pieces import NONE, pieces
from models.runtime.shapley import Shapley
from models.runtime.splits import Splits
from models.runtime.trees import Member, Nodes
from models.training.adopt import adopted_boosting, adopted_lightgbm
from models.training.check_with_shap import shap_explainer
from models.training.walk import Forest

COLUMNS = 5
Shapes = list[tuple[int, int]]


def rows(count: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Coarse values with gaps, so that thresholds repeat; in the last column only the gaps tell anything."""
    rng = np.random.default_rng(seed)
    found = rng.integers(0, 6, (count, COLUMNS)).astype(np.float64)
    found[rng.random(found.shape) < 0.25] = np.nan
    found[:, -1] = np.where(rng.random(count) < 0.5, np.nan, 1.0)
    return found


def hard_rows(count: int) -> np.ndarray[Any, Any]:
    """Values at, between and beyond thresholds, and missing ones."""
    found = rows(count, seed=3)
    found[:4] = [[inf] * COLUMNS, [-inf] * COLUMNS, [nan] * COLUMNS, [1e300] * COLUMNS]
    return found


def outcomes(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What the columns tell, blurred."""
    told = np.nan_to_num(x[:, 0], nan=2.5) + 3 * np.isnan(x[:, -1]) - np.nan_to_num(x[:, 1] * x[:, 2], nan=4) / 5
    told = told + np.random.default_rng(2).normal(size=len(x))
    return np.asarray(told > np.median(told))


def boosters(*shapes: tuple[int, int]) -> list[HistGradientBoostingClassifier]:
    """scikit-learn's, of so many trees with so many leaves."""
    x = rows(600, seed=1)
    return [
        HistGradientBoostingClassifier(
            max_iter=trees, max_leaf_nodes=leaves, min_samples_leaf=4, max_features=0.6, random_state=n
        ).fit(x, outcomes(x))
        for n, (trees, leaves) in enumerate(shapes)
    ]


def members(*shapes: tuple[int, int]) -> list[Member]:
    """The same as members."""
    return [adopted_boosting(booster) for booster in boosters(*shapes)]


def light(trees: int, leaves: int, *, gaps: bool = True) -> tuple[lightgbm.Booster, np.ndarray[Any, Any]]:
    """LightGBM's, with the rows that it was fitted on; without gaps it reads NaN as 0."""
    x = rows(600, seed=1) if gaps else np.nan_to_num(rows(600, seed=1), nan=2.5)
    parameters = {"objective": "binary", "num_leaves": leaves, "min_data_in_leaf": 4, "seed": 1, "num_threads": 1}
    parameters |= {"verbose": -1, "deterministic": True, "force_col_wise": True, "bagging_fraction": 0.6}
    parameters |= {"bagging_freq": 1}
    return lightgbm.train(parameters, lightgbm.Dataset(x, outcomes(rows(600, seed=1)).astype(float)), trees), x


SHAPES: list[Shapes] = [[(30, 8)], [(12, 2)], [(20, 3), (9, 8), (15, 5)], [(8, 15), (6, 31)], [(3, 120)]]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("size", [8, 7, 4, 1])
def test_the_same_as_the_library(shapes: Shapes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """For whole trees in tables, for trees cut into pieces, and for leaves that are worked out for each row."""
    monkeypatch.setattr(module, "SIZES", (size,))
    fitted = boosters(*shapes)
    found = Shapley([adopted_boosting(one) for one in fitted], COLUMNS)
    x = hard_rows(120)
    single = [shap.TreeExplainer(one, feature_perturbation="tree_path_dependent") for one in fitted]
    expected = np.mean([one.shap_values(x, check_additivity=False) for one in single], axis=0)
    assert np.allclose([found.explain(row)[1] for row in x], expected, rtol=0, atol=1e-10)
    assert found.base == pytest.approx(np.mean([np.ravel(one.expected_value)[0] for one in single]), abs=1e-12)


def test_the_test_data_hold_the_hard_cases() -> None:
    """Columns with several thresholds in one tree, a threshold that parts only missing from measured, long paths."""
    trees = [tree for shapes in SHAPES for member in members(*shapes) for tree in member.trees]
    inner = [tree[~tree["is_leaf"]] for tree in trees]
    assert any(len(set(n["feature_idx"].tolist())) < len(n) for n in inner)
    assert any(np.isinf(n["num_threshold"]).any() for n in inner)
    assert {bool(flag) for n in inner for flag in n["missing_go_to_left"]} == {True, False}
    assert max(int(tree["depth"].max()) for tree in trees) > 8


@pytest.mark.parametrize("leaves", [8, 15, 40])
def test_the_same_as_lightgbm_and_the_library(leaves: int) -> None:
    """LightGBM works out path-dependent Shapley values of its own."""
    booster, _ = light(25, leaves)
    found = Shapley([adopted_lightgbm(booster)], COLUMNS)
    x = rows(150, seed=3)
    own = np.asarray(booster.predict(x, pred_contrib=True))
    explained = [found.explain(row) for row in x]
    library = shap_explainer([adopted_lightgbm(booster)]).shap_values(x)
    assert np.allclose([parts for _, parts in explained], library, rtol=0, atol=1e-9)
    assert np.allclose([parts for _, parts in explained], own[:, :-1], rtol=0, atol=1e-9)
    assert found.base == pytest.approx(own[0, -1], abs=1e-9)
    assert np.allclose([margin for margin, _ in explained], booster.predict(x, raw_score=True), rtol=0, atol=1e-12)


@pytest.mark.parametrize("leaves", [8, 15])
def test_what_lightgbm_never_saw_missing_it_reads_as_zero(leaves: int) -> None:
    """And so do the margin and its reasons."""
    booster, x = light(25, leaves, gaps=False)
    member = adopted_lightgbm(booster)
    found, forest = Shapley([member], COLUMNS), Forest([member])
    x = x[:100] - 2.5
    x[::3, 1] = nan
    explained = [found.explain(row) for row in x]
    expected = booster.predict(x, raw_score=True)
    assert np.allclose([margin for margin, _ in explained], expected, rtol=0, atol=1e-12)
    assert np.allclose([forest.margin(row) for row in x], expected, rtol=0, atol=1e-12)
    own = np.asarray(booster.predict(np.nan_to_num(x), pred_contrib=True))
    assert np.allclose([parts for _, parts in explained], own[:, :-1], rtol=0, atol=1e-9)


def expectation(tree: Nodes, row: np.ndarray[Any, Any], known: tuple[int, ...], at: int = 0) -> float:
    """What one tree says if only some columns are known: else a row goes both ways, by the counts in training."""
    node = tree[at]
    if node["is_leaf"]:
        return float(node["value"])
    left, right = int(node["left"]), int(node["right"])
    if int(node["feature_idx"]) not in known:
        sides = [(expectation(tree, row, known, side), int(tree["count"][side])) for side in (left, right)]
        return sum(value * count for value, count in sides) / int(node["count"])
    value = row[node["feature_idx"]]
    goes_left = bool(node["missing_go_to_left"]) if np.isnan(value) else value <= node["num_threshold"]
    return expectation(tree, row, known, left if goes_left else right)


@pytest.mark.parametrize("shapes", [[(4, 8), (2, 5)], [(2, 31)]])
def test_the_same_as_brute_force(shapes: Shapes) -> None:
    """The mean over all sets of what a column adds to them, as Shapley defined it, without any of the formulae here."""
    fitted = members(*shapes)
    found = Shapley(fitted, COLUMNS)
    for row in hard_rows(12):
        worth = {
            known: float(np.mean([m.baseline + sum(expectation(t, row, known) for t in m.trees) for m in fitted]))
            for size in range(COLUMNS + 1)
            for known in itertools.combinations(range(COLUMNS), size)
        }
        margin, parts = found.explain(row)
        assert margin == pytest.approx(worth[tuple(range(COLUMNS))], abs=1e-12)
        assert found.base == pytest.approx(worth[()], abs=1e-12)
        for column in range(COLUMNS):
            expected = sum(
                factorial(len(known))
                * factorial(COLUMNS - 1 - len(known))
                / factorial(COLUMNS)
                * (worth[tuple(sorted((*known, column)))] - value)
                for known, value in worth.items()
                if column not in known
            )
            assert parts[column] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("size", [7, 4])
def test_the_margin_is_that_of_walking_the_trees(shapes: Shapes, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The leaf of every piece's way is the one that a walk of this row ends at, and each leaf counts once."""
    monkeypatch.setattr(module, "SIZES", (size,))
    fitted = members(*shapes)
    found, forest = Shapley(fitted, COLUMNS), Forest(fitted)
    x = hard_rows(200)
    assert np.allclose([found.explain(row)[0] for row in x], [forest.margin(row) for row in x], rtol=0, atol=1e-12)


def test_the_margin_owes_nothing_to_the_shapley_values() -> None:
    """With a spoiled table of values the margin is the same, so that the check of their sum can fail."""
    found = Shapley(members((10, 8)), COLUMNS)
    row = rows(1)[0]
    before, parts = found.explain(row)
    found._tables.table[:, :-1] += 0.25
    after, spoiled = found.explain(row)
    assert after == before
    assert abs(found.base + parts.sum() - after) < 1e-12
    assert abs(found.base + spoiled.sum() - after) > 1e-3


def test_every_leaf_is_in_one_piece_of_few_nodes_or_in_none() -> None:
    """A piece holds the nodes on the paths of its leaves, and no leaf with a short path is left out."""
    paths = leaf_paths([tree for member in members((6, 15), (4, 40), (9, 6)) for tree in member.trees])
    cut = pieces(paths, 5)
    assert cut.digits.max() <= 5
    nodes_on_path = np.bincount(paths.leaf[paths.factor])
    assert ((cut.of_leaf == NONE) == (nodes_on_path > 5)).all()
    for piece in range(len(cut.digits)):
        leaves = np.flatnonzero(cut.of_leaf == piece)
        steps = np.isin(paths.leaf[paths.factor], leaves)
        assert set(cut.node[piece].tolist()) - {NONE} == set(paths.node[steps].tolist())
        assert len(set(paths.tree[leaves].tolist())) == 1


def test_equal_splits_are_decided_once() -> None:
    """A split is a column, a threshold and a side for what is missing."""
    trees = [tree for member in members((40, 8)) for tree in member.trees]
    inner = np.concatenate([tree[~tree["is_leaf"]] for tree in trees])
    splits = Splits(inner)
    distinct = {(n["feature_idx"], n["num_threshold"], bool(n["missing_go_to_left"])) for n in inner}
    assert splits.nowhere == len(distinct) < len(inner)
    for row in hard_rows(30):
        left = splits.decide(row)
        values = row[inner["feature_idx"]]
        expected = np.where(np.isnan(values), inner["missing_go_to_left"], values <= inner["num_threshold"])
        assert (left[splits.of_node] == expected).all()
        assert not left[splits.nowhere]


def test_trees_of_eight_leaves_are_whole_and_lie_in_one_fetch_each() -> None:
    """Eight numbers a line, from a multiple of 64 bytes on."""
    table = Shapley(members((30, 8)), COLUMNS)._tables.table
    assert len(table) <= 30 * 128
    assert table.ctypes.data % 64 == 0
    assert table.flags.c_contiguous


def test_tables_stay_within_their_memory() -> None:
    """The pieces become smaller, and the values stay the same."""
    large, small = members((60, 15)), pytest.MonkeyPatch()
    whole = Shapley(large, COLUMNS)
    with small.context() as patch:
        patch.setattr(module, "MOST_BYTES", whole._tables.table.nbytes - 1)
        tight = Shapley(large, COLUMNS)
    assert tight._tables.table.nbytes < whole._tables.table.nbytes
    x = rows(40)
    assert np.allclose([tight.explain(r)[1] for r in x], [whole.explain(r)[1] for r in x], rtol=0, atol=1e-12)


def test_attributions_are_whole_and_cannot_be_changed(patient: Any) -> None:
    """Every field is set, and they are equal to attributions that are made the usual way."""
    fact: Observation = patient.fact("8867-4", 90, "/min")
    basis = (Basis("Encounter/1", "stay"),)
    feature = Feature("a", "b", "c", "d", "e", derived=True, lead=True)
    (made,) = attributions([words_of(feature)], [0.5], [2.0], [(fact,)], [basis])
    assert made == Attribution("a", "b", "c", "d", 0.5, 2.0, "e", (fact,), derived=True, lead=True, basis=basis)
    assert type(made) is Attribution
    assert [getattr(made, field.name) for field in fields(Attribution)]
    with pytest.raises(FrozenInstanceError):
        made.value = 3.0  # type: ignore[misc]


def test_a_feature_without_effect_is_left_out_unless_it_leads() -> None:
    """And what was not measured has no value."""
    plain, leading = Feature("p", "p", "p", "p", "1"), Feature("l", "l", "l", "l", "1", lead=True)
    words = [words_of(feature) for feature in (plain, leading, plain)]
    found = attributions(words, [0.0, 0.0, 0.1], [1.0, nan, nan], [()] * 3, [()] * 3)
    assert [(one.feature, one.value, one.basis) for one in found] == [("l", None, ()), ("p", None, ())]


@pytest.mark.parametrize("short", range(5))
def test_attributions_out_of_columns_of_different_length_are_refused(short: int) -> None:
    """Nothing is cut off in silence, longer or shorter."""
    parts: list[Any] = [[words_of(Feature("p", "p", "p", "p", "1"))] * 2, [0.1, 0.2], [1.0, 2.0], [()] * 2, [()] * 2]
    parts[short] = parts[short][:1]
    with pytest.raises(ValueError, match=r"equally long|argument"):
        attributions(*parts)
