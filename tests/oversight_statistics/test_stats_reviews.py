"""The review queue: what is drawn, how far reviewers agree, and the share among all overrides that comes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student
from statsmodels.stats.inter_rater import cohens_kappa

from oversight.statistics.adjudication import Standing, State, Verdict, standing, verdict_table
from oversight.statistics.kappa import Agreement, kappa
from oversight.statistics.refused import Refused
from oversight.statistics.review_share import ReviewShare, as_reviewed, review_share
from oversight.statistics.sampling import allocate, draw
from oversight.statistics.weighted_share import wilson_effective

YES, NO, UNSURE = Verdict.APPROPRIATE, Verdict.INAPPROPRIATE, Verdict.CANNOT_TELL


def test_the_example_of_two_raters():
    """Fleiss, Cohen and Everitt 1969: 200 cases, three categories, κ = .429."""
    result = kappa([[106, 10, 4], [22, 28, 10], [2, 12, 6]])
    assert isinstance(result, Agreement)
    assert round(result.kappa.value, 3) == 0.429
    assert (result.agreed.value, round(result.by_chance, 3)) == (0.7, 0.475)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=9, max_size=9))
def test_kappa_and_what_each_case_does_to_it_are_those_of_statsmodels(numbers):
    """Any table of three verdicts with 20 pairs and more than one verdict; the interval is Wilson's, made as wide."""
    table = np.array(numbers).reshape(3, 3)
    result = kappa(table)
    if table.sum() < 20 or any(table[each, each] == table.sum() for each in range(3)):
        assert isinstance(result, Refused)
        return
    assert isinstance(result, Agreement)
    value, number, variance = _kappa(table), int(table.sum()), 0.0
    assert result.kappa.value == pytest.approx(value, abs=1e-9)
    assert -1 <= result.kappa.low < result.kappa.high <= 1
    for place in np.argwhere(table).tolist():
        without = table.copy()
        without[tuple(place)] -= 1
        if not any(without[each, each] == without.sum() for each in range(3)):
            variance += (number - 1) / number * table[tuple(place)] * (_kappa(without) - value) ** 2
    variance *= (student.ppf(0.975, number - 1) / norm.ppf(0.975)) ** 2
    agreed, chance = np.trace(table) / number, result.by_chance
    worth = agreed * (1 - agreed) / ((1 - chance) ** 2 * variance) if variance > 1e-12 else number
    ends = wilson_effective(agreed, worth or number)
    assert result.kappa.low == pytest.approx(max(-1, (ends[0] - chance) / (1 - chance)), abs=1e-7)
    assert result.kappa.high == pytest.approx((ends[1] - chance) / (1 - chance), abs=1e-7)


def _kappa(table):
    """By statsmodels, where a variance of 0 may come out as -1e-17."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(cohens_kappa(table).kappa)


@pytest.mark.parametrize(
    ("cases", "true", "verdicts"),
    [
        (20, 0.6, (0.7, 0.3)),
        (40, 0.2, (0.7, 0.3)),
        (60, 0.6, (0.6, 0.3, 0.1)),
        (130, 0.8, (0.8, 0.2)),
        (130, 0.4, (0.75, 0.2, 0.05)),
        (500, 0.6, (0.7, 0.3)),
    ],
)
def test_the_interval_of_kappa_covers_the_truth(cases, true, verdicts):
    """In 94 to 96 % of 4000 reviews, of two verdicts or three."""
    shares = np.array(verdicts)
    table = true * np.diag(shares) + (1 - true) * np.outer(shares, shares)
    held = 0
    for counts in np.random.default_rng(2).multinomial(cases, table.ravel(), 4000):
        found = kappa(counts.reshape(table.shape))
        assert isinstance(found, Agreement)
        held += found.kappa.low <= true <= found.kappa.high
    assert 0.94 <= held / 4000 <= 0.96, held / 4000


def test_full_agreement_is_not_certainty():
    """Twenty equal pairs of two verdicts: κ = 1, and the interval reaches down."""
    result = kappa([[10, 0], [0, 10]])
    assert isinstance(result, Agreement)
    assert (result.kappa.value, result.kappa.high) == (1, 1)
    assert 0.5 < result.kappa.low < 0.8


def test_one_verdict_throughout_has_no_kappa():
    """Agreement by chance is complete then; nor have a few pairs one, nor a table that is not square."""
    assert isinstance(kappa([[50, 0], [0, 0]]), Refused)
    assert isinstance(kappa([[9, 0], [0, 10]]), Refused)
    with pytest.raises(ValueError, match="square"):
        kappa([[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(
    ("first", "second", "third", "expected"),
    [
        (None, YES, None, Standing(State.WAITING, None)),
        (YES, YES, None, Standing(State.AGREED, YES)),
        (YES, YES, NO, Standing(State.AGREED, YES)),
        (YES, NO, None, Standing(State.TO_ADJUDICATE, None)),
        (UNSURE, UNSURE, None, Standing(State.TO_ADJUDICATE, None)),
        (YES, UNSURE, NO, Standing(State.ADJUDICATED, NO)),
    ],
)
def test_a_third_reviewer_decides_where_two_do_not(first, second, third, expected):
    """Equal verdicts stand; different ones and "cannot tell" are adjudicated."""
    assert standing(first, second, third) == expected


def test_pairs_of_verdicts_become_a_table():
    """Rows are the first reviewer."""
    table = verdict_table([(YES, YES), (YES, NO), (UNSURE, NO)])
    assert table.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=8), st.integers(0, 200), st.integers(0, 10))
def test_an_allocation_adds_up(sizes, total, least):
    """As many as asked for or there are, at least the minimum of each stratum, never more than it holds."""
    stratum = np.array(sizes)
    drawn = allocate(stratum, total, least)
    minimum = np.minimum(stratum, least)
    assert np.all(drawn >= minimum)
    assert np.all(drawn <= stratum)
    assert drawn.sum() == max(minimum.sum(), min(total, stratum.sum()))


def test_the_rest_is_in_proportion():
    """100 of 800, 150 and 50 rows without a minimum."""
    assert allocate(np.array([800, 150, 50]), 100, 0).tolist() == [80, 15, 5]


def test_each_draw_keeps_its_probability():
    """Drawn of size, by stratum; no row twice; each row of a stratum is drawn equally often in the long run."""
    rng = np.random.default_rng(1)
    strata = np.array([0, 1, 0, 1, 1, 0, 0, 0, 0, 0])
    times = np.zeros(10)
    for _ in range(4000):
        plan = draw(strata, np.array([2, 1]), rng)
        times[plan.rows] += 1
        assert len(set(plan.rows.tolist())) == 3
    np.testing.assert_allclose(plan.probabilities, np.where(plan.strata == 0, 2 / 7, 1 / 3))
    np.testing.assert_allclose(times / 4000, np.where(strata == 0, 2 / 7, 1 / 3), atol=0.03)


def test_a_stratum_gives_no_more_than_it_holds():
    """Asking for more is an error of the caller."""
    with pytest.raises(ValueError, match="no stratum"):
        draw(np.array([0, 0, 1]), np.array([1, 2]), np.random.default_rng(1))


def test_the_weighted_share_by_hand():
    """Ten of 100 with 8 appropriate, ten of 900 with 2: (80 + 180) / 1000, where the unweighted share says .5."""
    appropriate = np.array([True] * 8 + [False] * 2 + [True] * 2 + [False] * 8)
    probabilities = np.repeat([0.1, 10 / 900], 10)
    result = review_share(appropriate, probabilities, np.repeat([0, 1], 10), 1000)
    assert isinstance(result, ReviewShare)
    assert (result.share.value, result.total) == pytest.approx((0.26, 260))
    variance = 0.1**2 * 0.9 * 0.16 / 9 + 0.9**2 * (1 - 1 / 90) * 0.16 / 9
    assert result.effective == pytest.approx(0.26 * 0.74 / variance)


@pytest.mark.parametrize("total", [150, 400])
def test_the_interval_holds_the_truth_as_often_as_it_says(total):
    """Four strata of 4000 overrides, rare ones drawn more often: 94 to 96 of 100 intervals, unweighted far fewer."""
    rng = np.random.default_rng(total)
    strata = np.repeat([0, 1, 2, 3], [2500, 1000, 400, 100])
    appropriate = rng.random(4000) < np.array([0.85, 0.6, 0.4, 0.2])[strata]
    truth, drawn = appropriate.mean(), np.array([total * 4 // 10, total // 4, total // 5, total * 3 // 20])
    held = near = 0
    runs = 4000
    for _ in range(runs):
        plan = draw(strata, drawn, rng)
        result = review_share(appropriate[plan.rows], plan.probabilities, plan.strata, 4000)
        assert isinstance(result, ReviewShare)
        held += result.share.low <= truth <= result.share.high
        near += abs(appropriate[plan.rows].mean() - truth) < (result.share.high - result.share.low) / 2
    assert 0.94 <= held / runs <= 0.96
    assert near / runs < 0.5


def test_cases_that_were_not_reviewed_change_the_probabilities():
    """Five of ten drawn were reviewed: each stands for twice as many."""
    np.testing.assert_allclose(as_reviewed(np.array([0] * 5 + [1] * 8), np.array([100, 80])), [0.05] * 5 + [0.1] * 8)


def test_a_full_census_is_certain():
    """All overrides reviewed: no sampling error is left."""
    result = review_share(np.arange(40) % 4 == 0, np.ones(40), np.zeros(40, dtype=np.int64), 40)
    assert isinstance(result, ReviewShare)
    assert (result.share.low, result.share.value, result.share.high) == (0.25, 0.25, 0.25)


def test_all_verdicts_alike_still_have_an_interval():
    """Thirty of thirty appropriate is not certainty."""
    result = review_share(np.ones(30, dtype=bool), np.full(30, 0.1), np.zeros(30, dtype=np.int64), 300)
    assert isinstance(result, ReviewShare)
    assert 0.85 < result.share.low < 0.9
    assert result.share.high == 1


def test_a_stratum_with_one_review_adds_to_the_error():
    """It has no spread of its own; its distance from the whole counts."""
    verdicts = np.array([True] * 10 + [False] * 9 + [False])
    alone = review_share(verdicts, np.full(20, 0.1), np.array([0] * 19 + [1]), 200)
    assert isinstance(alone, ReviewShare)
    assert alone.effective < 25


def test_few_reviews_are_refused():
    """Under ten; a probability of 0 is an error."""
    assert isinstance(review_share(np.ones(9, dtype=bool), np.ones(9), np.zeros(9, dtype=np.int64), 90), Refused)
    with pytest.raises(ValueError, match="above 0"):
        review_share(np.ones(20, dtype=bool), np.zeros(20), np.zeros(20, dtype=np.int64), 90)
