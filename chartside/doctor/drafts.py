"""Draft resources for hook contexts: FHIR R4, invented, plausible, and about nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

Fields = dict[str, object]
MEDICATION_ID = "chartside-doctor-medication"
SERVICE_ID = "chartside-doctor-service"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a call is about and who calls. Ids are bare, `user` is a reference; `now` dates the drafts."""

    patient: str
    encounter: str
    user: str
    now: datetime

    @property
    def reference(self) -> Fields:
        """The patient as a reference."""
        return {"reference": f"Patient/{self.patient}"}

    def at(self, hours: float) -> str:
        """So many hours from now, as a FHIR instant."""
        return (self.now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def concept(system: str, code: str, display: str) -> Fields:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def bundle(*resources: Fields) -> Fields:
    """A collection."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": row} for row in resources]}


def medication(subject: Subject) -> Fields:
    """A draft order of a medicine."""
    return {
        "resourceType": "MedicationRequest",
        "id": MEDICATION_ID,
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": concept(RXNORM, "197361", "amlodipine 5 MG Oral Tablet"),
        "subject": subject.reference,
        "authoredOn": subject.at(0),
        "requester": {"reference": subject.user},
        "dosageInstruction": [{"text": "1 tablet by mouth once daily"}],
    }


def orders(subject: Subject) -> Fields:
    """A medicine and a laboratory test."""
    test: Fields = {
        "resourceType": "ServiceRequest",
        "id": SERVICE_ID,
        "status": "draft",
        "intent": "order",
        "code": concept(LOINC, "24323-8", "Comprehensive metabolic 2000 panel - Serum or Plasma"),
        "subject": subject.reference,
        "authoredOn": subject.at(0),
    }
    return bundle(medication(subject), test)


def appointments(subject: Subject) -> Fields:
    """An appointment in two weeks."""
    return bundle(
        {
            "resourceType": "Appointment",
            "id": "chartside-doctor-appointment",
            "status": "proposed",
            "description": "Follow-up visit",
            "start": subject.at(14 * 24),
            "end": subject.at(14 * 24 + 0.5),
            "participant": [
                {"actor": subject.reference, "status": "accepted"},
                {"actor": {"reference": subject.user}, "status": "needs-action"},
            ],
        }
    )


def task(subject: Subject, order: str) -> Fields:
    """The request to fulfil an order."""
    return {
        "resourceType": "Task",
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
        "focus": {"reference": order},
        "for": subject.reference,
        "authoredOn": subject.at(0),
        "owner": {"reference": "Organization/chartside-doctor-lab"},
    }


def allergy(subject: Subject) -> Fields:
    """A new allergy."""
    return {
        "resourceType": "AllergyIntolerance",
        "id": "chartside-doctor-allergy",
        "clinicalStatus": _status("allergyintolerance-clinical", "active"),
        "verificationStatus": _status("allergyintolerance-verification", "confirmed"),
        "type": "allergy",
        "category": ["food"],
        "criticality": "high",
        "code": concept(SNOMED, "91935009", "Allergy to peanut"),
        "patient": subject.reference,
        "recordedDate": subject.at(0),
    }


def problem(subject: Subject) -> Fields:
    """A new problem."""
    system = "http://terminology.hl7.org/CodeSystem/condition-category"
    return {
        "resourceType": "Condition",
        "id": "chartside-doctor-problem",
        "clinicalStatus": _status("condition-clinical", "active"),
        "verificationStatus": _status("condition-ver-status", "confirmed"),
        "category": [concept(system, "problem-list-item", "Problem List Item")],
        "code": concept(SNOMED, "38341003", "Hypertensive disorder"),
        "subject": subject.reference,
        "recordedDate": subject.at(0),
    }


def _status(system: str, code: str) -> Fields:
    """A status of HL7's terminology."""
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}
