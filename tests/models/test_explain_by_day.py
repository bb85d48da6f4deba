"""Reasons on the calibrated log-odds, also where the calibration changes from day to day."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.errors import ModelFault
from models.runtime.artefact import Artefact, Calibration
from models.runtime.explain import Explainer
from models.runtime.shapley import Shapley
from models.runtime.trees import Member
from models.training.batch import margin
from models.training.learners import HistGradientBoosting

NAMES = ("age", "hours", "lactate")
BY_DAY = Calibration(0.9, -0.1, slope_by_day=0.2, intercept_by_day=-0.3)


def rows(count: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Ages, hours and lactate with gaps, float32."""
    rng = np.random.default_rng(seed)
    found = np.stack([rng.uniform(18, 90, count), rng.uniform(0, 96, count), rng.lognormal(0.6, 0.6, count)], axis=1)
    found[rng.random(count) < 0.3, 2] = np.nan
    return found.astype(np.float32)


@pytest.fixture(scope="module")
def members() -> tuple[Member, ...]:
    """Two fitted boosters."""
    x = rows(800)
    risk = x[:, 0] / 30 + np.nan_to_num(x[:, 2], nan=1.5) - x[:, 1] / 50
    died = risk + np.random.default_rng(1).normal(size=len(x)) > 3.5
    learner = HistGradientBoosting(max_iter=20)
    return tuple(learner.fit(x, died, [1, 0, 1], seed) for seed in (1, 2))


def artefact(members: tuple[Member, ...], calibration: Calibration) -> Artefact:
    """Around the members."""
    nothing = np.full(3, np.nan)
    return Artefact(members, calibration, NAMES, np.ones(3), nothing, nothing)


@pytest.mark.parametrize("calibration", [Calibration(1.2, -0.4), BY_DAY])
def test_base_and_reasons_are_the_calibrated_log_odds(members: tuple[Member, ...], calibration: Calibration) -> None:
    """Exactly, whatever the day."""
    explainer, x = Explainer(artefact(members, calibration)), rows(200, seed=5)
    margins = margin(members, x)
    for row, value in zip(x, margins.tolist(), strict=True):
        found = explainer.explain(row)
        t = float(row[1]) / 24 - 1
        slope = calibration.slope + calibration.slope_by_day * t
        expected = slope * value + calibration.intercept + calibration.intercept_by_day * t
        assert found.log_odds == pytest.approx(expected, abs=1e-12)
        assert found.base + found.attributions.sum() == pytest.approx(expected, abs=1e-12)
        assert found.probability == pytest.approx(1 / (1 + math.exp(-expected)), abs=1e-12)


def test_the_base_is_the_same_on_every_day_and_the_hours_carry_what_days_change(members: tuple[Member, ...]) -> None:
    """The other columns have their Shapley values times the slope of the day."""
    explainer, plain = Explainer(artefact(members, BY_DAY)), Shapley(members, 3)
    base = BY_DAY.slope * plain.base + BY_DAY.intercept
    for row in rows(50, seed=6):
        found, (_, parts) = explainer.explain(row), plain.explain(row.astype(np.float64))
        t = float(row[1]) / 24 - 1
        slope = BY_DAY.slope + BY_DAY.slope_by_day * t
        assert found.base == pytest.approx(base, abs=1e-12)
        assert found.attributions[[0, 2]] == pytest.approx(slope * parts[[0, 2]], abs=1e-12)
        days = t * (BY_DAY.intercept_by_day + BY_DAY.slope_by_day * plain.base)
        assert found.attributions[1] == pytest.approx(slope * parts[1] + days, abs=1e-12)


def test_on_the_first_day_it_is_as_if_there_were_no_days(members: tuple[Member, ...]) -> None:
    """At hour 24 the terms by day are 0."""
    row = rows(1)[0]
    row[1] = 24
    by_day = Explainer(artefact(members, BY_DAY)).explain(row)
    plain = Explainer(artefact(members, Calibration(BY_DAY.slope, BY_DAY.intercept))).explain(row)
    assert (by_day.log_odds, by_day.base) == (plain.log_odds, plain.base)
    assert np.array_equal(by_day.attributions, plain.attributions)


def test_without_hours_there_is_no_answer_by_day(members: tuple[Member, ...]) -> None:
    """A day that is not known must not count as the first."""
    row = rows(1)[0]
    row[1] = np.nan
    with pytest.raises(ModelFault):
        Explainer(artefact(members, BY_DAY)).explain(row)
    assert math.isfinite(Explainer(artefact(members, Calibration(1.0, 0.0))).explain(row).log_odds)


def test_a_day_that_would_turn_the_risk_around_is_never_answered(members: tuple[Member, ...]) -> None:
    """More risk would be called less."""
    row = rows(1)[0]
    row[1] = 24 * 8
    with pytest.raises(ModelFault, match="turns the risk around"):
        Explainer(artefact(members, Calibration(0.9, 0.0, slope_by_day=-0.2))).explain(row)


def test_a_number_that_is_not_finite_is_never_answered(
    members: tuple[Member, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN must not slip through a comparison."""
    explainer = Explainer(artefact(members, Calibration(1.0, 0.0)))
    monkeypatch.setattr(explainer, "_base", math.nan)
    with pytest.raises(ModelFault):
        explainer.explain(rows(1)[0])


@given(st.floats(0.1, 3), st.floats(-3, 3), st.floats(-0.1, 0.1), st.floats(-1, 1), st.floats(-5, 5), st.floats(0, 90))
def test_one_margin_and_many_are_calibrated_alike(
    slope: float, intercept: float, slope_by_day: float, intercept_by_day: float, value: float, hours: float
) -> None:
    """The service and the evaluation use one formula."""
    calibration = Calibration(slope, intercept, slope_by_day, intercept_by_day)
    many = calibration.log_odds(np.array([value, value]), np.array([hours, 24.0]))
    assert many.tolist() == [calibration.log_odds(value, hours), calibration.log_odds(value, 24.0)]


def test_serving_needs_none_of_the_learners_libraries() -> None:
    """Neither memory nor a second of start for what only training needs."""
    code = "import sys, models.runtime.model; print([m for m in sys.modules if m in sys.argv[1:]])"
    heavy = ["sklearn", "shap", "numba", "skops", "scipy", "pandas", "lightgbm"]
    root = Path(__file__).resolve().parents[2]
    found = subprocess.run([sys.executable, "-c", code, *heavy], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
