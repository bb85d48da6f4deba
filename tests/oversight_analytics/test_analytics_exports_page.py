"""The page of exports, its files and the metrics, through their HTTP surface, on marts that a test makes up."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE
from prometheus_client.parser import text_string_to_metric_families

from chartside.export_key import ExportKey, signed_with
from clinical.audit import AuditKind
from clinical.errors import LedgerUnavailable
from clinical.incident import IncidentState
from oversight.alerts import Alert
from oversight.exports.standing import OpenIncident, Standing
from oversight.exports.verify import verify
from oversight.incident_events import IncidentHistory
from oversight.monitor_runs import KeptRun
from oversight.pages.door import roles
from oversight.pages.door.roles import Right, Role
from oversight.pages.exports import EXPORT_S, OFFERS, ExportParts
from oversight.switches import SwitchState
from oversight.unjudged_weeks import UnjudgedWeek

TOKEN = "t" * 40
MACHINE = {"Authorization": f"Bearer {TOKEN}"}
NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)
DAYS = "?from=2026-03-02&to=2026-05-31"
ALARM = Alert(7, NOW - timedelta(days=2), "override-rate", "icu-mortality", "override rate", "alarm",
              "The override rate rose.", "1.0.0", date(2026, 5, 18), date(2026, 5, 24))  # fmt: skip


class Standings:
    """One alert, one overdue report, one run of a monitor, one switch; counts how often it is read."""

    read_so_often = 0

    def read(self, _now: datetime) -> Standing:
        """All of it."""
        self.read_so_often += 1
        run = KeptRun(1, NOW - timedelta(hours=3), "override-rate", "icu-mortality", "1.0.0", date(2026, 5, 18),
                      date(2026, 5, 24), "alarm", "override rate", "It rose.", {}, (), {})  # fmt: skip
        history = IncidentHistory("I-0123456789ab", 1, NOW - timedelta(days=60))
        week = UnjudgedWeek("icu-mortality", date(2026, 5, 4), date(2026, 5, 10), ("mix-drift",))
        weeks = (week, UnjudgedWeek("never-judged", date(2026, 5, 4), date(2026, 5, 10), ()))
        return Standing((run,), (ALARM,), (OpenIncident("icu-mortality", "wrong-data", history),), weeks)

    def switched(self, first, until) -> tuple[SwitchState, ...]:
        """One."""
        return (SwitchState("", "icu-mortality", True, NOW - timedelta(days=9), "it", "wrong <unit>"),)


@pytest.fixture
def standing() -> Standings:
    """What stands open."""
    return Standings()


@pytest.fixture
def web(make_mart, app, clock, standing):
    """A client of the pages on four hundred entries of thirteen weeks."""
    rng = np.random.default_rng(5)
    number = 400
    pick = lambda values: np.array(values, dtype=object)[rng.integers(0, len(values), number)]  # noqa: E731
    entries = {
        "days": np.sort(rng.integers(0, 91, number)), "unit_name": pick(["Unit A", "Unit A", "Unit B", "=Unit C"]),
        "clinician": pick([f"{n << 250:064x}" for n in range(1, 9)]), "withheld": pick([None, None, "repeat"]),
    }  # fmt: skip
    about = np.flatnonzero(entries["withheld"] == None)[-200:] + 1  # noqa: E711 (an array)
    outcomes = np.array(["accepted", "overridden"], dtype=object)[rng.integers(0, 2, len(about))]
    answers = {"about": about, "outcome": outcomes, "comment": "see Dr Who, 555 1234",
               "reason_code": np.where(outcomes == "overridden", "cds-not-applicable", None)}  # fmt: skip

    with make_mart(number, entries, answers):
        pass
    clock.time = NOW
    parts = ExportParts(standing, ExportKey(b"s" * 32), "https://h.example", "Chartside 1", metrics_token=TOKEN)
    return app(exports=parts).test_client()


@pytest.fixture
def get(web):
    """Reads an address as the quality team."""
    return lambda address: web.get(address, headers=INSIDE, buffered=True)


def limited(monkeypatch, *without):
    """The quality team without some rights."""
    monkeypatch.setattr(roles, "RIGHTS", {**roles.RIGHTS, Role.QUALITY: frozenset(Right) - set(without)})


def test_the_page_offers_the_month_before_and_says_the_key(get):
    """With a link to each file that keeps the period."""
    page = get("/oversight/exports").get_data(as_text=True)
    assert "2026-05-01 to 2026-05-31" in page
    links = re.findall(r'href="(/oversight/exports/[^"]+)"', page)
    assert {link.split("/")[-1].split("?")[0] for link in links} == set(OFFERS)
    assert all("from=2026-05-01" in link for link in links)
    assert ExportKey(b"s" * 32).public_key in page


@pytest.mark.parametrize("name", OFFERS)
def test_every_file_is_noted_before_it_leaves(get, notes, name):
    """By whom, what, and up to which entry; as a download, never from a cache."""
    answer = get(f"/oversight/exports/{name}{DAYS}")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=chartside-20260302-20260531-")
    assert answer.headers["Cache-Control"] == "no-store"
    (event,) = notes.events
    assert event.kind is AuditKind.LEDGER_READ
    assert event.detail == f"export {name}, 2026-03-02 to 2026-05-31, up to entry 400, by quality"
    notes.fault = LedgerUnavailable("no")
    assert get(f"/oversight/exports/{name}{DAYS}").status_code == 503


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/oversight/exports/passwd", 404),
        ("/oversight/exports/reasons.csv?from=2026-06-01&to=2026-05-01", 400),
        ("/oversight/exports/reasons.csv?from=2020-01-01&to=2026-05-01", 400),
        ("/oversight/exports/reasons.csv?service=other", 400),
        ("/oversight/exports/reasons.csv?from=x", 400),
        ("/oversight/exports?to=x", 400),
    ],
)
def test_a_wrong_question_is_told_and_nothing_leaves(get, notes, address, status):
    """In words, without a note."""
    assert get(address).status_code == status
    assert notes.events == []


def test_rights_decide_what_leaves(get, monkeypatch):
    """Events need their own right, comments theirs, and the page says what is not for a role."""
    limited(monkeypatch, Right.EXPORT_EVENTS)
    assert get(f"/oversight/exports/events.csv{DAYS}").status_code == 403
    assert get(f"/oversight/exports/everything.zip{DAYS}").status_code == 403
    assert get(f"/oversight/exports/figures.zip{DAYS}").status_code == 200
    assert "Not for your role" in get("/oversight/exports").get_data(as_text=True)
    limited(monkeypatch, Right.COMMENTS)
    assert get(f"/oversight/exports/events.csv{DAYS}&comments=yes").status_code == 403
    limited(monkeypatch, Right.EXPORT_FIGURES)
    assert {get(each).status_code for each in ("/oversight/exports", "/oversight/metrics")} == {403}


def events_of(answer):
    """The lines of events.csv."""
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


def test_events_have_no_person_for_who_may_not_see_one(get, monkeypatch):
    """Neither a pseudonym of a clinician nor a comment; units are text to a spreadsheet."""
    told = events_of(get(f"/oversight/exports/events.csv{DAYS}&comments=yes"))
    assert {line["comment"] for line in told} == {"", "see Dr Who, […]"}
    assert {len(line["user"]) for line in told} == {8}
    assert "'=Unit C" in {line["location"] for line in told}
    limited(monkeypatch, Right.CLINICIANS)
    without = events_of(get(f"/oversight/exports/events.csv{DAYS}"))
    assert {(line["user"], line["comment"]) for line in without} == {("", "")}
    assert len(without) == len(told)


def test_the_zip_is_signed_and_holds_the_pack(get, tmp_path):
    """With events only in the one that says so."""
    for name, with_events in (("figures.zip", False), ("everything.zip", True)):
        file = tmp_path / name
        file.write_bytes(get(f"/oversight/exports/{name}{DAYS}").get_data())
        assert verify(file, signed_with).faults == ()
        with zipfile.ZipFile(file) as archive:
            assert ("events.csv" in archive.namelist()) == with_events
            assert "committee_pack.html" in archive.namelist()


class Outside(HTMLParser):
    """Everything that a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        """Note scripts, and addresses that lead out."""
        if tag in {"script", "link", "img", "iframe", "object", "embed", "form"}:
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name in {"href", "src"} and not str(value).startswith("#")):
                self.found.append(f"{name}={value}")


def test_the_pack_stands_alone(get):
    """No script, no asset, no address outside; with what is due, what was changed, and room to sign."""
    page = get(f"/oversight/exports/committee_pack.html{DAYS}").get_data(as_text=True)
    outside = Outside()
    outside.feed(page)
    assert outside.found == []
    assert not re.search(r"url\(|@import", page)
    for said in (
        "Agenda", "The override rate rose.", "I-0123456789ab", "overdue", "wrong &lt;unit&gt;", "Signature",
        "Chartside supports clinical judgement, it does not replace it.", "How to read this", "It rose.", "=Unit C",
    ):  # fmt: skip
        assert said in page, said
    assert not re.search(r"[0-9a-f]{16}", page.split("</style>")[1].replace("0123456789ab", ""))


PACK = "/oversight/exports/committee_pack.html"
# Of the strip, of the headline, of the section that compares, and of what the comparison says.
COMPARED = ("(crude ", "rude override rate", "In the same units and at the same risk", "95 % interval by clinician")


def test_the_pack_compares_with_no_period_that_was_half_recorded(get):
    """As the page of the service does not: entries began within it, so that nothing in it can be held against."""
    days = "?from=2026-03-09&to=2026-03-31"
    text = get(f"{PACK}{days}&service=icu-mortality").text
    why = "no comparison: entries begin on 2026-03-02"
    assert why in get(f"/oversight/service{days}&service=icu-mortality").text
    assert f"service icu-mortality; {why}. Figures up to" in text
    assert len(re.findall(rf"<p[^>]*>{why}</p>", text)) == 6
    assert text.count(f"N{why[1:]}.") == 3  # in the agenda, at the head of the service, and in the section
    for said in ("compared with", "Crude", *COMPARED):
        assert said not in text, said
    assert not re.search(r"\bbefore [\d.]", text)


def test_the_pack_compares_with_a_whole_period(get):
    """The same days before, all of which have been recorded."""
    text = get(f"{PACK}?from=2026-05-01&to=2026-05-31").text
    assert ", compared with 2026-03-31 to 2026-04-30. Figures up to" in text
    assert "o comparison" not in text
    assert "(crude " in text
    assert "Crude override rate" in text


@pytest.fixture
def pack(make_mart, app, clock, standing):
    """Makes the pack of a mart that a test makes up."""

    def made(number, entries, answers, query):
        """Its text."""
        with make_mart(number, entries, answers):
            pass
        clock.time = NOW
        parts = ExportParts(standing, ExportKey(b"s" * 32), "https://h.example", "Chartside 1", metrics_token=TOKEN)
        return app(exports=parts).test_client().get(f"{PACK}{query}", headers=INSIDE, buffered=True).text

    return made


def test_a_service_that_came_later_is_not_compared_beside_one_that_is(pack):
    """Each is held against its own entries."""
    place = np.arange(600)
    days = np.where(place % 2, 45 + place // 2 % 45, place * 90 // 600)
    service = np.where(place % 2, "late", "early").astype(object)
    outcome = np.where(place % 3 == 0, "overridden", "accepted").astype(object)
    answers = {"about": place + 1, "outcome": outcome, "service": service}
    text = pack(600, {"days": days, "service": service}, answers, "?from=2026-05-01&to=2026-05-31")
    assert "compared with 2026-03-31 to 2026-04-30" in text
    early, late = text.split('<section class="sheet" id="service-')[1:3]
    assert "(crude " in early
    assert "o comparison" not in early
    assert "no comparison: entries begin on 2026-04-16" in late
    assert "rude" not in late.split("<h3>Units</h3>")[0]


def test_the_comparison_of_the_pack_tells_no_few_answers_of_the_period_before(pack):
    """It says on how many it rests."""
    days = np.concatenate([np.arange(30), [40, 41], np.full(200, 65)])
    answers = {"about": np.arange(31, 233), "outcome": "overridden"}
    text = pack(232, {"days": days}, answers, "?from=2026-05-01&to=2026-05-29")
    assert "No comparison: fewer than 11 cards of the period before were answered." in text
    assert "of 2 answered" not in text


def test_the_pack_tells_of_weeks_without_an_answer(get):
    """Beside what the monitors said last, which does not make up for them."""
    text = get(f"/oversight/exports/committee_pack.html{DAYS}").text
    assert "Some weeks of the last half year were not judged in full" in text
    assert "<li>icu-mortality, 1 week: 2026-05-04 to 2026-05-10 (mix-drift broke)</li>" in text


def test_the_pack_leaves_out_what_is_not_for_a_role(get, monkeypatch):
    """And says so."""
    limited(monkeypatch, Right.ALERTS, Right.INCIDENTS)
    page = get(f"/oversight/exports/committee_pack.html{DAYS}").get_data(as_text=True)
    assert "The override rate rose." not in page
    assert "I-0123456789ab" not in page
    assert page.count("not for your role") == 2


def test_a_server_that_hangs_up_is_asked_to_wait(web, notes):
    """For a file that somebody may have, and for nothing else."""
    asked = []
    with_patience = {"environ_base": {"chartside.patience": asked.append}, "buffered": True}
    assert web.get(f"/oversight/exports/reasons.csv{DAYS}", **with_patience).status_code == 401
    assert web.get("/oversight/exports/reasons.csv?from=x", headers=INSIDE, **with_patience).status_code == 400
    assert asked == []
    assert web.get(f"/oversight/exports/reasons.csv{DAYS}", headers=INSIDE, **with_patience).status_code == 200
    assert asked == [EXPORT_S]


@pytest.mark.parametrize("days", ["?from=0001-01-01&to=0001-01-02", "?from=9999-12-30&to=9999-12-31"])
def test_the_ends_of_the_calendar_are_days_like_others(get, days):
    """Nobody asks for them but to see what breaks."""
    for name in ("equity.csv", "weekly_metrics.csv", "measures.json", "committee_pack.html"):
        assert get(f"/oversight/exports/{name}{days}").status_code == 200, name


def test_reviews_are_in_the_pack_for_who_may_see_their_results(get, monkeypatch):
    """Without one it says so in words."""
    assert "No review yet" in get(f"/oversight/exports/committee_pack.html{DAYS}").text
    limited(monkeypatch, Right.PLAN_REVIEWS)
    assert "Results of reviews are not for your role." in get(f"/oversight/exports/committee_pack.html{DAYS}").text


def test_the_override_rate_never_leaves_alone(get):
    """Each file of rates has the no-answer share beside it."""
    weekly = get(f"/oversight/exports/weekly_metrics.csv{DAYS}").get_data(as_text=True).splitlines()[0]
    assert {"override_rate", "undecided_share", "no_answer_share"} <= set(weekly.split(","))
    bundle = json.loads(get(f"/oversight/exports/measures.json{DAYS}").get_data())
    names = {entry["resource"]["id"] for entry in bundle["entry"]}
    assert {"override-rate-20260302-20260531", "no-answer-share-20260302-20260531"} <= names


def metrics_of(answer):
    """The samples of an answer."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


def test_a_machine_with_the_token_reads_the_metrics(web, notes):
    """In the text format 0.0.4; the audit hears of the first of a day, not of each."""
    answers = [web.get("/oversight/metrics", headers=MACHINE) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert len(notes.events) == 1
    found = metrics_of(answers[0])
    assert found["chartside_entries", "icu-mortality"] == 400
    assert found["chartside_open_alerts", "icu-mortality"] == 1
    assert found["chartside_unjudged_weeks", "icu-mortality"] == 1
    assert found["chartside_unjudged_weeks", "never-judged"] == 1
    assert found["chartside_monitor_status", "alarm", "icu-mortality", "override-rate"] == 1
    assert found["chartside_monitor_status", "icu-mortality", "ok", "override-rate"] == 0
    assert (found["chartside_open_incidents",], found["chartside_overdue_incidents",]) == (1, 1)
    assert found["chartside_last_monitor_run_age_seconds",] == 3 * 3600
    assert 0 < found["chartside_override_rate", "icu-mortality"] < 1
    labels = {label for name in found for label in name[1:]}
    assert labels <= {"icu-mortality", "override-rate", "repeat", "accepted", "overridden", "snoozed", "no_answer",
                      "ok", "watch", "alarm", "refused", "fault", "never-judged"}  # fmt: skip


def test_metrics_are_counted_once_for_many_readers(web, standing):
    """What was counted is remembered for some seconds."""
    for _ in range(3):
        web.get("/oversight/metrics", headers=MACHINE)
    assert standing.read_so_often == 1


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer no"}, {"Authorization": "Bearer "}])
def test_nobody_else_reads_them(web, notes, given):
    """Nor does the token open any other page."""
    assert web.get("/oversight/metrics", headers=given).status_code == 401
    assert web.get("/oversight/exports", headers=MACHINE).status_code == 401
    assert notes.events == []


def test_an_incident_that_is_overdue_is_one_until_it_is_submitted():
    """Of whoever has to report it, once that is decided."""
    history = IncidentHistory("I-1", 1, NOW - timedelta(days=20))
    one = OpenIncident("s", "k", history)
    assert history.state is IncidentState.DRAFT
    assert one.overdue(NOW.date())
    assert not one.overdue((NOW - timedelta(days=19)).date())


def test_a_file_of_one_day_more_is_the_same_for_who_sees_no_single_clinician(web, monkeypatch) -> None:
    """Their periods are whole weeks that are over, as on the pages; the quality team has any days."""
    days = [f"?from=2026-03-04&to={to}" for to in ("2026-05-17", "2026-05-18", "2026-05-20")]

    def files(name: str) -> set[str]:
        """The names under which they are sent."""
        answers = [web.get(f"/oversight/exports/{name}{asked}", headers=INSIDE, buffered=True) for asked in days]
        return {answer.headers["Content-Disposition"] for answer in answers}

    assert len(files("measures.json")) == 3
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES, Right.EXPORT_FIGURES})})
    for name in ("measures.json", "weekly_metrics.csv", "committee_pack.html"):
        assert files(name) == {f"attachment; filename=chartside-20260302-20260517-{name}"}
    page = web.get(f"/oversight/exports{days[2]}", headers=INSIDE).text
    assert "Shown are 2026-03-02 to 2026-05-17." in page


def test_metrics_of_this_hour_are_for_who_may_see_clinicians(web, monkeypatch) -> None:
    """Two looks, or one beside a page, would tell what a single one did in between."""
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES, Right.EXPORT_FIGURES})})
    assert web.get("/oversight/metrics", headers=INSIDE).status_code == 403
    assert web.get("/oversight/metrics", headers=MACHINE).status_code == 200
