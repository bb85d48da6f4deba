"""Which facts of a record count, as one sorted series per signal, and which do not, with the reason."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import floor, fsum
from typing import NamedTuple

from clinical.record import Observation, PatientRecord, SetAside, SetAsideReason
from models.runtime.manifest import PerHour, Signal

_HOUR = timedelta(hours=1)
_NEARLY_ONE = 0.999999
# Hours since the start of the stay, value, reference, place in the record (which tells any two apart), the fact.
_Row = tuple[float, float, str, int, Observation]


class Series(NamedTuple):
    """One signal's facts, sorted by (time, value): hours since the start of the stay, values, and the facts themselves.

    In training there are no facts to point to; then `facts` is empty. Where a value is the sum of an hour, `facts` has
    the newest of that hour, and `hours` has all of them; else `hours` is empty.
    """

    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    facts: tuple[Observation, ...] = ()
    hours: tuple[tuple[Observation, ...], ...] = ()

    def behind(self, place: int) -> tuple[Observation, ...]:
        """The facts that one value rests on."""
        if self.hours:
            return self.hours[place]
        return (self.facts[place],) if self.facts else ()


@dataclass(frozen=True, slots=True)
class Gathered:
    """The series per signal name (only signals with facts) and what was read but is not used."""

    series: Mapping[str, Series]
    unused: tuple[SetAside, ...]


@dataclass(frozen=True, slots=True)
class Collected:
    """All facts of a record that a model can use up to a moment, as one sorted series per signal.

    `unused` is what cannot be used at that moment. Training asks at many moments of one stay: it collects once, at the
    last of them, and cuts. `regular` names signals with at most one fact an hour, at whole hours: at a whole hour there
    is nothing to reduce in them. `sums` names signals whose facts of an hour are added up.
    """

    series: Mapping[str, Series]
    unused: tuple[SetAside, ...]
    unless: Mapping[str, str]
    hourly: bool
    regular: frozenset[str] = frozenset()
    sums: frozenset[str] = frozenset()

    def without_facts(self) -> Collected:
        """The same numbers, with nothing to point to."""
        return replace(self, series={name: Series(one.times, one.values) for name, one in self.series.items()})

    def until(self, now: float) -> Mapping[str, Series]:
        """The series up to `now`, in hours. A signal with `unless` is left out where that other one was measured."""
        found = {name: cut for name, series in self.series.items() if (cut := _until(series, now)).times}
        if self.unless:
            found = {name: series for name, series in found.items() if self.unless.get(name) not in found}
        if not self.hourly:
            return found
        regular = self.regular if now % 1 == 0 else frozenset()
        return {
            name: series if name in regular else by_hour(series, now, add_up=name in self.sums)
            for name, series in found.items()
        }


class Gatherer:
    """Sorts observations into signals. Built once per model from its signals."""

    def __init__(self, signals: Iterable[Signal], *, hourly: bool = False, beside: tuple[str, ...] = ()) -> None:
        """Index the signals by code. With `hourly` each signal is reduced to one value an hour, as by `by_hour`.

        `beside` is how references of facts begin that this model never looks at.
        """
        listed = tuple(signals)
        self._hourly = hourly
        self._beside = beside
        self._by_code = {(c.system, c.code): signal for signal in listed for c in signal.codes}
        self._labels = {signal.name: signal.label for signal in listed}
        self._unless = {signal.name: signal.unless for signal in listed if signal.unless}
        self._sums = frozenset(signal.name for signal in listed if signal.per_hour is PerHour.SUM)

    def gather(self, record: PatientRecord, opens: datetime, start: datetime, as_of: datetime) -> Gathered:
        """What is known at `as_of`: `collect` and `Collected.until` in one."""
        collected = self.collect(record, opens, start, as_of)
        return Gathered(collected.until((as_of - start) / _HOUR), collected.unused)

    def collect(self, record: PatientRecord, opens: datetime, start: datetime, as_of: datetime) -> Collected:
        """Take facts with `opens` < time <= `as_of`; hours count from `start`, what came before it counts as hour 0.

        Facts before `opens` belong to another phase of care and are passed over. Facts in the future, in another unit
        or outside the plausible range are passed over too, and reported. A repeated fact counts once. Of two values
        at one moment the lower is reported where an hour has one value.
        """
        kept: defaultdict[str, list[_Row]] = defaultdict(list)
        unused = list(self.set_aside(record))
        for number, (fact, signal) in enumerate(self._known(record.observations)):
            time = fact.time
            if time <= opens:
                continue
            if time > as_of or fact.unit != signal.unit or not signal.low <= fact.value <= signal.high:
                unused.append(_problem(fact, signal, as_of))
                continue
            row = ((time - start) / _HOUR, fact.value, fact.reference, number, fact)
            kept[signal.name].append(row)
        series = {name: _series(rows) for name, rows in kept.items()}
        regular = frozenset(name for name, one in series.items() if self._hourly and _is_regular(one.times))
        if self._hourly:
            for name, one in series.items():
                if name not in self._sums and len(set(one.times)) < len(one.times):
                    counted = by_hour(one, (as_of - start) / _HOUR).facts
                    unused.extend(_contradicted(one.facts, counted, self._labels[name]))
        return Collected(series, tuple(unused), self._unless, self._hourly, regular, self._sums)

    def set_aside(self, record: PatientRecord) -> tuple[SetAside, ...]:
        """What the reader set aside and this model would have looked at."""
        return tuple(aside for aside in record.set_aside if self._concerns(aside))

    def _known(self, facts: Iterable[Observation]) -> Iterator[tuple[Observation, Signal]]:
        """The facts with a known coding, and the signal of the first: test the system before the code."""
        known = self._by_code.get
        for fact in facts:
            for coding in fact.codings:
                signal = known((coding.system, coding.code))
                if signal is not None:
                    yield fact, signal
                    break

    def _concerns(self, aside: SetAside) -> bool:
        """Whether the reader's set-aside fact is one of ours, or cannot be told apart."""
        if not aside.codings:
            return not aside.reference.startswith(self._beside)
        return any((c.system, c.code) in self._by_code for c in aside.codings)


def _problem(fact: Observation, signal: Signal, as_of: datetime) -> SetAside:
    """Why a fact is not used. The detail never holds the value."""
    if fact.time > as_of:
        detail = f"{signal.label}: timed after now"
        return SetAside(fact.reference, SetAsideReason.FUTURE, detail, fact.codings, fact.time)
    if fact.unit != signal.unit:
        detail = f"{signal.label}: the unit is not {signal.unit}"
        return SetAside(fact.reference, SetAsideReason.UNIT, detail, fact.codings, fact.time)
    detail = f"{signal.label}: outside {signal.low:g} to {signal.high:g} {signal.unit}"
    return SetAside(fact.reference, SetAsideReason.IMPLAUSIBLE, detail, fact.codings, fact.time)


def _contradicted(facts: Sequence[Observation], counted: Sequence[Observation], label: str) -> Iterator[SetAside]:
    """Facts beside which another value stands at the same moment: of an hour the last counts, and so the higher.

    Only beside those that are `counted`: what a later value of the hour replaces decides nothing.

    Nobody can say which of them is right, and so which risk: they are told first.
    """
    for fact, higher in pairwise(facts):
        if fact.time == higher.time and any(higher is one for one in counted):
            detail = f"{label}: two values at one time, the higher counts; with the other the risk may differ"
            reason = SetAsideReason.SAME_TIME
            yield SetAside(fact.reference, reason, detail, fact.codings, fact.time, decides=True)


def _series(rows: list[_Row]) -> Series:
    """One signal's facts in order; of those of the same time and value, the one with the first reference."""
    rows.sort()
    hours, values, _, _, facts = zip(*rows, strict=True)
    if len(set(hours)) < len(rows) and len(set(zip(hours, values, strict=True))) < len(rows):
        return _series([rows[0], *(row for before, row in pairwise(rows) if before[:2] != row[:2])])
    if hours[0] < 0.0:
        hours = tuple([max(0.0, hour) for hour in hours])
    return Series(hours, values, facts)


def _until(series: Series, now: float) -> Series:
    """The facts up to a moment."""
    times, values, facts, _ = series
    if times[-1] <= now:
        return series
    end = bisect_right(times, now)
    return Series(times[:end], values[:end], facts[:end])


def _is_regular(times: tuple[float, ...]) -> bool:
    """Whether each fact stands at a whole hour of its own."""
    return times[-1] % 1 == 0 and all(time % 1 == 0 for time in times) and len(set(times)) == len(times)


def _whole_hours(age: float) -> float:
    """The whole hours of an age. Rounded to a few milliseconds: as floats, from 12:26 to 13:26 may be 0.9999999.

    Nothing but a share just below one can be rounded up to an hour more, and rounding takes long.
    """
    whole = age // 1.0
    return whole if age - whole < _NEARLY_ONE else floor(round(age, 6))


def by_hour(series: Series, now: float, *, add_up: bool = False) -> Series:
    """The newest fact of each whole hour counted back from `now`; it stands at the end of its hour.

    Without this a monitor that writes every minute would look like sixty measurements to a model that learnt from
    hourly ones. A fact at a whole number of hours before `now` keeps its time. With `add_up` the facts of an hour count
    as their sum: of volumes each entry is a part, and the newest alone would lose the others.
    """
    ages = [_whole_hours(now - time) for time in series.times]
    if len(set(ages)) == len(ages):
        times = tuple([now - age for age in ages])
        return series if times == series.times else Series(times, series.values, series.facts)
    last = [i for i, (age, newer) in enumerate(zip(ages, [*ages[1:], -1], strict=True)) if age != newer]
    times = tuple([now - ages[i] for i in last])
    facts = tuple([series.facts[i] for i in last if series.facts])
    if not add_up:
        return Series(times, tuple([series.values[i] for i in last]), facts)
    hours = [slice(before + 1, i + 1) for before, i in pairwise((-1, *last))]
    sums = tuple([fsum(series.values[hour]) for hour in hours])
    return Series(times, sums, facts, tuple([series.facts[hour] for hour in hours if facts]))
