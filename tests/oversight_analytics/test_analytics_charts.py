"""The weekly chart and the differences between units: counts as they are, phases at new versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from oversight.analytics.burden import burden
from oversight.analytics.charts import VersionChange, mondays, version_changes, weekly_chart
from oversight.analytics.funnel import funnel, funnels
from oversight.analytics.narrowed import narrow
from oversight.analytics.selection import By, Selection
from oversight.analytics.variation import People, people, variation
from oversight.proportions import proportion
from oversight.statistics.control_charts import laney_chart
from oversight.statistics.funnel import Position
from oversight.statistics.refused import Refused
from oversight.tallies import Period

WEEKS = 20


def each_week(rng: np.random.Generator, rates: list[float], cards: int = 200) -> tuple[dict, dict]:
    """So many answered cards in each week; the second half of the weeks is of another version."""
    number = cards * len(rates)
    week = np.repeat(np.arange(len(rates)), cards)
    version = np.where(week < len(rates) // 2, "1.0.0", "1.1.0").astype(object)
    outcome = np.where(rng.random(number) < np.array(rates)[week], "overridden", "accepted").astype(object)
    return {"days": week * 7, "model_version": version}, {"about": np.arange(1, number + 1), "outcome": outcome}


def test_each_week_has_its_counts_and_each_version_its_limits(make_mart, period) -> None:
    """The chart is Laney's of the counted weeks, with a phase for each version."""
    period = replace(period, last=period.first + timedelta(days=7 * WEEKS - 1))
    advice, answers = each_week(np.random.default_rng(1), [0.5] * 10 + [0.3] * 10)
    with make_mart(200 * WEEKS, advice, answers) as mart:
        found = weekly_chart(mart, Selection(period))
        again = funnels(mart, Selection(period), By.WEEK)
    assert [(week.start.isoformat(), week.answered, week.overridden) for week in found.weeks] == [
        (one.key, one.answered, one.overridden) for one in again
    ]
    assert found.changes == (VersionChange(period.first + timedelta(days=70), "icu-mortality", "1.1.0"),)
    counts, totals = (np.array([getattr(week, name) for week in found.weeks]) for name in ("overridden", "answered"))
    assert found.chart == laney_chart(counts, totals, [10])
    assert not isinstance(found.chart, Refused)
    assert len(found.chart.phases) == 2


def test_a_shift_within_a_version_is_a_signal(make_mart, period) -> None:
    """One week at half the rate."""
    period = replace(period, last=period.first + timedelta(days=7 * WEEKS - 1))
    advice, answers = each_week(np.random.default_rng(2), [0.5] * 14 + [0.2] + [0.5] * 5)
    with make_mart(200 * WEEKS, advice | {"model_version": "1.0.0"}, answers) as mart:
        found = weekly_chart(mart, Selection(period))
    assert not isinstance(found.chart, Refused)
    assert 14 in [point.place for point in found.chart.signals]


def test_weeks_without_a_card_have_their_place(make_mart, period) -> None:
    """They are empty, not left out; too few weeks are refused in words."""
    with make_mart(2, {"days": [0, 30]}, {"about": [1, 2]}) as mart:
        found = weekly_chart(mart, Selection(period))
    assert [week.answered for week in found.weeks] == [1, 0, 0, 0, 1] + [0] * 8
    assert isinstance(found.chart, Refused)


def test_weeks_begin_on_monday() -> None:
    """The first may begin before the period."""
    assert mondays(Period(date(2026, 3, 4), date(2026, 3, 9))) == (date(2026, 3, 2), date(2026, 3, 9))


def test_only_a_version_after_another_is_new(make_mart, period) -> None:
    """Each service has its own first version; what was never shown is no change."""
    advice = {
        "days": [0, 1, 2, 3],
        "service": np.array(["a", "b", "b", "a"], dtype=object),
        "model_version": np.array(["1", "1", "2", "2"], dtype=object),
        "withheld": np.array([None, None, None, "shadow"], dtype=object),
    }
    with make_mart(4, advice) as mart:
        assert version_changes(mart, Selection(period)) == (VersionChange(date(2026, 3, 4), "b", "2"),)


def test_units_lie_in_a_funnel_and_small_ones_in_no_figure(make_mart, period) -> None:
    """Twelve alike, one far above, one with three answers."""
    rng = np.random.default_rng(3)
    sizes = [200] * 13 + [3]
    unit = np.repeat([f"u{n:02d}" for n in range(14)], sizes).astype(object)
    rate = np.where(unit == "u12", 0.9, 0.4 + 0.02 * rng.standard_normal(len(unit)))
    outcome = np.where(rng.random(len(unit)) < rate, "overridden", "accepted").astype(object)
    with make_mart(len(unit), {"unit_name": unit}, {"about": np.arange(1, len(unit) + 1), "outcome": outcome}) as mart:
        found = variation(mart, Selection(period), By.UNIT)
        counts = funnels(mart, Selection(period), By.UNIT)
    assert found.left_out == 1
    assert [one.key for one in found.units] == [f"u{n:02d}" for n in range(13)]
    assert [one.rate for one in found.units] == [one.override_rate for one in counts[:13]]
    far = [one.key for one in found.units if one.point and one.point.position is Position.VERY_HIGH]
    assert far == ["u12"]
    last = found.units[-1]
    assert last.shrunken is not None
    assert found.units[0].rate.value < last.shrunken.value < last.rate.value


def test_few_units_are_refused(make_mart, period) -> None:
    """In words, without a point."""
    with make_mart(20, {}, {"about": np.arange(1, 21)}) as mart:
        found = variation(mart, Selection(period), By.UNIT)
    assert isinstance(found.funnel, Refused)
    assert isinstance(found.shrunken, Refused)
    assert found.units[0].point is None


def test_people_are_counted_once(make_mart, period) -> None:
    """Whoever got two cards, and who is nobody."""
    advice = {
        "clinician": np.array(["x", "x", "", "y"], dtype=object),
        "patient": np.array(["a", "b", "b", "a"], dtype=object),
        "unit_name": np.array(["1", "1", "1", "2"], dtype=object),
    }
    with make_mart(4, advice) as mart:
        assert people(mart, Selection(period), By.UNIT) == {"1": People(1, 2), "2": People(1, 1)}


def test_the_narrowed_entries_give_the_same_figures(make_mart, period) -> None:
    """All counts and times; entries after the last known one are left out."""
    rng = np.random.default_rng(4)
    some = lambda *names: np.array(names, dtype=object)[rng.integers(0, len(names), 500)]  # noqa: E731
    advice = {
        "days": rng.integers(0, 80, 500), "unit_name": some("u1", "u2", ""), "tier": some("red", None),
        "clinician": some("x", "y", ""), "patient": some("a", "b", "c"), "encounter": some("e", "f", None),
        "withheld": some(None, "repeat", None), "abstention": some(None, None, "too-early"),
        "hook": some("patient-view", "smart-launch"),
    }  # fmt: skip
    about = np.arange(1, 301)
    answers = {"about": about, "outcome": some("accepted", "overridden", "withdrawn")[:300]}
    with make_mart(500, advice, answers) as mart:
        whole = [
            figures(mart, selection)
            for selection in (Selection(period), Selection(period, unit_name="u1", tier="red"))
            for figures in (funnel, burden, lambda *given: [funnels(*given, by) for by in By])
        ]
        narrow(mart, Selection(period), 500)
        again = [
            figures(mart, selection)
            for selection in (Selection(period), Selection(period, unit_name="u1", tier="red"))
            for figures in (funnel, burden, lambda *given: [funnels(*given, by) for by in By])
        ]
    assert again == whole
    with make_mart(500, advice, answers) as mart:
        narrow(mart, Selection(period), 100)
        assert funnel(mart, Selection(period)).entries == 100


def test_nothing_can_be_narrowed_too(make_mart, period) -> None:
    """An empty selection has no figure and no fault."""
    with make_mart(1, {"clinician": "", "tier": None}) as mart:
        narrow(mart, Selection(period, service="none"), 0)
        assert funnel(mart, Selection(period)).entries == 0
        assert proportion(0, 0) is None
