"""What the quality figures say about the seeded ledger, held against what is true of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from chartside.history.comments import BROKEN
from chartside.history.patients import CONCEPTS, GROUPS
from chartside.history.plan import ICU_MORTALITY, READMISSION, SEPSIS, SERVICES, SHADOW
from chartside.history.truth import cards
from chartside.history.ward import UNITS
from oversight import tables
from oversight.analytics.burden import burden
from oversight.analytics.funnel import funnel, funnels
from oversight.analytics.judged import judged
from oversight.analytics.selection import By, Selection
from oversight.database import reading
from oversight.follow_up.keys import outcome_name
from oversight.incidents import SqlIncidents
from oversight.statistics.cards import AnsweredCards
from oversight.statistics.comments import precision_at, usual_ranker
from oversight.statistics.drift import Level, Measure, drift_report
from oversight.statistics.drift_numeric import numeric_drift, numeric_reference
from oversight.statistics.equity import equity
from oversight.statistics.equity_groups import attribute
from oversight.statistics.equity_responses import median_equity, response_rates, standardised_equity
from oversight.statistics.feedback_aware import feedback_aware
from oversight.statistics.refused import Refused
from oversight.statistics.simpson import compare
from oversight.verify import verify


def as_funnel(found):
    """A funnel in the form of the truth's counts."""
    names = ("entries", "on_page", "abstained", "abstained_shown", "assessed", "cards", "accepted", "overridden",
             "snoozed")  # fmt: skip
    return {name: getattr(found, name) for name in names} | {"withheld": dict(found.withheld)}


def as_counts(counts):
    """The truth's counts in the same form."""
    return {name: getattr(counts, name) for name in counts.__slots__}


def test_the_ledger_is_whole(seeded):
    """Every chain holds, and every entry of the history is there once."""
    checks = {check.table: check for check in verify(seeded.engine, [])}
    assert all(check.fault is None for check in checks.values())
    assert checks["advice"].rows == seeded.truth.total.entries == seeded.history.rows.size


def test_no_identity_is_in_the_ledger(seeded):
    """The ids of patients and clinicians stand nowhere in the file: only their pseudonyms do."""
    content = b"".join(path.read_bytes() for path in seeded.file.parent.glob("ledger.db*"))
    assert b"made-up-" not in content.replace(b"made-up history", b"")
    assert b"physician-" not in content


def test_counts_of_all_entries_are_exact(seeded):
    """The funnel over everything is what happened."""
    assert as_funnel(funnel(seeded.mart, Selection(seeded.period))) == as_counts(seeded.truth.total)


@pytest.mark.parametrize("by", [By.SERVICE, By.UNIT])
def test_counts_of_each_service_and_unit_are_exact(seeded, by):
    """The same by service and by unit."""
    known = seeded.truth.services if by is By.SERVICE else seeded.truth.units
    found = {each.key: as_funnel(each) for each in funnels(seeded.mart, Selection(seeded.period), by)}
    assert found == {name: as_counts(counts) for name, counts in known.items()}


def test_rates_are_exact(seeded):
    """Override, acceptance and no-answer rates to 1e-9."""
    for each in funnels(seeded.mart, Selection(seeded.period), By.UNIT):
        true = seeded.truth.units[each.key]
        answered = true.accepted + true.overridden
        assert each.override_rate.value == pytest.approx(true.overridden / answered, abs=1e-9)
        assert each.acceptance_rate.value == pytest.approx(true.accepted / true.cards, abs=1e-9)
        silent = true.cards - answered - true.snoozed
        assert each.no_answer_share.value == pytest.approx(silent / true.cards, abs=1e-9)


def test_burden_is_exact(seeded):
    """Cards, repeats within three days and overrides that nobody can have read."""
    found = burden(seeded.mart, Selection(seeded.period))
    assert (found.cards, found.repeats.count) == (seeded.truth.total.cards, seeded.truth.repeats)
    assert found.reflex.count == seeded.truth.reflex > 0


def test_outcomes_and_reports_are_exact(seeded):
    """Every outcome that became known in time, and the reports of problems."""
    table = tables.outcome
    query = select(table.c.name, func.count().filter(table.c.occurred), func.count()).group_by(table.c.name)
    with reading(seeded.engine) as connection:
        found = {name: (events, stays) for name, events, stays in connection.execute(query)}
    words = ("death in hospital", "onset of sepsis", "readmission to hospital")
    assert found == {outcome_name(said): seeded.truth.outcomes[SERVICES[place]] for place, said in enumerate(words)}
    assert len(SqlIncidents(seeded.engine, seeded.pseudonyms).incidents()) == 7


def answered_sepsis(mart):
    """The answered cards of sepsis-6h, as the comparison wants them, with the names of the units."""
    found = mart.arrays(
        "SELECT outcome = 'overridden' AS overridden, model_version <> '0.9.0' AS later, unit_name, clinician, "
        "probability FROM event WHERE card AND service = 'sepsis-6h' AND outcome IN ('accepted', 'overridden')"
    )
    names, unit = np.unique(found["unit_name"].astype(str), return_inverse=True)
    clinician = np.unique(found["clinician"].astype(str), return_inverse=True)[1]
    stratum = np.digitize(found["probability"].astype(float), [1 / 3, 0.5])
    overridden, later = (np.asarray(found[name]).astype(np.int64) for name in ("overridden", "later"))
    return AnsweredCards(overridden, later, unit, stratum, clinician), names


def test_the_reversal_is_flagged(seeded):
    """The second version looks worse and is better in every unit alike: the comparison says so."""
    answered, _ = answered_sepsis(seeded.mart)
    found = compare(answered)
    assert found.reversal
    assert found.crude.difference.low > 0 > found.standardised.difference.high
    effect = found.adjusted.log_odds
    assert effect.low < seeded.wishes.plan.version_effect < effect.high < 0


def test_the_crude_table_is_that_of_the_truth(seeded):
    """Overridden and answered by unit, before and after."""
    answered, names = answered_sepsis(seeded.mart)
    for place, name in enumerate(names):
        for later, period in enumerate(("before", "after")):
            here = (answered.unit == place) & (answered.later == later)
            found = (int(answered.overridden[here].sum()), int(here.sum()))
            assert found == seeded.truth.override_by_unit[name][period]


def group_of_patients(seeded, name):
    """Pseudonym → value of one attribute, as loaded."""
    table = tables.patient_group
    with reading(seeded.engine) as connection:
        rows = connection.execute(select(table.c.patient, table.c.value).where(table.c.attribute == name))
        return dict(rows.all())


def test_groups_are_those_of_the_patients(seeded):
    """Every assessed patient has all four attributes, with labels that exist."""
    patients = np.unique(seeded.history.stays.patient[np.unique(seeded.history.rows["stay"])])
    for name, labels in GROUPS.items():
        found = group_of_patients(seeded, name)
        assert len(found) == patients.size
        assert set(found.values()) == set(labels)


def test_the_gap_is_found(seeded):
    """Patients who speak Spanish: more overrides, also at equal risk and place, and slower answers."""
    plan, gap = seeded.wishes.plan, seeded.truth.gap
    events = seeded.mart.arrays(
        "SELECT patient, outcome, seconds, probability, unit_name FROM event WHERE card ORDER BY sequence"
    )
    outcome = np.ma.filled(np.ma.asarray(events["outcome"]).astype(object), "").astype(str)
    languages = group_of_patients(seeded, plan.gap_group[0])
    language = attribute("language", [languages[each] for each in events["patient"]])
    overridden, accepted = outcome == "overridden", outcome == "accepted"
    rate, silence = response_rates(overridden, accepted, np.ones(outcome.size, dtype=np.bool_))
    report, _ = equity([language], [rate, silence])
    found = {each.group: each for each in report.groups}[(plan.gap_group,)]
    assert found.rate.value == pytest.approx(gap.override_rate, abs=1e-9)
    assert found.difference.low > 0
    stratum = np.unique(events["unit_name"].astype(str), return_inverse=True)[1]
    fair = standardised_equity([language], rate, stratum, len(UNITS))
    assert {each.group: each for each in fair}[(plan.gap_group,)].difference.low > 0
    seconds = np.ma.filled(np.ma.asarray(events["seconds"], dtype=np.float64), np.nan)
    seconds[~(overridden | accepted)] = np.nan
    crude = {each.group: each.median for each in median_equity([language], seconds)}
    assert crude[(plan.gap_group,)].value == pytest.approx(gap.seconds, rel=1e-6)
    # Overrides are quicker than acceptances, so the two are held apart.
    fair = median_equity([language], seconds, overridden.astype(np.int64), 2)
    medians = {each.group: each.median for each in fair}
    slow, usual = medians[(plan.gap_group,)], medians[(("language", "English"),)]
    assert slow.low > usual.high
    assert slow.value / usual.value == pytest.approx(plan.gap_slowness, rel=0.25)


def read_values(seeded, rows):
    """The value of each concept and the risk, as the ledger's findings hold them."""
    sequences = np.flatnonzero(np.isin(np.arange(seeded.history.rows.size), rows)) + 1
    ids = seeded.mart.rows(
        f"SELECT id, sequence FROM advice WHERE sequence IN ({', '.join(map(str, sequences))}) ORDER BY sequence"
    )
    found, risks = [], []
    for advice_id, sequence in ids:
        stay = seeded.history.rows["stay"][sequence - 1]
        patient = f"made-up-{seeded.history.stays.patient[stay]}"
        advice = seeded.ledger.find(advice_id, client="demo-ehr", patient_id=patient)
        reasons = {each.concept: each.value for each in advice.finding.explanation.attributions}
        found.append([np.nan if reasons[each.name] is None else reasons[each.name] for each in CONCEPTS])
        risks.append(advice.finding.probability)
    return np.array(found), np.array(risks)


def drifted(seeded, unit):
    """The drift report of a unit's sepsis-6h entries from day 60 on, against the days before."""
    rows = seeded.history.rows
    names = [each.name for each in UNITS]
    here = (rows["service"] == SEPSIS) & rows["first"] & ~rows["abstained"] & (rows["unit"] == names.index(unit))
    change = seeded.wishes.plan.unit_change_day
    before, risk_before = read_values(seeded, np.flatnonzero(here & (rows["time"] < change)))
    now, risk_now = read_values(seeded, np.flatnonzero(here & (rows["time"] >= change)))
    moved = [
        numeric_drift(numeric_reference(each.name, before[:, place]), now[:, place])
        for place, each in enumerate(CONCEPTS)
    ]
    moved.append(numeric_drift(numeric_reference("risk", risk_before), risk_now))
    return drift_report(moved), {each.column: each for each in moved}


def test_the_changed_unit_is_found(seeded):
    """The glucose of Ward 4 West is 18 times as large as before, which also raises its risks; nothing else moved."""
    report, moved = drifted(seeded, seeded.wishes.plan.unit_changed)
    loud = {(each.column, each.measure) for each in report.raised}
    assert report.findings[0].column == "glucose"
    assert report.findings[0].level is Level.ALARM
    assert moved["glucose"].shape.factor == pytest.approx(seeded.wishes.plan.factor, rel=0.1)
    assert ("risk", Measure.DISTRIBUTION) in loud
    assert {column for column, _ in loud} == {"glucose", "risk"}


def test_the_ward_next_door_did_not_drift(seeded):
    """Ward 3 East kept its laboratory."""
    report, _ = drifted(seeded, "Ward 3 East")
    assert not [each for each in report.raised if each.level is Level.ALARM]
    assert "glucose" not in {each.column for each in report.raised}


def test_comments_about_the_broken_rule_come_first(seeded):
    """Of the first twenty comments, at least sixteen say that a rule is broken."""
    found = seeded.mart.rows(
        "SELECT comment, service, day FROM event WHERE card AND outcome = 'overridden' AND comment <> ''"
    )
    texts = [text for text, _, _ in found]
    broken = [text in BROKEN for text in texts]
    assert sum(broken) == seeded.truth.broken_comments >= 20
    assert len(texts) - sum(broken) == seeded.truth.other_comments
    ranked = usual_ranker().rank(texts)
    assert precision_at(ranked, broken, 20) >= 0.8
    first_day = (seeded.wishes.first_day - datetime(1970, 1, 1, tzinfo=UTC).date()) // timedelta(days=1)
    days = [found[each.index][2] - first_day for each in ranked[:20] if broken[each.index]]
    assert all(seeded.wishes.plan.broken_day <= day <= seeded.wishes.plan.broken_day + 10 for day in days)


HORIZONS = {ICU_MORTALITY: None, SEPSIS: 6.0, READMISSION: 720.0}


def firsts(seeded, service):
    """Judged first assessments of a service, and the rows that they must be, in the same order."""
    words = ("death in hospital", "onset of sepsis", "readmission to hospital")[service]
    selection = Selection(seeded.period, service=SERVICES[service])
    found = judged(seeded.mart, selection, outcome_name(words), HORIZONS[service], by_encounter=True)
    rows = seeded.history.rows
    first = rows["first"][found.rows["sequence"] - 1]
    return {name: column[first] for name, column in found.rows.items()}, seeded.history.performance(
        service, known_only=True
    )


@pytest.mark.parametrize("service", [ICU_MORTALITY, SEPSIS, READMISSION])
def test_assessments_with_outcomes_are_those_of_the_history(seeded, service):
    """Risk, card, treatment and outcome of each first assessment, out of advice, answers, actions and outcomes."""
    found, true = firsts(seeded, service)
    assert found["probability"] == pytest.approx(true.risk, abs=1e-9)
    for name, expected in (("alerted", true.alerted), ("treated", true.treated), ("outcome", true.happened)):
        assert (found[name].astype(np.bool_) == expected).all(), name


def allowing_for_treatment(seeded, service):
    """Naive and weighted figures out of the ledger alone, and the PPV that is true."""
    found, true = firsts(seeded, service)
    names, features = seeded.history.logged(seeded.history.rows[found["sequence"] - 1])
    alerted, treated = (found[name].astype(np.bool_) for name in ("alerted", "treated"))
    rng = np.random.default_rng(0)
    figures = feedback_aware(
        found["outcome"], found["probability"], alerted, treated, features, names, rng, replicates=200
    )
    return figures, true.untreated[true.alerted].mean()


def test_the_weighted_ppv_is_true_where_the_naive_one_is_too_low(seeded):
    """sepsis-6h: the interval of the weighted PPV holds the truth and lies above the naive PPV."""
    both, true = allowing_for_treatment(seeded, SEPSIS)
    assert both.weighted.ppv.low <= true <= both.weighted.ppv.high
    assert both.naive.ppv.value < both.weighted.ppv.low


def test_too_few_untreated_cards_are_refused(seeded):
    """icu-mortality: hardly any card goes unheeded, so ninety days tell too little, and no number is given."""
    both, true = allowing_for_treatment(seeded, ICU_MORTALITY)
    assert isinstance(both.weighted, Refused)
    assert both.naive.ppv.value < true - 0.05


def test_actions_are_those_that_were_taken(seeded):
    """Every card that was acted on has an action, answered or not, and no other entry has one."""
    with reading(seeded.engine) as connection:
        found = set(connection.scalars(select(tables.action_seen.c.advice_sequence)))
    rows = seeded.history.rows
    assert found == set((np.flatnonzero(rows["acted"] & cards(rows)) + 1).tolist())


def test_the_shadow_is_never_seen(seeded):
    """The model that runs beside sepsis-6h has no card, and entries that would have been one."""
    counts = seeded.truth.services[SERVICES[SHADOW]]
    assert counts.cards == 0 < counts.withheld["shadow"]
