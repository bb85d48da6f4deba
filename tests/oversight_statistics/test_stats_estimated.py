"""Performance before outcomes arrive: right under covariate shift, and blind to concept drift by its own account."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oversight.statistics.calibration import observed_expected
from oversight.statistics.discrimination import auroc
from oversight.statistics.estimate import Estimate
from oversight.statistics.estimated import Estimated, _moved, estimated
from oversight.statistics.isotonic import fit_isotonic
from oversight.statistics.labelled import labelled
from oversight.statistics.performance import performance
from oversight.statistics.refused import Refused

Floats = npt.NDArray[np.float64]


def drawn(number: int, rng: np.random.Generator, shift: float = 0.0, drift: float = 0.0) -> tuple[Floats, Floats]:
    """Outcomes and a miscalibrated risk; `shift` moves the patients, `drift` what a risk means (in log-odds)."""
    log_odds = rng.normal(-2.5 + shift, 1.2, number)
    happened = rng.random(number) < 1 / (1 + np.exp(-(log_odds + drift)))
    # The model says too much, on a bent scale: recalibration has something to do.
    return happened.astype(float), 1 / (1 + np.exp(-(0.7 * log_odds + 0.6)))


def made(reference: tuple[Floats, Floats], risk: Floats, seed: int = 1, **options: Any) -> Estimated:
    """An estimate that is not refused."""
    result = estimated(*reference, risk, 0.4, np.random.default_rng(seed), **options)
    assert isinstance(result, Estimated)
    return result


@pytest.mark.parametrize("seed", range(10))
def test_the_estimate_follows_a_change_of_patients(seed: int) -> None:
    """Sicker patients: estimated AUROC, PPV and sensitivity lie within .02 of the true ones; the raw risk does not."""
    rng = np.random.default_rng(seed)
    reference = drawn(30_000, rng)
    outcome, risk = drawn(30_000, rng, shift=0.7)
    result = made(reference, risk, seed)
    real = auroc(labelled(outcome, risk))
    assert isinstance(real, Estimate)
    assert isinstance(result.ppv, Estimate)
    assert isinstance(result.sensitivity, Estimate)
    assert abs(result.auroc.value - real.value) < 0.02
    assert abs(result.ppv.value - outcome[risk >= 0.4].mean()) < 0.02
    assert abs(result.sensitivity.value - (risk >= 0.4)[outcome == 1].mean()) < 0.02
    assert abs(risk[risk >= 0.4].mean() - outcome[risk >= 0.4].mean()) > 0.1


def test_concept_drift_is_not_seen_until_labels_arrive() -> None:
    """If the same risk comes to mean more, the estimate stays put and says it is blind; O:E of labels does not."""
    rng = np.random.default_rng(3)
    reference = drawn(30_000, rng)
    before_outcome, before = drawn(30_000, rng)
    outcome, risk = drawn(30_000, rng, drift=1.0)
    last = performance(before_outcome, before, 0.4)
    calm, drifted = made(reference, before), made(reference, risk, last_realised=last)
    assert isinstance(calm.ppv, Estimate)
    assert isinstance(drifted.ppv, Estimate)
    assert abs(calm.ppv.value - drifted.ppv.value) < 0.02
    assert outcome[risk >= 0.4].mean() - drifted.ppv.high > 0.1
    assert drifted.blind_to == "concept drift"
    assert drifted.last_realised is last
    recalibrated = fit_isotonic(reference[1], reference[0])
    quiet = observed_expected(labelled(before_outcome, recalibrated(before)))
    loud = observed_expected(labelled(outcome, recalibrated(risk)))
    assert not isinstance(quiet, Refused)
    assert not isinstance(loud, Refused)
    assert abs(quiet.ratio.value - 1) < 0.06
    assert loud.ratio.low > 1.5
    assert loud.expected == pytest.approx(drifted.expected_events)


def test_the_interval_holds_what_labels_then_show() -> None:
    """Over 120 weeks of 4000 rows with sicker patients, 95 % intervals hold the realised figures in 107 to 120.

    That is 95 % with three binomial errors (2 points each): enough to see an interval that is wrong. That it is 94 to
    96 % of 1500 weeks, the long suites hold (`test_stats_drawn_coverage`).
    """
    held = np.zeros(3)
    for seed in range(120):
        rng = np.random.default_rng(1000 + seed)
        reference = drawn(6000, rng)
        outcome, risk = drawn(4000, rng, shift=0.4)
        result = made(reference, risk, seed, replicates=80)
        real = auroc(labelled(outcome, risk))
        assert isinstance(real, Estimate)
        shown = risk >= 0.4
        for place, (figure, value) in enumerate(
            [
                (result.ppv, outcome[shown].mean()),
                (result.sensitivity, shown[outcome == 1].mean()),
                (result.auroc, real.value),
            ]
        ):
            assert isinstance(figure, Estimate)
            held[place] += figure.low <= value <= figure.high
    assert np.all(held >= 107), held
    assert 0.92 <= held.sum() / 360 <= 0.98, held


def test_point_estimates_equal_their_definition() -> None:
    """With scikit-learn's isotonic fit, and its AUROC of each row twice: an event weighing q, none weighing 1 - q."""
    from sklearn.isotonic import IsotonicRegression
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(5)
    outcome, scores = drawn(5000, rng)
    _, risk = drawn(4000, rng, shift=0.3)
    result = made((outcome, scores), risk, replicates=20)
    chances = IsotonicRegression(out_of_bounds="clip").fit(scores, outcome).predict(risk)
    shown = risk >= 0.4
    assert isinstance(result.ppv, Estimate)
    assert isinstance(result.sensitivity, Estimate)
    assert result.ppv.value == pytest.approx(chances[shown].mean(), abs=1e-9)
    assert result.sensitivity.value == pytest.approx(chances[shown].sum() / chances.sum(), abs=1e-9)
    both = np.concatenate([np.ones(4000), np.zeros(4000)])
    weights = np.concatenate([chances, 1 - chances])
    assert result.auroc.value == pytest.approx(roc_auc_score(both, np.tile(risk, 2), sample_weight=weights), abs=1e-9)
    assert (result.rows, result.alerts, result.reference_rows) == (4000, shown.sum(), 5000)
    assert result.reference_events == outcome.sum()


def test_few_alerts_have_no_predictive_value() -> None:
    """Under 200 alerts PPV and sensitivity are refused and AUROC is still given; alerts may be given as they were."""
    rng = np.random.default_rng(6)
    reference = drawn(5000, rng)
    _, risk = drawn(4000, rng)
    alerted = np.zeros(4000, bool)
    alerted[:199] = True
    result = made(reference, risk, alerted=alerted)
    assert isinstance(result.ppv, Refused)
    assert isinstance(result.sensitivity, Refused)
    assert result.auroc.low < result.auroc.value < result.auroc.high
    alerted[199] = True
    assert isinstance(made(reference, risk, alerted=alerted).ppv, Estimate)
    assert isinstance(made(reference, risk, alerted=np.zeros(4000, bool)).ppv, Refused)


def test_a_poor_reference_is_refused() -> None:
    """Too small, too few events, shared with the rows to be estimated, or nothing to estimate."""
    rng = np.random.default_rng(7)
    outcome, risk = drawn(3000, rng)
    again = np.random.default_rng(1)
    assert isinstance(estimated(outcome[:999], risk[:999], risk, 0.4, again), Refused)
    assert isinstance(estimated(np.arange(3000) < 49, risk, risk, 0.4, again), Refused)
    assert isinstance(estimated(outcome, risk, risk[:0], 0.4, again), Refused)
    assert isinstance(estimated(outcome, risk, risk[:20], 0.4, again), Refused)
    shared = estimated(outcome, risk, risk, 0.4, again, reference_ids=np.arange(3000), ids=np.arange(2999, 5999))
    assert isinstance(shared, Refused)
    assert shared.reason.startswith("1 row")
    apart = estimated(outcome, risk, risk, 0.4, again, reference_ids=np.arange(3000), ids=np.arange(3000, 6000))
    assert isinstance(apart, Estimated)
    with pytest.raises(ValueError, match="as long as the risks"):
        estimated(outcome, risk, risk, 0.4, again, alerted=np.ones(2, bool))
    with pytest.raises(ValueError, match="no row to fit"):
        fit_isotonic(risk, outcome, np.zeros(3000))
    with pytest.raises(ValueError, match="an id for each row"):
        estimated(outcome, risk, risk, 0.4, again, reference_ids=np.arange(5), ids=np.arange(3000))


def test_rows_of_one_patient_are_drawn_together() -> None:
    """Rows four times over tell no more than once: of patients who return, intervals are that much wider.

    Where nobody returns, or nobody says who it was, they are those of rows.
    """
    rng = np.random.default_rng(9)
    outcome, scores = drawn(1500, rng)
    _, risk = drawn(1000, rng)
    reference, now = (np.tile(outcome, 4), np.tile(scores, 4)), np.tile(risk, 4)
    alone = made(reference, now)
    returning = made(
        reference, now, reference_patients=np.tile(np.arange(1500), 4), patients=np.tile(np.arange(1500, 2500), 4)
    )
    for name in ("ppv", "sensitivity", "auroc"):
        one, other = getattr(returning, name), getattr(alone, name)
        assert one.value == other.value
        assert one.high - one.low > 1.2 * (other.high - other.low), name
    everybody = np.arange(10_000)
    assert made(reference, now, reference_patients=everybody[:6000], patients=everybody[6000:]) == alone
    with pytest.raises(ValueError, match="a patient for each row"):
        made(reference, now, reference_patients=everybody, patients=everybody[:4000])
    with pytest.raises(ValueError, match="labels of one kind"):
        made(reference, now, reference_patients=everybody[:6000], patients=everybody[6000:].astype(np.uint64))
    few = estimated(
        *reference, now, 0.4, rng, reference_patients=everybody[:6000] % 9, patients=everybody[6000:]
    )  # fmt: skip
    assert isinstance(few, Refused)
    assert "too few patients" in few.reason


@pytest.mark.parametrize("threshold", [0.008, 0.02])
def test_where_nearly_all_events_are_alerted_on_the_interval_stays_a_narrow_one(threshold: float) -> None:
    """Sensitivity near 1 of some 28 events: it may be 1, its low end is not far off, and what then shows lies in it."""
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        risk, now = (1 / (1 + np.exp(-rng.normal(-3.5, 1.2, number))) for number in (3000, 600))
        came = rng.random(600) < now
        result = made(
            ((rng.random(3000) < risk).astype(float), risk), now, seed, replicates=60, alerted=now >= threshold
        )
        assert isinstance(result.sensitivity, Estimate)
        assert 0.6 < result.sensitivity.low < result.sensitivity.value <= result.sensitivity.high <= 1
        held += result.sensitivity.low <= (now >= threshold)[came].mean() <= result.sensitivity.high
    assert held >= 54, held


def test_what_an_estimate_never_sees_is_not_certain() -> None:
    """A reference told apart without one mistake: figures near 1 have an interval that is neither none nor all."""
    rng = np.random.default_rng(2)
    scores, risk = rng.random(2000), rng.random(3000)
    result = estimated(scores > 0.9, scores, risk, 0.5, np.random.default_rng(1))
    assert isinstance(result, Estimated)
    assert isinstance(result.sensitivity, Estimate)
    assert 0.9 < result.sensitivity.low < 1 == result.sensitivity.high
    assert 0.99 < result.auroc.low < result.auroc.value <= result.auroc.high <= 1


def heeded(number: int, rng: np.random.Generator) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Outcomes, risks and alerts from .4 on; nine in ten are acted on, which averts nine in ten events."""
    came, risk = drawn(number, rng)
    alerted = risk >= 0.4
    averted = alerted & (rng.random(number) < 0.9) & (rng.random(number) < 0.9)
    return came * ~averted, risk, alerted


def test_alerts_are_recalibrated_by_themselves() -> None:
    """Where alerts are acted on, what a risk means drops at the threshold: one never-falling line misses PPV there."""
    rng = np.random.default_rng(4)
    outcome, scores, before = heeded(30_000, rng)
    came, risk, alerted = heeded(30_000, rng)
    apart = made((outcome, scores), risk, alerted=alerted, reference_alerted=before)
    together = made((outcome, scores), risk, alerted=alerted)
    assert isinstance(apart.ppv, Estimate)
    assert isinstance(together.ppv, Estimate)
    assert isinstance(apart.sensitivity, Estimate)
    real = came[alerted].mean()
    assert apart.ppv.low <= real <= apart.ppv.high
    assert apart.sensitivity.low <= alerted[came == 1].mean() <= apart.sensitivity.high
    assert abs(apart.ppv.value - real) < 0.01 < abs(together.ppv.value - real)
    few = before & (np.cumsum(before & (outcome == 1)) <= 49)
    assert made((outcome, scores), risk, alerted=alerted, reference_alerted=few) == together
    with pytest.raises(ValueError, match="as long as the reference"):
        made((outcome, scores), risk, alerted=alerted, reference_alerted=before[:5])


@pytest.mark.parametrize(("threshold", "said"), [(0.25, "not given"), (0.38, "not given"), (0.6, "left out")])
def test_after_another_threshold_the_estimate_is_refused(threshold: float, said: str) -> None:
    """Nothing is known of alerts where there were none, nor of risks left alone where all had one."""
    rng = np.random.default_rng(4)
    outcome, scores, before = heeded(20_000, rng)
    _, risk, _ = heeded(5000, rng)
    for alerted in (risk >= threshold, np.full(5000, threshold < 0.4)):
        result = estimated(
            outcome, scores, risk, 0.4, np.random.default_rng(1), alerted=alerted, reference_alerted=before
        )
        assert isinstance(result, Refused)
        assert said in result.reason


def test_alerts_where_the_reference_has_none_are_refused() -> None:
    """A service that was in shadow: what its cards avert is not known yet."""
    rng = np.random.default_rng(5)
    outcome, scores, _ = heeded(5000, rng)
    _, risk, alerted = heeded(5000, rng)
    quiet = np.zeros(5000, bool)
    options: dict[str, Any] = {"reference_alerted": quiet, "replicates": 20}
    shown = estimated(outcome, scores, risk, 0.4, np.random.default_rng(1), alerted=alerted, **options)
    assert isinstance(shown, Refused)
    assert made((outcome, scores), risk, alerted=quiet, **options).alerts == 0


@pytest.mark.parametrize(("reference_rows", "rows"), [(1500, 100), (1500, 300), (3000, 3000)])
def test_chance_alone_is_no_other_threshold(reference_rows: int, rows: int) -> None:
    """With few alerts on either side one of them lies below all of the reference often; that is not refused."""
    refused = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        outcome, scores, before = heeded(reference_rows, rng)
        _, risk, alerted = heeded(rows, rng)
        found = _moved(labelled(outcome, scores), before, risk, alerted)
        refused += found is not None
    assert refused <= 1


def test_alerts_apart_equal_their_definition() -> None:
    """With scikit-learn's isotonic fits, one of alerts and one of the others."""
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(5)
    outcome, scores, before = heeded(8000, rng)
    _, risk, alerted = heeded(4000, rng)
    result = made((outcome, scores), risk, alerted=alerted, reference_alerted=before, replicates=20)
    fits = [IsotonicRegression(out_of_bounds="clip").fit(scores[each], outcome[each]) for each in (~before, before)]
    chances = np.where(alerted, fits[1].predict(risk), fits[0].predict(risk))
    assert isinstance(result.ppv, Estimate)
    assert isinstance(result.sensitivity, Estimate)
    assert result.ppv.value == pytest.approx(chances[alerted].mean(), abs=1e-9)
    assert result.sensitivity.value == pytest.approx(chances[alerted].sum() / chances.sum(), abs=1e-9)
    assert result.expected_events == pytest.approx(chances.sum(), abs=1e-6)


def test_risks_beyond_the_reference_are_counted() -> None:
    """The recalibration is only held level there, and the share of such rows says how much that matters."""
    rng = np.random.default_rng(8)
    outcome, risk = drawn(5000, rng)
    result = made((outcome, risk), np.concatenate([risk[:900], np.full(100, 0.999)]))
    assert result.outside == pytest.approx(0.1)


@pytest.mark.parametrize("seed", range(3))
def test_isotonic_equals_scikit_learn(seed: int) -> None:
    """With ties and weights, at and between the risks fitted and beyond them."""
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(seed)
    outcome, risk = drawn(5000, rng)
    risk, weight = np.round(risk, 2 + seed), rng.uniform(0, 2, 5000)
    fitted = fit_isotonic(risk, outcome, weight)
    oracle = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(risk, outcome, weight)
    asked = np.linspace(0, 1, 2001)
    assert fitted(asked) == pytest.approx(oracle.predict(asked), abs=1e-12)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=60))
def test_isotonic_never_falls_and_keeps_the_mean(rows: list[tuple[int, bool]]) -> None:
    """Fitted values ascend, stay between 0 and 1, and add up to the events."""
    risk, outcome = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    values = fit_isotonic(risk / 20, outcome)(risk / 20)
    assert np.all(np.diff(values[np.argsort(risk, kind="stable")]) >= -1e-12)
    assert values.min() >= 0
    assert values.max() <= 1
    assert values.sum() == pytest.approx(outcome.sum())
