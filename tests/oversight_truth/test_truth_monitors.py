"""What the monitors say about the seeded ledger, week by week, held against what is true of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from chartside.history.plan import ICU_MORTALITY, READMISSION, SEPSIS, SERVICES
from models.runtime.catalogue import read_manifests
from models.runtime.manifest_monitoring import monitoring_of
from oversight.analytics.judged import judged
from oversight.follow_up.keys import outcome_name
from oversight.local_card import INPUTS, filled, local_card
from oversight.monitor_runs import KeptRun
from oversight.monitors.realised import WEIGHTED
from oversight.monitors.reasons import WEIGHTS
from oversight.monitors.result import MonitorResult, Status
from oversight.monitors.run import ServiceRun, run_all
from oversight.monitors.thresholds import USUAL, Thresholds
from oversight.statistics.drift import JOINT
from oversight.tallies import Period

LEADS = "leading reason: distribution"
HORIZONS = {ICU_MORTALITY: None, SEPSIS: 6.0, READMISSION: 720.0}
SEPSIS_SERVICES = ("sepsis-6h", "sepsis-6h-physiology")
# The twin has too few stays a week in that ward to judge it by itself.
WITH_WARD = ("sepsis-6h", "readmission-30d")
WITH_OUTCOME = ("icu-mortality", "sepsis-6h", "sepsis-6h-physiology", "readmission-30d")


@dataclass(frozen=True, slots=True)
class Weeks:
    """Runs of all services, by the number of full weeks since the first Monday."""

    first: date
    runs: dict[int, dict[str, ServiceRun]]

    def of(self, week: int, service: str, monitor: str) -> MonitorResult:
        """One answer."""
        return next(each for each in self.runs[week][service].results if each.monitor == monitor)


@pytest.fixture(scope="module")
def thresholds() -> dict[str, Thresholds]:
    """As the manifests have them."""
    return {
        name: USUAL.changed(monitoring_of(manifest.folder / "model.toml"))
        for name, manifest in read_manifests().items()
    }


def null_week(seeded) -> Period:
    """The full week within the days in which nothing happens but what always does, give or take its last day."""
    first, last = (seeded.wishes.first_day + timedelta(days=day) for day in seeded.wishes.plan.null_days)
    monday = first + timedelta(days=-first.weekday() % 7)
    assert monday + timedelta(days=5) <= last
    return Period(monday, monday + timedelta(days=6))


@pytest.fixture(scope="module")
def weeks(seeded, thresholds) -> Weeks:
    """Three weeks: the one of nothing, one soon after the laboratory's change, and the last."""
    made, first = {}, null_week(seeded)
    for name, last in (("null", first.last), ("changed", first.last + timedelta(weeks=4)), ("end", seeded.period.last)):
        made[name] = {run.service: run for run in run_all(seeded.mart, last, thresholds.__getitem__, judged)}
    assert [run.at_fault for runs in made.values() for run in runs.values() if run.at_fault] == []
    return Weeks(first.first, made)


def judged_by(seeded, service: int, first: str, last: str):
    """First assessments of some days with a risk and a known outcome: the history's own rows, and their performance."""
    rows = seeded.history.rows
    days = [(date.fromisoformat(day) - seeded.wishes.first_day).days for day in (first, last)]
    chosen = rows["first"] & (rows["service"] == service) & ~rows["abstained"]
    chosen &= seeded.history.known(service)[rows["stay"]]
    found = seeded.history.performance(service, known_only=True)
    kept = (rows["time"][chosen] >= days[0]) & (rows["time"][chosen] < days[1] + 1)
    return found, kept


def test_nothing_is_no_alarm(weeks):
    """The week in which only what is there always is there: no monitor of any service is loud."""
    for service, run in weeks.runs["null"].items():
        loud = [(each.monitor, each.words) for each in run.results if each.alarms]
        assert loud == [], service


def test_only_what_was_planted_raises_an_alarm(weeks):
    """The laboratory's unit, the broken rule's weeks among outcomes, and the roll-out that moved units."""
    loud = {
        (each.monitor, service, check.subject)
        for runs in weeks.runs.values()
        for service, run in runs.items()
        for each in run.results
        for check in each.alarms
    }
    assert {service for monitor, service, _ in loud if monitor == "performance"} == {"readmission-30d"}
    # Weeks after it, the broken rule is among the weeks before: what it counted twice has moved back.
    rule = ("feature-drift", "readmission-30d", "Earlier stays")
    drifting = {
        (monitor, service, subject)
        for monitor, service, subject in loud
        if monitor != "performance" and (monitor, service, subject.split(" in ")[0].split(":")[0]) != rule
    }
    ward = {("feature-drift", service, "Glucose in Ward 4 West: distribution") for service in WITH_WARD}
    assert ward <= drifting
    assert drifting <= {
        *ward,
        *(("feature-drift", service, "Glucose: distribution") for service in (*SEPSIS_SERVICES, "readmission-30d")),
        ("feature-drift", "sepsis-6h-physiology", "Glucose in Ward 4 West: distribution"),
        *(("mix-drift", service, "unit: distribution") for service in SEPSIS_SERVICES),
        *(("reasons-drift", service, LEADS) for service in (*SEPSIS_SERVICES, "readmission-30d")),
        ("reasons-drift", "readmission-30d", WEIGHTS),
        *(("classifier-drift", service, JOINT) for service in (*SEPSIS_SERVICES, "readmission-30d")),
    }


def test_the_new_unit_shows_in_reasons_and_in_all_values_together(weeks):
    """Glucose takes over the explanations of readmission-30d, and the words say so; where nothing was planted, none."""
    found = weeks.of("changed", "readmission-30d", "reasons-drift")
    assert {check.subject for check in found.alarms} == {LEADS, WEIGHTS}
    assert [found.figures[name][0]["concept"] for name in ("leads", "weights")] == ["Glucose", "Glucose"]
    assert "Glucose leads in " in found.words
    assert found.figures["rank_correlation"] < 0.8
    assert LEADS in {check.subject for check in weeks.of("end", "readmission-30d", "reasons-drift").alarms}
    joint = weeks.of("changed", "readmission-30d", "classifier-drift")
    assert joint.status is Status.ALARM
    assert joint.figures["auroc"][1] >= USUAL.classifier[1]
    for week in weeks.runs:
        for service, run in weeks.runs[week].items():
            loud = {each.monitor for each in run.results if each.alarms} & {"reasons-drift", "classifier-drift"}
            assert not loud or (week != "null" and service != "icu-mortality"), (week, service)
            for check in (check for each in run.results if each.monitor == "reasons-drift" for check in each.alarms):
                assert "Glucose" in check.words, check.words


def test_the_feeds_are_judged_and_no_worse(weeks):
    """Nothing is planted in a feed: each week that can be judged is ok; the score is the share of its worst part."""
    found = {
        (week, service): weeks.of(week, service, "feed-quality") for week in weeks.runs for service in WITH_OUTCOME
    }
    assert {each.status for each in found.values()} == {Status.OK, Status.REFUSED}
    assert "8 weeks before it are needed" in found["null", "icu-mortality"].words
    assert found["end", "icu-mortality"].status is found["end", "readmission-30d"].status is Status.OK
    for each in found.values():
        for feed in each.figures["feeds"]:
            assert feed["score"] == min(now for _, now in feed["parts"].values() if now is not None)


def test_words_begin_with_the_factor_and_the_ward(weeks):
    """Soon after the change and weeks later, when the weeks before hold changed values too."""
    for week in ("changed", "end"):
        for service in WITH_WARD:
            found = weeks.of(week, service, "feature-drift")
            assert found.words.startswith("Glucose in Ward 4 West is 1"), (week, service, found.words)
            assert "times as large since the week of" in found.words
            assert "looks like mg/dL read as mmol/L" in found.words


def test_the_broken_rule_shows_in_outcomes(seeded, weeks):
    """Weighted for what was acted on: the truth of no treatment lies in the interval, the naive figure below it."""
    found = weeks.of("changed", "readmission-30d", "performance")
    plan = seeded.wishes.plan
    broken = seeded.wishes.first_day + timedelta(days=plan.broken_day)
    assert found.figures["first"] <= broken.isoformat() <= found.figures["last"]
    assert (found.status, found.figures["basis"]) == (Status.ALARM, WEIGHTED)
    rows, kept = judged_by(seeded, READMISSION, found.figures["first"], found.figures["last"])
    expected = rows.risk[kept].sum()
    true, naive = rows.untreated[kept].sum() / expected, rows.happened[kept].sum() / expected
    value, low, high = found.figures["observed_expected"]
    assert low <= true <= high
    assert abs(value - true) < 0.15
    assert naive < true < 0.9


@pytest.mark.parametrize("week", ["null", "changed", "end"])
def test_heeded_cards_are_no_alarm(seeded, weeks, week):
    """Sepsis: fewer events than expected because cards were heeded, so naive figures are watched and never an alarm."""
    found = weeks.of(week, "sepsis-6h", "performance")
    assert found.figures["basis"].startswith("outcomes taken as they came")
    assert found.status is Status.WATCH
    assert found.figures["heeded"]
    assert "Heeded cards alone" in found.words
    rows, kept = judged_by(seeded, SEPSIS, found.figures["first"], found.figures["last"])
    expected = rows.risk[kept].sum()
    true, naive = rows.untreated[kept].sum() / expected, rows.happened[kept].sum() / expected
    # The monitor also counts later assessments of a stay, which truth here leaves out.
    assert found.figures["observed_expected"][0] == pytest.approx(naive, abs=0.12)
    assert found.figures["observed_expected"][0] < true
    # What heeding has averted is most of the distance from 1 where nothing else is wrong.
    assert week != "null" or abs(true - 1) < 0.5 * abs(naive - 1)


def test_a_twin_in_shadow_is_judged_as_carefully(weeks):
    """Its own cards are never shown, but those of the other service were heeded in the same stays."""
    for week in weeks.runs:
        found = weeks.of(week, "sepsis-6h-physiology", "performance")
        assert found.status is not Status.ALARM
        assert "no card was shown" in found.figures["basis"]


def test_too_few_are_refused(weeks):
    """At first there are too few weeks and outcomes, and the monitors say which."""
    assert "8 earlier weeks with entries" in weeks.of("null", "icu-mortality", "volume").words
    assert weeks.of("null", "readmission-30d", "estimated-performance").status is Status.REFUSED
    assert weeks.of("end", "sepsis-6h", "override-rate").status is Status.REFUSED
    assert "Version 1.0.0 came in" in weeks.of("end", "sepsis-6h", "override-rate").words


def test_the_gap_is_watched_and_exact(seeded, weeks):
    """Sensitivity by language to 1e-9; Spanish is told, and no group of an attribute in which nothing was planted."""
    found = weeks.of("end", "sepsis-6h", "fairness")
    assert found.status is Status.WATCH
    attribute, label = seeded.wishes.plan.gap_group
    assert found.words.startswith(f"{label}: sensitivity ")
    assert found.words.count("sensitivity") == 1
    rows, kept = judged_by(seeded, SEPSIS, found.figures["first"], found.figures["last"])
    stays = rows.stay[kept]
    events, alerted = rows.happened[kept], rows.alerted[kept]
    mine = seeded.history.stays.in_gap[stays]
    figures = {each["group"]: each for each in found.figures["attributes"][attribute]}
    assert figures[label]["sensitivity"][0] == pytest.approx(alerted[events & mine].mean(), abs=1e-9)
    assert figures["everybody"]["sensitivity"][0] == pytest.approx(alerted[events].mean(), abs=1e-9)
    assert (figures[label]["rows"], figures["everybody"]["rows"]) == (mine.sum(), mine.size)
    assert found.figures["events"] == events.sum()


def test_the_card_is_filled_with_what_the_monitors_found(weeks):
    """Local validity and fairness of the last week, in the words of the card."""
    run = weeks.runs["end"]["sepsis-6h"]
    kept = [
        KeptRun(
            number, datetime(2026, 6, 1, 5, tzinfo=UTC), each.monitor, run.service, run.version, run.week.first,
            run.week.last, each.status.value, each.subject, each.words, each.figures, (), {},
        )
        for number, each in enumerate(run.results, 1)
    ]  # fmt: skip
    card = local_card("sepsis-6h", kept)
    value = weeks.of("end", "sepsis-6h", "performance").figures["auroc"][0]
    assert f"AUROC: {value:.2f} (" in card.validity.text
    assert "- Spanish, " in card.fairness.text
    assert f"in the week of {run.week.first}, whose outcomes may not be known yet:" in card.validity.text
    for monitor, what in INPUTS.items():
        assert f"- {what}: {weeks.of('end', 'sepsis-6h', monitor).status}." in card.validity.text
    source = [{"id": name, "available": False, "text": "?"} for name in ("validity-local", "fairness-local", "funding")]
    made = {each["id"]: each for each in filled(source, card)}
    assert made["funding"] == source[2]
    assert made["validity-local"]["available"]
    assert made["fairness-local"] == {**source[1], "available": True, "text": card.fairness.text, "as_of": "2026-06-01"}


def test_the_manifests_name_the_outcomes_of_their_models(thresholds):
    """The name is that of the model's own outcome, and its hours are those of the horizon."""
    shelf = read_manifests()
    for name in WITH_OUTCOME:
        assert thresholds[name].outcome == outcome_name(shelf[name].info.outcome), name
    windows = {name: thresholds[name].window_hours for name in WITH_OUTCOME}
    assert [windows[SERVICES[service]] for service in HORIZONS] == list(HORIZONS.values())
    assert windows["sepsis-6h-physiology"] == windows["sepsis-6h"]
