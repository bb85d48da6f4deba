"""Which facts are one event: told by their times, for each system has a code and an id of its own for it.

A clinic names a dialysis by one code and the bill by another; two systems write down one visit some minutes apart. What
is at one moment, or of which one took place while another went on, is one event. Nobody can say so where only the day
of one is told, where one went on for so long that it may stand for several, where two lie within a third and have no
time in common, and where one of which no end is told lies a short time before or after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from models.runtime.day_span import span_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Event(Generic[T]):
    """A fact and when it was.

    `latest` is there where no moment of the start is told, but a day, a month or a year: then `begun` is the first
    moment of that in UTC, and `latest` its last. `ended` is `begun` where no end is known. Two of different kinds are
    never one; one of no kind may be any.
    """

    fact: T
    begun: datetime
    ended: datetime
    latest: datetime | None = None
    kind: str | None = None

    @property
    def lasted(self) -> timedelta:
        """How long it went on, as far as it is told."""
        return self.ended - self.begun


def each_once(events: Sequence[Event[T]], longest: timedelta, apart: timedelta) -> tuple[list[T], list[T]]:
    """The facts of each event once, by the longest of its names, and what may only be another name of one of them.

    One that lasted for more than `longest` may hold several. Within `apart` two may be one where an end is not known.
    """
    once: list[Event[T]] = []
    names: list[Event[T]] = []
    copies: list[Event[T]] = []
    for event in sorted(events, key=lambda one: (one.latest is not None, one.kind is None, -one.lasted)):
        same = [other for other in once if _may_be_one(event, other)]
        if not same and any(_near(event, other, apart) for other in once):
            copies.append(event)
        elif not same:
            once.append(event)
        elif _is_sure(event, same, names, longest):
            names.append(event)
        else:
            copies.append(event)
    return _facts(events, once), _facts(events, copies)


def _facts(events: Sequence[Event[T]], chosen: list[Event[T]]) -> list[T]:
    """The facts of some events, in the order of all."""
    return [event.fact for event in events if any(event is one for one in chosen)]


def _is_sure(event: Event[T], same: list[Event[T]], names: list[Event[T]], longest: timedelta) -> bool:
    """Whether an event is for certain the one that it meets, and no other beside those known within it."""
    if event.latest is not None or any(other.lasted > longest for other in same):
        return False
    beside = [name for name in names if any(_at_once(name, other) for other in same)]
    return all(_at_once(event, name) for name in beside)


def _may_be_one(event: Event[T], other: Event[T]) -> bool:
    """Whether two events are one, or may be where only the day of the first is told."""
    if _differ(event, other):
        return False
    return _at_once(event, other) if event.latest is None else _on_one_day(event, event.latest, other)


def _differ(event: Event[T], other: Event[T]) -> bool:
    """Whether two events are of different kinds."""
    return event.kind is not None and other.kind is not None and event.kind != other.kind


def _near(event: Event[T], other: Event[T], apart: timedelta) -> bool:
    """Whether two events that are told by moments lie so near that they may be one: of one no end is told."""
    if _differ(event, other) or event.latest is not None or (event.lasted and other.lasted):
        return False
    return event.begun - other.ended <= apart and other.begun - event.ended <= apart


def _at_once(one: Event[T], other: Event[T]) -> bool:
    """Whether two events have a time in common; where one ends as the next begins, they have none."""
    if one.begun < one.ended and other.begun < other.ended:
        return one.begun < other.ended and other.begun < one.ended
    return one.begun <= other.ended and other.begun <= one.ended


def _on_one_day(event: Event[T], latest: datetime, other: Event[T]) -> bool:
    """Whether an event of which only the day is told may have begun when another did.

    Two days are compared as they were written; of a day and a moment nobody knows in which zone the day was.
    """
    if other.latest is not None:
        return event.begun <= other.latest and other.begun <= latest
    return span_of(event.begun.date())[0] <= other.begun <= span_of(latest.date())[1]
