"""Monitors of feeds, of reasons and of all values together: each finds its own fault, and says what it cannot judge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from monitored_weeks import SERVICE, Week, changed, week_number
from scipy.stats import fisher_exact

from oversight.alerts import Alert
from oversight.analytics.drift import joint_drift
from oversight.analytics.drift_rows import drift_rows
from oversight.analytics.explained import explained, reasons_now
from oversight.analytics.feeds import feeds, feeds_by_week
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.alert_series import alert_series
from oversight.monitors.classifier import ClassifierDriftMonitor
from oversight.monitors.features import FeatureDriftMonitor
from oversight.monitors.feed_quality import FeedQualityMonitor
from oversight.monitors.judged_week import Series, judge
from oversight.monitors.reasons import WEIGHTS, ReasonsDriftMonitor
from oversight.monitors.result import MonitorResult, Status
from oversight.monitors.run import all_monitors, run_service
from oversight.monitors.stays import stay_week
from oversight.monitors.thresholds import USUAL, Thresholds
from oversight.monitors.weeks import charted, during, reference
from oversight.statistics.drift import JOINT
from oversight.statistics.quality import Part
from oversight.statistics.refused import Refused
from oversight.tallies import Period

NEW = ("reasons-drift", "classifier-drift", "feed-quality")
LAST = 14


def answers(mart: Questions, number: int = LAST, thresholds: Thresholds = USUAL) -> dict[str, MonitorResult]:
    """What all monitors say of a week that need no outcomes, judged as one family; none of them breaks."""
    run = run_service(mart, SERVICE, week_number(number), thresholds, all_monitors())
    assert run.at_fault == ()
    return {result.monitor: result for result in run.results}


def alarms(results: dict[str, MonitorResult]) -> set[tuple[str, str]]:
    """Monitor and subject of everything that would open an alert."""
    return {(name, check.subject) for name, result in results.items() for check in result.alarms}


def asked(number: int = LAST) -> Selection:
    """A week of the service."""
    return Selection(week_number(number), service=SERVICE)


# --- each fault by its monitor ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "monitor", "subject", "words"),
    [
        (Week(gone=0.3), "feed-quality", "c at patient-view: completeness", "of the signals that the model asks for"),
        (Week(late=0.5), "feed-quality", "c at patient-view: timeliness", "had a value not older than 24 h"),
        (Week(implausible=0.3), "feed-quality", "c at patient-view: plausibility", "of values were plausible"),
        (Week(unknown=0.4), "feed-quality", "c at patient-view: unit known", "usually 100.0%"),
        (Week(pulse_counts=0.2), "reasons-drift", "leading reason: distribution", "Pulse leads in "),
        (Week(pulse_counts=0.2), "reasons-drift", WEIGHTS, "went to other concepts: Pulse has "),
        (Week(together=-0.9), "classifier-drift", JOINT, "by all values together: AUROC 0."),
    ],
)
def test_each_fault_opens_an_alarm_of_its_monitor(opened, last, monitor, subject, words) -> None:
    """In one week, in words that say where to look, under the control of the whole family."""
    with opened(changed(last)) as mart:
        result = answers(mart)[monitor]
    (check,) = (each for each in result.alarms if each.subject == subject)
    assert result.status is Status.ALARM
    assert words in check.words
    assert check.words in result.words
    assert check.adjusted_p <= 0.05


def test_values_that_no_longer_go_together_are_seen_by_the_classifier_alone(opened) -> None:
    """Lactate and creatinine are each as they were; only their relation has turned."""
    with opened(changed(Week(together=-0.9))) as mart:
        assert alarms(answers(mart)) == {("classifier-drift", JOINT)}


def test_reasons_that_weigh_otherwise_are_seen_by_their_monitor_alone(opened) -> None:
    """The values are as they were; what the model makes of one of them is not."""
    with opened(changed(Week(pulse_counts=0.2))) as mart:
        loud = alarms(answers(mart))
    assert loud == {("reasons-drift", "leading reason: distribution"), ("reasons-drift", WEIGHTS)}


def test_a_changed_unit_of_measurement_is_told_by_its_value_and_by_what_it_does(opened) -> None:
    """The value leads; the reasons that rest on it and the classifier say that it matters."""
    with opened(changed(Week(glucose=18.0))) as mart:
        results = answers(mart)
    assert {"feature-drift", "reasons-drift", "classifier-drift"} <= {monitor for monitor, _ in alarms(results)}
    assert "Glucose leads in " in results["reasons-drift"].words
    assert results["feed-quality"].status is Status.OK


def test_a_small_change_is_no_alarm_however_sure(opened) -> None:
    """Three points of completeness at two thousand stays a week are beyond chance and below the threshold."""
    with opened([Week(entries=1_200)] * 12 + [Week(entries=1_200, gone=0.11)]) as mart:
        found = FeedQualityMonitor().run(mart, asked(12), USUAL, np.random.default_rng(0))
    check = next(each for each in found.checks if each.subject.endswith("completeness"))
    assert check.p < 0.01
    assert 0.02 < check.effect < 0.05
    assert found.status is Status.OK


def test_a_part_that_became_better_is_no_news(opened) -> None:
    """Only falls count."""
    with opened([Week(gone=0.4)] * 12 + [Week(gone=0.0)]) as mart:
        found = FeedQualityMonitor().run(mart, asked(12), USUAL, np.random.default_rng(0))
    assert found.status is Status.OK
    assert {each.effect for each in found.checks if each.subject.endswith("completeness")} == {0.0}


# --- feeds -----------------------------------------------------------------------------------------------------------


def test_the_feed_at_fault_is_named_and_the_other_is_not(opened) -> None:
    """Two clients send to one service: the subject of the alert says which of them."""
    weeks = [Week(other=0.4)] * 14 + [Week(other=0.4)]
    with opened(weeks) as mart:
        quiet = answers(mart)["feed-quality"]
    assert quiet.status is Status.OK
    assert "2 feeds" in quiet.words
    assert [each["feed"] for each in quiet.figures["feeds"]] == ["c at patient-view", "d at patient-view"]
    with opened([*weeks[:-1], Week(other=0.0)], seed=2) as mart:
        silent = answers(mart)
    assert alarms({"feed-quality": silent["feed-quality"]}) == {("feed-quality", "d at patient-view: silent")}
    assert "nothing came in this week, usually 1" in silent["feed-quality"].words
    assert silent["volume"].status is Status.OK


@pytest.mark.parametrize(
    "shares",
    [[0.4] * 13 + [0.05, 0.0], [0.4] * 12 + [0.05, 0.0, 0.0], [0.0] * 4 + [0.05] + [0.4] * 9 + [0.0]],
    ids=["died within a week", "two weeks ago", "began within a week"],
)
def test_a_feed_that_died_is_told_of_whenever_it_did(opened, shares) -> None:
    """The week in which it began or died has few stays, and a second silent week is no news that is over."""
    with opened([Week(other=share) for share in shares]) as mart:
        found = answers(mart)
    assert ("feed-quality", "d at patient-view: silent") in alarms({"feed-quality": found["feed-quality"]})


def test_a_feed_that_a_new_version_broke_is_told_of(opened) -> None:
    """None of its calls has the new version: it would not be among the feeds of that version."""
    with opened([*[Week(other=0.4)] * 13, *[Week(other=0.0, version="2")] * 2]) as mart:
        found = answers(mart)
    assert ("feed-quality", "d at patient-view: silent") in alarms({"feed-quality": found["feed-quality"]})


def test_a_feed_of_few_stays_or_weeks_is_not_judged_and_that_is_said(opened) -> None:
    """A new client is no client that became worse."""
    with opened([Week()] * 13 + [Week(other=0.5)] * 2) as mart:
        found = answers(mart)["feed-quality"]
    assert found.status is Status.OK
    assert "1 more could not be judged: 20 stays in the week and 8 weeks before it are needed" in found.words
    with opened([Week(entries=12)] * 15, seed=2) as mart:
        few = answers(mart)["feed-quality"]
    assert few.status is Status.REFUSED
    assert few.figures["feeds"] == []


def test_few_and_rare_faults_are_judged_by_counting_too(opened) -> None:
    """A chart takes its scatter for normal, and of rare faults among few stays is surer than their count allows."""
    with opened([Week(entries=40, late=0.04)] * 14 + [Week(entries=40, late=0.25)]) as mart:
        (feed,) = feeds_by_week(mart, during(asked(), charted(week_number(LAST), USUAL.reference_weeks)))
        result = FeedQualityMonitor().run(mart, asked(), USUAL, np.random.default_rng(0))
    place = list(Part).index(Part.TIMELINESS)
    good, every = feed.good[place], feed.all[place]
    odds = fisher_exact(
        [[every[-1] - good[-1], good[-1]], [(every - good)[:-1].sum(), good[:-1].sum()]], alternative="greater"
    )
    (check,) = (each for each in result.checks if each.subject.endswith("timeliness"))
    assert check.effect >= USUAL.quality[1]
    assert judge(Series(good, every), USUAL.reference_weeks).p < 2 * odds.pvalue
    assert check.p == pytest.approx(2 * odds.pvalue)


def test_the_score_is_that_of_the_page_of_drift(opened) -> None:
    """One definition: where each stay is assessed in one week only, both count the same."""
    with opened(changed(Week(unknown=0.4, gone=0.2))) as mart:
        weeks = charted(week_number(LAST), USUAL.reference_weeks)
        (monitored,) = feeds_by_week(mart, Selection(weeks, service=SERVICE))
        rows = drift_rows(mart, Selection(weeks, service=SERVICE), week_number(LAST).first, None)
        (page,) = feeds(mart, rows)
        result = FeedQualityMonitor().run(mart, asked(), USUAL, np.random.default_rng(0))
    assert monitored.quality(slice(-1, None)) == page.now
    assert monitored.quality(slice(None, -1)) == page.before
    assert int(monitored.stays[-1]) == page.stays == 300
    (told,) = result.figures["feeds"]
    assert told["score"] == page.now.score < 0.8
    assert told["worst"] == page.now.worst.value == "unit known"
    assert f"The score of the feed, that of its worst part, is {page.now.score:.2f}" in result.words


def test_a_check_of_an_action_looks_at_the_part_that_fell(opened) -> None:
    """The alert's own figure by week, and the stays of a feed that fell silent."""
    today = week_number(LAST).last + timedelta(days=2)
    with opened([*[Week(other=0.4)] * 14, Week(other=0.4, unknown=0.4)]) as mart:
        monitored = {each.name: each for each in feeds_by_week(mart, during(asked(), charted(week_number(LAST), 26)))}
        series = {part: alert_series(mart, alert(f"d at patient-view: {part}"), today) for part in (*Part, "silent")}
        assert alert_series(mart, alert("e at patient-view: silent"), today) is None
    for place, part in enumerate(Part):
        found = series[part]
        shares = monitored["d at patient-view"].good[place] / np.maximum(monitored["d at patient-view"].all[place], 1)
        assert found.series.values == pytest.approx(shares[-15:].tolist(), abs=1e-12)
        assert found.series.mondays[-1] == week_number(LAST).first
        assert found.is_share
    assert series[Part.UNITS].series.values[-1] < 0.8 < min(series[Part.UNITS].series.values[:-1])
    silent = series["silent"]
    assert silent.totals == tuple(monitored["d at patient-view"].stays[-15:].tolist())
    assert (silent.series.what, silent.is_share) == ("weekly number of stays", False)


def alert(subject: str) -> Alert:
    """An alert about a feed."""
    week = week_number(LAST)
    return Alert(
        1, datetime(2026, 6, 1, tzinfo=UTC), "feed-quality", SERVICE, subject, "alarm", "It fell.", "1.0.0",
        week.first, week.last,
    )  # fmt: skip


# --- stays -----------------------------------------------------------------------------------------------------------


def test_stays_from_the_week_before_are_no_drift(opened) -> None:
    """They are assessed later in the stay than those of the weeks before, in every week anew."""
    with opened([Week(stayed=0.4)] * 15) as mart:
        stays = stay_week(mart, asked(), USUAL)
        results = answers(mart)
        weeks = reference(week_number(LAST), USUAL.reference_weeks)
        whole = drift_rows(
            mart, replace(asked(), period=Period(weeks.first, week_number(LAST).last)), week_number(LAST).first, None,
            until=weeks.last + timedelta(days=1),
        )  # fmt: skip
    # Four in ten of those whose stay began in the week before: about 0.4 / 1.4.
    assert 0.2 < stays.older / whole.rows[1] < 0.35
    assert stays.rows.rows == (whole.rows[0], whole.rows[1] - stays.older)
    for name in ("feature-drift", "reasons-drift", "classifier-drift"):
        assert results[name].status is Status.OK, results[name].words
    # That is what leaving them out is for.
    found = [joint_drift(each, np.random.default_rng(0)).auroc.value for each in (stays.rows, whole)]
    assert found[0] < 0.55 < found[1]


def test_the_stays_are_read_once_for_all_monitors_of_them(opened, monkeypatch) -> None:
    """And each says alone what it says among the others, but for the rows that the classifier draws."""
    read = []

    def counted(*given):
        read.append(given)
        return stay_week(*given)

    monkeypatch.setattr("oversight.monitors.answers.stay_week", counted)
    with opened(changed(Week(glucose=3.0))) as mart:
        answers(mart)
        assert len(read) == 1
        stays = stay_week(mart, asked(), USUAL)
        for monitor in (FeatureDriftMonitor(), ReasonsDriftMonitor(), ClassifierDriftMonitor()):
            rngs = np.random.default_rng(5), np.random.default_rng(5)
            assert monitor.run(mart, asked(), USUAL, rngs[0]) == monitor.judge(stays, USUAL, rngs[1]), monitor.name


def test_reasons_are_held_against_those_of_the_page_of_drift(opened) -> None:
    """The same rows, the same concepts, the same rank correlation."""
    with opened(changed(Week(pulse_counts=0.2))) as mart:
        rows = stay_week(mart, asked(), USUAL).rows
        found, page = reasons_now(rows, "1.0.0"), explained(rows, "1.0.0")
        told = ReasonsDriftMonitor().run(mart, asked(), USUAL, np.random.default_rng(0))
    assert not isinstance(found, Refused)
    assert found.ranks == page.whole
    assert told.figures["rank_correlation"] == page.whole.agreement.value
    assert told.figures["weights"][0]["concept"] == told.figures["leads"][0]["concept"] == "Pulse"
    assert sum(each.now for each in found.weights.moves) == pytest.approx(1.0)
    assert sum(each.before for each in found.leads) == pytest.approx(1.0)


def test_without_weeks_or_values_the_new_monitors_refuse(opened) -> None:
    """With a new version there is no reason to hold reasons against; without values there is nothing at all."""
    with opened([Week()] * 13 + [Week(version="2.0.0")] * 2) as mart:
        new = answers(mart)
    assert new["reasons-drift"].status is new["feed-quality"].status is Status.REFUSED
    assert "Version 2.0.0 has no assessment with reasons before" in new["reasons-drift"].words
    # Values are of all versions.
    assert new["classifier-drift"].status is Status.OK
    with opened([Week(entries=40)] * 15, seed=2) as mart:
        few = answers(mart)
    assert few["classifier-drift"].status is few["reasons-drift"].status is Status.REFUSED
    assert "fewer than 100 rows" in few["classifier-drift"].words
    assert "fewer than 50 assessments" in few["reasons-drift"].words
    with opened([Week()] * 3, seed=3) as mart:
        mart.rows("CREATE OR REPLACE TEMP VIEW value AS SELECT * FROM memory.main.value WHERE false")
        nothing = answers(mart, 2)
    assert {nothing[name].status for name in NEW} == {Status.REFUSED}


def test_a_manifest_moves_their_thresholds(opened) -> None:
    """What is an alarm by default is none where the model's own threshold lies higher."""
    patient = USUAL.changed({"quality": (0.5, 0.6), "classifier": (0.9, 0.95), "reasons": (0.7, 0.8)})
    with opened(changed(Week(gone=0.3, pulse_counts=0.2, together=-0.9))) as mart:
        usual, moved = answers(mart), answers(mart, thresholds=patient)
    assert {name for name, _ in alarms(usual)} >= set(NEW)
    assert moved["feed-quality"].status is moved["classifier-drift"].status is Status.OK
    assert WEIGHTS not in {each.subject for each in moved["reasons-drift"].alarms}


def test_the_same_week_gives_the_same_answer_twice(opened) -> None:
    """Also where rows are drawn."""
    with opened([Week(entries=200)] * 15) as mart:
        week = Period(week_number(LAST).first, week_number(LAST).last)
        first, second = (run_service(mart, SERVICE, week, USUAL, all_monitors()) for _ in range(2))
    assert first == second
