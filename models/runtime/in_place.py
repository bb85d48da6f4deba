"""Of several ways to know one thing, which counts: the newest whole one, and which facts could make it another.

A body mass index may be reported, or worked out from weight and height. Weight and height together are one way: it is
as new as its first part, the weight, and the height of an adult stays what it is. What was said this morning is not
true of what was measured a minute ago, so the newest way counts, and one that lacks a part counts only alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from models.runtime.chart import Found
from models.runtime.score_inputs import Way


def counting(ways: Sequence[Way], found: Mapping[str, Found], tolerance: timedelta) -> list[Way]:
    """The newest of the whole ways; of equals all, of timeless ones the first; without any, the newest parts.

    `tolerance` is how far apart the times of one sample or one measurement may stand that is told in several ways.
    """
    known = [tuple(name for name in way if found[name].value is not None) for way in ways]
    whole = [way for way, there in zip(ways, known, strict=True) if way == there]
    there = whole or [way for way in known if way]
    times = [time for way in there if (time := time_of(way, found)) is not None]
    if not times:
        return there[:1]
    since = max(times) - tolerance
    return [way for way in there if (time := time_of(way, found)) is not None and time >= since]


def time_of(way: Way, found: Mapping[str, Found]) -> datetime | None:
    """When what a way tells was true."""
    return max(found[way[0]].times, default=None)


def settled_until(
    name: str, ways: Sequence[Way], found: Mapping[str, Found], unusable: Collection[str], tolerance: timedelta
) -> tuple[bool, datetime | None]:
    """Whether a fact of an input could make another way count, and the moment after which it must lie for that.

    None: whenever it was. `unusable` are the inputs with facts that cannot be used; `tolerance` as in `counting`.
    """
    used = counting(ways, found, tolerance)
    times = [time for way in used if (time := time_of(way, found)) is not None]
    newest = max(times, default=None)
    if newest is None:
        return bool(used), None
    if any(name in way for way in used):
        return True, max(found[name].times, default=newest)
    first, *others = next(way for way in ways if name in way)
    after = newest + tolerance
    if name == first:
        return all(found[other].value is not None or other in unusable for other in others), after
    # The part that a newer way lacks, whenever it was measured.
    leading = max(found[first].times, default=None)
    return found[name].value is None and leading is not None and leading > after, None
