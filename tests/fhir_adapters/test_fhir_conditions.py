"""Conditions and procedures: what counts, what is set aside and why, and what their dates become."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clinical.need import DataNeed
from clinical.record import Coding, SetAsideReason

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
STATES = "http://terminology.hl7.org/CodeSystem"
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


def state(name: str, *codes: str) -> dict[str, Any]:
    """One of FHIR's own status concepts."""
    return {"coding": [{"system": f"{STATES}/condition-{name}", "code": code} for code in codes]}


def condition(**changes: Any) -> dict[str, Any]:
    """A confirmed, active diagnosis of diabetes; a member set to None is left out."""
    whole = {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": state("clinical", "active"),
        "verificationStatus": state("ver-status", "confirmed"),
        "code": {"coding": [{"system": ICD, "code": "E11.9", "display": "Type 2 diabetes"}]},
        "subject": {"reference": "Patient/pat-1"},
        "encounter": {"reference": "Encounter/enc-1"},
        "onsetDateTime": "2019-05",
        "recordedDate": "2026-03-01T10:00:00+02:00",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def procedure(**changes: Any) -> dict[str, Any]:
    """A completed procedure."""
    whole = {
        "resourceType": "Procedure",
        "id": "p1",
        "status": "completed",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "40617009"}], "text": "Ventilation"},
        "subject": {"reference": "Patient/pat-1"},
        "encounter": {"reference": "https://ehr.test/fhir/Encounter/enc-1/_history/2"},
        "performedPeriod": {"start": "2026-03-01T10:00:00Z", "end": "2026-03-01T12:00:00Z"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


@pytest.fixture
def read(reading: Any, make_bundle: Any) -> Any:
    """Reads resources that came as the answer to needs for conditions and for procedures."""

    def record(*resources: dict[str, Any]) -> Any:
        by_type = {
            kind: make_bundle(*(row for row in resources if row["resourceType"] == kind))
            for kind in ("Condition", "Procedure")
        }
        reading.needs = (*reading.needs, *(DataNeed(kind, kind) for kind in by_type))
        return reading.read(reading.prefetch(**by_type))

    return record


def test_a_condition_becomes_a_word_of_the_record(read: Any) -> None:
    """With its codes, its dates as UTC, its stay, and what the sender calls it."""
    (found,) = read(condition()).conditions
    assert found.reference == "Condition/c1"
    assert found.codings == (Coding(ICD, "E11.9", "Type 2 diabetes"),)
    assert (found.onset, found.recorded) == (datetime(2019, 5, 1, tzinfo=UTC), datetime(2026, 3, 1, 8, tzinfo=UTC))
    assert (found.active, found.encounter, found.text) == (True, "Encounter/enc-1", "Type 2 diabetes")


def test_a_procedure_becomes_a_word_of_the_record(read: Any) -> None:
    """Of a period its start counts; a reference to a version under the server's own base is to the stay."""
    (found,) = read(procedure()).procedures
    assert (found.reference, found.performed) == ("Procedure/p1", datetime(2026, 3, 1, 10, tzinfo=UTC))
    assert (found.encounter, found.text, found.codings[0].code) == ("Encounter/enc-1", "Ventilation", "40617009")


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (["entered-in-error"], "entered in error"),
        (["refuted"], "ruled out"),
        (["unconfirmed"], "nobody has confirmed it"),
        (["provisional"], "provisional"),
        (["unconfirmed", "differential"], "one of several"),
        (["confirmed", "refuted"], "ruled out"),
        (["Confirmed"], "its verification status is not one of FHIR's"),
        ([], "its verification status is not one of FHIR's"),
    ],
)
def test_a_condition_that_nobody_has_confirmed_is_not_used(codes: list[str], words: str, read: Any) -> None:
    """And the record says why, with the codes of the condition, so that a model can tell."""
    record = read(condition(verificationStatus=state("ver-status", *codes) if codes else {"text": "sure"}))
    assert record.conditions == ()
    (aside,) = record.set_aside
    never = codes in (["entered-in-error"], ["refuted"])
    reason = SetAsideReason.VOID if never else SetAsideReason.STATUS
    assert (aside.reference, aside.reason) == ("Condition/c1", reason)
    assert words in aside.detail
    assert aside.codings[0].code == "E11.9"


def test_without_a_verification_status_a_condition_counts(read: Any) -> None:
    """Many senders write only what holds."""
    assert len(read(condition(verificationStatus=None)).conditions) == 1


@pytest.mark.parametrize(
    ("changes", "active"),
    [
        ({"clinicalStatus": state("clinical", "recurrence")}, True),
        ({"clinicalStatus": state("clinical", "active", "relapse")}, True),
        ({"clinicalStatus": state("clinical", "inactive")}, False),
        ({"clinicalStatus": state("clinical", "remission")}, False),
        ({"clinicalStatus": state("clinical", "resolved")}, False),
        ({"clinicalStatus": None}, True),
        ({"clinicalStatus": None, "abatementDateTime": "2025"}, False),
        ({"clinicalStatus": None, "abatementString": "last year"}, False),
        ({"clinicalStatus": None, "abatementDateTime": "2027-01"}, True),
    ],
)
def test_a_condition_is_active_until_it_has_ended(changes: dict[str, Any], active: bool, read: Any) -> None:
    """By its clinical status; without one, by an end that is stated."""
    (found,) = read(condition(**changes)).conditions
    assert found.active is active


@pytest.mark.parametrize("codes", [["Active"], ["active", "resolved"], [""]])
def test_a_clinical_status_of_nobodys_is_not_guessed(codes: list[str], read: Any) -> None:
    """Neither one that FHIR does not know, nor two that contradict each other."""
    rows = state("clinical", *codes) if codes != [""] else {"text": "Active"}
    record = read(condition(clinicalStatus=rows))
    assert record.conditions == ()
    assert record.set_aside[0].detail == "its clinical status is not one of FHIR's"


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2019", datetime(2019, 1, 1, tzinfo=UTC)),
        ("2019-05-20", datetime(2019, 5, 20, tzinfo=UTC)),
        ("2026-03-02", MIDNIGHT),
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-03-02T08:00:00Z", datetime(2026, 3, 2, 8, tzinfo=UTC)),
    ],
)
def test_a_year_month_or_day_begins_with_its_first_moment(written: str, moment: datetime, read: Any) -> None:
    """In UTC; an onset may be a period, too."""
    for onset in ({"onsetDateTime": written}, {"onsetDateTime": None, "onsetPeriod": {"start": written}}):
        (found,) = read(condition(**onset)).conditions
        assert found.onset == moment


def test_today_in_the_far_east_is_not_the_future(read: Any, reading: Any) -> None:
    """At 10:00 UTC the next day has begun at UTC+14, so a diagnosis of that day counts, as of now."""
    reading.now = datetime(2026, 3, 2, 10, tzinfo=UTC)
    (found,) = read(condition(recordedDate="2026-03-03")).conditions
    assert found.recorded == reading.now
    reading.now = datetime(2026, 3, 2, 9, 59, tzinfo=UTC)
    assert read(condition(recordedDate="2026-03-03")).conditions == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"onsetDateTime": "2027"},
        {"onsetDateTime": "2026-03-02T08:00:01Z"},
        {"recordedDate": "2026-03-04"},
        {"onsetDateTime": None, "onsetPeriod": {"start": "2026-04"}},
    ],
)
def test_a_condition_of_the_future_is_set_aside(changes: dict[str, Any], read: Any) -> None:
    """Whichever of its dates says so."""
    record = read(condition(**changes))
    assert record.conditions == ()
    assert record.set_aside[0].reason is SetAsideReason.FUTURE


@pytest.mark.parametrize(
    "changes", [{"onsetDateTime": None, "recordedDate": None}, {"onsetDateTime": None, "onsetString": "in his youth"}]
)
def test_a_condition_needs_no_date(changes: dict[str, Any], read: Any) -> None:
    """A problem list often has none."""
    (found,) = read(condition(**changes)).conditions
    assert found.onset is None


def test_a_leap_second_is_a_date_that_cannot_be_read(read: Any) -> None:
    """FHIR allows it and no calendar here does; it is said, not dropped."""
    record = read(condition(onsetDateTime="2016-12-31T23:59:60Z"), procedure(performedPeriod=None))
    assert [aside.reason for aside in record.set_aside] == [SetAsideReason.NO_TIME]
    assert record.procedures[0].performed is None


def test_a_condition_in_words_keeps_them(read: Any) -> None:
    """Without codes, and with the text alone; a code without a system is none."""
    (found,) = read(condition(code={"text": "sugar", "coding": [{"code": "E11"}]})).conditions
    assert (found.codings, found.text) == ((), "sugar")


def test_what_names_nothing_is_set_aside(read: Any) -> None:
    """A condition or procedure without any code or word."""
    record = read(condition(code=None), procedure(code={"coding": [{"code": "1"}]}))
    assert (record.conditions, record.procedures) == ((), ())
    assert [aside.reason for aside in record.set_aside] == [SetAsideReason.NO_VALUE] * 2


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("preparation", "prepared"),
        ("not-done", "not done"),
        ("on-hold", "on hold"),
        ("stopped", "stopped"),
        ("entered-in-error", "entered in error"),
        ("unknown", "not known"),
        ("Completed", "its status is not one of FHIR's"),
    ],
)
def test_a_procedure_that_was_not_done_is_not_used(status: str, words: str, read: Any) -> None:
    """It stands aside with its reason."""
    record = read(procedure(status=status))
    assert record.procedures == ()
    never = status in ("preparation", "not-done", "entered-in-error")
    assert record.set_aside[0].reason is (SetAsideReason.VOID if never else SetAsideReason.STATUS)
    assert words in record.set_aside[0].detail


@pytest.mark.parametrize(
    ("changes", "performed"),
    [
        ({"performedPeriod": None, "performedDateTime": "2026-03"}, datetime(2026, 3, 1, tzinfo=UTC)),
        ({"performedPeriod": {"end": "2026-03-01"}}, datetime(2026, 3, 1, tzinfo=UTC)),
        ({"status": "in-progress", "performedPeriod": {"start": "2026-03-02"}}, MIDNIGHT),
        ({"performedPeriod": None, "performedString": "once"}, None),
        ({"performedPeriod": {"start": "2026-03-01", "end": "9999-12-31"}}, datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_when_a_procedure_was_done(changes: dict[str, Any], performed: datetime | None, read: Any) -> None:
    """A time, the start of a period, else its end; or nothing is said."""
    (found,) = read(procedure(**changes)).procedures
    assert found.performed == performed


def test_how_long_a_procedure_took_and_whether_it_goes_on(read: Any) -> None:
    """The end of a period that has a start, the status, and the last moment of a day."""
    began, ended = "2026-03-01T10:00:00Z", "2026-03-01T22:00:00Z"
    (found,) = read(procedure(performedPeriod={"start": began, "end": ended})).procedures
    assert (found.status, found.end, found.latest_start) == ("completed", datetime(2026, 3, 1, 22, tzinfo=UTC), None)
    (going,) = read(procedure(status="in-progress", performedPeriod={"start": "2026-03-01"})).procedures
    assert (going.status, going.end) == ("in-progress", None)
    assert going.latest_start == datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)
    (open_,) = read(procedure(performedPeriod={"end": "2026-03-01"})).procedures
    assert open_.end is None


def test_a_period_that_ends_before_it_begins_is_set_aside(read: Any) -> None:
    """One of its two dates is wrong, and nobody can say which."""
    record = read(procedure(performedPeriod={"start": "2026-03-01T10:00:00Z", "end": "2026-02"}))
    assert record.procedures == ()
    assert record.set_aside[0].detail == "its period ends before it begins"


def test_a_malformed_condition_is_named_and_the_others_count(read: Any) -> None:
    """One bad entry never sinks a bundle; the status of a contained resource of no type is one, too."""
    bad = [
        condition(id="c2", code="E11"),
        condition(id="c3", contained=[{"resourceType": "Nothing", "id": "n"}]),
        condition(id="c4", modifierExtension=[{"url": "http://x"}]),
        condition(id="c_5"),
    ]
    record = read(condition(), *bad)
    assert [found.reference for found in record.conditions] == ["Condition/c1"]
    assert [aside.reason for aside in record.set_aside] == [SetAsideReason.MALFORMED] * 4


def test_of_two_copies_the_retraction_counts(read: Any) -> None:
    """A condition takes itself back in its verification status, whichever copy came first."""
    gone = condition(verificationStatus=state("ver-status", "entered-in-error"))
    for rows in ((condition(), gone), (gone, condition())):
        record = read(*rows)
        assert record.conditions == ()
        assert record.set_aside[0].detail == "it was entered in error"


def test_details_hold_nothing_of_the_patient(read: Any) -> None:
    """Neither what was sent as a status nor as a date is repeated."""
    rows = [
        condition(clinicalStatus={"coding": [{"system": f"{STATES}/condition-clinical", "code": "SECRET"}]}),
        procedure(status="SECRET"),
        condition(id="c2", recordedDate="SECRET"),
    ]
    assert "SECRET" not in repr([aside.detail for aside in read(*rows).set_aside])
