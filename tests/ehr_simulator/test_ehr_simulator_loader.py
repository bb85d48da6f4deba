"""Loading takes any of three bundle types, resolves references, sets aside what is refused, and goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ehr_simulator import dates
from ehr_simulator.bundles import NotABundle, content, read_bundle
from ehr_simulator.fhir_store import FhirStore
from ehr_simulator.loader import LoadFailed, Report, Shift, load_bundle, load_folder

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PATIENT = "urn:uuid:00000000-0000-4000-8000-000000000001"
OTHER = "urn:uuid:00000000-0000-4000-8000-000000000002"


def _kept(fhir_server: str, place: str) -> Any:
    """What the server holds there."""
    found = FhirStore(fhir_server, 10).read(place)
    assert found is not None
    return found


def _bundle(kind: str, *entries: Any) -> Any:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def _entry(full_url: str, resource: Any, method: str | None = None) -> Any:
    entry = {"fullUrl": full_url, "resource": resource}
    return entry | ({"request": {"method": method, "url": resource["resourceType"]}} if method else {})


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection"])
def test_references_to_entries_are_resolved(kind: str) -> None:
    """urn:uuid references become Type/id, with the id of the resource or the UUID of the entry."""
    found = content(_bundle(
        kind,
        _entry(PATIENT, {"resourceType": "Patient"}, "POST"),
        _entry(OTHER, {"resourceType": "Observation", "id": "o1", "subject": {"reference": PATIENT}}, "POST"),
    ))  # fmt: skip
    assert found.resources[0]["id"] == PATIENT.removeprefix("urn:uuid:")
    assert found.resources[1]["subject"]["reference"] == f"Patient/{found.resources[0]['id']}"


def test_a_conditional_reference_becomes_a_logical_one() -> None:
    """What the server could not find is still named by its identifier."""
    resource = {"resourceType": "Encounter", "id": "e", "participant": [
        {"individual": {"reference": "Practitioner?identifier=http://npi|99"}}]}  # fmt: skip
    individual = content(_bundle("transaction", {"resource": resource})).resources[0]["participant"][0]["individual"]
    assert individual == {"type": "Practitioner", "identifier": {"system": "http://npi", "value": "99"}}


def test_what_cannot_be_loaded_is_named() -> None:
    """A deletion, an entry without a resource, a resource without a type: set aside with the reason."""
    found = content(_bundle(
        "transaction",
        {"request": {"method": "DELETE", "url": "Patient/1"}},
        {"resource": {"resourceType": "Patient", "id": "1"}, "request": {"method": "PATCH", "url": "Patient/1"}},
        {"resource": {"id": "1"}},
        "nonsense",
    ))  # fmt: skip
    assert not found.resources
    assert len(found.set_aside) == 4
    assert "PATCH" in found.set_aside[1].why


@pytest.mark.parametrize(
    "text", ["", "[]", '{"resourceType": "Patient"}', '{"resourceType":"Bundle","type":"history"}']
)
def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path, text: str) -> None:
    """The reason names what was expected."""
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(NotABundle):
        read_bundle(path)


def test_a_refused_resource_does_not_sink_the_rest(fhir_server: str) -> None:
    """The server refuses an unknown type; the patient is loaded, the other counted and named."""
    report = Report()
    bundle = _bundle("collection", _entry(PATIENT, {"resourceType": "Patient", "id": "load-1"}),
                     _entry(OTHER, {"resourceType": "Nonsense", "id": "n1"}))  # fmt: skip
    load_bundle(bundle, fhir_server, report)
    assert report.patients == ["load-1"]
    assert [item.what for item in report.set_aside] == ["Nonsense/n1"]
    assert sum(report.reasons().values()) == 1


def test_a_folder_is_loaded_and_made_current(fhir_server: str, tmp_path: Path) -> None:
    """A stay of years ago is current afterwards; a broken file is named and the others go on."""
    bundle = _bundle(
        "collection",
        {"resource": {"resourceType": "Patient", "id": "load-2", "birthDate": "1950-01-01"}},
        {"resource": {"resourceType": "Encounter", "id": "load-2-e", "status": "finished", "class": {"code": "IMP"},
                      "subject": {"reference": "Patient/load-2"}, "period": {"start": "2020-01-01T00:00:00Z"}}},
        {"resource": {"resourceType": "Observation", "id": "load-2-o", "status": "final", "code": {"text": "x"},
                      "subject": {"reference": "Patient/load-2"}, "encounter": {"reference": "Encounter/load-2-e"},
                      "effectiveDateTime": "2020-01-01T10:00:00Z"}},
    )  # fmt: skip
    (tmp_path / "a.json").write_text("broken")
    (tmp_path / "b.json").write_text(json.dumps(bundle))
    told = []
    report = load_folder(tmp_path, fhir_server, shift=Shift(NOW), tell=lambda name, _: told.append(name))
    assert told == ["a.json", "b.json"]
    assert [item.what for item in report.set_aside] == ["a.json"]
    assert dates.read(_kept(fhir_server, "Observation/load-2-o")["effectiveDateTime"]) == NOW
    stay = _kept(fhir_server, "Encounter/load-2-e")
    assert dates.read(stay["period"]["start"]) == NOW - timedelta(hours=10)
    assert stay["status"] == "in-progress"
    assert _kept(fhir_server, "Patient/load-2")["birthDate"] == "1950-01-01"


def test_without_a_server_loading_fails_loudly() -> None:
    """No server is not "nothing loaded"."""
    with pytest.raises(LoadFailed):
        load_bundle(
            _bundle("collection", {"resource": {"resourceType": "Patient"}}), "http://127.0.0.1:9/fhir", Report()
        )


@pytest.mark.parametrize("pattern", ["p12_15*.json", "smart_0*.json", "eicu_002*.json"])
def test_open_data_can_be_made_current(shared: Path, pattern: str) -> None:
    """Each bundle of the open data keeps all its facts, and its last fact or its future lies where it should."""
    from ehr_simulator.shifting import happened, lies_ahead, shifted

    for path in sorted((shared / "data" / "fhir").glob(pattern))[:4]:
        resources = content(read_bundle(path)).resources
        moved = shifted(resources, NOW)
        assert len(moved) == len(resources)
        early = shifted(resources, NOW, at_hour=6)
        assert not [one for one in early if lies_ahead(one, NOW)]
        assert len(early) <= len(moved)
        if pattern.startswith("p12"):
            assert max(time for one in moved if one["resourceType"] == "Observation" for time in happened(one)) == NOW
