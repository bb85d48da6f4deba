"""`GET /oversight/override-rates`: what clinicians did with the advice, by day, week or month."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from werkzeug.datastructures import MultiDict

from oversight.analytics.few_clinicians import few_by
from oversight.analytics.selection import By, Selection
from oversight.analytics.tallied import tallied
from oversight.mart.mart import Questions
from oversight.override_rates import Group, OverrideReport, ReasonCount, Step, bucket, override_report
from oversight.pages.door.roles import Right
from oversight.pages.frame import Asked, Page
from oversight.pages.group_rows import NONE_HIDDEN, Hidden, hidden_names, hidden_reasons
from oversight.pages.pictures.chart import override_chart
from oversight.pages.query import period_faults, told_step
from oversight.pages.view import View, repeated
from oversight.statistics.hidden_parts import Sums, few, hidden_parts
from oversight.statistics.suppression import SMALLEST_SHOWN, Integers
from oversight.tallies import Tally

_BY = {Step.DAY: By.DAY, Step.WEEK: By.WEEK, Step.MONTH: By.MONTH}


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows stand without their counts: stretches of time, services, reasons ("" for none), and openings.

    `whole`: there are so few cards in all that no row is told.
    """

    times: Hidden = NONE_HIDDEN
    services: Hidden = NONE_HIDDEN
    reasons: Hidden = NONE_HIDDEN
    openings: bool = False
    whole: bool = False


def ask(args: MultiDict[str, str], view: View) -> object | list[str]:
    """How long one stretch of time is, or the faults."""
    faults = repeated(args, ("by",))
    by = args.get("by") or Step.WEEK.value
    if by not in list(Step):
        return [*faults, "“by” must be day, week or month."]
    period = view.selection.period
    return faults + period_faults(period.first, period.last, Step(by)) or Step(by)


def figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
    """Everything that the template draws. Of the filters only dates and service hold."""
    sees_few = asked.person.may(Right.CLINICIANS)
    by = told_step(asked.own, sees_few=sees_few)
    chosen = Selection(asked.view.selection.period, service=asked.view.selection.service)
    rows = tallied(mart, chosen)
    report = override_report(rows, chosen.period, by)
    hidden = Rows() if sees_few else _hidden(mart, chosen, rows, report)
    drawn = [group for group in report.times if _name(group) not in hidden.times.names]
    return {
        "by": by,
        "steps": [step for step in Step if step is told_step(step, sees_few=sees_few)],
        "services": asked.view.choices["service"],
        "report": report,
        "hidden": hidden,
        "sees_few": sees_few,
        "told_reasons": _in_order(report.reasons, hidden.reasons),
        "chart": override_chart(drawn, chosen.period),
    }


def _hidden(mart: Questions, chosen: Selection, rows: Sequence[Tally], report: OverrideReport) -> Rows:
    """The rows of few cards, answers or clinicians, and those that would give them away."""
    kinds = (_BY[report.by], By.SERVICE, By.REASON)
    of_few = few_by(mart, chosen, (*kinds, By.WEEK) if report.by is Step.DAY else kinds)
    # What could not be assessed is in no count by which the other pages hide.
    assessed = override_report((row for row in rows if row.abstention is None), report.period, report.by)
    weeks = _weeks(report.times, assessed.times, of_few[By.WEEK]) if report.by is Step.DAY else None
    return Rows(
        times=_groups(report.times, assessed.times, of_few[_BY[report.by]], weeks),
        services=_groups(report.services, assessed.services, of_few[By.SERVICE]),
        reasons=_reasons(report.reasons, of_few[By.REASON]),
        openings=0 < report.openings.entries < SMALLEST_SHOWN,
        whole=0 < report.total.shown < SMALLEST_SHOWN or 0 < assessed.total.entries < SMALLEST_SHOWN,
    )


def _name(group: Group) -> str:
    """What tells a group from the others of its table."""
    return group.service or str(group.start)


def _groups(
    groups: Sequence[Group], assessed: Sequence[Group], of_few: Collection[str], sums: Sums | None = None
) -> Hidden:
    """The services, or the stretches of time."""
    answered = np.array([group.counts.answered for group in groups], dtype=np.int64)
    return hidden_names([_name(each) for each in groups], [*_sizes(groups, assessed), answered], of_few, sums)


def _sizes(groups: Sequence[Group], assessed: Sequence[Group]) -> tuple[Integers, Integers]:
    """What was assessed and what was shown of each."""
    entries = {_name(group): group.counts.entries for group in assessed}
    return (
        np.array([entries.get(_name(group), 0) for group in groups], dtype=np.int64),
        np.array([group.counts.shown for group in groups], dtype=np.int64),
    )


def _weeks(days: Sequence[Group], assessed: Sequence[Group], of_few: Collection[str]) -> Sums:
    """The weeks of days: other pages tell their sums, but for those that they hide."""
    monday = [str(bucket(day.start, Step.WEEK)) for day in days if day.start]
    weeks, of = np.unique(monday, return_inverse=True)
    entries, cards = (np.bincount(of, each, len(weeks)).astype(np.int64) for each in _sizes(days, assessed))
    small = few(entries) | few(cards) | np.array([week in of_few for week in weeks.tolist()], dtype=np.bool_)
    return Sums(of, hidden_parts(entries, small)[0])


def _in_order(reasons: Sequence[ReasonCount], hidden: Hidden) -> Sequence[ReasonCount]:
    """The most frequent first; the hidden ones last, in the order of their codes, which tells nothing."""
    codes = [row.reason.code if row.reason else "" for row in reasons]
    places = [place for place, code in enumerate(codes) if code not in hidden.names]
    places += sorted((place for place, code in enumerate(codes) if code in hidden.names), key=codes.__getitem__)
    return [reasons[place] for place in places]


def _reasons(reasons: Sequence[ReasonCount], of_few: Collection[str]) -> Hidden:
    """The reasons, as on the page of reasons."""
    numbers = {row.reason.code if row.reason else "": 0 for row in reasons}
    for row in reasons:
        numbers[row.reason.code if row.reason else ""] += row.number
    return hidden_reasons(numbers, of_few)


# One question of all columns: to lay the entries out first would take longer.
OVERRIDE_RATES = Page(
    "override rates",
    "oversight/override_rates.html",
    figures,
    ask=ask,
    reads=lambda _asked: None,
    unfiltered=True,
)
