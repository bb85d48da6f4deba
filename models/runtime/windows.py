"""All statistics that are taken of one signal, window by window, so that a series is cut once for each window."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from models.runtime.aggregate import STATISTICS, Choice, Facts, Numbers, Statistic, Take, Value
from models.runtime.gather import Series


@dataclass(frozen=True, slots=True)
class Window:
    """The last `hours` (None: the whole stay so far) with the statistics over it and their places in the vector.

    `choices` are the ways of choosing facts, each once, with the places that it is for; `counts` are the places of
    counts and `places` all places.
    """

    hours: float | None
    values: tuple[tuple[int, Value], ...]
    choices: tuple[tuple[Choice, tuple[int, ...]], ...]
    counts: tuple[int, ...]
    places: tuple[int, ...]

    def start(self, times: Numbers, now: float) -> int:
        """Index of the first fact later than `now - hours`."""
        return 0 if self.hours is None else bisect_right(times, now - self.hours)

    def fill(self, series: Series, now: float, row: list[float], found: list[Facts]) -> None:
        """Put the statistics at `now` (hours) into a row of NaN, and the facts behind each into a list of empty tuples.

        Values are in the signal's unit (count: facts; since: hours; slope: per hour). Of an empty window only the count
        is known.
        """
        start = self.start(series.times, now)
        times, values, facts = series.times[start:], series.values[start:], series.facts[start:]
        if times:
            for place, value in self.values:
                row[place] = value(times, values, now)
        elif series.times:
            for place in self.counts:
                row[place] = 0.0
        if facts and series.hours:
            self._fill_hours(series.hours[start:], values, found)
        elif facts:
            self._fill_facts(facts, values, found)

    def _fill_facts(self, facts: Facts, values: Numbers, found: list[Facts]) -> None:
        """One fact stands behind everything; of several, each way of choosing is asked once."""
        if len(facts) == 1:
            for place in self.places:
                found[place] = facts
            return
        for choice, places in self.choices:
            chosen = choice(facts, values)
            for place in places:
                found[place] = chosen

    def _fill_hours(self, hours: tuple[Facts, ...], values: Numbers, found: list[Facts]) -> None:
        """Behind a sum of an hour stand all of its facts."""
        for choice, places in self.choices:
            chosen = tuple(chain.from_iterable(choice(hours, values)))
            for place in places:
                found[place] = chosen


def windows(takes: Iterable[Take], first_place: int) -> tuple[Window, ...]:
    """The windows of one signal whose statistics stand in the vector in the order of `takes`, from `first_place` on."""
    grouped: dict[float | None, list[tuple[int, Statistic]]] = {}
    for place, take in enumerate(takes, start=first_place):
        grouped.setdefault(take.hours, []).append((place, STATISTICS[take.statistic]))
    return tuple(_window(hours, statistics) for hours, statistics in grouped.items())


def _window(hours: float | None, statistics: list[tuple[int, Statistic]]) -> Window:
    choices: dict[Choice, list[int]] = {}
    for place, statistic in statistics:
        choices.setdefault(statistic.facts, []).append(place)
    return Window(
        hours,
        values=tuple((place, statistic.value) for place, statistic in statistics),
        choices=tuple((choice, tuple(places)) for choice, places in choices.items()),
        counts=tuple(place for place, statistic in statistics if statistic is STATISTICS["count"]),
        places=tuple(place for place, _ in statistics),
    )
