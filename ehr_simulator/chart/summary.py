"""What stands in the chart: who, where, and the newest results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ehr_simulator import dates
from ehr_simulator.fhir_store import FhirStore

Resource = dict[str, Any]

NO_VALUE = "–"
CLASS_WORDS = {"IMP": "inpatient", "ACUTE": "inpatient", "AMB": "outpatient", "EMER": "emergency"}
VITALS = {
    "Heart rate": ("8867-4",),
    "Systolic pressure": ("8480-6",),
    "Diastolic pressure": ("8462-4",),
    "Mean pressure": ("8478-0",),
    "Respiratory rate": ("9279-1",),
    "Temperature": ("8310-5",),
    "Oxygen saturation": ("59408-5", "2708-6"),
    "Glasgow coma score": ("9269-2",),
    "Urine output": ("9187-6",),
}
LABS = {
    "Lactate": ("2524-7", "32693-4"),
    "pH, arterial": ("2744-1",),
    "Bicarbonate": ("1963-8",),
    "Creatinine": ("2160-0",),
    "Urea nitrogen": ("3094-0",),
    "Sodium": ("2951-2", "2947-0"),
    "Potassium": ("2823-3", "6298-4"),
    "Glucose": ("2345-7", "2339-0"),
    "White cells": ("6690-2",),
    "Platelets": ("777-3",),
    "Hematocrit": ("4544-3",),
    "Bilirubin": ("1975-2",),
}
PANEL = "85354-9"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of results: newest value, the one before, when, and a remark such as "preliminary"."""

    label: str
    value: str
    unit: str
    before: str
    time: datetime
    remark: str


@dataclass(frozen=True, slots=True)
class Stay:
    """The stay that the chart is about."""

    id: str
    kind: str
    place: str
    reason: str
    start: datetime | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Who:
    """The patient's banner."""

    id: str
    name: str
    sex: str
    age: str
    stay: Stay | None


def who(patient: Resource, stays: Iterable[Resource], now: datetime) -> Who:
    """The banner of a patient."""
    return Who(
        id=str(patient.get("id", "")),
        name=_name(patient),
        sex=str(patient.get("gender", "sex unknown")),
        age=_age(str(patient.get("birthDate", "")), now),
        stay=current_stay(stays),
    )


def current_stay(stays: Iterable[Resource]) -> Stay | None:
    """The open stay that began last; without one, the last stay."""
    known = [_stay(one) for one in stays if one.get("resourceType") == "Encounter" and one.get("id")]
    return max(known, key=lambda stay: (stay.is_open, stay.start.timestamp() if stay.start else 0.0), default=None)


def results(store: FhirStore, patient: str, table: dict[str, tuple[str, ...]], count: int) -> list[Row]:
    """The newest results of a table. Raises `FhirStoreFault`."""
    codes = [code for group in table.values() for code in group]
    tokens = ",".join(f"http://loinc.org|{code}" for code in [*codes, PANEL])
    found = store.search(
        "Observation", [("patient", patient), ("code", tokens), ("_sort", "-date"), ("_count", str(count))]
    )
    numbers = [number for one in found if one.get("status") != "entered-in-error" for number in _numbers(one)]
    rows = [_row(label, [n for n in numbers if n.code in codes]) for label, codes in table.items()]
    return [row for row in rows if row is not None]


@dataclass(frozen=True, slots=True)
class _Number:
    """A quantity of an observation or of one of its components."""

    code: str
    value: str
    unit: str
    time: datetime
    status: str


def _numbers(observation: Resource) -> Iterator[_Number]:
    """All quantities in an observation that has a time."""
    time = dates.read(str(observation.get("effectiveDateTime", "")))
    for part in [observation, *observation.get("component", [])]:
        quantity = part.get("valueQuantity")
        if time is None or not isinstance(quantity, dict) or "value" not in quantity:
            continue
        unit = str(quantity.get("unit") or quantity.get("code") or "")
        for coding in part.get("code", {}).get("coding", []):
            value, status = f"{quantity['value']:g}", str(observation.get("status", ""))
            yield _Number(str(coding.get("code", "")), value, unit, time, status)


def _row(label: str, numbers: list[_Number]) -> Row | None:
    """The line of one analyte."""
    newest = sorted(numbers, key=lambda number: number.time, reverse=True)
    if not newest:
        return None
    first = newest[0]
    before = newest[1].value if len(newest) > 1 else NO_VALUE
    remark = "" if first.status in {"final", "amended", "corrected"} else first.status
    return Row(label, first.value, first.unit, before, first.time, remark)


def _stay(encounter: Resource) -> Stay:
    """A stay from an Encounter."""
    code = str((encounter.get("class") or {}).get("code", ""))
    places = [place for place in encounter.get("location", []) if place.get("status") != "completed"]
    names = [str((place.get("location") or {}).get("display", "")) for place in places]
    return Stay(
        id=str(encounter["id"]),
        kind=CLASS_WORDS.get(code, code or "stay"),
        place=next(filter(None, reversed(names)), "place not recorded"),
        reason=next((str(one["text"]) for one in encounter.get("reasonCode", []) if one.get("text")), NO_VALUE),
        start=dates.read(str((encounter.get("period") or {}).get("start", ""))),
        is_open=encounter.get("status") == "in-progress",
    )


def _name(patient: Resource) -> str:
    """Family and given name, else the id."""
    for name in patient.get("name", []):
        text = " ".join([*name.get("given", []), name.get("family", "")]).strip() or str(name.get("text", ""))
        if text:
            return text
    return f"Patient {patient.get('id', '')}"


def _age(birth_date: str, now: datetime) -> str:
    """Age in years; a year alone gives an approximate age."""
    born = dates.read(birth_date)
    if born is None:
        return "age unknown"
    years = now.year - born.year - ((now.month, now.day) < (born.month, born.day))
    return f"{years} years" if len(birth_date) == 10 else f"about {years} years"
