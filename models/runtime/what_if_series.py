"""What an assessment still tells of the series that it was worked out from: values with their times, signal by signal.

Every statistic names the facts that it rests on (`aggregate`), so the facts behind the attributions are a part of each
series in which no fact that decided a number is missing. Of some stretches every value is known: those behind a mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor, inf, nan
from typing import NamedTuple

import numpy as np

from clinical.assessment import Attribution, RiskAssessment
from clinical.record import Observation
from models.runtime.aggregate import STATISTICS, Take
from models.runtime.derive import PAIRED
from models.runtime.manifest import Derived, Manifest, PerHour

_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
# Statistics that rest on every value of their window, and those that rest on its newest value.
_ALL = frozenset({"mean", "sd", "sum", "count", "slope"})
_NEWEST = _ALL | {"last", "since", "change"}
HOURS = "hours"


class Entry(NamedTuple):
    """A value: hours on the model's clock, the value in the signal's unit, and the fact."""

    time: float
    value: float
    fact: Observation


@dataclass(slots=True)
class Known:
    """What is known of one signal's series, sorted by (time, value).

    Every value of the last `whole` hours is among `entries`; `has_newest` says whether the newest of all is.
    """

    entries: list[Entry]
    whole: float = 0.0
    has_newest: bool = False

    @property
    def newest(self) -> Entry | None:
        """The newest value, where it is known to be that."""
        return self.entries[-1] if self.entries and self.has_newest else None


def operand(name: str, signals: Mapping[str, object]) -> tuple[str, Take] | None:
    """The signal and the statistic of a feature's name; None for one of the person."""
    signal, dot, take = name.partition(".")
    return (signal, Take.parse(take)) if dot and signal in signals else None


class Knowledge:
    """The series behind one assessment. `now` is the moment of the assessment in hours on the model's clock."""

    def __init__(self, manifest: Manifest, finding: RiskAssessment) -> None:
        """Collect the facts behind the attributions."""
        self._manifest = manifest
        self._as_of = finding.as_of
        self._by_code = {(c.system, c.code): s.name for s in manifest.signals.values() for c in s.codes}
        self._set_clock({a.feature: a.value for a in finding.explanation.attributions}.get(HOURS))
        self.known = {name: Known([]) for name in manifest.signals}
        self._seen: dict[str, set[tuple[float, float]]] = {name: set() for name in manifest.signals}
        for attribution in finding.explanation.attributions:
            self._learn(attribution)
        for known in self.known.values():
            known.entries.sort(key=lambda entry: entry[:2])

    def _set_clock(self, hours: float | None) -> None:
        """The start of the stay, which was recorded in whole seconds, out of the hours of the row (float32).

        Without that column time is counted back from the assessment: only differences of times matter, but for facts
        from before the start, which would count as of its hour 0.
        """
        self.start, self.now, self._earliest = self._as_of, 0.0, -inf
        if hours is None:
            return
        start = self._as_of - timedelta(seconds=round(hours * 3600))
        start -= timedelta(microseconds=start.microsecond)
        for candidate in (start, start + _SECOND, self._as_of - timedelta(hours=hours)):
            now = (self._as_of - candidate) / _HOUR
            if float(np.float32(now)) == hours:
                self.start, self.now, self._earliest = candidate, now, 0.0
                return

    def _learn(self, attribution: Attribution) -> None:
        """Take up the facts behind one feature, and how much of each series they show to be whole."""
        behind: dict[str, list[Entry]] = {}
        for fact in attribution.facts:
            name = self.signal_of(fact)
            if name is not None:
                behind.setdefault(name, []).append(Entry(self.time_of(fact.time), fact.value, fact))
        for name, entries in behind.items():
            for entry in entries:
                if entry[:2] not in self._seen[name]:
                    self._seen[name].add(entry[:2])
                    self.known[name].entries.append(entry)
        for name, take in self._takes(attribution.feature):
            own = behind.get(name, [])
            known = self.known[name]
            # One fact behind a change is the first and the newest: there are no others.
            if take.statistic in _ALL or (take.statistic == "change" and len(own) == 1 and not attribution.derived):
                known.whole = max(known.whole, take.hours or inf)
            known.has_newest |= bool(own) and take.statistic in _NEWEST

    def _takes(self, feature: str) -> Iterator[tuple[str, Take]]:
        """The statistics behind a feature; a pair is chosen by other rules."""
        derived = self._manifest.derived.get(feature)
        names = (feature,) if derived is None else operands(derived)
        for name in names:
            found = operand(name, self._manifest.signals)
            if found is not None:
                yield found

    def signal_of(self, fact: Observation) -> str | None:
        """The signal of a fact: that of the first coding that the model knows."""
        return next((n for c in fact.codings if (n := self._by_code.get((c.system, c.code))) is not None), None)

    def time_of(self, time: datetime) -> float:
        """When a fact counts, in hours on the model's clock, as in `gather`."""
        hours = max(self._earliest, (time - self.start) / _HOUR)
        return self.now - floor(round(self.now - hours, 6)) if self._manifest.population.hourly else hours

    def inside(self, signal: str, take: Take) -> list[Entry]:
        """The known values of a window."""
        start = -inf if take.hours is None else self.now - take.hours
        return [entry for entry in self.known[signal].entries if entry.time > start]

    def value(self, signal: str, take: Take, column: float) -> float:
        """A statistic that some feature rests on, as a double; `column` is its own column, NaN where unknown."""
        if self._manifest.signals[signal].per_hour is PerHour.SUM:
            return column
        inside = self.inside(signal, take)
        if not inside:
            return 0.0 if take.statistic == "count" and self.known[signal].entries else nan
        times, values = [entry.time for entry in inside], [entry.value for entry in inside]
        return STATISTICS[take.statistic].value(times, values, self.now)


def operands(derived: Derived) -> tuple[str, ...]:
    """The features that a derived one is made of; none of one that joins facts."""
    return () if derived.kind in PAIRED else (derived.top, derived.bottom)
