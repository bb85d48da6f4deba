"""Venn-ABERS ranges: as published, never the wrong way round, and right about as many patients as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from models.training.venn_abers import venn_abers


def by_definition(p, outcome, s):
    """Two isotonic regressions with the new patient among the known ones (Vovk & Petej 2014, section 3)."""
    ends = []
    for label in (0.0, 1.0):
        fitted = IsotonicRegression(out_of_bounds="clip").fit(np.append(p, s), np.append(outcome, label))
        ends.append(float(fitted.predict([s])[0]))
    return tuple(ends)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=3, max_size=60))
@settings(max_examples=30, deadline=None)
def test_at_its_own_points_the_range_holds_the_definition(rows):
    """Between two points the range is wider than by definition, never narrower."""
    p, outcome = np.array([r[0] / 20 for r in rows]), np.array([r[1] for r in rows])
    found = venn_abers(p, outcome, grid=10)
    for s in (*found.at[:-1], *((found.at[:-1] + found.at[1:]) / 2)):
        low, high = by_definition(p, outcome, s)
        lower, upper = found.interval(float(s))
        assert lower <= low + 1e-12
        assert upper >= high - 1e-12
        assert 0 <= lower <= upper <= 1


def test_ranges_rise_with_the_prediction(calibrated):
    """A higher prediction never gets a lower range."""
    found = venn_abers(*calibrated(3000))
    assert (np.diff(found.lower) >= -1e-12).all()
    assert (np.diff(found.upper) >= -1e-12).all()


@pytest.mark.parametrize("distortion", [1.0, 0.5, 2.0])
def test_the_true_share_lies_within_the_range_on_average(calibrated, distortion):
    """Also for a model whose probabilities are wrong: the ranges are about what happened, not about what it said."""
    p, outcome = calibrated(20_000)
    said = p**distortion
    found = venn_abers(said[:10_000], outcome[:10_000])
    test, truth = said[10_000:], outcome[10_000:]
    for group in np.array_split(np.argsort(test), 8):
        ends = np.array([found.interval(float(s)) for s in test[group]])
        spread = 3 * np.sqrt(truth[group].mean() / len(group))
        assert ends[:, 0].mean() - spread <= truth[group].mean() <= ends[:, 1].mean() + spread


def test_more_patients_make_narrower_ranges(calibrated):
    """Uncertainty is about how many patients like this one were seen."""
    widths = []
    for number in (200, 2_000, 20_000):
        found = venn_abers(*calibrated(number))
        ends = np.array([found.interval(s) for s in (0.05, 0.1, 0.2, 0.3)])
        widths.append(float((ends[:, 1] - ends[:, 0]).mean()))
    assert widths[0] > widths[1] > widths[2]
