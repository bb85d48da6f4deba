"""Charts that every service can answer from: one in intensive care, one at a check-up, one at a discharge.

Small and made up. They are there so that each model works on a call at least once, not to measure what a call costs.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bench import body
from models.runtime.catalogue import read_manifests
from models.runtime.manifest import Manifest

Json = dict[str, Any]
Chart = Callable[[datetime], Json]
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
OUTPATIENT_MODEL = "mortality-10y"
# The stay that a chart is opened in.
STAY = "eStay77"
ORDER = {"status": "active", "intent": "order", "medicationCodeableConcept": {"text": "metformin 500 MG Oral Tablet"}}
# What is measured at a check-up, by the names of the model's signals.
MEASURED = {
    "SysBP": 132.0, "DiaBP": 81.0, "BMI": 27.5, "BUN": 14.0, "Creatinine": 0.9, "Glucose": 97.0, "HDL": 51.0,
    "Cholesterol": 205.0, "RBC": 4.6, "MCV": 90.0, "RDW": 13.1, "WBC": 6.4, "Neutrophils": 58.0, "Lymphocytes": 29.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Service:
    """What discovery says of a service: its id, its hook, and its prefetch templates by key."""

    id: str
    hook: str
    prefetch: Mapping[str, str]


def call(service: Service, chart: Chart, now: datetime) -> bytes:
    """A call of a service with a chart in its prefetch. What the chart lacks was looked for and is not there."""
    held = chart(now)
    context = {"userId": "Practitioner/eH4b7aT3", "patientId": held["patient"]["id"], "encounterId": STAY}
    if service.hook.startswith("order-"):
        order = _resource("MedicationRequest", "draft", held["patient"]["id"]) | ORDER | {"status": "draft"}
        context |= {"draftOrders": _bundle([order]), "selections": ["MedicationRequest/draft"]}
    sent = {key: held.get(key, _bundle([])) for key in service.prefetch}
    whole = {"hook": service.hook, "hookInstance": str(uuid.uuid4()), "context": context, "prefetch": sent}
    return json.dumps(whole).encode()


def _intensive_care(now: datetime) -> Json:
    """The patient of the bench."""
    made: Json = json.loads(body.call(0, now, hook_instance="i"))["prefetch"]  # noqa: TID251 (written by this program)
    return made | {"encounters": made["encounter"]}


def _check_up(now: datetime) -> Json:
    """Somebody of 62 years, outside hospital, measured yesterday."""
    model = read_manifests()[OUTPATIENT_MODEL]
    assert isinstance(model, Manifest)  # noqa: S101 (for the type checker)
    facts: dict[str, list[Json]] = {}
    for name, value in MEASURED.items():
        signal = model.signals[name]
        coding = signal.codes[0]
        observation = _resource("Observation", f"o-{name}", "p2") | {
            "status": "final",
            "code": {"coding": [{"system": coding.system, "code": coding.code}]},
            "effectiveDateTime": (now - timedelta(days=1)).isoformat(),
            "valueQuantity": {"value": value, "unit": signal.unit, "system": body.UCUM, "code": signal.unit},
        }
        facts.setdefault(signal.need, []).append(observation)
    person = {"resourceType": "Patient", "id": "p2", "gender": "female", "birthDate": f"{now.year - 62}-01-05"}
    return {"patient": person} | {need: _bundle(some) for need, some in facts.items()}


def _discharge(now: datetime) -> Json:
    """A woman of 64 with heart failure and diabetes, leaving after four days."""
    stay = _resource("Encounter", STAY, "p3") | {
        "status": "in-progress",
        "class": {"system": ACT_CODE, "code": "IMP"},
        "period": {"start": (now - timedelta(days=4)).isoformat()},
    }
    there = {"encounter": {"reference": f"Encounter/{STAY}"}}
    conditions = [
        _resource("Condition", f"c-{number}", "p3")
        | there
        | {"code": {"coding": [{"system": ICD_10_CM, "code": code}]}}
        for number, code in enumerate(("I50.9", "E11.22"))
    ]
    medicine = _resource("MedicationRequest", "m1", "p3") | there | ORDER
    return {
        "patient": {"resourceType": "Patient", "id": "p3", "gender": "female", "birthDate": f"{now.year - 64}-01-05"},
        "encounter": stay,
        "encounters": _bundle([stay]),
        "conditions": _bundle(conditions),
        "medications": _bundle([medicine]),
    }


def _resource(kind: str, id_: str, patient: str) -> Json:
    """What every resource of a patient has."""
    return {"resourceType": kind, "id": id_, "subject": {"reference": f"Patient/{patient}"}}


def _bundle(resources: Iterable[Json]) -> Json:
    """A search result."""
    entries = [{"resource": one, "search": {"mode": "match"}} for one in resources]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


CHARTS: tuple[Chart, ...] = (_intensive_care, _check_up, _discharge)
