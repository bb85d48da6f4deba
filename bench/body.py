"""A hook call as an EHR sends it: a patient in intensive care, 74 FHIR R4 resources in about 100 KB.

Sizes and members follow real servers: two codings, category, performer and stay for each observation; specimen,
interpretation and reference range for laboratory results; blood pressures as panels. Everything is made up.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

HOURS = 30.0
OBSERVATIONS = 72
_BASE = "https://ehr.bench.example/fhir/r4"
_LOCAL_CODES = "urn:oid:1.2.840.114350.1.13.0.1.7.2.768282"
UCUM = "http://unitsofmeasure.org"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that is measured: how often in the stay, about which value, and the reference range."""

    code: str
    name: str
    unit: str
    printed: str
    times: int
    about: float
    spread: float
    normal: tuple[float, float]


VITALS = (
    Kind("8867-4", "Heart rate", "/min", "beats/min", 8, 104, 9, (60, 100)),
    Kind("9279-1", "Respiratory rate", "/min", "breaths/min", 4, 23, 3, (12, 20)),
    Kind("8310-5", "Body temperature", "Cel", "°C", 6, 37.9, 0.5, (36.1, 37.8)),
    Kind("9269-2", "Glasgow coma score total", "{score}", "score", 4, 12, 1, (15, 15)),
    Kind("9187-6", "Urine output", "mL", "mL", 7, 55, 25, (30, 400)),
    Kind("2708-6", "Oxygen saturation in Arterial blood", "%", "%", 3, 93, 2, (95, 100)),
    Kind("3150-0", "Inhaled oxygen concentration", "%", "%", 3, 45, 5, (21, 21)),
    Kind("29463-7", "Body weight", "kg", "kg", 1, 82, 1, (50, 100)),
    Kind("8302-2", "Body height", "cm", "cm", 1, 176, 0, (140, 200)),
)
PRESSURES = (
    Kind("8480-6", "Systolic blood pressure", "mm[Hg]", "mmHg", 1, 104, 10, (90, 140)),
    Kind("8462-4", "Diastolic blood pressure", "mm[Hg]", "mmHg", 1, 56, 6, (60, 90)),
    Kind("8478-0", "Mean blood pressure", "mm[Hg]", "mmHg", 1, 72, 7, (70, 105)),
)
PANELS = 7
LABS = (
    Kind("2524-7", "Lactate [Moles/volume] in Serum or Plasma", "mmol/L", "mmol/L", 3, 3.4, 0.8, (0.5, 2.2)),
    Kind("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 2, 1.9, 0.3, (0.6, 1.2)),
    Kind("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 2, 38, 5, (7, 20)),
    Kind("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", "mmol/L", 2, 138, 2, (135, 145)),
    Kind("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", "mmol/L", 2, 4.4, 0.3, (3.5, 5.1)),
    Kind("1963-8", "Bicarbonate [Moles/volume] in Serum or Plasma", "mmol/L", "mmol/L", 2, 20, 2, (22, 29)),
    Kind("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 3, 148, 20, (70, 99)),
    Kind("6690-2", "Leukocytes [#/volume] in Blood", "10*3/uL", "K/uL", 2, 14.2, 2, (4, 11)),
    Kind("4544-3", "Hematocrit [Volume Fraction] of Blood", "%", "%", 2, 31, 2, (36, 50)),
    Kind("777-3", "Platelets [#/volume] in Blood", "10*3/uL", "K/uL", 2, 158, 15, (150, 400)),
    Kind("19123-9", "Magnesium [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 1, 2.0, 0.2, (1.6, 2.6)),
    Kind("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 1, 1.4, 0.3, (0.2, 1.2)),
    Kind("2703-7", "Oxygen [Partial pressure] in Arterial blood", "mm[Hg]", "mmHg", 2, 84, 8, (75, 100)),
    Kind("2744-1", "pH of Arterial blood", "[pH]", "pH", 2, 7.33, 0.03, (7.35, 7.45)),
)


def call(seed: int, now: datetime, *, hook_instance: str, observations: int = OBSERVATIONS) -> bytes:
    """The body of a patient-view call at hour 30 of a stay; other seeds give slightly other values.

    `observations` beyond 72 repeat the same kinds, for measuring how the cost grows.
    """
    facts = list(_facts(random.Random(seed), now, observations))  # noqa: S311 (test data)
    vitals, labs = ([fact for fact, lab in facts if lab is which] for which in (False, True))
    body = {
        "hook": "patient-view",
        "hookInstance": hook_instance,
        "context": {"userId": "Practitioner/eH4b7aT3", "patientId": "eXbq1NZcP4"},
        "prefetch": {
            "patient": _patient(),
            "encounter": _bundle([_stay(now - timedelta(hours=HOURS))]),
            "vitals": _bundle(vitals),
            "labs": _bundle(labs),
        },
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _facts(random_: random.Random, now: datetime, count: int) -> Iterator[tuple[dict[str, Any], bool]]:
    """Observations spread over the stay, each with whether it is a laboratory result."""
    panel = Kind("85354-9", "Blood pressure panel with all children optional", "", "", PANELS, 0, 0, (0, 0))
    planned = [(kind, False) for kind in (*VITALS, panel) for _ in range(kind.times)]
    planned += [(kind, True) for kind in LABS for _ in range(kind.times)]
    for number in range(count):
        kind, lab = planned[number % len(planned)]
        # Steps of a share of the stay that has no small period, so that no kind clusters.
        when = now - timedelta(hours=HOURS * ((number * 0.618034) % 1.0) * 0.98)
        yield _observation(number, kind, lab, when.replace(microsecond=0), random_), lab


def _observation(number: int, kind: Kind, lab: bool, when: datetime, random_: random.Random) -> dict[str, Any]:
    """One result; a blood pressure panel has its three pressures as components."""
    category = ("laboratory", "Laboratory") if lab else ("vital-signs", "Vital Signs")
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "id": f"eOb{number:04d}Xq7TfR2",
        "meta": {"versionId": "1", "lastUpdated": when.isoformat()},
        "status": "final",
        "category": [{"coding": [_coding(f"{_TERMINOLOGY}/observation-category", *category)], "text": category[1]}],
        "code": _code(kind),
        "subject": {"reference": "Patient/eXbq1NZcP4", "display": "Example, Robin"},
        "encounter": {"reference": "Encounter/eStay77", "display": "Hospital Encounter"},
        "effectiveDateTime": when.isoformat(),
        "issued": (when + timedelta(minutes=2)).isoformat(),
        "performer": [{"reference": "Practitioner/eNurse31", "type": "Practitioner", "display": "Nurse, Example"}],
    }
    if lab:
        observation["specimen"] = {"reference": f"Specimen/eSp{number:04d}", "display": "Specimen collected at bedside"}
    if kind.unit:
        value = _value(kind, random_)
        return observation | {"valueQuantity": _quantity(value, kind)} | (_judged(kind, value) if lab else {})
    parts = [{"code": _code(p), "valueQuantity": _quantity(_value(p, random_), p)} for p in PRESSURES]
    return observation | {"component": parts}


def _value(kind: Kind, random_: random.Random) -> float:
    """A value with the digits that people chart."""
    value = random_.uniform(kind.about - kind.spread, kind.about + kind.spread)
    return round(value) if kind.unit == "{score}" else round(value, 2 if kind.about < 10 else 1)


def _judged(kind: Kind, value: float) -> dict[str, Any]:
    """Interpretation and reference range, which come with laboratory results."""
    low, high = kind.normal
    flag = ("L", "Low") if value < low else ("H", "High") if value > high else ("N", "Normal")
    return {
        "interpretation": [{"coding": [_coding(f"{_TERMINOLOGY}/v3-ObservationInterpretation", *flag)]}],
        "referenceRange": [
            {
                "low": _quantity(low, kind),
                "high": _quantity(high, kind),
                "text": f"{low:g} - {high:g} {kind.printed}",
            }
        ],
    }


def _quantity(value: float, kind: Kind) -> dict[str, Any]:
    return {"value": value, "unit": kind.printed, "system": UCUM, "code": kind.unit}


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _code(kind: Kind) -> dict[str, Any]:
    """The local code of the EHR first, then LOINC."""
    local = _coding(_LOCAL_CODES, f"12{kind.code.replace('-', '')}", kind.name.upper()[:24])
    return {"coding": [local, _coding("http://loinc.org", kind.code, kind.name)], "text": kind.name}


def _bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A search result."""
    entries = [
        {"fullUrl": f"{_BASE}/{r['resourceType']}/{r['id']}", "resource": r, "search": {"mode": "match"}}
        for r in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


def _patient() -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "eXbq1NZcP4",
        "meta": {"versionId": "4", "lastUpdated": "2026-01-05T09:30:00Z"},
        "identifier": [{"use": "usual", "system": f"{_LOCAL_CODES}.698084", "value": "20417"}],
        "active": True,
        "name": [{"use": "official", "text": "Robin Example", "family": "Example", "given": ["Robin"]}],
        "telecom": [{"system": "phone", "value": "555-0100", "use": "home"}],
        "gender": "male",
        "birthDate": "1951-04-17",
        "deceasedBoolean": False,
        "address": [{"use": "home", "line": ["1 Example Way"], "city": "Exampleton", "postalCode": "00000"}],
    }


def _stay(start: datetime) -> dict[str, Any]:
    """The hospital stay, in intensive care from its start."""
    begun = {"start": start.replace(microsecond=0).isoformat()}
    return {
        "resourceType": "Encounter",
        "id": "eStay77",
        "status": "in-progress",
        "class": _coding(f"{_TERMINOLOGY}/v3-ActCode", "IMP", "inpatient encounter"),
        "type": [{"coding": [_coding(_LOCAL_CODES, "3", "Hospital Encounter")], "text": "Hospital Encounter"}],
        "subject": {"reference": "Patient/eXbq1NZcP4", "display": "Example, Robin"},
        "period": begun,
        "location": [
            {"location": {"display": "Medical ICU"}, "status": "active", "period": begun},
        ],
    }


def resource_count(body: bytes) -> int:
    """How many resources a body carries, bundles not counted."""
    prefetch = json.loads(body)["prefetch"]  # noqa: TID251 (written above)
    return sum(len(value["entry"]) if value["resourceType"] == "Bundle" else 1 for value in prefetch.values())
