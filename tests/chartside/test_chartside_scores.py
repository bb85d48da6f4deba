"""Published scores as services: offered where a site asks for them, on a scale of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chartside.before_start import offered
from chartside.cli import cli
from chartside.clients import load_clients
from chartside.factory import create_app, open_house
from chartside.settings import Settings
from clinical.errors import SettingsInvalid
from clinical.record import LOINC
from models.runtime.catalogue import MODELS_FOLDER
from models.runtime.model import TreeRiskModel
from models.runtime.score_model import ScoreModel

ASKED = """
show_from = 0.9
[clients.ward.services.news2]
"""


class Morning:
    """Half past seven in the morning, all day."""

    def now(self) -> datetime:
        """That."""
        return datetime(2026, 3, 2, 7, 31, tzinfo=UTC)


def serving(settings: Settings, registry: str) -> Iterator[Any]:
    """A test client of a house with this registry."""
    settings.clients_file.write_text(registry)
    with closing(open_house(replace(settings), clock=Morning())) as house:
        yield create_app(house).test_client()


@pytest.fixture
def asking(tmp_path: Path, make_settings: Callable[..., Settings]) -> Iterator[Any]:
    """A site that asks for NEWS2, and shows risks from 90 %."""
    settings = make_settings(tmp_path)
    yield from serving(settings, settings.clients_file.read_text().replace("show_from = 0.0", "") + ASKED)


def with_oxygen(call: dict[str, Any]) -> dict[str, Any]:
    """The call with what NEWS2 asks for beside it."""
    facts = call["prefetch"]["vitals"]["entry"]
    sample = dict(facts[0]["resource"])
    quantity = {"value": 91, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
    code = {"coding": [{"system": LOINC, "code": "59408-5"}]}
    facts.append({"resource": sample | {"id": "spo2", "code": code, "valueQuantity": quantity,
                                        "effectiveDateTime": "2026-03-02T07:30:00Z"}})  # fmt: skip
    call["prefetch"]["answers"] = None
    return call


def services(http: Any) -> dict[str, dict[str, Any]]:
    """What discovery offers on patient-view, by id."""
    found = http.get("/cds-services").get_json()["services"]
    return {one["id"]: one for one in found if one["hook"] == "patient-view"}


def test_a_score_is_offered_where_a_site_asks_for_it(http: Any, asking: Any) -> None:
    """With a prefetch of its own; the others stay away."""
    assert "news2" not in services(http)
    offered = services(asking)
    assert {"news2", "icu-mortality"} <= set(offered)
    assert "qsofa" not in offered
    assert "59408-5" in offered["news2"]["prefetch"]["vitals"]


def test_a_score_that_nobody_asked_for_is_not_there(http: Any, ill: dict[str, Any]) -> None:
    """404, not an empty answer."""
    assert http.post("/cds-services/news2", json=ill).status_code == 404


def test_a_score_makes_a_card_by_its_own_scale(asking: Any, ill: dict[str, Any]) -> None:
    """The client's lowest probability is no number of points: a high score is shown, and says how much it could be."""
    answer = asking.post("/cds-services/news2", json=with_oxygen(ill)).get_json()
    (card,) = answer["cards"]
    assert card["indicator"] == "critical"
    assert "NEWS2" in card["summary"]
    assert len(card["summary"]) < 140
    found = answer["extension"]["org.chartside.outcome"]
    assert found["status"] == "assessed"
    assert "probability" not in found
    assert found["value"] >= 7


def test_a_score_without_its_data_says_what_is_missing(asking: Any, ill: dict[str, Any]) -> None:
    """Nothing measured is not a score of 0."""
    call = with_oxygen(ill)
    call["prefetch"]["vitals"] = None
    answer = asking.post("/cds-services/news2", json=call).get_json()
    (card,) = answer["cards"]
    assert "not assessed" in card["summary"].lower()
    assert answer["extension"]["org.chartside.outcome"]["status"] == "not-assessed"


CALM = {"9279-1": 16, "59408-5": 97, "8480-6": 120, "8867-4": 70, "8310-5": 37.0, "9269-2": 15}


def vital(call: dict[str, Any], code: str, value: float, minute: str, **changes: Any) -> dict[str, Any]:
    """One entry of vital signs like those of the call."""
    facts = call["prefetch"]["vitals"]["entry"]
    like = next(
        (one["resource"] for one in facts if one["resource"]["code"]["coding"][0]["code"] == code),
        with_oxygen(call)["prefetch"]["vitals"]["entry"][-1]["resource"],
    )
    quantity = {**like["valueQuantity"], "value": value}
    made = {**like, "id": f"{code}-{minute[-6:-4]}", "valueQuantity": quantity, "effectiveDateTime": minute, **changes}
    return {"resource": made}


@pytest.mark.parametrize("unusable", [{"status": "preliminary"}, {"unit": None}])
def test_newer_values_that_cannot_be_used_are_no_empty_list(
    asking: Any, ill: dict[str, Any], unusable: dict[str, Any]
) -> None:
    """Well five hours ago, and gravely ill a minute ago by what is not final or has no unit: never `{"cards": []}`."""
    calm = [vital(ill, code, value, "2026-03-02T02:30:00Z") for code, value in CALM.items()]
    grave = {"9279-1": 34, "59408-5": 82, "8480-6": 75, "8867-4": 140}
    new = [vital(ill, code, value, "2026-03-02T07:29:00Z") for code, value in grave.items()]
    for entry in new:
        resource = entry["resource"]
        resource.update({"status": unusable.get("status", "final")})
        if "unit" in unusable:
            resource["valueQuantity"] = {"value": resource["valueQuantity"]["value"]}
    ill["prefetch"] |= {"answers": None, "vitals": {"resourceType": "Bundle", "type": "searchset", "entry": calm + new}}
    (card,) = asking.post("/cds-services/news2", json=ill).get_json()["cards"]
    assert "NEWS2 at least 0 (up to 14: " in card["summary"]
    assert card["summary"].endswith("none to high")
    assert "newer than what can be used: respiratory rate" in card["detail"]


def test_a_draft_is_not_offered(tmp_path: Path, make_settings: Callable[..., Settings]) -> None:
    """Asking for one stops the start and says why; no shipped score is one."""
    settings = make_settings(tmp_path)
    settings.clients_file.write_text(settings.clients_file.read_text() + "[clients.ward.services.sofa]\n")
    clients = load_clients(settings.clients_file)
    sofa = ScoreModel.load(MODELS_FOLDER / "sofa" / "model.toml")
    assert offered({"sofa": sofa}, clients) == {"sofa": sofa}
    draft = ScoreModel(replace(sofa.manifest, draft="it is not tried"))
    with pytest.raises(SettingsInvalid, match="sofa is a draft and is not offered: it is not tried"):
        offered({"sofa": draft}, clients)


def test_feedback_on_a_score_is_taken_and_counted(asking: Any, ill: dict[str, Any]) -> None:
    """Like that on any card."""
    (card,) = asking.post("/cds-services/news2", json=with_oxygen(ill)).get_json()["cards"]
    said = {"card": card["uuid"], "outcome": "accepted", "outcomeTimestamp": "2026-03-02T07:31:00Z",
            "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}]}  # fmt: skip
    answer = asking.post("/cds-services/news2/feedback", json={"feedback": [said]})
    assert answer.status_code == 200


def test_the_command_line_lists_what_can_be_asked_for(
    tmp_path: Path, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`chartside check` says which services are offered and which are there on request."""
    settings = make_settings(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("s" * 64)
    for name, value in {
        "CHARTSIDE_BASE_URL": settings.base_url,
        "CHARTSIDE_CLIENTS_FILE": str(settings.clients_file),
        "CHARTSIDE_DATABASE_URL": settings.database_url,
        "CHARTSIDE_SECRET_FILE": str(secret),
    }.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(cli, ["check"])
    assert done.exit_code == 0, done.output
    lines = {line.split()[1]: line for line in done.output.splitlines() if line.startswith("model ")}
    assert lines["icu-mortality"].endswith("offered to every site")
    assert lines["qsofa"].endswith("offered to sites that ask for it")
    assert lines["sofa"].endswith("offered to sites that ask for it")


@pytest.mark.parametrize(("service", "level"), [("icu_mortality", 7), ("news2", -1), ("ckd_epi", 15)])
def test_a_threshold_that_no_answer_can_reach_is_refused(
    tmp_path: Path, make_settings: Callable[..., Settings], service: str, level: float
) -> None:
    """A 7 that was meant as 7 % would silence a model of probabilities; an eGFR counts downwards."""
    settings, name = make_settings(tmp_path), service.replace("_", "-")
    table = f"[clients.ward.services.{name}]\nshow_from = {level}\n"
    settings.clients_file.write_text(settings.clients_file.read_text() + table)
    kind = TreeRiskModel if service == "icu_mortality" else ScoreModel
    model = kind.load(MODELS_FOLDER / service / "model.toml")
    with pytest.raises(SettingsInvalid, match=rf"{name}\] has a 'show_from'"):
        offered({name: model}, load_clients(settings.clients_file))
