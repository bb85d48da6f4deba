"""Figures about predictions: worked by hand, by other implementations, and never about too few."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from models.training.evidence import curves
from models.training.evidence.figures import figures
from models.training.evidence.scored import Scored


@pytest.fixture(scope="module")
def scored(calibrated):
    """1,200 patients, every second one a woman, a score that knows half as much, and two years."""
    p, outcome = calibrated(1_200)
    rng = np.random.default_rng(5)
    number = np.arange(len(p))
    weaker = np.where(number % 10 == 0, np.nan, p + rng.normal(0, 0.2, len(p)))
    return Scored(
        outcome=outcome,
        probability=p,
        patient=number,
        slices={"hour 24": np.ones(len(p), bool), "hour 48": number < 600},
        groups={"sex": {"female": number % 2 == 0, "male": number % 2 == 1, "unknown": number < 5}},
        comparators={"weaker": weaker, "silent": np.full(len(p), np.nan)},
        periods={"first": number < 600, "second": number >= 600},
    )


@pytest.fixture(scope="module")
def found(scored):
    """Its figures."""
    return figures(scored, {"raised": 0.2, "high": 0.4})


def test_figures_are_plain_json(found):
    """They are written to a file and read by others."""
    assert json.loads(json.dumps(found)) == found


def test_the_area_under_the_points_is_the_auroc(scored, found):
    """Thinning the curve does not change what it shows."""
    points = np.array(found["roc"])
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [1, 1]
    assert np.trapezoid(points[:, 1], points[:, 0]) == pytest.approx(
        roc_auc_score(scored.outcome, scored.probability), abs=0.005
    )
    assert len(points) <= curves.POINTS + 2


def test_precision_at_full_recall_is_the_base_rate(scored, found):
    """The last point of the precision curve."""
    recall, precision = found["precision_recall"][-1]
    assert recall == 1
    assert precision == pytest.approx(scored.outcome.mean(), abs=0.01)


def test_net_benefit_by_hand():
    """Two alerts at a threshold of .2, one right: (1 - 1 * .25) / 4 (Vickers & Elkin 2006)."""
    outcome, p = np.array([True, False, False, True]), np.array([0.9, 0.3, 0.1, 0.1])
    assert curves.net_benefit(outcome, p, 0.2) == pytest.approx((1 - 0.25) / 4)


@given(st.integers(0, 1000), st.sampled_from(curves.THRESHOLDS))
@settings(max_examples=40, deadline=None)
def test_everybody_alerted_is_the_curve_of_the_base_rate(seed, threshold):
    """Alerting on everybody has net benefit prevalence - (1 - prevalence) * odds of the threshold."""
    outcome = np.random.default_rng(seed).random(60) < 0.3
    expected = outcome.mean() - (1 - outcome.mean()) * threshold / (1 - threshold)
    assert curves.net_benefit(outcome, np.ones(60), threshold) == pytest.approx(expected)


def test_alerting_by_hand():
    """Shares from the four-field table, and none that would divide by nothing."""
    outcome, p = np.array([True, True, False, False, False]), np.array([0.9, 0.2, 0.8, 0.1, 0.1])
    assert curves.at_threshold(outcome, p, 0.5) == {
        "threshold": 0.5,
        "alerted": 0.4,
        "sensitivity": 0.5,
        "specificity": 0.66667,
        "positive_predictive_value": 0.5,
        "number_needed_to_alert": 2.0,
    }
    assert "positive_predictive_value" not in curves.at_threshold(outcome, p, 0.95)


def test_budgets_spend_what_they_say(found):
    """The threshold of the 10 % budget alerts on about 10 %."""
    assert all(row["alerted"] == pytest.approx(row["budget"], abs=0.002) for row in found["burden"])


def test_every_slice_has_its_calibration(found):
    """Ten groups whose intervals hold the observed share."""
    for rows in found["calibration"].values():
        assert len(rows) == curves.BINS
        assert all(row["low"] <= row["observed"] <= row["high"] for row in rows)
        assert [row["predicted"] for row in rows] == sorted(row["predicted"] for row in rows)


def test_small_groups_are_counted_and_not_judged(found):
    """Fewer than ten events give no figure that somebody could quote."""
    unknown = found["groups"]["sex"]["unknown"]
    assert unknown["rows"] == 5
    assert unknown["too_few"]
    assert "auroc" not in unknown
    assert found["groups"]["sex"]["female"]["at"]["raised"]["threshold"] == 0.2


def test_another_score_is_compared_on_the_same_rows(found):
    """Rows on which the other gives nothing count for neither; the difference has an interval of its own."""
    weaker = found["comparators"]["weaker"]
    assert weaker["rows"] == 1080
    assert weaker["auroc_model"][0] > weaker["auroc_score"][0]
    assert weaker["difference"][0] == pytest.approx(weaker["auroc_model"][0] - weaker["auroc_score"][0], abs=2e-4)
    assert weaker["difference"][1] > 0
    assert found["comparators"]["silent"] == {"rows": 0, "too_few": True}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"probability": np.full(1_200, np.nan)}, "probability"),
        ({"probability": np.full(1_200, 1.2)}, "probability"),
        ({"patient": np.arange(3)}, "length"),
        ({"slices": {}}, "slice"),
    ],
)
def test_what_does_not_fit_together_is_refused(scored, change, words):
    """No figure rather than a wrong one."""
    with pytest.raises(ValueError, match=words):
        replace(scored, **change)
