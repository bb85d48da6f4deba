"""What leaves the house about the seeded ledger, held against what is true of it."""

from __future__ import annotations

import csv
import io
import json
import urllib.request
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.measure import Measure
from fhir.resources.R4B.measurereport import MeasureReport
from open_ports import free_port

from ehr_simulator.fhir_server import start_fhir_server
from oversight.analytics.equity_rates import OVERRIDE, SELECTION
from oversight.analytics.narrowed import narrow
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.exports.equity import EQUITY, equity_lines
from oversight.exports.events import EVENTS, Detail, events
from oversight.exports.fhir_bundle import fhir_bundle
from oversight.exports.order import Order
from oversight.exports.reasons import ALL, REASONS, reason_rows
from oversight.exports.weekly import WEEKLY, weekly_rows
from oversight.exports.weekly_burden import weekly_burden
from oversight.mart.mart import Mart

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ANSWERS = {"accepted": "accepted", "overridden": "overridden", "put off": "snoozed", "no answer": "no_answer"}


def lines(table, rows):
    """The file as a program reads it."""
    text = io.StringIO(newline="")
    table.write(rows, text)
    return list(csv.DictReader(io.StringIO(text.getvalue(), newline="")))


@pytest.fixture(scope="module")
def cards(seeded):
    """The lines of events.csv."""
    return lines(EVENTS, events(seeded.mart, Selection(seeded.period), 10**9, Detail(clinicians=True, comments=True)))


@pytest.fixture(scope="module")
def laid_out(seeded):
    """A mart of its own whose entries were laid out for figures."""
    with Mart(seeded.file.parent / "mart").open() as mart:
        narrow(mart, Selection(seeded.period), 10**9)
        yield mart


@pytest.fixture(scope="module")
def bundle(seeded, laid_out):
    """Measures and reports."""
    return fhir_bundle(laid_out, Order(Selection(seeded.period), 1, "https://h.example", "Chartside", "q", NOW))


def true_answers(counts):
    """The truth's cards by answer."""
    silent = counts.cards - counts.accepted - counts.overridden - counts.snoozed
    found = {"accepted": counts.accepted, "overridden": counts.overridden, "put off": counts.snoozed}
    return {name: number for name, number in (found | {"no answer": silent}).items() if number}


@pytest.mark.parametrize(("column", "known"), [("intervention", "services"), ("location", "units")])
def test_events_are_the_cards_that_there_were(seeded, cards, column, known):
    """Line for line, by service and by unit, with what was done."""
    assert len(cards) == len({card["card_id"] for card in cards}) == seeded.truth.total.cards
    found = Counter((card[column], card["action_taken"]) for card in cards)
    truth = getattr(seeded.truth, known).items()
    true = {(name, what): n for name, one in truth for what, n in true_answers(one).items()}
    assert found == true


def test_nobody_is_named_in_the_events(seeded, cards):
    """Pseudonyms are short, and tell the same people apart."""
    assert {len(card["user"]) for card in cards} == {8}
    assert {len(card["patient"]) for card in cards} == {16}
    assert len({card["user"] for card in cards}) == 60
    plain = next(events(seeded.mart, Selection(seeded.period), 10**9, Detail()))
    named = dict(zip([column.name for column in EVENTS.columns], plain, strict=True))
    assert (named["user"], named["comment"]) == (None, None)


def test_weeks_say_what_the_events_say(seeded, cards, laid_out):
    """Every count that is shown is exact, none is below eleven, and most are shown."""
    weeks = lines(WEEKLY, weekly_rows(laid_out, Selection(seeded.period)))
    true = Counter((card["intervention"], monday(card["date"]), ANSWERS[card["action_taken"]]) for card in cards)
    shown = 0
    for week in weeks:
        for name in ANSWERS.values():
            if week[name].isdigit():
                shown += 1
                assert int(week[name]) == true[week["service"], week["week"], name]
                assert int(week[name]) == 0 or int(week[name]) >= 11
    assert shown > len(weeks)
    assert sum(int(week["entries"]) for week in weeks) == seeded.truth.total.entries
    (rate,) = [week for week in weeks if week["override_rate"] not in ("", "hidden")][:1]
    assert float(rate["override_rate"]) == pytest.approx(int(rate["overridden"]) / int(rate["answered"]), abs=1e-9)


def test_weeks_of_burden_add_up(seeded, laid_out):
    """Repeats and overrides that nobody can have read, of all weeks together."""
    found = weekly_burden(laid_out, Selection(seeded.period)).values()
    assert sum(one.repeats for one in found) == seeded.truth.repeats
    assert sum(one.reflex for one in found) == seeded.truth.reflex


def test_reasons_are_those_of_the_events(seeded, cards, laid_out):
    """By service and in all; what is shown is exact and never small."""
    found = lines(REASONS, reason_rows(laid_out, Selection(seeded.period)))
    overridden = [card for card in cards if card["action_taken"] == "overridden"]
    true = Counter((card["intervention"], card["reason_code"]) for card in overridden)
    true += Counter((ALL, card["reason_code"]) for card in overridden)
    shown = {(line["service"], line["reason_code"]): int(line["number"]) for line in found if line["number"].isdigit()}
    assert shown == {key: true[key] for key in shown}
    assert min(shown.values()) >= 11
    assert {line["overridden"] for line in found if line["service"] == ALL} == {str(seeded.truth.total.overridden)}


def populations(group):
    """Counts by the code of their population; None where masked."""
    return {each["code"]["coding"][0]["code"]: each.get("count") for each in group["population"]}


def test_measure_reports_say_what_is_true(seeded, bundle):
    """In all, and in every unit whose counts are not masked."""
    report = next(e["resource"] for e in bundle["entry"] if e["resource"]["id"].startswith("override-rate"))
    (group,) = report["group"]
    total = seeded.truth.total
    answered = total.accepted + total.overridden
    assert populations(group) == {
        "initial-population": total.cards, "denominator": total.cards,
        "denominator-exclusion": total.cards - answered, "numerator": total.overridden,
    }  # fmt: skip
    assert group["measureScore"]["value"] == pytest.approx(total.overridden / answered, abs=1e-9)
    units = next(each for each in group["stratifier"] if each["code"][0]["text"] == "unit")["stratum"]
    assert {unit["value"]["text"] for unit in units} == {name for name, one in seeded.truth.units.items() if one.cards}
    for unit in units:
        true, found = seeded.truth.units[unit["value"]["text"]], populations(unit)
        assert found["numerator"] in (None, true.overridden)
        assert ("value" in unit["measureScore"]) == (None not in found.values())


def test_measures_are_fhir(bundle):
    """The library's R4 classes take them, and say the same."""
    Bundle.model_validate_json(json.dumps(bundle))
    kinds = {"Measure": Measure, "MeasureReport": MeasureReport}
    resources = [entry["resource"] for entry in bundle["entry"]]
    assert Counter(each["resourceType"] for each in resources) == {"Measure": 3, "MeasureReport": 3}
    for each in resources:
        again = json.loads(kinds[each["resourceType"]].model_validate_json(json.dumps(each)).model_dump_json())
        assert again["id"] == each["id"]
    assert {each["measure"].split("|")[0] for each in resources if "measure" in each} == {
        each["url"] for each in resources if "url" in each
    }


def test_a_fhir_server_takes_them(bundle, tmp_path):
    """A real R4 server stores each and gives it back."""
    port = free_port()
    server = start_fhir_server(port, tmp_path / "fhir")
    try:
        for entry in bundle["entry"]:
            kind = entry["resource"]["resourceType"]
            stored = send(f"http://127.0.0.1:{port}/fhir/{kind}", entry["resource"])
            assert send(f"http://127.0.0.1:{port}/fhir/{kind}/{stored['id']}").get("group")
    finally:
        server.stop()


def send(address, resource=None):
    """POST, or GET without a resource."""
    content = None if resource is None else json.dumps(resource).encode()
    request = urllib.request.Request(address, content, {"Content-Type": "application/fhir+json"})
    with closing(urllib.request.urlopen(request, timeout=60)) as answer:
        assert answer.status in (200, 201)
        return json.loads(answer.read())


def monday(day):
    """The Monday of a day's week."""
    found = date.fromisoformat(day)
    return (found - timedelta(days=found.weekday())).isoformat()


def test_equity_says_what_is_true(seeded):
    """Everybody's counts are exact, the group that is served worse is overridden more, and small groups are hidden."""
    judged_by = {"sepsis-6h": OutcomeQuestion("onset-of-sepsis", 6.0)}
    found = lines(EQUITY, equity_lines(seeded.mart, Selection(seeded.period), judged_by))
    everybody = {
        (line["service"], line["measure"]): line
        for line in found
        if (line["attribute"], line["group"]) == ("sex", "(all)")
    }
    for service, true in seeded.truth.services.items():
        if true.cards:
            first, last = everybody[service, SELECTION]["first"], everybody[service, SELECTION]["last"]
            whole = (date.fromisoformat(first), date.fromisoformat(last)) == (seeded.period.first, seeded.period.last)
            assert not whole or everybody[service, SELECTION]["number"] == str(true.cards)
            assert int(everybody[service, SELECTION]["number"]) <= true.cards
    alone = [line for line in found if line["service"] == "sepsis-6h" and not line["and_attribute"]]
    (worse,) = (line for line in alone if (line["group"], line["measure"]) == ("Spanish", OVERRIDE))
    assert {line["service"] for line in found if line["measure"] == "TPR"} == {"sepsis-6h"}
    assert {line["and_attribute"] for line in found if line["attribute"] == "language"} > {"sex"}
    assert float(worse["difference"]) > 0
    assert not [line for line in found if line["number"].isdigit() and 0 < int(line["number"]) < 11]
    assert all(line["share"] or line["note"] for line in found)
