"""Ninety days of assessments, laid out so that any threshold can be tried on them at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.statistics.labelled import FloatArray, IntArray
from oversight.statistics.repeat_rule import RepeatRule, repeat_rule


@dataclass(frozen=True, slots=True)
class Replay:
    """Rows sorted by encounter, then time; built by `replay`.

    `unit` from 0 to `units` - 1; `day` from 0 to `days` - 1. `event`, `other`: the row's weight if its outcome is
    known to be 1, or 0; else 0.
    """

    risk: FloatArray
    unit: IntArray
    units: int
    day: IntArray
    days: int
    event: FloatArray
    other: FloatArray
    rule: RepeatRule

    @property
    def encounters(self) -> int:
        """How many different ones."""
        return len(self.rule.start) - 1


def replay(
    risk: npt.ArrayLike,
    unit: npt.ArrayLike,
    day: npt.ArrayLike,
    outcome: npt.ArrayLike,
    encounter: npt.ArrayLike,
    seconds: npt.ArrayLike,
    *,
    days: int,
    repeat_hours: float = math.inf,
    units: int | None = None,
    weight: npt.ArrayLike | None = None,
) -> Replay:
    """Lay out assessments, one row each.

    `unit`, `day`: whole numbers from 0; `days`: the length of the period. `outcome`: 1, 0, or NaN if not known.
    `encounter`: any label. `seconds`: whole seconds on one clock. `repeat_hours`: at most one card per encounter in
    this time; 0: every crossing is a card; infinite: one per encounter. `weight`: what each row's outcome stands for
    (adherence weights: the outcome as it would have been without alerts). Raises ValueError for what does not fit.
    """
    forecast, happened = np.asarray(risk, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    place, when = np.asarray(unit, dtype=np.int64), np.asarray(day, dtype=np.int64)
    clock, label = np.asarray(seconds, dtype=np.int64), np.asarray(encounter)
    counts = np.ones_like(forecast) if weight is None else np.asarray(weight, dtype=np.float64)
    number = units if units is not None else int(place.max(initial=-1)) + 1
    if any(each.shape != forecast.shape for each in (happened, place, when, clock, label, counts)):
        raise ValueError("all arrays must be equally long")
    if _outside(place, number) or _outside(when, days):
        raise ValueError("units and days must be whole numbers from 0, below their number")
    if not (
        np.all((forecast >= 0) & (forecast <= 1)) and np.all((happened == 0) | (happened == 1) | np.isnan(happened))
    ):
        raise ValueError("risks lie between 0 and 1, outcomes are 0, 1 or NaN")
    order = np.lexsort((clock, label))
    return Replay(
        risk=forecast[order],
        unit=place[order],
        units=number,
        day=when[order],
        days=days,
        event=np.where(happened == 1, counts, 0.0)[order],
        other=np.where(happened == 0, counts, 0.0)[order],
        rule=repeat_rule(_numbered(label[order]), clock[order], repeat_hours * 3600),
    )


def _numbered(labels: npt.NDArray[Any]) -> IntArray:
    """Sorted labels as whole numbers from 0."""
    return np.cumsum(np.concatenate([[False], labels[1:] != labels[:-1]]))[: len(labels)]


def _outside(numbers: IntArray, end: int) -> bool:
    """Whether any is below 0, or at or past the end."""
    return bool(len(numbers)) and not (int(numbers.min()) >= 0 and int(numbers.max()) < end)
