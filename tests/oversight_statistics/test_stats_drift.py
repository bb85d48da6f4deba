"""Drift: each measure against its oracle, no false alarm in null weeks, and real changes found and named."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from oversight.proportions import Proportion, proportion
from oversight.statistics import drift_measures as measures
from oversight.statistics.discovery import benjamini_hochberg
from oversight.statistics.drift import JOINT, Level, Measure, drift_report
from oversight.statistics.drift_categories import CategoryDrift, Mix, Novelty, category_drift
from oversight.statistics.drift_numeric import NumericDrift, NumericReference, Shape, numeric_drift, numeric_reference
from oversight.statistics.exact_shares import hypergeometric_tail
from oversight.statistics.explanation_drift import ExplanationDrift, explanation_drift, mean_absolute
from oversight.statistics.label_shift import LabelShift, label_shift
from oversight.statistics.refused import Refused
from oversight.statistics.two_sample import JointDrift, two_sample


def _reference(values: np.ndarray, column: str = "x") -> NumericReference:
    """A column that can be compared."""
    prepared = numeric_reference(column, values)
    assert isinstance(prepared, NumericReference)
    return prepared


def _drift(before: np.ndarray, now: np.ndarray, column: str = "x") -> NumericDrift:
    """Drift of a column that can be compared."""
    result = numeric_drift(_reference(before, column), now)
    assert isinstance(result, NumericDrift)
    return result


def _shape(before: np.ndarray, now: np.ndarray) -> Shape:
    """The shape part of it."""
    shape = _drift(before, now).shape
    assert isinstance(shape, Shape)
    return shape


def _share(count: int, total: int) -> Proportion:
    """A share of something."""
    result = proportion(count, total)
    assert result is not None
    return result


def test_the_first_example_of_false_discovery_control():
    """Benjamini and Hochberg 1995, section 3.2: 15 p-values, four of them discoveries at 5 %."""
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.324,
        0.4262,
        0.5719,
        0.6528,
        0.759,
        1,
    ]
    assert int(np.sum(benjamini_hochberg(p) <= 0.05)) == 4


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=40))
def test_adjusted_p_values_are_those_of_statsmodels(p):
    """For any family, the empty one included."""
    expected = multipletests(p, method="fdr_bh")[1] if p else []
    np.testing.assert_allclose(benjamini_hochberg(p), expected, atol=1e-12)


def test_a_p_value_is_a_probability():
    """Nothing else is adjusted."""
    with pytest.raises(ValueError, match="0 to 1"):
        benjamini_hochberg([0.5, math.nan])


def test_psi_of_two_halves():
    """By hand: (.6 − .5) ln(.6/.5) + (.4 − .5) ln(.4/.5)."""
    assert measures.population_stability([50, 50], [60, 40]) == pytest.approx(0.1 * math.log(1.2) - 0.1 * math.log(0.8))


def test_an_empty_bin_counts_as_the_floor():
    """So that PSI stays finite."""
    floor = measures.EMPTY_BIN
    expected = (1 - 0.5) * math.log(1 / 0.5) + (floor - 0.5) * math.log(floor / 0.5)
    assert measures.population_stability([50, 50], [100, 0]) == pytest.approx(expected)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=12))
def test_jensen_shannon_is_that_of_scipy(pairs):
    """The square of scipy's distance, between 0 and 1 bit."""
    a, b = np.array(pairs, dtype=float).T
    if a.sum() and b.sum():
        value = measures.jensen_shannon(a, b)
        assert 0 <= value <= 1 + 1e-12
        assert value == pytest.approx(float(np.nan_to_num(jensenshannon(a, b, base=2))) ** 2, abs=1e-9)


_VALUES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=40)


@pytest.mark.filterwarnings("ignore:ks_2samp:RuntimeWarning", "ignore:divide by zero:RuntimeWarning")
@settings(deadline=None)
@given(_VALUES, _VALUES)
def test_the_kolmogorov_smirnov_distance_is_that_of_scipy(first, second):
    """Ties and all."""
    a, b = np.sort(first), np.sort(second)
    assert measures.ks_distance(a, b) == pytest.approx(
        stats.ks_2samp(first, second, method="exact").statistic, abs=1e-12
    )


@pytest.mark.parametrize(("first", "second"), [(30, 30), (100, 50), (1000, 200), (100_000, 20_000)])
def test_its_p_is_near_that_of_scipy(first, second):
    """Within .02 (thirty values: .05, where the exact one has steps)."""
    rng = np.random.default_rng(1)
    for shift in (0, 0.02, 0.2):
        a, b = np.sort(rng.normal(size=first)), np.sort(rng.normal(shift, size=second))
        oracle = stats.ks_2samp(a, b, method="exact" if first < 1000 else "asymp").pvalue
        assert measures.ks_p(measures.ks_distance(a, b), first, second) == pytest.approx(
            oracle, abs=0.05 if first == 30 else 0.02
        )


@settings(deadline=None)
@given(_VALUES, _VALUES)
def test_every_value_falls_into_one_bin(first, second):
    """Counts add up, and the reference has a count in the same bins as the present."""
    a, b = np.sort(first), np.sort(second)
    cuts = measures.cut_points(a)
    assert measures.binned(a, cuts).sum() == len(a)
    assert measures.binned(b, cuts).sum() == len(b)
    assert len(measures.binned(a, cuts)) == len(measures.binned(b, cuts))


def test_a_constant_that_moves_down_is_seen():
    """A column of one value has no deciles, but values below it are not in its bin."""
    assert _shape(np.full(100, 3.0), np.full(100, 2.0)).psi > 1
    assert _shape(np.full(100, 3.0), np.full(100, 3.0)).psi == 0


def test_chi_squared_is_that_of_scipy():
    """No category is rare here, so none is joined."""
    before, now = {"A": 100, "B": 60, "C": 40}, {"A": 80, "B": 80, "C": 50}
    result = category_drift("unit", before, now)
    assert isinstance(result, CategoryDrift)
    assert isinstance(result.mix, Mix)
    oracle = stats.chi2_contingency([list(before.values()), list(now.values())], correction=False)
    assert (result.mix.chi_squared, result.mix.p) == pytest.approx((oracle.statistic, oracle.pvalue))


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_the_novelty_p_is_fishers(count, rest, other, other_rest):
    """The hypergeometric tail of scipy."""
    total, other_total = count + rest, other + other_rest
    assume(total > 0 and other_total > 0)
    expected = stats.hypergeom.sf(count - 1, total + other_total, count + other, total)
    assert hypergeometric_tail(count, total, other, other_total) == pytest.approx(expected, abs=1e-9)


def test_a_new_unit_is_named_with_its_share():
    """3 of 10 results in a unit that never came before: alarm, and it says which."""
    drift = category_drift("glucose unit", {"mg/dL": 5000, None: 10}, {"mg/dL": 700, "mmol/L": 300})
    assert isinstance(drift, CategoryDrift)
    assert isinstance(drift.novelty, Novelty)
    assert drift.novelty.categories == (("mmol/L", 300),)
    assert drift.novelty.share.value == 0.3
    levels = {finding.measure: finding.level for finding in drift_report([drift]).findings}
    assert levels == {Measure.NOVELTY: Level.ALARM, Measure.DISTRIBUTION: Level.ALARM, Measure.MISSING: Level.NONE}


def test_a_long_tail_of_codes_always_brings_new_ones():
    """Draws from the same thousands of rare codes: new ones come each week, and no alarm."""
    rng = np.random.default_rng(2)
    raised = 0
    for _ in range(100):
        before, now = (np.unique(rng.zipf(1.4, size), return_counts=True) for size in (5000, 800))
        counts = [{str(code): int(number) for code, number in zip(*side, strict=True)} for side in (before, now)]
        drift = category_drift("code", *counts)
        assert isinstance(drift, CategoryDrift)
        assert isinstance(drift.novelty, Novelty)
        assert drift.novelty.share.count > 0
        raised += bool(drift_report([drift]).raised)
    assert raised <= 5


@pytest.mark.parametrize("rows", [150, 700, 4000])
def test_at_most_5_in_100_null_weeks_raise_an_alarm(rows):
    """Eleven columns, one with gaps, one skewed, one of few values, a category, a joint test; nothing changes."""
    rng = np.random.default_rng(rows)

    def week(size: int) -> np.ndarray:
        table = rng.normal(size=(size, 11))
        table[rng.random(size) < 0.3, 0] = np.nan
        table[:, 1] = np.exp(table[:, 1])
        table[:, 2] = np.round(2 * table[:, 2])
        return table

    def units(size: int) -> dict[str | None, int]:
        return dict(
            zip(["ward", "icu", "ed", None], rng.multinomial(size, [0.6, 0.25, 0.1, 0.05]).tolist(), strict=True)
        )

    before = week(20_000)
    references = [_reference(column, str(place)) for place, column in enumerate(before.T)]
    unit = units(20_000)
    raised = 0
    for _ in range(100):
        now = week(rows)
        columns = [numeric_drift(each, values) for each, values in zip(references, now.T, strict=True)]
        compared = [
            each for each in [*columns, category_drift("unit", unit, units(rows))] if not isinstance(each, Refused)
        ]
        assert len(compared) == 12
        joint = two_sample(before[:, :5], now[:, :5], rng, rows=1000) if rows == 700 else None
        raised += bool(drift_report(compared, joint).raised)
    assert raised <= 5


def test_a_changed_unit_is_named_first_with_its_factor():
    """Glucose in mg/dL becomes mmol/L in one of eleven columns: first finding, and the factor 1/18 beside it."""
    rng = np.random.default_rng(3)
    before, now = rng.lognormal(4.7, 0.3, (20_000, 11)), rng.lognormal(4.7, 0.3, (800, 11))
    now[:, 4] /= 18.016
    now[rng.random(800) < 0.2, 7] = np.nan
    columns = [_drift(before[:, place], now[:, place], f"lab {place}") for place in range(11)]
    report = drift_report(columns, two_sample(before, now, rng))
    assert [(each.column, each.level) for each in report.raised] == [
        ("lab 4", Level.ALARM),
        ("lab 7", Level.ALARM),
        (JOINT, Level.ALARM),
    ]
    assert report.raised[1].measure is Measure.MISSING
    shape = columns[4].shape
    assert isinstance(shape, Shape)
    assert shape.factor == pytest.approx(1 / 18.016, rel=0.05)
    assert all(
        isinstance(each.shape, Shape) and each.shape.factor is None for each in columns if each.column != "lab 4"
    )


def test_a_significant_wobble_raises_nothing():
    """A million rows moved by .02 standard deviations: p under 1e-20, PSI under .001, no alarm."""
    rng = np.random.default_rng(4)
    drift = _drift(rng.normal(size=1_000_000), rng.normal(0.02, 1, 1_000_000))
    assert isinstance(drift.shape, Shape)
    assert drift.shape.p < 1e-20
    assert drift.shape.psi < 1e-3
    assert not drift_report([drift]).raised


def test_a_large_effect_of_few_rows_raises_nothing():
    """Twenty values can show PSI above .25 by chance; the family's test holds it back."""
    rng = np.random.default_rng(5)
    drift = _drift(rng.normal(size=5000), rng.normal(size=20))
    assert isinstance(drift.shape, Shape)
    assert drift.shape.psi > 0.25
    assert not drift_report([drift]).raised


def test_a_column_without_values_is_told_by_its_missing_share():
    """All missing: no distribution, which is said, and an alarm for what is missing."""
    rng = np.random.default_rng(6)
    report = drift_report([_drift(rng.normal(size=1000), np.full(200, np.nan))])
    assert [(each.measure, each.level) for each in report.findings] == [(Measure.MISSING, Level.ALARM)]
    assert [each.measure for each in report.not_compared] == [Measure.DISTRIBUTION]


def test_a_period_without_rows_is_refused():
    """Neither before nor now."""
    assert isinstance(numeric_reference("x", [1.0] * 10), Refused)
    assert isinstance(numeric_drift(_reference(np.arange(100.0)), []), Refused)
    assert isinstance(category_drift("x", {}, {"a": 100}), Refused)


def test_the_classifier_sees_what_no_column_shows():
    """The correlation of two columns changes sign: no column is loud, the joint test is."""
    rng = np.random.default_rng(7)
    before = rng.multivariate_normal([0, 0, 0], [[1, 0.7, 0], [0.7, 1, 0], [0, 0, 1]], 4000)
    now = rng.multivariate_normal([0, 0, 0], [[1, -0.7, 0], [-0.7, 1, 0], [0, 0, 1]], 1000)
    joint = two_sample(before, now, rng)
    report = drift_report([_drift(before[:, place], now[:, place], str(place)) for place in range(3)], joint)
    assert [each.measure for each in report.raised] == [Measure.JOINT]


def test_the_joint_test_is_silent_where_nothing_changed():
    """Alone in its family it may err in 5 of 100 null comparisons; 200 of them, so up to 16 by chance."""
    rng = np.random.default_rng(8)
    results = [two_sample(rng.normal(size=(600, 4)), rng.normal(size=(300, 4)), rng) for _ in range(200)]
    assert sum(isinstance(each, JointDrift) and each.p < 0.05 for each in results) <= 16
    assert sum(bool(drift_report([], each).raised) for each in results) <= 16


def test_the_classifier_is_as_good_as_that_of_scikit_learn():
    """A shift of mean: the cross-fitted AUROC lies within .02 of a regression fitted on other rows."""
    rng = np.random.default_rng(9)
    before, now = rng.normal(size=(4000, 3)), rng.normal([0.5, 0, 0], 1, (4000, 3))
    joint = two_sample(before, now, rng)
    assert isinstance(joint, JointDrift)
    table, label = np.vstack([before, now]), np.repeat([0, 1], 4000)
    fit = np.arange(8000) % 2 == 0
    oracle = LogisticRegression().fit(table[fit], label[fit]).predict_proba(table[~fit])[:, 1]
    assert joint.auroc.value == pytest.approx(roc_auc_score(label[~fit], oracle), abs=0.02)
    assert joint.auroc.low < 0.638 < joint.auroc.high  # Φ(.5/√2)


def test_missing_values_alone_tell_two_periods_apart():
    """Indicators of what is missing are terms of the classifier; a constant column does no harm."""
    rng = np.random.default_rng(10)
    before, now = rng.normal(size=(2000, 2)), rng.normal(size=(2000, 2))
    now[rng.random(2000) < 0.4, 0] = np.nan
    before[:, 1] = now[:, 1] = 1.0
    joint = two_sample(before, now, rng)
    assert isinstance(joint, JointDrift)
    assert joint.auroc.value == pytest.approx(0.7, abs=0.03)


def test_too_few_rows_for_a_classifier():
    """Under a hundred in either period."""
    rng = np.random.default_rng(11)
    assert isinstance(two_sample(rng.normal(size=(500, 2)), rng.normal(size=(99, 2)), rng), Refused)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=5, max_size=12))
def test_agreement_of_explanations_is_spearmans(pairs):
    """As scipy, ties included; all equal is refused."""
    before, now = np.array(pairs, dtype=float).T
    result = explanation_drift([str(each) for each in range(len(pairs))], before, now, 500)
    if np.ptp(before) == 0 or np.ptp(now) == 0:
        assert isinstance(result, Refused)
        return
    assert isinstance(result, ExplanationDrift)
    assert result.agreement.value == pytest.approx(stats.spearmanr(before, now).statistic, abs=1e-9)
    assert result.agreement.low <= result.agreement.value <= result.agreement.high


def test_the_concept_that_became_the_first_reason_is_named():
    """A lactate that nobody weighed before now leads all reasons; the other weeks agree."""
    rng = np.random.default_rng(12)
    names = ["age", "heart rate", "lactate", "creatinine", "temperature", "platelets"]
    scale = np.array([1.0, 0.8, 0.1, 0.5, 0.4, 0.3])
    weeks = np.repeat([0, 1, 2], 300)
    attributions = rng.normal(size=(900, 6)) * scale
    attributions[weeks == 2, 2] *= 30
    means, rows = mean_absolute(attributions, weeks, 3)
    np.testing.assert_allclose(means[1], np.abs(attributions[300:600]).mean(axis=0))
    quiet, loud = (explanation_drift(names, scale, means[week], int(rows[week])) for week in (1, 2))
    assert isinstance(quiet, ExplanationDrift)
    assert isinstance(loud, ExplanationDrift)
    assert not quiet.moved
    assert loud.moved
    assert (loud.moves[0].concept, loud.moves[0].before, loud.moves[0].now) == ("lactate", 6, 1)


def test_few_concepts_or_rows_have_no_ranking():
    """Refused, with the reason."""
    assert isinstance(explanation_drift(["a", "b"], np.array([1.0, 2]), np.array([1.0, 2]), 500), Refused)
    assert isinstance(explanation_drift(list("abcde"), np.arange(5.0), np.arange(5.0), 10), Refused)


@pytest.mark.parametrize(
    ("events", "others", "now", "true"),
    [(1000, 9000, 5000, 0.2), (100, 900, 500, 0.2), (500, 5000, 1000, 0.3), (100, 2000, 1000, 0.05)],
)
def test_the_new_prevalence_is_found_from_alerts_alone(events, others, now, true):
    """Of 4000 label shifts, found from few and many rows, 94 to 96 % of the intervals hold the truth."""
    rng = np.random.default_rng(13)
    held = 0
    for _ in range(4000):
        found, false = rng.binomial(events, 0.7), rng.binomial(others, 0.1)
        happened = rng.binomial(now, true)
        alerts = rng.binomial(happened, 0.7) + rng.binomial(now - happened, 0.1)
        before = _share(events, events + others)
        shift = label_shift(before, _share(found, events), _share(false, others), _share(alerts, now))
        assert isinstance(shift, LabelShift)
        held += shift.current.low <= true <= shift.current.high
    assert 0.94 <= held / 4000 <= 0.96, held / 4000


def test_the_odds_factor_of_a_label_shift():
    """From 1:9 to 1:4 is 2.25; alerts that tell nothing are refused."""
    shift = label_shift(_share(100, 1000), _share(70, 100), _share(90, 900), _share(220, 1000))
    assert isinstance(shift, LabelShift)
    assert shift.current.value == pytest.approx(0.2)
    assert shift.odds_factor == pytest.approx(2.25)
    assert isinstance(label_shift(_share(100, 1000), _share(15, 100), _share(90, 900), _share(9, 90)), Refused)


@pytest.mark.parametrize("alerts", [950, 10])
def test_alerts_that_no_share_of_events_would_bring_are_refused(alerts):
    """More than among events, or fewer than among others: then they no longer tell events as they did."""
    found = label_shift(_share(100, 1000), _share(70, 100), _share(90, 900), _share(alerts, 1000))
    assert isinstance(found, Refused)
    assert "no share of events" in found.reason


def test_eleven_columns_of_a_million_rows_cost_as_much_as_sorting_them_a_few_times():
    """All columns and the joint test, seven times in fact: so nothing depends on how fast this machine is."""
    rng = np.random.default_rng(14)
    before, now = rng.normal(size=(1_000_000, 11)), rng.normal(size=(1_000_000, 11))
    begun = time.process_time()
    for rows in (before, now):
        np.sort(rows, axis=0)
    sorted_at = time.process_time()
    columns = [_drift(before[:, place], now[:, place], str(place)) for place in range(11)]
    report = drift_report(columns, two_sample(before, now, rng))
    assert time.process_time() - sorted_at < 25 * (sorted_at - begun)
    assert not report.raised
