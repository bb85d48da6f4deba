"""How columns of a row follow from the latest values of some signals: a few kinds of expressions, and their evaluator.

The same expressions are evaluated by `smart_app/static/what_if/program.js`, operation by operation in the same order,
so that both give the same double; `as_json` is what it reads. Each kind does what the statistic of that name does
(`aggregate`, `derive`). Sums are added up one after the other: `sum` of Python 3.12 compensates, JavaScript does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
from typing import Any

Latest = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Expression:
    """A number that may depend on latest values.

    `constant` has its value in `numbers`, `latest` the name in `signal`. The kinds of one signal (`lowest`, `highest`,
    `mean`, `total`, `spread`, `change`, `range`, `slope`) take the signal's other values, sorted by time, in
    `numbers`, and its latest value as the last of them; `slope` has the `times` of all in hours. `ratio`, `difference`
    and `lowest-ratio` have their scale in `numbers` and top and bottom by turns in `operands`.
    """

    kind: str
    signal: str = ""
    numbers: tuple[float, ...] = ()
    times: tuple[float, ...] = ()
    operands: tuple[Expression, ...] = ()

    @property
    def signals(self) -> frozenset[str]:
        """The signals whose latest values it depends on."""
        own = {self.signal} if self.signal else set()
        return frozenset(own.union(*(operand.signals for operand in self.operands)))

    def value(self, latest: Latest) -> float:
        """The number, as a double; NaN where it is unknown. `latest` has each of `signals`."""
        if self.kind == "constant":
            return self.numbers[0]
        if self.operands:
            return _OF_TWO[self.kind](self.numbers[0], [operand.value(latest) for operand in self.operands])
        return _OF_ONE[self.kind]([*self.numbers, latest[self.signal]], self.times)

    def as_json(self) -> dict[str, Any]:
        """The same for JavaScript; NaN is null."""
        found: dict[str, Any] = {"kind": self.kind}
        if self.signal:
            found["signal"] = self.signal
        if self.numbers:
            found["numbers"] = [None if isnan(number) else number for number in self.numbers]
        if self.times:
            found["times"] = list(self.times)
        if self.operands:
            found["operands"] = [operand.as_json() for operand in self.operands]
        return found


def constant(value: float) -> Expression:
    """A number that depends on nothing."""
    return Expression("constant", numbers=(value,))


UNKNOWN = constant(nan)


def _total(values: Iterable[float]) -> float:
    found = 0.0
    for value in values:
        found += value
    return found


def _mean(v: Sequence[float]) -> float:
    return _total(v) / len(v)


def _spread(v: Sequence[float]) -> float:
    if len(v) < 2:
        return nan
    mean = _mean(v)
    return sqrt(_total((x - mean) * (x - mean) for x in v) / (len(v) - 1))


def _slope(v: Sequence[float], t: Sequence[float]) -> float:
    mid_t, mid_v = _mean(t), _mean(v)
    apart = [x - mid_t for x in t]
    spread = _total(x * x for x in apart)
    return _total(x * (y - mid_v) for x, y in zip(apart, v, strict=True)) / spread if spread > 0 else nan


_OF_ONE: dict[str, Callable[[Sequence[float], Sequence[float]], float]] = {
    "latest": lambda v, _t: v[-1],
    "lowest": lambda v, _t: min(v),
    "highest": lambda v, _t: max(v),
    "mean": lambda v, _t: _mean(v),
    "total": lambda v, _t: _total(v),
    "spread": lambda v, _t: _spread(v),
    "change": lambda v, _t: v[-1] - v[0],
    "range": lambda v, _t: max(v) - min(v),
    "slope": _slope,
}


def _ratio(scale: float, v: Sequence[float]) -> float:
    return scale * v[0] / v[1] if v[1] else nan


def _lowest_ratio(scale: float, v: Sequence[float]) -> float:
    """Of pairs of top and bottom the one with the lowest ratio, the first of equals."""
    top, bottom = min(zip(v[::2], v[1::2], strict=True), key=lambda pair: pair[0] / pair[1])
    return scale * top / bottom


_OF_TWO: dict[str, Callable[[float, Sequence[float]], float]] = {
    "ratio": _ratio,
    "difference": lambda scale, v: scale * (v[0] - v[1]),
    "lowest-ratio": _lowest_ratio,
}
KINDS = ("constant", *_OF_ONE, *_OF_TWO)
