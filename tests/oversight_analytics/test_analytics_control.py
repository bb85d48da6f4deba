"""Phases at new thresholds, change points with their date, rules to choose, and g charts of rare harms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from werkzeug.datastructures import MultiDict

from oversight.analytics.charts import weekly_chart
from oversight.analytics.phases import LevelChange, level_changes, phase_reasons
from oversight.analytics.rare_events import RareEvents, between_reports
from oversight.analytics.selection import Selection
from oversight.pages.control_asked import rules_asked
from oversight.pages.door.roles import Person, Role
from oversight.pages.pictures.g_picture import g_picture, gap_rows, gap_words
from oversight.pages.rare_harms import RareSources, rare_harms
from oversight.pages.weekly_control import weekly_control
from oversight.statistics.g_charts import g_chart
from oversight.statistics.refused import Refused
from oversight.statistics.rule_sets import RULE_SETS, USUAL
from oversight.statistics.rules import signals

WEEKS = 20


def service_of(rates: list[float], seed: int, **columns) -> tuple[int, dict, dict]:
    """Forty answered cards in each of twenty weeks, overridden at these rates."""
    week = np.repeat(np.arange(WEEKS), 40)
    outcome = np.where(np.random.default_rng(seed).random(week.size) < np.array(rates)[week], "overridden", "accepted")
    answers = {"about": np.arange(1, week.size + 1), "outcome": outcome.astype(object)}
    return week.size, {"days": week * 7, **columns}, answers


@pytest.fixture
def months(period):
    """The twenty weeks."""
    return replace(period, last=period.first + timedelta(days=7 * WEEKS - 1))


def test_a_new_threshold_begins_a_phase(make_mart, months) -> None:
    """A tier that begins elsewhere from week 10 on: two phases, labelled why, and told in words."""
    made = service_of([0.5] * WEEKS, 1, tier_at_least=np.repeat([0.3, 0.2], 400))
    with make_mart(*made) as mart:
        found = weekly_chart(mart, Selection(months))
        drawn = weekly_control(mart, Selection(months), USUAL)
    day = months.first + timedelta(days=70)
    assert found.levels == (LevelChange(day, "icu-mortality", "amber", 0.3, 0.2),)
    assert not isinstance(found.chart, Refused)
    assert [phase.first for phase in found.chart.phases] == [0, 10]
    assert (found.starts, found.reasons) == ((10,), ("new threshold",))
    assert [tick.text for tick in drawn.picture.starts] == ["new threshold"]
    assert f"On {day} the risk from which a level begins was changed: “amber” from 0.3 to 0.2" in drawn.spoken[0]
    assert drawn.notes[day.isoformat()] == "new threshold: limits begin anew"


def test_thresholds_of_two_clients_are_no_change(make_mart, months) -> None:
    """Each client keeps its own: nothing was moved."""
    client = np.array(["a", "b"] * 400, dtype=object)
    made = service_of([0.5] * WEEKS, 1, client=client, tier_at_least=np.tile([0.3, 0.2], 400))
    with make_mart(*made) as mart:
        assert level_changes(mart, Selection(months)) == ()


def test_a_version_and_a_threshold_in_one_week_are_one_phase() -> None:
    """With both reasons."""
    weeks = [date(2026, 3, 2) + timedelta(days=7 * n) for n in range(6)]
    assert phase_reasons(weeks, [date(2026, 3, 11)], [date(2026, 3, 16), date(2026, 3, 24)]) == {
        2: "new version, new threshold",
        4: "new threshold",
    }


def test_a_change_point_is_named_with_its_date(make_mart, months) -> None:
    """The rate halves in week 12, and nothing that is known was changed then."""
    with make_mart(*service_of([0.6] * 12 + [0.25] * 8, 3)) as mart:
        drawn = weekly_control(mart, Selection(months), USUAL)
    (said,) = (each for each in drawn.spoken if each.startswith("Change point"))
    assert "in the week of 25 May 2026, from 60.6 % of 480 answered cards" in said
    assert said.endswith("No new version and no new threshold came at that time: look for what else changed.")
    assert [tick.text for tick in drawn.picture.shifts] == ["rate changed"]
    assert drawn.notes == {"2026-05-25": "the rate changed"}


def test_a_change_point_at_a_new_version_says_so(make_mart, months) -> None:
    """The same change where a version came; without a change there is none."""
    version = np.repeat(np.array(["1", "2"], dtype=object), [480, 320])
    with make_mart(*service_of([0.6] * 12 + [0.25] * 8, 3, model_version=version)) as mart:
        drawn = weekly_control(mart, Selection(months), USUAL)
    assert any("A new version came at that time." in each for each in drawn.spoken)


def test_the_chosen_rules_decide_what_is_a_signal(make_mart, months) -> None:
    """Ten weeks a little below, ten above: the usual rules find nothing, those of long runs do."""
    counts = [18, 15] * 5 + [25, 22] * 5
    outcome = np.concatenate([np.repeat(["overridden", "accepted"], [count, 40 - count]) for count in counts])
    number, advice, answers = service_of([0.5] * WEEKS, 1)
    with make_mart(number, advice, answers | {"outcome": outcome.astype(object)}) as mart:
        found = {each.key: weekly_control(mart, Selection(months), each).weekly.chart.signals for each in RULE_SETS}
    flagged = {key: {point.place for point in points} for key, points in found.items()}
    assert flagged["3-sigma"] <= flagged["usual"] < flagged["western-electric"]
    assert flagged["usual"] < flagged["nhs"]


def test_the_rules_of_an_address_are_checked() -> None:
    """The usual ones unless one of the four is named once."""
    view = None
    assert rules_asked(MultiDict(), view) is USUAL
    assert rules_asked(MultiDict({"rules": "nhs"}), view).key == "nhs"
    assert isinstance(rules_asked(MultiDict({"rules": "all"}), view), list)
    assert isinstance(rules_asked(MultiDict([("rules", "nhs"), ("rules", "usual")]), view), list)


@pytest.mark.parametrize("chosen", RULE_SETS, ids=lambda each: each.key)
def test_run_lengths_are_as_the_form_says(chosen) -> None:
    """Points of nothing but noise to the first signal, on average, to within a tenth."""
    z = np.random.default_rng(5).standard_normal((1_000, 1_200))
    found = np.zeros(z.shape, np.bool_)
    for flags in signals(z, chosen.rules).values():
        found |= flags
    seen = found.any(axis=1)
    points = np.where(seen, found.argmax(axis=1) + 1, z.shape[1])
    assert points.sum() / seen.sum() == pytest.approx(chosen.run_length, rel=0.1)


def reports(months, days: list[int]) -> list[datetime]:
    """Moments of the evening of these days."""
    return [
        datetime.combine(months.first + timedelta(days=day), datetime.min.time(), UTC).replace(hour=20) for day in days
    ]


def test_a_g_chart_counts_cards_between_reports(make_mart, months) -> None:
    """Forty cards every Monday: a report a week later has forty between, and the chart is that of the gaps."""
    days = [0, 7, 14, 28, 28, 49, 56, 70, 77, 84, 105]
    with make_mart(*service_of([0.5] * WEEKS, 1)) as mart:
        weekly = weekly_chart(mart, Selection(months))
        found = between_reports(mart, Selection(months), reports(months, days), weekly)
        few = between_reports(mart, Selection(months), reports(months, days[:8]), weekly)
    assert isinstance(found, RareEvents)
    assert found.gaps == (40, 40, 80, 0, 120, 40, 80, 40, 40, 120)
    assert found.chart == g_chart(np.array(found.gaps))
    assert (found.events, found.cards, found.since) == (11, 800, 160)
    assert len(gap_rows(found, dated=True)) == len(g_picture(found, dated=True).dots) == 10
    assert gap_words(found, dated=True)[0] == "11 of them among 800 cards, and 160 such cards since the last."
    assert isinstance(few, Refused)
    assert few.reason == "8 problems were reported in these weeks; limits need at least 9 reports."


def test_gaps_after_a_new_version_have_limits_of_their_own(make_mart, months) -> None:
    """The gap in which it came belongs to the phase before."""
    version = np.repeat(np.array(["1", "2"], dtype=object), [400, 400])
    with make_mart(*service_of([0.5] * WEEKS, 1, model_version=version)) as mart:
        weekly = weekly_chart(mart, Selection(months))
        found = between_reports(mart, Selection(months), reports(months, list(range(0, 140, 7))), weekly)
    assert isinstance(found, RareEvents)
    assert (found.starts, found.reasons) == ((10,), ("new version",))
    assert found.chart == g_chart(np.array(found.gaps), (10,))


def test_reports_are_for_who_may_read_them(make_mart, months) -> None:
    """Others see only what came of overrides; without an outcome that is refused in words."""
    with make_mart(*service_of([0.5] * WEEKS, 1)) as mart:
        selection = Selection(months, service="icu-mortality")
        weekly, sources = weekly_chart(mart, selection), RareSources(reported=lambda: [])
        seen = {
            role: rare_harms(mart, selection, Person("p", frozenset({role})), sources, weekly, USUAL.rules)
            for role in (Role.QUALITY, Role.MODELLER)
        }
    assert [harm.name for harm in seen[Role.QUALITY]] == ["Reports of problems", "Overridden, then the event"]
    assert [harm.name for harm in seen[Role.MODELLER]] == ["Overridden, then the event"]
    assert [harm.refused for harm in seen[Role.QUALITY]] == [
        "nobody has reported a problem in these weeks; limits need at least 9 reports.",
        "the service's model names no outcome that it is judged by.",
    ]
