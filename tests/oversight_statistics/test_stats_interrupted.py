"""Interrupted time series: the average over the correlation of neighbours, written out densely, and its coverage."""

from __future__ import annotations

from dataclasses import astuple
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.signal import lfilter
from scipy.special import stdtr

from oversight.statistics.interrupted import Interruption, interruption, segments
from oversight.statistics.refused import Refused

TRUTH = np.array([0.6, 0.001, -0.08, 0.004])


def series(rng, size=40, change=22, alike=0.3, runs=1):
    """Weekly rates (runs × weeks) with a jump and a bend, and neighbours that are alike."""
    noise = lfilter([1], [1, -alike], rng.normal(0, 0.03, (runs, size + 50)), axis=1)[:, 50:]
    return segments(size, change) @ TRUTH + noise


def sought(size, change):
    """The combinations of coefficients that an interruption tells: before, level, slope, last."""
    return np.vstack((np.eye(4)[1:], [0, 0, 1, size - 1 - change]))


def told(found):
    """Value, low and high of each of them."""
    assert isinstance(found, Interruption)
    return np.array([astuple(each) for each in (found.before, found.level, found.slope, found.last)])


def given_likeness(values, change, rho):
    """Log density of ρ up to a constant (runs), and centres and errors of what is sought (runs × 4).

    From the full correlation matrix and its inverse. The prior is that of Berger, De Oliveira and Sansó 2001 (JASA
    96:1361-1374), from the derivative of that matrix.
    """
    size = values.shape[1]
    design, rows, freedom = segments(size, change), sought(size, change), size - 4
    gap = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    matrix, slope = rho**gap, gap * rho ** np.maximum(gap - 1, 0)
    inverse = np.linalg.inv(matrix)
    bread = np.linalg.inv(design.T @ inverse @ design)
    coefficients = values @ inverse @ design @ bread
    off = values - coefficients @ design.T
    squares = ((off @ inverse) * off).sum(axis=1)
    change_of = slope @ (inverse - inverse @ design @ bread @ design.T @ inverse)
    prior = np.sqrt(np.trace(change_of @ change_of) - np.trace(change_of) ** 2 / freedom)
    density = np.log(prior) - (np.linalg.slogdet(matrix)[1] - np.linalg.slogdet(bread)[1]) / 2
    errors = np.sqrt(np.outer(squares / freedom, ((rows @ bread) * rows).sum(axis=1)))
    return density - freedom / 2 * np.log(squares), coefficients @ rows.T, errors


@pytest.mark.parametrize(
    ("size", "change", "alike"), [(16, 8, 0.0), (24, 13, 0.5), (40, 22, 0.3), (40, 9, -0.4), (60, 30, 0.7)]
)
def test_intervals_are_those_of_the_average(size, change, alike) -> None:
    """By QUADPACK, which is told of the root at -1: means to 1e-6 of the length, 2.5 % outside either end to 1e-6."""
    values = series(np.random.default_rng(size), size, change, alike)
    found = interruption(values[0], change)
    ends = told(found)
    peak = max(given_likeness(values, change, rho)[0][0] for rho in np.linspace(-0.95, 0.95, 39))

    @cache
    def parts(rho):
        """Density × √(1 + ρ), and that times likeness, means, shares below low and below high."""
        rho = max(rho, -1 + 1e-9)  # the end itself has no inverse
        density, centres, errors = given_likeness(values, change, rho)
        below = [stdtr(size - 4, (ends[:, end] - centres[0]) / errors[0]) for end in (1, 2)]
        return np.exp(density[0] - peak) * np.sqrt(1 + rho) * np.concatenate(([1, rho], centres[0], *below))

    def integral(part):
        """Of one part over all ρ but the last 2e-4, where the prior vanishes and its traces are lost in rounding."""
        return quad(lambda rho: parts(rho)[part], -1, 0.9998, weight="alg", wvar=(-0.5, 0), epsabs=0, epsrel=1e-8)[0]

    total, likeness, *rest = map(integral, range(14))
    means, low, high = np.reshape(rest, (3, 4)) / total
    assert found.likeness == pytest.approx(likeness / total, abs=1e-6)
    np.testing.assert_allclose((ends[:, 0] - means) / (ends[:, 2] - ends[:, 1]), 0, atol=1e-6)
    np.testing.assert_allclose(low, 0.025, atol=1e-6)
    np.testing.assert_allclose(high, 0.975, atol=1e-6)


def dense_hits(values, change):
    """Whether the intervals of each run hold the truth (runs × 4), from the dense parts on a grid of ρ = tanh."""
    size = values.shape[1]
    truth = sought(size, change) @ TRUTH
    grid = np.tanh(np.linspace(-2.2, 2.5, 48))
    densities, centres, errors = map(np.array, zip(*(given_likeness(values, change, rho) for rho in grid), strict=True))
    weights = np.exp(densities - densities.max(axis=0)) * (1 - grid * grid)[:, None]
    below = np.einsum("gr,grc->rc", weights / weights.sum(axis=0), stdtr(size - 4, (truth - centres) / errors))
    return (below >= 0.025) & (below <= 0.975)


# Whole percents of 8000 runs, for neighbours alike by 0, .3 and .5.
@pytest.mark.parametrize(
    ("size", "change", "bands"),
    [
        (16, 8, ((94, 96), (92, 94), (90, 92))),
        (20, 10, ((94, 96), (93, 96), (92, 94))),
        (24, 13, ((94, 96), (94, 96), (93, 95))),
        (40, 20, ((94, 96), (94, 96), (94, 96))),
        (52, 40, ((94, 96), (94, 96), (94, 96))),
        (104, 52, ((94, 96), (94, 96), (94, 96))),
    ],
)
def test_coverage_of_the_average(size, change, bands) -> None:
    """About 95 % from 24 weeks on, or 40 where weeks are much alike; fewer weeks cannot tell how alike they are."""
    for alike, (low, high) in zip((0, 0.3, 0.5), bands, strict=True):
        values = series(np.random.default_rng([size, change]), size, change, alike, 8000)
        found = np.round(100 * dense_hits(values, change).mean(axis=0))
        assert (found >= low).all(), (alike, found)
        assert (found <= high).all(), (alike, found)


@pytest.mark.parametrize(
    ("size", "alike", "least"), [(16, 0.3, 0.92), (24, 0, 0.94), (40, 0.3, 0.94), (104, 0.5, 0.94)]
)
def test_intervals_cover(size, alike, least) -> None:
    """What `interruption` answers holds the truth in the runs in which the dense average does, all but one in 500."""
    change = size // 2
    truth = sought(size, change) @ TRUTH
    values = series(np.random.default_rng([size, change, 1]), size, change, alike, 1000)
    hits = []
    for run in values:
        _, low, high = told(interruption(run, change)).T
        hits.append((low <= truth) & (truth <= high))
    found = np.mean(hits, axis=0)
    assert (hits != dense_hits(values, change)).mean() < 0.002
    # The standard error of a share of 1000 runs is 0.7 points.
    assert (found >= least - 0.015).all(), found
    assert (found <= 0.975).all(), found


def test_likeness_that_lasts_is_not_allowed_for() -> None:
    """Half of the variance an AR(1) with .7, half independent: 88 to 92 %, as the module says, with many weeks too."""
    for size in (24, 104):
        rng = np.random.default_rng(size)
        slow = lfilter([1], [1, -0.7], rng.normal(0, np.sqrt(1 - 0.7**2), (8000, size + 50)), axis=1)[:, 50:]
        values = segments(size, size // 2) @ TRUTH + 0.03 * (slow + rng.normal(size=slow.shape))
        found = np.round(100 * dense_hits(values, size // 2).mean(axis=0))
        assert (found >= 88).all(), found
        assert (found <= 92).all(), found


def test_units_and_signs_do_not_matter() -> None:
    """Values × 1e9 or 1e-9, turned over or moved: the figures move with them, and the likeness stays."""
    values = series(np.random.default_rng(5))[0]
    found = interruption(values, 22)
    for factor, shift in ((1e9, 0.0), (1e-9, 0.0), (1.0, 10.0), (-1.0, 1.0)):
        other = interruption(factor * values + shift, 22)
        expected = factor * told(found)
        if factor < 0:
            expected = expected[:, [0, 2, 1]]
        np.testing.assert_allclose(told(other), expected, rtol=1e-9, atol=1e-11 * abs(factor))
        assert other.likeness == pytest.approx(found.likeness, abs=1e-9)
        np.testing.assert_allclose(other.fitted, factor * np.array(found.fitted) + shift, rtol=1e-9)


def test_the_lines_are_those_of_the_figures() -> None:
    """What is drawn ends where `last` says, and follows the slope before; the likeness is about that of the noise."""
    found = interruption(series(np.random.default_rng(6), 400, 150, alike=0.5)[0], 150)
    assert isinstance(found, Interruption)
    assert len(found.fitted) == len(found.expected) == 400
    assert found.fitted[-1] - found.expected[-1] == pytest.approx(found.last.value, abs=1e-12)
    assert found.fitted[150] - found.expected[150] == pytest.approx(found.level.value, abs=1e-12)
    assert np.diff(found.expected) == pytest.approx(found.before.value, abs=1e-12)
    assert found.likeness == pytest.approx(0.5, abs=0.1)


def test_more_confidence_is_wider() -> None:
    """50 % within 95 % within 99.9 %, each about the same mean."""
    values = series(np.random.default_rng(7))[0]
    half, usual, most = (told(interruption(values, 22, confidence)) for confidence in (0.5, 0.95, 0.999))
    assert (half[:, 0] == usual[:, 0]).all()
    assert (half[:, 0] == most[:, 0]).all()
    assert (most[:, 1] < usual[:, 1]).all()
    assert (usual[:, 1] < half[:, 1]).all()
    assert (half[:, 2] < usual[:, 2]).all()
    assert (usual[:, 2] < most[:, 2]).all()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_series_has_finite_intervals_or_a_reason(data) -> None:
    """Low below high, both finite, whatever the values; the mean lies between them."""
    value = st.floats(-1e6, 1e6, allow_subnormal=False) | st.sampled_from([0.0, 1.0])
    values = np.array(data.draw(st.lists(value, min_size=16, max_size=60)))
    found = interruption(values, data.draw(st.integers(8, values.size - 8)))
    if isinstance(found, Refused):
        assert "without any scatter" in found.reason
        return
    figures = told(found)
    assert np.isfinite(figures).all()
    assert (figures[:, 1] < figures[:, 2]).all()
    assert (figures[:, 1] <= figures[:, 0]).all()
    assert (figures[:, 0] <= figures[:, 2]).all()
    assert np.isfinite(found.fitted + found.expected).all()
    assert -1 < found.likeness < 1


def test_short_and_smooth_series_are_refused() -> None:
    """Fewer than 8 points on either side, and no scatter but up and down in turn, are refused; NaN is a fault."""
    values = series(np.random.default_rng(3))[0]
    for change in (-1, 7, 33, 60):
        assert isinstance(interruption(values, change), Refused)
    assert isinstance(interruption(values, 8), Interruption)
    assert isinstance(interruption(values, 32), Interruption)
    assert isinstance(interruption(segments(40, 20) @ np.array([0.5, 0.01, 0.1, 0.0]), 20), Refused)
    assert isinstance(interruption(np.zeros(40), 20), Refused)
    turns = segments(40, 20) @ TRUTH + 0.1 * (-1.0) ** np.arange(40)
    assert isinstance(interruption(turns, 20), Refused)
    turns[7] += 0.001
    assert isinstance(interruption(turns, 20), Interruption)
    with pytest.raises(ValueError):
        interruption(np.full(40, np.nan), 20)
    with pytest.raises(ValueError):
        interruption(np.ones((40, 1)), 20)
