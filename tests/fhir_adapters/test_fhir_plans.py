"""Observations read by a remembered plan give the very facts of the long way, whatever stands at whatever place."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical.errors import WrongPatient
from clinical.record import LOINC, Answer, PatientRecord, Source
from fhir_adapters import assemble, plans
from fhir_adapters.assemble import Assembly
from fhir_adapters.identity import PatientGuard
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.plans import plan_of
from fhir_adapters.resources import Known, Validator, fault_in
from fhir_adapters.shapes import Seen
from fhir_adapters.units import Analytes

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WHEN = "2026-03-02T07:30:00+01:00"
Path = tuple[str | int, ...]


def concept(code: str, *others: str) -> dict[str, Any]:
    """A code, with others beside it."""
    rows = [{"system": LOINC, "code": each, "display": f"name of {each}"} for each in (code, *others)]
    return {"coding": [{"system": "urn:oid:1.2", "code": "local", "display": "X"}, *rows], "text": "text"}


def quantity(value: float, unit: str, code: str | None = None) -> dict[str, Any]:
    """A value with a coded unit."""
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": code or unit}


BASE = {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/pat-1", "display": "A B"}}
PLAIN = BASE | {
    "id": "o1",
    "meta": {"versionId": "3", "lastUpdated": WHEN},
    "code": concept("2524-7"),
    "encounter": {"reference": "Encounter/e1"},
    "performer": [{"reference": "Practitioner/7", "type": "Practitioner", "display": "Nurse"}],
    "effectiveDateTime": WHEN,
    "issued": WHEN,
    "valueQuantity": quantity(4.1, "mg/dL"),
}
PARTS = [
    {"code": concept("8480-6"), "valueQuantity": quantity(120, "mmHg", "mm[Hg]")},
    {"code": concept("8462-4"), "valueQuantity": {"value": 60.5, "unit": "mmHg"}},
    {"code": concept("no-such-code"), "valueQuantity": quantity(1, "1")},
]
SMOKER = {"coding": [{"system": "http://snomed.info/sct", "code": "449868002", "display": "Daily"}], "text": "Smokes"}
PANEL = BASE | {"id": "o2", "code": concept("85354-9"), "effectiveDateTime": WHEN, "component": PARTS}
RANGE = {"low": quantity(0.5, "mmol/L"), "high": quantity(2.2, "mmol/L"), "text": "0.5 - 2.2"}
TEMPLATES: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "with its range": PLAIN | {"id": "o21", "referenceRange": [RANGE]},
    "panel with ranges": PANEL | {"id": "o22", "component": [{**part, "referenceRange": [RANGE]} for part in PARTS]},
    "panel": PANEL,
    "panel with a value of its own": PANEL
    | {"code": concept("8310-5"), "valueQuantity": quantity(99.5, "°F", "[degF]")},
    "instant": PLAIN | {"id": "o4", "effectiveDateTime": None, "effectiveInstant": WHEN, "valueQuantity": {"value": 1}},
    "period": PLAIN | {"id": "o5", "effectivePeriod": {"start": WHEN, "end": WHEN}},
    "whole number": BASE | {"id": "o6", "code": concept("9269-2"), "effectiveDateTime": WHEN, "valueInteger": 14},
    "two analytes": PLAIN | {"id": "o7", "code": concept("2524-7", "2160-0")},
    "not final": PLAIN | {"id": "o8", "status": "preliminary"},
    "bound": PLAIN | {"id": "o9", "valueQuantity": {**quantity(4.1, "mmol/L"), "comparator": "<"}},
    "share": PLAIN | {"id": "o10", "code": concept("3150-0"), "valueQuantity": quantity(0.4, "1")},
    "local unit": PLAIN | {"id": "o11", "code": concept("8310-5"), "valueQuantity": {"value": 99.5, "unit": "°F"}},
    "coded": BASE
    | {"id": "o12", "code": concept("72166-2"), "effectiveDateTime": WHEN, "valueCodeableConcept": SMOKER},
    "coded part": PANEL
    | {"id": "o13", "component": [PARTS[0], {"code": concept("72166-2"), "valueCodeableConcept": SMOKER}]},
    "yes or no": BASE | {"id": "o14", "code": concept("72166-2"), "effectiveDateTime": WHEN, "valueBoolean": True},
    "coded number": BASE
    | {"id": "o15", "code": concept("2524-7"), "effectiveDateTime": WHEN, "valueCodeableConcept": SMOKER},
    "absent answer": BASE
    | {"id": "o16", "code": concept("72166-2"), "effectiveDateTime": WHEN, "dataAbsentReason": {"text": "unknown"}},
    "no unit": BASE | {"code": concept("9269-2"), "effectiveDateTime": WHEN, "valueQuantity": {"value": 15}},
}
# Written anew, so that no two places share an object; without the null, which stands for "not there".
TEMPLATES = {
    name: {member: value for member, value in json.loads(json.dumps(whole)).items() if value is not None}
    for name, whole in TEMPLATES.items()
}
CODES = ("72166-2", "2524-7", "2160-0", "8480-6", "8462-4", "8310-5", "9269-2", "3150-0", "no-such-code")
WANTED = [frozenset((LOINC, code) for code in CODES), frozenset({(LOINC, "8480-6"), (LOINC, "2524-7")})]
WANTED += [frozenset({(LOINC, "8310-5"), ("urn:oid:1.2", "local")})]
POOL: list[
    Any
] = """2026-03-02T07:30:00Z 2026-03-02T08:00:00Z 2026-03-02T08:00:01Z 2026-03-02T09:30:00.5+01:30 2026-03-02
2026-02-30T07:30:00Z 0001-01-01T00:00:00+14:00 9999-12-31T23:59:59-14:00 2026-03-02T07:30:00 final corrected
entered-in-error mmol/L mg/dL kPa °F http://unitsofmeasure.org http://loinc.org 2524-7 8480-6 8310-5 unknown <
Patient/pat-1 Patient/pat-2 o99""".split()  # noqa: SIM905
POOL += ["", " ", "\ud800", "x" * 2000, 0, 1, -1, 7.25, -0.0, 1e300, 1.7e308, 10**29, 10**31, float("nan")]
POOL += [float("inf"), True, None, [], {}, [None], [{}], {"value": 1}, concept("2160-0"), [PARTS[0]], PARTS[::-1]]
POOL += [SMOKER, {"text": "Smokes"}, {"coding": [{"code": "x"}]}, False]
POOL += [quantity(37, "Cel"), quantity(1.7e308, "[degF]"), {"start": WHEN}, {"start": "2026-03-02T07:30:00Z"}]
EXTRA = {"effectivePeriod": {"start": WHEN}, "effectiveInstant": WHEN, "component": PARTS, "valueInteger": 3}
EXTRA |= {"dataAbsentReason": {"text": "x"}, "vendor": 1, "focus": [{"reference": "Patient/pat-1"}], "note": "x"}
EXTRA |= {"valueCodeableConcept": SMOKER, "valueBoolean": False, "valueString": "x"}
EXTRA |= {"valueQuantity": quantity(4.1, "mmol/L"), "contained": [], "component": {}, "value": 3, "comparator": ">"}


class LongWay(Validator):
    """Remembers nothing and plans nothing."""

    def look(self, resource: Mapping[str, object], seen: Seen | None = None) -> Known:
        """The verdict alone."""
        return Known(fault_in(resource), planned=True)


def read(
    validator: Validator, analytes: Analytes, wanted: frozenset[tuple[str, str]], *resources: dict[str, Any]
) -> PatientRecord | None:
    """The record of some resources; None if they name another patient."""
    guard = PatientGuard("pat-1", "https://ehr.test/fhir")
    assembly = Assembly(guard, validator, analytes, IntensiveCare(), wanted, NOW)
    try:
        assembly.add([("", resource) for resource in resources], Source.PREFETCH)
    except WrongPatient:
        return None
    return assembly.record("pat-1", None)


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a resource, objects and lists included."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*path, step)
        yield from places(inner, (*path, step))


def at(value: Any, path: Path) -> Any:
    """What stands at a place."""
    for step in path:
        value = value[step]
    return value


def changed(resource: Any, path: Path, *value: Any) -> Any:
    """A copy with another value at a place, or with nothing there. It shares what does not lead there."""
    step, *rest = path
    result = copy.copy(resource)
    if rest:
        result[step] = changed(result[step], tuple(rest), *value)
    elif value:
        result[step] = value[0]
    else:
        result.pop(step)
    return result


class Both:
    """Reads both ways. One memory for all tests: the more it has seen, the more could be mixed up."""

    def __init__(self, analytes: Analytes) -> None:
        self.analytes = analytes
        self.quick = Validator()
        self.slow = LongWay()

    def differ(self, *resources: dict[str, Any], wanted: frozenset[tuple[str, str]] = WANTED[0]) -> bool:
        """Whether the two records differ; written out, because -0.0 equals 0.0 and nan nothing."""
        one, other = (read(way, self.analytes, wanted, *resources) for way in (self.quick, self.slow))
        return repr(one) != repr(other)


@pytest.fixture(scope="module")
def both(analytes: Analytes) -> Both:
    """Both ways, with a plan for each template."""
    ways = Both(analytes)
    assert not any(ways.differ(template) for template in TEMPLATES.values())
    return ways


@pytest.mark.parametrize("name", TEMPLATES)
def test_any_value_at_any_place_is_read_as_the_long_way_reads_it(name: str, both: Both) -> None:
    """Each place, times each of the values on the edge of a rule; and each place with nothing there."""
    template = TEMPLATES[name]
    wrong = [
        (path, value)
        for path in places(template)
        for value in POOL
        if both.differ(changed(template, path, value), wanted=WANTED[len(path) % 3])
    ]
    wrong += [(path, None) for path in places(template) if both.differ(changed(template, path))]
    objects = [(), *(path for path in places(template) if isinstance(at(template, path), dict))]
    wrong += [
        ((*path, member), value)
        for path in objects
        for member, value in EXTRA.items()
        if both.differ(changed(template, (*path, member), value))
    ]
    assert wrong == []


def test_random_changes_are_read_as_the_long_way_reads_them(both: Both) -> None:
    """Several resources of a call with several changes each, for several sets of wanted codes."""
    values = st.sampled_from(POOL) | st.floats() | st.integers() | st.text(max_size=5)
    numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30)

    @settings(max_examples=500, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        resources = []
        for _ in range(data.draw(st.integers(1, 3))):
            resource = copy.deepcopy(TEMPLATES[data.draw(st.sampled_from(sorted(TEMPLATES)))])
            if "valueQuantity" in resource:
                resource["valueQuantity"]["value"] = data.draw(numbers)
            for _ in range(data.draw(st.integers(0, 3))):
                path = data.draw(st.sampled_from(sorted(places(resource), key=repr)))
                resource = changed(resource, path, data.draw(values))
            resources.append(resource)
        assert not both.differ(*resources, wanted=data.draw(st.sampled_from(WANTED)))

    check()


def test_the_rules_are_applied_once_for_a_shape(analytes: Analytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later resources of the shape differ in id, time and number, and are read by the plan alone."""
    validator = Validator()
    read(validator, analytes, WANTED[0], TEMPLATES["plain"], TEMPLATES["panel"])
    monkeypatch.setattr(assemble, "judged", None)
    monkeypatch.setattr(plans, "accept", None)
    later = copy.deepcopy(TEMPLATES["plain"]) | {"id": "o77", "effectiveDateTime": "2026-03-02T07:59:59.5Z"}
    later["valueQuantity"]["value"] = 18
    record = read(validator, analytes, WANTED[0], later)
    assert record is not None
    (fact,) = record.observations
    assert (fact.reference, fact.time.second, fact.reported_value) == ("Observation/o77", 59, 18.0)
    assert fact.value == pytest.approx(18 / 9.01)


def test_a_number_that_nobody_can_use_stays_aside_and_keeps_the_others(analytes: Analytes) -> None:
    """A panel with one component of an unknown code: its other components are facts, each time."""
    validator = Validator()
    for _ in range(2):
        record = read(validator, analytes, WANTED[0], TEMPLATES["panel"])
        assert record is not None
        assert [fact.reference[-1] for fact in record.observations] == ["0", "1"]
        assert [aside.reference[-1] for aside in record.set_aside] == ["2"]


def test_an_answer_is_read_by_the_plan_and_not_kept_in_it(analytes: Analytes) -> None:
    """A coded value is decoded anew each time: what one patient answered does not outlive the call."""
    for name in ("coded", "coded part", "yes or no"):
        plan = plan_of(TEMPLATES[name], analytes)
        assert plan is not None
        assert not any(word in repr(plan) for word in ("449868002", "Daily", "Smokes", "Yes"))
        facts = plan.read(TEMPLATES[name], "Observation/x", Source.PREFETCH, WANTED[0], NOW)
        assert facts is not None
        assert isinstance(facts[-1], Answer)
        assert facts[-1].values


def test_a_plan_holds_nothing_of_the_patient(analytes: Analytes) -> None:
    """Neither ids nor times, numbers or names."""
    plan = plan_of(TEMPLATES["plain"], analytes)
    assert plan is not None
    assert not any(word in repr(plan) for word in ("o1", "2026", "4.1", "pat-1", "A B", "Nurse", "e1"))


@pytest.mark.parametrize("member", ["code", "component"])
def test_a_plan_is_small(member: str, analytes: Analytes) -> None:
    """Neither long words nor many codes nor many components fill the memory; such a resource has no plan."""
    long = {"coding": [{"system": LOINC, "code": "2524-7", "display": "x" * 5_000}]}
    many = {"coding": [{"system": LOINC, "code": "2524-7"}] * 25}
    for code in (long, many):
        resource = TEMPLATES["plain"] | {member: code if member == "code" else [{"code": code}]}
        assert plan_of(resource, analytes) is None
    assert plan_of(TEMPLATES["plain"] | {"component": [{}] * 20}, analytes) is None


@pytest.mark.parametrize("name", ["period", "whole number"])
def test_what_a_shape_does_not_leave_out_is_not_planned(name: str, analytes: Analytes) -> None:
    """A time with a start, or a number that stands in the shape: the long way, and nothing of it is kept."""
    plan = plan_of(TEMPLATES[name], analytes)
    assert plan is None or all(number.convert is None for number in plan.numbers)
