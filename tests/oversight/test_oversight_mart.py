"""The mart: the ledger's rows in columns, brought up by what is new, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from clinical.advice import OVERRIDE_REASONS, Channel, Outcome, WithheldReason
from clinical.errors import LedgerUnavailable
from oversight.mart import build
from oversight.mart.build import bring_up, is_current
from oversight.mart.mart import Mart

HOUR = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path):
    """Where the mart lies."""
    return tmp_path / "mart's folder"


def test_an_empty_ledger_makes_an_empty_mart(engine, ledger, folder) -> None:
    """Every question can be asked, and has no rows."""
    assert bring_up(engine, folder)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT * FROM event") == []
        assert set(mart.arrays("SELECT seconds, outcome FROM event")) == {"seconds", "outcome"}


def test_what_the_ledger_holds_stands_in_columns(engine, ledger, make_advice, folder) -> None:
    """Numbers exactly, moments to the microsecond, what is not there as a gap."""
    advice = make_advice()
    ledger.append(advice)
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        found = mart.rows("SELECT id, time, date, probability, tier, withheld, card, outcome, seconds FROM event")
    microseconds = round(advice.time.timestamp() * 1e6)
    day = date(2026, 3, 2)
    assert found == [(advice.id, microseconds, day, advice.finding.probability, "high", None, True, None, None)]


def test_nobody_stands_there_by_name(engine, ledger, make_advice, folder) -> None:
    """Identities are the ledger's pseudonyms; the finding itself stays in the ledger."""
    ledger.append(make_advice())
    bring_up(engine, folder)
    raw = b"".join(path.read_bytes() for path in folder.rglob("*.parquet"))
    assert b"dr-house-007" not in raw
    assert b"p-4711" not in raw


def test_only_what_is_new_is_read(engine, ledger, make_advice, folder) -> None:
    """Parts are added and never written again."""
    told = []
    for _ in range(3):
        ledger.append(make_advice())
        assert not is_current(engine, folder)
        assert bring_up(engine, folder, told=lambda *part: told.append(part))
        assert is_current(engine, folder)
    assert told == [("advice", 1), ("advice", 2), ("advice", 3)]
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT count(*), count(DISTINCT sequence) FROM event") == [(3, 3)]


def test_who_cannot_wait_gets_a_part(engine, ledger, make_advice, folder, monkeypatch) -> None:
    """And is told that there is more."""
    for _ in range(5):
        ledger.append(make_advice())
    monkeypatch.setattr(build, "ROWS", 2)
    assert not bring_up(engine, folder, at_most=3)
    assert bring_up(engine, folder, at_most=3)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT max(sequence), count(*) FROM advice") == [(5, 5)]


def test_the_deciding_feedback_is_that_of_the_ledger(engine, ledger, make_advice, answer, folder) -> None:
    """The latest by its time, then by arrival; quarantine never decides, and what was withdrawn is no answer."""
    cards = [make_advice() for _ in range(4)]
    for card in cards:
        ledger.append(card)
    overridden = {"outcome": Outcome.OVERRIDDEN, "reason": OVERRIDE_REASONS[0]}
    ledger.record([answer(cards[0], **overridden, time=cards[0].time + 2 * HOUR)])
    ledger.record([answer(cards[0], time=cards[0].time + HOUR)])  # arrives later, was said earlier
    ledger.record([answer(cards[1], **overridden)])
    ledger.record([answer(cards[1], outcome=Outcome.WITHDRAWN, channel=Channel.PAGE, user=cards[1].user)])
    ledger.record([replace(answer(cards[2]), client="another")])
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        found = mart.rows("SELECT outcome, reason, seconds FROM event ORDER BY sequence")
    assert found[0] == ("overridden", OVERRIDE_REASONS[0].code, 7200.0)
    assert found[1:] == [(None, None, None)] * 3
    decided = [ledger.decision(card.id) for card in cards]
    assert [one and one.outcome.value for one in decided] == ["overridden", "withdrawn", None, None]


@pytest.mark.parametrize(
    ("changes", "card"),
    [({}, True), ({"withheld": WithheldReason.SHADOW}, False), ({"hook": "smart-launch"}, False)],
)
def test_a_card_is_what_called_for_attention(engine, ledger, make_advice, folder, changes, card) -> None:
    """An opening of the page is advice, but nobody was interrupted."""
    ledger.append(replace(make_advice(), **changes))
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT card FROM event") == [(card,)]


def test_a_mart_of_another_ledger_is_refused(engine, ledger, make_advice, folder) -> None:
    """Rows of two hospitals in one figure would be nobody's."""
    ledger.append(make_advice())
    bring_up(engine, folder)
    (folder / "ledger.txt").write_text("0" * 64)
    with pytest.raises(LedgerUnavailable, match="another ledger"):
        bring_up(engine, folder)


def test_only_its_owner_may_look_in(engine, ledger, folder) -> None:
    """As with the ledger."""
    bring_up(engine, folder)
    assert folder.stat().st_mode & 0o077 == 0
