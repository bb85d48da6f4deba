"""An HL7 v2 order over a time (OBR-7, OBR-8) gives what the same effectivePeriod gives in FHIR."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from clinical.need import DataNeed
from clinical.record import LOINC, Coding, PatientRecord
from fhir_adapters.hl7v2.messages import Feed, read_messages
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.units import Analytes

NOW = datetime(2026, 3, 2, 20, tzinfo=UTC)
URINE, HEART = "9187-6", "8867-4"
NEEDS = (DataNeed("labs", "Observation", (Coding(LOINC, URINE), Coding(LOINC, HEART)), 500),)


@pytest.fixture
def told(analytes: Analytes) -> Callable[..., PatientRecord]:
    """The record of one order with one result, whose times are OBR-7, OBR-8 and OBX-14."""

    def read(code: str, start: str, end: str, at: str = "") -> PatientRecord:
        unit = "mL" if code == URINE else "/min"
        rows = [
            "MSH|^~\\&|A|H|B|H|20260302||ORU^R01|c2|P|2.5.1",
            "PID|1||pat-1^^^H||Doe^Jo||19500203|F",
            f"OBR|1|||x|||{start}|{end}",
            f"OBX|1|NM|{code}^x^LN||80|{unit}^x^UCUM|||||F|||{at}",
        ]
        feed = Feed(IntensiveCare(), analytes, UTC)
        return read_messages(["\r".join(rows).encode()], NEEDS, patient_id="pat-1", feed=feed, now=NOW)

    return read


@pytest.fixture
def seen(reading: Any, make_lab: Any) -> Callable[..., PatientRecord]:
    """The record of one Observation with an effectivePeriod."""

    def read(code: str, start: str, end: str) -> PatientRecord:
        lab = make_lab("o1", code, 80, "mL" if code == URINE else "/min")
        del lab["effectiveDateTime"]
        lab["effectivePeriod"] = {name: text for name, text in (("start", start), ("end", end)) if text}
        reading.now, reading.needs = NOW, (*reading.needs[:2], *NEEDS)
        return reading.read(reading.prefetch(lab))  # type: ignore[no-any-return]

    return read


def _read(record: PatientRecord) -> tuple[list[Any], list[Any]]:
    """What counts, and what does not and why."""
    return [(fact.value, fact.time) for fact in record.observations], [
        (one.reason, one.detail, one.time) for one in record.set_aside
    ]


@pytest.mark.parametrize(
    ("code", "fhir", "hl7"),
    [
        (URINE, ("2026-03-02T06:00:00Z", "2026-03-02T18:00:00Z"), ("202603020600", "202603021800")),
        (URINE, ("2026-03-02T14:00:00Z", "2026-03-02T18:00:00Z"), ("202603021400", "202603021800")),
        (URINE, ("2026-03-02T14:00:00Z", ""), ("202603021400", "")),
        (URINE, ("", "2026-03-02T18:00:00Z"), ("", "202603021800")),
        (URINE, ("2026-03-01", "2026-03-02T18:00:00Z"), ("20260301", "202603021800")),
        (HEART, ("2026-02-27T06:00:00Z", "2026-03-02T18:00:00Z"), ("202602270600", "202603021800")),
        (HEART, ("2026-03-02T06:00:00Z", "2026-03-02T21:00:00Z"), ("202603020600", "202603022100")),
    ],
)
def test_both_doors_give_the_same(code: str, fhir: tuple[str, str], hl7: tuple[str, str], seen: Any, told: Any) -> None:
    """The same value at the same time, or the same refusal: a shift's urine does not stand at one moment."""
    assert _read(told(code, *hl7)) == _read(seen(code, *fhir))


def test_the_urine_of_a_shift_is_set_aside(told: Any) -> None:
    """900 mL of twelve hours are none of one."""
    (fact,) = told(URINE, "20260302060000+0000", "20260302180000+0000").set_aside
    assert fact.detail == "urine output: it was measured over 12 hours"
    assert fact.time == datetime(2026, 3, 2, 18, tzinfo=UTC)


def test_the_time_of_the_result_itself_comes_first(told: Any) -> None:
    """OBX-14 says when; the order's times are those of others too."""
    (fact,) = told(URINE, "202603020600", "202603021800", "202603021700").observations
    assert fact.time == datetime(2026, 3, 2, 17, tzinfo=UTC)


@pytest.mark.parametrize("null", ['""', ""])
def test_a_null_time_is_none(null: str, told: Any) -> None:
    """The start counts, and without it there is no time."""
    (fact,) = told(HEART, "202603021800", null, null).observations
    assert fact.time == datetime(2026, 3, 2, 18, tzinfo=UTC)
    (aside,) = told(HEART, null, null, null).set_aside
    assert aside.time is None


def test_an_end_that_cannot_be_read_is_none(told: Any) -> None:
    """The start counts, as it does where nobody wrote an end."""
    (fact,) = told(HEART, "202603021800", "soon").observations
    assert fact.time == datetime(2026, 3, 2, 18, tzinfo=UTC)


def test_a_period_that_ends_before_it_begins_has_no_time(told: Any) -> None:
    """Nobody can say which of the two is wrong; it was no later than the later."""
    (aside,) = told(HEART, "202603021800", "202603020600").set_aside
    assert (aside.since, aside.time) == (None, datetime(2026, 3, 2, 18, tzinfo=UTC))
