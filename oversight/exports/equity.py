"""`equity.csv`: advice, answers and the model by group of patients, for each service, in whole weeks.

The rates are those of `oversight.analytics.equity_rates` and of `oversight.statistics.equity_models`; here groups with
few cases, or few others, are hidden too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from oversight.analytics.equity_rates import (
    ACCEPTANCE,
    ACTED,
    ANOTHER_REASON,
    NOT_ASSESSED,
    OVERRIDE,
    REFLEX,
    REPEATED,
    SELECTION,
    SILENCE,
    WITHHELD,
)
from oversight.analytics.equity_rows import attribute_labels, equity_rows
from oversight.analytics.funnel import funnels
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import By, Selection
from oversight.analytics.told_weeks import whole_weeks
from oversight.exports.columns import Column, Kind, Table
from oversight.exports.equity_lines import MODEL, OBSERVED_EXPECTED, told
from oversight.exports.of_few import WHY, hidden_services
from oversight.exports.reasons import reason_rows
from oversight.mart.mart import Questions
from oversight.statistics.equity_groups import Group
from oversight.statistics.refused import Refused

_T, _I, _N = Kind.TEXT, Kind.INTEGER, Kind.NUMBER
EVERYBODY = "(all)"
# The commonest reasons by name, the rest together: the more are told apart, the more groups have to be hidden.
REASONS_TOLD = 3
_MEASURES = ", ".join((
    SELECTION, OVERRIDE, ACCEPTANCE, SILENCE, NOT_ASSESSED, WITHHELD, REPEATED, ACTED, REFLEX,
    f"reason: and a code of reasons.csv, {ANOTHER_REASON}", *MODEL, OBSERVED_EXPECTED,
))  # fmt: skip
EQUITY = Table(
    "equity.csv",
    (
        Column("service", _T, "", "The service", "advice.service"),
        Column("first", Kind.DAY, "UTC day", "The first day: the Monday of the period's first week", "made here"),
        Column("last", Kind.DAY, "UTC day", "The last day: the last Sunday of the period", "made here"),
        Column("attribute", _T, "", "What patients are grouped by", "patient_group.attribute"),
        Column("group", _T, "", f"The group; {EVERYBODY} for everybody", "patient_group.value"),
        Column("and_attribute", _T, "", "What they are grouped by besides; empty for one attribute alone",
               "patient_group.attribute"),
        Column("and_group", _T, "", "The group of that attribute", "patient_group.value"),
        Column("measure", _T, "", f"One of: {_MEASURES}", "made here"),
        Column("number", _I, "", "How many of them; of observed over expected the events", "advice, feedback, outcome"),
        Column("total", _N, "", "Of how many: assessments, answered cards, cards, cards, questions, cards with those "
               "that were withheld, cards, cards, overrides with a time, overrides; of a model the stays whose outcome "
               "is known, with or without the event or a card; of observed over expected the sum of the risks",
               "advice, feedback, outcome"),
        Column("share", _N, "0 to 1", "number / total; of observed over expected from 0 on", "made here"),
        Column("share_low", _N, "0 to 1", "Lower end of its 95 % interval",
               "Wilson 1927, score interval; observed over expected: linearised, on the log scale"),
        Column("share_high", _N, "0 to 1", "Upper end of its 95 % interval",
               "Wilson 1927, score interval; observed over expected: linearised, on the log scale"),
        Column("reference", Kind.FLAG, "", "Whether the others are compared with this group, the largest", "made here"),
        Column("difference", _N, "-1 to 1", "share minus that of the reference group", "made here"),
        Column("difference_low", _N, "-1 to 1", "Lower end of its 95 % interval", "Newcombe 1998"),
        Column("difference_high", _N, "-1 to 1", "Upper end of its 95 % interval", "Newcombe 1998"),
        Column("ratio", _N, "", "share / that of the reference group; empty where either is 0", "made here"),
        Column("ratio_low", _N, "", "Lower end of its 95 % interval", "Katz 1978"),
        Column("ratio_high", _N, "", "Upper end of its 95 % interval", "Katz 1978"),
        Column("note", _T, "", "Why there is no figure", "made here"),
    ),
)  # fmt: skip
_GROUPED = 4


def equity_lines(
    mart: Questions, selection: Selection, outcomes: Mapping[str, OutcomeQuestion]
) -> Iterator[tuple[object, ...]]:
    """The rows of `EQUITY`; none where no groups of patients have been loaded. The mart must not have been narrowed.

    `outcomes` says by which outcome each service's model is judged; of others nothing is said of the model.
    """
    labels = attribute_labels(mart)
    weeks = replace(selection, period=whole_weeks(selection.period))
    without = hidden_services(mart, weeks) if labels else frozenset()
    for service in [each.key for each in funnels(mart, weeks, By.SERVICE)] if labels else []:
        asked = replace(weeks, service=service)
        begin = (service, weeks.period.first, weeks.period.last)
        empty = [None] * (len(EQUITY.columns) - len(begin) - 1)
        if service in without:
            yield (*begin, *empty, f"hidden: {WHY}")
            continue
        rows = equity_rows(mart, asked, labels)
        if not len(rows.sequence):
            continue
        found = told(mart, asked, rows, outcomes.get(service), _reasons(mart, asked))
        if isinstance(found, Refused):
            yield (*begin, *empty, found.reason)
            continue
        for name in labels:
            alone = [line for line in found.lines if [each for each, _ in line.group] in ([], [name])]
            yield from ((*begin, *_groups(line.group, name), *line.cells) for line in alone)
        yield from ((*begin, *_groups(line.group), *line.cells) for line in found.lines if len(line.group) > 1)
        yield from ((*begin, *empty, note) for note in found.notes)


def _groups(group: Group, name: str = "") -> tuple[str | None, ...]:
    """The columns of the groups; `name` is the attribute of everybody."""
    named = [part for pair in group or ((name, EVERYBODY),) for part in pair]
    return (*named, *[None] * (_GROUPED - len(named)))


def _reasons(mart: Questions, selection: Selection) -> list[str]:
    """The codes that are told: only those of which `reasons.csv` tells the number too, the commonest first."""
    rows = [row for row in reason_rows(mart, selection) if row[0] == selection.service and row[1]]
    numbers = {str(row[1]): row[3] for row in rows if isinstance(row[3], int) and row[3]}
    return sorted(numbers, key=lambda code: -numbers[code])[:REASONS_TOLD]
