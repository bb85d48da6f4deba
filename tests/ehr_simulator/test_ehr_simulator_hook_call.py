"""A hook call is what CDS Hooks 2.0.1 asks for."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient

from ehr_simulator.chart.prefetch import filled, scopes


def _call(ehr: FlaskClient, service: Any, patient: str = "sim-02") -> Any:
    ehr.get(f"/chart/{patient}")
    path, header, body = service.calls[-1]
    assert path == "icu"
    return header.removeprefix("Bearer "), body


def test_the_token_proves_the_caller(ehr: FlaskClient, service: Any, road: Any) -> None:
    """ES384, kid, typ and jku in the header; iss, aud = called URL, short exp, iat, fresh jti in the claims."""
    seen = set()
    for _ in range(2):
        token, _ = _call(ehr, service)
        header, claims = road.claims(token, "/.well-known/jwks.json")
        assert header["alg"] == "ES384"
        assert header["typ"] == "JWT"
        assert header["jku"] == "http://127.0.0.1:8101/.well-known/jwks.json"
        assert claims["iss"] == "http://127.0.0.1:8101"
        assert claims["aud"] == f"{service.base}/cds-services/icu"
        assert 0 < claims["exp"] - claims["iat"] <= 300
        seen.add(str(uuid.UUID(claims["jti"])))
    assert len(seen) == 2


def test_discovery_and_feedback_are_signed_for_their_own_url(ehr: FlaskClient, service: Any, road: Any) -> None:
    """Each request has a token of its own for the URL that is called."""
    ehr.get("/chart/sim-02")
    path, header, _ = service.calls[0]
    _, claims = road.claims(header.removeprefix("Bearer "), "/.well-known/jwks.json")
    assert (path, claims["aud"]) == ("", f"{service.base}/cds-services")


def test_the_body_has_context_access_and_prefetch(ehr: FlaskClient, service: Any, road: Any) -> None:
    """The context names user, patient and stay; the token reads that patient only; unknown keys are left out."""
    _, body = _call(ehr, service)
    assert body["context"] == {
        "userId": "Practitioner/dr-demo", "patientId": "sim-02", "encounterId": "sim-02-stay"}  # fmt: skip
    uuid.UUID(body["hookInstance"])
    access = body["fhirAuthorization"]
    assert (access["token_type"], access["expires_in"], access["patient"]) == ("Bearer", 300, "sim-02")
    assert access["scope"] == "patient/Encounter.rs patient/Location.rs patient/Observation.rs patient/Patient.rs"
    assert body["fhirServer"] == "http://127.0.0.1:8101/fhir"
    assert set(body["prefetch"]) == {"patient", "stay", "vitals"}
    assert body["prefetch"]["patient"]["id"] == "sim-02"
    vitals = body["prefetch"]["vitals"]
    assert len(vitals["entry"]) == 3
    following = next(link["url"] for link in vitals["link"] if link["relation"] == "next")
    assert following.startswith("http://127.0.0.1:8101/fhir/Observation?")
    again = road.client.get(following, headers={"Authorization": f"Bearer {access['access_token']}"})
    assert len(again.get_json()["entry"]) == 3
    assert road.read("Patient/sim-04", access["access_token"]).status_code == 403


def test_the_access_ends_after_five_minutes(ehr: FlaskClient, service: Any, road: Any, ehr_clock: Any) -> None:
    """expires_in is kept to."""
    _, body = _call(ehr, service)
    ehr_clock.forward(301)
    assert road.read("Patient/sim-02", body["fhirAuthorization"]["access_token"]).status_code == 401


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Patient/{{context.patientId}}", "Patient/p1"),
        ("Patient/{{ context.patientId }}", "Patient/p1"),
        ("Practitioner/{{userPractitionerId}}", "Practitioner/d1"),
        ("Encounter/{{context.encounterId}}", None),
        ("X?patient={{context.patientId}}&e={{context.encounterId}}", None),
        ("Patient/{{userPatientId}}", None),
        ("Patient/{{patient.id}}", None),
    ],
)
def test_tokens_are_filled_or_the_key_is_left_out(template: str, expected: Any) -> None:
    """Only context fields and the user's own id can be filled."""
    assert filled(template, {"patientId": "p1", "userId": "Practitioner/d1"}) == expected


def test_scopes_follow_the_templates() -> None:
    """Each type of a template, and the places of a stay."""
    templates = {"a": "Patient/{{context.patientId}}", "b": "Condition?patient=x"}
    assert scopes(templates) == "patient/Condition.rs patient/Location.rs patient/Patient.rs"
