"""Snooze, undo, silence and reports of problems, through the whole application."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chartside import smart_page
from chartside.cli import cli
from chartside.factory import House, create_app
from chartside.settings import Settings
from clinical.advice import Channel, Feedback, Outcome, WithheldReason
from clinical.incident import IncidentReport, ProblemKind
from clinical.snooze import SNOOZES

SERVICE = "icu-mortality"
CALL = f"/cds-services/{SERVICE}"
USER = "Practitioner/dr-1"


@dataclass(frozen=True)
class Visit:
    """As much of a launch as the question needs."""

    user: str = USER
    client: str = "ward"
    patient_id: str = "pat-1"
    encounter_id: str | None = "enc-1"


def call(house: House, body: dict[str, Any], user: str = USER) -> tuple[str, str]:
    """A new event about the same record: the id of the card, or why none came."""
    sent = {**body, "hookInstance": str(uuid.uuid4()), "context": {**body["context"], "userId": user}}
    answer = create_app(house).test_client().post(CALL, json=sent)
    assert answer.status_code == 200, answer.text
    cards = answer.get_json()["cards"]
    found = answer.get_json()["extension"]["org.chartside.outcome"]
    return (cards[0]["uuid"], "") if cards else ("", str(found["withheld"]))


def answer_on_the_page(house: House, card: str, outcome: Outcome, **changes: Any) -> None:
    """What the page stores."""
    given = {"time": house.clock.now(), "channel": Channel.PAGE, "user": USER} | changes
    receipt = house.ledger.record([Feedback(card, "ward", SERVICE, outcome, **given)])
    assert receipt.stored == 1


def test_a_snooze_holds_for_its_hours_and_its_clinician(open_with: Callable[[str], House], raised: Any) -> None:
    """Without any wish of the client: the clinician asked for it. Undone, the next card comes."""
    house = open_with("")
    card, _ = call(house, raised)
    answer_on_the_page(house, card, Outcome.SNOOZED, reason=SNOOZES[0])
    assert call(house, raised) == ("", "snoozed")
    assert call(house, raised, "Practitioner/dr-2")[1] == ""
    answer_on_the_page(house, card, Outcome.WITHDRAWN)
    again, withheld = call(house, raised)
    assert withheld == ""
    answer_on_the_page(house, again, Outcome.SNOOZED, reason=SNOOZES[0])
    house.clock.time += timedelta(hours=4)  # type: ignore[attr-defined]
    assert call(house, raised)[1] == ""


def test_nobody_puts_off_a_critical_card(open_with: Callable[[str], House], ill: Any) -> None:
    """Whatever stands in the ledger."""
    house = open_with("")
    card, _ = call(house, ill)
    answer_on_the_page(house, card, Outcome.SNOOZED, reason=SNOOZES[2])
    assert call(house, ill)[1] == ""


def test_the_hook_endpoint_knows_two_outcomes(open_with: Callable[[str], House], ill: Any) -> None:
    """Snoozed and withdrawn are for the page: 400, nothing stored."""
    house = open_with("")
    card, _ = call(house, ill)
    for outcome in ("snoozed", "withdrawn"):
        item = {"card": card, "outcome": outcome, "outcomeTimestamp": "2026-03-02T08:00:00Z"}
        answer = create_app(house).test_client().post(f"{CALL}/feedback", json={"feedback": [item]})
        assert answer.status_code == 400
    assert house.ledger.decision(card) is None


@pytest.mark.parametrize(
    ("wishes", "user", "silence"),
    [
        ("", USER, None),
        ("shadow = true\n", USER, WithheldReason.SHADOW),
        (f"[clients.ward.services.{SERVICE}]\nshadow = true\n", USER, WithheldReason.SHADOW),
        (f"shadow = true\n[clients.ward.services.{SERVICE}]\nshadow = false\n", USER, None),
        ("shadow_share = 1.0\n", USER, WithheldReason.SHADOW),
        ("", "Patient/pat-1", WithheldReason.NOT_FOR_ROLE),
    ],
)
def test_the_page_asks_who_may_see_a_service(
    open_with: Callable[[str], House], wishes: str, user: str, silence: WithheldReason | None
) -> None:
    """By the registry, for the client's own wish and that of its service; also where the risk is low."""
    house = open_with(wishes)
    assert smart_page._silence(house)(Visit(user), SERVICE) is silence  # type: ignore[arg-type]


def test_a_low_risk_of_a_silent_run_is_silent(open_with: Callable[[str], House], raised: Any) -> None:
    """It is withheld as low, and the page is told all the same that nothing of it may be seen."""
    house = open_with(f"[clients.ward.services.{SERVICE}]\nshadow = true\nshow_from = 0.99\n")
    assert call(house, raised)[1] == "below-threshold"
    assert smart_page._silence(house)(Visit(), SERVICE) is WithheldReason.SHADOW  # type: ignore[arg-type]


def test_the_kill_switch_silences_the_page(open_with: Callable[[str], House]) -> None:
    """Asked at every look, and it is known at once in the process that switched."""
    house = open_with("")
    silence = smart_page._silence(house)
    for off, expected in ((True, WithheldReason.SWITCHED_OFF), (False, None)):
        house.switches.set("", SERVICE, off=off, by_whom="dr-chief", reason="recall")
        assert silence(Visit(), SERVICE) is expected  # type: ignore[arg-type]


def test_the_page_is_given_both(open_with: Callable[[str], House], monkeypatch: pytest.MonkeyPatch) -> None:
    """The factory hands over who may see what, and where reports go."""
    given: list[Any] = []
    create = smart_page.smart_app.blueprint.create_blueprint

    def spy(deps: Any) -> Any:
        given.append(deps)
        return create(deps)

    monkeypatch.setattr(smart_page.smart_app.blueprint, "create_blueprint", spy)
    house = open_with("shadow = true\n")
    create_app(house)
    (deps,) = given
    assert deps.incidents is house.incidents
    assert deps.silence(Visit(), SERVICE) is WithheldReason.SHADOW


@pytest.fixture
def report(open_with: Callable[[str], House], ill: Any) -> tuple[House, IncidentReport]:
    """A house with a report about a card."""
    house = open_with("")
    card, _ = call(house, ill)
    made = IncidentReport(
        "I-0123456789ab", house.clock.now(), "ward", SERVICE, card, ProblemKind.WRONG_DATA, "two\nlines \x1b[31m", USER
    )
    house.incidents.open(made)
    return house, made


def test_a_report_reaches_the_quality_team(report: tuple[House, IncidentReport]) -> None:
    """On their page, with model and version."""
    house, made = report
    key = base64.b64encode(b"quality:quality-secret").decode()
    page = create_app(house).test_client().get("/oversight/incidents", headers={"Authorization": f"Basic {key}"})
    version = house.models[SERVICE].info.version
    for words in (made.id, f"{SERVICE} {version}", "wrong data", "draft"):
        assert words in page.text


@pytest.fixture
def run(in_environment: Callable[[Settings], None]) -> Callable[..., Result]:
    """Runs a command in the environment of a house."""

    def invoke(house: House, *arguments: str) -> Result:
        in_environment(house.settings)
        return CliRunner().invoke(cli, list(arguments))

    return invoke


def test_the_command_lists_reports(report: tuple[House, IncidentReport], run: Callable[..., Result]) -> None:
    """One line each, which a terminal may show, and a note in the audit."""
    house, made = report
    result = run(house, "incidents", "list")
    assert result.exit_code == 0, result.output
    (line,) = result.output.splitlines()
    assert line.startswith(f"{made.id}  2026-03-02 08:00 UTC  draft  wrong-data  {SERVICE} ")
    assert line.endswith("client ward: two lines [31m")
    assert "dr-1" not in line
    notes = run(house, "ledger", "verify").output
    assert "incident: 1 entries, whole" in notes
    assert "audit: 1 entries, whole" in notes


def test_the_command_says_that_there_is_none(open_with: Callable[[str], House], run: Callable[..., Result]) -> None:
    """And not nothing at all."""
    result = run(open_with(""), "incidents", "list")
    assert result.output == "Nobody has reported a problem.\n"
