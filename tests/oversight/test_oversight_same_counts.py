"""Override rates and Overview count alike, and both as the ledger itself does."""

from __future__ import annotations

import base64
import re
from itertools import cycle

import pytest
from flask import Flask

from clinical.advice import Outcome, WithheldReason
from clinical.record import Coding
from oversight.analytics.funnel import funnel
from oversight.analytics.selection import Selection
from oversight.analytics.tallied import tallied
from oversight.override_rates import Step, override_report
from oversight.pages import PageDeps, create_blueprint
from oversight.tallies import Period

INSIDE = {"Authorization": "Basic " + base64.b64encode(b"quality:word").decode()}
REASONS = (Coding("s", "done", "Done"), Coding("s", "done", "DONE"), Coding("t", "done", "Done"), None)


@pytest.fixture
def period(ledger, make_advice, abstention, answer) -> Period:
    """Thirty cards and twelve openings of the page, answered in every way; four "not assessed"; two withheld."""
    outcomes = cycle([Outcome.ACCEPTED, Outcome.OVERRIDDEN, None, Outcome.OVERRIDDEN, Outcome.SNOOZED, None])
    reasons = cycle(REASONS)
    for number in range(42):
        card = make_advice(hook="smart-launch" if number % 7 in {3, 5} else "patient-view")
        ledger.append(card)
        if (outcome := next(outcomes)) is not None:
            reason = next(reasons) if outcome is Outcome.OVERRIDDEN else None
            ledger.record([answer(card, outcome=outcome, reason=reason)])
    for hook in ("patient-view", "patient-view", "patient-view", "smart-launch"):
        ledger.append(make_advice(finding=abstention, hook=hook))
    ledger.append(make_advice(withheld=WithheldReason.SHADOW))
    ledger.append(make_advice(withheld=WithheldReason.REPEAT))
    return Period(card.time.date(), card.time.date())


def test_the_numbers_are_those_of_the_overview_and_of_the_ledger(period, page_mart, tallies) -> None:
    """Cards, each kind of answer, both rates, what was withheld, and the openings, which are in no other number."""
    assert page_mart.as_of().current
    with page_mart.open() as mart:
        overview = funnel(mart, Selection(period))
        report = override_report(tallied(mart, Selection(period)), period, Step.WEEK)
    total = report.total
    assert (total.shown, report.openings.entries) == (overview.cards, overview.on_page) == (30, 13)
    for name in ("accepted", "overridden", "snoozed", "answered", "no_answer", "override_rate", "no_answer_share"):
        assert getattr(total, name) == getattr(overview, name)
    assert dict(total.withheld) == dict(overview.withheld) == {"shadow": 1, "repeat": 1}
    assert total.abstained == overview.abstained_shown == 3
    assert sum(reason.number for reason in report.reasons) == total.overridden
    assert report == override_report(tallies.tallies(period), period, Step.WEEK)


def test_the_pages_say_the_same(period, page_mart, clock, notes) -> None:
    """In words, with the openings in a row of their own."""
    app = Flask("test")
    app.register_blueprint(create_blueprint(PageDeps(clock, notes, "word", mart=page_mart)))
    asked = f"from={period.first}&to={period.last}"
    read = lambda page: app.test_client().get(f"/oversight/{page}?{asked}", headers=INSIDE).text  # noqa: E731
    overview, rates = read(""), read("override-rates")
    with page_mart.open() as mart:
        found = funnel(mart, Selection(period))
    for share in (found.override_rate, found.no_answer_share):
        assert f"{100 * share.value:.1f} %" in overview
        assert f"{share.count} of {share.total} (95 % interval" in rates
    apart = re.search(r"<tr>(<th[^>]*>Apart from these: openings of the risk page</th>.*?)</tr>", rates, re.DOTALL)
    assert re.findall(r">(\d+)<", apart[1])[0] == str(found.on_page - 1)  # one of them could not be assessed


def test_without_openings_there_is_no_such_row(ledger, make_advice, page_mart, clock, notes) -> None:
    """Nothing stands apart where there is nothing."""
    ledger.append(make_advice())
    app = Flask("test")
    app.register_blueprint(create_blueprint(PageDeps(clock, notes, "word", mart=page_mart)))
    assert "Apart from these" not in app.test_client().get("/oversight/override-rates", headers=INSIDE).text
