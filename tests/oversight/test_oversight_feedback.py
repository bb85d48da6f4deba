"""Feedback: once, whole, ours, and never forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from clinical.advice import OVERRIDE_REASONS, Channel, Outcome, Receipt, WithheldReason
from clinical.errors import LedgerUnavailable
from oversight.pseudonyms import Pseudonyms
from oversight.verify import verify

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


def counts(receipt):
    """Stored, repeated, quarantined."""
    return receipt.stored, receipt.repeated, receipt.quarantined


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
        accepted_suggestions=(card.suggestion_id,),
        user="https://ehr.example/fhir/Practitioner/dr-house-007",
    )
    assert counts(ledger.record([item])) == (1, 0, 0)
    name = Pseudonyms(b"a key for tests, 32 bytes or more").user("st-mary", "Practitioner/dr-house-007")
    assert ledger.decision(card.id) == replace(item, user=f"Practitioner/{name}")


def test_no_feedback_is_no_decision(ledger, card):
    """A card that nobody answered has no decision."""
    assert ledger.record([]) == Receipt(0, 0, 0, ())
    assert ledger.decision(card.id) is None


def test_same_feedback_again_counts_once(ledger, engine, card, answer):
    """Sent twice, in another zone, and twice in one batch: one row."""
    item = answer(card)
    elsewhere = replace(item, time=item.time.astimezone(timezone(timedelta(hours=-5))))
    assert counts(ledger.record([item, item])) == (1, 1, 0)
    assert counts(ledger.record([elsewhere])) == (0, 1, 0)
    assert rows(engine) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": Outcome.ACCEPTED},
        {"comment": "no"},
        {"channel": Channel.PAGE},
        {"reason": OVERRIDE_REASONS[1]},
        {"time": datetime(2026, 3, 2, 13, tzinfo=timezone.utc)},  # noqa: UP017
    ],
)
def test_other_content_is_other_feedback(ledger, engine, card, answer, change):
    """Whatever differs makes a new row; nothing is updated."""
    ledger.record([answer(card)])
    assert counts(ledger.record([answer(card, **change)])) == (1, 0, 0)
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


@pytest.mark.parametrize("moment", ["before_cursor_execute", "after_cursor_execute", "commit"])
def test_batch_is_stored_whole_or_not_at_all(ledger, engine, card, answer, moment):
    """A fault before, in the middle of, or after the four inserts leaves none; the same batch then goes in."""
    batch = [answer(card, comment=str(number)) for number in range(4)]

    def fail(*about):
        """The database goes away."""
        if moment == "commit" or about[2].startswith("INSERT"):
            raise OperationalError("", None, Exception("gone"))

    event.listen(engine, moment, fail)
    with pytest.raises(LedgerUnavailable):
        ledger.record(batch)
    event.remove(engine, moment, fail)
    assert rows(engine) == 0
    assert counts(ledger.record(batch)) == (4, 0, 0)


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
    receipt = ledger.record(batch)
    assert counts(receipt) == (0, 0, 6)
    reasons = ["unknown-advice", "other-client", "other-service", "never-shown", "unknown-advice", "unknown-advice"]
    assert quarantines(engine) == reasons
    again = ledger.record(batch)
    assert (counts(again), again.leaves) == ((0, 6, 0), receipt.leaves)
    assert ledger.decision(card.id) is None
    assert ledger.decision(silent.id) is None


OTHER = "0d9a2b1e-93d0-4f14-8f1e-1c1e7c5d7f22"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"accepted_suggestions": (OTHER,)}, "unknown-suggestion"),
        ({"accepted_suggestions": ("own", OTHER)}, "unknown-suggestion"),
        ({"accepted_suggestions": ("own",)}, None),
        ({"time": NOON - timedelta(minutes=5, microseconds=1)}, "before-advice"),
        ({"time": NOON - timedelta(minutes=5)}, None),
        ({"time": datetime(1, 1, 1, tzinfo=UTC)}, "before-advice"),
        ({"time": NOON + timedelta(days=30, microseconds=1)}, "late"),
        ({"time": NOON + timedelta(days=30)}, None),
        ({"time": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)}, "late"),
    ],
)
def test_answer_that_cannot_be_one_is_kept_apart(ledger, engine, make_advice, answer, change, reason):
    """A suggestion that the card did not make, a time before the card, a time long after it."""
    advice = make_advice(suggestion_id="own")
    ledger.append(advice)
    receipt = ledger.record([answer(advice, outcome=Outcome.ACCEPTED, **change)])
    assert quarantines(engine) == [reason]
    assert counts(receipt) == ((0, 0, 1) if reason else (1, 0, 0))
    assert (ledger.decision(advice.id) is None) == (reason is not None)


def test_answer_that_arrives_late_is_kept_apart(ledger, engine, card, answer, clock):
    """Whatever time it names; what was stored in time is known and stays counted."""
    early = answer(card)
    ledger.record([early])
    clock.time += timedelta(days=30, seconds=1)
    assert counts(ledger.record([early, answer(card, comment="late")])) == (0, 1, 1)
    assert quarantines(engine) == [None, "late"]


def test_quarantined_answer_does_not_decide(ledger, card, answer):
    """Although it would be the latest."""
    ledger.record([answer(card, time=NOON + timedelta(days=40)), answer(card, outcome=Outcome.ACCEPTED)])
    assert ledger.decision(card.id).outcome is Outcome.ACCEPTED


def test_each_item_has_a_leaf(ledger, engine, card, answer):
    """In the order of the batch, a repeat with that of the first; a leaf is a row of the chain."""
    first, second = answer(card), answer(card, comment="more")
    receipt = ledger.record([first, first, second])
    assert [leaf.sequence for leaf in receipt.leaves] == [1, 1, 2]
    assert ledger.record([second, first]).leaves == (receipt.leaves[2], receipt.leaves[0])
    with engine.connect() as connection:
        stored = list(connection.scalars(text("SELECT digest FROM feedback ORDER BY sequence")))
    assert [leaf.digest for leaf in receipt.leaves] == [stored[0], stored[0], stored[1]]


def test_feedback_first_sent_to_the_wrong_service_can_be_sent_again(ledger, card, answer):
    """The mistake stays in quarantine, and the right one counts."""
    ledger.record([answer(card, service="other")])
    assert counts(ledger.record([answer(card)])) == (1, 0, 0)
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


said = st.fixed_dictionaries(
    {
        "outcome": st.sampled_from(list(Outcome)),
        "minutes": st.integers(-8, 45_000),
        "reason": st.sampled_from([None, *OVERRIDE_REASONS[:2]]),
        "comment": st.sampled_from(["", "no", "n\0o"]),
        "sender": st.sampled_from([{}, {}, {}, {"client": "x"}, {"service": "x"}, {"accepted_suggestions": (OTHER,)}]),
    }
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    items=st.lists(st.tuples(st.integers(0, 2), said), max_size=9),
    cuts=st.lists(st.integers(0, 9), max_size=4),
    data=st.data(),
)
def test_order_batches_and_repeats_do_not_matter(ledger, engine, make_advice, answer, items, cuts, data):
    """However items are batched, repeated and shuffled: one row and one leaf each, and the last that counts decides."""
    cards = [make_advice() for _ in range(3)]
    for advice in cards:
        ledger.append(advice)
    batch = [_item(answer, cards[place], **about) for place, about in items]
    before = rows(engine)
    leaves = {}
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), None], strict=True):
        part = batch[start:end]
        receipt = ledger.record(part)
        assert sum(counts(receipt)) == len(part) == len(receipt.leaves)
        for item, leaf in zip(part, receipt.leaves, strict=True):
            assert leaves.setdefault(_same(item), leaf) == leaf
    again = ledger.record(data.draw(st.permutations(batch + batch)))
    assert counts(again) == (0, 2 * len(batch), 0)
    assert set(again.leaves) == set(leaves.values())
    assert rows(engine) - before == len(leaves) == len(set(leaves.values()))
    for advice in cards:
        assert _decided(ledger, advice) == _by_hand(batch, advice)
    assert all(check.fault is None for check in verify(engine))


def _item(answer, advice, *, outcome, minutes, reason, comment, sender):
    """One feedback as drawn."""
    moment = advice.time + timedelta(minutes=minutes)
    return answer(advice, outcome=outcome, time=moment, reason=reason, comment=comment, **sender)


def _same(item):
    """What makes two items one."""
    return replace(item, time=item.time.astimezone(UTC))


def _decided(ledger, advice):
    """Time and outcome of the decision."""
    decision = ledger.decision(advice.id)
    return decision and (decision.time, decision.outcome)


def _by_hand(batch, advice):
    """The last of the latest that count."""
    mine = [
        item for item in batch if (item.advice_id, item.client, item.service) == (advice.id, "st-mary", advice.service)
    ]
    timely = [item for item in mine if timedelta(minutes=-5) <= item.time - advice.time <= timedelta(days=30)]
    ours = [item for item in timely if not item.accepted_suggestions]
    ours = [item for place, item in enumerate(ours) if item not in ours[:place]]
    latest = max((item.time for item in ours), default=None)
    return next(((item.time, item.outcome) for item in reversed(ours) if item.time == latest), None)
