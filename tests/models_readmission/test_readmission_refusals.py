"""Whom the model is not for, and what it cannot do without."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from clinical.assessment import AbstentionReason
from clinical.record import LOINC, Coding, Condition, Observation, SetAside, SetAsideReason, Source
from models.readmission_30d.destinations import DISPOSITION, NUBC_STATUS
from models.runtime.code_list import ATC, ICD_10_CM, SNOMED_CT
from models.runtime.sight import Looked, Refused


def hba1c(chart: Any, value: float, unit: str = "%", days: float = 30.0) -> Observation:
    """A result some days before the stay."""
    codings = (Coding(LOINC, "4548-4"),)
    return Observation("Observation/a", codings, value, unit, chart.ago(days), "final", Source.FHIR, value, unit)


def without_diabetes(chart: Any, **changes: Any) -> Any:
    """The record of somebody of whom no diabetes is known."""
    conditions = (chart.diagnosis("c1", "I50.9"), chart.diagnosis("c2", "N18.4"))
    furosemide = (chart.medicine("m1", "furosemide 40 MG"),)
    return replace(chart.record(), **{"conditions": conditions, "medications": furosemide} | changes)


def test_somebody_without_diabetes(chart: Any, look: Any) -> None:
    """Is not meant, and the record shows it."""
    found = look(without_diabetes(chart))
    assert isinstance(found, Refused)
    assert found.refusal.reason is AbstentionReason.NOT_MEANT_FOR
    assert not found.refusal.in_population


@pytest.mark.parametrize("reason", SetAsideReason)
@pytest.mark.parametrize(
    ("reference", "codes", "may_be"),
    [
        ("Condition/x", (), True),
        ("MedicationRequest/x", (), True),
        ("ADT c1 segment 4", (), True),
        ("Observation/x", ("4548-4",), True),
        ("ORU c2 segment 9", (), True),
        ("Observation/x", ("2160-0",), False),
        ("ORU c2 segment 9", ("2160-0",), False),
    ],
)
def test_what_was_set_aside_may_tell_of_diabetes(
    reference: str, codes: tuple[str, ...], may_be: bool, reason: SetAsideReason, chart: Any, look: Any
) -> None:
    """Nobody can say that there is none, unless it never held, or is known to measure something else."""
    aside = SetAside(reference, reason, "it cannot be used", tuple(Coding(LOINC, code) for code in codes))
    found = look(without_diabetes(chart, set_aside=(aside,)))
    assert found.refusal.in_population == (may_be and reason is not SetAsideReason.VOID)


@pytest.mark.parametrize(
    "condition",
    [
        Condition("Condition/p", (Coding(SNOMED_CT, "44054006"),)),
        Condition("Condition/p", (Coding(SNOMED_CT, "46635009"),)),
        Condition("Condition/p", (Coding(SNOMED_CT, "73211009", "Diabetes mellitus"),)),
        Condition("Condition/p", (Coding(ICD_10_CM, "E13.9"),)),
        Condition("Condition/p", (Coding("urn:oid:2.16.840.1.113883.6.90", "E11.9"),)),
        Condition("Condition/p", (Coding(SNOMED_CT, "127013003"),)),
        Condition("Condition/p", (Coding(SNOMED_CT, "1", "Neuropathy due to type 2 diabetes mellitus"),)),
        Condition("Condition/p", (), text="Type 2 diabetes, no complications"),
        Condition("Condition/p", (Coding("http://local", "7", "Diabetic foot"),)),
        Condition("Condition/p", (Coding("http://hl7.org/fhir/sid/icd-9-cm", "249.00"),), active=False),
    ],
)
def test_a_diagnosis_of_diabetes(condition: Condition, chart: Any, look: Any) -> None:
    """Wherever it stands in the record, in any system that is read."""
    record = without_diabetes(chart)
    assert isinstance(look(replace(record, conditions=(*record.conditions, condition))), Looked)


@pytest.mark.parametrize(
    ("text", "codings", "answered"),
    [
        ("glipizide 5 MG", (), True),
        ("", (Coding(ATC, "A10AB05"),), True),
        ("empagliflozin 10 MG", (), False),
        ("semaglutide", (), False),
    ],
)
def test_a_medicine_of_diabetes(text: str, codings: tuple[Coding, ...], answered: bool, chart: Any, look: Any) -> None:
    """One that is given for nothing else: newer ones are also given for the heart and for weight."""
    found = look(without_diabetes(chart, medications=(chart.medicine("m1", text, codings=codings),)))
    assert isinstance(found, Looked) is answered


@pytest.mark.parametrize(
    ("value", "unit", "days", "answered"),
    [(6.5, "%", 30.0, True), (6.4, "%", 30.0, False), (48.0, "mmol/mol", 30.0, False), (9.0, "%", -30.0, False)],
)
def test_an_hba1c_of_diabetes(value: float, unit: str, days: float, answered: bool, chart: Any, look: Any) -> None:
    """From 6.5 %, in the canonical unit, and not from the future."""
    found = look(without_diabetes(chart, observations=(hba1c(chart, value, unit, days),)))
    assert isinstance(found, Looked) is answered


def test_in_doubt_the_patient_is_one(chart: Any, look: Any) -> None:
    """Where not every diagnosis could be read, nobody can say that there is no diabetes."""
    found = look(without_diabetes(chart, incomplete=("conditions: only the first page was read",)))
    assert isinstance(found, Refused)
    assert found.refusal.reason is AbstentionReason.NOT_ENOUGH_DATA
    assert found.refusal.in_population
    assert found.refusal.missing == ("Diabetes",)


@pytest.mark.parametrize(
    "text",
    [
        "Diabetes insipidus",
        "Gestational diabetes",
        "Family history of diabetes mellitus",
        "Screening for diabetes",
        "Pre-diabetes",
        "Prediabetes",
    ],
)
def test_what_only_sounds_like_diabetes(text: str, chart: Any, look: Any) -> None:
    """Does not make somebody one with diabetes."""
    condition = Condition("Condition/p", (Coding(SNOMED_CT, "1", text),))
    record = without_diabetes(chart)
    found = look(replace(record, conditions=(*record.conditions, condition)))
    assert isinstance(found, Refused)
    assert found.refusal.reason is AbstentionReason.NOT_MEANT_FOR


@pytest.mark.parametrize(
    "condition",
    [
        Condition("Condition/p", (), text="Sugar"),
        Condition("Condition/p", (Coding("http://local", "7", "DM2"),)),
        Condition("Condition/p", (Coding(SNOMED_CT, "1"),)),
        Condition("Condition/p", ()),
    ],
)
def test_a_diagnosis_that_cannot_be_read_may_be_diabetes(condition: Condition, chart: Any, look: Any) -> None:
    """Where nothing else shows diabetes, the record does not say whether the patient has it."""
    record = without_diabetes(chart)
    found = look(replace(record, conditions=(*record.conditions, condition)))
    assert isinstance(found, Refused)
    assert (found.refusal.reason, found.refusal.in_population) == (AbstentionReason.NOT_ENOUGH_DATA, True)
    assert found.refusal.text == "the record does not say whether the patient has diabetes"


@pytest.mark.parametrize(
    ("changes", "answered"),
    [
        ({}, True),
        ({"text": "", "codings": (Coding(ATC, "A10BD07"),)}, True),
        ({"text": "", "codings": (Coding(ATC, "A10BK03"),)}, False),
        ({"status": "on-hold"}, False),
        ({"start": timedelta(days=1)}, False),
        ({"text": "insulin syringe"}, False),
    ],
)
def test_a_medicine_of_another_encounter(changes: dict[str, Any], answered: bool, chart: Any, look: Any) -> None:
    """What somebody takes at home shows diabetes too, unless it is on hold, begins later, or is a supply."""
    if "start" in changes:
        changes = {"start": chart.now + changes["start"]}
    use = chart.medicine("m2", **{"text": "metformin 500 MG", "encounter": "Encounter/clinic"} | changes)
    record = without_diabetes(chart)
    assert isinstance(look(replace(record, medications=(*record.medications, use))), Looked) is answered


def test_diabetes_of_the_future(chart: Any, look: Any) -> None:
    """A diagnosis that begins after the moment asked about does not count."""
    record = without_diabetes(chart)
    condition = chart.diagnosis("p", "E11.9", onset=chart.now + timedelta(days=2))
    assert isinstance(look(replace(record, conditions=(*record.conditions, condition))), Refused)


@pytest.mark.parametrize(
    "disposition",
    [
        Coding(NUBC_STATUS, "77"),
        Coding("http://terminology.hl7.org/CodeSystem/v2-0112", "E"),
        Coding("http://local", "dead"),
        Coding("", "", "Expired"),
    ],
)
def test_a_disposition_that_cannot_be_read(disposition: Coding, chart: Any, look: Any) -> None:
    """Death and hospice cannot be ruled out, so there is no risk; who has no diabetes is still not meant."""
    stay = chart.stay(discharge_disposition=disposition)
    found = look(chart.record(stays=(stay,)))
    assert isinstance(found, Refused)
    assert (found.refusal.reason, found.refusal.in_population) == (AbstentionReason.NOT_ENOUGH_DATA, True)
    assert found.refusal.text == "the record does not say whether the patient leaves alive"
    other = look(without_diabetes(chart, stays=(stay,)))
    assert other.refusal.reason is AbstentionReason.NOT_MEANT_FOR


@pytest.mark.parametrize(
    "conditions",
    [
        (),
        (Condition("Condition/c1", (Coding(SNOMED_CT, "73211009"),)),),
        (Condition("Condition/x", (Coding(ICD_10_CM, "E11.9"),)),),
        (Condition("Condition/c1", (Coding(ICD_10_CM, "diabetes"),)),),
    ],
)
def test_no_diagnosis_of_the_stay_that_can_be_read(conditions: tuple[Condition, ...], chart: Any, look: Any) -> None:
    """Is named as missing; a list of problems is no discharge diagnosis."""
    found = look(chart.record(conditions=conditions))
    assert isinstance(found, Refused)
    assert found.refusal.in_population
    assert found.refusal.missing == ("Diagnoses of this stay",)


@pytest.mark.parametrize(
    "disposition",
    [
        Coding(DISPOSITION, "exp"),
        Coding(DISPOSITION, "hosp"),
        Coding(NUBC_STATUS, "20"),
        Coding(NUBC_STATUS, "50"),
        Coding(NUBC_STATUS, "51"),
        Coding("http://terminology.hl7.org/CodeSystem/v2-0112", "20"),
        Coding("http://terminology.hl7.org/CodeSystem/v2-0112", "41"),
        Coding("urn:oid:2.16.840.1.113883.12.112", "50"),
    ],
)
def test_who_is_not_expected_back(disposition: Coding, chart: Any, look: Any) -> None:
    """Who died or goes to a hospice is not meant."""
    found = look(chart.record(stays=(chart.stay(discharge_disposition=disposition),)))
    assert isinstance(found, Refused)
    assert found.refusal.reason is AbstentionReason.NOT_MEANT_FOR


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"birth_date": date(2010, 1, 1)}, AbstentionReason.NOT_ADULT),
        ({"birth_date": None}, AbstentionReason.AGE_UNKNOWN),
        ({"deceased": True}, AbstentionReason.DECEASED),
        ({"stays": ()}, AbstentionReason.NO_CURRENT_STAY),
    ],
)
def test_the_population(changes: dict[str, Any], reason: AbstentionReason, chart: Any, look: Any) -> None:
    """Adults in a stay in hospital."""
    found = look(chart.record(**changes))
    assert isinstance(found, Refused)
    assert found.refusal.reason is reason


def test_a_visit_is_no_stay(chart: Any, look: Any) -> None:
    """Nobody is discharged from a clinic."""
    visit = chart.stay(class_code=Coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB"))
    assert isinstance(look(chart.record(stays=(visit,))), Refused)


def test_a_stay_that_ended_long_ago_is_not_the_question(chart: Any, look: Any) -> None:
    """Its thirty days have begun without us."""
    ended = chart.stay(status="finished", end=chart.now - timedelta(days=3))
    assert isinstance(look(chart.record(stays=(ended,))), Refused)


ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@pytest.mark.parametrize("focus", ["Encounter/e1", None])
@pytest.mark.parametrize(
    "coding",
    [
        Coding(ACT_CODE, "XYZ"),
        Coding(ACT_CODE, "imp"),
        Coding("", "IP", "inpatient"),
        Coding("urn:oid:1.2.840.114350.1.13.0.1.7.10.698084.13260", "4", "Hospital Encounter"),
        Coding("http://local", "IMP"),
        Coding("http://local", "AMB"),
        None,
    ],
)
def test_a_class_that_is_not_known_does_not_say_whether_the_patient_was_admitted(
    coding: Coding | None, focus: str | None, chart: Any, look: Any
) -> None:
    """It is no visit: the patient may be meant, and is told to be not assessed."""
    found = look(replace(chart.record(), stays=(chart.stay(class_code=coding),), focus=focus))
    assert isinstance(found, Refused)
    assert (found.refusal.reason, found.refusal.in_population) == (AbstentionReason.NO_CURRENT_STAY, True)
    assert "does not say whether the patient was admitted" in found.refusal.text


@pytest.mark.parametrize(("code", "answered"), [("IMP", True), ("OBSENC", True), ("AMB", False), ("EMER", False)])
def test_a_class_of_the_list_keeps_its_meaning(code: str, answered: bool, chart: Any, look: Any) -> None:
    """Also by the name that FHIR STU3 gave the list; a visit is no stay in hospital."""
    for system in ("", ACT_CODE, "http://hl7.org/fhir/v3/ActCode"):
        found = look(replace(chart.record(), stays=(chart.stay(class_code=Coding(system, code)),)))
        assert isinstance(found, Looked) if answered else not found.refusal.in_population


@pytest.mark.parametrize("focus", ["Encounter/e1", None])
def test_a_stay_that_ended_some_time_on_a_day_is_not_assessed(focus: str | None, chart: Any, look: Any) -> None:
    """The length of the stay is not known, named or not; long ago, its discharge is not the question."""
    late = chart.stay(status="finished", latest_end=chart.now - timedelta(hours=2))
    for hours in (2, -10):
        stay = replace(late, latest_end=chart.now - timedelta(hours=hours))
        found = look(replace(chart.record(), stays=(stay,), focus=focus))
        assert found.refusal.in_population
        assert found.refusal.text == "the record does not say when the stay ended"
    old = replace(late, latest_end=chart.now - timedelta(hours=30))
    assert not look(replace(chart.record(), stays=(old,), focus=focus)).refusal.in_population
