"""Stays: urgency, where from, where to, and the diagnoses that an encounter names."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from clinical.need import DataNeed
from clinical.record import Coding, StayDiagnosis

PRIORITY = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
ROLE = "http://terminology.hl7.org/CodeSystem/diagnosis-role"


def stay(**changes: Any) -> dict[str, Any]:
    """An Encounter."""
    return {
        "resourceType": "Encounter",
        "id": "enc-1",
        "status": "finished",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/pat-1"},
        **changes,
    }


def coded(system: str, code: str) -> dict[str, Any]:
    """A concept with a coding that is none before the one that is."""
    return {"coding": [{"code": "local"}, {"system": system, "code": code}, {"system": "http://x", "code": "y"}]}


@pytest.fixture
def read(reading: Any, make_bundle: Any) -> Any:
    """Reads one stay."""
    return lambda row: reading.read(reading.prefetch(stays=make_bundle(row))).stays[0]


def test_urgency_origin_and_destination(read: Any) -> None:
    """The first coding with a system and a code; a destination in words alone is one that nobody can compare."""
    found = read(
        stay(
            priority=coded(PRIORITY, "EM"),
            hospitalization={
                "admitSource": coded("http://a", "emd"),
                "dischargeDisposition": coded("http://d", "home"),
            },
        )
    )
    assert found.priority.token == f"{PRIORITY}|EM"
    assert (found.admit_source.token, found.discharge_disposition.token) == ("http://a|emd", "http://d|home")
    bare = read(stay(hospitalization={"dischargeDisposition": {"text": "Home"}}))
    assert (bare.priority, bare.admit_source, bare.diagnoses) == (None, None, ())
    assert bare.discharge_disposition == Coding("", "", "Home")
    assert read(stay(hospitalization={})).discharge_disposition is None


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"condition": {"reference": "Condition/c1"}, "use": coded(ROLE, "AD"), "rank": 1},
            StayDiagnosis("Condition/c1", "AD", 1),
        ),
        (
            {"condition": {"reference": "https://ehr.test/fhir/Condition/c1"}, "use": coded("http://x", "AD")},
            StayDiagnosis("Condition/c1"),
        ),
        ({"condition": {"display": "pneumonia"}, "use": coded(ROLE, "DD")}, StayDiagnosis("", "DD")),
        ({"condition": {"reference": "https://elsewhere.test/Condition/c1"}}, StayDiagnosis("")),
    ],
)
def test_a_stay_names_its_diagnoses(row: dict[str, Any], expected: StayDiagnosis, read: Any) -> None:
    """By reference, role and rank; one that leads nowhere is counted all the same."""
    assert read(stay(diagnosis=[row])).diagnoses == (expected,)


def test_a_rank_must_be_a_positive_number(read: Any) -> None:
    """What the validator takes for one ("1") is not guessed to be the principal diagnosis."""
    ranks = [{"condition": {"reference": "Condition/c1"}, "rank": rank} for rank in ("1", 2)]
    assert [found.rank for found in read(stay(diagnosis=ranks)).diagnoses] == [None, 2]


def test_names_within_a_bundle_lead_to_the_same_words(reading: Any) -> None:
    """A transaction's urn:uuid references: the condition names the stay, and the stay the condition."""
    names = {kind: f"urn:uuid:8b7b7d9e-07bc-403b-8983-45563{number}e3b63f" for number, kind in enumerate("PEC")}
    subject = {"reference": names["P"]}
    rows = {
        "P": {"resourceType": "Patient", "id": "pat-1"},
        "E": stay(subject=subject, diagnosis=[{"condition": {"reference": names["C"]}}]),
        "C": {
            "resourceType": "Condition",
            "id": "c1",
            "subject": subject,
            "encounter": {"reference": names["E"]},
            "code": {"text": "x"},
        },
    }
    entries = [{"fullUrl": names[kind], "resource": row} for kind, row in rows.items()]
    reading.needs = (*reading.needs, DataNeed("problems", "Condition"))
    bundle = {"resourceType": "Bundle", "entry": entries}
    record = reading.read(reading.prefetch(patient=bundle, stays=None, problems=None))
    assert record.conditions[0].encounter == "Encounter/enc-1"
    (found,) = record.stays
    assert found.diagnoses == (StayDiagnosis("Condition/c1"),)


def test_the_standard_code_counts_and_two_that_contradict_are_none(read: Any) -> None:
    """A local code before FHIR's own is passed over; elective and emergency at once say nothing."""
    local = {"system": "http://local", "code": "7"}
    found = read(stay(priority={"coding": [local, {"system": PRIORITY, "code": "EM"}]}))
    assert found.priority.token == f"{PRIORITY}|EM"
    both = [{"system": PRIORITY, "code": code} for code in ("EL", "EM")]
    assert read(stay(priority={"coding": both})).priority is None
    assert read(stay(priority={"coding": [both[0], both[0]]})).priority.code == "EL"


def test_a_far_day_is_no_end(read: Any) -> None:
    """The year 9999 is how some systems write that a stay goes on, with a time of day or without."""
    for end in ("9999-12-31", "9999-12-31T23:59:59Z"):
        found = read(stay(period={"start": "2026-02-28", "end": end}))
        assert (found.end, found.end_day) == (None, None)


@pytest.mark.parametrize(
    ("start", "day", "hours"),
    [
        ("2026-02-28T23:30:00-05:00", date(2026, 2, 28), -5),
        ("2026-02-28T23:30:00+00:00", date(2026, 2, 28), 0),
        ("2026-02-28T23:30:00Z", date(2026, 2, 28), None),
        ("2026-02-28", date(2026, 2, 28), None),
        ("2026-02", None, None),
        (None, None, None),
    ],
)
def test_the_day_of_a_stay_as_it_was_written(start: str | None, day: date | None, hours: int | None, read: Any) -> None:
    """With the hospital's clock, where it is told; a day without a time is still a day."""
    found = read(stay(period={"start": start, "end": "2026-03-02"} if start else {"end": "2026-03-02"}))
    assert (found.start_day, found.end_day) == (day, date(2026, 3, 2))
    assert found.offset == (None if hours is None else timedelta(hours=hours))
