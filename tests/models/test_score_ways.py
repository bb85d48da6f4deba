"""Several ways to know one thing (a reported body mass index, or weight and height): the newest whole one counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from clinical.assessment import Abstention, Finding, RiskAssessment
from clinical.record import LOINC, Coding, MedicationUse, Observation, PatientRecord, SetAside, SetAsideReason
from models.runtime.check_score_manifest import check_score_manifest

DAY = 24.0
BMI, WEIGHT, HEIGHT, CREATININE, EGFR = "39156-5", "29463-7", "8302-2", "2160-0", "62238-1"
UNITS = {BMI: "kg/m2", WEIGHT: "kg", HEIGHT: "cm", CREATININE: "mg/dL", EGFR: "mL/min/{1.73_m2}"}
NEVER = "snomed|266919005"
Seen = tuple[str, float, float]


@pytest.fixture
def person(patient: Any) -> Callable[..., PatientRecord]:
    """All that PREVENT asks for but the body mass index; facts as code, value and days ago, and what was set aside."""

    def build(*facts: Seen, unused: tuple[SetAside, ...] = ()) -> PatientRecord:
        lipids = (patient.fact("2093-3", 200.0, "mg/dL"), patient.fact("2085-9", 50.0, "mg/dL"))
        whole = (*lipids, patient.fact("8480-6", 120.0, "mm[Hg]"), patient.fact("98979-8", 90.0, UNITS[EGFR]))
        seen: tuple[Observation, ...] = tuple(patient.fact(code, v, UNITS[code], days * DAY) for code, v, days in facts)
        history = (patient.diagnosis("icd-10|J30.1"),)
        medicines: tuple[MedicationUse, ...] = ()
        answers = (patient.answer("loinc|72166-2", NEVER),)
        return patient.record(  # type: ignore[no-any-return]
            *whole, *seen, answers=answers, conditions=history, medications=medicines, set_aside=unused, stays=()
        )

    return build


@pytest.fixture
def aside(patient: Any) -> Callable[..., SetAside]:
    """A fact that is not final yet, so many days old."""

    def build(code: str, days: float) -> SetAside:
        codings = (Coding(LOINC, code),)
        return SetAside(
            f"Observation/aside-{code}", SetAsideReason.STATUS, "not final", codings, patient.ago(days * DAY)
        )

    return build


@pytest.fixture
def assess(scores: Any, patient: Any) -> Callable[[str, PatientRecord], Finding]:
    """A score of a record, now."""
    return lambda folder, record: scores[folder].assess(record, patient.now)  # type: ignore[no-any-return]


def _bmi(finding: Finding) -> float:
    """The body mass index that counted."""
    assert isinstance(finding, RiskAssessment), finding
    (value,) = (one.value for one in finding.explanation.attributions if one.feature == "bmi")
    assert value is not None
    return round(value, 1)


@pytest.mark.parametrize(
    ("facts", "bmi"),
    [
        ([(WEIGHT, 80, 1), (HEIGHT, 200, 1)], 20.0),
        ([(WEIGHT, 80, 1), (HEIGHT, 200, 0.9993)], 20.0),
        ([(WEIGHT, 80, 1), (HEIGHT, 200, 3000)], 20.0),
        ([(WEIGHT, 80, 9), (HEIGHT, 200, 1)], 20.0),
        ([(BMI, 27, 30), (WEIGHT, 80, 1), (HEIGHT, 200, 90)], 20.0),
        ([(BMI, 27, 30), (WEIGHT, 80, 31), (HEIGHT, 200, 1)], 27.0),
        ([(BMI, 27, 30), (WEIGHT, 80, 30), (HEIGHT, 200, 30)], 27.0),
        ([(BMI, 27, 30), (WEIGHT, 80, 1)], 27.0),
        ([(BMI, 27, 30), (HEIGHT, 200, 1)], 27.0),
    ],
)
def test_the_newest_whole_way_counts(facts: list[Seen], bmi: float, assess: Any, person: Any) -> None:
    """Weight and height are one way, as new as the weight; without one of them the reported index stands."""
    assert _bmi(assess("prevent_cvd", person(*facts))) == bmi


@pytest.mark.parametrize("facts", [[(WEIGHT, 80, 1)], [(HEIGHT, 200, 1)]])
def test_a_part_alone_is_no_way(facts: list[Seen], assess: Any, person: Any) -> None:
    """Nobody can say what the index is."""
    finding = assess("prevent_cvd", person(*facts))
    assert isinstance(finding, Abstention)
    assert finding.text == "not found: Body mass index, or weight and height"


@pytest.mark.parametrize(
    ("facts", "unused", "bmi"),
    [
        ([(BMI, 27, 30)], [(WEIGHT, 1)], 27.0),
        ([(BMI, 27, 30)], [(HEIGHT, 1)], 27.0),
        ([(BMI, 27, 30), (HEIGHT, 200, 90)], [(WEIGHT, 1)], None),
        ([(BMI, 27, 30), (HEIGHT, 200, 90)], [(WEIGHT, 31)], 27.0),
        ([(BMI, 27, 30)], [(WEIGHT, 1), (HEIGHT, 200)], None),
        ([(BMI, 27, 30), (WEIGHT, 80, 1)], [(HEIGHT, 200)], None),
        ([(BMI, 27, 30), (WEIGHT, 80, 31)], [(HEIGHT, 1)], 27.0),
        ([(WEIGHT, 80, 1), (HEIGHT, 200, 90)], [(HEIGHT, 1)], None),
        ([(WEIGHT, 80, 1), (HEIGHT, 200, 90)], [(HEIGHT, 91)], 20.0),
        ([(WEIGHT, 80, 2), (HEIGHT, 200, 90)], [(WEIGHT, 1)], None),
        ([(WEIGHT, 80, 2), (HEIGHT, 200, 90)], [(BMI, 1)], None),
        ([(WEIGHT, 80, 1), (HEIGHT, 200, 90)], [(BMI, 2)], 20.0),
    ],
)
def test_what_cannot_be_used_leaves_doubt_only_where_it_could_change_the_answer(
    facts: list[Seen], unused: list[tuple[str, float]], bmi: float | None, assess: Any, person: Any, aside: Any
) -> None:
    """A newer weight does with a height, however old; a height does where a newer weight lacks one, or has an older."""
    finding = assess("prevent_cvd", person(*facts, unused=tuple(aside(*one) for one in unused)))
    if bmi is None:
        assert isinstance(finding, Abstention)
        assert finding.text.endswith("cannot be used: Body mass index")
    else:
        assert _bmi(finding) == bmi


def test_inputs_that_say_something_only_together_stand_for_the_same(scores: Any) -> None:
    """Else the manifest is refused."""
    manifest = scores["prevent_cvd"].manifest
    assert check_score_manifest(manifest) == []
    for other in ("creatinine", "nothing", "height"):
        inputs = {**manifest.inputs, "height": replace(manifest.inputs["height"], together_with=other)}
        faults = check_score_manifest(replace(manifest, inputs=inputs))
        assert "inputs.height: together_with must name an input that stands in for the same one" in faults


@pytest.mark.parametrize(
    ("used", "unusable", "minutes", "answers"),
    [
        (CREATININE, EGFR, 5, True),
        (CREATININE, EGFR, 60, True),
        (CREATININE, EGFR, 61, False),
        (CREATININE, CREATININE, 5, False),
        (EGFR, CREATININE, 5, True),
        (EGFR, EGFR, 5, False),
    ],
)
def test_what_one_sample_says_twice_is_not_newer_than_itself(
    used: str, unusable: str, minutes: int, answers: bool, assess: Any, patient: Any, aside: Any
) -> None:
    """The eGFR "> 60" of a panel, stamped minutes after its creatinine; of one analyte a minute is newer."""
    value = 1.8 if used == CREATININE else 40.0
    facts = (patient.fact(used, value, UNITS[used], DAY), patient.fact("9318-7", 120.0, "mg/g", DAY))
    other = aside(unusable, 1 - minutes / 60 / DAY)
    record = patient.record(*facts, conditions=(patient.diagnosis("icd-10|N18.4"),), stays=(), set_aside=(other,))
    assert isinstance(assess("kfre", record), RiskAssessment) is answers


def test_an_index_worked_out_of_a_weight_is_as_new_as_that(assess: Any, person: Any, aside: Any) -> None:
    """The weight of that minute, not final yet, leaves the index that was made of it."""
    record = person((BMI, 27, 1), (HEIGHT, 200, 90), unused=(aside(WEIGHT, 1 - 0.5 / DAY),))
    assert _bmi(assess("prevent_cvd", record)) == 27.0


def test_consciousness_by_two_scales_is_of_two_moments(scores: Any) -> None:
    """Alert at nine and a coma score half an hour later are two examinations: no time makes them one."""
    inputs = scores["news2"].manifest.inputs.values()
    assert not any(one.same_within for one in inputs)


def test_the_time_within_which_two_are_one_is_positive_and_of_two(scores: Any) -> None:
    """Else the manifest is refused."""
    manifest = scores["kfre"].manifest
    for name, hours in (("egfr", -1), ("uacr", 1)):
        inputs = {**manifest.inputs, name: replace(manifest.inputs[name], same_within=timedelta(hours=hours))}
        fault = f"inputs.{name}: same_within_hours must be positive, beside unless"
        assert fault in check_score_manifest(replace(manifest, inputs=inputs))


@pytest.mark.parametrize(("minutes", "used"), [(0, CREATININE), (6, CREATININE), (60, CREATININE), (61, EGFR)])
def test_the_egfr_of_a_panel_does_not_take_the_place_of_its_creatinine(
    minutes: int, used: str, assess: Any, patient: Any
) -> None:
    """A result stamped some minutes later is of the same sample; KFRE takes the creatinine where there is one."""
    kidney = patient.fact(CREATININE, 2.4, "mg/dL", DAY), patient.fact(EGFR, 58.0, UNITS[EGFR], DAY - minutes / 60)
    albumin = patient.fact("9318-7", 300.0, "mg/g", DAY)
    finding = assess(
        "kfre", patient.record(*kidney, albumin, conditions=(patient.diagnosis("icd-10|J30.1"),), stays=())
    )
    assert isinstance(finding, RiskAssessment)
    (value,) = (one.value for one in finding.explanation.attributions if one.feature == "egfr")
    assert value is not None
    assert (value < 50) is (used == CREATININE)
