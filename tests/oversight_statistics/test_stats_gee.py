"""GEE on counts equals GEE on cards, and its intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from oversight.statistics.adjusted import AdjustedEffect, adjusted_effect
from oversight.statistics.cards import AnsweredCards, tabulate
from oversight.statistics.gee import GeeFit, GroupedOutcomes, Working, fit_gee
from oversight.statistics.refused import Refused


def cards_of(rng, cards=4000, clinicians=50, units=5, strata=3, effect=-0.3):
    """Cards of clinicians who differ, in units that differ; clinicians have unequal numbers of cards."""
    who = rng.choice(clinicians, cards, p=rng.dirichlet(np.full(clinicians, 2.0)))
    unit, stratum, later = rng.integers(0, units, cards), rng.integers(0, strata, cards), rng.integers(0, 2, cards)
    logit = 0.4 * unit - 0.3 * stratum + effect * later + rng.normal(0, 0.7, clinicians)[who]
    return AnsweredCards((rng.random(cards) < 1 / (1 + np.exp(-logit))).astype(int), later, unit, stratum, who)


def rows_of(cards):
    """A design row for each card: 1, units, strata, arm."""
    units = cards.unit[:, None] == np.arange(1, cards.unit.max() + 1)
    strata = cards.stratum[:, None] == np.arange(1, cards.stratum.max() + 1)
    return np.column_stack((np.ones(cards.unit.size), units, strata, cards.later)).astype(float)


@pytest.mark.parametrize(
    ("working", "structure"),
    [(Working.EXCHANGEABLE, sm.cov_struct.Exchangeable), (Working.INDEPENDENCE, sm.cov_struct.Independence)],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_statsmodels(working, structure, seed) -> None:
    """Coefficients, robust standard errors and correlation are those of statsmodels on single cards, to 1e-8."""
    cards = cards_of(np.random.default_rng(seed))
    covariance = structure()
    rows = rows_of(cards)
    oracle = sm.GEE(
        cards.overridden.astype(float),
        rows,
        groups=cards.clinician,
        family=sm.families.Binomial(),
        cov_struct=covariance,
    ).fit(ctol=1e-12, maxiter=200)
    design, cell = np.unique(rows, axis=0, return_inverse=True)
    who = np.unique(cards.clinician, return_inverse=True)[1]
    fit = fit_gee(GroupedOutcomes(who, cell, np.ones_like(who), cards.overridden), design, working)
    assert isinstance(fit, GeeFit)
    np.testing.assert_allclose(fit.coefficients, oracle.params, atol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), oracle.bse, atol=1e-8)
    np.testing.assert_allclose(fit.covariance, oracle.cov_params(), atol=1e-8)
    if working is Working.EXCHANGEABLE:
        assert fit.correlation == pytest.approx(float(covariance.dep_params), abs=1e-8)
        assert fit.correlation > 0.02
    effect = adjusted_effect(tabulate(cards), working)
    assert isinstance(effect, AdjustedEffect)
    assert effect.log_odds.value == pytest.approx(oracle.params[-1], abs=1e-8)
    assert (effect.cards, effect.clinicians) == (4000, np.unique(who).size)
    assert effect.odds_ratio.value == pytest.approx(np.exp(oracle.params[-1]), abs=1e-7)


@pytest.mark.parametrize("clinicians", [10, 20, 60])
def test_interval_covers(clinicians) -> None:
    """95 % intervals of the log-odds hold the truth in 94 to 96 % of 2,000 simulations of alike cards.

    A card of a clinician has the probability m + .3 e √(m (1 - m)), e = ±1 by clinician: the marginal model holds
    exactly, and two cards of a clinician correlate by .09.
    """
    rng = np.random.default_rng(5)
    hits, runs, cards = 0, 2000, 40 * clinicians
    for _ in range(runs):
        who, unit, later = (rng.integers(0, each, cards) for each in (clinicians, 4, 2))
        mean = 1 / (1 + np.exp(-(-0.4 + 0.3 * unit - 0.25 * later)))
        chance = mean + 0.3 * rng.choice((-1, 1), clinicians)[who] * np.sqrt(mean * (1 - mean))
        answered = AnsweredCards((rng.random(cards) < chance).astype(int), later, unit, 0 * unit, who)
        effect = adjusted_effect(tabulate(answered))
        assert isinstance(effect, AdjustedEffect)
        hits += effect.log_odds.low <= -0.25 <= effect.log_odds.high
    assert 0.94 <= hits / runs <= 0.96, hits / runs


@pytest.mark.parametrize("working", list(Working))
def test_leaving_a_clinician_out_equals_mancl_and_derouen(working) -> None:
    """Residuals of each clinician times (I - H)^-1 give the score that moves the estimate, with whole matrices."""
    cards = cards_of(np.random.default_rng(4), cards=500, clinicians=20)
    rows = rows_of(cards)
    design, cell = np.unique(rows, axis=0, return_inverse=True)
    fit = fit_gee(GroupedOutcomes(cards.clinician, cell, np.ones_like(cell), cards.overridden), design, working)
    assert isinstance(fit, GeeFit)
    mean = 1 / (1 + np.exp(-rows @ fit.coefficients))
    root, parts = np.sqrt(mean * (1 - mean)), []
    for one in range(20):
        here = np.flatnonzero(cards.clinician == one)
        alike = np.full((here.size, here.size), fit.correlation) + (1 - fit.correlation) * np.eye(here.size)
        slope = (mean * (1 - mean))[here, None] * rows[here]
        parts.append((here, slope, np.linalg.inv(root[here, None] * alike * root[here])))
    bread = np.linalg.inv(sum(slope.T @ inverse @ slope for _, slope, inverse in parts))
    for one, (here, slope, inverse) in enumerate(parts):
        leverage = slope @ bread @ slope.T @ inverse
        residual = np.linalg.solve(np.eye(here.size) - leverage, (cards.overridden - mean)[here])
        np.testing.assert_allclose(fit.moved[one], bread @ slope.T @ inverse @ residual, atol=1e-7)


@pytest.mark.parametrize("working", list(Working))
@pytest.mark.parametrize("alone", [0, 4])
def test_leaving_out_the_only_clinician_of_a_unit(working, alone) -> None:
    """What they do to all else is as if their unit had no column: nothing is made of rounding. `alone` 0: the base."""
    cards = cards_of(np.random.default_rng(6), cards=900, clinicians=20)
    unit = np.where(cards.clinician == 7, alone, cards.unit % 4 if alone else 1 + cards.unit % 4)
    rows = rows_of(AnsweredCards(cards.overridden, cards.later, unit, cards.stratum, cards.clinician))
    others = rows_of(AnsweredCards(cards.overridden, cards.later, (unit - 1) % 5, cards.stratum, cards.clinician))
    fits = []
    for one in (rows, others):  # the same model with another unit as its base
        design, cell = np.unique(one, axis=0, return_inverse=True)
        fits.append(
            fit_gee(GroupedOutcomes(cards.clinician, cell, np.ones_like(cell), cards.overridden), design, working)
        )
    assert all(isinstance(fit, GeeFit) for fit in fits)
    first, second = (fit.moved[:, -1] for fit in fits)
    np.testing.assert_allclose(first, second, atol=1e-7)
    rest = cards.clinician != 7
    design, cell = np.unique(rows, axis=0, return_inverse=True)
    kept = np.unique(rows[rest], axis=0)
    assert np.linalg.matrix_rank(kept) == design.shape[1] - 1
    assert abs(first[7]) < 10 * np.median(np.abs(first))


def test_intervals_are_of_a_usual_width_where_a_unit_has_one_clinician() -> None:
    """Of 100 tables the widest interval is not three times the usual one (a bad inverse made it a hundred times)."""
    rng, widths = np.random.default_rng(11), []
    for _ in range(100):
        who, later = rng.integers(0, 20, 900), rng.integers(0, 2, 900)
        unit = np.where(who == 0, 4, who % 4)
        chance = 1 / (1 + np.exp(0.4 - 0.3 * (unit % 3) + 0.25 * later))
        overridden = (rng.random(900) < chance).astype(int)
        effect = adjusted_effect(tabulate(AnsweredCards(overridden, later, unit, 0 * unit, who)))
        assert isinstance(effect, AdjustedEffect)
        widths.append(effect.log_odds.high - effect.log_odds.low)
    assert max(widths) < 3 * np.median(widths)


def test_the_only_clinician_of_an_arm_moves_it_as_in_the_linear_form() -> None:
    """Without them there is no effect to compare with, so what they do to it cannot be left out: it is not 0."""
    rng = np.random.default_rng(12)
    who, unit = rng.integers(0, 12, 600), rng.integers(0, 3, 600)
    later = ((who == 5) & (rng.random(600) < 0.5)).astype(int)
    overridden = rng.integers(0, 2, 600)
    rows = rows_of(AnsweredCards(overridden, later, unit, 0 * unit, who))
    design, cell = np.unique(rows, axis=0, return_inverse=True)
    fit = fit_gee(GroupedOutcomes(who, cell, np.ones_like(cell), overridden), design, Working.INDEPENDENCE)
    assert isinstance(fit, GeeFit)
    assert np.isfinite(fit.moved).all()
    assert abs(fit.moved[5, -1]) > 0.01


def test_units_of_one_outcome_are_left_out() -> None:
    """A unit that overrides everything says nothing of the effect: it is named, and the rest gives the same effect."""
    rng = np.random.default_rng(8)
    cards = cards_of(rng)
    alike = AnsweredCards(
        np.where(cards.unit == 4, 1, cards.overridden), cards.later, cards.unit, cards.stratum, cards.clinician
    )
    rest = cards.unit < 4
    others = AnsweredCards(
        *(array[rest] for array in (cards.overridden, cards.later, cards.unit, cards.stratum, cards.clinician))
    )
    first, second = adjusted_effect(tabulate(alike)), adjusted_effect(tabulate(others))
    assert isinstance(first, AdjustedEffect)
    assert isinstance(second, AdjustedEffect)
    assert (first.units_left_out, first.strata_left_out) == ((4,), ())
    assert first.log_odds == second.log_odds


def test_redundant_groups_do_no_harm() -> None:
    """Where unit and stratum say the same, the effect is that of either alone."""
    cards = cards_of(np.random.default_rng(9))
    both = AnsweredCards(cards.overridden, cards.later, cards.unit, cards.unit, cards.clinician)
    one = AnsweredCards(cards.overridden, cards.later, cards.unit, 0 * cards.unit, cards.clinician)
    first, second = adjusted_effect(tabulate(both)), adjusted_effect(tabulate(one))
    assert isinstance(first, AdjustedEffect)
    assert isinstance(second, AdjustedEffect)
    assert first.log_odds.value == pytest.approx(second.log_odds.value, abs=1e-9)


def test_separation_is_refused() -> None:
    """Where the arm and a unit together tell the outcome without fail, there is a refusal and no number."""
    rng = np.random.default_rng(10)
    unit, later, who = rng.integers(0, 2, 600), rng.integers(0, 2, 600), rng.integers(0, 20, 600)
    cards = AnsweredCards((unit + later > 0).astype(int), later, unit, 0 * unit, who)
    assert isinstance(adjusted_effect(tabulate(cards)), Refused)
    group = np.arange(400) % 4
    outcomes = GroupedOutcomes(np.arange(400) % 20, group, np.ones(400, np.int64), (group > 1).astype(np.int64))
    for working in Working:
        fit = fit_gee(outcomes, np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]], float), working)
        assert isinstance(fit, Refused)


def test_single_cards_have_no_correlation() -> None:
    """Clinicians with one card each: the working correlation is 0."""
    rng = np.random.default_rng(12)
    later = rng.integers(0, 2, 500)
    cards = AnsweredCards(rng.integers(0, 2, 500), later, 0 * later, 0 * later, np.arange(500))
    effect = adjusted_effect(tabulate(cards))
    assert isinstance(effect, AdjustedEffect)
    assert effect.correlation == 0


def test_answers_without_any_difference_are_refused() -> None:
    """Every clinician answers every cell alike: nothing is left to make an interval of, and no root of rounding."""
    who = np.repeat(np.arange(30), 8)
    later, outcome = np.tile([0, 0, 0, 0, 1, 1, 1, 1], 30), np.tile([0, 1, 0, 1, 0, 1, 1, 1], 30)
    nobody = np.zeros_like(who)
    found = adjusted_effect(tabulate(AnsweredCards(outcome, later, nobody, nobody, who)))
    assert isinstance(found, Refused) or found.log_odds.high > found.log_odds.low
