"""The pages of single incidents: what is known, what is due, what comes next, and the draft of a device report."""

from __future__ import annotations

import base64
import html
import json
import re
from datetime import UTC, date, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from flask import Flask

from clinical.errors import LedgerUnavailable
from clinical.incident import IncidentState, ReporterKind
from oversight.device_report import DRAFT, DeviceFacts, reported
from oversight.incident_events import FACTS, IncidentEvent, IncidentHistory, possible
from oversight.pages import PageDeps, create_blueprint
from oversight.pages.door import roles
from oversight.pages.door.roles import Person, Right, Role
from oversight.pages.incident_clock import LATER, OVERDUE, SOON, due
from oversight.pages.incident_forms import event_forms
from oversight.pages.incidents import IncidentWork

INSIDE = {"Authorization": "Basic " + base64.b64encode(b"quality:right").decode()}
LIST = "/oversight/incidents"
REPORTED = datetime(2026, 3, 2, 12, 10, tzinfo=UTC)
TRIAGE = {"kind": "triaged", "harm": "serious-injury", "aware": "2026-03-02"}


@pytest.fixture
def report_on(report_on):
    """Reports whose words are markup."""
    return partial(report_on, words="The <b>weight</b> is that of another day.")


@pytest.fixture
def http(engine, incidents, events, clock, notes):
    """A browser of the quality team."""
    device = lambda model, version: DeviceFacts("Death in hospital", artefact="cd" * 32)  # noqa: E731
    work = IncidentWork(events, partial(reported, engine), device)
    app = Flask("test")
    app.register_blueprint(create_blueprint(PageDeps(clock, notes, "right", incidents, incident_work=work)))
    client = app.test_client()
    return SimpleNamespace(
        get=lambda address: client.get(address, headers=INSIDE),
        post=lambda address, form: client.post(address, data=form, headers=INSIDE),
    )


def read(page: str) -> str:
    """The text of a page."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def token(http, incident: str) -> str:
    """The token of the page's forms."""
    found = re.search(r'name="form" value="(\w+)"', http.get(f"{LIST}/{incident}").text)
    assert found is not None
    return found[1]


def hidden(http, incident: str) -> dict[str, str]:
    """What every form of the page carries."""
    return dict(re.findall(r'name="(form|seen)" value="(\w+)"', http.get(f"{LIST}/{incident}").text))


def send(http, incident: str, **fields: str):
    """Fill in a form of the page."""
    return http.post(f"{LIST}/{incident}/event", hidden(http, incident) | fields)


def test_a_form_that_was_drawn_before_another_event_undoes_nothing(http, incident, events) -> None:
    """Of two who triage, the second reads of the first before it is kept, and may send again; the same is one."""
    older = hidden(http, incident)
    assert send(http, incident, **TRIAGE | {"harm": "death"}).status_code == 303
    answer = http.post(f"{LIST}/{incident}/event", older | TRIAGE | {"harm": "none", "words": "no harm"})
    assert answer.status_code == 400
    assert "Somebody has added to this incident meanwhile." in read(answer.text)
    assert ("no harm" in answer.text, 'name="seen" value="1"' in answer.text) == (True, True)
    assert events.history(incident).harm == "death"
    assert http.post(f"{LIST}/{incident}/event", older | TRIAGE | {"harm": "death"}).status_code == 303
    assert len(events.history(incident).events) == 1


@pytest.mark.parametrize("seen", ["", "-1", "1", "99999999", "²"])
def test_a_form_that_does_not_say_what_was_read_keeps_nothing(http, incident, events, seen) -> None:
    """No number, or not that of the events that there are."""
    answer = http.post(f"{LIST}/{incident}/event", hidden(http, incident) | TRIAGE | {"seen": seen})
    assert (answer.status_code, events.history(incident).events) == (400, ())


def test_an_incident_says_what_is_known_and_names_nobody(http, incident, clock) -> None:
    """The report, its advice with model, version, hash and time; no patient, no clinician; nothing hostile."""
    clock.time = REPORTED
    page = http.get(f"{LIST}/{incident}").text
    text = read(page)
    for words in (incident, "wrong data", "2026-03-02 12:10", "icu-mortality 1.0.0", "ab" * 32, "risk 12.3%, tier high",
                  "by Practitioner", "Draft.", "nobody has triaged it"):  # fmt: skip
        assert words in text
    assert "&lt;b&gt;weight" in page
    for name in ("dr-house", "p-4711", "enc-99"):
        assert name not in page


def test_the_whole_way_by_forms(http, incident, events) -> None:
    """Triage, decision, submission, end; each kept with who and in which role, and shown."""
    steps = (
        TRIAGE,
        {"kind": "reportable", "as": "user-facility", "words": "injury after a late card"},
        {"kind": "facts", "block": "F10", "value": "2993"},
        {"kind": "submitted", "on": "2026-03-10", "number": "MDR-1"},
        {"kind": "closed", "words": "done"},
    )
    for fields in steps:
        assert send(http, incident, **fields).status_code == 303
    history = events.history(incident)
    assert [event.kind for event in history.events] == [fields["kind"] for fields in steps]
    assert {(event.by_whom, event.role) for event in history.events} == {("quality", "quality")}
    text = read(http.get(f"{LIST}/{incident}").text)
    assert "Nothing is due" in text
    assert "MDR-1" in text
    assert "<form" not in http.get(f"{LIST}/{incident}").text
    assert "closed" in read(http.get(LIST).text)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"kind": "submitted", "on": "2026-03-05"}, 400), ({"kind": "triaged", "harm": "death"}, 400),
     ({"kind": "facts", "block": "Z1", "value": "x"}, 400), ({"kind": "facts", "block": "D3", "value": " "}, 400),
     ({"kind": "nonsense"}, 400), ({"form": "0"} | TRIAGE, 403)],
)  # fmt: skip
def test_a_wrong_form_changes_nothing(http, incident, events, fields, status) -> None:
    """Out of order, incomplete, of no block, of another site."""
    assert send(http, incident, **fields).status_code == status
    assert events.history(incident).events == ()


@pytest.mark.parametrize("state", list(IncidentState))
def test_the_forms_are_those_of_the_state(state) -> None:
    """And each asks for what its event needs."""
    event = IncidentEvent(state.value, REPORTED, {}, "ann", "quality")
    history = IncidentHistory("I-1", 1, REPORTED, () if state is IncidentState.DRAFT else (event,))
    forms = {form.kind: form for form in event_forms(history)}
    assert tuple(forms) == possible(state)
    assert (FACTS in forms) == (state is not IncidentState.CLOSED)
    if "triaged" in forms:
        assert {field.name for field in forms["triaged"].fields if field.needed} == {"harm", "aware"}


@pytest.mark.parametrize(
    ("today", "words", "mark"),
    [("2026-03-03", "due in 13 days", LATER), ("2026-03-13", "due in 3 days", SOON),
     ("2026-03-15", "due in 1 day", SOON), ("2026-03-16", "due today", SOON), ("2026-03-17", "1 day overdue", OVERDUE),
     ("2026-04-01", "16 days overdue", OVERDUE)],
)  # fmt: skip
def test_the_clock_is_told_in_words_and_by_shape(today, words, mark) -> None:
    """The soonest duty first: of a death ten work days for the hospital."""
    history = IncidentHistory("I-1", 1, REPORTED)
    first, *_ = due(history, date.fromisoformat(today))
    assert (first.words, first.mark, first.who) == (words, mark, "the hospital")


def test_after_the_decision_only_that_clock_runs() -> None:
    """Who reports has been decided."""
    triaged = IncidentEvent("triaged", REPORTED, {"harm": "death", "aware": "2026-03-02"}, "ann", "quality")
    decided = IncidentEvent("reportable", REPORTED, {"as": "manufacturer", "words": "x"}, "ann", "quality")
    both = due(IncidentHistory("I-1", 1, REPORTED, (triaged,)), date(2026, 3, 3))
    assert [one.who for one in both] == ["the hospital", "the developer"]
    (one,) = due(IncidentHistory("I-1", 1, REPORTED, (triaged, decided)), date(2026, 3, 3))
    assert (one.who, one.deadline.due) == ("the developer", date(2026, 4, 1))


def test_the_list_tells_what_is_past(http, incident, clock) -> None:
    """With a link to each, and the state."""
    assert "past a deadline" not in read(http.get(LIST).text)
    clock.time = REPORTED + timedelta(days=30)
    page = http.get(LIST).text
    assert "▲ 1 incident is past a deadline" in read(page)
    assert f'href="{LIST}/{incident}"' in page
    assert "16 days overdue" in read(page)


@pytest.mark.parametrize("who", list(ReporterKind))
def test_the_draft_is_a_page_and_two_files(http, incident, who) -> None:
    """All say that it is a draft, and the same values."""
    address = f"{LIST}/{incident}/draft?as={who.value}"
    page, text, data = (http.get(f"{address}&form={form}") for form in ("page", "text", "json"))
    assert "Draft: not submitted" in read(page.text)
    assert "Signed in as quality (quality)" in read(page.text)
    assert text.text.startswith(DRAFT)
    document = json.loads(data.text)
    assert (document["draft"], document["reporter"]) == (DRAFT, who.value)
    for block in document["blocks"]:
        assert block["block"] in page.text
        assert " ".join(block["value"].split()) in read(page.text)
    for answer, kind in ((text, "text/plain"), (data, "application/json")):
        assert answer.content_type.startswith(kind)
        assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="draft-3500a-{incident}-')
        assert answer.headers["Cache-Control"] == "no-store"
    for name in ("dr-house", "p-4711", "enc-99", "approved", "complian"):
        assert name not in (page.text + text.text + data.text).lower()


@pytest.mark.parametrize(("query", "status"), [("?as=nobody", 400), ("?form=pdf", 400), ("", 200)])
def test_a_draft_of_no_kind_is_not_understood(http, incident, query, status) -> None:
    """The usual one is the hospital's, as a page."""
    assert http.get(f"{LIST}/{incident}/draft{query}").status_code == status


def test_an_incident_that_is_not_there_is_not_found(http, incident) -> None:
    """No page, no draft, no event."""
    for address in ("I-none", "I-none/draft"):
        assert http.get(f"{LIST}/{address}").status_code == 404
    answer = http.post(f"{LIST}/I-none/event", {"form": token(http, incident)} | TRIAGE)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("role", "page", "event"),
    [(Role.CLINICIAN, 403, 403), (Role.MODELLER, 403, 403), (Role.AUDITOR, 200, 403), (Role.ADMIN, 200, 403)],
)
def test_rights_open_the_page_and_the_forms(http, incident, events, monkeypatch, role, page, event) -> None:
    """Who may only read sees no form, and changes nothing."""
    known = token(http, incident)
    monkeypatch.setattr("oversight.pages.door.routes.by_password", lambda _: Person("quality", frozenset({role})))
    for address in (LIST, f"{LIST}/{incident}", f"{LIST}/{incident}/draft"):
        answer = http.get(address)
        assert answer.status_code == page
        assert 'method="post"' not in answer.text
    assert http.post(f"{LIST}/{incident}/event", {"form": known} | TRIAGE).status_code == event
    assert events.history(incident).events == ()


def test_every_view_and_event_is_noted_first(http, incident, events, notes) -> None:
    """What cannot be noted is neither shown nor kept."""
    send(http, incident, **TRIAGE)
    http.get(f"{LIST}/{incident}/draft?form=json")
    assert [event.detail for event in notes.events] == [
        f"incident {incident}, by quality", f"incident {incident}: triaged, by quality",
        f"device report draft (json) of incident {incident}, by quality",
    ]  # fmt: skip
    known = hidden(http, incident)
    notes.fault = LedgerUnavailable("The ledger cannot be written.")
    assert http.get(f"{LIST}/{incident}").status_code == 503
    closing = known | {"kind": "not-reportable", "words": "x"}
    assert http.post(f"{LIST}/{incident}/event", closing).status_code == 503
    assert events.history(incident).state is IncidentState.TRIAGED


def test_all_histories_are_those_of_each(events, incidents, incident, ledger, make_advice, report_on) -> None:
    """Read in two questions, however many there are."""
    other = make_advice()
    ledger.append(other)
    incidents.open(report_on(other, id="I-other"))
    events.add("I-other", FACTS, {"D3": "x"}, by_whom="ann", role="quality", now=REPORTED)
    assert events.histories() == {each: events.history(each) for each in (incident, "I-other")}


def test_the_blocks_have_the_names_of_the_rule() -> None:
    """M18: the words of 21 CFR 803.32 and 803.52 (as of 2024) by paragraph, wherever a number could slip."""
    from oversight.device_report_fields import BLOCKS

    names = {block.key: block.name.lower() for block in BLOCKS}
    for key, words in {
        "B4": "date of this report", "B5": "description of event",
        "D2": "product code, if known, and common device name",
        "D4": "unique device identifier (udi)", "D5": "operator", "D6": "implantation", "D7": "explantation",
        "D8": "single-use device that was reprocessed", "D9": "reprocessor", "D10": "available for evaluation",
        "D11": "concomitant", "E2": "health professional", "E3": "occupation", "E4": "sent a copy to fda",
        "F2": "user facility number", "F6": "became aware", "F7": "initial or follow-up", "F9": "approximate age",
        "F10": "event problem codes", "F11": "sent to fda", "F12": "location", "F13": "sent to the manufacturer",
        "F14": "manufacturer name", "G3": "report sources", "G4": "received by the manufacturer", "G5": "premarket",
        "G6": "5-day", "G7": "report number", "H1": "type of reportable event", "H2": "follow-up report",
        "H3": "summary of the evaluation, or why there was none", "H4": "date of manufacture", "H5": "single use",
        "H6": "evaluation codes", "H7": "remedial action", "H8": "initial use, reuse", "H9": "removal or correction",
        "H10": "missing or is corrected",
    }.items():  # fmt: skip
        assert words in names[key], key


@pytest.mark.parametrize("day", ["9999-12-31", "2026-03-05", "1066-10-14"])
def test_a_deadline_counts_from_a_day_that_has_been(http, incident, events, day) -> None:
    """A day to come would move the deadline, and one at the end of the calendar would close the page for good."""
    answer = send(http, incident, **TRIAGE | {"aware": day})
    assert (answer.status_code, "is a day from 2000-01-01 to today" in answer.text) == (400, True)
    assert events.history(incident).events == ()
    assert http.get(LIST).status_code == 200


def test_a_day_is_written_in_one_way(http, incident, events) -> None:
    """It goes into the draft of a report as it is; other forms of ISO 8601 are days too, but not to a reader."""
    for day in ("2026-W09-1", "20260302"):
        assert "is a day such as 2026-03-02" in send(http, incident, **TRIAGE | {"aware": day}).text
    assert events.history(incident).events == ()


def test_what_was_typed_stands_in_the_form_again(http, incident, events) -> None:
    """With the fault beside it, also where another tab has taken the step in the meantime."""
    said = TRIAGE | {"aware": "soon", "words": "long <b>words</b>"}
    page = send(http, incident, **said).text
    assert "Nothing was kept." in page
    assert 'value="soon"' in page
    assert 'value="serious-injury" selected' in page
    assert "long &lt;b&gt;words&lt;/b&gt;</textarea>" in page
    block = {"kind": "facts", "block": "F10", "value": "x" * 4001}
    page = send(http, incident, **block)
    assert (page.status_code, "At most 4,000" in page.text, 'value="F10" selected' in page.text) == (400, True, True)
    assert events.history(incident).events == ()
    late = {"kind": "closed", "words": "written in an old tab"}
    assert "You had written: " in (page := send(http, incident, **late).text)
    assert "written in an old tab" in page


def test_lines_of_a_browser_count_once(http, incident, events) -> None:
    """A text that the browser let through is kept whole, line by line."""
    words = "\r\n".join("x" * 9 for _ in range(400))
    assert send(http, incident, **TRIAGE | {"words": words}).status_code == 303
    assert events.history(incident).events[0].fields["words"] == words.replace("\r\n", "\n")


def test_the_reporters_words_are_for_who_may_read_comments(http, incident, monkeypatch) -> None:
    """Who may only see incidents reads what kind of problem it was: words may name somebody. Nor does a draft tell."""
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.INCIDENTS})})
    for address in (LIST, f"{LIST}/{incident}", *(f"{LIST}/{incident}/draft?form={form}" for form in ("page", "text"))):
        text = http.get(address).text
        assert "that of another day" not in text
        assert "not shown for your role" in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"kind": "triaged", "harm": "death", "aware": "2026-03-02", "words": "see \u202ebelow"}, "(U+202E)"),
     ({"kind": "facts", "block": "D3", "value": "\u200b\u3164"}, "what stands in it are needed"),
     ({"kind": "facts", "block": "D3", "value": "a\x07b"}, "In the block there are characters that nobody sees"),
     ({"kind": "facts", "block": "D3", "value": "y" * 30_000}, "kept of the block; you sent 30,000")],
)  # fmt: skip
def test_words_are_plain_text_in_bounds(http, incident, events, fields, words) -> None:
    """Refused with what to do; what comes back has no mark and an end."""
    answer = send(http, incident, **fields)
    assert (answer.status_code, words in read(answer.text)) == (400, True)
    assert not set("\u202e\u200b\x07") & set(answer.text)
    assert len(answer.data) < 60_000
    assert events.history(incident).events == ()


def test_words_that_nobody_asked_for_may_show_nothing(http, incident, events) -> None:
    """A field that may stay open and shows nothing is one that stayed open."""
    assert send(http, incident, **TRIAGE | {"words": "\u00ad\u200b"}).status_code == 303
    assert "words" not in events.history(incident).events[0].fields


def test_what_cannot_be_saved_comes_back_to_be_sent_again(http, incident, events, notes) -> None:
    """503, with every field of the form, and the same step once the ledger is back."""
    said = hidden(http, incident) | TRIAGE | {"words": "long <b>words</b>", "remedial": "yes"}
    notes.fault = LedgerUnavailable("The ledger cannot be written.")
    page = http.post(f"{LIST}/{incident}/event", said)
    notes.fault = None
    assert (page.status_code, "Nothing was saved. What you wrote stands here." in read(page.text)) == (503, True)
    assert "With it goes: kind triaged, harm serious-injury, aware 2026-03-02, remedial yes." in read(page.text)
    assert events.history(incident).events == ()
    given = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    given += re.findall(r'<textarea name="(\w+)"[^>]*>(.*?)</textarea>', page.text, re.DOTALL)
    assert {name: html.unescape(value) for name, value in given} == said
    action = re.search(r'method="post" action="([^"]+)"', page.text)
    assert action is not None
    assert http.post(action[1], said).status_code == 303
    assert events.history(incident).events[0].fields["words"] == "long <b>words</b>"


def test_an_incident_that_is_not_there_says_where_to_go(http, incident) -> None:
    """In the frame of the house."""
    page = http.get(f"{LIST}/I-none").text
    assert "There is no such incident" in read(page)
    assert f'<a class="button" href="{LIST}">All incidents</a>' in page
