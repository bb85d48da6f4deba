"""Medicines: which orders and statements are uses, whether they go on, and which medicine it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clinical.need import DataNeed
from clinical.record import Coding, SetAsideReason

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
STATIN = {"coding": [{"system": RXNORM, "code": "259255", "display": "atorvastatin 80 MG"}], "text": "atorvastatin"}


def order(**changes: Any) -> dict[str, Any]:
    """An active order; a member set to None is left out."""
    whole = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": STATIN,
        "subject": {"reference": "Patient/pat-1"},
        "encounter": {"reference": "Encounter/enc-1"},
        "authoredOn": "2026-03-01",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def statement(**changes: Any) -> dict[str, Any]:
    """A medicine that is taken."""
    whole = {
        "resourceType": "MedicationStatement",
        "id": "s1",
        "status": "active",
        "medicationCodeableConcept": STATIN,
        "subject": {"reference": "Patient/pat-1"},
        "context": {"reference": "Encounter/enc-1"},
        "effectivePeriod": {"start": "2020-03"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def medicine(name: str = "med-1", **changes: Any) -> dict[str, Any]:
    """A Medication."""
    return {"resourceType": "Medication", "id": name, "code": STATIN, **changes}


def pointed(reference: str | None, **changes: Any) -> dict[str, Any]:
    """An order that refers to its medicine."""
    pointer = {"display": "a statin"} | ({"reference": reference} if reference else {})
    return order(medicationCodeableConcept=None, medicationReference=pointer, **changes)


@pytest.fixture
def read(reading: Any) -> Any:
    """Reads entries (resources, or bundle entries) that came as the answers to needs for medicines."""
    reading.needs = (*reading.needs, DataNeed("orders", "MedicationRequest"), DataNeed("taken", "MedicationStatement"))

    def record(*rows: dict[str, Any]) -> Any:
        entries = [row if "resource" in row else {"resource": row} for row in rows]
        return reading.read(reading.prefetch(orders={"resourceType": "Bundle", "entry": entries}, taken=None))

    return record


def test_an_order_and_a_statement_become_words_of_the_record(read: Any) -> None:
    """With codes, start, stay and what the sender calls the medicine."""
    ordered, taken = read(order(), statement()).medications
    assert ordered.codings == taken.codings == (Coding(RXNORM, "259255", "atorvastatin 80 MG"),)
    assert (ordered.reference, ordered.start) == ("MedicationRequest/m1", datetime(2026, 3, 1, tzinfo=UTC))
    assert (taken.reference, taken.start) == ("MedicationStatement/s1", datetime(2020, 3, 1, tzinfo=UTC))
    assert {found.encounter for found in (ordered, taken)} == {"Encounter/enc-1"}
    assert {(found.active, found.end, found.text) for found in (ordered, taken)} == {(True, None, "atorvastatin")}


@pytest.mark.parametrize(("status", "active"), [("active", True), ("on-hold", True), ("completed", False)])
def test_a_use_is_active_until_it_has_ended(status: str, active: bool, read: Any) -> None:
    """One on hold is expected to go on."""
    assert [found.active for found in read(order(status=status), statement(status=status)).medications] == [active] * 2
    assert not read(order(status="stopped")).medications[0].active


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (order(status="entered-in-error"), "entered in error"),
        (order(status="cancelled"), "cancelled before it began"),
        (order(status="draft"), "draft"),
        (order(status="unknown"), "not known"),
        (order(status="Active"), "its status is not one of FHIR's"),
        (order(intent="proposal"), "a proposal, not an order"),
        (order(intent="plan"), "a plan, not an order"),
        (order(intent="option"), "an option, not an order"),
        (order(intent="wish"), "its intent is not one of FHIR's"),
        (order(doNotPerform=True), "not to give"),
        (statement(status="intended"), "intended"),
        (statement(status="not-taken"), "not taken"),
        (statement(status="entered-in-error"), "entered in error"),
        (statement(status="unknown"), "not known"),
        (statement(status="draft"), "its status is not one of FHIR's"),
    ],
)
def test_what_is_no_use_of_a_medicine_is_set_aside(row: dict[str, Any], words: str, read: Any) -> None:
    """With the reason and the codes."""
    record = read(row)
    assert record.medications == ()
    (aside,) = record.set_aside
    unclear = ("not known", "its status is not one of FHIR's", "its intent is not one of FHIR's")
    assert aside.reason is (SetAsideReason.STATUS if words in unclear else SetAsideReason.VOID)
    assert words in aside.detail
    assert aside.codings[0].code == "259255"


def test_a_medicine_keeps_its_status_and_how_exactly_its_start_is_known(read: Any) -> None:
    """An order on hold is told from an active one, and a day from a moment."""
    (held,) = read(order(status="on-hold", authoredOn="2026-02-27")).medications
    assert (held.status, held.active) == ("on-hold", True)
    assert (held.start.day, held.start.hour, held.latest_start.day, held.latest_start.hour) == (27, 0, 27, 23)
    (taken,) = read(statement(effectiveDateTime="2026-01-02T08:00:00Z", effectivePeriod=None)).medications
    assert (taken.status, taken.latest_start) == ("active", None)


@pytest.mark.parametrize("intent", ["original-order", "reflex-order", "filler-order", "instance-order"])
def test_orders_of_all_kinds_are_uses(intent: str, read: Any) -> None:
    """Whoever wrote them."""
    assert len(read(order(intent=intent, doNotPerform=False)).medications) == 1


@pytest.mark.parametrize("value", ["true", "false", 1, 0, None, "yes"])
def test_a_truth_value_must_be_one(value: object, read: Any) -> None:
    """The validator takes "true" and 1; a guess would turn a prohibition into a use."""
    record = read(order() | {"doNotPerform": value})
    assert record.medications == ()
    assert record.set_aside[0].detail == "doNotPerform: not a boolean"


@pytest.mark.parametrize(
    ("period", "end", "active"),
    [
        ({"start": "2020", "end": "2025-06"}, datetime(2025, 6, 30, 23, 59, 59, 999999, UTC), False),
        ({"start": "2020", "end": "2026-03-02"}, datetime(2026, 3, 2, 23, 59, 59, 999999, UTC), True),
        ({"end": "2026-03-02T07:59:00Z"}, datetime(2026, 3, 2, 7, 59, tzinfo=UTC), False),
        ({"start": "2020", "end": "9999-12-31"}, None, True),
        ({"start": "2020", "end": "2027"}, datetime(2027, 12, 31, 23, 59, 59, 999999, UTC), True),
    ],
)
def test_the_end_of_a_period_ends_a_use(period: dict[str, str], end: datetime | None, active: bool, read: Any) -> None:
    """A day includes its last moment, and the year 9999 is no end."""
    (found,) = read(statement(effectivePeriod=period)).medications
    assert (found.end, found.active) == (end, active)


@pytest.mark.parametrize(
    "row",
    [
        order(authoredOn="2026-03-02T08:00:01Z"),
        order(authoredOn="2026-04"),
        statement(effectivePeriod={"start": "2027"}),
        statement(effectivePeriod=None, effectiveDateTime="2027"),
    ],
)
def test_a_use_of_the_future_is_set_aside(row: dict[str, Any], read: Any) -> None:
    """It has not begun."""
    record = read(row)
    assert record.medications == ()
    assert record.set_aside[0].reason is SetAsideReason.FUTURE


def test_a_medicine_may_be_contained_or_come_along(read: Any) -> None:
    """Behind a local reference, behind a relative or absolute one, and behind a name within the bundle."""
    urn = "urn:uuid:8b7b7d9e-07bc-403b-8983-455635e3b63f"
    record = read(
        pointed("#x", contained=[medicine("x")]),
        pointed("Medication/med-1", id="m2"),
        pointed("https://ehr.test/fhir/Medication/med-1/_history/4", id="m3"),
        pointed(urn, id="m4"),
        pointed("https://proxy.test/r4/Medication/med-3", id="m5"),
        medicine(),
        {"fullUrl": urn, "resource": medicine("med-2")},
        {"fullUrl": "https://proxy.test/r4/Medication/med-3", "resource": medicine("med-3")},
    )
    assert {(found.codings[0].code, found.text) for found in record.medications} == {("259255", "atorvastatin")}
    assert len(record.medications) == 5
    assert record.set_aside == ()


@pytest.mark.parametrize(
    "row",
    [
        pointed("Medication/other"),
        pointed("#x", contained=[medicine("y")]),
        pointed("#x", contained=[{"resourceType": "Substance", "id": "x", "code": STATIN}]),
        pointed("#x", contained=[medicine("x", status="entered-in-error")]),
        pointed("#x", contained=[medicine("x", code={"coding": [{"code": "1"}]})]),
        pointed("https://elsewhere.test/fhir/Medication/med-1"),
        pointed("urn:uuid:8b7b7d9e-07bc-403b-8983-455635e3b63f"),
        pointed(None),
    ],
)
def test_a_medicine_that_cannot_be_told_is_a_use_without_codes(row: dict[str, Any], read: Any) -> None:
    """And the record says that nobody can say which: it could be the one that a model looks for."""
    record = read(row, medicine())
    (found,) = record.medications
    assert (found.codings, found.text) == ((), "a statin")
    (aside,) = record.set_aside
    assert (aside.reference, aside.reason) == ("MedicationRequest/m1", SetAsideReason.NO_VALUE)


def test_a_malformed_medication_tells_nothing(read: Any) -> None:
    """It is set aside by name, and so is the order that refers to it."""
    record = read(pointed("Medication/med-1"), medicine(code="x"))
    assert [aside.reference for aside in record.set_aside] == ["Medication/med-1", "MedicationRequest/m1"]


def test_a_medicine_in_words_keeps_them(read: Any) -> None:
    """Text without a code is told; nothing at all is not."""
    record = read(order(medicationCodeableConcept={"text": "aspirin"}), order(id="m2", medicationCodeableConcept={}))
    assert [(found.codings, found.text) for found in record.medications] == [((), "aspirin"), ((), "")]
    assert [aside.reference for aside in record.set_aside] == ["MedicationRequest/m2"]


def test_a_malformed_order_is_named_with_its_codes(read: Any) -> None:
    """So that a model that looks for the medicine knows of it."""
    record = read(order(authoredOn="yesterday"))
    assert record.set_aside[0].reason is SetAsideReason.MALFORMED
    assert record.set_aside[0].codings[0].code == "259255"
