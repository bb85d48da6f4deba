"""`GET /oversight/`: what was advised, what came of it, and whether it changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import timedelta

from oversight.analytics.burden import burden
from oversight.analytics.few_clinicians import few_by, undivided
from oversight.analytics.funnel import actions_loaded, funnel, funnels_by
from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions
from oversight.pages.control_asked import rules_asked
from oversight.pages.door.roles import Right
from oversight.pages.frame import Asked, Page
from oversight.pages.group_rows import group_rows
from oversight.pages.in_short import OpenAlerts, in_short
from oversight.pages.indicators import indicators
from oversight.pages.pictures.bars import funnel_bars
from oversight.pages.weekly_control import weekly_control
from oversight.tallies import Period

# A shorter chart would hardly have limits.
CHART_WEEKS = 26
Waiting = Callable[[str | None], OpenAlerts]
"""What is open of a service, or of all."""

OTHER_GROUPS = ((By.MODEL, "Model and version"), (By.CLIENT, "Client"), (By.WEEK, "Week"))


def chart_selection(selection: Selection) -> Selection:
    """The same entries over at least half a year, up to the end of the period."""
    last = selection.period.last
    monday = last - timedelta(days=min(last.weekday() + 7 * (CHART_WEEKS - 1), last.toordinal() - 1))
    return replace(selection, period=Period(min(monday, selection.period.first), last))


def reads(asked: Asked) -> Selection:
    """The period, the one before it, and the weeks of the chart; with the rest of each week as the service's page."""
    both, chart = asked.view.both, chart_selection(asked.view.selection)
    chosen = replace(both, period=Period(min(both.period.first, chart.period.first), both.period.last))
    return chosen if asked.person.may(Right.CLINICIANS) else undivided(chosen)


def overview_page(waiting: Waiting | None = None) -> Page:
    """The page. `waiting` says what alerts of a service, or of all, are open; None where there are no alerts."""

    def figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
        """Everything that the template draws."""
        may = waiting is not None and asked.person.may(Right.ALERTS)
        alerts = waiting(asked.view.selection.service) if waiting is not None and may else None
        return {**_figures(mart, asked), "alerts": alerts}

    return Page("overview", "oversight/overview.html", figures, ask=rules_asked, reads=reads)


def _figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
    """All but the alerts."""
    without_before = asked.view.without_before
    now, before = ((funnel(mart, one), burden(mart, one)) for one in (asked.view.selection, asked.view.before))
    actions = actions_loaded(mart)
    kinds = (By.SERVICE, *(by for by, _ in OTHER_GROUPS))
    groups = funnels_by(mart, asked.view.selection, kinds)
    may = asked.person.may(Right.CLINICIANS)
    of_few: dict[By, Collection[str]] = {} if may else {**few_by(mart, asked.view.selection, kinds)}
    chosen = chart_selection(asked.view.selection)
    control = weekly_control(mart, chosen, asked.own, weeks_of_few=may, beside=groups[By.WEEK])
    of_few[By.WEEK] = control.hidden
    return {
        "answer": in_short(now[0], before[0], without_before),
        "indicators": indicators(now, before, without_before),
        "total": now[0],
        "bars": funnel_bars(now[0], actions=actions),
        "actions": actions,
        "control": control,
        "services": group_rows(groups[By.SERVICE], of_few=of_few.get(By.SERVICE, ())),
        "others": [(name, group_rows(groups[by], of_few=of_few.get(by, ()))) for by, name in OTHER_GROUPS],
    }
