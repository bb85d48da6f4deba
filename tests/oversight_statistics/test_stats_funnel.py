"""Funnel limits: moments against statsmodels, and how many units like all others lie outside."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from oversight.statistics.funnel import Funnel, Position, between_variance, funnel
from oversight.statistics.refused import Refused


def test_between_variance_equals_dersimonian_laird() -> None:
    """Without drawing in, around the weighted mean, τ² is that of statsmodels to 1e-12."""
    rng = np.random.default_rng(1)
    errors = 1 / (2 * np.sqrt(rng.integers(20, 400, 30)))
    values = 0.8 + rng.normal(0, 0.1, 30) + rng.normal(0, errors)
    oracle = combine_effects(values, errors**2, method_re="chi2")
    centre = float((values / errors**2).sum() / (1 / errors**2).sum())
    _dispersion, between = between_variance(values, errors, centre, 0)
    assert between == pytest.approx(float(oracle.tau2), abs=1e-12)


def test_published_drawing_in() -> None:
    """As published, φ is the mean of the squared z scores drawn in to their 10 % and 90 % quantiles."""
    z = np.random.default_rng(2).standard_normal(200_000) * 2
    drawn = np.clip(z, *np.quantile(z, (0.1, 0.9)))
    published, _ = between_variance(z, np.ones_like(z), 0, 0.1, as_published=True)
    assert published == pytest.approx(float(np.square(drawn).mean()), abs=1e-12)
    corrected, between = between_variance(z, np.ones_like(z), 0, 0.1)
    assert corrected == pytest.approx(4, rel=0.02)
    assert between == pytest.approx(3, rel=0.02)


def test_limits_where_chance_explains_all() -> None:
    """With τ² = 0, limits around one half are ½ ± ½ sin(z / √n)."""
    counts = np.array([50, 100, 150, 200, 250, 300])
    plot = funnel(counts, 2 * counts)
    assert isinstance(plot, Funnel)
    assert (plot.common, plot.between) == (0.5, 0)
    for limits in plot.curve((11, 100, 1000)):
        for share, z in ((limits.high, 1.959964), (limits.high_alarm, 3.090232)):
            assert share == pytest.approx(0.5 + math.sin(min(z / math.sqrt(limits.total), math.pi / 2)) / 2, abs=1e-6)
        assert limits.low + limits.high == pytest.approx(1)
        assert 0 <= limits.low_alarm < limits.low


@pytest.mark.parametrize("apart", [0, 0.05, 0.15])
def test_units_like_all_others_stay_inside(apart) -> None:
    """Of units that differ as units do, 93.5 to 96.5 % lie inside the 95 % limits and 99 % inside the 99.8 % limits."""
    rng = np.random.default_rng(3)
    positions = []
    for _ in range(300):
        totals = rng.integers(15, 500, 40)
        share = np.sin(math.asin(math.sqrt(0.55)) + rng.normal(0, apart, 40)) ** 2
        plot = funnel(rng.binomial(totals, share), totals)
        assert isinstance(plot, Funnel)
        positions.extend(point.position for point in plot.points)
    inside = positions.count(Position.INSIDE) / len(positions)
    alarms = (positions.count(Position.VERY_HIGH) + positions.count(Position.VERY_LOW)) / len(positions)
    assert 0.935 <= inside <= 0.965, inside
    assert alarms <= 0.01


def test_an_outlier_is_found_on_its_side() -> None:
    """A unit far above and one far below the rest are alarms; they hardly widen the limits for the others."""
    rng = np.random.default_rng(4)
    totals = np.full(30, 200)
    share = np.sin(math.asin(math.sqrt(0.5)) + rng.normal(0, 0.04, 30)) ** 2
    share[3], share[9] = 0.85, 0.15
    plot = funnel(rng.binomial(totals, share), totals)
    assert isinstance(plot, Funnel)
    assert plot.points[3].position is Position.VERY_HIGH
    assert plot.points[9].position is Position.VERY_LOW
    assert sum(point.position is Position.INSIDE for point in plot.points) >= 25


def test_small_units_are_not_judged() -> None:
    """Units with fewer than 11 cards are drawn and not judged, those without a card are not drawn."""
    plot = funnel(np.array([10, 0, 30, 40, 35, 28, 44]), np.array([10, 0, 60, 80, 70, 60, 90]))
    assert isinstance(plot, Funnel)
    assert [point.place for point in plot.points] == [0, 2, 3, 4, 5, 6]
    assert plot.points[0].position is Position.TOO_FEW
    assert plot.judged == 5


def test_funnels_that_cannot_be_had() -> None:
    """Fewer than five units to judge, and units all at 0, are refused; a count above its total is a fault."""
    assert isinstance(funnel(np.array([5, 6, 7, 8]), np.full(4, 20)), Refused)
    assert isinstance(funnel(np.zeros(8, np.int64), np.full(8, 20)), Refused)
    with pytest.raises(ValueError):
        funnel(np.array([3]), np.array([2]))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=30))
def test_any_units_give_numbers_or_a_refusal(pairs) -> None:
    """Limits lie between 0 and 1 in order, and the position follows from z, whatever the counts."""
    counts = np.array([low for low, _ in pairs], np.int64)
    totals = np.array([low + more for low, more in pairs], np.int64)
    plot = funnel(counts, totals)
    for point in () if isinstance(plot, Refused) else plot.points:
        limits = point.limits
        assert 0 <= limits.low_alarm <= limits.low <= limits.high <= limits.high_alarm <= 1
        assert math.isfinite(point.z)
        if point.position in {Position.HIGH, Position.VERY_HIGH}:
            assert point.rate.value >= limits.high
