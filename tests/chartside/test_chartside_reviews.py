"""`chartside reviews` on a real ledger, the page of the whole application, and what docs/reviews.md says of both."""

from __future__ import annotations

import base64
import csv
import html
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from chartside.cli import cli
from chartside.factory import House, create_app, open_house
from chartside.house import derive_key
from chartside.reviews_command import reviews
from chartside.settings import Settings
from clinical.advice import Advice, Channel, Feedback, Outcome
from clinical.errors import SettingsInvalid
from oversight.database import open_engine
from oversight.pseudonyms import Pseudonyms
from oversight.reviews import labels as shelf
from oversight.reviews.labels import Label
from oversight.reviews.plan import Allocation, Grouping, Response
from oversight.reviews.store import SqlReviews
from oversight.statistics.adjudication import Verdict
from oversight.verify import verify

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SERVICE = "icu-mortality"
PLAN = ("plan", "--name", "march", "--service", SERVICE, "--from", "2026-03-01", "--to", "2026-03-02", "--size", "20",
        "--seed", "3")  # fmt: skip
INSIDE = {"Authorization": "Basic " + base64.b64encode(b"quality:quality-secret").decode()}


@pytest.fixture
def settings(deployment: Settings, clock: Any, first_advice: Callable[[House], Advice]) -> Settings:
    """A deployment with one card of the whole application, copied thirty times, and each overridden."""
    with closing(open_house(deployment, clock=clock)) as house:
        advice = first_advice(house)
        cards = [
            replace(advice, id=f"card-{n}", suggestion_id=f"s-{n}", patient_id=f"p-{n}", request_key="", user="")
            for n in range(30)
        ]  # fmt: skip
        for each in cards:
            house.ledger.append(each)
        house.ledger.record(
            [
                Feedback(each.id, "ward", SERVICE, Outcome.OVERRIDDEN, NOW + timedelta(minutes=1), Channel.CARD)
                for each in cards
            ]
        )
    return deployment


def run(*arguments: str) -> Result:
    """The command, as it is typed."""
    return CliRunner().invoke(cli, ["reviews", *arguments])


def judged(settings: Settings, people: tuple[str, ...] = ("ann", "ben")) -> None:
    """Both say of everything that it was appropriate, but for one card."""
    engine = open_engine(settings.database_url)
    store = SqlReviews(engine, Pseudonyms(derive_key(settings.secret, "pseudonyms")))
    sheet = store.sheet("march")
    assert sheet is not None
    for person in people:
        for item in sheet.items:
            verdict = Verdict.INAPPROPRIATE if item is sheet.items[0] else Verdict.APPROPRIATE
            store.judge("march", item.number, verdict, "seen", person=person, now=NOW)
    engine.dispose()


def noted(settings: Settings) -> list[str]:
    """What the audit has."""
    engine = open_engine(settings.database_url)
    with engine.connect() as connection:
        found = [row[0] for row in connection.exec_driver_sql("SELECT detail FROM audit ORDER BY sequence")]
    engine.dispose()
    return found


def test_the_way_from_a_plan_to_labels(settings: Settings, tmp_path: Path) -> None:
    """Drawn, waiting, judged, exported; the exit codes say where it stands, and the audit who asked."""
    drawn = run(*PLAN)
    assert drawn.exit_code == 0, drawn.output
    assert "20 of 30 cards drawn from 1 groups, seed 3." in drawn.output
    assert "chance 0.667" in drawn.output
    waiting = run("status")
    assert waiting.exit_code == 4
    assert "0 of 20 cards have a verdict that stands, 20 wait for a reviewer" in waiting.output
    assert "no figure, no verdict stands yet" in waiting.output
    out = tmp_path / "labels.csv"
    early = run("labels", "--out", str(out))
    assert (early.exit_code, out.exists()) == (2, False)
    judged(settings)
    done = run("status", "--plan", "march")
    assert done.exit_code == 0, done.output
    assert "weighted to 30 cards: 95.0 %" in done.output
    written = run("labels", "--out", str(out))
    assert written.exit_code == 0, written.output
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["verdict"] for row in rows].count("inappropriate") == 1
    assert len(rows) == 20
    assert {row["model_version"] for row in rows} != {""}
    assert out.stat().st_mode & 0o077 == 0
    assert "is not a label" in (tmp_path / "labels.csv.txt").read_text("utf-8")
    assert "is there already" in run("labels", "--out", str(out)).output
    said = [detail for detail in noted(settings) if "command" in detail]
    assert said.count("draw of review plan march, by command") == 1
    assert "labels of reviews exported, by command" in said
    engine = open_engine(settings.database_url)
    assert all(check.fault is None for check in verify(engine))
    engine.dispose()


def test_labels_have_their_name_when_both_files_are_whole(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While they are written nobody finds them, and what ends before its end leaves neither."""
    assert run(*PLAN).exit_code == 0
    judged(settings)
    out, real, seen = tmp_path / "labels.csv", shelf.note, []

    def watched(today: Any) -> str:
        """The real note; what lies in the folder by then."""
        seen.append({path.name for path in tmp_path.iterdir() if path.name.startswith("labels")})
        return real(today)

    def full(today: Any) -> str:
        """No room is left on the disk."""
        watched(today)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shelf, "note", full)
    failed = run("labels", "--out", str(out))
    assert (failed.exit_code, "cannot be written (No space left on device)" in failed.output) == (1, True)
    assert not [path for path in tmp_path.iterdir() if "labels" in path.name]
    monkeypatch.setattr(shelf, "note", watched)
    assert run("labels", "--out", str(out)).exit_code == 0
    assert seen == [set(), set()]
    assert {path.name for path in tmp_path.iterdir() if "labels" in path.name} == {"labels.csv", "labels.csv.txt"}


def test_what_cannot_be_drawn_is_wrong_usage(settings: Settings) -> None:
    """Exit code 2 with words; a dry run keeps nothing."""
    dry = run(*PLAN, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "nothing was kept" in dry.output
    assert "No cards have been drawn" in run("status").output
    assert run("status").exit_code == 0
    assert run(*PLAN).exit_code == 0
    for arguments, words in (
        (PLAN, "There is a review plan of this name"),
        ((*PLAN[:2], "april", "--service", "nobody"), "No card fits"),
        ((*PLAN[:2], "A b", "--service", SERVICE), "small letters"),
        ((*PLAN, "--size", "3"), "fewer say nothing"),
    ):
        found = run(*arguments)
        assert (found.exit_code, words in found.output) == (2, True), found.output
    for arguments in (("status", "--plan", "may"), ("labels", "--plan", "may", "--out", "x.csv")):
        assert run(*arguments).exit_code == 2


def test_a_ledger_that_is_not_there_is_no_empty_one(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped path is a fault of the settings."""
    monkeypatch.setenv("CHARTSIDE_DATABASE_URL", settings.database_url + "x")
    assert isinstance(run("status").exception, SettingsInvalid)


def test_the_page_of_the_application_shows_the_card_as_it_was(settings: Settings, clock: Any) -> None:
    """Its first line, the drivers of the real model, and that one name is one reviewer."""
    assert run(*PLAN).exit_code == 0
    with closing(open_house(settings, clock=clock)) as house:
        http = create_app(house).test_client()
        listed = http.get("/oversight/reviews", headers=INSIDE).text
        page = html.unescape(http.get("/oversight/reviews/march/next", headers=INSIDE).text)
    assert "shared name “quality”" in listed
    assert re.search(r"risk of death in hospital: \d\d %", page)
    assert re.search(r"day 0, \d\d:\d\d UTC \(\d+ (?:min|h) before\)", page)
    assert "Was it appropriate to override this card?" in page
    body = page[page.index("<main>") :]
    for hidden in ("2026", "card-", "pat-1", "p-1", "AUROC", "Practitioner"):
        assert hidden not in body


def test_the_help_teaches() -> None:
    """Each command and option has a sentence; the exit codes are told."""
    assert "Exit codes: 0 done" in reviews.help  # type: ignore[operator]
    for command in reviews.commands.values():
        assert command.help
        for parameter in command.params:
            assert isinstance(parameter, click.Option)
            assert parameter.help


def test_the_page_of_the_docs_says_what_there_is() -> None:
    """All options, groupings, answers and columns, and no others."""
    page = (ROOT / "docs" / "reviews.md").read_text("utf-8")
    known = {option for command in reviews.commands.values() for each in command.params for option in each.opts}
    assert set(re.findall(r"(--[a-z][a-z-]+)", page)) == known
    options = {option for each in reviews.commands["plan"].params for option in each.opts}
    assert set(re.findall(r"^\| `(--[a-z-]+)` \|", page, re.MULTILINE)) == options
    columns = re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)
    assert columns == [field.name for field in fields(Label)]
    for words in (*Response, *Grouping, *Allocation, *Verdict):
        assert f"`{words.value}`" in page
