"""Times of one zone are taken from each other as moments, also over a change to summer time."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clinical.record import LOINC, Answer, Coding, Condition, MedicationUse, PatientRecord, ProcedureDone, Source
from models.runtime.utc import in_utc

BERLIN = ZoneInfo("Europe/Berlin")
# Clocks went from 02:00 to 03:00.
BEFORE = datetime(2026, 3, 29, 0, 30, tzinfo=BERLIN)
AFTER = datetime(2026, 3, 29, 4, 30, tzinfo=BERLIN)


def whole(chart: Any) -> PatientRecord:
    """A record with one of everything, in the zone of the hospital."""
    code = (Coding(LOINC, "x"),)
    stay = chart.stay(replace(chart.bed(), start=BEFORE, end=AFTER), start=BEFORE, end=AFTER)
    return PatientRecord(
        "1",
        AFTER,
        stays=(stay,),
        observations=(replace(chart.fact("HR", 90, 1), time=AFTER),),
        answers=(Answer("Observation/a", code, code, "", AFTER, "final", Source.FHIR),),
        conditions=(Condition("Condition/c", code, BEFORE, AFTER),),
        medications=(MedicationUse("MedicationRequest/m", code, BEFORE, AFTER, latest_start=BEFORE),),
        procedures=(ProcedureDone("Procedure/p", code, BEFORE, end=AFTER),),
    )


def moments(fact: Any) -> list[datetime]:
    """Every time below something."""
    if isinstance(fact, datetime):
        return [fact]
    if isinstance(fact, tuple):
        return [moment for one in fact for moment in moments(one)]
    parts = fields(fact) if hasattr(fact, "__dataclass_fields__") else ()
    return [moment for one in parts if one.name != "read_at" for moment in moments(getattr(fact, one.name))]


def test_every_moment_is_turned_and_stays_the_same(chart: Any) -> None:
    """Wherever it stands; what is known of no time stays unknown."""
    record = whole(chart)
    found = in_utc(record)
    assert {moment.tzinfo for moment in moments(found)} == {UTC}
    assert [moment.timestamp() for moment in moments(found)] == [moment.timestamp() for moment in moments(record)]
    assert found.procedures[0].latest_start is None
    assert timedelta(hours=4) == AFTER - BEFORE
    assert found.stays[0].end - found.stays[0].start == timedelta(hours=3)


def test_what_is_in_utc_is_not_copied(chart: Any) -> None:
    """As every record that came through a door."""
    record = chart.record(*chart.ordinary())
    assert in_utc(record) is record


@pytest.mark.parametrize(("hours", "points"), [(11.5, 1), (12.5, None)])
def test_a_window_of_hours_counts_hours(patient: Any, scores: Any, hours: float, points: int | None) -> None:
    """By the clock on the wall, half past midnight lies twelve hours before half past twelve; it is eleven."""
    noon = datetime(2026, 3, 29, 12, 30, tzinfo=BERLIN)
    here = replace(patient, now=noon.astimezone(UTC))
    facts = [
        here.fact("9279-1", 30, "/min", hours),
        here.fact("8480-6", 130, "mm[Hg]"),
        here.fact("9269-2", 15, "{score}"),
    ]
    local = [replace(fact, time=fact.time.astimezone(BERLIN)) for fact in facts]
    qsofa = scores["qsofa"]
    found = qsofa.assess(here.record(*local), noon)
    assert found == qsofa.assess(here.record(*facts), here.now)
    assert {item.name: item.points for item in found.items}["respiratory_rate"] == points
