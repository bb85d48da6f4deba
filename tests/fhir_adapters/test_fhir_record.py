"""Reading a record: prefetch first, then FHIR, and what happens to everything that is wrong."""

from __future__ import annotations

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


def test_the_prefetch_is_let_go_of_once_the_record_is_made(reading: Any, make_lab: Make) -> None:
    """Whoever sent it may empty it then, and the record stays whole; one that cannot be made lets go of nothing."""
    sent = reading.prefetch(make_lab())
    call = reading.call(sent, let_go=sent.clear)
    record = reading.reader().read(call, reading.needs)
    assert sent == {}
    assert (record.sex, len(record.stays), [o.value for o in record.observations]) == ("female", 1, [4.1])
    lacking = reading.lacking("labs")
    with pytest.raises(DataUnavailable):
        reading.reader().read(reading.call(lacking, let_go=lacking.clear), reading.needs)
    assert lacking


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
    """Silent and dripping servers are given up at the deadline, while they still hold the call."""
    reading.budget = 0.4
    for misbehave in (ehr.slow, ehr.drip):
        misbehave("Observation")
        assert "in time" in failure(reading, ehr)


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
    assert listed.incomplete == ()
    reading.names = ()
    unlisted = reading.read(reading.prefetch(stays=make_bundle(stay)))
    assert not unlisted.stays[0].locations[0].known
    assert unlisted.incomplete == (
        "location: the place of the stay was not sent, and the call gives no access to a FHIR server",
    )


def test_a_place_that_failed_to_be_read_is_a_gap_also_beside_a_list(reading: Any, ehr: Any, make_bundle: Make) -> None:
    """An error of the EHR must not turn an intensive care unit into a ward; nor may a place too many."""
    ehr.json("Location", {"resourceType": "OperationOutcome"}, 500)
    access = FhirAccess(ehr.base, "tok", SCOPES)
    one = stay(location=[{"location": {"reference": "Location/l9", "display": "7 West"}}])
    record = reading.read(reading.prefetch(stays=make_bundle(one)), access, ehr.base)
    assert record.incomplete == ("location: the server answered 500",)
    many = stay(location=[{"location": {"reference": f"Location/l{number}"}} for number in range(9)])
    record = reading.read(reading.prefetch(stays=make_bundle(many)), access, ehr.base)
    assert "location: only the first 8 places were read" in record.incomplete


def stay(**changes: Any) -> dict[str, Any]:
    """An Encounter in intensive care."""
    return {
        "resourceType": "Encounter",
        "id": "enc-1",
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/pat-1"},
        "period": {"start": "2026-03-01T08:00:00Z"},
        "location": [{"location": {"display": "Medical ICU"}}],
        **changes,
    }


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_copies_the_newer_counts_whichever_came_first(order: int, reading: Any, make_lab: Make) -> None:
    """By version, by last update, and a retraction always."""
    pairs = {
        "version": ({"meta": {"versionId": "1"}}, {"meta": {"versionId": "2"}, "value": 2.0}, [2.0]),
        "update": (
            {"meta": {"lastUpdated": "2026-03-02T07:31:00Z"}},
            {"meta": {"lastUpdated": "2026-03-02T07:32:00Z"}, "value": 2.0},
            [2.0],
        ),
        "retraction": ({}, {"status": "entered-in-error"}, []),
        "unknown": ({}, {"value": 2.0}, []),
    }
    for old, new, expected in pairs.values():
        copies = [make_lab(**old), make_lab(**new)][::order]
        record = reading.read(reading.prefetch(*copies))
        assert [o.value for o in record.observations] == expected
        assert len(record.set_aside) == (not expected)


@pytest.mark.parametrize(
    "value",
    [
        {"resourceType": "Parameters"},
        {"resourceType": "CapabilityStatement", "status": "active"},
        {"resourceType": "Patient", "id": "pat-1"},
    ],
)
def test_a_resource_of_another_type_is_no_answer(value: dict[str, Any], reading: Any) -> None:
    """What stands under a key must be what the key asks for; else it was not provided."""
    with pytest.raises(DataUnavailable, match="'labs'"):
        reading.read(reading.prefetch(labs=value))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"entry": [{"resource": {"resourceType": "Bundle", "type": "searchset"}}]}, "bundle within a bundle"),
        ({"entry": [{"resource": None}]}, "entry without a resource"),
        (
            {"entry": [{"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}}]},
            "report of an error",
        ),
        ({"total": 3}, "more than it holds"),
        ({"link": {"relation": "next"}}, "only its first page"),
        ({"link": [{"relation": "next", "url": 7}]}, "only its first page"),
    ],
)
def test_a_bundle_that_shows_a_gap_is_said_to_have_one(changes: dict[str, Any], words: str, reading: Any) -> None:
    """What is missing from a bundle must not look as if it had never been measured."""
    record = reading.read(reading.prefetch(labs={"resourceType": "Bundle", "type": "searchset", **changes}))
    assert any(gap.startswith("labs: ") and words in gap for gap in record.incomplete)


@pytest.mark.parametrize(
    "answer", [None, [], {}, 7, {"resourceType": "Patient", "id": "pat-1"}, {"resourceType": "Parameters"}]
)
def test_an_ehr_that_answers_something_else_is_a_fault_of_the_ehr(answer: object, reading: Any, ehr: Any) -> None:
    """Not of the caller, and not an empty answer."""
    ehr.json("Observation", answer)
    words = failure(reading, ehr)
    assert "something else than was asked for" in words or "the server's answer is neither a FHIR resource" in words


@pytest.mark.parametrize(
    "full_url", ["https://ehr.test/fhir/Patient/pat-2", "Patient/pat-2", "https://evil.test/Patient/pat-1"]
)
def test_a_patient_under_the_url_of_another_stops_the_call(full_url: str, reading: Any, make_lab: Make) -> None:
    """A fullUrl cannot teach the guard a second patient."""
    rows = [
        {"fullUrl": full_url, "resource": {"resourceType": "Patient", "id": "pat-1"}},
        {"resource": make_lab(subject={"reference": "Patient/pat-2"})},
    ]
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(labs={"resourceType": "Bundle", "entry": rows}))


def test_a_local_name_holds_within_its_bundle_only(reading: Any, make_lab: Make, make_bundle: Make) -> None:
    """The same urn in another bundle names nobody."""
    urn = "urn:uuid:8b7b7d9e-07bc-403b-8983-455635e3b63f"
    patient = {
        "resourceType": "Bundle",
        "entry": [{"fullUrl": urn, "resource": {"resourceType": "Patient", "id": "pat-1"}}],
    }
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(patient=patient, labs=make_bundle(make_lab(subject={"reference": urn}))))


def test_only_the_registered_base_makes_an_absolute_reference_ours(reading: Any, make_lab: Make) -> None:
    """The caller's own fhirServer does not."""
    lab = make_lab(subject={"reference": "http://evil.test/fhir/Patient/pat-1"})
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(lab), FhirAccess("http://evil.test/fhir", "t", SCOPES))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modifierExtension": [{"url": "x", "valueBoolean": True}]}, "modifier"),
        ({"implicitRules": "http://x"}, "modifier"),
        ({"focus": [{"reference": "Patient/pat-1"}]}, "focus"),
        ({"component": [{}] * 201}, "more than 200"),
        ({"dataAbsentReason": {"text": "unknown"}}, "absent"),
        (
            {
                "effectiveDateTime": None,
                "effectivePeriod": {"start": "2026-03-02T07:00:00Z", "end": "2026-03-02T06:00:00Z"},
            },
            "time",
        ),
    ],
)
def test_what_changes_the_meaning_of_a_fact_rules_it_out(
    changes: dict[str, Any], words: str, reading: Any, make_lab: Make
) -> None:
    """Modifiers, another focus, an absent value, an impossible period, an excessive list."""
    lab = {name: value for name, value in make_lab(**changes).items() if value is not None}
    record = reading.read(reading.prefetch(lab))
    assert record.observations == ()
    assert words in record.set_aside[0].detail


def test_two_analytes_in_one_code_are_neither(reading: Any, make_lab: Make) -> None:
    """Heart rate and lactate at once: nobody can say which was measured."""
    lab = make_lab()
    lab["code"]["coding"].append({"system": "http://loinc.org", "code": "2160-0"})
    record = reading.read(reading.prefetch(lab))
    assert record.observations == ()
    assert "more than one" in record.set_aside[0].detail


def test_a_malformed_panel_is_named_with_the_codes_of_its_parts(reading: Any, make_lab: Make) -> None:
    """So that a model that looks for a part knows of it."""
    part = {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, "valueQuantity": {"value": 120}}
    panel = make_lab("bp", "85354-9", component=[part, {}])
    record = reading.read(reading.prefetch(panel))
    assert [coding.code for coding in record.set_aside[0].codings] == ["85354-9", "8480-6"]


def test_places_that_do_not_hold_the_patient_are_not_current(reading: Any, make_bundle: Make) -> None:
    """Reserved and planned beds are left out, a completed one without an end has ended, 9999 means open."""
    rows = [
        {"status": "reserved", "location": {"display": "Medical ICU"}},
        {"status": "completed", "location": {"display": "Medical ICU"}, "period": {"start": "2026-03-01T08:00:00Z"}},
        {"status": "active", "location": {"display": "Ward"}, "period": {"end": "9999-12-31T23:59:59Z"}},
    ]
    (found,) = reading.read(reading.prefetch(stays=make_bundle(stay(location=rows)))).stays
    assert [(place.name, place.end is None) for place in found.locations] == [("Medical ICU", False), ("Ward", True)]


def test_a_stay_with_a_status_of_nobodys_is_set_aside(reading: Any, make_bundle: Make) -> None:
    """FHIR's value set is required; a guess could say "discharged"."""
    record = reading.read(reading.prefetch(stays=make_bundle(stay(status="In-Progress"))))
    assert record.stays == ()
    assert record.set_aside[0].reference == "Encounter/enc-1"


def test_a_malformed_place_leaves_it_unknown(reading: Any, make_bundle: Make) -> None:
    """And the record says that it could not be read."""
    bad = {"resourceType": "Location", "id": "l9", "name": ["x"]}
    there = stay(location=[{"location": {"reference": "Location/l9"}}])
    record = reading.read(reading.prefetch(stays=make_bundle(there, bad)))
    assert not record.stays[0].locations[0].known
    assert any("Location/l9 is malformed" in gap for gap in record.incomplete)


def test_the_dead_are_known_to_be_dead(reading: Any) -> None:
    """By flag and by time."""
    for words in ({"deceasedBoolean": True}, {"deceasedDateTime": "2026-03-01"}):
        patient = {"resourceType": "Patient", "id": "pat-1", **words}
        assert reading.read(reading.prefetch(patient=patient)).deceased


@pytest.mark.parametrize("link", ["http://[::1", "http://127.0.0.1:port/fhir/x"])
def test_a_page_link_that_is_no_url_is_a_gap(
    link: str, reading: Any, ehr: Any, make_lab: Make, make_bundle: Make
) -> None:
    """Not a crash."""
    ehr.json("Observation", make_bundle(make_lab(), following=link))
    prefetch = reading.prefetch()
    del prefetch["labs"]
    record = reading.read(prefetch, FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert len(record.incomplete) == 1


def test_a_server_that_drips_its_header_is_given_up_in_time(reading: Any) -> None:
    """The deadline covers every byte, and a healthy server is read right after."""
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        peer, _ = listener.accept()
        with peer:
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1_000:
                if stop.wait(0.05):
                    return
                try:
                    peer.sendall(bytes([byte]))
                except OSError:
                    return

    threading.Thread(target=drip, daemon=True).start()
    reading.budget = 0.5
    base = f"http://127.0.0.1:{listener.getsockname()[1]}/fhir"
    prefetch = reading.prefetch()
    del prefetch["labs"]
    with pytest.raises(DataUnavailable, match="in time"):
        reading.read(prefetch, FhirAccess(base, "tok", SCOPES), base)
    stop.set()
    listener.close()
