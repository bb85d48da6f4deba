"""All statistics that are taken of one signal, window by window, so that a series is cut once for each window."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from models.runtime.aggregate import STATISTICS, Facts, Numbers, Statistic, Take
from models.runtime.gather import Series

_COUNT = STATISTICS["count"]


@dataclass(frozen=True, slots=True)
class Window:
    """The last `hours` (None: the whole stay so far) with the statistics over it and their places in the vector."""

    hours: float | None
    statistics: tuple[tuple[int, Statistic], ...]

    def start(self, times: Numbers, now: float) -> int:
        """Index of the first fact later than `now - hours`."""
        return 0 if self.hours is None else bisect_right(times, now - self.hours)

    def fill_values(self, series: Series, now: float, row: list[float]) -> None:
        """Put the statistics at `now` (hours) into a row of NaN; of an empty window only the count is known.

        Values are in the signal's unit (count: facts; since: hours; slope: per hour).
        """
        start = self.start(series.times, now)
        times, values = series.times[start:], series.values[start:]
        for place, statistic in self.statistics:
            if times:
                row[place] = statistic.value(times, values, now)
            elif statistic is _COUNT and series.times:
                row[place] = 0.0

    def fill_facts(self, series: Series, now: float, found: list[Facts]) -> None:
        """Put the facts behind each statistic into a list of empty tuples."""
        start = self.start(series.times, now)
        facts, values = series.facts[start:], series.values[start:]
        if facts:
            for place, statistic in self.statistics:
                found[place] = statistic.facts(facts, values)


def windows(takes: Iterable[Take], first_place: int) -> tuple[Window, ...]:
    """The windows of one signal whose statistics stand in the vector in the order of `takes`, from `first_place` on."""
    grouped: dict[float | None, list[tuple[int, Statistic]]] = {}
    for place, take in enumerate(takes, start=first_place):
        grouped.setdefault(take.hours, []).append((place, STATISTICS[take.statistic]))
    return tuple(Window(hours, tuple(statistics)) for hours, statistics in grouped.items())
