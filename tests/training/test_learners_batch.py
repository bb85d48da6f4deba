"""The margins of many rows at once are those of walking each tree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.runtime.trees import NODE, Member, grow
from models.training import batch
from models.training.batch import margin
from models.training.learners import HistGradientBoosting, LightGBM
from models.training.walk import Forest


def stump(threshold: float, *, missing_left: bool) -> Member:
    """1 on the left, 2 on the right."""
    nodes = np.zeros(3, dtype=NODE)
    nodes["left"][0], nodes["right"][0], nodes["num_threshold"][0] = 1, 2, threshold
    nodes["missing_go_to_left"][0] = missing_left
    nodes["count"], nodes["value"] = [2, 1, 1], [0.0, 1.0, 2.0]
    return Member(0.0, grow([3], nodes))


@pytest.fixture(scope="module")
def fitted() -> tuple[list[Member], Any]:
    """Members of both learners, and rows with gaps."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(700, 5)).astype(np.float32)
    x[rng.random(x.shape) < 0.25] = np.nan
    y = np.nan_to_num(x[:, 0]) - np.nan_to_num(x[:, 1]) + rng.normal(size=len(x)) > 0
    boosting = HistGradientBoosting(max_iter=20, max_leaf_nodes=15, min_samples_leaf=5)
    light = LightGBM(rounds=25, num_leaves=9, min_data_in_leaf=5)
    return [boosting.fit(x, y, [0] * 5, 1), light.fit(x, y, [0] * 5, 2)], x


def test_the_same_as_walking(fitted: tuple[list[Member], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """For the mean of several members of different sizes, and blocks that do not divide the rows."""
    members, x = fitted
    monkeypatch.setattr(batch, "BLOCK", 64)
    forest = Forest(members)
    walked = [forest.margin(row.astype(np.float64)) for row in x]
    assert np.allclose(margin(members, x), walked, rtol=0, atol=1e-12)


def test_no_rows_have_no_margins(fitted: tuple[list[Member], Any]) -> None:
    """And that is no fault."""
    members, x = fitted
    assert margin(members, x[:0]).shape == (0,)


@given(st.floats(width=64, allow_nan=False, min_value=-1e300), st.booleans(), st.integers(-2, 2))
def test_a_threshold_between_two_float32_parts_them_as_float64_does(
    threshold: float, missing_left: bool, steps: int
) -> None:
    """Rows are float32 and thresholds are not; a comparison must not depend on how one of them is rounded."""
    with np.errstate(over="ignore"):
        value = np.float32(threshold)
        for _ in range(abs(steps)):
            value = np.nextafter(value, np.float32(np.inf if steps > 0 else -np.inf))
    member = stump(threshold, missing_left=missing_left)
    x = np.array([[value], [np.nan]], dtype=np.float32)
    expected = [1.0 if float(value) <= threshold else 2.0, 1.0 if missing_left else 2.0]
    assert margin([member], x).tolist() == expected
    assert [Forest([member]).margin(row.astype(np.float64)) for row in x] == expected
