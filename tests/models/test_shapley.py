"""Shapley values from the table are those of the library for each row, for trees of every shape."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import shap
from sklearn.ensemble import HistGradientBoostingClassifier

from clinical.assessment import Attribution
from clinical.record import Observation
from models.runtime import shapley as module
from models.runtime.attributions import attributions
from models.runtime.features import Feature
from models.runtime.shapley import DirectShapley, TabulatedShapley, shapley
from models.runtime.splits import Splits
from models.runtime.tree_ways import TreeWays
from models.runtime.trees import Forest, trees_of

COLUMNS = 5


def rows(count: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Coarse values with gaps, so that thresholds repeat; in the last column only the gaps tell anything."""
    rng = np.random.default_rng(seed)
    found = rng.integers(0, 6, (count, COLUMNS)).astype(np.float64)
    found[rng.random(found.shape) < 0.25] = np.nan
    found[:, -1] = np.where(rng.random(count) < 0.5, np.nan, 1.0)
    return found


def members(*shapes: tuple[int, int]) -> list[HistGradientBoostingClassifier]:
    """Fitted boosters of so many trees with so many leaves."""
    x = rows(600, seed=1)
    rng = np.random.default_rng(2)
    told = np.nan_to_num(x[:, 0], nan=2.5) + 3 * np.isnan(x[:, -1]) - np.nan_to_num(x[:, 1] * x[:, 2], nan=4) / 5
    died = told + rng.normal(size=600) > np.median(told)
    return [
        HistGradientBoostingClassifier(
            max_iter=trees, max_leaf_nodes=leaves, min_samples_leaf=4, max_features=0.6, random_state=n
        ).fit(x, died)
        for n, (trees, leaves) in enumerate(shapes)
    ]


@pytest.mark.parametrize("shapes", [[(30, 8)], [(12, 2)], [(20, 3), (9, 8), (15, 5)]])
def test_the_table_gives_what_the_library_gives(shapes: list[tuple[int, int]]) -> None:
    """Values at, between and beyond thresholds, missing ones, and columns that split only missing from measured."""
    fitted = members(*shapes)
    table = shapley(fitted, COLUMNS)
    assert isinstance(table, TabulatedShapley)
    x = rows(300, seed=3)
    x[:4] = [[inf] * COLUMNS, [-inf] * COLUMNS, [nan] * COLUMNS, [1e300] * COLUMNS]
    single = [shap.TreeExplainer(one, feature_perturbation="tree_path_dependent") for one in fitted]
    expected = np.mean([one.shap_values(x, check_additivity=False) for one in single], axis=0)
    assert np.allclose([table.explain(row)[1] for row in x], expected, rtol=0, atol=1e-12)
    assert table.base == pytest.approx(np.mean([np.ravel(one.expected_value)[0] for one in single]), abs=1e-12)


def test_the_test_data_hold_the_hard_cases() -> None:
    """Columns with several thresholds in one tree, and a threshold that parts only missing from measured."""
    inner = [p.nodes[p.nodes["is_leaf"] == 0] for m in members((20, 3), (9, 8), (15, 5)) for (p,) in m._predictors]
    assert any(len(set(n["feature_idx"].tolist())) < len(n) for n in inner)
    assert any(np.isinf(n["num_threshold"]).any() for n in inner)
    assert {bool(flag) for n in inner for flag in n["missing_go_to_left"]} == {True, False}


@pytest.mark.parametrize("shapes", [[(30, 8)], [(12, 2)], [(20, 3), (9, 8), (15, 5)], [(2, 12)]])
def test_the_margin_is_to_the_bit_that_of_walking_the_trees(shapes: list[tuple[int, int]]) -> None:
    """The leaf of every tree's way is the one that a walk of this row ends at."""
    fitted = members(*shapes)
    table, forest = TabulatedShapley(fitted, COLUMNS), Forest(fitted)
    x = rows(300, seed=6)
    x[:3] = [[inf] * COLUMNS, [-inf] * COLUMNS, [nan] * COLUMNS]
    assert [table.explain(row)[0] for row in x] == [forest.margin(row) for row in x]


def test_every_example_takes_the_way_that_it_is_explained_for() -> None:
    """The rows that are explained at start are told apart by the same rule that finds a row's way later."""
    fitted = members((25, 8))
    trees = [nodes for member in fitted for nodes in trees_of(member)]
    ways, splits = TreeWays(trees, nowhere=COLUMNS), Splits(trees)
    examples = ways.examples()
    numbers = ways.numbers(examples)
    for example, taken in zip(examples, numbers, strict=True):
        for tree in range(ways.trees):
            row = np.append(np.zeros(COLUMNS), nan)
            row[ways.column_of_slot[tree]] = example[tree]
            assert splits.ways(row)[tree] == taken[tree]


def test_a_way_that_no_row_can_take_has_no_answer() -> None:
    """Should one be looked up by mistake, neither margin nor reasons are a number."""
    fitted = members((20, 8))
    table = TabulatedShapley(fitted, COLUMNS)
    unknown = np.isnan(table._table)
    assert unknown.any()
    assert (unknown.any(axis=1) == unknown.all(axis=1)).all()


def test_the_lines_of_the_table_lie_in_one_fetch_each(model: Any) -> None:
    """Eight numbers, from a multiple of 64 bytes on."""
    table = model._explainer._shapley._table
    assert table.shape[1] == 8
    assert table.ctypes.data % 64 == 0
    assert table.flags.c_contiguous


def test_trees_with_too_many_ways_are_explained_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same values."""
    fitted = members((10, 8))
    x = rows(50, seed=5)
    table = shapley(fitted, COLUMNS)
    monkeypatch.setattr(module, "MAX_NUMBERS", 10)
    direct = shapley(fitted, COLUMNS)
    assert isinstance(direct, DirectShapley)
    assert direct.base == pytest.approx(table.base, abs=1e-12)
    assert np.allclose([direct.explain(r)[1] for r in x], [table.explain(r)[1] for r in x], rtol=0, atol=1e-12)


def test_large_trees_have_too_many_ways() -> None:
    """Their number is beyond any integer of a machine, and nothing is laid out for them."""
    fitted = members((3, 200))
    assert max(len(nodes) for (nodes,) in fitted[0]._predictors for nodes in [nodes.nodes]) > 130
    assert isinstance(shapley(fitted, COLUMNS), DirectShapley)


def test_the_shipped_models_are_tabulated(model: Any) -> None:
    """Each call adds up; the library works at start."""
    assert isinstance(model._explainer._shapley, TabulatedShapley)


def test_attributions_are_whole_and_cannot_be_changed(chart: Any) -> None:
    """Every field is set, and they are equal to attributions that are made the usual way."""
    fact: Observation = chart.fact("HR", 90, 2)
    feature = Feature("a", "b", "c", "d", "e", derived=True, lead=True)
    (made,) = attributions([(feature, 0.5, 2.0, (fact,))])
    assert made == Attribution("a", "b", "c", "d", 0.5, 2.0, "e", (fact,), derived=True, lead=True)
    assert type(made) is Attribution
    assert [getattr(made, field.name) for field in fields(Attribution)]
    with pytest.raises(FrozenInstanceError):
        made.value = 3.0  # type: ignore[misc]


def test_a_feature_without_effect_is_left_out_unless_it_leads() -> None:
    """And what was not measured has no value."""
    plain, leading = Feature("p", "p", "p", "p", "1"), Feature("l", "l", "l", "l", "1", lead=True)
    found = attributions([(plain, 0.0, 1.0, ()), (leading, 0.0, nan, ()), (plain, 0.1, nan, ())])
    assert [(one.feature, one.value) for one in found] == [("l", None), ("p", None)]
