"""Times in a file: with their zone, or in the one that the caller names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from chartside.follow_up.reading import BadLine

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
# Clocks differ.
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Moments:
    """Reads ISO 8601. `zone` is that of what has none; None refuses it. `now`: nothing may lie later."""

    zone: tzinfo | None
    now: datetime

    def read(self, text: str) -> datetime:
        """A moment in UTC; a day without a time is its last moment. Raises `BadLine`."""
        if not text:
            raise BadLine("its time is empty")
        day = self._day(text)
        found = datetime.combine(day, time.max) if day else self._moment(text)
        if found.tzinfo is None:
            if self.zone is None:
                raise BadLine("its time has no zone: write 2026-03-02T14:30+01:00, or give --zone")
            found = found.replace(tzinfo=self.zone)
        return self._plausible(found, whole_day=day is not None)

    @staticmethod
    def _day(text: str) -> date | None:
        """A day (2026-03-02), or None."""
        try:
            return date.fromisoformat(text) if len(text) == len("2026-03-02") else None
        except ValueError:
            return None

    @staticmethod
    def _moment(text: str) -> datetime:
        """A day and a time of day."""
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise BadLine("its time is no ISO 8601 time (2026-03-02T14:30+01:00, or 2026-03-02)") from None

    def _plausible(self, found: datetime, *, whole_day: bool) -> datetime:
        """In UTC, neither before 1900 nor later than now. Of a day, its beginning may not lie ahead."""
        try:
            moment = found.astimezone(UTC)
        except (OverflowError, ValueError):
            raise BadLine("its time lies outside the calendar") from None
        begun = moment - timedelta(days=1) if whole_day and moment > EARLIEST else moment
        if begun > self.now + _AHEAD:
            raise BadLine("its time lies in the future")
        if moment < EARLIEST:
            raise BadLine("its time lies before 1900")
        return moment
