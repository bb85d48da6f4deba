"""The figures of `equity.csv` for one service: which groups they hide, and how a line says them.

Everything is exact here, so what is hidden has to stand by itself. All attributes and their intersections are one
table (`pair_cells`), over all questions to the model; each family of rates hides what the core of cards and answers
hides, and more. What two families leave between them is protected too: the model is judged over the first assessments
of stays, and what these leave of the cards and of the other assessments is a count like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from oversight.analytics.equity import judged_groups
from oversight.analytics.equity_rates import families
from oversight.analytics.equity_rows import EquityRows
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.equity import EquityReport, Family, Flags, GroupRate, Rate, counts_of, equity_families
from oversight.statistics.equity_groups import Floats, Group
from oversight.statistics.equity_models import GroupFigure, confusion_rates, observed_expected
from oversight.statistics.equity_pairs import PairCells, pair_cells
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import HIDDEN

MODEL = ("TPR", "FPR", "PPV", "NPV", "TNR", "FNR", "accuracy", "event rate")
OBSERVED_EXPECTED = "observed over expected"


@dataclass(frozen=True, slots=True)
class Line:
    """A group and the cells from `measure` on."""

    group: Group
    cells: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """All lines of a service, by measure; `notes` say which attributes are not crossed, and why."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Which rows are judged, had the event, had a card, and their risk (0 of others); all (rows,)."""

    there: Flags
    outcome: Flags
    alerted: Flags
    risk: Floats


def told(
    mart: Questions, selection: Selection, rows: EquityRows, question: OutcomeQuestion | None, reasons: Sequence[str]
) -> Told | Refused:
    """One service by all its attributes; `reasons` are the codes that are told by name."""
    table = pair_cells(list(rows.attributes.values()))
    if isinstance(table, Refused):
        return table
    codes = [code for code, _ in rows.reasons]
    families_of = list(families(rows, [codes.index(code) for code in reasons if code in codes]))
    judged = _judged(mart, selection, rows, question)
    if judged is not None:
        families_of.append(_of_model(rows, judged))
    found = equity_families(table, families_of, hide_small_cases=True)
    lines = [line for family in found for report in family.reports for line in _of_report(report)]
    if judged is not None:
        lines += _of_risks(table, judged, found[-1].hidden)
    return Told(tuple(lines), table.uncrossed)


def _judged(
    mart: Questions, selection: Selection, rows: EquityRows, question: OutcomeQuestion | None
) -> _Judged | None:
    """None where no outcome is known."""
    found = judged_groups(mart, selection, question, rows)
    if isinstance(found, Refused) or not len(found.places):
        return None
    there, outcome, alerted = (np.zeros(len(rows.sequence), dtype=np.bool_) for _ in range(3))
    risk = np.zeros(len(rows.sequence))
    there[found.places] = True
    outcome[found.places], alerted[found.places], risk[found.places] = found.outcome, found.alerted, found.risk
    return _Judged(there, outcome, alerted, risk)


def _of_model(rows: EquityRows, judged: _Judged) -> Family:
    """The rates among those who are judged, and what these leave of the cards and of the other assessments."""
    among = [
        _among(rate, judged.there) for rate in confusion_rates(judged.outcome, judged.alerted) if rate.name in MODEL
    ]
    left = (Rate("", judged.there, rows.card), Rate("", judged.there, rows.assessed & ~rows.card))
    return Family(tuple(among), left)


def _among(rate: Rate, there: Flags) -> Rate:
    """The same rate, of some rows only."""
    return Rate(rate.name, rate.cases, there if rate.among is None else rate.among & there)


def _of_report(report: EquityReport) -> Iterator[Line]:
    """Everybody, then the groups."""
    for each in (report.overall, *report.groups):
        yield Line(each.group, (report.name, *_rate(report, each)))


def _rate(report: EquityReport, each: GroupRate) -> tuple[object, ...]:
    """The cells of one group."""
    reference = bool(each.group) and each.reference
    if isinstance(each.rate, Refused):
        hidden = [report.hidden_as or None if each.rate.reason == HIDDEN else None] * 5
        return (*hidden, reference, *[None] * 6, each.rate.reason)
    rate = each.rate
    note = each.difference.reason if isinstance(each.difference, Refused) else None
    shares = (rate.count, rate.total, rate.value, rate.low, rate.high)
    return (*shares, reference, *_ends(each.difference), *_ends(each.ratio), note)


def _ends(found: Estimate | Refused | None) -> tuple[float | None, ...]:
    """A figure and the ends of its interval, or nothing."""
    return (found.value, found.low, found.high) if isinstance(found, Estimate) else (None, None, None)


def _of_risks(table: PairCells, judged: _Judged, hidden: Flags) -> Iterator[Line]:
    """Observed over expected of each group."""
    events, _ = counts_of(table, Rate("", judged.outcome, judged.there))
    expected = dict(zip(table.groups, zip(events, table.count(judged.risk), strict=True), strict=True))
    found = observed_expected(table, judged.outcome, judged.risk, hidden, judged.there)
    compared = {_named(each.group) for each in found if each.compared is not None}
    for each in found:
        yield Line(each.group, (OBSERVED_EXPECTED, *_risk(each, *expected[each.group], _named(each.group) in compared)))


def _named(group: Group) -> tuple[str, ...]:
    """The attributes of a group."""
    return tuple(name for name, _ in group)


def _risk(each: GroupFigure, events: float, expected: float, compared: bool) -> tuple[object, ...]:
    """The cells of one group; the reference is the one that others are compared with."""
    if isinstance(each.rows, Refused):
        return (*["hidden"] * 5, False, *[None] * 6, each.rows.reason)
    reference = bool(each.group) and compared and each.compared is None and isinstance(each.figure, Estimate)
    note = each.figure.reason if isinstance(each.figure, Refused) else None
    shares = (int(events), float(expected), *_ends(None if isinstance(each.figure, Refused) else each.figure))
    return (*shares, reference, None, None, None, *_ends(each.compared), note)
