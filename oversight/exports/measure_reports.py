"""FHIR R4 summary `MeasureReport`: the figures of a period, in all and by unit, role and service.

As on the pages, what is told of the whole period stands in plain counts. A group of few cards or clinicians, or one
that would give such a group away, stands as "masked" (data-absent-reason) in all its counts and scores: so a rate never
goes without the silence beside it. Nobody is named in a report, and there are no reports about single patients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from oversight.analytics.few_clinicians import groups_of_few
from oversight.analytics.funnel import Funnel, funnel, funnels
from oversight.analytics.hidden_groups import hidden_groups
from oversight.analytics.selection import By, Selection
from oversight.exports.grid import ANSWERS, Grid
from oversight.exports.measures import METRICS, STRATIFIERS, VERSION, Metric, canonical, coded, resource_id
from oversight.mart.mart import Questions
from oversight.statistics.suppression import Flags, Integers, mark
from oversight.tallies import Period

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_BY = {"unit": By.UNIT, "role": By.ROLE, "service": By.SERVICE}
NOT_TOLD = "not told"
_NAMES = ("cards", "answered", *ANSWERS)


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """The counts of one stratifier's groups, protected; `keys` are their names in order."""

    keys: tuple[str, ...]
    grid: Grid


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What all reports of a period are made from."""

    period: Period
    total: Grid
    strata: dict[str, Strata]


def counted(mart: Questions, selection: Selection) -> Counted:
    """Count once; every report of the period says the same."""
    strata = {name: strata_of(mart, selection, _BY[name]) for name in STRATIFIERS}
    return Counted(selection.period, _grid([funnel(mart, selection)], np.zeros(1, dtype=np.bool_)), strata)


def strata_of(mart: Questions, selection: Selection, by: By) -> Strata:
    """Groups that were shown a card, by name.

    Over several services a group is shown where each of them shows it: else what one service hides would follow from
    the counts of all less those of the others, which stand in its own reports and in the pack.
    """
    alone = _alone(mart, selection, by)
    if selection.service is not None or by is By.SERVICE:
        return alone
    counts = alone.grid.counts
    hidden = np.zeros_like(counts, dtype=np.bool_)
    hidden[-1] = True
    for service in funnels(mart, selection, By.SERVICE):
        one = _alone(mart, replace(selection, service=service.key), by)
        for row, key in enumerate(one.keys):
            hidden[alone.keys.index(key)] |= one.grid.hidden[row]
    return Strata(alone.keys, Grid(_NAMES, counts, hidden, _word(counts[:-1], hidden[:-1])))


def _alone(mart: Questions, selection: Selection, by: By) -> Strata:
    """Groups of one selection, protected by itself, as on the pages of who may not see single clinicians.

    A file is passed on, so for nobody it has a group of few clinicians.
    """
    found = funnels(mart, selection, by)
    hidden, _ = hidden_groups(found, groups_of_few(mart, selection, by))
    shown = [place for place, each in enumerate(found) if each.cards]
    keys = tuple(found[place].key or NOT_TOLD for place in shown)
    return Strata(keys, _grid([found[place] for place in shown], hidden[shown]))


def measure_report(metric: Metric, found: Counted, base_url: str, now: datetime, ident: str) -> dict[str, Any]:
    """The report on one metric. `ident` is what tells reports of one metric apart: letters, digits and hyphens."""
    return {
        "resourceType": "MeasureReport",
        "id": f"{resource_id(metric)[len('chartside-') :]}-{ident}",
        "status": "complete",
        "type": "summary",
        "measure": f"{canonical(metric, base_url)}|{VERSION}",
        "date": now.isoformat(),
        "reporter": {"display": "Chartside, from its ledger"},
        "period": {"start": found.period.first.isoformat(), "end": found.period.last.isoformat()},
        "improvementNotation": coded("measure-improvement-notation", metric.improves),
        "group": [
            {
                "code": {"text": metric.title},
                **_counts(metric, found.total, 0),
                "stratifier": [
                    _stratifier(metric, name, strata) for name, strata in found.strata.items() if strata.keys
                ],
            }
        ],
    }


def measure_reports(found: Counted, base_url: str, now: datetime, ident: str) -> Iterator[dict[str, Any]]:
    """All of them: the override rate never goes without the no-answer share."""
    for metric in METRICS:
        yield measure_report(metric, found, base_url, now, ident)


def _grid(found: Sequence[Funnel], rows: Flags) -> Grid:
    """The cards of groups by their answers, whole rows hidden; the sum is not told here."""
    table = np.array([[getattr(each, name) for name in _NAMES] for each in found], dtype=np.int64)
    counts = np.vstack([table.reshape(len(found), len(_NAMES)), np.zeros((1, len(_NAMES)), dtype=np.int64)])
    counts[-1] = counts.sum(axis=0)
    hidden = np.repeat(np.append(rows, True)[:, np.newaxis], len(_NAMES), axis=1)
    return Grid(_NAMES, counts, hidden, _word(counts[:-1], hidden[:-1]))


def _word(counts: Integers, hidden: Flags) -> str:
    """What stands in the place of hidden counts."""
    return mark(counts.astype(np.float64), hidden) if hidden.any() else ""


def _stratifier(metric: Metric, name: str, strata: Strata) -> dict[str, Any]:
    """All groups of one kind."""
    stratum = [{"value": {"text": key}, **_counts(metric, strata.grid, row)} for row, key in enumerate(strata.keys)]
    return {"code": [{"text": name}], "stratum": stratum}


def _counts(metric: Metric, table: Grid, row: int) -> dict[str, Any]:
    """Populations and score."""
    cards, numerator = table.count(row, "cards"), table.count(row, metric.numerator)
    answered = table.count(row, "answered")
    excluded = 0 if not metric.excluded else None if cards is None or answered is None else cards - answered
    populations = [
        _population("initial-population", cards),
        _population("denominator", cards),
        _population("denominator-exclusion", excluded),
        _population("numerator", numerator),
    ]
    return {"population": populations, **_score(cards, excluded, numerator)}


def _score(cards: int | None, excluded: int | None, numerator: int | None) -> dict[str, Any]:
    """The share of what is left of the denominator; masked where a count is, nothing of nothing."""
    if cards is None or excluded is None or numerator is None:
        return {"measureScore": {"extension": [_absent("masked")]}}
    if cards == excluded:
        return {"measureScore": {"extension": [_absent("not-applicable")]}}
    value = numerator / (cards - excluded)
    return {"measureScore": {"value": value, "system": "http://unitsofmeasure.org", "code": "1"}}


def _population(code: str, count: int | None) -> dict[str, Any]:
    """A count, or that it is hidden."""
    told = {"_count": {"extension": [_absent("masked")]}} if count is None else {"count": count}
    return {"code": coded("measure-population", code), **told}


def _absent(why: str) -> dict[str, Any]:
    """Why there is no value (http://hl7.org/fhir/R4/extension-data-absent-reason.html)."""
    return {"url": ABSENT, "valueCode": why}
