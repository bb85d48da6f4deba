"""Thresholds and burden by replay, override concordance, and live against shadow cards."""

from __future__ import annotations

import math
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from oversight.pages.outcome_words import why
from oversight.proportions import Proportion, proportion, wilson
from oversight.statistics.cluster_share import cluster_ratio, cluster_share, ratio_variance
from oversight.statistics.concordance import override_concordance
from oversight.statistics.daily_mean import daily_mean
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.statistics.repeat_rule import repeat_rule
from oversight.statistics.replay import Replay, replay
from oversight.statistics.shadow import compare_shadow, newcombe
from oversight.statistics.thresholds import try_thresholds
from oversight.statistics.weighted_share import Share

DAY = 86_400


def assessments(number: int, seed: int, days: int = 90, units: int = 4) -> dict[str, Any]:
    """Random assessments of patients who stay for some days in one of several units."""
    rng = np.random.default_rng(seed)
    encounter = rng.integers(0, max(number // 6, 1), number)
    base = rng.normal(-2, 1, encounter.max() + 1)[encounter]
    risk = 1 / (1 + np.exp(-(base + rng.normal(0, 0.5, number))))
    outcome = (rng.random(number) < risk).astype(float)
    outcome[rng.random(number) < 0.1] = np.nan
    seconds = rng.integers(0, days * DAY, number)
    return {
        "risk": risk,
        "unit": encounter % units,
        "day": seconds // DAY,
        "outcome": outcome,
        "encounter": encounter,
        "seconds": seconds,
        "days": days,
    }


def shown_slowly(rows: dict[str, Any], threshold: float, hours: float) -> list[int]:
    """The repeat rule row by row."""
    last: dict[int, int] = {}
    shown = []
    for row in np.lexsort((rows["seconds"], rows["encounter"])):
        encounter, now = rows["encounter"][row], int(rows["seconds"][row])
        if rows["risk"][row] >= threshold and (encounter not in last or now - last[encounter] >= hours * 3600):
            last[encounter] = now
            shown.append(int(row))
    return shown


@pytest.mark.parametrize("hours", [0.0, 1.0, 24.0, 72.5, math.inf])
def test_cards_and_shares_equal_a_slow_replay(hours: float) -> None:
    """Cards, cards a day, PPV of cards, sensitivity, specificity, net benefit: over all and in each unit."""
    rows = assessments(3000, 1)
    staff = np.array([100.0, 200, 300, 400])
    past = replay(**rows, repeat_hours=hours)
    for made in try_thresholds(past, [0.05, 0.2, 0.5], staff):
        shown = np.array(shown_slowly(rows, made.threshold, hours))
        parts = [(made.burden, made.worth, None), *((*made.units[unit], unit) for unit in range(4))]
        for burden, worth, unit in parts:
            here = np.ones(3000, bool) if unit is None else rows["unit"] == unit
            cards = shown[here[shown]]
            happened, alert = rows["outcome"], rows["risk"] >= made.threshold
            known = here & ~np.isnan(happened)
            assert burden.cards == len(cards)
            assert isinstance(burden.per_day, Estimate)
            assert isinstance(burden.per_clinician_day, Estimate)
            assert burden.per_day.value == pytest.approx(len(cards) / 90)
            assert burden.per_clinician_day.value == pytest.approx(
                len(cards) / (staff.sum() if unit is None else staff[unit])
            )
            assert isinstance(worth.card_ppv, Share)
            assert isinstance(worth.sensitivity, Share)
            assert isinstance(worth.specificity, Share)
            assert isinstance(worth.net_benefit, Estimate)
            assert worth.card_ppv.value == pytest.approx(np.nanmean(happened[cards]))
            assert worth.sensitivity.value == pytest.approx(alert[known & (happened == 1)].mean())
            assert worth.specificity.value == pytest.approx((~alert)[known & (happened == 0)].mean())
            value = np.where(happened == 1, 1, -made.threshold / (1 - made.threshold)) * alert
            assert worth.net_benefit.value == pytest.approx(value[known].mean())
            assert worth.net_benefit.low < worth.net_benefit.value < worth.net_benefit.high
        assert made.busiest_day == np.bincount(rows["day"][shown]).max()
        assert made.encounters_with_card == len(set(rows["encounter"][shown]))
        stricken = set(rows["encounter"][rows["outcome"] == 1])
        assert isinstance(made.events_reached, Share)
        assert made.events_reached.numerator == len(stricken & set(rows["encounter"][shown]))
        assert made.events_reached.denominator == len(stricken)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60), st.booleans()), min_size=1, max_size=50),
    st.sampled_from([0, 1, 5, 20, 60, 1000, math.inf]),
)
def test_the_repeat_rule_equals_a_loop(rows: list[tuple[int, int, bool]], window: float) -> None:
    """For any times, ties included: a card if the last shown one is a window or more ago."""
    rows = sorted(rows, key=lambda row: row[:2])
    _, encounter = np.unique([row[0] for row in rows], return_inverse=True)
    seconds, crossing = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    want, last = [], {}
    for place, (label, now, crosses) in enumerate(zip(encounter, seconds, crossing, strict=True)):
        if crosses and (label not in last or now - last[label] >= window):
            last[label] = now
            want.append(place)
    got = repeat_rule(encounter.astype(np.int64), seconds.astype(np.int64), window).shown(crossing)
    assert sorted(got.tolist()) == want


def test_a_higher_threshold_or_a_longer_window_never_shows_more_crossings() -> None:
    """Crossings fall with the threshold, sensitivity falls and specificity rises; cards fall with the window."""
    rows = assessments(5000, 2)
    grid = [0.05, 0.1, 0.2, 0.4, 0.8]
    daily, every, once = (try_thresholds(replay(**rows, repeat_hours=hours), grid) for hours in (24.0, 0.0, math.inf))
    for low, high in pairwise(every):
        assert low.burden.cards > high.burden.cards
        assert low.worth.sensitivity.value > high.worth.sensitivity.value  # type: ignore[union-attr]
        assert low.worth.specificity.value < high.worth.specificity.value  # type: ignore[union-attr]
    for one, some, all_of_them in zip(once, daily, every, strict=True):
        assert one.burden.cards <= some.burden.cards <= all_of_them.burden.cards
        assert one.encounters_with_card == some.encounters_with_card == all_of_them.encounters_with_card
        assert one.worth.sensitivity == some.worth.sensitivity


def test_weights_undo_what_treatment_averted() -> None:
    """With adherence weights the replayed PPV is that of untreated patients."""
    rng = np.random.default_rng(3)
    rows = assessments(60_000, 3)
    rows["outcome"] = (rng.random(60_000) < rows["risk"]).astype(float)
    real = rows["outcome"][rows["risk"] >= 0.3].mean()
    treated = (rows["risk"] >= 0.3) & (rng.random(60_000) < 0.5)
    rows["outcome"] *= ~(treated & (rng.random(60_000) < 0.6))
    weight = np.where(rows["risk"] >= 0.3, np.where(treated, 0.0, 2.0), 1.0)
    naive, weighted = (
        try_thresholds(replay(**rows, repeat_hours=0.0, weight=each), [0.3])[0].worth.card_ppv
        for each in (None, weight)
    )
    assert isinstance(naive, Share)
    assert isinstance(weighted, Share)
    assert naive.high < real - 0.05
    assert weighted.low < real < weighted.high
    assert weighted.rows < naive.rows


def test_work_is_done_by_array_operations() -> None:
    """Ten times the rows take far less than ten times as long for each row: no Python for each (best of three)."""
    seconds = []
    for number in (100_000, 1_000_000):
        rows, best = assessments(number, 4, units=20), math.inf
        for _ in range(3):
            begun = time.process_time()
            made = try_thresholds(replay(**rows, repeat_hours=24.0), [0.1 * step for step in range(1, 9)])
            best = min(best, time.process_time() - begun)
        assert made[0].burden.cards > 0
        seconds.append(best)
    assert seconds[1] < 40 * seconds[0]


@pytest.mark.parametrize("encounters", [40, 150])
def test_intervals_allow_for_encounters(encounters: int) -> None:
    """Over 4000 periods of few and many encounters, clustered intervals hold in 94 to 96 %; plain ones fall short.

    The binomial error of 4000 periods is .35 points.
    """
    rng = np.random.default_rng(5)
    clustered = mean = plain = 0
    for _ in range(4000):
        share = rng.beta(1, 3, encounters)
        size = rng.integers(1, 12, encounters)
        hits = rng.binomial(size, share).astype(float)
        made = cluster_share(hits, size.astype(float), "row", int(size.sum()))
        assert isinstance(made, Share)
        clustered += made.low <= 0.25 <= made.high
        worth = cluster_ratio(hits - 0.1 * (size - hits), size.astype(float))
        mean += worth.low <= 0.175 <= worth.high
        low, high = wilson(int(hits.sum()), int(size.sum()))
        plain += low <= 0.25 <= high
    assert 0.94 <= clustered / 4000 <= 0.96
    assert 0.94 <= mean / 4000 <= 0.96
    assert plain / 4000 < 0.9


def test_a_cluster_of_one_row_is_a_row() -> None:
    """With one row each the interval is Wilson's, but for the n - 1; a share of 1 counts each cluster once."""
    hits = np.array([1.0] * 30 + [0.0] * 70)
    made = cluster_share(hits, np.ones(100), "row", 100)
    assert isinstance(made, Share)
    assert made.effective == pytest.approx(99)
    assert ratio_variance(hits, np.ones(100)) == pytest.approx(np.var(hits, ddof=1) / 100)
    whole = cluster_share(np.full(10, 5.0), np.full(10, 5.0), "row", 50)
    assert isinstance(whole, Share)
    assert (whole.effective, whole.high) == (10, 1.0)
    assert isinstance(cluster_share(np.zeros(3), np.zeros(3), "row", 0), Refused)


def test_an_empty_replay_refuses() -> None:
    """No assessment, no outcome, no alert, one day: each figure says why it is not there."""
    nothing = replay([], [], [], [], [], [], days=90, units=2)
    (made,) = try_thresholds(nothing, [0.3])
    assert isinstance(made.worth.card_ppv, Refused)
    assert isinstance(made.worth.net_benefit, Refused)
    assert made.burden.cards == 0
    assert len(made.units) == 2
    one: Replay = replay([0.5, 0.2], [0, 0], [0, 0], [np.nan, np.nan], ["a", "b"], [10, 20], days=1)
    (made,) = try_thresholds(one, [0.3])
    assert made.burden.cards == 1
    assert isinstance(made.burden.per_day, Refused)
    assert isinstance(made.burden.per_clinician_day, Refused)
    assert isinstance(made.worth.sensitivity, Refused)
    assert isinstance(made.units[0][1].net_benefit, Refused)


def test_replay_input_that_does_not_fit_is_an_error() -> None:
    """Days beyond the period, risks beyond 1, unequal lengths, thresholds of 0, staff of other units."""
    good: dict[str, Any] = {
        "risk": [0.5],
        "unit": [0],
        "day": [0],
        "outcome": [1],
        "encounter": [1],
        "seconds": [5],
        "days": 2,
    }
    for change in ({"day": [2]}, {"risk": [1.5]}, {"unit": [-1]}, {"outcome": [2]}, {"seconds": [1, 2]}):
        with pytest.raises(ValueError):
            replay(**{**good, **change})
    past = replay(**good)
    with pytest.raises(ValueError, match="threshold"):
        try_thresholds(past, [0.0])
    with pytest.raises(ValueError, match="each unit"):
        try_thresholds(past, [0.5], [1.0, 2.0])


def test_override_concordance_by_hand() -> None:
    """Of six overrides one had the event, four had not, one is not known; accepted cards do not count."""
    overridden = np.array([True] * 6 + [False] * 4)
    made = override_concordance(overridden, [1, 0, 0, 0, 0, np.nan, 1, 1, 0, np.nan])
    assert made.without_event == proportion(4, 5)
    assert made.unknown == 1
    assert isinstance(override_concordance(np.zeros(2, bool), [0, 1]).without_event, Refused)
    with pytest.raises(ValueError):
        override_concordance(np.ones(2, bool), [0, 3])
    with pytest.raises(ValueError):
        override_concordance(np.ones(2, bool), [0])


def test_a_difference_has_newcombes_interval() -> None:
    """Newcombe 1998 (Stat Med 17:873-890), table II, example a: 56/70 - 48/80, .0524 to .3339; and statsmodels."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    one, other = proportion(56, 70), proportion(48, 80)
    assert isinstance(one, Proportion)
    assert isinstance(other, Proportion)
    made = newcombe(one, other)
    assert (made.value, made.low, made.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    theirs = confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff")
    assert (made.low, made.high) == pytest.approx(theirs, abs=1e-9)


def test_shadow_and_live_are_compared_at_equal_risk() -> None:
    """Live cards went to sicker patients: crude rates say live is worse, within strata it is better by .05."""
    rng = np.random.default_rng(6)
    risk = rng.random(40_000)
    live = rng.random(40_000) < 0.2 + 0.6 * risk
    happened = rng.random(40_000) < 0.1 + 0.6 * risk - 0.05 * live
    edges = [0.05 * step for step in range(1, 20)]
    made = compare_shadow(risk, live, happened, edges)
    assert happened[live].mean() > happened[~live].mean()
    assert isinstance(made.difference, Estimate)
    assert made.difference.low < -0.05 < made.difference.high < 0
    assert len(made.strata) == 20
    assert made.one_sided == 0
    assert (made.strata[3].low_risk, made.strata[3].high_risk) == pytest.approx((0.15, 0.2))
    assert sum(each.live.total + each.shadow.total for each in made.strata if each.live and each.shadow) == 40_000


@pytest.mark.parametrize("cards", [100, 400, 2000])
def test_the_common_difference_covers_the_truth(cards: int) -> None:
    """Over 4000 comparisons in four strata, few cards or many, it holds the true difference in 94 to 96 %."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(4000):
        risk = rng.random(cards)
        stratum = np.minimum((risk * 4).astype(int), 3)
        live = rng.random(cards) < 0.3 + 0.1 * stratum
        made = compare_shadow(risk, live, rng.random(cards) < 0.2 + 0.1 * stratum - 0.08 * live, [0.25, 0.5, 0.75])
        assert isinstance(made.difference, Estimate)
        held += made.difference.low <= -0.08 <= made.difference.high
    assert 0.94 <= held / 4000 <= 0.96, held / 4000


@pytest.mark.parametrize(
    ("days", "mean", "uneven"), [(7, 20, 10), (14, 3, 1), (30, 3, 1), (30, 20, 4), (90, 0.3, 0), (90, 10, 2)]
)
def test_the_interval_of_cards_a_day_covers_the_truth(days: int, mean: float, uneven: float) -> None:
    """Over 4000 periods of days that differ by chance alone or far more, it holds the true mean in 94 to 96 %."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(4000):
        made = daily_mean(rng.poisson(rng.gamma(uneven, mean / uneven, days) if uneven else mean, days))
        assert isinstance(made, Estimate)
        held += made.low <= mean <= made.high
    assert 0.94 <= held / 4000 <= 0.96, held / 4000


def test_what_a_threshold_is_worth_covers_the_truth() -> None:
    """PPV, sensitivity, specificity, net benefit of 1500 replays of 400 stays: 94 to 96 %, and so of units on average.

    Units borrow from the whole how alike assessments of one stay are; the truth is that of a million stays.
    """
    risk, unit, _, _ = stays_of_four_units(1_000_000, np.random.default_rng(0))
    alert, want = risk >= 0.3, []
    for here in (np.ones(len(risk), bool), *(unit == each for each in range(4))):
        true, false = np.where(here & alert, risk, 0).sum(), np.where(here & alert, 1 - risk, 0).sum()
        want.append(
            [
                true / (true + false),
                true / risk[here].sum(),
                1 - false / (1 - risk[here]).sum(),
                (true - false * 3 / 7) / here.sum(),
            ]
        )
    held = np.zeros((5, 4))
    for seed in range(1500):
        drawn, units, outcome, stay = stays_of_four_units(400, np.random.default_rng(seed))
        order, day = np.arange(len(stay)), np.zeros(len(stay), int)
        (made,) = try_thresholds(replay(drawn, units, day, outcome, stay, order, days=2, repeat_hours=0.0), [0.3])
        for place, worth in enumerate((made.worth, *(each[1] for each in made.units))):
            figures = (worth.card_ppv, worth.sensitivity, worth.specificity, worth.net_benefit)
            for number, (figure, true) in enumerate(zip(figures, want[place], strict=True)):
                assert isinstance(figure, Share | Estimate)
                held[place, number] += figure.low <= true <= figure.high
    for covered in (held[0] / 1500, held[1:].mean(axis=0) / 1500):
        assert np.all((covered >= 0.94) & (covered <= 0.96)), covered


def stays_of_four_units(stays: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Risk, unit, outcome and stay of one to many assessments of each stay; units differ in how ill they are."""
    stay = np.repeat(np.arange(stays), 1 + rng.poisson(3, stays))
    log_odds = rng.normal(-1.5, 1, stays)[stay] + 0.3 * (stay % 4) + rng.normal(0, 0.5, len(stay))
    risk = 1 / (1 + np.exp(-log_odds))
    return risk, stay % 4, (rng.random(len(stay)) < risk).astype(float), stay


@pytest.mark.parametrize(("each", "days"), [(0, 30), (0, 7), (1, 7), (5, 30)])
def test_days_all_alike_are_not_certain(each: int, days: int) -> None:
    """No card in a month is not none for ever, nor five every day: the interval is that of a Poisson count."""
    made, total = daily_mean(np.full(days, each)), each * days
    assert isinstance(made, Estimate)
    assert made.value == each
    low = chi2.ppf(0.025, 2 * total) / 2 / days if total else 0
    assert (made.low, made.high) == pytest.approx((low, chi2.ppf(0.975, 2 * total + 2) / 2 / days))
    assert made.low <= made.value < made.high


@pytest.mark.parametrize("daily", [[], [4], [0, 1], [1, 1], [0, 0], [4, 9, 2], [1, 0, 0, 2, 5, 1]])
def test_fewer_than_seven_days_do_not_tell_how_days_differ(daily: list[int]) -> None:
    """Of one card in two days t would say up to 164,894 a day; with seven days it stays within a hundredfold."""
    made = daily_mean(np.array(daily, dtype=np.int64))
    assert isinstance(made, Refused)
    assert why(made) == "so few days do not tell how days differ: at least 7 are needed"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=7, max_size=60))
def test_the_mean_of_days_lies_in_its_interval(daily: list[int]) -> None:
    """With some width always, and within a hundredfold even if all cards came on one day of seven."""
    made = daily_mean(np.array(daily))
    assert isinstance(made, Estimate)
    assert 0 <= made.low <= made.value <= made.high
    assert made.low < made.high
    assert made.high <= 100 * made.value or not any(daily)


def test_one_sided_strata_are_refused_and_counted() -> None:
    """Where only one kind of card has such risks there is no difference; where none holds both, none in common."""
    made = compare_shadow([0.1, 0.1, 0.9], np.array([True, False, True]), np.array([True, False, True]), [0.5])
    assert isinstance(made.strata[1].difference, Refused)
    assert made.one_sided == 1
    assert isinstance(made.difference, Estimate)
    apart = compare_shadow([0.1, 0.9], np.array([False, True]), np.array([True, True]), [0.5])
    assert isinstance(apart.difference, Refused)
    assert apart.one_sided == 2
    with pytest.raises(ValueError):
        compare_shadow([0.1, 0.9], np.array([True]), np.array([True]), [0.5])
