"""What decides the training: the sample, the utility of alerts, and the scores beside it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bench.row_making import measure
from models.formulae import news2, qsofa, sirs
from models.runtime.folder_code import MODELS
from models.sepsis_6h.train import SHARE, prepare
from models.sepsis_6h.training import beside, utility
from models.training.load_recipe import load_recipe
from models.training.rows import Rows

Floats = npt.NDArray[np.float64]


def rows_of(*labels: list[int], features: Floats | None = None) -> Rows:
    """Hourly rows of stays with these labels, all answered."""
    outcome = np.array([label for stay in labels for label in stay], dtype=bool)
    count = len(outcome)
    return Rows(
        features=np.zeros((count, 1), np.float32) if features is None else features.astype(np.float32),
        outcome=outcome,
        answered=np.ones(count, dtype=bool),
        weight=np.ones(count),
        patient=np.repeat(np.arange(len(labels)), [len(stay) for stay in labels]),
        slice=np.full(count, "hour 1 to 6"),
        hour=np.concatenate([np.arange(1.0, len(stay) + 1) for stay in labels]),
        period=np.full(count, ""),
        groups={},
    )


def by_hand(labels: list[int], alerts: list[bool]) -> float:
    """The utility of one stay, hour by hour, as the rule says it (Reyna 2020)."""
    onset = labels.index(1) + 6 if 1 in labels else None
    total = 0.0
    for hour, alert in enumerate(alerts):
        if onset is None:
            total += -0.05 if alert else 0.0
        elif hour > onset + 3:
            continue
        elif alert:
            total += max((hour - onset + 12) / 6, -0.05) if hour <= onset - 6 else 1 - (hour - onset + 6) / 9
        elif hour > onset - 6:
            total -= 2 * (hour - onset + 6) / 9
    return total


def test_the_published_example() -> None:
    """Labels 0 0 0 0 1 1 with alerts in the last four hours are worth 3.3889 (evaluate_sepsis_score.py)."""
    assert by_hand([0, 0, 0, 0, 1, 1], [False, False, True, True, True, True]) == pytest.approx(3.388888888888889)
    worth = utility.Worth.of(rows_of([0, 0, 0, 0, 1, 1]))
    assert worth.alert[2:].sum() + worth.silent[:2].sum() == pytest.approx(3.388888888888889)


def test_utility_is_the_sum_over_stays_on_a_scale_of_silence_and_the_best_alerts() -> None:
    """Random alerts over stays with early, late and no sepsis, against the rule hour by hour."""
    rng = np.random.default_rng(5)
    stays = [[0] * 30, [0] * 12 + [1] * 20, [1] * 15, [0] * 3 + [1] * 7, [0] * 20 + [1] * 4]
    rows = rows_of(*stays)
    p = rng.random(len(rows))
    alerts = np.split(p >= 0.6, np.cumsum([len(stay) for stay in stays])[:-1])
    total = sum(by_hand(stay, list(alert)) for stay, alert in zip(stays, alerts, strict=True))
    never = sum(by_hand(stay, [False] * len(stay)) for stay in stays)
    best = 0.0
    for stay in stays:
        onset = stay.index(1) + 6 if 1 in stay else 1000
        best += by_hand(stay, [onset - 12 <= hour <= onset + 3 for hour in range(len(stay))])
    assert utility.utility(rows, p, 0.6) == pytest.approx((total - never) / (best - never), abs=1e-12)
    assert utility.utility(rows, p, 1.1) == 0.0


def test_the_order_of_rows_makes_no_difference_and_silence_costs() -> None:
    """Rows may come in any order; an hour that is not answered is a silent one."""
    rows = rows_of([0] * 10 + [1] * 8, [0] * 9)
    p = np.linspace(0, 1, len(rows))
    shuffled = np.random.default_rng(1).permutation(len(rows))
    for figure in (utility.utility, utility.utility_held, utility.caught_before_onset, utility.alerts_a_day):
        assert figure(rows.take(shuffled), p[shuffled], 0.3) == pytest.approx(figure(rows, p, 0.3))
    silent = replace(rows, answered=np.zeros(len(rows), dtype=bool))
    assert utility.utility(silent, p, 0.0) == 0.0
    with pytest.raises(ValueError, match="no stay becomes septic"):
        utility.utility(rows_of([0] * 5), np.ones(5), 0.5)


def test_an_alert_holds_for_twelve_hours() -> None:
    """Within them nothing is new; after them the next hour over the threshold is. Each stay has its own."""
    rows = rows_of([0] * 30, [0] * 3)
    alerts = np.zeros(len(rows), dtype=bool)
    alerts[[2, 5, 13, 14, 29, 32]] = True
    fired, held = utility.latched(rows, alerts)
    assert np.flatnonzero(fired).tolist() == [2, 14, 29, 32]
    assert np.flatnonzero(held).tolist() == [*range(2, 26), 29, 32]


def test_the_costs_of_alerts() -> None:
    """New alerts for a day of patients, whom they concern, and how many came before onset."""
    rows = rows_of([0] * 12 + [1] * 12, [0] * 24, [1] * 24)
    p = np.zeros(len(rows))
    p[[10, 30, 31]] = 0.9
    assert utility.alerts_a_day(rows, p, 0.5) == pytest.approx(2 / 3)
    assert utility.septic_of_alerted(rows, p, 0.5) == 0.5
    assert utility.caught_before_onset(rows, p, 0.5) == 0.5
    assert utility.septic_of_alerted(rows, p, 0.95) == 0.0


def test_the_best_threshold_is_best() -> None:
    """No other threshold is worth more; hours with one probability are alerted together."""
    rows = rows_of(*[[0] * 8 + [1] * 10, [0] * 20] * 6)
    p = np.random.default_rng(3).integers(1, 30, len(rows)) / 30
    best = utility.best_threshold(rows, p)
    assert utility.utility(rows, p, best) == pytest.approx(max(utility.utility(rows, p, t) for t in np.unique(p)))


def test_late_hours_have_their_share_told() -> None:
    """Where all that is gained comes from late hours, the share is 1."""
    rows = rows_of([0] * 60 + [1] * 10)
    assert utility.share_of_late_hours(rows, np.ones(70) * (rows.hour > 55), 0.5) == 1.0
    assert utility.share_of_late_hours(rows, np.zeros(70), 0.5) == 0.0


def test_a_member_sees_all_labelled_hours_and_some_of_the_others() -> None:
    """The weights make up for it, and their mean is 1; another seed draws others."""
    rows = rows_of(*[[0] * 95 + [1] * 5] * 200)
    drawn = prepare(rows, np.random.default_rng([1, 1]))
    negative = ~drawn.outcome
    assert drawn.outcome.sum() == rows.outcome.sum()
    assert negative.sum() == pytest.approx(SHARE * (~rows.outcome).sum(), rel=0.1)
    assert drawn.weight.mean() == pytest.approx(1.0)
    assert (drawn.weight[negative] / drawn.weight[~negative][0]).tolist() == pytest.approx([1 / SHARE] * negative.sum())
    again, other = (prepare(rows, np.random.default_rng([seed, 1])) for seed in (1, 2))
    assert np.array_equal(drawn.hour, again.hour)
    assert not np.array_equal(drawn.hour, other.hour)


def latest_of(rng: np.random.Generator, count: int) -> dict[str, Floats]:
    """Latest values around every edge of the bands, some of them missing."""
    spread = {"HR": (35, 140), "Resp": (5, 30), "SBP": (80, 230), "O2Sat": (88, 100), "Temp": (34.5, 39.5)}
    spread |= {"FiO2": (21, 60), "PaCO2": (25, 45), "WBC": (2, 16)}
    found = {}
    for name, (low, high) in spread.items():
        values = np.round(rng.uniform(low, high, count), 1)
        found[name] = np.where(rng.random(count) < 0.1, np.nan, values)
    return found


def known(value: float) -> float | None:
    """None where it is missing."""
    return None if np.isnan(value) else float(value)


def test_partial_scores_are_the_published_ones_without_what_rows_do_not_hold() -> None:
    """Line by line as in models.formulae, on 2,000 made-up patients."""
    latest = latest_of(np.random.default_rng(8), 2000)
    columns = {
        name: function(latest) for name, function in (("n", beside.news2), ("q", beside.qsofa), ("s", beside.sirs))
    }
    for i in range(2000):
        one = {name: known(values[i]) for name, values in latest.items()}
        common = {"respiratory_rate": one["Resp"], "systolic_pressure": one["SBP"]}
        oxygen = float(one["FiO2"] is not None and one["FiO2"] > beside.ON_OXYGEN)
        n = {**common, "oxygen_saturation": one["O2Sat"], "supplemental_oxygen": oxygen, "pulse": one["HR"]}
        s = {"temperature": one["Temp"], "heart_rate": one["HR"], "respiratory_rate": one["Resp"], "bands": None}
        n |= {"not_alert": None, "temperature": one["Temp"], "hypercapnic": 0.0}
        assert columns["n"][i] == news2.work(n).value
        assert columns["q"][i] == qsofa.work({**common, "gcs": None, "altered_mentation": None}).value
        assert columns["s"][i] == sirs.work({**s, "paco2": one["PaCO2"], "white_cells": one["WBC"]}).value


@pytest.mark.parametrize("folder", ["sepsis_6h", "sepsis_6h_physiology"])
def test_the_recipes_can_be_carried_out(folder: str) -> None:
    """They name the open file, judge all hours, and find their scores and figures in rows of their columns."""
    recipe = load_recipe(MODELS / folder)
    assert list(recipe.source.sha256) == ["cinc2019_hospitalB_16000.parquet"]
    assert recipe.main == "every row"
    rows = rows_of([0] * 20 + [1] * 10, features=np.full((30, 200), np.nan))
    for score in recipe.beside.values():
        assert score(rows).tolist() == [0.0] * 30
    p = np.linspace(0.001, 0.2, 30)
    assert {name: figure(rows, p) for name, figure in recipe.measures.items()}.keys() >= {"utility", "utility_held"}
    assert isinstance(recipe.measures["utility"], partial)


def test_rows_are_made_quickly(rows_file: Path) -> None:
    """A row of an hourly model costs well under a millisecond, the reading of the file included."""
    cost = measure(MODELS / "sepsis_6h", [rows_file], None)
    assert cost.rows > 500
    assert (cost.reading + cost.looking) / cost.rows < 0.002
    assert "µs a row" in cost.line()
