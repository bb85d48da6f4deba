"""Control charts against published figures, run lengths of the rules, and how soon a shift is found."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.statistics.change_points import change_points
from oversight.statistics.control_charts import Basis, ControlChart, Judged, laney_chart, phase_starts
from oversight.statistics.g_charts import Limits, g_chart
from oversight.statistics.refused import Refused
from oversight.statistics.rules import DEFAULT, NHS, WESTERN_ELECTRIC, Rule, signals

# Mohammed et al. 2013 (BMJ Qual Saf 22:362-368): attendances at NHS accident departments seen within four hours, in
# twenty weeks. The limits were computed in R by Laney's method.
SEEN = [266501, 264225, 276532, 281461, 269071, 261215, 270409, 279778, 270483, 270320]
SEEN += [267923, 271478, 255353, 256820, 261835, 259144, 255910, 260863, 264465, 260989]
CAME = [280443, 276823, 291681, 296155, 282343, 275888, 283867, 295251, 284468, 282529]
CAME += [279618, 283932, 266629, 268091, 276803, 271578, 266005, 273520, 278574, 273772]
HIGH = [0.96567, 0.965753, 0.965421, 0.965326, 0.965627, 0.965775, 0.965593, 0.965345, 0.965579, 0.965623]
HIGH += [0.965689, 0.965591, 0.965996, 0.965961, 0.965753, 0.965877, 0.966012, 0.96583, 0.965713, 0.965824]
LOW = [0.94013, 0.940046, 0.940378, 0.940473, 0.940173, 0.940025, 0.940207, 0.940454, 0.94022, 0.940177]
LOW += [0.940111, 0.940208, 0.939803, 0.939839, 0.940046, 0.939923, 0.939788, 0.939969, 0.940087, 0.939975]

# Surgeries between deaths (data `cabg` of the R package qicharts2); limits by Benneyan's formula.
SURGERIES = [23, 39, 15, 34, 1, 49, 98, 29, 27, 13, 45, 7, 10, 27, 24, 14, 20, 38, 44, 11, 10, 3, 113, 183, 3, 47, 18]
SURGERIES += [18, 33, 15, 2, 38, 27, 27, 1, 52, 23, 7, 26, 82, 5, 49, 5, 17, 24, 44, 26, 2, 27, 46, 55, 97, 22, 22]
SURGERIES += [20, 4, 60, 51, 7, 21, 66, 36, 25, 72, 15, 5, 3]


def judged(chart) -> list[Judged]:
    """What is said of the points that have limits."""
    assert isinstance(chart, ControlChart)
    return [point.judged for point in chart.points if point.judged]


def test_published_laney_chart() -> None:
    """Limits of twenty weeks of NHS data agree with R to its six decimals, and no week is a signal."""
    chart = laney_chart(np.array(SEEN), np.array(CAME))
    assert [each.high for each in judged(chart)] == pytest.approx(HIGH, abs=6e-7)
    assert [each.low for each in judged(chart)] == pytest.approx(LOW, abs=6e-7)
    assert isinstance(chart, ControlChart)
    assert chart.signals == ()
    basis = chart.phases[0].basis
    assert isinstance(basis, Basis)
    assert basis.centre == pytest.approx(sum(SEEN) / sum(CAME), abs=1e-15)
    # The plain p chart would call most of these weeks signals.
    assert basis.spread > 10


def test_published_g_chart() -> None:
    """Mean and 3σ limit of surgeries between deaths agree with Benneyan's formula as computed in R."""
    chart = g_chart(np.array(SURGERIES), limits=Limits.THREE_SIGMA)
    first = judged(chart)[0]
    assert first.high == pytest.approx(128.1749, abs=5e-5)
    assert first.low == 0
    assert first.centre == pytest.approx(np.mean(SURGERIES))
    assert isinstance(chart, ControlChart)
    assert [point.place for point in chart.signals if Rule.BEYOND_3_SIGMA in point.judged.rules] == [23]


@pytest.mark.parametrize(
    ("rules", "published"),
    [
        ((Rule.BEYOND_3_SIGMA,), 370.40),
        (DEFAULT, 225.44),
        ((Rule.BEYOND_3_SIGMA, Rule.FOUR_OF_FIVE), 166.05),
        ((Rule.BEYOND_3_SIGMA, Rule.EIGHT_ON_ONE_SIDE), 152.73),
        (WESTERN_ELECTRIC, 91.75),
    ],
)
def test_published_run_lengths(rules, published) -> None:
    """Mean in-control run lengths are those of Champ and Woodall 1987, to 3.5 %; that of the default is above 200."""
    rng = np.random.default_rng(2)
    lengths = []
    for _ in range(8):
        z = rng.standard_normal((1000, 3000))
        flags = np.logical_or.reduce(list(signals(z, rules).values()))
        lengths.append(np.where(flags.any(axis=1), flags.argmax(axis=1) + 1, 3000))
    assert np.mean(lengths) == pytest.approx(published, rel=0.035)
    assert rules != DEFAULT or np.mean(lengths) >= 200


@pytest.mark.parametrize(
    ("rule", "z", "expected"),
    [
        (Rule.BEYOND_3_SIGMA, [0, 3.1, -3.1, 3, 0], [1, 2]),
        (Rule.TWO_OF_THREE, [2.1, 0, 2.1, 0, 0, -2.1, 2.1, -2.5], [2, 7]),
        (Rule.FOUR_OF_FIVE, [1.1, 1.1, 0, 1.1, 1.1, 1.1, -1.1, 0], [4, 5]),
        (Rule.EIGHT_ON_ONE_SIDE, [0.1] * 9 + [-0.1] * 7, [7, 8]),
        (Rule.SEVEN_ON_ONE_SIDE, [0.1] * 3 + [0] + [-0.1] * 7, [10]),
        (Rule.SEVEN_RISING_OR_FALLING, [0, 0, 1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1, 0], [7, 14]),
    ],
)
def test_each_rule(rule, z, expected) -> None:
    """Each rule flags the points at which its pattern ends, on one side only."""
    assert np.flatnonzero(signals(np.array(z, float), (rule,))[rule]).tolist() == expected
    assert rule in {*WESTERN_ELECTRIC, *NHS}


def test_a_shift_of_ten_points_is_found_in_four_weeks() -> None:
    """200 cards a week, 52 weeks as baseline, then 10 points more: found within 4 weeks in at least 95 % of runs."""
    rng = np.random.default_rng(3)
    totals = np.full(56, 200)
    found = 0
    for _ in range(1500):
        counts = rng.binomial(totals, np.repeat([0.5, 0.6], [52, 4]))
        chart = laney_chart(counts, totals, baseline=52)
        assert isinstance(chart, ControlChart)
        found += any(point.place >= 52 for point in chart.signals)
    assert found / 1500 >= 0.95


def test_phases_have_limits_of_their_own() -> None:
    """Each phase is judged as if it stood alone; a short one is refused, and its points are shown without limits."""
    rng = np.random.default_rng(4)
    totals = rng.integers(100, 300, 40)
    counts = rng.binomial(totals, np.repeat([0.4, 0.7, 0.5], [20, 15, 5]))
    chart = laney_chart(counts, totals, starts=(20, 35))
    assert isinstance(chart, ControlChart)
    for first, after in ((0, 20), (20, 35)):
        alone = laney_chart(counts[first:after], totals[first:after])
        assert judged(alone) == [point.judged for point in chart.points[first:after]]
    assert [(phase.first, phase.last) for phase in chart.phases] == [(0, 19), (20, 34), (35, 39)]
    assert isinstance(chart.phases[2].basis, Refused)
    assert [point.judged for point in chart.points[35:]] == [None] * 5
    assert len(chart.points) == 40


def test_phases_begin_at_change_dates() -> None:
    """A change in the middle of a week starts a phase with the next week; one outside the series starts none."""
    weeks = [date(2026, 1, 5) + timedelta(weeks=week) for week in range(10)]
    changes = (date(2026, 1, 26), date(2026, 2, 11), date(2025, 1, 1), date(2027, 1, 1))
    assert phase_starts(weeks, changes) == (3, 6)


def test_spread_of_one_is_the_p_chart() -> None:
    """Limits are those of the p chart times the spread, and weeks without cards have no point."""
    rng = np.random.default_rng(5)
    totals = rng.integers(50, 400, 30)
    totals[7] = 0
    counts = rng.binomial(totals, 0.45)
    chart = laney_chart(counts, totals)
    assert isinstance(chart, ControlChart)
    basis = chart.phases[0].basis
    assert isinstance(basis, Basis)
    assert chart.empty == (7,)
    assert 7 not in [point.place for point in chart.points]
    plain = 3 * np.sqrt(basis.centre * (1 - basis.centre) / totals[totals > 0])
    reach = np.array([each.high - each.centre for each in judged(chart)])
    np.testing.assert_allclose(reach, plain * basis.spread, atol=1e-12)
    many = laney_chart(rng.binomial(300, 0.45, 20_000), np.full(20_000, 300))
    assert isinstance(many, ControlChart)
    assert isinstance(many.phases[0].basis, Basis)
    assert many.phases[0].basis.spread == pytest.approx(1, abs=0.02)


def test_charts_without_limits_are_refused() -> None:
    """Too few points, and nothing that varies, are refused with a reason."""
    for counts, totals in (([5] * 7, [10] * 7), ([0] * 9, [10] * 9), ([5] * 9, [10] * 9), ([], [])):
        chart = laney_chart(np.array(counts, np.int64), np.array(totals, np.int64))
        assert isinstance(chart, Refused)
        assert chart.reason
    assert isinstance(g_chart(np.arange(5)), Refused)
    assert isinstance(g_chart(np.zeros(9, np.int64)), Refused)
    with pytest.raises(ValueError):
        laney_chart(np.array([3]), np.array([2]))
    with pytest.raises(ValueError):
        g_chart(np.array([-1]))


def test_g_chart_limits_are_probabilities() -> None:
    """By default .135 % of in-control gaps lie above the upper limit, and a cluster of harms is a signal."""
    rng = np.random.default_rng(6)
    gaps = rng.geometric(1 / 101, 100_000) - 1
    chart = g_chart(gaps)
    assert isinstance(chart, ControlChart)
    above = [point for point in chart.points if point.judged and point.value > point.judged.high]
    assert len(above) / 100_000 == pytest.approx(0.00135, abs=0.0004)
    assert all(Rule.BEYOND_3_SIGMA in point.judged.rules for point in above if point.judged)
    assert np.std([each.z for each in judged(chart)]) == pytest.approx(1, abs=0.01)
    assert np.median(gaps) == pytest.approx(judged(chart)[0].centre, abs=1)
    assert isinstance(chart.phases[0].basis, Basis)
    assert chart.phases[0].basis.spread == pytest.approx(1, abs=0.02)
    harms = g_chart(np.concatenate((gaps[:30], [1, 0])))
    assert isinstance(harms, ControlChart)
    assert harms.signals[-1].place == 31


def test_change_point_is_found_where_it_is() -> None:
    """10 points up at week 22 of 34, 200 cards a week: found within two weeks of its place in at least 95 % of runs."""
    rng = np.random.default_rng(7)
    totals, found = np.full(34, 200), 0
    for _ in range(300):
        changes = change_points(rng.binomial(totals, np.repeat([0.5, 0.6], [22, 12])), totals, rng)
        assert not isinstance(changes, Refused)
        found += any(abs(change.place - 22) <= 2 for change in changes)
    assert found / 300 >= 0.95


def test_change_points_of_nothing() -> None:
    """Weeks that differ by more than chance, without a change: at most 3 % of 400 series have a change point."""
    rng = np.random.default_rng(8)
    totals, said = np.full(20, 300), 0
    for _ in range(400):
        changes = change_points(rng.binomial(totals, rng.beta(60, 50, 20)), totals, rng, permutations=199)
        said += bool(changes)
    assert said / 400 <= 0.03


def test_change_points_are_split_and_repeatable() -> None:
    """Two changes are both found with the rates between them, the same again from the same seed; empty weeks pass."""
    totals = np.full(40, 400)
    totals[5] = 0
    counts = np.random.default_rng(9).binomial(totals, np.repeat([0.4, 0.6, 0.45], [15, 13, 12]))
    first, second = (change_points(counts, totals, np.random.default_rng(1)) for _ in range(2))
    assert first == second
    assert not isinstance(first, Refused)
    assert [change.place for change in first] == [15, 28]
    assert first[0].after == first[1].before
    assert first[0].before.total == 400 * 14
    assert isinstance(change_points(counts[:5], totals[:5], np.random.default_rng(1)), Refused)
    assert isinstance(change_points(counts, totals, np.random.default_rng(1), permutations=50), Refused)
    with pytest.raises(ValueError):
        change_points(totals + 1, totals, np.random.default_rng(1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=0, max_size=40), st.integers(0, 2**31))
def test_any_series_gives_numbers_or_a_refusal(pairs, seed) -> None:
    """No series makes a chart or a search fail, or say NaN."""
    totals = np.array([low + more for low, more in pairs], np.int64)
    counts = np.array([low for low, _ in pairs], np.int64)
    for chart in (laney_chart(counts, totals, (10,), {*WESTERN_ELECTRIC, *NHS}), g_chart(counts, (10,))):
        if isinstance(chart, ControlChart):
            assert all(np.isfinite((each.low, each.high, each.z)).all() for each in judged(chart))
    changes = change_points(counts, totals, np.random.default_rng(seed), permutations=99)
    assert isinstance(changes, Refused) or all(0 < change.p_value <= 0.01 for change in changes)
