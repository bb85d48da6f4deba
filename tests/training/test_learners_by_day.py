"""The calibration that changes from day to day is the maximum of the likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.training.fit import NoCalibration, fit_by_day, fit_platt, probability


def drawn(count: int = 4_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Margins, hours, and outcomes whose log-odds are (0.8 + 0.3 t) margin - 0.5 + 0.2 t."""
    rng = np.random.default_rng(1)
    margins, hours = rng.normal(-1, 1.5, count), rng.uniform(6, 120, count)
    t = hours / 24 - 1
    return margins, hours, rng.random(count) < probability((0.8 + 0.3 * t) * margins - 0.5 + 0.2 * t)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_as_a_general_solver(weighted):
    """scikit-learn's logistic regression without penalty on the four terms."""
    margins, hours, outcome = drawn()
    t = hours / 24 - 1
    weights = np.random.default_rng(3).integers(1, 4, len(t)).astype(float) if weighted else None
    other = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    other.fit(np.column_stack([margins, t * margins, t]), outcome, sample_weight=weights)
    found = fit_by_day(margins, hours, outcome, weights)
    assert [found.slope, found.slope_by_day, found.intercept_by_day] == pytest.approx(other.coef_[0], abs=1e-4)
    assert found.intercept == pytest.approx(other.intercept_[0], abs=1e-4)


def test_it_finds_the_truth():
    """From enough rows."""
    found = fit_by_day(*drawn(200_000))
    terms = (found.slope, found.intercept, found.slope_by_day, found.intercept_by_day)
    assert terms == pytest.approx((0.8, -0.5, 0.3, 0.2), abs=0.03)


def test_the_sums_of_predictions_and_outcomes_are_equal():
    """Plainly and by day, as the likelihood has its maximum there."""
    margins, hours, outcome = drawn()
    p = probability(np.asarray(fit_by_day(margins, hours, outcome).log_odds(margins, hours)))
    for term in (np.ones(len(p)), hours, margins, margins * hours):
        assert (p * term).sum() == pytest.approx((outcome * term).sum(), abs=1e-4)


@pytest.mark.parametrize("hour", [24.0, 30.0])
def test_hours_that_are_all_alike_tell_of_no_change(hour):
    """Neither on the first day, where t is 0, nor on another."""
    margins, _, outcome = drawn(500)
    with pytest.raises(NoCalibration):
        fit_by_day(margins, np.full(500, hour), outcome)


def test_what_cannot_be_calibrated_is_not():
    """One outcome only, margins that tell the outcomes apart or are all alike, and NaN."""
    margins, hours, outcome = drawn(500)
    for given, died in ((margins, np.zeros(500, bool)), (margins, margins > 0), (margins * np.nan, outcome)):
        with pytest.raises(NoCalibration):
            fit_by_day(given, hours, died)
        with pytest.raises(NoCalibration):
            fit_platt(given, died)
    with pytest.raises(NoCalibration):
        fit_platt(np.full(500, 1.3), outcome)
