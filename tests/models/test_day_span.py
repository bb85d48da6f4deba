"""A day without a time zone, as moments."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from models.runtime.day_span import span_of


def test_a_day_lasts_from_where_it_begins_first_to_where_it_ends_last() -> None:
    """UTC+14 and UTC-12."""
    expected = datetime(2026, 1, 9, 10, tzinfo=UTC), datetime(2026, 1, 11, 12, tzinfo=UTC)
    assert span_of(date(2026, 1, 10)) == expected


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_ends_of_the_calendar_are_no_fault(day: date) -> None:
    """A sender may write any day."""
    first, last = span_of(day)
    assert first <= datetime.combine(day, datetime.min.time(), UTC) < last
