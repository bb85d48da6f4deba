"""What a record does not say widens the range of a shipped score, or stops it by name; it never lowers a risk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from clinical.assessment import Abstention, AbstentionReason, Finding, RiskAssessment, Score
from clinical.record import Coding, Condition, PatientRecord, SetAside, SetAsideReason, Stay, StayLocation
from models.runtime.catalogue import MODELS_FOLDER

Assess = Callable[[str, PatientRecord], Finding]
ATRIAL_FIBRILLATION = "icd-10|I48.91"
ACT_PRIORITY = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"


@pytest.fixture
def assess(scores: Any, patient: Any) -> Assess:
    """A score of a record, now."""
    return lambda folder, record: scores[folder].assess(record, patient.now)  # type: ignore[no-any-return]


@pytest.fixture
def fibrillating(patient: Any) -> Callable[..., PatientRecord]:
    """A man of 50 with atrial fibrillation and what else is given: 0 points without it."""

    def build(*codes: str, **changes: Any) -> PatientRecord:
        found = tuple(map(patient.diagnosis, (ATRIAL_FIBRILLATION, *codes)))
        record: PatientRecord = patient.record(conditions=found, sex="male", birth_date=date(1976, 1, 1))
        return replace(record, **changes)

    return build


def test_diagnoses_in_snomed_only_are_not_absent(assess: Assess, fibrillating: Any) -> None:
    """Heart failure, hypertension and an old infarct under concepts that no list has: anything up to 6 points."""
    finding = assess("cha2ds2_vasc", fibrillating("snomed|703272007", "snomed|48146000", "snomed|1755008"))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest, finding.band) == (0, 6, "low to high")
    assert len(finding.missing) == 5
    assert len(finding.unused) == 3


@pytest.mark.parametrize(
    ("code", "label", "points"),
    [
        ("icd-10|I1A.0", "", 1),
        ("icd-10|E09.9", "", 1),
        ("icd-10|Z86.73", "", 2),
        ("icd-10|I73", "Vascular disease", 0),
        ("icd-10|I63.9 ", "", 2),
        ("urn:oid:2.16.840.1.113883.6.90|I63.9", "", 2),
    ],
)
def test_codes_of_cha2ds2_vasc(assess: Assess, fibrillating: Any, code: str, label: str, points: float) -> None:
    """Codes of later editions, other names of the system, and a category that leaves an arterial disease open."""
    finding = assess("cha2ds2_vasc", fibrillating(code))
    assert isinstance(finding, Score)
    assert (finding.value, finding.missing) == (points, (label,) if label else ())
    assert finding.highest == points + bool(label)


@pytest.mark.parametrize("reason", [SetAsideReason.STATUS, SetAsideReason.NO_TIME, SetAsideReason.FUTURE])
def test_a_stroke_that_was_set_aside_may_be_one(
    assess: Assess, fibrillating: Any, patient: Any, reason: SetAsideReason
) -> None:
    """A provisional one, one with a broken date, one that is to come: two points are open, and it is told."""
    aside = SetAside("Condition/9", reason, "why", patient.diagnosis("icd-10|I63.9").codings)
    finding = assess("cha2ds2_vasc", fibrillating(set_aside=(aside,)))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest, finding.missing) == (0, 2, ("Stroke, TIA or thromboembolism",))
    assert aside in finding.unused
    ruled_out = replace(aside, reason=SetAsideReason.VOID)
    whole = assess("cha2ds2_vasc", fibrillating(set_aside=(ruled_out,)))
    assert isinstance(whole, Score)
    assert whole.whole


def test_a_fibrillation_that_was_set_aside_is_no_empty_list(assess: Assess, patient: Any) -> None:
    """Of a status that nobody knows: not assessed, with a card."""
    aside = SetAside("Condition/9", SetAsideReason.STATUS, "?", patient.diagnosis(ATRIAL_FIBRILLATION).codings)
    finding = assess("cha2ds2_vasc", patient.record(conditions=(patient.diagnosis("icd-10|I10"),), set_aside=(aside,)))
    assert isinstance(finding, Abstention)
    assert finding.in_population
    assert aside in finding.unused


def test_charlson_of_mixed_lists(assess: Assess, patient: Any) -> None:
    """What is certain is the least; a metastasis in SNOMED CT, or a category alone, leaves the rest open."""
    infarct, spread = patient.diagnosis("icd-10|I21.9"), patient.diagnosis("snomed|94222008")
    finding = assess("charlson", patient.record(conditions=(infarct, spread)))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest, finding.band) == (1, 29, "band 1 to 2 to 5 or more")
    vague = assess("charlson", patient.record(conditions=(patient.diagnosis("icd-10|E11"),)))
    assert isinstance(vague, Score)
    assert vague.missing == ("Diabetes without complications", "Diabetes with complications")
    assert (vague.value, vague.highest) == (0, 2)
    nothing_certain = assess("charlson", patient.record(conditions=(patient.diagnosis("icd-10|Z00"), spread)))
    assert isinstance(nothing_certain, Abstention)
    assert len(nothing_certain.missing) == 17


@pytest.fixture
def outpatient(patient: Any) -> Callable[..., PatientRecord]:
    """Somebody of 50 outside hospital with all that PREVENT and KFRE ask for."""
    values = (
        ("2093-3", 200.0, "mg/dL"),
        ("2085-9", 45.0, "mg/dL"),
        ("8480-6", 130.0, "mm[Hg]"),
        ("39156-5", 27.0, "kg/m2"),
        ("9318-7", 300.0, "mg/g"),
    )

    def build(*codes: str, creatinine: float = 0.9, **changes: Any) -> PatientRecord:
        facts = [patient.fact(code, value, unit) for code, value, unit in values]
        record: PatientRecord = patient.record(
            *facts,
            patient.fact("2160-0", creatinine, "mg/dL"),
            stays=(),
            birth_date=date(1976, 1, 1),
            answers=(patient.answer("loinc|72166-2", "snomed|266919005"),),
            conditions=tuple(map(patient.diagnosis, codes)),
        )
        return replace(record, **changes)

    return build


KNOWN_DISEASE = [
    *("I21.9", "I25.10", "I50.9", "I11.0", "I63.9", "G45.9", "I70.211", "I71.4", "I73.9", "I74.3"),
    *("Z86.73", "Z94.1", "Z95.1", "Z95.5", "Z95.820", "Z98.61"),
]


@pytest.mark.parametrize("code", KNOWN_DISEASE)
def test_prevent_is_not_for_known_disease_however_it_is_coded(assess: Assess, outpatient: Any, code: str) -> None:
    """Also where only the treatment is coded, or a stroke of long ago."""
    finding = assess("prevent_cvd", outpatient(f"icd-10|{code}"))
    assert isinstance(finding, Abstention)
    assert (finding.text, finding.in_population) == (
        "the score is for people without known cardiovascular disease",
        False,
    )


@pytest.mark.parametrize("code", ["icd-10|I10", "icd-10|I70.0", "icd-10|Z82.49", "icd-10|E78.5", "icd-9|401.9"])
def test_prevent_is_for_people_with_risks_and_without_disease(assess: Assess, outpatient: Any, code: str) -> None:
    """A risk factor, a family history, and an incidental finding are none."""
    assert isinstance(assess("prevent_cvd", outpatient(code)), RiskAssessment)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"conditions": (Condition("Condition/1", (), text="heart attack 2019"),)}, "known cardiovascular disease"),
        (
            {"conditions": (Condition("Condition/1", (Coding("http://snomed.info/sct", "1755008"),)),)},
            "known cardiovascular disease",
        ),
        (
            {"set_aside": (SetAside("Condition/1", SetAsideReason.STATUS, "its status is not one of FHIR's"),)},
            "known cardiovascular disease",
        ),
        ({"set_aside": (SetAside("MedicationRequest/1", SetAsideReason.STATUS, "not known"),)}, "Statin"),
    ],
)
def test_prevent_does_not_answer_where_nobody_can_say(
    assess: Assess, outpatient: Any, changes: dict[str, Any], text: str
) -> None:
    """By name, with a card."""
    finding = assess("prevent_cvd", outpatient(**changes))
    assert isinstance(finding, Abstention)
    assert text in finding.text
    assert finding.in_population
    assert finding.unused


TREATMENTS = [
    "Bendroflumethiazide 2.5 mg tablets",
    "Lercanidipine 10 mg",
    "Chlorothiazide 500 MG",
    "torsemide 20 MG",
    "Nitrendipine 20 mg",
    "Moxonidine 200 microgram",
    "Diovan HCT",
    "Norvasc 5 mg",
    "Indapamide SR",
    "minoxidil 10 MG",
]


@pytest.mark.parametrize("name", TREATMENTS)
def test_prevent_knows_medicines_for_blood_pressure_by_name(
    assess: Assess, outpatient: Any, patient: Any, name: str
) -> None:
    """Ingredients of the ATC groups, and common brands of the United States."""
    medicine = patient.medicine(name)
    untreated = assess("prevent_cvd", outpatient())
    treated = assess("prevent_cvd", outpatient(medications=(medicine,)))
    assert isinstance(treated, RiskAssessment)
    assert isinstance(untreated, RiskAssessment)
    assert treated.probability > untreated.probability
    (pressure,) = (part for part in treated.explanation.attributions if part.concept == "blood_pressure")
    assert [basis.reference for basis in pressure.basis] == [medicine.reference]


def test_prevent_with_medicines_of_which_nobody_can_say(assess: Assess, outpatient: Any, patient: Any) -> None:
    """Unnamed, or by a text without a code: neither treated nor untreated. Bempedoic acid is no statin."""
    for medicine in (patient.medicine("", "rxnorm|617310"), patient.medicine("Pressurol", "local|1")):
        finding = assess("prevent_cvd", outpatient(medications=(medicine,)))
        assert isinstance(finding, Abstention)
        assert finding.text == "the record does not say: Medicine for blood pressure, Statin"
    other = assess("prevent_cvd", outpatient(medications=(patient.medicine("", "atc|C10BA10"),)))
    assert isinstance(other, RiskAssessment)
    assert not next(part for part in other.explanation.attributions if part.concept == "statin").basis
    ointment = patient.medicine("Timolol 0.5 % ophthalmic solution")
    assert isinstance(assess("prevent_cvd", outpatient(medications=(ointment,))), RiskAssessment)


def test_prevent_is_not_for_pregnancy(assess: Assess, outpatient: Any, patient: Any) -> None:
    """One that is going on; one of years ago is over."""
    now, then = patient.diagnosis("icd-10|O09.90", 100), patient.diagnosis("icd-10|O80", 24 * 400)
    assert isinstance(assess("prevent_cvd", outpatient(conditions=(now,))), Abstention)
    assert isinstance(assess("prevent_cvd", outpatient(conditions=(then,))), RiskAssessment)
    assert isinstance(assess("prevent_cvd", outpatient(conditions=(now,), sex="male")), RiskAssessment)


@pytest.mark.parametrize("code", ["Z99.2", "Z49.31", "Z94.0", "Z48.22", "T86.12", "N18.6", "Z91.15"])
def test_kfre_is_not_for_people_whose_kidneys_are_replaced(assess: Assess, outpatient: Any, code: str) -> None:
    """However that is coded; a text or a foreign code that may say so stops it by name."""
    finding = assess("kfre", outpatient(f"icd-10|{code}", creatinine=4.0))
    assert isinstance(finding, Abstention)
    assert not finding.in_population
    text = assess("kfre", outpatient(creatinine=4.0, conditions=(Condition("Condition/1", (), text="transplant"),)))
    assert isinstance(text, Abstention)
    assert text.in_population


def test_kfre_knows_no_certainty(assess: Assess, outpatient: Any) -> None:
    """For the youngest with the worst kidneys the equation gives 1."""
    finding = assess("kfre", outpatient(creatinine=30.0, birth_date=date(2008, 1, 1)))
    assert isinstance(finding, RiskAssessment)
    assert 0.99 < finding.probability < 1


@pytest.mark.parametrize(
    ("folder", "code", "words"),
    [
        ("ckd_epi", "icd-10|Z99.2", "without dialysis"),
        ("ckd_epi", "icd-10|N17.9", "without acute kidney injury"),
        ("ckd_epi", "icd-10|O09.90", "without pregnancy"),
        ("fib4", "icd-10|B15.9", "without acute liver disease"),
    ],
)
def test_whom_an_equation_is_not_for(
    assess: Assess, outpatient: Any, patient: Any, folder: str, code: str, words: str
) -> None:
    """Recorded lately it stops it; in hospital there is no answer; what cannot be told is told beside the number."""
    more = tuple(
        patient.fact(c, v, u) for c, v, u in (("1920-8", 60, "U/L"), ("1742-6", 45, "U/L"), ("777-3", 150, "10*3/uL"))
    )
    record = outpatient(conditions=(patient.diagnosis(code, 100),))
    record = replace(record, observations=(*record.observations, *more))
    finding = assess(folder, record)
    assert isinstance(finding, Abstention)
    assert words in finding.text
    assert isinstance(assess(folder, replace(record, conditions=(), stays=(patient.stay(),))), Abstention)
    unclear = assess(folder, replace(record, conditions=(Condition("Condition/1", (), text="?"),)))
    assert isinstance(unclear, Score)
    assert "the record does not say whether there is" in unclear.situation
    unread = SetAside("Encounter/1", SetAsideReason.MALFORMED, "?")
    somewhere = assess(folder, replace(record, conditions=(), set_aside=(unread,)))
    assert isinstance(somewhere, Score)
    assert "does not say for certain that this is not a stay in hospital" in somewhere.situation


OWN_LIST = Coding("urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260", "5", "Appointment")


@pytest.mark.parametrize(
    ("coding", "written"),
    [
        (OWN_LIST, f"5 of {OWN_LIST.system}"),
        (Coding("urn:x", "AMB"), "AMB of urn:x"),
        (Coding("", "amb"), "amb"),
        (Coding("urn:" + "x" * 100, "y" * 100), f"{'y' * 80} of urn:{'x' * 76}"),
        (None, "none"),
    ],
)
def test_a_visit_whose_class_cannot_be_read_may_be_a_stay(
    assess: Assess, outpatient: Any, patient: Any, coding: Coding | None, written: str
) -> None:
    """Not assessed, in words, and not taken for a stay in hospital; a stay beside it, or its place, may say that."""
    visit = patient.stay(class_code=coding)
    finding = assess("ckd_epi", outpatient(stays=(visit,)))
    assert isinstance(finding, Abstention)
    assert (finding.reason, finding.in_population) == (AbstentionReason.NO_CURRENT_STAY, True)
    unsure = "the record does not say for certain that this is not a stay in hospital"
    assert finding.text == f"{unsure}: its class cannot be read ({written})"
    bed = StayLocation("ICU", start=patient.ago(3), intensive_care=True, recognised_by="test")
    admitted = replace(patient.stay(hours=40), reference="Encounter/2")
    for stays in ((replace(visit, locations=(bed,)),), (visit, admitted)):
        elsewhere = assess("ckd_epi", outpatient(stays=stays))
        assert isinstance(elsewhere, Abstention)
        assert elsewhere.reason is AbstentionReason.NOT_MEANT_FOR
    named = assess("ckd_epi", outpatient(stays=(visit, admitted), focus=visit.reference))
    assert named.in_population


def test_news2_does_not_call_a_class_that_cannot_be_read_a_stay(assess: Assess, patient: Any) -> None:
    """It is scored, for an early warning is for whoever is here; what is not known is not told as a fact."""
    vitals = (("9279-1", 16.0, "/min"), ("59408-5", 97.0, "%"), ("8480-6", 125.0, "mm[Hg]"), ("8867-4", 75.0, "/min"))
    record = patient.record(*(patient.fact(*one) for one in (*vitals, ("8310-5", 37.0, "Cel"))))
    for coding in (OWN_LIST, Coding("urn:x", "AMB")):
        stay = patient.stay(class_code=coding)
        situations = [
            assess("news2", replace(record, stays=(one,))).situation for one in (stay, replace(stay, start=None))
        ]
        assert situations[0] == "day 2 of a stay or visit, its class cannot be read"
        assert situations[1] == "in a stay or visit, its class cannot be read"


@pytest.fixture
def shocked(patient: Any) -> Callable[..., PatientRecord]:
    """Somebody in intensive care since a day, whose organs all work."""
    values = (
        *(("2703-7", 95.0, "mm[Hg]"), ("3150-0", 21.0, "%"), ("777-3", 200.0, "10*3/uL"), ("1975-2", 0.8, "mg/dL")),
        *(("8478-0", 80.0, "mm[Hg]"), ("9269-2", 15.0, "{score}"), ("2160-0", 0.9, "mg/dL")),
    )

    def build(name: str = "", **changes: Any) -> PatientRecord:
        bed = StayLocation("ICU", start=patient.ago(30), intensive_care=True, recognised_by="test")
        stays = (patient.stay(locations=(bed,)),)
        use = patient.medicine(name, **{"start": patient.ago(3), **changes})
        facts = [patient.fact(code, value, unit) for code, value, unit in values]
        record: PatientRecord = patient.record(*facts, stays=stays, medications=(use,))
        return record

    return build


ENDED = {"active": False, "status": "completed"}


@pytest.mark.parametrize(
    ("name", "hours", "changes", "least", "most"),
    [
        ("Norepinephrine 8 mg", 3, {}, 3, 4),
        ("Norepinephrine 8 mg", 3, ENDED, 3, 4),
        ("Norepinephrine 8 mg", 29, ENDED, 0, 4),
        ("Norepinephrine 8 mg", 400, ENDED, 0, 0),
        ("Norepinephrine 8 mg", 3, {"status": "on-hold"}, 0, 4),
        ("Norepinephrine 8 mg", None, {}, 0, 4),
        ("Noradrénaline 8 mg", 3, {}, 3, 4),
        ("", 3, {}, 0, 4),
        ("Lidocaine 1 % with epinephrine 1:100,000", 3, {}, 0, 0),
        ("Epinephrine auto-injector", 3, {}, 0, 0),
        ("Dobutamine", 3, {}, 2, 2),
        ("Vasopressin 20 units", 3, {}, 0, 4),
        ("Paracetamol", 3, {}, 0, 0),
    ],
)
def test_vasopressors_of_sofa(
    assess: Assess,
    shocked: Any,
    patient: Any,
    name: str,
    hours: float | None,
    changes: dict[str, Any],
    least: float,
    most: float,
) -> None:
    """What ran within a day counts, also where it has ended; what nobody can say leaves the line open."""
    start = None if hours is None else patient.ago(hours)
    finding = assess("sofa", shocked(name, start=start, **changes))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest) == (least, most)
    assert finding.missing == (("Circulation",) if most > least else ())


def test_sofa_names_a_vasopressor_that_it_has_no_points_for(assess: Assess, shocked: Any, patient: Any) -> None:
    """Beside the pressure that may be the drug's; the day of admission is a day of the stay."""
    finding = assess("sofa", shocked("Vasopressin 20 units"))
    assert isinstance(finding, Score)
    line = next(item for item in finding.items if item.name == "circulation")
    assert line.rule == "mean pressure 70 or more; a vasopressor runs that the score has no points for"
    assert "another vasopressor" in line.found
    admission = patient.now.replace(hour=0) - timedelta(days=1)
    day = {"start": admission, "latest_start": admission + timedelta(hours=23)}
    on_the_day = assess("sofa", shocked("Norepinephrine", **day))
    assert isinstance(on_the_day, Score)
    assert on_the_day.value == 3
    aside = (SetAside("MedicationRequest/7", SetAsideReason.STATUS, "its status is not known"),)
    unclear = assess("sofa", replace(shocked("Paracetamol"), set_aside=aside))
    assert isinstance(unclear, Score)
    assert (unclear.value, unclear.highest) == (0, 4)


def test_the_newest_value_of_sofa_is_one_that_counts(assess: Assess, shocked: Any, patient: Any) -> None:
    """Oxygen that was set after the blood was drawn helps to nothing."""
    record = shocked("Paracetamol")
    later = patient.fact("3150-0", 40.0, "%", 0.1)
    finding = assess("sofa", replace(record, observations=(*record.observations, later)))
    assert isinstance(finding, Score)
    assert finding.newest == patient.ago(1)


@pytest.fixture
def cirrhotic(patient: Any) -> Callable[..., PatientRecord]:
    """A woman with a MELD 3.0 of 27, and of more with dialysis."""
    codes = (("1975-2", 3.0, "mg/dL"), ("6301-6", 1.8, "{INR}"), ("2160-0", 1.5, "mg/dL"), ("2951-2", 130.0, "mmol/L"))

    def build(**changes: Any) -> PatientRecord:
        facts = [patient.fact(code, value, unit) for code, value, unit in (*codes, ("1751-7", 2.8, "g/dL"))]
        record: PatientRecord = replace(patient.record(*facts), **changes)
        return record

    return build


def test_dialysis_of_meld3(assess: Assess, cirrhotic: Any, patient: Any) -> None:
    """Two treatments or a day of continuous ones; without a date, a name or a clear status nobody can say."""
    session, crrt = patient.procedure("snomed|302497006", 10), patient.procedure("snomed|714749008", 60)
    undated = replace(session, performed=None)
    highest = 34
    cases = [
        ((session,), 27, 27),
        ((session, replace(session, performed=patient.ago(60))), highest, highest),
        ((replace(crrt, status="in-progress"),), highest, highest),
        ((replace(crrt, performed=patient.ago(200), status="in-progress"),), highest, highest),
        ((replace(crrt, end=patient.ago(50)),), 27, 27),
        ((replace(crrt, status="completed"),), 27, highest),
        ((undated, undated), 27, highest),
        ((session, replace(session, performed=patient.ago(24 * 7 + 2))), 27, 27),
        ((replace(patient.procedure("snomed|1", 5), text="Slow dialysis"),), 27, highest),
        ((replace(patient.procedure("snomed|1", 5), text="Physiotherapy"),), 27, 27),
    ]
    for procedures, least, most in cases:
        finding = assess("meld3", cirrhotic(procedures=procedures))
        assert isinstance(finding, Score)
        assert (finding.value, finding.highest) == (least, most), procedures
        assert bool(finding.missing) == (most > least)
    aside = SetAside("Procedure/1", SetAsideReason.STATUS, "its status is not known", session.codings)
    unclear = assess("meld3", cirrhotic(set_aside=(aside,)))
    assert isinstance(unclear, Score)
    assert (unclear.value, unclear.highest) == (27, highest)


def test_dialysis_counts_back_from_the_creatinine(assess: Assess, cirrhotic: Any, patient: Any) -> None:
    """A creatinine of five days ago, and two treatments in the week before it."""
    record = cirrhotic(procedures=tuple(patient.procedure("snomed|302497006", 24 * days) for days in (9, 11)))
    old = replace(patient.fact("2160-0", 1.5, "mg/dL", 24 * 5))
    kept = tuple(fact for fact in record.observations if fact.codings[0].code != "2160-0")
    finding = assess("meld3", replace(record, observations=(*kept, old)))
    assert isinstance(finding, Score)
    assert finding.value > 27
    assert isinstance(record, PatientRecord)


@pytest.fixture
def leaving(patient: Any) -> Callable[..., PatientRecord]:
    """Somebody who leaves after five days by the hospital's own clock, admitted by plan."""

    def build(*others: Stay, codes: tuple[str, ...] = ("icd-10|I10",), **changes: Any) -> PatientRecord:
        stay = patient.stay(hours=120, offset=timedelta(0), priority=Coding(ACT_PRIORITY, "EL"))
        stays = (replace(stay, **changes), *others)
        record: PatientRecord = patient.record(stays=stays, conditions=tuple(map(patient.diagnosis, codes)))
        return replace(record, focus="Encounter/1")

    return build


def test_visits_of_lace(assess: Assess, leaving: Any, patient: Any) -> None:
    """Days without a time count; of a class that nobody knows, they may."""
    visit = replace(patient.stay("EMER", 2000), status="finished", end=None)
    dated = [replace(visit, reference=f"Encounter/v{n}", start=None, start_day=date(2026, 1, n)) for n in range(1, 5)]
    finding = assess("lace", leaving(*dated))
    assert isinstance(finding, Score)
    assert (finding.value, finding.highest) == (8, 8)
    item = next(item for item in finding.items if item.name == "emergency_visits")
    assert [basis.text for basis in item.basis] == ["1 Jan 2026", "2 Jan 2026", "3 Jan 2026", "4 Jan 2026"]
    foreign = [replace(one, class_code=Coding("x", "E")) for one in dated]
    unclear = assess("lace", leaving(*foreign))
    assert isinstance(unclear, Score)
    assert (unclear.value, unclear.highest, unclear.missing) == (4, 8, ("Emergency visits in 6 months",))


def test_days_and_priority_of_lace(assess: Assess, leaving: Any, patient: Any) -> None:
    """Where the clock of the hospital is not told, there may be one more day; a stay that has just ended counts."""
    unknown_clock = assess("lace", leaving(start=patient.ago(60), offset=None))
    assert isinstance(unknown_clock, Score)
    assert (unknown_clock.value, unknown_clock.highest, unknown_clock.missing) == (2, 3, ("Length of stay",))
    ended = assess("lace", leaving(status="finished", end=patient.ago(2)))
    assert isinstance(ended, Score)
    assert ended.value == 4
    by_day = assess("lace", leaving(status="finished", end_day=date(2026, 3, 1), start_day=date(2026, 2, 25)))
    assert isinstance(by_day, Score)
    assert next(item for item in by_day.items if item.name == "days").found == "4 days"
    some_time = assess("lace", leaving(status="finished"))
    assert isinstance(some_time, Abstention)
    assert some_time.in_population
    contradictory = assess("lace", leaving(priority=None))
    assert isinstance(contradictory, Score)
    assert (contradictory.value, contradictory.highest) == (4, 7)


@pytest.mark.parametrize(
    ("codes", "least", "most"),
    [
        (("icd-10|N18.4",), 5, 5),
        (("icd-10|N18.2",), 2, 2),
        (("icd-10|N18.30",), 2, 5),
        (("icd-10|N18",), 2, 5),
        (("icd-10|I50.9", "snomed|1"), 2, 5),
        (("icd-10|C78.0", "snomed|1"), 5, 5),
        (("snomed|1",), None, None),
    ],
)
def test_comorbidity_of_lace(
    assess: Assess, leaving: Any, points: Any, codes: tuple[str, ...], least: float | None, most: float | None
) -> None:
    """What is certain is the least; a kidney disease of unknown severity, and what cannot be read, is the rest."""
    finding = assess("lace", leaving(codes=codes))
    assert isinstance(finding, Score)
    assert points(finding)["comorbidity"] == least
    assert finding.highest == 4 + (5 if most is None else most)


def test_the_saturation_scale_of_news2(assess: Assess, patient: Any) -> None:
    """An answer of a month ago, or one that nobody can read: scale 1 counts, and scale 2 is the most."""
    facts = (patient.fact("59408-5", 97.0, "%"), patient.fact("3151-8", 4.0, "L/min"))
    more = (("9279-1", 16.0, "/min"), ("8480-6", 125.0, "mm[Hg]"), ("8867-4", 75.0, "/min"), ("8310-5", 37.0, "Cel"))
    record = patient.record(*facts, *(patient.fact(*one) for one in more))
    alert = patient.answer("loinc|67775-7", "loinc|LA9340-6")
    scale, two, one = "snomed|852641000000103", "snomed|1104321000000108", "snomed|1104311000000102"
    cases = [
        (patient.answer(scale, two, 24), 5, 5),
        (patient.answer(scale, two, 24 * 31), 2, 5),
        (patient.answer(scale, "snomed|999", 2), 2, 5),
        (patient.answer(scale, one, 24 * 31), 2, 2),
    ]
    for answer, least, most in cases:
        finding = assess("news2", replace(record, answers=(alert, answer)))
        assert isinstance(finding, Score)
        assert (finding.value, finding.highest) == (least, most), answer
        assert finding.missing == (("Oxygen saturation (SpO2)",) if most > least else ())
    unread = assess("news2", replace(record, answers=(alert,), incomplete=("answers: not sent",)))
    assert isinstance(unread, Score)
    assert (unread.value, unread.highest) == (2, 5)


def test_a_line_says_by_which_input_it_was_found(assess: Assess, patient: Any) -> None:
    """A line that reads "Consciousness 8" would be a riddle."""
    facts = [
        patient.fact(*one) for one in (("9269-2", 8.0, "{score}"), ("3150-0", 85.0, "%"), ("8867-4", 75.0, "/min"))
    ]
    finding = assess("news2", patient.record(*facts, patient.fact("9279-1", 16.0, "/min")))
    assert isinstance(finding, Score)
    found = {item.label: item.found for item in finding.items}
    assert found["Consciousness"] == "Glasgow coma score 8"
    assert found["Oxygen"] == "Inspired oxygen 85 %"
    assert found["Pulse"] == "75 /min"


@pytest.mark.parametrize(
    ("folder", "levels"), [("prevent_cvd", (0, 1)), ("kfre", (0, 1)), ("news2", (0, 1000)), ("ckd_epi", (-250, 0))]
)
def test_levels_that_a_threshold_may_name(scores: Any, folder: str, levels: tuple[float, float]) -> None:
    """A probability, points, or a value with its sign turned."""
    assert scores[folder].levels == levels


def test_no_shipped_score_is_a_draft(scores: Any) -> None:
    """All of them can be offered where a site asks."""
    folders = sorted(path.parent.name for path in MODELS_FOLDER.glob("*/score.py"))
    assert len(folders) == 12
    assert [folder for folder in folders if scores[folder].draft] == []


@pytest.mark.parametrize("focus", ["Encounter/1", None])
def test_sofa_of_a_visit_in_intensive_care(assess: Assess, shocked: Any, focus: str | None) -> None:
    """Not assessed, as by the models: one of class and place is wrong. A visit elsewhere is outside the population."""
    record = shocked("Norepinephrine")
    visit = replace(record.stays[0], class_code=Coding("", "AMB"))
    found = assess("sofa", replace(record, stays=(visit,), focus=focus))
    assert isinstance(found, Abstention)
    assert found.in_population
    elsewhere = replace(visit, locations=(replace(visit.locations[0], intensive_care=False),))
    found = assess("sofa", replace(record, stays=(elsewhere,), focus=focus))
    assert isinstance(found, Abstention)
    assert not found.in_population


def test_lace_of_a_stay_whose_class_is_not_known(assess: Assess, leaving: Any) -> None:
    """The patient may have been admitted: not assessed, and not outside the population."""
    for coding in (Coding("", "imp"), Coding("urn:oid:1.2.840", "4", "Hospital Encounter"), None):
        found = assess("lace", leaving(class_code=coding))
        assert isinstance(found, Abstention)
        assert found.in_population


def test_lace_of_a_stay_that_ends_on_a_day(assess: Assess, leaving: Any, patient: Any) -> None:
    """The calendar days count, whether that day is over or not, and whatever the status is."""
    day = {"start_day": date(2026, 2, 25), "end_day": date(2026, 3, 1)}
    values = {
        getattr(assess("lace", leaving(**day, status=status, latest_end=patient.ago(hours))), "value", None)
        for status, hours in (("in-progress", -4), ("in-progress", 4), ("finished", 4))
    }
    assert len(values) == 1
    assert None not in values
