"""How far PPV could lie off if staff also acted on something that was not logged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.statistics.labelled import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class IfUnlogged:
    """PPV lies between `low` and `high` if what is not logged moves the odds of no treatment by at most `factor`."""

    factor: float
    low: float
    high: float


def ppv_if_unlogged(outcome: FloatArray, weight: FloatArray, factor: float) -> IfUnlogged:
    """Bounds under the marginal sensitivity model, sampling error aside.

    `weight` = 1/P̂ (0 for treated alerts). Each weight may lie between 1 + (w - 1)/factor and 1 + (w - 1)·factor
    (Tan 2006, JASA 101:1619-1637; Zhao, Small & Bhattacharya 2019, JRSS B 81:735-761). For an outcome of 0 or 1 the
    extremes are at the ends: high weights on events and low ones elsewhere, or the reverse.
    """
    counting: BoolArray = weight > 0
    happened, excess = outcome[counting] == 1, weight[counting] - 1
    light, heavy = 1 + excess / factor, 1 + excess * factor
    low, high = (
        float(events[happened].sum() / (events[happened].sum() + others[~happened].sum()))
        for events, others in ((light, heavy), (heavy, light))
    )
    return IfUnlogged(factor, low, high)


FACTORS = (1.5, 2.0)
"""Shown by default: a half more, and twice the odds."""


def at_usual_factors(outcome: FloatArray, weight: FloatArray) -> tuple[IfUnlogged, ...]:
    """The bounds at each of `FACTORS`; nothing of no rows."""
    return tuple(ppv_if_unlogged(outcome, weight, factor) for factor in FACTORS) if np.any(weight > 0) else ()
