"""FHIR R4 resources as plain JSON objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ehr_simulator.patients.person import Person
from ehr_simulator.patients.signals import SIGNALS, USUAL, Signal

Resource = dict[str, Any]

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
BASE = "https://ehr-simulator.example/fhir"
CLASS_NAMES = {"IMP": "inpatient encounter", "AMB": "ambulatory"}


def instant(moment: datetime) -> str:
    """A dateTime to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def transaction(resources: list[Resource]) -> Resource:
    """A transaction that puts each resource at its own id."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(resource) for resource in resources]}


def _entry(resource: Resource) -> Resource:
    """One entry. The fullUrl makes relative references resolve within the bundle (FHIR R4 section 2.36.4.1)."""
    place = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": f"{BASE}/{place}", "resource": resource, "request": {"method": "PUT", "url": place}}


def patient(person: Person, now: datetime) -> Resource:
    """The patient; the birthday lies about half a year back, so the age is right on every day."""
    given, family = person.name.split(" ", 1)
    born = (now - timedelta(days=182)).date()
    born = born.replace(year=born.year - person.age, day=min(born.day, 28))
    return {
        "resourceType": "Patient",
        "id": person.id,
        "identifier": [{"system": "urn:oid:2.999.1", "value": person.id.upper()}],
        "name": [{"use": "official", "family": family, "given": [given]}],
        "gender": person.sex,
        "birthDate": born.isoformat(),
    }


def encounter(person: Person, start: datetime) -> Resource:
    """The open stay with its places, one after the other."""
    begins = [start + timedelta(hours=place.from_hour) for place in person.places]
    locations = []
    for number, place in enumerate(person.places):
        where: Resource = {"display": place.name}
        if place.location_id:
            where["reference"] = f"Location/{place.location_id}"
        period = {"start": instant(begins[number])}
        ended = number + 1 < len(begins)
        if ended:
            period["end"] = instant(begins[number + 1])
        locations.append({"location": where, "status": "completed" if ended else "active", "period": period})
    return {
        "resourceType": "Encounter",
        "id": encounter_id(person),
        "status": "in-progress",
        "class": {"system": ACT_CODE, "code": person.class_code, "display": CLASS_NAMES[person.class_code]},
        "subject": {"reference": f"Patient/{person.id}"},
        "period": {"start": instant(start)},
        "reasonCode": [{"text": person.story[:1].upper() + person.story[1:]}],
        "location": locations,
    }


def encounter_id(person: Person) -> str:
    """The id of a person's stay."""
    return f"{person.id}-stay"


def observation(person: Person, number: int, signal: Signal, value: float, moment: datetime) -> Resource:
    """A final numeric result, with the laboratory's usual range where it prints one."""
    result = _observation(person, number, signal, moment) | {"valueQuantity": quantity(signal, value)}
    return result | usual_range(signal)


def usual_range(signal: Signal) -> Resource:
    """The `referenceRange` of a signal, or nothing."""
    name = next((name for name, known in SIGNALS.items() if known is signal), "")
    low, high = USUAL.get(name, (None, None))
    ends = {"low": low, "high": high}
    found = {end: quantity(signal, value) for end, value in ends.items() if value is not None}
    return {"referenceRange": [found]} if found else {}


def panel(person: Person, number: int, signal: Signal, parts: list[tuple[Signal, float]], moment: datetime) -> Resource:
    """A result with components, such as a blood pressure."""
    components = [{"code": _code(part), "valueQuantity": quantity(part, value)} for part, value in parts]
    return _observation(person, number, signal, moment) | {"component": components}


def quantity(signal: Signal, value: float) -> Resource:
    """A UCUM quantity with the usual number of decimals."""
    rounded = round(value, signal.decimals)
    return {
        "value": rounded if signal.decimals else int(rounded),
        "unit": signal.unit,
        "system": UCUM,
        "code": signal.unit,
    }


def _code(signal: Signal) -> Resource:
    """The LOINC code."""
    return {"coding": [{"system": LOINC, "code": signal.loinc, "display": signal.display}]}


def _observation(person: Person, number: int, signal: Signal, moment: datetime) -> Resource:
    """Everything but the value."""
    return {
        "resourceType": "Observation",
        "id": f"{person.id}-o{number:04d}",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": signal.category}]}],
        "code": _code(signal),
        "subject": {"reference": f"Patient/{person.id}"},
        "encounter": {"reference": f"Encounter/{encounter_id(person)}"},
        "effectiveDateTime": instant(moment),
    }


def location(identifier: str, name: str, role: str | None) -> Resource:
    """A place; `role` is a v3-RoleCode such as ICU."""
    place: Resource = {"resourceType": "Location", "id": identifier, "status": "active", "name": name}
    if role:
        place["type"] = [{"coding": [{"system": ROLE_CODE, "code": role}]}]
    return place


def practitioner() -> Resource:
    """The one clinician who is signed in."""
    return {
        "resourceType": "Practitioner",
        "id": "dr-demo",
        "active": True,
        "name": [{"family": "Demo", "given": ["Dana"], "prefix": ["Dr"]}],
    }
