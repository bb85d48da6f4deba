"""The pages with figures on a real ledger: the mart is brought up before a page is drawn."""

from __future__ import annotations

import base64
import fcntl
import threading
import time
from dataclasses import replace

import pytest
from flask import Flask

from clinical.advice import Outcome
from clinical.errors import LedgerUnavailable
from oversight.incidents import SqlIncidents
from oversight.mart import build
from oversight.pages import PageDeps, create_blueprint, mart_source
from oversight.pages.mart_source import AsOf, FreshMart
from oversight.pseudonyms import Pseudonyms

INSIDE = {"Authorization": "Basic " + base64.b64encode(b"quality:word").decode()}


@pytest.fixture
def kind():
    """The mart's own tests hold on both databases; one is enough."""
    return "sqlite"


@pytest.fixture
def mart(engine, ledger, tmp_path):
    """A mart of the ledger that takes three rows at a time."""
    return FreshMart(engine, tmp_path / "mart", at_most=3)


@pytest.fixture
def get(clock, notes, mart):
    """Reads a page as the quality team."""
    app = Flask("test")
    app.register_blueprint(create_blueprint(PageDeps(clock, notes, "word", mart=mart)))
    return lambda address: app.test_client().get(address, headers=INSIDE)


def test_an_empty_ledger_has_no_entry(mart) -> None:
    """Nothing there, and nothing more to come."""
    assert mart.as_of() == AsOf(0, None, True)


def test_figures_are_brought_up_as_far_as_somebody_waits(mart, ledger, make_advice) -> None:
    """Part by part; the last entry and its moment are told."""
    cards = [make_advice() for _ in range(5)]
    for card in cards:
        ledger.append(card)
    assert mart.as_of() == AsOf(3, cards[2].time, False)
    assert mart.as_of() == AsOf(5, cards[4].time, True)


def test_a_page_counts_what_the_ledger_holds(get, ledger, make_advice, answer) -> None:
    """And says up to where; by the second time it has it all."""
    cards = [make_advice(service="icu-mortality") for _ in range(5)]
    for card in cards:
        ledger.append(replace(card, hook="patient-view"))
    ledger.record([answer(cards[0], outcome=Outcome.OVERRIDDEN)])
    first, second = get("/oversight/").text, get("/oversight/").text
    assert "the ledger has newer entries" in first
    assert "3 cards" in first
    assert "the ledger has newer entries" not in second
    assert "Figures up to entry 5, " in second
    assert "5 cards" in second
    assert "1 of 1 answered cards" in second


def test_nobody_stands_on_a_page_by_name(get, ledger, make_advice) -> None:
    """The ledger has pseudonyms only, so have the pages."""
    ledger.append(make_advice(service="icu-mortality"))
    for page in ("/oversight/", "/oversight/service", "/oversight/reasons"):
        text = get(page).text
        assert "dr-house-007" not in text
        assert "p-4711" not in text


def test_a_folder_that_cannot_be_written_is_no_figure(engine, ledger, tmp_path, make_advice) -> None:
    """A fault of the store in words, as with the ledger."""
    ledger.append(make_advice())
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LedgerUnavailable, match="folder of the mart"):
        FreshMart(engine, tmp_path / "file" / "mart").as_of()


def _replaced(content: bytes) -> bytes:
    """Nothing of it is left."""
    return b"spoilt"


def _rotten_inside(content: bytes) -> bytes:
    """The columns are lost, what stands at the end (Apache Parquet, "File Format") is whole."""
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    return content[:4] + b"\xa5" * (end - 4) + content[end:]


@pytest.mark.parametrize("spoil", [_replaced, _rotten_inside])
def test_a_spoilt_part_is_no_figure(get, mart, ledger, make_advice, tmp_path, caplog, spoil) -> None:
    """503 that says what to do, in the log too, and nothing of the inside."""
    ledger.append(make_advice())
    mart.as_of()
    for part in (tmp_path / "mart" / "advice").glob("*.parquet"):
        part.write_bytes(spoil(part.read_bytes()))
    answer = get("/oversight/")
    assert answer.status_code == 503
    assert "Remove its folder; it is made again." in answer.text
    assert "parquet" not in answer.text
    (line,) = [record for record in caplog.records if record.message == "page not available"]
    assert "The mart cannot be read." in line.fault


def test_without_a_mart_there_are_no_such_pages(engine, clock, notes) -> None:
    """The other pages stay, and their navigation does not lead anywhere else."""
    app = Flask("test")
    incidents = SqlIncidents(engine, Pseudonyms(b"k" * 32))
    app.register_blueprint(create_blueprint(PageDeps(clock, notes, "word", incidents)))
    assert app.test_client().get("/oversight/", headers=INSIDE).status_code == 404
    assert app.test_client().get("/oversight/override-rates", headers=INSIDE).status_code == 404
    text = app.test_client().get("/oversight/incidents", headers=INSIDE).text
    assert 'href="/oversight/incidents"' in text
    assert 'href="/oversight/reasons' not in text


@pytest.fixture
def called() -> list[str]:
    """When somebody was asked to bring the mart up beside the readers."""
    return []


def test_who_is_far_behind_has_the_rest_brought_up(engine, ledger, make_advice, tmp_path, called, monkeypatch) -> None:
    """When readers alone would take long, at the start and at a page; not for what one reader waits for."""
    monkeypatch.setattr(build, "AS_ROWS", 1)  # findings as quickly as rows
    mart = FreshMart(engine, tmp_path / "mart", at_most=3, far_behind=lambda: called.append("now"))
    for _ in range(3):
        ledger.append(make_advice())
    mart.look()
    assert called == []
    for _ in range(4):
        ledger.append(make_advice())
    mart.look()
    assert called == ["now"]
    assert not mart.as_of().current  # three of seven
    assert called == ["now", "now"]
    assert not mart.as_of().current  # one is left: the next reader's
    assert called == ["now", "now"]
    assert mart.as_of().current


def test_a_reader_does_not_wait_for_who_brings_it_up(engine, ledger, make_advice, tmp_path, monkeypatch) -> None:
    """The page shows what there is, and says that there is more."""
    monkeypatch.setattr(mart_source, "PATIENCE_S", 0.05)
    mart = FreshMart(engine, tmp_path / "mart")
    ledger.append(make_advice())
    assert mart.as_of().current
    ledger.append(make_advice())
    with (tmp_path / "mart" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        as_of = mart.as_of()
    assert (as_of.entry, as_of.current) == (1, False)
    assert mart.as_of().entry == 2


def test_who_would_wait_long_is_sent_away(mart, ledger, make_advice, get, monkeypatch) -> None:
    """Two are served, some wait a while, and the rest hears at once that it is busy: threads stay for the hooks."""
    ledger.append(make_advice())
    monkeypatch.setattr(mart_source, "WAIT_S", 0.3)
    with mart.open(), mart.open():
        started = time.monotonic()
        with pytest.raises(LedgerUnavailable, match="Too many pages"), mart.open():
            pass
        assert time.monotonic() - started >= 0.3
        monkeypatch.setattr(mart_source, "WAIT_S", 30.0)
        entered: list[bool] = []
        waiting = [threading.Thread(target=lambda: entered.append(_reads(mart))) for _ in range(mart_source.WAITING)]
        for each in waiting:
            each.start()
        while mart._door._value:
            time.sleep(0.01)
        answer = get("/oversight/")
        assert answer.status_code == 503
        assert "Too many pages are being drawn at once." in answer.text
        assert answer.headers["Retry-After"]
        assert entered == []
    for each in waiting:
        each.join()
    assert entered == [True] * mart_source.WAITING
    assert get("/oversight/").status_code == 200


def _reads(mart) -> bool:
    """Whether the mart can be asked."""
    with mart.open() as opened:
        return opened.rows("SELECT 1") == [(1,)]
