"""The time that a risk is about, as a FHIR Period, where its words say one that begins now."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

from clinical.assessment import ModelInfo

_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_WITHIN = re.compile(rf"within (?:the next )?(\d{{1,3}}|{'|'.join(_WORDS)}) (hour|day|week|month|year)s?")
_SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
# The time of these models begins at discharge, and when that is or will be is not known here.
_FROM_DISCHARGE = "encounter-discharge"


def period(model: ModelInfo, as_of: datetime) -> dict[str, object] | None:
    """`whenPeriod` for "within 6 hours"; None for "during this hospital stay", "now", and for all from discharge on."""
    match = _WITHIN.fullmatch(model.horizon)
    if match is None or _FROM_DISCHARGE in model.hooks:
        return None
    number = _WORDS.index(match[1]) + 1 if match[1] in _WORDS else int(match[1])
    end = as_of + number * _SPANS[match[2]] if match[2] in _SPANS else _months(as_of, number, match[2])
    return {"start": moment(as_of), "end": moment(end)}


def _months(start: datetime, number: int, unit: str) -> datetime:
    """So many calendar months or years later; the last day of a month that is too short."""
    months = start.month - 1 + number * (12 if unit == "year" else 1)
    year, month = start.year + months // 12, months % 12 + 1
    return start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))


def moment(time: datetime) -> str:
    """A FHIR instant, in UTC, to the second."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
