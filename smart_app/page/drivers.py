"""The drivers of a risk as rows: a bar, words, and the value behind it.

The unit is the odds multiplier, because the model is exactly additive on the log-odds (`clinical.assessment`):
starting odds times all multipliers are the odds. Rows beyond the first eight are added up in one "other" row, and
stand one by one behind it.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from clinical import wording
from clinical.assessment import Attribution, Driver, Explanation
from smart_app.words import Behind, behind

SHOWN = 8
PARTS = 4
FLAGS = ("", "1")
# The concept whose number is a code (`models.runtime.features`).
SEX = "sex"
SEXES: dict[float | None, str] = {0.0: "female", 1.0: "male"}
ARROWS = {"raises": "▲", "lowers": "▼", "no change": "◆"}
HALF_WIDTH = 100.0
_ENDS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of an SVG that is 200 wide, with `× 1` at 100; it grows to the right if it raises the odds."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Part:
    """One feature of a driver, in words."""

    label: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What a driver does to the odds: `× 1.8`, `raises`, `▲`, and its bar."""

    text: str
    word: str
    arrow: str
    bar: Bar


@dataclass(frozen=True, slots=True)
class Value:
    """The newest value behind a driver. Empty strings where there is nothing to say. `old` is as in `old_values`.

    `usual` is the reference range that its sender gave, in the unit of `reported` where that is there.
    """

    text: str
    reported: str = ""
    usual: str = ""
    time: str = ""
    age: str = ""
    reference: str = ""
    old: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One driver in words; `value` is None for the "other" row. `behind` are facts that are no measured numbers."""

    label: str
    effect: Effect
    value: Value | None = None
    parts: tuple[Part, ...] = ()
    more_parts: int = 0
    behind: tuple[Behind, ...] = ()


@dataclass(frozen=True, slots=True)
class Drivers:
    """All rows, the end of the bars' scale (`÷ 4` to `× 4`), and the sum to check them by.

    `rest` are the rows that the last one, `together`, adds up; None and empty where there are no more than eight.
    """

    rows: tuple[Row, ...]
    together: Row | None
    rest: tuple[Row, ...]
    scale_end: int
    identity: Identity


@dataclass(frozen=True, slots=True)
class Identity:
    """Starting odds × the multiplier of each row = odds, with three significant digits."""

    base: str
    factors: tuple[str, ...]
    odds: str
    probability: str


def lay_out(
    explanation: Explanation, as_of: datetime, zone: tzinfo, after: timedelta, left_out: Container[str] = ()
) -> Drivers:
    """Rows, largest effect first, "other" last. `left_out` are labels that the model leaves out by its design.

    A value is old when it is older than `after`.
    """
    drivers = explanation.drivers()
    first, rest = drivers[:SHOWN], drivers[SHOWN:]
    effects = [driver.log_odds for driver in first]
    other = math.fsum(driver.log_odds for driver in rest)
    end = _scale_end([*effects, other])
    rows_of = _RowWriter(end, as_of, zone, after, left_out)
    told = [rows_of.row(driver) for driver in drivers]
    rows = told[:SHOWN]
    together = None
    if rest:
        effects.append(other)
        noun = "signal" if len(rest) == 1 else "signals"
        together = Row(f"Sum of {len(rest)} other {noun}", _effect(other, end))
        rows.append(together)
    return Drivers(tuple(rows), together, tuple(told[SHOWN:]), end, _identity(explanation, effects))


def _identity(explanation: Explanation, effects: Sequence[float]) -> Identity:
    """The numbers of the check."""
    odds = math.exp(explanation.log_odds)
    return Identity(
        base=wording.significant(math.exp(explanation.base_log_odds), 3),
        factors=tuple(wording.significant(math.exp(effect), 3) for effect in effects),
        odds=wording.significant(odds, 3),
        probability=wording.percent(odds / (1 + odds)),
    )


def _scale_end(effects: Sequence[float]) -> int:
    """The smallest round multiplier that holds every bar."""
    largest = math.exp(max(map(abs, effects), default=0.0))
    return next((end for end in _ENDS if end >= largest), _ENDS[-1])


def _effect(log_odds: float, end: int) -> Effect:
    """What every row has."""
    factor = math.exp(log_odds)
    word = wording.direction(factor)
    width = round(min(abs(log_odds) / math.log(end), 1.0) * HALF_WIDTH, 1)
    bar = Bar(HALF_WIDTH if log_odds > 0 else HALF_WIDTH - width, width)
    return Effect(wording.multiplier(factor), word, ARROWS[word], bar)


@dataclass(frozen=True, slots=True)
class _RowWriter:
    """What the rows of one explanation have in common: the end of the scale, the moment, the zone, what is old."""

    end: int
    as_of: datetime
    zone: tzinfo
    after: timedelta
    left_out: Container[str]

    def row(self, driver: Driver) -> Row:
        """One driver with its newest value and its strongest features."""
        effect = _effect(driver.log_odds, self.end)
        if driver.concept == SEX:
            return Row("Sex", effect, Value(SEXES.get(driver.shown[0], "not recorded")))
        if driver.label in self.left_out and not driver.measured:
            return Row(driver.label, effect, Value("left out by design"))
        several = driver.parts if len(driver.parts) > 1 else ()
        return Row(
            label=driver.label,
            effect=effect,
            value=_value(driver, self.as_of, self.zone, self.after),
            parts=tuple(_part(part, driver.label) for part in several[:PARTS]),
            more_parts=max(len(several) - PARTS, 0),
            behind=behind((basis for part in driver.parts for basis in part.basis), self.zone),
        )


def _value(driver: Driver, as_of: datetime, zone: tzinfo, after: timedelta) -> Value:
    """What a driver shows: its newest fact, a derived number with the time of its newest fact, age, or nothing."""
    number, unit = driver.shown
    text = _shown(number, unit, told=any(part.basis for part in driver.parts))
    fact = driver.latest
    if fact is None or number is None:
        return Value(text)
    measured = number == fact.value and unit == fact.unit
    converted = number == fact.value and fact.unit != fact.reported_unit
    return Value(
        text=text,
        reported=wording.measured(fact.reported_value, fact.reported_unit) if converted else "",
        usual=fact.reference_range if measured else "",
        time=wording.moment(fact.time, zone),
        age=wording.age(as_of - fact.time),
        reference=fact.reference,
        old=as_of - fact.time > after,
    )


def _shown(number: float | None, unit: str, *, told: bool) -> str:
    """A number in words; a flag that is up says no more than the diagnosis that stands beside it."""
    if number is None:
        return "" if told else "not measured"
    return "" if told and number == 1 and unit in FLAGS else wording.measured(number, unit)


def _part(part: Attribution, label: str) -> Part:
    """One feature, without the name of its driver in front."""
    return Part(
        part.label.removeprefix(f"{label}: "),
        "not measured" if part.value is None else wording.measured(part.value, part.unit),
        wording.multiplier(math.exp(part.log_odds)),
    )


def old_values(explanation: Explanation, as_of: datetime, zone: tzinfo, after: timedelta) -> tuple[str, ...]:
    """Signals whose newest value is older than that, the oldest first: `Creatinine 0.8 mg/dL, 30 h old`."""
    old = [one for one in explanation.drivers() if one.latest is not None and as_of - one.latest.time > after]
    ordered = sorted(old, key=lambda one: (one.latest.time if one.latest else as_of, one.label))
    rows = ((one.label, _value(one, as_of, zone, after)) for one in ordered)
    return tuple(f"{label} {value.text}, {value.age} old" for label, value in rows if value.age)
