"""What an opened page assesses: all its models from one reading, as of one moment. A real FHIR server on loopback."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from chartside.factory import House, open_house
from chartside.page_assessment import PageAssessment, visit_invocation
from chartside.settings import Settings
from clinical.assessment import Abstention, AbstentionReason
from clinical.errors import DataUnavailable, NotOffered
from clinical.invocation import FhirAccess
from ehr_simulator.whole_answers import whole


@dataclass
class Fhir:
    """A FHIR server; `faults` maps a type to a status."""

    base: str = ""
    kept: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)

    def answer(self, path: str) -> Response:
        """One search or read."""
        self.asked.append(request.full_path)
        kind = path.split("/", maxsplit=1)[0]
        empty = {"resourceType": "Bundle", "type": "searchset"}
        body = json.dumps(self.kept.get(kind, empty))
        return Response(body, self.faults.get(kind, 200), content_type="application/fhir+json")


@dataclass(frozen=True)
class Visit:
    """As much of a launch as an assessment needs."""

    client: str = "ward"
    patient_id: str = "pat-1"
    encounter_id: str | None = None
    user: str = "Practitioner/dr-1"
    intent: str = ""


@dataclass(frozen=True)
class Leave:
    """Sessions that give leave to read."""

    base: str
    scopes: tuple[str, ...] = ("patient/*.rs",)

    def access(self, _visit: Visit) -> FhirAccess:
        """A token."""
        return FhirAccess(self.base, "t", self.scopes)


@pytest.fixture
def fhir(ill: dict[str, Any]) -> Iterator[Fhir]:
    """A server with the ill patient."""
    sent, made = ill["prefetch"], Fhir()
    stays = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": sent["encounter"]}]}
    made.kept = {"Patient": sent["patient"], "Encounter": stays, "Observation": sent["vitals"]}
    app = Flask("fhir")
    app.add_url_rule("/fhir/<path:path>", "any", lambda path: made.answer(path))  # noqa: PLW0108  looked up late
    server = make_server("127.0.0.1", 0, whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    made.base = f"http://127.0.0.1:{server.server_port}/fhir"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


class Ticking:
    """A clock on which each look takes a second, so that two looks never agree."""

    def __init__(self) -> None:
        self._time = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """A second later than before."""
        with self._lock:
            self._time += timedelta(seconds=1)
            return self._time


@pytest.fixture
def ward(make_settings: Callable[..., Settings], tmp_path: Path, fhir: Fhir) -> Iterator[House]:
    """The whole house, for that server."""
    settings = replace(make_settings(tmp_path), fhir_seconds=30.0)
    registry = settings.clients_file.read_text().replace("http://127.0.0.1:9/fhir", fhir.base)
    settings.clients_file.write_text(registry)
    with closing(open_house(settings, clock=Ticking())) as house:
        yield replace(house, sessions=Leave(fhir.base))  # type: ignore[arg-type]


def assess(ward: House, *also: str) -> Any:
    """What a page would show."""
    return PageAssessment(ward)(Visit(), also)  # type: ignore[arg-type]


def test_a_page_is_one_reading_at_one_moment(ward: House, fhir: Fhir) -> None:
    """Each query goes out once, however many models need it, and all sections are as of the same second."""
    found = assess(ward)
    models = [advice.service for advice in found.advice]
    assert {"icu-mortality", "sepsis-6h", "mortality-10y"} <= set(models)
    assert max(Counter(fhir.asked).values()) == 1
    assert sum(path.startswith("/fhir/Patient/") for path in fhir.asked) == 1
    assert len({advice.time for advice in found.advice}) == 1
    assert len({advice.finding.as_of for advice in found.advice}) == 1
    assert found.banner.birth_date is not None
    assert all(ward.ledger.find(one.id, client="ward", patient_id="pat-1") for one in found.advice)


@pytest.mark.parametrize(
    ("intent", "asked"), [("readmission-30d", True), ("reconcile-medications", False), ("", False)]
)
def test_a_launch_may_ask_for_one_more_model(intent: str, asked: bool, ward: House) -> None:
    """One of discharge is not for every opened chart; an intent that is none of ours asks for nothing."""
    found = PageAssessment(ward)(Visit(intent=intent), ())  # type: ignore[arg-type]
    assert ("readmission-30d" in {advice.service for advice in found.advice}) is asked


def test_a_page_and_a_hook_find_the_same(ward: House, fhir: Fhir) -> None:
    """Each model gets the record that it would get alone: nothing of what its neighbours asked for."""
    found = {advice.service: advice.finding for advice in assess(ward).advice}
    for service in ("icu-mortality", "sepsis-6h", "mortality-10y"):
        call = visit_invocation(Visit(), service, ward.sessions.access(Visit()))  # type: ignore[arg-type]
        record = ward.records.read(replace(call, hook="patient-view"), ward.models[service].needs)
        alone = ward.models[service].assess(record, found[service].as_of)
        assert replace(found[service], incomplete=(), caveats=()) == replace(alone, incomplete=(), caveats=())


def test_where_a_type_is_not_permitted_the_others_answer(ward: House, fhir: Fhir) -> None:
    """By the scopes, or by the server, which refuses the type or does not know it."""
    narrow = Leave(fhir.base, ("patient/Patient.rs", "patient/Encounter.rs", "patient/Condition.rs"))
    for status, house in ((200, replace(ward, sessions=narrow)), (403, ward), (404, ward), (501, ward)):  # type: ignore[arg-type]
        fhir.faults["Observation"] = status
        for advice in assess(house).advice:
            assert isinstance(advice.finding, Abstention)
            assert advice.finding.reason is AbstentionReason.NOT_READ


@pytest.mark.parametrize("status", [500, 503])
def test_a_fault_of_the_server_ends_the_page(status: int, ward: House, fhir: Fhir) -> None:
    """Asking again may help; nothing is stored of the models that had answered."""
    fhir.faults["Observation"] = status
    with pytest.raises(DataUnavailable):
        assess(ward)
    with closing(sqlite3.connect(ward.settings.database_url.removeprefix("sqlite:///"))) as ledger:
        assert ledger.execute("SELECT count(*) FROM advice").fetchone() == (0,)


def test_a_partly_granted_type_that_fails_is_a_fault(ward: House, fhir: Fhir) -> None:
    """Not a matter of leave: the server's fault must not be told as a scope that is missing."""
    fhir.faults["Observation"] = 500
    some = Leave(fhir.base, ("patient/*.rs?category=laboratory", "patient/Patient.rs"))
    with pytest.raises(DataUnavailable) as fault:
        assess(replace(ward, sessions=some))  # type: ignore[arg-type]
    assert not isinstance(fault.value, NotOffered)


def test_a_place_does_not_wait_for_what_is_slower(ward: House, fhir: Fhir, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Location of the stay is asked for as soon as the stay is known, not after the last query."""
    place = {"resourceType": "Location", "id": "icu", "name": "Medical ICU"}
    fhir.kept["Location"] = place
    fhir.kept["Encounter"]["entry"][0]["resource"]["location"] = [{"location": {"reference": "Location/icu"}}]
    gone = threading.Event()
    answer = fhir.answer

    def slow(path: str) -> Response:
        if path.startswith("Procedure"):
            gone.wait(60)
        return answer(path)

    monkeypatch.setattr(fhir, "answer", slow)
    monkeypatch.setattr(ward.records, "_budget", 5.0)
    found = {advice.service: advice.finding for advice in assess(ward).advice}
    gone.set()
    assert not isinstance(found["icu-mortality"], Abstention), found["icu-mortality"]
