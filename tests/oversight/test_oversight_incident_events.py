"""Incidents: from draft to closed, what is due when, and the draft of a device report."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from clinical.errors import Unprocessable
from clinical.incident import Harm, IncidentState, ReporterKind
from oversight import tables
from oversight.device_report import DRAFT, DeviceFacts, as_json, as_text, draft, dumped, reported
from oversight.device_report_fields import BLOCKS, KEYS, blocks_for
from oversight.incident_events import FACTS, NEXT
from oversight.report_deadlines import add_work_days, deadlines, federal_holidays, is_work_day
from oversight.verify import heads, verify

LATER = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
WHO = {"by_whom": "ann", "role": "quality", "now": LATER}
TRIAGE = {"harm": "serious-injury", "aware": "2026-03-02"}
DEVICE = DeviceFacts("Death in hospital", "Adults in intensive care", "cd" * 32, "Chartside, Springfield, IL")
FACILITY, MAKER = ReporterKind.USER_FACILITY, ReporterKind.MANUFACTURER
FULL_WAY = (
    (IncidentState.TRIAGED, TRIAGE),
    (IncidentState.REPORTABLE, {"as": "user-facility", "words": "injury after a late card"}),
    (IncidentState.SUBMITTED, {"on": "2026-03-10", "number": "MDR-1"}),
    (IncidentState.CLOSED, {"words": "done"}),
)


# --- days ------------------------------------------------------------------------------------------------------------


def test_the_federal_holidays_of_2026() -> None:
    """As the Office of Personnel Management lists them; Independence Day falls on a Saturday."""
    assert sorted(federal_holidays(2026)) == [
        date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25), date(2026, 6, 19),
        date(2026, 7, 3), date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11), date(2026, 11, 26),
        date(2026, 12, 25),
    ]  # fmt: skip


def test_new_year_may_be_observed_in_the_old_one() -> None:
    """1 January 2028 is a Saturday, so 31 December 2027 is off; in 2023 it was a Sunday."""
    assert date(2027, 12, 31) in federal_holidays(2027)
    assert date(2028, 1, 1) not in federal_holidays(2028)
    assert date(2023, 1, 2) in federal_holidays(2023)
    assert date(2020, 6, 19) not in federal_holidays(2020)
    assert len(federal_holidays(2027)) == 12
    assert len(federal_holidays(2028)) == 10


@pytest.mark.parametrize(
    ("aware", "number", "due"),
    [
        ("2026-03-02", 10, "2026-03-16"),  # two working weeks
        ("2026-03-07", 10, "2026-03-20"),  # a Saturday
        ("2026-11-18", 10, "2026-12-03"),  # Thanksgiving between
        ("2026-12-21", 10, "2027-01-06"),  # Christmas and New Year between
        ("2026-06-30", 5, "2026-07-08"),  # Independence Day observed on Friday
    ],
)
def test_work_days_leave_out_weekends_and_holidays(aware, number, due) -> None:
    """And the day itself."""
    assert add_work_days(date.fromisoformat(aware), number) == date.fromisoformat(due)
    assert is_work_day(date.fromisoformat(due))


def test_what_is_due_to_whom() -> None:
    """21 CFR 803.10: a facility for deaths and serious injuries, a manufacturer for malfunctions too."""
    aware = date(2026, 3, 2)
    (death,) = deadlines(Harm.DEATH, FACILITY, aware)
    assert (death.due, death.to, death.time) == (
        date(2026, 3, 16), "FDA, and the manufacturer if known", "10 work days"
    )  # fmt: skip
    (injury,) = deadlines(Harm.SERIOUS_INJURY, FACILITY, aware)
    assert (injury.due, injury.to) == (date(2026, 3, 16), "the manufacturer, or FDA if that is unknown")
    assert deadlines(Harm.MALFUNCTION, FACILITY, aware) == ()
    for harm in (Harm.DEATH, Harm.SERIOUS_INJURY, Harm.MALFUNCTION):
        assert [each.due for each in deadlines(harm, MAKER, aware)] == [date(2026, 4, 1)]
        soon = deadlines(harm, MAKER, aware, remedial=True)
        assert [each.due for each in soon] == [date(2026, 3, 9), date(2026, 4, 1)]
    assert deadlines(Harm.NONE, MAKER, aware, remedial=True) == ()
    assert death.days_left(date(2026, 3, 18)) == -2


# --- events ----------------------------------------------------------------------------------------------------------


def test_an_incident_goes_its_way(engine, incidents, events, incident) -> None:
    """The list shows the latest state, with every event by whom; the chain holds."""
    assert events.history(incident).state is IncidentState.DRAFT
    for kind, fields in FULL_WAY:
        assert events.add(incident, kind, fields, **WHO).state is kind
        assert [each.state for each in incidents.incidents()] == [kind]
        assert incidents.incident(incident).state is kind
    history = events.history(incident)
    assert [event.kind for event in history.events] == ["triaged", "reportable", "submitted", "closed"]
    assert {(event.by_whom, event.role, event.time) for event in history.events} == {("ann", "quality", LATER)}
    assert history.fact("number") == "MDR-1"
    assert all(check.fault is None for check in verify(engine, heads(engine)))


def test_the_order_is_enforced(events, incident) -> None:
    """At each state only what may come next is taken."""
    fields = dict(FULL_WAY) | {IncidentState.NOT_REPORTABLE: {"words": "no"}}
    for kind, mine in FULL_WAY:
        state = events.history(incident).state
        for other in set(fields) - set(NEXT[state]):
            with pytest.raises(Unprocessable, match=f"The incident is {state.value}; next comes"):
                events.add(incident, other, fields[other] | {"words": "out of order"}, **WHO)
        events.add(incident, kind, mine, **WHO)
    for kind in (FACTS, IncidentState.TRIAGED):
        with pytest.raises(Unprocessable, match="closed"):
            events.add(incident, kind, {"words": "late"} | (TRIAGE if kind != FACTS else {}), **WHO)


def test_what_was_decided_can_be_decided_anew(events, incident) -> None:
    """Until it is submitted; the later word counts."""
    events.add(incident, IncidentState.TRIAGED, TRIAGE, **WHO)
    events.add(incident, IncidentState.NOT_REPORTABLE, {"words": "no injury"}, **WHO)
    assert events.history(incident).deadlines(FACILITY) == ()
    history = events.add(incident, IncidentState.TRIAGED, {"harm": "death", "aware": "2026-03-03"}, **WHO)
    assert (history.state, history.harm, history.aware) == (IncidentState.TRIAGED, Harm.DEATH, date(2026, 3, 3))
    assert [each.due for each in history.deadlines(FACILITY)] == [date(2026, 3, 17)]


def test_the_clock_runs_from_the_report_until_somebody_triages(events, incident) -> None:
    """As if it were a death: an earlier day does no harm."""
    history = events.history(incident)
    assert (history.harm, history.aware) == (None, date(2026, 3, 2))
    assert [each.due for each in history.deadlines(FACILITY)] == [date(2026, 3, 16)]
    assert [each.due for each in history.deadlines(MAKER)] == [date(2026, 4, 1)]
    history = events.add(incident, IncidentState.TRIAGED, TRIAGE | {"remedial": "yes"}, **WHO)
    assert [each.due for each in history.deadlines(MAKER)] == [date(2026, 3, 9), date(2026, 4, 1)]


def test_the_same_event_twice_is_one(events, incident) -> None:
    """A form that is sent again, later."""
    first = events.add(incident, IncidentState.TRIAGED, TRIAGE, **WHO)
    again = events.add(incident, IncidentState.TRIAGED, TRIAGE, **{**WHO, "now": LATER + timedelta(hours=1)})
    assert again == first


@pytest.mark.parametrize(
    ("kind", "fields", "fault"),
    [
        ("noticed", {}, "An event is one of"),
        ("draft", {}, "An event is one of"),
        ("triaged", {"harm": "death"}, "needs aware"),
        ("triaged", {"harm": "bad", "aware": "2026-03-02"}, "harm is one of"),
        ("triaged", {"harm": "death", "aware": "yesterday"}, "aware is a day"),
        ("triaged", TRIAGE | {"patient": "Jane"}, "not patient"),
        ("triaged", TRIAGE | {"remedial": "maybe"}, "remedial is one of yes, no"),
        ("facts", {"Z1": "x"}, "not Z1"),
    ],
)
def test_events_without_their_facts_are_refused(events, incident, kind, fields, fault) -> None:
    """In words."""
    with pytest.raises(Unprocessable, match=fault):
        events.add(incident, kind, fields, **WHO)
    assert events.history(incident).events == ()


def test_an_event_has_a_name_and_an_incident(events, incident) -> None:
    """Nobody's event, and nothing's."""
    with pytest.raises(Unprocessable, match="needs a name"):
        events.add(incident, IncidentState.TRIAGED, TRIAGE, by_whom=" ", role="", now=LATER)
    with pytest.raises(Unprocessable, match="no such incident"):
        events.add("I-none", IncidentState.TRIAGED, TRIAGE, **WHO)
    assert events.history("I-none") is None


def test_events_cannot_be_changed(engine, events, incident) -> None:
    """The database refuses."""
    events.add(incident, IncidentState.TRIAGED, TRIAGE, **WHO)
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(tables.incident_event.update().values(fields="{}"))


# --- the draft -------------------------------------------------------------------------------------------------------


def test_the_blocks_are_those_of_the_rule() -> None:
    """803.32 has 4 + 7 + 11 + 4 + 14 elements, 803.52 has 4 + 7 + 11 + 4 + 7 + 10, by section letter."""
    for who, sizes in (
        (FACILITY, {"A": 4, "B": 7, "D": 11, "E": 4, "F": 14}),
        (MAKER, {"A": 4, "B": 7, "D": 11, "E": 4, "G": 7, "H": 10}),
    ):
        found = [block.section for block in blocks_for(who)]
        assert {section: found.count(section) for section in found} == sizes
    assert len(KEYS) == len(BLOCKS)
    assert [block.rule(FACILITY) for block in BLOCKS if block.key in ("A1", "B5", "D4", "E3", "F6")] == [
        "21 CFR 803.32(a)(1)", "21 CFR 803.32(b)(5)", "21 CFR 803.32(c)(4)", "21 CFR 803.32(d)(3)",
        "21 CFR 803.32(e)(6)",
    ]  # fmt: skip
    assert [block.rule(MAKER) for block in BLOCKS if block.key in ("G4", "H1")] == [
        "21 CFR 803.52(e)(4)", "21 CFR 803.52(f)(1)",
    ]  # fmt: skip


@pytest.fixture
def made(engine, events, incident):
    """Makes the draft of the incident as it stands."""

    def make(who=FACILITY, device=DEVICE):
        return draft(reported(engine, incident), events.history(incident), device, who, date(2026, 3, 4))

    return make


def values(report) -> dict[str, str]:
    """By block."""
    return {each.block.key: each.value for each in report.blocks}


def test_the_draft_is_filled_from_ledger_and_manifest(made, events, incident) -> None:
    """What is known stands there; nobody's name does."""
    events.add(incident, IncidentState.TRIAGED, TRIAGE, **WHO)
    report = made()
    found = values(report)
    assert found["D1"] == "Chartside: Death in hospital"
    assert found["D4"].startswith(f"model icu-mortality, version 1.0.0, artefact SHA-256 {'cd' * 32}")
    assert found["D4"].endswith("UDI: to be filled in")
    assert (found["B2"], found["B3"], found["B4"]) == ("serious injury", "02 Mar 2026", "04 Mar 2026")
    assert "The weight is that of another day." in found["B5"]
    assert "risk 12.3%, tier high" in found["B5"]
    assert (found["E2"], found["E3"], found["D5"]) == ("yes", "Practitioner", "health professional")
    assert (found["F6"], found["F12"]) == ("02 Mar 2026", "hospital, ICU 2")
    assert {key for key in ("A1", "A2", "A3", "A4", "E1", "F2", "F10") if found[key]} == set()
    text = as_text(report)
    for name in ("house", "p-4711", "enc-99"):
        assert name not in text
    assert "Due 2026-03-16: the manufacturer, or FDA if that is unknown" in text


def test_the_manufacturer_has_other_blocks(made, events, incident) -> None:
    """G and H instead of F; an artefact of another version is the ledger's own."""
    events.add(incident, IncidentState.TRIAGED, {"harm": "malfunction", "aware": "2026-03-02"}, **WHO)
    found = values(made(MAKER, DeviceFacts()))
    assert (found["H1"], found["G4"], found["D1"]) == ("malfunction, no injury", "02 Mar 2026", "Chartside")
    assert "ab" * 32 in found["D4"]
    assert "F1" not in found


def test_what_people_add_goes_before_what_is_known(made, events, incident) -> None:
    """And is said to be theirs."""
    events.add(incident, FACTS, {"D3": "Developer, Springfield, IL", "F10": "2993"}, **WHO)
    events.add(incident, FACTS, {"F10": "1102"}, **WHO)
    report = made()
    found = {each.block.key: (each.value, each.source) for each in report.blocks}
    assert found["D3"] == ("Developer, Springfield, IL", "added by hand")
    assert found["F10"] == ("1102", "added by hand")
    assert found["D1"][1] == "ledger and manifest"


def test_a_draft_says_that_it_is_one(made) -> None:
    """And never more; what is missing is counted and named."""
    report = made()
    text, document = as_text(report), as_json(report)
    assert text.startswith(DRAFT)
    assert document["draft"] == DRAFT
    assert json.loads(dumped(report)) == document
    for said in (text, dumped(report)):
        assert "approved" not in said.lower()
        assert "complian" not in said.lower()
    assert f"{len(report.missing)} of 40 blocks are still to be filled in." in text
    assert "A1" in document["missing"]
    assert "B2" in document["missing"]  # nobody has triaged
    assert "Inauguration Day" in document["counting"]


def test_a_report_without_advice_has_no_device_version(
    engine, incidents, events, ledger, make_advice, report_on
) -> None:
    """The advice of another client lends nothing."""
    advice = make_advice()
    ledger.append(advice)
    report = report_on(advice, client="other")
    incidents.open(report)
    found = values(draft(reported(engine, report.id), events.history(report.id), DeviceFacts(), FACILITY, LATER.date()))
    assert (found["D4"], found["B3"], found["F12"]) == ("", "", "")
    assert reported(engine, "I-none") is None
