"""Empirical-Bayes rates: the formula, a published data set, coverage, and ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from oversight.statistics.refused import Refused
from oversight.statistics.shrinkage import ShrunkenRates, ranks, rate_moments, shrunken_rates

# Efron and Morris 1975 (J Am Stat Assoc 70:311-319), table 1: hits in the first 45 at bats of 1970, and the average of
# the remaining season, for 18 players.
HITS = np.array([18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7])
SEASON = [0.346, 0.298, 0.276, 0.222, 0.273, 0.270, 0.263, 0.210, 0.269, 0.230, 0.264, 0.256, 0.303, 0.264, 0.226]
SEASON += [0.285, 0.316, 0.200]


def test_moments_of_equal_denominators() -> None:
    """With n equal, τ² is the variance of the rates less that of chance, times n / (n - 1)."""
    mean, between = rate_moments(HITS, np.full(18, 45))
    rates = HITS / 45
    assert mean == pytest.approx(rates.mean(), abs=1e-15)
    assert between == pytest.approx((rates.var(ddof=1) - mean * (1 - mean) / 45) * 45 / 44, abs=1e-15)


def test_published_batting_averages() -> None:
    """Shrunken averages of 18 players predict the rest of the season at least three times as well as their own."""
    rates = shrunken_rates(HITS, np.full(18, 45))
    assert isinstance(rates, ShrunkenRates)
    own = np.square(HITS / 45 - SEASON).sum()
    shrunken = np.square([unit.shrunken.value - rest for unit, rest in zip(rates.units, SEASON, strict=True)]).sum()
    # Efron and Morris: 3.50 for the James-Stein estimate.
    assert own / shrunken > 3


def test_formula_and_posterior() -> None:
    """Each rate is (o + μk) / (n + k), k = μ(1-μ)/τ² - 1; its interval that of a beta, widened as Jiang et al. say."""
    rng = np.random.default_rng(1)
    totals = rng.integers(5, 200, 40)
    counts = rng.binomial(totals, rng.beta(6, 5, 40))
    rates = shrunken_rates(counts, totals)

    def posterior(kept: list[int]) -> tuple[np.ndarray, np.ndarray, float]:
        """Mean and variance of every unit by the moments of some, and k."""
        mean, between = rate_moments(counts[kept], totals[kept])
        k = mean * (1 - mean) / between - 1
        found = beta(counts + mean * k, totals - counts + (1 - mean) * k)
        return found.mean(), found.var(), k

    value, known, strength = posterior(list(range(40)))
    without = [posterior([each for each in range(40) if each != unit]) for unit in range(40)]
    too_small = sum(known - variance for _, variance, _ in without) * 39 / 40
    variance = known + np.maximum(too_small, 0) + sum((mean - value) ** 2 for mean, _, _ in without) * 39 / 40
    worth = value * (1 - value) / variance - 1
    assert isinstance(rates, ShrunkenRates)
    assert rates.strength == pytest.approx(strength, abs=1e-12)
    ends = beta(value * worth, (1 - value) * worth).interval(0.95)
    assert [unit.shrunken.value for unit in rates.units] == pytest.approx(value.tolist(), abs=1e-12)
    assert [unit.shrunken.low for unit in rates.units] == pytest.approx(ends[0].tolist(), abs=1e-9)
    assert [unit.shrunken.high for unit in rates.units] == pytest.approx(ends[1].tolist(), abs=1e-9)


def test_strength_of_the_prior_is_recovered() -> None:
    """Units drawn from a beta distribution worth 7.3 cards give about 7.3 back."""
    rng = np.random.default_rng(2)
    totals = rng.integers(20, 300, 5000)
    rates = shrunken_rates(rng.binomial(totals, rng.beta(7.3 * 0.55, 7.3 * 0.45, 5000)), totals)
    assert isinstance(rates, ShrunkenRates)
    assert rates.strength == pytest.approx(7.3, rel=0.05)
    assert rates.mean == pytest.approx(0.55, abs=0.01)


@pytest.mark.parametrize(
    ("units", "shape", "cards", "runs"),
    [
        (10, (10, 8), (5, 200), 1500),
        (15, (5, 4), (5, 200), 1000),
        (20, (30, 24), (20, 100), 800),
        (60, (10, 8), (5, 200), 300),
    ],
)
def test_intervals_cover(units: int, shape: tuple[int, int], cards: tuple[int, int], runs: int) -> None:
    """95 % intervals hold the units' true rates in 94 to 96 %, of few units and many, alike or not."""
    rng = np.random.default_rng(3)
    hits = []
    for _ in range(runs):
        truth, totals = rng.beta(*shape, units), rng.integers(*cards, units)
        rates = shrunken_rates(rng.binomial(totals, truth), totals)
        if not isinstance(rates, Refused):
            hits.extend(unit.shrunken.low <= truth[unit.place] <= unit.shrunken.high for unit in rates.units)
    assert len(hits) > 0.95 * runs * units
    assert 0.94 <= np.mean(hits) <= 0.96, np.mean(hits)


@pytest.mark.parametrize(
    ("rates", "cards", "units"),
    [((0.001, 0.05, 0.9), (20, 200), 12), ((0.005, 0.9), (1, 15), 12), ((0.001, 0.9), (100, 200), 20)],
)
def test_intervals_hold_where_few_units_override_much(
    rates: tuple[float, ...], cards: tuple[int, int], units: int
) -> None:
    """Most units override next to nothing: their rates are held (beta alone: 23 to 50 %), and those of the few."""
    rng = np.random.default_rng(5)
    share = [0.85] + [0.15 / (len(rates) - 1)] * (len(rates) - 1)
    hits: dict[float, list[bool]] = {rate: [] for rate in rates}
    for _ in range(800):
        truth, totals = rng.choice(rates, units, p=share), rng.integers(cards[0], cards[1] + 1, units)
        found = shrunken_rates(rng.binomial(totals, truth), totals)
        for unit in () if isinstance(found, Refused) else found.units:
            made = unit.shrunken
            assert made.low <= made.value <= made.high
            hits[float(truth[unit.place])].append(made.low <= truth[unit.place] <= made.high)
    assert all(len(held) > 400 for held in hits.values())
    assert all(np.mean(held) >= 0.94 for held in hits.values()), {rate: np.mean(held) for rate, held in hits.items()}


def test_no_override_among_many_is_not_next_to_certain() -> None:
    """0 of 196, where a few other units override nearly all: up to 1.9 %, as of its own cards, not to 2 in 10^16."""
    counts = np.array([169, 0, 61, 0, 0, 0, 0, 100, 0, 0, 0, 1])
    totals = np.array([189, 196, 66, 158, 109, 142, 193, 106, 91, 91, 199, 111])
    rates = shrunken_rates(counts, totals)
    mirrored = shrunken_rates(totals - counts, totals)
    assert isinstance(rates, ShrunkenRates)
    assert isinstance(mirrored, ShrunkenRates)
    for one, other in zip(rates.units, mirrored.units, strict=True):
        if counts[one.place] == 0:
            assert one.shrunken.low == 0
            assert (one.shrunken.high, other.shrunken.low) == pytest.approx((one.own.high, other.own.low))
        assert one.shrunken.low == pytest.approx(1 - other.shrunken.high, abs=1e-9)
    without = shrunken_rates(np.append(counts, 0), np.append(totals, 0))
    assert isinstance(without, ShrunkenRates)
    assert (without.units[-1].shrunken.low, without.units[-1].shrunken.high) == (0, 1)


@st.composite
def mixtures(draw) -> tuple[list[int], list[int]]:
    """Counts and totals of units that override next to nothing, nearly all, or anything between; some have no card."""
    totals = draw(st.lists(st.integers(0, 200), min_size=10, max_size=30))
    few = st.integers(0, 1)
    counts = []
    for total in totals:
        kind = draw(st.sampled_from(["none", "none", "few", "most", "any"]))
        number = {"none": 0, "few": draw(few), "most": total - draw(few), "any": draw(st.integers(0, total))}[kind]
        counts.append(min(max(number, 0), total))
    return counts, totals


@settings(max_examples=300, deadline=None)
@given(mixtures())
def test_a_rate_lies_in_its_interval(units: tuple[list[int], list[int]]) -> None:
    """However the units are mixed."""
    rates = shrunken_rates(np.array(units[0]), np.array(units[1]))
    for unit in () if isinstance(rates, Refused) else rates.units:
        assert 0 <= unit.shrunken.low <= unit.shrunken.value <= unit.shrunken.high <= 1


def test_ranks_with_intervals() -> None:
    """Ranks run from the lowest rate to the highest, their intervals hold 95 % of true ranks, a seed repeats them."""
    rng = np.random.default_rng(4)
    hits = []
    for _ in range(60):
        truth, totals = rng.beta(5, 4, 40), rng.integers(5, 200, 40)
        rates = shrunken_rates(rng.binomial(totals, truth), totals)
        assert isinstance(rates, ShrunkenRates)
        found = ranks(rates, np.random.default_rng(1), draws=1000)
        true_rank = truth.argsort().argsort() + 1
        hits.extend(rank.rank.low <= true_rank[rank.place] <= rank.rank.high for rank in found)
    # Ranks are whole numbers, so an interval that holds 95 % of them holds a little more.
    assert 0.95 <= np.mean(hits) <= 0.98
    assert found == ranks(rates, np.random.default_rng(1), draws=1000)
    assert [rank.rank.value for rank in found] == sorted(rank.rank.value for rank in found)
    assert sum(rank.rank.value for rank in found) == pytest.approx(40 * 41 / 2)


def test_refusals_have_reasons() -> None:
    """Few units, units that differ by no more than chance, and units all at one end are refused in words."""
    totals = np.full(12, 40)
    assert isinstance(shrunken_rates(np.arange(9), np.full(9, 40)), Refused)
    alike = shrunken_rates(np.full(12, 20), totals)
    assert isinstance(alike, Refused)
    assert "50.0%" in alike.reason
    assert isinstance(shrunken_rates(np.repeat([0, 40], 6), totals), Refused)
    assert isinstance(shrunken_rates(np.zeros(12, np.int64), totals), Refused)
    with pytest.raises(ValueError):
        shrunken_rates(np.array([3]), np.array([2]))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=10, max_size=40))
def test_rates_lie_between_own_and_common(pairs) -> None:
    """A shrunken rate lies between the unit's own and the mean, inside its interval; without a card it is the mean."""
    counts = np.array([low for low, _ in pairs])
    totals = np.array([low + more for low, more in pairs])
    rates = shrunken_rates(counts, totals)
    if isinstance(rates, Refused):
        return
    for unit in rates.units:
        ends = sorted((rates.mean, unit.own.value if unit.own else rates.mean))
        assert ends[0] - 1e-12 <= unit.shrunken.value <= ends[1] + 1e-12
        assert 0 <= unit.shrunken.low <= unit.shrunken.value <= unit.shrunken.high <= 1
