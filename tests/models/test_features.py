"""From facts to numbers and back: worked examples on the shipped manifest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from clinical.record import LOINC, Coding, SetAside, SetAsideReason
from models.runtime.features import FeaturePlan, Person
from models.runtime.gather import Gathered, Gatherer
from models.runtime.manifest import PerHour


@pytest.fixture
def plan(model: Any) -> FeaturePlan:
    """The shipped features."""
    return FeaturePlan(model.manifest)


def gather(chart: Any, *facts: Any, now: float) -> Gathered:
    """Gather as the model does."""
    opens = chart.at(0) - chart.model.manifest.population.allowance
    signals = chart.model.manifest.signals.values()
    return Gatherer(signals).gather(chart.record(*facts), opens, chart.at(0), chart.at(now))


def numbers(chart: Any, plan: FeaturePlan, *facts: Any, now: float = 8.0) -> dict[str, float]:
    """Feature values by name."""
    values = plan.values(gather(chart, *facts, now=now).series, Person(64.0, "female"), now)
    return {feature.name: float(value) for feature, value in zip(plan.features, values, strict=True)}


def test_person_and_time_come_first(chart: Any, plan: FeaturePlan) -> None:
    """Age, sex and hours are always there, measured or not."""
    found = numbers(chart, plan)
    assert (found["age"], found["sex"], found["hours"]) == (64.0, 0.0, 8.0)


@pytest.mark.parametrize(("sex", "expected"), [("male", 1.0), ("female", 0.0), ("other", None), (None, None)])
def test_sex_is_missing_unless_male_or_female(plan: FeaturePlan, sex: str | None, expected: float | None) -> None:
    """An administrative gender that the training data do not know is missing."""
    value = float(plan.values({}, Person(64.0, sex), 8.0)[1])
    assert np.isnan(value) if expected is None else value == expected


def test_age_is_capped_as_in_the_training_data(plan: FeaturePlan) -> None:
    """Ages above 89 were recorded as 90."""
    assert plan.values({}, Person(101.0, None), 8.0)[0] == 90.0


def test_nothing_measured_is_missing_throughout(chart: Any, plan: FeaturePlan) -> None:
    """Without facts every feature but person and time is NaN."""
    found = numbers(chart, plan)
    assert all(np.isnan(value) for name, value in found.items() if name not in {"age", "sex", "hours"})


def test_heart_rate_by_hand(chart: Any, plan: FeaturePlan) -> None:
    """Three rates at hours 1, 3 and 7, seen at hour 8."""
    found = numbers(chart, plan, chart.fact("HR", 100, 1), chart.fact("HR", 130, 3), chart.fact("HR", 110, 7))
    assert found["HR.last"] == 110
    assert (found["HR.min"], found["HR.max"]) == (100, 130)
    assert found["HR.mean"] == pytest.approx(340 / 3)
    assert found["HR.change"] == 10
    assert found["HR.mean@6h"] == pytest.approx(120)


def test_shock_index_by_hand(chart: Any, plan: FeaturePlan) -> None:
    """Heart rate 120 over systolic pressure 80 is 1.5."""
    assert numbers(chart, plan, chart.fact("HR", 120, 1), chart.fact("SysABP", 80, 2))["shock_index"] == 1.5


def test_oxygenation_by_hand(chart: Any, plan: FeaturePlan) -> None:
    """PaO2 90 at hour 3 under 60 % gives 150; the change to 40 % at hour 4 came later and is not used."""
    facts = chart.fact("PaO2", 90, 3), chart.fact("FiO2", 60, 1), chart.fact("FiO2", 40, 4)
    assert numbers(chart, plan, *facts)["oxygenation"] == pytest.approx(150)


def test_urine_per_hour_by_hand(chart: Any, plan: FeaturePlan) -> None:
    """100 and 60 mL by hour 8 are 20 mL an hour; 60 mL in the last 6 h at 50 kg are 0.2 mL/kg/h."""
    found = numbers(chart, plan, chart.fact("Urine", 100, 1), chart.fact("Urine", 60, 5), chart.fact("Weight", 50, 0))
    assert found["urine_per_hour"] == 20
    assert found["urine_per_kg_6h"] == pytest.approx(0.2)


def test_a_fact_just_before_the_stay_counts_as_hour_zero(chart: Any) -> None:
    """Within the allowance a fact is the first of the stay; before it, it belongs to other care."""
    found = gather(chart, chart.fact("HR", 90, -0.5), chart.fact("HR", 95, -1.0), chart.fact("HR", 99, -30), now=8)
    assert found.series["HR"].times == (0.0,)
    assert found.series["HR"].values == (90,)
    assert found.unused == ()


def test_the_moment_itself_counts_and_the_future_does_not(chart: Any) -> None:
    """The window is closed at now."""
    found = gather(chart, chart.fact("HR", 90, 8), chart.fact("HR", 91, 8.01), now=8)
    assert found.series["HR"].values == (90,)
    assert [aside.reason for aside in found.unused] == ["future"]


def test_facts_are_put_in_order_of_time(chart: Any) -> None:
    """The order of arrival plays no part; equal times are ordered by value."""
    found = gather(chart, chart.fact("HR", 3e2, 5), chart.fact("HR", 80, 5), chart.fact("HR", 70, 2), now=8)
    assert found.series["HR"].values == (70, 80, 300)


def test_two_values_at_one_time_are_told(chart: Any) -> None:
    """By a model with one value an hour; a repetition, or what is added up, is no doubt."""
    twice = [chart.fact("GCS", value, 5, n=n) for n, value in enumerate((15, 5, 15))]
    more = [chart.fact("Urine", value, 5, n=n) for n, value in enumerate((50, 60), 3)]
    signals = list(chart.model.manifest.signals.values())
    opens = chart.at(0) - chart.model.manifest.population.allowance
    summed = [replace(one, per_hour=PerHour.SUM) if one.name == "Urine" else one for one in signals]
    found = Gatherer(summed, hourly=True).gather(chart.record(*twice, *more), opens, chart.at(0), chart.at(8))
    assert found.series["GCS"].values == (15,)
    assert found.series["Urine"].values == (110,)
    (told,) = found.unused
    assert (told.reference, told.reason) == (twice[1].reference, SetAsideReason.SAME_TIME)
    assert told.detail.endswith("two values at one time, the higher counts; with the other the risk may differ")
    assert told.decides  # so that card and page tell it first
    assert Gatherer(signals).gather(chart.record(*twice), opens, chart.at(0), chart.at(8)).unused == ()


def test_two_values_that_a_later_one_replaces_decide_nothing(chart: Any) -> None:
    """Of an hour the newest counts, whatever stood beside an earlier one."""
    pair = [chart.fact("HR", value, 4.2, n=n) for n, value in enumerate((80, 82))]
    signals = list(chart.model.manifest.signals.values())
    opens = chart.at(0) - chart.model.manifest.population.allowance
    gatherer = Gatherer(signals, hourly=True)
    later = chart.fact("HR", 90, 4.9, n=3)
    assert gatherer.gather(chart.record(*pair, later), opens, chart.at(0), chart.at(8)).unused == ()
    assert len(gatherer.gather(chart.record(*pair), opens, chart.at(0), chart.at(8)).unused) == 1


def test_a_code_counts_only_in_its_system(chart: Any) -> None:
    """The same digits in another system mean something else; an unknown code is passed over, any known one counts."""
    fact = chart.fact("HR", 90, 2)
    foreign = replace(fact, codings=(Coding("http://snomed.info/sct", "8867-4"),))
    unknown = replace(fact, codings=(Coding(LOINC, "18262-6"),))
    assert gather(chart, foreign, unknown, now=8) == Gathered({}, ())
    several = replace(fact, codings=(*foreign.codings, *fact.codings))
    assert gather(chart, several, now=8).series["HR"].facts == (several,)


def test_serum_and_whole_blood_are_one_signal(chart: Any) -> None:
    """Codes are sets: both methods of one analyte form one series."""
    serum = chart.fact("K", 4.0, 1)
    blood = replace(chart.fact("K", 4.4, 2), codings=(Coding(LOINC, "6298-4"),))
    assert gather(chart, serum, blood, now=8).series["K"].values == (4.0, 4.4)


def test_what_the_reader_set_aside_is_reported_if_it_may_be_ours(chart: Any) -> None:
    """A fact of one of the signals, or one whose code could not be read; not a fact of something else."""
    ours = SetAside("Observation/a", SetAsideReason.STATUS, "preliminary", (Coding(LOINC, "8867-4"),))
    unclear = SetAside("Observation/b", SetAsideReason.MALFORMED, "no code")
    other = SetAside("Observation/c", SetAsideReason.STATUS, "preliminary", (Coding(LOINC, "18262-6"),))
    record = chart.record(*chart.ordinary(), set_aside=(ours, unclear, other))
    assert chart.model.assess(record, chart.at(8)).unused == (ours, unclear)


def test_every_feature_knows_its_facts(chart: Any, plan: FeaturePlan) -> None:
    """A value that is there has facts, unless it says that there were none lately."""
    gathered = gather(chart, *chart.ordinary(), now=8)
    values, facts = plan.measured(gathered.series, Person(64.0, "female"), 8.0)
    for feature, value, behind in zip(plan.features, values, facts, strict=True):
        if feature.name not in {"age", "sex", "hours"} and value != 0 and not np.isnan(value):
            assert behind, feature.name


def test_the_facts_of_a_minimum_and_a_ratio_are_the_right_ones(chart: Any, plan: FeaturePlan) -> None:
    """Evidence leads back to the very observation."""
    low, high = chart.fact("SysABP", 84, 1), chart.fact("SysABP", 96, 4)
    oxygen, fraction = chart.fact("PaO2", 90, 3), chart.fact("FiO2", 60, 1)
    gathered = gather(chart, low, high, oxygen, fraction, now=8)
    facts = dict(
        zip((f.name for f in plan.features), plan.measured(gathered.series, Person(64.0, None), 8.0)[1], strict=True)
    )
    assert facts["SysABP.min"] == (low,)
    assert facts["SysABP.mean"] == (low, high)
    assert facts["oxygenation"] == (oxygen, fraction)
    assert facts["age"] == ()


def test_vectors_are_float32(chart: Any, plan: FeaturePlan) -> None:
    """So that thresholds compare alike wherever the trees are walked."""
    assert plan.values(gather(chart, *chart.ordinary(), now=8).series, Person(64, None), 8.0).dtype == np.float32


def test_a_signal_is_left_out_beside_the_one_that_rules_it_out(chart: Any) -> None:
    """Respiratory rate counts until inspired oxygen is charted, and the reason stands with what is missing."""
    rate, oxygen = chart.fact("RespRate", 22, 3), chart.fact("FiO2", 40, 5)
    assert "RespRate" in gather(chart, rate, oxygen, now=4).series
    assert "RespRate" not in gather(chart, rate, oxygen, now=6).series
    found = chart.model.assess(chart.record(*chart.ordinary(), rate, oxygen), chart.at(8))
    assert "Respiratory rate (not used beside inspired oxygen)" in found.missing
