"""Which procedures of one kind are one event: told by their times, for each system has a code of its own for it.

A clinic names a dialysis by one code and the bill by another. Procedures at one moment, or of which one took place
while another went on, are one event. Nobody can say so where only the day of one is told, where an event went on for
so long that it may stand for several, and where two lie within a third and not at one moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from clinical.record import ProcedureDone
from models.runtime.day_span import span_of

# A session is shorter; what goes on for longer, or was never closed, may hold several.
_ONE_SESSION = timedelta(hours=24)
_GOING_ON = "in-progress"


def each_once(found: Sequence[ProcedureDone], as_of: datetime) -> tuple[list[ProcedureDone], list[ProcedureDone]]:
    """Each event once, told by the longest of its names, and what may only be another name of one of them.

    Every one of `found` says when it was, at least by its day.
    """
    once: list[ProcedureDone] = []
    names: list[ProcedureDone] = []
    copies: list[ProcedureDone] = []
    for done in sorted(found, key=lambda done: (done.latest_start is not None, -_lasted(done, as_of))):
        if done.latest_start is not None:
            (copies if any(_may_be_one(done, other) for other in once) else once).append(done)
            continue
        same = [other for other in once if _at_once(done, other, as_of)]
        if not same:
            once.append(done)
        elif _is_sure(done, same, names, as_of):
            names.append(done)
        else:
            copies.append(done)
    return [done for done in found if any(done is other for other in once)], copies


def last_moment(done: ProcedureDone, as_of: datetime) -> datetime | None:
    """The last moment at which a procedure may have gone on."""
    if done.end is not None:
        return done.end
    return as_of if done.status == _GOING_ON else done.latest_start or done.performed


def _is_sure(done: ProcedureDone, same: list[ProcedureDone], names: list[ProcedureDone], as_of: datetime) -> bool:
    """Whether a procedure is for certain the one event that it meets, and no other beside those known within it."""
    if any(_lasted(other, as_of) > _ONE_SESSION for other in same):
        return False
    beside = [name for name in names if any(_at_once(name, other, as_of) for other in same)]
    return all(_at_once(done, name, as_of) for name in beside)


def _lasted(done: ProcedureDone, as_of: datetime) -> timedelta:
    """How long a procedure went on, as far as it is told."""
    last = last_moment(done, as_of)
    return timedelta() if last is None or done.performed is None else last - done.performed


def _at_once(one: ProcedureDone, other: ProcedureDone, as_of: datetime) -> bool:
    """Whether two procedures have a time in common; where one ends as the next begins, they have none."""
    first, last = one.performed, last_moment(one, as_of)
    begun, ended = other.performed, last_moment(other, as_of)
    if first is None or last is None or begun is None or ended is None:
        return False
    if first < last and begun < ended:
        return first < ended and begun < last
    return first <= ended and begun <= last


def _may_be_one(one: ProcedureDone, other: ProcedureDone) -> bool:
    """Whether two procedures, of which the first is told by its day, may have begun at one moment.

    Two days are compared as they were written; of a day and a moment nobody knows in which zone the day was.
    """
    if one.performed is None or one.latest_start is None or other.performed is None:
        return False
    first, last = one.performed, one.latest_start
    if other.latest_start is None:
        first, last = span_of(first.date())[0], span_of(last.date())[1]
    return first <= (other.latest_start or other.performed) and other.performed <= last
