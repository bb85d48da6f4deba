"""Figures about predictions: worked by hand, by other implementations, and never about too few."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from models.training.evidence import curves
from models.training.evidence.clusters import drawn, effective
from models.training.evidence.evaluation import counted
from models.training.evidence.figures import figures
from models.training.evidence.reliability import coverage, reliability
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
    assert curves.at_threshold(outcome, p, np.arange(5), 0.5) == {
        "flagged": 0.4,
        "alerts_per_100": 40.0,
        "sensitivity": 0.5,
        "specificity": 0.66667,
        "positive_predictive_value": 0.5,
        "alerts_per_event": 2.0,
    }
    assert "positive_predictive_value" not in curves.at_threshold(outcome, p, np.arange(5), 0.95)


def test_rows_are_not_patients():
    """Where a patient has several rows, it is also said how many patients are flagged, and how many are found."""
    outcome, p = np.array([False, True, False, True, False]), np.array([0.9, 0.9, 0.9, 0.1, 0.1])
    found = curves.at_threshold(outcome, p, np.array([1, 1, 2, 2, 3]), 0.5)
    assert (found["patients_flagged"], found["patients_found"]) == (0.66667, 0.5)


def test_budgets_spend_what_they_say(found):
    """The threshold of the 10 % budget alerts on about 10 %."""
    assert all(row["flagged"] == pytest.approx(row["budget"], abs=0.002) for row in found["burden"])


def test_every_slice_has_its_calibration(found):
    """Ten groups whose intervals hold the observed share."""
    for rows in found["calibration"].values():
        assert len(rows) == curves.BINS
        assert all(row["low"] <= row["observed"] <= row["high"] for row in rows)
        assert [row["predicted"] for row in rows] == sorted(row["predicted"] for row in rows)


def test_small_groups_are_counted_and_not_judged(found):
    """Fewer than ten events give no figure that somebody could quote."""
    unknown = found["groups"]["sex"]["unknown"]
    assert unknown["n"] == 5
    assert unknown["too_few"]
    assert "auroc" not in unknown
    female = found["groups"]["sex"]["female"]["at"]["raised"]
    assert set(female) == {"flagged", "sensitivity", "positive_predictive_value"}
    assert all(low <= value <= high for value, low, high in female.values())


def test_another_score_is_compared_on_the_same_rows(found):
    """Rows on which the other gives nothing count for neither; the difference has an interval of its own."""
    weaker = found["comparators"]["weaker"]
    assert weaker["n"] == 1080
    assert weaker["auroc_model"][0] > weaker["auroc"][0]
    assert weaker["difference"][0] == pytest.approx(weaker["auroc_model"][0] - weaker["auroc"][0], abs=2e-4)
    assert weaker["difference"][1] > 0
    assert found["comparators"]["silent"] == {"n": 0, "patients": 0, "events": 0, "too_few": True}


def test_what_would_not_be_answered_is_judged_apart(scored, found):
    """The slices hold what is answered and count the rest; beside them stand the same measures of every row."""
    assert found["every_row"] == {}
    few = figures(replace(scored, answered=np.arange(1_200) >= 100), {"raised": 0.2})
    assert few["slices"]["hour 24"]["n"] == 1_100
    assert few["slices"]["hour 24"]["not_answered"] == 100
    assert few["every_row"]["hour 24"]["n"] == 1_200
    assert few["every_row"]["hour 24"]["auroc"] == found["slices"]["hour 24"]["auroc"]


def test_a_threshold_is_told_in_every_slice(scored, found):
    """As it is, and by slice what it would have done."""
    assert found["thresholds"] == {"raised": 0.2, "high": 0.4}
    early = found["by_threshold"]["raised"]["hour 48"]
    assert early["flagged"] == pytest.approx((scored.probability[:600] >= 0.2).mean(), abs=1e-5)


def test_what_happened_at_a_risk_counts_every_row_and_no_row_as_a_patient(scored):
    """Bins cover 0 to 1 and hold all rows; the interval of three like rows of one patient is that of one row."""
    alone = {"every row": scored.main}
    (bins,) = reliability(replace(scored, slices=alone)).values()
    assert (bins[0]["low"], bins[-1]["high"]) == (0, 1)
    assert all(below["high"] == above["low"] for below, above in pairwise(bins))
    assert sum(one["patients"] for one in bins) == 1_200
    assert all(one["events"] >= 10 and one["lower"] <= one["events"] / one["patients"] <= one["upper"] for one in bins)
    thrice = Scored(
        np.repeat(scored.outcome, 3),
        np.repeat(scored.probability, 3),
        np.repeat(scored.patient, 3),
        slices={"every row": np.repeat(scored.main, 3)},
    )
    (threefold,) = reliability(thrice).values()
    assert [one["patients"] for one in threefold] == [3 * one["patients"] for one in bins]
    assert [one["lower"] for one in threefold] == pytest.approx([one["lower"] for one in bins], abs=2e-4)
    assert [one["upper"] for one in threefold] == pytest.approx([one["upper"] for one in bins], abs=2e-4)


@pytest.mark.parametrize(("name", "word"), [("every row", "hours"), ("hour 24", "hours")])
def test_rows_are_called_patients_only_where_they_are(scored, name, word):
    """A hundred hours of one patient are hours; where each patient has one row, they are patients."""
    one = replace(scored, slices={name: scored.main})
    assert counted(figures(one, {}), "hours") == "patients"
    several = replace(one, patient=np.repeat(np.arange(400), 3))
    assert counted(figures(several, {}), "hours") == word


def test_a_measure_that_rows_do_not_allow_is_left_out(scored):
    """Predictions that tell the outcomes apart have no slope; all else is there, and it is said what is not."""
    rng = np.random.default_rng(1)
    apart = np.where(scored.outcome, rng.uniform(0.8, 0.9, 1_200), rng.uniform(0.1, 0.2, 1_200))
    one = figures(replace(scored, probability=apart), {"raised": 0.2})["slices"]["hour 24"]
    assert one["left_out"] == "slope"
    assert "slope" not in one
    assert one["auroc"][0] == 1.0
    assert "left_out" not in figures(scored, {})["slices"]["hour 24"]


def test_too_few_for_bins_are_one_bin(scored):
    """All risks from 0 to 1."""
    (bins,) = reliability(replace(scored, slices={"first": np.arange(1_200) < 30})).values()
    assert [(one["low"], one["high"], one["patients"]) for one in bins] == [(0.0, 1.0, 30)]


def test_ranges_are_held_against_what_happened(scored):
    """Ranges around the truth meet it in each group; ranges far below do not."""
    p = scored.probability
    right = coverage(replace(scored, interval=(p - 0.02, p + 0.02)))
    assert right["everybody"]["all"]["agrees"]
    assert right["everybody"]["all"]["parts_agreeing"] >= 8
    assert right["sex"]["female"]["width"] == 0.04
    assert right["sex"]["unknown"] == {"n": 5, "events": int(scored.outcome[:5].sum()), "too_few": True}
    wrong = coverage(replace(scored, interval=(p / 4, p / 3)))
    assert not wrong["everybody"]["all"]["agrees"]
    assert coverage(scored) == {}


def test_rows_that_agree_are_worth_as_many_as_patients():
    """Ten times the same row is no more than one; rows that have nothing to do with each other are all."""
    rng = np.random.default_rng(2)
    luck = rng.random(300) < 0.3
    assert effective(np.repeat(luck, 10), np.repeat(np.arange(300), 10)) == pytest.approx(300, rel=1e-6)
    assert effective(luck, np.arange(300)) == 300
    loose = effective(rng.random(3_000) < 0.3, np.repeat(np.arange(300), 10))
    assert 2_200 < loose <= 3_000


def test_as_many_rows_are_drawn_as_there_are_patients():
    """Of those asked for, and the same ones every time; who has most rows is drawn most often."""
    rows = np.array([True, True, False, True, True, False])
    patient = np.array([1, 1, 1, 2, 2, 3])
    chosen = drawn(rows, patient)
    assert chosen.tolist() == drawn(rows, patient).tolist()
    assert (chosen.sum(), chosen[2], chosen[5]) == (2, False, False)
    many = np.repeat(np.arange(1_000), np.arange(1_000) % 5 + 1)
    mean = np.arange(1_000)[many][drawn(np.ones(len(many), dtype=bool), many)] % 5 + 1
    assert mean.mean() == pytest.approx((many % 5 + 1).mean(), abs=0.1)


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
