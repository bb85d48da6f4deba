"""One resource of the chart in words, as the EHR has it now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clinical.errors import DataUnavailable, NotAllowed, WrongPatient
from clinical.invocation import FhirAccess
from fhir_adapters.http.transport import Transport
from fhir_adapters.source_fact import FactRead, fact_of, read_fact

LACTATE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "lac-1",
    "status": "final",
    "text": {"status": "generated", "div": "<div><script>window.__evil = 1</script></div>"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "2524-7", "display": "Lactate"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2026-11-12T10:05:00+01:00",
    "performer": [{"display": "Central laboratory"}],
    "valueQuantity": {"value": 4.1, "unit": "mmol/L", "comparator": ">"},
    "referenceRange": [{"low": {"value": 0.5, "unit": "mmol/L"}, "high": {"value": 2.2, "unit": "mmol/L"}}],
}


def read(ehr: Any, resource: Any, reference: str = "Observation/lac-1", status: int = 200) -> FactRead:
    """Ask a real server for it."""
    ehr.json(reference, resource, status)
    return read_fact(Transport(), FhirAccess(ehr.base, "token-1"), "p1", reference)


def test_a_laboratory_value_in_words(ehr: Any) -> None:
    """What, how much, when, by whom; never the narrative; the token goes to the EHR alone."""
    assert read(ehr, LACTATE) == FactRead(
        type="Observation",
        code="Lactate",
        value=">4.1 mmol/L",
        time=datetime(2026, 11, 12, 9, 5, tzinfo=UTC),
        status="final",
        performer="Central laboratory",
        reference_range="0.5 to 2.2 mmol/L",
        taken_back=False,
    )
    assert [token for _, token in ehr.seen] == ["Bearer token-1"]


@pytest.mark.parametrize(
    ("resource", "code", "value", "status"),
    [
        (
            {
                "resourceType": "Observation",
                "code": {"text": "Blood pressure"},
                "component": [
                    {"code": {"text": "Systolic"}, "valueQuantity": {"value": 120, "unit": "mmHg"}},
                    {"code": {"text": "Diastolic"}, "valueQuantity": {"value": 80, "code": "mm[Hg]"}},
                    {"code": {"text": "Mean"}},
                ],
                "status": "preliminary",
            },
            "Blood pressure",
            "Systolic 120 mmHg; Diastolic 80 mmHg",
            "preliminary",
        ),
        (
            {
                "resourceType": "Condition",
                "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}]},
                "clinicalStatus": {"coding": [{"code": "active"}]},
                "verificationStatus": {"coding": [{"code": "confirmed"}]},
            },
            "E11.9",
            "",
            "confirmed, active",
        ),
        (
            {
                "resourceType": "Condition",
                "code": {"text": "Diabetes"},
                "clinicalStatus": {"coding": [{"code": "active"}]},
                "verificationStatus": {"coding": [{"code": "entered-in-error"}]},
            },
            "Diabetes",
            "",
            "entered-in-error",
        ),
        (
            {"resourceType": "Encounter", "class": {"code": "IMP", "display": "inpatient"}, "status": "in-progress"},
            "inpatient",
            "",
            "in-progress",
        ),
        (
            {"resourceType": "Observation", "code": {"text": "On oxygen"}, "valueBoolean": True, "status": "final"},
            "On oxygen",
            "yes",
            "final",
        ),
        (
            {
                "resourceType": "Observation",
                "code": {"text": "Sodium"},
                "dataAbsentReason": {"coding": [{"code": "error", "display": "Error"}]},
                "status": "final",
            },
            "Sodium",
            "Error",
            "final",
        ),
    ],
)
def test_other_resources_in_words(resource: dict[str, Any], code: str, value: str, status: str) -> None:
    """Panels, diagnoses, stays, answers, and what is not there."""
    found = fact_of(resource)
    assert (found.code, found.value, found.status) == (code, value, status)


@pytest.mark.parametrize(
    "odd",
    [
        {"valueQuantity": {"value": "4"}},
        {"valueQuantity": 4},
        {"valueQuantity": {"value": True}},
        {"code": []},
        {"code": {"coding": "x"}},
        {"component": [1, None]},
        {"referenceRange": [3, {"low": {}}]},
        {"performer": "x"},
        {"effectiveDateTime": 5},
        {"valueString": {"a": 1}},
    ],
)
def test_odd_members_are_nothing(odd: dict[str, Any]) -> None:
    """A member of another type is left out; nothing fails."""
    assert fact_of({"resourceType": "Observation", "status": "final", **odd}).status == "final"


def test_what_is_not_of_this_chart_is_not_shown(ehr: Any) -> None:
    """Of somebody else, of nobody, another resource than was asked for, none, and what is no reference."""
    with pytest.raises(WrongPatient):
        read(ehr, LACTATE | {"subject": {"reference": "Patient/p2"}})
    with pytest.raises(NotAllowed, match="whose"):
        read(ehr, {name: value for name, value in LACTATE.items() if name != "subject"})
    for other in (LACTATE | {"id": "lac-2"}, LACTATE | {"resourceType": "Condition"}, [1]):
        with pytest.raises(DataUnavailable, match="another resource"):
            read(ehr, other)
    with pytest.raises(DataUnavailable):
        read(ehr, {}, status=410)
    for strange in ("Observation/../Patient/p1", "Observation/..", "Observation/a/b", "observation/a", "Observation"):
        with pytest.raises(NotAllowed):
            read_fact(Transport(), FhirAccess(ehr.base, "token-1"), "p1", strange)


@pytest.mark.parametrize(
    ("verification", "clinical", "taken_back"),
    [
        ({"code": "entered-in-error", "display": "Entered in Error"}, {}, True),
        ({"code": "refuted", "display": "Refuted"}, {"code": "inactive", "display": "Inactive"}, True),
        ({"code": "confirmed", "display": "Refuted once, then confirmed"}, {"code": "active"}, False),
        ({}, {"code": "resolved"}, False),
    ],
)
def test_what_was_taken_back_is_known_by_its_codes(
    verification: dict[str, str], clinical: dict[str, str], taken_back: bool
) -> None:
    """Real EHRs send displays beside the codes, and both statuses."""
    condition = {
        "resourceType": "Condition",
        "verificationStatus": {"coding": [verification]},
        "clinicalStatus": {"coding": [clinical]},
    }
    assert fact_of(condition).taken_back is taken_back


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "not-done"])
def test_an_observation_or_procedure_is_taken_back_by_its_status(status: str) -> None:
    """As R4 has it."""
    assert fact_of({"resourceType": "Procedure", "status": status}).taken_back


def test_a_value_of_another_form_is_not_called_none() -> None:
    """There is one, and this page cannot print it."""
    ratio = {"resourceType": "Observation", "valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}
    assert "does not show" in fact_of(ratio).value
