"""The open bundles (eICU, Synthea, US Core, QI-Core): every condition, order and procedure is used, or says why not."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clinical.need import DataNeed
from clinical.record import PatientRecord, Source
from fhir_adapters.asked import asked_types
from fhir_adapters.assemble import Assembly
from fhir_adapters.identity import PatientGuard
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.resources import Validator
from fhir_adapters.units import Analytes

Rows = list[tuple[str, dict[str, Any]]]
KINDS = ("Condition", "MedicationRequest", "MedicationStatement", "Procedure")
# Some test orders of QI-Core lie in the first half of 2027.
NOW = datetime(2027, 12, 31, tzinfo=UTC)


def patients_of(rows: Rows) -> dict[str, Rows]:
    """The rows by patient: the QI-Core bundles hold theirs twice, under URLs of two servers."""
    ids = {row["id"]: {f"Patient/{row['id']}", url} for url, row in rows if row["resourceType"] == "Patient"}
    found: dict[str, Rows] = {patient: [] for patient in ids}
    for patient, names in ids.items():
        for url, row in rows:
            whose = [row[name].get("reference") for name in ("subject", "patient", "beneficiary", "for") if name in row]
            own = row["id"] == patient if row["resourceType"] == "Patient" else set(whose) <= names
            if own:
                found[patient].append((url if url.startswith("urn:") else "", row))
    return found


@pytest.fixture(scope="module")
def read(shared: Path, analytes: Analytes) -> tuple[list[PatientRecord], Counter[str]]:
    """The records of all patients, and how many resources of each type there are."""
    validator, records, sent = Validator(), [], Counter[str]()
    asked = asked_types([DataNeed(kind, kind) for kind in KINDS])
    for path in sorted((shared / "data" / "fhir").glob("*.json")):
        bundle = json.loads(path.read_text("utf-8"))
        rows = [(entry.get("fullUrl", ""), entry["resource"]) for entry in bundle.get("entry", ())]
        for patient, own in patients_of(rows).items():
            guard = PatientGuard(patient, "https://ehr.test/fhir")
            assembly = Assembly(guard, validator, analytes, IntensiveCare(), frozenset(), NOW, asked)
            assembly.add(own, Source.PREFETCH)
            sent.update({f"{row['resourceType']}/{row['id']}": row["resourceType"] for _, row in own}.values())
            records.append(assembly.record(patient, None))
    return records, sent


def test_every_entry_is_used_or_set_aside(read: tuple[list[PatientRecord], Counter[str]]) -> None:
    """Nothing vanishes, and what is set aside has its reason."""
    records, sent = read
    used = Counter[str]()
    for record in records:
        for facts in (record.conditions, record.medications, record.procedures):
            used.update(fact.reference.partition("/")[0] for fact in facts)
    asides = Counter((aside.reference.partition("/")[0], aside.detail) for row in records for aside in row.set_aside)
    refused = Counter[str]()
    for (kind, _), count in asides.items():
        refused[kind] += count
    assert {kind: used[kind] + refused[kind] for kind in KINDS} == {kind: sent[kind] for kind in KINDS}
    assert set(asides) == {("MedicationRequest", "it says not to give the medicine"), ("Procedure", "it was not done")}
    assert used["Condition"] > 350
    assert used["MedicationRequest"] > 900


def test_what_the_entries_refer_to_is_found(read: tuple[list[PatientRecord], Counter[str]]) -> None:
    """Stays by relative references and by names within the bundle, medicines behind references, diagnoses of stays."""
    records, _ = read
    for record in records:
        stays = {stay.reference for stay in record.stays}
        facts = (*record.conditions, *record.medications, *record.procedures)
        assert {fact.encounter for fact in facts} <= stays | {""}
        known = {condition.reference for condition in record.conditions}
        assert {found.condition for stay in record.stays for found in stay.diagnoses} <= known
    assert sum(bool(condition.encounter) for record in records for condition in record.conditions) > 300
    assert all(found.codings or found.text for record in records for found in record.medications)
    assert sum(bool(stay.discharge_disposition) for record in records for stay in record.stays) > 15
