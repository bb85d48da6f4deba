"""No skew: open rows, rendered as FHIR and read back by the reader of the service, give the rows of the training."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinical.invocation import Invocation
from clinical.record import Coding, Condition, MedicationUse, PatientRecord, Stay
from fhir_adapters.http.transport import Transport
from fhir_adapters.record import FhirRecords, Site
from fhir_adapters.units import load_analytes
from models.readmission_30d.training.data import NOW, SHA256, Diabetes130
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.read_manifest import read_untrained
from models.runtime.sight import Looked, Refused, TreeSight
from models.training.cases import Case

ROWS, EVERY = 200, 391
RANKED = "http://terminology.hl7.org/CodeSystem/diagnosis-role"
Json = dict[str, Any]


class StandingClock:
    """The moment of discharge of the rendered rows."""

    def now(self) -> datetime:
        return NOW


def concept(codings: Iterable[Coding | None], text: str = "") -> Json:
    """A CodeableConcept."""
    rows = [{"system": one.system, "code": one.code} for one in codings if one is not None]
    return {**({"coding": rows} if rows else {}), **({"text": text} if text else {})}


def resource(kind: str, reference: str, record: PatientRecord, **rest: Any) -> Json:
    """A resource of the patient; what is empty is left out."""
    subject = {"reference": f"Patient/{record.patient_id}"}
    named = {"resourceType": kind, "id": reference.partition("/")[2], "subject": subject}
    return named | {name: value for name, value in rest.items() if value}


def encounter(stay: Stay, record: PatientRecord) -> Json:
    """An Encounter."""
    assert stay.class_code is not None
    times = {"start": stay.start, "end": stay.end}
    hospital = {
        "admitSource": concept([stay.admit_source]),
        "dischargeDisposition": concept([stay.discharge_disposition]),
    }
    rows = [
        {
            "condition": {"reference": one.condition},
            "use": concept([Coding(RANKED, one.role)]),
            "rank": one.rank,
        }
        for one in stay.diagnoses
    ]
    return resource(
        "Encounter",
        stay.reference,
        record,
        status=stay.status,
        **{"class": {"system": stay.class_code.system, "code": stay.class_code.code}},
        period={name: time.isoformat() for name, time in times.items() if time is not None},
        priority=concept([stay.priority]),
        hospitalization={name: value for name, value in hospital.items() if value},
        diagnosis=rows,
    )


def condition(one: Condition, record: PatientRecord) -> Json:
    """A Condition."""
    where = {"reference": one.encounter} if one.encounter else {}
    return resource("Condition", one.reference, record, code=concept(one.codings, one.text), encounter=where)


def order(use: MedicationUse, record: PatientRecord) -> Json:
    """A MedicationRequest."""
    return resource(
        "MedicationRequest",
        use.reference,
        record,
        status="active",
        intent="order",
        medicationCodeableConcept=concept(use.codings, use.text),
        encounter={"reference": use.encounter},
    )


def bundle(resources: Iterable[Json]) -> Json:
    """A searchset."""
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}


def prefetch(record: PatientRecord) -> Json:
    """What an EHR would send."""
    assert record.birth_date is not None
    person = {"resourceType": "Patient", "id": record.patient_id, "gender": record.sex}
    stays = [encounter(stay, record) for stay in record.stays]
    return {
        "patient": person | {"birthDate": record.birth_date.isoformat()},
        "encounter": stays[0],
        "encounters": bundle(stays),
        "conditions": bundle(condition(one, record) for one in record.conditions),
        "medications": bundle(order(one, record) for one in record.medications),
        "hba1c": bundle([]),
    }


@pytest.fixture(scope="module")
def sight() -> TreeSight:
    return TreeSight(read_untrained(MODELS_FOLDER / "readmission_30d" / "model.toml"))


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[Case]:
    """Some open rows, from all years, with and without earlier stays."""
    files = [shared / "data" / "tabular" / name for name in SHA256]
    return list(islice(Diabetes130().cases(files), 0, ROWS * EVERY, EVERY))


def test_open_rows_come_back_alike(cases: list[Case], sight: TreeSight) -> None:
    """Every column of every row, to the last bit; where there is no row, there is none either way."""
    needs = read_untrained(MODELS_FOLDER / "readmission_30d" / "model.toml").needs
    reader = FhirRecords(
        {"ehr": Site("https://ehr.test/fhir")},
        transport=Transport(None),
        clock=StandingClock(),
        analytes=load_analytes(),
    )
    compared = earlier = 0
    for case in cases:
        record = case.record
        call = Invocation(
            "ehr",
            "readmission-30d",
            "encounter-discharge",
            "i",
            record.patient_id,
            "Practitioner/1",
            "now",
            prefetch(record),
        )
        read = reader.read(call, needs)
        assert (read.set_aside, read.incomplete) == ((), ())
        direct, found = sight.look(record, NOW), sight.look(read, NOW)
        if isinstance(direct, Refused):
            assert isinstance(found, Refused)
            assert found.refusal == direct.refusal
            continue
        assert isinstance(found, Looked)
        np.testing.assert_array_equal(found.row, direct.row)
        compared += 1
        earlier += len(record.stays) > 1
    assert compared > 0.9 * ROWS
    assert earlier > 0.3 * ROWS


def test_training_sees_what_the_service_sees(cases: list[Case], sight: TreeSight) -> None:
    """The quick way for many rows and the way of the service give one row."""
    for case in cases[:50]:
        (seen,) = sight.see(case.record, [NOW])
        found = sight.look(case.record, NOW)
        if seen is None:
            assert isinstance(found, Refused)
        else:
            assert isinstance(found, Looked)
            np.testing.assert_array_equal(found.row, seen.values)
