"""Writing a risk into a real FHIR server, and into servers that answer badly."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, Response, request
from open_ports import free_port
from werkzeug.serving import make_server

from clinical.advice import OTHER_STAY, Advice, WithheldReason
from clinical.errors import LaunchFailed, NotAllowed, WrongPatient
from clinical.invocation import FhirAccess
from ehr_simulator.fhir_server import start_fhir_server
from fhir_adapters.http.transport import Deadline, FetchFailed, Limits, Transport
from fhir_adapters.http.transport_post import post_resource
from fhir_adapters.write.write_back import WriteBack, Written
from fhir_adapters.write.write_errors import MayNotWrite, NotAsSent, NothingToWrite, WriteFailed

BASE = "https://chartside.test"
TOKEN = "secret-token-1"
# As long as a server, or a limit that no test is about, may last.
HOLD_S = 60.0
SCOPES = ("patient/RiskAssessment.crs", "patient/Provenance.crs")
Make = Callable[..., Any]
Call = Callable[..., Written]


def call(base: str, method: str, path: str, resource: dict[str, Any] | None = None) -> Any:
    """One plain call, by another HTTP client than the product's."""
    data = None if resource is None else json.dumps(resource).encode()
    asked = urllib.request.Request(f"{base}/{path}", data, {"Content-Type": "application/fhir+json"}, method=method)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def sekmet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The FHIR base of a real server with one patient, one stay and one clinician."""
    port = free_port()
    child = start_fhir_server(port, tmp_path_factory.mktemp("fhir"))
    base = f"http://127.0.0.1:{port}/fhir"
    try:
        call(base, "PUT", "Patient/pat-1", {"resourceType": "Patient", "id": "pat-1"})
        call(base, "PUT", "Practitioner/dr-1", {"resourceType": "Practitioner", "id": "dr-1"})
        stay = {"resourceType": "Encounter", "id": "enc-1", "status": "in-progress", "class": {"code": "IMP"}}
        call(base, "PUT", "Encounter/enc-1", stay | {"subject": {"reference": "Patient/pat-1"}})
        yield base
    finally:
        child.stop()


class Shelf:
    """A FHIR server on this machine that keeps what it gets, with one bad habit at a time."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.spoil: Callable[[dict[str, Any]], None] = lambda resource: None
        self.searches = self.conditions = self.bodies = True
        self.answer: Callable[[str, str], Response | None] = lambda method, path: None
        self.location = ""
        self._one_at_a_time = threading.Lock()
        app = Flask("shelf")
        app.add_url_rule("/<path:path>", "any", self._take, methods=["GET", "POST"])
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.base = f"http://127.0.0.1:{self._server.server_port}/fhir"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _take(self, path: str) -> Response:
        """Answer one call; creates one after the other, as a database does."""
        path = path.removeprefix("fhir/")
        self.seen.append((request.method, request.full_path, dict(request.headers)))
        forced = self.answer(request.method, path)
        if forced is not None:
            return forced
        if request.method == "POST":
            with self._one_at_a_time:
                return self._create(path)
        return self._read(path) if "/" in path else self._search(path)

    def _create(self, path: str) -> Response:
        assert request.content_type == "application/fhir+json"
        wanted = request.headers.get("If-None-Exist", "").rpartition("|")[2]
        if self.conditions and wanted:
            for stored in self.stored.values():
                if wanted in json.dumps(stored.get("identifier", [])):
                    return self.json(stored, 200)
        resource = request.get_json()
        resource |= {"id": f"n{len(self.stored) + 1}", "meta": {"versionId": "1"}}
        self.spoil(resource)
        name = f"{path}/{resource['id']}"
        self.stored[name] = resource
        location = self.location or f"{self.base}/{name}/_history/1"
        made = self.json(resource if self.bodies else None, 201)
        made.headers["Location"] = location
        return made

    def _read(self, path: str) -> Response:
        return self.json(self.stored.get(path), 200 if path in self.stored else 404)

    def _search(self, path: str) -> Response:
        if not self.searches:
            return self.json({"resourceType": "OperationOutcome"}, 403)
        rows = [resource for name, resource in self.stored.items() if name.startswith(f"{path}/")]
        return self.json({"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in rows]})

    @staticmethod
    def json(value: object, status: int = 200) -> Response:
        body = "" if value is None else json.dumps(value)
        return Response(body, status, content_type="application/fhir+json")

    def of(self, resource_type: str) -> list[dict[str, Any]]:
        """What is kept of one type."""
        return [resource for name, resource in self.stored.items() if name.startswith(f"{resource_type}/")]

    @property
    def posts(self) -> int:
        """How often something was sent to be kept."""
        return sum(method == "POST" for method, _, _ in self.seen)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    server = Shelf()
    yield server
    server.close()


@pytest.fixture
def write(clock: Any) -> Call:
    """Write an advice to a base."""

    def run(base: str, advice: Advice, **changes: Any) -> Written:
        writer = WriteBack(Transport(Limits(read=HOLD_S)), clock, f"{BASE}/", changes.pop("seconds", HOLD_S))
        access = FhirAccess(base, TOKEN, changes.pop("scopes", SCOPES))
        values = {"user": "Practitioner/dr-1", "encounter_id": "enc-1", **changes}
        return writer.write(advice, access=access, **values)

    return run


def numbered(advice: Advice, number: int) -> Advice:
    """The same advice under another id."""
    return replace(advice, id=f"6f1c5a80-5d3c-4f5a-9a39-{number:012d}")


def test_a_real_server_keeps_the_risk_and_who_made_it(sekmet: str, write: Call, make_advice: Make) -> None:
    """Both resources stand in the server, linked to each other, with number, model, patient and author."""
    written = write(sekmet, numbered(make_advice(), 1))
    assert not written.already
    risk = call(sekmet, "GET", written.risk_reference)
    assert risk["prediction"][0]["probabilityDecimal"] == 50
    assert risk["subject"] == {"reference": "Patient/pat-1"}
    assert risk["method"]["coding"][0]["version"] == "1.2.3"
    provenance = call(sekmet, "GET", written.provenance_reference)
    assert provenance["target"] == [{"reference": f"{written.risk_reference}/_history/1"}]
    assert provenance["agent"][1]["who"] == {"reference": "Practitioner/dr-1"}
    checked = call(sekmet, "POST", "RiskAssessment/$validate", risk)
    assert not [one for one in checked["issue"] if one["severity"] in ("error", "fatal")]


def test_a_real_server_gets_it_once(sekmet: str, write: Call, make_advice: Make) -> None:
    """The second write of an advice finds the first, and writes neither resource again."""
    advice = numbered(make_advice(), 2)
    first, second = write(sekmet, advice), write(sekmet, advice)
    assert second == replace(first, already=True)
    assert call(sekmet, "GET", f"RiskAssessment?_tag={BASE}/advice%7C{advice.id}")["total"] == 1
    assert call(sekmet, "GET", f"Provenance?target={first.risk_reference}")["total"] == 1


def test_a_real_server_keeps_scores_and_rich_risks(
    sekmet: str, write: Call, make_advice: Make, make_rich: Make, make_score: Make, make_equation: Make
) -> None:
    """Every kind of answer comes back as it was sent."""
    for number, finding in enumerate((make_rich(), make_score(), make_score(unknown=2), make_equation())):
        assert write(sekmet, numbered(make_advice(finding), 10 + number)).risk_reference


def test_two_clicks_at_once_give_one_of_each(sekmet: str, clock: Any, make_advice: Make) -> None:
    """A server that does not look and create in one step still gets one of each from one service."""
    writer, access = WriteBack(Transport(Limits(read=HOLD_S)), clock, BASE, HOLD_S), FhirAccess(sekmet, TOKEN, SCOPES)
    advice, done = numbered(make_advice(), 3), list[Written]()

    def click() -> None:
        done.append(writer.write(advice, access=access, user="Practitioner/dr-1", encounter_id="enc-1"))

    both = [threading.Thread(target=click) for _ in range(3)]
    for one in both:
        one.start()
    for one in both:
        one.join(HOLD_S)
    assert sorted(one.already for one in done) == [False, True, True]
    assert len({(one.risk_reference, one.provenance_reference) for one in done}) == 1
    assert call(sekmet, "GET", f"RiskAssessment?_tag={BASE}/advice%7C{advice.id}")["total"] == 1
    assert call(sekmet, "GET", f"Provenance?target={done[0].risk_reference}")["total"] == 1


def test_a_turn_that_does_not_come_in_time_is_told(shelf: Shelf, clock: Any, make_advice: Make) -> None:
    """Who waits for a slow write of the same advice is told so, in time."""
    writer, access = WriteBack(Transport(Limits(read=HOLD_S)), clock, BASE, 0.4), FhirAccess(shelf.base, TOKEN, SCOPES)
    for turn in writer._turns:
        turn.acquire()
    with pytest.raises(WriteFailed, match="being written at this moment"):
        writer.write(make_advice(), access=access, user="Practitioner/dr-1", encounter_id=None)
    assert shelf.seen == []


def test_whoever_asks_at_the_same_moment_gets_the_same_risk(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """Two that both found nothing end with one RiskAssessment, because the create is conditional."""
    together = threading.Barrier(2, timeout=HOLD_S)

    def found_nothing(method: str, path: str) -> Response | None:
        if (method, path) != ("GET", "RiskAssessment"):
            return None
        together.wait()
        return Shelf.json({"resourceType": "Bundle", "type": "searchset"})

    shelf.answer = found_nothing
    done: list[Written] = []
    both = [threading.Thread(target=lambda: done.append(write(shelf.base, make_advice()))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(HOLD_S)
    assert sorted(one.already for one in done) == [False, True]
    assert len({one.risk_reference for one in done}) == 1
    assert len(shelf.of("RiskAssessment")) == 1


def test_an_abstention_is_never_written(shelf: Shelf, write: Call, make_advice: Make, make_abstention: Make) -> None:
    """Where the model did not answer there is nothing to write, and no call is made."""
    with pytest.raises(NothingToWrite, match="not assessed"):
        write(shelf.base, make_advice(make_abstention()))
    assert shelf.seen == []


@pytest.mark.parametrize("reason", ["shadow", "switched-off", "not-for-role", "outside-population"])
def test_what_is_not_shown_is_not_written(shelf: Shelf, write: Call, make_advice: Make, reason: str) -> None:
    """A silent run leaves no trace in the chart."""
    with pytest.raises(NothingToWrite, match="not shown"):
        write(shelf.base, make_advice(withheld=WithheldReason(reason)))
    assert shelf.seen == []


@pytest.mark.parametrize("reason", ["below-threshold", "repeat", "snoozed", "encounter-budget", "clinician-budget"])
def test_a_card_that_was_spared_may_be_written(shelf: Shelf, write: Call, make_advice: Make, reason: str) -> None:
    """The page shows what only the card held back, so it may go into the chart."""
    assert write(shelf.base, make_advice(withheld=WithheldReason(reason))).risk_reference


@pytest.mark.parametrize("open_stay", ["enc-1", "enc-2", None])
def test_a_result_of_a_stay_that_nobody_knows_is_not_written(
    shelf: Shelf, write: Call, make_advice: Make, open_stay: str | None
) -> None:
    """The ledger says that it was another one; it goes under no stay then, and least of all under the open one."""
    with pytest.raises(MayNotWrite, match="another stay"):
        write(shelf.base, replace(make_advice(), encounter_id=OTHER_STAY), encounter_id=open_stay)
    assert shelf.seen == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"scopes": ("patient/RiskAssessment.crs",)}, MayNotWrite),
        ({"scopes": ("patient/*.rs",)}, MayNotWrite),
        ({"scopes": ()}, MayNotWrite),
        ({"user": ""}, MayNotWrite),
        ({"user": "Patient/pat-1"}, MayNotWrite),
        ({"user": "https://ehr.test/fhir/RelatedPerson/1"}, MayNotWrite),
        ({"encounter_id": "enc-2"}, MayNotWrite),
        ({"patient_id": "pat-2"}, WrongPatient),
    ],
)
def test_without_leave_nothing_is_sent(
    shelf: Shelf, write: Call, make_advice: Make, changes: dict[str, Any], fault: type[Exception]
) -> None:
    """Missing scope, no clinician, another stay or another patient: refused before any call."""
    with pytest.raises(fault):
        write(shelf.base, make_advice(), **changes)
    assert shelf.seen == []


def test_odd_ids_never_reach_a_url_or_header(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """Ids that are none of FHIR's, or no UUID, stop before any call."""
    for changes in ({"id": "x\r\nEvil: 1"}, {"patient_id": "../x"}, {"encounter_id": "a b"}):
        with pytest.raises(NotAllowed):
            write(shelf.base, make_advice(**changes), encounter_id=None)
    assert shelf.seen == []


@pytest.mark.parametrize("habit", ["searches", "conditions", "bodies"])
def test_a_server_that_lacks_one_feature_still_gets_it_once(
    shelf: Shelf, write: Call, make_advice: Make, habit: str
) -> None:
    """Without search, or without conditional create, or without bodies in its answers, there is one RiskAssessment."""
    setattr(shelf, habit, False)
    first, second = write(shelf.base, make_advice()), write(shelf.base, make_advice())
    assert (first.already, second.already) == (False, True)
    assert first.risk_reference == second.risk_reference
    assert len(shelf.of("RiskAssessment")) == 1


@pytest.mark.parametrize(
    ("refused", "sent"),
    [(("identifier",), ["identifier", "_tag"]), (("identifier", "_tag"), ["identifier", "_tag", ""])],
)
def test_a_server_that_does_not_know_a_condition_is_given_the_next(
    shelf: Shelf, write: Call, make_advice: Make, refused: tuple[str, ...], sent: list[str]
) -> None:
    """A 400 to the identifier leads to the tag, and a 400 to both to a plain create; it was looked for before."""

    def conditions() -> list[str]:
        posts = [headers for method, path, headers in shelf.seen if method == "POST" and "Risk" in path]
        return [headers.get("If-None-Exist", "").partition("=")[0] for headers in posts]

    shelf.answer = lambda method, path: (
        Shelf.json({}, 400)
        if method == "POST" and conditions()[-1:] and (conditions()[-1] in refused) and path == "RiskAssessment"
        else None
    )
    assert not write(shelf.base, make_advice()).already
    assert conditions() == sent
    assert write(shelf.base, make_advice()).already


def test_a_server_that_ignores_the_identifier_is_asked_by_the_tag(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """Where others' risks come back, ours is looked for by its tag as well, and others' are never taken for it."""
    write(shelf.base, numbered(make_advice(), 1))
    assert not write(shelf.base, numbered(make_advice(), 2)).already
    assert any("_tag=" in path for method, path, _ in shelf.seen if method == "GET")
    assert len(shelf.of("RiskAssessment")) == 2


def test_the_request_is_conditional_and_carries_the_token_to_this_server_only(
    shelf: Shelf, write: Call, make_advice: Make
) -> None:
    """The create names the identifier, and a Location elsewhere is not followed."""
    shelf.bodies, shelf.location = False, "http://elsewhere.test/fhir/RiskAssessment/n1/_history/1"
    shelf.answer = lambda method, path: (
        setattr(shelf, "location", "" if path == "Provenance" else shelf.location) or None
    )
    assert write(shelf.base, make_advice()).risk_reference == "RiskAssessment/n1"
    headers = next(headers for method, path, headers in shelf.seen if method == "POST")
    assert headers["If-None-Exist"] == f"identifier={BASE}/advice|{make_advice().id}"
    assert {headers["Authorization"] for _, _, headers in shelf.seen} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda risk: risk["prediction"][0].update(probabilityDecimal=0.5), "prediction"),
        (lambda risk: risk["subject"].update(reference="Patient/pat-2"), "subject"),
        (lambda risk: risk["method"]["coding"][0].update(version="9"), "method"),
        (lambda risk: risk.update(status="preliminary"), "status"),
        (lambda risk: risk.pop("basis"), "basis"),
    ],
)
def test_what_came_back_otherwise_is_a_fault_that_says_so(
    shelf: Shelf, write: Call, make_advice: Make, spoil: Callable[[dict[str, Any]], Any], name: str
) -> None:
    """A server that changes number, patient, model, status or sources is caught; the values are not repeated."""
    shelf.spoil = lambda resource: spoil(resource) if resource["resourceType"] == "RiskAssessment" else None
    with pytest.raises(NotAsSent, match="is not what was sent") as caught:
        write(shelf.base, make_advice())
    assert caught.value.fields == (name,)
    assert caught.value.risk_reference == "RiskAssessment/n1"
    assert "pat-" not in caught.value.message
    assert isinstance(caught.value, LaunchFailed)


def test_a_changed_provenance_is_a_fault(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """Who made it is compared as well."""
    shelf.spoil = lambda resource: resource.update(agent=resource["agent"][1:]) if "agent" in resource else None
    with pytest.raises(NotAsSent) as caught:
        write(shelf.base, make_advice())
    assert caught.value.fields == ("agent",)
    assert caught.value.risk_reference == "RiskAssessment/n1"


def test_what_stands_already_is_compared_too(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """An earlier copy that somebody has since marked as an error is not passed off as written."""
    write(shelf.base, make_advice())
    shelf.of("RiskAssessment")[0]["status"] = "entered-in-error"
    with pytest.raises(NotAsSent, match="status"):
        write(shelf.base, make_advice())


def test_a_second_try_finishes_what_the_first_left_undone(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """A RiskAssessment without its Provenance gets one at the next try, and no second RiskAssessment."""
    shelf.answer = lambda method, path: Shelf.json({}, 500) if path == "Provenance" else None
    with pytest.raises(WriteFailed, match="Nobody knows whether the Provenance was written") as caught:
        write(shelf.base, make_advice())
    assert caught.value.risk_reference == "RiskAssessment/n1"
    shelf.answer = lambda method, path: None
    assert write(shelf.base, make_advice()).already
    assert [len(shelf.of(name)) for name in ("RiskAssessment", "Provenance")] == [1, 1]


def test_a_provenance_of_somebody_else_is_not_ours(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """A Provenance that the server made by itself for the same target does not stand in for ours."""
    first = write(shelf.base, make_advice())
    (ours,) = shelf.of("Provenance")
    del ours["contained"]
    second = write(shelf.base, make_advice())
    assert second.already
    assert second.provenance_reference != first.provenance_reference


def test_two_copies_are_told_and_not_added_to(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """Where the risk stands twice already, a person has to look."""
    write(shelf.base, make_advice())
    (copy,) = shelf.of("RiskAssessment")
    shelf.stored["RiskAssessment/other"] = {**copy, "id": "other"}
    posts = shelf.posts
    with pytest.raises(WriteFailed, match="more than once"):
        write(shelf.base, make_advice())
    assert shelf.posts == posts


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "did not take"),
        (401, "run out"),
        (403, "does not allow"),
        (412, "more than one"),
        (422, "did not take"),
        (302, "did not take"),
        (429, "busy"),
        (500, "Nobody knows"),
    ],
)
def test_a_refusal_is_told_in_words_without_what_the_server_said(
    shelf: Shelf, write: Call, make_advice: Make, status: int, words: str
) -> None:
    """Each status has its words; the token, the patient and the server's diagnostics stay out."""
    refusal = Shelf.json({"resourceType": "OperationOutcome", "issue": [{"diagnostics": "pat-1 Jane Doe"}]}, status)
    refusal.headers["Location"] = "http://127.0.0.1:1/elsewhere"
    shelf.answer = lambda method, path: refusal if method == "POST" else None
    with pytest.raises(WriteFailed, match=words) as caught:
        write(shelf.base, make_advice())
    assert caught.value.status == status
    assert not any(secret in repr(caught.value) for secret in ("Jane", "pat-1", TOKEN))
    assert caught.value.__cause__ is None
    # A 400 may mean the condition only, so the next one is tried; everything else is final.
    assert shelf.posts == (3 if status == 400 else 1)


def test_a_slow_server_leaves_it_open_whether_it_was_written(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """A timeout is not told as "not written"; the whole write ends while the server still holds it."""
    over = threading.Event()
    shelf.answer = lambda method, path: Response("{}", 201) if method == "POST" and not over.wait(HOLD_S) else None
    with pytest.raises(WriteFailed, match="Nobody knows whether the RiskAssessment was written"):
        write(shelf.base, make_advice(), seconds=2.0)
    over.set()


@pytest.mark.parametrize(
    "body", [b"not json", b'{"a":1,"a":2}', b"[" * 2000, b" " * 3_000_000, b'{"resourceType":"RiskAssessment","id":7}']
)
def test_an_unusable_answer_to_a_create_is_not_success(
    shelf: Shelf, write: Call, make_advice: Make, body: bytes
) -> None:
    """Broken, huge or meaningless answers after a create end in words that it may have been written."""
    shelf.answer = lambda method, path: Response(body, 201) if method == "POST" else None
    with pytest.raises(WriteFailed, match="Trying again is safe"):
        write(shelf.base, make_advice())


@pytest.mark.parametrize("name", ["../../admin", "a/b", "..", "x?y", "", 7, None])
def test_an_id_of_the_server_never_leads_elsewhere(shelf: Shelf, write: Call, make_advice: Make, name: Any) -> None:
    """An id that is none of FHIR's is not followed with the token."""
    shelf.answer = lambda method, path: (
        Shelf.json({"resourceType": "RiskAssessment", "id": name}, 201) if method == "POST" else None
    )
    with pytest.raises(WriteFailed):
        write(shelf.base, make_advice())
    paths = [path.partition("?")[0] for _, path, _ in shelf.seen]
    assert set(paths) == {"/fhir/RiskAssessment"}


@pytest.mark.parametrize("entries", [7, {"resource": 1}, [None, {"resource": []}, {"resource": {"id": "1"}}], "x"])
def test_a_search_answer_without_sense_finds_nothing(
    shelf: Shelf, write: Call, make_advice: Make, entries: Any
) -> None:
    """A Bundle that is none neither breaks the write nor counts as written."""
    shelf.answer = lambda method, path: (
        Shelf.json({"resourceType": "Bundle", "entry": entries}) if method == "GET" and "/" not in path else None
    )
    assert not write(shelf.base, make_advice()).already


def test_a_read_back_that_fails_says_that_it_was_written(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """Written and not readable is a fault of its own."""
    shelf.answer = lambda method, path: Shelf.json({}, 404) if method == "GET" and "/" in path else None
    with pytest.raises(WriteFailed, match="was written, but could not be read back"):
        write(shelf.base, make_advice())


def test_what_would_not_be_valid_is_not_sent(
    shelf: Shelf, write: Call, make_advice: Make, make_assessment: Make
) -> None:
    """A resource that is not valid R4 never leaves, and the fault names the member only."""
    info = replace(make_assessment().model, version="")
    with pytest.raises(WriteFailed, match="not valid FHIR"):
        write(shelf.base, make_advice(make_assessment(model=info)))
    assert shelf.seen == []


def test_what_stands_there_and_is_no_fhir_is_a_fault(shelf: Shelf, write: Call, make_advice: Make) -> None:
    """A copy that is not valid R4 is not taken for what was sent."""
    shelf.spoil = lambda resource: resource.update(status=["final"])
    with pytest.raises(NotAsSent, match="its form"):
        write(shelf.base, make_advice())


def test_an_overlong_resource_or_another_server_gets_nothing(shelf: Shelf) -> None:
    """The size of what is sent is bounded, and the token stays on the server of the visit."""
    for url, resource in ((f"{shelf.base}/X", {"x": "y" * 300_000}), ("http://127.0.0.1:9/fhir/X", {})):
        with pytest.raises(FetchFailed):
            post_resource(Transport(), url, resource, base=shelf.base, token=TOKEN, deadline=Deadline.after(1.0))
    assert shelf.seen == []


def test_a_server_that_is_not_there_is_told(write: Call, make_advice: Make) -> None:
    """No server is no success."""
    with pytest.raises(WriteFailed, match="could not say what it has already"):
        write("http://127.0.0.1:9/fhir", make_advice())
