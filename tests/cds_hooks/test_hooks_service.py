"""Discovery and service calls, as the specification words them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.services import Services
from clinical import errors
from clinical.advice import Advice, WithheldReason
from clinical.assessment import Abstention
from clinical.errors import SettingsInvalid
from findings import INFO

CALL = "/cds-services/icu-mortality"


def outcome_of(response: Any) -> str:
    """The words of an OperationOutcome."""
    body = response.get_json()
    assert body["resourceType"] == "OperationOutcome"
    assert body["issue"][0]["severity"] == "error"
    return str(body["issue"][0]["details"]["text"])


@pytest.mark.conforms(8, 9, 10, 11, 12, 13, 14, 17)
def test_discovery_lists_each_model_on_each_hook(door: Any) -> None:
    """CDS Hooks 2.0.1, Discovery: hook, id, title, description and prefetch per service."""
    services = door.http.get("/cds-services").get_json()["services"]
    assert [(s["id"], s["hook"]) for s in services] == [
        ("icu-mortality", "patient-view"),
        ("icu-mortality", "encounter-start"),
    ]
    assert all({"title", "description", "usageRequirements", "prefetch"} <= s.keys() for s in services)
    first, second = (s["prefetch"] for s in services)
    assert first["patient"] == "Patient/{{context.patientId}}"
    assert first["stays"] == "Encounter?patient={{context.patientId}}&_sort=-date&_count=20"
    assert second["stays"] == "Encounter/{{context.encounterId}}"


@pytest.mark.conforms(27, 28, 33)
def test_a_call_becomes_an_invocation(door: Any) -> None:
    """The specification's own example request, read whole."""
    body = door.body(
        fhirServer="https://ehr.test/fhir/",
        fhirAuthorization={
            "access_token": "some-opaque-fhir-access-token",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "user/Patient.read user/Observation.read",
            "subject": "cds-service4",
        },
        extension={"org.example.timestamp": "2017-11-27T22:13:25Z"},
    )
    response = door.post(body)
    assert response.status_code == 200
    call = door.calls[0]
    assert (call.client, call.service, call.hook) == ("demo-ehr", "icu-mortality", "patient-view")
    assert (call.patient_id, call.encounter_id, call.user) == ("1288992", "89284", "Practitioner/example")
    assert call.access.base_url == "https://ehr.test/fhir"
    assert call.access.scopes == ("user/Patient.read", "user/Observation.read")


@pytest.mark.conforms(46)
def test_a_card_comes_back(door: Any) -> None:
    """200 with a card whose uuid is the ledger entry's id."""
    body = door.post(door.body()).get_json()
    card = body["cards"][0]
    assert card["uuid"] == door.advice.id
    assert card["indicator"] == "critical"
    assert body["extension"]["org.chartside.outcome"]["probability"] == 0.5


@pytest.mark.conforms(47)
def test_nothing_to_say_says_why(door: Any, make_advice: Callable[..., Advice]) -> None:
    """No card, and the reason beside the empty list."""
    door.advice = make_advice(withheld=WithheldReason.BELOW_THRESHOLD)
    body = door.post(door.body()).get_json()
    assert body["cards"] == []
    assert body["extension"]["org.chartside.outcome"]["withheld"] == "below-threshold"


def test_an_abstention_is_a_card(
    door: Any, make_advice: Callable[..., Advice], make_abstention: Callable[..., Abstention]
) -> None:
    """Not assessed is said aloud."""
    door.advice = make_advice(make_abstention())
    card = door.post(door.body()).get_json()["cards"][0]
    assert "not assessed" in card["summary"]
    assert "suggestions" not in card


def test_patient_ids_may_carry_their_type_and_null_is_absent(door: Any) -> None:
    """Two deviations that EHRs are known for."""
    context = {"userId": "Practitioner/1", "patientId": "Patient/p", "encounterId": None}
    assert door.post(door.body(context=context, prefetch=None, fhirAuthorization=None)).status_code == 200
    assert (door.calls[0].patient_id, door.calls[0].encounter_id, door.calls[0].prefetch) == ("p", None, {})


CONTEXT = {"userId": "Practitioner/example", "patientId": "1288992"}
TOKEN = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "s"}


@pytest.mark.conforms(28, 29, 30, 32)
@pytest.mark.parametrize(
    "changes",
    [
        {"hook": ...},
        {"hook": 7},
        {"hook": "order-sign"},
        {"hookInstance": ...},
        {"hookInstance": "not-a-uuid"},
        {"hookInstance": 7},
        {"context": ...},
        {"context": []},
        {"context": {**CONTEXT, "patientId": None}},
        {"context": {**CONTEXT, "patientId": ["1"]}},
        {"context": {**CONTEXT, "patientId": "a b"}},
        {"context": {**CONTEXT, "patientId": "1/../2"}},
        {"context": {**CONTEXT, "userId": "dr"}},
        {"context": {**CONTEXT, "encounterId": "x" * 65}},
        {"hook": "encounter-start", "context": CONTEXT},
        {"prefetch": []},
        {"fhirServer": "ftp://x"},
        {"fhirServer": "https://user:pw@x/fhir"},
        {"fhirAuthorization": TOKEN},
        {"fhirServer": "https://x/fhir", "fhirAuthorization": "t"},
        {"fhirServer": "https://x/fhir", "fhirAuthorization": {**TOKEN, "access_token": ""}},
        {"fhirServer": "https://x/fhir", "fhirAuthorization": {**TOKEN, "access_token": "a\nb"}},
        {"fhirServer": "https://x/fhir", "fhirAuthorization": {**TOKEN, "token_type": "MAC"}},
        {"fhirServer": "https://x/fhir", "fhirAuthorization": {**TOKEN, "expires_in": "300"}},
        {"fhirServer": "https://x/fhir", "fhirAuthorization": {**TOKEN, "scope": None}},
        {"fhirServer": "https://x/fhir", "fhirAuthorization": {**TOKEN, "subject": None}},
    ],
)
def test_a_wrong_shape_is_400(changes: dict[str, Any], door: Any) -> None:
    """Nothing is guessed, nothing is run."""
    response = door.post(door.body(**changes))
    assert response.status_code == 400
    assert outcome_of(response)
    assert door.calls == []


@pytest.mark.conforms(30)
def test_a_token_for_another_patient_is_422(door: Any) -> None:
    """The access must be for the patient of the call."""
    changes = {"fhirServer": "https://x/fhir", "fhirAuthorization": {**TOKEN, "patient": "somebody-else"}}
    response = door.post(door.body(**changes))
    assert response.status_code == 422
    assert "somebody-else" not in response.text


@pytest.mark.conforms(2, 5, 43)
@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"hook":"a","hook":"b"}', "application/json", 400),
        (b'{"hook":NaN}', "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json; charset=latin-1", 415),
        (b"{}", "application/xml", 415),
        (b'"' + b"x" * 4_000_001 + b'"', "application/json", 413),
    ],
)
def test_a_body_that_is_not_strict_json(data: bytes, content_type: str, status: int, door: Any) -> None:
    """The one entry for bodies."""
    response = door.http.post(CALL, data=data, content_type=content_type)
    assert response.status_code == status
    assert outcome_of(response)


def test_an_encoded_body_is_415(door: Any) -> None:
    """No decompression of what strangers send."""
    response = door.http.post(CALL, data=b"x", content_type="application/json", headers={"Content-Encoding": "gzip"})
    assert response.status_code == 415


@pytest.mark.parametrize("coding", ["gzip, chunked", "GZIP,chunked", "deflate", "chunked;x=1", "compress ,chunked"])
def test_a_transfer_coding_other_than_chunked_is_400(coding: str, door: Any) -> None:
    """The server undoes chunks and lets the rest pass (RFC 9112 section 6.1); nobody else undoes it."""
    headers = {"Transfer-Encoding": coding}
    response = door.http.post(CALL, data=b"{}", content_type="application/json", headers=headers)
    assert response.status_code == 400
    assert outcome_of(response) == "A transfer coding other than chunked is not taken."


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "identity, chunked", " chunked "])
def test_chunks_are_taken(coding: str, door: Any) -> None:
    """They are the body as it is."""
    headers = {"Transfer-Encoding": coding}
    whole = {"wsgi.input_terminated": True}  # as servers say that undo chunks
    response = door.http.post(
        CALL, data=b"[]", content_type="application/json", headers=headers, environ_overrides=whole
    )
    assert outcome_of(response) == "The body must be a JSON object."


@pytest.mark.conforms(43, 44)
@pytest.mark.parametrize("path", ["/cds-services/nobody", "/cds-services/nobody/feedback"])
def test_an_unknown_service_is_404(path: str, door: Any) -> None:
    """Also when the body would be wrong."""
    assert (
        outcome_of(door.http.post(path, data=b"{")) == "There is no service with this id. GET /cds-services lists them."
    )
    assert door.http.post(path, data=b"{").status_code == 404


@pytest.mark.conforms(43, 44)
@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (errors.DataUnavailable("labs", "nobody sent it"), 412, "'labs'"),
        (errors.WrongPatient("A fact names another patient."), 422, "another patient"),
        (errors.LedgerUnavailable("The ledger cannot be written."), 503, "ledger"),
        (errors.ModelFault("The model broke a promise."), 500, "promise"),
        (KeyError("secret-patient-name"), 500, "No advice was given"),
    ],
)
def test_faults_have_a_status_and_words(fault: Exception, status: int, words: str, door: Any, caplog: Any) -> None:
    """A fault is never an empty list of cards, and shows nothing from inside."""
    door.advice = fault
    response = door.post(door.body())
    assert response.status_code == status
    assert words in outcome_of(response)
    assert "secret" not in response.text + caplog.text
    assert ("Retry-After" in response.headers) == (status == 503)


def test_wrong_methods_are_405(door: Any) -> None:
    """With an OperationOutcome."""
    assert outcome_of(door.http.get(CALL)) == "Method Not Allowed"


def test_answers_are_not_cached_and_not_sniffed(door: Any) -> None:
    """On good and on bad answers."""
    for response in (door.http.get("/cds-services"), door.http.post(CALL, data=b"{")):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.conforms(102)
def test_cors_is_for_registered_origins_only(door: Any) -> None:
    """Preflight and call, never with credentials."""
    for response in (
        door.http.options(CALL, headers={"Origin": "https://ehr.test", "Access-Control-Request-Method": "POST"}),
        door.http.get("/cds-services", headers={"Origin": "https://ehr.test"}),
    ):
        assert response.headers["Access-Control-Allow-Origin"] == "https://ehr.test"
        assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in response.headers
    stranger = door.http.get("/cds-services", headers={"Origin": "https://evil.test"})
    assert "Access-Control-Allow-Origin" not in stranger.headers


@pytest.mark.conforms(41, 100)
def test_log_lines_hold_ids_of_ours_and_nothing_of_the_patient(door: Any, caplog: Any) -> None:
    """No patient id, token or value."""
    caplog.set_level("INFO")
    door.post(door.body(fhirServer="https://x/fhir", fhirAuthorization={**TOKEN, "access_token": "sekret"}))
    lines = json.dumps([record.__dict__ for record in caplog.records], default=str)
    assert door.advice.id in lines
    # As words of their own: digits stand in times and ids too.
    assert not re.search(r"\b(1288992|89284|sekret|mmol|Practitioner)\b", re.sub(r"\d+\.\d+", "", lines))


@pytest.mark.conforms(17)
def test_two_services_cannot_share_a_key() -> None:
    """A second model with the same id is a fault at start, and so is a hook that nobody knows."""

    class Named:
        info = INFO
        needs = ()

        def assess(self, record: object, as_of: object) -> Any:
            raise NotImplementedError

    with pytest.raises(SettingsInvalid, match="Two services"):
        Services([Named(), Named()])
    from dataclasses import replace

    Named.info = replace(INFO, hooks=("no-such-hook",))
    with pytest.raises(SettingsInvalid, match="not known"):
        Services([Named()])
