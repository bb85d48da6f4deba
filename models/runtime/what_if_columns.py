"""The columns that change when latest values do, as expressions (`what_if_program`).

Two questions are asked. "If the latest value were another" (`Replaced`) leaves all times and counts as they are. "If it
were measured now" (`Appended`) adds a value to a series that is empty or old.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, isnan, nan

import numpy as np

from models.runtime.aggregate import Take
from models.runtime.derive import PAIR_HOURS, PAIRED, pairs
from models.runtime.manifest import Derived, Manifest, PerHour
from models.runtime.what_if_program import UNKNOWN, Expression, constant
from models.runtime.what_if_series import HOURS, Entry, Knowledge, operand, operands

Row = Mapping[str, float]
_WHOLE = {"mean": "mean", "sum": "total", "sd": "spread", "slope": "slope"}


@dataclass(frozen=True, slots=True)
class _Window:
    """One window with a value that may vary: the other values, when the varying one is, and whether these are all."""

    others: list[Entry]
    time: float
    whole: bool
    # The value that the varying one takes the place of.
    before: Entry | None


class Columns:
    """Expressions of the columns of one row. `row` has every column that the trees look at, by name."""

    def __init__(self, manifest: Manifest, knowledge: Knowledge, row: Row, *, appended: bool) -> None:
        """Keep what is known; `appended` chooses the question."""
        self._manifest = manifest
        self._knowledge = knowledge
        self._row = row
        self._appended = appended

    def all(self, varying: frozenset[str]) -> Iterator[tuple[str, Expression | None]]:
        """Each column that depends on one of these signals; None where what it becomes cannot be told."""
        for name in varying:
            for take in self._manifest.signals[name].take:
                text = take.statistic if take.hours is None else f"{take.statistic}@{take.hours:g}h"
                yield f"{name}.{text}", self._statistic(name, take)
        for derived in self._manifest.derived.values():
            if self._signals_of(derived) & varying:
                yield derived.name, self._derived(derived, varying)
        for column in self._manifest.columns.values():
            if column.rests_on is None or varying & set(column.rests_on):
                yield column.name, None
        if self._appended:
            yield from self._put_aside(varying)

    def _put_aside(self, varying: frozenset[str]) -> Iterator[tuple[str, Expression | None]]:
        """A signal is not used once the one that it stands in for is measured."""
        gone = {s.name for s in self._manifest.signals.values() if s.unless in varying}
        for name in self._row:
            derived = self._manifest.derived.get(name)
            of = {name.partition(".")[0]} if derived is None else self._signals_of(derived)
            if of & gone:
                yield name, UNKNOWN

    def _signals_of(self, derived: Derived) -> set[str]:
        if derived.kind in PAIRED:
            return {derived.top, derived.bottom}
        found = (operand(name, self._manifest.signals) for name in operands(derived))
        return {one[0] for one in found if one is not None}

    def _window(self, name: str, take: Take) -> _Window | None:
        """None where the value that would be replaced is not known."""
        known, inside = self._knowledge.known[name], self._knowledge.inside(name, take)
        whole = known.whole >= (take.hours or inf)
        if self._appended:
            return _Window(inside, self._knowledge.now, whole or not known.entries, None)
        if known.newest is None:
            return None
        return _Window(inside[:-1], known.newest.time, whole, inside[-1] if inside else None)

    def _statistic(self, name: str, take: Take) -> Expression | None:
        window = self._window(name, take)
        if window is None:
            return None
        if window.before is None and not self._appended:  # the latest value is older than the window
            return constant(0.0 if take.statistic == "count" else nan)
        if self._appended and self._manifest.signals[name].per_hour is PerHour.SUM and window.others:
            return None
        return self._in_window(name, take.statistic, window)

    def _in_window(self, name: str, statistic: str, window: _Window) -> Expression | None:
        others = tuple(entry.value for entry in window.others)
        if statistic == "last" or (statistic == "first" and not others):
            return Expression("latest", name)
        if statistic == "first":
            return constant(others[0])
        if statistic == "change":
            return Expression("change", name, others[:1])
        if statistic == "since":
            return constant(self._knowledge.now - window.time)
        if statistic in _OF_EXTREMES:
            return _OF_EXTREMES[statistic](name, window)
        return self._of_all(name, statistic, window) if window.whole else None

    def _of_all(self, name: str, statistic: str, window: _Window) -> Expression:
        """What rests on every value of the window."""
        others = tuple(entry.value for entry in window.others)
        if statistic == "count":
            return constant(float(len(others) + 1))
        times = (*(entry.time for entry in window.others), window.time) if statistic == "slope" else ()
        return Expression(_WHOLE[statistic], name, others, times)

    def _derived(self, derived: Derived, varying: frozenset[str]) -> Expression | None:
        if derived.kind == "paired-last":
            return self._last_pair(derived, varying)
        if derived.kind == "paired-min":
            return self._lowest_pair(derived, varying)
        parts = [self._operand(name, varying) for name in operands(derived)]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return Expression(derived.kind, numbers=(derived.scale,), operands=tuple(known))

    def _operand(self, name: str, varying: frozenset[str]) -> Expression | None:
        """What a derived feature is made of."""
        found = operand(name, self._manifest.signals)
        if found is None:
            return self._of_person(name)
        if found[0] in varying:
            return self._statistic(*found)
        return constant(self._knowledge.value(*found, self._row.get(name, nan)))

    def _of_person(self, name: str) -> Expression | None:
        """Age, times: what the row says, the hours as exactly as they are known."""
        if name not in self._row:
            return None
        number, now = self._row[name], self._knowledge.now
        return constant(now if name == HOURS and float(np.float32(now)) == number else number)

    def _member(self, name: str, entry: Entry, varying: frozenset[str]) -> Expression:
        """A value in a pair: the latest one, if that is the one that varies."""
        newest = self._knowledge.known[name].newest
        if name in varying and not self._appended and newest is not None and entry[:2] == newest[:2]:
            return Expression("latest", name)
        return constant(entry.value)

    def _last_pair(self, derived: Derived, varying: frozenset[str]) -> Expression | None:
        top, bottom = (self._knowledge.known[name].newest for name in (derived.top, derived.bottom))
        unchanged = constant(self._row.get(derived.name, nan))
        if not self._appended:
            return self._replaced_pair(derived, varying, unchanged)
        now = self._knowledge.now
        if derived.bottom in varying:
            if top is None:
                return unchanged if not self._knowledge.known[derived.top].entries else None
            pair = (constant(top.value), Expression("latest", derived.bottom)) if top.time == now else None
        else:
            if bottom is None:
                return unchanged if not self._knowledge.known[derived.bottom].entries else None
            near = now - bottom.time <= PAIR_HOURS
            pair = (Expression("latest", derived.top), constant(bottom.value)) if near else None
        return unchanged if pair is None else Expression("ratio", numbers=(derived.scale,), operands=pair)

    def _replaced_pair(self, derived: Derived, varying: frozenset[str], unchanged: Expression) -> Expression:
        """The last pair stays the last, whatever its values are."""
        found = self._pairs(derived)
        if isnan(unchanged.numbers[0]) or not found:
            return unchanged
        top, bottom = found[-1]
        operands_ = (self._member(derived.top, top, varying), self._member(derived.bottom, bottom, varying))
        return Expression("ratio", numbers=(derived.scale,), operands=operands_)

    def _pairs(self, derived: Derived) -> list[tuple[Entry, Entry]]:
        tops, bottoms = (self._knowledge.known[name].entries for name in (derived.top, derived.bottom))
        series = [([e.time for e in one], [e.value for e in one]) for one in (tops, bottoms)]
        return [(tops[i], bottoms[j]) for i, j in pairs(series[0], series[1])]

    def _lowest_pair(self, derived: Derived, varying: frozenset[str]) -> Expression | None:
        """Every pair must be known: another one may become the lowest."""
        names = (derived.top, derived.bottom)
        known = [self._knowledge.known[name] for name in names]
        if any(one.entries and one.whole < inf for one in known):
            return None
        found = [
            (self._member(derived.top, a, varying), self._member(derived.bottom, b, varying))
            for a, b in self._pairs(derived)
        ]
        if self._appended:
            found += self._new_pairs(derived, varying)
        if not found:
            return UNKNOWN
        flat = tuple(part for pair in found for part in pair)
        return Expression("lowest-ratio", numbers=(derived.scale,), operands=flat)

    def _new_pairs(self, derived: Derived, varying: frozenset[str]) -> list[tuple[Expression, Expression]]:
        """The pairs that a value of now is in."""
        now = self._knowledge.now
        if derived.bottom in varying:
            tops = [entry for entry in self._knowledge.known[derived.top].entries if entry.time == now]
            return [(constant(top.value), Expression("latest", derived.bottom)) for top in tops]
        bottoms = [e for e in self._knowledge.known[derived.bottom].entries[-1:] if now - e.time <= PAIR_HOURS]
        return [(Expression("latest", derived.top), constant(bottom.value)) for bottom in bottoms]


def _extreme(name: str, kind: str, window: _Window) -> Expression | None:
    """Where the replaced value was the extreme, the next one must be known."""
    pick = min if kind == "lowest" else max
    others = [entry.value for entry in window.others]
    before = None if window.whole else window.before
    if before is not None and (not others or pick(others) != pick([*others, before.value])):
        return None
    return Expression(kind, name, (pick(others),) if others else ())


def _lowest(name: str, window: _Window) -> Expression | None:
    return _extreme(name, "lowest", window)


def _highest(name: str, window: _Window) -> Expression | None:
    return _extreme(name, "highest", window)


def _range(name: str, window: _Window) -> Expression | None:
    """As for both extremes."""
    lowest, highest = _lowest(name, window), _highest(name, window)
    if lowest is None or highest is None:
        return None
    return Expression("range", name, (*lowest.numbers, *highest.numbers))


_OF_EXTREMES = {"min": _lowest, "max": _highest, "range": _range}
