"""The cards that a plan is about, out of the mart, and the stratum of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.reviews.plan import Grouping, Response, ReviewPlan
from oversight.statistics.suppression import SMALLEST_SHOWN
from oversight.tallies import Period

Integers = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
Label = tuple[str, ...]

OTHERS = "others"
_THIRDS = (1 / 3, 2 / 3)
_CARDS = """
SELECT sequence, probability, coalesce(CAST(tier AS VARCHAR), '') AS tier, CAST(unit_name AS VARCHAR) AS unit,
  coalesce(outcome, 'unanswered') AS response, coalesce(reason_display, reason, '') AS reason
FROM event
WHERE card AND sequence <= $entry AND coalesce(outcome, 'unanswered') IN ({responses}) AND {where} ORDER BY sequence
"""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Cards by their sequence in the ledger, ascending, each with the place of its stratum in `labels`.

    A label has one word for each grouping of the plan. No stratum is empty.
    """

    sequences: Integers
    strata: Integers
    labels: tuple[Label, ...]


def population(mart: Questions, plan: ReviewPlan) -> Population:
    """All cards of a plan. Units and reasons of fewer than eleven cards are one group, "others"."""
    where, values = Selection(Period(plan.first, plan.last), service=plan.service).where()
    responses = ", ".join(f"'{response.value}'" for response in plan.responses)
    found = mart.arrays(_CARDS.format(responses=responses, where=where), values | {"entry": plan.entry})
    sequences = found["sequence"].astype(np.int64)
    columns = [_LABELLED[grouping](found) for grouping in plan.groupings]
    labels, strata = _numbered(columns, len(sequences))
    return Population(sequences, strata, labels)


def _numbered(columns: list[Texts], number: int) -> tuple[tuple[Label, ...], Integers]:
    """The different rows in order, and the place of each row among them."""
    if not columns:
        return ((),) if number else (), np.zeros(number, dtype=np.int64)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    labels = tuple(sorted(set(rows)))
    places = {label: place for place, label in enumerate(labels)}
    return labels, np.array([places[row] for row in rows], dtype=np.int64)


def _risks(found: dict[str, Any]) -> Texts:
    """Thirds of the risk at whole percents; where a service gives no risk, its tiers."""
    risk = np.ma.filled(found["probability"].astype(np.float64), np.nan)
    if not len(risk) or bool(np.isnan(risk).any()):
        return np.array([f"tier {tier or 'not told'}" for tier in found["tier"]], dtype=object)
    edges = np.unique(np.round(np.quantile(risk, _THIRDS), 2))
    ends = [f"{100 * edge:.0f} %" for edge in edges]
    words = [f"risk below {ends[0]}", *(f"risk {low} to {high}" for low, high in pairwise(ends))]
    words.append(f"risk from {ends[-1]}")
    return np.asarray(np.array(words, dtype=object)[np.digitize(risk, edges)], dtype=object)


def _responses(found: dict[str, Any]) -> Texts:
    """What became of each card."""
    return np.array([str(each) for each in found["response"]], dtype=object)


def _units(found: dict[str, Any]) -> Texts:
    """Where each card was shown."""
    return _few_together(np.array([str(each or "") or "unit not told" for each in found["unit"]], dtype=object))


def _reasons(found: dict[str, Any]) -> Texts:
    """Why each card was overridden."""
    words = [
        (str(reason) or "no reason given") if response == Response.OVERRIDDEN else "not overridden"
        for reason, response in zip(found["reason"], found["response"], strict=True)
    ]
    return _few_together(np.array(words, dtype=object))


def _few_together(words: Texts) -> Texts:
    """Words of fewer than eleven cards become one."""
    known, places, numbers = np.unique(words.astype(str), return_inverse=True, return_counts=True)
    shown = np.where(numbers < SMALLEST_SHOWN, OTHERS, known).astype(object)
    return np.asarray(shown[places], dtype=object)


_LABELLED: dict[Grouping, Callable[[dict[str, Any]], Texts]] = {
    Grouping.RISK: _risks,
    Grouping.RESPONSE: _responses,
    Grouping.UNIT: _units,
    Grouping.REASON: _reasons,
}
