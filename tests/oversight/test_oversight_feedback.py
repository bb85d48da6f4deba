"""Feedback: once, whole, ours, and never forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from clinical.advice import OVERRIDE_REASONS, Channel, Outcome, Receipt, WithheldReason
from clinical.errors import LedgerUnavailable
from oversight.pseudonyms import Pseudonyms


@pytest.fixture
def card(ledger, make_advice):
    """A card that was shown."""
    advice = make_advice()
    ledger.append(advice)
    return advice


def rows(engine):
    """How many feedback rows there are."""
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM feedback"))


def quarantines(engine):
    """Why rows are in quarantine."""
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT quarantine FROM feedback ORDER BY sequence")))


def test_decision_has_everything_that_was_said(ledger, card, answer):
    """Reason, comment, channel and suggestions come back; the user comes back as a pseudonym with the role."""
    item = answer(
        card,
        reason=OVERRIDE_REASONS[0],
        comment="Done at 8",
        channel=Channel.PAGE,
        accepted_suggestions=("a", "b"),
        user="https://ehr.example/fhir/Practitioner/dr-house-007",
    )
    assert ledger.record([item]) == Receipt(1, 0, 0)
    name = Pseudonyms(b"a key for tests, 32 bytes or more").user("st-mary", "Practitioner/dr-house-007")
    assert ledger.decision(card.id) == replace(item, user=f"Practitioner/{name}")


def test_no_feedback_is_no_decision(ledger, card):
    """A card that nobody answered has no decision."""
    assert ledger.record([]) == Receipt(0, 0, 0)
    assert ledger.decision(card.id) is None


def test_same_feedback_again_counts_once(ledger, engine, card, answer):
    """Sent twice, in another zone, and twice in one batch: one row."""
    item = answer(card)
    elsewhere = replace(item, time=item.time.astimezone(timezone(timedelta(hours=-5))))
    assert ledger.record([item, item]) == Receipt(1, 1, 0)
    assert ledger.record([elsewhere]) == Receipt(0, 1, 0)
    assert rows(engine) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": Outcome.ACCEPTED},
        {"comment": "no"},
        {"channel": Channel.PAGE},
        {"reason": OVERRIDE_REASONS[1]},
        {"accepted_suggestions": ("a",)},
        {"time": datetime(2026, 3, 2, 13, tzinfo=timezone.utc)},  # noqa: UP017
    ],
)
def test_other_content_is_other_feedback(ledger, engine, card, answer, change):
    """Whatever differs makes a new row; nothing is updated."""
    ledger.record([answer(card)])
    assert ledger.record([answer(card, **change)]) == Receipt(1, 0, 0)
    assert rows(engine) == 2


def test_concurrent_senders_count_once(ledger, engine, make_advice, answer):
    """Eight threads send the same items in different orders: each item is new for exactly one of them."""
    cards = [make_advice() for _ in range(6)]
    for card in cards:
        ledger.append(card)
    items = [answer(card) for card in cards]
    batches = [items[start:] + items[:start] for start in (0, 1, 2, 3)] * 2
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(ledger.record, [batch[::-1] if n % 2 else batch for n, batch in enumerate(batches)]))
    assert sum(receipt.stored for receipt in receipts) == 6
    assert sum(receipt.repeated for receipt in receipts) == 42
    assert rows(engine) == 6


def test_threads_append_side_by_side(ledger, engine, make_advice):
    """Sixteen threads append; every entry is there."""
    entries = [make_advice() for _ in range(48)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ledger.append, entries))
    with engine.connect() as connection:
        assert set(connection.scalars(text("SELECT id FROM advice"))) == {entry.id for entry in entries}


def test_batch_is_stored_whole_or_not_at_all(ledger, engine, card, answer):
    """A fault at the third of four items leaves none; the same batch then goes in."""
    batch = [answer(card, comment=str(number)) for number in range(4)]
    inserts = []

    def fail_at_third(_connection, _cursor, statement, _parameters, _context, _many):
        """The database goes away in the middle."""
        inserts.append(statement.startswith("INSERT"))
        if sum(inserts) == 3:
            raise OperationalError(statement, None, Exception("gone"))

    event.listen(engine, "before_cursor_execute", fail_at_third)
    with pytest.raises(LedgerUnavailable):
        ledger.record(batch)
    event.remove(engine, "before_cursor_execute", fail_at_third)
    assert rows(engine) == 0
    assert ledger.record(batch) == Receipt(4, 0, 0)


def test_bad_time_stops_the_whole_batch(ledger, engine, card, answer):
    """A time without a zone cannot be compared, so nothing of its batch is stored."""
    naive = datetime(2026, 3, 2, 12)  # noqa: DTZ001 (that is the fault)
    with pytest.raises(LedgerUnavailable):
        ledger.record([answer(card), answer(card, time=naive)])
    assert rows(engine) == 0


def test_feedback_that_is_not_ours_is_kept_apart(ledger, engine, card, make_advice, answer):
    """Unknown card, other client, other service, never shown: stored, marked, without effect."""
    silent = make_advice(withheld=WithheldReason.BELOW_THRESHOLD)
    ledger.append(silent)
    batch = [
        answer(make_advice()),
        answer(card, client="other"),
        answer(card, service="other"),
        answer(silent),
        answer(card, advice_id="x" * 20_000),
        answer(card, advice_id="a\0b"),
    ]
    assert ledger.record(batch) == Receipt(0, 0, 6)
    reasons = ["unknown-advice", "other-client", "other-service", "never-shown", "unknown-advice", "unknown-advice"]
    assert quarantines(engine) == reasons
    assert ledger.record(batch) == Receipt(0, 6, 0)
    assert ledger.decision(card.id) is None
    assert ledger.decision(silent.id) is None


def test_feedback_first_sent_to_the_wrong_service_can_be_sent_again(ledger, card, answer):
    """The mistake stays in quarantine, and the right one counts."""
    ledger.record([answer(card, service="other")])
    assert ledger.record([answer(card)]) == Receipt(1, 0, 0)
    assert ledger.decision(card.id).service == card.service


def test_change_of_mind_keeps_both_and_the_later_decides(ledger, engine, card, answer):
    """Accepted, then overridden: two rows, and the clinician's time decides, also when the answers cross."""
    later = answer(card, time=card.time + timedelta(hours=2))
    earlier = answer(card, outcome=Outcome.ACCEPTED, time=card.time + timedelta(hours=1))
    ledger.record([later])
    ledger.record([earlier])
    assert ledger.decision(card.id).outcome is Outcome.OVERRIDDEN
    assert rows(engine) == 2


def test_of_two_answers_at_one_time_the_last_to_arrive_decides(ledger, card, answer):
    """Equal times are decided by sequence."""
    ledger.record([answer(card), answer(card, outcome=Outcome.ACCEPTED)])
    assert ledger.decision(card.id).outcome is Outcome.ACCEPTED


def test_receipt_time_is_ours(ledger, engine, card, answer, clock):
    """The time of arrival stands beside the clinician's time."""
    clock.time += timedelta(days=3)
    ledger.record([answer(card)])
    with engine.connect() as connection:
        received = connection.scalar(text("SELECT received FROM feedback"))
    assert str(received).startswith("2026-03-05 12:00:00.123456")
