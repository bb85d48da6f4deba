"""Monitors: quiet where nothing happened, loud where something did, and silent with a reason where nobody can say."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from monitored_weeks import MONDAY, SERVICE, Week, changed, week_number
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from clinical.errors import ManifestInvalid
from models.runtime.manifest_monitoring import monitoring_of
from oversight import tables
from oversight.alerts import AlertStep, SqlAlerts
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.before_outcomes import BADGE, EstimatedMonitor
from oversight.monitors.drifting import MixDriftMonitor, ScoreDriftMonitor
from oversight.monitors.family import controlled
from oversight.monitors.judged_week import Series, judge
from oversight.monitors.outcomes import PerformanceMonitor
from oversight.monitors.realised import WEIGHTED
from oversight.monitors.result import Check, MonitorResult, Status, told
from oversight.monitors.run import ServiceRun, all_monitors, run_all, run_service
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL, Thresholds
from oversight.monitors.weeks import charted, last_full_week, reference
from oversight.statistics.refused import Refused
from oversight.tallies import Period
from oversight.verify import verify

NOW = datetime(2026, 6, 1, 5, 10, tzinfo=UTC)


def run(mart: Questions, number: int, thresholds: Thresholds = USUAL) -> ServiceRun:
    """All monitors that need no outcomes, none of which may break."""
    found = run_service(mart, SERVICE, week_number(number), thresholds, all_monitors())
    assert found.at_fault == ()
    return found


def by_name(run: ServiceRun) -> dict[str, MonitorResult]:
    """The results by monitor."""
    return {result.monitor: result for result in run.results}


# --- weeks -----------------------------------------------------------------------------------------------------------


def test_the_last_full_week_ends_on_a_sunday() -> None:
    """On the day itself or before it."""
    for day in range(7):
        assert last_full_week(date(2026, 3, 1) + timedelta(days=day)) == Period(date(2026, 2, 23), date(2026, 3, 1))
    assert last_full_week(date(2026, 3, 8)).last == date(2026, 3, 8)


def test_the_reference_ends_before_the_last_three_weeks() -> None:
    """So that a change does not at once become part of what it is held against."""
    week = week_number(14)
    assert reference(week, 12) == Period(MONDAY, MONDAY + timedelta(days=83))
    assert charted(week, 12) == Period(MONDAY, week.last)


# --- one week of a series --------------------------------------------------------------------------------------------


def test_a_short_series_is_refused() -> None:
    """Eight weeks before the last are the least."""
    counts, totals = np.full(8, 5), np.full(8, 10)
    found = judge(Series(counts, totals), 12)
    assert isinstance(found, Refused)
    assert "at least 8" in found.reason


def test_what_never_happened_before_is_judged_exactly() -> None:
    """A chart without scatter has no limits."""
    found = judge(Series(np.array([0] * 12 + [6]), np.full(13, 20)), 12)
    assert not isinstance(found, Refused)
    assert (found.centre, found.effect, found.p < 1e-3) == (0.0, 0.3, True)
    assert judge(Series(np.array([20] * 13), np.full(13, 20)), 12).p == 1.0


def test_the_chance_is_that_of_no_change() -> None:
    """Under no change p is at most u in about u of the series (a little less: of two the smaller is doubled)."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(3000):
        rate = np.clip(0.5 + 0.05 * rng.standard_normal(15), 0, 1)
        found.append(judge(Series(rng.binomial(200, rate), np.full(15, 200)), 12).p)
    shares = {u: float(np.mean(np.array(found) <= u)) for u in (0.01, 0.05, 0.2)}
    assert 0.003 < shares[0.01] < 0.014
    assert 0.025 < shares[0.05] < 0.06
    assert shares[0.2] < 0.21


def test_ten_points_at_two_hundred_a_week_are_found_within_four_weeks() -> None:
    """M3: nearly all by the chart's rules (watch), most by an alarm that survives among eight figures."""
    rng, watched, alarmed = np.random.default_rng(4), 0, 0
    for _ in range(300):
        counts = np.concatenate([rng.binomial(200, 0.5, 14), rng.binomial(200, 0.6, 4)])
        weeks = [judge(Series(counts[:end], np.full(end, 200)), 12) for end in range(15, 19)]
        watched += any(week.rules for week in weeks)
        alarmed += any(week.p <= 0.05 / 8 and week.effect >= 0.05 for week in weeks)
    assert watched / 300 > 0.88
    assert alarmed / 300 > 0.65


# --- all monitors of a service ---------------------------------------------------------------------------------------


def test_a_quiet_week_is_ok_everywhere(opened) -> None:
    """And every monitor speaks, in words with figures behind them that are plain JSON."""
    with opened([Week()] * 15) as mart:
        results = by_name(run(mart, 14))
    assert set(results) == {
        "volume", "firing-rate", "override-rate", "no-answer", "repeats", "change-points", "score-drift", "mix-drift",
        "feature-drift", "reasons-drift", "classifier-drift", "feed-quality",
    }  # fmt: skip
    assert {name for name, each in results.items() if each.status is not Status.OK} <= {"repeats"}
    assert not any(each.alarms for each in results.values())
    for each in results.values():
        assert each.words
        json.dumps(dict(each.figures), allow_nan=False)
    assert "have no answer" in results["override-rate"].words


@pytest.mark.parametrize(
    ("last", "monitor", "subject"),
    [
        (Week(overridden=0.85), "override-rate", "override rate"),
        (Week(answered=0.2), "no-answer", "no-answer share"),
        (Week(fires=0.9), "firing-rate", "firing rate"),
        (Week(repeats=0.5), "repeats", "share of repeats"),
        (Week(entries=60), "volume", "weekly number of entries"),
        (Week(risk_factor=2.5), "score-drift", "predicted risk: distribution"),
        (Week(ward=0.95), "mix-drift", "unit: distribution"),
        (Week(unit_missing=0.5), "mix-drift", "unit: missing share"),
    ],
)
def test_each_fault_is_found_by_its_monitor(opened, last, monitor, subject) -> None:
    """In one week, by an alarm that names it."""
    with opened(changed(last)) as mart:
        result = by_name(run(mart, 14))[monitor]
    assert result.status is Status.ALARM, result
    assert subject in [test.subject for test in result.alarms]
    assert all(test.adjusted_p <= 0.05 for test in result.alarms)


def test_a_change_is_dated(opened) -> None:
    """Within a week of the truth."""
    with opened(changed(Week(overridden=0.75), weeks=20, since=4)) as mart:
        result = by_name(run(mart, 19))["change-points"]
    assert result.status is Status.ALARM
    (found,) = result.figures["changes"]
    assert abs(date.fromisoformat(found["week"]) - week_number(16).first) <= timedelta(weeks=1)


def test_a_unit_change_is_told_as_one_factor(opened) -> None:
    """The figures of a drift hold what the pages show."""
    with opened(changed(Week(risk_factor=3.0))) as mart:
        result = ScoreDriftMonitor().run(mart, Selection(week_number(14), service=SERVICE), USUAL, None)
    assert result.figures["psi"] > 0.25
    assert result.figures["medians"][1] > 2 * result.figures["medians"][0]


def test_a_service_that_fell_silent_is_told(opened) -> None:
    """By the one monitor that can; the others say why they cannot."""
    with opened([Week()] * 14) as mart:
        (found,) = run_all(mart, week_number(14).last, lambda service: USUAL)
        results = by_name(found)
    assert found.at_fault == ()
    assert results["volume"].status is Status.ALARM
    assert results["override-rate"].status is Status.REFUSED
    assert "no answered cards" in results["override-rate"].words
    assert results["score-drift"].status is Status.REFUSED


def test_a_new_version_starts_a_phase(opened) -> None:
    """Weeks of the old version lend no limits, and the words say since when."""
    weeks = [Week()] * 12 + [Week(version="2.0.0", overridden=0.9)] * 3
    with opened(weeks) as mart:
        results = by_name(run(mart, 14))
    assert results["override-rate"].status is Status.REFUSED
    assert "Version 2.0.0 came in the week of 2026-03-30" in results["override-rate"].words
    assert results["score-drift"].status is Status.REFUSED
    assert results["volume"].status is Status.OK


def test_an_unknown_service_has_no_figures(opened) -> None:
    """Neither a number nor a fault."""
    with opened([Week()] * 3) as mart:
        (found,) = run_all(mart, week_number(2).last, lambda service: USUAL, service="nothing")
    assert {result.status for result in found.results} == {Status.REFUSED}
    assert (found.version, found.at_fault) == ("", ())


def test_the_same_mart_gives_the_same_answer(opened) -> None:
    """Random orders depend on what is asked alone."""
    with opened(changed(Week(overridden=0.7), weeks=20, since=3)) as mart:
        assert run(mart, 19) == run(mart, 19)


@pytest.mark.parametrize("entries", [80, 200])
def test_no_alarm_in_nearly_all_of_a_hundred_null_weeks(opened, entries: int) -> None:
    """At most 5 of 100 weeks of one service have any alarm, with weeks that differ by more than chance; small or not.

    So do values, reasons and two feeds, and a fifth of the stays are older than the week.
    """
    rng = np.random.default_rng(12)
    weeks = [
        Week(
            entries=int(entries * np.exp(0.1 * rng.standard_normal())),
            fires=0.5 + 0.03 * float(rng.standard_normal()),
            overridden=0.5 + 0.05 * float(rng.standard_normal()),
            answered=0.7 + 0.03 * float(rng.standard_normal()),
            gone=0.08 * float(np.exp(0.2 * rng.standard_normal())),
            late=0.05 * float(np.exp(0.3 * rng.standard_normal())),
            implausible=0.01 * float(np.exp(0.3 * rng.standard_normal())),
            glucose=float(np.exp(0.03 * rng.standard_normal())),
            pulse_counts=float(np.exp(0.05 * rng.standard_normal())),
            other=0.3,
            stayed=0.2,
        )
        for _ in range(130)
    ]
    with opened(weeks, seed=2) as mart:
        loud = [number for number in range(30, 130) if any(result.alarms for result in run(mart, number).results)]
    assert len(loud) <= 5, loud


def test_the_family_quietens_what_chance_brings() -> None:
    """An effect whose p does not survive is no alarm; a point outside the limits stays one to watch."""
    tests = [Check(f"s{number}", Status.OK, 0.0, 0.5, "nothing") for number in range(20)]
    loud = Check("loud", Status.ALARM, 9.0, 0.02, "It moved.", otherwise=Status.WATCH)
    sure = Check("sure", Status.ALARM, 9.0, 1e-9, "It surely moved.")
    results = [told("m", "s", "quiet", {}, tuple(tests)), told("n", "s", "quiet", {}, (loud,)),
               told("o", "s", "quiet", {}, (sure,))]  # fmt: skip
    quiet, watch, alarm = controlled(results, 0.05)
    assert (quiet.status, watch.status, alarm.status) == (Status.OK, Status.WATCH, Status.ALARM)
    assert alarm.checks[0].adjusted_p == pytest.approx(22e-9)
    gone = controlled([*results[:1], told("n", "s", "quiet", {}, (replace(loud, otherwise=Status.OK),))], 0.05)[1]
    assert (gone.status, "chance" in gone.words) == (Status.OK, True)


# --- with outcomes ---------------------------------------------------------------------------------------------------


WITH_OUTCOME = replace(USUAL, outcome="sepsis", outcome_hours=48.0)


def known(weeks: int, per_week: int, concept: float = 1.0, since: int = 99, treat: float = 0.0, seed: int = 5):
    """A source of judged rows: outcomes as the risks say, times `concept` from the week `since` on."""
    rng = np.random.default_rng(seed)

    def source(mart, selection, outcome_name, window_hours, *, by_encounter):
        assert (outcome_name, window_hours, by_encounter) == ("sepsis", 48.0, True)
        first = (selection.period.first - MONDAY).days // 7
        numbers = [number for number in range(first, (selection.period.last - MONDAY).days // 7 + 1) if number >= 0]
        week = np.repeat(numbers, per_week)
        risk = rng.beta(1.5, 6, week.size)
        alerted = risk >= 0.25
        treated = alerted & (rng.random(week.size) < treat * (0.3 + risk))
        come = rng.random(week.size) < np.clip(risk * np.where(week >= since, concept, 1.0), 0, 1)
        averted = treated & (rng.random(week.size) < 0.8)
        size = week.size
        return SimpleNamespace(rows={
            "sequence": np.arange(size) + 10_000_000 * (first + 1), "probability": risk,
            "outcome": (come & ~averted).astype(float), "alerted": alerted, "treated": treated,
            "overridden": alerted & ~treated, "action_seen": treated, "unit": np.array(["ICU", "Ward"] * size)[:size],
            "encounter": np.arange(size), "patient": np.arange(size, dtype=np.uint64),
        })  # fmt: skip

    return source


def performance(source, number: int = 20) -> MonitorResult:
    """The monitor's answer for a week."""
    monitor = PerformanceMonitor(source)
    raw = monitor.run(None, Selection(week_number(number), service=SERVICE), WITH_OUTCOME, np.random.default_rng(1))
    return controlled([raw], 0.05)[0]


def test_without_an_outcome_nothing_is_said_about_performance() -> None:
    """The manifest names it."""
    for monitor in (PerformanceMonitor(None), EstimatedMonitor(None)):
        result = monitor.run(None, Selection(week_number(20)), USUAL, np.random.default_rng(1))
        assert result.status is Status.REFUSED
        assert "names no outcome" in result.words


def test_a_healthy_model_is_ok() -> None:
    """O:E and slope near 1."""
    result = performance(known(25, 400))
    assert result.status is Status.OK, result.words
    assert result.figures["observed_expected"][0] == pytest.approx(1, abs=0.15)
    assert (result.figures["first"], result.figures["last"]) == ("2026-04-27", "2026-05-24")


def test_concept_drift_raises_the_alarm_once_labels_arrive() -> None:
    """The second half of M4: O:E far above 1."""
    result = performance(known(25, 400, concept=2.0, since=15))
    assert result.status is Status.ALARM
    assert "observed over expected" in [test.subject for test in result.alarms]


def test_good_cards_do_not_look_like_decay() -> None:
    """M1: heeded cards avert events; the monitor weighs for that, and stays quiet about calibration."""
    result = performance(known(25, 2500, treat=0.9))
    assert result.figures["basis"] == WEIGHTED
    assert result.status is Status.OK, result.words
    assert result.figures["observed_expected"][0] == pytest.approx(1, abs=0.1)


def test_too_few_outcomes_are_refused() -> None:
    """With the reason."""
    result = performance(known(25, 5))
    assert result.status is Status.REFUSED
    assert "at least 10" in result.words


def test_the_estimate_before_outcomes_wears_its_badge(opened) -> None:
    """It is blind to concept drift, says so, and never raises the alarm."""
    with opened([Week(entries=10)] * 20 + [Week(entries=1500, threshold=0.25)]) as mart:
        monitor = EstimatedMonitor(known(25, 400, concept=2.0, since=20))
        result = monitor.run(mart, Selection(week_number(20), service=SERVICE), WITH_OUTCOME, np.random.default_rng(1))
    assert result.status in (Status.OK, Status.WATCH)
    assert BADGE in result.words
    assert result.figures["badge"] == "blind to concept drift"
    assert result.figures["alerts"] > 200


def test_after_another_threshold_the_estimate_says_why_it_is_refused(opened) -> None:
    """Cards at risks that had none: what they avert is not known."""
    with opened([Week(entries=10)] * 20 + [Week(entries=1500, threshold=0.2)]) as mart:
        monitor = EstimatedMonitor(known(25, 400))
        result = monitor.run(mart, Selection(week_number(20), service=SERVICE), WITH_OUTCOME, np.random.default_rng(1))
    assert result.status is Status.REFUSED
    assert "another threshold" in result.words


# --- keeping ---------------------------------------------------------------------------------------------------------


def test_runs_and_alerts_are_kept_once(engine, opened) -> None:
    """Running twice stores once; the next week of the same fault has runs of its own and no second alert."""
    with opened(changed(Week(overridden=0.9), weeks=17, since=3)) as mart:
        first = run(mart, 15)
        second = run(mart, 16)
    opened_alerts = store(engine, [first], NOW)
    assert len(opened_alerts) >= 1
    assert store(engine, [first], NOW + timedelta(hours=1)) == ()
    assert store(engine, [second], NOW + timedelta(days=7)) == () or {
        (each.monitor, each.subject) for each in SqlAlerts(engine).alerts()
    } >= {("override-rate", "override rate")}
    things = [(each.monitor, each.subject) for each in SqlAlerts(engine).alerts()]
    assert len(things) == len(set(things))
    with engine.connect() as connection:
        rows = connection.execute(select(tables.monitor_run)).all()
    assert len(rows) == len(first.results) + len(second.results)
    kept = {row.monitor: json.loads(row.result) for row in rows if row.first == first.week.first}
    assert kept["override-rate"]["status"] == "alarm"
    assert {row.up_to for row in rows} == {first.up_to}
    assert all(check.fault is None for check in verify(engine))


def test_other_thresholds_are_another_run(engine, opened) -> None:
    """What was kept under the old ones stays."""
    with opened([Week()] * 15) as mart:
        store(engine, [run(mart, 14)], NOW)
        store(engine, [run(mart, 14, replace(USUAL, rate=(0.1, 0.2)))], NOW)
    with engine.connect() as connection:
        assert len(connection.execute(select(tables.monitor_run)).all()) == 2 * len(all_monitors())


def test_a_closed_alert_makes_room_for_a_new_one(engine, opened) -> None:
    """If the thing comes back in another week."""
    with opened(changed(Week(answered=0.1), weeks=17, since=3)) as mart:
        first, second = run(mart, 14), run(mart, 15)
    alerts = SqlAlerts(engine)
    assert "no-answer" in [result.monitor for result in first.results if result.alarms]
    store(engine, [first], NOW)
    mine = next(each for each in alerts.alerts() if each.monitor == "no-answer")
    for step in (AlertStep.ACKNOWLEDGED, AlertStep.CAUSE, AlertStep.CLOSED):
        alerts.add(mine.number, step, "seen", by_whom="ann", role="quality", now=NOW)
    assert "no-answer" in [result.monitor for result in second.results if result.alarms]
    store(engine, [second], NOW)
    numbers = [each.number for each in alerts.open_alerts() if each.monitor == "no-answer"]
    assert len(numbers) == 1
    assert numbers != [mine.number]


def test_rows_of_runs_and_alerts_cannot_be_changed(engine, opened) -> None:
    """They are append-only, as all of the ledger."""
    with opened(changed(Week(answered=0.1))) as mart:
        store(engine, [run(mart, 14)], NOW)
    for table in (tables.monitor_run, tables.alert):
        with pytest.raises(DBAPIError), engine.begin() as connection:
            connection.execute(table.update().values(time=NOW))


# --- thresholds ------------------------------------------------------------------------------------------------------


def test_a_manifest_changes_thresholds(tmp_path) -> None:
    """By the names that oversight has, and no others."""
    path = tmp_path / "model.toml"
    path.write_text(
        '[monitoring]\nrate = [0.1, 0.2]\nreference_weeks = 20\noutcome = "sepsis"\noutcome_hours = 6\n'
        "false_discoveries = 0.01\nslope = [1.3, 2]\n"
    )
    found = USUAL.changed(monitoring_of(path))
    assert found == replace(
        USUAL, rate=(0.1, 0.2), reference_weeks=20, outcome="sepsis", outcome_hours=6.0, false_discoveries=0.01,
        slope=(1.3, 2.0),
    )  # fmt: skip
    path.write_text('id = "x"\n')
    assert USUAL.changed(monitoring_of(path)) == USUAL


def test_every_threshold_can_stand_in_a_manifest(tmp_path) -> None:
    """The names of the manifest are those of oversight."""
    path = tmp_path / "model.toml"
    lines = []
    for each in fields(Thresholds):
        usual = getattr(USUAL, each.name)
        value = {"outcome": '"x"', "outcome_hours": "5", "outcome_whole_stay": "true"}.get(each.name)
        lines.append(f"{each.name} = {value or (list(usual) if isinstance(usual, tuple) else usual)}")
    path.write_text("[monitoring]\n" + "\n".join(lines))
    assert set(monitoring_of(path)) == {each.name for each in fields(Thresholds)}
    with pytest.raises(ValueError, match="no such threshold: rates"):
        USUAL.changed({"rates": 1})


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("rates = [0.1, 0.2]", "unknown key rates"),
        ("rate = [0.2, 0.1]", "rising"),
        ("rate = [0.2, 1.5]", "below 1"),
        ("slope = [0.8, 1.2]", "above 1"),
        ("rate = 0.2", "rate must be a list of numbers"),
        ("reference_weeks = 3", "from 8 to 104"),
        ("false_discoveries = 2", "below 1"),
        ('outcome = "death"', "outcome_hours is missing"),
        ("outcome_hours = 4", "outcome is missing"),
    ],
)
def test_a_wrong_threshold_is_named(tmp_path, line, fault) -> None:
    """A mistyped one would be without effect, and nobody would notice."""
    path = tmp_path / "model.toml"
    path.write_text(f"[monitoring]\n{line}\n")
    with pytest.raises(ManifestInvalid, match=fault):
        monitoring_of(path)


def test_the_columns_that_monitors_need_are_there(opened) -> None:
    """Of the mart's view of events."""
    with opened([Week()] * 2) as mart:
        names = set(mart.arrays("SELECT * FROM event LIMIT 0"))
    for monitor in all_monitors(known(1, 1)):
        assert set(monitor.needs) <= names, monitor.name
    assert MixDriftMonitor.name == "mix-drift"
