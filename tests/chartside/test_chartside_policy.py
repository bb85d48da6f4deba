"""A client's wishes, through the whole application: what is shown, what stays away, and why."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chartside.factory import House, create_app, open_house
from chartside.settings import Settings
from clinical.errors import SettingsInvalid

CALL = "/cds-services/icu-mortality"
REASONS = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"


CERTIFIED = f"""
[clients.other]
name = "Other"
authentication = "jwt"
issuer = "https://other.example"
jwks_url = "https://other.example/jwks"
fhir_base = "https://other.example/fhir"
certificates = ["{"ab" * 32}"]
"""


class Ward:
    """A hospital with wishes of its own, and the EHR that calls for it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.clock: Any = house.clock
        self.http = create_app(house).test_client()

    def call(self, body: dict[str, Any], *, user: str = "Practitioner/dr-1", **changes: Any) -> dict[str, Any]:
        """A new event about the same record; the whole answer."""
        context = {**body["context"], "userId": user}
        sent = {**body, "hookInstance": str(uuid.uuid4()), "context": context, **changes}
        answer = self.http.post(CALL, json=sent)
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())

    def withheld(self, body: dict[str, Any], **changes: Any) -> str:
        """Why no card came, or an empty string."""
        answer = self.call(body, **changes)
        found = answer["extension"]["org.chartside.outcome"]
        assert bool(answer["cards"]) == ("withheld" not in found) == found["shown"]
        return str(found.get("withheld", ""))

    def override(self, card: dict[str, Any], reason: str) -> None:
        """Override a card now."""
        item = {
            "card": card["uuid"],
            "outcome": "overridden",
            "overrideReason": {"reason": {"system": REASONS, "code": reason}},
            "outcomeTimestamp": self.clock.time.isoformat().replace("+00:00", "Z"),
        }
        assert self.http.post(f"{CALL}/feedback", json={"feedback": [item]}).get_json()["stored"] == 1


@pytest.fixture
def open_ward(open_with: Callable[[str], House]) -> Callable[[str], Ward]:
    """Opens a ward with lines added to its registry entry."""
    return lambda wishes: Ward(open_with(wishes))


def test_the_patients_of_these_tests_are_what_they_are_called(
    open_ward: Callable[[str], Ward], raised: dict[str, Any]
) -> None:
    """The tier of the shipped model; the rules below depend on it."""
    ward = open_ward("")
    assert ward.call(raised)["extension"]["org.chartside.outcome"]["tier"] == "raised"


def test_a_retry_gets_the_same_card(open_ward: Callable[[str], Ward], ill: dict[str, Any]) -> None:
    """The same event and body: the same answer to the byte, one entry; later it is a new question."""
    ward = open_ward("")
    first = ward.http.post(CALL, json=ill)
    ward.clock.time += timedelta(minutes=9)
    again = ward.http.post(CALL, json=ill)
    assert again.data == first.data
    assert ward.call(ill)["cards"][0]["uuid"] != first.get_json()["cards"][0]["uuid"]
    ward.clock.time += timedelta(minutes=2)
    assert ward.http.post(CALL, json=ill).get_json()["cards"][0]["uuid"] != first.get_json()["cards"][0]["uuid"]


def test_a_repeat_stays_away_until_its_time_is_over(open_ward: Callable[[str], Ward], raised: dict[str, Any]) -> None:
    """For the same clinician; another one has not seen it yet."""
    ward = open_ward("repeat_hours = 2\n")
    assert ward.withheld(raised) == ""
    assert ward.withheld(raised) == "repeat"
    assert ward.withheld(raised, user="Practitioner/dr-2") == ""
    ward.clock.time += timedelta(hours=2, seconds=1)
    assert ward.withheld(raised) == ""


def test_a_repeat_is_shown_when_the_tier_rises(
    open_ward: Callable[[str], Ward], raised: dict[str, Any], make_ill: Callable[[], dict[str, Any]]
) -> None:
    """And a critical card is never withheld as one."""
    ward = open_ward("repeat_hours = 12\ncards_per_encounter = 1\n")
    assert ward.withheld(raised) == ""
    for _ in range(3):
        assert ward.withheld(make_ill()) == ""


def test_an_overridden_card_is_snoozed_by_its_reason(open_ward: Callable[[str], Ward], raised: dict[str, Any]) -> None:
    """Only for the reasons that the client lists, and only as long as it says."""
    ward = open_ward("snooze_hours = { patient-refuses = 24 }\n")
    card = ward.call(raised)["cards"][0]
    ward.override(card, "action-completed")
    assert ward.withheld(raised) == ""
    ward.override(ward.call(raised)["cards"][0], "patient-refuses")
    assert ward.withheld(raised) == "snoozed"
    assert ward.withheld(raised, user="Practitioner/dr-2") == ""


def test_budgets(open_ward: Callable[[str], Ward], raised: dict[str, Any]) -> None:
    """So many cards for a clinician in 24 hours, so many in an encounter."""
    ward = open_ward("cards_per_clinician_day = 2\ncards_per_encounter = 3\n")
    assert [ward.withheld(raised) for _ in range(3)] == ["", "", "clinician-budget"]
    other = {"user": "Practitioner/dr-2"}
    assert [ward.withheld(raised, **other) for _ in range(2)] == ["", "encounter-budget"]


def test_shadow_shows_nothing_and_marks_what_it_would_show(
    open_ward: Callable[[str], Ward], ill: dict[str, Any]
) -> None:
    """Per service, over the client's own wish."""
    ward = open_ward("[clients.ward.services.icu-mortality]\nshadow = true\n")
    assert ward.withheld(ill) == "shadow"


def test_a_share_of_users_is_in_shadow(open_ward: Callable[[str], Ward], ill: dict[str, Any]) -> None:
    """About half of them, and always the same ones."""
    ward = open_ward("shadow_share = 0.5\n")
    users = [f"Practitioner/dr-{number}" for number in range(40)]
    first, second = ([ward.withheld(ill, user=user) for user in users] for _ in range(2))
    assert first == second
    assert 8 <= first.count("shadow") <= 32


def test_a_portal_user_sees_no_card(open_ward: Callable[[str], Ward], ill: dict[str, Any]) -> None:
    """The advice is written for clinicians."""
    ward = open_ward("")
    assert ward.withheld(ill, user="Patient/pat-1") == "not-for-role"


def test_the_kill_switch_works_within_five_seconds(open_ward: Callable[[str], Ward], ill: dict[str, Any]) -> None:
    """In a process that is running, also for the critical tier; and back again."""
    ward = open_ward("")
    assert ward.withheld(ill) == ""
    for off, expected in ((True, "switched-off"), (False, "")):
        ward.house.switches.set(client="", service="icu-mortality", off=off, by_whom="dr-chief", reason="recall")
        until = time.monotonic() + 5
        while True:
            asked = time.monotonic()
            if ward.withheld(ill) == expected:
                break
            assert asked < until  # of a call that comes later the answer is right, however long that takes
            time.sleep(0.2)


def test_a_score_that_is_switched_off_stands_beside_nothing(
    open_ward: Callable[[str], Ward], ill: dict[str, Any]
) -> None:
    """The kill switch holds wherever its numbers would be shown; the risk itself stays."""
    ward = open_ward("")
    assert "SOFA" in ward.call(ill)["cards"][0]["detail"]
    ward.house.switches.set("", "sofa", off=True, by_whom="Ada", reason="wrong numbers")
    assert "SOFA" not in ward.call(ill)["cards"][0]["detail"]
    ward.house.switches.set("", "sofa", off=False, by_whom="Ada", reason="mended")
    assert "SOFA" in ward.call(ill)["cards"][0]["detail"]


def test_a_score_in_a_silent_run_stands_beside_nothing(open_ward: Callable[[str], Ward], ill: dict[str, Any]) -> None:
    """What a site tries out in silence is not told in another way."""
    ward = open_ward("[clients.ward.services.sofa]\nshadow = true\n")
    assert "SOFA" not in ward.call(ill)["cards"][0]["detail"]


def test_a_slow_fhir_server_does_not_hold_a_call(
    open_ward: Callable[[str], Ward], ill: dict[str, Any], silent_server: str
) -> None:
    """412 within the client's own time, although the reader may take eight seconds elsewhere."""
    ward = open_ward(f'deadline_ms = 400\nfhir_hosts = ["{silent_server}"]\n')
    del ill["prefetch"]["labs"]
    ill["fhirServer"] = silent_server
    ill["fhirAuthorization"] = {
        "access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs", "subject": "x",
    }  # fmt: skip
    started = time.monotonic()
    answer = ward.http.post(CALL, json=ill)
    assert answer.status_code == 412
    assert "'labs'" in answer.get_json()["issue"][0]["details"]["text"]
    assert time.monotonic() - started < ward.house.settings.fhir_seconds


def test_a_locked_ledger_is_said_while_the_clinician_waits(
    open_ward: Callable[[str], Ward], ill: dict[str, Any], tmp_path: Path
) -> None:
    """503 with an OperationOutcome, long before a command would give up waiting for the lock; nothing is shown."""
    ward = open_ward("")
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        answer = ward.http.post(CALL, json=ill)
        taken = time.monotonic() - started
        other.execute("ROLLBACK")
    assert (answer.status_code, answer.get_json()["resourceType"]) == (503, "OperationOutcome")
    assert taken < 5.0
    assert ward.http.post(CALL, json=ill).status_code == 200


@pytest.mark.parametrize(
    ("base_url", "wishes"), [("https://chartside.hospital.example", ""), ("http://127.0.0.1:8100", CERTIFIED)]
)
def test_a_registry_that_opens_or_shuts_the_door_by_mistake_stops_the_start(
    base_url: str, wishes: str, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """Calls without a token behind a public name; certificates that no header brings."""
    settings = replace(make_settings(tmp_path), base_url=base_url)
    settings.clients_file.write_text(settings.clients_file.read_text() + wishes)
    with pytest.raises(SettingsInvalid):
        open_house(settings)
