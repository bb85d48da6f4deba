"""Figures of patients who return: what is drawn or left out is the patient; of those who do not, nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from oversight.proportions import proportion
from oversight.statistics.calibration_curve import CalibrationCurve, calibration_curve
from oversight.statistics.cluster_share import cluster_proportion, cluster_share
from oversight.statistics.concordance import override_concordance
from oversight.statistics.estimate import Estimate
from oversight.statistics.feedback_aware import FeedbackAware, feedback_aware
from oversight.statistics.labelled import labelled, shared
from oversight.statistics.over_time import over_time
from oversight.statistics.performance import performance
from oversight.statistics.refused import Refused
from oversight.statistics.shadow import compare_shadow
from oversight.statistics.weighted_share import Share

NUMBER = 3000


@pytest.fixture(scope="module")
def drawn():
    """Risks, outcomes, cards, what was treated, and who: patients of one to nine stays in a row."""
    rng = np.random.default_rng(5)
    who = np.repeat(np.arange(NUMBER), 1 + rng.poisson(2, NUMBER))[:NUMBER]
    risk = np.round(rng.beta(2, 5, NUMBER), 3)
    alerted = risk >= 0.3
    return {
        "risk": risk, "outcome": (rng.random(NUMBER) < risk).astype(float), "alerted": alerted,
        "treated": alerted & (rng.random(NUMBER) < 0.5), "who": who,
    }  # fmt: skip


def test_labels_that_are_all_different_are_no_clusters(drawn) -> None:
    """Codes where two rows share a label, None where none do."""
    assert shared(["b", "a", "b"]).tolist() == [1, 0, 1]  # type: ignore[union-attr]
    assert shared(["b", "a", "c"]) is None
    assert shared([]) is None


def test_one_row_each_is_as_without_clusters(drawn) -> None:
    """Performance, also in periods, and drawn intervals are the same to the last digit."""
    outcome, risk, alerted = (drawn[name] for name in ("outcome", "risk", "alerted"))
    apart = np.random.default_rng(1).permutation(NUMBER) + 10**15
    one = performance(outcome, risk, 0.3, alerted=alerted, clusters=apart)
    assert one == performance(outcome, risk, 0.3, alerted=alerted)
    weeks = np.arange(NUMBER) // 1000
    periods = over_time(outcome, risk, weeks, alerted=alerted, clusters=apart)
    assert periods == over_time(outcome, risk, weeks, alerted=alerted)
    # Where nobody returns within a period, the period's stays are independent, whatever happens later.
    again = over_time(outcome, risk, weeks, alerted=alerted, clusters=np.arange(NUMBER) % 1000)
    assert again == periods
    given = (outcome, risk, alerted, drawn["treated"], np.empty((NUMBER, 0)), [])
    once, other = (
        feedback_aware(*given, np.random.default_rng(2), clusters=labels, replicates=20) for labels in (None, apart)
    )
    assert isinstance(once, FeedbackAware)
    assert once == other


def test_figures_that_nobody_asked_for_are_not_drawn(drawn) -> None:
    """Without the naive figures the weighted ones are the same."""
    given = tuple(drawn[name] for name in ("outcome", "risk", "alerted", "treated"))
    once, other = (
        feedback_aware(*given, np.empty((NUMBER, 0)), [], np.random.default_rng(2), clusters=drawn["who"],
                       replicates=20, naive=naive)
        for naive in (True, False)
    )  # fmt: skip
    assert isinstance(once, FeedbackAware)
    assert isinstance(other, FeedbackAware)
    assert once.weighted == other.weighted
    assert isinstance(other.naive, Refused)


def test_whole_patients_are_drawn(drawn) -> None:
    """Each patient written four times, which tells no more: the drawn intervals of patients stay about as wide.

    Rows drawn one by one make them half as wide. Patients with and without a card, alone and not, are among them.
    """
    four = {name: np.repeat(each, 4) for name, each in drawn.items()}

    def reach(rows, clusters):
        """Half the drawn interval of each figure but average precision, whose interval is not drawn."""
        made = feedback_aware(
            rows["outcome"], rows["risk"], rows["alerted"], rows["treated"], np.empty((len(rows["risk"]), 0)), [],
            np.random.default_rng(3), clusters=clusters, replicates=400,
        )  # fmt: skip
        assert isinstance(made, FeedbackAware)
        figures = made.weighted
        assert not isinstance(figures, Refused)
        names = ("ppv", "sensitivity", "specificity", "auroc", "calibration_slope", "observed_expected")
        return np.array([getattr(figures, name).high - getattr(figures, name).low for name in names])

    once, clustered, careless = reach(drawn, drawn["who"]), reach(four, four["who"]), reach(four, None)
    assert np.all(np.abs(clustered / once - 1) < 0.25), clustered / once
    assert np.all(careless / once < 0.75), careless / once


def test_bins_of_the_curve_allow_for_patients(drawn) -> None:
    """Each bin's share is that of `cluster_share`; every row twice leaves the intervals as they were."""
    rows, who = labelled(drawn["outcome"], drawn["risk"]), drawn["who"]
    made, plain = calibration_curve(rows, who), calibration_curve(rows)
    twice = calibration_curve(labelled(np.repeat(rows.outcome, 2), np.repeat(rows.risk, 2)), np.repeat(who, 2))
    assert isinstance(made, CalibrationCurve)
    assert isinstance(plain, CalibrationCurve)
    assert isinstance(twice, CalibrationCurve)
    assert made.error == plain.error
    for one, other, double in zip(made.bins, plain.bins, twice.bins, strict=True):
        here = (rows.risk >= one.low_risk) & (rows.risk <= one.high_risk)
        hits, totals = np.bincount(who[here], rows.outcome[here]), np.bincount(who[here]).astype(float)
        want = cluster_share(hits, totals, "row", int(here.sum()))
        assert isinstance(want, Share)
        assert (one.observed.low, one.observed.high) == pytest.approx((want.low, want.high), abs=1e-12)
        assert one.observed.value == other.observed.value == double.observed.value
        assert double.observed.high - double.observed.low == pytest.approx(want.high - want.low, rel=0.1)


def test_a_share_of_cards_allows_for_patients() -> None:
    """Of patients with one card each Wilson's; of patients whose cards end alike, that of so many patients."""
    hit = np.repeat([1.0, 0.0, 0.0, 1.0, 0.0], 20)
    assert cluster_proportion(hit, np.arange(100)) == proportion(40, 100)
    assert cluster_proportion(hit[:0], np.arange(0)) is None
    alike = cluster_proportion(hit, np.arange(100) // 4)
    few = proportion(10, 25)
    assert alike is not None
    assert few is not None
    assert (alike.count, alike.total) == (40, 100)
    assert alike.low == pytest.approx(few.low, abs=0.02)
    assert alike.high == pytest.approx(few.high, abs=0.02)
    told = override_concordance(np.ones(100, dtype=bool), hit, np.arange(100) // 4).without_event
    assert not isinstance(told, Refused)
    assert (told.low, told.high) == pytest.approx((1 - alike.high, 1 - alike.low), abs=1e-12)


def test_the_common_difference_is_that_of_leaving_each_patient_out(drawn) -> None:
    """Asked again without each patient: the same interval. With each alone it is Sato's."""
    kept = np.flatnonzero(drawn["alerted"])[:300]
    risk, live, happened = drawn["risk"][kept], drawn["treated"][kept], drawn["outcome"][kept] == 1
    who, edges = drawn["who"][kept], [0.35, 0.45]
    made = compare_shadow(risk, live, happened, edges, who).difference
    plain = compare_shadow(risk, live, happened, edges).difference
    assert compare_shadow(risk, live, happened, edges, np.arange(300)).difference == plain
    assert isinstance(made, Estimate)
    assert isinstance(plain, Estimate)
    assert made.value == plain.value
    # Who has cards only in strata that hold one kind adds nothing to the difference, and is not counted.
    stratum = np.searchsorted(edges, risk, side="right")
    mixed = np.array([0 < live[stratum == each].mean() < 1 for each in range(3)])
    without = []
    for one in np.unique(who[mixed[stratum]]):
        left = compare_shadow(risk[who != one], live[who != one], happened[who != one], edges).difference
        assert isinstance(left, Estimate)
        without.append(left.value - made.value)
    number = len(without)
    error = np.sqrt(np.sum(np.square(without)) * (number - 1) / number)
    reach = float(t.ppf(0.975, number - 1)) * error
    assert (made.low, made.high) == pytest.approx((made.value - reach, made.value + reach), abs=1e-12)


def test_who_is_not_compared_does_not_count() -> None:
    """Patients whose cards are all in a stratum of one kind leave the difference and its interval as they were."""
    rng = np.random.default_rng(11)
    who = np.repeat(np.arange(4), 25)
    live, happened = rng.random(100) < 0.5, rng.random(100) < 0.3 + 0.1 * (who % 2)
    alone = compare_shadow(np.full(100, 0.3), live, happened, [0.6], who).difference
    assert isinstance(alone, Estimate)
    risk, own = np.append(np.full(100, 0.3), np.full(400, 0.8)), np.append(who + 1000, np.repeat(np.arange(200), 2))
    beside = compare_shadow(risk, np.append(live, np.ones(400, bool)), np.append(happened, rng.random(400) < 0.5),
                            [0.6], own)  # fmt: skip
    assert beside.difference == alone
    assert beside.one_sided == 400
    # What a patient who is compared has there does not count either, and of one compared card each it is Sato's.
    once = compare_shadow(np.append(risk[:100], np.full(100, 0.8)), np.append(live, np.ones(100, bool)),
                          np.append(happened, happened), [0.6], np.tile(np.arange(100), 2)).difference  # fmt: skip
    assert once == compare_shadow(risk[:100], live, happened, [0.6]).difference


def test_cards_of_one_patient_alone_compare_nothing() -> None:
    """All cards of one kind are one patient's: without them there is no difference."""
    risk, live = np.full(40, 0.3), np.arange(40) < 20
    who = np.where(live, 0, np.arange(40))
    made = compare_shadow(risk, live, np.arange(40) % 2 == 0, [], who).difference
    assert isinstance(made, Refused)
    assert made.reason == "all cards of one kind that can be compared are those of one patient"
