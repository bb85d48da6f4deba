"""The pages with figures on a real ledger: the mart is brought up before a page is drawn."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from flask import Flask

from clinical.advice import Outcome
from clinical.errors import LedgerUnavailable
from oversight.pages import PageDeps, create_blueprint
from oversight.pages.mart_source import AsOf, FreshMart

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
def get(tallies, clock, notes, mart):
    """Reads a page as the quality team."""
    app = Flask("test")
    app.register_blueprint(create_blueprint(PageDeps(tallies, clock, notes, "word", mart=mart)))
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


def test_a_spoilt_part_is_no_figure(get, mart, ledger, make_advice, tmp_path) -> None:
    """503, and nothing of the inside."""
    ledger.append(make_advice())
    mart.as_of()
    for part in (tmp_path / "mart" / "advice").glob("*.parquet"):
        part.write_bytes(b"spoilt")
    answer = get("/oversight/")
    assert answer.status_code == 503
    assert "parquet" not in answer.text


def test_without_a_mart_there_are_no_such_pages(tallies, clock, notes) -> None:
    """The other pages stay, and their navigation does not lead anywhere else."""
    app = Flask("test")
    app.register_blueprint(create_blueprint(PageDeps(tallies, clock, notes, "word")))
    assert app.test_client().get("/oversight/", headers=INSIDE).status_code == 404
    text = app.test_client().get("/oversight/override-rates", headers=INSIDE).text
    assert 'href="/oversight/reasons' not in text
