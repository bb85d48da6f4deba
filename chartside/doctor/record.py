"""An invented adult in intensive care, and what a FHIR server that holds only this record answers to a template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, unquote

from chartside.doctor import drafts
from chartside.doctor.drafts import LOINC, SNOMED, Fields, Subject, concept

_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_TOKEN = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_HOURS = (-29.0, -22.0, -15.0, -8.0, -2.0)
# LOINC code, name, value, UCUM unit: a very ill adult, so that a risk service has something to say.
_VITALS = (
    ("8867-4", "Heart rate", 124, "/min"), ("8480-6", "Systolic blood pressure", 86, "mm[Hg]"),
    ("8462-4", "Diastolic blood pressure", 45, "mm[Hg]"), ("8478-0", "Mean blood pressure", 58, "mm[Hg]"),
    ("9279-1", "Respiratory rate", 29, "/min"), ("8310-5", "Body temperature", 38.9, "Cel"),
    ("59408-5", "Oxygen saturation by pulse oximetry", 90, "%"), ("2708-6", "Oxygen saturation in blood", 90, "%"),
    ("9269-2", "Glasgow coma score total", 9, "{score}"), ("9187-6", "Urine output", 20, "mL"),
    ("29463-7", "Body weight", 82, "kg"), ("8302-2", "Body height", 176, "cm"),
)  # fmt: skip
_LABS = (
    ("2524-7", "Lactate in serum", 5.8, "mmol/L"), ("2160-0", "Creatinine in serum", 2.7, "mg/dL"),
    ("3094-0", "Urea nitrogen in serum", 52, "mg/dL"), ("1975-2", "Bilirubin in serum", 3.1, "mg/dL"),
    ("777-3", "Platelets", 74, "10*3/uL"), ("6690-2", "Leukocytes", 21, "10*3/uL"),
    ("718-7", "Hemoglobin", 9.1, "g/dL"), ("4544-3", "Hematocrit", 28, "%"), ("2951-2", "Sodium", 149, "mmol/L"),
    ("2823-3", "Potassium", 5.4, "mmol/L"), ("1963-8", "Bicarbonate", 15, "mmol/L"),
    ("2345-7", "Glucose in serum", 186, "mg/dL"), ("2744-1", "pH of arterial blood", 7.21, "[pH]"),
    ("1751-7", "Albumin in serum", 2.2, "g/dL"), ("4548-4", "Hemoglobin A1c", 7.9, "%"),
)  # fmt: skip


class Record:
    """The record of one subject. `name` stands as the patient's name, so that an echo of it can be found again."""

    def __init__(self, subject: Subject, name: str) -> None:
        """Make the resources."""
        self._subject = subject
        self.resources: tuple[Fields, ...] = tuple(_resources(subject, name))

    def prefetch(self, templates: Mapping[str, str], context: Mapping[str, object]) -> dict[str, object]:
        """An answer for every template that this record can answer."""
        answers = {key: self.answer(_filled(template, context)) for key, template in templates.items()}
        return {key: value for key, value in answers.items() if value is not None}

    def answer(self, query: str) -> object:
        """A resource for a read, a searchset for a search; None for a read of what is not there."""
        path, _, parameters = query.partition("?")
        kind, _, name = path.partition("/")
        if not parameters:
            return next((row for row in self.resources if row["resourceType"] == kind and row["id"] == name), None)
        wanted = parse_qsl(parameters)
        return searchset(row for row in self.resources if row["resourceType"] == kind and _matches(row, wanted))


def searchset(resources: Iterable[Fields]) -> Fields:
    """A bundle as a search answers it; without members where there is nothing."""
    rows = list(resources)
    found: Fields = {"resourceType": "Bundle", "type": "searchset", "total": len(rows)}
    return found | {"entry": [{"resource": row, "search": {"mode": "match"}} for row in rows]} if rows else found


def _filled(template: str, context: Mapping[str, object]) -> str:
    """The template with its tokens replaced."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        found = context.get(name.removeprefix("context."))
        if name in ("userPractitionerId", "userPractitionerRoleId"):
            found = str(context.get("userId", "")).rpartition("/")[2]
        if isinstance(found, list):
            return ",".join(map(str, found))
        return found if isinstance(found, str) else ""

    return _TOKEN.sub(value, template)


def _matches(row: Fields, wanted: list[tuple[str, str]]) -> bool:
    """Whether a resource answers the parameters `code` and `category`; the others are not looked at."""
    texts = {name: unquote(value).split(",") for name, value in wanted if name in ("code", "category")}
    return all(_codes(row.get(name)) & {one.rpartition("|")[2] for one in ones} for name, ones in texts.items())


def _codes(value: object) -> set[str]:
    """Every code in a CodeableConcept, or in a list of them."""
    rows = value if isinstance(value, list) else [value]
    codings = [coding for row in rows if isinstance(row, Mapping) for coding in row.get("coding", ())]
    return {str(coding.get("code")) for coding in codings}


def _resources(subject: Subject, name: str) -> Iterable[Fields]:
    """Everything in the record."""
    yield {
        "resourceType": "Patient",
        "id": subject.patient,
        "name": [{"text": name}],
        "gender": "male",
        "birthDate": f"{subject.now.year - 71}-03-14",
    }
    yield _encounter(subject)
    kind, _, user = subject.user.partition("/")
    yield {"resourceType": kind, "id": user, "active": True}
    for hour in _HOURS:
        yield from (_observation(subject, "vital-signs", hour, row) for row in _VITALS)
        yield from (_observation(subject, "laboratory", hour, row) for row in _LABS)
    yield {**drafts.problem(subject), "id": "chartside-doctor-c1"}
    yield {**drafts.problem(subject), "id": "chartside-doctor-c2", "code": concept(SNOMED, "91302008", "Sepsis")}
    yield {**drafts.medication(subject), "id": "chartside-doctor-m1", "status": "active"}
    yield {**drafts.allergy(subject), "id": "chartside-doctor-a1"}


def _encounter(subject: Subject) -> Fields:
    """A stay of thirty hours that goes on."""
    return {
        "resourceType": "Encounter",
        "id": subject.encounter,
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": subject.reference,
        "period": {"start": subject.at(-30)},
        "location": [{"location": {"display": "Medical ICU"}, "status": "active"}],
    }


def _observation(subject: Subject, category: str, hour: float, row: tuple[str, str, float, str]) -> Fields:
    """One measured value."""
    code, display, value, unit = row
    return {
        "resourceType": "Observation",
        "id": f"chartside-doctor-{code}-{int(-hour)}h",
        "status": "final",
        "category": [concept(_CATEGORY, category, category)],
        "code": concept(LOINC, code, display),
        "subject": subject.reference,
        "encounter": {"reference": f"Encounter/{subject.encounter}"},
        "effectiveDateTime": subject.at(hour),
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }
