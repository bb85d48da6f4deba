"""One reading behind several records: each query once, and each record only what its needs name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from clinical.errors import DataUnavailable, NotOffered
from clinical.invocation import FhirAccess
from clinical.need import DataNeed
from clinical.record import Coding
from fhir_adapters.http.transport import Transport
from fhir_adapters.record import FhirRecords, Site

LOINC = "http://loinc.org"
LACTATE = DataNeed("lactate", "Observation", codes=(Coding(LOINC, "2524-7"),))


def access(ehr: Any, *scopes: str) -> FhirAccess:
    """Leave to read."""
    return FhirAccess(ehr.base, "t", scopes or ("patient/*.rs",))


@pytest.fixture
def asked(
    ehr: Any, make_lab: Callable[..., Any], make_bundle: Callable[..., Any], reading: Any
) -> Callable[[], Counter[str]]:
    """How often the server was asked for what; it has a patient and some labs."""
    sent = reading.prefetch(make_lab("a"), make_lab("b"))
    ehr.json("Patient/pat-1", sent["patient"])
    ehr.json("Encounter", sent["stays"])
    ehr.json("Observation", sent["labs"])
    ehr.json("Location", {}, 404)
    return lambda: Counter(path for path, _ in ehr.seen)


def test_each_query_goes_out_once(ehr: Any, reading: Any, asked: Callable[[], Counter[str]]) -> None:
    """Whatever several models need of it, sent ahead or not."""
    call = reading.call({}, access(ehr))
    with reading.reader(ehr.base).begin(call) as one:
        one.start(reading.needs)
        first, second = one.read(reading.needs), one.read(reading.needs)
        third = one.read(reading.needs[:1])
    assert first == second
    assert first.observations
    assert (third.birth_date, third.observations) == (first.birth_date, ())
    assert set(asked().values()) == {1}
    assert sum(path.startswith("/fhir/Observation") for path in asked()) == 1


def test_a_record_holds_what_its_needs_name(ehr: Any, reading: Any, asked: Callable[[], Counter[str]]) -> None:
    """Not what another model of the same page asked for: each gets the record that it would get alone."""
    call = reading.call({}, access(ehr))
    with reading.reader(ehr.base).begin(call) as one:
        one.read((*reading.needs, LACTATE))
        beside = one.read(reading.needs)
    assert beside == reading.reader(ehr.base).read(call, reading.needs)


@pytest.mark.parametrize("scope", ["patient/Patient.rs", "patient/*.rs?category=laboratory"])
def test_what_is_not_permitted_is_told_apart(scope: str, ehr: Any, reading: Any, asked: Callable[[], object]) -> None:
    """From a fault, after which it helps to ask again."""
    scopes = (scope, "patient/Patient.rs", "patient/Encounter.rs")
    ehr.json("Observation", {}, 500)
    with pytest.raises(DataUnavailable) as fault:
        reading.read({}, access(ehr, *scopes), ehr.base)
    assert (fault.value.key, type(fault.value) is NotOffered) == ("labs", "*" not in scope)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 501])
def test_a_server_may_not_offer_a_type(status: int, ehr: Any, reading: Any, asked: Callable[[], object]) -> None:
    """Whatever the scopes say: it refuses the type, or does not know it, today and tomorrow."""
    ehr.json("Observation", {}, status)
    with pytest.raises(NotOffered):
        reading.read({}, access(ehr), ehr.base)


def test_a_call_without_access_is_a_fault_of_its_own(reading: Any) -> None:
    """Nobody refused anything: the caller sent nothing."""
    with pytest.raises(DataUnavailable) as fault:
        reading.read({})
    assert type(fault.value) is DataUnavailable


def test_clients_read_side_by_side(ehr: Any, reading: Any, asked: Callable[[], object]) -> None:
    """A client whose server is slow keeps no thread from another."""
    records = FhirRecords(
        {"slow": Site(f"{ehr.base}/slow"), "ehr": Site(ehr.base)},
        transport=Transport(reading.limits),
        clock=type("Clock", (), {"now": lambda _: reading.now})(),
        analytes=reading.analytes,
    )
    ehr.slow("slow")
    waiting = [
        records.begin(reading.call({}, FhirAccess(f"{ehr.base}/slow", "t", ("patient/*.rs",)), client="slow"))
        for _ in range(20)
    ]
    for one in waiting:
        one.start(reading.needs)
    assert records.read(replace(reading.call({}, access(ehr)), seconds=30.0), reading.needs).observations
    assert not ehr.over.is_set()
    for one in waiting:
        one.__exit__(None, None, None)
