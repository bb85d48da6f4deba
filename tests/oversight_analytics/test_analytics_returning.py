"""Outcomes of patients who return: intervals of the page are those of patients, and nobody's identity is in them."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE, said
from scipy.special import ndtr

from oversight.analytics.before_outcomes import before_outcomes
from oversight.analytics.judged_stays import Rows, judged_rows
from oversight.analytics.laid_out import lay_out
from oversight.analytics.outcome_periods import period_codes, stretches
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.past_assessments import Past
from oversight.analytics.risk_response import risk_response
from oversight.analytics.selection import Selection
from oversight.analytics.shadow_beside import beside
from oversight.analytics.side_by_side import side_by_side
from oversight.analytics.simulated import worths
from oversight.mart.columns import COPIED
from oversight.mart.mart import Mart
from oversight.mart.parts import Parts
from oversight.override_rates import Step
from oversight.statistics.cluster_share import cluster_proportion
from oversight.statistics.estimate import Estimate
from oversight.statistics.estimated import Estimated, estimated
from oversight.statistics.feedback_aware import FeedbackAware, feedback_aware
from oversight.statistics.over_time import over_time
from oversight.statistics.performance import performance
from oversight.statistics.refused import Refused
from oversight.statistics.replay import replay
from oversight.statistics.shadow import compare_shadow
from oversight.statistics.thresholds import try_thresholds
from oversight.tallies import Period

ADDRESS = "/oversight/outcomes?from=2026-03-02&to=2026-05-30&service=icu-mortality"
NOON = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000
NUMBER = 2_400
DEATH = OutcomeQuestion("death", 48.0, 48.0)
# Of each figure of the table, where `performance` has it.
FIGURES = {
    "ppv": lambda found: found.at_threshold.ppv, "needed": lambda found: found.at_threshold.number_needed_to_alert,
    "sensitivity": lambda found: found.at_threshold.sensitivity,
    "specificity": lambda found: found.at_threshold.specificity, "net_benefit": lambda found: found.net_benefit,
    "auroc": lambda found: found.auroc, "average_precision": lambda found: found.average_precision,
    "brier": lambda found: found.brier, "observed_expected": lambda found: found.observed_expected.ratio,
    "calibration_slope": lambda found: found.calibration_line.slope,
    "calibration_intercept": lambda found: found.calibration_line.intercept,
    "in_the_large": lambda found: found.intercept_in_the_large,
}  # fmt: skip


def visits(patients: int, rng: np.random.Generator):
    """Who, risk and outcome: one to 15 stays of each patient, alike in risk and, beyond that, in what came.

    Of all stays together the risks are right, and their log-odds have a mean of -1.5 and a standard deviation of 1.2.
    """
    who = np.repeat(np.arange(patients), np.minimum(rng.geometric(0.2, patients), 15))
    own, luck = rng.normal(size=(2, patients))[:, who]
    risk = 1 / (1 + np.exp(1.5 - 1.2 * (math.sqrt(0.6) * own + math.sqrt(0.4) * rng.normal(size=who.size))))
    came = ndtr(math.sqrt(0.5) * luck + math.sqrt(0.5) * rng.normal(size=who.size)) < risk
    return who, risk, came.astype(float)


def rows_of(who, risk, outcome, *, treated, followed_up: bool) -> Rows:
    """Rows of a service that gives cards from .3 on; `treated` of those with a card."""
    number, alerted = who.size, risk >= 0.3
    acted = alerted & treated
    return Rows(
        sequence=np.arange(1, number + 1), time=np.full(number, NOON), risk=risk, outcome=outcome, alerted=alerted,
        treated=acted, followed_up=np.full(number, followed_up), accepted=acted, overridden=alerted & ~acted,
        lead_hours=np.full(number, np.nan), stay=np.arange(number).astype(np.uint64), patient=who.astype(np.uint64),
        unit=np.full(number, "A", dtype=object), version=np.full(number, "1", dtype=object),
    )  # fmt: skip


@pytest.fixture
def ward(make_mart, tmp_path):
    """Stays of one service over ninety days, whose patients come one to 15 times; half of the cards are accepted."""
    rng = np.random.default_rng(4)
    who, risk, came = (each[:NUMBER] for each in visits(700, rng))
    mixed = rng.permutation(NUMBER)
    who, risk, came = who[mixed], risk[mixed], came[mixed]
    days, shown = np.sort(rng.integers(0, 90, NUMBER)), risk >= 0.3
    accepted = shown & (rng.random(NUMBER) < 0.5)
    happened = (came == 1) & ~(accepted & (rng.random(NUMBER) < 0.5))
    about = np.flatnonzero(shown) + 1
    patient = np.array([f"returning-patient-{n}" for n in who], dtype=object)
    advice = {
        "days": days, "probability": risk, "withheld": np.where(shown, None, "below-threshold"),
        "tier_at_least": np.where(shown, 0.3, 0.0), "patient": patient,
    }  # fmt: skip
    answers = np.where(accepted, "accepted", "overridden").astype(object)[about - 1]
    with make_mart(NUMBER, advice, {"about": about, "outcome": answers}):
        (copied,) = (one for one in COPIED if one.name == "outcome")
        at = NOON + (days * 24 + 20) * HOUR
        Parts(tmp_path / "outcome").add({each: np.full(NUMBER, None, dtype=object) for each in copied.names} | {
            "sequence": np.arange(1, NUMBER + 1), "time": at, "at": at, "occurred": happened, "patient": patient,
            "client": np.full(NUMBER, "ward", dtype=object), "name": np.full(NUMBER, "death", dtype=object),
            "encounter": np.array([f"encounter-{n}" for n in range(NUMBER)], dtype=object),
        })  # fmt: skip
    return SimpleNamespace(who=who, risk=risk, outcome=happened.astype(float), shown=shown, treated=accepted, days=days)


@pytest.fixture
def asked(ward, tmp_path):
    """What the page asks its mart: rows, both columns, and both lines over time."""
    selection = Selection(Period(date(2026, 3, 2), date(2026, 5, 30)), service="icu-mortality")
    with Mart(tmp_path).open() as mart:
        lay_out(mart, selection, "death", 10**9)
        every, _ = judged_rows(mart, selection, DEATH)
        rows = every.first_of_each_stay()
        found = side_by_side(rows, np.empty((NUMBER, 0)), [], 0.3, np.random.default_rng(1))
        until = datetime(2026, 7, 1, tzinfo=UTC)
        months = stretches(mart, selection, DEATH, rows, found.weight, Step.MONTH, until)
        expected = before_outcomes(mart, selection, rows, np.random.default_rng(1))
    return SimpleNamespace(rows=rows, found=found, months=months, expected=expected)


def test_patients_are_told_apart_by_numbers(ward, asked) -> None:
    """The same number for the same patient, another for another, and nothing else of them."""
    assert asked.rows.patient.dtype == np.uint64
    pairs = set(zip(ward.who.tolist(), asked.rows.patient.tolist(), strict=True))
    assert len(pairs) == len(set(ward.who.tolist())) == len(set(asked.rows.patient.tolist())) < NUMBER / 3


def test_figures_are_those_of_patients(ward, asked) -> None:
    """Every figure of both columns, with its interval, is what `performance` gives with the patients as clusters."""
    naive = performance(ward.outcome, ward.risk, 0.3, alerted=ward.shown, clusters=ward.who)
    aware = performance(ward.outcome, ward.risk, 0.3, weight=asked.found.weight, alerted=ward.shown, clusters=ward.who)
    alone = performance(ward.outcome, ward.risk, 0.3, alerted=ward.shown)
    for key, figure in FIGURES.items():
        for made, want in ((asked.found.naive, naive), (asked.found.weighted, aware)):
            assert ends(figure(made)) == pytest.approx(ends(figure(want)), abs=1e-9), key
        assert ends(asked.found.measure(key).naive) == pytest.approx(ends(figure(naive)), abs=1e-9)
        assert figure(naive).value == pytest.approx(figure(alone).value, abs=1e-12)
        assert ends(figure(naive)) != pytest.approx(ends(figure(alone)), rel=1e-4), key
    for one, other in zip(asked.found.naive.calibration_curve.bins, naive.calibration_curve.bins, strict=True):
        assert ends(one.observed) == pytest.approx(ends(other.observed), abs=1e-9)


def test_drawn_intervals_are_those_of_patients(ward, asked) -> None:
    """Bootstrap draws take whole patients: as `feedback_aware` with the patients as clusters, drawn alike."""
    # The mart's numbers sort otherwise than the test's, so draws fall otherwise: the same numbers are handed over.
    want = feedback_aware(
        ward.outcome, ward.risk, ward.shown, ward.treated, np.empty((NUMBER, 0)), [], np.random.default_rng(1),
        followed_up=asked.rows.followed_up, clusters=asked.rows.patient,
    )  # fmt: skip
    assert isinstance(want, FeedbackAware)
    for key in ("ppv", "sensitivity", "specificity", "auroc", "observed_expected", "calibration_slope"):
        drawn = ends(asked.found.measure(key).aware)
        assert drawn == pytest.approx(ends(getattr(want.weighted, key)), abs=1e-9), key


def test_months_are_those_of_patients(ward, asked) -> None:
    """Over time too, naive and feedback-aware."""
    start = period_codes(asked.rows, Step.MONTH)
    for name, weight in (("naive", None), ("aware", asked.found.weight)):
        wanted = over_time(
            ward.outcome, ward.risk, start, weight=weight, clusters=ward.who, alerted=ward.shown
        )  # fmt: skip
        assert len(wanted) == 3
        for month, want in zip(asked.months, wanted, strict=True):
            made = getattr(month, name)
            for figure in ("auroc", "average_precision", "brier", "intercept_in_the_large", "ppv"):
                assert ends(getattr(made, figure)) == pytest.approx(ends(getattr(want, figure)), abs=1e-9), figure
            assert ends(made.observed_expected.ratio) == pytest.approx(ends(want.observed_expected.ratio), abs=1e-9)
            assert ends(made.calibration_line.slope) == pytest.approx(ends(want.calibration_line.slope), abs=1e-9)


def test_the_estimate_before_outcomes_draws_patients(ward, asked) -> None:
    """Whole patients, also those with stays before and in the last four weeks: as `estimated` is told who is who."""
    here = ward.days >= 90 - 28
    # By the mart's numbers, in whose order patients are drawn.
    number = dict(zip(ward.who.tolist(), asked.rows.patient.tolist(), strict=True))
    patient = np.array([number[who] for who in ward.who.tolist()], dtype=np.uint64)
    assert set(patient[here].tolist()) & set(patient[~here].tolist())
    want, alone = (
        estimated(
            ward.outcome[~here], ward.risk[~here], ward.risk[here], 0.0, np.random.default_rng(1),
            alerted=ward.shown[here], reference_alerted=ward.shown[~here], replicates=100, **who,
        )
        for who in ({"reference_patients": patient[~here], "patients": patient[here]}, {})
    )  # fmt: skip
    assert isinstance(want, Estimated)
    assert isinstance(alone, Estimated)
    assert asked.expected.estimate == want
    assert want.auroc.value == alone.auroc.value
    assert (want.auroc.low, want.auroc.high) != (alone.auroc.low, alone.auroc.high)


def test_responses_are_those_of_patients(ward, asked) -> None:
    """Each share of the table of responses has the interval of patients."""
    made = risk_response(asked.rows, asked.found.weight).totals
    kinds = (ward.treated, ward.shown & ~ward.treated)
    for cell, here in ((made[0], kinds[0]), (made[1], kinds[1]), (made[4], ~ward.shown), (made[5], ward.shown)):
        want = cluster_proportion(ward.outcome[here], ward.who[here])
        assert ends(cell.events) == pytest.approx(ends(want), abs=1e-12)


def assessed(rows: Rows) -> Past:
    """What the simulator replays beside these rows: the same, in two units, with nobody named."""
    number = rows.risk.size
    return Past(
        sequence=rows.sequence, seconds=rows.time // 1_000_000, risk=rows.risk, unit=np.arange(number) % 2,
        units=("A", "B"), day=np.zeros(number, dtype=np.int64), days=2, card=rows.alerted, stay=np.arange(number),
        clinician=np.full(number, -1), staff=np.zeros(2), outcome=rows.outcome,
    )  # fmt: skip


@pytest.mark.parametrize("share", [0.2, 0.45])
def test_thresholds_are_worth_what_the_page_of_outcomes_says(asked, share: float) -> None:
    """PPV, sensitivity, specificity and net benefit, naive and weighted, have the intervals of patients."""
    rows = asked.rows
    (made,) = worths(rows, asked.found.weight, assessed(rows), [share])
    for worth, weight in ((made.naive, None), (made.aware, asked.found.weight)):
        want, alone = (
            performance(rows.outcome, rows.risk, share, weight=weight, clusters=who) for who in (rows.patient, None)
        )  # fmt: skip
        assert worth is not None
        for name, figure in (("card_ppv", "ppv"), ("sensitivity", "sensitivity"), ("specificity", "specificity")):
            here, there = ends(getattr(worth, name)), ends(getattr(want.at_threshold, figure))
            assert here == pytest.approx(there, abs=1e-9), name
            _, low, high = ends(getattr(alone.at_threshold, figure))
            assert here[2] - here[1] > 1.01 * (high - low), name
        assert ends(worth.net_benefit) == pytest.approx(ends(want.net_benefit), abs=1e-9)


def test_thresholds_of_one_stay_each_are_those_of_stays(asked) -> None:
    """To the last digit, over all and by unit; by patients who return, those of units are wider too."""
    rows = replace(asked.rows, patient=np.random.default_rng(2).permutation(NUMBER).astype(np.uint64))
    past, number = assessed(rows), np.arange(NUMBER)
    (made,) = worths(rows, None, past, [0.3])
    laid = replay(
        rows.risk, past.unit, np.zeros_like(number), rows.outcome, number, rows.time // 1_000_000, days=2,
        repeat_hours=0, units=2,
    )  # fmt: skip
    (want,) = try_thresholds(laid, [0.3])
    assert made.naive == want.worth
    assert [naive for naive, _ in made.units] == [worth for _, worth in want.units]
    (wider,) = worths(asked.rows, None, past, [0.3])
    for (one, _), (other, _) in zip(wider.units, made.units, strict=True):
        _, low, high = ends(one.sensitivity)
        value, least, most = ends(other.sensitivity)
        assert value == pytest.approx(ends(one.sensitivity)[0], abs=1e-12)
        assert high - low > 1.02 * (most - least)


@pytest.mark.parametrize("known", [False, True])
def test_a_shadow_beside_is_judged_by_patients(known: bool) -> None:
    """Figures of both models, naive and weighted, and what came at equal risk: patients are left out, not stays.

    A stay in which both cross stands on both sides of the comparison, and is the same patient there.
    """
    rng = np.random.default_rng(6)
    who, risk, came = visits(300, rng)
    other = np.clip(risk + rng.normal(0, 0.1, risk.size), 0.001, 0.999)
    rows = rows_of(who, risk, came, treated=np.zeros(who.size, dtype=bool), followed_up=True)
    weight = rng.uniform(0.5, 3, who.size) if known else None
    shadow = {"stay": rows.stay, "time": rows.time, "risk": other, "crossing": other >= 0.3}
    made = beside("new", "old", shadow, rows, weight, 0.3)
    assert made is not None
    for kind, score in ((made.live, risk), (made.shadow, other)):
        want = performance(came, score, 0.3, clusters=who, grid=(0.5,))
        careless = performance(came, score, 0.3, grid=(0.5,))
        for name in ("ppv", "sensitivity"):
            assert ends(getattr(kind, name)) == pytest.approx(ends(getattr(want.at_threshold, name)), abs=1e-12)
            assert ends(getattr(kind, name)) != ends(getattr(careless.at_threshold, name))
        assert ends(kind.auroc) == ends(want.auroc) != ends(careless.auroc)
        if known:
            aware = performance(came, score, 0.3, weight=weight, clusters=who, grid=(0.5,))
            assert ends(kind.aware_ppv) == pytest.approx(ends(aware.at_threshold.ppv), abs=1e-12)
            assert ends(kind.aware_auroc) == ends(aware.auroc)
    live, silent = risk >= 0.3, other >= 0.3
    scores = np.concatenate([risk[live], other[silent]])
    edges = [float(edge) for edge in np.unique(np.round(np.quantile(scores, [0.25, 0.5, 0.75]), 3))]
    both, happened = np.repeat([True, False], [live.sum(), silent.sum()]), np.concatenate([came[live], came[silent]])
    patients = np.concatenate([who[live], who[silent]])
    want = compare_shadow(scores, both, happened == 1, edges, patients)
    assert ends(made.strata.difference) == pytest.approx(ends(want.difference), abs=1e-12)
    alone = compare_shadow(scores, both, happened == 1, edges).difference
    assert ends(made.strata.difference)[1:] != pytest.approx(ends(alone)[1:], rel=0.05)


def test_one_stay_each_changes_nothing(asked) -> None:
    """Where all stays are of different patients, everything is as without clusters."""
    rows = replace(asked.rows, patient=np.random.default_rng(2).permutation(NUMBER).astype(np.uint64))
    found = side_by_side(rows, np.empty((NUMBER, 0)), [], 0.3, np.random.default_rng(1))
    assert found.naive == performance(rows.outcome, rows.risk, 0.3, alerted=rows.alerted, grid=(0.5,))
    assert found.weighted == performance(
        rows.outcome, rows.risk, 0.3, weight=found.weight, alerted=rows.alerted, grid=(0.5,)
    )
    plain = feedback_aware(
        rows.outcome, rows.risk, rows.alerted, rows.treated, np.empty((NUMBER, 0)), [], np.random.default_rng(1),
        followed_up=rows.followed_up,
    )  # fmt: skip
    assert isinstance(plain, FeedbackAware)
    assert found.drawn == plain.weighted


def test_the_page_shows_these_intervals_and_nobodys_name(ward, asked, app) -> None:
    """AUROC with the patients' interval, the sentence that says so; no pseudonym, and no number made from one."""
    answer = app(outcomes={"icu-mortality": DEATH}).test_client().get(ADDRESS, headers=INSIDE)
    text = said(answer)
    low, high = (f"{end:.2f}" for end in ends(asked.found.naive.auroc)[1:])
    shown = re.search(r"AUROC 0\.\d+ (0\.\d+) to (0\.\d+)", text)
    assert shown is not None
    assert (float(shown[1]), float(shown[2])) == pytest.approx((float(low), float(high)), abs=0.0051)
    assert "Stays of the same patient are taken to be alike" in text
    assert "bootstrap draws of patients" in text
    assert "returning-patient" not in answer.text
    assert "encounter-" not in answer.text
    assert not re.search(r"\d{12,}", answer.text)


def test_intervals_cover_the_truth() -> None:
    """Of 2500 hospitals of 100 patients who return, 94 to 96 % of intervals hold the truth; of stays alone fewer do.

    The binomial error of 2500 is .4 points; the hospitals are the same each time. Nothing is known of treatment, so
    there is the naive column alone, and no card averts anything.
    """
    keys = ("auroc", "calibration_slope", "ppv", "observed_expected", "brier")
    truth, rng = right_figures(), np.random.default_rng(23)
    held, careless = np.zeros(len(keys)), 0
    for _ in range(2500):
        who, risk, came = visits(100, rng)
        rows = rows_of(who, risk, came, treated=np.zeros(who.size, dtype=bool), followed_up=False)
        found = side_by_side(rows, np.empty((who.size, 0)), [], 0.3, rng)
        assert isinstance(found.weighted, Refused)
        made = [found.measure(key).naive for key in keys]
        held += [each.low <= want <= each.high for each, want in zip(made, truth, strict=True)]  # type: ignore[union-attr]
        alone = performance(came, risk, 0.3, grid=(0.5,)).auroc
        careless += isinstance(alone, Estimate) and alone.low <= truth[0] <= alone.high
    assert np.all((held / 2500 >= 0.94) & (held / 2500 <= 0.96)), held / 2500
    assert careless / 2500 < 0.93


def test_weighted_intervals_cover_the_truth() -> None:
    """Of 40 hospitals of 600 patients who return, cards averting half, weighted intervals hold it in 34 or more each.

    95 % of 40 less three binomial errors is 34; what thousands gave stands in the docstring of `feedback_aware`.
    """
    keys = ("auroc", "calibration_slope", "ppv", "observed_expected")
    truth, rng = right_figures()[:4], np.random.default_rng(29)
    held, naive = np.zeros(len(keys)), 0
    for _ in range(40):
        who, risk, came = visits(600, rng)
        treated = rng.random(who.size) < 1 / (1 + np.exp(1 - 2 * risk))
        averted = (risk >= 0.3) & treated & (rng.random(who.size) < 0.5)
        rows = rows_of(who, risk, came * ~averted, treated=treated, followed_up=True)
        found = side_by_side(rows, np.empty((who.size, 0)), [], 0.3, rng)
        made = [found.measure(key).aware for key in keys]
        held += [each.low <= want <= each.high for each, want in zip(made, truth, strict=True)]  # type: ignore[union-attr]
        ppv = found.measure("ppv").naive
        naive += isinstance(ppv, Estimate) and ppv.low <= truth[2] <= ppv.high
    assert held.min() >= 34, held
    assert naive < 20


def ends(it) -> tuple[float, float, float]:
    """Value, low, high of whatever has an interval."""
    assert not isinstance(it, Refused), it
    return it.value, it.low, it.high


def right_figures() -> list[float]:
    """AUROC, slope, PPV, O:E and Brier score of the visits, by summing over a fine grid of log-odds."""
    log_odds = np.linspace(-1.5 - 9.6, -1.5 + 9.6, 400_001)
    stays = np.exp(-(((log_odds + 1.5) / 1.2) ** 2) / 2)
    stays, risk = stays / stays.sum(), 1 / (1 + np.exp(-log_odds))
    events, others, shown = stays * risk, stays * (1 - risk), risk >= 0.3
    area = float(np.dot(events, np.cumsum(others) - others / 2) / events.sum() / others.sum())
    ppv = float(events[shown].sum() / stays[shown].sum())
    return [area, 1.0, ppv, 1.0, float(np.dot(stays, risk * (1 - risk)))]
