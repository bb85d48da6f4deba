"""FHIR date, dateTime and instant: read, and move without a change of precision or zone (FHIR R4 section 2.24.0.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<clock>\d\d:\d\d(?::\d\d)?)(?P<fraction>\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d))?)?)?"
)
# Elements of type date, dateTime or instant, beside those whose name ends in one of these words.
_NAMES = frozenset(
    {"start", "end", "date", "issued", "authored", "authoredOn", "recorded", "created", "sent", "received"}
    | {"lastUpdated", "timestamp", "timeStamp", "occurred", "dateAsserted", "servicedDate", "when"}
)
_ENDINGS = ("DateTime", "Date", "Instant")
UNTOUCHED = frozenset({"birthDate"})

Place = tuple[dict[str, Any], str]


def places(value: object) -> Iterator[Place]:
    """Every element of a resource that holds a date, as (object that holds it, name)."""
    if isinstance(value, list):
        for item in value:
            yield from places(item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                if _holds_date(name) and _DATE.fullmatch(inner):
                    yield value, name
            else:
                yield from places(inner)


def _holds_date(name: str) -> bool:
    """Whether an element of this name holds a date."""
    return name not in UNTOUCHED and (name in _NAMES or name.endswith(_ENDINGS))


def read(text: str) -> datetime | None:
    """The first moment that the text can mean, in UTC; a date without a time starts at midnight UTC."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        if found["clock"]:
            zone = "+00:00" if found["zone"] == "Z" else found["zone"]
            fraction = (found["fraction"] or "")[:7]
            return datetime.fromisoformat(f"{text[:10]}T{found['clock']}{fraction}{zone}").astimezone(UTC)
        return datetime(int(found["year"]), int(found["month"] or 1), int(found["day"] or 1), tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def moved(text: str, by: timedelta) -> str:
    """The same text later by whole seconds, with the same precision, fraction and zone.

    Dates without a time move by the whole days below `by`, so all of them move alike. A year out of the calendar
    (9999-12-31 for "never") is left as it is.
    """
    found = _DATE.fullmatch(text)
    begun = read(text)
    if found is None or begun is None:
        return text
    try:
        if not found["clock"]:
            return (begun + timedelta(days=by // timedelta(days=1))).strftime("%Y-%m-%d")[: len(text)]
        return _moved_clock(found, text[:10], by)
    except OverflowError:
        return text


def _moved_clock(found: re.Match[str], day: str, by: timedelta) -> str:
    """A dateTime: local clock time moves, zone and fraction stay as written."""
    clock = found["clock"]
    later = datetime.fromisoformat(f"{day}T{clock}") + by
    form = "%Y-%m-%dT%H:%M:%S" if len(clock) > 5 else "%Y-%m-%dT%H:%M"
    return f"{later.strftime(form)}{found['fraction'] or ''}{found['zone']}"
