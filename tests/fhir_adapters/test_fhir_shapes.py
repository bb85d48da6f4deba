"""Remembered verdicts equal those of the validator itself, for whatever stands at whatever place of a resource."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_adapters import resources
from fhir_adapters.resources import TYPES, Validator, fault_in
from fhir_adapters.shapes import Seen, shape_of

WHEN = "2026-03-02T07:30:00+01:00"
META = {"versionId": "3", "lastUpdated": WHEN, "profile": ["http://hl7.org/fhir/StructureDefinition/vitalsigns"]}
TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">text</div>'}
POINTER = {"reference": "Practitioner/7", "display": "Nurse Müller"}
PERIOD = {"start": WHEN, "end": WHEN}
QUANTITY = {"value": 4.1, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}
CODE = {"coding": [{"system": "http://loinc.org", "code": "2524-7", "display": "Lactate"}], "text": "Lactate"}
ROLE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/x", "code": "x", "display": "X"}], "text": "x"}
NOTE = {"text": "a note", "time": WHEN}
DOSAGE = {
    "sequence": 1,
    "text": "daily",
    "patientInstruction": "with water",
    "timing": {"repeat": {"boundsPeriod": PERIOD, "frequency": 1, "period": 1, "periodUnit": "d"}},
    "doseAndRate": [{"doseQuantity": QUANTITY, "rateQuantity": QUANTITY}],
}
IDENTIFIERS = [{"use": "usual", "system": "urn:oid:1.2.3", "value": "x-1"}]
NAME = {"use": "official", "text": "A B", "family": "B", "given": ["A", "C"], "prefix": ["Dr"], "suffix": ["MD"]}
TELECOM = [{"system": "phone", "value": "1"}]
ADDRESS = {"line": ["1 Road"], "city": "X", "district": "Y", "state": "Z", "postalCode": "1", "text": "1 Road, X"}
EVERY = {"id": "r1", "meta": META, "text": TEXT, "identifier": IDENTIFIERS}
WHOLE: dict[str, dict[str, Any]] = {
    "Observation": {
        "resourceType": "Observation",
        **EVERY,
        "status": "final",
        "code": CODE,
        "subject": {"reference": "Patient/pat-1"},
        "encounter": {"reference": "https://ehr.test/fhir/Encounter/e1"},
        "performer": [POINTER],
        "specimen": POINTER,
        "device": POINTER,
        "basedOn": [POINTER],
        "derivedFrom": [POINTER],
        "hasMember": [POINTER],
        "effectiveDateTime": WHEN,
        "issued": "2026-03-02T07:30:00.123Z",
        "valueQuantity": QUANTITY,
        "note": [{"text": "a note", "time": WHEN}],
        "referenceRange": [{"low": QUANTITY, "high": QUANTITY, "text": "0 to 2"}],
        "component": [{"code": CODE, "valueQuantity": {**QUANTITY, "value": 120}}],
    },
    "Observation over a period": {
        "resourceType": "Observation",
        "status": "final",
        "code": CODE,
        "effectivePeriod": PERIOD,
        "valueInteger": 3,
    },
    "Observation at an instant": {
        "resourceType": "Observation",
        "status": "final",
        "code": CODE,
        "effectiveInstant": WHEN,
        "valueQuantity": QUANTITY,
    },
    "Encounter": {
        "resourceType": "Encounter",
        **EVERY,
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": POINTER,
        "period": PERIOD,
        "participant": [{"individual": POINTER, "period": PERIOD}],
        "location": [{"location": POINTER, "status": "active", "period": PERIOD}],
        "serviceProvider": POINTER,
        "partOf": POINTER,
        "basedOn": [POINTER],
        "diagnosis": [{"condition": POINTER, "use": ROLE, "rank": 1}],
        "reasonReference": [POINTER],
        "priority": ROLE,
        "hospitalization": {"admitSource": ROLE, "dischargeDisposition": ROLE},
    },
    "Observation with an answer": {
        "resourceType": "Observation",
        "status": "final",
        "code": CODE,
        "effectiveDateTime": WHEN,
        "valueCodeableConcept": ROLE,
        "component": [{"code": CODE, "valueBoolean": True}],
    },
    "Condition": {
        "resourceType": "Condition",
        **EVERY,
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate", "valueDateTime": WHEN}],
        "clinicalStatus": ROLE,
        "verificationStatus": ROLE,
        "category": [ROLE],
        "severity": ROLE,
        "code": CODE,
        "subject": POINTER,
        "encounter": POINTER,
        "onsetDateTime": "2026-03",
        "abatementPeriod": PERIOD,
        "recordedDate": "2026-03-02",
        "recorder": POINTER,
        "asserter": POINTER,
        "evidence": [{"detail": [POINTER]}],
        "note": [NOTE],
    },
    "Condition over a period": {
        "resourceType": "Condition",
        "subject": POINTER,
        "onsetPeriod": {"start": "2026", "end": "2026-03-02"},
        "abatementDateTime": WHEN,
    },
    "MedicationRequest": {
        "resourceType": "MedicationRequest",
        **EVERY,
        "status": "active",
        "intent": "order",
        "doNotPerform": False,
        "medicationCodeableConcept": CODE,
        "subject": POINTER,
        "encounter": POINTER,
        "supportingInformation": [POINTER],
        "authoredOn": WHEN,
        "requester": POINTER,
        "performer": POINTER,
        "recorder": POINTER,
        "reasonCode": [CODE],
        "reasonReference": [POINTER],
        "basedOn": [POINTER],
        "groupIdentifier": {"system": "urn:oid:1.2.3", "value": "x"},
        "insurance": [POINTER],
        "note": [NOTE],
        "dosageInstruction": [DOSAGE],
        "dispenseRequest": {"validityPeriod": PERIOD, "quantity": QUANTITY, "expectedSupplyDuration": QUANTITY},
        "priorPrescription": POINTER,
    },
    "MedicationRequest by reference": {
        "resourceType": "MedicationRequest",
        "contained": [{"resourceType": "Medication", "id": "m1", "code": CODE}],
        "status": "active",
        "intent": "order",
        "medicationReference": {"reference": "#m1", "display": "a medicine"},
        "subject": POINTER,
    },
    "MedicationStatement": {
        "resourceType": "MedicationStatement",
        **EVERY,
        "basedOn": [POINTER],
        "partOf": [POINTER],
        "status": "active",
        "medicationReference": POINTER,
        "subject": POINTER,
        "context": POINTER,
        "effectivePeriod": {"start": "2026-03", "end": WHEN},
        "dateAsserted": "2026-03-02",
        "informationSource": POINTER,
        "derivedFrom": [POINTER],
        "reasonCode": [CODE],
        "reasonReference": [POINTER],
        "note": [NOTE],
        "dosage": [DOSAGE],
    },
    "MedicationStatement by code": {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": CODE,
        "subject": POINTER,
        "effectiveDateTime": "2026",
    },
    "Medication": {
        "resourceType": "Medication",
        **EVERY,
        "code": CODE,
        "status": "active",
        "manufacturer": POINTER,
        "batch": {"lotNumber": "x", "expirationDate": "2027"},
    },
    "Procedure": {
        "resourceType": "Procedure",
        **EVERY,
        "basedOn": [POINTER],
        "partOf": [POINTER],
        "status": "completed",
        "code": CODE,
        "subject": POINTER,
        "encounter": POINTER,
        "performedPeriod": {"start": WHEN, "end": "2026-03-02"},
        "recorder": POINTER,
        "asserter": POINTER,
        "performer": [{"actor": POINTER, "onBehalfOf": POINTER}],
        "location": POINTER,
        "reasonCode": [CODE],
        "reasonReference": [POINTER],
        "report": [POINTER],
        "note": [NOTE],
    },
    "Procedure at a time": {
        "resourceType": "Procedure",
        "status": "completed",
        "subject": POINTER,
        "performedDateTime": "2026-03",
    },
    "Patient": {
        "resourceType": "Patient",
        **EVERY,
        "gender": "female",
        "birthDate": "1950-02-03",
        "deceasedDateTime": WHEN,
        "name": [NAME],
        "telecom": TELECOM,
        "address": [ADDRESS],
        "contact": [{"name": NAME, "telecom": TELECOM, "address": ADDRESS}],
        "generalPractitioner": [POINTER],
        "managingOrganization": POINTER,
    },
    "Location": {
        "resourceType": "Location",
        **EVERY,
        "name": "Medical ICU",
        "partOf": POINTER,
        "managingOrganization": POINTER,
        "address": ADDRESS,
    },
}
# Written anew, so that no two places share an object.
WHOLE = json.loads(json.dumps(WHOLE))
TIMES = """2026-03-02T07:30:00Z 2026-03-02T07:30:00.1234567Z 2026-03-02T07:30:00.1234567890Z 2026-02-30T07:30:00Z
2024-02-29T23:59:59-13:59 2023-02-29T00:00:00Z 2026-03-02T07:30:60Z 2026-03-02T24:00:00Z 2026-03-02T07:30:00
2026-03-02T07:30:00z 2026-03-02t07:30:00Z 2026-03-02T07:30Z 2026-03-02T07:30:00+14:00 2026-03-02T07:30:00+14:01
2026-03-02T07:30:00-24:00 0000-01-01T00:00:00Z 0001-01-01T00:00:00+14:00 9999-12-31T23:59:59-14:00 2026-13-01T00:00:00Z
2026-03-02 2026-02-30 2026-03 2026 0000 1950-02-03 20260302 2026-W10-1 1772436600""".split()  # noqa: SIM905
STRINGS = [*TIMES, "", " ", "\u00a0", "\x1c", "\n", "a\nb", "é", "\ud800", "x\udfffy", "\x00", "x" * 64, "x" * 65]
STRINGS += ["x" * 255, "x" * 256, "a_b", "1", "-", ".", "..", "Patient/1", "Patient/1\n", "/Patient/1", "Patient/a b"]
STRINGS += [
    "#p",
    "urn:uuid:8b7b7d9e-07bc-403b-8983-455635e3b63f",
    "https://e.test/fhir/Patient/1",
    "https:///Patient/1",
]
STRINGS += ["E11.9", "e 1", " e", "a/b", "+1", "-1", "2026-00", "2026-13", "2026-03-32", "2023-02-29", "999", "20260"]
STRINGS += ["final", "text", "NaN", "٣", "2026-03-0٣", "true", "null"]
NUMBERS = [0, 1, -1, 2**31, 2**63, 10**29, 10**30, 10**39, -(10**31), 0.0, -0.0, 1.0, 1e300, 5e-324]
NUMBERS += [float("nan"), float("inf"), float("-inf"), True, False]
SHAPES = [None, [], {}, [None], [{}], [[]], {"value": 1}, {"reference": "Patient/1"}, {"resourceType": "Patient"}]
SHAPES += [{"extension": [{"url": "http://x", "valueString": "y"}]}]
POOL = [*STRINGS, *NUMBERS, *SHAPES]
Path = tuple[str | int, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a resource, objects and lists included."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*path, step)
        yield from places(inner, (*path, step))


def changed(resource: Any, path: Path, value: Any) -> Any:
    """A copy with another value at a place. It shares what does not lead there, which nobody changes."""
    step, *rest = path
    result = copy.copy(resource)
    result[step] = changed(result[step], tuple(rest), value) if rest else value
    return result


def same(one: Validator, resource: dict[str, Any]) -> bool:
    """Whether the remembered verdict is the validator's own. One that was given just now need not be asked twice."""
    asked: list[str | None] = []

    def ask(whole: Any) -> str | None:
        assert whole is resource
        asked.append(fault_in(whole))
        return asked[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "fault_in", ask)
        said = one.fault_in(resource)
    return said == (asked[0] if asked else fault_in(resource))


@pytest.fixture(scope="module")
def validator() -> Validator:
    """One memory for all tests here: the more it has seen, the more could collide."""
    return Validator()


@pytest.mark.parametrize("name", WHOLE)
def test_the_whole_resources_are_valid(name: str) -> None:
    """Else the tests below would prove nothing."""
    assert fault_in(WHOLE[name]) is None


@pytest.mark.parametrize("name", WHOLE)
def test_any_value_at_any_place_gets_the_validators_own_verdict(name: str, validator: Validator) -> None:
    """Each place of a resource that has them all, times each of a hundred values on the edge of what is valid."""
    validator.fault_in(WHOLE[name])
    wrong = [
        (path, value)
        for path in places(WHOLE[name])
        for value in POOL
        if not same(validator, changed(WHOLE[name], path, value))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", WHOLE)
def test_a_missing_or_doubled_or_unknown_member_gets_the_validators_own_verdict(
    name: str, validator: Validator
) -> None:
    """Presence is part of the shape: members that exclude each other, required ones, primitive extensions."""
    whole = WHOLE[name]
    validator.fault_in(whole)
    extra = {
        "effectiveInstant": WHEN,
        "valueString": "x",
        "vendor": 1,
        "_status": {"extension": []},
        "focus": [POINTER],
    }
    extra |= {"effectiveDateTime__ext": {}, "modifierExtension": [{"url": "x"}], "resource_type": "Patient", "_id": {}}
    for path in places(whole):
        lacking = copy.deepcopy(whole)
        inner = lacking
        for step in path[:-1]:
            inner = inner[step]
        value = inner.pop(path[-1])
        assert same(validator, lacking), path
        if isinstance(path[-1], str):
            assert same(validator, changed(whole, (*path[:-1], f"_{path[-1]}"), {"extension": [{"url": "u"}]})), path
            assert same(validator, changed(whole, path, [value])), path
            assert same(validator, changed(whole, path, [value] * 201)), path
    for member, value in extra.items():
        assert same(validator, {**whole, member: value}), member


JSON = st.recursive(
    st.sampled_from(POOL) | st.text(max_size=8) | st.floats() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "value", "x"]), inner, max_size=3)
    ),
    max_leaves=4,
)


def test_random_changes_get_the_validators_own_verdict(validator: Validator) -> None:
    """Several changes at once, of all kinds, in all types."""

    @settings(max_examples=600, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        resource: Any = copy.deepcopy(WHOLE[data.draw(st.sampled_from(sorted(WHOLE)))])
        for _ in range(data.draw(st.integers(1, 4))):
            path = data.draw(st.sampled_from(sorted(places(resource), key=repr)))
            resource = changed(resource, path, data.draw(JSON))
            if not isinstance(resource.get("resourceType"), str):
                resource["resourceType"] = "Observation"
        assert same(validator, resource)

    check()


def test_what_varies_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids, times, numbers, names and references do not make a new shape; the validator is not asked again."""
    asked = []
    monkeypatch.setattr(resources, "fault_in", lambda resource: asked.append(resource) and None)
    one = Validator()
    for number in range(50):
        resource = copy.deepcopy(WHOLE["Observation"])
        resource |= {"id": f"o{number}", "issued": f"2026-03-02T07:{number:02}:00Z"}
        resource["valueQuantity"]["value"] = number / 10 + 0.05
        resource["performer"][0]["reference"] = f"Practitioner/{number}"
        assert one.fault_in(resource) is None
    assert len(asked) == 1


@pytest.mark.parametrize("name", ["Condition", "MedicationRequest", "MedicationStatement", "Medication", "Procedure"])
def test_codes_of_what_is_not_measured_do_not_make_a_new_shape(name: str) -> None:
    """Nothing but the verdict rests on the shape of these types, so the codes in them, their dates and words vary."""
    other = json.dumps(WHOLE[name]).replace("2524-7", "E11.9").replace("Lactate", "Diabetes").replace("2026-", "2024-")
    assert shape_of(WHOLE[name]) == shape_of(json.loads(other.replace('"a note"', '"another"')))


def test_the_code_of_an_answer_is_a_part_of_its_shape() -> None:
    """As all codes of an Observation are: a plan for one is a plan for all of its shape."""
    whole = WHOLE["Observation with an answer"]
    for place in (("coding", 0, "code"), ("coding", 0, "display"), ("text",)):
        assert shape_of(whole) != shape_of(changed(whole, ("valueCodeableConcept", *place), "y"))
    assert shape_of(whole) != shape_of(changed(whole, ("component", 0, "valueBoolean"), False))


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), (0, False), ("1", 1), (None, "null"), ([], {}), ("", None)]
)
def test_values_that_python_holds_equal_are_different_shapes(one: object, other: object) -> None:
    """1, 1.0, true and "1" are four things in JSON."""
    first, second = ({"resourceType": "Observation", "valueInteger": value} for value in (one, other))
    assert shape_of(first) != shape_of(second)


@pytest.mark.parametrize("name", WHOLE)
def test_what_a_call_has_seen_changes_no_shape(name: str) -> None:
    """With all that other resources of a call brought before, each value at each place has its own shape.

    A reference is no time, nor a time a reference: what passed at a place is looked at anew at one of another kind.
    """
    seen = Seen()
    for whole in WHOLE.values():
        shape_of(whole, seen)
    for text in (*seen.moments, *seen.references, *POOL):
        for path in places(WHOLE[name]):
            resource = changed(WHOLE[name], path, text)
            assert shape_of(resource, seen) == shape_of(resource), (path, text)


@pytest.mark.parametrize("member", ["subject", "meta"])
def test_the_usual_object_and_one_with_more_or_less_are_different_shapes(member: str) -> None:
    """A Reference or Meta of the usual members stands as a mark, which nothing else has."""
    usual = {"subject": POINTER, "meta": {"versionId": "3", "lastUpdated": WHEN}}[member]
    others = [{**usual, name: value} for name in (*usual, "type", "x") for value in POOL]
    others += [{name: usual[name]} for name in usual]
    mark = shape_of({"resourceType": "Patient", member: usual})
    for other in others:
        same_members = other.keys() == usual.keys() and all(type(value) is str for value in other.values())
        assert same_members or shape_of({"resourceType": "Patient", member: other}) != mark, other


def test_a_shape_is_32_bytes_and_holds_nothing_of_the_patient() -> None:
    """Whatever the size of the resource; what is no JSON of a known type has none."""
    assert len(shape_of(WHOLE["Patient"]) or b"") == 32
    assert shape_of({"resourceType": "Goal"}) is None
    assert shape_of({"resourceType": ["Patient"]}) is None
    assert shape_of({"resourceType": "Patient", "x": object()}) is None


def test_memory_is_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of odd resources costs their validation, not the memory; what is in use stays."""
    asked: list[str] = []
    monkeypatch.setattr(resources, "fault_in", lambda resource: asked.append(resource["vendor"]) or "a fault")
    one = Validator(max_shapes=2)
    for vendor in ("a", "b", "a", "c", "a", "b"):
        assert one.fault_in({"resourceType": "Patient", "vendor": vendor}) == "a fault"
    assert asked == ["a", "b", "c", "b"]


def test_threads_share_a_validator() -> None:
    """Every thread gets the right verdict while shapes come and go."""
    one = Validator(max_shapes=3)
    rows = [{"resourceType": kind, "vendor": number} for kind in TYPES for number in range(3)]
    expected = [fault_in(row) for row in rows]
    wrong: list[object] = []

    def work() -> None:
        for _ in range(20):
            wrong.extend(row for row, verdict in zip(rows, expected, strict=True) if one.fault_in(row) != verdict)

    run_all([work] * 4)
    assert wrong == []


def run_all(jobs: list[Callable[[], None]]) -> None:
    """Run jobs side by side."""
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
