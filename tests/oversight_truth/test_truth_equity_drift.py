"""The seeded history on the pages of equity and drift: what is planted is found and named, and nothing else is."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from oversight.analytics.drift import drift
from oversight.analytics.drift_rows import drift_rows
from oversight.analytics.drift_words import told, verdict
from oversight.analytics.equity import answers, judged_groups
from oversight.analytics.equity_gaps import Kind, gaps
from oversight.analytics.equity_rates import ACCEPTANCE, OVERRIDE, SILENCE
from oversight.analytics.equity_rows import attribute_labels, equity_rows
from oversight.analytics.explained import explained
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.monitors.features import FeatureDriftMonitor
from oversight.monitors.result import Status
from oversight.monitors.thresholds import USUAL as WEEKLY
from oversight.statistics.drift import USUAL, Level
from oversight.statistics.refused import Refused
from oversight.tallies import Period

SPANISH = (("language", "Spanish"),)


def day(seeded, number: int) -> date:
    """A day of the history."""
    return seeded.wishes.first_day + timedelta(days=number)


def moved(seeded, service: str, first: int, since: int, last: int):
    """Drift of some days against the days before, and what is said of it."""
    period = Period(day(seeded, first), day(seeded, last))
    rows = drift_rows(seeded.mart, Selection(period, service=service), day(seeded, since))
    found = drift(seeded.mart, rows, USUAL, np.random.default_rng(0))
    return rows, found, told(found, rows)


def answered_gaps(seeded):
    """All comparisons of answers to the cards of all services."""
    labels = attribute_labels(seeded.mart)
    rows = equity_rows(seeded.mart, Selection(seeded.period), labels)
    return gaps([answers(rows, [name]) for name in labels], [])


def equity_of(seeded, service: str, outcome: str, hours: float | None):
    """All comparisons of a service's groups over the whole history."""
    selection = Selection(seeded.period, service=service)
    labels = attribute_labels(seeded.mart)
    rows = equity_rows(seeded.mart, selection, labels)
    judged = judged_groups(seeded.mart, selection, OutcomeQuestion(outcome, hours), rows)
    return gaps([answers(rows, [name]) for name in labels], [judged.judge([name]) for name in labels]), rows, judged


def test_the_changed_unit_is_named_with_its_factor_ward_and_week(seeded) -> None:
    """The first sentence is the laboratory's: which value, where, how many times as large, since when, what it is."""
    rows, found, said = moved(seeded, "sepsis-6h", 0, 62, 89)
    words = verdict(found, said)
    assert words.startswith("Glucose in Ward 4 West is 18 times as large since the week of ")
    assert words.endswith("looks like mg/dL read as mmol/L.")
    change = day(seeded, seeded.wishes.plan.unit_change_day)
    since = said[0].since
    assert since is not None
    assert abs((since - change).days) <= 7
    column = found.column(said[0].finding.column)
    assert column.drift.shape.factor == pytest.approx(seeded.wishes.plan.factor, rel=0.1)
    alarms = {each.column for each in found.unit_report.raised if each.level is Level.ALARM}
    assert {"Glucose in Ward 4 West", "Predicted risk in Ward 4 West"} <= alarms
    assert not [name for name in alarms if "Glucose" in name and "Ward 4 West" not in name]
    assert len(rows.features) == 6


def test_values_are_those_of_the_history(seeded) -> None:
    """What the columns hold is what the findings of the first entries hold, to the precision of a float."""
    rows, _, _ = moved(seeded, "icu-mortality", 0, 45, 89)
    history = seeded.history
    stays = history.rows["stay"][rows.sequence - 1]
    standard = history.stays.standard[stays]
    heart = rows.values[:, [each.concept for each in rows.features].index("heart-rate")]
    expected = np.round(88.0 * np.exp(standard[:, 3] * 0.18), 3)
    assert (np.isnan(heart) == (np.isnan(expected) | ~rows.valued)).all()
    known = ~np.isnan(heart)
    assert heart[known] == pytest.approx(expected[known], rel=1e-6)
    risks = rows.risk[rows.valued]
    assert risks == pytest.approx(1 / (1 + np.exp(-history.rows["log_odds"][rows.sequence - 1][rows.valued])), abs=1e-9)


@pytest.mark.parametrize(("service", "first"), [("sepsis-6h", 0), ("icu-mortality", 0), ("sepsis-6h-physiology", 5)])
def test_the_quiet_week_raises_no_alarm(seeded, service, first) -> None:
    """Days 33 to 39, in which nothing is planted, against the days before."""
    _, found, said = moved(seeded, service, first, *seeded.wishes.plan.null_days[:1], 39)
    assert not [each for each in said if each.finding.level is Level.ALARM]
    assert "No column moved" in verdict(found, said) or "Nothing raises the alarm" in verdict(found, said)


def test_reasons_rank_otherwise_where_the_broken_unit_made_them(seeded) -> None:
    """Glucose becomes a strong reason of readmission-30d, and the reasons of icu-mortality stay as they were."""
    rows, found, _ = moved(seeded, "readmission-30d", 31, 62, 89)
    loud = explained(rows, found.version)
    assert loud.whole.moved
    assert loud.whole.moves[0].concept == "Glucose"
    rows, found, _ = moved(seeded, "icu-mortality", 0, 62, 89)
    quiet = explained(rows, found.version)
    assert not quiet.whole.moved
    assert [each for each in quiet.weeks if each.now and not isinstance(each.found, Refused)]


def test_the_monitor_names_the_changed_unit_and_is_quiet_before(seeded) -> None:
    """The week after the change against the weeks before."""
    week = day(seeded, 62) + timedelta(days=-day(seeded, 62).weekday() + 7)
    asked = Selection(Period(week, week + timedelta(days=6)), service="sepsis-6h")
    found = FeatureDriftMonitor().run(seeded.mart, asked, WEEKLY, np.random.default_rng(0))
    assert found.status is Status.ALARM
    glucose = next(each for each in found.checks if each.subject == "Glucose in Ward 4 West: distribution")
    assert glucose.level is Status.ALARM
    assert glucose.p < 1e-6


def test_the_served_worse_group_is_named_and_no_other(seeded) -> None:
    """Spanish: more overrides at equal risk and slower answers to all cards; lower sensitivity of sepsis-6h."""
    answered = {(each.kind, each.group): each for each in answered_gaps(seeded) if each.named}
    assert {group for _, group in answered} == {SPANISH}
    assert answered[Kind.OVERRIDE, SPANISH].effect.low > 0
    assert answered[Kind.SECONDS, SPANISH].effect.low > 1
    found, _, _ = equity_of(seeded, "sepsis-6h", "onset-of-sepsis", 6.0)
    named = {(each.kind, each.group): each for each in found if each.named}
    assert {group for _, group in named} == {SPANISH}
    assert named[Kind.SENSITIVITY, SPANISH].effect.high < 0
    assert named[Kind.SECONDS, SPANISH].effect.low > 1
    assert named[Kind.SECONDS, SPANISH].effect.value == pytest.approx(seeded.wishes.plan.gap_slowness, rel=0.3)
    assert named[Kind.CALIBRATION, SPANISH].effect.low > 1


@pytest.mark.parametrize(
    ("service", "outcome", "hours"),
    [("icu-mortality", "death-in-hospital", None), ("readmission-30d", "readmission-to-hospital", 720.0)],
)
def test_no_gap_is_claimed_where_none_is(seeded, service, outcome, hours) -> None:
    """Sex, age, race and the other languages have none in any service."""
    found, _, _ = equity_of(seeded, service, outcome, hours)
    assert len(found) > 30
    assert {each.group for each in found if each.named} <= {SPANISH}


def test_rates_by_group_are_exact(seeded) -> None:
    """Counted by hand out of the history, to 1e-9."""
    _, rows, _ = equity_of(seeded, "sepsis-6h", "onset-of-sepsis", 6.0)
    found = answers(rows, ["language", "sex"])
    language, sex = (rows.attributes[name] for name in ("language", "sex"))
    for name, cases, among in (
        (OVERRIDE, rows.overridden, rows.overridden | rows.accepted),
        (ACCEPTANCE, rows.accepted, rows.card),
        (SILENCE, rows.card & ~rows.overridden & ~rows.accepted, rows.card),
    ):
        for each in found.report(name).groups:
            told_of = dict(each.group)
            here = among.copy()
            for attribute in (language, sex):
                if attribute.name in told_of:
                    here &= attribute.codes == attribute.labels.index(told_of[attribute.name])
            if not isinstance(each.rate, Refused):
                assert each.rate.value == pytest.approx(cases[here].sum() / here.sum(), abs=1e-9)
    shown = rows.cards()
    truth = seeded.truth.services["sepsis-6h"]
    assert (len(shown.sequence), int(shown.overridden.sum())) == (truth.cards, truth.overridden)
