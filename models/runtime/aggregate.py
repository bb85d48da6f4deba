"""Statistics over one signal's facts, and which facts each statistic rests on.

A series is two equally long lists, sorted by (time, value): times in hours since the start of the stay, values in
the signal's canonical unit. A signal that was never measured gives NaN throughout; one that was measured, but not
within the window, has a `count` of 0 and NaN otherwise. Sums run in sorted order, so the answer does not depend on
the order in which the facts arrived.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan, sqrt

Numbers = Sequence[float]
_Value = Callable[[Numbers, Numbers, float], float]
_Choice = Callable[[Numbers, Numbers], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Statistic:
    """`value(times, values, now)` reduces a non-empty series; `facts(times, values)` are the indices behind it.

    Where a value rests on every fact, `facts` is None.
    """

    words: str
    value: _Value
    facts: _Choice | None


def _mean(_t: Numbers, v: Numbers, _now: float) -> float:
    return sum(v) / len(v)


def _sd(_t: Numbers, v: Numbers, _now: float) -> float:
    """Sample standard deviation; one value has none."""
    if len(v) < 2:
        return nan
    mean = sum(v) / len(v)
    return sqrt(sum((x - mean) ** 2 for x in v) / (len(v) - 1))


def _slope(t: Numbers, v: Numbers, _now: float) -> float:
    """Least-squares slope in units per hour; NaN when all facts share one time."""
    mid_t, mid_v = sum(t) / len(t), sum(v) / len(v)
    spread = sum((x - mid_t) ** 2 for x in t)
    return sum((x - mid_t) * (y - mid_v) for x, y in zip(t, v, strict=True)) / spread if spread > 0 else nan


def _first(_t: Numbers, _v: Numbers) -> Sequence[int]:
    return (0,)


def _last(t: Numbers, _v: Numbers) -> Sequence[int]:
    return (len(t) - 1,)


def _ends(t: Numbers, _v: Numbers) -> Sequence[int]:
    return (0, len(t) - 1) if len(t) > 1 else (0,)


def _lowest(_t: Numbers, v: Numbers) -> Sequence[int]:
    return (min(range(len(v)), key=v.__getitem__),)


def _highest(_t: Numbers, v: Numbers) -> Sequence[int]:
    return (max(range(len(v)), key=v.__getitem__),)


def _extremes(t: Numbers, v: Numbers) -> Sequence[int]:
    return tuple(sorted({*_lowest(t, v), *_highest(t, v)}))


STATISTICS: dict[str, Statistic] = {
    "first": Statistic("first", lambda _t, v, _now: v[0], _first),
    "last": Statistic("latest", lambda _t, v, _now: v[-1], _last),
    "min": Statistic("lowest", lambda _t, v, _now: min(v), _lowest),
    "max": Statistic("highest", lambda _t, v, _now: max(v), _highest),
    "mean": Statistic("mean", _mean, None),
    "sd": Statistic("standard deviation", _sd, None),
    "sum": Statistic("total", lambda _t, v, _now: float(sum(v)), None),
    "count": Statistic("number of measurements", lambda _t, v, _now: float(len(v)), None),
    "change": Statistic("change, first to latest", lambda _t, v, _now: v[-1] - v[0], _ends),
    "range": Statistic("highest minus lowest", lambda _t, v, _now: max(v) - min(v), _extremes),
    "slope": Statistic("trend per hour", _slope, None),
    "since": Statistic("hours since latest", lambda t, _v, now: now - t[-1], _last),
}


@dataclass(frozen=True, slots=True)
class Take:
    """One statistic over the last `hours` (None: the whole stay so far), written `mean` or `mean@6h` in a manifest."""

    statistic: str
    hours: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Take":
        """Read `name` or `name@<hours>h`; ValueError names what is wrong."""
        name, at, window = text.partition("@")
        if name not in STATISTICS:
            raise ValueError(f"unknown statistic {name!r}")
        if not at:
            return cls(name)
        if not window.endswith("h") or not window[:-1].isdigit() or int(window[:-1]) == 0:
            raise ValueError(f"window of {text!r} must read like 6h")
        return cls(name, float(window[:-1]))

    @property
    def words(self) -> str:
        """How a clinician would name it, for example `mean, last 6 h`."""
        words = STATISTICS[self.statistic].words
        return words if self.hours is None else f"{words}, last {self.hours:g} h"

    def start(self, times: Numbers, now: float) -> int:
        """Index of the first fact later than `now - hours`."""
        return 0 if self.hours is None else bisect_right(times, now - self.hours)

    def value(self, times: Numbers, values: Numbers, now: float) -> float:
        """The statistic at `now` (hours), in the signal's unit (count: facts; since: hours; slope: per hour)."""
        start = self.start(times, now)
        if start >= len(times):
            return 0.0 if times and self.statistic == "count" else nan
        if start:
            times, values = times[start:], values[start:]
        return STATISTICS[self.statistic].value(times, values, now)

    def facts(self, times: Numbers, values: Numbers, now: float) -> Sequence[int]:
        """Indices, in the given series, of the facts behind the value; a range where those are all in the window."""
        start = self.start(times, now)
        if start >= len(times):
            return ()
        chosen = STATISTICS[self.statistic].facts
        if chosen is None:
            return range(start, len(times))
        return [start + i for i in chosen(times[start:], values[start:])]
