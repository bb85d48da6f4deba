"""The quality team's page, through its HTTP surface."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from clinical.advice import OVERRIDE_REASONS, Outcome, WithheldReason
from clinical.audit import AuditKind
from clinical.errors import LedgerUnavailable
from clinical.record import Coding
from oversight.pages import PageDeps, create_blueprint

ADDRESS = "/oversight/override-rates"


def basic(user, password):
    """The header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


INSIDE = basic("quality", "correct hörse")


@pytest.fixture
def client_with(notes, page_mart, clock):
    """A client of an app that has the blueprint; keywords change what it is given."""

    def make(**changes):
        """One client."""
        app = Flask("test")
        deps = {"clock": clock, "audit": notes, "password": "correct hörse", "mart": page_mart} | changes
        app.register_blueprint(create_blueprint(PageDeps(**deps)))
        return app.test_client()

    return make


@pytest.fixture
def kind():
    """The pages do not know which database it is; one is enough."""
    return "sqlite"


@pytest.fixture
def filled(ledger, make_advice, abstention, answer):
    """Three weeks of advice in two services."""
    for number in range(24):
        card = make_advice(service="icu-mortality" if number % 3 else "other<service>")
        card = replace(card, time=card.time - timedelta(days=number))
        ledger.append(card)
        if number % 4 == 0:
            ledger.record([answer(card, reason=OVERRIDE_REASONS[0])])
        elif number % 4 == 1:
            ledger.record([answer(card, outcome=Outcome.ACCEPTED)])
    ledger.append(make_advice(finding=abstention))
    ledger.append(make_advice(withheld=WithheldReason.SHADOW))


def test_without_a_password_the_page_is_closed_and_says_why(client_with, filled):
    """Deny by default: 403 names the setting that is missing, and no number."""
    for password in (None, ""):
        response = client_with(password=password).get(ADDRESS, headers=basic("quality", ""))
        assert response.status_code == 403
        assert "CHARTSIDE_QUALITY_PASSWORD_FILE" in response.text
        assert "icu-mortality" not in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("quality", "wrong"),
        basic("Quality", "correct hörse"),
        basic("quality", ""),
        {"Authorization": "Basic ???"},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer correct"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_nobody_else_gets_in(client_with, filled, headers, method):
    """Without user and password it is 401 with a challenge, on every method."""
    response = client_with().open(ADDRESS, method=method, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert "icu-mortality" not in response.text


def test_password_does_not_stand_in_the_repr(clock, notes):
    """Whoever prints the dependencies does not print the password."""
    assert "correct" not in repr(PageDeps(clock, notes, "correct"))


@pytest.mark.conforms(110)
def test_each_view_stands_in_the_audit(client_with, notes):
    """Who looked at what; a question that is refused, or a stranger, sees nothing and is not noted."""
    client_with().get(f"{ADDRESS}?by=x", headers=INSIDE)
    client_with().get(ADDRESS)
    assert notes.events == []
    client_with().get(ADDRESS, headers=INSIDE)
    (event,) = notes.events
    assert event.kind is AuditKind.LEDGER_READ
    assert event.detail.startswith("override rates, ")
    assert event.detail.endswith("by quality")


def test_a_view_that_cannot_be_noted_is_not_given(client_with, notes):
    """No trace, no numbers."""
    notes.fault = LedgerUnavailable("The ledger cannot be written.")
    assert client_with().get(ADDRESS, headers=INSIDE).status_code == 503


@pytest.mark.parametrize(
    ("address", "status"), [(ADDRESS, 200), (f"{ADDRESS}?by=x", 400), ("/oversight/static/oversight.css", 200)]
)
def test_every_answer_has_the_safe_headers(client_with, address, status):
    """No cache, no sniffing, no referrer for others, no script, no frame."""
    with client_with().get(address, headers=INSIDE) as response:
        assert response.status_code == status
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


def test_refusals_have_the_safe_headers_too(client_with):
    """401 and 403 are not cached either."""
    assert client_with().get(ADDRESS).headers["Cache-Control"] == "no-store"
    assert client_with(password=None).get(ADDRESS).headers["Cache-Control"] == "no-store"


def test_page_obeys_its_own_policy(client_with, filled):
    """No script, no style attribute, no event handler, nothing from elsewhere."""
    page = client_with().get(ADDRESS, headers=INSIDE).text
    for forbidden in ("<script", "style=", "onclick", "http://", "https://", "<style"):
        assert forbidden not in page


def test_page_tells_the_rate_and_the_silence(client_with, filled):
    """Numbers in words with intervals, table, chart, reasons, and what silence means."""
    page = client_with().get(ADDRESS, headers=INSIDE).text
    assert "50.0 %" in page
    assert "6 of 12 (95 % interval 25.4 % to 74.6 %)" in page
    assert "12 of 24 (95 % interval" in page
    assert "It is neither agreement nor rejection" in page
    assert "<svg" in page
    assert page.count("<circle") == 4
    assert "Already done" in page
    assert "Withheld, shadow mode" in page
    assert "other&lt;service&gt;" in page


def test_page_can_be_of_one_service_and_period(client_with, filled):
    """The query narrows it."""
    address = f"{ADDRESS}?service=icu-mortality&from=2026-03-02&to=2026-03-02&by=day"
    page = client_with().get(address, headers=INSIDE).text
    assert "2026-03-02 to 2026-03-02" in page
    assert "service icu-mortality, by day" in page


def test_empty_ledger_is_told_in_words(client_with):
    """Nothing there is no zero percent."""
    page = client_with().get(ADDRESS, headers=INSIDE)
    assert page.status_code == 200
    assert "no service has been called yet" in page.text
    assert "<svg" not in page.text


def test_period_without_an_entry_is_told_in_words(client_with, filled):
    """Another period has entries."""
    page = client_with().get(f"{ADDRESS}?from=2020-01-01&to=2020-02-01", headers=INSIDE).text
    assert "other periods have entries" in page


def test_shown_and_never_answered_has_no_rate(client_with, ledger, make_advice):
    """No answer at all: no rate, no chart, 100 % silence."""
    ledger.append(make_advice())
    page = client_with().get(ADDRESS, headers=INSIDE).text
    assert "there is no override rate" in page
    assert "100.0 %" in page
    assert "nothing to draw" in page


def test_only_withheld_has_neither_share(client_with, ledger, make_advice):
    """Nothing was shown."""
    ledger.append(make_advice(withheld=WithheldReason.SHADOW))
    page = client_with().get(ADDRESS, headers=INSIDE).text
    assert "No card with a risk or a score was shown" in page


def test_every_reason_for_silence_has_words(client_with, ledger, make_advice):
    """No code of ours stands in a heading."""
    for reason in WithheldReason:
        ledger.append(make_advice(withheld=reason))
    page = client_with().get(ADDRESS, headers=INSIDE).text
    headings = re.findall(r"Withheld, ([^<]+)<", page)
    assert len(set(headings)) == len(WithheldReason)
    assert not any("-" in heading for heading in headings)


def test_reason_text_is_escaped(client_with, ledger, make_advice, answer):
    """What a client sends as a reason is text, never markup."""
    card = make_advice()
    ledger.append(card)
    ledger.record([answer(card, reason=Coding("s", "<b>", "<script>alert(1)</script>"))])
    page = client_with().get(ADDRESS, headers=INSIDE).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("service=nobody", "“service” is none that the figures know"),
        ("by=year", "must be day, week or month"),
        ("from=20260101", "“from” must be a day"),
        ("to=2026-02-30", "“to” must be a day"),
        ("from=2026-03-02&to=2026-03-01", "“from” is after “to”"),
        ("from=2020-01-01&by=day", "at most 400 days"),
        ("from=0001-01-01&to=9999-12-31&by=month", "at most 400 weeks"),
        ("by=day&by=week", "“by” is given more than once"),
        ("by=<i>", "must be day, week or month"),
    ],
)
def test_question_that_makes_no_sense_is_answered_in_words(client_with, filled, query, words):
    """400, the fault in words, and nothing of the input."""
    response = client_with().get(f"{ADDRESS}?{query}", headers=INSIDE)
    assert response.status_code == 400
    assert words in response.text
    assert "<i>" not in response.text
    assert "nobody" not in response.text


@pytest.mark.parametrize("query", ["to=0001-01-01", "from=9999-12-31&to=9999-12-31&by=day", "from=&to=&by=&service="])
def test_ends_of_the_calendar_and_empty_fields_are_no_fault(client_with, filled, query):
    """A form that is sent empty asks for the default."""
    assert client_with().get(f"{ADDRESS}?{query}", headers=INSIDE).status_code == 200


def test_ledger_that_cannot_be_read_is_503(client_with):
    """No numbers are not zero, and the fault says nothing about the inside."""

    class Broken:
        """A source whose database is gone."""

        def as_of(self):
            """Fail."""
            raise LedgerUnavailable("The ledger cannot be read.") from OSError("inside")

    response = client_with(mart=Broken()).get(ADDRESS, headers=INSIDE)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"
    assert "inside" not in response.text


def test_style_sheet_needs_no_password(client_with):
    """The pages that say "no" are readable too."""
    with client_with().get("/oversight/static/oversight.css") as response:
        assert response.status_code == 200
