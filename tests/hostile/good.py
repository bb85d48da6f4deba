"""The good request that every case of the corpus starts from: a very ill patient, hour 24 of an intensive care stay.

Every name, id, address and token in it holds `MARK`, so that an echo of the request in an error or a log line is found
by looking for one word.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

MARK = "Qx7"
PATIENT = f"{MARK}-pat"
ENCOUNTER = f"{MARK}-enc"
SERVICE = "icu-mortality"
ISSUER = "https://ehr.hostile.test"
BASE_URL = "http://127.0.0.1:8100"
FHIR_BASE = "http://127.0.0.1:9/fhir"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"

# Name in the corpus → LOINC code, newest value, UCUM unit, earlier value. The newest is the worst, so that a risk with
# it and a risk without it differ. Values have digits that no text of ours would hold by chance.
VITALS = {
    "heart_rate": ("8867-4", 128.71, "/min", 101.71),
    "systolic": ("8480-6", 84.71, "mm[Hg]", 101.71),
    "diastolic": ("8462-4", 44.71, "mm[Hg]", 58.71),
    "mean_pressure": ("8478-0", 57.71, "mm[Hg]", 71.71),
    "respiratory_rate": ("9279-1", 31.71, "/min", 22.71),
    "temperature": ("8310-5", 35.471, "Cel", 36.871),
    "coma_score": ("9269-2", 5, "{score}", 9),
    "urine": ("9187-6", 15.71, "mL", 55.71),
}
LABS = {
    "lactate": ("2524-7", 8.27143, "mmol/L", 4.27143),
    "creatinine": ("2160-0", 3.171, "mg/dL", 2.171),
    "urea": ("3094-0", 61.71, "mg/dL", 41.71),
    "bilirubin": ("1975-2", 6.071, "mg/dL", 3.071),
    "platelets": ("777-3", 48.71, "10*3/uL", 88.71),
    "white_cells": ("6690-2", 26.71, "10*3/uL", 16.71),
    "ph": ("2744-1", 7.1271, "[pH]", 7.2271),
    "bicarbonate": ("1963-8", 12.71, "mmol/L", 17.71),
}
# Hours before now; the newest first, so that a name means its newest fact.
HOURS = (1, 7, 13, 19)
# How each hook's context differs from that of patient-view (CDS Hooks hook library).
BUNDLE = {"resourceType": "Bundle", "type": "collection"}
ORDER = {
    "resourceType": "ServiceRequest",
    "id": "order-1",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": f"Patient/{PATIENT}"},
}
ORDERS = {**BUNDLE, "entry": [{"resource": ORDER}]}
MEDICATION = {**ORDER, "resourceType": "MedicationRequest", "medicationCodeableConcept": {"text": "x"}}
BOOKING = {
    "resourceType": "Appointment",
    "id": "booking-1",
    "status": "proposed",
    "participant": [{"actor": {"reference": f"Patient/{PATIENT}"}, "status": "needs-action"}],
}
PROBLEM = {"resourceType": "Condition", "id": "problem-1", "subject": {"reference": f"Patient/{PATIENT}"}}
ALLERGY = {"resourceType": "AllergyIntolerance", "id": "allergy-1", "patient": {"reference": f"Patient/{PATIENT}"}}
CONTEXTS: dict[str, dict[str, Any]] = {
    "patient-view": {},
    "encounter-start": {},
    "encounter-discharge": {},
    "order-sign": {"draftOrders": ORDERS},
    "order-select": {"draftOrders": ORDERS, "selections": ["ServiceRequest/order-1"]},
    "appointment-book": {"appointments": {**BUNDLE, "entry": [{"resource": BOOKING}]}},
    "order-dispatch": {"dispatchedOrders": ["ServiceRequest/order-1"], "performer": "Organization/lab-1"},
    "allergyintolerance-create": {"allergyIntolerance": ALLERGY},
    "medication-refill": {"medications": {**BUNDLE, "entry": [{"resource": MEDICATION}]}},
    "problem-list-item-create": {"conditions": {**BUNDLE, "entry": [{"resource": PROBLEM}]}},
}


def stamp(time: datetime) -> str:
    """A FHIR instant."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def call(now: datetime, hook: str = "patient-view") -> dict[str, Any]:
    """A service request that must be answered with a risk."""
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirServer": FHIR_BASE,
        "context": {
            "userId": f"Practitioner/{MARK}-user",
            "patientId": PATIENT,
            "encounterId": ENCOUNTER,
            **CONTEXTS[hook],
        },
        "prefetch": {
            "patient": patient(),
            "encounter": encounter(now),
            "vitals": bundle(VITALS, now),
            "labs": bundle(LABS, now),
        },
    }


def patient() -> dict[str, Any]:
    """The patient."""
    return {
        "resourceType": "Patient",
        "id": PATIENT,
        "identifier": [{"system": "urn:mrn", "value": f"{MARK}-mrn"}],
        "name": [{"use": "official", "family": f"{MARK}-family", "given": [f"{MARK}-given"]}],
        "telecom": [{"system": "phone", "value": f"{MARK}-phone"}],
        "gender": "male",
        "birthDate": "1944-05-01",
    }


def encounter(now: datetime) -> dict[str, Any]:
    """The stay, in a place of the site's list."""
    return {
        "resourceType": "Encounter",
        "id": ENCOUNTER,
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": f"Patient/{PATIENT}", "display": f"{MARK}-display"},
        "period": {"start": stamp(now - timedelta(hours=24))},
        "location": [{"location": {"display": "Medical ICU"}}],
    }


def bundle(rows: dict[str, tuple[str, float, str, float]], now: datetime) -> dict[str, Any]:
    """A searchset of all measurements of some signals."""
    facts = [observation(name, *rows[name], now, hours) for hours in HOURS for name in rows]
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": fact} for fact in facts]}


def observation(
    name: str, code: str, newest: float, unit: str, earlier: float, now: datetime, hours: int
) -> dict[str, Any]:
    """One measurement."""
    value = newest if hours == HOURS[0] else earlier
    return {
        "resourceType": "Observation",
        "id": f"{MARK}-{name.replace('_', '-')}-{hours}",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": stamp(now - timedelta(hours=hours)),
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }


def feedback(now: datetime, card: str, suggestion: str) -> dict[str, Any]:
    """A feedback that must be stored."""
    accepted = [{"id": suggestion}]
    item = {
        "card": card,
        "outcome": "accepted",
        "acceptedSuggestions": accepted,
        "outcomeTimestamp": stamp(now + timedelta(seconds=9)),
    }
    return {"feedback": [item]}


def aliases() -> dict[str, str]:
    """Names for places in the good call, as JSON pointers: `@lactate` is the newest lactate's resource."""
    found = {f"@{name}": f"/prefetch/{name}" for name in ("patient", "encounter", "vitals", "labs")}
    found |= {"@context": "/context", "@item": "/feedback/0"}
    for key, rows in (("vitals", VITALS), ("labs", LABS)):
        for index, name in enumerate(rows):
            found[f"@{name}"] = f"/prefetch/{key}/entry/{index}/resource"
    return found
