"""What the doctor sends, what it survives, and what it never shows."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, Response, request
from open_ports import free_port

from chartside.doctor import examination, machine, text
from chartside.doctor.checks import Level, Outcome
from chartside.doctor.hooks import HOOKS
from chartside.doctor.visit import Persons

FIELDS = {
    "patient-view": {"userId", "patientId", "encounterId"},
    "encounter-start": {"userId", "patientId", "encounterId"},
    "encounter-discharge": {"userId", "patientId", "encounterId"},
    "order-select": {"userId", "patientId", "encounterId", "selections", "draftOrders"},
    "order-sign": {"userId", "patientId", "encounterId", "draftOrders"},
    "appointment-book": {"userId", "patientId", "encounterId", "appointments"},
    "order-dispatch": {"patientId", "dispatchedOrders", "performer", "fulfillmentTasks"},
    "allergyintolerance-create": {"userId", "patientId", "encounterId", "allergyIntolerance"},
    "medication-refill": {"userId", "patientId", "encounterId", "medications"},
    "problem-list-item-create": {"userId", "patientId", "encounterId", "conditions"},
}


def test_all_ten_hooks_are_called_with_the_context_that_the_library_asks_for(
    plant: Any, make_service: Any, serve: Any, diagnose: Any, broken: Any
) -> None:
    """Each hook has its fields, order-dispatch both sets of names, every call its own hookInstance and patient."""
    service = make_service(plant(hooks=tuple(HOOKS)))
    with serve(service.app) as base:
        report = diagnose(base, signed=False)
    assert broken(report) == {"token.required": "warn"}
    for hook, fields in FIELDS.items():
        contexts = [sent["context"] for sent in service.seen if sent["hook"] == hook]
        assert any(set(context) == fields for context in contexts), hook
    old = [sent["context"] for sent in service.seen if "task" in sent["context"]]
    assert old
    assert all(not {"dispatchedOrders", "fulfillmentTasks", "userId"} & set(context) for context in old)
    assert {"patientId", "performer", "order", "task"} in [set(context) for context in old]
    full = [sent for sent in service.seen if "extension" not in sent]
    instances = [sent["hookInstance"] for sent in full]
    assert len(set(instances)) >= len(instances) - 2 * len(HOOKS)  # only the repeated call has the same
    assert len({sent["context"].get("patientId") for sent in full}) > len(instances) / 2


def test_drafts_are_about_the_patient_of_the_call(plant: Any, make_service: Any, serve: Any, diagnose: Any) -> None:
    """Named persons stand in context, drafts and prefetch alike."""
    service = make_service(plant(hooks=("order-sign",)))
    with serve(service.app) as base:
        diagnose(base, signed=False, persons=Persons("p9", "e9", "PractitionerRole/r9"))
    first = service.seen[0]
    assert first["context"]["userId"] == "PractitionerRole/r9"
    assert first["prefetch"]["patient"]["id"] == "p9"
    assert '"Patient/p9"' in json.dumps(first["context"]["draftOrders"])
    assert {e["resource"]["code"]["coding"][0]["code"] for e in first["prefetch"]["labs"]["entry"]} == {"2160-0"}


def test_own_prefetch_is_sent_as_it_is(plant: Any, make_service: Any, serve: Any, diagnose: Any) -> None:
    """--prefetch replaces the invented record."""
    service, own = make_service(plant()), {"patient": {"resourceType": "Patient", "id": "p9"}, "labs": None}
    with serve(service.app) as base:
        diagnose(base, signed=False, persons=Persons("p9"), prefetch=own)
    assert service.seen[0]["prefetch"] == own


def test_a_service_that_wants_a_key_is_not_called_broken(
    make_service: Any, serve: Any, diagnose: Any, jwks: Any
) -> None:
    """401 to everything means: give a key."""
    with serve(make_service(None, jwks).app) as base:
        report = diagnose(base, signed=False)
    assert "give --key" in report.blocked
    assert report.counts()[Outcome.FAIL] == 0
    assert report.exit_code(strict=False) == 2
    assert "NOT EXAMINED IN FULL" in text.render(report)


def test_a_key_that_is_not_taken_is_said(plant: Any, make_service: Any, serve: Any, diagnose: Any) -> None:
    """The signed call was refused: the settings are to be looked at, not the service."""
    with serve(make_service(None, {"keys": []}).app) as base:
        report = diagnose(base)
    assert "check issuer, kid" in report.blocked
    assert report.exit_code(strict=False) == 2


def test_calls_that_need_a_key_behind_open_discovery(serve: Any, diagnose: Any) -> None:
    """Discovery is judged, calls are not."""
    app = Flask("half-open")
    entry = {"hook": "patient-view", "id": "x", "title": "X", "description": "X"}
    app.get("/cds-services")(lambda: {"services": [entry]})
    app.post("/cds-services/x", endpoint="call")(lambda: ({"error": "login"}, 401))
    with serve(app) as base:
        report = diagnose(base, signed=False)
    assert "give --key" in report.blocked
    assert report.counts()[Outcome.FAIL] == 0


def test_discovery_elsewhere_is_judged_and_used(make_service: Any, serve: Any, diagnose: Any, broken: Any) -> None:
    """A service whose discovery stands at another path fails that row, and is examined all the same."""
    service = make_service()
    service.app.view_functions["discover"] = lambda: ("", 404)
    service.app.get("/elsewhere", endpoint="elsewhere")(service.discover)
    with serve(service.app) as base:
        assert broken(diagnose(base, signed=False)) == {"discovery.path": "fail"}
        report = diagnose(base, signed=False, discovery=f"{base}/elsewhere")
    assert broken(report) == {"discovery.path": "fail", "token.required": "warn"}


def test_nobody_there(diagnose: Any) -> None:
    """A closed port ends the examination at once."""
    report = diagnose(f"http://127.0.0.1:{free_port()}")
    assert "closed or refused" in report.blocked
    assert report.requests == 1
    assert report.exit_code(strict=False) == 2


@contextmanager
def raw_server(answer: Any) -> Iterator[str]:
    """A listener that does with each connection what `answer` does."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    answer(connection, stop)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(timeout=5)


def test_a_dripping_service_cannot_hold_the_doctor(diagnose: Any) -> None:
    """A byte now and then never runs into a read timeout; the whole call has one."""

    def drip(connection: socket.socket, stop: threading.Event) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n")
        for _ in range(1200):  # a minute, if nobody hangs up
            connection.sendall(b" ")
            if stop.wait(0.05):
                return

    with raw_server(drip) as base:
        report = diagnose(base, seconds=0.5, signed=False)
    assert "gave no whole answer in 0.5 s" in report.blocked


def test_an_endless_answer_is_cut_off(diagnose: Any) -> None:
    """No more than some megabytes are read."""

    def pour(connection: socket.socket, stop: threading.Event) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while not stop.is_set():
            connection.sendall(b" " * 65536)

    with raw_server(pour) as base:
        assert "answered with more than 4000000 bytes" in diagnose(base, signed=False).blocked


def test_redirects_are_not_followed(serve: Any, diagnose: Any) -> None:
    """A token must not travel to where a redirect points."""
    app, visited = Flask("redirects"), []
    app.get("/cds-services")(lambda: Response("", 302, {"Location": "/other"}))
    app.get("/other", endpoint="other")(lambda: visited.append(1) or {"services": []})  # type: ignore[func-returns-value]
    with serve(app) as base:
        report = diagnose(base)
    assert not visited
    assert report.requests == 1


def test_the_environment_is_not_read(
    monkeypatch: pytest.MonkeyPatch, make_service: Any, serve: Any, diagnose: Any
) -> None:
    """A proxy in the environment would see the tokens."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serve(make_service().app) as base:
        assert not diagnose(base, signed=False).blocked


def test_the_number_of_calls_is_bounded(
    plant: Any, make_service: Any, serve: Any, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report is written when the calls are used up, and says so."""
    from datetime import UTC, datetime

    from chartside.doctor.caller import Caller
    from chartside.doctor.visit import Options
    from chartside.doctor.wire import Limits, Wire

    class Now:
        def now(self) -> datetime:
            return datetime.now(UTC)

    with serve(make_service(plant()).app) as base:
        caller = Caller(Wire(Limits(calls=7), "test"), None)
        report = examination.examine(Options(base), caller, Now(), persons=Persons(), version="test")
    assert report.requests == 7
    assert "stopped after 7 calls" in report.blocked


@pytest.mark.parametrize("value", [None, [], 1, "x", {"services": {}}, {"services": [None, [], {"id": 1, "hook": []}]}])
def test_nonsense_in_place_of_discovery_is_a_finding(value: Any, serve: Any, diagnose: Any) -> None:
    """The doctor judges; it does not crash."""
    app = Flask("nonsense")
    app.get("/cds-services")(lambda: Response(json.dumps(value), content_type="application/json"))
    with serve(app) as base:
        report = diagnose(base, signed=False)
    assert report.counts()[Outcome.FAIL]
    assert report.exit_code(strict=False) == 1


def test_every_call_has_its_own_token_for_its_own_url(make_service: Any, serve: Any, diagnose: Any, jwks: Any) -> None:
    """A service that takes each jti once and compares aud with the called URL answers every signed call."""
    service, tokens = make_service(None, jwks), []
    service.app.before_request(lambda: tokens.append(request.headers.get("Authorization")))  # type: ignore[func-returns-value]
    with serve(service.app) as base:
        report = diagnose(base)
    assert not report.blocked
    sent = [token for token in tokens if token]
    assert len(sent) - len(set(sent)) == 1  # the replay check


def test_reports_hold_no_token_no_marker_and_no_patient(
    plant: Any, make_service: Any, serve: Any, diagnose: Any, jwks: Any
) -> None:
    """A service that sends everything back does not get it into the report."""

    def all_of_it(_: Any, body: bytes) -> Any:
        return Response(body + request.headers.get("Authorization", "").encode(), 400)

    service = make_service(plant(refusal=all_of_it, card=lambda card: {**card, "summary": "Jane Doe " * 30}), jwks)
    with serve(service.app) as base:
        report = diagnose(base)
    for printed in (text.render(report), json.dumps(machine.as_json(report, 1))):
        assert not re.search(r"eyJ[A-Za-z0-9]|Jane|doctor-[0-9a-f]{16}|doctor-patient", printed)


def test_hostile_names_cannot_draw_on_the_terminal(serve: Any, diagnose: Any) -> None:
    """Ids come from the service: control and direction characters, line breaks and length are taken out."""
    app = Flask("rude")
    entry = {"hook": "x\x1b[2J", "id": "a\n\u202eb" + "c" * 500, "description": "d"}
    app.get("/cds-services")(lambda: {"services": [entry]})
    with serve(app) as base:
        printed = text.render(diagnose(base, signed=False))
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", printed)
    assert max(map(len, printed.splitlines())) <= text.WIDTH


def test_the_text_is_readable_in_a_mail(make_service: Any, serve: Any, diagnose: Any) -> None:
    """Words for marks, bounded lines, rows and counts."""
    with serve(make_service().app) as base:
        report = diagnose(base, signed=False)
    printed = text.render(report)
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) <= text.WIDTH
    assert re.search(r"PASS  SHALL  The summary is given and shorter than 140 characters \(row 51\)", printed)
    assert re.search(r"WARN  SHOULD A call without a token is refused \(row 88\)\n +found: .*\n +to do: ", printed)
    assert f"Summary: {len(report.results)} checks: " in printed
    assert f"{base}/cds-services" in printed


def test_the_catalogue_holds_together() -> None:
    """Ids are unique, rows exist, every check says what to do."""
    ids = [check.id for check in examination.CHECKS]
    assert len(set(ids)) == len(ids)
    for check in examination.CHECKS:
        assert all(1 <= row <= 112 for row in check.rows), check.id
        assert check.advice.endswith("."), check.id
        assert not check.title.endswith("."), check.id
        assert re.fullmatch(r"[a-z]+\.[a-z0-9.-]+", check.id)


def test_levels_narrow_the_report(make_service: Any, serve: Any, diagnose: Any) -> None:
    """--level leaves the more binding rules."""
    with serve(make_service().app) as base:
        report = diagnose(base, signed=False)
    assert {row.check.level for row in report.down_to(Level.SHALL).results} == {Level.SHALL}
    assert len(report.down_to(Level.MAY).results) == len(report.results)
    assert report.exit_code(strict=False) == 0
    assert report.exit_code(strict=True) == 1  # calls without a token
