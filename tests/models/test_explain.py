"""The reasons add up to the risk, for every shipped model and for any row."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinical.assessment import RiskAssessment
from clinical.errors import ModelFault
from models.runtime.artefact import Artefact, load_artefact
from models.runtime.catalogue import trained_folders
from models.runtime.explain import TOLERANCE, Explainer
from models.runtime.features import FeaturePlan
from models.runtime.manifest import Manifest
from models.runtime.read_manifest import read_manifest
from models.training.batch import margin
from models.training.walk import Forest

ROWS = 300
shipped_trees = pytest.mark.parametrize("folder", trained_folders(), ids=lambda folder: folder.name)


def synthetic_rows(manifest: Manifest, count: int) -> np.ndarray[Any, Any]:
    """Rows over and beyond every range, from nearly full to all missing, shape (count, n), float32."""
    rng = np.random.default_rng(7)
    features = FeaturePlan(manifest).features
    rows = rng.normal(50, 60, (count, len(features))) * rng.choice([0.01, 1, 30], (count, len(features)))
    rows[rng.random(rows.shape) < np.linspace(0, 1, count)[:, None]] = np.nan
    rows[-1] = np.nan
    # The hours are always known, and a calibration by day is meant for a stay of a few days.
    hours = [feature.name == "hours" for feature in features]
    rows[:, hours] = rng.uniform(0, 96, (count, sum(hours)))
    return rows.astype(np.float32)


def shipped(folder: Path) -> tuple[Manifest, Artefact]:
    """A model's manifest and artefact."""
    manifest = read_manifest(folder / "model.toml")
    return manifest, load_artefact(manifest, [feature.name for feature in FeaturePlan(manifest).features])


def expected_log_odds(artefact: Artefact, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Out of the margins of the batch, which share no code with the explanation."""
    hours = rows[:, artefact.features.index("hours")] if artefact.calibration.by_day else np.zeros(len(rows))
    return np.asarray(artefact.calibration.log_odds(margin(artefact.members, rows), hours.astype(np.float64)))


@shipped_trees
def test_reasons_add_up_to_the_risk_of_the_trees(folder: Path) -> None:
    """Base plus attributions are the calibrated log-odds of the margin, for each row."""
    manifest, artefact = shipped(folder)
    explainer = Explainer(artefact)
    rows = synthetic_rows(manifest, ROWS)
    for row, expected in zip(rows, expected_log_odds(artefact, rows), strict=True):
        reasons = explainer.explain(row)
        assert abs(reasons.base + reasons.attributions.sum() - expected) < TOLERANCE
        assert abs(reasons.log_odds - expected) < TOLERANCE


@shipped_trees
def test_walking_the_trees_gives_the_same_margin(folder: Path) -> None:
    """A third way to it: node by node."""
    manifest, artefact = shipped(folder)
    rows = synthetic_rows(manifest, 50)
    forest = Forest(artefact.members)
    walked = [forest.margin(row.astype(np.float64)) for row in rows]
    assert np.allclose(walked, margin(artefact.members, rows), rtol=0, atol=1e-9)


@shipped_trees
def test_explaining_again_gives_the_same_reasons(folder: Path) -> None:
    """To the bit, with tables filled anew."""
    manifest, artefact = shipped(folder)
    first, second = Explainer(artefact), Explainer(artefact)
    for row in synthetic_rows(manifest, 20):
        one, other = first.explain(row), second.explain(row)
        assert (one.log_odds, one.base) == (other.log_odds, other.base)
        assert np.array_equal(one.attributions, other.attributions)


@shipped_trees
def test_a_declared_direction_is_kept(folder: Path) -> None:
    """Worse levels of a signal with a direction never lower the risk, in any row."""
    manifest, artefact = shipped(folder)
    directions = np.array([feature.direction for feature in FeaturePlan(manifest).features])
    rows = synthetic_rows(manifest, ROWS)
    worse = rows + directions.astype(np.float32) * np.float32(25)
    for member in artefact.members:
        assert (margin([member], worse) >= margin([member], rows) - 1e-9).all()


def test_reasons_that_do_not_add_up_are_never_answered(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong explanation is a fault, not an answer."""
    explainer = Explainer(shipped(model.manifest.artefact.folder)[1])
    monkeypatch.setattr(explainer, "_base", explainer._base + 1e-5)
    with pytest.raises(ModelFault, match="do not add up"):
        explainer.explain(synthetic_rows(model.manifest, 2)[0])


def test_the_answer_is_the_sum_of_its_drivers(chart: Any) -> None:
    """What is shown per signal multiplies up to the odds of the answer."""
    found = chart.model.assess(chart.record(*chart.ordinary()), chart.at(8))
    assert isinstance(found, RiskAssessment)
    odds = math.exp(found.explanation.base_log_odds) * math.prod(d.odds_multiplier for d in found.explanation.drivers())
    assert odds / (1 + odds) == pytest.approx(found.probability, abs=1e-9)


def test_measured_signals_show_their_value_time_and_unit(chart: Any) -> None:
    """Each attribution of a measured signal leads to facts of that signal; an unmeasured one has no value."""
    found = chart.model.assess(chart.record(*chart.ordinary()), chart.at(8))
    drivers = {driver.concept: driver for driver in found.explanation.drivers()}
    lactate = drivers["Lactate"]
    assert lactate.measured
    assert (lactate.latest.value, lactate.latest.unit, lactate.latest.time) == (4.2, "mmol/L", chart.at(2))
    assert not drivers["Platelets"].measured
    assert drivers["Platelets"].latest is None


def test_the_answer_says_what_it_rests_on(chart: Any) -> None:
    """Times of the oldest and newest fact, what is missing, and the tier of the probability."""
    found = chart.model.assess(chart.record(*chart.ordinary()), chart.at(8))
    assert (found.oldest, found.newest) == (chart.at(1), chart.at(4))
    assert "Platelets" in found.missing
    assert "Heart rate" not in found.missing
    above = [tier for tier in chart.model.manifest.tiers if tier.at_least <= found.probability]
    assert found.tier == above[-1]
    assert chart.model.needs == chart.model.manifest.needs
    assert found.model.digest == chart.model.manifest.artefact.sha256


def test_many_threads_get_the_same_answer(chart: Any) -> None:
    """One loaded model serves all workers of a process."""
    record = chart.record(*chart.ordinary())
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda hour: chart.model.assess(record, chart.at(hour)), [8, 10, 12] * 8))
    assert found == [chart.model.assess(record, chart.at(hour)) for hour in (8, 10, 12)] * 8


def test_a_sick_chart_has_a_higher_risk_than_a_calm_one(chart: Any) -> None:
    """A check of direction: shock, coma and kidney failure against calm values."""
    calm = {"HR": 75, "SysABP": 125, "DiasABP": 70, "MAP": 88, "Temp": 37, "GCS": 15, "Urine": 120}
    calm |= {"Lactate": 1.0, "BUN": 14, "Creatinine": 0.8, "PaO2": 110, "FiO2": 30, "pH": 7.4}
    sick = {"HR": 130, "SysABP": 75, "DiasABP": 40, "MAP": 50, "Temp": 35, "GCS": 3, "Urine": 5}
    sick |= {"Lactate": 9.0, "BUN": 80, "Creatinine": 3.5, "PaO2": 60, "FiO2": 100, "pH": 7.1}
    risk = {}
    for name, values in (("calm", calm), ("sick", sick)):
        facts = [chart.fact(signal, value, hour) for signal, value in values.items() for hour in (2, 8, 16, 23)]
        risk[name] = chart.model.assess(chart.record(*facts), chart.at(24)).probability
    assert risk["calm"] < 0.1
    assert risk["sick"] > 0.5


def test_what_people_are_shown_is_what_the_driver_is_about(chart: Any) -> None:
    """A ratio shows its own number, urine the sum of six hours, a lab its newest value."""
    found = chart.model.assess(chart.record(*chart.ordinary()), chart.at(8))
    assert isinstance(found, RiskAssessment)
    drivers = {driver.concept: driver for driver in found.explanation.drivers()}
    rate, pressure = drivers["HR"].latest, drivers["SysABP"].latest
    assert rate is not None
    assert pressure is not None
    assert drivers["HR"].shown == (rate.value, "/min")
    shown, unit = drivers["shock_index"].shown
    assert shown == pytest.approx(rate.value / pressure.value, rel=1e-6)
    assert unit == "1"
    assert drivers["Urine"].shown[1] == "mL in 6 h"
