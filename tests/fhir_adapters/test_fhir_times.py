"""Times: a moment needs a time of day and a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_adapters.times import (
    fhir_birth_date,
    fhir_end,
    fhir_moment,
    fhir_start,
    is_date,
    v2_birth_date,
    v2_moment,
    v2_start,
)

MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, st.integers(-14 * 60 + 1, 14 * 60 - 1))
def test_a_written_moment_is_read_back(moment: datetime, offset: int) -> None:
    """Any zone, with and without fraction."""
    local = moment.astimezone(timezone(timedelta(minutes=offset)))
    assert fhir_moment(local.isoformat()) == moment
    assert fhir_moment(moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")) == moment.replace(
        microsecond=0
    )


@given(st.text() | st.integers() | st.none())
def test_anything_else_is_no_moment(value: object) -> None:
    """No exception, no guess."""
    result = fhir_moment(value)
    assert result is None or result.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026",
        "2026-03",
        "2026-03-02",
        "2026-03-02T08:00:00",
        "2026-02-30T08:00:00Z",
        "2026-03-02T08:00:60Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02 08:00:00Z",
        "2026-03-02T08:00Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_imprecise_or_impossible_moments_are_refused(text: str) -> None:
    """Partial dates, naive times, leap seconds and days that do not exist."""
    assert fhir_moment(text) is None


def test_hl7_v2_times() -> None:
    """With a zone, without one, with fractions; dates alone are no moments."""
    zone = timezone(timedelta(hours=1))
    assert v2_moment("202603020900", zone) == datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    assert v2_moment("20260302090000.25-0500", zone) == datetime(2026, 3, 2, 14, 0, 0, 250_000, tzinfo=UTC)
    assert v2_moment("20260302", zone) is None
    assert v2_moment("", zone) is None


def test_birth_dates() -> None:
    """A missing month or day is put at the middle and said to be inexact."""
    assert fhir_birth_date("1950-02-03") == (date(1950, 2, 3), True)
    assert fhir_birth_date("1950-02") == (date(1950, 2, 15), False)
    assert fhir_birth_date("1950") == (date(1950, 7, 1), False)
    assert fhir_birth_date("1950-13-01") is None
    assert fhir_birth_date(1950) is None
    assert v2_birth_date("19500203") == (date(1950, 2, 3), True)
    assert v2_birth_date("195002030815+0100") == (date(1950, 2, 3), True)
    assert v2_birth_date("1950") == (date(1950, 7, 1), False)
    assert v2_birth_date("") is None


@given(st.dates(date(1, 1, 2), date(9998, 12, 30)), MOMENTS)
def test_a_date_spans_its_days(day: date, now: datetime) -> None:
    """A year, a month and a day begin with their first moment in UTC and end with their last."""
    for written in (f"{day:%Y}".zfill(4), f"{day.year:04}-{day:%m}", day.isoformat()):
        start, end = fhir_start(written, now), fhir_end(written)
        assert is_date(written)
        assert start is not None
        assert end is not None
        assert start == now or (start.isoformat()[: len(written)], f"{start:%H%M%S%f}") == (written, "0" * 12)
        assert end.isoformat().startswith(written)
        assert not (end + timedelta(microseconds=1)).isoformat().startswith(written)
        assert v2_start(written.replace("-", ""), UTC, now) == start


@given(MOMENTS)
def test_a_day_counts_as_begun_once_it_has_begun_anywhere(now: datetime) -> None:
    """The date of the place where it is latest is no future, and the day after it is."""
    latest = (now + timedelta(hours=14)).date()
    start = fhir_start(latest.isoformat(), now)
    assert start is not None
    assert start <= now
    after = fhir_start((latest + timedelta(days=1)).isoformat(), now)
    assert after is not None
    assert after > now


@given(MOMENTS, MOMENTS)
def test_a_moment_begins_and_ends_when_it_is(moment: datetime, now: datetime) -> None:
    """With a time of day and a zone nothing is to be decided."""
    assert fhir_start(moment.isoformat(), now) == fhir_end(moment.isoformat()) == moment


@pytest.mark.parametrize(
    "text", ["2026-00", "2026-13", "2026-02-30", "0000", "999", "20260302", "2026-3", "", None, 2026]
)
def test_what_is_no_date_begins_never(text: object) -> None:
    """No guess."""
    assert fhir_start(text, datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert fhir_end(text) is None
    assert not is_date(text)
