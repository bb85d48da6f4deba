"""Each shipped score on whole records: published examples, band edges, and what it does when something is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from clinical.assessment import Abstention, AbstentionReason, Finding, RiskAssessment, Score
from clinical.record import Coding, Observation, PatientRecord, StayLocation
from models.formulae.charlson import ORIGINAL
from models.formulae.charlson_codes import ICD9CM, ICD10
from models.runtime.exact_parts import exact_parts, log_odds

Points = Callable[[Finding], Mapping[str, float | None]]
SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"


@pytest.fixture
def assess(scores: Any, patient: Any) -> Callable[[str, PatientRecord], Finding]:
    """A score of a record, now."""
    return lambda folder, record: scores[folder].assess(record, patient.now)  # type: ignore[no-any-return]


def born(years: int) -> dict[str, Any]:
    """Somebody of this age on the day of the tests."""
    return {"birth_date": date(2026 - years, 1, 1)}


def rows(patient: Any, *values: tuple[str, float, str], hours: float = 1.0) -> tuple[Observation, ...]:
    """Facts by code."""
    return tuple(patient.fact(code, value, unit, hours) for code, value, unit in values)


@pytest.mark.parametrize(
    ("breaths", "systolic", "coma", "value"), [(21, 101, 15, 0), (22, 101, 15, 1), (22, 100, 15, 2), (22, 100, 14, 3)]
)
def test_qsofa(assess: Any, patient: Any, breaths: float, systolic: float, coma: float, value: float) -> None:
    """22 or more, 100 or less, below 15; positive from 2 on."""
    facts = rows(patient, ("9279-1", breaths, "/min"), ("8480-6", systolic, "mm[Hg]"), ("9269-2", coma, "{score}"))
    finding = assess("qsofa", patient.record(*facts))
    assert (finding.value, finding.whole, finding.maximum) == (value, True, 3)
    assert finding.tier.name == ("positive" if value >= 2 else "negative")


@pytest.mark.parametrize(
    ("facts", "value"),
    [
        ({"8310-5": 36.0, "8867-4": 90, "9279-1": 20, "6690-2": 12.0}, 0),
        ({"8310-5": 35.9, "8867-4": 91, "9279-1": 21, "6690-2": 12.1}, 4),
        ({"8310-5": 38.1, "8867-4": 90, "9279-1": 20, "6690-2": 3.9}, 2),
        ({"8310-5": 38.0, "8867-4": 90, "9279-1": 20, "2019-8": 31, "6690-2": 4.0, "764-1": 11}, 2),
    ],
)
def test_sirs(assess: Any, patient: Any, facts: dict[str, float], value: float) -> None:
    """Each criterion at its edge; PaCO2 and band forms as alternatives."""
    units = {"8310-5": "Cel", "8867-4": "/min", "9279-1": "/min", "6690-2": "10*3/uL", "2019-8": "mm[Hg]", "764-1": "%"}
    record = patient.record(*(patient.fact(code, number, units[code]) for code, number in facts.items()))
    finding = assess("sirs", record)
    assert (finding.value, finding.whole) == (value, True)
    assert finding.tier.name == ("positive" if value >= 2 else "negative")


@pytest.fixture
def icu(patient: Any) -> Callable[..., PatientRecord]:
    """A patient in intensive care with six organs measured; some values changed."""
    normal = {
        "2703-7": (95.0, "mm[Hg]"),
        "3150-0": (21.0, "%"),
        "777-3": (200.0, "10*3/uL"),
        "1975-2": (0.8, "mg/dL"),
        "8478-0": (80.0, "mm[Hg]"),
        "9269-2": (15.0, "{score}"),
        "2160-0": (0.9, "mg/dL"),
    }

    def build(changes: Mapping[str, float] | None = None, **more: Any) -> PatientRecord:
        bed = StayLocation("ICU", start=patient.ago(20), intensive_care=True, recognised_by="test")
        facts = [patient.fact(code, (changes or {}).get(code, value), unit) for code, (value, unit) in normal.items()]
        record: PatientRecord = patient.record(*facts, stays=(replace(patient.stay(), locations=(bed,)),))
        return replace(record, **more)

    return build


@pytest.mark.parametrize(
    ("code", "line", "edges"),
    [
        ("777-3", "coagulation", {150: 0, 149: 1, 100: 1, 99: 2, 50: 2, 49: 3, 20: 3, 19: 4}),
        ("1975-2", "liver", {1.1: 0, 1.2: 1, 1.9: 1, 2.0: 2, 5.9: 2, 6.0: 3, 11.9: 3, 12.0: 4}),
        ("8478-0", "circulation", {70: 0, 69: 1}),
        ("9269-2", "consciousness", {15: 0, 14: 1, 13: 1, 12: 2, 10: 2, 9: 3, 6: 3, 5: 4}),
        ("2160-0", "kidneys", {1.1: 0, 1.2: 1, 1.9: 1, 2.0: 2, 3.4: 2, 3.5: 3, 4.9: 3, 5.0: 4}),
        ("2703-7", "respiration", {84: 0, 83: 1, 63: 1, 62: 2, 41: 2}),
    ],
)
def test_sofa_bands(assess: Any, icu: Any, points: Points, code: str, line: str, edges: dict[float, float]) -> None:
    """Each organ at its edges; PaO2 on air is divided by .21."""
    for value, expected in edges.items():
        assert points(assess("sofa", icu({code: value})))[line] == expected, (code, value)


def test_sofa_takes_the_worst_of_24_hours_and_keeps_both_facts_of_a_ratio(assess: Any, icu: Any, patient: Any) -> None:
    """The lowest ratio, each pressure with the oxygen in force when it was drawn."""
    more = (patient.fact("2703-7", 80.0, "mm[Hg]", 5), patient.fact("3150-0", 80.0, "%", 6))
    record = icu()
    finding = assess("sofa", replace(record, observations=(*record.observations, *more)))
    item = next(item for item in finding.items if item.name == "respiration")
    assert {fact.reference for fact in item.facts} == {fact.reference for fact in more}
    assert (item.points, item.found) == (2, "Oxygenation (PaO2/FiO2) 100 mmHg")
    assert finding.highest == finding.value + 1
    assert finding.situation == "hour 20 of the intensive care stay"


def test_sofa_with_ventilation_and_with_a_vasopressor_of_unknown_dose(assess: Any, icu: Any, patient: Any) -> None:
    """A recorded ventilation lifts the limit of 2; a drug counts the least that it can mean, and says so."""
    ventilated = icu({"2703-7": 19.0}, procedures=(patient.procedure("snomed|40617009", 5),))
    finding = assess("sofa", ventilated)
    assert (finding.value, finding.highest) == (4, 4)
    drip = patient.medicine("Norepinephrine 8 MG in 250 ML", start=patient.ago(3))
    carried = patient.medicine("Epinephrine auto-injector")
    finding = assess("sofa", icu(medications=(drip, carried)))
    item = next(item for item in finding.items if item.name == "circulation")
    assert (item.points, item.rule) == (3, "a vasopressor runs, its dose is not known")
    assert [basis.reference for basis in item.basis] == [drip.reference]
    assert "norepinephrine" in item.found
    assert (finding.value, finding.highest) == (3, 4)
    unread = assess("sofa", icu(incomplete=("medications: not sent",)))
    assert (unread.value, unread.highest) == (0, 4)


def test_sofa_is_for_intensive_care(assess: Any, icu: Any, patient: Any) -> None:
    """On the ward there is no answer and no card."""
    finding = assess("sofa", icu(stays=(replace(patient.stay(), locations=(StayLocation("Ward"),)),)))
    assert isinstance(finding, Abstention)
    assert (finding.reason, finding.in_population) == (AbstentionReason.NOT_IN_INTENSIVE_CARE, False)


def liver(patient: Any, *values: float, **changes: Any) -> PatientRecord:
    """Bilirubin, INR, creatinine, sodium, albumin."""
    codes = (("1975-2", "mg/dL"), ("6301-6", "{INR}"), ("2160-0", "mg/dL"), ("2951-2", "mmol/L"), ("1751-7", "g/dL"))
    facts = [patient.fact(code, value, unit) for (code, unit), value in zip(codes, values, strict=True)]
    return replace(patient.record(*facts), **changes)


def test_meld3_published_values(assess: Any, patient: Any) -> None:
    """A man with normal values 6; a woman 27; capped at 40 (examples of the reference page)."""
    normal = liver(patient, 1.0, 1.0, 1.0, 137.0, 3.5, sex="male")
    assert assess("meld3", normal).value == 6
    ill = liver(patient, 3.0, 1.8, 1.5, 130.0, 2.8)
    finding = assess("meld3", ill)
    assert (finding.value, finding.highest, finding.maximum, finding.tier.name) == (27, 27, 40, "15 and above")
    assert finding.whole
    assert assess("meld3", liver(patient, 12.0, 2.5, 4.0, 120.0, 1.2)).value == 40
    assert [item.found for item in finding.items][2:4] == ["3 mg/dL", "1.8"]
    assert all(item.points is None for item in finding.items)


def test_meld3_with_dialysis_and_where_nobody_can_say(assess: Any, patient: Any) -> None:
    """Two in a week count as creatinine 3; one does not; unread procedures leave it open."""
    ill = liver(patient, 3.0, 1.8, 1.5, 130.0, 2.8)
    twice = tuple(patient.procedure("snomed|302497006", hours) for hours in (10, 60))
    value = assess("meld3", replace(ill, procedures=twice)).value
    assert value > 27
    assert assess("meld3", replace(ill, procedures=twice[:1])).value == 27
    unread = assess("meld3", replace(ill, incomplete=("procedures: not sent",)))
    assert (unread.value, unread.highest) == (27, value)
    assert unread.missing == ("Dialysis in 7 days", "Continuous dialysis in 7 days")


@pytest.mark.parametrize("left_out", range(5))
def test_meld3_needs_all_its_values(assess: Any, patient: Any, left_out: int) -> None:
    """One is missing: no answer, and its name."""
    record = liver(patient, 3.0, 1.8, 1.5, 130.0, 2.8)
    facts = record.observations[:left_out] + record.observations[left_out + 1 :]
    finding = assess("meld3", replace(record, observations=facts))
    assert isinstance(finding, Abstention)
    assert finding.missing == (("Total bilirubin", "INR", "Creatinine", "Sodium", "Albumin")[left_out],)
    assert isinstance(assess("meld3", replace(record, sex=None)), Abstention)


def test_fib4_published_value_and_cut_offs(assess: Any, patient: Any) -> None:
    """Age 55, AST 60, ALT 45, platelets 150 = 3.28; lower cut-off 1.30, from 65 on 2.0; not below 36."""

    def found(years: int, ast: float) -> Finding:
        values = (("1920-8", ast, "U/L"), ("1742-6", 45.0, "U/L"), ("777-3", 150.0, "10*3/uL"))
        finding: Finding = assess("fib4", patient.record(*rows(patient, *values), stays=(), **born(years)))
        return finding

    finding = found(55, 60.0)
    assert isinstance(finding, Score)
    assert (finding.value, finding.tier.name, finding.unit) == (3.28, "high", "1")
    assert found(55, 23.0).tier.name == "low"  # type: ignore[union-attr]
    assert found(55, 24.0).tier.name == "indeterminate"  # type: ignore[union-attr]
    assert found(65, 30.0).tier.name == "low"  # type: ignore[union-attr]
    assert isinstance(found(35, 60.0), Abstention)
    assert isinstance(found(36, 60.0), Score)


@pytest.mark.parametrize(
    ("sex", "years", "creatinine", "value", "tier"),
    [
        ("female", 50, 0.7, 105, "G1"),
        ("male", 60, 1.2, 69, "G2"),
        ("female", 72, 2.0, 26, "G4"),
        ("male", 40, 0.8, 115, "G1"),
        ("female", 60, 6.0, 8, "G5"),
    ],
)
def test_egfr_published_values(
    assess: Any, patient: Any, sex: str, years: int, creatinine: float, value: float, tier: str
) -> None:
    """As laboratories report it; less is worse, so the level is the value with its sign turned."""
    fact = patient.fact("2160-0", creatinine, "mg/dL")
    finding = assess("ckd_epi", patient.record(fact, sex=sex, stays=(), **born(years)))
    assert (finding.value, finding.tier.name, finding.level) == (value, tier, -value)
    assert finding.falling
    assert finding.tier.at_least <= finding.level
    assert finding.highest == finding.value


def one_code(listed: str) -> str:
    """The first code of a list."""
    return listed.split(maxsplit=1)[0].partition("-")[0]


@pytest.mark.parametrize("group", ICD10)
@pytest.mark.parametrize("system", ["icd-10", "icd-9"])
def test_every_charlson_group(assess: Any, patient: Any, points: Points, group: str, system: str) -> None:
    """A code of each group in both classifications gives its weight and shows the diagnosis."""
    code = one_code((ICD10 if system == "icd-10" else ICD9CM)[group])
    finding = assess("charlson", patient.record(conditions=(patient.diagnosis(f"{system}|{code}"),)))
    item = next(item for item in finding.items if item.name == group)
    assert item.points == ORIGINAL[group]
    assert [basis.reference for basis in item.basis] == [f"Condition/{system}|{code}"]
    assert finding.whole
    assert finding.value >= ORIGINAL[group]


def test_charlson_of_records_that_say_too_little(assess: Any, patient: Any) -> None:
    """Diagnoses that could not be read, or in no ICD: no answer. None at all: what the record says."""
    unread = assess("charlson", patient.record(incomplete=("conditions: not sent",)))
    assert isinstance(unread, Abstention)
    assert unread.text == "0 of 17 items were found; the score needs 1"
    foreign = assess("charlson", patient.record(conditions=(patient.diagnosis("snomed|44054006"),)))
    assert isinstance(foreign, Abstention)
    assert [aside.reference for aside in foreign.unused] == ["Condition/snomed|44054006"]
    assert assess("charlson", patient.record()).value == 0


def test_lace(assess: Any, patient: Any, points: Points) -> None:
    """Five days 4, acute 3, heart failure 2, one emergency visit 1."""
    visit = replace(patient.stay("EMER", 2000), reference="Encounter/e", status="finished", end=patient.ago(1990))
    stay = replace(patient.stay(hours=120), priority=Coding(SYSTEM, "EM"))
    record = patient.record(stays=(visit, stay), conditions=(patient.diagnosis("icd-10|I50.9"),))
    finding = assess("lace", record)
    assert points(finding) == {"days": 4, "acute": 3, "comorbidity": 2, "emergency_visits": 1}
    assert (finding.value, finding.whole, finding.tier.name) == (10, True, "high")
    by_name = {item.name: item for item in finding.items}
    assert by_name["comorbidity"].found == "heart failure"
    assert [basis.reference for basis in by_name["emergency_visits"].basis] == ["Encounter/e"]
    assert (by_name["days"].found, by_name["acute"].found) == ("5 days", "Admission EM")
    emergency = Coding("http://terminology.hl7.org/CodeSystem/admit-source", "emd")
    other = replace(record, stays=(replace(stay, priority=None, admit_source=emergency),))
    assert points(assess("lace", other))["acute"] == 3
    open_ = assess("lace", replace(record, stays=(replace(stay, priority=None),)))
    assert (points(open_)["acute"], open_.missing, open_.highest - open_.value) == (None, ("Acute admission",), 3)
    silent = assess("lace", replace(record, conditions=()))
    assert next(item for item in silent.items if item.name == "comorbidity").found == "none recorded"


def test_cha2ds2_vasc(assess: Any, patient: Any, points: Points) -> None:
    """Every item, only with atrial fibrillation."""
    codes = ("icd-10|I48.0", "icd-10|I50.9", "icd-10|I10", "icd-10|E11.9", "icd-10|I63.9", "icd-10|I21.9")
    record = patient.record(conditions=tuple(map(patient.diagnosis, codes)), **born(75))
    finding = assess("cha2ds2_vasc", record)
    assert (finding.value, finding.highest, finding.tier.name) == (9, 9, "high")
    assert points(finding)["female"] == 1
    for years, expected in [(64, 0), (65, 1), (74, 1), (75, 2)]:
        only = patient.record(conditions=(patient.diagnosis("icd-10|I48"),), sex="male", **born(years))
        assert assess("cha2ds2_vasc", only).value == expected
    without = assess("cha2ds2_vasc", replace(record, conditions=record.conditions[1:]))
    assert isinstance(without, Abstention)
    assert (without.text, without.in_population) == ("the score is for people with atrial fibrillation", False)
    unread = assess("cha2ds2_vasc", replace(record, conditions=(), incomplete=("conditions: not sent",)))
    assert (unread.text, unread.in_population) == (
        "the record does not say whether there is atrial fibrillation",
        True,
    )


@pytest.fixture
def kidney(patient: Any) -> Callable[..., PatientRecord]:
    """A man of 55 with an eGFR of 45 and an albumin/creatinine of 120: an example of Tangri."""

    def build(egfr: float = 45.0, uacr: float = 120.0, **changes: Any) -> PatientRecord:
        values = (("98979-8", egfr, "mL/min/{1.73_m2}"), ("9318-7", uacr, "mg/g"))
        record: PatientRecord = patient.record(*rows(patient, *values), sex="male", stays=(), **born(55))
        return replace(record, **changes)

    return build


def test_kfre_published_values_and_exact_parts(assess: Any, kidney: Any) -> None:
    """.03842 in 5 years; the parts add up to the log-odds; the other risks stand beside it."""
    finding = assess("kfre", kidney())
    assert isinstance(finding, RiskAssessment)
    assert finding.probability == pytest.approx(0.03842, abs=5e-6)
    assert finding.explanation.log_odds == pytest.approx(log_odds(finding.probability), abs=1e-9)
    assert {a.concept for a in finding.explanation.attributions} == {"age", "sex", "egfr", "uacr"}
    assert finding.tier.name == "borderline"
    assert assess("kfre", kidney(50.0)).tier.name == "usual"
    older = assess("kfre", kidney(28.0, 800.0, sex="female", **born(72)))
    assert older.probability == pytest.approx(0.28026, abs=5e-6)
    beside = {one.label: one.probability for one in older.others}
    assert beside["kidney failure within 2 years, outside North America"] == pytest.approx(0.06806, abs=5e-6)
    assert older.tier.name == "raised"
    egfr = next(a for a in older.explanation.attributions if a.concept == "egfr")
    assert (egfr.value, egfr.unit, len(egfr.facts)) == (28.0, "mL/min/{1.73_m2}", 1)


def test_kfre_prefers_creatinine_and_refuses_whom_it_is_not_for(assess: Any, kidney: Any, patient: Any) -> None:
    """EGFR of 60 or more, dialysis, a hospital stay: not for them. Nothing measured: what is missing."""
    both = kidney()
    both = replace(both, observations=(*both.observations, patient.fact("2160-0", 2.0, "mg/dL")))
    finding = assess("kfre", both)
    assert finding.probability != pytest.approx(0.03842, abs=1e-3)
    part = next(a for a in finding.explanation.attributions if a.concept == "egfr")
    assert part.facts[0].unit == "mg/dL"
    assert (round(part.value), part.unit, part.label) == (39, "mL/min/{1.73_m2}", "Kidney function (eGFR)")
    for record in (
        kidney(60.0),
        kidney(conditions=(patient.diagnosis("icd-10|Z99.2"),)),
        kidney(stays=(patient.stay(),)),
    ):
        refused = assess("kfre", record)
        assert isinstance(refused, Abstention)
        assert not refused.in_population
    assert isinstance(assess("kfre", kidney(stays=(patient.stay("AMB"),))), RiskAssessment)
    empty = assess("kfre", kidney(observations=()))
    assert empty.text == "not found: Creatinine, Urine albumin/creatinine"


@pytest.fixture
def heart(patient: Any) -> Callable[..., PatientRecord]:
    """The person of Khan 2024, suppl. S12: 50 years, diabetes, treated pressure of 160, eGFR 90, BMI 35."""

    def build(changes: Mapping[str, float | None] | None = None, **more: Any) -> PatientRecord:
        values: dict[str, tuple[float | None, str]] = {
            "2093-3": (200.0, "mg/dL"),
            "2085-9": (45.0, "mg/dL"),
            "8480-6": (160.0, "mm[Hg]"),
            "39156-5": (35.0, "kg/m2"),
            "98979-8": (90.0, "mL/min/{1.73_m2}"),
            "9318-7": (None, "mg/g"),
            "4548-4": (None, "%"),
        }
        known = {code: (changes or {}).get(code, value) for code, (value, _) in values.items()}
        facts = rows(patient, *((code, value, values[code][1]) for code, value in known.items() if value is not None))
        record: PatientRecord = patient.record(
            *facts,
            stays=(),
            answers=(patient.answer("loinc|72166-2", "snomed|266919005", 100, "Never smoker"),),
            conditions=(patient.diagnosis("icd-10|E11.9"),),
            medications=(patient.medicine("Lisinopril 10 MG Oral Tablet"),),
            **born(50),
        )
        return replace(record, **more)

    return build


OTHERS = {
    "female": {"heart failure within 10 years": 0.0806, "heart attack or stroke within 10 years": 0.092},
    "male": {"heart failure within 10 years": 0.1059, "heart attack or stroke within 10 years": 0.1019},
}


@pytest.mark.parametrize(
    ("more", "female", "male"),
    [
        ({}, 0.1468, 0.1632),
        ({"9318-7": 40.0}, 0.1599, 0.1718),
        ({"4548-4": 7.5}, 0.1359, 0.1551),
    ],
)
def test_prevent_published_values(assess: Any, heart: Any, more: dict[str, float], female: float, male: float) -> None:
    """Khan 2024, suppl. S12, to four digits; exact parts; a fact or a basis behind each."""
    for sex, expected in (("female", female), ("male", male)):
        finding = assess("prevent_cvd", heart(more, sex=sex))
        assert isinstance(finding, RiskAssessment)
        assert finding.probability == pytest.approx(expected, abs=5e-5)
        assert finding.explanation.log_odds == pytest.approx(log_odds(finding.probability), abs=1e-9)
        assert finding.tier.name == "raised"
        assert len(finding.others) == 5
        if not more:
            beside = {one.label: one.probability for one in finding.others}
            for label, value in OTHERS[sex].items():
                assert beside[label] == pytest.approx(value, abs=5e-5)


def test_prevent_shows_what_each_part_rests_on(assess: Any, heart: Any) -> None:
    """Measured facts, the diagnosis, the medicine and the answer."""
    finding = assess("prevent_cvd", heart())
    drivers = {driver.concept: driver for driver in finding.explanation.drivers()}
    parts = {part.concept: part for part in finding.explanation.attributions}
    assert [basis.text for basis in parts["diabetes"].basis] == ["diagnosis icd-10|E11.9"]
    assert [basis.text for basis in parts["blood_pressure"].basis] == ["Lisinopril 10 MG Oral Tablet"]
    assert [fact.value for fact in parts["blood_pressure"].facts] == [160.0]
    assert [basis.text for basis in parts["smoking"].basis] == ["Never smoker"]
    assert {fact.value for fact in parts["cholesterol"].facts} == {200.0, 45.0}
    assert drivers["diabetes"].odds_multiplier > 1
    assert drivers["age"].shown == (50.0, "a")
    assert finding.missing == ("Urine albumin/creatinine", "HbA1c")
    assert finding.signals == 11
    assert finding.situation == "at the age of 50 years"


def test_prevent_works_out_body_mass_and_kidney_function(assess: Any, heart: Any, patient: Any) -> None:
    """From weight and height, and from creatinine, where they are not reported."""
    record = heart({"39156-5": None, "98979-8": None})
    more = rows(patient, ("29463-7", 101.15, "kg"), ("8302-2", 170.0, "cm"), ("2160-0", 0.8, "mg/dL"))
    finding = assess("prevent_cvd", replace(record, observations=(*record.observations, *more)))
    assert isinstance(finding, RiskAssessment)
    assert finding.probability == pytest.approx(0.1468, abs=0.01)
    lacking = assess("prevent_cvd", replace(record, observations=(*record.observations, more[0], more[2])))
    assert isinstance(lacking, Abstention)
    assert lacking.text == "not found: Body mass index, or weight and height"


def test_prevent_for_whom_and_with_what_it_does_not_answer(assess: Any, heart: Any, patient: Any) -> None:
    """Known disease, in hospital, too young or old: not for them; a value out of range, or nothing said: a card."""
    outside = [
        heart(conditions=(patient.diagnosis("icd-10|I25.10"),)),
        heart(conditions=(patient.diagnosis("snomed|22298006"),)),
        heart(stays=(patient.stay(),)),
        heart(**born(29)),
        heart(**born(80)),
    ]
    for record in outside:
        finding = assess("prevent_cvd", record)
        assert isinstance(finding, Abstention)
        assert not finding.in_population
    inside = {
        "not found: Smoking": heart(answers=()),
        "not found: HDL cholesterol": heart({"2085-9": None}),
        "the record does not say: Medicine for blood pressure, Statin": heart(
            medications=(), incomplete=("medications: not sent",)
        ),
        "the record does not say whether there is known cardiovascular disease": heart(
            conditions=(), incomplete=("conditions: not sent",)
        ),
        "Systolic pressure is outside 90 to 200 mmHg": heart({"8480-6": 201.0}),
    }
    for text, record in inside.items():
        finding = assess("prevent_cvd", record)
        assert isinstance(finding, Abstention), text
        assert (finding.text, finding.in_population) == (text, True)


def test_30_years_are_foretold_up_to_59(assess: Any, heart: Any) -> None:
    """From 60 on only 10 years."""
    assert len(assess("prevent_cvd", heart(**born(59))).others) == 5
    assert [one.label for one in assess("prevent_cvd", heart(**born(60))).others] == [
        "heart attack or stroke within 10 years",
        "heart failure within 10 years",
    ]


def test_exact_parts_of_a_sum_are_its_terms() -> None:
    """On the log-odds a sum gives each input its own term; for a product of two both share alike."""

    def risk(values: Mapping[str, float]) -> float:
        return 1 / (1 + math.exp(-(values["a"] + 2 * values["b"] + values["c"] * values["d"])))

    person = {"a": 0.5, "b": -0.25, "c": 1.0, "d": 2.0}
    base, parts = exact_parts(risk, person, dict.fromkeys(person, 0.0))
    assert base == pytest.approx(0.0)
    assert parts == pytest.approx({"a": 0.5, "b": -0.5, "c": 1.0, "d": 1.0})
    with pytest.raises(ValueError, match="at most 8"):
        exact_parts(risk, dict.fromkeys("abcdefghi", 0.0), {})
    with pytest.raises(ValueError, match="0 or 1"):
        log_odds(1.0)
