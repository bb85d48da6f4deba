"""What the model sees of a record, and for whom it is not meant."""

from __future__ import annotations

from datetime import date, timedelta
from math import isnan
from typing import Any

import pytest

from clinical.assessment import AbstentionReason
from clinical.record import LOINC, Coding, Condition, Stay
from models.formulae.ckd_epi import ckd_epi_2021
from models.runtime.sight import Looked, Refused, TreeSight

EXCELLENT, POOR = Coding(LOINC, "LA9206-9", "Excellent"), Coding(LOINC, "LA8969-3", "Poor")
ALIVE_AND_WELL = Coding("http://snomed.info/sct", "81323004", "Alive and well")
SNOMED, ICD_10 = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"
PREGNANT, NOT_PREGNANT = Coding(SNOMED, "77386006", "Pregnant"), Coding(SNOMED, "60001007", "Not pregnant")
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
YOUNG = date(1990, 1, 5)


@pytest.fixture
def look(sight: TreeSight, chart: Any) -> Any:
    """What the model makes of a chart."""
    now = chart.fact("BMI", 1).time + timedelta(days=1)
    return lambda record: sight.look(record, now)


@pytest.fixture
def values(look: Any, names: tuple[str, ...]) -> Any:
    """The numbers by column."""

    def of(record: Any) -> dict[str, float]:
        looked = look(record)
        assert isinstance(looked, Looked), looked
        return dict(zip(names, looked.row.tolist(), strict=True))

    return of


def test_what_follows_from_what_was_measured(values: Any, chart: Any) -> None:
    """Ratios, differences, eGFR and haematocrit."""
    row = values(chart.record())
    assert row["age"] == 62
    assert row["pulse_pressure"] == 132 - 81
    assert row["urea_per_creatinine"] == pytest.approx(14 / 0.9)
    assert row["non_hdl"] == 205 - 51
    assert row["neutrophils_per_lymphocyte"] == pytest.approx(58 / 29)
    assert row["haematocrit"] == pytest.approx(4.6 * 90 / 10)
    assert row["egfr"] == pytest.approx(ckd_epi_2021(age=62, female=True, creatinine=0.9).value)
    assert isnan(row["health"])


def test_what_cannot_be_worked_out_is_unknown(values: Any, chart: Any) -> None:
    """Without creatinine or red cells."""
    row = values(chart.record(without=("Creatinine", "RBC")))
    assert all(isnan(row[name]) for name in ("egfr", "urea_per_creatinine", "haematocrit"))


def test_numbers_remember_their_facts(look: Any, chart: Any, names: tuple[str, ...]) -> None:
    """Creatinine stands behind eGFR, both of its parts behind haematocrit."""
    looked = look(chart.record())
    assert [fact.reference for fact in looked.facts[names.index("egfr")]] == ["Observation/Creatinine-1"]
    found = [fact.reference for fact in looked.facts[names.index("haematocrit")]]
    assert found == ["Observation/RBC-1", "Observation/MCV-1"]


def test_the_latest_value_counts(values: Any, chart: Any) -> None:
    """Whatever the order in which they come."""
    row = values(chart.record(chart.fact("Creatinine", 2.4, days=300), chart.fact("SysBP", 171.0, days=0.5)))
    assert (row["Creatinine.last"], row["SysBP.last"]) == (pytest.approx(0.9), 171)


def test_what_is_older_than_two_years_does_not_count(values: Any, chart: Any) -> None:
    """A value of 731 days ago is none; one of 729 days is."""
    row = values(chart.record(chart.fact("Albumin", 4.1, days=731), chart.fact("HbA1c", 6.1, days=729)))
    assert isnan(row["Albumin.last"])
    assert row["HbA1c.last"] == pytest.approx(6.1)


def test_self_rated_health(values: Any, chart: Any) -> None:
    """The newest of the five answers within two years; an answer of another kind says nothing."""
    one, five = chart.answer("61577-3", EXCELLENT, 40), chart.answer("61577-3", POOR, 400)
    assert values(chart.record(answers=[one, five]))["health"] == 1
    assert values(chart.record(answers=[five]))["health"] == 5
    assert values(chart.record(answers=[five, chart.answer("11323-3", ALIVE_AND_WELL)]))["health"] == 5
    assert values(chart.record(answers=[chart.answer("11323-3", POOR)]))["health"] == 5
    assert isnan(values(chart.record(answers=[chart.answer("61577-3", POOR, 731)]))["health"])
    twice = [chart.answer("61577-3", EXCELLENT), chart.answer("61577-3", POOR)]
    assert isnan(values(chart.record(answers=twice))["health"])


def test_self_rated_health_names_its_answer(look: Any, chart: Any) -> None:
    """What the patient said, when, and where it stands."""
    (basis,) = look(chart.record(answers=[chart.answer("61577-3", POOR)])).given["health"].basis
    assert basis.text == "Self-rated health: Poor"
    assert basis.reference.startswith("Observation/")


def test_pregnancy_is_not_what_the_model_is_for(look: Any, chart: Any) -> None:
    """By an answer, or by an active problem of the last 300 days."""
    now = chart.fact("BMI", 1).time
    problem = Condition("Condition/1", (Coding(ICD_10, "Z34.90"),), onset=now - timedelta(days=90))
    old = Condition("Condition/2", (Coding(ICD_10, "O24.410"),), onset=now - timedelta(days=900))
    undated = Condition("Condition/3", (Coding(SNOMED, "77386006"),))
    over = Condition("Condition/4", (Coding(SNOMED, "77386006"),), active=False)
    for given in (
        {"answers": [chart.answer("82810-3", PREGNANT, 30)]},
        {"answers": [chart.answer("82810-3", PREGNANT, 30), chart.answer("82810-3", NOT_PREGNANT, 90)]},
        {"conditions": [problem]},
        {"conditions": [undated]},
    ):
        refused = look(chart.record(birth=YOUNG, **given))
        assert isinstance(refused, Refused)
        assert refused.refusal.reason is AbstentionReason.NOT_MEANT_FOR
        assert not refused.refusal.in_population
    for given in (
        {"answers": [chart.answer("82810-3", PREGNANT, 301)]},
        {"answers": [chart.answer("82810-3", NOT_PREGNANT, 1)], "conditions": [problem, undated]},
        {"conditions": [old, over]},
        {"conditions": [undated], "sex": "male"},
    ):
        assert isinstance(look(chart.record(birth=YOUNG, **given)), Looked)


@pytest.mark.parametrize("code", ["EMER", "IMP", "OBSENC"])
def test_who_is_in_hospital_or_an_emergency_is_not_meant(code: str, look: Any, chart: Any) -> None:
    """Values of an acute illness tell of another risk; a visit, or a stay that is over, is no obstacle."""
    now = chart.fact("BMI", 1).time + timedelta(days=1)
    begun, kind = now - timedelta(hours=3), Coding(ACT_CODE, code)
    refused = look(chart.record(stays=[Stay("Encounter/1", "in-progress", kind, begun, None)]))
    assert isinstance(refused, Refused)
    assert refused.refusal.reason is AbstentionReason.NOT_MEANT_FOR
    over = Stay("Encounter/1", "finished", kind, begun, now - timedelta(hours=1))
    visit = Stay("Encounter/2", "in-progress", Coding(ACT_CODE, "AMB"), begun, None)
    assert isinstance(look(chart.record(stays=[over, visit])), Looked)


@pytest.mark.parametrize("sex", [None, "other", "unknown"])
def test_without_a_known_sex_there_is_no_answer(sex: str | None, look: Any, chart: Any) -> None:
    """That is missing data, and not "not meant for"."""
    refused = look(chart.record(sex=sex))
    assert refused.refusal.reason is AbstentionReason.NOT_ENOUGH_DATA
    assert refused.refusal.in_population


@pytest.mark.parametrize(
    ("birth", "reason"),
    [
        (date(1996, 3, 3), AbstentionReason.NOT_ADULT),
        (date(1946, 3, 2), AbstentionReason.NOT_MEANT_FOR),
        (None, AbstentionReason.AGE_UNKNOWN),
    ],
)
def test_ages_outside_30_to_79(birth: date | None, reason: AbstentionReason, look: Any, chart: Any) -> None:
    """One day short of 30, 80 today, and nobody knows."""
    assert look(chart.record(birth=birth)).refusal.reason is reason


def test_without_blood_there_is_no_answer(look: Any, chart: Any) -> None:
    """Pressure, waist and body mass index alone are less than the least; what is missing is named."""
    laboratory = [name for name in chart.manifest.signals if name not in ("SysBP", "DiaBP", "BMI", "Waist")]
    refused = look(chart.record(chart.fact("Waist", 99.0), without=laboratory))
    assert refused.refusal.reason is AbstentionReason.NOT_ENOUGH_DATA
    assert "Creatinine" in refused.refusal.missing


def test_every_tier_is_information(chart: Any) -> None:
    """The number is context; no band of it alerts."""
    assert {tier.indicator.value for tier in chart.manifest.tiers} == {"info"}
