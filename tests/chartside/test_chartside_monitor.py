"""`chartside monitor` and `chartside incidents` on a real ledger; and what docs/monitoring.md says of them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from chartside.factory import House, mart_folder, open_house
from chartside.house import derive_key
from chartside.incidents_command import KINDS, incidents
from chartside.logs import JsonLines
from chartside.monitor_command import monitor
from chartside.monitor_watch import Look
from chartside.settings import Settings
from clinical.advice import Advice, Channel, Feedback, Outcome
from clinical.incident import IncidentReport, IncidentState, ProblemKind
from models.runtime.catalogue import MODELS_FOLDER, read_manifests
from models.runtime.manifest_monitoring import monitoring_of
from oversight.database import open_engine
from oversight.ledger import SqlLedger
from oversight.monitor_runs import SqlRuns
from oversight.monitors.drifting import MixDriftMonitor
from oversight.monitors.result import MonitorResult
from oversight.monitors.run import all_monitors
from oversight.monitors.thresholds import USUAL, Thresholds
from oversight.monitors.volume import VolumeMonitor
from oversight.pseudonyms import Pseudonyms
from oversight.verify import verify

ROOT = Path(__file__).resolve().parents[2]
SERVICE = "icu-mortality"
WEEKS = 14
SUNDAY = date(2026, 3, 1)
REPORT = "I-0123456789ab"


class At:
    """A clock that is set."""

    time = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The time."""
        return self.time


@pytest.fixture
def deployment(deployment: Settings, first_advice: Callable[[House], Advice]) -> Settings:
    """With a ledger of one card of the whole application, copied into fourteen weeks, of which the last is silent."""
    with closing(open_house(deployment, clock=At())) as house:
        advice = first_advice(house)
        fill(deployment, advice)
        house.incidents.open(
            IncidentReport(
                REPORT,
                At.time,
                advice.client,
                SERVICE,
                advice.id,
                ProblemKind.WRONG_RISK,
                "too low",
                "Practitioner/dr-1",
            )
        )
    return deployment


def fill(settings: Settings, advice: Advice) -> None:
    """Thirty cards a week; three of four are answered, but in the last week none."""
    engine = open_engine(settings.database_url)
    clock = At()
    ledger = SqlLedger(engine, Pseudonyms(derive_key(settings.secret, "pseudonyms")), clock)
    first = datetime.combine(SUNDAY, datetime.min.time(), UTC) - timedelta(days=7 * WEEKS - 1)
    for week in range(WEEKS):
        cards = [
            replace(
                advice, id=f"card-{week}-{number}", suggestion_id=f"s-{week}-{number}", patient_id=f"p-{week}-{number}",
                encounter_id=f"e-{week}-{number}", time=first + timedelta(days=7 * week, hours=5 * number),
                request_key="",
            )
            for number in range(30)
        ]  # fmt: skip
        clock.time = first + timedelta(days=7 * week + 7)
        for card in cards:
            ledger.append(card)
        if week < WEEKS - 1:
            ledger.record([answer(card, number) for number, card in enumerate(cards[: 21 + week % 4])])
    engine.dispose()


def answer(card: Advice, number: int) -> Feedback:
    """Accepted and overridden in turn."""
    outcome = Outcome.OVERRIDDEN if number % 2 else Outcome.ACCEPTED
    accepted = () if number % 2 else (card.suggestion_id,)
    return Feedback(
        card.id, card.client, card.service, outcome, card.time + timedelta(minutes=1), Channel.CARD,
        accepted_suggestions=accepted,
    )  # fmt: skip


def run(*arguments: str) -> Result:
    """The command for the week of the history; where nothing is planted, no monitor is at fault."""
    result = CliRunner().invoke(monitor, ["--last", SUNDAY.isoformat(), *arguments])
    assert "at fault" not in result.stderr
    return result


def rows(settings: Settings, table: str) -> int:
    """How many rows a table has."""
    engine = open_engine(settings.database_url)
    with engine.connect() as connection:
        number = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    engine.dispose()
    return int(number)


def statuses(settings: Settings) -> dict[str, str]:
    """The latest word of each monitor."""
    engine = open_engine(settings.database_url)
    found = {each.monitor: each.status for each in SqlRuns(engine).latest()}
    engine.dispose()
    return found


def test_an_alarm_is_printed_kept_and_told_by_the_exit_code(deployment: Settings) -> None:
    """Once for one thing, however often the command runs; the chains hold."""
    first = run()
    assert first.exit_code == 1, first.output
    assert re.search(r"alarm +no-answer: No-answer share: 100.0% of 30 cards", first.output)
    assert "Open alerts:" in first.output
    kept = rows(deployment, "monitor_run"), rows(deployment, "alert")
    assert kept[0] == len(all_monitors(lambda: None))  # type: ignore[arg-type,misc]
    assert kept[1] >= 1
    second = run()
    assert (second.exit_code, rows(deployment, "monitor_run"), rows(deployment, "alert")) == (1, *kept)
    engine = open_engine(deployment.database_url)
    assert all(check.fault is None for check in verify(engine))
    engine.dispose()


def test_a_dry_run_keeps_nothing(deployment: Settings) -> None:
    """It says the same."""
    result = run("--dry-run", "--json")
    assert result.exit_code == 1
    assert (rows(deployment, "monitor_run"), rows(deployment, "alert")) == (0, 0)
    document = json.loads(result.output)
    (service,) = document["runs"]
    assert (service["service"], service["first"], service["last"]) == (SERVICE, "2026-02-23", "2026-03-01")
    assert {each["monitor"]: each["status"] for each in service["results"]}["no-answer"] == "alarm"
    assert document["open_alerts"] == []


def test_a_quiet_week_ends_with_nothing(deployment: Settings) -> None:
    """The week before; the last days of a week that is not over do not count."""
    result = CliRunner().invoke(monitor, ["--last", "2026-02-28", "--service", SERVICE])
    assert result.exit_code == 0, result.output
    assert "week 2026-02-16 to 2026-02-22" in result.output
    assert rows(deployment, "alert") == 0


def test_several_weeks_are_run_as_if_every_monday(deployment: Settings) -> None:
    """The earliest first, each with what was before it."""
    result = run("--weeks", "3", "--dry-run", "--json")
    assert result.exit_code == 1, result.output
    assert [each["last"] for each in json.loads(result.output)["runs"]] == ["2026-02-15", "2026-02-22", "2026-03-01"]


def test_a_week_that_is_not_over_is_not_judged(deployment: Settings) -> None:
    """Neither when it is named nor on its Sunday: its answer would stand for the whole week."""
    today = datetime.now(UTC).date()
    for day in (today, today + timedelta(days=400)):
        result = CliRunner().invoke(monitor, ["--last", day.isoformat()])
        assert result.exit_code == 2
        assert "name a day that is over (UTC)" in result.output
    assert rows(deployment, "monitor_run") == 0


def test_a_service_that_is_not_there_is_no_service_without_alarm(deployment: Settings) -> None:
    """A mistyped name ends as what could not run, with the names that are there."""
    result = CliRunner().invoke(monitor, ["--last", str(SUNDAY), "--service", "icu-mortalty"])
    assert result.exit_code == 2
    assert f"No service 'icu-mortalty' has entries in the half year up to 2026-03-01: {SERVICE}." in result.stderr
    assert rows(deployment, "monitor_run") == 0


# --- a monitor that breaks -------------------------------------------------------------------------------------------

QUOTED = "Mrs Waldegrave"


def break_(monkeypatch: pytest.MonkeyPatch, *kinds: type) -> None:
    """Let monitors break, with a message that nobody may read."""

    def broken(*_: Any, **__: Any) -> MonitorResult:
        """In the middle."""
        raise ValueError(QUOTED)

    for kind in kinds:
        monkeypatch.setattr(kind, "run", broken)


def by_hand(*arguments: str) -> Result:
    """The command, as a person would see it."""
    result = CliRunner().invoke(monitor, [*arguments] if "--last" in arguments else ["--last", str(SUNDAY), *arguments])
    assert QUOTED not in result.output
    return result


def test_a_fault_without_an_alarm_has_an_exit_code_of_its_own(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The week before is quiet: without the fault its code is 0. What else was found is kept and printed."""
    week = ("--last", "2026-02-22")
    assert by_hand(*week, "--dry-run").exit_code == 0
    break_(monkeypatch, VolumeMonitor, MixDriftMonitor)
    result = by_hand(*week)
    assert result.exit_code == 3
    assert re.search(
        r"fault +volume: This monitor is at fault \(ValueError at test_chartside_monitor.py:", result.stdout
    )
    assert "Monitors are at fault and have no answer." in result.stderr
    assert f"{SERVICE}, week of 2026-02-16: volume, mix-drift" in result.stderr
    assert rows(deployment, "monitor_run") == len(all_monitors(lambda: None))  # type: ignore[arg-type,misc]
    assert statuses(deployment)["volume"] == statuses(deployment)["mix-drift"] == "fault"


def test_an_alarm_beside_a_fault_is_still_an_alarm(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for code 1 is told; the fault stands on standard error, and JSON stays JSON."""
    break_(monkeypatch, VolumeMonitor)
    result = by_hand("--json")
    assert result.exit_code == 1
    (service,) = json.loads(result.stdout)["runs"]
    found = {each["monitor"]: each["status"] for each in service["results"]}
    assert (found["volume"], found["no-answer"]) == ("fault", "alarm")
    assert "week of 2026-02-23: volume" in result.stderr
    assert rows(deployment, "alert") >= 1


def test_a_fault_outside_of_the_monitors_is_not_taken_for_an_alarm(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exit code of 2, with class and place, and nothing is kept; the message may quote what was read."""

    def break_off(*_: Any, **__: Any) -> NoReturn:
        raise ValueError(QUOTED)

    monkeypatch.setattr("oversight.monitors.run.controlled", break_off)
    result = by_hand()
    assert result.exit_code == 2
    assert re.search(
        r"could not run\. That is a fault of Chartside \(ValueError at test_chartside_monitor.py:\d+\)", result.stderr
    )
    assert rows(deployment, "monitor_run") == 0


def test_the_watcher_keeps_a_week_with_a_fault_and_says_so(
    deployment: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In two lines; a second look finds the week judged, and after a mend a run by hand takes the fault's place."""
    caplog.set_level(logging.INFO, "chartside.monitors")
    look = Look(deployment, None, 1, At())
    with monkeypatch.context() as patched:
        break_(patched, VolumeMonitor)
        look(At.time)
        look(At.time)
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    fault, judged = (line for line in lines if line["event"] in ("monitor at fault", "week judged"))
    named = {"service": SERVICE, "week": "2026-02-23"}
    assert fault.items() >= {**named, "level": "error", "monitor": "volume", "fault": "ValueError"}.items()
    assert judged.items() >= {**named, "level": "warning", "faults": ["volume"]}.items()
    assert QUOTED not in json.dumps(lines)
    assert statuses(deployment)["volume"] == "fault"
    assert run().exit_code == 1
    assert statuses(deployment)["volume"] == "ok"


def test_who_read_stands_in_the_audit(deployment: Settings) -> None:
    """Before anything is read."""
    before = rows(deployment, "audit")
    run("--dry-run")
    assert rows(deployment, "audit") == before + 1


def test_a_spoilt_mart_is_no_alarm(deployment: Settings) -> None:
    """Exit code 1 would call somebody for nothing; it is said what to do."""
    assert run("--dry-run").exit_code in (0, 1)
    for part in (mart_folder(deployment) / "advice").glob("*.parquet"):
        part.write_bytes(part.read_bytes()[:-100])
    result = run("--dry-run")
    assert result.exit_code == 2
    assert "Remove its folder; it is made again." in result.output


def test_what_cannot_run_ends_with_two(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a ledger, without its server, with settings that do not hold, with a mistyped option."""
    monkeypatch.setenv("CHARTSIDE_DATABASE_URL", "sqlite:////nowhere/ledger.db")
    result = run()
    assert (result.exit_code, "could not run" in result.output) == (2, True)
    monkeypatch.setenv("CHARTSIDE_DATABASE_URL", "postgresql://127.0.0.1:9/none")
    assert run().exit_code == 2
    monkeypatch.delenv("CHARTSIDE_BASE_URL")
    assert run().exit_code == 2
    assert run("--lastly").exit_code == 2


def test_the_help_teaches_a_line_of_cron() -> None:
    """Five fields and the command; and every monitor by its name."""
    words = CliRunner().invoke(monitor, ["--help"]).output
    assert re.search(r"^\s+10 5 \* \* 1 .*chartside monitor", words, re.MULTILINE)
    assert "Exit code" in words
    assert {each.name for each in all_monitors(lambda: None)} <= set(re.findall(r"[a-z-]+", words))  # type: ignore[arg-type,misc]


def test_shipped_manifests_hold_their_thresholds() -> None:
    """Every table `[monitoring]` that is shipped makes thresholds."""
    for manifest in read_manifests(MODELS_FOLDER).values():
        assert isinstance(USUAL.changed(monitoring_of(manifest.folder / "model.toml")), Thresholds)


def test_a_table_of_thresholds_is_checked_where_a_model_is_read(tmp_path: Path) -> None:
    """By the reader of every manifest, so that a service with a mistyped one does not start."""
    from clinical.errors import ManifestInvalid
    from models.runtime.read_score_manifest import read_score_manifest

    folder = tmp_path / "sirs"
    folder.mkdir()
    for path in (MODELS_FOLDER / "sirs").glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    manifest = folder / "model.toml"
    shipped = manifest.read_text()
    manifest.write_text(f"{shipped}\n[monitoring]\nrate = [0.05, 0.1]\n")
    assert read_score_manifest(manifest).info.id == "sirs"
    assert monitoring_of(manifest) == {"rate": (0.05, 0.1)}
    manifest.write_text(f"{shipped}\n[monitoring]\nrates = [0.05, 0.1]\n")
    with pytest.raises(ManifestInvalid, match="monitoring: unknown key rates"):
        read_score_manifest(manifest)


def do(*arguments: str) -> Result:
    """A command about incidents."""
    return CliRunner().invoke(incidents, list(arguments))


def test_an_incident_is_led_from_draft_to_closed(deployment: Settings) -> None:
    """By commands, each kept with who; the list and the page of one show where it is."""
    assert "draft  wrong-risk" in do("list").output
    shown = do("show", REPORT).output
    assert "these are the deadlines that a death would have" in shown
    assert "to FDA, and the manufacturer if known by 2026-03-16 (10 work days" in shown
    triaged = do(
        "event", REPORT, "triaged", "--by", "ann", "--fact", "harm=malfunction", "--fact", "aware=2026-03-02"
    )  # fmt: skip
    assert triaged.exit_code == 0, triaged.output
    assert "as manufacturer: to FDA by 2026-04-01 (30 calendar days" in triaged.output
    assert "user-facility" not in triaged.output
    early = do("event", REPORT, "submitted", "--by", "ann", "--fact", "on=2026-03-05")
    assert (early.exit_code, "next comes" in early.output) == (2, True)
    assert do("event", REPORT, "not-reportable", "--by", "ann", "--fact", "words=a display fault").exit_code == 0
    assert do("event", REPORT, "closed", "--by", "ann").exit_code == 0
    assert f"{REPORT}  2026-03-02 08:00 UTC  closed" in do("list").output
    assert "not-reportable, by ann (quality): words=a display fault" in do("show", REPORT).output
    for arguments in (("show", "I-none"), ("report", "I-none"), ("event", "I-none", "facts", "--by", "ann")):
        result = do(*arguments)
        assert (result.exit_code, "no such incident" in result.output) == (2, True)


def test_the_report_is_a_draft_that_only_its_owner_may_read(deployment: Settings, tmp_path: Path) -> None:
    """Text or JSON, from the ledger and the model's manifest; a file is never written over."""
    out = tmp_path / "draft.txt"
    result = do("report", REPORT, "--out", str(out), "--manufacturer", "Developer, Springfield, IL")
    assert result.exit_code == 0, result.output
    content = out.read_text()
    assert content.startswith("DRAFT")
    assert "D1  Brand name: Chartside: " in content
    assert "Developer, Springfield, IL" in content
    assert out.stat().st_mode & 0o077 == 0
    assert "is there already" in do("report", REPORT, "--out", str(out)).output
    document = json.loads(do("report", REPORT, "--as", "manufacturer", "--json").output)
    assert document["reporter"] == "manufacturer"
    found = {each["block"]: each["value"] for each in document["blocks"]}
    assert found["B3"] == "02 Mar 2026"
    for name in ("dr-1", "pat-1", "enc-1"):
        assert name not in content + json.dumps(document)


@pytest.mark.parametrize("fact", ["harm", "harm=death"])
def test_facts_are_given_by_name_once(deployment: Settings, fact: str) -> None:
    """Anything else is a wrong usage."""
    result = do("event", REPORT, "triaged", "--by", "ann", "--fact", "harm=none", "--fact", fact)
    assert (result.exit_code, "NAME=VALUE" in result.output) == (2, True)


def test_the_page_about_monitoring_says_what_is_there() -> None:
    """Every monitor, every threshold with its default, every option and every kind of event."""
    page = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    table = dict(re.findall(r"^\| `([a-z_]+)` \| `([^`]*)` \|", page, re.MULTILINE))
    usual = {each.name: getattr(USUAL, each.name) for each in fields(Thresholds)}
    assert table == {
        name: json.dumps(list(value) if isinstance(value, tuple) else value) for name, value in usual.items()
    }
    monitors = set(re.findall(r"^\| `([a-z-]+)` \| (?!`)", page, re.MULTILINE))
    assert monitors == {each.name for each in all_monitors(lambda: None)}  # type: ignore[arg-type,misc]
    options = {option for command in (monitor, *incidents.commands.values()) for each in command.params
               for option in each.opts if option.startswith("--")}  # fmt: skip
    assert set(re.findall(r"`(--[a-z-]+)", page)) <= options
    assert {each for parameter in monitor.params for each in parameter.opts} <= set(re.findall(r"(--[a-z-]+)", page))
    for kind in KINDS:
        assert f"`{kind}`" in page, kind
    assert set(KINDS) == {"facts", *(state.value for state in IncidentState)} - {"draft"}
