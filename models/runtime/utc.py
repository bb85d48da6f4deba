"""A record in which every moment is in UTC, as the doors give it.

Python takes one aware time from another by the wall clock where both carry the same zone object: over a change to
summer time that is an hour too many. A record that somebody made by hand may hold such times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from operator import attrgetter
from typing import Any

from clinical.record import PatientRecord

# Where moments stand in what a record holds.
_MOMENTS: Mapping[str, tuple[str, ...]] = {
    "observations": ("time",),
    "answers": ("time",),
    "conditions": ("onset", "recorded"),
    "medications": ("start", "end", "latest_start"),
    "procedures": ("performed", "end", "latest_start"),
    "stays": ("start", "end", "latest_end"),
}
_PERIOD = ("start", "end")
_AS_GIVEN: frozenset[tzinfo | None] = frozenset({UTC, None})


def in_utc(record: PatientRecord) -> PatientRecord:
    """The record itself where it holds no other aware moment, else one of the same moments in UTC."""
    places = [place for stay in record.stays for place in stay.locations]
    zones = _zones(places, _PERIOD).union(*(_zones(getattr(record, name), of) for name, of in _MOMENTS.items()))
    if zones <= _AS_GIVEN:
        return record
    turned: dict[str, Any] = {name: _turned(getattr(record, name), of) for name, of in _MOMENTS.items()}
    turned["stays"] = tuple(replace(stay, locations=_turned(stay.locations, _PERIOD)) for stay in turned["stays"])
    return replace(record, **turned)


def _zones(facts: Sequence[Any], names: Iterable[str]) -> set[tzinfo | None]:
    """The zones of the moments of facts; None for what is not known."""
    if not facts:
        return set()
    moments = [moment for name in names for moment in map(attrgetter(name), facts)]
    # Nearly always the one object; to put hundreds into a set takes much longer than this glance.
    others = [moment for moment in moments if moment is None or moment.tzinfo is not UTC]
    return {None if moment is None else moment.tzinfo for moment in others}


def _turned(facts: Iterable[Any], names: Iterable[str]) -> tuple[Any, ...]:
    """Facts with their aware moments in UTC."""
    return tuple(replace(fact, **{name: _moment(getattr(fact, name)) for name in names}) for fact in facts)


def _moment(moment: Any) -> Any:
    """A moment in UTC; one without a zone, or none at all, as it is."""
    return moment if moment is None or moment.tzinfo is None else moment.astimezone(UTC)
