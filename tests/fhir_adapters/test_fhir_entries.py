"""Conditions, medicines and procedures are read as all else is: prefetch, search, pages, gaps, wrong patients."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from clinical.errors import DataUnavailable, WrongPatient
from clinical.invocation import FhirAccess
from clinical.need import DataNeed, Importance
from clinical.record import Coding, Source
from fhir_adapters.asked import asked_types, wanted_codes

SNOMED = "http://snomed.info/sct"
CODE = {"coding": [{"system": SNOMED, "code": "44054006"}]}
SUBJECT = {"reference": "Patient/pat-1"}
ROWS: dict[str, dict[str, Any]] = {
    "Condition": {"code": CODE},
    "Procedure": {"status": "completed", "code": CODE},
    "MedicationRequest": {"status": "active", "intent": "order", "medicationCodeableConcept": CODE},
    "MedicationStatement": {"status": "active", "medicationCodeableConcept": CODE},
}
WORDS = {"Condition": "conditions", "Procedure": "procedures"}
SCOPES = ("patient/*.rs",)
KINDS = pytest.mark.parametrize("kind", ROWS)


def row(kind: str, name: str = "r1", **changes: Any) -> dict[str, Any]:
    """A small resource that can be used."""
    return {"resourceType": kind, "id": name, "subject": SUBJECT, **ROWS[kind], **changes}


def found(record: Any, kind: str) -> list[str]:
    """The names of the facts of a type."""
    return [fact.reference for fact in getattr(record, WORDS.get(kind, "medications"))]


def ask(reading: Any, kind: str, importance: Importance = Importance.REQUIRED, **changes: Any) -> None:
    """Ask for a type besides the usual needs."""
    need = replace(DataNeed("more", kind, importance=importance, count=50), **changes)
    reading.needs = (*reading.needs[:3], need)


@KINDS
def test_what_was_sent_is_read(kind: str, reading: Any, make_bundle: Any) -> None:
    """From the prefetch, under whichever key it came."""
    ask(reading, kind)
    assert found(reading.read(reading.prefetch(more=make_bundle(row(kind)))), kind) == [f"{kind}/r1"]
    assert found(reading.read(reading.prefetch(row(kind), more=None)), kind) == [f"{kind}/r1"]


@KINDS
def test_what_nobody_asked_for_is_not_taken_in(kind: str, reading: Any, make_bundle: Any) -> None:
    """Minimum necessary: it is searched for other patients, and that is all."""
    assert found(reading.read(reading.prefetch(row(kind, status=7))), kind) == []
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(row(kind, subject={"reference": "Patient/pat-2"})))


@KINDS
def test_what_was_not_sent_is_searched_page_by_page(kind: str, reading: Any, ehr: Any, make_bundle: Any) -> None:
    """With the token of the call, under one deadline."""
    ask(reading, kind)
    ehr.json(f"{kind}?patient=pat-1", make_bundle(row(kind, "r1"), following=f"{ehr.base}/page?2"))
    ehr.json("page?2", make_bundle(row(kind, "r2")))
    record = reading.read(reading.prefetch(), FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert found(record, kind) == [f"{kind}/r1", f"{kind}/r2"]
    assert record.incomplete == ()
    assert {token for _, token in ehr.seen} == {"Bearer tok"}


@KINDS
def test_a_page_link_to_another_server_is_a_gap(kind: str, reading: Any, ehr: Any, make_bundle: Any) -> None:
    """The token does not travel."""
    ask(reading, kind)
    ehr.json(kind, make_bundle(row(kind), following="https://evil.test/fhir/page"))
    record = reading.read(reading.prefetch(), FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert record.incomplete == ("more: a page link leaves the FHIR server",)
    assert len(ehr.seen) == 1


@KINDS
def test_what_is_missing_counts_by_its_importance(kind: str, reading: Any) -> None:
    """A fault that names the key, a gap that is named, or nothing."""
    ask(reading, kind)
    with pytest.raises(DataUnavailable) as fault:
        reading.read(reading.prefetch())
    assert fault.value.key == "more"
    ask(reading, kind, Importance.OPTIONAL)
    record = reading.read(reading.prefetch())
    assert [gap.partition(":")[0] for gap in record.incomplete] == ["more"]
    ask(reading, kind, Importance.INFORMATIVE)
    assert reading.read(reading.prefetch()).incomplete == ()


@KINDS
def test_the_scopes_of_the_token_are_kept(kind: str, reading: Any, ehr: Any) -> None:
    """A token for results is not used for anything else."""
    ask(reading, kind, Importance.OPTIONAL)
    access = FhirAccess(ehr.base, "tok", ("patient/Observation.rs",))
    assert f"do not cover {kind}" in reading.read(reading.prefetch(), access, ehr.base).incomplete[0]
    assert ehr.seen == []


@KINDS
@pytest.mark.parametrize(
    "foreign",
    [
        {"subject": {"reference": "Patient/pat-2"}},
        {"subject": {"reference": "https://elsewhere.test/fhir/Patient/pat-1"}},
        {"subject": {"reference": "Group/g1"}},
        {"patient": {"reference": "Patient/pat-2"}},
        {"contained": [{"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/pat-2"}}]},
    ],
)
@pytest.mark.parametrize("where", ["more", "labs", "unasked"])
def test_a_fact_about_somebody_else_stops_the_call(
    kind: str, foreign: dict[str, Any], where: str, reading: Any, make_bundle: Any
) -> None:
    """Also in what is contained, and wherever it stands."""
    ask(reading, kind)
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(**{"more": None, where: make_bundle(row(kind, **foreign))}))


@KINDS
def test_a_fact_about_somebody_else_stops_a_search(kind: str, reading: Any, ehr: Any, make_bundle: Any) -> None:
    """An answer of the server is looked through as what was sent is."""
    ask(reading, kind)
    ehr.json(kind, make_bundle(row(kind, subject={"reference": "Patient/pat-2"})))
    with pytest.raises(WrongPatient):
        reading.read(reading.prefetch(), FhirAccess(ehr.base, "tok", SCOPES), ehr.base)


@KINDS
def test_a_fact_that_names_nobody_is_not_used(kind: str, reading: Any, make_bundle: Any) -> None:
    """A display alone names no patient."""
    ask(reading, kind)
    record = reading.read(reading.prefetch(more=make_bundle(row(kind, subject={"display": "A B"}))))
    assert found(record, kind) == []
    assert record.set_aside[0].detail == "it names no patient"


@KINDS
def test_a_need_with_codes_takes_these_and_what_has_none(kind: str, reading: Any, make_bundle: Any) -> None:
    """Words alone could be what was asked for; another code is not. A second need without codes takes all."""
    ask(reading, kind, codes=(Coding(SNOMED, "44054006"),))
    member = "medicationCodeableConcept" if kind.startswith("Medication") else "code"
    other = {"coding": [{"system": SNOMED, "code": "1"}, {"system": "http://x", "code": "44054006"}]}
    rows = [row(kind), row(kind, "r2", **{member: other}), row(kind, "r3", **{member: {"text": "words"}})]
    sent = reading.prefetch(more=make_bundle(*rows), all=None)
    assert found(reading.read(sent), kind) == [f"{kind}/r1", f"{kind}/r3"]
    reading.needs = (*reading.needs, DataNeed("all", kind))
    assert len(found(reading.read(sent), kind)) == 3


@KINDS
def test_versions_that_contradict_each_other_are_not_used(kind: str, reading: Any, make_bundle: Any) -> None:
    """As with results: the newer counts, and where nothing says which is newer, neither."""
    ask(reading, kind)
    old, new = row(kind, meta={"versionId": "1"}), row(kind, meta={"versionId": "2"}, language="en")
    assert found(reading.read(reading.prefetch(more=make_bundle(new, old))), kind) == [f"{kind}/r1"]
    record = reading.read(reading.prefetch(more=make_bundle(row(kind), row(kind, language="en"))))
    assert found(record, kind) == []
    assert "nothing says which is newer" in record.set_aside[0].detail


def test_the_searches_are_those_of_fhir_r4(reading: Any, ehr: Any, make_bundle: Any) -> None:
    """Each type has its own parameter for its date, and none is sent that it does not have."""
    for kind in ROWS:
        ehr.json(kind, make_bundle())
    codes = (Coding(SNOMED, "44054006"),)
    reading.needs = tuple(DataNeed(kind, kind, codes, 50, look_back=timedelta(days=365)) for kind in ROWS)
    reading.read({}, FhirAccess(ehr.base, "t", SCOPES), ehr.base)
    dates = {"Condition": "recorded-date", "MedicationRequest": "authoredon", "MedicationStatement": "effective"}
    assert len(ehr.seen) == len(ROWS)
    for url, _ in ehr.seen:
        path, _, query = url.partition("?")
        kind, sent = path.rpartition("/")[2], {part.partition("=")[0] for part in query.split("&")}
        assert {"patient", "code", "_count"} <= sent
        assert sent <= {"patient", "code", "_count", "_sort", "_include", dates.get(kind, "date")}


def test_what_is_asked_for_is_kept_apart_by_type() -> None:
    """A code of a procedure is not a code of an observation; whoever asks for medicines takes in Medications."""
    needs = [DataNeed("a", "Observation", (Coding("s", "1"),)), DataNeed("b", "Procedure", (Coding("s", "2"),))]
    needs += [DataNeed("c", "Procedure", (Coding("s", "3"),)), DataNeed("d", "Patient"), DataNeed("e", "Encounter")]
    assert wanted_codes(needs) == {("s", "1")}
    assert asked_types(needs) == {"Procedure": {("s", "2"), ("s", "3")}}
    assert asked_types([*needs, DataNeed("f", "Procedure")]) == {"Procedure": None}
    assert asked_types([DataNeed("m", "MedicationStatement")]) == {"MedicationStatement": None, "Medication": None}


def test_facts_that_were_searched_say_so_in_answers(reading: Any, ehr: Any, make_lab: Any, make_bundle: Any) -> None:
    """A coded value keeps the door it came through."""
    answer = make_lab(valueCodeableConcept=CODE)
    del answer["valueQuantity"]
    ehr.json("Observation", make_bundle(answer))
    record = reading.read(reading.lacking("labs"), FhirAccess(ehr.base, "tok", SCOPES), ehr.base)
    assert record.answers[0].source is Source.FHIR
