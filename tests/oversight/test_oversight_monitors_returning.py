"""Monitors where patients return: patients are what is independent, as on the page of outcomes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from monitored_weeks import MONDAY, SERVICE, Week, week_number
from scipy.special import ndtr

from oversight.analytics.selection import Selection
from oversight.monitors.before_outcomes import EstimatedMonitor
from oversight.monitors.judged_source import JudgedRows, JudgedSource, judged_rows, ripe
from oversight.monitors.outcomes import WEEKS, PerformanceMonitor
from oversight.monitors.realised import WEIGHTED, realised
from oversight.monitors.thresholds import USUAL
from oversight.statistics.calibration import calibration_line, observed_expected
from oversight.statistics.discrimination import auroc
from oversight.statistics.estimate import Estimate
from oversight.statistics.estimated import estimated
from oversight.statistics.feedback_aware import FeedbackAware, feedback_aware
from oversight.statistics.labelled import labelled
from oversight.statistics.performance import performance
from oversight.statistics.refused import Refused

WITH_OUTCOME = USUAL.changed({"outcome": "sepsis", "outcome_hours": 48.0})
SELECTION = Selection(week_number(20), service=SERVICE)


def returning(*, rows_of_a_stay: int = 1, heeded: float = 0.0, cards: bool = True, alone: bool = False) -> JudgedSource:
    """A source of 300 patients of one to 15 stays, alike in risk and, beyond that, in what came.

    `alone`: each stay is that of a patient of their own. `heeded`: share of the cards that were acted on.
    """

    def source(_mart: object, selection: Selection, *_: Any, **__: Any) -> SimpleNamespace:
        """The same rows for any weeks that lie after the first day."""
        rng = np.random.default_rng(3)
        who = np.repeat(np.arange(300), np.minimum(rng.geometric(0.2, 300), 15))
        own, luck = rng.normal(size=(2, 300))[:, who]
        risk = 1 / (1 + np.exp(1.5 - 1.2 * (0.775 * own + 0.632 * rng.normal(size=who.size))))
        came = ndtr(0.707 * luck + 0.707 * rng.normal(size=who.size)) < risk
        stay = np.repeat(np.arange(who.size), rows_of_a_stay)
        risk = np.clip(risk[stay] * np.where(rng.random(stay.size) < 0.5, 1, 1.1), 0, 1)
        kept = slice(0, stay.size if selection.period.last > MONDAY else 0)
        alerted = (risk >= 0.3) & cards
        treated = alerted & (rng.random(stay.size) < heeded)
        patient = ((stay if alone else who[stay]) + 10**9).astype(np.uint64)
        rows = {
            "sequence": np.arange(stay.size) + 10_000_000, "probability": risk, "outcome": came[stay].astype(float),
            "alerted": alerted, "treated": treated, "overridden": alerted & ~treated, "action_seen": treated,
            "unit": np.full(stay.size, "ICU"), "encounter": stay, "patient": patient,
        }  # fmt: skip
        return SimpleNamespace(rows={name: each[kept] for name, each in rows.items()})

    return source


def asked(source: JudgedSource) -> JudgedRows:
    """The rows of the latest ripe weeks."""
    return judged_rows(source, None, SELECTION, ripe(SELECTION.period, WITH_OUTCOME, WEEKS), WITH_OUTCOME)  # type: ignore[arg-type]


def ends(it: Any) -> tuple[float, float, float]:
    """Value, low, high."""
    assert not isinstance(it, Refused), it
    return it.value, it.low, it.high


def width(it: Any) -> float:
    """From low to high."""
    _, low, high = ends(it)
    return high - low


@pytest.mark.parametrize("rows_of_a_stay", [1, 3])
def test_figures_without_cards_are_those_of_patients(rows_of_a_stay: int) -> None:
    """AUROC and slope of all rows, O:E of first rows of stays: what `performance` gives with patients as clusters."""
    source = returning(cards=False, rows_of_a_stay=rows_of_a_stay)
    rows = asked(source)
    made = realised(rows, np.random.default_rng(1))
    every = performance(rows.outcome, rows.risk, 0.3, clusters=rows.patient, grid=(0.5,))
    first = np.arange(0, rows.risk.size, rows_of_a_stay)
    firsts = performance(rows.outcome[first], rows.risk[first], 0.3, clusters=rows.patient[first], grid=(0.5,))
    assert ends(made.auroc) == ends(every.auroc)
    assert ends(made.slope) == ends(every.calibration_line.slope)  # type: ignore[union-attr]
    assert ends(made.observed_expected) == ends(firsts.observed_expected.ratio)  # type: ignore[union-attr]
    careless = realised(
        asked(returning(cards=False, rows_of_a_stay=rows_of_a_stay, alone=True)), np.random.default_rng(1)
    )
    for name in ("auroc", "slope", "observed_expected"):
        assert getattr(made, name).value == pytest.approx(getattr(careless, name).value, abs=1e-12)
        assert width(getattr(made, name)) > 1.1 * width(getattr(careless, name)), name


def test_weighted_figures_are_those_of_patients() -> None:
    """Where cards were acted on, whole patients are drawn."""
    rows = asked(returning(heeded=0.4))
    made = realised(rows, np.random.default_rng(1))
    want = feedback_aware(
        rows.outcome, rows.risk, rows.alerted, rows.treated, np.empty((rows.risk.size, 0)), [],
        np.random.default_rng(1), clusters=rows.patient,
    )  # fmt: skip
    assert made.basis == WEIGHTED
    assert isinstance(want, FeedbackAware)
    assert not isinstance(want.weighted, Refused)
    assert (made.auroc, made.slope) == (want.weighted.auroc, want.weighted.calibration_slope)
    assert made.observed_expected == want.weighted.observed_expected
    careless = realised(asked(returning(heeded=0.4, alone=True)), np.random.default_rng(1))
    assert width(made.observed_expected) > 1.3 * width(careless.observed_expected)


def test_monitors_tell_the_intervals_of_patients(opened) -> None:
    """`performance`, and the realised AUROC beside the estimate."""
    source = returning(cards=False)
    rows = asked(source)
    want = performance(rows.outcome, rows.risk, 0.3, clusters=rows.patient, grid=(0.5,))
    told = PerformanceMonitor(source).run(None, SELECTION, WITH_OUTCOME, np.random.default_rng(1)).figures  # type: ignore[arg-type]
    assert tuple(told["auroc"]) == tuple(told["auroc_before"]) == ends(want.auroc)
    assert tuple(told["slope"]) == ends(want.calibration_line.slope)  # type: ignore[union-attr]
    assert tuple(told["observed_expected"]) == ends(want.observed_expected.ratio)  # type: ignore[union-attr]
    with opened([Week(entries=10)] * 20 + [Week(entries=400, fires=0)]) as mart:
        estimate = EstimatedMonitor(source).run(mart, SELECTION, WITH_OUTCOME, np.random.default_rng(1))
    assert tuple(estimate.figures["auroc_realised"]) == ends(want.auroc)


def test_the_estimate_is_told_whose_rows_they_are(opened, monkeypatch) -> None:
    """Of the first row of each stay of the reference, and of those of the week: by the same numbers."""
    source, told = returning(cards=False, rows_of_a_stay=2), {}

    def noting(*arrays: Any, **options: Any) -> Any:
        """The estimate itself, and what it was told."""
        told.update(options, rows=len(arrays[2]))
        return estimated(*arrays, **options)

    monkeypatch.setattr("oversight.monitors.before_outcomes.estimated", noting)
    with opened([Week(entries=10)] * 20 + [Week(entries=400, fires=0)]) as mart:
        result = EstimatedMonitor(source).run(mart, SELECTION, WITH_OUTCOME, np.random.default_rng(1))
    rows = asked(source)
    assert "auroc" in result.figures
    assert told["reference_patients"].tolist() == rows.person[::2].tolist()
    assert told["patients"].dtype == told["reference_patients"].dtype
    assert len(told["patients"]) == told["rows"] > 300


@pytest.mark.parametrize("rows_of_a_stay", [1, 3])
def test_of_patients_with_one_stay_each_figures_are_those_of_stays(rows_of_a_stay: int) -> None:
    """Nothing changes: rows of a stay are alike, stays are independent, and so are the first rows of each."""
    rows = asked(returning(cards=False, rows_of_a_stay=rows_of_a_stay, alone=True))
    made, every = realised(rows, np.random.default_rng(1)), labelled(rows.outcome, rows.risk)
    stay = np.asarray(rows.cluster, dtype=np.int64)
    places = np.arange(0, stay.size, rows_of_a_stay)
    first = labelled(rows.outcome[places], rows.risk[places])
    assert made.auroc == auroc(every, stay)
    assert made.slope == calibration_line(every, stay).slope  # type: ignore[union-attr]
    assert made.observed_expected == observed_expected(first).ratio  # type: ignore[union-attr]
    cards = asked(returning(heeded=0.4, rows_of_a_stay=rows_of_a_stay, alone=True))
    want = feedback_aware(
        cards.outcome, cards.risk, cards.alerted, cards.treated, np.empty((cards.risk.size, 0)), [],
        np.random.default_rng(1), clusters=cards.cluster,
    )  # fmt: skip
    assert isinstance(want, FeedbackAware)
    assert not isinstance(want.weighted, Refused)
    made = realised(cards, np.random.default_rng(1))
    assert isinstance(made.auroc, Estimate)
    assert (made.auroc, made.slope) == (want.weighted.auroc, want.weighted.calibration_slope)
    assert made.observed_expected == want.weighted.observed_expected
