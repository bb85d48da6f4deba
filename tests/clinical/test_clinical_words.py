"""The words: needs, explanations, ages, errors."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.advice import OVERRIDE_REASONS
from clinical.assessment import MEASURE_FIRST, USUAL_CARE, Explanation, Indicator, RiskAssessment, Score, Tier
from clinical.errors import ChartsideError, DataUnavailable, origin
from clinical.invocation import FhirAccess, Invocation
from clinical.need import DataNeed, smart_scopes
from clinical.record import LOINC, Coding, completed_years
from findings import INFO, NOW, attribution, observation

LABS = DataNeed("labs", "Observation", (Coding(LOINC, "2524-7"), Coding(LOINC, "2160-0")), count=500)


def test_one_need_gives_template_query_and_scope() -> None:
    """Prefetch, search and scope come from one declaration."""
    assert LABS.prefetch_template(encounter_always_known=True) == (
        "Observation?patient={{context.patientId}}&code=http://loinc.org|2524-7,http://loinc.org|2160-0"
        "&_sort=-date&_count=500"
    )
    assert LABS.query("p1").startswith("Observation?patient=p1&code=")
    assert DataNeed("patient", "Patient").query("p1") == "Patient/p1"
    stays = DataNeed("stays", "Encounter", count=20)
    assert stays.prefetch_template(encounter_always_known=False) == (
        "Encounter?patient={{context.patientId}}&_sort=-date&_count=20"
    )
    assert stays.prefetch_template(encounter_always_known=True) == "Encounter/{{context.encounterId}}"
    opened = DataNeed("stays", "Encounter", count=20, statuses=("in-progress", "onleave"))
    assert opened.query("p1") == "Encounter?patient=p1&status=in-progress,onleave&_sort=-date&_count=20"
    assert opened.query("p1", "e1") == "Encounter/e1"
    since = replace(LABS, look_back=timedelta(hours=49))
    assert since.prefetch_template(encounter_always_known=True) == LABS.prefetch_template(encounter_always_known=True)
    assert "&date=ge2026-02-27T23:00:00Z&" in since.query("p1", now=datetime(2026, 3, 2, tzinfo=UTC))
    assert smart_scopes([LABS, LABS]) == ("patient/Observation.rs",)
    assert smart_scopes([stays]) == ("patient/Encounter.rs", "patient/Location.rs")


def test_each_type_has_its_own_date() -> None:
    """A look-back uses the search parameter of the type; diagnoses have none, because an old one still holds."""
    day, now = timedelta(days=1), datetime(2026, 3, 2, tzinfo=UTC)
    assert DataNeed("conditions", "Condition", look_back=day).query("p1", now=now) == "Condition?patient=p1"
    orders = DataNeed("orders", "MedicationRequest", look_back=day, statuses=("active",), count=50)
    since = "authoredon=ge2026-03-01T00:00:00Z"
    along = "_include=MedicationRequest:medication"
    assert orders.query("p1", now=now) == f"MedicationRequest?patient=p1&status=active&{since}&{along}&_count=50"
    assert orders.prefetch_template(encounter_always_known=True).endswith("&status=active&_count=50")
    assert smart_scopes([orders]) == ("patient/Medication.rs", "patient/MedicationRequest.rs")
    assert (
        DataNeed("problems", "Condition", statuses=("active",)).query("p1")
        == "Condition?patient=p1&clinical-status=active"
    )
    history = DataNeed("history", "Encounter", look_back=day)
    assert history.query("p1", "e1").startswith("Encounter?patient=p1")
    done = DataNeed("done", "Procedure", look_back=day).query("p1", now=now)
    assert done == "Procedure?patient=p1&date=ge2026-03-01T00:00:00Z&_sort=-date"


def _score(**changes: Any) -> Score:
    """An early warning score of 7."""
    tier = Tier("high", 7, Indicator.CRITICAL, "RCP 2017")
    given = {"value": 7.0, "unit": "{points}", "highest": 7.0, "maximum": 20.0, "situation": "now"}
    return Score(**{"model": INFO, "as_of": NOW, "tier": tier, "items": (), **given, **changes})


def test_a_score_is_whole_or_says_how_much_it_could_be() -> None:
    """What is missing leaves a range, never a lower number that looks whole."""
    assert _score().whole
    assert _score().indicator is Indicator.CRITICAL
    assert not _score(highest=10.0).whole
    assert _score().suggestion == INFO.action.rstrip(".")
    assert _score(tier=Tier("low", 0, Indicator.INFO, "RCP 2017")).suggestion == USUAL_CARE


def test_the_band_says_how_far_it_may_reach() -> None:
    """From the tier of what was found to that of the worst case."""
    none, medium = Tier("none", 0, Indicator.INFO, "x"), Tier("medium", 5, Indicator.WARNING, "x")
    assert _score(tier=none, highest=8.0, worst=medium).band == "none to medium"
    assert _score(tier=none).band == "none"
    assert _score(tier=none, highest=8.0).band == "none or worse"
    assert _score(tier=none, highest=8.0, falling=True).band == "none or better"
    assert _score(highest=8.0).band == "high"
    assert _score(tier=replace(none, name="1 to 2")).band == "band 1 to 2"


def test_the_level_rises_with_the_danger() -> None:
    """Also where less is worse, so that thresholds mean the same for all."""
    assert _score().level == 7
    assert _score(value=15.0, falling=True).level == -15
    assert _score(value=90.0, falling=True).level < _score(value=15.0, falling=True).level


def test_a_weak_answer_is_told_as_information(make_assessment: Callable[..., RiskAssessment]) -> None:
    """Its tier stays what it is."""
    loud = make_assessment(tier="high")
    assert loud.indicator is loud.tier.indicator is not Indicator.INFO
    weak = make_assessment(tier="high", weak="only 40 % of what the model weighs was found", probability=0.6)
    assert weak.indicator is Indicator.INFO
    assert weak.level == 0.6
    assert weak.suggestion == MEASURE_FIRST


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(-5, 5)), max_size=30), st.floats(-5, 5))
def test_drivers_add_up_to_the_log_odds(parts: list[tuple[str, float]], base: float) -> None:
    """Grouping by concept loses nothing, and the product of multipliers is the odds."""
    explanation = Explanation(base, tuple(attribution(concept, size, None) for concept, size in parts))
    drivers = explanation.drivers()
    assert len({driver.concept for driver in drivers}) == len(drivers)
    assert math.isclose(base + math.fsum(d.log_odds for d in drivers), explanation.log_odds, abs_tol=1e-9)
    product = math.exp(base) * math.prod(driver.odds_multiplier for driver in drivers)
    assert math.isclose(product, math.exp(explanation.log_odds), rel_tol=1e-9)
    assert [abs(d.log_odds) for d in drivers] == sorted((abs(d.log_odds) for d in drivers), reverse=True)


def test_a_driver_knows_its_newest_fact() -> None:
    """The fact shown for a concept is the newest one behind it."""
    old, new = observation("2524-7", 2.0, "mmol/L", 300), observation("2524-7", 4.0, "mmol/L", 10)
    drivers = Explanation(0.0, (attribution("lactate", 0.2, old), attribution("lactate", 0.3, new))).drivers()
    assert drivers[0].latest == new
    assert drivers[0].measured
    assert not Explanation(0.0, (attribution("lactate", 0.2, None),)).drivers()[0].measured


def test_completed_years_at_the_birthday() -> None:
    """A year is complete on the birthday, not before."""
    born = date(1950, 2, 28)
    assert completed_years(born, date(2026, 2, 27)) == 75
    assert completed_years(born, date(2026, 2, 28)) == 76
    assert completed_years(date(1952, 2, 29), date(2026, 2, 28)) == 73


def test_a_token_is_never_printed() -> None:
    """Neither token nor prefetch stands in a representation."""
    invocation = Invocation(
        "c",
        "s",
        "h",
        "i",
        "p",
        "u",
        prefetch={"k": "secret-fact"},
        access=FhirAccess("https://ehr/fhir", "secret-token"),
    )
    assert "secret" not in repr(invocation)


def test_errors_carry_words_for_people() -> None:
    """A missing need names its key and what was tried."""
    fault = DataUnavailable("labs", "not in the prefetch")
    assert isinstance(fault, ChartsideError)
    assert fault.key == "labs"
    assert fault.message == "Required data 'labs' could not be read: not in the prefetch."


def test_override_reasons_are_few_and_coded(make_assessment: Callable[..., RiskAssessment]) -> None:
    """Four to six choices, each with system, code and display."""
    assert 4 <= len(OVERRIDE_REASONS) <= 6
    assert all(reason.system and reason.code and reason.display for reason in OVERRIDE_REASONS)
    assert OVERRIDE_REASONS[0].token == f"{OVERRIDE_REASONS[0].system}|action-completed"


def test_a_derived_driver_shows_its_own_number() -> None:
    """A ratio of two signals is not shown as one of them; an ordinary driver shows its newest fact."""
    fact = observation("3094-0", 60.0, "mg/dL")
    ratio = replace(attribution("urea_per_creatinine", 0.4, fact), value=24.0, unit="1", derived=True)
    assert Explanation(0.0, (ratio,)).drivers()[0].shown == (24.0, "1")
    assert Explanation(0.0, (attribution("urea", 0.4, fact),)).drivers()[0].shown == (60.0, "mg/dL")
    age = replace(attribution("age", 0.4, None), value=71.0, unit="a")
    assert Explanation(0.0, (attribution("age", 0.5, None), age)).drivers()[0].shown == (71.0, "a")
    assert Explanation(0.0, (attribution("lactate", 0.4, None),)).drivers()[0].shown == (None, "")
    six_hours = replace(attribution("urea", 0.1, fact), value=200.0, unit="mL in 6 h", lead=True)
    assert Explanation(0.0, (attribution("urea", 0.5, fact), six_hours)).drivers()[0].shown == (200.0, "mL in 6 h")


def test_the_action_follows_the_tier(make_assessment: Callable[..., RiskAssessment]) -> None:
    """A senior review is suggested from the second tier on."""
    assert make_assessment(0.5, "high").suggestion == "Ask for a senior review and agree an escalation plan"
    assert make_assessment(0.05, "low").suggestion.startswith("Keep usual monitoring")


def test_a_fault_has_an_origin_without_its_message() -> None:
    """File and line of the innermost frame, or nothing where it was never raised."""
    with pytest.raises(ChartsideError) as fault:
        raise ChartsideError("about a patient")
    assert re.fullmatch(r"test_clinical_words\.py:\d+", origin(fault.value))
    assert origin(ChartsideError("never raised")) == ""
