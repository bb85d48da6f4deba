"""What a record says becomes the columns of the training data, and each leads back to its facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations
from math import isnan
from typing import Any

import pytest

from clinical.record import LOINC, Coding, Condition, PatientRecord, SetAside, SetAsideReason, StayDiagnosis
from models.readmission_30d.destinations import (
    ACT_PRIORITY,
    ADMIT_SOURCE,
    DISPOSITION,
    NUBC_ORIGIN,
    NUBC_PRIORITY,
    NUBC_STATUS,
)
from models.readmission_30d.features import columns
from models.runtime.code_list import RXNORM, SNOMED_CT
from models.runtime.sight import Looked, TreeSight

See = Callable[[PatientRecord], Mapping[str, float]]


def test_a_whole_record(chart: Any, see: See) -> None:
    """Each column has the number that the training data would have."""
    found = see(
        chart.record(
            chart.past("i1", 40.0, length=6.0),
            chart.past("i2", 500.0),
            chart.past("v1", 100.0, "EMER", 0.1),
            conditions=(
                chart.diagnosis("c1", "I50.9"),
                chart.diagnosis("c2", "E11.22"),
                chart.diagnosis("c3", "N18.4", encounter="Encounter/e1"),
            ),
        )
    )
    expected = {
        "sex": 0.0,
        "age_band": 65.0,
        "days": 4.0,
        "urgency_emergency": 1.0,
        "urgency_urgent": 0.0,
        "origin_emergency_room": 1.0,
        "origin_referral": 0.0,
        "to_skilled_nursing": 1.0,
        "to_home": 0.0,
        "inpatient_year": 1.0,
        "emergency_year": 1.0,
        "diagnoses": 3.0,
        "principal_heart_failure": 1.0,
        "principal_pneumonia": 0.0,
        "principal_chapter_circulatory": 1.0,
        "other_diabetes_kidney": 1.0,
        "other_kidney_disease": 1.0,
        "other_heart_failure": 0.0,
        "other_chapter_genitourinary": 1.0,
        "diabetes_codes": 1.0,
        "type_1": 0.0,
        "uncontrolled": 0.0,
        "medicines": 1.0,
        "metformin": 1.0,
        "insulin": 0.0,
        "glucose_medicines": 1.0,
    }
    assert {name: found[name] for name in expected} == expected


def test_every_column_of_the_manifest_can_be_known(chart: Any, see: See) -> None:
    """Nothing that the manifest declares is a name that the code never gives."""
    assert [name for name, value in see(chart.record()).items() if isnan(value)] == []


@pytest.mark.parametrize(
    ("born", "band"), [((2007, 5, 1), 25.0), ((1997, 1, 1), 25.0), ((1996, 3, 1), 35.0), ((1921, 1, 1), 95.0)]
)
def test_ages_are_those_of_the_training_data(born: tuple[int, int, int], band: float, chart: Any, see: See) -> None:
    """Bands of ten years, the youngest from 20, the oldest up to 99."""
    assert see(chart.record(birth_date=date(*born)))["age_band"] == band


@pytest.mark.parametrize(("hours", "days"), [(2, 1.0), (35, 1.0), (37, 2.0), (14 * 24, 14.0), (40 * 24, 40.0)])
def test_days_are_whole_and_one_at_least(hours: int, days: float, chart: Any, see: See) -> None:
    """As the source counts them; a long stay keeps its days."""
    assert see(chart.record(stays=(chart.stay(start=chart.now - timedelta(hours=hours)),)))["days"] == days


def test_a_stay_that_has_just_ended_counts_its_own_days(chart: Any, see: See) -> None:
    """And not those until now."""
    end = chart.now - timedelta(hours=20)
    ended = chart.stay(status="finished", start=end - timedelta(days=3), end=end)
    assert see(chart.record(stays=(ended,)))["days"] == 3.0


@pytest.mark.parametrize(
    ("priority", "chosen"),
    [
        (Coding(ACT_PRIORITY, "UR"), "urgent"),
        (Coding(ACT_PRIORITY, "EL"), "elective"),
        (Coding(NUBC_PRIORITY, "5"), "emergency"),
        (Coding(ACT_PRIORITY, "R"), None),
        (Coding("http://local", "EM"), None),
        (None, None),
    ],
)
def test_urgency(priority: Coding | None, chosen: str | None, chart: Any, see: See) -> None:
    """Known of all three or of none."""
    found = see(chart.record(stays=(chart.stay(priority=priority),)))
    values = {name: found[f"urgency_{name}"] for name in ("emergency", "urgent", "elective")}
    if chosen is None:
        assert all(map(isnan, values.values()))
    else:
        assert values == {name: float(name == chosen) for name in values}


@pytest.mark.parametrize(
    ("source", "chosen"),
    [
        (Coding(ADMIT_SOURCE, "gp"), "referral"),
        (Coding(ADMIT_SOURCE, "hosp-trans"), "hospital"),
        (Coding(NUBC_ORIGIN, "5"), "other_facility"),
        (Coding(NUBC_ORIGIN, "8"), None),
        (Coding("http://terminology.hl7.org/CodeSystem/v2-0023", "7"), "emergency_room"),
        (Coding("urn:oid:2.16.840.1.113883.12.23", "4"), "hospital"),
    ],
)
def test_origin(source: Coding, chosen: str | None, chart: Any, see: See) -> None:
    """One that is known and is none of the groups leaves all of them 0."""
    found = see(chart.record(stays=(chart.stay(admit_source=source),)))
    values = [name for name in ("referral", "emergency_room", "hospital", "other_facility") if found[f"origin_{name}"]]
    assert values == ([] if chosen is None else [chosen])


@pytest.mark.parametrize(
    ("disposition", "chosen"),
    [
        (Coding(DISPOSITION, "home"), "home"),
        (Coding(NUBC_STATUS, "06"), "home_care"),
        (Coding(NUBC_STATUS, "6"), "home_care"),
        (Coding(NUBC_STATUS, "62"), "rehabilitation"),
        (Coding(DISPOSITION, "aadvice"), "against_advice"),
        (Coding("http://terminology.hl7.org/CodeSystem/v2-0112", "03"), "skilled_nursing"),
        (Coding("urn:oid:2.16.840.1.113883.12.112", "1"), "home"),
        (Coding(NUBC_STATUS, "21"), "other"),
        (Coding(NUBC_STATUS, "69"), "other"),
        (Coding(NUBC_STATUS, "81"), "home"),
        (Coding(NUBC_STATUS, "87"), "other"),
        (Coding(NUBC_STATUS, "88"), "hospital"),
        (Coding(NUBC_STATUS, "90"), "rehabilitation"),
        (Coding(NUBC_STATUS, "95"), "other"),
    ],
)
def test_destination(disposition: Coding, chosen: str, chart: Any, see: See) -> None:
    """HL7's codes and those of the hospital bill, with and without the leading zero."""
    found = see(chart.record(stays=(chart.stay(discharge_disposition=disposition),)))
    assert [name for name, value in found.items() if name.startswith("to_") and value] == [f"to_{chosen}"]


def test_an_unknown_destination_is_unknown(chart: Any, see: See) -> None:
    """Neither home nor anything else."""
    found = see(chart.record(stays=(chart.stay(discharge_disposition=None),)))
    assert all(isnan(value) for name, value in found.items() if name.startswith("to_"))


def test_the_rank_says_which_diagnosis_is_the_principal_one(chart: Any, see: See) -> None:
    """Not the order in which the encounter names them, and not one of admission."""
    named = (
        StayDiagnosis("Condition/c3", "AD", 1),
        StayDiagnosis("Condition/c2", "DD", 2),
        StayDiagnosis("Condition/c1", "DD", 1),
    )
    conditions = (*chart.record().conditions, chart.diagnosis("c3", "J18.9", encounter="Encounter/e1"))
    found = see(chart.record(stays=(chart.stay(diagnoses=named),), conditions=conditions))
    assert (found["principal_heart_failure"], found["principal_pneumonia"], found["other_pneumonia"]) == (1.0, 0.0, 0.0)
    assert found["diagnoses"] == 2.0


def test_the_only_diagnosis_of_the_encounter_is_the_principal_one(chart: Any, see: See) -> None:
    """Without a rank; after it comes what was written down first."""
    late = chart.diagnosis("a9", "J18.9", encounter="Encounter/e1", recorded=chart.now)
    early = chart.diagnosis("b1", "N17.9", encounter="Encounter/e1", recorded=chart.start)
    stay = chart.stay(diagnoses=(StayDiagnosis("Condition/c2"),))
    found = see(chart.record(stays=(stay,), conditions=(*chart.record().conditions, late, early)))
    assert found["principal_diabetes_kidney"] == 1.0
    assert (found["other_kidney_injury"], found["other_pneumonia"]) == (1.0, 1.0)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_without_ranks_there_is_no_principal_diagnosis(order: tuple[int, ...], chart: Any, see: See) -> None:
    """And the order in which the sender lists them means nothing; nor do the names of its resources."""
    codes = ("E11.22", "I50.9", "J18.9", "N17.9")
    conditions = tuple(chart.diagnosis(f"c{place}", codes[number]) for place, number in enumerate(order))
    stay = chart.stay(diagnoses=tuple(StayDiagnosis(one.reference) for one in conditions))
    found = see(chart.record(stays=(stay,), conditions=conditions))
    assert isnan(found["principal_heart_failure"])
    others = ("diabetes_kidney", "heart_failure", "pneumonia", "kidney_injury")
    assert [found[f"other_{name}"] for name in others] == [1.0, 1.0, 1.0, 0.0]


def test_the_only_discharge_diagnosis_among_others_is_the_principal_one(chart: Any, see: See) -> None:
    """Its role tells it apart."""
    listed = (StayDiagnosis("Condition/c2", "CM"), StayDiagnosis("Condition/c1", "DD"))
    found = see(chart.record(stays=(chart.stay(diagnoses=listed),)))
    assert (found["principal_heart_failure"], found["other_diabetes_kidney"]) == (1.0, 1.0)


def test_a_diagnosis_of_the_future_does_not_count(chart: Any, see: See) -> None:
    """Neither listed by the encounter nor naming it."""
    late = chart.now + timedelta(days=1)
    conditions = (chart.diagnosis("c1", "I50.9", onset=late), chart.diagnosis("c2", "E11.22"))
    further = chart.diagnosis("c3", "N18.4", onset=late, encounter="Encounter/e1")
    found = see(chart.record(conditions=(*conditions, further)))
    assert found["diagnoses"] == 1.0
    assert isnan(found["principal_heart_failure"])


def test_an_unknown_principal_diagnosis_is_unknown(chart: Any, see: See) -> None:
    """Where the first rank is not there, nobody guesses that the second is it."""
    stay = chart.stay(diagnoses=(StayDiagnosis("Condition/c2", "DD", 2),))
    found = see(chart.record(stays=(stay,), conditions=chart.record().conditions[1:]))
    assert isnan(found["principal_heart_failure"])
    assert found["other_diabetes_kidney"] == 1.0


def test_a_diagnosis_in_another_system_is_not_read(chart: Any, see: See) -> None:
    """It counts as a diagnosis, and its group is unknown."""
    conditions = (Condition("Condition/c1", (Coding(SNOMED_CT, "84114007"),)), chart.diagnosis("c2", "E11.22"))
    found = see(chart.record(conditions=conditions))
    assert isnan(found["principal_heart_failure"])
    assert found["diagnoses"] == 2.0


def test_only_three_diagnoses_are_read_and_nine_counted(chart: Any, see: See) -> None:
    """As in the training data."""
    codes = ["I50.9", "E11.22", "N18.4", *[f"J{number}" for number in range(10, 19)]]
    conditions = tuple(chart.diagnosis(f"c{number}", code) for number, code in enumerate(codes, start=1))
    named = tuple(StayDiagnosis(one.reference, "DD", rank) for rank, one in enumerate(conditions, start=1))
    found = see(chart.record(stays=(chart.stay(diagnoses=named),), conditions=conditions))
    assert (found["diagnoses"], found["other_airway_infection"], found["other_pneumonia"]) == (9.0, 0.0, 0.0)


def test_codes_of_diabetes_say_type_and_control(chart: Any, see: See) -> None:
    """Without such a code among the first three, type and control are unknown."""
    poor = see(chart.record(conditions=(chart.diagnosis("c1", "E10.10"), chart.diagnosis("c2", "E10.65"))))
    assert (poor["diabetes_codes"], poor["type_1"], poor["uncontrolled"]) == (2.0, 1.0, 1.0)
    none = see(chart.record(conditions=(chart.diagnosis("c1", "I50.9"), chart.diagnosis("x", "E11.9"))))
    assert none["diabetes_codes"] == 0.0
    assert isnan(none["type_1"])


def test_which_stays_came_before(chart: Any, see: See) -> None:
    """A year is 365 days; what never happened, overlaps, or led to this stay does not count."""
    found = see(
        chart.record(
            chart.past("in", 365.0),
            chart.past("out", 372.0),
            chart.past("cancelled", 50.0, status="cancelled"),
            chart.past("transfer", 1.0, length=2.0),
            chart.past("clinic", 20.0, "AMB"),
            chart.past("led-here", 0.3, "EMER", 0.3),
            chart.past("visit", 1.5, "EMER", 0.2),
            chart.past("old-visit", 400.0, "EMER", 0.2),
        )
    )
    assert (found["inpatient_year"], found["emergency_year"]) == (1.0, 1.0)
    assert see(chart.record(chart.past("out", 365.1)))["inpatient_year"] == 0.0


def test_an_earlier_stay_without_an_end(chart: Any, see: See) -> None:
    """It counts all the same."""
    assert see(chart.record(chart.past("x", 60.0, length=None)))["inpatient_year"] == 1.0


def test_one_stay_in_several_encounters_counts_once(chart: Any, see: See, look: Any) -> None:
    """What begins within 24 hours of the end of another goes on with it, and a repeated reference is one encounter."""
    parts = (
        chart.past("a", 50.0, length=3.0),
        chart.past("b", 46.0, length=2.0),
        chart.past("b", 46.0, length=2.0),
        chart.past("inside", 49.0, length=0.5),
        chart.past("other", 42.9, length=2.0),
        chart.past("visit", 9.0, "EMER", 0.1),
        chart.past("visit", 9.0, "EMER", 0.1),
    )
    found = see(chart.record(*parts))
    assert (found["inpatient_year"], found["emergency_year"]) == (2.0, 1.0)
    leads = [basis.reference for basis in look(chart.record(*parts)).given["inpatient_year"].basis]
    assert leads == ["Encounter/other", "Encounter/a"]


@pytest.mark.parametrize(("days", "number"), [(3.5, 0.0), (4.0, 0.0), (4.1, 1.0)])
def test_what_went_over_into_this_stay_is_a_part_of_it(days: float, number: float, chart: Any, see: See) -> None:
    """A stay of three days that ended at most 24 hours before."""
    assert see(chart.record(chart.past("x", days)))["inpatient_year"] == number


def test_no_earlier_stay(chart: Any, see: See) -> None:
    """Is a known nought."""
    found = see(chart.record())
    assert (found["inpatient_year"], found["emergency_year"]) == (0.0, 0.0)


def test_medicines_are_told_apart_by_name(chart: Any, see: See) -> None:
    """Two strengths are one medicine; insulin is one, however many kinds; another stay's orders do not count."""
    orders = (
        chart.medicine("a", "Furosemide 40 MG Oral Tablet"),
        chart.medicine("b", "furosemide 80 MG Oral Tablet"),
        chart.medicine("c", "insulin glargine 100 UNT/ML Injectable Solution"),
        chart.medicine("d", "insulin lispro 100 UNT/ML Injectable Solution"),
        chart.medicine("e", "", codings=(Coding(RXNORM, "4815"),)),
        chart.medicine("f", "glipizide 5 MG / metformin 500 MG Oral Tablet"),
        chart.medicine("g", "repaglinide", encounter="Encounter/other"),
        chart.medicine("h", "aspirin", encounter="", start=chart.start + timedelta(hours=2)),
        chart.medicine("i", "pioglitazone", encounter="", start=chart.start - timedelta(days=2)),
    )
    found = see(chart.record(medications=orders))
    assert (found["medicines"], found["glucose_medicines"]) == (5.0, 3.0)
    flags = ("insulin", "sulfonylurea", "metformin", "glinide", "glitazone")
    assert [found[name] for name in flags] == [1.0, 1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "insulin"),
    [
        ("Insulin syringe U-100 0.5 mL 31G", 0.0),
        ("pen needle for insulin", 0.0),
        ("Insulin pump", 0.0),
        ("insulin glargine prefilled syringe", 1.0),
        ("insulin 100 UNT/ML Prefilled Syringe", 1.0),
        ("insulin lispro for pump", 1.0),
    ],
)
def test_what_insulin_is_given_with_is_no_insulin(text: str, insulin: float, chart: Any, see: See) -> None:
    """Needles, syringes and pumps; a syringe with insulin in it is insulin."""
    assert see(chart.record(medications=(chart.medicine("m1", text),)))["insulin"] == insulin


def test_orders_of_the_future_and_on_hold_do_not_count(chart: Any, see: See) -> None:
    """Nobody takes them."""
    later = chart.medicine("a", "glipizide", start=chart.now + timedelta(hours=1))
    held = chart.medicine("b", "repaglinide", status="on-hold")
    found = see(chart.record(medications=(*chart.record().medications, later, held)))
    assert (found["medicines"], found["sulfonylurea"], found["glinide"]) == (1.0, 0.0, 0.0)


def test_a_class_is_also_told_by_atc(chart: Any, see: See) -> None:
    """By the code of the ingredient, or by the object identifier of the system."""
    codings = (Coding("http://www.whocc.no/atc", "A10BB12"), Coding("urn:oid:2.16.840.1.113883.6.73", "A10BX02"))
    found = see(chart.record(medications=(chart.medicine("a", "", codings=codings),)))
    assert (found["sulfonylurea"], found["glinide"], found["insulin"]) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("gap", "unknown"),
    [
        ("encounters: only the first page was read", ("inpatient_year", "emergency_year")),
        ("medications: not read", ("medicines", "insulin", "glucose_medicines")),
    ],
)
def test_what_could_not_be_read_is_unknown(gap: str, unknown: tuple[str, ...], chart: Any, see: See) -> None:
    """And not nought."""
    found = see(chart.record(incomplete=(gap,)))
    assert all(isnan(found[name]) for name in unknown)


@pytest.mark.parametrize("reason", SetAsideReason)
@pytest.mark.parametrize(("kind", "column"), [("Encounter", "inpatient_year"), ("MedicationRequest", "medicines")])
def test_what_was_set_aside_makes_a_count_unknown(
    kind: str, column: str, reason: SetAsideReason, chart: Any, see: See
) -> None:
    """It may have been one of them, whatever the reason; what never held is none."""
    aside = SetAside(f"{kind}/x", reason, "it cannot be used")
    assert isnan(see(chart.record(set_aside=(aside,)))[column]) == (reason is not SetAsideReason.VOID)


def test_no_order_at_all_is_unknown(chart: Any, see: See) -> None:
    """Nobody is in hospital without a medicine: the orders are elsewhere."""
    assert isnan(see(chart.record(medications=()))["medicines"])


def test_columns_lead_back_to_their_facts(chart: Any, look: Any) -> None:
    """A diagnosis, an order, an earlier stay and the encounter itself."""
    found = look(chart.record(chart.past("i1", 40.0)))
    assert isinstance(found, Looked)
    leads = {name: [basis.reference for basis in value.basis] for name, value in found.given.items()}
    assert leads["principal_heart_failure"] == ["Condition/c1"]
    assert leads["other_diabetes_kidney"] == ["Condition/c2"]
    assert leads["metformin"] == leads["medicines"] == ["MedicationRequest/m1"]
    assert leads["inpatient_year"] == ["Encounter/i1"]
    assert leads["to_skilled_nursing"] == ["Encounter/e1"]
    assert found.given["principal_heart_failure"].basis[0].text == "I50.9 (heart failure)"


def test_race_is_no_column(sight: TreeSight) -> None:
    """Nor payer, nor specialty: they mirror access to care."""
    names = " ".join(f"{one.name} {one.label} {one.concept_label}" for one in sight.features).lower()
    assert not any(word in names for word in ("race", "ethnic", "payer", "insur", "specialty"))


def test_hba1c_is_no_column(chart: Any, look: Any, see: See) -> None:
    """It only tells who has diabetes."""
    assert Coding(LOINC, "4548-4").code not in str(sorted(see(chart.record())))
    record = chart.record()
    assert columns(record, look(record).placed, {}).keys() >= {"age_band", "days"}


def test_the_same_record_in_another_order_gives_the_same_row(chart: Any, see: See) -> None:
    """The order of resources in an answer means nothing."""
    record = chart.record(chart.past("i1", 40.0), chart.past("i2", 80.0), chart.past("v", 9.0, "EMER", 0.1))
    turned = replace(
        record,
        stays=record.stays[::-1],
        conditions=record.conditions[::-1],
        medications=record.medications[::-1],
    )
    assert repr(see(turned)) == repr(see(record))
