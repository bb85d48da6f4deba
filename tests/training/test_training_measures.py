"""Measures against worked examples and other implementations; intervals by patient; splits that do not leak."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from models.training.folds import LeakingSplit, check_apart, folds_by_patient, held_out
from models.training.measures import (
    expected_calibration_error,
    measure,
    observed_per_expected,
    of_functions,
    wilson,
)


def test_calibrated_predictions_measure_as_calibrated(calibrated):
    """Slope and O:E are 1 within their intervals, and the calibration error is small."""
    p, outcome = calibrated(2_000)
    found = measure(outcome, p)
    assert found["slope"].low < 1 < found["slope"].high
    assert found["observed_per_expected"].low < 1 < found["observed_per_expected"].high
    assert found["ece"].value < 0.03
    assert all(one.low <= one.value <= one.high for name, one in found.items() if name != "ece")


def test_calibration_error_is_that_of_equal_groups(calibrated):
    """As scikit-learn's quantile bins give it."""
    p, outcome = calibrated(5_000)
    observed, predicted = calibration_curve(outcome, p, n_bins=10, strategy="quantile")
    assert expected_calibration_error(outcome, p) == pytest.approx(np.abs(observed - predicted).mean(), abs=1e-3)


def test_wilson_as_published():
    """Newcombe 1998, Stat Med 17:857, table I: 81/263, 15/148, 1/29."""
    for events, patients, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (1, 29, 0.0061, 0.1718)):
        assert wilson(events, patients) == pytest.approx((low, high), abs=5e-5)


def test_rows_of_one_patient_do_not_make_the_interval_narrower(calibrated):
    """The same rows ten times over are no more patients."""
    p, outcome = calibrated(400)
    alone = of_functions(outcome, p, None, {"oe": observed_per_expected})["oe"]
    patients = np.repeat(np.arange(400), 10)
    many = of_functions(np.repeat(outcome, 10), np.repeat(p, 10), patients, {"oe": observed_per_expected})["oe"]
    assert many.high - many.low == pytest.approx(alone.high - alone.low, rel=0.05)


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
    held = np.array([True, True, False, False])
    assert check_apart(rows, np.array([1, 2, 3, 4]), held) == 1
    with pytest.raises(LeakingSplit):
        check_apart(rows, np.array([1, 2, 1, 4]), held)
