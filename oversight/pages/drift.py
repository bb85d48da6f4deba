"""`GET /oversight/drift`: what has changed in the values, risks, reasons and feeds of one service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from hashlib import sha256

import numpy as np
from flask import current_app
from werkzeug.datastructures import MultiDict

from oversight.analytics.drift import RISK, Column, Drift, drift
from oversight.analytics.drift_rows import SAMPLE, DriftRows, drift_rows
from oversight.analytics.drift_words import MOST_SENTENCES, inputs_moved, told, verdict
from oversight.analytics.events_now import events_now
from oversight.analytics.explained import LEAST_SHARE, explained
from oversight.analytics.feeds import IN_TIME_HOURS, feeds
from oversight.mart.mart import Questions
from oversight.pages.frame import Asked, Page
from oversight.pages.outcome_asked import Own
from oversight.pages.pictures.drift_picture import Line, agreement_line, effects, median_line, raised_columns
from oversight.pages.query import day_of
from oversight.pages.view import View, repeated
from oversight.statistics.drift import USUAL, Finding, Level, Measure
from oversight.statistics.drift_categories import CategoryDrift
from oversight.statistics.drift_numeric import NumericDrift
from oversight.statistics.explanation_drift import LEAST_ROWS
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN

USUAL_DAYS = 28
MOST_NEW = 3


@dataclass(frozen=True, slots=True)
class Split:
    """The service, and the day from which on entries are held against those of the period before it."""

    service: str | None
    since: date


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A column of numbers with its findings; None where one could not be made."""

    column: Column
    shape: Finding | None
    missing: Finding | None


@dataclass(frozen=True, slots=True)
class MixRow:
    """A column of categories with its findings, and what is new in it."""

    column: Column
    mix: Finding | None
    missing: Finding | None
    novelty: Finding | None
    new: str


@dataclass(frozen=True, slots=True)
class UnitCell:
    """A column in one unit of the hospital; None where there is no figure, or nothing to tell of missing values."""

    column: Column | None
    shape: Finding | None
    missing: Finding | None


def ask(args: MultiDict[str, str], view: View) -> object | list[str]:
    """The service, and where the page's period is divided: four weeks before its end unless somebody says.

    For who gets whole weeks it is divided where a stretch of weeks begins: else a day would follow from two divisions.
    """
    faults = repeated(args, ("since",))
    period = view.selection.period
    # As numbers: the calendar has an end on either side.
    first, last = period.first.toordinal(), period.last.toordinal()
    usual = date.fromordinal(max(last - USUAL_DAYS + 1, min(first + 1, last)))
    since = day_of(args.get("since"), "since", usual, faults)
    if view.weeks is not None:
        since = view.weeks.divided(period, since)
    elif not faults and args.get("since") and not period.first < since <= period.last:
        faults.append("“since” must lie within the period, after its first day.")
    known = view.choices["service"]
    return faults or Split(view.selection.service or (known[0] if len(known) == 1 else None), since)


def figures(outcomes: Own, mart: Questions, asked: Asked) -> Mapping[str, object]:
    """Everything that the template draws; of no service only the list of services."""
    split: Split = asked.own
    if split.service is None:
        return {"service": None, "split": split}
    selection = replace(asked.view.selection, service=split.service)
    rows = drift_rows(mart, selection, split.since)
    found = drift(mart, rows, USUAL, _rng(split.service, split.since))
    common = {"service": split.service, "split": split, "rows": rows, "found": found, "sample": SAMPLE}
    if isinstance(found, Refused):
        return common
    said = told(found, rows)
    reasons = explained(rows, found.version)
    return common | {
        "verdict": verdict(found, said),
        "loud": any(each.finding.level is Level.ALARM for each in said),
        "said": said[1 : MOST_SENTENCES + 1],
        "more": max(0, len(said) - MOST_SENTENCES - 1),
        "effects": effects(found.report.findings),
        "lines": _lines(rows, found, split.since),
        "numbers": _numbers(found),
        "mixes": _mixes(found),
        "by_unit": _by_unit(found),
        "reasons": reasons,
        "least_share": LEAST_SHARE,
        "least_stays": LEAST_ROWS,
        "agreement": None if isinstance(reasons, Refused) else agreement_line(reasons, split.since),
        "feeds": feeds(mart, rows),
        "events": events_now(mart, selection, split.since, outcomes.get(split.service), inputs_moved(found, said)),
        "smallest": SMALLEST_SHOWN,
        "in_time": IN_TIME_HOURS,
        "outcomes": "oversight.outcomes" in current_app.view_functions,
    }


def _lines(rows: DriftRows, found: Drift, since: date) -> list[Line]:
    """The weekly medians of what moved."""
    made = [median_line(rows, column, found.version, since) for column in raised_columns(found)]
    return [line for line in made if line is not None]


def _numbers(found: Drift) -> list[NumberRow]:
    """Columns of numbers in the order of how far they moved."""
    by = _by_column(found.report.findings)
    rows = [
        NumberRow(column, by.get((name, Measure.DISTRIBUTION)), by.get((name, Measure.MISSING)))
        for name, column in found.columns.items()
        if isinstance(column.drift, NumericDrift)
    ]
    return sorted(rows, key=lambda row: -(row.shape.effect if row.shape else -1.0))


def _mixes(found: Drift) -> list[MixRow]:
    """Columns of categories."""
    by = _by_column(found.report.findings)
    return [
        MixRow(
            column=column,
            mix=by.get((name, Measure.DISTRIBUTION)),
            missing=by.get((name, Measure.MISSING)),
            novelty=by.get((name, Measure.NOVELTY)),
            new=_new(column.drift),
        )
        for name, column in found.columns.items()
        if isinstance(column.drift, CategoryDrift)
    ]


def _new(moved: CategoryDrift) -> str:
    """The new categories that enough stays have to be named."""
    if isinstance(moved.novelty, Refused):
        return ""
    return ", ".join(name for name, number in moved.novelty.categories[:MOST_NEW] if number >= SMALLEST_SHOWN)


def _by_unit(found: Drift) -> tuple[list[str], list[tuple[str, list[UnitCell]]]]:
    """For each column of numbers one row, with what was found of it in each unit."""
    by = _by_column(found.unit_report.findings)
    names = [name for name, column in found.columns.items() if isinstance(column.drift, NumericDrift)]
    names.sort(key=lambda name: name != RISK)
    rows = []
    for name in names:
        cells = [f"{name} in {unit}" for unit in found.units]
        rows.append((name, [_cell(by, found.by_unit.get(cell), cell) for cell in cells]))
    return list(found.units), rows


def _cell(by: Mapping[tuple[str, Measure], Finding], column: Column | None, name: str) -> UnitCell:
    """One column in one unit; the missing share only where it is raised."""
    missing = by.get((name, Measure.MISSING))
    loud = missing if missing is not None and missing.level is not Level.NONE else None
    return UnitCell(column, by.get((name, Measure.DISTRIBUTION)), loud)


def _by_column(findings: tuple[Finding, ...]) -> dict[tuple[str, Measure], Finding]:
    """Findings by what they are of."""
    return {(each.column, each.measure): each for each in findings}


def _rng(*parts: object) -> np.random.Generator:
    """The same question draws the same rows."""
    return np.random.default_rng(int.from_bytes(sha256("\0".join(map(str, parts)).encode()).digest()[:8]))


def drift_page(outcomes: Own) -> Page:
    """The page; `outcomes` says what each service is judged by. It asks the columns itself, so nothing is laid out."""
    drawn = partial(figures, outcomes)
    return Page("drift", "oversight/drift.html", drawn, ask=ask, reads=lambda _asked: None, one_service=True)
