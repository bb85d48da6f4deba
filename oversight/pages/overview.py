"""`GET /oversight/`: what was advised, what came of it, and whether it changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from oversight.analytics.burden import burden
from oversight.analytics.charts import weekly_chart
from oversight.analytics.funnel import funnel, funnels
from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions
from oversight.pages.bars import funnel_bars
from oversight.pages.control_picture import control_picture, spoken, told
from oversight.pages.frame import Asked, Page
from oversight.pages.group_rows import group_rows
from oversight.pages.indicators import indicators
from oversight.tallies import Period

# A shorter chart would hardly have limits.
CHART_WEEKS = 26


def chart_selection(selection: Selection) -> Selection:
    """The same entries over at least half a year, up to the end of the period."""
    last = selection.period.last
    monday = last - timedelta(days=min(last.weekday() + 7 * (CHART_WEEKS - 1), last.toordinal() - 1))
    return replace(selection, period=Period(min(monday, selection.period.first), last))


def reads(asked: Asked) -> Selection:
    """The period, the one before it, and the weeks of the chart."""
    both, chart = asked.view.both, chart_selection(asked.view.selection)
    return replace(both, period=Period(min(both.period.first, chart.period.first), both.period.last))


def figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
    """Everything that the template draws."""
    now, before = ((funnel(mart, one), burden(mart, one)) for one in (asked.view.selection, asked.view.before))
    weekly = weekly_chart(mart, chart_selection(asked.view.selection))
    return {
        "indicators": indicators(now, before),
        "total": now[0],
        "bars": funnel_bars(now[0]),
        "weekly": weekly,
        "picture": control_picture(weekly),
        "weeks": told(weekly),
        "spoken": spoken(weekly),
        "services": group_rows(funnels(mart, asked.view.selection, By.SERVICE)),
    }


OVERVIEW = Page("overview", "oversight/overview.html", figures, reads=reads)
