"""Codes of both editions of ICD lead to the same groups, at every edge of a range."""

from __future__ import annotations

import pytest

from models.readmission_30d.diabetes import icd9_diabetes, icd10_diabetes
from models.readmission_30d.diagnoses import meaning_of
from models.readmission_30d.icd_groups import CHAPTER_OF, CHAPTERS, GROUPS, LABELS, of_icd9, of_icd10
from models.runtime.code_list import ICD_9_CM, ICD_10, ICD_10_CM, SNOMED_CT


@pytest.mark.parametrize(
    ("icd9", "icd10", "group"),
    [
        ("428.0", "I50.9", "heart_failure"),
        ("410.71", "I21.4", "infarction"),
        ("414.01", "I25.10", "coronary"),
        ("486", "J18.9", "pneumonia"),
        ("038.9", "A41.9", "sepsis"),
        ("995.91", "R65.20", "sepsis"),
        ("584.9", "N17.9", "kidney_injury"),
        ("585.6", "N18.6", "kidney_disease"),
        ("403.91", "I12.0", "hypertensive_kidney"),
        ("491.21", "J44.1", "copd"),
        ("435.9", "G45.9", "tia"),
        ("434.91", "I63.9", "stroke"),
        ("276.1", "E87.1", "fluid"),
        ("682.6", "L03.115", "cellulitis"),
        ("707.15", "L97.509", "skin_ulcer"),
        ("274.00", "M1A.00X0", None),
        ("599.0", "N39.0", "urinary_infection"),
        ("820.8", "S72.001A", "hip_fracture"),
        ("996.64", "T83.511A", "device_complication"),
        ("780.2", "R55", "general_symptom"),
        ("785.51", "R57.0", "heart_lung_symptom"),
        ("V58.11", "Z51.11", "aftercare"),
        ("V45.11", "Z99.2", "device_status"),
        ("E885.9", "W01.0XXA", "external_cause"),
        ("305.1", "Z72.0", "drugs_tobacco"),
        ("294.10", "F02.80", "dementia"),
        ("331.0", "G30.9", "dementia"),
        ("209.20", "C7A.00", None),
    ],
)
def test_both_editions_say_the_same(icd9: str, icd10: str, group: str | None) -> None:
    """A patient coded in ICD-10-CM today falls into the group that ICD-9-CM had."""
    first, second = meaning_of(ICD_9_CM, icd9), meaning_of(ICD_10_CM, icd10)
    assert first is not None
    assert second is not None
    if group is not None:
        assert (first.group, second.group) == (group, group)


def test_every_category_of_icd9_has_a_group() -> None:
    """But for the numbers that the classification does not use."""
    numbers = (f"{number:03d}" for number in range(1, 1000))
    unused = "166 167 168 169 247 248 249 399 400 406 407 408 409 418 419 439 450 467 468 469 489 554 559 687 688 689"
    assert [code for code in numbers if not of_icd9(code)] == unused.split()
    assert all(of_icd9(f"V{number:02d}") for number in range(1, 92))
    assert all(of_icd9(f"E{number:03d}") for number in (0, 800, 885, 999))


def test_every_group_has_a_chapter_and_categories_of_both_editions() -> None:
    """And no name stands twice."""
    assert len({group.name for group in GROUPS}) == len(GROUPS)
    assert set(CHAPTER_OF) == set(LABELS)
    assert set(CHAPTER_OF.values()) == set(CHAPTERS)
    reached = {of_icd10(f"{letter}{number:02d}") for letter in "ABCDEFGHIJKLMNOPQRSTVWXYZ" for number in range(100)}
    assert {group.name for group in GROUPS} <= reached


@pytest.mark.parametrize(
    ("category", "group"),
    [
        ("A39", "other_infection"),
        ("A40", "sepsis"),
        ("A41", "sepsis"),
        ("A42", "other_infection"),
        ("S71", "other_injury"),
        ("S72", "hip_fracture"),
        ("T34", "other_injury"),
        ("T36", "poisoning"),
        ("Z47", "other_status"),
        ("Z48", "aftercare"),
        ("C7B", "metastasis"),
        ("O9A", "pregnancy"),
        ("E13", ""),
        ("U07", ""),
        ("", ""),
    ],
)
def test_edges_of_ranges(category: str, group: str) -> None:
    """A range ends where it says; a category in no range has no group."""
    assert of_icd10(category) == group


@pytest.mark.parametrize("code", ["428.0 ", "4280", "428", "428.00"])
def test_a_dot_may_be_left_out(code: str) -> None:
    """The category decides."""
    found = meaning_of(ICD_9_CM, code)
    assert found is not None
    assert found.group == "heart_failure"


@pytest.mark.parametrize("code", ["42.80", "4280.", "42", "8", "428.000", "I50", "heart failure", ""])
def test_what_has_not_the_form_of_a_code_says_nothing(code: str) -> None:
    """A code with the dot in another place is another code."""
    assert meaning_of(ICD_9_CM, code) is None


def test_a_code_means_something_only_in_its_system() -> None:
    """V42 is a transplant in one edition and a car crash in the other; other systems say nothing."""
    found = [meaning_of(system, "V42") for system in (ICD_9_CM, ICD_10_CM, ICD_10)]
    assert [one.group if one else None for one in found] == ["transplant", "external_cause", "external_cause"]
    assert meaning_of(SNOMED_CT, "42343007") is None
    assert meaning_of(ICD_10_CM, "U07.1") is None
    assert meaning_of(ICD_9_CM, "") is None


@pytest.mark.parametrize(
    ("oid", "code"),
    [("6.90", "I50.9"), ("6.3", "I50.9"), ("6.103", "428.0")],
)
def test_a_system_may_be_named_by_its_object_identifier(oid: str, code: str) -> None:
    """As documents of CDA name it."""
    found = meaning_of(f"urn:oid:2.16.840.1.113883.{oid}", code)
    assert found is not None
    assert found.group == "heart_failure"


@pytest.mark.parametrize(
    ("code", "group", "type_1", "uncontrolled"),
    [
        ("250", "diabetes_plain", False, False),
        ("25000", "diabetes_plain", False, False),
        ("25002", "diabetes_plain", False, True),
        ("25013", "diabetes_acute", True, True),
        ("2503", "diabetes_acute", False, False),
        ("25041", "diabetes_kidney", True, False),
        ("25050", "diabetes_eye", False, False),
        ("25060", "diabetes_nerve", False, False),
        ("25070", "diabetes_arteries", False, False),
        ("25083", "diabetes_other", True, True),
        ("25093", "diabetes_other", True, True),
        ("24901", "diabetes_plain", False, False),
    ],
)
def test_diabetes_in_icd9(code: str, group: str, type_1: bool, uncontrolled: bool) -> None:
    """The fourth digit is the complication, the fifth type and control."""
    found = icd9_diabetes(code)
    assert found is not None
    assert (found.group, found.type_1, found.uncontrolled) == (group, type_1, uncontrolled)


@pytest.mark.parametrize(
    ("code", "group", "type_1", "uncontrolled"),
    [
        ("E119", "diabetes_plain", False, False),
        ("E11", "diabetes_plain", False, False),
        ("E1165", "diabetes_plain", False, True),
        ("E1010", "diabetes_acute", True, True),
        ("E1100", "diabetes_acute", False, True),
        ("E11641", "diabetes_acute", False, True),
        ("E11649", "diabetes_other", False, False),
        ("E1122", "diabetes_kidney", False, False),
        ("E10359", "diabetes_eye", True, False),
        ("E1142", "diabetes_nerve", False, False),
        ("E1151", "diabetes_arteries", False, False),
        ("E11621", "diabetes_other", False, False),
        ("E118", "diabetes_other", False, False),
        ("E0822", "diabetes_kidney", False, False),
        ("E149", "diabetes_plain", False, False),
    ],
)
def test_diabetes_in_icd10(code: str, group: str, type_1: bool, uncontrolled: bool) -> None:
    """The category is the type, the digit after the dot the complication."""
    found = icd10_diabetes(code)
    assert found is not None
    assert (found.group, found.type_1, found.uncontrolled) == (group, type_1, uncontrolled)


@pytest.mark.parametrize("code", ["E15", "E07.9", "251.2", "O24.4"])
def test_what_is_no_diabetes(code: str) -> None:
    """Neighbouring categories."""
    assert icd9_diabetes(code) is None
    assert icd10_diabetes(code.replace(".", "")) is None
