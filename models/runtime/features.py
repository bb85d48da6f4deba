"""From the facts of a stay to the numbers a model sees, and back from every number to its facts.

Training and service both call `FeaturePlan.measured`; there is no second way to make a row. Values are float32, so
that every threshold of a tree compares alike in training, in the explanation and in the check of the explanation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import nan

import numpy as np
import numpy.typing as npt

from models.runtime.aggregate import Facts, Take
from models.runtime.columns import Given
from models.runtime.derive import OF_FEATURES, PAIRED, chosen_pair
from models.runtime.gather import Series
from models.runtime.manifest import Column, Derived, Manifest, PerHour, Signal
from models.runtime.placed import SEX, Person
from models.runtime.windows import windows

Vector = npt.NDArray[np.float32]
_EMPTY = Series()
_NOTHING: Given = {}
_COUNT_UNIT = "{count}"
LEVELS = frozenset({"last", "first", "min", "max", "mean", "sum"})


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of the vector: whose it is (`concept`), and how a clinician would name it.

    `direction` constrains the trees (`monotonic_cst`); `derived` and `lead` as in `clinical.assessment.Attribution`.
    """

    name: str
    concept: str
    concept_label: str
    label: str
    unit: str
    direction: int = 0
    derived: bool = False
    lead: bool = False


_PERSON = {
    "age": Feature("age", "age", "Age", "Age", "a", direction=1),
    "sex": Feature("sex", "sex", "Sex (1 male, 0 female)", "Sex (1 male, 0 female)", "1"),
    "hours": Feature("hours", "hours", "Time in intensive care", "Hours since the stay began", "h"),
    "admitted": Feature("admitted", "admitted", "Time in hospital", "Hours since admission to hospital", "h"),
}


EVERY_PERSON = tuple(_PERSON)


def feature_names(signals: Mapping[str, Signal], derived: Mapping[str, Derived]) -> tuple[str, ...]:
    """The names that a derived feature may be made of: the person, each signal's statistics, derived features."""
    return EVERY_PERSON + tuple(feature.name for feature in (*_statistics(signals), *_derived(signals, derived)))


def _take_name(signal: str, take: Take) -> str:
    window = "" if take.hours is None else f"@{take.hours:g}h"
    return f"{signal}.{take.statistic}{window}"


def features_of(manifest: Manifest) -> tuple[Feature, ...]:
    """The order of the vector: the person, each signal's statistics, derived features, columns of `features.py`."""
    return (
        *(_PERSON[name] for name in manifest.person),
        *_statistics(manifest.signals),
        *_derived(manifest.signals, manifest.derived),
        *(_column(column, manifest) for column in manifest.columns.values()),
    )


def _statistics(signals: Mapping[str, Signal]) -> Iterable[Feature]:
    return (_statistic(s, take) for s in signals.values() for take in s.take)


def _derived(signals: Mapping[str, Signal], derived: Mapping[str, Derived]) -> Iterable[Feature]:
    for d in derived.values():
        home = signals.get(d.concept) or derived.get(d.concept, d)
        own = d.concept not in signals
        yield Feature(d.name, d.concept, home.label, d.label, d.unit, d.direction, own, own and d.name == d.concept)


def _column(c: Column, manifest: Manifest) -> Feature:
    """Under a signal it goes by the signal's label."""
    home = manifest.signals.get(c.concept)
    own = home is None
    label = c.concept_label if home is None else home.label
    return Feature(c.name, c.concept, label, c.label, c.unit, c.direction, own, own and c.name == c.concept)


def _statistic(s: Signal, take: Take) -> Feature:
    """One statistic of one signal. Only levels have a direction; a change or a spread may mean anything."""
    shown = take == s.show
    unit = s.show_unit if shown and s.show_unit else _unit(s.unit, take)
    direction = s.direction if take.statistic in LEVELS else 0
    by_hour = s.per_hour is PerHour.SUM and take.statistic != "sum"
    label = f"{s.label}{' per hour' if by_hour else ''}: {take.words}"
    return Feature(_take_name(s.name, take), s.name, s.label, label, unit, direction, lead=shown)


def _unit(unit: str, take: Take) -> str:
    return {"count": _COUNT_UNIT, "since": "h", "slope": f"{unit}/h"}.get(take.statistic, unit)


class FeaturePlan:
    """A manifest's features, ready to compute. `features` has shape (n,), in the order of every vector."""

    def __init__(self, manifest: Manifest) -> None:
        """Lay out the vector."""
        self.features = features_of(manifest)
        place = {feature.name: i for i, feature in enumerate(self.features)}
        self._signals = [
            (s.name, windows(s.take, place[_take_name(s.name, s.take[0])])) for s in manifest.signals.values() if s.take
        ]
        self._derived = [
            (place[d.name], d, place.get(d.top, -1), place.get(d.bottom, -1)) for d in manifest.derived.values()
        ]
        self._columns = [(place[name], name) for name in manifest.columns]
        self._person = manifest.person
        self._age_cap = float(manifest.population.age_cap)

    def values(self, series: Mapping[str, Series], person: Person, now: float, given: Given = _NOTHING) -> Vector:
        """The vector, shape (n,), float32, NaN where nothing was measured. `now` in hours since the start of the stay.

        Every fact of `series` must lie at or before `now`; `given` is what `features.py` gives.
        """
        return self.measured(series, person, now, given)[0]

    def measured(
        self, series: Mapping[str, Series], person: Person, now: float, given: Given = _NOTHING
    ) -> tuple[Vector, list[Facts]]:
        """The vector as in `values`, and for every feature the facts behind it; none for the person and the hours."""
        row = [nan] * len(self.features)
        found: list[Facts] = [()] * len(self.features)
        row[: len(self._person)] = self._of_person(person, now)
        for name, parts in self._signals:
            measured = series.get(name)
            if measured is not None:
                for window in parts:
                    window.fill(measured, now, row, found)
        for place, d, top, bottom in self._derived:
            if d.kind in PAIRED:
                row[place], found[place] = _paired(d, series)
            else:
                row[place] = OF_FEATURES[d.kind](row[top], row[bottom], d.scale)
                found[place] = found[top] + found[bottom]
        for place, name in self._columns:
            value = given.get(name)
            if value is not None:
                row[place], found[place] = value.number, value.facts
        return np.array(row, dtype=np.float32), found

    def _of_person(self, person: Person, now: float) -> list[float]:
        known = {
            "age": min(person.age, self._age_cap),
            "sex": SEX.get(person.sex or "", nan),
            "hours": now,
            "admitted": person.admitted,
        }
        return [known[name] for name in self._person]


def _paired(d: Derived, series: Mapping[str, Series]) -> tuple[float, Facts]:
    """A value over the one in force when it was measured, and these two facts (in training there are none)."""
    top, bottom = series.get(d.top, _EMPTY), series.get(d.bottom, _EMPTY)
    pair = chosen_pair(d.kind, (top.times, top.values), (bottom.times, bottom.values))
    if pair is None:
        return nan, ()
    first, second = pair
    value = d.scale * top.values[first] / bottom.values[second]
    return value, top.behind(first) + bottom.behind(second)
