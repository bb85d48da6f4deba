"""When a fact that is not used was true, and whether it holds a value at all: what newer facts are judged by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clinical.record import EVER, SetAside, SetAsideReason

HALF_PAST_SEVEN = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
# A day ends last where clocks are 12 hours behind UTC.
END_OF_THE_SECOND = datetime(2026, 3, 3, 11, 59, 59, 999999, tzinfo=UTC)
END_OF_MARCH = datetime(2026, 4, 1, 11, 59, 59, 999999, tzinfo=UTC)
BELOW = {"value": 4, "comparator": "<", "code": "mmol/L", "system": "http://unitsofmeasure.org"}
ABSENT = {"dataAbsentReason": {"text": "not performed"}, "valueQuantity": None}


@pytest.fixture
def aside(reading: Any, make_lab: Any) -> Any:
    """The one fact that is set aside of a lactate; a member set to None is left out."""

    def read(**changes: Any) -> SetAside:
        whole = make_lab("bad", **changes)
        record = reading.read(reading.prefetch({name: value for name, value in whole.items() if value is not None}))
        (found,) = record.set_aside
        return found  # type: ignore[no-any-return]

    return read


@pytest.mark.parametrize(
    "changes",
    [{"status": "preliminary"}, {"status": "nonsense"}, {"unit": "mg/L"}, {"value": "4.1"}, {"valueQuantity": BELOW}],
)
def test_what_was_measured_and_cannot_be_used_has_its_time(aside: Any, changes: dict[str, Any]) -> None:
    """Whatever the rules refuse."""
    found = aside(**changes)
    assert (found.time, found.empty) == (HALF_PAST_SEVEN, False)


@pytest.mark.parametrize(
    "changes",
    [{"status": "entered-in-error"}, {"status": "cancelled"}, ABSENT, {"status": "registered", "valueQuantity": None}],
)
def test_what_holds_no_value_by_its_own_word_is_empty(aside: Any, changes: dict[str, Any]) -> None:
    """Entered in error, cancelled, absent, or ordered and not there yet: nothing was seen."""
    assert aside(**changes).empty


@pytest.mark.parametrize(
    ("changes", "time"),
    [
        ({"effectiveDateTime": "2026-03-02"}, END_OF_THE_SECOND),
        ({"effectiveDateTime": "2026-03"}, END_OF_MARCH),
        ({"effectiveDateTime": None, "effectivePeriod": {"end": "2026-03-02"}}, END_OF_THE_SECOND),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026-03-02T07:00:00Z", "end": "9999-12-31"}},
         datetime(2026, 3, 2, 7, tzinfo=UTC)),
        ({"effectiveDateTime": None}, None),
        ({"effectiveDateTime": None, "effectivePeriod": {"end": "9999-12-31"}}, None),
    ],
)  # fmt: skip
def test_a_day_is_its_last_moment_and_no_time_is_none(aside: Any, changes: dict[str, Any], time: datetime) -> None:
    """It may have been as late as that; how late something without any time was, nobody knows."""
    assert aside(status="preliminary", **changes).time == time


def test_a_resource_that_cannot_be_read_keeps_its_time(aside: Any) -> None:
    """It was measured, whatever is wrong with it."""
    assert aside(value=True).time == HALF_PAST_SEVEN


@pytest.mark.parametrize(
    ("changes", "time"),
    [
        ({"issued": "2015-05-05T08:00:00Z", "meta": {"lastUpdated": "2020-05-05T08:00:00Z"}}, 2015),
        ({"meta": {"lastUpdated": "2020-05-05T08:00:00Z"}}, 2020),
        ({"effectiveTiming": {"event": ["2014-01-01T08:00:00Z"]}, "issued": "2015-05-05T08:00:00Z"}, 2015),
    ],
)
def test_without_a_time_a_result_is_no_newer_than_its_issue(aside: Any, changes: dict[str, Any], time: int) -> None:
    """Nor than the last change of its resource; since when it may have been true, nothing says."""
    found = aside(effectiveDateTime=None, **changes)
    assert (found.reason, found.since) == (SetAsideReason.NO_TIME, EVER)
    assert found.time == datetime(time, 5, 5, 8, tzinfo=UTC)


def test_the_issue_is_no_bound_where_a_day_is_told(aside: Any) -> None:
    """The day is what its sender says of the measurement."""
    found = aside(effectiveDateTime="2026-03-02", issued="2026-03-02T07:45:00Z")
    assert (found.since, found.time) == (datetime(2026, 3, 1, 10, tzinfo=UTC), END_OF_THE_SECOND)
