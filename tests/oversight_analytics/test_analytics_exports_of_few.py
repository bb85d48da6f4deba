"""What a file tells of few clinicians: no service, no week, no reason, and to who may not see single ones no total."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, time
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE
from oversight_analytics.test_analytics_equity import add_groups
from oversight_analytics.test_analytics_exports_page import Standings
from oversight_analytics.test_analytics_told_weeks import TODAY, answering, columns, day

from chartside.export_key import ExportKey
from oversight.pages.door import roles
from oversight.pages.door.roles import Right, Role
from oversight.pages.exports import OFFERS, ExportParts

Get = Callable[[str, str], Any]
ALL_DAYS = f"?from={day(0)}&to={day(8, 6)}"
FIGURES = [name for name, offer in OFFERS.items() if offer.of_figures]


@pytest.fixture
def get(app: Any, clock: Any) -> Get:
    """Takes a file for a query."""
    clock.time = datetime.combine(TODAY, time(), UTC)
    parts = ExportParts(Standings(), ExportKey(b"s" * 32), "https://h.example", "Chartside 1")
    return lambda name, query: (
        app(exports=parts)
        .test_client()
        .get(
            f"/oversight/{name}{query}" if name == "exports" else f"/oversight/exports/{name}{query}",
            headers=INSIDE,
            buffered=True,
        )
    )


@pytest.fixture(params=["quality", "other"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes it."""
    if request.param == "other":
        without(monkeypatch)


def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes in sees and exports everything but single clinicians."""
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset(Right) - {Right.CLINICIANS}})


def lines(answer: Any) -> list[dict[str, str]]:
    """The lines of a table."""
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


def said(answer: Any) -> str:
    """The words of a page."""
    return " ".join(unescape(re.sub("<[^>]+>", " ", answer.get_data(as_text=True))).split())


def one_clinician() -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Four hundred cards of one person."""
    k = np.arange(400)
    about = k[k % 5 != 0]
    outcome = np.where(about % 4 == 0, "overridden", "accepted").astype(object)
    return k.size, {"days": k % 56, "clinician": "solo"}, {"about": about + 1, "outcome": outcome}


def three_services() -> tuple[int, dict[str, Any], dict[str, Any]]:
    """In each of nine weeks sixty cards of one service, fifty of another, and forty of a third for one person."""
    cards = {"aaa": (60, 12), "bbb": (40, 1), "ccc": (50, 12)}
    each = [(7 * week + n % 5, name, f"{name}-{n % of}") for week in range(9) for name, (number, of) in cards.items()
            for n in range(number)]  # fmt: skip
    days, service, clinician = (np.array(values, dtype=object) for values in zip(*each, strict=True))
    k = np.arange(len(each))
    over = k % 5 < 2
    reason = np.where(over, np.where(k % 10 < 5, "late", "done"), None)
    answers = {"about": k + 1, "outcome": np.where(over, "overridden", "accepted").astype(object), "service": service,
               "reason_code": reason, "reason_display": reason}  # fmt: skip
    return len(each), {"days": days.astype(np.int64), "service": service, "clinician": clinician}, answers


@pytest.mark.parametrize("name", FIGURES)
def test_figures_of_few_are_for_who_may_see_single_clinicians(
    make_mart: Any, get: Get, notes: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As the pages: the whole file is refused, and nothing leaves; the quality team of a small house has its totals."""
    with make_mart(*one_clinician()):
        plain = get(name, ALL_DAYS)
        without(monkeypatch)
        taken = len(notes.events)
        refused = get(name, ALL_DAYS)
    assert plain.status_code == 200
    assert refused.status_code == 403
    assert "fewer than 5 clinicians" in said(refused)
    assert len(notes.events) == taken


def test_the_page_says_which_files_are_refused(make_mart: Any, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of figures have no link; single cards are another right."""
    without(monkeypatch)
    with make_mart(*one_clinician()):
        page = get("exports", ALL_DAYS)
        events = get("events.csv", ALL_DAYS)
    links = re.findall(r'href="/oversight/exports/([^?"]+)', page.get_data(as_text=True))
    assert set(links) == {"events.csv"}
    assert "Files of figures are not for your role" in said(page)
    assert events.status_code == 200


def test_a_small_house_has_its_own_figures(make_mart: Any, get: Get) -> None:
    """Where all of it is of few, nothing is hidden from who may see them: weeks, reasons and the pack are told."""
    with make_mart(*one_clinician()):
        weeks, pack = lines(get("weekly_metrics.csv", ALL_DAYS)), said(get("committee_pack.html", ALL_DAYS))
        (reason, _all) = lines(get("reasons.csv", ALL_DAYS))
    assert sum(int(week["cards"]) for week in weeks) == 400
    assert "400 cards were shown." in pack
    assert reason["number"] == reason["overridden"] != "hidden"


@pytest.mark.usefixtures("either")
def test_a_week_of_few_is_hidden_in_file_and_pack(make_mart: Any, get: Get) -> None:
    """With the smallest of the others, as on the pages; the pack says so, and draws neither."""
    number, advice, answers = answering(lambda week, clinician: (week != 3) | (clinician < 2))
    with make_mart(number, advice, answers):
        weeks = {week["week"]: week for week in lines(get("weekly_metrics.csv", ALL_DAYS))}
        pack = get("committee_pack.html", ALL_DAYS).get_data(as_text=True)
    rows = dict(re.findall(r'<tr><th scope="row">(2026[^<]*)</th>(.*?)</tr>', pack))
    hidden = {week for week, row in weeks.items() if row["cards"] == "hidden"}
    assert str(day(3)) in hidden
    assert len(hidden) == 2
    assert {
        value for week in hidden for name, value in weeks[week].items() if name not in {"service", "week", "days"}
    } == {"hidden"}
    assert {week for week, row in rows.items() if "hidden" in row} == hidden
    assert not any(f"{week}: " in unescape(pack) for week in hidden)


def test_weeks_without_an_entry_are_not_said_to_be_hidden(make_mart: Any, get: Get) -> None:
    """The pack says what they are; a week with entries and no card has no count to hide either."""
    number, advice, answers = answering(lambda week, _clinician: week != 5)
    week = advice["days"] // 7
    advice["withheld"] = np.where(week == 5, "below-threshold", None).astype(object)
    advice["days"] = np.where(week == 2, advice["days"] + 7, advice["days"])
    with make_mart(number, advice, answers):
        pack = get("committee_pack.html", ALL_DAYS).get_data(as_text=True)
    rows = dict(re.findall(r'<tr><th scope="row">(2026[^<]*)</th>(.*?)</tr>', pack))
    assert {start for start, row in rows.items() if "no entries" in row} == {str(day(2))}
    assert not any("hidden" in row for row in rows.values())
    assert ">0<" in rows[str(day(5))]


@pytest.mark.usefixtures("either")
def test_a_service_of_few_is_hidden_in_every_file(make_mart: Any, get: Get) -> None:
    """With the smallest of the others, which would give it away: the same ones that FHIR reports mask."""
    with make_mart(*three_services()):
        files = zipfile.ZipFile(io.BytesIO(get("figures.zip", ALL_DAYS).data))
    read = {name: files.read(name).decode() for name in files.namelist()}
    weeks, reasons = (list(csv.DictReader(io.StringIO(read[f"{name}.csv"]))) for name in ("weekly_metrics", "reasons"))
    report = next(json.loads(text) for name, text in read.items() if "MeasureReport" in name)
    (strata,) = (each for each in report["group"][0]["stratifier"] if each["code"][0]["text"] == "service")
    told = {each["value"]["text"] for each in strata["stratum"] if "value" in each["measureScore"]}
    assert told == {"aaa"}
    assert {row["service"] for row in weeks if row["cards"] != "hidden"} == told
    assert {row["service"] for row in weeks} == {"aaa", "bbb", "ccc"}
    shown = {row["service"] for row in reasons if row["number"] != "hidden"}
    assert shown == {"aaa", "(all)"}
    assert [row["reason_code"] for row in reasons if row["service"] == "bbb"] == ["(all)"]
    pack = " ".join(unescape(re.sub("<[^>]+>", " ", read["committee_pack.html"])).split())
    assert re.findall(r"([0-9]+) cards were shown. Of", pack) == ["540", "540"]
    assert "give that away: bbb, ccc." in pack


def test_a_service_of_few_has_no_line_in_equity(make_mart: Any, get: Get, tmp_path: Path) -> None:
    """But one that says so."""
    number, advice, answers = three_services()
    patients = [f"p{n}" for n in range(number)]
    add_groups(tmp_path, patients, {"sex": ["female", "male"] * (number // 2)})
    with make_mart(number, advice | {"patient": np.array(patients, dtype=object)}, answers):
        rows = lines(get("equity.csv", ALL_DAYS))
    notes = {row["service"]: row["note"] for row in rows if not row["measure"]}
    assert notes == dict.fromkeys(("bbb", "ccc"), "hidden: few clinicians stand behind it, or it would give away a "
                                  "service of few")  # fmt: skip
    assert any(row["service"] == "aaa" and row["measure"] for row in rows)


@pytest.mark.usefixtures("either")
def test_a_reason_of_few_is_hidden(make_mart: Any, get: Get) -> None:
    """One of twelve gave it; with the next smallest, so that it does not follow from all overrides."""
    number, advice, answers = answering(lambda week, _clinician: week >= 0)
    over = (np.arange(number) + advice["days"] // 7) % 3 == 0
    answers["outcome"] = np.where(over, "overridden", "accepted").astype(object)
    solo = advice["clinician"] == "c0"
    reason = np.where(over, np.where(solo, "solo", np.where(advice["days"] % 2 == 0, "late", "done")), None)
    answers |= {"reason_code": reason, "reason_display": reason}
    with make_mart(number, advice, answers):
        rows = lines(get("reasons.csv", ALL_DAYS))
        pack = said(get("committee_pack.html", ALL_DAYS))
    assert int((over & solo).sum()) > 11
    hidden = {row["reason_code"] for row in rows if row["number"] == "hidden"}
    assert "solo" in hidden
    assert "solo:" not in pack
    assert len(hidden) == 2


def test_the_pack_compares_with_a_whole_stretch(make_mart: Any, get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fourth week is told together with the third: nobody is told a part of it, as before on the pages either."""
    query = f"?from={day(4)}&to={day(4, 6)}"
    with make_mart(*columns()):
        whole = said(get("committee_pack.html", query))
        without(monkeypatch)
        told = said(get("committee_pack.html", query))
    assert f"compared with {day(3)} to {day(3, 6)}" in whole
    assert f"compared with {day(2)} to {day(3, 6)} (14 days, while this period has 7" in told
    assert "while this period has" not in whole


def test_the_pack_compares_with_no_period_of_few(make_mart: Any, get: Get) -> None:
    """Two clinicians before, twelve now: the rate of the two stands in no comparison."""
    k = np.arange(1200)
    now = k >= 600
    clinician = np.where(now, k % 12, 12 + k % 2)
    outcome = np.where(k % 3 == 0, "overridden", "accepted").astype(object)
    advice = {
        "days": np.where(now, 28 + k % 28, k % 28),
        "clinician": np.array([f"c{n}" for n in clinician], dtype=object),
    }
    with make_mart(k.size, advice, {"about": k + 1, "outcome": outcome}):
        pack = said(get("committee_pack.html", f"?from={day(4)}&to={day(7, 6)}"))
    assert "No comparison: fewer than 5 clinicians were advised or answered in the period before." in pack
    assert "before 3" not in pack
