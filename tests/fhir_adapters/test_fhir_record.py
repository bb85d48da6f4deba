"""Reading a record: prefetch first, then FHIR, and what happens to everything that is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from clinical.errors import DataUnavailable, MalformedRequest, WrongPatient
from clinical.invocation import FhirAccess
from clinical.record import SetAsideReason, Source

SCOPES = ("patient/*.rs",)
Make = Callable[..., dict[str, Any]]


def test_a_full_prefetch_is_enough(reading: Any, make_lab: Make) -> None:
    """Patient, stay and results come from the prefetch; nothing is called."""
    record = reading.read(reading.prefetch(make_lab()))
    assert (record.sex, record.birth_date.year) == ("female", 1950)
    assert record.stays[0].locations[0].recognised_by == "name on the site's list"
    assert [(o.value, o.unit, o.source) for o in record.observations] == [(4.1, "mmol/L", Source.PREFETCH)]
    assert record.set_aside == ()


def test_units_are_converted_and_the_report_is_kept(reading: Any, make_lab: Make) -> None:
    """The canonical value stands beside what was sent."""
    record = reading.read(reading.prefetch(make_lab(value=90.1, unit="mg/dL")))
    found = record.observations[0]
    assert (round(found.value, 9), found.unit, found.reported_value, found.reported_unit) == (
        10,
        "mmol/L",
        90.1,
        "mg/dL",
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "entered-in-error"}, SetAsideReason.STATUS),
        ({"status": "preliminary"}, SetAsideReason.STATUS),
        ({"status": "cancelled"}, SetAsideReason.STATUS),
        ({"status": "registered"}, SetAsideReason.STATUS),
        ({"status": "nonsense"}, SetAsideReason.STATUS),
        ({"unit": "mg/L"}, SetAsideReason.UNIT),
        ({"value": "4.1"}, SetAsideReason.NO_VALUE),
        ({"value": True}, SetAsideReason.MALFORMED),
        ({"effectiveDateTime": "2026-03-02"}, SetAsideReason.NO_TIME),
        ({"effectiveDateTime": "2026-03-02T09:00:00Z"}, SetAsideReason.FUTURE),
        ({"effectiveDateTime": "2026-02-30T09:00:00Z"}, SetAsideReason.MALFORMED),
        ({"valueQuantity": {"value": 4, "comparator": "<", "code": "mmol/L"}}, SetAsideReason.NO_VALUE),
        ({"subject": {"display": "somebody"}}, SetAsideReason.MALFORMED),
        ({"status": None}, SetAsideReason.MALFORMED),
    ],
)
def test_a_bad_fact_is_set_aside_by_name(
    changes: dict[str, Any], reason: SetAsideReason, reading: Any, make_lab: Make
) -> None:
    """One bad result does not sink the record, and is never used."""
    record = reading.read(reading.prefetch(make_lab("bad", **changes), make_lab("good", value=2.0)))
    assert [o.reference for o in record.observations] == ["Observation/good"]
    assert [(a.reference, a.reason) for a in record.set_aside] == [("Observation/bad", reason)]


def test_unknown_members_are_tolerated(reading: Any, make_lab: Make) -> None:
    """A vendor's own member does not cost the result."""
    record = reading.read(reading.prefetch(make_lab(vendorField={"a": 1})))
    assert len(record.observations) == 1


def test_components_of_a_panel_are_results(reading: Any, make_lab: Make) -> None:
    """A blood pressure panel gives its systolic component."""
    part = {
        "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
        "valueQuantity": {"value": 120, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
    }
    panel = make_lab("bp", "85354-9", component=[part])
    del panel["valueQuantity"]
    record = reading.read(reading.prefetch(panel))
    assert [(o.reference, o.value) for o in record.observations] == [("Observation/bp#component-0", 120.0)]


def test_codes_of_other_systems_are_not_loinc(reading: Any, make_lab: Make) -> None:
    """The system is looked at before the code."""
    other = make_lab(code="2524-7")
    other["code"]["coding"][0]["system"] = "http://snomed.info/sct"
    assert reading.read(reading.prefetch(other)).observations == ()


def test_a_result_sent_twice_counts_once(reading: Any, make_lab: Make) -> None:
    """The same resource under two keys is one fact."""
    assert len(reading.read(reading.prefetch(make_lab(), make_lab())).observations) == 1


@pytest.mark.parametrize("where", ["patient", "stays", "labs", "unasked"])
def test_a_fact_about_somebody_else_stops_the_call(where: str, reading: Any, make_lab: Make, make_bundle: Make) -> None:
    """Anywhere in the data, used or not."""
    foreign = {
        "patient": {"resourceType": "Patient", "id": "pat-2"},
        "stays": make_bundle({"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/pat-2"}}),
        "labs": make_bundle(make_lab(subject={"reference": "Patient/pat-2"})),
        "unasked": make_bundle(
            make_lab(code="1-8", subject={"reference": "https://elsewhere.test/fhir/Patient/pat-1"})
        ),
    }[where]
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(**{"labs" if where == "unasked" else where: foreign}))


def test_references_may_be_absolute_or_by_urn(reading: Any, make_lab: Make) -> None:
    """Under the client's own base URL, or to the fullUrl of the patient's entry."""
    urn = "urn:uuid:8b7b7d9e-07bc-403b-8983-455635e3b63f"
    patient = {"resourceType": "Patient", "id": "pat-1", "birthDate": "1950"}
    rows = [
        {"fullUrl": urn, "resource": patient},
        {"resource": make_lab("a", subject={"reference": urn})},
        {"resource": make_lab("b", subject={"reference": "https://ehr.test/fhir/Patient/pat-1"})},
    ]
    record = reading.read(reading.prefetch(patient={"resourceType": "Bundle", "entry": rows}))
    assert len(record.observations) == 2
    assert record.caveats == ("The birth date is not complete; its middle is used.",)


def test_null_means_asked_and_nothing_there(reading: Any) -> None:
    """A null is an answer; the record is empty and the call goes on."""
    record = reading.read({"patient": None, "stays": None, "labs": None})
    assert (record.birth_date, record.stays, record.observations) == (None, (), ())


@pytest.mark.parametrize("value", [{}, {"labs": {"resourceType": "OperationOutcome", "issue": []}}])
def test_what_was_not_sent_and_cannot_be_read_is_a_fault(value: dict[str, Any], reading: Any) -> None:
    """An absent key and an OperationOutcome are no data; the fault names the key."""
    prefetch = reading.prefetch()
    del prefetch["labs"]
    with pytest.raises(DataUnavailable, match="'labs'") as fault:
        reading.read({**prefetch, **value})
    assert fault.value.key == "labs"


@pytest.mark.parametrize("value", ["text", 7, [], {}, {"resourceType": 4}, {"resourceType": "Bundle", "entry": "x"}])
def test_prefetch_of_the_wrong_shape_is_refused(value: object, reading: Any) -> None:
    """Neither resource nor null: 400, naming the key."""
    with pytest.raises(MalformedRequest, match="'labs'"):
        reading.read(reading.prefetch(labs=value))


def test_an_entry_without_a_resource_is_counted(reading: Any) -> None:
    """Nothing disappears in silence."""
    record = reading.read(reading.prefetch(labs={"resourceType": "Bundle", "entry": [{}, 3]}))
    assert [a.reason for a in record.set_aside] == [SetAsideReason.MALFORMED] * 2


def test_missing_data_are_read_with_the_token(reading: Any, ehr: Any, make_lab: Make, make_bundle: Make) -> None:
    """What was not sent is searched, page by page, with the token of the call."""
    ehr.json("Observation?patient=pat-1", make_bundle(make_lab("a"), following=f"{ehr.base}/page?2"))
    ehr.json("page?2", make_bundle(make_lab("b", value=2)))
    prefetch = reading.prefetch()
    del prefetch["labs"]
    record = reading.read(prefetch, FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert [o.source for o in record.observations] == [Source.FHIR] * 2
    assert {token for _, token in ehr.seen} == {"Bearer tok"}
    assert "code=http://loinc.org%7C2524-7" in ehr.seen[0][0].replace("%3A", ":")
    assert record.incomplete == ()


def test_a_paged_prefetch_is_completed_or_said_to_be_incomplete(
    reading: Any, ehr: Any, make_lab: Make, make_bundle: Make
) -> None:
    """With a token the next pages are read; without one the record says so."""
    ehr.json("page?2", make_bundle(make_lab("b")))
    prefetch = reading.prefetch(labs=make_bundle(make_lab("a"), following=f"{ehr.base}/page?2"))
    assert reading.read(prefetch).incomplete == ("labs: the prefetch holds only its first page",)
    record = reading.read(prefetch, FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert (len(record.observations), record.incomplete) == (2, ())


@pytest.mark.parametrize(
    "following",
    ["http://127.0.0.1:9/fhir/page", "https://evil.test/fhir/page", "http://127.0.0.1@evil.test/fhir/p", "//x/y"],
)
def test_a_page_link_to_another_server_never_gets_the_token(
    following: str, reading: Any, ehr: Any, make_lab: Make, make_bundle: Make
) -> None:
    """The link is not followed, and the record is said to be incomplete."""
    ehr.json("Observation?patient=pat-1", make_bundle(make_lab("a"), following=following))
    prefetch = reading.prefetch()
    del prefetch["labs"]
    record = reading.read(prefetch, FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert record.incomplete == ("labs: a page link leaves the FHIR server",)
    assert len(ehr.seen) == 1


def test_endless_pages_end(reading: Any, ehr: Any, make_lab: Make, make_bundle: Make) -> None:
    """A page that links to itself is followed once."""
    ehr.json("Observation?patient=pat-1", make_bundle(make_lab("a"), following=f"{ehr.base}/loop"))
    ehr.json("loop", make_bundle(make_lab("b"), following=f"{ehr.base}/loop"))
    prefetch = reading.prefetch()
    del prefetch["labs"]
    record = reading.read(prefetch, FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert record.incomplete == ("labs: the pages do not end",)
    assert len(ehr.seen) == 2


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 429, 500, 503])
def test_an_error_of_the_ehr_is_a_fault(status: int, reading: Any, ehr: Any) -> None:
    """Nothing else than 200 counts, and no redirect is followed."""
    ehr.json("Observation", {"resourceType": "OperationOutcome"}, status)
    assert f"answered {status}" in failure(reading, ehr)
    assert len(ehr.seen) == 1


def test_a_slow_ehr_is_a_fault_within_the_limit(reading: Any, ehr: Any) -> None:
    """Silent and dripping servers are given up at the deadline."""
    reading.budget = 0.4
    for misbehave in (ehr.slow, ehr.drip):
        misbehave("Observation", 2.0)
        started = time.monotonic()
        assert "time" in failure(reading, ehr)
        assert time.monotonic() - started < 1.5


def test_an_ehr_that_is_down_is_a_fault(reading: Any, ehr: Any) -> None:
    """A refused connection is named as such."""
    base = "http://127.0.0.1:9/fhir"
    prefetch = reading.prefetch()
    del prefetch["labs"]
    with pytest.raises(DataUnavailable, match="could not be reached"):
        reading.read(prefetch, FhirAccess(base, "tok", SCOPES), base)


def failure(reading: Any, ehr: Any, scopes: tuple[str, ...] = SCOPES, base: str | None = None) -> str:
    """The words of a failed read of the labs."""
    prefetch = reading.prefetch()
    del prefetch["labs"]
    with pytest.raises(DataUnavailable) as fault:
        reading.read(prefetch, FhirAccess(ehr.base, "tok", scopes), base or ehr.base)
    return str(fault.value.message)


def test_an_answer_that_is_not_strict_json_is_a_fault(reading: Any, ehr: Any) -> None:
    """Repeated keys and NaN are refused from an EHR as well."""
    from flask import Response

    for text in ('{"a":1,"a":2}', "[NaN]", "<html>"):
        ehr.answers["Observation"] = lambda text=text: Response(text)
        assert "not usable JSON" in failure(reading, ehr)


def test_only_the_registered_server_gets_the_token(reading: Any, ehr: Any) -> None:
    """A fhirServer that the registry does not name is never called."""
    assert "not the one that is registered" in failure(reading, ehr, base="https://other.test/fhir")
    assert ehr.seen == []


@pytest.mark.parametrize("scopes", [(), ("patient/Patient.rs",), ("patient/Observation.r",), ("launch",)])
def test_the_token_is_used_within_its_scopes(scopes: tuple[str, ...], reading: Any, ehr: Any) -> None:
    """No call is made that the granted scopes do not cover."""
    assert "scopes do not cover Observation" in failure(reading, ehr, scopes)
    assert ehr.seen == []


@pytest.mark.parametrize(
    "scope", ["patient/Observation.read", "user/*.*", "system/*.cruds", "patient/Observation.rs?x=y"]
)
def test_scopes_of_both_versions_are_understood(
    scope: str, reading: Any, ehr: Any, make_lab: Make, make_bundle: Make
) -> None:
    """SMART v1 and v2 forms."""
    ehr.json("Observation", make_bundle(make_lab()))
    prefetch = reading.prefetch()
    del prefetch["labs"]
    assert len(reading.read(prefetch, FhirAccess(ehr.base, "t", (scope,)), ehr.base).observations) == 1


def test_the_type_of_a_place_is_read_from_its_location(reading: Any, ehr: Any, make_bundle: Make) -> None:
    """A stay names its place by reference; the Location's code says that it is intensive care."""
    role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    place = {"resourceType": "Location", "id": "l9", "type": [{"coding": [{"system": role, "code": "ICU"}]}]}
    ehr.json("Location/l9", place)
    stay = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/pat-1"},
        "location": [{"location": {"reference": "Location/l9", "display": "7 West"}}],
    }
    prefetch = reading.prefetch(stays=make_bundle(stay))
    record = reading.read(prefetch, FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert record.stays[0].locations[0].recognised_by == f"code {role}|ICU"
    assert not reading.read(prefetch).stays[0].locations[0].intensive_care


def test_resources_without_an_id_are_all_kept(reading: Any, make_lab: Make) -> None:
    """What tells two of them apart is their place in the answer; none vanishes as a repeat of another."""
    rows = [make_lab(value=1.0), make_lab(value=2.0), make_lab(code="2160-0", value=1.1, unit="mg/dL")]
    for row in rows:
        del row["id"]
    record = reading.read(reading.prefetch(*rows))
    assert sorted(o.value for o in record.observations) == [1.0, 1.1, 2.0]
    assert len({o.reference for o in record.observations}) == 3


def test_a_scope_with_a_filter_gives_a_part_and_says_so(
    reading: Any, ehr: Any, make_lab: Make, make_bundle: Make
) -> None:
    """What the filter keeps back must not look as if it had not been measured."""
    ehr.json("Observation", make_bundle(make_lab()))
    prefetch = reading.prefetch()
    del prefetch["labs"]
    access = FhirAccess(ehr.base, "t", ("patient/Observation.rs?category=laboratory",))
    record = reading.read(prefetch, access, ehr.base)
    assert record.incomplete == ("labs: the granted scopes cover only a part of Observation",)
    whole = FhirAccess(ehr.base, "t", (*access.scopes, "patient/Observation.rs"))
    assert reading.read(prefetch, whole, ehr.base).incomplete == ()


def test_a_search_goes_back_only_as_far_as_the_need(reading: Any, ehr: Any, make_bundle: Make) -> None:
    """A patient's whole history does not fit into a hook's time."""
    ehr.json("Observation", make_bundle())
    reading.needs = (replace(reading.needs[2], look_back=timedelta(hours=49)),)
    reading.read({}, FhirAccess(ehr.base, "t", SCOPES), ehr.base)
    assert "date=ge2026-02-28T07:00:00Z" in ehr.seen[0][0].replace("%3A", ":")


def test_a_place_that_cannot_be_looked_up_is_not_known(reading: Any, make_bundle: Make) -> None:
    """Without a list of names and without the Location, nobody can say whether it is intensive care."""
    stay = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/pat-1"},
        "location": [{"location": {"reference": "Location/l9", "display": "7 West"}}],
    }
    listed = reading.read(reading.prefetch(stays=make_bundle(stay)))
    assert listed.stays[0].locations[0].known
    assert listed.incomplete == (
        "location: the place of the stay was not sent, and the call gives no access to a FHIR server",
    )
    reading.names = ()
    assert not reading.read(reading.prefetch(stays=make_bundle(stay))).stays[0].locations[0].known
