"""Which facts of a record count, as one sorted series per signal, and which do not, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from clinical.record import Observation, PatientRecord, SetAside, SetAsideReason
from models.runtime.manifest import Signal

_HOUR = timedelta(hours=1)
# Hours since the start of the stay, value, reference, place in the record (which tells any two apart), the fact.
_Row = tuple[float, float, str, int, Observation]


class Series(NamedTuple):
    """One signal's facts, sorted by (time, value): hours since the start of the stay, values, and the facts themselves.

    In training there are no facts to point to; then `facts` is empty.
    """

    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    facts: tuple[Observation, ...] = ()


@dataclass(frozen=True, slots=True)
class Gathered:
    """The series per signal name (only signals with facts) and what was read but is not used."""

    series: Mapping[str, Series]
    unused: tuple[SetAside, ...]


class Gatherer:
    """Sorts observations into signals. Built once per model from its signals."""

    def __init__(self, signals: Iterable[Signal]) -> None:
        """Index the signals by code."""
        listed = tuple(signals)
        self._by_code = {(c.system, c.code): signal for signal in listed for c in signal.codes}
        self._unless = {signal.name: signal.unless for signal in listed if signal.unless}

    def gather(self, record: PatientRecord, opens: datetime, start: datetime, as_of: datetime) -> Gathered:
        """Take facts with `opens` < time <= `as_of`; hours count from `start`, what came before it counts as hour 0.

        Facts before `opens` belong to another phase of care and are passed over. Facts in the future, in another unit
        or outside the plausible range are passed over too, and reported. A repeated fact counts once. A signal with
        `unless` is left out where that other signal was measured.
        """
        kept: dict[str, list[_Row]] = {}
        unused = list(self.set_aside(record))
        for number, (fact, signal) in enumerate(self._known(record.observations)):
            time = fact.time
            if time <= opens:
                continue
            if time > as_of or fact.unit != signal.unit or not signal.low <= fact.value <= signal.high:
                unused.append(_problem(fact, signal, as_of))
                continue
            row = ((time - start) / _HOUR, fact.value, fact.reference, number, fact)
            kept.setdefault(signal.name, []).append(row)
        used = {name: rows for name, rows in kept.items() if self._unless.get(name) not in kept}
        return Gathered({name: _series(rows) for name, rows in used.items()}, tuple(unused))

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
        return not aside.codings or any((c.system, c.code) in self._by_code for c in aside.codings)


def _problem(fact: Observation, signal: Signal, as_of: datetime) -> SetAside:
    """Why a fact is not used. The detail never holds the value."""
    if fact.time > as_of:
        return SetAside(fact.reference, SetAsideReason.FUTURE, f"{signal.label}: timed after now", fact.codings)
    if fact.unit != signal.unit:
        detail = f"{signal.label}: the unit is not {signal.unit}"
        return SetAside(fact.reference, SetAsideReason.UNIT, detail, fact.codings)
    detail = f"{signal.label}: outside {signal.low:g} to {signal.high:g} {signal.unit}"
    return SetAside(fact.reference, SetAsideReason.IMPLAUSIBLE, detail, fact.codings)


def _series(rows: list[_Row]) -> Series:
    """One signal's facts in order; of those of the same time and value, the one with the first reference."""
    rows.sort()
    hours, values, _, _, facts = zip(*rows, strict=True)
    if len(set(hours)) < len(rows) and len(set(zip(hours, values, strict=True))) < len(rows):
        return _series([rows[0], *(row for before, row in pairwise(rows) if before[:2] != row[:2])])
    if hours[0] < 0.0:
        hours = tuple([max(0.0, hour) for hour in hours])
    return Series(hours, values, facts)
