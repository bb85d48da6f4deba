"""`chartside outcomes`, `groups` and `actions`: files in, statements out, and what is not understood is named."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from chartside.cli import cli
from chartside.factory import House, open_house
from chartside.follow_up import fhir, hl7v2, reading
from chartside.follow_up.moments import Moments
from chartside.follow_up.names import services_by_outcome
from chartside.follow_up.reading import BadLine
from chartside.follow_up.tables import read_outcomes
from chartside.settings import Settings
from clinical.advice import Advice
from clinical.record import Coding

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
DEATH = ("--client", "ward", "--name", "death-in-hospital")


@pytest.fixture
def card(deployment: Settings, clock: Any, first_advice: Callable[[House], Advice]) -> str:
    """The id of a card in the ledger, about pat-1."""
    with closing(open_house(deployment, clock=clock)) as house:
        return first_advice(house).id


@pytest.fixture
def run() -> Callable[..., Result]:
    """Runs a command."""
    return lambda *arguments: CliRunner().invoke(cli, [str(each) for each in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file."""

    def write(*lines: str, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def stored(folder: Path, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of a table."""
    with closing(sqlite3.connect(folder / "ledger.db")) as connection:
        return list(connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY sequence"))


def test_deaths_out_of_a_table_reach_the_ledger(card, run, file, tmp_path) -> None:
    """Stored once, under pseudonyms, noted in the audit; the status joins them to the advice."""
    path = file(
        "Patient,encounter,occurred,time",
        "pat-1,,yes,2026-03-05",
        '"p,2",e-2,0,2026-03-05T10:00+01:00',
        "",
        name="d.csv",
    )
    first = run("outcomes", "load", path, *DEATH, "--zone", "Europe/Berlin")
    assert (first.exit_code, first.stdout) == (0, "2 death-in-hospital outcomes stored, 0 known already.\n")
    again = run("outcomes", "load", path, *DEATH, "--zone", "Europe/Berlin")
    assert again.stdout == "0 death-in-hospital outcomes stored, 2 known already.\n"
    rows = stored(tmp_path, "outcome", "client", "name", "occurred", "at", "source")
    assert [row[:4] for row in rows] == [
        ("ward", "death-in-hospital", 1, "2026-03-05 22:59:59.999999"),
        ("ward", "death-in-hospital", 0, "2026-03-05 09:00:00.000000"),
    ]
    assert rows[0][4].startswith("csv sha256:")
    notes = stored(tmp_path, "audit", "client", "detail")
    assert [(client, detail[:36]) for client, detail in notes] == [("ward", "death-in-hospital outcomes load: 2 r")] * 2
    status = run("outcomes", "status").stdout
    assert "death-in-hospital: 2 statements, 1 of them yes, the latest of 2026-03-05" in status
    assert "advice with word of it: 1 of 1 (100.0%), services icu-mortality" in status
    assert b"pat-1" not in (tmp_path / "ledger.db").read_bytes()


def test_one_bad_line_and_nothing_is_stored(card, run, file, tmp_path) -> None:
    """Each is named by its number and never quoted; --skip-bad loads the others and counts."""
    path = file(
        "patient,occurred,time",
        "p1,1,2026-03-05T10:00Z",
        "secret-name,maybe,2026-03-05T10:00Z",
        "p3,1,2026-03-05T10:00",
        "p4,1,2026-03-05 11:00",
        "p5,1",
        ",0,2026-03-05T10:00Z",
        'p7,0,"2026-03-05T10:00Z',
        "p8,0,2999-01-01T00:00Z",
        "p9,0,yesterday",
        "p" * 201 + ",0,2026-03-05T10:00Z",
    )
    refused = run("outcomes", "load", path, *DEATH)
    assert refused.exit_code == 1
    for words in (
        "line 3: occurred is neither yes nor no", "2 lines (4-5): its time has no zone",
        "line 6: it does not have 3 cells",
        "line 7: patient is empty", "line 8: its quotes do not close", "line 9: its time lies in the future",
        "line 10: its time is no ISO 8601 time", "line 11: patient is longer than", "Nothing was stored.",
    ):  # fmt: skip
        assert words in refused.stderr
    assert "secret" not in refused.output
    assert stored(tmp_path, "outcome", "name") == []
    skipped = run("outcomes", "load", path, *DEATH, "--skip-bad")
    assert skipped.exit_code == 0
    assert skipped.stdout == "1 death-in-hospital outcomes stored, 0 known already, 9 bad lines skipped.\n"
    assert "line 3:" in skipped.stderr


@pytest.mark.parametrize(
    "header", ["", "patient,occurred", "patient,occurred,time,name", "patient,patient,occurred,time", '"patient']
)
def test_a_table_without_its_columns_is_refused(header, deployment, run, file) -> None:
    """It says which columns there must be."""
    result = run("outcomes", "load", file(header, "p,1,2026-03-05T10:00Z"), *DEATH)
    assert result.exit_code == 1
    if header:
        assert "The first line must name the columns patient,occurred,time (and may name encounter)." in result.stderr


def test_what_is_no_text_or_too_much_of_it_is_refused(deployment, run, tmp_path, monkeypatch) -> None:
    """With what to do."""
    path = tmp_path / "latin.csv"
    path.write_bytes("patient,occurred,time\nGrün,1,2026\n".encode("latin-1"))
    result = run("outcomes", "load", path, *DEATH)
    assert (result.exit_code, "not UTF-8 (line 2). Save it as UTF-8." in result.stderr) == (1, True)
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    assert "Split it and load the parts." in run("outcomes", "load", path, *DEATH).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--client", "wart", "--name", "death-in-hospital"), "There is no such client. Known: ward."),
        (("--client", "ward", "--name", "death-in-hopsital"), "Known: "),
        (("--client", "ward", "--name", "Death in hospital"), "small letters"),
        ((*DEATH, "--zone", "Mars/Phobos"), "no such zone"),
        ((*DEATH, "--code", "91302008"), "system|code"),
        ((*DEATH, "--code", "http://snomed.info/sct|91302008"), "--code is for --format fhir-ndjson"),
        (("--client", "ward", "--name", "onset-of-sepsis", "--format", "hl7v2"), "HL7 v2 messages tell"),
        (("--client", "ward", "--name", "onset-of-sepsis", "--format", "fhir-ndjson"), "Give --code"),
    ],
)
def test_a_wrong_call_is_told_what_is_right(arguments, words, deployment, run, file) -> None:
    """Exit code 2, before anything is opened."""
    result = run("outcomes", "load", file("patient,occurred,time"), *arguments)
    assert (result.exit_code, words in result.stderr) == (2, True)


def test_a_ledger_that_is_not_there_is_a_fault_of_the_settings(deployment, run, file) -> None:
    """It is not made by a load."""
    result = run("outcomes", "load", file("patient,occurred,time", "p,1,2026-03-05T10:00Z"), *DEATH)
    assert result.exit_code != 0
    assert "There is no ledger" in str(result.exception)


def test_another_name_is_taken_if_asked_for(card, run, file) -> None:
    """For an outcome that no model here is about yet."""
    path = file("patient,occurred,time", "p,1,2026-03-05T10:00Z")
    assert run("outcomes", "load", path, "--client", "ward", "--name", "falls", "--any-name").exit_code == 0
    assert "falls: 1 statements" in run("outcomes", "status").stdout


def test_groups_and_actions_reach_the_ledger(card, run, file, tmp_path) -> None:
    """Actions of advice that is not there are counted."""
    table = file("patient,attribute,value", "pat-1,sex,female", "pat-1,Sex,female", name="g.csv")
    assert "line 3: attribute is not a name" in run("groups", "load", table, "--client", "ward").stderr
    assert run("groups", "load", table, "--client", "ward", "--skip-bad").stdout.startswith("1 groups stored")
    assert stored(tmp_path, "patient_group", "attribute", "value") == [("sex", "female")]
    table = file(
        "advice,kind,time", f"{card},lactate,2026-03-05T10:00", "no-such,lactate,2026-03-05T10:00", name="a.csv"
    )
    result = run("actions", "load", table, "--client", "ward", "--zone", "UTC")
    assert result.stdout.startswith("1 actions stored, 0 known already, 1 about advice that the ledger does not have")
    assert stored(tmp_path, "action_seen", "advice_sequence", "kind") == [(1, "lactate")]
    assert [detail[:13] for (detail,) in stored(tmp_path, "audit", "detail")] == ["groups load: ", "actions load:"]
    assert run("ledger", "verify").exit_code == 0


def test_help_teaches(run) -> None:
    """Formats, columns and exit codes stand there."""
    for group in ("outcomes", "groups", "actions"):
        assert "Exit codes: 0 done" in run(group, "--help").output
    shown = run("outcomes", "load", "--help").output
    for words in ("patient,occurred,time", "ADT^A03", "--skip-bad", "latest counts"):
        assert words in shown


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-05T10:00Z", datetime(2026, 3, 5, 10, tzinfo=UTC)),
        ("2026-03-05 10:00:30", datetime(2026, 3, 5, 9, 0, 30, tzinfo=UTC)),
        ("2026-03-05T10:00-05:00", datetime(2026, 3, 5, 15, tzinfo=UTC)),
        ("2026-03-05", datetime(2026, 3, 5, 22, 59, 59, 999_999, tzinfo=UTC)),
        ("2026-06-01", datetime(2026, 6, 1, 21, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_their_zone(text, moment) -> None:
    """A day is its last moment there, so that advice of that day came before; today may be told."""
    assert Moments(BERLIN, NOW).read(text) == moment


@pytest.mark.parametrize(
    "text", ["", "2026-02-30", "2026-06-02", "2026-06-01T14:06+02:00", "1899-12-31", "0001-01-01T00:00+14:00", "12:00"]
)
def test_times_that_cannot_be_are_refused(text) -> None:
    """Days that do not exist, the future, and what lies outside the calendar."""
    with pytest.raises(BadLine):
        Moments(BERLIN, NOW.replace(hour=12)).read(text)


def test_a_quoted_cell_may_hold_a_comma_and_lines_may_end_in_crlf() -> None:
    """As spreadsheets write them."""
    text = 'patient,occurred,time\r\n"a,""b""",TRUE,2026-03-05T10:00Z\r\n'
    read = read_outcomes(text, client="c", name="n", moments=Moments(None, NOW))
    assert [(row.patient_id, row.occurred) for row in read.rows] == [('a,"b"', True)]


def encounter(name: str, start: str, end: str = "", **members: Any) -> dict[str, Any]:
    """An inpatient stay of pat-1."""
    period = {"start": start} | ({"end": end} if end else {})
    base = {"resourceType": "Encounter", "id": name, "status": "finished" if end else "in-progress", "period": period}
    base |= {"class": {"code": "IMP"}, "subject": {"reference": "Patient/pat-1"}}
    return base | members


def left(code: str, system: str = "http://terminology.hl7.org/CodeSystem/discharge-disposition") -> dict[str, Any]:
    """Where a patient went."""
    return {"dischargeDisposition": {"coding": [{"system": system, "code": code}]}}


def told(*resources: dict[str, Any], name: str = "death-in-hospital", code: Coding | None = None) -> Any:
    """What NDJSON says."""
    text = "\n".join(map(json.dumps, resources))
    return fhir.read_outcomes(text, client="c", name=name, code=code)


STAY = ("e1", "2026-03-01T08:00:00Z", "2026-03-05T10:00:00Z")
PERSON = {"resourceType": "Patient", "id": "pat-1"}
NUBC = "https://www.nubc.org/CodeSystem/PatDischargeStatus"


@pytest.mark.parametrize(
    ("hospitalization", "patient", "died"),
    [
        (left("exp"), None, True),
        (left("home"), None, False),
        (left("20", NUBC), None, True),
        (left("01", NUBC), None, False),
        (left("9", "urn:local"), None, None),
        ({"dischargeDisposition": {"text": "deceased"}}, None, None),
        ({}, PERSON, False),
        ({}, PERSON | {"deceasedBoolean": True}, None),
        ({}, PERSON | {"deceasedDateTime": "2026-03-05T09:00:00Z"}, True),
        ({}, PERSON | {"deceasedDateTime": "2026-03-05"}, True),
        ({}, PERSON | {"deceasedDateTime": "2026-03-09"}, False),
        (left("home"), PERSON | {"deceasedDateTime": "2026-03-05"}, False),
    ],
)
def test_a_stay_tells_how_it_ended(hospitalization, patient, died) -> None:
    """By its disposition, else by when the patient died; what nobody says is left out and counted."""
    read = told(*([patient] if patient else []), encounter(*STAY, hospitalization=hospitalization))
    assert [row.occurred for row in read.rows] == ([] if died is None else [died])
    assert sum(read.left_out.values()) == (died is None)


def test_a_death_has_its_time_and_a_part_the_end_of_the_whole() -> None:
    """The time of death where it is known, else the end of the stay; a stay in intensive care is part of another."""
    whole = encounter(*STAY, hospitalization=left("exp"))
    part = encounter("e1-icu", "2026-03-02T08:00:00Z", "2026-03-03T10:00:00Z", partOf={"reference": "Encounter/e1"})
    person = PERSON | {"deceasedDateTime": "2026-03-05T09:00:00Z"}
    found = {(row.encounter_id, row.occurred, row.time.hour) for row in told(person, whole, part).rows}
    assert found == {("e1", True, 9), ("e1-icu", True, 9)}
    assert {row.time.hour for row in told(whole, part).rows} == {10}


def test_only_stays_in_bed_that_have_ended_count() -> None:
    """Visits, stays under way and stays in error say nothing."""
    others = [encounter("e2", "2026-03-01T08:00:00Z"), encounter(*STAY, status="entered-in-error"),
              encounter("e3", *STAY[1:], **{"class": {"code": "AMB"}})]  # fmt: skip
    read = told(PERSON, *others)
    assert read.rows == ()
    assert read.left_out == {"a stay that has not ended, or without the time of its end": 1}


def test_of_two_versions_the_newer_counts() -> None:
    """Whatever their order."""
    old = encounter(*STAY, hospitalization=left("home"), meta={"versionId": "1"})
    new = encounter(*STAY, hospitalization=left("exp"), meta={"versionId": "2"})
    assert [[row.occurred for row in told(*pair).rows] for pair in ((old, new), (new, old))] == [[True], [True]]


def test_lines_that_are_no_resource_are_named() -> None:
    """By number; blank lines count."""
    text = "\n".join(["{}", "", "not json", json.dumps(PERSON), '{"a": 1, "a": 2}', "[1]"])
    read = fhir.read_outcomes(text, client="c", name="death-in-hospital", code=None)
    assert [number for number, _ in read.bad] == [1, 3, 5, 6]


def test_readmissions_are_counted_from_the_end_of_a_stay() -> None:
    """Yes within 30 days, no when the data reach further, and nothing where nobody can say yet or of a death."""
    stays = [
        encounter("e1", "2026-01-01T08:00:00Z", "2026-01-05T08:00:00Z"),
        encounter("e2", "2026-02-04T08:00:00Z", "2026-02-10T08:00:00Z"),
        encounter("e3", "2026-04-01T08:00:00Z", "2026-04-02T08:00:00Z"),
        encounter("e4", "2026-04-20T08:00:00Z", "2026-04-21T08:00:00Z", hospitalization=left("exp")),
    ]
    read = told(*stays, name="readmission-to-hospital")
    assert [(row.encounter_id, row.occurred, row.time.date().isoformat()) for row in read.rows] == [
        ("e1", True, "2026-02-04"),
        ("e2", False, "2026-03-12"),
        ("e3", True, "2026-04-20"),
    ]
    assert sum(read.left_out.values()) == 1
    (early,) = told(stays[0], name="readmission-to-hospital").left_out
    assert "less than 30 days" in early


def test_deaths_are_told_by_patients() -> None:
    """With the time, or until when it is known that they live."""
    people = [
        PERSON | {"deceasedDateTime": "2026-03-05"},
        {"resourceType": "Patient", "id": "p2", "meta": {"lastUpdated": "2026-05-01T00:00:00Z"}},
        {"resourceType": "Patient", "id": "p3", "deceasedBoolean": True},
        {"resourceType": "Patient", "id": "p4"},
    ]
    read = told(*people, name="death-from-any-cause")
    assert [(row.patient_id, row.occurred, row.encounter_id) for row in read.rows] == [
        ("pat-1", True, None),
        ("p2", False, None),
    ]
    assert sum(read.left_out.values()) == 2


def test_a_code_tells_any_outcome() -> None:
    """Diagnoses say that something was there, findings also that it was not; what is not final says nothing."""
    sepsis = Coding("http://snomed.info/sct", "91302008")
    code = {"code": {"coding": [{"system": sepsis.system, "code": sepsis.code}]}}
    whose = {"subject": {"reference": "http://x/fhir/Patient/pat-1"}, "encounter": {"reference": "Encounter/e1"}}
    base = {"resourceType": "Condition", "onsetDateTime": "2026-03-02T08:00:00Z"} | code | whose
    seen = {"resourceType": "Observation", "status": "final", "effectiveDateTime": "2026-03-03"} | code | whose
    refuted = {"verificationStatus": {"coding": [{"system": "s", "code": "refuted"}]}}
    read = told(
        base | {"id": "c1"}, base | {"id": "c2"} | refuted, seen | {"id": "o1", "valueBoolean": False},
        seen | {"id": "o2", "valueBoolean": True, "status": "preliminary"}, seen | {"id": "o3", "valueInteger": 1},
        base | {"id": "c3", "code": {"text": "sepsis"}}, base | {"id": "c4", "subject": {"reference": "Group/1"}},
        name="onset-of-sepsis", code=sepsis,
    )  # fmt: skip
    assert [(row.patient_id, row.encounter_id, row.occurred) for row in read.rows] == [
        ("pat-1", "e1", True),
        ("pat-1", "e1", False),
    ]
    assert sum(read.left_out.values()) == 4


def discharge(
    number: int = 1, event: str = "A03", code: str = "", dead: str = "", out: str = "202603051000", stay: str = "V1"
) -> str:
    """An ADT message about a visit."""
    visit = ["PV1", "1", "I", "ICU^1^1", *[""] * 15, stay, *[""] * 16, code, *[""] * 8, out]
    person = ["PID", "1", "", "p1^^^H^MR", "", "Doe^J", "", "19500101", "F", *[""] * 20, "", dead]
    head = f"MSH|^~\\&|A|B|C|D|20260305100{number}||ADT^{event}|{number}|P|2.5.1"
    return "\r".join([head, "EVN||20260305", "|".join(person), "|".join(visit)]) + "\r"


@pytest.mark.parametrize(
    ("message", "died"),
    [
        (discharge(code="20"), True),
        (discharge(code="41"), True),
        (discharge(code="01"), False),
        (discharge(dead="Y"), True),
        (discharge(dead="N"), False),
        (discharge(), None),
        (discharge(code="20").replace("|I|ICU", "|O|ICU"), None),
    ],
)
def test_a_discharge_message_tells_how_it_ended(message, died) -> None:
    """PV1-36 and PID-30; a message that says neither, or is of no inpatient, is left out."""
    read = hl7v2.read_outcomes(message, client="c", zone=BERLIN)
    assert [(row.patient_id, row.encounter_id, row.occurred) for row in read.rows] == (
        [] if died is None else [("p1", "V1", died)]
    )
    assert sum(read.left_out.values()) == (died is None)
    if died is not None:
        assert read.rows[0].time == datetime(2026, 3, 5, 9, tzinfo=UTC)


def test_a_feed_is_read_message_by_message() -> None:
    """Others are counted, a cancelled discharge takes its own back, and bad messages are named by number."""
    feed = [
        discharge(1, code="20"), discharge(2, "A13"), discharge(3, code="01"), discharge(4, "A08"),
        discharge(5, code="20", stay=""), discharge(6, code="20", out="", stay="V2"),
    ]  # fmt: skip
    read = hl7v2.read_outcomes("\x0b" + "\x1c\r\x0b".join(feed) + "\x1c\r", client="c", zone=UTC)
    assert [(row.encounter_id, row.occurred) for row in read.rows] == [("V1", False)]
    assert [number for number, _ in read.bad] == [5, 6]
    assert read.left_out == {"a cancelled discharge": 1, "a message that is no discharge (ADT^A03)": 1}


def test_messages_reach_the_ledger(card, run, tmp_path) -> None:
    """In the zone that the caller names; what lies ahead is a fault of the data."""
    ahead = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y%m%d%H%M")
    path = tmp_path / "feed.hl7"
    path.write_text(discharge(code="20") + discharge(code="20", out=ahead, stay="V2"), newline="")
    result = run("outcomes", "load", path, *DEATH, "--format", "hl7v2", "--zone", "Europe/Berlin")
    assert (result.exit_code, result.stdout) == (0, "1 death-in-hospital outcomes stored, 0 known already.\n")
    assert "left out: 1 × an outcome in the future" in result.stderr


def test_the_page_names_the_outcome_of_every_model(deployment) -> None:
    """docs/outcomes.md lists the names by which outcomes are joined, and the services that each is for."""
    page = (ROOT / "docs" / "outcomes.md").read_text("utf-8")
    rows = {
        line.split("|")[1].strip(" `"): line.split("|")[2].replace("`", "").replace(" ", "")
        for line in page.splitlines()
        if line.startswith("| `")
    }
    known = {name: ",".join(services) for name, services in services_by_outcome(deployment).items()}
    assert {name: rows.get(name) for name in known} == known


def test_what_the_page_says_to_type_works(card, run, tmp_path, monkeypatch) -> None:
    """Its commands, on the table that stands on it."""
    page = (ROOT / "docs" / "outcomes.md").read_text("utf-8")
    (typed,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    (table,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("deaths.csv").write_text(table)
    Path("groups.csv").write_text("patient,attribute,value\np17,sex,female\n")
    Path("actions.csv").write_text(f"advice,kind,time\n{card},lactate-ordered,2026-03-02T10:00\n")
    for line in typed.replace("st-mary", "ward").splitlines():
        assert run(*line.split()[1:]).exit_code == 0, line
    assert len(stored(tmp_path, "outcome", "name")) == 2


def test_a_ledger_that_fails_on_the_way_says_what_to_do(card, run, file, tmp_path) -> None:
    """The file can be loaded again."""
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON outcome BEGIN SELECT RAISE(ABORT, 'no'); END")
        connection.commit()
    path = file("patient,occurred,time", "p,1,2026-03-05T10:00Z")
    result = run("outcomes", "load", path, *DEATH)
    assert (result.exit_code, "Load the file again" in result.stderr) == (1, True)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("DROP TRIGGER full")
        connection.commit()
    assert run("outcomes", "load", path, *DEATH).stdout.startswith("1 death-in-hospital outcomes stored")
