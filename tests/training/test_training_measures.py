"""Measures against worked examples and other implementations; intervals by patient; splits that do not leak."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from models.training.folds import LeakingSplit, alike_across, folds_by_patient, held_out
from models.training.measures import (
    MEASURES,
    expected_calibration_error,
    measure,
    paired,
    wilson,
)
from models.training.ranked import COUNTED, Ranked


def test_calibrated_predictions_measure_as_calibrated(calibrated):
    """Slope and O:E are 1 within their intervals, and the calibration error is small."""
    p, outcome = calibrated(2_000)
    found = measure(outcome, p)
    assert found["slope"].low < 1 < found["slope"].high
    assert found["observed_per_expected"].low < 1 < found["observed_per_expected"].high
    assert found["ece"].value < 0.03
    assert all(one.low <= one.value <= one.high for one in found.values())


def test_calibration_error_is_that_of_equal_groups(calibrated):
    """As scikit-learn's quantile bins give it."""
    p, outcome = calibrated(5_000)
    observed, predicted = calibration_curve(outcome, p, n_bins=10, strategy="quantile")
    assert expected_calibration_error(outcome, p) == pytest.approx(np.abs(observed - predicted).mean(), abs=1e-3)


def test_wilson_as_published():
    """Newcombe 1998, Stat Med 17:857, table I: 81/263, 15/148, 1/29."""
    for events, patients, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (1, 29, 0.0061, 0.1718)):
        assert wilson(events / patients, patients) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0.0, 20)[0] == 0.0
    assert wilson(1.0, 20)[1] == 1.0


def test_rows_of_one_patient_do_not_make_the_interval_narrower(calibrated):
    """The same rows ten times over are no more patients."""
    p, outcome = calibrated(400)
    alone = measure(outcome, p, None, ["observed_per_expected"])["observed_per_expected"]
    patients = np.repeat(np.arange(400), 10)
    many = measure(np.repeat(outcome, 10), np.repeat(p, 10), patients, ["observed_per_expected"])[
        "observed_per_expected"
    ]
    assert many.high - many.low == pytest.approx(alone.high - alone.low, rel=0.05)


@pytest.mark.parametrize("name", list(COUNTED))
@pytest.mark.parametrize("ties", [False, True])
def test_counting_rows_is_repeating_them(name, ties):
    """Each measure of rows with counts is that of scikit-learn, or of the plain definition, on repeated rows."""
    rng = np.random.default_rng(8)
    p = rng.beta(1.2, 4.0, 700)
    p = np.round(p, 1) if ties else p
    outcome = rng.random(700) < np.clip(p, 0.05, 0.95)
    times = rng.integers(0, 4, 700)
    draw = np.repeat(np.arange(700), times)
    counted = COUNTED[name](Ranked.of(outcome, p).counted(times.astype(float)))
    if name == "ece" and ties:  # which of equal predictions fall into a group is chance
        assert counted == pytest.approx(MEASURES[name](outcome[draw], p[draw]), abs=0.03)
    else:
        assert counted == pytest.approx(MEASURES[name](outcome[draw], p[draw]), rel=1e-8, abs=1e-12)


def test_rates_of_counted_rows_by_hand():
    """A row that counts twice is two rows; a share of nobody is no number."""
    rows = Ranked.of(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.2, 0.1]))
    counted = rows.counted(np.array([2.0, 1.0, 1.0, 0.0]))
    assert counted.flagged(0.5) == pytest.approx(3 / 4)
    assert counted.sensitivity(0.5) == pytest.approx(2 / 3)
    assert counted.positive_predictive_value(0.5) == pytest.approx(2 / 3)
    assert np.isnan(counted.positive_predictive_value(0.95))


def test_a_difference_is_paired(calibrated):
    """Of two predictions that are nearly the same the difference is known better than either."""
    p, outcome = calibrated(900)
    other = p + np.random.default_rng(6).normal(0, 0.01, len(p))
    found = paired(outcome, p, other, None)
    assert found["auroc"].value - found["other"].value == pytest.approx(found["difference"].value)
    spread = {name: one.high - one.low for name, one in found.items()}
    assert spread["difference"] < 0.3 * spread["auroc"]


def test_hourly_rows_of_many_patients_are_affordable():
    """60,000 rows of 3,000 patients, all measures with intervals: a few seconds."""
    rng = np.random.default_rng(9)
    whose = np.sort(rng.integers(0, 3_000, 60_000))
    p = rng.beta(0.5, 20, 60_000)
    begun = time.process_time()
    found = measure(rng.random(60_000) < p, p, whose)
    assert time.process_time() - begun < 10
    assert all(one.low < one.value < one.high for one in found.values())


def test_one_outcome_alone_has_no_measure():
    """No figure rather than a wrong one."""
    with pytest.raises(ValueError, match="only one outcome"):
        measure(np.zeros(5, bool), np.full(5, 0.2))


def test_folds_keep_patients_together():
    """Every patient has one fold, every fold its share, and the same seed the same folds."""
    patients = np.repeat(np.arange(100), 3)
    fold = folds_by_patient(patients, 5, seed=7)
    assert all(len(set(fold[patients == one].tolist())) == 1 for one in range(100))
    assert np.bincount(fold).tolist() == [60] * 5
    assert (fold == folds_by_patient(patients, 5, seed=7)).all()
    assert sum(held.sum() for held in held_out(fold)) == 300


def test_a_leaking_split_is_refused():
    """The same patient on both sides stops the training; a look-alike is counted."""
    rows = np.array([[1, np.nan], [2, 3], [1, np.nan], [4, 5]], np.float32)
    fold = np.array([0, 0, 1, 1])
    assert alike_across(rows, np.array([1, 2, 3, 4]), fold) == 2
    assert alike_across(rows[[0, 2, 1, 3]], np.array([1, 2, 3, 4]), fold) == 0
    with pytest.raises(LeakingSplit):
        alike_across(rows, np.array([1, 2, 1, 4]), fold)
