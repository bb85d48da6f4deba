"""`chartside alerts` on a real ledger, and the models of a real house as the pages see them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chartside import alerts_command
from chartside.alerts_command import STEPS, alerts
from chartside.factory import open_house
from chartside.quality_models import HouseShelf
from chartside.settings import Settings
from oversight.alerts import AlertStep, Series, SqlAlerts
from oversight.audit import SqlAudit
from oversight.database import open_engine
from oversight.monitors.result import Check, MonitorResult, Status
from oversight.monitors.run import ServiceRun
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL
from oversight.schema import upgrade
from oversight.tallies import Period

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.now(UTC)


@pytest.fixture
def deployment(deployment: Settings) -> Settings:
    """With a ledger of one alert of the override rate."""
    engine = open_engine(deployment.database_url)
    upgrade(engine)
    check = Check("override rate", Status.ALARM, 0.2, 1e-9, "The override\x1b[31m rate rose.", adjusted_p=1e-8)
    result = MonitorResult("override-rate", Status.ALARM, check.subject, check.words, {}, (check,))
    week = Period(date(2026, 4, 27), date(2026, 5, 3))
    store(engine, [ServiceRun("icu-mortality", week, "2.0.0", 1, 1, USUAL, (result,))], NOW - timedelta(days=20))
    engine.dispose()
    return deployment


def do(*arguments: str) -> Result:
    """A command about alerts."""
    return CliRunner().invoke(alerts, list(arguments))


def take(step: str, *more: str) -> Result:
    """A step by Ann."""
    return do("step", "1", step, "--by", "ann", "--words", f"words of {step}", *more)


def test_the_list_has_what_is_open_and_says_that_the_monitors_are_late(deployment: Settings) -> None:
    """One line each; nothing in it moves a terminal."""
    result = do("list")
    assert result.exit_code == 0, result.output
    assert (
        "alert 1, open, icu-mortality 2.0.0, since the week of 2026-04-27, override-rate: The override" in result.output
    )
    assert "\x1b" not in result.output
    assert "The monitors have not run for 20 days" in result.output
    assert "No alert is open." in do("list", "--service", "other").output


def test_an_alert_is_led_to_its_end_by_commands(deployment: Settings) -> None:
    """In order, with who; a check without a single card by week is in words; closed ones only with --all."""
    assert "next: acknowledged" in do("show", "1").output
    early = take("closed")
    assert (early.exit_code, "next comes acknowledged" in early.output) == (2, True)
    assert "Alert 1 is acknowledged." in take("acknowledged").output
    assert take("cause").exit_code == 0
    assert "says what is expected of it" in take("action").output
    assert take("action", "--expected", "ten points fewer").exit_code == 0
    assert "Alert 1 is check." in take("check").output
    assert take("closed").exit_code == 0
    assert "No alert is open." in do("list").output
    assert "alert 1, closed" in do("list", "--all").output
    shown = do("show", "1").output
    assert "action, by ann (quality): words of action Expected: ten points fewer" in shown
    assert "it is closed" in shown


def test_a_check_is_kept_only_when_confirmed(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an interrupted series says is printed first, and kept with the words of who looked."""
    engine = open_engine(deployment.database_url)
    book = SqlAlerts(engine)
    for step in (AlertStep.ACKNOWLEDGED, AlertStep.CAUSE, AlertStep.ACTION):
        book.add(1, step, step.value, by_whom="ann", role="quality", now=NOW)
    mondays = [NOW.date() + timedelta(weeks=week) for week in range(-12, 12)]
    values = [0.6 + 0.01 * (week % 3) if week < 13 else 0.3 + 0.01 * (week % 2) for week in range(24)]
    monkeypatch.setattr(alerts_command, "_series", lambda *_: Series("override rate", mondays, values))
    looked = take("check")
    assert "Interrupted time series of the override rate, 13 weeks before and 11 after" in looked.output
    assert "Nothing was kept" in looked.output
    assert book.alert(1).state is AlertStep.ACTION  # type: ignore[union-attr]
    assert take("check", "--confirm").exit_code == 0
    (*_, event) = book.alert(1).events  # type: ignore[union-attr]
    assert event.words.startswith("words of check Interrupted time series of the override rate")
    engine.dispose()


@pytest.mark.parametrize("arguments", [("show", "9"), ("step", "9", "cause", "--by", "ann", "--words", "x")])
def test_an_alert_that_is_not_there_is_a_wrong_usage(deployment: Settings, arguments: tuple[str, ...]) -> None:
    """Nothing is kept."""
    result = do(*arguments)
    assert (result.exit_code, "no such alert" in result.output) == (2, True)


def test_who_looked_stands_in_the_audit(deployment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is printed."""
    heard: list[str] = []
    monkeypatch.setattr(SqlAudit, "note", lambda _self, event: heard.append(event.detail))
    do("list")
    do("show", "1")
    take("acknowledged")
    assert heard == ["alerts, by command", "alert 1, by command", "alert 1: acknowledged, by command"]


def test_the_steps_are_those_of_the_ledger() -> None:
    """A new one needs a choice of the command, and the docs."""
    assert set(STEPS) == {step.value for step in AlertStep} - {"open"}
    page = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    for command in alerts.commands:
        assert f"chartside alerts {command}" in page


def test_the_shelf_of_a_house_is_what_it_offers(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    """Ids, versions and hashes of the models that run; wishes of its clients; attributes where there is a card."""
    with closing(open_house(make_settings(tmp_path))) as house:
        found = {model.id: model for model in HouseShelf(house).models()}
        assert set(found) == set(house.models)
        for name, model in found.items():
            info = house.models[name].info
            assert (model.version, model.digest, model.outcome) == (info.version, info.digest, info.outcome)
            assert {wish.client for wish in model.wishes} == set(house.clients)
            assert all(wish.shown_from for wish in model.wishes)
        mortality = found["icu-mortality"]
        assert len(mortality.attributes["attributes"]) == 31
        local = {each["id"] for each in mortality.attributes["attributes"]} & {"validity-local", "fairness-local"}
        assert len(local) == 2
        assert mortality.live in {"live", "shadow", "partly shadow"}


@pytest.mark.parametrize(
    ("more", "words"),
    [(("--words", "give \u202e10\u202c mg"), "(U+202C, U+202E)"),
     (("--words", "\u200b\u3164"), "needs words that can be seen"),
     (("--words", "x" * 1_001), "At most 1,000 characters are kept of the words; you sent 1,001"),
     (("--words", "x", "--by", "\u2066ann"), "In the name there are characters"),
     (("--words", "x", "--by", "\u00ad"), "who takes it"),
     (("--words", "x", "--role", "chief\x1b[2J"), "(U+001B)")],
)  # fmt: skip
def test_words_and_names_are_plain_text(deployment: Settings, more: tuple[str, ...], words: str) -> None:
    """By the same rule as on the page; nothing is kept, and nothing of it is printed."""
    result = do("step", "1", "acknowledged", "--by", "ann", *more)
    assert (result.exit_code, words in " ".join(result.output.split())) == (2, True), result.output
    assert not set("\u202e\u202c\u2066\x1b") & set(result.output)
    engine = open_engine(deployment.database_url)
    assert SqlAlerts(engine).alert(1).events == ()  # type: ignore[union-attr]
    engine.dispose()


def test_words_of_other_scripts_are_kept_and_printed(deployment: Settings) -> None:
    """With their joiners; what only came along is left out."""
    assert (
        do(
            "step",
            "1",
            "acknowledged",
            "--by",
            "ann",
            "--words",
            "\u0645\u06cc\u200c\u0631\u0648\u0645 pre\u00adscribed",
        ).exit_code
        == 0
    )
    assert "\u0645\u06cc\u200c\u0631\u0648\u0645 prescribed" in do("show", "1").output
