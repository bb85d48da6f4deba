"""Performance once outcomes are known, against published examples, scikit-learn and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.proportions import wilson
from oversight.statistics.bootstrap import draws
from oversight.statistics.calibration import calibration_line, intercept_in_the_large, observed_expected
from oversight.statistics.calibration_curve import calibration_curve
from oversight.statistics.discrimination import auroc, average_precision
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import Labelled, labelled
from oversight.statistics.lead_time import LeadTime, lead_time, median_interval
from oversight.statistics.logistic import LogisticFit, fit_logistic, robust_covariance
from oversight.statistics.operating_point import operating_point
from oversight.statistics.over_time import over_time
from oversight.statistics.performance import performance
from oversight.statistics.proper_scores import brier, log_loss
from oversight.statistics.refused import Refused
from oversight.statistics.risk_groups import coarse_risks
from oversight.statistics.utility import decision_curve, net_benefit
from oversight.statistics.weighted_share import Share, effective_rows, wilson_effective


def drawn(number: int, seed: int, slope: float = 1.0, ties: bool = True) -> Labelled:
    """Risks (with ties), outcomes with a calibration slope, and uneven weights."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-1.5, 1.2, number)
    risk = 1 / (1 + np.exp(-log_odds))
    happened = rng.random(number) < 1 / (1 + np.exp(-slope * log_odds))
    return labelled(happened, np.round(risk, 2) if ties else risk, rng.uniform(0.5, 3, number))


def unweighted(rows: Labelled) -> Labelled:
    """The same with every weight 1."""
    return labelled(rows.outcome, rows.risk)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_an_effective_number_is_newcombes(count: int, total: int, low: float, high: float) -> None:
    """Newcombe 1998, table I, method 3; and for whole numbers exactly the ledger's own Wilson interval."""
    assert wilson_effective(count / total, total) == pytest.approx((low, high), abs=5e-5)
    assert wilson_effective(count / total, total) == pytest.approx(wilson(count, total), abs=1e-14)


def test_areas_equal_a_worked_example() -> None:
    """scikit-learn's own example: risks .1 .4 .35 .8 of outcomes 0 0 1 1 give AUROC .75 and average precision .8333."""
    rows = labelled(np.tile([0, 0, 1, 1], 10), np.tile([0.1, 0.4, 0.35, 0.8], 10))
    one, other = auroc(rows), average_precision(rows)
    assert isinstance(one, Estimate)
    assert isinstance(other, Estimate)
    assert (one.value, other.value) == pytest.approx((0.75, 0.8333333), abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_weighted_figures_equal_scikit_learns(seed: int) -> None:
    """AUROC, average precision, Brier, log loss with ties and weights, to 1e-12."""
    from sklearn import metrics

    rows = drawn(1500, seed)
    data = {"sample_weight": rows.weight}
    got = [auroc(rows), average_precision(rows), brier(rows)]
    want = [
        metrics.roc_auc_score(rows.outcome, rows.risk, **data),
        metrics.average_precision_score(rows.outcome, rows.risk, **data),
        metrics.brier_score_loss(rows.outcome, rows.risk, **data),
    ]
    for one, other in zip(got, want, strict=True):
        assert isinstance(one, Estimate)
        assert one.value == pytest.approx(other, abs=1e-12)
        assert one.low < one.value < one.high
    loss = log_loss(rows)
    assert isinstance(loss, Estimate)
    assert loss.value == pytest.approx(metrics.log_loss(rows.outcome, rows.risk, **data), abs=1e-12)


def test_the_area_has_delongs_variance() -> None:
    """Against the definition: placements of each event among the others, pair by pair, one row at a time."""
    rows = unweighted(drawn(300, 3))
    ones, zeros = rows.risk[rows.outcome == 1], rows.risk[rows.outcome == 0]
    pairs = (ones[:, None] > zeros).astype(float) + 0.5 * (ones[:, None] == zeros)
    error = math.sqrt(np.var(pairs.mean(1), ddof=1) / len(ones) + np.var(pairs.mean(0), ddof=1) / len(zeros))
    area = auroc(rows)
    assert isinstance(area, Estimate)
    reach = (math.log(area.high / (1 - area.high)) - math.log(area.low / (1 - area.low))) / 2
    assert reach == pytest.approx(1.959963984540054 * error / (area.value * (1 - area.value)), rel=1e-9)


def test_the_area_of_a_perfect_ranking_keeps_an_interval() -> None:
    """An AUROC of 1 has no variance of its own, and is still not certain; with more rows it is more so."""
    lows = []
    for number in (10, 100):
        area = auroc(labelled([0] * number + [1] * number, [0.2] * number + [0.8] * number))
        assert isinstance(area, Estimate)
        assert (area.value, area.high) == (1.0, 1.0)
        lows.append(area.low)
    assert 0.7 < lows[0] < lows[1] < 1
    worst = auroc(labelled([1] * 10 + [0] * 10, [0.2] * 10 + [0.8] * 10))
    assert isinstance(worst, Estimate)
    assert (worst.value, worst.low) == (0.0, 0.0)
    assert worst.high == pytest.approx(1 - lows[0])


def test_a_perfect_ranking_has_no_interval_of_precision() -> None:
    """Average precision of 1: no replicate differs, so there is nothing to make an interval of."""
    rows = labelled([0] * 30 + [1] * 30, np.linspace(0.1, 0.9, 60))
    assert isinstance(average_precision(rows), Refused)


def test_repeated_rows_of_one_patient_do_not_narrow_an_interval() -> None:
    """Each row five times, clustered by patient, gives the interval of the single rows; unclustered a narrower one."""
    rows = unweighted(drawn(400, 5))
    repeated = labelled(np.repeat(rows.outcome, 5), np.repeat(rows.risk, 5))
    patients = np.repeat(np.arange(400), 5)
    for figure in (auroc, brier, log_loss, intercept_in_the_large):
        once, clustered, careless = figure(rows), figure(repeated, patients), figure(repeated)
        assert isinstance(once, Estimate)
        assert isinstance(clustered, Estimate)
        assert isinstance(careless, Estimate)
        assert clustered.high - clustered.low == pytest.approx(once.high - once.low, rel=0.12)
        assert careless.high - careless.low < 0.6 * (once.high - once.low)


@pytest.mark.parametrize("seed", range(3))
def test_calibration_equals_statsmodels(seed: int) -> None:
    """Slope, intercept, intercept in the large and their errors: Logit unweighted, GLM weighted, to 1e-8."""
    import statsmodels.api as sm

    rows = drawn(2000, seed, slope=0.7, ties=False)
    log_odds = np.log(rows.risk / (1 - rows.risk))
    design = sm.add_constant(log_odds)
    plain = sm.Logit(rows.outcome, design).fit(disp=0, tol=1e-12)
    line = calibration_line(unweighted(rows))
    large = intercept_in_the_large(unweighted(rows))
    assert not isinstance(line, Refused)
    assert isinstance(large, Estimate)
    assert (line.intercept.value, line.slope.value) == pytest.approx(tuple(plain.params), abs=1e-8)
    assert (line.slope.low, line.slope.high) == pytest.approx(tuple(plain.conf_int()[1]), abs=1e-8)
    offset = sm.GLM(rows.outcome, np.ones(2000), family=sm.families.Binomial(), offset=log_odds).fit(tol=1e-12)
    assert large.value == pytest.approx(offset.params[0], abs=1e-8)
    assert large.high == pytest.approx(offset.conf_int()[0][1], abs=1e-8)
    weighted = sm.GLM(rows.outcome, design, family=sm.families.Binomial(), freq_weights=rows.weight).fit(tol=1e-12)
    heavy = calibration_line(rows)
    assert not isinstance(heavy, Refused)
    assert (heavy.intercept.value, heavy.slope.value) == pytest.approx(tuple(weighted.params), abs=1e-8)


def test_robust_errors_equal_statsmodels() -> None:
    """The sandwich by row (HC0) and by cluster, to 1e-8."""
    import statsmodels.api as sm

    rows = unweighted(drawn(1000, 8, ties=False))
    design = sm.add_constant(np.log(rows.risk / (1 - rows.risk)))
    clusters = np.random.default_rng(1).integers(0, 80, 1000)
    fit = fit_logistic(design, rows.outcome, rows.weight)
    assert isinstance(fit, LogisticFit)
    for groups, options in (
        (None, {"cov_type": "HC0"}),
        (clusters, {"cov_type": "cluster", "cov_kwds": {"groups": clusters, "use_correction": False}}),
    ):
        want = sm.Logit(rows.outcome, design).fit(disp=0, tol=1e-12, **options)
        got = robust_covariance(fit, design, rows.outcome, rows.weight, clusters=groups)
        assert np.sqrt(np.diag(got)) == pytest.approx(want.bse, abs=1e-8)


def test_a_separated_outcome_has_no_fit() -> None:
    """Where the risk tells the outcome exactly there is no slope, and no number stands in for one."""
    rows = labelled([0] * 50 + [1] * 50, np.linspace(0.01, 0.99, 100))
    assert isinstance(calibration_line(rows), Refused)
    twice = np.column_stack([np.ones(100), rows.risk, rows.risk])
    assert isinstance(fit_logistic(twice, np.tile([0.0, 1.0], 50), rows.weight), Refused)


def test_observed_over_expected_by_hand() -> None:
    """40 of 100 with risks of .2: O:E = 2, log error = sqrt(.6 / 40)."""
    ratio = observed_expected(labelled([1] * 40 + [0] * 60, [0.2] * 100))
    assert not isinstance(ratio, Refused)
    assert (ratio.observed, ratio.expected, ratio.ratio.value) == pytest.approx((40, 20, 2.0))
    assert ratio.ratio.high == pytest.approx(2 * math.exp(1.959963984540054 * math.sqrt(0.6 / 40)))
    assert isinstance(observed_expected(labelled([1] * 40 + [0] * 60, [0.0] * 100)), Refused)


def test_the_curve_equals_scikit_learns() -> None:
    """Ten bins of 100 rows each: the same means and shares; the error is their mean distance."""
    from sklearn.calibration import calibration_curve as theirs

    rows = unweighted(drawn(1000, 4, ties=False))
    curve = calibration_curve(rows)
    assert not isinstance(curve, Refused)
    observed, mean = theirs(rows.outcome, rows.risk, n_bins=10, strategy="quantile")
    assert [each.observed.value for each in curve.bins] == pytest.approx(observed)
    assert [each.mean_risk for each in curve.bins] == pytest.approx(mean)
    assert [each.observed.rows for each in curve.bins] == [100] * 10
    assert curve.error == pytest.approx(np.mean(np.abs(observed - mean)))
    assert curve.bins[3].observed.low == pytest.approx(wilson(round(observed[3] * 100), 100)[0])


def test_equal_risks_share_a_bin() -> None:
    """A model with three different risks has three bins, however many are asked for; weights set their mass."""
    rows = labelled(np.tile([0, 1], 300), np.repeat([0.1, 0.4, 0.7], 200), np.repeat([1.0, 2.0, 0.0], 200))
    curve = calibration_curve(rows)
    assert not isinstance(curve, Refused)
    assert [(each.low_risk, each.observed.denominator) for each in curve.bins] == [(0.1, 200), (0.4, 400)]
    assert curve.error == pytest.approx((200 * 0.4 + 400 * 0.1) / 600)


def test_an_operating_point_by_hand() -> None:
    """30 true and 20 false alerts, 10 missed, 140 spared."""
    rows = labelled([1] * 30 + [0] * 20 + [1] * 10 + [0] * 140, [0.5] * 50 + [0.1] * 150)
    point = operating_point(rows, rows.risk >= 0.3)
    shares = [point.alerted, point.ppv, point.sensitivity, point.specificity, point.npv]
    for got, (count, total) in zip(shares, [(50, 200), (30, 50), (30, 40), (140, 160), (140, 150)], strict=True):
        assert isinstance(got, Share)
        assert (got.numerator, got.denominator, got.rows, got.effective) == (count, total, total, total)
        assert (got.low, got.high) == pytest.approx(wilson(count, total), abs=1e-14)
    needed = point.number_needed_to_alert
    assert isinstance(needed, Estimate)
    assert needed.value == pytest.approx(50 / 30)
    assert needed.low < needed.value < needed.high


def test_no_alert_has_no_predictive_value() -> None:
    """Without an alert PPV is refused, sensitivity is 0, and no number needed is made up."""
    rows = labelled([1] * 20 + [0] * 20, [0.1] * 40)
    point = operating_point(rows, rows.risk >= 0.3)
    assert isinstance(point.ppv, Refused)
    assert isinstance(point.number_needed_to_alert, Refused)
    assert isinstance(point.sensitivity, Share)
    assert point.sensitivity.value == 0
    useless = operating_point(rows, rows.outcome == 0)
    assert isinstance(useless.number_needed_to_alert, Refused)


def test_a_weight_of_two_is_the_row_twice() -> None:
    """Every figure of weighted rows equals that of rows repeated; their intervals do not."""
    rows = drawn(500, 6)
    times = np.random.default_rng(2).integers(1, 4, 500)
    heavy = performance(rows.outcome, rows.risk, 0.3, weight=times)
    long = performance(np.repeat(rows.outcome, times), np.repeat(rows.risk, times), 0.3)
    for name in ("auroc", "average_precision", "brier", "log_loss", "intercept_in_the_large", "net_benefit"):
        assert getattr(heavy, name).value == pytest.approx(getattr(long, name).value, abs=1e-9), name
    assert isinstance(heavy.at_threshold.ppv, Share)
    assert isinstance(long.at_threshold.ppv, Share)
    assert heavy.at_threshold.ppv.value == pytest.approx(long.at_threshold.ppv.value)
    assert heavy.at_threshold.ppv.effective < long.at_threshold.ppv.effective
    assert heavy.decision_curve == pytest.approx(long.decision_curve)


def test_net_benefit_by_hand() -> None:
    """Vickers & Elkin 2006: 30 true, 20 false alerts of 200 at a threshold of .2 are worth 30/200 - 20/200 × .25."""
    rows = labelled([1] * 30 + [0] * 20 + [1] * 10 + [0] * 140, [0.5] * 50 + [0.1] * 150)
    one = net_benefit(rows, rows.risk >= 0.2, 0.2)
    assert isinstance(one, Estimate)
    assert one.value == pytest.approx(30 / 200 - 20 / 200 * 0.25)
    curve = decision_curve(rows, [0.05, 0.2, 0.5, 0.9])
    assert not isinstance(curve, Refused)
    assert curve[1].model == pytest.approx(one.value)
    assert curve[1].everyone == pytest.approx(40 / 200 - 160 / 200 * 0.25)
    assert curve[0].model == curve[0].everyone
    assert (curve[2].model, curve[3].model) == pytest.approx((30 / 200 - 20 / 200, 0.0))
    with pytest.raises(ValueError, match="threshold"):
        decision_curve(rows, [1.0])


def test_lead_time_by_hand() -> None:
    """Leads of 1 to 9 hours, one alert an hour late, two events without any."""
    event = np.full(12, 100.0)
    alert = np.concatenate([100 - np.arange(1, 10), [101, np.nan, np.nan]])
    lead = lead_time(alert, event)
    assert isinstance(lead, LeadTime)
    assert (lead.median.value, lead.lower_quartile, lead.upper_quartile) == (5, 3, 7)
    assert (lead.ahead, lead.late, lead.never) == (9, 1, 2)
    assert lead.median.low <= 3
    assert lead.median.high >= 7
    assert isinstance(lead_time([np.nan, 101], [100, 100]), Refused)


@pytest.mark.parametrize("number", [6, 11, 12, 20, 40, 200])
def test_the_interval_of_a_median_covers_the_truth(number: int) -> None:
    """Of 4000 samples of lead times, few and many, 94 to 96 %; between order statistics alone it was up to 99."""
    ascending = np.sort(np.random.default_rng(20).lognormal(2, 1, (4000, number)), axis=1)
    held = [low <= math.exp(2) <= high for low, high in map(median_interval, ascending)]
    assert 0.94 <= np.mean(held) <= 0.96, np.mean(held)


def test_the_interval_of_a_median_lies_between_order_statistics() -> None:
    """Of ten, 2nd to 9th is 97.9 % sure and 3rd to 8th 89.1: the ends lie between. Of five, all there is."""
    low, high = median_interval(np.arange(1.0, 11.0))
    sure, less = 1 - 2 * 11 / 1024, 1 - 2 * 56 / 1024
    share = (sure - 0.95) / (sure - less)
    assert low == pytest.approx(2 + 8 * share / (2 + 6 * share))
    assert high == pytest.approx(11 - low)
    assert median_interval(np.array([1.0, 2, 3, 5, 8])) == (1, 8)
    assert median_interval(np.array([4.0])) == (4, 4)


def test_too_few_of_either_are_refused() -> None:
    """With nine events, or nine others, there is no measure of performance, and the reason tells no small number."""
    rng = np.random.default_rng(1)
    for events, others in ((9, 500), (500, 9), (0, 500), (0, 0)):
        made = performance([1] * events + [0] * others, rng.random(events + others), 0.5)
        for name in ("auroc", "average_precision", "brier", "log_loss", "calibration_line", "observed_expected"):
            refusal = getattr(made, name)
            assert isinstance(refusal, Refused), name
            told = f"{events} with the event and {others} without" if events == 0 else "too few with the event, or too"
            assert refusal.reason.startswith(told)
        for name in ("calibration_curve", "net_benefit", "decision_curve", "intercept_in_the_large"):
            assert isinstance(getattr(made, name), Refused), name


def test_input_that_does_not_fit_is_an_error() -> None:
    """Unequal lengths, other outcomes, NaN risks and negative weights are the caller's mistake."""
    for outcome, risk, weight in (
        ([0, 1], [0.5], None),
        ([0, 2], [0.5, 0.5], None),
        ([0, 1], [0.5, math.nan], None),
        ([0, 1], [0.5, 1.5], None),
        ([0, 1], [0.5, 0.5], [1, -1]),
        ([[0, 1]], [[0.5, 0.5]], None),
    ):
        with pytest.raises(ValueError):
            labelled(outcome, risk, weight)
    rows = labelled([0, 1], [0.5, 0.5])
    for mistake in (
        lambda: operating_point(rows, np.array([True])),
        lambda: lead_time([1.0], [math.nan]),
        lambda: performance([0, 1], [0.5, 0.5], 0.5, clusters=[1]),
    ):
        with pytest.raises(ValueError):
            mistake()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 99), st.integers(1, 4)), min_size=60, max_size=120),
    st.integers(0, 1000),
)
def test_areas_do_not_mind_order_or_scale(rows: list[tuple[bool, int, int]], seed: int) -> None:
    """AUROC is the same for shuffled rows and squared risks, 1 - AUROC for reversed ones, and within its interval."""
    outcome, risk, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    made = auroc(labelled(outcome, risk / 100, weight))
    if isinstance(made, Refused):
        return
    order = np.random.default_rng(seed).permutation(len(rows))
    for other in (
        auroc(labelled(outcome[order], (risk / 100)[order], weight[order])),
        auroc(labelled(outcome, (risk / 100) ** 2, weight)),
    ):
        assert isinstance(other, Estimate)
        assert other.value == pytest.approx(made.value)
    turned = auroc(labelled(outcome, 1 - risk / 100, weight))
    assert isinstance(turned, Estimate)
    assert turned.value == pytest.approx(1 - made.value)
    assert 0 <= made.low <= made.value <= made.high <= 1


def test_draws_are_poisson() -> None:
    """Counts of a million draws have the mean, variance and shares of Poisson(1); clusters are drawn whole."""
    counts = draws(1_000_000, np.random.default_rng(1))
    assert (counts.mean(), counts.var()) == pytest.approx((1, 1), abs=0.01)
    assert np.mean(counts == 0) == pytest.approx(math.exp(-1), abs=0.002)
    clusters = np.repeat(np.arange(100), 3)
    assert np.ptp(draws(300, np.random.default_rng(1), clusters).reshape(100, 3), axis=1).max() == 0
    assert effective_rows(np.array([1.0, 1.0, 2.0])) == pytest.approx(16 / 6)


def test_coarse_groups_keep_equal_risks_together() -> None:
    """At most so many groups, ascending, of about equal size; few risks keep a group each."""
    rng = np.random.default_rng(1)
    groups = coarse_risks(rng.random(50_000), 100)
    assert len(groups.risk) == 100
    assert np.all(np.diff(groups.risk) > 0)
    assert np.ptp(groups.sums(np.ones(50_000))) <= 2
    assert len(coarse_risks(np.repeat([0.1, 0.2, 0.3], 1000), 100).risk) == 3


def test_intervals_cover_the_truth() -> None:
    """Over 3000 samples of 800 rows, 95 % intervals hold the true AUROC, slope, O:E, Brier in 94 to 96 %.

    The binomial error of 3000 samples is .4 points; the samples are the same each time.
    """
    rng = np.random.default_rng(99)
    log_odds = rng.normal(-1.5, 1.2, 2_000_000)
    everyone = 1 / (1 + np.exp(-log_odds))
    # Of risks that are right, the truth needs no outcomes: each row is an event with its risk, and none with the rest.
    ranks = np.sort(everyone)
    below = (np.cumsum(1 - ranks) - (1 - ranks) / 2) / (1 - ranks).sum()
    truths = np.array([np.dot(ranks, below) / ranks.sum(), np.mean(everyone * (1 - everyone)), 0.0, 1.0, 1.0])
    held = np.zeros(len(truths))
    for seed in range(3000):
        rows = unweighted(drawn(800, 1000 + seed, ties=False))
        line, ratio = calibration_line(rows), observed_expected(rows)
        assert not isinstance(line, Refused)
        assert not isinstance(ratio, Refused)
        made = [auroc(rows), brier(rows), intercept_in_the_large(rows), line.slope, ratio.ratio]
        held += [each.low <= truth <= each.high for each, truth in zip(made, truths, strict=True)]  # type: ignore[union-attr]
    assert np.all((held / 3000 >= 0.94) & (held / 3000 <= 0.96)), held / 3000


def test_one_risk_for_all_has_the_precision_of_the_share() -> None:
    """Everybody at one risk: average precision is the share of events, half of them too; one cluster tells nothing."""
    for events in (50, 20):
        made = average_precision(labelled([1] * events + [0] * (100 - events), [0.3] * 100))
        assert isinstance(made, Estimate)
        assert made.value == pytest.approx(events / 100)
        assert made.low < events / 100 - 0.07
        assert made.high > events / 100 + 0.07
    alone = average_precision(labelled([1] * 50 + [0] * 50, [0.3] * 100), np.zeros(100, dtype=np.int64))
    assert isinstance(alone, Refused)
    assert alone.reason.startswith("too few patients or stays with the event")


def test_periods_equal_their_own_rows() -> None:
    """Each period's figures are those of its rows alone, in order of time; a period with few events is refused."""
    rows = drawn(3000, 12)
    period = np.random.default_rng(1).integers(10, 13, 3000)
    period[:15] = 7
    clusters = np.arange(3000) // 2
    made = over_time(rows.outcome, rows.risk, period, weight=rows.weight, clusters=clusters, alerted=rows.risk >= 0.3)
    assert [each.period for each in made] == [7, 10, 11, 12]
    few = made[0]
    assert all(isinstance(each, Refused) for each in (few.auroc, few.average_precision, few.brier, few.ppv))
    assert sum(each.rows for each in made) == 3000
    here = period == 11
    alone = performance(
        rows.outcome[here],
        rows.risk[here],
        0.3,
        weight=rows.weight[here],
        clusters=clusters[here],
    )
    for name in (
        "rows", "events", "auroc", "average_precision", "calibration_line", "intercept_in_the_large",
        "observed_expected", "brier",
    ):  # fmt: skip
        assert getattr(made[2], name) == getattr(alone, name), name
    ppv, own = made[2].ppv, alone.at_threshold.ppv
    assert isinstance(ppv, Share)
    assert isinstance(own, Share)
    assert (ppv.value, ppv.low, ppv.high) == pytest.approx((own.value, own.low, own.high))
    assert isinstance(over_time(rows.outcome, rows.risk, period)[2].ppv, Refused)
    assert over_time([], [], []) == ()
    with pytest.raises(ValueError, match="as long as"):
        over_time([1], [0.5], [1, 2])
