"""The type of the intensive care unit, read from the code or the name of the place: one type, or none."""

from __future__ import annotations

from datetime import UTC, datetime
from math import nan

import pytest

from clinical.record import Coding, PatientRecord, Stay, StayLocation
from models.icu_mortality.features import TYPES, columns, unit_type
from models.runtime.placed import Person, Placed

ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
HSLOC = "https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Coronary Care Unit", "coronary"),
        ("Coronary Care Unit (CCU)", "coronary"),
        ("CCU 4", "coronary"),
        ("cardiac care unit", "coronary"),
        ("Medical Cardiac Critical Care", "coronary"),
        ("Cardiac Surgery Recovery Unit", "cardiac_surgery"),
        ("CSRU", "cardiac_surgery"),
        ("Cardiac Surgical ICU", "cardiac_surgery"),
        ("Surgical Cardiothoracic Critical Care", "cardiac_surgery"),
        ("Cardiothoracic Surgery Intensive Care", "cardiac_surgery"),
        ("Medical ICU", "medical"),
        ("MICU-12", "medical"),
        ("Medical Intensive Care Unit (MICU)", "medical"),
        ("St Mary Medical Center, Medical ICU", "medical"),
        ("Surgical ICU", "surgical"),
        ("SICU", "surgical"),
        ("Medical Center Surgical ICU", "surgical"),
    ],
)
def test_a_name_that_says_one_type(name: str, expected: str) -> None:
    """Whole words, without regard to case and punctuation; the name of a hospital is no type."""
    assert unit_type(StayLocation(name)) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ICU",
        "Intensive Care",
        "North wing, level 4",
        "Medical-Surgical ICU",
        "MICU/SICU",
        "Surgical and Coronary Care",
        "St Mary Medical Center ICU",
        "Critical Care Unit (CCU)",
        "Cardiac Vascular Intensive Care Unit (CVICU)",
        "Pediatric ICU",
        "Paediatric Medical ICU",
        "Trauma SICU (TSICU)",
        "Neuro Surgical Intensive Care Unit (Neuro SICU)",
        "Neurosurgical ICU",
        "Paramedical ICU",
        "MICU2x",
    ],
)
def test_a_name_that_does_not_is_unknown(name: str) -> None:
    """No type, two types, a type that the training data do not know, or only a part of a word."""
    assert unit_type(StayLocation(name)) is None


@pytest.mark.parametrize(
    ("name", "codings", "expected"),
    [
        ("4 West", [Coding(ROLE, "CCU")], "coronary"),
        ("4 West", [Coding(HSLOC, "1027-2")], "medical"),
        ("4 West", [Coding(HSLOC, "1028-0")], "coronary"),
        ("4 West", [Coding(HSLOC, "1030-6")], "surgical"),
        ("4 West", [Coding("urn:oid:2.16.840.1.113883.6.259", "1032-2")], "cardiac_surgery"),
        ("Medical ICU", [Coding(ROLE, "ICU")], "medical"),
        ("Medical ICU", [Coding(ROLE, "ICU"), Coding(HSLOC, "1027-2")], "medical"),
        ("4 West", [Coding(ROLE, "ICU")], None),
        ("Medical ICU", [Coding(ROLE, "CCU")], None),
        ("Medical ICU", [Coding(HSLOC, "1029-8")], None),
        ("4 West", [Coding(HSLOC, "1025-6")], None),
        ("4 West", [Coding("http://example.org/places", "CCU")], None),
    ],
)
def test_codes_and_name_together_say_one_type(name: str, codings: list[Coding], expected: str | None) -> None:
    """A code of a list that is known counts; one that says another type than the name leaves it unknown."""
    assert unit_type(StayLocation(name, tuple(codings))) == expected


def placed(bed: StayLocation | None) -> Placed:
    """Somebody in a bed."""
    stay = Stay("Encounter/1", "in-progress", None, NOW, None, () if bed is None else (bed,))
    return Placed(Person(64.0, "female", nan), NOW, 24.0, NOW, NOW, "hour 24", stay, bed)


def test_one_column_is_1_and_the_others_are_0() -> None:
    """Each rests on the stay, and says by which place."""
    found = columns(PatientRecord("1", NOW), placed(StayLocation("Surgical ICU")), {})
    assert {name: value.number for name, value in found.items()} == dict.fromkeys(TYPES, 0.0) | {"surgical": 1.0}
    assert {(basis.reference, basis.text) for value in found.values() for basis in value.basis} == {
        ("Encounter/1", "the place of the stay: Surgical ICU")
    }


@pytest.mark.parametrize("bed", [None, StayLocation("Tower 5")])
def test_an_unknown_type_is_unknown_in_all_columns(bed: StayLocation | None) -> None:
    """0 in all four would be a fifth type."""
    assert columns(PatientRecord("1", NOW), placed(bed), {}) == {}
