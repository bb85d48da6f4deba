"""What a model would answer to other numbers: never stored, never a card, and no promise of what a treatment does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from clinical.assessment import Explanation, Tier

NOT_AN_EFFECT = "This is the model's response to another number, not the effect of a treatment."


@dataclass(frozen=True, slots=True)
class ModifiableInput:
    """A measured number that treatment changes and whose latest value may be replaced by another.

    `name` is the signal in the model's manifest, `value` the latest value in `unit` (UCUM), measured at `time`. Other
    values go from `low` to `high` in steps of `step`; both lie within what the model saw in training, and `value` lies
    on a step.
    """

    name: str
    label: str
    unit: str
    value: float
    time: datetime
    low: float
    high: float
    step: float

    def clamped(self, value: float) -> float:
        """The nearest value that may be asked about; a thousandth of a step from the latest value is the latest."""
        if abs(value - self.value) <= self.step / 1000:
            return self.value
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Withheld:
    """An input that treatment changes and that is not offered for this patient, and why."""

    label: str
    because: str


@dataclass(frozen=True, slots=True)
class Response:
    """The model's answer if the latest values of some inputs were others; `values` are those, by input, as clamped.

    `unusual` are labels of values outside what the model was trained on. It is no `RiskAssessment`, because nothing of
    it was measured.
    """

    probability: float
    tier: Tier
    explanation: Explanation
    values: tuple[tuple[str, float], ...]
    unusual: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What a signal that is missing or old could change: the risk if it were measured now and lay at either value.

    `values` are the lower and the upper value in `unit`, `probabilities` the risk at each of them in the same order,
    and `source` says what the values are ("5th and 95th percentile in training"). `age` is how old the latest value is;
    None where there is none.
    """

    label: str
    unit: str
    values: tuple[float, float]
    probabilities: tuple[float, float]
    source: str
    age: timedelta | None = None

    @property
    def span(self) -> float:
        """How far apart the two risks are."""
        return abs(self.probabilities[1] - self.probabilities[0])


@dataclass(frozen=True, slots=True)
class WhatIfOffer:
    """What may be asked about one assessment. `refused` says why nothing may be; then all else is empty."""

    inputs: tuple[ModifiableInput, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    sensitivities: tuple[Sensitivity, ...] = ()
    refused: str = ""
