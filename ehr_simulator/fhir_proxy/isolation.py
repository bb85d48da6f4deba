"""Patient isolation: a token for one patient reaches only that patient. Everything not known here is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Params = list[tuple[str, str]]

# Where a resource says whose it is (FHIR R4 patient compartment, reduced to the types an app may read here).
SUBJECT_FIELD: Mapping[str, str] = {
    "AllergyIntolerance": "patient",
    "CarePlan": "subject",
    "CareTeam": "subject",
    "Condition": "subject",
    "DiagnosticReport": "subject",
    "DocumentReference": "subject",
    "Encounter": "subject",
    "Immunization": "patient",
    "MedicationAdministration": "subject",
    "MedicationRequest": "subject",
    "MedicationStatement": "subject",
    "Observation": "subject",
    "Procedure": "subject",
    "RiskAssessment": "subject",
    "ServiceRequest": "subject",
}
NOT_ABOUT_A_PATIENT = frozenset({"Location", "Medication", "Organization", "Practitioner", "PractitionerRole"})
_NAMES_A_PATIENT = frozenset({"patient", "subject"})
# What may come along with a search: the medicine that an order names, which is about no patient.
INCLUDED_TYPE = "Medication"
_INCLUDES = frozenset({"MedicationRequest:medication", "MedicationStatement:medication"})
_MODIFIERS = frozenset({"not", "in", "missing", "exact", "contains", "text"})


class Foreign(Exception):
    """The request or the answer reaches beyond the patient of the token."""


def limited_search(resource_type: str, params: Params, patient: str) -> Params:
    """The search, confined to the patient. Raises `Foreign` where it asks for more."""
    for name, value in params:
        _check_param(name, value, patient)
    if resource_type in NOT_ABOUT_A_PATIENT:
        return params
    if resource_type == "Patient":
        return [*params, ("_id", patient)]
    if resource_type not in SUBJECT_FIELD:
        raise Foreign(f"{resource_type} cannot be read with a patient scope here.")
    named = any(name in _NAMES_A_PATIENT for name, _ in params)
    return params if named else [*params, ("patient", patient)]


def _check_param(name: str, value: str, patient: str) -> None:
    """Refuse chains, includes and other patients."""
    if name == "_include" and value in _INCLUDES:
        return
    base, _, modifier = name.partition(":")
    if "." in name or base in {"_has", "_include", "_revinclude"} or (modifier and modifier not in _MODIFIERS):
        raise Foreign("Chains, includes and type modifiers are not open to a patient scope.")
    if base in _NAMES_A_PATIENT and (modifier or any(not _is(part, patient) for part in value.split(","))):
        raise Foreign("The search names another patient than the token.")


def check_resource(resource: Mapping[str, Any], patient: str) -> None:
    """Raise `Foreign` unless the resource is the patient's own, or is about no patient."""
    kind = str(resource.get("resourceType", ""))
    if kind in NOT_ABOUT_A_PATIENT or kind == "OperationOutcome":
        return
    if kind == "Patient":
        own = resource.get("id") == patient
    else:
        subject = resource.get(SUBJECT_FIELD.get(kind, ""))
        own = isinstance(subject, Mapping) and _is(str(subject.get("reference", "")), patient)
    if not own:
        raise Foreign("The resource does not belong to the patient of the token.")


def own_patient_only(path: Sequence[str], patient: str) -> None:
    """Refuse `Patient/<other>` before it is read."""
    if path[0] == "Patient" and path[1] != patient:
        raise Foreign("The token is for another patient.")


def _is(reference: str, patient: str) -> bool:
    """Whether a bare id or a relative reference means the patient."""
    return reference in (patient, f"Patient/{patient}")
