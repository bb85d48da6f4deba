"""The service call (rows 27 to 45, 107 to 111): what is refused, where data come from, how long it takes."""

from __future__ import annotations

import logging
import sqlite3
import statistics
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.services import known_hooks
from clinical.errors import SettingsInvalid

OUTCOME = "org.chartside.outcome"
ISSUE_TYPES = {
    "invalid", "login", "forbidden", "not-found", "too-long", "not-supported", "processing", "required", "transient",
    "exception",
}  # fmt: skip


def refused(answer: Any, status: int) -> str:
    """The words of a refusal, which is an OperationOutcome without cards."""
    assert answer.status_code == status, answer.text
    body = answer.get_json()
    assert body["resourceType"] == "OperationOutcome"
    assert "cards" not in body
    return str(body["issue"][0]["details"]["text"])


def found(answer: Any) -> dict[str, Any]:
    """What an answer says was found."""
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json()["extension"][OUTCOME])


@pytest.mark.conforms(27)
def test_an_unknown_id_is_404(caller: Any) -> None:
    """At the call and at its feedback."""
    refused(caller.post(caller.body(), "nobody"), 404)
    refused(caller.http.post("/cds-services/nobody/feedback", json={"feedback": []}), 404)


@pytest.mark.conforms(28)
@pytest.mark.parametrize("member", ["hook", "hookInstance", "context"])
@pytest.mark.parametrize("value", [..., None, 7, "", [], {}, True, "not-what-it-should-be", "0" * 32 + "----"])
def test_a_required_member_is_not_guessed(member: str, value: object, caller: Any) -> None:
    """Absent, null, empty or mistyped: 400 that names it."""
    body = {name: member_value for name, member_value in caller.body().items() if name != member}
    assert member in refused(caller.post(body if value is ... else {**body, member: value}), 400)


@pytest.mark.conforms(29)
def test_access_without_a_server_is_refused(caller: Any) -> None:
    """A token alone leads nowhere."""
    granted = caller.access()["fhirAuthorization"]
    assert "fhirServer" in refused(caller.post(caller.body(fhirAuthorization=granted)), 400)
    assert caller.post(caller.body(fhirServer=caller.ehr.fhir)).status_code == 200


@pytest.mark.conforms(30)
@pytest.mark.parametrize("member", ["access_token", "token_type", "expires_in", "scope", "subject"])
@pytest.mark.parametrize("value", [None, 7.5, [], {}, True])
def test_access_is_whole(member: str, value: object, caller: Any) -> None:
    """Each required member is there and of its type."""
    assert member in refused(caller.post(caller.body(**caller.access(**{member: value}))), 400)


@pytest.mark.conforms(30)
def test_access_for_another_patient_stops_the_call(caller: Any) -> None:
    """The patient of the token is the patient of the call; without one the scopes alone say so."""
    refused(caller.post(caller.body(**caller.access(patient="pat-2"))), 422)
    for changes in ({"token_type": "MAC"}, {"access_token": ""}, {"access_token": "a\nb"}, {"expires_in": 0}):
        refused(caller.post(caller.body(**caller.access(**changes))), 400)
    access = caller.access()
    del access["fhirAuthorization"]["patient"]
    assert caller.post(caller.body(**access)).status_code == 200


@pytest.mark.conforms(31)
def test_a_fhir_server_without_tls_is_never_read(caller: Any, tmp_path: Path) -> None:
    """The registry takes https only (http on this machine), and a call reads no server but the registry's."""
    from chartside.clients import load_clients

    entry = '[clients.x]\nname = "X"\nauthentication = "loopback"\nfhir_base = "http://ehr.hospital.example/fhir"\n'
    (tmp_path / "clients.toml").write_text(entry)
    with pytest.raises(SettingsInvalid, match="fhir_base"):
        load_clients(tmp_path / "clients.toml")
    away = {**caller.access(), "fhirServer": "http://ehr.hospital.example/fhir"}
    assert "FHIR server" in refused(caller.post(caller.body(prefetch=..., **away)), 412)
    for url in ("ftp://x/fhir", "//x/fhir", "file:///etc", "https://user:pw@x/fhir", "https://a b/", "https://[x"):
        refused(caller.post(caller.body(**{**caller.access(), "fhirServer": url})), 400)


@pytest.mark.conforms(32)
def test_a_hook_must_be_one_of_the_service(caller: Any) -> None:
    """Also one that another service has."""
    assert "hook" in refused(caller.post(caller.body("encounter-start"), "second"), 400)
    refused(caller.post({**caller.body(), "hook": "org.example.made-up"}), 400)


@pytest.mark.conforms(33, 111)
def test_what_is_not_known_changes_nothing(caller: Any) -> None:
    """Members, context fields, extensions, and configuration of other guides."""
    plain = found(caller.post(caller.body()))
    extra = caller.body(
        extension={"davinci-crd.configuration": {"coverage": False}, "org.example.x": {"y": [1]}},
        unheard={"of": 1},
    )
    extra["context"]["extension"] = {"org.example.z": {"a": 1}}
    extra["context"]["org.example.more"] = ["b"]
    loud = found(caller.post(extra))
    assert (plain["probability"], plain["tier"]) == (loud["probability"], loud["tier"])


@pytest.mark.conforms(34, 35)
def test_data_come_from_prefetch_or_from_the_server(caller: Any) -> None:
    """What was sent is not read again, what was not is read: the same answer on each way."""
    caller.ehr.pages["/fhir/Patient/pat-1"] = caller.prefetch()["patient"]
    caller.ehr.pages["/fhir/Observation"] = caller.results(caller.lactate(5.0))
    caller.ehr.pages["/fhir/Condition"] = caller.results()
    sent = found(caller.post(caller.body()))
    assert caller.reads == []
    read = found(caller.post(caller.body(prefetch=..., **caller.access())))
    assert {path.partition("?")[0] for path in caller.reads} >= {"/fhir/Patient/pat-1", "/fhir/Observation"}
    caller.bearer = "another-token"
    partly = {key: value for key, value in caller.prefetch().items() if key == "patient"}
    mixed = found(caller.post(caller.body(prefetch=partly, **caller.access())))
    assert not [path for path in caller.reads if "/Patient/" in path]
    assert sent["probability"] == read["probability"] == mixed["probability"] == 0.5


@pytest.mark.conforms(36, 39)
def test_an_operation_outcome_is_no_data(caller: Any) -> None:
    """As a value or inside a Bundle it is never read as "nothing was measured"."""
    failed = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "timeout", "diagnostics": "secret-words"}],
    }
    text = refused(caller.post(caller.body(prefetch={**caller.prefetch(), "labs": failed})), 412)
    assert "labs" in text
    assert "secret-words" not in text
    partly = {**caller.prefetch(), "labs": caller.results(caller.lactate(5.0), failed)}
    assert "Read only in part" in caller.card(prefetch=partly)["detail"]
    alone = caller.post(caller.body(prefetch={**caller.prefetch(), "labs": caller.results(failed)}))
    assert alone.status_code == 412 or "Read only in part" in alone.get_json()["cards"][0]["detail"]


@pytest.mark.conforms(37, 39)
def test_null_and_an_empty_bundle_mean_no_data(caller: Any) -> None:
    """Both are an answer; an absent key is none."""
    for nothing in (None, caller.results(), {"resourceType": "Bundle", "type": "searchset", "total": 0}):
        answer = found(caller.post(caller.body(prefetch={**caller.prefetch(), "labs": nothing})))
        assert (answer["status"], answer["reason"]) == ("not-assessed", "not-enough-data")
    absent = {key: value for key, value in caller.prefetch().items() if key != "labs"}
    assert "'labs'" in refused(caller.post(caller.body(prefetch=absent)), 412)


@pytest.mark.conforms(38)
def test_a_paged_prefetch_is_read_to_its_end(caller: Any) -> None:
    """The newest value is on the second page; without access the answer says that it knows the first one only."""
    second = caller.lactate(9.0, "lab-2", effectiveDateTime=caller.now.isoformat())
    caller.ehr.pages["/fhir/Observation"] = caller.results(second)
    first = caller.results(caller.lactate(2.0), next_url=f"{caller.ehr.fhir}/Observation?page=2")
    paged = {**caller.prefetch(), "labs": first}
    assert found(caller.post(caller.body(prefetch=paged, **caller.access())))["probability"] == 0.9
    assert caller.reads == ["/fhir/Observation?page=2"]
    assert "Read only in part" in caller.card(prefetch=paged)["detail"]


@pytest.mark.conforms(38)
def test_pages_elsewhere_are_not_followed(caller: Any) -> None:
    """The token goes to the registered server and nowhere else."""
    first = caller.results(caller.lactate(2.0), next_url=f"{caller.ehr.url}/elsewhere?page=2")
    assert (
        "Read only in part" in caller.card(prefetch={**caller.prefetch(), "labs": first}, **caller.access())["detail"]
    )
    assert caller.reads == []


@pytest.mark.conforms(39)
def test_unreadable_data_are_412(caller: Any) -> None:
    """Not sent, and the server has nothing: the key is named, with what was tried."""
    for access in ({}, caller.access()):
        text = refused(caller.post(caller.body(prefetch=..., **access)), 412)
        assert "'patient'" in text or "'labs'" in text


@pytest.mark.conforms(40)
def test_each_read_carries_the_token_within_its_scope(caller: Any) -> None:
    """Scopes of both SMART versions; a type that they do not cover is not asked for."""
    caller.ehr.pages["/fhir/Patient/pat-1"] = caller.prefetch()["patient"]
    caller.ehr.pages["/fhir/Observation"] = caller.results(caller.lactate(5.0))
    scopes = ("patient/Patient.read patient/Observation.read", "patient/Patient.rs patient/Observation.rs")
    for number, scope in enumerate(scopes):
        access = caller.access(scope=scope, access_token=f"token-{number}")
        assert found(caller.post(caller.body(prefetch=..., **access)))["probability"] == 0.5
        asked = [path for path, authorization in caller.ehr.seen if authorization == f"Bearer token-{number}"]
        assert sorted(path.partition("?")[0] for path in asked) == ["/fhir/Observation", "/fhir/Patient/pat-1"]
    assert {authorization for _, authorization in caller.ehr.seen} >= {"Bearer token-0", "Bearer token-1"}
    assert None not in {authorization for _, authorization in caller.ehr.seen}
    access = caller.access(scope="patient/Patient.rs", access_token="narrow")
    refused(caller.post(caller.body(prefetch=..., **access)), 412)
    assert not [path for path, token in caller.ehr.seen if token == "Bearer narrow" and "Observation" in path]


@pytest.mark.conforms(41, 100)
def test_no_token_is_kept(caller: Any, folder: Path, caplog: Any) -> None:
    """Neither the access token nor the JWT is in a log line, an answer or the database, after good and bad calls."""
    caplog.set_level(logging.DEBUG)
    token = caller.token("/cds-services/all-hooks", client="hospital")
    access = caller.access(access_token="very-secret-access-token")
    headers = {"Authorization": f"Bearer {token}"}
    answers = [
        caller.post(caller.body(**access), headers=headers),
        caller.post(caller.body(**access), headers=headers),
        caller.post(caller.body(prefetch=..., **access)),
        caller.post(caller.body(**access)),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 412, 200]
    kept = [
        *(answer.data for answer in answers),
        caplog.text.encode(),
        repr([record.__dict__ for record in caplog.records]).encode(),
    ]
    kept += [path.read_bytes() for path in folder.glob("ledger.db*")]
    for secret in (b"very-secret-access-token", *(part.encode() for part in token.split("."))):
        assert not any(secret in text for text in kept)


@pytest.mark.conforms(42, 109)
def test_an_answer_comes_in_time(caller: Any) -> None:
    """Of twenty calls with prefetch the median is below half a second of work, whatever else a machine does."""
    caller.post(caller.body())
    spans = []
    for _ in range(20):
        started = time.process_time()
        assert caller.post(caller.body()).status_code == 200
        spans.append(time.process_time() - started)
    assert statistics.median(spans) < 0.5


@pytest.mark.conforms(109)
def test_a_slow_server_does_not_hold_the_answer_up(caller: Any) -> None:
    """The client's deadline ends all reads together."""
    caller.ehr.delay = 60.0
    started = time.perf_counter()
    refused(caller.post(caller.body(prefetch=..., **caller.access())), 412)
    assert time.perf_counter() - started < caller.ehr.delay / 2


@pytest.mark.conforms(43, 44)
def test_errors_have_a_status_and_an_operation_outcome(caller: Any) -> None:
    """400, 401, 404, 405, 412, 413, 415, 422: severity, code and text, and nothing of the request."""
    path = "/cds-services/all-hooks"
    wrong = {**caller.prefetch(), "labs": caller.lactate(5.0, subject={"reference": "Patient/secret-person"})}
    answers = {
        400: caller.post({"hook": "secret-person"}),
        401: caller.http.post(path, json={}, environ_base={"REMOTE_ADDR": "10.0.0.9"}),
        404: caller.post({}, "secret-person"),
        405: caller.http.get(path),
        412: caller.post(caller.body(prefetch={})),
        413: caller.http.post(path, data=b'"' + b"x" * 17_000_000 + b'"', content_type="application/json"),
        415: caller.http.post(path, data=b"{}", content_type="text/plain"),
        422: caller.post(caller.body(prefetch=wrong)),
    }
    for status, answer in answers.items():
        assert refused(answer, status)
        issue = answer.get_json()["issue"][0]
        assert issue["severity"] == "error"
        assert issue["code"] in ISSUE_TYPES
        assert "secret-person" not in answer.text


@pytest.mark.conforms(17, 45)
def test_services_on_one_hook_answer_for_themselves(caller: Any) -> None:
    """The same event at two services, and at one service on two hooks: each answer is its own."""
    body = caller.body()
    first, second = (found(caller.post(body, service)) for service in ("all-hooks", "second"))
    assert (first["model"], second["model"]) == ("all-hooks", "second")
    assert first["advice"] != second["advice"]
    again = caller.body("order-sign", hookInstance=body["hookInstance"])
    assert found(caller.post(again))["advice"] not in (first["advice"], second["advice"])


@pytest.mark.conforms(107)
@pytest.mark.parametrize("hook", sorted(known_hooks()))
def test_the_context_of_each_hook_is_read(hook: str, caller: Any) -> None:
    """A good one is answered; without any one of its required members it is refused; about another patient, too."""
    assert found(caller.post(caller.body(hook)))["status"] == "assessed"
    optional = set() if hook in ("encounter-start", "encounter-discharge") else {"encounterId"}
    for member in caller.body(hook)["context"]:
        body = caller.body(hook)
        del body["context"][member]
        assert caller.post(body).status_code == (200 if member in optional else 400), member
    body = caller.body(hook)
    text = repr(body["context"]).replace("'reference': 'Patient/pat-1'", "'reference': 'Patient/pat-2'")
    if text != repr(body["context"]):
        refused(caller.post({**body, "context": eval(text)}), 422)


@pytest.mark.conforms(110)
def test_every_call_is_kept_for_disputes(caller: Any, folder: Path) -> None:
    """What was said is in the ledger, also where no card went out; what was refused is in the audit."""
    shown = found(caller.post(caller.body()))
    quiet = found(caller.post(caller.body(context={**caller.body()["context"], "userId": "Patient/pat-1"})))
    assert (shown["shown"], quiet["shown"], quiet["withheld"]) == (True, False, "not-for-role")
    for answer in (shown, quiet):
        kept = caller.house.ledger.find(answer["advice"], client="ward", patient_id="pat-1")
        assert kept.finding.probability == answer["probability"]
    incident = caller.post(caller.body(prefetch={})).get_json()["issue"][0]["diagnostics"].split()[-1]
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        assert incident in "\n".join(database.iterdump())


@pytest.mark.conforms(110)
def test_the_log_is_not_for_everybody(caller: Any) -> None:
    """The quality team's page asks who one is."""
    assert caller.http.get("/oversight/override-rates").status_code == 401
