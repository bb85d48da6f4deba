"""The shape of one entry of the cast: who it is, where, for how long, and how it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ehr_simulator.patients.signals import STEADY, Signal


@dataclass(frozen=True, slots=True)
class Place:
    """Where the patient lies: a Location by reference, or only a name. `from_hour` counts from admission."""

    name: str
    location_id: str | None = None
    from_hour: float = 0.0


@dataclass(frozen=True, slots=True)
class Person:
    """One invented patient. `hours` is how long ago the stay began; `course` maps a signal to (first, last) value.

    `left_out` are signals that nobody measured; `instead` replaces the code and unit of a signal, with the factor
    from our unit to that one (and an offset).
    """

    id: str
    name: str
    story: str
    sex: str
    age: int
    weight: float
    height: float
    hours: float
    places: tuple[Place, ...]
    class_code: str = "IMP"
    course: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    instead: Mapping[str, tuple[Signal, float, float]] = field(default_factory=dict)
    pressure_as_panel: bool = False
    blemishes: bool = False

    def ends(self, signal: str) -> tuple[float, float]:
        """First and last value of a signal."""
        if signal in {"weight", "height"}:
            value = self.weight if signal == "weight" else self.height
            return value, value
        return self.course.get(signal, STEADY[signal])
