"""How the value of a driver went: a small picture of the values that the model used, and the table behind it.

The picture is an SVG of 240 by 60 whose axis is time. Only features of one signal count: a ratio of two signals has
facts of both, and a line through both would be no trend.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from clinical import wording
from clinical.assessment import Driver
from clinical.record import Observation

WIDTH, HEIGHT, EDGE = 240, 60, 6
LEAST = 2
DRAWN = 96
LISTED = 6
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Point:
    """A value in the table. `reference` is that of the fact."""

    value: str
    time: str
    reference: str


@dataclass(frozen=True, slots=True)
class Trend:
    """One picture in words and numbers. `line` are the points of the SVG, `newest` the place of the last.

    `band` is the stretch (top and height) of what was usual in training, with `band_words`; None where it is not
    known or nothing of it is in the picture. `rows` are the newest values, newest first, `more` how many are older.
    """

    label: str
    unit: str
    line: str
    dots: tuple[tuple[int, int], ...]
    newest: tuple[int, int]
    band: tuple[int, int] | None
    band_words: str
    summary: str
    start: str
    end: str
    rows: tuple[Point, ...]
    more: int


def lay_out_trends(
    drivers: Iterable[Driver], as_of: datetime, zone: tzinfo, ranges: Mapping[str, Range] | None = None
) -> tuple[Trend, ...]:
    """The trends of some drivers, in their order. `ranges` are what was usual in training, by concept, in its unit."""
    known = ranges or {}
    found = ((driver, series(driver)) for driver in drivers)
    return tuple(
        _trend(driver.label, facts, as_of, zone, known.get(driver.concept))
        for driver, facts in found
        if len({fact.time for fact in facts}) >= LEAST
    )


def series(driver: Driver) -> tuple[Observation, ...]:
    """The facts behind a driver, oldest first, each once; those of the unit that the newest has."""
    facts = [fact for part in driver.parts if not part.derived for fact in part.facts]
    once = {(fact.reference, fact.time, fact.value): fact for fact in facts}
    ordered = sorted(once.values(), key=lambda fact: (fact.time, fact.reference))
    return tuple(fact for fact in ordered if fact.unit == ordered[-1].unit)


def _trend(label: str, facts: Sequence[Observation], as_of: datetime, zone: tzinfo, band: Range | None) -> Trend:
    """One picture."""
    drawn = facts[-DRAWN:]
    values = [fact.value for fact in drawn]
    low, high = min(values), max(values)
    places = _places(drawn, low, high)
    unit = wording.printed_unit(facts[-1].unit)
    listed = list(reversed(drawn))[:LISTED]
    return Trend(
        label=label,
        unit=unit,
        line=" ".join(f"{x},{y}" for x, y in places),
        dots=tuple(places[:-1]) if len(places) <= LISTED else (),
        newest=places[-1],
        band=None if band is None else _band(band, low, high),
        band_words="" if band is None else f"{wording.number(band[0])} and {wording.number(band[1])} {unit}".rstrip(),
        summary=_summary(drawn, low, high),
        start=f"{wording.age(as_of - drawn[0].time)} before",
        end=f"{wording.age(as_of - drawn[-1].time)} before",
        rows=tuple(Point(wording.number(f.value), wording.moment(f.time, zone), f.reference) for f in listed),
        more=len(facts) - len(listed),
    )


def _summary(facts: Sequence[Observation], low: float, high: float) -> str:
    """What the picture shows, in words."""
    first, last = facts[0], facts[-1]
    spread = f"lowest {wording.number(low)}, highest {wording.number(high)}"
    span = wording.age(last.time - first.time)
    if last.value == first.value:
        return f"{len(facts)} values in {span}: {wording.measured(last.value, last.unit)} at both ends; {spread}"
    ends = f"from {wording.number(first.value)} to {wording.measured(last.value, last.unit)}"
    return f"{len(facts)} values in {span}: {'rose' if last.value > first.value else 'fell'} {ends}; {spread}"


def _places(facts: Sequence[Observation], low: float, high: float) -> list[tuple[int, int]]:
    """Where the values stand in the picture."""
    first, span = facts[0].time, (facts[-1].time - facts[0].time).total_seconds()
    across = WIDTH - 2 * EDGE
    return [
        (round(EDGE + across * (fact.time - first).total_seconds() / span), _height(fact.value, low, high))
        for fact in facts
    ]


def _height(value: float, low: float, high: float) -> int:
    """The y of a value: the highest on top; in the middle where all are the same."""
    share = 0.5 if high == low else (value - low) / (high - low)
    return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share)


def _band(band: Range, low: float, high: float) -> tuple[int, int] | None:
    """Top and height of a stretch of values, as far as it is in the picture; None where it covers all or nothing."""
    if high == low or band[1] < low or band[0] > high or (band[0] <= low and band[1] >= high):
        return None
    top, bottom = _height(min(band[1], high), low, high), _height(max(band[0], low), low, high)
    return top, max(bottom - top, 1)
