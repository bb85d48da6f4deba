"""A ledger of the first version, with entries in it, becomes one of this version and loses nothing."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Column, Date, DateTime, LargeBinary, MetaData, Table, inspect, text
from sqlalchemy.exc import DBAPIError

import oversight.migrations
from clinical.advice import Feedback, Outcome, ShownBefore
from clinical.assessment import Indicator
from clinical.errors import LedgerUnavailable
from oversight import chain
from oversight.database import writing
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade
from oversight.tables import CHAINED
from oversight.verify import heads, verify

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
NAMES = Pseudonyms(b"a key for tests, 32 bytes or more")


@pytest.fixture
def first_version(empty_url, open_ledger):
    """A ledger as the first version made it, without entries."""
    ledger, engine = open_ledger(empty_url)
    config = Config()
    config.set_main_option("script_location", str(Path(oversight.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with writing(engine, one_at_a_time=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    return ledger, engine


def put(engine, name, row):
    """Insert a row as the first version did."""
    with engine.begin() as connection:
        types = {column["name"]: column["type"] for column in inspect(connection).get_columns(name)}
        assert set(row) <= set(types) - {"digest", "chain"}
        kinds = {"time": DateTime(timezone=True), "received": DateTime(timezone=True), "day": Date()}
        columns = [Column(each, kinds.get(each, LargeBinary() if each == "finding" else types[each])) for each in row]
        connection.execute(Table(name, MetaData(), *columns).insert().values(row))


def old_advice(content, number=0, **changes):
    """The row of an advice."""
    return {
        "id": str(uuid.uuid4()),
        "suggestion_id": str(uuid.uuid4()),
        "time": NOON + timedelta(minutes=number),
        "day": NOON.date(),
        "client": "st-mary",
        "service": "icu-mortality",
        "hook": "patient-view",
        "hook_instance": "i",
        "patient": NAMES.patient("st-mary", "p-4711"),
        "encounter": NAMES.encounter("st-mary", "enc-99"),
        "clinician": NAMES.user("st-mary", "Practitioner/7"),
        "role": "Practitioner",
        "unit_name": "Ställe",
        "key_id": NAMES.key_id,
        "model_id": "icu-mortality",
        "model_version": "1.0.0",
        "model_digest": "ab" * 32,
        "base_rate": 0.1 + 0.2,
        "probability": 0.12345678901234567,
        "tier": "high",
        "indicator": "warning",
        "finding_format": 1,
        "finding": content,
    } | changes


def old_feedback(card, sequence, **changes):
    """The row of an override."""
    return {
        "content_key": uuid.uuid4().hex * 2,
        "advice_sequence": sequence,
        "advice_id": card["id"],
        "client": "st-mary",
        "service": "icu-mortality",
        "outcome": "overridden",
        "time": NOON + timedelta(hours=1),
        "received": NOON + timedelta(hours=1),
        "channel": "card",
        "reason_system": "s",
        "reason_code": "c",
        "reason_display": "d",
        "comment": "no",
        "accepted_suggestions": "[]",
        "clinician": "",
        "role": "",
    } | changes


@pytest.fixture
def old(first_version, first_form):
    """The first version's ledger with a risk, a "not assessed" and an override."""
    ledger, engine = first_version
    cards = [
        old_advice(first_form["assessment"][0]),
        old_advice(first_form["abstention"][0], 1, probability=None, tier=None, indicator=None, abstention="too-early"),
        old_advice(b"not even ours", 2, withheld="shadow"),
    ]
    for card in cards:
        put(engine, "advice", card)
    put(engine, "feedback", old_feedback(cards[0], 1))
    return ledger, engine, cards


def call(make_advice, **changes):
    """A call of the same clinician about the same patient, some hours later."""
    return make_advice(user="Practitioner/7", time=NOON + timedelta(hours=3), **changes)


def test_entries_stay_readable_and_get_their_place_in_the_chain(old, first_form):
    """Finding and decision are what they were; every chain is sound from its first row on."""
    ledger, engine, cards = old
    upgrade(engine)
    asked = {"client": "st-mary", "patient_id": "p-4711", "encounter_id": "enc-99"}
    found = [ledger.find(card["id"], **asked) for card in cards[:2]]
    for advice, name in zip(found, ("assessment", "abstention"), strict=True):
        assert advice.finding == first_form[name][1]
    assert (found[0].request_key, found[0].unit_name) == ("", "Ställe")
    assert isinstance(ledger.decision(cards[0]["id"]), Feedback)
    assert all(check.fault is None for check in verify(engine))
    found_heads = {head.table: head.sequence for head in heads(engine)}
    assert {name: number for name, number in found_heads.items() if number} == {"advice": 3, "feedback": 1}
    assert set(found_heads) == {table.name for table in CHAINED}


def test_old_cards_are_part_of_the_history(old, make_advice):
    """With the floor of their tier, out of the finding."""
    ledger, engine, _ = old
    upgrade(engine)
    found = ledger.history(call(make_advice), NOON)
    assert found.shown == (ShownBefore(NOON, 0.1, NOON + timedelta(hours=1), "c", Indicator.WARNING),)
    assert (found.to_clinician, found.in_encounter) == (1, 1)


def test_new_entries_hang_on_the_old_ones(old, make_advice, answer):
    """Advice and feedback go on where the first version stopped."""
    ledger, engine, cards = old
    upgrade(engine)
    advice = call(make_advice)
    ledger.append(advice)
    late = answer(advice, advice_id=cards[0]["id"], outcome=Outcome.ACCEPTED)
    assert ledger.record([late]).leaves[0].sequence == 2
    assert ledger.decision(cards[0]["id"]).outcome is Outcome.ACCEPTED
    checks = {check.table: check for check in verify(engine)}
    assert all(check.fault is None for check in checks.values())
    assert (checks["advice"].rows, checks["feedback"].rows) == (4, 2)


@pytest.mark.parametrize("table", ["advice", "feedback"])
def test_old_entries_are_guarded_as_before(old, table):
    """The triggers are back; the foreign key still holds."""
    _, engine, _ = old
    upgrade(engine)
    for statement in (f"UPDATE {table} SET service = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))


def test_more_entries_than_a_batch(first_version, first_form):
    """Every one has its place, in order."""
    _, engine = first_version
    row = old_advice(first_form["assessment"][0])
    put(engine, "advice", row)
    columns = [name for name in row if name not in ("id", "time", "day")]
    many = ", ".join(columns)
    identity = "lower(hex(randomblob(16)))" if engine.dialect.name == "sqlite" else "gen_random_uuid()::text"
    with engine.begin() as connection:
        for _ in range(11):
            connection.execute(
                text(f"INSERT INTO advice (id, time, day, {many}) SELECT {identity}, time, day, {many} FROM advice")
            )
    upgrade(engine)
    (check,) = (check for check in verify(engine) if check.table == "advice")
    assert (check.fault, check.rows) == (None, 2048)


def test_upgrade_that_fails_leaves_the_first_version(old, monkeypatch):
    """Whole or not at all: no column, no table, and the triggers still there."""
    _, engine, _ = old

    def fail(*_about):
        """The machine goes down in the middle."""
        raise OSError("gone")

    monkeypatch.setattr(chain, "linked", fail)
    with pytest.raises(LedgerUnavailable):
        upgrade(engine)
    monkeypatch.undo()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0001"
        assert "audit" not in inspect(connection).get_table_names()
        assert "chain" not in {column["name"] for column in inspect(connection).get_columns("advice")}
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("DELETE FROM feedback"))
    upgrade(engine)
    assert all(check.fault is None for check in verify(engine))
