"""The wrong-patient guard and the ways around it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.errors import DataUnavailable, WrongPatient
from clinical.invocation import FhirAccess
from clinical.record import SetAsideReason
from fhir_adapters.identity import PatientGuard
from fhir_adapters.prefetch import rows_of

Make = Callable[..., dict[str, Any]]
OTHER = {"reference": "Patient/pat-2"}
BASE = "https://ehr.test/fhir"
URN = "urn:uuid:8b7b7d9e-07bc-403b-8983-455635e3b63f"
STRANGER = {"resourceType": "Patient", "id": "pat-2"}


def entries(*rows: tuple[str, Any]) -> dict[str, Any]:
    """A bundle of resources with their fullUrl."""
    return {"resourceType": "Bundle", "entry": [{"fullUrl": url, "resource": resource} for url, resource in rows]}


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/pat-2", "patient/pat-1", "PATIENT/pat-1", "Patient/PAT-1", "Patient/pat-1/", "Patient/pat-1 ",
        " Patient/pat-1", "/Patient/pat-1", "./Patient/pat-1", "Patient/./pat-1", "Patient//pat-1", "Patient/pat-1#x",
        "Patient/pat-1?x=y", "Patient/pat-1/_history", "Patient/pat-1/_history/", "Patient/pat-1/_history/../../pat-2",
        "Patient/pat-1/_history/..", "Patient/pat-1/_history/1/", "Patient/pat-1/_HISTORY/1",
        "Patient/pat-1/../pat-2", "Patient/pat-1%2F..%2Fpat-2", "Patient/pat%2D1", "Patient?identifier=mrn|1",
        "Patient?_id=pat-1", "#pat-1", "#", "Group/pat-1", "Person/pat-1", "RelatedPerson/pat-1", URN, "pat-1",
        "https://ehr.test/Patient/pat-1", "https://ehr.test/fhir/x/Patient/pat-1",
        "https://EHR.test/fhir/Patient/pat-1",
        "http://ehr.test/fhir/Patient/pat-1", "https://ehr.test:443/fhir/Patient/pat-1",
        "//ehr.test/fhir/Patient/pat-1", "Patient/pat-2/_history/1",
        "https://ehr.test/fhir/Patient/pat-1/", "https://evil.test/fhir/Patient/pat-1", "https://ehr.test/fhir//Patient/pat-1",
        "https://x@ehr.test/fhir/Patient/pat-1", "Patient/pat-1\u200b", "Patient/pat\u20101", "\u0420atient/pat-1",
        "https://evil.test/fhir/Patient/pat-1/_history/1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("member", ["subject", "patient"])
def test_whatever_is_not_letter_by_letter_the_patient_stops_the_call(
    reference: str, member: str, reading: Any, make_lab: Make
) -> None:
    """Case, slashes, versions, other bases, conditional and contained references, look-alikes."""
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(make_lab(**{member: {"reference": reference}})))


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/pat-1",
        "Patient/pat-1/_history/2",
        f"{BASE}/Patient/pat-1",
        f"{BASE}/Patient/pat-1/_history/2.b-c",
    ],
)
@pytest.mark.parametrize("kind", [None, "Patient", "http://hl7.org/fhir/StructureDefinition/Patient"])
def test_the_patient_is_known_by_each_spelling(reference: str, kind: str | None, reading: Any, make_lab: Make) -> None:
    """Relative, absolute, versioned, with the type beside it."""
    subject = {"reference": reference, **({"type": kind} if kind else {})}
    assert len(reading.read(reading.prefetch(make_lab(subject=subject))).observations) == 1


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": {"system": "urn:mrn", "value": "1"}},
        {"type": "Patient", "identifier": {"system": "urn:mrn", "value": "1"}, "display": "A B"},
        {"reference": ""},
        {"reference": None},
        {"reference": 7},
        {"reference": ["Patient/pat-1"]},
        {"reference": {"reference": "Patient/pat-1"}},
        {"type": "Group", "reference": "Patient/pat-1"},
        {"type": 7, "reference": "Patient/pat-1"},
        {},
        [],
        None,
        "Patient/pat-1",
        7,
    ],
)
def test_who_names_nobody_that_can_be_checked_is_set_aside(subject: object, reading: Any, make_lab: Make) -> None:
    """An identifier, a name or a contradiction is no proof; the rest of the record stands."""
    record = reading.read(reading.prefetch(make_lab("odd", subject=subject), make_lab("good")))
    assert [fact.reference for fact in record.observations] == ["Observation/good"]
    assert [(row.reference, row.reason) for row in record.set_aside] == [("Observation/odd", SetAsideReason.MALFORMED)]


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Coverage", "beneficiary": OTHER},
        {"resourceType": "Task", "for": OTHER},
        {"resourceType": "AllergyIntolerance", "patient": OTHER},
        {"resourceType": "Account", "subject": [{"reference": "Patient/pat-1"}, OTHER]},
        {"resourceType": "ResearchSubject", "individual": OTHER},
        {"resourceType": "EnrollmentRequest", "candidate": OTHER},
        {"resourceType": "Location", "subject": OTHER},
        {"resourceType": "NoSuchType", "subject": OTHER},
        {"resourceType": 7, "subject": OTHER},
        {"subject": OTHER},
        {"resourceType": "OperationOutcome", "subject": OTHER},
        {"resourceType": "Patient", "id": "pat-2"},
        {"resourceType": "Patient"},
        {"resourceType": "Patient", "id": ["pat-1"]},
        {"resourceType": "Patient", "id": "pat-1", "subject": OTHER},
        {"resourceType": "Practitioner", "contained": [{"resourceType": "Observation", "subject": OTHER}]},
        {"resourceType": "Practitioner", "contained": {"resourceType": "Coverage", "beneficiary": OTHER}},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Condition", "subject": OTHER}}]},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "pat-2"}}]},
        {"resourceType": "Parameters", "parameter": [{"name": "x", "resource": STRANGER}]},
        {"resourceType": "Parameters", "parameter": [{"part": [{"part": [{"resource": STRANGER}]}]}]},
        {"resourceType": "Parameters", "parameter": [{"resource": {"resourceType": "Coverage", "beneficiary": OTHER}}]},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Parameters", "parameter": [STRANGER]}}]},
        {"resourceType": "parameters", "parameter": [{"resource": STRANGER}]},
        {"resourceType": ["Condition"], "around": [{"it": STRANGER}]},
        {"resourceType": "Parameters", "parameter": [{"resource": {"resourceType": "Patient", "subject": OTHER}}]},
        {"resourceType": "Parameters", "parameter": [{"resource": {"resourceType": "Patient", "id": ["pat-1"]}}]},
        {"resourceType": "Appointment", "participant": [{"actor": {"reference": "Practitioner/7"}}, {"actor": OTHER}]},
        {"resourceType": "Appointment", "participant": [{"actor": OTHER}, {"actor": {"reference": "Patient/pat-3"}}]},
        {"resourceType": "Appointment", "subject": OTHER, "participant": [{"actor": {"reference": "Patient/pat-1"}}]},
        *(
            {"resourceType": "Appointment", "participant": [{"actor": {"reference": f"{BASE}/{path}"}}]}
            for path in (
                "Patient/pat-2",
                "Patient/pat-2/_history/1",
                "Patient/pat-2/",
                "Patient/pat-2#x",
                "patient//pat-2",
            )
        ),
        {"resourceType": "Appointment", "participant": [{"actor": {"reference": "patient?identifier=mrn|1"}}]},
        {"resourceType": "Appointment", "participant": [{"actor": {"reference": URN, "type": "Patient"}}]},
        {"resourceType": "AppointmentResponse", "actor": OTHER},
        {"resourceType": "Practitioner", "contained": [{"resourceType": "AppointmentResponse", "actor": OTHER}]},
    ],
)
@pytest.mark.parametrize("where", ["beside", "instead", "unasked", "unasked in a bundle", "read"])
def test_another_patient_stops_the_call_wherever_it_stands(
    where: str, resource: dict[str, Any], reading: Any, ehr: Any, make_lab: Make, make_bundle: Make
) -> None:
    """In types that no model uses, in contained resources and inner bundles, under keys that nobody asked for."""
    prefetch = reading.prefetch(make_lab())
    access = None
    if where == "beside":
        prefetch["labs"]["entry"].append({"resource": resource})
    elif where == "instead":
        is_resource = isinstance(resource.get("resourceType"), str)
        prefetch["labs"] = resource if is_resource else make_bundle(resource)
    elif where == "read":
        del prefetch["labs"]
        ehr.json("Observation", make_bundle(make_lab(), resource))
        access = FhirAccess(ehr.base, "tok", ("patient/*.rs",))
    else:
        prefetch["more"] = resource if where == "unasked" else make_bundle(resource)
    with pytest.raises(WrongPatient):
        reading.read(prefetch, access, ehr.base)


@pytest.mark.parametrize("more", [None, 7, "x", [], {}, {"resourceType": "Bundle", "entry": 7}, [{"subject": OTHER}]])
def test_what_nobody_asked_for_may_have_any_shape(more: object, reading: Any, make_lab: Make) -> None:
    """A tolerant reader: it is looked at for another patient, and for nothing else."""
    assert len(reading.read(reading.prefetch(make_lab(), more=more)).observations) == 1


@pytest.mark.parametrize(
    "more",
    [
        [STRANGER],
        [[{"resourceType": "Condition", "subject": OTHER}]],
        {"x": STRANGER},
        {"x": {"y": [7, {"z": STRANGER}]}},
        {"x": {"resourceType": "Bundle", "entry": [{"resource": STRANGER}]}},
        [{"resourceType": "Parameters", "parameter": [{"resource": STRANGER}]}],
    ],
)
def test_another_patient_is_found_around_what_is_a_resource(more: object, reading: Any, make_lab: Make) -> None:
    """Under a key that nobody asked for, in lists and in objects that are no resources."""
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(make_lab(), more=more))


def test_who_else_takes_part_in_an_appointment_is_no_other_patient(reading: Any, make_lab: Make) -> None:
    """The patient of the call, and people and places that are nobody's patient."""
    under_patient = "https://api.vendor.com/patient/r4/Practitioner/7", "https://x.test/Patient/r4/metadata/Location/1"
    names = ("Patient/pat-1", f"{BASE}/Patient/pat-1", "Practitioner/7", "https://patient.test/fhir/Location/1", "", 7)
    names = (*names, *under_patient)
    rows: list[object] = [{"actor": {"reference": name}} for name in names]
    rows += [7, {}, {"actor": 7}, {"actor": {"display": "A", "type": "Patient"}}]
    more = {"resourceType": "Appointment", "participant": rows}
    odd = {"resourceType": "Appointment", "participant": 7}
    assert len(reading.read(reading.prefetch(make_lab(), more=[more, odd])).observations) == 1


def test_several_patients_may_take_part_in_one_appointment(reading: Any, make_lab: Make) -> None:
    """Mother and newborn, or a group: it names the patient of the call, and is no record of the others.

    Once any other patient stopped the call, so that a mother who came with her child got no answer at all. One with
    nothing but other patients still does: that appointment is somebody else's.
    """
    rows = [{"actor": OTHER}, {"actor": {"reference": "Patient/pat-1"}}, {"actor": {"reference": "Practitioner/7"}}]
    visit = {"resourceType": "Appointment", "participant": rows}
    around = {"resourceType": "Practitioner", "contained": [visit]}
    by_local_name = [{"actor": OTHER}, {"actor": {"reference": URN}}]
    named = entries((URN, {"resourceType": "Patient", "id": "pat-1"}), ("", {**visit, "participant": by_local_name}))
    assert len(reading.read(reading.prefetch(make_lab(), more=[visit, around], last=named)).observations) == 1


def test_a_patient_without_an_id_in_parameters_is_nobody(reading: Any, make_lab: Make) -> None:
    """The input of `$match` describes somebody who is looked for; elsewhere a Patient without an id stops the call."""
    searched = {"resourceType": "Patient", "name": [{"family": "Doe"}]}
    match = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": searched}]}
    deeper = {"resourceType": "Parameters", "parameter": [{"part": [{"resource": {**searched, "id": None}}]}]}
    assert len(reading.read(reading.prefetch(make_lab(), more=[match, deeper])).observations) == 1
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(make_lab(), more=[searched]))


def test_what_stands_around_resources_is_looked_through_in_time() -> None:
    """As much as a body may hold (4 MB) of nothing but lists and objects."""
    nested: list[object] = [{"x": [{"y": {}}, []]} for _ in range(120_000)]
    begun = time.process_time()
    assert list(rows_of([*nested, STRANGER])) == [("", STRANGER)]
    assert time.process_time() - begun < 5  # measured: 0.3 s


def test_a_contained_resource_may_name_what_is_contained_beside_it(reading: Any, make_lab: Make) -> None:
    """`#x` is a name within the resource."""
    contained = [{"resourceType": "Specimen", "id": "s", "subject": {"reference": "#x"}}]
    contained.append({"resourceType": "Specimen", "id": "t", "subject": {"reference": "Patient/pat-1"}})
    assert len(reading.read(reading.prefetch(make_lab(contained=contained))).observations) == 1


def test_a_contained_resource_may_name_the_patient_by_its_local_name(reading: Any, make_lab: Make) -> None:
    """As the resource around it may."""
    patient = {"resourceType": "Patient", "id": "pat-1"}
    contained = [{"resourceType": "Specimen", "id": "s", "subject": {"reference": URN}}]
    lab = make_lab(contained=contained, subject={"reference": URN})
    assert len(reading.read(reading.prefetch(labs=entries((URN, patient), ("", lab)))).observations) == 1


def test_another_patient_is_found_before_anything_is_said_to_be_missing(
    reading: Any, ehr: Any, make_lab: Make, make_bundle: Make
) -> None:
    """And before any server is called."""
    prefetch = reading.lacking("patient", "stays") | {"labs": make_bundle(make_lab(subject=OTHER))}
    with pytest.raises(WrongPatient):
        reading.read(prefetch)
    with pytest.raises(WrongPatient):
        reading.read(prefetch, FhirAccess(ehr.base, "tok", ("patient/*.rs",)), ehr.base)
    assert ehr.seen == []
    with pytest.raises(DataUnavailable):
        reading.read(reading.lacking("patient"))


def test_ids_are_unique_within_one_server_only(reading: Any, make_lab: Make) -> None:
    """`Patient/pat-1` below another server's fullUrl is another patient: entries of two servers stop the call."""
    mixed = entries((f"{BASE}/Observation/a", make_lab("a")), ("https://evil.test/fhir/Observation/b", make_lab("b")))
    with pytest.raises(WrongPatient, match="more than one FHIR server"):
        reading.read(reading.prefetch(labs=mixed))
    inner = "http://10.0.0.1:8080/fhir"  # a server behind a proxy that does not know its public name
    alone = entries((f"{inner}/Observation/a", make_lab("a")), (f"{inner}/Observation/b/_history/2", make_lab("b")))
    assert len(reading.read(reading.prefetch(labs=alone)).observations) == 2
    with pytest.raises(WrongPatient, match="more than one FHIR server"):
        reading.read(reading.prefetch(labs=alone, more=entries((f"{BASE}/Observation/c", make_lab("c")))))


@pytest.mark.parametrize("url", ["HTTPS://evil.test/fhir/Observation/b", "http://ehr.test/fhir/Observation/b"])
def test_a_server_is_told_by_the_whole_of_its_url(url: str, reading: Any, make_lab: Make) -> None:
    """Scheme and case included."""
    mixed = entries((f"{BASE}/Observation/a", make_lab("a")), (url, make_lab("b")))
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(labs=mixed))


def test_resources_that_name_no_patient_may_stand_anywhere(reading: Any, make_lab: Make) -> None:
    """A practitioner from another server is nobody's data."""
    practitioner = {"resourceType": "Practitioner", "id": "p"}
    mixed = entries((f"{BASE}/Observation/a", make_lab("a")), ("https://staff.test/fhir/Practitioner/p", practitioner))
    assert len(reading.read(reading.prefetch(labs=mixed)).observations) == 1


URLS = st.lists(
    st.sampled_from(["http:", "https:", "HTTPS:", "", "a", "b", "Patient", "_history", "1", "urn:uuid:1"]),
    min_size=1,
    max_size=8,
).map("/".join)


def servers(urls: list[str]) -> set[str]:
    """The FHIR bases of web addresses, with the version cut off."""
    web = [url for url in urls if url[:8].lower().startswith(("http://", "https://"))]
    return {url.partition("/_history/")[0].rsplit("/", 2)[0] for url in web}


@given(st.lists(URLS | URLS.map("https://a/".__add__) | URLS.map("http:/".__add__), max_size=4))
def test_the_server_of_each_url_is_found_in_whatever_way_it_is_written(urls: list[str]) -> None:
    """Versions, empty steps and other schemes: a call goes on as long as all stand under one base."""
    guard = PatientGuard("pat-1", BASE)
    resource = {"resourceType": "Observation", "subject": {"reference": "Patient/pat-1"}}
    for count, url in enumerate(urls, 1):
        if len(servers(urls[:count])) > 1:
            with pytest.raises(WrongPatient, match="more than one FHIR server"):
                guard.check(resource, full_url=url)
            return
        assert guard.check(resource, full_url=url)
