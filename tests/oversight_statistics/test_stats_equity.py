"""Equity: the figures of fairlearn, intervals that hold, and small groups that nobody can work out."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.metrics import accuracy_score, roc_auc_score
from statsmodels.stats.proportion import confint_proportions_2indep

from oversight.proportions import Proportion, proportion, wilson
from oversight.statistics import two_proportions
from oversight.statistics.equity import EquityReport, Rate, equity
from oversight.statistics.equity_groups import Attribute, Cells, attribute, cells
from oversight.statistics.equity_models import (
    GroupFigure,
    ModelEquity,
    confusion_rates,
    model_equity,
)
from oversight.statistics.equity_responses import (
    GroupMedian,
    Standardised,
    median_equity,
    response_rates,
    standardised_equity,
)
from oversight.statistics.estimate import Estimate
from oversight.statistics.grouped_auroc import delong
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import protect


def _share(count: int, total: int) -> Proportion:
    """A share of something."""
    result = proportion(count, total)
    assert result is not None
    return result


def _reports(
    attributes: list[Attribute], rates: list[Rate] | tuple[Rate, ...], **options: object
) -> list[EquityReport]:
    """Reports that are not refused."""
    result = equity(attributes, rates, **options)
    assert not isinstance(result, Refused)
    return list(result)


def _population(rows: int, seed: int) -> tuple[list[Attribute], dict[str, np.ndarray]]:
    """Two attributes, risks, alerts and outcomes."""
    rng = np.random.default_rng(seed)
    sex, race = rng.choice(["f", "m"], rows), rng.choice(["a", "b", "c", "d"], rows, p=[0.6, 0.2, 0.15, 0.05])
    risk = rng.beta(1, 4, rows)
    outcome = rng.random(rows) < np.where(race == "c", risk * 0.7, risk)
    columns = {"sex": sex, "race": race, "risk": risk, "outcome": outcome, "alerted": risk > 0.3}
    return [attribute("sex", sex.tolist()), attribute("race", race.tolist())], columns


def test_the_first_example_of_two_shares():
    """Newcombe 1998 (Stat Med 17:873), table II (a): 56/70 − 48/80, method 10: .0524 to .3339."""
    result = two_proportions.difference(_share(56, 70), _share(48, 80))
    assert [round(each, 4) for each in (result.value, result.low, result.high)] == [0.2, 0.0524, 0.3339]


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60), st.integers(1, 60))
def test_differences_and_ratios_are_those_of_statsmodels(a, n, b, m):
    """Newcombe's and Katz's intervals; a ratio with an empty count is refused."""
    assume(a <= n and b <= m)
    first, second = _share(a, n), _share(b, m)
    gap = two_proportions.difference(first, second)
    oracle = confint_proportions_2indep(a, n, b, m, method="newcomb", compare="diff")
    assert (gap.low, gap.high) == pytest.approx(oracle, abs=1e-9)
    ratio = two_proportions.ratio(first, second)
    if not a or not b:
        assert isinstance(ratio, Refused)
        return
    assert isinstance(ratio, Estimate)
    oracle = confint_proportions_2indep(a, n, b, m, method="log", compare="ratio")
    assert (ratio.low, ratio.high) == pytest.approx(oracle, rel=1e-9)


def test_every_rate_group_and_spread_equals_fairlearn():
    """All rates of a model by two attributes and their intersections, differences and ratios."""
    attributes, data = _population(20_000, 1)
    reports = {each.name: each for each in _reports(attributes, confusion_rates(data["outcome"], data["alerted"]))}
    oracles = {
        "TPR": (fairlearn.true_positive_rate, False),
        "FPR": (fairlearn.false_positive_rate, False),
        "PPV": (fairlearn.true_positive_rate, True),
        "NPV": (fairlearn.true_negative_rate, True),
        "selection rate": (fairlearn.selection_rate, False),
        "TNR": (fairlearn.true_negative_rate, False),
        "FNR": (fairlearn.false_negative_rate, False),
        "accuracy": (accuracy_score, False),
        "event rate": (fairlearn.selection_rate, True),
    }
    assert set(oracles) == set(reports)
    for name, (metric, swapped) in oracles.items():
        truth, called = (data["alerted"], data["outcome"]) if swapped else (data["outcome"], data["alerted"])
        spreads = {each.attributes: each for each in reports[name].spreads}
        rates = {each.group: each.rate for each in reports[name].groups}
        for names in (("sex",), ("race",), ("sex", "race")):
            frame = fairlearn.MetricFrame(
                metrics=metric,
                y_true=truth,
                y_pred=called,
                sensitive_features=pd.DataFrame({each: data[each] for each in names}),
            )
            for label, value in frame.by_group.items():
                labels = label if isinstance(label, tuple) else (label,)
                rate = rates[tuple(zip(names, labels, strict=True))]
                assert isinstance(rate, Proportion)
                assert rate.value == pytest.approx(value, abs=1e-9)
            spread = spreads[names]
            assert (spread.difference, spread.ratio, spread.difference_to_overall, spread.ratio_to_overall) == (
                pytest.approx(
                    (
                        frame.difference(),
                        frame.ratio(),
                        frame.difference(method="to_overall"),
                        frame.ratio(method="to_overall"),
                    ),
                    abs=1e-9,
                )
            )
            overall = reports[name].overall.rate
            assert isinstance(overall, Proportion)
            assert overall.value == pytest.approx(frame.overall, abs=1e-9)


def test_the_reference_is_the_largest_group_of_the_same_attributes():
    """Each other group has its difference and ratio to it; it has none itself."""
    attributes, data = _population(5000, 2)
    (report,) = _reports(attributes, [Rate("selection rate", data["alerted"])])
    by_group = {each.group: each for each in report.groups}
    reference, other = by_group[(("race", "a"),)], by_group[(("race", "b"),)]
    assert (reference.reference, reference.difference, reference.ratio) == (True, None, None)
    assert isinstance(other.rate, Proportion)
    assert isinstance(reference.rate, Proportion)
    assert other.difference == two_proportions.difference(other.rate, reference.rate)


def test_a_missing_attribute_is_a_group():
    """Nobody is left out, so groups add up to everybody."""
    (report,) = _reports([attribute("race", ["a"] * 30 + [None] * 20)], [Rate("x", np.arange(50) % 2 == 0)])
    assert [(each.group, each.rate.total) for each in report.groups if isinstance(each.rate, Proportion)] == [
        ((("race", "a"),), 30),
        ((("race", "unknown"),), 20),
    ]


def test_a_small_group_takes_the_next_one_along():
    """Five of 600: with the total shown, another group must be hidden too; it is the smaller one."""
    (report,) = _reports(
        [attribute("race", ["a"] * 5 + ["b"] * 95 + ["c"] * 500)], [Rate("x", np.arange(600) % 3 == 0)]
    )
    shown = {each.group[0][1]: isinstance(each.rate, Proportion) for each in report.groups}
    assert shown == {"a": False, "b": False, "c": True}
    assert isinstance(report.overall.rate, Proportion)
    assert report.spreads[0].groups_hidden == 2
    hidden = next(each for each in report.groups if each.group[0][1] == "a")
    assert (hidden.difference, hidden.ratio, hidden.reference) == (None, None, False)


def test_a_group_is_hidden_in_all_rates_of_a_report():
    """Forty shown, five answered: the silent thirty-five would tell the five."""
    groups = attribute("race", ["a"] * 40 + ["b"] * 400 + ["c"] * 400)
    answered = np.array([True] * 5 + [False] * 35 + [True, False] * 400)
    rates = response_rates(answered, np.zeros(840, dtype=bool), np.ones(840, dtype=bool))
    for report in _reports([groups], rates):
        assert {each.group[0][1] for each in report.groups if isinstance(each.rate, Refused)} >= {"a"}


def test_few_cases_are_hidden_where_it_is_asked_for():
    """Three cases of 300 are shown within the house, and hidden in what leaves it."""
    groups = [attribute("race", ["a"] * 300 + ["b"] * 300 + ["c"] * 300)]
    cases = np.concatenate([np.arange(300) < 3, np.arange(300) < 100, np.arange(300) < 120])
    (inside,), (outside,) = (_reports(groups, [Rate("x", cases)], hide_small_cases=each) for each in (False, True))
    assert [isinstance(each.rate, Proportion) for each in inside.groups] == [True, True, True]
    assert [isinstance(each.rate, Proportion) for each in outside.groups] == [False, False, True]


def test_how_a_hidden_count_is_printed():
    """As "<11" only where that is true of all that is hidden; one word for all in any case."""
    races = ["a"] * 5 + ["b"] * 9 + ["c"] * 500
    (small,) = _reports([attribute("race", races)], [Rate("x", np.ones(514, dtype=bool))])
    (large,) = _reports([attribute("race", races[5:])], [Rate("x", np.ones(509, dtype=bool))])
    assert (small.hidden_as, large.hidden_as) == ("<11", "hidden")


def _table(counts: np.ndarray) -> tuple[Cells, np.ndarray]:
    """A table with these counts in its finest intersection, and the counts of all its cells."""
    rows = np.repeat(np.arange(counts.size), counts.ravel())
    codes = np.unravel_index(rows, counts.shape)
    attributes = [
        Attribute(str(place), tuple(map(str, range(size))), code.astype(np.int64))
        for place, (size, code) in enumerate(zip(counts.shape, codes, strict=True))
    ]
    table = cells(attributes)
    assert isinstance(table, Cells)
    return table, table.count().astype(np.int64)


_COUNTS = st.one_of(st.just(0), st.integers(1, 15), st.integers(11, 400))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from([(4,), (2, 3), (3, 4), (2, 2, 3)]), st.data())
def test_no_small_group_can_be_worked_out_by_differencing(shape, data):
    """A linear programme that knows every shown count and all sums cannot pin down a hidden small one."""
    finest = np.array(data.draw(st.lists(_COUNTS, min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))))
    assume(finest.sum() > 0)
    table, counts = _table(finest.reshape(shape))
    small = (counts > 0) & (counts < 11)
    hidden = protect(counts, small, table.lines)
    assert np.all(hidden[small])
    assert not np.any(hidden & (counts == 0))
    equations = np.zeros((len(table.lines), len(counts)))
    for row, line in zip(equations, table.lines, strict=True):
        row[line.parts] += 1
        row[line.total] -= 1
    # Empty cells are shown, so whoever differences knows that a hidden one holds at least one.
    bounds = [(1, 1e5) if hide else (count, count) for count, hide in zip(counts, hidden, strict=True)]
    for cell in np.flatnonzero(small):
        aim = np.zeros(len(counts))
        aim[cell] = 1
        least, most = (
            sign * linprog(sign * aim, A_eq=equations, b_eq=np.zeros(len(equations)), bounds=bounds).fun
            for sign in (1, -1)
        )
        assert most - least > 0.5


def test_two_tens_are_not_given_away_by_their_sum():
    """Two hidden groups of ten show twenty in all; with a third beside them nobody can tell."""
    table, counts = _table(np.array([10, 10, 50, 90]))
    hidden = protect(counts, (counts > 0) & (counts < 11), table.lines)
    assert hidden.tolist() == [False, True, True, True, False]


def test_nothing_is_hidden_without_need():
    """All groups large: all shown."""
    table, counts = _table(np.array([[20, 30], [40, 50]]))
    assert not protect(counts, counts < 11, table.lines).any()


def test_auroc_by_group_is_that_of_scikit_learn():
    """For everybody, each group and each intersection; the largest group is what others are compared with."""
    attributes, data = _population(8000, 3)
    result = model_equity(attributes, data["outcome"], data["alerted"], np.round(data["risk"], 2))
    assert isinstance(result, ModelEquity)
    risk = np.round(data["risk"], 2)
    for each in result.auroc:
        rows = np.ones(8000, dtype=bool)
        for name, label in each.group:
            rows &= data[name] == label
        assert isinstance(each.figure, Estimate)
        assert each.figure.value == pytest.approx(roc_auc_score(data["outcome"][rows], risk[rows]), abs=1e-9)
        assert each.rows == rows.sum()
    assert result.auroc[0].compared is None
    assert next(each for each in result.auroc if each.group == (("race", "a"),)).compared is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=4, max_size=60))
def test_the_variance_is_delongs(pairs):
    """Against the definition: the variances of the mean placements."""
    scores, events = np.array([each[0] for each in pairs], dtype=float), np.array([each[1] for each in pairs])
    assume(2 <= events.sum() <= len(events) - 2)
    wins = (scores[events][:, None] > scores[~events]) + 0.5 * (scores[events][:, None] == scores[~events])
    expected = wins.mean(1).var(ddof=1) / events.sum() + wins.mean(0).var(ddof=1) / (~events).sum()
    area, variance = delong(scores, events)
    assert (area[0], variance[0]) == pytest.approx((wins.mean(), expected), abs=1e-12)


def test_the_group_whose_risks_are_too_high_is_found():
    """Group c has 70 % of the events that are forecast: O:E .7, and its ratio to the largest group leaves out 1."""
    attributes, data = _population(40_000, 4)
    result = model_equity(attributes, data["outcome"], data["alerted"], data["risk"])
    assert isinstance(result, ModelEquity)
    ratios = {each.group: each for each in result.observed_expected}
    c, b = ratios[(("race", "c"),)], ratios[(("race", "b"),)]
    assert isinstance(c.figure, Estimate)
    assert c.figure.low < 0.7 < c.figure.high
    assert isinstance(c.compared, Estimate)
    assert isinstance(b.compared, Estimate)
    assert c.compared.high < 1
    assert b.compared.low < 1 < b.compared.high


def test_a_model_without_events_in_a_group_is_refused_there():
    """O:E and AUROC say why there is no figure; no NaN."""
    groups = [attribute("race", ["a"] * 100 + ["b"] * 100)]
    outcome = np.concatenate([np.arange(100) % 2 == 0, np.zeros(100, dtype=bool)])
    result = model_equity(groups, outcome, np.arange(200) % 4 < 2, np.linspace(0.1, 0.9, 200))
    assert isinstance(result, ModelEquity)
    for figures in (result.observed_expected, result.auroc):
        last: GroupFigure = figures[-1]
        assert isinstance(last.figure, Refused)
        assert last.compared is None
    assert isinstance(result.rates[0].groups[0].rate, Proportion)
    assert [each.group for each in result.rates[0].groups] == [(("race", "a"),)]


def _confounded(rng: np.random.Generator, rows: int, gap: float) -> tuple[list[Attribute], Rate, np.ndarray]:
    """Group b has higher risks, and overrides fall with risk; `gap` is the true difference at equal risk."""
    b = rng.random(rows) < 0.4
    stratum = rng.binomial(3, np.where(b, 0.7, 0.3))
    overridden = rng.random(rows) < np.array([0.8, 0.6, 0.4, 0.2])[stratum] + gap * b
    return [attribute("group", np.where(b, "b", "a").tolist())], Rate("override", overridden), stratum


def test_a_gap_that_is_only_one_of_risk_goes_when_risk_is_held_equal():
    """The crude rates differ by more than 20 points, the standardised ones by nothing."""
    attributes, rate, stratum = _confounded(np.random.default_rng(5), 20_000, 0)
    (report,) = _reports(attributes, [rate])
    crude = report.groups[1].difference
    assert isinstance(crude, Estimate)
    assert crude.high < -0.2
    (result,) = standardised_equity(attributes, rate, stratum, 4)
    assert isinstance(result, Standardised)
    assert result.difference is not None
    assert result.difference.low < 0 < result.difference.high
    assert result.covered == 1


@pytest.mark.parametrize(("rows", "gap"), [(300, 0.1), (1200, 0.1), (400, -0.15)])
def test_the_standardised_intervals_hold_the_truth(rows: int, gap: float) -> None:
    """94 to 96 % of 4000 intervals of the difference, and of both rates, hold what is true in the strata compared."""
    rng = np.random.default_rng(6)
    held = np.zeros(3)
    for _ in range(4000):
        attributes, rate, stratum = _confounded(rng, rows, gap)
        (result,) = standardised_equity(attributes, rate, stratum, 4)
        names, codes = attributes[0].labels, attributes[0].codes
        both = np.all([np.bincount(stratum[codes == code], minlength=4) >= 5 for code in (0, 1)], axis=0)
        weight = np.bincount(stratum, minlength=4) * both
        others = float(weight @ [0.8, 0.6, 0.4, 0.2] / weight.sum())
        ours, theirs = (
            others + gap * (name == "b") for name in (result.group[0][1], _other(result.group[0][1], names))
        )
        assert isinstance(result.rate, Estimate)
        assert result.difference is not None
        assert result.reference is not None
        pairs = ((result.difference, ours - theirs), (result.rate, ours), (result.reference, theirs))
        held += [each.low <= true <= each.high for each, true in pairs]
    assert np.all((held / 4000 >= 0.94) & (held / 4000 <= 0.96)), held / 4000


def _other(name: str, names: Sequence[str]) -> str:
    """The other of two groups."""
    return next(each for each in names if each != name)


def test_a_stratum_without_a_case_is_not_certain() -> None:
    """No override at all in a stratum: its Wilson interval counts, so the rate's end lies further than the others'."""
    groups = [attribute("group", (["a"] * 60 + ["b"] * 40) * 2)]
    cases = np.concatenate([np.arange(100) % 2 == 0, np.zeros(100, dtype=bool)])
    (result,) = standardised_equity(groups, Rate("x", cases), np.repeat([0, 1], 100), 2)
    assert isinstance(result.rate, Estimate)
    low, high = (wilson(count, 40) for count in (20, 0))
    assert result.rate.high == pytest.approx(0.25 + np.hypot(low[1] - 0.5, high[1]) / 2)
    assert result.rate.low == pytest.approx(0.25 - (0.5 - low[0]) / 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(5, 40), min_size=3, max_size=12), st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]))
def test_standardised_rates_lie_between_0_and_1(sizes: list[int], share: float) -> None:
    """Weights of many strata may add up to a little more than 1: a rate of all is 100 %, and no end lies beyond."""
    stratum = np.repeat(np.arange(len(sizes)), 2 * np.array(sizes))
    groups = [attribute("group", [name for size in sizes for name in "a" * size + "b" * size])]
    cases = np.random.default_rng(1).random(len(stratum)) < share
    (result,) = standardised_equity(groups, Rate("x", cases), stratum, len(sizes))
    for each in (result.rate, result.reference):
        assert isinstance(each, Estimate)
        assert 0 <= each.low <= each.value <= each.high <= 1


def test_a_rate_of_all_is_no_more_than_1() -> None:
    """These strata's weights add up to 1.0000000000000002."""
    sizes = np.array([18, 35, 9])
    weight = 2 * sizes / (2 * sizes).sum()
    assert float(weight @ np.ones(len(sizes))) > 1
    groups = [attribute("group", [name for size in sizes for name in "a" * size + "b" * size])]
    stratum = np.repeat(np.arange(len(sizes)), 2 * sizes)
    (result,) = standardised_equity(groups, Rate("x", np.ones(len(stratum), dtype=bool)), stratum, len(sizes))
    assert isinstance(result.rate, Estimate)
    assert result.rate.value == result.rate.high == 1


def test_groups_that_share_no_risks_are_not_compared():
    """All of the one group in the lowest stratum, all of the other in the highest."""
    groups = [attribute("group", ["a"] * 100 + ["b"] * 80)]
    (result,) = standardised_equity(groups, Rate("x", np.ones(180, dtype=bool)), np.repeat([0, 1], [100, 80]), 2)
    assert isinstance(result.rate, Refused)
    assert (result.difference, result.covered) == (None, 0)


def test_the_median_is_the_median():
    """Without strata it is numpy's, odd and even; those without an answer do not count."""
    for rows in (40, 41):
        values = np.random.default_rng(rows).lognormal(2, 1, rows)
        attributes = [attribute("group", ["a"] * (rows + 12))]
        everybody, group = median_equity(attributes, np.concatenate([values, np.full(12, np.nan)]))
        assert isinstance(everybody, GroupMedian)
        assert isinstance(group.median, Estimate)
        assert group.median.value == pytest.approx(np.median(values))
        assert (group.rows, group.covered) == (rows, 1)


def test_slower_only_because_of_risk_is_not_slower_at_equal_risk():
    """Low risks are answered later; group b has more of them. Its standardised median is that of group a."""
    rng = np.random.default_rng(8)
    b = rng.random(40_000) < 0.5
    level = rng.binomial(1, np.where(b, 0.2, 0.8))
    seconds = rng.lognormal(np.where(level == 1, 1.0, 2.0), 0.3)
    attributes = [attribute("group", np.where(b, "b", "a").tolist())]
    crude, even = median_equity(attributes, seconds), median_equity(attributes, seconds, level, 2)
    assert not isinstance(crude, Refused)
    assert not isinstance(even, Refused)
    before, after = (
        [each.median.value for each in side[1:] if isinstance(each.median, Estimate)] for side in (crude, even)
    )
    assert before[1] > 1.8 * before[0]
    assert after[1] == pytest.approx(after[0], rel=0.05)


def test_what_cannot_be_had_is_refused():
    """No answers, no rows, too many groups; small groups of answers are hidden."""
    assert isinstance(median_equity([attribute("g", ["a", "b"])], np.array([np.nan, np.nan])), Refused)
    assert isinstance(cells([attribute("g", [])]), Refused)
    many = [attribute(name, [str(each % 40) for each in range(400)]) for name in ("g", "h")]
    assert isinstance(equity(many, [Rate("x", np.ones(400, dtype=bool))]), Refused)
    result = median_equity([attribute("g", ["a"] * 5 + ["b"] * 50 + ["c"] * 60)], np.arange(115.0))
    assert not isinstance(result, Refused)
    assert [isinstance(each.median, Refused) for each in result] == [False, True, True, False]
    with pytest.raises(ValueError, match="same rows"):
        cells([])


def test_a_million_rows_cost_as_much_as_sorting_them_a_few_times():
    """All model figures by two attributes and their intersections, and all response figures; processor time.

    Seven times as much in fact, a quarter of the page's three seconds: nothing depends on this machine's speed.
    """
    attributes, data = _population(1_000_000, 9)
    answered = data["alerted"] & (np.arange(1_000_000) % 3 > 0)
    accepted = answered & (np.arange(1_000_000) % 2 > 0)
    seconds = np.where(answered, data["risk"] * 100, np.nan)
    stratum = np.minimum((data["risk"] * 10).astype(np.int64), 9)
    begun = time.process_time()
    np.argsort(data["risk"], kind="stable")
    sorted_at = time.process_time()
    rates = response_rates(answered & ~accepted, accepted, data["alerted"])
    results = [
        model_equity(attributes, data["outcome"], data["alerted"], data["risk"]),
        equity(attributes, rates),
        standardised_equity(attributes, rates[0], stratum, 10),
        median_equity(attributes, seconds, stratum, 10),
    ]
    assert time.process_time() - sorted_at < 30 * (sorted_at - begun)
    assert not any(isinstance(each, Refused) for each in results)
