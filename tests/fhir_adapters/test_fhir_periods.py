"""Numbers that were measured over a time: what is longer than a result is meant for counts at no moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clinical.need import DataNeed
from clinical.record import LOINC, Coding, SetAsideReason
from fhir_adapters.units import Analytes

Make = Callable[..., dict[str, Any]]
HEART, URINE, SMOKING = "8867-4", "9187-6", "72166-2"
# The test reads at 2026-03-02T08:00:00Z.
END = "2026-03-02T07:00:00Z"


@pytest.fixture
def read(reading: Any, make_lab: Make) -> Callable[..., Any]:
    """The record of one measurement over a period."""
    codes = tuple(Coding(LOINC, code) for code in (HEART, URINE, SMOKING))
    reading.needs = (*reading.needs[:2], DataNeed("labs", "Observation", codes, 500))

    def one(code: str, unit: str, start: str | None, end: str | None = END, **changes: Any) -> Any:
        lab = make_lab("o1", code, 80, unit, **changes)
        del lab["effectiveDateTime"]
        ends = {"start": start, "end": end}
        lab["effectivePeriod"] = {name: value for name, value in ends.items() if value is not None}
        return reading.read(reading.prefetch(lab))

    return one


@pytest.mark.parametrize(
    ("code", "unit", "start"),
    [
        (URINE, "mL", END),
        (URINE, "mL", "2026-03-02T06:00:00Z"),
        (URINE, "mL", "2026-03-02T01:00:00Z"),
        (URINE, "mL", "2026-03-02T02:00:00+01:00"),
        (URINE, "mL", "2026-03-02"),  # which may be shorter than 6 hours
        (URINE, "mL", "2026-03-02T00:30:00Z"),  # a twelfth more than 6 hours
        (HEART, "/min", "2026-03-01T07:00:00Z"),
        (HEART, "/min", "2026-03-01T06:50:00Z"),
        (HEART, "/min", "2026-03-01T05:00:00Z"),  # a twelfth more than a day
        (HEART, "/min", "2026-03-01"),
        (HEART, "/min", "2026"),
        (HEART, "/min", "some day"),
    ],
)
def test_what_was_measured_over_a_short_time_counts_at_its_end(code: str, unit: str, start: str, read: Any) -> None:
    """Volumes that are summed by the hour up to 6 hours, all else up to a day, each with a twelfth more."""
    record = read(code, unit, start)
    if start == "some day":  # which the validator refuses
        assert record.set_aside[0].reason is SetAsideReason.MALFORMED
        return
    assert [fact.time.isoformat() for fact in record.observations] == ["2026-03-02T07:00:00+00:00"]
    assert record.set_aside == ()


@pytest.mark.parametrize(
    ("code", "unit", "start", "words"),
    [
        (URINE, "mL", "2026-03-01T08:00:00Z", "urine output: it was measured over 23 hours"),
        (URINE, "L", "2026-03-02T00:29:00Z", "urine output: it was measured over 6 h 31 min"),
        (URINE, "mL", "2026-03-01", "urine output: it was measured over 7 hours"),
        (HEART, "/min", "2026-03-01T04:59:00Z", "heart rate: it was measured over 26 h 1 min"),
        (HEART, "/min", "2026-03-01T04:00:00Z", "heart rate: it was measured over 27 hours"),
        (HEART, "/min", "2026-02-28T07:00:00Z", "heart rate: it was measured over 2 days"),
        (HEART, "/min", "2026-01-01T07:00:00Z", "heart rate: it was measured over 60 days"),
        (HEART, "/min", "2026-02-28", "heart rate: it was measured over 31 hours"),
        (HEART, "/min", "2026-01", "heart rate: it was measured over 29 days"),
    ],
)
def test_what_was_measured_over_a_long_time_is_set_aside(
    code: str, unit: str, start: str, words: str, read: Any
) -> None:
    """And named; a day or month without a time counts from its end, so that what is said is never too long."""
    record = read(code, unit, start)
    assert record.observations == ()
    assert [(row.reason, row.detail) for row in record.set_aside] == [(SetAsideReason.NO_TIME, words)]


def test_a_component_was_measured_as_long_as_the_whole(read: Any) -> None:
    """It has no time of its own."""
    part = {"code": {"coding": [{"system": LOINC, "code": HEART}]}, "valueQuantity": {"value": 80, "unit": "/min"}}
    record = read("85354-9", "/min", "2026-01-01T07:00:00Z", component=[part])
    assert record.observations == ()
    assert record.set_aside[0].reference == "Observation/o1#component-0"


@pytest.mark.parametrize(("start", "end"), [("2026-01-01T07:00:00Z", None), (None, END)])
def test_a_period_without_one_of_its_ends_counts_at_the_other(start: str | None, end: str | None, read: Any) -> None:
    """Nobody can say how long it was."""
    assert len(read(HEART, "/min", start, end).observations) == 1


def test_an_answer_may_hold_for_years(read: Any) -> None:
    """Smoking status is no number; US Core dates it by a period, too."""
    smoker = {"coding": [{"system": "http://snomed.info/sct", "code": "449868002"}]}
    record = read(SMOKING, "1", "1990-01-01T07:00:00Z", valueQuantity=None, valueCodeableConcept=smoker)
    assert len(record.answers) == 1


def test_only_volumes_by_the_hour_have_a_limit_of_their_own(analytes: Analytes) -> None:
    """The table says which."""
    own = {each.name: each.longest for each in analytes if each.longest != timedelta(hours=24)}
    assert own == {"urine_output": timedelta(hours=6)}
