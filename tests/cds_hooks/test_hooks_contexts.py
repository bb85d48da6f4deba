"""The context of each hook: what it must hold, what it may hold, and whose it is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.context import Context, Fields
from cds_hooks.context_resources import check_patient
from cds_hooks.services import known_hooks
from cds_hooks.templates import faults_in_template
from clinical.errors import ChartsideError, MalformedRequest, Unprocessable, WrongPatient

HOOKS = known_hooks()
BASE = "https://ehr.test/fhir"
PERSON = {"userId": "Practitioner/dr-1", "patientId": "pat-1", "encounterId": "enc-1"}


def about(kind: str, name: str = "x", member: str = "subject", **members: Any) -> dict[str, Any]:
    """A resource about the patient."""
    return {"resourceType": kind, "id": name, member: {"reference": "Patient/pat-1"}, **members}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    """A Bundle of resources."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}


APPOINTMENT = {
    "resourceType": "Appointment",
    "participant": [{"actor": {"reference": "Patient/pat-1"}}, {"actor": {"reference": "Practitioner/dr-1"}}],
}
TASK = about("Task", member="for", focus={"reference": "ServiceRequest/s"})
# The least that each hook requires.
LEAST: dict[str, dict[str, Any]] = {
    "patient-view": {"userId": "Practitioner/dr-1", "patientId": "pat-1"},
    "encounter-start": PERSON,
    "encounter-discharge": PERSON,
    "order-sign": {
        "userId": "PractitionerRole/r",
        "patientId": "pat-1",
        "draftOrders": bundle(about("ServiceRequest")),
    },
    "order-select": {
        "userId": "Practitioner/dr-1",
        "patientId": "pat-1",
        "selections": ["MedicationRequest/m"],
        "draftOrders": bundle(about("MedicationRequest", "m"), about("NutritionOrder", "n", "patient")),
    },
    "appointment-book": {"userId": "Patient/pat-1", "patientId": "pat-1", "appointments": bundle(APPOINTMENT)},
    "order-dispatch": {
        "patientId": "pat-1",
        "dispatchedOrders": ["ServiceRequest/s", "ServiceRequest/t"],
        "performer": "Organization/o",
    },
    "allergyintolerance-create": {
        "userId": "Practitioner/dr-1",
        "patientId": "pat-1",
        "allergyIntolerance": about("AllergyIntolerance", member="patient"),
    },
    "medication-refill": {"patientId": "pat-1", "medications": bundle(about("MedicationRequest"))},
    "problem-list-item-create": {
        "userId": "Practitioner/dr-1",
        "patientId": "pat-1",
        "conditions": bundle(about("Condition")),
    },
}


def read(hook: str, context: object, base: str = BASE) -> Context:
    """What the envelope does with a context."""
    found = HOOKS[hook].read(Fields(context))
    check_patient(found.resources, found.patient_id, base)
    return found


@pytest.mark.conforms(16, 107)
def test_the_hooks_are_those_of_the_table() -> None:
    """Ten files, ten hooks, with the versions of the library."""
    assert set(HOOKS) == set(LEAST)
    versions = {name: hook.version for name, hook in HOOKS.items()}
    assert versions["order-dispatch"] == "1.1"
    assert versions["medication-refill"] == versions["problem-list-item-create"] == "0.1.0"
    assert versions["patient-view"] == versions["order-sign"] == "1.0"


@pytest.mark.conforms(33, 107)
@pytest.mark.parametrize("hook", LEAST)
def test_the_least_is_enough(hook: str) -> None:
    """Required members alone, without a deviation; members that nobody knows change nothing."""
    for context in (LEAST[hook], {**LEAST[hook], "org.example.extra": 7, "extension": {}}):
        found = read(hook, context)
        assert found.patient_id == "pat-1"
        assert found.user == context.get("userId", "")
        assert found.deviations == ()


@pytest.mark.conforms(28, 107)
@pytest.mark.parametrize(("hook", "member"), [(hook, member) for hook, least in LEAST.items() for member in least])
@pytest.mark.parametrize("value", ["absent", None, 7, True, "", [], {}, "a b/c", ["x"], {"resourceType": "Basic"}])
def test_a_required_member_cannot_be_guessed(hook: str, member: str, value: object) -> None:
    """Absent, null, empty and mistyped are refused, and the fault names the member."""
    if (hook, member) == ("medication-refill", "userId"):
        return
    context = {name: v for name, v in LEAST[hook].items() if name != member}
    with pytest.raises(MalformedRequest, match=rf"context\.{member}"):
        read(hook, context if value == "absent" else {**context, member: value})


@pytest.mark.parametrize("hook", [name for name in LEAST if name not in ("order-dispatch",)])
def test_the_encounter_is_read(hook: str) -> None:
    """Where it is optional, null counts as absent and is noted."""
    assert read(hook, {**LEAST[hook], "encounterId": "enc-9"}).encounter_id == "enc-9"
    with pytest.raises(MalformedRequest, match="encounterId"):
        read(hook, {**LEAST[hook], "encounterId": ".."})
    if not HOOKS[hook].encounter_always_known:
        found = read(hook, {**LEAST[hook], "encounterId": None})
        assert (found.encounter_id, found.deviations) == (None, ("null for encounterId",))


def test_a_refill_may_have_a_user() -> None:
    """Optional there; no other hook goes without, but order-dispatch, which knows no user."""
    assert (
        read("medication-refill", {**LEAST["medication-refill"], "userId": "Practitioner/7"}).user == "Practitioner/7"
    )
    assert read("medication-refill", {**LEAST["medication-refill"], "userId": None}).user == ""
    with pytest.raises(MalformedRequest):
        read("medication-refill", {**LEAST["medication-refill"], "userId": "Device/7"})
    assert read("order-dispatch", {**LEAST["order-dispatch"], "userId": "Practitioner/7"}).user == ""


@pytest.mark.conforms(107, 108)
@pytest.mark.parametrize("hook", [name for name, least in LEAST.items() if "userId" in least])
def test_who_a_user_may_be(hook: str) -> None:
    """Four types are people; a patient where the hook expects clinicians is noted; a device is refused."""
    lay = read(hook, {**LEAST[hook], "userId": "Patient/pat-1"})
    expected = hook in ("patient-view", "appointment-book")
    assert bool(lay.deviations) != expected
    for wrong in ("Device/1", "Group/1", "practitioner/1", "Practitioner/", "Practitioner/a/b", "Practitioner/ü"):
        with pytest.raises(MalformedRequest):
            read(hook, {**LEAST[hook], "userId": wrong})


def test_a_patient_id_with_its_type_is_taken_and_noted() -> None:
    """A known habit of some clients."""
    found = read("patient-view", {"userId": "Practitioner/1", "patientId": "Patient/pat-1"})
    assert (found.patient_id, found.deviations) == ("pat-1", ("patientId with its resource type",))


@pytest.mark.conforms(107)
def test_selections_name_draft_orders() -> None:
    """Each of them; by id or by the entry's fullUrl; at least one."""
    drafts = deepcopy(LEAST["order-select"])
    drafts["selections"] = ["MedicationRequest/m", "NutritionOrder/n"]
    assert len(read("order-select", drafts).resources) == 2
    drafts["draftOrders"]["entry"][0]["fullUrl"] = "MedicationRequest/other"
    drafts["selections"] = ["MedicationRequest/other"]
    assert read("order-select", drafts)
    for wrong in (["MedicationRequest/z"], ["MedicationRequest/m", "NutritionOrder/m"], ["ServiceRequest/m"]):
        with pytest.raises(Unprocessable):
            read("order-select", {**drafts, "selections": wrong})
    for malformed in ([], "MedicationRequest/m", ["m"], [None], [["MedicationRequest/m"]]):
        with pytest.raises(MalformedRequest):
            read("order-select", {**drafts, "selections": malformed})


@pytest.mark.conforms(107)
@pytest.mark.parametrize(
    ("hook", "member", "wrong"),
    [
        ("appointment-book", "appointments", "Slot"),
        ("medication-refill", "medications", "ServiceRequest"),
        ("problem-list-item-create", "conditions", "Observation"),
        ("allergyintolerance-create", "allergyIntolerance", "Condition"),
    ],
)
def test_only_what_the_hook_is_about(hook: str, member: str, wrong: str) -> None:
    """Where a definition names the resource type, another one is refused and the type that is meant is named."""
    with pytest.raises(MalformedRequest, match="only"):
        read(hook, {**LEAST[hook], member: bundle(about(wrong))})


def test_orders_may_be_of_any_type() -> None:
    """The hook library's list of order types is not a closed one; what is no resource is refused all the same."""
    for kind in (
        "MedicationRequest",
        "DeviceRequest",
        "VisionPrescription",
        "ProcedureRequest",
        "CommunicationRequest",
    ):
        assert read("order-sign", {**LEAST["order-sign"], "draftOrders": bundle(about(kind))})
    for entry in (7, None, {}, {"resource": None}, {"resource": {}}, {"resource": {"resourceType": 7}}):
        broken = {"resourceType": "Bundle", "entry": [entry]}
        with pytest.raises(MalformedRequest):
            read("order-sign", {**LEAST["order-sign"], "draftOrders": broken})


@pytest.mark.parametrize("entry", [{"x": 1}, "x", 7])
def test_the_entries_of_a_bundle_are_a_list(entry: object) -> None:
    """No entry is an empty Bundle, another type is refused."""
    assert read("order-sign", {**LEAST["order-sign"], "draftOrders": {"resourceType": "Bundle"}}).resources == ()
    with pytest.raises(MalformedRequest):
        read("order-sign", {**LEAST["order-sign"], "draftOrders": {"resourceType": "Bundle", "entry": entry}})


def test_lists_are_bounded() -> None:
    """Five hundred, and no more."""
    order = {"resource": about("ServiceRequest")}
    many = {"resourceType": "Bundle", "entry": [order] * 500}
    assert len(read("order-sign", {**LEAST["order-sign"], "draftOrders": many}).resources) == 500
    with pytest.raises(MalformedRequest):
        read("order-sign", {**LEAST["order-sign"], "draftOrders": {**many, "entry": [order] * 501}})
    with pytest.raises(MalformedRequest):
        read("order-dispatch", {**LEAST["order-dispatch"], "dispatchedOrders": ["ServiceRequest/s"] * 501})


@pytest.mark.conforms(107)
@pytest.mark.parametrize(
    ("members", "noted"),
    [
        ({"dispatchedOrders": ["ServiceRequest/s"], "fulfillmentTasks": [TASK]}, False),
        ({"dispatched-orders": ["ServiceRequest/s"], "fulfillment-tasks": [TASK]}, True),
        ({"order": "ServiceRequest/s", "task": TASK}, True),
        ({"order": "ServiceRequest/s"}, True),
        ({"dispatchedOrders": ["ServiceRequest/s"], "fulfillmentTasks": None}, False),
        ({"dispatchedOrders": ["ServiceRequest/s"], "fulfillmentTasks": [{**TASK, "focus": {}, "basedOn": [{
            "reference": "https://ehr.test/fhir/ServiceRequest/s/_history/1"}]}]}, False),
    ],
)  # fmt: skip
def test_the_field_sets_of_order_dispatch(members: dict[str, Any], noted: bool) -> None:
    """1.1, 1.1 as its published example spells it, and 1.0; which one was sent is noted."""
    found = read("order-dispatch", {"patientId": "pat-1", "performer": "Organization/o", **members})
    assert bool(found.deviations) == noted
    assert len(found.resources) == any(members.get(name) for name in ("fulfillmentTasks", "fulfillment-tasks", "task"))


@pytest.mark.conforms(107)
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"performer": "Dr Smith"}, MalformedRequest),
        ({"dispatchedOrders": []}, MalformedRequest),
        ({"dispatchedOrders": ["s"]}, MalformedRequest),
        ({"dispatchedOrders": None, "order": ["ServiceRequest/s"]}, MalformedRequest),
        ({"fulfillmentTasks": TASK}, MalformedRequest),
        ({"fulfillment-tasks": TASK}, MalformedRequest),
        ({"task": [TASK]}, MalformedRequest),
        ({"order": ["ServiceRequest/s"]}, MalformedRequest),
        ({"dispatched-orders": "ServiceRequest/s"}, MalformedRequest),
        ({"fulfillmentTasks": [], "task": {**TASK, "for": {"reference": "Patient/other"}}}, WrongPatient),
        ({"fulfillmentTasks": [about("ServiceRequest")]}, MalformedRequest),
        ({"fulfillmentTasks": [{**TASK, "focus": {"reference": "ServiceRequest/z"}}]}, Unprocessable),
        ({"fulfillmentTasks": [{**TASK, "focus": None}]}, Unprocessable),
        ({"fulfillmentTasks": [{**TASK, "for": {"reference": "Patient/other"}}]}, WrongPatient),
    ],
)
def test_order_dispatch_refuses(changes: dict[str, Any], fault: type[Exception]) -> None:
    """Every task is for one of the orders, and for the patient."""
    with pytest.raises(fault):
        read("order-dispatch", {**LEAST["order-dispatch"], **changes})


@pytest.mark.conforms(107)
def test_forms_of_the_published_examples_are_taken_and_noted() -> None:
    """A list of appointments; an allergy that is wrapped, in a Bundle, or under its older name."""
    appointments = {**LEAST["appointment-book"], "appointments": [APPOINTMENT, APPOINTMENT]}
    assert read("appointment-book", appointments).deviations == ("appointments as a list",)
    person, allergy = PERSON, about("AllergyIntolerance", member="patient")
    for members in (
        {"allergyIntolerance": {"resource": allergy}},
        {"allergyIntolerance": bundle(allergy)},
        {"allergyIntolerances": bundle(allergy)},
    ):
        found = read("allergyintolerance-create", {**person, **members})
        assert found.deviations
        assert [entry.type for entry in found.resources] == ["AllergyIntolerance"]


# How a draft order may name the patient of the call, "Patient/pat-1" at https://ehr.test/fhir.
OWN = [
    "Patient/pat-1",
    "pat-1",
    "Patient/pat-1/_history/3",
    "https://ehr.test/fhir/Patient/pat-1",
    "https://ehr.test/fhir/Patient/pat-1/_history/3",
]
ANOTHER = [
    "Patient/pat-2",
    "Patient/pat-12",
    "Patient/PAT-1",
    "pat-2",
    "https://ehr.test/fhir/Patient/pat-2",
    "https://other.test/fhir/Patient/pat-1",
    "https://ehr.test/fhir/other/Patient/pat-1",
    "http://ehr.test/fhir/Patient/pat-1",
    "urn:uuid:0c3d2f9a-3b8e-4f0e-9d0b-5f6f0b2c1d11",
    "#pat-1",
]


@pytest.mark.parametrize("reference", OWN)
@pytest.mark.parametrize("member", ["subject", "patient", "for"])
def test_resources_about_the_patient(reference: str, member: str) -> None:
    """In each spelling that is beyond doubt."""
    order = {"resourceType": "ServiceRequest", member: {"reference": reference}}
    assert read("order-sign", {**LEAST["order-sign"], "draftOrders": bundle(order)})


@pytest.mark.parametrize("reference", ANOTHER)
@pytest.mark.parametrize("member", ["subject", "patient", "for"])
def test_a_resource_about_somebody_else_stops_the_call(reference: str, member: str) -> None:
    """Also in the second entry, and where nobody can tell whose it is; the fault does not say who."""
    order = {"resourceType": "ServiceRequest", member: {"reference": reference}}
    context = {**LEAST["order-sign"], "draftOrders": bundle(about("ServiceRequest"), order)}
    with pytest.raises(WrongPatient) as fault:
        read("order-sign", context)
    assert "pat-" not in fault.value.message


@pytest.mark.parametrize("hook", ["appointment-book", "medication-refill", "problem-list-item-create",
                                  "allergyintolerance-create", "order-select"])  # fmt: skip
def test_the_guard_stands_at_every_hook(hook: str) -> None:
    """Orders, appointments, medications, allergies and conditions alike."""
    context = deepcopy(LEAST[hook])
    text = repr(context).replace("'reference': 'Patient/pat-1'", "'reference': 'Patient/pat-2'")
    with pytest.raises(WrongPatient):
        read(hook, eval(text))


def test_who_is_no_patient_is_let_be() -> None:
    """A group, a device or a practitioner as subject; an identifier without a reference; a group of actors."""
    for subject in ({"reference": "Group/1"}, {"reference": "Device/1"}, {"identifier": {"value": "x"}}, {}, None):
        order = {"resourceType": "ServiceRequest", "subject": subject}
        assert read("order-sign", {**LEAST["order-sign"], "draftOrders": bundle(order)})
    for participant in (
        [{"actor": {"reference": "Location/1"}}],
        [7],
        [{}],
        "x",
        [{"actor": {"reference": "urn:uuid:1"}}],
    ):
        visit = {"resourceType": "Appointment", "participant": participant}
        assert read("appointment-book", {**LEAST["appointment-book"], "appointments": bundle(visit)})


def test_a_bundle_may_bring_its_patient() -> None:
    """Under a local name that orders use; as another one, or under another one's URL, it stops the call."""
    local = "urn:uuid:0c3d2f9a-3b8e-4f0e-9d0b-5f6f0b2c1d11"
    group = "urn:uuid:0c3d2f9a-3b8e-4f0e-9d0b-5f6f0b2c1d12"
    order = {"resourceType": "ServiceRequest", "subject": {"reference": local}}

    def sign(patient: dict[str, Any], url: str) -> Context:
        rows = [{"fullUrl": url, "resource": patient}, {"resource": order}]
        rows.append({"fullUrl": group, "resource": {"resourceType": "Group"}})
        rows.append({"resource": {"resourceType": "ServiceRequest", "subject": {"reference": group}}})
        return read("order-sign", {**LEAST["order-sign"], "draftOrders": {"resourceType": "Bundle", "entry": rows}})

    own = {"resourceType": "Patient", "id": "pat-1"}
    assert sign(own, local)
    with pytest.raises(WrongPatient):
        sign({**own, "id": "pat-2"}, local)
    with pytest.raises(WrongPatient):
        sign(own, "https://other.test/fhir/Patient/pat-1")
    with pytest.raises(WrongPatient):
        sign(own, "Patient/pat-2")
    with pytest.raises(WrongPatient):
        sign({"resourceType": "Basic"}, "Patient/pat-2")


def test_without_a_server_only_the_id_counts() -> None:
    """A call that names no FHIR server gives nothing to compare an absolute URL with."""
    order = {"resourceType": "ServiceRequest", "subject": {"reference": "https://any.test/Patient/pat-1"}}
    assert read("order-sign", {**LEAST["order-sign"], "draftOrders": bundle(order)}, base="")
    order["subject"] = {"reference": "https://any.test/Patient/pat-2"}
    with pytest.raises(WrongPatient):
        read("order-sign", {**LEAST["order-sign"], "draftOrders": bundle(order)}, base="")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["Patient/pat-1", "Bundle"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceType", "resource", "entry", "subject", "reference", "actor", "participant", "id", "type"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("hook", LEAST)
@given(values=st.lists(JSON, min_size=8, max_size=8))
def test_whatever_stands_in_a_context(hook: str, values: list[object]) -> None:
    """A context is read or refused by one of our own errors, never by a crash."""
    names = list(LEAST[hook])
    for name, value in zip(names, values, strict=False):
        try:
            read(hook, {**LEAST[hook], name: value})
        except ChartsideError:
            continue


@pytest.mark.conforms(20, 21, 22, 23, 24)
@pytest.mark.parametrize(
    ("template", "hook", "word"),
    [
        ("Patient/{{context.patientId}}", "patient-view", ""),
        ("Encounter/{{context.encounterId}}", "encounter-start", ""),
        ("{{context.userId}}", "patient-view", ""),
        ("{{context.performer}}", "order-dispatch", ""),
        ("Observation?patient={{context.patientId}}&code=http://loinc.org|1&_sort=-date&_count=50", "order-sign", ""),
        ("Observation?patient={{context.patientId}}&code:in=http://x.test/s&date=ge2026-01&_count=9", "order-sign", ""),
        ("PractitionerRole?_id={{userPractitionerRoleId}}&_count=1", "patient-view", ""),
        ("PractitionerRole?_id={{userPractitionerRoleId}}&_count=1", "order-dispatch", "token"),
        ("https://ehr.test/fhir/Patient/{{context.patientId}}", "patient-view", "relative"),
        ("/Patient/{{context.patientId}}", "patient-view", "relative"),
        ("Patient/{{context.patientId}}/$everything", "patient-view", "relative"),
        ("Patient?_id={{Patient.id}}&_count=1", "patient-view", "token"),
        ("Encounter/{{context.encounterId}}", "order-dispatch", "token"),
        ("ServiceRequest?_id={{context.draftOrders.ServiceRequest.id}}&_count=1", "order-sign", "token"),
        ("ServiceRequest?_id={{context.selections}}&_count=1", "order-select", "token"),
        ("Observation?patient={{context.patientId}}&date=ge{{today() - 90 days}}&_count=9", "patient-view", "token"),
        ("Patient/{context.patientId}", "patient-view", "brace"),
        ("Patient/{{context.patientId}}}", "patient-view", "brace"),
        ("Observation?patient={{context.patientId}}", "patient-view", "_count"),
        ("Observation?patient={{context.patientId}}&_count=0", "patient-view", "positive"),
        ("Observation?patient={{context.patientId}}&_count=9&_include=Observation:subject", "patient-view", "widely"),
        ("Observation?patient={{context.patientId}}&code:text=x&_count=9", "patient-view", "modifier"),
        ("Observation?patient.name=x&_count=9", "patient-view", "chained"),
        ("Observation?patient={{context.patientId}}&&_count=9", "patient-view", "malformed"),
        ("Observation?patient={{context.patientId}}&date=ne2026-01-01&_count=9", "patient-view", "prefix"),
        ("Observation?patient={{context.patientId}}&_sort=--date&_count=9", "patient-view", "_sort"),
        ("Observation?patient={{context.patientId}}&code=4548-4&_count=1&sort:desc=date", "patient-view", "modifier"),
        ("", "patient-view", "neither"),
    ],
)  # fmt: skip
def test_prefetch_templates(template: str, hook: str, word: str) -> None:
    """What the specification requires of a template, and what it recommends."""
    faults = faults_in_template(template, HOOKS[hook])
    assert bool(faults) == bool(word)
    assert word in " ".join(faults)
