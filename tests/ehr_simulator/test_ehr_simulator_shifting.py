"""Shifting keeps order, intervals, precision and zone, and leaves out what is not known yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehr_simulator import dates
from ehr_simulator.shifting import NoStay, shifted

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ZONES = st.integers(-12 * 4, 14 * 4).map(lambda quarter: timezone(timedelta(minutes=15 * quarter)))
FIRST, LAST = datetime(2000, 1, 1), datetime(2030, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zones
MOMENTS = st.datetimes(FIRST, LAST, timezones=ZONES).map(lambda moment: moment.replace(microsecond=0))
STEPS = st.integers(-(10**9), 10**9).map(lambda seconds: timedelta(seconds=seconds))
CALENDAR = st.dates(FIRST.date(), LAST.date())


def _read(text: str) -> datetime:
    """The moment of a text that holds one."""
    moment = dates.read(text)
    assert moment is not None
    return moment


def _stay(start: Any, **more: Any) -> Any:
    return {"resourceType": "Encounter", "id": "e", "status": "finished", "period": {"start": start}, **more}


def _fact(number: int, time: str, **more: Any) -> Any:
    return {"resourceType": "Observation", "id": f"o{number}", "encounter": {"reference": "Encounter/e"},
            "effectiveDateTime": time, **more}  # fmt: skip


@given(st.lists(MOMENTS, min_size=2, max_size=6), STEPS)
def test_order_and_intervals_of_moments_are_kept(moments: list[datetime], step: timedelta) -> None:
    """Two moments are as far apart after the move as before, whatever their zones."""
    before = [_read(moment.isoformat()) for moment in moments]
    after = [_read(dates.moved(moment.isoformat(), step)) for moment in moments]
    assert [b - before[0] for b in before] == [a - after[0] for a in after]
    assert all(a - b == step for a, b in zip(after, before, strict=True))


@given(st.lists(CALENDAR, min_size=2, max_size=6), STEPS)
def test_order_and_intervals_of_dates_are_kept(days: list[date], step: timedelta) -> None:
    """All dates without a time move by the same whole number of days."""
    before = [_read(day.isoformat()) for day in days]
    after = [_read(dates.moved(day.isoformat(), step)) for day in days]
    assert [b - before[0] for b in before] == [a - after[0] for a in after]


@given(st.lists(MOMENTS, min_size=1, max_size=8), MOMENTS)
def test_a_whole_bundle_moves_as_one(moments: list[datetime], start: Any) -> None:
    """After `shifted`, the distances between all facts are what they were, and the last fact is at now."""
    times = [moment.isoformat() for moment in moments]
    bundle = [_stay(start.isoformat()), *(_fact(n, time) for n, time in enumerate(times))]
    moved = shifted(bundle, NOW)
    new = [_read(one["effectiveDateTime"]) for one in moved[1:]]
    assert [n - new[0] for n in new] == [_read(t) - _read(times[0]) for t in times]
    last = max([*new, _read(moved[0]["period"]["start"])])
    assert last == NOW


@pytest.mark.parametrize(
    ("text", "by", "expected"),
    [
        ("2024-03-01T08:00:00Z", timedelta(days=1, seconds=5), "2024-03-02T08:00:05Z"),
        ("2024-03-01T08:00:00.120-05:00", timedelta(hours=1), "2024-03-01T09:00:00.120-05:00"),
        ("2024-02-28", timedelta(days=2, hours=23), "2024-03-01"),
        ("2024-02", timedelta(days=40), "2024-03"),
        ("2024", timedelta(days=366), "2025"),
        ("9999-12-31", timedelta(days=1), "9999-12-31"),
        ("not a date", timedelta(days=1), "not a date"),
        ("2024-13-01", timedelta(days=1), "2024-13-01"),
    ],
)
def test_precision_and_zone_are_kept(text: str, by: timedelta, expected: Any) -> None:
    """A year stays a year, a fraction stays a fraction, a zone stays a zone."""
    assert dates.moved(text, by) == expected


def test_only_dates_move() -> None:
    """Codes, values, ids and the birth date stay, even where they look like dates."""
    patient = {"resourceType": "Patient", "id": "2024-01-01", "birthDate": "1960-05-05"}
    fact = _fact(1, "2024-03-01T09:00:00Z", valueString="2024-03-01", code={"coding": [{"code": "2024"}]})
    moved = shifted([patient, _stay("2024-03-01T08:00:00Z"), fact], NOW)
    assert moved[0] == patient
    assert (moved[2]["valueString"], moved[2]["code"]["coding"][0]["code"]) == ("2024-03-01", "2024")


def test_the_last_stay_is_open_afterwards() -> None:
    """No end, in progress, no discharge, and nobody has died."""
    stay = _stay("2024-03-01T08:00:00Z", hospitalization={"dischargeDisposition": {"text": "exp"}})
    stay["period"]["end"] = "2024-03-05T08:00:00Z"
    patient = {"resourceType": "Patient", "id": "p", "deceasedDateTime": "2024-03-05T08:00:00Z"}
    moved = shifted([patient, stay], NOW)
    assert moved[0] == {"resourceType": "Patient", "id": "p"}
    assert moved[1]["status"] == "in-progress"
    assert "end" not in moved[1]["period"]
    assert moved[1]["hospitalization"] == {}


def test_an_earlier_stay_keeps_its_end() -> None:
    """Only the last stay is opened."""
    earlier = {"resourceType": "Encounter", "id": "a", "status": "finished",
               "period": {"start": "2023-01-01T00:00:00Z", "end": "2023-01-03T00:00:00Z"}}  # fmt: skip
    moved = shifted([earlier, _stay("2024-03-01T08:00:00Z")], NOW)
    assert moved[0]["status"] == "finished"
    length = _read(moved[0]["period"]["end"]) - _read(moved[0]["period"]["start"])
    assert length == timedelta(days=2)


def test_at_an_hour_the_future_is_left_out() -> None:
    """At hour 24 a fact of hour 25 is not known, nor is one that was issued later, nor the next ward."""
    stay = _stay(
        "2024-03-01T08:00:00Z",
        location=[
            {"location": {"display": "ICU"}, "status": "completed",
             "period": {"start": "2024-03-01T08:00:00Z", "end": "2024-03-03T08:00:00Z"}},
            {"location": {"display": "Ward"}, "period": {"start": "2024-03-03T08:00:00Z"}},
        ],
    )  # fmt: skip
    facts = [
        _fact(1, "2024-03-02T07:59:00Z"),
        _fact(2, "2024-03-02T09:00:00Z"),
        _fact(3, "2024-03-02T07:00:00Z", issued="2024-03-02T09:00:00Z"),
    ]
    moved = shifted([stay, *facts], NOW, at_hour=24)
    assert [one["id"] for one in moved] == ["e", "o1"]
    assert _read(moved[0]["period"]["start"]) == NOW - timedelta(hours=24)
    assert [place["location"]["display"] for place in moved[0]["location"]] == ["ICU"]
    assert moved[0]["location"][0]["status"] == "active"
    assert "end" not in moved[0]["location"][0]["period"]


def test_without_a_stay_nothing_can_be_made_current() -> None:
    """A bundle without an encounter is not guessed about."""
    with pytest.raises(NoStay):
        shifted([{"resourceType": "Patient", "id": "p"}], NOW)
