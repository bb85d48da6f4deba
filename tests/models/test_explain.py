"""The reasons add up to the risk, for every shipped model and for any row."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import shap
from sklearn.ensemble import HistGradientBoostingClassifier

from clinical.assessment import RiskAssessment
from clinical.errors import ModelFault
from models.runtime.artefact import Artefact, load_artefact
from models.runtime.catalogue import read_manifests
from models.runtime.explain import TOLERANCE, Explainer
from models.runtime.features import FeaturePlan
from models.runtime.manifest import Manifest
from models.runtime.trees import Forest

ROWS = 300
TREES = [manifest for manifest in read_manifests().values() if isinstance(manifest, Manifest)]
trees = pytest.mark.parametrize("manifest", TREES, ids=lambda manifest: manifest.info.id)


def synthetic_rows(manifest: Manifest, count: int) -> np.ndarray[Any, Any]:
    """Rows over and beyond every range, from nearly full to all missing, shape (count, n), float32."""
    rng = np.random.default_rng(7)
    width = len(FeaturePlan(manifest).features)
    rows = rng.normal(50, 60, (count, width)) * rng.choice([0.01, 1, 30], (count, width))
    rows[rng.random((count, width)) < np.linspace(0, 1, count)[:, None]] = np.nan
    rows[-1] = np.nan
    return rows.astype(np.float32)


def shipped(manifest: Manifest) -> Artefact:
    """The artefact of a manifest."""
    return load_artefact(manifest, [feature.name for feature in FeaturePlan(manifest).features])


@trees
def test_reasons_add_up_to_the_risk_of_the_trees(manifest: Manifest) -> None:
    """Base plus attributions is slope * margin + intercept, with the margin taken from scikit-learn itself."""
    artefact = shipped(manifest)
    explainer = Explainer(artefact)
    rows = synthetic_rows(manifest, ROWS)
    margins = np.mean([member.decision_function(rows) for member in artefact.members], axis=0)
    for row, margin in zip(rows, margins, strict=True):
        reasons = explainer.explain(row)
        expected = artefact.slope * margin + artefact.intercept
        assert abs(reasons.base + reasons.attributions.sum() - expected) < TOLERANCE
        assert abs(reasons.log_odds - expected) < TOLERANCE


def test_walking_the_trees_equals_the_learner(model: Any) -> None:
    """The check of the explanation rests on the same trees as scikit-learn's own prediction."""
    rows = synthetic_rows(model.manifest, 50)
    members = shipped(model.manifest).members
    for chosen in ([member] for member in members), [members]:
        for some in chosen:
            forest = Forest(some)
            walked = [forest.margin(row.astype(np.float64)) for row in rows]
            learned = np.mean([member.decision_function(rows) for member in some], axis=0)
            assert np.allclose(walked, learned, rtol=0, atol=1e-9)


def test_trees_of_unequal_depth_and_members_of_unequal_size_are_walked_right() -> None:
    """Walks that end early stay at their leaf, and each tree counts for its own member."""
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(400, 3))
    rows[rng.random(rows.shape) < 0.2] = np.nan
    outcome = (np.nan_to_num(rows[:, 0]) + rng.normal(size=400)) > 0
    members = [
        HistGradientBoostingClassifier(max_iter=trees, max_leaf_nodes=leaves, min_samples_leaf=3).fit(rows, outcome)
        for trees, leaves in ((3, 2), (17, 31), (8, 5))
    ]
    forest = Forest(members)
    learned = np.mean([member.decision_function(rows) for member in members], axis=0)
    assert np.allclose([forest.margin(row) for row in rows], learned, rtol=0, atol=1e-12)


@trees
def test_the_reasons_are_the_mean_of_each_members_own(manifest: Manifest) -> None:
    """All trees in one ensemble give what the library gives for the members one by one."""
    artefact = shipped(manifest)
    explainer = Explainer(artefact)
    rows = synthetic_rows(manifest, 40)
    single = [shap.TreeExplainer(member, feature_perturbation="tree_path_dependent") for member in artefact.members]
    values = np.mean([one.shap_values(rows.astype(np.float64)) for one in single], axis=0)
    base = np.mean([np.ravel(one.expected_value)[0] for one in single])
    found = [explainer.explain(row) for row in rows]
    assert np.allclose([r.attributions for r in found], artefact.slope * values, rtol=0, atol=1e-12)
    assert abs(found[0].base - (artefact.slope * base + artefact.intercept)) < 1e-12


def test_categorical_splits_are_refused() -> None:
    """The walk would misread them."""
    rows = np.repeat(np.arange(4.0), 50)[:, None]
    booster = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]).fit(rows, rows[:, 0] % 2)
    with pytest.raises(ValueError, match="categorical"):
        Forest([booster])


def test_reasons_that_do_not_add_up_are_never_answered(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong explanation is a fault, not an answer."""
    explainer = Explainer(shipped(model.manifest))
    monkeypatch.setattr(explainer, "_base", explainer._base + 1e-5)
    with pytest.raises(ModelFault, match="do not add up"):
        explainer.explain(synthetic_rows(model.manifest, 2)[0])


def test_a_number_that_is_not_finite_is_never_answered(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN must not slip through a comparison."""
    explainer = Explainer(shipped(model.manifest))
    monkeypatch.setattr(explainer, "_base", math.nan)
    with pytest.raises(ModelFault):
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


@trees
def test_a_declared_direction_is_kept(manifest: Manifest) -> None:
    """Worse levels of a signal with a direction never lower the risk, in any row."""
    artefact = shipped(manifest)
    directions = np.array([feature.direction for feature in FeaturePlan(manifest).features])
    assert (directions > 0).sum() > 10
    assert (directions < 0).sum() > 10
    rows = synthetic_rows(manifest, ROWS)
    worse = rows + directions.astype(np.float32) * np.float32(25)
    for member in artefact.members:
        assert (member.decision_function(worse) >= member.decision_function(rows) - 1e-9).all()


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
