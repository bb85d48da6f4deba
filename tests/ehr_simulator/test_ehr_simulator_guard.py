"""The guarded FHIR API: token, scope, and one patient only."""

from __future__ import annotations

from typing import Any

import pytest

from ehr_simulator.authorization.scopes import allowed_levels, grantable, parse


@pytest.fixture
def token(road: Any) -> str:
    """A token for sim-02 with Patient and Observation."""
    return str(road.token()["access_token"])


def test_without_a_token_there_is_only_discovery(road: Any) -> None:
    """Everything but metadata and the SMART configuration answers 401 with an OperationOutcome."""
    for headers, challenge in (
        ({}, "Bearer"),
        ({"Authorization": "Bearer wrong"}, 'Bearer error="invalid_token"'),
        ({"Authorization": "Basic eDp5"}, "Bearer"),
    ):
        answer = road.client.get("/fhir/Patient/sim-02", headers=headers)
        assert answer.status_code == 401
        assert answer.get_json()["resourceType"] == "OperationOutcome"
        assert answer.headers["WWW-Authenticate"] == challenge
    assert road.client.get("/fhir/metadata").get_json()["resourceType"] == "CapabilityStatement"
    assert road.client.get("/fhir/.well-known/smart-configuration").status_code == 200


def test_the_own_patient_can_be_read(road: Any, token: str) -> None:
    """Read and search of the token's patient work, with and without naming the patient."""
    assert road.read("Patient/sim-02", token).get_json()["id"] == "sim-02"
    assert road.read("Patient", token).get_json()["total"] == 1
    for query in ({"patient": "sim-02"}, {"subject": "Patient/sim-02"}, {}):
        found = road.read("Observation", token, _count="5", **query).get_json()
        assert {entry["resource"]["subject"]["reference"] for entry in found["entry"]} == {"Patient/sim-02"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("Patient/sim-04", {}),
        ("Observation/sim-04-o0001", {}),
        ("Observation", {"patient": "sim-04"}),
        ("Observation", {"subject": "Patient/sim-04"}),
        ("Observation", {"patient": "sim-02,sim-04"}),
        ("Observation", {"patient": "Patient/sim-02", "subject": "Patient/sim-04"}),
        ("Observation", {"subject:Patient": "sim-04"}),
        ("Observation", {"patient.name": "Zzsparse"}),
        ("Observation", {"patient": "sim-02", "_include": "Observation:subject"}),
        ("Patient", {"_has:Observation:patient:code": "8867-4"}),
        ("Patient", {"_revinclude": "Observation:subject"}),
        ("Observation", {"patient": "http://127.0.0.1:8101/fhir/Patient/sim-04"}),
    ],
)
def test_a_foreign_patient_is_out_of_reach(road: Any, token: str, path: str, query: dict[str, str]) -> None:
    """By id, by search parameter, by chain or by include: 403 and no data."""
    answer = road.read(path, token, **query)
    assert answer.status_code == 403
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    assert b"sim-04" not in answer.data


def test_the_medicine_that_an_order_names_may_come_along(road: Any) -> None:
    """With the scope for it; nothing else may be included."""
    wanted = {"_include": "MedicationRequest:medication"}
    scoped = road.token(scope="launch patient/MedicationRequest.rs patient/Medication.rs")["access_token"]
    assert road.read("MedicationRequest", scoped, **wanted).status_code == 200
    assert road.read("MedicationRequest", scoped, _include="MedicationRequest:patient").status_code == 403
    alone = road.token(scope="launch patient/MedicationRequest.rs")["access_token"]
    assert road.read("MedicationRequest", alone).status_code == 200
    assert road.read("MedicationRequest", alone, **wanted).status_code == 403


def test_a_search_by_id_of_a_foreign_patient_finds_nothing(road: Any, token: str) -> None:
    """`_id` of somebody else is intersected with the own id."""
    assert road.read("Patient", token, _id="sim-04").get_json()["total"] == 0


@pytest.mark.parametrize(
    "path", ["Encounter", "Encounter/sim-02-stay", "Condition", "AuditEvent", "Location/loc-north-4"]
)
def test_a_type_without_scope_is_refused(road: Any, token: str, path: str) -> None:
    """The token has scopes for Patient and Observation only."""
    assert road.read(path, token).status_code == 403


def test_read_and_search_are_told_apart(road: Any) -> None:
    """Scope `.r` reads and does not search."""
    only_read = road.token(scope="launch patient/Patient.r")["access_token"]
    assert road.read("Patient/sim-02", only_read).status_code == 200
    assert road.read("Patient", only_read).status_code == 403


def test_a_place_can_be_read_with_its_scope(road: Any) -> None:
    """A Location belongs to no patient."""
    scoped = road.token(scope="launch patient/Location.rs")["access_token"]
    assert road.read("Location/loc-north-4", scoped).get_json()["type"][0]["coding"][0]["code"] == "ICU"


def test_nothing_can_be_written(road: Any) -> None:
    """Even a token that asked for everything cannot write, patch, delete, or run operations."""
    token = road.token(scope="launch patient/*.cruds")["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for method, path in (
        ("PUT", "/fhir/Patient/sim-02"),
        ("POST", "/fhir/Patient"),
        ("DELETE", "/fhir/Patient/sim-02"),
        ("PATCH", "/fhir/Patient/sim-02"),
        ("GET", "/fhir/Patient/sim-02/_history"),
        ("GET", "/fhir/Patient/sim-02/$everything"),
        ("GET", "/fhir/$export"),
    ):
        assert road.client.open(path, method=method, headers=headers, json={}).status_code in {404, 405}


def test_post_search_is_guarded_too(road: Any, token: str) -> None:
    """`_search` in the form body follows the same rules."""
    headers = {"Authorization": f"Bearer {token}"}
    own = road.client.post("/fhir/Observation/_search", data={"patient": "sim-02", "_count": "2"}, headers=headers)
    assert len(own.get_json()["entry"]) == 2
    foreign = road.client.post("/fhir/Observation/_search", data={"patient": "sim-04"}, headers=headers)
    assert foreign.status_code == 403


def test_paging_stays_on_the_public_base(road: Any, token: str) -> None:
    """Following `next` gives every resource once, and no address of the hidden server appears."""
    seen: list[str] = []
    url = "/fhir/Observation?code=http://loinc.org|8867-4&_count=7&_sort=-date"
    while url:
        answer = road.client.get(url, headers={"Authorization": f"Bearer {token}"})
        page = answer.get_json()
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        links = [link["url"] for link in page["link"]] + [entry["fullUrl"] for entry in page["entry"]]
        assert all(link.startswith("http://127.0.0.1:8101/fhir/") for link in links)
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
    assert len(seen) == len(set(seen)) == page["total"]


def test_an_expired_token_is_refused(road: Any, token: str, ehr_clock: Any) -> None:
    """A token is good for an hour."""
    ehr_clock.forward(3601)
    assert road.read("Patient/sim-02", token).status_code == 401


def test_a_foreign_host_name_is_refused(road: Any) -> None:
    """Against DNS rebinding."""
    assert road.client.get("/fhir/metadata", base_url="http://evil.example").status_code == 421


def test_scopes_of_both_versions() -> None:
    """Version 1 words and version 2 letters mean the same interactions."""
    assert parse("patient/Observation.read") == parse("patient/Observation.rs")
    for not_granted in ("patient/Observation.", "patient/Observation.sr", "system/Observation.rs", "patient/obs.rs",
                        "patient/Observation.rs?code=1", "user/*"):  # fmt: skip
        assert parse(not_granted) is None
    assert allowed_levels("user/*.read patient/Observation.r", "Observation", "s") == {"user"}
    assert grantable("launch launch openid patient/*.*") == "launch openid patient/*.read"
