"""Stays: urgency, where from, where to, and the diagnoses that an encounter names."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from clinical.need import DataNeed
from clinical.record import Coding, StayDiagnosis
from fhir_adapters.encounter_classes import ACT_CODE

PRIORITY = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
DISPOSITION = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
NUBC = "https://www.nubc.org/CodeSystem/PatDischargeStatus"
HL7_V2 = "http://terminology.hl7.org/CodeSystem/v2-0112"
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


@pytest.mark.parametrize(
    ("written", "token"),
    [
        ({"system": "urn:oid:1.2.3", "code": "5", "display": "Appointment"}, f"{ACT_CODE}|AMB"),
        ({"system": "urn:oid:1.2.3", "code": "6"}, "urn:oid:1.2.3|6"),
        ({"code": "5"}, "|5"),
        ({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}, f"{ACT_CODE}|IMP"),
        (None, None),
    ],
)
def test_a_class_of_the_sites_own_is_what_its_list_says(reading: Any, read: Any, written: Any, token: Any) -> None:
    """System and code together; what the list does not name stays as it was written."""
    reading.classes = {"urn:oid:1.2.3|5": "AMB"}
    found = read(stay(**{"class": written})).class_code
    assert (None if found is None else found.token) == token
    assert found is None or found.display == (written or {}).get("display", "")


def test_urgency_origin_and_destination(read: Any) -> None:
    """The first coding with a system and a code."""
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
    bare = read(stay(hospitalization={}))
    assert (bare.priority, bare.admit_source, bare.discharge_disposition, bare.diagnoses) == (None, None, None, ())


def row(system: str, code: str, display: str = "") -> dict[str, str]:
    """A coding."""
    return {"system": system, "code": code, **({"display": display} if display else {})}


@pytest.mark.parametrize(
    ("concept", "expected"),
    [
        ({"text": "Home"}, Coding("", "", "Home")),
        ({"coding": [row("urn:own", "1"), row(NUBC, "01", "Home")], "text": "x"}, Coding(NUBC, "01", "Home")),
        ({"coding": [row("urn:own", "1"), row(DISPOSITION, "home")]}, Coding(DISPOSITION, "home")),
        ({"coding": [row(NUBC, "20"), row(DISPOSITION, "exp")]}, Coding(DISPOSITION, "exp")),
        ({"coding": [row("http://www.nubc.org/patient-discharge", "01")]}, Coding(NUBC, "01")),
        ({"coding": [row("urn:oid:2.16.840.1.113883.6.301.5", "1")]}, Coding(NUBC, "1")),
        ({"coding": [row(NUBC, "1"), row(HL7_V2, "01")]}, Coding(NUBC, "1")),
        ({"coding": [row(HL7_V2, "21"), row(NUBC, "21"), row("urn:x", "1")]}, Coding(NUBC, "21")),
        ({"coding": [row(NUBC, "01"), row(HL7_V2, "20")], "text": "Home"}, Coding("", "", "")),
        ({"coding": [row(DISPOSITION, "home"), row(DISPOSITION, "exp")], "text": "Home"}, Coding("", "", "")),
        ({"coding": [row(DISPOSITION, "home"), row(NUBC, "50")], "text": "Home"}, Coding("", "", "")),
        ({"coding": [row(DISPOSITION, "oth"), row(NUBC, "20")]}, Coding("", "", "")),
        ({"coding": [row(DISPOSITION, "hosp"), row(NUBC, "01")]}, Coding("", "", "")),
        ({"coding": [row(DISPOSITION, "oth"), row(NUBC, "03")]}, Coding(DISPOSITION, "oth")),
        ({"coding": [row("urn:own", "1", "Home")], "text": "Home"}, Coding("urn:own", "1", "Home")),
        ({"coding": [row("urn:own", "1", "A"), {"display": "B"}], "text": "C"}, Coding("urn:own", "1", "C; A; B")),
        ({"coding": [{"code": "1"}]}, Coding("", "", "")),
        ({"extension": [{"url": "http://x", "valueCode": "unknown"}]}, None),
        ({"coding": [{"extension": [{"url": "http://x", "valueCode": "unknown"}]}]}, None),
        ({}, None),
    ],
)
def test_where_the_patient_goes(concept: Any, expected: Coding | None, read: Any) -> None:
    """The first code of a list that all know, else all words; codes that contradict are none, and not nothing."""
    assert read(stay(hospitalization={"dischargeDisposition": concept})).discharge_disposition == expected


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


def placed(period: Any = None, **changes: Any) -> dict[str, Any]:
    """A stay with one place in intensive care."""
    row = {"location": {"display": "Medical ICU"}, **({} if period is None else {"period": period}), **changes}
    return stay(location=[row])


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("2026-02-27", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("2026-02", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("9999-12-31", None),
        ("9999", None),
        ("2026-02-27T10:00:00Z", None),
        (None, None),
    ],
)
def test_a_day_ends_when_it_ends_last_on_earth(end: str | None, last: datetime | None, read: Any) -> None:
    """FHIR R4 datatypes.html#Period: the end includes the day. A moment stays one, and a far year is no end."""
    found = read(stay(period={"start": "2026-02-20T10:00:00Z", "end": end}))
    assert (None if found.latest_end is None else found.latest_end.replace(microsecond=0)) == (
        None if last is None else last - timedelta(seconds=1)
    )
    (place,) = read(placed({"start": "2026-02-20T10:00:00Z", "end": end})).locations
    assert place.end == (datetime(2026, 2, 27, 10, tzinfo=UTC) if end and "T" in end else found.latest_end)


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ({"start": "2026-03-01T10:00:00Z", "end": "2026-03-02"}, datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ({"start": "2026-03-01T10:00:00Z"}, datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ({"start": "2026-03-01"}, datetime(2026, 3, 2, 8, tzinfo=UTC)),
        (None, datetime(2026, 3, 2, 8, tzinfo=UTC)),
    ],
)
def test_a_completed_place_is_over_by_now(period: Any, end: datetime, read: Any) -> None:
    """Whatever its day says; without an end it ended when it began."""
    (place,) = read(placed(period, status="completed")).locations
    assert place.end == end


@pytest.mark.parametrize(
    ("end", "status", "unclear"),
    [
        ("2026-03-02", "active", True),
        ("2026-03", None, True),
        ("2026-03-02T07:00:00Z", None, False),
        ("2026-03-02", "completed", False),
        ("9999-12-31", None, False),
        (None, None, False),
    ],
)
def test_an_end_that_is_only_a_day_is_told_from_a_moment(end: Any, status: Any, unclear: bool, read: Any) -> None:
    """The patient may have left earlier on that day; what is completed is over, and a far day is no end."""
    (place,) = read(placed({"start": "2026-03-01T10:00:00Z", "end": end}, status=status)).locations
    assert place.end_unclear is unclear


@pytest.mark.parametrize(
    ("period", "unclear", "day"),
    [
        ({"start": "2026-03-01"}, True, date(2026, 3, 1)),
        ({"start": "2026-02"}, True, None),
        ({"_start": {"extension": [{"url": "http://x", "valueCode": "unknown"}]}}, True, None),
        ({"start": "2026-03-01T10:00:00Z"}, False, date(2026, 3, 1)),
        ({}, False, None),
        (None, False, None),
    ],
)
def test_a_start_that_is_no_moment_is_told_from_none(period: Any, unclear: bool, day: date | None, read: Any) -> None:
    """Nobody may take the start of the stay in its stead."""
    (place,) = read(placed(period)).locations
    assert (place.start_unclear, place.start_day) == (unclear, day)


@pytest.mark.parametrize(("begins", "places"), [("2026-03-02", 1), ("2026-03-03", 0)])
def test_a_place_of_a_day_to_come_is_none_yet(begins: str, places: int, read: Any) -> None:
    """Today's may have begun, tomorrow's has begun nowhere on earth (08:00 in UTC)."""
    found = read(stay(location=[{"location": {"display": "Medical ICU"}, "period": {"start": begins}}]))
    assert len(found.locations) == places


def test_the_status_of_a_place_is_one_of_fhirs_or_not_known(read: Any) -> None:
    """FHIR R4 EncounterLocationStatus; without one the place counts."""
    known = [read(placed(status=status)).locations[0].status_known for status in ("active", "completed", "bogus")]
    assert known == [True, True, False]
    assert read(placed()).locations[0].status_known
