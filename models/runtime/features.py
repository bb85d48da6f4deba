"""From the facts of a stay to the numbers a model sees, and back from every number to its facts.

Training and service both call `FeaturePlan.values`; there is no second way to make a row. Values are float32, so
that every threshold of a tree compares alike in training, in the explanation and in the check of the explanation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import numpy.typing as npt

from clinical.record import Observation
from models.runtime.aggregate import Take
from models.runtime.derive import OF_FEATURES, PAIRED, chosen_pair
from models.runtime.gather import Series
from models.runtime.manifest import Derived, Manifest, Signal

Vector = npt.NDArray[np.float32]
_EMPTY = Series()
_SEX = {"male": 1.0, "female": 0.0}
_COUNT_UNIT = "{count}"
LEVELS = frozenset({"last", "first", "min", "max", "mean", "sum"})


@dataclass(frozen=True, slots=True)
class Person:
    """What does not change in a stay: `age` in completed years at its start, `sex` an administrative gender or None."""

    age: float
    sex: str | None


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


def feature_names(signals: Mapping[str, Signal], derived: Mapping[str, Derived]) -> tuple[str, ...]:
    """The order of the vector: person and time, then each signal's statistics, then the derived features."""
    return tuple(feature.name for feature in _features(signals, derived))


def _take_name(signal: str, take: Take) -> str:
    window = "" if take.hours is None else f"@{take.hours:g}h"
    return f"{signal}.{take.statistic}{window}"


def _features(signals: Mapping[str, Signal], derived: Mapping[str, Derived]) -> Iterable[Feature]:
    yield Feature("age", "age", "Age", "Age", "a", direction=1)
    yield Feature("sex", "sex", "Sex (1 male, 0 female)", "Sex (1 male, 0 female)", "1")
    yield Feature("hours", "hours", "Time in intensive care", "Hours since the stay began", "h")
    for s in signals.values():
        for take in s.take:
            yield _statistic(s, take)
    for d in derived.values():
        home = signals.get(d.concept) or derived.get(d.concept, d)
        own = d.concept not in signals
        yield Feature(d.name, d.concept, home.label, d.label, d.unit, d.direction, own, own and d.name == d.concept)


def _statistic(s: Signal, take: Take) -> Feature:
    """One statistic of one signal. Only levels have a direction; a change or a spread may mean anything."""
    shown = take == s.show
    unit = s.show_unit if shown and s.show_unit else _unit(s.unit, take)
    direction = s.direction if take.statistic in LEVELS else 0
    label = f"{s.label}: {take.words}"
    return Feature(_take_name(s.name, take), s.name, s.label, label, unit, direction, lead=shown)


def _unit(unit: str, take: Take) -> str:
    return {"count": _COUNT_UNIT, "since": "h", "slope": f"{unit}/h"}.get(take.statistic, unit)


class FeaturePlan:
    """A manifest's features, ready to compute. `features` has shape (n,), in the order of every vector."""

    def __init__(self, manifest: Manifest) -> None:
        """Lay out the vector."""
        self.features = tuple(_features(manifest.signals, manifest.derived))
        self._index = {feature.name: i for i, feature in enumerate(self.features)}
        self._signals = tuple(manifest.signals.values())
        self._derived = tuple(manifest.derived.values())
        self._takes = {_take_name(s.name, take): (s.name, take) for s in self._signals for take in s.take}
        self._age_cap = float(manifest.population.age_cap)

    def values(self, series: Mapping[str, Series], person: Person, now: float) -> Vector:
        """The vector, shape (n,), float32, NaN where nothing was measured. `now` in hours since the start of the stay.

        Every fact of `series` must lie at or before `now`.
        """
        row = [min(person.age, self._age_cap), _SEX.get(person.sex or "", nan), now]
        for signal in self._signals:
            facts = series.get(signal.name, _EMPTY)
            if facts.times:
                row += [take.value(facts.times, facts.values, now) for take in signal.take]
            else:
                row += [nan] * len(signal.take)
        for derived in self._derived:
            row.append(self._derive(derived, row, series))
        return np.array(row, dtype=np.float32)

    def _derive(self, d: Derived, row: list[float], series: Mapping[str, Series]) -> float:
        if d.kind in PAIRED:
            top, bottom = series.get(d.top, _EMPTY), series.get(d.bottom, _EMPTY)
            pair = chosen_pair(d.kind, (top.times, top.values), (bottom.times, bottom.values))
            return nan if pair is None else d.scale * top.values[pair[0]] / bottom.values[pair[1]]
        return OF_FEATURES[d.kind](row[self._index[d.top]], row[self._index[d.bottom]], d.scale)

    def facts(self, series: Mapping[str, Series], now: float) -> tuple[tuple[Observation, ...], ...]:
        """For every feature, in order, the facts it was computed from; none for age, sex and hours."""
        found: list[tuple[Observation, ...]] = [()] * (len(self.features) - len(self._derived))
        for name, (signal, take) in self._takes.items():
            s = series.get(signal, _EMPTY)
            if s.times:
                found[self._index[name]] = _pick(s.facts, take.facts(s.times, s.values, now))
        for derived in self._derived:
            found.append(self._facts_of(derived, found, series))
        return tuple(found)

    def _facts_of(
        self, d: Derived, found: list[tuple[Observation, ...]], series: Mapping[str, Series]
    ) -> tuple[Observation, ...]:
        if d.kind in PAIRED:
            top, bottom = series.get(d.top, _EMPTY), series.get(d.bottom, _EMPTY)
            pair = chosen_pair(d.kind, (top.times, top.values), (bottom.times, bottom.values))
            return () if pair is None else (top.facts[pair[0]], bottom.facts[pair[1]])
        return found[self._index[d.top]] + found[self._index[d.bottom]]


def _pick(facts: tuple[Observation, ...], at: Sequence[int]) -> tuple[Observation, ...]:
    """The chosen facts; a run of them is sliced, which for the whole series costs nothing."""
    return facts[at.start : at.stop] if isinstance(at, range) else tuple(facts[i] for i in at)
