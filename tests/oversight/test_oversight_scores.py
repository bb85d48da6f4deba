"""A published score in the ledger: stored whole, counted as a card, and never taken for another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

import oversight.migrations
from clinical.advice import OVERRIDE_REASONS, Outcome, ShownBefore, WithheldReason
from clinical.assessment import Indicator, Tier
from clinical.policy import Policy
from oversight import tables
from oversight.database import writing
from oversight.export import feedback_rows
from oversight.override_rates import Step, override_report
from oversight.schema import upgrade
from oversight.tables import CHAINED
from oversight.tallies import Period
from oversight.verify import verify

HOUR = timedelta(hours=1)
KEY = "ab" * 32
WHOLE = ("client", "service", "hook", "withheld", "finding", "time", "suggestion_id")


@pytest.fixture
def egfr(score):
    """A falling score at 48, in the band of 59 down to 45."""
    tier = Tier("moderately reduced", -60.0, Indicator.WARNING, "KDIGO 2024")
    change = {"value": 48.0, "highest": 48.0, "falling": True, "unit": "mL/min/{1.73_m2}", "maximum": None}
    return replace(score, tier=tier, **change)


def lower(egfr):
    """The next band: the kidneys are worse."""
    return replace(egfr, value=40.0, highest=40.0, tier=replace(egfr.tier, name="low", at_least=-45.0))


def columns_of(engine, advice):
    """The row of an entry."""
    with engine.connect() as connection:
        query = text("SELECT * FROM advice WHERE id = :id")
        return connection.execute(query, {"id": advice.id}).mappings().one()


@pytest.mark.parametrize("name", ["score", "rich", "egfr"])
def test_entry_comes_back_whole(ledger, engine, make_advice, request, name):
    """Through the database; the id of the encounter comes back to who names it, and to nobody else."""
    advice = make_advice(finding=request.getfixturevalue(name))
    ledger.append(advice)
    found = ledger.find(advice.id, client="st-mary", patient_id="p-4711")
    assert columns_of(engine, advice)["encounter"] != "enc-99"
    assert repr(found.finding) == repr(advice.finding).replace("Encounter/enc-99", "Encounter/")
    named = ledger.find(advice.id, client="st-mary", patient_id="p-4711", encounter_id="enc-99")
    assert repr(named.finding) == repr(advice.finding)
    assert [getattr(found, each) for each in WHOLE if each != "finding"] == [
        getattr(advice, each) for each in WHOLE if each != "finding"
    ]
    assert all(check.fault is None for check in verify(engine))


def test_a_repeat_gets_the_score_as_it_was(ledger, make_advice, score):
    """Equal in every field, because the caller names the encounter."""
    first = make_advice(finding=score, request_key=KEY)
    ledger.append(first)
    assert ledger.append(make_advice(finding=score, request_key=KEY)) == first


def test_columns_of_a_score(ledger, engine, make_advice, score, egfr, rich):
    """No probability and no abstention; the floor of its tier as it is compared, below zero for a falling one."""
    for finding, floor in ((score, 5.0), (egfr, -60.0)):
        advice = make_advice(finding=finding)
        ledger.append(advice)
        row = columns_of(engine, advice)
        assert (row["probability"], row["abstention"], row["model_id"]) == (None, None, "news2")
        assert (row["tier"], row["tier_at_least"], row["indicator"]) == (finding.tier.name, floor, "warning")
    weak = make_advice(finding=rich)
    ledger.append(weak)
    row = columns_of(engine, weak)
    assert (row["tier"], row["tier_at_least"], row["indicator"]) == ("high", 0.1, "info")


def test_falling_score_that_became_worse_is_no_repeat(ledger, make_advice, egfr):
    """From -60 up to -45 is worse. Back from there, the worse one stands."""
    first = make_advice(finding=egfr, request_key=KEY)
    assert ledger.append(first) is first
    worse = make_advice(finding=lower(egfr), request_key=KEY)
    assert ledger.append(worse) is worse
    assert ledger.append(make_advice(finding=egfr, request_key=KEY)).id == worse.id


def test_falling_score_and_no_answer_never_stand_for_each_other(ledger, make_advice, egfr, abstention):
    """A floor below zero is not less than that of an entry without one."""
    steps = [egfr, abstention, egfr, abstention]
    given = [make_advice(finding=finding, request_key=KEY) for finding in steps]
    stood = [ledger.append(advice).id for advice in given]
    assert stood == [given[0].id, given[1].id, given[0].id, given[1].id]
    other = make_advice(finding=abstention, request_key="cd" * 32)
    ledger.append(other)
    low = make_advice(finding=replace(egfr, tier=replace(egfr.tier, at_least=-1e6)), request_key="cd" * 32)
    assert ledger.append(low) is low


@pytest.mark.parametrize("floor", [0.0, -60.0, 7.0])
def test_the_same_tier_is_a_repeat_at_any_height(ledger, make_advice, egfr, floor):
    """Zero and minus included."""
    finding = replace(egfr, tier=replace(egfr.tier, at_least=floor))
    first = make_advice(finding=finding, request_key=KEY)
    ledger.append(first)
    assert ledger.append(make_advice(finding=finding, request_key=KEY)) == first


def test_weak_answer_does_not_stand_for_one_that_is_not(ledger, make_advice, rich):
    """The same tier, but the first was told as information only; the other way, the louder one stands."""
    first = make_advice(finding=rich, request_key=KEY)
    assert ledger.append(first) is first
    assert ledger.append(make_advice(finding=rich, request_key=KEY)) == first
    firm = make_advice(finding=replace(rich, weak=""), request_key=KEY)
    assert ledger.append(firm) is firm
    assert ledger.append(make_advice(finding=rich, request_key=KEY)).id == firm.id


def test_shown_scores_are_history(ledger, make_advice, answer, score, egfr):
    """With their floors and overrides; they use up budgets. Openings of the page use up none."""
    first = make_advice(finding=egfr)
    first = replace(first, time=first.time - 2 * HOUR)
    ledger.append(first)
    opened = replace(make_advice(finding=score, hook="smart-launch"), time=first.time + HOUR)
    ledger.append(opened)
    ledger.record([answer(opened, outcome=Outcome.ACCEPTED, time=opened.time)])  # so somebody saw it
    ledger.append(replace(make_advice(finding=score, withheld=WithheldReason.SHADOW), time=first.time + HOUR))
    ledger.record([answer(first, reason=OVERRIDE_REASONS[1])])
    call = make_advice(finding=egfr)
    found = ledger.history(call, call.time - 24 * HOUR)
    override = first.time + timedelta(minutes=5)
    assert found.shown == (
        ShownBefore(first.time + HOUR, 5.0, indicator=score.indicator),
        ShownBefore(first.time, -60.0, override, "cds-not-applicable", egfr.indicator),
    )
    assert (found.to_clinician, found.in_encounter) == (1, 1)


def test_policy_keeps_back_a_falling_score_until_it_is_worse(ledger, make_advice, egfr):
    """The rules against alert fatigue work on scores as on risks, in the real ledger."""
    policy = Policy(repeat_within=12 * HOUR)
    first = make_advice(finding=egfr)
    ledger.append(first)

    def decided(finding):
        """What the policy says an hour later."""
        call = replace(make_advice(finding=finding), time=first.time + HOUR)
        since = call.time - policy.look_back
        return policy.decide(finding, user=call.user, now=call.time, history=lambda: ledger.history(call, since))

    assert decided(egfr) is WithheldReason.REPEAT
    assert decided(lower(egfr)) is None


def test_scores_count_as_cards(ledger, engine, tallies, make_advice, answer, score):
    """Shown, accepted, overridden with reasons, and exported with their tier."""
    cards = [make_advice(finding=score, service="news2") for _ in range(3)]
    for card in cards:
        ledger.append(card)
    ledger.append(make_advice(finding=score, service="news2", withheld=WithheldReason.BELOW_THRESHOLD))
    ledger.record([answer(cards[0], reason=OVERRIDE_REASONS[0]), answer(cards[1], outcome=Outcome.ACCEPTED)])
    day = cards[0].time.date()
    report = override_report(tallies.tallies(Period(day, day), "news2"), Period(day, day), Step.DAY)
    assert (report.total.shown, report.total.accepted, report.total.overridden) == (3, 1, 1)
    assert (report.total.abstained, report.total.withheld) == (0, (("below-threshold", 1),))
    assert [(each.reason, each.number) for each in report.reasons] == [(OVERRIDE_REASONS[0], 1)]
    rows = list(feedback_rows(engine, Period(day, day)))
    assert [(row.service, row.tier, row.outcome) for row in rows] == [
        ("news2", "medium", "overridden"),
        ("news2", "medium", "accepted"),
    ]


@pytest.fixture
def before(url, open_ledger):
    """A ledger in the schema before scores."""
    ledger, engine = open_ledger(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
        for table in reversed(CHAINED[CHAINED.index(tables.incident) :]):
            connection.execute(text(f"DROP TABLE {table.name}"))
        connection.execute(text("DROP INDEX ix_feedback_clinician_time"))
        for columns in (["patient", "service", "clinician", "time"], ["clinician", "time"], ["encounter"]):
            name = "_".join(["ix_advice", *columns])
            connection.execute(text(f"DROP INDEX {name}"))
            its = f"CREATE INDEX {name} ON advice ({', '.join(columns)})"
            connection.execute(text(f"{its} WHERE withheld IS NULL AND probability IS NOT NULL"))
    return ledger, engine


def indexes(engine):
    """Names and conditions of the indexes of advice."""
    return sorted(
        (index["name"], {name: str(value) for name, value in index.get("dialect_options", {}).items()})
        for index in inspect(engine).get_indexes("advice")
    )


def test_ledger_of_before_takes_scores_after_the_upgrade(before, make_advice, score, rich):
    """Entries stay what they are, byte for byte; the indexes take in scores."""
    ledger, engine = before
    old = make_advice(finding=replace(rich, comparators=()))
    ledger.append(old)
    row = dict(columns_of(engine, old))
    upgrade(engine)
    assert dict(columns_of(engine, old)) == row
    new = make_advice(finding=score)
    ledger.append(new)
    assert ledger.history(make_advice(), old.time - HOUR).to_clinician == 2
    assert all(check.fault is None for check in verify(engine))
    conditions = [str(its) for _, its in indexes(engine)]
    assert sum("abstention" in condition for condition in conditions) == 3
    assert not any("probability" in condition for condition in conditions)


def test_schema_of_before_is_what_the_second_migration_made(before, empty_url, open_ledger):
    """So that the test above begins where a user does."""
    _, engine = open_ledger(empty_url)
    config = Config()
    config.set_main_option("script_location", str(Path(oversight.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with writing(engine, one_at_a_time=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")

    assert indexes(engine) == indexes(before[1])


def test_history_is_found_by_its_indexes(tmp_path, open_ledger, make_advice):
    """The conditions of statement and index are the same, so that no call reads all advice."""
    from sqlalchemy.dialects import sqlite

    from oversight.history import _STATEMENT

    _, engine = open_ledger(f"sqlite:///{tmp_path / 'plan.db'}")
    upgrade(engine)
    statement = str(_STATEMENT.compile(dialect=sqlite.dialect()))
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("x",) * statement.count("?")).all()
    steps = [row[3] for row in plan]
    used = " ".join(steps)
    assert "SCAN advice" not in used
    for name in ("patient_service_clinician_time", "clinician_time", "encounter"):
        assert f"ix_advice_{name}" in used
