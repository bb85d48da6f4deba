"""Times as FHIR and HL7 v2 write them. A moment needs a time of day and a zone; less than that is None."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

# FHIR R4 dateTime and instant (datatypes.html#dateTime), with the time of day and the zone required. Days that do not
# exist and the year 0000 pass; who asks goes on to `datetime`, which refuses them. Written out, which is read quicker.
_MOMENT = re.compile(
    r"[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
)
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
# The year 9999 is how some systems write that a period is open.
FAR_FUTURE = 9000
# Where a day begins first (UTC+14), and where it ends last (UTC-12).
_EARLIEST = timedelta(hours=14)
_LATEST = timedelta(hours=12)
_NONE = timedelta()
# HL7 v2.5.1 DTM: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]
_OFFSET = r"([+-](?:0\d|1[0-4])[0-5]\d)?"
_DTM = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(?:(\d{2})(?:\.(\d{1,4}))?)?" + _OFFSET, re.ASCII)
# The same of less than minutes: an hour needs its day, a day its month.
_LESS = re.compile(r"(\d{4})(?:(\d{2})(?:(\d{2})([01]\d|2[0-3])?)?)?" + _OFFSET, re.ASCII)


def is_moment(text: object) -> bool:
    """Whether a JSON value is a FHIR dateTime or instant with a time of day and a zone, on a day that exists."""
    if type(text) is not str or not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def fhir_moment(text: object) -> datetime | None:
    """A FHIR dateTime or instant as UTC, or None if it is not one or lacks a time of day or a zone."""
    return checked_moment(text) if isinstance(text, str) and _MOMENT.fullmatch(text) else None


def checked_moment(text: str) -> datetime | None:
    """A moment as UTC whose form has been checked; None if its day does not exist or lies outside the calendar."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def fhir_start(text: object, now: datetime) -> datetime | None:
    """When something began, by a FHIR dateTime: a moment as it is; a year, month or day at its first moment in UTC.

    For what is not measured: diagnoses, orders, procedures. A day that has begun somewhere on earth, but not in UTC, is
    today where it was written, so it counts as now and not as the future. None for what is no date.
    """
    begun = fhir_moment(text)
    if begun is not None:
        return begun
    span = _days(text)
    if span is None:
        return None
    first = datetime.combine(span[0], time(), UTC)
    return now if _NONE < first - now <= _EARLIEST else first


def fhir_end(text: object) -> datetime | None:
    """When something ended: a year, month or day includes its last moment (FHIR R4 datatypes.html#Period), in UTC."""
    span = _days(text)
    return fhir_moment(text) if span is None else datetime.combine(span[1], time.max, UTC)


def last_moment(text: object) -> datetime | None:
    """The last moment of a day, month or year, in UTC; None for a moment, and for what is no date."""
    return fhir_end(text) if is_date(text) else None


def last_anywhere(text: object) -> datetime | None:
    """The last moment at which a day, month or year may end anywhere on earth, in UTC; None for a moment or a far year.

    Until then nobody can say that what ended on that day is over (FHIR R4 datatypes.html#Period).
    """
    last = last_moment(text)
    return None if last is None or last.year >= FAR_FUTURE else last + _LATEST


def anywhere(text: object) -> tuple[datetime, datetime] | None:
    """The first and the last moment of a day, month or year anywhere on earth, in UTC; None for a moment or a far year.

    For a time of which only the day can be read (no zone, no seconds), that day.
    """
    span = None if fhir_moment(text) is not None or not isinstance(text, str) else _days(text[:10])
    if span is None or span[1].year >= FAR_FUTURE or span[0].year <= 1:
        return None
    return datetime.combine(span[0], time(), UTC) - _EARLIEST, datetime.combine(span[1], time.max, UTC) + _LATEST


def is_date(text: object) -> bool:
    """Whether a JSON value is a FHIR date: a year, a month or a day that exists."""
    return _days(text) is not None


def _days(text: object) -> tuple[date, date] | None:
    """The first and the last day that a FHIR date stands for."""
    match = _DATE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day = match.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        last = first if day else date(int(year), int(month or 12), monthrange(int(year), int(month or 12))[1])
    except ValueError:
        return None
    return first, last


def v2_moment(text: str, default_zone: tzinfo) -> datetime | None:
    """An HL7 v2 DTM of at least minutes as UTC; without a zone it is in the feed's default zone."""
    match = _DTM.fullmatch(text)
    if match is None:
        return None
    *parts, second, fraction, zone = match.groups()
    return _utc([*parts, second or "0"], fraction, _zone(zone) if zone else default_zone)


def v2_day(text: str) -> date | None:
    """The calendar day of an HL7 v2 DTM as it was written; None where less than a day is told."""
    if not re.fullmatch(r"\d{8}", text, re.ASCII) and v2_moment(text, UTC) is None:
        return None
    span = _days("-".join((text[:4], text[4:6], text[6:8])))
    return None if span is None else span[0]


def v2_last_moment(text: str, zone: tzinfo) -> datetime | None:
    """The last moment of an HL7 v2 DTM that is only a day, a month or a year; None for a moment, and for no date."""
    span = _days("-".join(part for part in (text[:4], text[4:6], text[6:]) if part))
    if span is None or not text.isdigit():
        return None
    try:
        return datetime.combine(span[1], time.max, zone).astimezone(UTC)
    except OverflowError:
        return None


def v2_span(text: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """The first and the last moment of an HL7 v2 DTM that is an hour, a day, a month or a year; None for a moment.

    In the zone that it names, else in that of the feed.
    """
    match = _LESS.fullmatch(text)
    if match is None:
        return None
    *parts, hour, written = match.groups()
    span = _days("-".join(part for part in parts if part))
    if span is None or span[1].year >= FAR_FUTURE or span[0].year <= 1:
        return None
    there = _zone(written) if written else zone
    begins = time() if hour is None else time(int(hour))
    ends = time.max if hour is None else time.max.replace(hour=int(hour))
    first, last = datetime.combine(span[0], begins, there), datetime.combine(span[1], ends, there)
    return first.astimezone(UTC), last.astimezone(UTC)


def v2_offset(text: str, default_zone: tzinfo) -> timedelta | None:
    """How far the clock of an HL7 v2 DTM of at least minutes is from UTC: the one written, else that of the feed."""
    moment, match = v2_moment(text, default_zone), _DTM.fullmatch(text)
    if moment is None or match is None:
        return None
    return moment.astimezone(_zone(match[8]) if match[8] else default_zone).utcoffset()


def v2_start(text: str, zone: tzinfo, now: datetime) -> datetime | None:
    """When something began, by an HL7 v2 DTM: as `fhir_start`, with days in the feed's zone."""
    span = _days("-".join(part for part in (text[:4], text[4:6], text[6:]) if part))
    if span is None or not text.isdigit():
        return v2_moment(text, zone)
    try:
        first = datetime.combine(span[0], time(), zone).astimezone(UTC)
    except OverflowError:
        return None
    return now if _NONE < first - now <= _EARLIEST else first


def fhir_birth_date(text: object) -> tuple[date, bool] | None:
    """A FHIR date and whether it is exact; a missing month or day is put at the middle, so that age errs least."""
    match = _DATE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day = match.groups()
    try:
        return date(int(year), int(month or 7), int(day or (15 if month else 1))), day is not None
    except ValueError:
        return None


def v2_birth_date(text: str) -> tuple[date, bool] | None:
    """An HL7 v2 date of birth (PID-7)."""
    digits = re.match(r"\d{4}(?:\d{2}(?:\d{2})?)?", text, re.ASCII)
    if digits is None:
        return None
    whole = digits.group()
    return fhir_birth_date("-".join(part for part in (whole[:4], whole[4:6], whole[6:8]) if part))


def _zone(text: str) -> timezone:
    """`Z`, `+hhmm` or `-hhmm`."""
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return timezone(-offset if text[0] == "-" else offset)


def _utc(parts: list[str], fraction: str | None, zone: tzinfo) -> datetime | None:
    """Join the parts; None for a day or second that does not exist."""
    year, month, day, hour, minute, second = (int(part) for part in parts)
    micro = int((fraction or "0").ljust(6, "0")[:6])
    try:
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
