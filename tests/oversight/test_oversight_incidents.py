"""Reports of problems with advice: kept once, whole and unchanged, and shown to the quality team only."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from clinical.audit import AuditKind
from clinical.errors import LedgerUnavailable
from clinical.incident import ProblemKind
from oversight import tables
from oversight.incidents import MOST_LISTED, IncidentState, SqlIncidents
from oversight.pages import PageDeps, create_blueprint
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade
from oversight.tables import CHAINED
from oversight.verify import heads, verify

KEY = b"a key for tests, 32 bytes or more"
HOUSE = "Practitioner/dr-house-007"
ADDRESS = "/oversight/incidents"


@pytest.fixture
def card(ledger, make_advice):
    """A card in the ledger."""
    advice = make_advice()
    ledger.append(advice)
    return advice


def test_a_report_becomes_a_draft(incidents, card, report_on):
    """With model and version of the advice, the words as written, and no reporter."""
    report = report_on(card, kind=ProblemKind.WRONG_RISK, words="Größe\nzwei")
    incidents.open(report)
    (found,) = incidents.incidents()
    assert (found.id, found.time, found.client, found.service) == (report.id, report.time, "st-mary", "icu-mortality")
    assert (found.model, found.version, found.advice_id) == ("icu-mortality", "1.0.0", card.id)
    assert (found.kind, found.words, found.state) == ("wrong-risk", "Größe\nzwei", IncidentState.DRAFT)
    assert "house" not in repr(found)


def test_the_same_report_twice_is_one(engine, incidents, card, report_on):
    """Sent again later, it is the row of the first time; nothing else may hide behind its number."""
    report = report_on(card)
    incidents.open(report)
    incidents.open(replace(report, time=report.time + timedelta(hours=1)))
    assert [each.time for each in incidents.incidents()] == [report.time]
    for change in ({"words": "another"}, {"kind": ProblemKind.OTHER}, {"user": "Practitioner/2"}, {"advice_id": "x"}):
        with pytest.raises(LedgerUnavailable, match="another one"):
            incidents.open(replace(report, **change))
    assert len(incidents.incidents()) == 1


def test_words_that_no_database_takes_are_still_the_same_report(incidents, card, report_on):
    """They are compared as they are stored."""
    report = report_on(card, words="a\0b")
    incidents.open(report)
    incidents.open(report)
    assert [each.words for each in incidents.incidents()] == ["a\N{REPLACEMENT CHARACTER}b"]


def test_a_reporter_finds_their_own_reports(incidents, card, report_on, make_advice):
    """Of this advice and client, oldest first, and nobody else's. Users without a name are one user."""
    first, second = report_on(card), report_on(card, kind=ProblemKind.OTHER)
    for report in (first, second, report_on(card, user="Practitioner/2"), report_on(card, user="")):
        incidents.open(report)
    assert incidents.reported(card.id, client="st-mary", user=HOUSE) == (first, second)
    absolute = f"https://ehr.example/fhir/{HOUSE}"
    assert [each.id for each in incidents.reported(card.id, client="st-mary", user=absolute)] == [first.id, second.id]
    for client, user in (("other", HOUSE), ("st-mary", "Practitioner/3"), ("other", "")):
        assert incidents.reported(card.id, client=client, user=user) == ()
    assert len(incidents.reported(card.id, client="st-mary", user="")) == 1
    assert incidents.reported(make_advice().id, client="st-mary", user=HOUSE) == ()


def test_the_advice_of_another_client_lends_no_model(incidents, card, report_on):
    """The report is kept, without a model."""
    incidents.open(report_on(card, client="other"))
    (found,) = incidents.incidents()
    assert (found.model, found.version, found.client) == ("", "", "other")


def test_newest_first_and_no_more_than_asked(incidents, card, report_on):
    """By the time of the report, then by arrival."""
    for hours in (3, 1, 2, 2):
        incidents.open(report_on(card, id=f"I-{hours}", time=card.time + timedelta(hours=hours)))
    assert [each.id for each in incidents.incidents()] == ["I-3", "I-2", "I-1"]
    assert [each.id for each in incidents.incidents(2)] == ["I-3", "I-2"]


def test_a_kind_of_another_version_is_no_crash_of_the_list(engine, incidents, card, report_on, monkeypatch):
    """The list shows it as it is stored; who asks for their own reports is told that they cannot be read."""
    report = report_on(card)
    monkeypatch.setattr("oversight.incidents.ProblemKind", lambda kind: ProblemKind(f"no {kind}"))
    incidents.open(report)
    assert incidents.incidents()[0].kind == "wrong-data"
    with pytest.raises(LedgerUnavailable):
        incidents.reported(card.id, client="st-mary", user=HOUSE)


def test_no_reporter_stands_in_the_clear(engine, incidents, card, report_on):
    """Only a keyed pseudonym and the role."""
    incidents.open(report_on(card))
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM incident")).mappings().one()
    assert (row["clinician"], row["role"]) == (Pseudonyms(KEY).user("st-mary", HOUSE), "Practitioner")
    assert "house" not in repr(dict(row))


def test_the_chain_holds_and_finds_a_change(tmp_path, open_ledger, make_advice, report_on):
    """An altered report is found, on a database whose guards were taken away."""
    ledger, engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(engine)
    card, incidents = make_advice(), SqlIncidents(engine, Pseudonyms(KEY))
    ledger.append(card)
    for _ in range(3):
        incidents.open(report_on(card))
    assert all(check.fault is None for check in verify(engine, heads(engine)))
    engine.dispose()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("DROP TRIGGER incident_no_update")
        connection.execute("UPDATE incident SET words = 'all fine' WHERE sequence = 2")
    (bad,) = [check for check in verify(engine) if check.fault]
    assert (bad.table, bad.first_bad, bad.fault) == ("incident", 2, "changed")


def test_sqlite_reports_cannot_be_replaced(tmp_path, open_ledger, make_advice, report_on):
    """INSERT OR REPLACE does not get that far."""
    ledger, engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(engine)
    card = make_advice()
    ledger.append(card)
    SqlIncidents(engine, Pseudonyms(KEY)).open(report_on(card))
    plain = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    plain.execute("CREATE TEMP TABLE fake AS SELECT * FROM incident")
    for change in ("words = 'nothing'", "sequence = 9, words = 'nothing'", "sequence = 9, id = 'I-9', chain = ''"):
        plain.execute(f"UPDATE fake SET {change}")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            plain.execute("INSERT OR REPLACE INTO incident SELECT * FROM fake")
    plain.close()


def test_a_ledger_of_before_takes_reports_after_the_upgrade(engine, ledger, incidents, make_advice, report_on):
    """Nothing that was there changes, and the chains of the other tables go on."""
    card = make_advice()
    ledger.append(card)
    before = {head.table: head for head in heads(engine)}
    with engine.begin() as connection:
        after = CHAINED[CHAINED.index(tables.incident) + 1 :]  # what later migrations brought
        for table in (*reversed(after), tables.incident):
            connection.execute(text(f"DROP TABLE {table.name}"))
        connection.execute(text("DROP INDEX ix_feedback_clinician_time"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    upgrade(engine)
    incidents.open(report_on(card))
    assert all(check.fault is None for check in verify(engine, before.values()))
    assert incidents.reported(card.id, client="st-mary", user=HOUSE)


INSIDE = {"Authorization": "Basic " + base64.b64encode(b"quality:right").decode()}


@pytest.fixture
def see(incidents, page_mart, clock, notes):
    """Look at a page of the quality team."""

    def look(address=ADDRESS, headers=INSIDE, source=incidents):
        """One answer."""
        app = Flask("test")
        app.register_blueprint(create_blueprint(PageDeps(clock, notes, "right", source, page_mart)))
        return app.test_client().get(address, headers=headers)

    return look


def test_the_page_lists_what_was_reported(see, incidents, card, report_on):
    """Id, time, model and version, service, kind, words and state; nothing hostile comes through."""
    report = report_on(card, words="<script>alert(1)</script> & more", kind=ProblemKind.MISLEADING_TEXT)
    incidents.open(report)
    answer = see()
    assert answer.status_code == 200
    for words in (report.id, "2026-03-02 12:10", "icu-mortality 1.0.0", "misleading text", "draft", "st-mary", card.id):
        assert words in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "<script" not in answer.text
    assert "house" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_empty_page_says_so(see):
    """Nobody has reported anything."""
    assert "Nobody has reported a problem" in see().text


def test_a_long_list_is_cut_and_says_so(see, incidents, card, report_on):
    """The newest stand on the page."""
    for number in range(3):
        incidents.open(report_on(card, id=f"I-{number}", time=card.time + timedelta(hours=number)))

    class Few:
        """As if the page held two."""

        def incidents(self, most):
            return incidents.incidents() * most

    assert f"The newest {MOST_LISTED} reports" in see(source=Few()).text


def test_the_page_is_for_the_quality_team(see, notes):
    """A stranger gets nothing and leaves no note; each view of a member is noted first."""
    assert see(headers={}).status_code == 401
    assert notes.events == []
    see()
    assert [(event.kind, event.detail) for event in notes.events] == [(AuditKind.LEDGER_READ, "incidents, by quality")]
    notes.fault = LedgerUnavailable("The ledger cannot be written.")
    assert see().status_code == 503


def test_the_pages_lead_to_each_other(see):
    """And without incidents there is no such page."""
    assert f'href="{ADDRESS}"' in see("/oversight/override-rates").text
    assert 'href="/oversight/override-rates"' in see().text
    assert see(source=None).status_code == 404
    assert ADDRESS not in see("/oversight/override-rates", source=None).text
