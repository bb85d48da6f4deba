"""Interrupted time series against statsmodels, and the coverage of its intervals."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.signal import lfilter
from scipy.stats import t as student

from oversight.statistics.interrupted import Interruption, Method, default_lags, interruption, segments
from oversight.statistics.refused import Refused


def series(rng, size=40, change=22, level=-0.08, slope=0.004, alike=0.3):
    """A weekly rate with a jump and a bend, and neighbours that are alike."""
    noise = lfilter([1], [1, -alike], rng.normal(0, 0.03, size + 50))[50:]
    return segments(size, change) @ np.array([0.6, 0.001, level, slope]) + noise


@pytest.mark.parametrize("lags", [None, 0, 5])
def test_newey_west_equals_statsmodels(lags) -> None:
    """Coefficients, intervals and the effect at the last week are those of statsmodels OLS with HAC errors, to 1e-9."""
    values = series(np.random.default_rng(1))
    found = interruption(values, 22, Method.NEWEY_WEST, lags)
    assert isinstance(found, Interruption)
    options = {"maxlags": default_lags(40) if lags is None else lags, "use_correction": True}
    oracle = sm.OLS(values, segments(40, 22)).fit(cov_type="HAC", cov_kwds=options, use_t=True)
    for estimate, place in ((found.before, 1), (found.level, 2), (found.slope, 3)):
        expected = (oracle.params[place], *oracle.conf_int()[place])
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx(tuple(expected), abs=1e-9)
    last = oracle.t_test([0, 0, 1, 17])
    assert (found.last.low, found.last.high) == pytest.approx(tuple(last.conf_int()[0]), abs=1e-9)
    np.testing.assert_allclose(found.fitted, oracle.fittedvalues, atol=1e-9)
    assert found.fitted[-1] - found.expected[-1] == pytest.approx(found.last.value)


def test_prais_winsten_equals_statsmodels() -> None:
    """The default is least squares with HC3 errors on the series less ρ × the week before, to 1e-9."""
    values = series(np.random.default_rng(2), alike=0.5)
    found = interruption(values, 22)
    assert isinstance(found, Interruption)
    rho = found.likeness
    assert 0 < rho < 0.9
    whiten = np.eye(40) - rho * np.eye(40, k=-1)
    whiten[0, 0] = np.sqrt(1 - rho**2)
    oracle = sm.OLS(whiten @ values, whiten @ segments(40, 22)).fit(cov_type="HC3")
    for estimate, place in ((found.before, 1), (found.level, 2), (found.slope, 3)):
        assert estimate.value == pytest.approx(oracle.params[place], abs=1e-9)
        reach = student.ppf(0.975, 36) * oracle.bse[place]
        assert estimate.high - estimate.value == pytest.approx(reach, abs=1e-9)


@pytest.mark.parametrize(
    ("size", "alike", "least"), [(16, 0, 0.94), (16, 0.3, 0.92), (26, 0.3, 0.92), (60, 0.3, 0.93), (104, 0.3, 0.93)]
)
def test_intervals_cover(size, alike, least) -> None:
    """Default 95 % intervals of level and slope hold the truth, with weeks alike by 0 to .3, in about 95 % of runs."""
    rng = np.random.default_rng(size)
    hits = []
    for _ in range(1000):
        found = interruption(series(rng, size, size // 2, alike=alike), size // 2)
        assert isinstance(found, Interruption)
        hits.append((found.level.low <= -0.08 <= found.level.high, found.slope.low <= 0.004 <= found.slope.high))
    assert (np.mean(hits, axis=0) >= least).all()
    assert (np.mean(hits, axis=0) <= 0.985).all()


def test_short_series_are_refused() -> None:
    """Fewer than 8 points on either side, and lines without scatter, are refused; NaN is a fault of the caller."""
    values = series(np.random.default_rng(3))
    for change in (-1, 7, 33, 60):
        assert isinstance(interruption(values, change), Refused)
    assert isinstance(interruption(values, 8), Interruption)
    assert isinstance(interruption(values, 32), Interruption)
    assert isinstance(interruption(segments(40, 20) @ np.array([0.5, 0.01, 0.1, 0.0]), 20), Refused)
    assert isinstance(interruption(np.zeros(40), 20), Refused)
    with pytest.raises(ValueError):
        interruption(np.full(40, np.nan), 20)
