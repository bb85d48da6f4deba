"""How a stay goes: the times at which something is measured, and the values, with trend and noise."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from ehr_simulator.patients import resources
from ehr_simulator.patients.person import Person
from ehr_simulator.patients.resources import Resource
from ehr_simulator.patients.signals import LAB, MEAN_PRESSURE, PRESSURE_PANEL, SIGNALS, VITAL, Signal

MINUTE = timedelta(minutes=1)
FIRST = 10 * MINUTE
LATENESS = 8 * MINUTE
RESULT_DELAY = timedelta(minutes=20)  # the last laboratory result is not from this very minute


class Measured:
    """Numbers the observations of one stay and remembers its random generator."""

    def __init__(self, person: Person, start: datetime, now: datetime, seed: int) -> None:
        """Seed by person, so that a change to one patient leaves the others as they are."""
        self.person = person
        self.start = start
        self.now = now
        self.random = random.Random(f"{seed}/{person.id}")
        self._number = 0

    def next_number(self) -> int:
        """A running number for ids."""
        self._number += 1
        return self._number

    def value(self, name: str, moment: datetime) -> float:
        """The value of a signal at a moment: between the ends of its course, with noise, within its range."""
        signal = SIGNALS[name]
        first, last = self.person.ends(name)
        share = (moment - self.start) / (self.now - self.start)
        raw = first + (last - first) * share + self.random.gauss(0, signal.wavers)
        return min(max(raw, signal.lowest), signal.highest)


def observations(stay: Measured) -> list[Resource]:
    """Everything measured in the stay so far."""
    done: list[Resource] = []
    for name, signal in SIGNALS.items():
        if name in stay.person.left_out or name in {"systolic", "diastolic"}:
            continue
        done.extend(_single(stay, name, signal, moment) for moment in _moments(stay, signal))
    if "systolic" not in stay.person.left_out:
        for moment in _moments(stay, SIGNALS["systolic"]):
            done.extend(_pressure(stay, moment))
    if stay.person.blemishes:
        done.extend(_blemishes(stay))
    return done


def _moments(stay: Measured, signal: Signal) -> Iterator[datetime]:
    """When the signal is measured: in its rhythm, a few minutes late. The last vital signs are a few minutes old."""
    latest = stay.now - (RESULT_DELAY if signal.category == LAB else timedelta(minutes=2))
    planned = stay.start + FIRST
    rhythm = timedelta(hours=signal.every)
    if signal.category == VITAL and rhythm:
        planned += (latest - LATENESS - planned) % rhythm
    while planned <= latest:
        yield min(planned + stay.random.random() * LATENESS // MINUTE * MINUTE, latest)
        if not rhythm:
            return
        planned += rhythm


def _single(stay: Measured, name: str, signal: Signal, moment: datetime) -> Resource:
    """One result, under the code and unit that this person's devices use."""
    value = stay.value(name, moment)
    if name in stay.person.instead:
        other, factor, offset = stay.person.instead[name]
        return resources.observation(stay.person, stay.next_number(), other, value * factor + offset, moment)
    return resources.observation(stay.person, stay.next_number(), signal, value, moment)


def _pressure(stay: Measured, moment: datetime) -> list[Resource]:
    """Systolic, diastolic and mean pressure that fit together."""
    systolic = stay.value("systolic", moment)
    diastolic = min(stay.value("diastolic", moment), systolic - 12)
    parts = [
        (SIGNALS["systolic"], systolic),
        (SIGNALS["diastolic"], diastolic),
        (MEAN_PRESSURE, (systolic + 2 * diastolic) / 3),
    ]
    if stay.person.pressure_as_panel:
        return [resources.panel(stay.person, stay.next_number(), PRESSURE_PANEL, parts, moment)]
    return [resources.observation(stay.person, stay.next_number(), part, value, moment) for part, value in parts]


def _blemishes(stay: Measured) -> list[Resource]:
    """Results that must not count: withdrawn, not yet final, impossible."""
    moment = stay.now - timedelta(minutes=45)
    person = stay.person
    withdrawn = resources.observation(person, stay.next_number(), SIGNALS["lactate"], 11.9, moment)
    preliminary = resources.observation(person, stay.next_number(), SIGNALS["potassium"], 7.4, moment)
    impossible = resources.observation(person, stay.next_number(), SIGNALS["heart_rate"], 880, moment)
    withdrawn["status"] = "entered-in-error"
    preliminary["status"] = "preliminary"
    return [withdrawn, preliminary, impossible]
