"""`equity.csv`: cards and answers by group of patients, for each service, in whole weeks.

The rates are those of `oversight.analytics.equity`; here groups with few cases, or few others, are hidden too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from oversight.analytics.equity import ACCEPTANCE, OVERRIDE, SELECTION, SILENCE
from oversight.analytics.equity_rows import EquityRows, attribute_labels, equity_rows
from oversight.analytics.funnel import funnels
from oversight.analytics.selection import By, Selection
from oversight.exports.columns import Column, Kind, Table, share_columns
from oversight.mart.mart import Questions
from oversight.statistics.equity import EquityReport, GroupRate, Rate, equity
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import HIDDEN
from oversight.tallies import Period

_T, _I, _N = Kind.TEXT, Kind.INTEGER, Kind.NUMBER
EVERYBODY = "(all)"
EQUITY = Table(
    "equity.csv",
    (
        Column("service", _T, "", "The service", "advice.service"),
        Column("first", Kind.DAY, "UTC day", "The first day: the Monday of the period's first week", "made here"),
        Column("last", Kind.DAY, "UTC day", "The last day: the last Sunday of the period", "made here"),
        Column("attribute", _T, "", "What patients are grouped by", "patient_group.attribute"),
        Column("group", _T, "", f"The group; {EVERYBODY} for everybody", "patient_group.value"),
        Column("measure", _T, "", f"One of: {SELECTION}, {OVERRIDE}, {ACCEPTANCE}, {SILENCE}", "made here"),
        Column("number", _I, "", "How many of them", "advice, feedback"),
        Column("total", _I, "", "Of how many: assessments, answered cards, cards, cards", "advice, feedback"),
        *share_columns("share", "number / total", "made here"),
        Column("reference", Kind.FLAG, "", "Whether the others are compared with this group, the largest", "made here"),
        Column("difference", _N, "-1 to 1", "share minus that of the reference group", "made here"),
        Column("difference_low", _N, "-1 to 1", "Lower end of its 95 % interval", "Newcombe 1998"),
        Column("difference_high", _N, "-1 to 1", "Upper end of its 95 % interval", "Newcombe 1998"),
        Column("note", _T, "", "Why there is no figure", "made here"),
    ),
)


def equity_lines(mart: Questions, selection: Selection) -> Iterator[tuple[object, ...]]:
    """The rows of `EQUITY`; none where no groups of patients have been loaded. The mart must not have been narrowed."""
    labels = attribute_labels(mart)
    weeks = replace(selection, period=_whole_weeks(selection.period))
    for service in [each.key for each in funnels(mart, weeks, By.SERVICE)] if labels else []:
        rows = equity_rows(mart, replace(weeks, service=service), labels)
        for name in labels:
            begin = (service, weeks.period.first, weeks.period.last, name)
            reports = equity([rows.attributes[name]], _rates(rows), hide_small_cases=True)
            if isinstance(reports, Refused):
                yield (*begin, *[None] * (len(EQUITY.columns) - len(begin) - 1), reports.reason)
                continue
            for report in reports:
                for each in (report.overall, *report.groups):
                    yield (*begin, *_line(report, each))


def _rates(rows: EquityRows) -> tuple[Rate, ...]:
    """Cards per assessment, and what was done with them."""
    answered = rows.overridden | rows.accepted
    return (
        Rate(SELECTION, rows.card),
        Rate(OVERRIDE, rows.overridden, answered),
        Rate(ACCEPTANCE, rows.accepted, rows.card),
        Rate(SILENCE, ~answered, rows.card),
    )


def _line(report: EquityReport, each: GroupRate) -> tuple[object, ...]:
    """One group and measure."""
    group = ", ".join(label for _, label in each.group) or EVERYBODY
    if isinstance(each.rate, Refused):
        hidden = [report.hidden_as or None if each.rate.reason == HIDDEN else None] * 5
        return (group, report.name, *hidden, bool(each.group) and each.reference, None, None, None, each.rate.reason)
    rate, change = each.rate, each.difference
    ends = (change.value, change.low, change.high) if isinstance(change, Estimate) else (None, None, None)
    note = change.reason if isinstance(change, Refused) else None
    shares = (rate.count, rate.total, rate.value, rate.low, rate.high)
    return (group, report.name, *shares, bool(each.group) and each.reference, *ends, note)


def _whole_weeks(period: Period) -> Period:
    """As the page of equity: two exports differ by weeks, never by a day."""
    first = period.first - timedelta(days=period.first.weekday())
    sunday = period.last.toordinal() - (period.last.weekday() + 1) % 7
    # The last days that there are end in the middle of a week.
    return Period(first, date.fromordinal(min(max(sunday, first.toordinal() + 6), date.max.toordinal())))
