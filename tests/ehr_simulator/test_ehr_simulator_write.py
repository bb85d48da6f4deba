"""Writing back: a risk assessment and its provenance, for the token's own patient and nobody else."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

SCOPE = "launch patient/RiskAssessment.crus patient/Provenance.crs patient/Observation.rs"
SYSTEM = "https://chartside.example/advice"


def risk(patient: str = "sim-02", **changes: Any) -> dict[str, Any]:
    """A small RiskAssessment."""
    return {
        "resourceType": "RiskAssessment",
        "status": "final",
        "identifier": [{"system": SYSTEM, "value": str(uuid.uuid4())}],
        "subject": {"reference": f"Patient/{patient}"},
        "prediction": [{"outcome": {"text": "In-hospital death"}, "probabilityDecimal": 0.41}],
    } | changes


def origin(*targets: str) -> dict[str, Any]:
    """A small Provenance."""
    return {
        "resourceType": "Provenance",
        "target": [{"reference": target} for target in targets],
        "recorded": "2026-03-02T08:00:00Z",
        "agent": [{"who": {"display": "Chartside"}}],
    }


class Pen:
    """Writes with one token."""

    def __init__(self, road: Any, scope: str = SCOPE, patient: str = "sim-02") -> None:
        self.road = road
        self.token = road.token(scope=scope, launch=road.launch(patient))["access_token"]

    def send(self, method: str, path: str, body: Any, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.road.client.open(
            f"/fhir/{path}", method=method, json=body, headers={"Authorization": f"Bearer {self.token}", **named}
        )

    def create(self, body: dict[str, Any], **headers: str) -> Any:
        return self.send("POST", body["resourceType"], body, **headers)

    def created(self, body: dict[str, Any]) -> str:
        """Its reference."""
        answer = self.create(body)
        assert answer.status_code == 201, answer.data
        return f"{body['resourceType']}/{answer.get_json()['id']}"


@pytest.fixture
def pen(road: Any) -> Pen:
    return Pen(road)


@pytest.fixture
def foreign(road: Any) -> str:
    """The reference of somebody else's RiskAssessment."""
    return Pen(road, patient="sim-04").created(risk("sim-04"))


def test_both_are_created_and_read_back(pen: Pen, ehr_at: str) -> None:
    """201 with the resource and a Location on the public base; read and search find them again."""
    answer = pen.create(risk())
    assert answer.status_code == 201
    reference = f"RiskAssessment/{answer.get_json()['id']}"
    assert answer.headers["Location"].startswith(f"{ehr_at}/fhir/{reference}")
    assert answer.headers["ETag"]
    about = pen.created(origin(reference))
    assert pen.road.read(reference, pen.token).get_json()["prediction"][0]["probabilityDecimal"] == 0.41
    assert pen.road.read(about, pen.token).get_json()["target"] == [{"reference": reference}]
    found = pen.road.read("Provenance", pen.token, target=reference).get_json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [about.partition("/")[2]]


def test_addresses_on_our_own_base_are_understood(pen: Pen, ehr_at: str) -> None:
    """An absolute subject on the public base is stored relative."""
    reference = pen.created(risk(subject={"reference": f"{ehr_at}/fhir/Patient/sim-02"}))
    assert pen.road.read(reference, pen.token).get_json()["subject"] == {"reference": "Patient/sim-02"}
    pen.created(origin(f"{ehr_at}/fhir/{reference}"))


def test_a_conditional_create_makes_one(pen: Pen) -> None:
    """If-None-Exist with the identifier gives the same resource again."""
    body = risk()
    condition = f"identifier={SYSTEM}|{body['identifier'][0]['value']}"
    first = pen.create(body, If_None_Exist=condition)
    second = pen.create(body, If_None_Exist=condition)
    assert first.status_code == 201, first.data
    assert second.status_code == 200, second.data
    assert second.get_json()["id"] == first.get_json()["id"]


def test_assessments_are_found_by_identifier(pen: Pen, foreign: str) -> None:
    """Of the own patient only."""
    body = risk()
    made = pen.created(body)
    named = f"{SYSTEM}|{body['identifier'][0]['value']}"
    found = pen.road.read("RiskAssessment", pen.token, identifier=named).get_json()
    assert [f"RiskAssessment/{entry['resource']['id']}" for entry in found["entry"]] == [made]
    every = pen.road.read("RiskAssessment", pen.token).get_json()["entry"]
    assert foreign not in {f"RiskAssessment/{entry['resource']['id']}" for entry in every}


def test_a_condition_may_not_name_another_patient(pen: Pen) -> None:
    """Else it would tell whether somebody else has such a resource."""
    assert pen.create(risk(), If_None_Exist="patient=sim-04").status_code == 403


def test_an_own_assessment_can_be_updated(pen: Pen) -> None:
    """PUT over what exists; an id that does not exist, or does not fit, is refused."""
    body = risk()
    reference = pen.created(body)
    changed = {**body, "id": reference.partition("/")[2], "status": "entered-in-error"}
    assert pen.send("PUT", reference, changed).status_code == 200
    assert pen.road.read(reference, pen.token).get_json()["status"] == "entered-in-error"
    assert pen.send("PUT", reference, body).status_code == 400
    assert pen.send("PUT", "RiskAssessment/mine", {**body, "id": "mine"}).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": {"reference": "Patient/sim-04"}},
        {"subject": {"reference": "https://evil.example/fhir/Patient/sim-02"}},
        {"subject": {"display": "Somebody"}},
        {"subject": None},
        {"encounter": {"reference": "Encounter/sim-04-stay"}},
        {"encounter": {"reference": "Encounter/unknown"}},
        {"basis": [{"reference": "Patient/sim-04"}]},
        {"contained": [{"resourceType": "Observation", "subject": {"reference": "Patient/sim-04"}}]},
    ],
)
def test_an_assessment_about_somebody_else_is_refused(pen: Pen, changes: dict[str, Any]) -> None:
    """By subject, encounter, or anything inside."""
    body = {name: value for name, value in (risk() | changes).items() if value is not None}
    assert pen.create(body).status_code == 403


def test_a_foreign_assessment_is_out_of_reach(pen: Pen, foreign: str) -> None:
    """Neither read, nor overwritten, nor the target of a Provenance."""
    assert pen.road.read(foreign, pen.token).status_code == 403
    assert pen.send("PUT", foreign, {**risk(), "id": foreign.partition("/")[2]}).status_code == 403
    assert pen.create(origin(foreign)).status_code == 403
    assert pen.road.read("Provenance", pen.token, target=foreign).status_code == 403


def test_a_provenance_of_others_is_out_of_reach(pen: Pen, road: Any, foreign: str) -> None:
    """Reading it by id, or searching without a target, gives 403."""
    other = Pen(road, patient="sim-04").created(origin(foreign))
    assert pen.road.read(other, pen.token).status_code == 403
    assert pen.road.read("Provenance", pen.token).status_code == 403
    assert pen.road.read("Provenance", pen.token, target="Patient/sim-02", agent="x").status_code == 403


@pytest.mark.parametrize("targets", [(), ("Practitioner/dr-demo",), ("RiskAssessment/unknown",), ("#x",)])
def test_a_provenance_is_about_something_of_the_patient(pen: Pen, targets: tuple[str, ...]) -> None:
    """No target, a target that is not the patient's, one that does not exist."""
    assert pen.create(origin(*targets)).status_code == 403


def test_a_provenance_about_the_patient_is_theirs(pen: Pen) -> None:
    """The patient as the target."""
    pen.created(origin("Patient/sim-02"))


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("launch patient/RiskAssessment.rs", 403),
        ("launch patient/RiskAssessment.u", 403),
        ("launch patient/RiskAssessment.c", 201),
        ("launch patient/RiskAssessment.write", 201),
        ("launch patient/*.write", 201),
        ("launch patient/*.cruds", 201),
        ("launch user/RiskAssessment.cruds", 403),
    ],
)
def test_creating_needs_its_scope(road: Any, scope: str, status: int) -> None:
    """Version 1 and 2; a user scope writes nothing here."""
    assert Pen(road, scope).create(risk()).status_code == status


def test_other_types_stay_read_only(road: Any) -> None:
    """Whatever the scope says."""
    pen = Pen(road, "launch patient/*.cruds patient/*.write")
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "subject": {"reference": "Patient/sim-02"}}  # fmt: skip
    assert pen.create(body).status_code == 405
    assert pen.send("DELETE", "RiskAssessment/1", None).status_code == 405
    assert pen.send("PATCH", "RiskAssessment/1", []).status_code == 405


@pytest.mark.parametrize("body", [None, [], "x", {}, {"resourceType": "Observation"}])
def test_a_body_of_another_type_is_refused(pen: Pen, body: Any) -> None:
    """400 with an OperationOutcome."""
    answer = pen.send("POST", "RiskAssessment", body)
    assert answer.status_code == 400
    assert answer.get_json()["resourceType"] == "OperationOutcome"
