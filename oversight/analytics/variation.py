"""How much units, or clinicians, differ in what they override, and which differ by more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions
from oversight.proportions import Proportion, proportion
from oversight.statistics.estimate import Estimate
from oversight.statistics.funnel import MINIMUM_TOTAL, Funnel, FunnelPoint, funnel
from oversight.statistics.refused import Refused
from oversight.statistics.shrinkage import ShrunkenRates, shrunken_rates


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit or clinician with enough answers, its place in the funnel, and its rate drawn to that of all.

    `silent` are those of its shown cards that nobody answered; `rate` is never to be shown without.
    `point` and `shrunken` are None where the funnel or the shrunken rates are refused.
    """

    key: str
    rate: Proportion
    silent: Proportion
    point: FunnelPoint | None
    shrunken: Estimate | None


@dataclass(frozen=True, slots=True)
class Variation:
    """Those with `MINIMUM_TOTAL` answers or more; `left_out` have fewer, and stand in no figure."""

    units: tuple[Unit, ...]
    left_out: int
    funnel: Funnel | Refused
    shrunken: ShrunkenRates | Refused


@dataclass(frozen=True, slots=True)
class People:
    """Whom the cards of a group were shown to and about: different clinicians and patients."""

    clinicians: int
    patients: int


_COUNTS = """
SELECT CAST({by} AS VARCHAR), count(*) FILTER (outcome = 'overridden') AS overridden,
  count(*) FILTER (outcome IN ('accepted', 'overridden')) AS answered, count(*) FILTER (outcome IS NULL), count(*)
FROM event WHERE card AND {where} AND {by} <> '' GROUP BY 1 HAVING answered > 0 ORDER BY 1
"""
_PEOPLE = """
SELECT CAST({by} AS VARCHAR), count(DISTINCT clinician) FILTER (clinician <> ''), count(DISTINCT (client, patient))
FROM event WHERE card AND {where} GROUP BY 1
"""


def variation(mart: Questions, selection: Selection, by: By) -> Variation:
    """Between the units, or whatever else `by` says, of a selection."""
    where, values = selection.where()
    rows = mart.rows(_COUNTS.format(by=by.value, where=where), values)
    kept = [row for row in rows if row[2] >= MINIMUM_TOTAL]
    counts = np.array([row[1] for row in kept], dtype=np.int64)
    totals = np.array([row[2] for row in kept], dtype=np.int64)
    plot, rates = funnel(counts, totals), shrunken_rates(counts, totals)
    units = tuple(_unit(place, row, plot, rates) for place, row in enumerate(kept))
    return Variation(units, len(rows) - len(kept), plot, rates)


def _unit(
    place: int, row: tuple[str, int, int, int, int], plot: Funnel | Refused, rates: ShrunkenRates | Refused
) -> Unit:
    """One of them. Every one has a card, so its place is the same in all results."""
    rate, silent = proportion(row[1], row[2]), proportion(row[3], row[4])
    if rate is None or silent is None:
        raise ValueError("a unit without an answer")
    point = None if isinstance(plot, Refused) else plot.points[place]
    shrunken = None if isinstance(rates, Refused) else rates.units[place].shrunken
    return Unit(row[0], rate, silent, point, shrunken)


def people(mart: Questions, selection: Selection, by: By) -> dict[str, People]:
    """How many people the cards of each group were about. To be shown from eleven on."""
    where, values = selection.where()
    return {key: People(*counts) for key, *counts in mart.rows(_PEOPLE.format(by=by.value, where=where), values)}
