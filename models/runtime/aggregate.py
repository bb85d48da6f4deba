"""Statistics over one signal's facts, and which facts each statistic rests on.

A series is two equally long lists, sorted by (time, value): times in hours since the start of the stay, values in
the signal's canonical unit. A signal that was never measured gives NaN throughout; one that was measured, but not
within the window, has a `count` of 0 and NaN otherwise. Sums run in sorted order, so the answer does not depend on
the order in which the facts arrived.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan, sqrt
from typing import Protocol, TypeVar

from clinical.record import Observation

Numbers = Sequence[float]
Facts = tuple[Observation, ...]
Value = Callable[[Numbers, Numbers, float], float]
_T = TypeVar("_T")


class Choice(Protocol):
    """Chooses what stands behind a statistic: of facts, or of hours with all facts of each, one for each value."""

    def __call__(self, facts: tuple[_T, ...], v: Numbers, /) -> tuple[_T, ...]:
        """Those that it rests on."""
        ...


@dataclass(frozen=True, slots=True)
class Statistic:
    """`value(times, values, now)` reduces a non-empty series; `facts(facts, values)` chooses the facts behind it."""

    words: str
    value: Value
    facts: Choice


def _mean(_t: Numbers, v: Numbers, _now: float) -> float:
    return sum(v) / len(v)


def _sd(_t: Numbers, v: Numbers, _now: float) -> float:
    """Sample standard deviation; one value has none."""
    if len(v) < 2:
        return nan
    mean = sum(v) / len(v)
    return sqrt(sum([(x - mean) ** 2 for x in v]) / (len(v) - 1))


def _slope(t: Numbers, v: Numbers, _now: float) -> float:
    """Least-squares slope in units per hour; NaN when all facts share one time."""
    mid_t, mid_v = sum(t) / len(t), sum(v) / len(v)
    apart = [x - mid_t for x in t]
    spread = sum([x**2 for x in apart])
    return sum([x * (y - mid_v) for x, y in zip(apart, v, strict=True)]) / spread if spread > 0 else nan


def _all(facts: tuple[_T, ...], _v: Numbers) -> tuple[_T, ...]:
    return facts


def _first(facts: tuple[_T, ...], _v: Numbers) -> tuple[_T, ...]:
    return facts[:1]


def _last(facts: tuple[_T, ...], _v: Numbers) -> tuple[_T, ...]:
    return facts[-1:]


def _ends(facts: tuple[_T, ...], _v: Numbers) -> tuple[_T, ...]:
    return (facts[0], facts[-1]) if len(facts) > 1 else facts


def _lowest(facts: tuple[_T, ...], v: Numbers) -> tuple[_T, ...]:
    return (facts[v.index(min(v))],)


def _highest(facts: tuple[_T, ...], v: Numbers) -> tuple[_T, ...]:
    return (facts[v.index(max(v))],)


def _extremes(facts: tuple[_T, ...], v: Numbers) -> tuple[_T, ...]:
    low, high = sorted((v.index(min(v)), v.index(max(v))))
    return (facts[low],) if low == high else (facts[low], facts[high])


STATISTICS: dict[str, Statistic] = {
    "first": Statistic("first", lambda _t, v, _now: v[0], _first),
    "last": Statistic("latest", lambda _t, v, _now: v[-1], _last),
    "min": Statistic("lowest", lambda _t, v, _now: min(v), _lowest),
    "max": Statistic("highest", lambda _t, v, _now: max(v), _highest),
    "mean": Statistic("mean", _mean, _all),
    "sd": Statistic("standard deviation", _sd, _all),
    "sum": Statistic("total", lambda _t, v, _now: float(sum(v)), _all),
    "count": Statistic("number of measurements", lambda _t, v, _now: float(len(v)), _all),
    "change": Statistic("change, first to latest", lambda _t, v, _now: v[-1] - v[0], _ends),
    "range": Statistic("highest minus lowest", lambda _t, v, _now: max(v) - min(v), _extremes),
    "slope": Statistic("trend per hour", _slope, _all),
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
