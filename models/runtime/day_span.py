"""A calendar day as it was written, without a time zone: from when to when it may last."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

# A day begins first at UTC+14 and ends last at UTC-12.
_BEGINS_FIRST, _ENDS_LAST = timedelta(hours=14), timedelta(hours=36)
_LAST_DAYS = date.max - timedelta(days=1)


def span_of(day: date) -> tuple[datetime, datetime]:
    """The first moment at which a day may begin, and the last at which it may end, anywhere on earth.

    At the ends of the calendar there is no earlier and no later moment.
    """
    midnight = datetime.combine(day, time(), UTC)
    first = midnight - _BEGINS_FIRST if day > date.min else midnight
    last = midnight + _ENDS_LAST if day < _LAST_DAYS else datetime.max.replace(tzinfo=UTC)
    return first, last
