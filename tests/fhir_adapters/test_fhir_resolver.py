"""The record resolver: what was sent × how much it matters × what the FHIR server does. A real server on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Response

from clinical.errors import DataUnavailable, MalformedRequest
from clinical.invocation import FhirAccess
from clinical.need import Importance
from clinical.record import Coding
from fhir_adapters.http.transport import Limits

Make = Callable[..., dict[str, Any]]
SCOPES = ("patient/*.rs",)
SENT = ["null", "empty", "facts", "absent", "outcome", "outcome in a bundle", "other type", "paged"]
# What the server does → the words that say so; "" where it brings everything.
FAULTS = {
    "answers": "",
    "none": "gives no access to a FHIR server",
    "narrow": "scopes do not cover Observation",
    "foreign": "not the one that is registered",
    "401": "answered 401",
    "403": "answered 403",
    "404": "answered 404",
    "500": "answered 500",
    "redirects": "answered 302",
    "slow": "did not answer in time",
    "down": "could not be reached",
    "oversized": "larger than the limit",
    "too many": "more than 5000 entries",
    "no JSON": "not usable JSON",
    "next elsewhere": "a page link leaves the FHIR server",
    "endless": "the pages do not end",
}
# These bring a first page before they fail.
PARTLY = ("next elsewhere", "endless")


def sent_value(sent: str, base: str, make_lab: Make, make_bundle: Make) -> Any:
    """The value under the key."""
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    return {
        "null": None,
        "empty": {"resourceType": "Bundle", "type": "searchset"},
        "facts": make_bundle(make_lab("sent")),
        "outcome": outcome,
        "outcome in a bundle": make_bundle(make_lab("sent"), outcome),
        "other type": {"resourceType": "Parameters"},
        "paged": make_bundle(make_lab("sent"), following=f"{base}/Observation/more"),
    }[sent]


def behave(ehr: Any, fault: str, make_lab: Make, make_bundle: Make) -> None:
    """Let the server misbehave."""
    page = make_bundle(make_lab("read"))
    following = {"next elsewhere": "https://evil.test/fhir/more", "endless": f"{ehr.base}/Observation/more"}
    if fault.isdigit():
        ehr.json("Observation", {"resourceType": "OperationOutcome"}, int(fault))
    elif fault == "redirects":
        ehr.answers["Observation"] = lambda: Response("", 302, {"Location": f"{ehr.base}/elsewhere"})
    elif fault == "slow":
        ehr.slow("Observation")
    elif fault == "oversized":
        ehr.json("Observation", make_bundle(*[make_lab(f"o{number}") for number in range(400)]))
    elif fault == "too many":
        ehr.json("Observation", {"resourceType": "Bundle", "entry": [{}] * 5001})
    elif fault == "no JSON":
        ehr.answers["Observation"] = lambda: Response("<html>")
    else:
        ehr.json("Observation", {**page, **make_bundle(make_lab("read"), following=following.get(fault, ""))})


def access_for(ehr: Any, fault: str) -> FhirAccess | None:
    """The access that the call brings."""
    if fault == "none":
        return None
    base = {"foreign": "https://other.test/fhir", "down": "http://127.0.0.1:9/fhir"}.get(fault, ehr.base)
    return FhirAccess(base, "tok", ("patient/Patient.rs",) if fault == "narrow" else SCOPES)


@pytest.mark.parametrize("importance", list(Importance))
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("sent", SENT)
def test_every_combination(
    sent: str, fault: str, importance: Importance, reading: Any, ehr: Any, make_lab: Make, make_bundle: Make
) -> None:
    """Complete, named as a gap, left without a word, or a fault that names key, template and what was tried."""
    reading.weigh(importance)
    reading.limits = Limits(read=30.0, max_bytes=50_000)
    reading.budget = 0.25 if fault == "slow" else 30.0
    behave(ehr, fault, make_lab, make_bundle)
    access = access_for(ehr, fault)
    base = access.base_url if access and fault == "down" else ehr.base
    prefetch = reading.lacking("labs")
    if sent != "absent":
        prefetch["labs"] = sent_value(sent, base, make_lab, make_bundle)

    nothing_sent = sent in ("absent", "outcome", "other type")
    words = FAULTS[fault] if nothing_sent or sent == "paged" else ""
    if sent == "paged" and fault in ("none", "narrow", "foreign"):
        words = "only its first page"
    if nothing_sent and words and fault not in PARTLY and importance is Importance.REQUIRED:
        with pytest.raises(DataUnavailable, match=words) as raised:
            reading.read(prefetch, access, base)
        assert raised.value.key == "labs"
        assert "(template Observation?patient={{context.patientId}}&code=http://loinc.org|2524-7," in str(raised.value)
        assert "pat-1" not in str(raised.value)
        return

    record = reading.read(prefetch, access, base)
    if sent == "outcome in a bundle":
        words = "it holds a report of an error"
    gaps = record.incomplete
    if importance is Importance.INFORMATIVE or not words:
        assert gaps == ()
    else:
        assert len(gaps) == 1
        assert gaps[0].startswith("labs: ")
        assert words in gaps[0]
    expected = {"facts": {"sent"}, "outcome in a bundle": {"sent"}, "paged": {"sent"}}.get(sent, set())
    if (nothing_sent or sent == "paged") and fault in ("answers", *PARTLY):
        expected = {*expected, "read"}
    assert {fact.reference for fact in record.observations} == {f"Observation/{name}" for name in expected}
    if not nothing_sent and sent != "paged":
        assert ehr.seen == []


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("absent", "not in the prefetch"),
        ("outcome", "answered in the prefetch with an OperationOutcome instead"),
        ("other type", "answered in the prefetch with a resource of another type"),
    ],
)
def test_what_was_sent_instead_is_told_apart(
    sent: str, words: str, reading: Any, make_lab: Make, make_bundle: Make
) -> None:
    """The integration engineer has to know which of them it was."""
    prefetch = reading.lacking("labs")
    if sent != "absent":
        prefetch["labs"] = sent_value(sent, "https://ehr.test/fhir", make_lab, make_bundle)
    with pytest.raises(DataUnavailable) as raised:
        reading.read(prefetch)
    assert words in raised.value.message


def test_long_code_lists_are_shortened(reading: Any) -> None:
    """A message stays readable; a short template stands whole."""
    codes = tuple(Coding("http://loinc.org", f"{number}-1") for number in range(300))
    patient, _, labs = reading.needs
    reading.needs = (replace(labs, codes=codes),)
    with pytest.raises(DataUnavailable, match="…, shortened") as raised:
        reading.read({})
    assert len(raised.value.message) < 300
    assert raised.value.message.count("loinc") > 1
    reading.needs = (patient,)
    with pytest.raises(DataUnavailable, match=r"template Patient/\{\{context.patientId\}\}\)"):
        reading.read({})


@pytest.mark.parametrize(
    ("hook", "template"),
    [("patient-view", "Encounter?patient="), ("encounter-start", "Encounter/{{context.encounterId}})")],
)
def test_the_template_of_an_encounter_is_the_one_of_the_hook(hook: str, template: str, reading: Any) -> None:
    """As discovery shows it."""
    reading.hook = hook
    with pytest.raises(DataUnavailable) as raised:
        reading.read(reading.lacking("stays"))
    assert template in raised.value.message


def test_a_missing_required_need_costs_no_call(reading: Any, ehr: Any) -> None:
    """All needs are judged before the first read: an answer that cannot come is not paid for."""
    access = FhirAccess(ehr.base, "tok", ("patient/Patient.rs", "patient/Encounter.rs"))
    with pytest.raises(DataUnavailable, match="'labs'"):
        reading.read({}, access, ehr.base)
    assert ehr.seen == []


def test_the_call_says_how_long_it_has(reading: Any, ehr: Any, make_lab: Make, make_bundle: Make) -> None:
    """One deadline for all reads together, shorter or longer than the reader's own."""
    access = FhirAccess(ehr.base, "tok", SCOPES)
    for name in ("Patient", "Encounter", "Observation"):
        ehr.slow(name)
    reading.budget, reading.seconds = 300.0, 0.3
    with pytest.raises(DataUnavailable, match="in time"):
        reading.read({}, access, ehr.base)

    def answer() -> Response:
        time.sleep(0.3)
        return Response('{"resourceType": "Bundle"}')

    ehr.answers["Observation"] = answer
    reading.budget, reading.seconds = 0.05, 30.0
    assert reading.read(reading.lacking("labs"), access, ehr.base).incomplete == ()


def test_a_call_without_time_is_answered_from_its_prefetch_alone(reading: Any, ehr: Any, make_lab: Make) -> None:
    """No time to read is no time to read; what was sent still counts."""
    reading.seconds = 0.0
    access = FhirAccess(ehr.base, "tok", SCOPES)
    assert len(reading.read(reading.prefetch(make_lab()), access, ehr.base).observations) == 1
    with pytest.raises(DataUnavailable, match="in time"):
        reading.read(reading.lacking("labs"), access, ehr.base)
    assert ehr.seen == []


def test_reads_run_side_by_side(reading: Any, ehr: Any, make_bundle: Make) -> None:
    """None of three is answered until the server has been asked for all of them."""
    all_three = threading.Barrier(3)

    def answer(value: dict[str, Any]) -> Callable[[], Response]:
        def later() -> Response:
            all_three.wait(30)
            return Response(json.dumps(value))

        return later

    ehr.answers = {
        "Patient": answer({"resourceType": "Patient", "id": "pat-1"}),
        "Encounter": answer(make_bundle()),
        "Observation": answer(make_bundle()),
    }
    reading.read({}, FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert not all_three.broken


def test_a_second_registered_server_may_be_named(reading: Any, ehr: Any, make_lab: Make, make_bundle: Make) -> None:
    """It is read, and absolute references under it are the patient's; those under the other one are not."""
    reading.hosts = (f"{ehr.base}/",)
    ehr.json("Observation", make_bundle(make_lab(subject={"reference": f"{ehr.base}/Patient/pat-1"})))
    record = reading.read(reading.lacking("labs"), FhirAccess(ehr.base, "tok", SCOPES))
    assert len(record.observations) == 1
    ehr.json("Observation", make_bundle(make_lab(subject={"reference": "https://ehr.test/fhir/Patient/pat-1"})))
    with pytest.raises(Exception, match="names another patient"):
        reading.read(reading.lacking("labs"), FhirAccess(ehr.base, "tok", SCOPES))


@pytest.mark.parametrize("other", ["http://127.0.0.1:9/fhir", "https://ehr.test", "https://ehr.test/fhir/x", ""])
def test_any_other_server_is_never_called(other: str, reading: Any, ehr: Any) -> None:
    """The list is exact: no prefix, no suffix, no other host."""
    reading.hosts = (ehr.base,)
    with pytest.raises(DataUnavailable, match="not the one that is registered"):
        reading.read(reading.lacking("labs"), FhirAccess(other, "tok", SCOPES))
    assert ehr.seen == []


def in_turn(*answers: Response) -> Callable[[], Response]:
    """One answer after the other."""
    rest = list(answers)
    return lambda: rest.pop(0)


def test_a_server_that_asks_for_patience_is_asked_once_more(reading: Any, ehr: Any, make_bundle: Make) -> None:
    """Within the deadline, and not before the time it named."""
    good = Response(json.dumps(make_bundle()))
    ehr.answers["Observation"] = in_turn(Response("", 429, {"Retry-After": "1"}), good)
    started = time.monotonic()
    record = reading.read(reading.lacking("labs"), FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert record.incomplete == ()
    assert time.monotonic() - started > 0.9
    assert len(ehr.seen) == 2


@pytest.mark.parametrize(
    ("header", "calls"),
    [(None, 1), ("30", 1), ("-1", 1), ("1e3", 1), ("Fri, 31 Dec 2027 23:59:59 GMT", 1), ("9" * 400, 1), ("0", 2)],
)
def test_a_server_that_asks_for_too_much_patience_is_a_fault(
    header: str | None, calls: int, reading: Any, ehr: Any
) -> None:
    """No wait goes beyond the deadline; and one more try is all there is."""
    headers = {} if header is None else {"Retry-After": header}
    ehr.answers["Observation"] = lambda: Response("", 429, headers)
    reading.budget = 20.0  # less than the longest wait that is asked for
    with pytest.raises(DataUnavailable, match="answered 429"):
        reading.read(reading.lacking("labs"), FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert len(ehr.seen) == calls


def test_too_much_at_once_is_refused(reading: Any, make_bundle: Make) -> None:
    """A bundle of more than 5,000 entries and a prefetch of more than 200 keys are malformed; the limits are not."""
    with pytest.raises(MalformedRequest, match="'labs' is a bundle with more than 5000 entries"):
        reading.read(reading.prefetch(labs={"resourceType": "Bundle", "entry": [{}] * 5001}))
    assert len(reading.read(reading.prefetch(labs={"resourceType": "Bundle", "entry": [{}] * 5000})).set_aside) == 5000
    with pytest.raises(MalformedRequest, match="200 keys"):
        reading.read({**reading.prefetch(), **{f"k{number}": None for number in range(198)}})
    reading.read({**reading.prefetch(), **{f"k{number}": None for number in range(197)}})


def test_pages_end_at_the_same_number(reading: Any, ehr: Any, make_bundle: Make, make_lab: Make) -> None:
    """Many full pages would outlast the deadline after it: what is read is bounded, and the rest is a gap."""
    pages = iter(range(100))

    def page() -> Response:
        link = [{"relation": "next", "url": f"{ehr.base}/Observation/{next(pages)}"}]
        return Response(json.dumps({"resourceType": "Bundle", "link": link, "entry": [{}] * 4000}))

    ehr.answers["Observation"] = page
    record = reading.read(reading.lacking("labs"), FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert len(record.set_aside) == 8000
    assert "only the first 5000" in record.incomplete[0]


@pytest.mark.parametrize("name", ["../Patient/pat-2", "..", "1?_include=*", "1/_history", "1#x", ""])
def test_a_place_that_is_no_reference_goes_into_no_url(name: str, reading: Any, ehr: Any, make_bundle: Make) -> None:
    """A stay cannot lead the token astray."""
    stay = dict(reading.prefetch()["stays"]["entry"][0]["resource"])
    stay["location"] = [{"location": {"reference": f"Location/{name}"}}]
    prefetch = reading.prefetch(stays=make_bundle(stay))
    record = reading.read(prefetch, FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert not record.stays[0].locations[0].known
    assert ehr.seen == []


@pytest.mark.parametrize(
    "changes",
    [{"patient_id": "pat-1/../pat-2"}, {"patient_id": "a&b=c"}, {"patient_id": ".."}, {"patient_id": ""},
     {"encounter_id": "../Patient/1"}, {"encounter_id": "x?y"}],
)  # fmt: skip
def test_an_id_that_is_none_goes_into_no_url(changes: dict[str, str], reading: Any, ehr: Any) -> None:
    """Whatever door it came through."""
    call = reading.call({}, FhirAccess(ehr.base, "tok", SCOPES), **changes)
    with pytest.raises(MalformedRequest, match="not a FHIR id"):
        reading.reader(ehr.base).read(call, reading.needs)
    assert ehr.seen == []
