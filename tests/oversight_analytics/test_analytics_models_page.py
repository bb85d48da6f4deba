"""The pages of models: what runs, what it does, and the local part of a card, on marts that a test makes up."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE

from clinical.errors import LedgerUnavailable
from oversight.local_card import local_card
from oversight.mart.mart import Mart
from oversight.monitor_runs import SqlRuns
from oversight.monitors.result import MonitorResult, Status, refused
from oversight.monitors.run import ServiceRun
from oversight.monitors.store import store
from oversight.monitors.thresholds import USUAL
from oversight.pages.door import roles
from oversight.pages.door.roles import Person, Right, Role
from oversight.pages.model_shelf import OfferedModel, Wish
from oversight.switches import SqlSwitches
from oversight.tallies import Period

NOW = datetime(2026, 5, 30, 12, tzinfo=UTC)
SERVICE = "icu-mortality"
ADDRESS = "/oversight/models"
IDS = ("developer", "validity-monitoring", "validity-local", "fairness-monitoring", "fairness-local", "update-process")
ATTRIBUTES = {
    "model": SERVICE,
    "count": 31,
    "attributes": [
        {"id": each, "title": each.capitalize(), "available": "local" not in each, "text": f"Shipped {each}."}
        for each in (*IDS, *(f"other-{number}" for number in range(31 - len(IDS))))
    ],
}
LEVELS = (("usual", "below the next"), ("high", "from 50 %"))
MODEL = OfferedModel(
    SERVICE, "2.0.0", "ab" * 32, "Risk of <death>", "death in hospital", "during this stay", True, LEVELS,
    (Wish("ward", "from 25 %", ""), Wish("tele", "from 25 %", "all")), ATTRIBUTES,
)  # fmt: skip
SCORE = OfferedModel("qsofa", "1.0.0", "cd" * 32, "qSOFA", "poor outcome", "soon", False, (), ())


@pytest.fixture
def switches(engine, clock):
    """The kill switch."""
    return SqlSwitches(engine, clock)


@pytest.fixture
def get(app, engine, switches):
    """Reads a page as the quality team."""
    shelf = SimpleNamespace(models=lambda: (MODEL, SCORE))
    pages = app(runs=SqlRuns(engine), models=shelf, switches=switches)
    return lambda address: pages.test_client().get(address, headers=INSIDE)


@pytest.fixture
def filled(make_mart) -> None:
    """Two versions of one model, the second from day 50 on; four entries of a service that is offered no more."""
    number = 400
    days = np.sort(np.random.default_rng(2).integers(0, 89, number))
    version = np.where(days < 50, "1.9.0", "2.0.0").astype(object)
    service = np.full(number, SERVICE, dtype=object)
    service[:4] = "gone"
    about = np.arange(1, number + 1)[::2]
    outcome = np.array(["accepted", "overridden"] * number, dtype=object)[: about.size]
    columns = {"days": days, "model_version": version, "service": service, "model_id": service}
    with make_mart(number, columns, {"about": about, "outcome": outcome}):
        pass


def test_versions_of_few_clinicians_stand_without_counts(make_mart, get, monkeypatch) -> None:
    """For who may not see single ones: as in the table of models on Overview, with the smallest of the others."""
    k = np.arange(900)
    clinician = np.where(k < 150, k % 2, 2 + k % 12)
    version = np.where(k < 150, "1.0.0", np.where(k < 400, "1.1.0", "2.0.0")).astype(object)
    columns = {
        "days": k % 84,
        "model_version": version,
        "clinician": np.array([f"c{n}" for n in clinician], dtype=object),
    }
    address = f"{ADDRESS}?from=2026-03-02&to=2026-05-24"
    with make_mart(900, columns):
        plain = get(address).text
        monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})
        told = get(address).text
    rows = [
        dict(re.findall(r'<tr><th scope="row">([0-9.]+)</th>(.*?)</tr>', text, re.DOTALL)) for text in (plain, told)
    ]
    assert [{name for name, row in each.items() if "hidden" in row} for each in rows] == [set(), {"1.0.0", "1.1.0"}]
    assert ">500<" in rows[1]["2.0.0"]


def fairness_figures(sensitivity: list[float] | str) -> dict:
    """Figures as the monitor keeps them."""
    rate = [0.4, 0.3, 0.5]
    everybody = {"group": "everybody", "rows": 900, "sensitivity": rate, "ppv": rate, "selection": rate,
                 "observed_expected": rate, "auroc": "too few"}  # fmt: skip
    group = everybody | {"group": "Spanish", "rows": "<11", "sensitivity": sensitivity}
    return {"first": "2026-03-02", "last": "2026-05-24", "rows": 900, "events": 90,
            "attributes": {"language": [everybody, group], "sex": "no rows"}}  # fmt: skip


@pytest.fixture
def monitored(engine) -> None:
    """One run of the two monitors that fill a card."""
    performance = {
        "first": "2026-04-27", "last": "2026-05-24", "rows": 1265, "events": 176, "basis": "weighted",
        "auroc": [0.62, 0.56, 0.65], "slope": [0.37, 0.23, 0.51], "observed_expected": "none was expected",
    }  # fmt: skip
    results = (
        MonitorResult("performance", Status.WATCH, "performance", "Slope: 0.37.", performance),
        MonitorResult("fairness", Status.OK, "sensitivity by group", "No group differs.", fairness_figures("hidden")),
    )
    week = Period(date(2026, 5, 18), date(2026, 5, 24))
    store(engine, [ServiceRun(SERVICE, week, "2.0.0", 17, 4, USUAL, results)], NOW - timedelta(days=1))


def read(page: str) -> str:
    """The text of a page."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def test_the_list_says_what_runs(get, filled, monitored, switches) -> None:
    """Version, artefact, outcome, threshold, shadow, kill switch, last entry, monitors; and what is not offered."""
    text = read(get(ADDRESS).text)
    for words in ("2 models are offered.", "not offered now: gone", "2.0.0 abababababab…", "death in hospital",
                  "from 25 %", "partly shadow", "2026-05-29", "▲ watch week of 2026-05-18", "never used",
                  "not asked: no run"):  # fmt: skip
        assert words in text, words
    switches.set("", SERVICE, off=True, by_whom="ann", reason="wrong unit")
    assert "1 is switched off somewhere" in read(get(ADDRESS).text)


def test_counts_by_version_are_those_of_the_mart(get, filled, tmp_path) -> None:
    """With the no-answer share beside the override rate."""
    page = get(ADDRESS).text
    with Mart(tmp_path).open() as mart:
        known = mart.rows(
            "SELECT model_version, count(*), count(*) FILTER (outcome = 'overridden'), "
            "count(*) FILTER (outcome IS NULL) FROM event "
            "WHERE service = 'icu-mortality' AND date >= DATE '2026-03-09' GROUP BY 1 ORDER BY 1"
        )
    assert [row[0] for row in known] == ["1.9.0", "2.0.0"]
    for version, cards, overridden, silent in known:
        row = re.search(rf'<th scope="row">{re.escape(version)}</th>(.*?)</tr>', page, re.DOTALL)
        cells = re.findall(r'<td class="number">([\d,]+)</td>', row[1])
        assert (int(cells[2]), int(cells[4]), int(cells[6])) == (cards, overridden, silent)
    assert "No-answer share" in page


def test_small_versions_are_hidden(get, make_mart) -> None:
    """And the other one with it, whose count would give it away."""
    version = np.array(["2.0.0"] * 40 + ["2.0.1"] * 4, dtype=object)
    with make_mart(44, {"days": [40] * 44, "model_version": version, "model_id": SERVICE}):
        text = read(get(ADDRESS).text)
    assert text.count("a small group, or one that would give a small one away") == 2
    assert "<11" in text[text.index("by version") :] or "hidden" in text[text.index("by version") :]


def test_one_model_has_the_local_part_of_its_card(get, filled, monitored, switches) -> None:
    """Dated, with intervals, what it rests on, and small groups hidden; the versions with their days."""
    switches.set("ward", SERVICE, off=True, by_whom="ann", reason="wrong unit")
    page = get(f"{ADDRESS}/{SERVICE}").text
    text = read(page)
    for words in ("Risk of <death>", "Local figures of 2026-05-29", "1,265 assessments of 2026-04-27 to 2026-05-24",
                  "AUROC: 0.62 (0.56 to 0.65).", "no figure (none was expected)", "Basis: weighted.",
                  "By language:", "Spanish, <11 stays: sensitivity no figure (hidden)", "By sex: No figures: no rows.",
                  "Shipped validity-monitoring.", "1.9.0", "2.0.0 (offered now)", "since 2026-05-30 12:00 UTC, by ann",
                  "tele from 25 % all", "Levels usual below the next; high from 50 %"):  # fmt: skip
        assert words in text, words
    assert "Shipped validity-local." not in text
    assert "<death>" not in page
    assert 'href="/models/icu-mortality/"' in page


def test_without_a_run_the_card_is_as_it_was_shipped(get, filled) -> None:
    """It says that there are no local figures, not that there are none to have."""
    text = read(get(f"{ADDRESS}/{SERVICE}").text)
    assert "There are no local figures: the monitors have not run for it here." in text
    assert "Shipped validity-local." in text
    assert "Not available." in text
    assert "Validity in local data" in read(get(f"{ADDRESS}/qsofa").text)


def test_a_refused_run_says_why(engine) -> None:
    """No figure, and the monitor's own reason."""
    week = Period(date(2026, 5, 18), date(2026, 5, 24))
    results = (refused("performance", "performance", "No performance: 3 with the event."),)
    store(engine, [ServiceRun(SERVICE, week, "2.0.0", 17, 4, USUAL, results)], NOW)
    card = local_card(SERVICE, SqlRuns(engine).latest())
    assert (card.validity.available, card.fairness.available) == (False, False)
    assert card.validity.text == "No figures: No performance: 3 with the event."
    assert card.fairness.text == "The monitors have not run for this model here."


def test_the_latest_week_counts_however_late_it_was_asked(engine, monitored) -> None:
    """A run about an earlier week does not take the place of the latest one."""
    week = Period(date(2026, 3, 2), date(2026, 3, 8))
    results = (refused("performance", "performance", "Too few."),)
    store(engine, [ServiceRun(SERVICE, week, "1.9.0", 17, 4, USUAL, results)], NOW)
    (run,) = (run for run in SqlRuns(engine).latest() if run.monitor == "performance")
    assert (run.first, run.status) == (date(2026, 5, 18), "watch")
    assert run.thresholds["false_discoveries"] == USUAL.false_discoveries


def test_the_attributes_are_31_with_the_local_ones_filled(get, filled, monitored) -> None:
    """M11: a dated copy of the card's file; the other 29 are as they were shipped."""
    answer = get(f"{ADDRESS}/{SERVICE}/attributes.json")
    document = json.loads(answer.text)
    assert len(document["attributes"]) == document["count"] == 31
    changed = [
        made["id"] for made, old in zip(document["attributes"], ATTRIBUTES["attributes"], strict=True) if made != old
    ]  # fmt: skip
    assert changed == ["validity-local", "fairness-local"]
    made = {each["id"]: each for each in document["attributes"]}
    assert made["validity-local"]["available"]
    assert "AUROC: 0.62 (0.56 to 0.65)" in made["validity-local"]["text"]
    assert made["fairness-local"]["as_of"] == "2026-05-29"
    assert document["local"] == {"as_of": "2026-05-29", "version": "2.0.0", "made": "2026-05-30"}
    assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("address", ["nothing", "nothing/attributes.json", "qsofa/attributes.json"])
def test_what_is_not_there_is_not_found(get, filled, address) -> None:
    """A model that is not offered, or has no card."""
    assert get(f"{ADDRESS}/{address}").status_code == 404


@pytest.mark.parametrize(("role", "page", "file"), [(Role.CLINICIAN, 200, 403), (Role.MODELLER, 200, 200)])
def test_figures_are_for_all_roles_and_files_for_some(get, filled, monkeypatch, role, page, file) -> None:
    """As everywhere else."""
    monkeypatch.setattr("oversight.pages.door.routes.by_password", lambda _: Person("mo", frozenset({role})))
    assert get(ADDRESS).status_code == get(f"{ADDRESS}/{SERVICE}").status_code == page
    assert get(f"{ADDRESS}/{SERVICE}/attributes.json").status_code == file


def test_every_view_is_noted_first(get, filled, notes) -> None:
    """What cannot be noted is not given."""
    for address in ("", f"/{SERVICE}", f"/{SERVICE}/attributes.json"):
        get(ADDRESS + address)
    assert [event.detail for event in notes.events] == [
        "models, 2026-03-09 to 2026-05-30, by quality", f"model {SERVICE}, by quality",
        f"attributes of {SERVICE} with local figures, by quality",
    ]  # fmt: skip
    notes.fault = LedgerUnavailable("The ledger cannot be written.")
    for address in ("", f"/{SERVICE}", f"/{SERVICE}/attributes.json"):
        assert get(ADDRESS + address).status_code == 503


def test_a_version_of_few_entries_is_hidden_with_another() -> None:
    """The overview has the total of both."""
    from oversight.analytics.versions import VersionUse
    from oversight.pages.models import entries_of

    day = date(2026, 3, 2)
    uses = [VersionUse(SERVICE, f"{n}.0.0", entries, day, day) for n, entries in enumerate((3, 4000, 900))]
    shown = entries_of(uses)
    assert shown[1] == "4,000"
    assert shown[0] == shown[2]
    assert not shown[0].isdecimal()
    assert entries_of([]) == []
