"""What came of the advice, told to the ledger: once, in order, without identities."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from clinical.errors import LedgerUnavailable
from clinical.follow_up import ActionSeen, ObservedOutcome, PatientGroup
from oversight.database import open_engine
from oversight.follow_up import statements
from oversight.follow_up.actions import SqlActions
from oversight.follow_up.groups import SqlGroups
from oversight.follow_up.keys import content_key, outcome_name
from oversight.follow_up.outcomes import SqlOutcomes
from oversight.follow_up.statements import Loaded
from oversight.follow_up.status import status
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade
from oversight.verify import verify

KEY = b"a key for tests, 32 bytes or more"
DEATH = "death-in-hospital"
DAY = timedelta(days=1)


@pytest.fixture
def outcomes(engine, clock):
    """The outcomes of the same database."""
    return SqlOutcomes(engine, Pseudonyms(KEY), clock)


@pytest.fixture
def died(clock):
    """That p-4711 died in hospital; keywords change it."""
    base = ObservedOutcome("p-4711", "st-mary", DEATH, True, clock.now() - DAY, "enc-99")
    return lambda **changes: replace(base, **changes)


def rows(engine, table):
    """All rows of a table."""
    with engine.connect() as connection:
        return connection.execute(text(f"SELECT * FROM {table} ORDER BY sequence")).mappings().all()


def said(engine):
    """What the outcomes say, in order."""
    return [bool(row["occurred"]) for row in rows(engine, "outcome")]


def test_an_outcome_stands_without_identities(engine, outcomes, died, clock):
    """Patient and stay under their pseudonyms, with when it was told, from where, and the key in use."""
    assert outcomes.load([died()], "deaths.csv") == Loaded(stored=1, repeated=0)
    (row,) = rows(engine, "outcome")
    names = Pseudonyms(KEY)
    assert row["patient"] == names.patient("st-mary", "p-4711")
    assert row["encounter"] == names.encounter("st-mary", "enc-99")
    assert (row["client"], row["name"], row["source"], row["key_id"]) == ("st-mary", DEATH, "deaths.csv", names.key_id)
    assert "p-4711" not in repr(row)
    assert "enc-99" not in repr(row)


def test_no_key_can_be_guessed_from_an_identity(engine, outcomes, died):
    """The content key is made from the pseudonym: another secret gives another key."""
    outcomes.load([died()], "a")
    other = SqlOutcomes(engine, Pseudonyms(b"another key for tests, 32 bytes or more"), outcomes._clock)
    assert other.load([died()], "a") == Loaded(1, 0)
    first, second = (row["content_key"] for row in rows(engine, "outcome"))
    assert first != second


def test_the_same_file_twice_stores_nothing_twice(engine, outcomes, died):
    """Nor does the same line twice, nor the same outcome from another file."""
    file = [died(), died(patient_id="p-2", encounter_id=None, occurred=False), died()]
    assert outcomes.load(file, "a") == Loaded(2, 1)
    assert outcomes.load(file, "a") == Loaded(0, 3)
    assert outcomes.load(file, "another file") == Loaded(0, 3)
    assert len(rows(engine, "outcome")) == 2


def test_a_contradiction_is_a_newer_statement(engine, outcomes, died):
    """Nothing is changed: the correction stands behind what it corrects, and an old file brings nothing back."""
    outcomes.load([died()], "a")
    assert outcomes.load([died(occurred=False)], "b") == Loaded(1, 0)
    assert outcomes.load([died()], "a") == Loaded(0, 1)
    assert said(engine) == [True, False]


def test_a_new_delivery_may_return_to_what_was_said_first(engine, outcomes, died):
    """The correction was wrong: the third file says what the first said, and is heard."""
    for source, occurred in (("a", True), ("b", False), ("c", True)):
        outcomes.load([died(occurred=occurred)], source)
    assert said(engine) == [True, False, True]


def test_to_and_fro_within_one_file_is_kept_once(engine, outcomes, died):
    """The last line counts, and loading the file again adds nothing."""
    file = [died(), died(occurred=False), died(), died()]
    assert outcomes.load(file, "a") == Loaded(3, 1)
    assert outcomes.load(file, "a") == Loaded(0, 4)
    assert said(engine) == [True, False, True]


def test_another_time_another_name_another_stay(engine, outcomes, died):
    """Each makes another statement; a time in another zone does not."""
    zoned = died().time.astimezone(None)
    changes = ({"time": died().time + DAY}, {"outcome": "onset-of-sepsis"}, {"encounter_id": "e2"}, {"client": "two"})
    assert outcomes.load([died(), died(time=zoned)], "a") == Loaded(1, 1)
    assert outcomes.load([died(**change) for change in changes], "a") == Loaded(4, 0)


@given(lines=st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=12), size=st.integers(1, 5))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_batches_do_not_matter(tmp_path_factory, clock, lines, size):
    """However many rows a transaction has, the latest of each patient is the last line, and a second load is empty."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}")
    upgrade(engine)
    names = Pseudonyms(KEY)
    file = [ObservedOutcome(f"p{who}", "c", DEATH, yes, clock.now()) for who, yes in lines]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "BATCH", size)
        loader = SqlOutcomes(engine, names, clock)
        first, again = loader.load(file, "a"), loader.load(file, "a")
    latest = {row["patient"]: bool(row["occurred"]) for row in rows(engine, "outcome")}
    assert latest == {names.patient("c", f"p{who}"): yes for who, yes in lines}
    assert (first.stored + first.repeated, again) == (len(lines), Loaded(0, len(lines)))
    assert all(check.fault is None for check in verify(engine))
    engine.dispose()


def test_the_chain_holds_over_batches(engine, outcomes, died, monkeypatch):
    """Rows of several transactions, then a correction, hang on one chain."""
    monkeypatch.setattr(statements, "BATCH", 3)
    outcomes.load([died(patient_id=f"p{number}") for number in range(8)], "a")
    outcomes.load([died(patient_id="p3", occurred=False)], "b")
    (check,) = [check for check in verify(engine) if check.table == "outcome"]
    assert (check.rows, check.fault) == (9, None)


def test_a_changed_outcome_is_found(tmp_path, clock, died):
    """On a database whose guards were taken away."""
    path = tmp_path / "ledger.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    SqlOutcomes(engine, Pseudonyms(KEY), clock).load([died(patient_id=f"p{number}") for number in range(3)], "a")
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute("UPDATE outcome SET occurred = 0 WHERE sequence = 2")
        connection.execute("DROP TRIGGER outcome_no_update")
        connection.execute("UPDATE outcome SET occurred = 0 WHERE sequence = 2")
        connection.commit()
    (bad,) = [check for check in verify(engine) if check.fault]
    assert (bad.table, bad.first_bad, bad.fault) == ("outcome", 2, "changed")
    engine.dispose()


def test_two_loads_at_once_store_one(engine, outcomes, died, url):
    """They queue behind each other."""
    file = [died(patient_id=f"p{number}") for number in range(40)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: outcomes.load(file, "a"), range(2)))
    assert sum(each.stored for each in found) == 40
    assert all(check.fault is None for check in verify(engine))


def test_what_cannot_be_stored_stores_nothing_of_its_batch(engine, outcomes, died):
    """A time without a zone; what the batches before it stored stays."""
    with pytest.raises(LedgerUnavailable):
        outcomes.load([died(), died(patient_id="p2", time=died().time.replace(tzinfo=None))], "a")
    assert rows(engine, "outcome") == []


def test_words_that_no_database_takes_are_still_the_same(engine, clock):
    """They are compared as they are stored."""
    groups = SqlGroups(engine, Pseudonyms(KEY), clock)
    item = PatientGroup("p", "c", "language", "a\0b")
    assert (groups.load([item], "x"), groups.load([item], "y")) == (Loaded(1, 0), Loaded(0, 1))


def test_the_latest_value_of_an_attribute_is_kept_last(engine, clock):
    """One patient, two attributes, one corrected."""
    groups = SqlGroups(engine, Pseudonyms(KEY), clock)
    groups.load([PatientGroup("p", "c", "sex", "male"), PatientGroup("p", "c", "language", "de")], "a")
    assert groups.load([PatientGroup("p", "c", "sex", "female")], "b") == Loaded(1, 0)
    found = [(row["attribute"], row["value"]) for row in rows(engine, "patient_group")]
    assert found == [("sex", "male"), ("language", "de"), ("sex", "female")]
    assert all(check.fault is None for check in verify(engine))


def test_actions_hang_on_their_advice(engine, ledger, make_advice, clock):
    """Advice that is not there, or of another client, is counted and not stored; the same action is one row."""
    card, other = make_advice(), make_advice(client="two")
    ledger.append(card)
    ledger.append(other)
    seen = ActionSeen(card.id, "st-mary", "lactate-ordered", clock.now())
    not_ours = [replace(seen, advice_id="no such"), replace(seen, client="two"), replace(seen, advice_id=other.id)]
    batch = [seen, seen, replace(seen, kind="cultures"), *not_ours]
    actions = SqlActions(engine, clock)
    assert actions.load(batch, "a") == Loaded(stored=2, repeated=1, unknown=3)
    assert actions.load(batch, "another file") == Loaded(0, 3, 3)
    found = [(row["advice_sequence"], row["kind"]) for row in rows(engine, "action_seen")]
    assert found == [(1, "lactate-ordered"), (1, "cultures")]
    assert all(check.fault is None for check in verify(engine))


def test_status_counts_what_is_known(engine, ledger, outcomes, make_advice, died, abstention):
    """By stay where the outcome names one, else by patient; abstentions are no assessments to be judged."""
    for changes in ({}, {"patient_id": "p-5", "encounter_id": "e-5"}, {"patient_id": "p-6", "encounter_id": None}):
        ledger.append(make_advice(**changes))
    ledger.append(make_advice(finding=abstention))
    outcomes.load([died(), died(patient_id="p-5", encounter_id="another")], "a")
    outcomes.load([died(patient_id="p-6", encounter_id=None, occurred=False)], "a")
    found = {each.name: each for each in status(engine, {DEATH: ("icu-mortality",), "nothing": ("sirs",)})}
    assert set(found) == {DEATH}
    each = found[DEATH]
    assert (each.statements, each.occurred, each.advice, each.spoken_of) == (3, 2, 3, 2)
    assert each.last == died().time


def test_status_of_an_outcome_that_no_model_is_about(engine, outcomes, died):
    """It is said all the same."""
    outcomes.load([died(outcome="falls")], "a")
    (each,) = status(engine, {})
    assert (each.name, each.services, each.advice) == ("falls", (), 0)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("death in hospital", "death-in-hospital"),
        ("Death in hospital ", "death-in-hospital"),
        ("kidney failure (dialysis/transplant)", "kidney-failure-dialysis-transplant"),
    ],
)
def test_an_outcome_is_named_by_its_words(words, name):
    """Small letters, digits and hyphens."""
    assert outcome_name(words) == name


def test_keys_keep_their_parts_apart():
    """No two lists of parts give one key."""
    assert len({content_key("t", "a", "b"), content_key("t", "ab", ""), content_key("t", "a,b"), content_key("t")}) == 4
