"""Many histories in memory, held against what is planted in them: no ledger is written here."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from chartside.history.events import draw
from chartside.history.patients import CONCEPTS
from chartside.history.plan import ICU_MORTALITY, READMISSION, SEPSIS, SERVICES, Plan
from chartside.history.rows import SHOWN
from chartside.history.truth import auroc, cards, figures, slope, stands, truth_of
from chartside.history.ward import UNITS
from oversight.proportions import proportion, wilson
from oversight.statistics.cards import AnsweredCards
from oversight.statistics.control_charts import laney_chart
from oversight.statistics.drift import Level, drift_report
from oversight.statistics.drift_categories import category_drift
from oversight.statistics.drift_numeric import numeric_drift, numeric_reference
from oversight.statistics.equity import Rate, equity
from oversight.statistics.equity_groups import attribute
from oversight.statistics.feedback_aware import feedback_aware
from oversight.statistics.simpson import compare
from oversight.statistics.two_proportions import difference


@pytest.fixture(scope="module")
def large():
    """The history of the demo with 250,000 stays."""
    return draw(replace(Plan(), stays=250_000), np.random.default_rng(11))


@pytest.mark.parametrize("service", [ICU_MORTALITY, SEPSIS, READMISSION])
def test_feedback_aware_figures_are_true_where_naive_ones_are_off(large, service):
    """PPV and AUROC within .02 of the truth and slope within .1, at outcomes that treatment has changed."""
    rows = large.performance(service)
    true = figures(rows)
    found = feedback_aware(
        rows.happened, rows.risk, rows.alerted, rows.treated, rows.features, rows.names, np.random.default_rng(0),
        replicates=20,
    )  # fmt: skip
    assert found.weighted.ppv.value == pytest.approx(true.true_ppv, abs=0.02)
    assert found.weighted.sensitivity.value == pytest.approx(true.true_sensitivity, abs=0.02)
    assert found.weighted.auroc.value == pytest.approx(true.true_auroc, abs=0.02)
    assert found.weighted.calibration_slope.value == pytest.approx(true.true_slope, abs=0.1)
    assert found.naive.ppv.value == pytest.approx(true.naive_ppv, abs=1e-9)
    assert found.naive.auroc.value == pytest.approx(true.naive_auroc, abs=1e-9)
    assert found.naive.calibration_slope.value == pytest.approx(true.naive_slope, abs=1e-6)


def test_naive_figures_are_off(large):
    """Where most cards are acted on, naive PPV, AUROC and slope miss the truth by more than is allowed."""
    for service in (ICU_MORTALITY, SEPSIS):
        true = figures(large.performance(service))
        assert true.true_ppv - true.naive_ppv > 0.1
        assert true.true_auroc - true.naive_auroc > 0.03
        assert true.true_slope - true.naive_slope > 0.2


def test_the_icu_model_is_calibrated(large):
    """Untreated, its slope is 1: nothing is planted in it."""
    assert figures(large.performance(ICU_MORTALITY)).true_slope == pytest.approx(1.0, abs=0.03)


def test_auroc_and_slope_are_those_of_scikit_learn(large):
    """What the truth is worked out with, against an independent implementation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    rows = large.performance(ICU_MORTALITY)
    assert auroc(rows.happened, rows.risk) == pytest.approx(roc_auc_score(rows.happened, rows.risk), abs=1e-9)
    log_odds = np.log(rows.risk / (1 - rows.risk))[:, None]
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(log_odds, rows.happened).coef_[0, 0]
    assert slope(rows.happened, rows.risk) == pytest.approx(fitted, abs=1e-5)


def test_adherence_does_not_depend_on_what_would_have_come(large):
    """At equal risk, those who would have had the event are acted on no more often than others."""
    rows = large.performance(ICU_MORTALITY)
    bands = np.digitize(rows.risk, np.linspace(0.25, 0.9, 27))
    gaps, weights = [], []
    for band in np.unique(bands[rows.alerted]):
        here = rows.alerted & (bands == band)
        sick, well = here & rows.untreated, here & ~rows.untreated
        if sick.sum() > 20 and well.sum() > 20:
            gaps.append(rows.treated[sick].mean() - rows.treated[well].mean())
            weights.append(here.sum())
    assert abs(np.average(gaps, weights=weights)) < 0.01


def comparison(history):
    """The answered cards of sepsis-6h, before and after the second version."""
    rows = history.rows[history.rows["service"] == SEPSIS]
    overridden = stands(rows, "overridden")
    keep = overridden | stands(rows, "accepted")
    kept = rows[keep]
    stratum = np.digitize(kept["log_odds"], [-0.7, 0.0])
    return compare(
        AnsweredCards(overridden[keep].astype(np.int64), kept["version"], kept["unit"], stratum, kept["clinician"])
    )


def test_the_reversal_is_flagged_in_other_hospitals_too():
    """In at least nine of ten histories of the demo's size; its size and direction are right on average."""
    found = [comparison(draw(Plan(), np.random.default_rng(seed))) for seed in range(100, 130)]
    assert np.mean([each.reversal for each in found]) >= 0.9
    effects = [each.adjusted.log_odds.value for each in found]
    assert np.mean(effects) == pytest.approx(Plan().version_effect, abs=0.06)


def test_no_reversal_is_flagged_where_none_is():
    """Without a planted change, nothing is said to be reversed; half of the entries just count as later."""
    plan = Plan().without_effects()
    flagged = 0
    for seed in range(200, 240):
        history = draw(plan, np.random.default_rng(seed))
        history.rows["version"] = (history.rows["service"] == SEPSIS) & (history.rows["time"] >= 45)
        flagged += comparison(history).reversal
    assert flagged <= 2


def test_intervals_cover(large):
    """Wilson's and Newcombe's 95 % intervals hold the truth in 94 to 96 % of 4,000 samples of 250 cards."""
    rng = np.random.default_rng(5)
    rows = large.rows[cards(large.rows)]
    answered = rows[np.isin(rows["answer"], ("accepted", "overridden")) & ~rows["withdrawn"]]
    for outcome in (answered["answer"] == "overridden", rows["answer"] == ""):
        drawn = rng.choice(outcome, size=(4_000, 250)).sum(axis=1)
        bounds = {count: wilson(count, 250) for count in np.unique(drawn).tolist()}
        held = [bounds[count][0] <= outcome.mean() <= bounds[count][1] for count in drawn.tolist()]
        assert 0.94 <= np.mean(held) <= 0.96
    inside = large.stays.in_gap[answered["stay"]]
    group, others = (answered["answer"][each] == "overridden" for each in (inside, ~inside))
    true = group.mean() - others.mean()
    held = 0
    for few, many in zip(
        rng.choice(group, size=(4_000, 120)).sum(axis=1), rng.choice(others, size=(4_000, 800)).sum(axis=1), strict=True
    ):
        found = difference(proportion(int(few), 120), proportion(int(many), 800))
        held += found.low <= true <= found.high
    assert 0.94 <= held / 4_000 <= 0.96


def test_sensitivity_gap_is_found(large):
    """Of the patients whose sepsis the model sees too low, fewer who become septic had a card; the size is known."""
    rows = large.performance(SEPSIS)
    spanish = large.stays.in_gap[rows.stay]
    language = attribute("language", np.where(spanish, "Spanish", "others").tolist())
    (report,) = equity([language], [Rate("sensitivity", rows.alerted, rows.untreated)])
    found = {each.group: each for each in report.groups}[(("language", "Spanish"),)]
    true = rows.alerted[spanish & rows.untreated].mean()
    assert found.rate.value == pytest.approx(true, abs=1e-9)
    assert found.difference.high < -0.1


def test_the_broken_rule_stands_out(large):
    """The share of readmission-30d's assessments that become a card leaves its limits on the ten days, and no other."""
    rows = large.rows[(large.rows["service"] == READMISSION) & large.rows["first"] & ~large.rows["abstained"]]
    rows = rows[np.random.default_rng(3).random(rows.size) < 0.03]
    plan = large.plan
    period = (rows["time"] // 5).astype(np.int64)
    totals = np.bincount(period, minlength=18)
    counts = np.bincount(period[rows["state"] == SHOWN], minlength=18)
    chart = laney_chart(counts, totals)
    broken = {plan.broken_day // 5, plan.broken_day // 5 + 1}
    assert {point.place for point in sorted(chart.points, key=lambda each: -each.value)[:2]} == broken
    assert broken & {point.place for point in chart.signals}


WEEKS, REFERENCE = 100, 8


@pytest.fixture(scope="module")
def quiet():
    """A hospital in which nothing changes, for two years."""
    plan = replace(Plan().without_effects(), days=7 * (WEEKS + REFERENCE), stays=545 * (WEEKS + REFERENCE))
    return draw(replace(plan, version_day=10**6, unit_change_day=10**6, broken_day=10**6), np.random.default_rng(2))


def drift_alarm(rows, stays, references, week):
    """Whether a week's drift report raises the alarm."""
    here = rows[(rows["time"] // 7).astype(np.int64) == week]
    numeric, unit = references
    moved = [
        numeric_drift(reference, stays.standard[here["stay"], place]) for place, reference in enumerate(numeric[:-1])
    ]
    moved += [numeric_drift(numeric[-1], here["log_odds"]), category_drift("unit", unit, _units(here))]
    return any(each.level is Level.ALARM for each in drift_report(moved).findings)


def _units(rows):
    """How many entries each unit has."""
    return dict(
        zip([unit.name for unit in UNITS], np.bincount(rows["unit"], minlength=len(UNITS)).tolist(), strict=True)
    )


def test_null_weeks_raise_no_alarm(quiet):
    """In at least 95 of 100 weeks in which nothing happened, neither drift nor the override chart raises an alarm."""
    rows = quiet.rows[(quiet.rows["service"] == SEPSIS) & quiet.rows["first"] & ~quiet.rows["abstained"]]
    before = rows[rows["time"] < 7 * REFERENCE]
    numeric = [
        numeric_reference(each.name, quiet.stays.standard[before["stay"], place]) for place, each in enumerate(CONCEPTS)
    ]
    numeric.append(numeric_reference("risk", before["log_odds"]))
    references = (numeric, _units(before))
    drift = {week for week in range(REFERENCE, REFERENCE + WEEKS) if drift_alarm(rows, quiet.stays, references, week)}
    everything = quiet.rows[quiet.rows["service"] == SEPSIS]
    overridden = stands(everything, "overridden")
    answered = overridden | stands(everything, "accepted")
    week = (everything["time"] // 7).astype(np.int64)
    counts, totals = (np.bincount(week[each], minlength=WEEKS + REFERENCE) for each in (overridden, answered))
    chart = laney_chart(counts, totals)
    loud = drift | {point.place for point in chart.signals if point.place >= REFERENCE}
    assert len(loud) <= 5


def test_the_same_seed_gives_the_same_history():
    """And another seed another one."""
    one, same, other = (draw(Plan(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.rows.tobytes() == same.rows.tobytes()
    assert one.rows.tobytes() != other.rows.tobytes()


def test_shadow_entries_are_of_the_same_stays(large):
    """Every shadow entry stands beside one of sepsis-6h."""
    rows = large.rows
    shadow, live = (
        rows["stay"][rows["service"] == SERVICES.index(name)] for name in ("sepsis-6h-physiology", "sepsis-6h")
    )
    assert shadow.size > 0
    assert np.isin(shadow, live).all()


@pytest.mark.parametrize("weekday", range(7))
def test_the_demo_is_better_in_every_unit_and_looks_worse(weekday):
    """Whatever the day of seeding: the crude rate rises, the rate of each unit falls, and the comparison says so."""
    history = draw(Plan(), np.random.default_rng(1), first_weekday=weekday)
    by_unit = truth_of(history, 1, date(2026, 3, 2)).override_by_unit.values()
    shares = [[overridden / answered for overridden, answered in each.values()] for each in by_unit]
    assert all(after < before for before, after in shares)
    found = comparison(history)
    assert found.reversal
    assert found.crude.difference.low > 0
