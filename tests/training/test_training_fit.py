"""The calibration step is the maximum of the likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from models.training.fit import NoCalibration, fit_platt, probability
from models.training.measures import log_odds


@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_as_a_general_solver(calibrated, weighted):
    """scikit-learn's logistic regression without penalty, stopped late."""
    p, outcome = calibrated(3_000)
    weights = np.random.default_rng(3).integers(1, 4, len(p)).astype(float) if weighted else None
    other = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(
        log_odds(p)[:, None] * 0.7, outcome, sample_weight=weights
    )
    slope, intercept = fit_platt(log_odds(p) * 0.7, outcome, weights)
    assert slope == pytest.approx(other.coef_[0, 0], abs=1e-5)
    assert intercept == pytest.approx(other.intercept_[0], abs=1e-5)


@given(st.floats(0.3, 3), st.floats(-2, 2), st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_predicted_events_add_up_to_the_observed(scale, shift, seed):
    """At the maximum the sums of predictions and outcomes are equal, plainly and by margin."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(size=400)
    outcome = rng.random(400) < probability(scale * margins + shift)
    slope, intercept = fit_platt(margins, outcome)
    p = probability(slope * margins + intercept)
    assert p.sum() == pytest.approx(outcome.sum(), abs=1e-6)
    assert (p * margins).sum() == pytest.approx((outcome * margins).sum(), abs=1e-6)


def test_where_there_is_no_maximum_there_is_no_answer():
    """One outcome only, and margins that tell the outcomes apart."""
    margins = np.linspace(-1, 1, 20)
    for outcome in (np.zeros(20, bool), np.ones(20, bool), margins > 0):
        with pytest.raises(NoCalibration):
            fit_platt(margins, outcome)
