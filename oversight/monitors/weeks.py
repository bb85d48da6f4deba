"""Which weeks a monitor judges, and which it holds them against. Weeks begin on Monday, in UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from oversight.analytics.selection import Selection
from oversight.tallies import Period

WEEK = timedelta(days=7)
# A slow change must not at once become part of what it is held against, and a run rule looks at three weeks.
JUDGED = 3


def last_full_week(last: date) -> Period:
    """The latest week from Monday to Sunday that ends on `last` or before it."""
    end = last - timedelta(days=(last.weekday() + 1) % 7)
    return Period(end - timedelta(days=6), end)


def reference(week: Period, weeks: int) -> Period:
    """The reference period of a week: so many weeks, which end before the last three."""
    end = week.first - (JUDGED - 1) * WEEK - timedelta(days=1)
    return Period(end - weeks * WEEK + timedelta(days=1), end)


def charted(week: Period, weeks: int) -> Period:
    """The reference period and what came after it, the week itself included."""
    return Period(reference(week, weeks).first, week.last)


def during(selection: Selection, period: Period, **changes: str | None) -> Selection:
    """The same selection in another period."""
    return replace(selection, period=period, **changes)
