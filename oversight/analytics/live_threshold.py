"""From which risk on cards are given, as the ledger shows it: it does not hold the clients' wishes.

Asked of entries that `lay_out` has laid out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions

_BOUNDS = """
WITH chosen AS (SELECT * FROM event WHERE {where}),
late AS (SELECT * FROM chosen WHERE model_version = (SELECT arg_max(model_version, sequence) FROM chosen))
SELECT max(probability) FILTER (withheld = 'below-threshold'),
  min(probability) FILTER (withheld IS NULL OR withheld IN
    ('repeat', 'snoozed', 'encounter-budget', 'clinician-budget', 'shadow')),
  min(tier_at_least) FILTER (withheld IS NULL OR withheld = 'shadow') FROM late
"""


@dataclass(frozen=True, slots=True)
class LiveThreshold:
    """`value` of the latest version; `exact` False where risks below it were shown and ones above were not."""

    value: float
    exact: bool


def live_threshold(mart: Questions, selection: Selection) -> LiveThreshold | None:
    """Between the highest risk that was too low and the lowest that was not; None where nothing reached it."""
    where, values = selection.where()
    ((low, high, tier),) = mart.rows(_BOUNDS.format(where=where), values)
    if high is None:
        return None
    low = 0.0 if low is None else float(low)
    if tier is not None and low < tier <= high:
        return LiveThreshold(float(tier), True)
    if low >= high:
        return LiveThreshold(float(tier) if tier else float(high), False)
    return LiveThreshold(_shortest(low, float(high)), True)


def _shortest(low: float, high: float) -> float:
    """The number with fewest decimals above `low` and up to `high`."""
    for digits in range(1, 7):
        scale = 10.0**digits
        found = math.floor(high * scale) / scale
        if low < found <= high:
            return found
    return high
