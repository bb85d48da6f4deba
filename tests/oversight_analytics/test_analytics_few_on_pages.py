"""Override rates, Reasons and Overview for a role that sees no single clinicians: no row of few, and none by sums."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from html import unescape
from typing import Any

import numpy as np
import pytest
from oversight_analytics.conftest import FIRST
from oversight_analytics.pages_on_marts import INSIDE

from oversight.analytics.few_clinicians import OVERRIDDEN, few_by, groups_of_few
from oversight.analytics.selection import By, Selection
from oversight.pages.door import roles
from oversight.pages.door.roles import Right, Role

RATES = "/oversight/override-rates?from=2026-03-02&to=2026-05-30"
PLACES = "a small group, or one that would give a small one away"
# Cards of each of seven weeks and of each service; every second card is overridden.
WEEKS = (40, 30, 4, 12, 50, 60, 44)
Get = Callable[[str], str]


def day(week: int, weekday: int = 0) -> str:
    """A day as the pages write it."""
    return str(date.fromordinal(FIRST.toordinal() + 7 * week + weekday))


def columns(people: int = 8) -> tuple[dict[str, Any], dict[str, Any]]:
    """All cards of a week on its Monday, but one of each big week on the Tuesday; week 4 is of two clinicians."""
    week = np.repeat(np.arange(len(WEEKS)), WEEKS)
    number = week.size
    first = np.concatenate([[0], np.flatnonzero(np.diff(week)) + 1])
    days = 7 * week
    days[[first[0], first[1], first[5]]] += 1
    clinician = np.where(week == 4, np.arange(number) % 2, np.arange(number) % people)
    advice = {
        "days": days,
        "clinician": np.array([f"c{n}" for n in clinician], dtype=object),
        "service": np.array(["icu-mortality"] * (number - 7) + ["sepsis-6h"] * 7, dtype=object),
        "model_version": np.array(["1.0.0"] * 5 + ["1.1.0"] * (number - 5), dtype=object),
    }
    about = np.arange(1, number + 1)
    over = about % 2 == 0
    reason = np.array(["done"] * number, dtype=object)
    reason[:120:4], reason[121:240:2], reason[[3, 41, 99]] = "late", None, "rare"
    reason[1:20:4] = "other"
    reason[~over] = None
    outcome = np.where(over, "overridden", "accepted").astype(object)
    return advice, {"about": about, "outcome": outcome, "reason_code": reason, "reason_display": reason}


@pytest.fixture
def get(app) -> Get:
    """Reads a page."""

    def read(address: str) -> str:
        """Its text."""
        answer = app().test_client().get(address, headers=INSIDE)
        assert answer.status_code == 200
        return unescape(answer.text)

    return read


@pytest.fixture
def without_the_right(monkeypatch) -> None:
    """Whoever comes in sees figures, and no single clinicians."""
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})


def rows_of(text: str, caption: str) -> dict[str, list[str]]:
    """The cells of the rows of a table, as words."""
    found = re.search(rf"<caption>{caption}.*?</table>", text, re.DOTALL)
    assert found is not None, caption
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', found[0], re.DOTALL)
    words = [(name, re.findall(r"<td[^>]*>(.*?)</td>", cells, re.DOTALL)) for name, cells in rows]
    return {
        re.sub(r"<[^>]+>", "", name): [re.sub(r"<[^>]+>", " ", cell).strip() for cell in cells] for name, cells in words
    }


def hidden(rows: dict[str, list[str]]) -> set[str]:
    """The rows that stand without their counts."""
    return {name for name, cells in rows.items() if PLACES in " ".join(cells)}


@pytest.mark.usefixtures("without_the_right")
def test_override_rates_hide_weeks_of_few_cards_answers_or_clinicians(make_mart, get) -> None:
    """Week 2 has four cards, week 4 two clinicians; nothing follows from the total, and the chart draws neither."""
    with make_mart(sum(WEEKS), *columns()):
        text = get(RATES)
        rows = rows_of(text, "Counts by week")
    assert hidden(rows) == {day(2), day(4)}
    assert sum(int(cells[0]) for name, cells in rows.items() if name not in hidden(rows)) == sum(WEEKS) - 54
    assert all(int(cells[0]) >= 11 for name, cells in rows.items() if name not in hidden(rows))
    points = re.findall(r"<title>(\d{4}-\d\d-\d\d): ", text)
    assert points == [day(week) for week in (0, 1, 3, 5, 6)]


@pytest.mark.usefixtures("without_the_right")
def test_a_day_does_not_follow_from_its_week(make_mart, get) -> None:
    """One card on a Tuesday: the Monday of that week is hidden beside it, because the table by week has the sum."""
    with make_mart(sum(WEEKS), *columns()):
        days, weeks = (hidden(rows_of(get(f"{RATES}&by={by}"), f"Counts by {by}")) for by in ("day", "week"))
    assert {day(week, weekday) for week in (0, 1, 5) for weekday in (0, 1)} <= days
    assert weeks == {day(2), day(4)}
    assert not days & {day(3), day(6)}


@pytest.mark.usefixtures("without_the_right")
def test_override_rates_hide_services_and_reasons_of_few(make_mart, get) -> None:
    """And with each the smallest of the others."""
    with make_mart(sum(WEEKS), *columns()):
        text = get(RATES)
    services = rows_of(text, "Counts by service")
    assert hidden(services) == {"icu-mortality", "sepsis-6h"}
    assert services["All"][0] == str(sum(WEEKS))
    reasons = rows_of(text, "Reasons given with")
    assert len(hidden(reasons)) >= 2
    assert all(int(cells[-1]) >= 11 for name, cells in reasons.items() if name not in hidden(reasons))


@pytest.mark.usefixtures("without_the_right")
def test_reasons_hide_reasons_weeks_and_versions_of_few(make_mart, get) -> None:
    """Nowhere on the page stands a hidden reason's share: not as a bar, not as a column, not in the strip."""
    with make_mart(sum(WEEKS), *columns()):
        text, rates = get("/oversight/reasons?from=2026-03-02&to=2026-05-30"), get(RATES)
    reasons = rows_of(text, "Reasons of")
    gone = hidden(reasons)
    assert gone == hidden(rows_of(rates, "Reasons given with"))
    assert len(gone) >= 2
    assert sum(int(cells[-3]) for name, cells in reasons.items() if name not in gone) <= sum(WEEKS) // 2 - 11
    for name in gone - {"No reason given"}:
        assert f'<th scope="col" class="number">{name}</th>' not in text
        assert text.count(f">{name}<") == 2, "its name and its code in the table, and nothing else"
    weeks = rows_of(text, "By week")
    assert {day(2), day(3), day(4)} <= hidden(weeks)
    assert all(int(cells[0]) >= 11 for name, cells in weeks.items() if name not in hidden(weeks))
    assert hidden(rows_of(text, "By model and version")) == {"icu-mortality 1.0.0", "icu-mortality 1.1.0"}


@pytest.mark.usefixtures("without_the_right")
def test_so_few_overrides_or_assessments_in_all_are_in_no_row(make_mart, get) -> None:
    """Ten of forty: the total would tell what the rows do not."""
    given = {"about": np.arange(1, 11), "outcome": "overridden", "reason_code": "done", "reason_display": "done"}
    with make_mart(40, {"days": [40] * 40}, given):
        reasons = get("/oversight/reasons")
    few = {"days": [40] * 40, "abstention": np.array([None] * 10 + ["no data"] * 30, dtype=object),
           "withheld": np.array(["below-threshold"] * 10 + [None] * 30, dtype=object)}  # fmt: skip
    with make_mart(40, few):
        rates = get(RATES)
    assert "No figure: there are fewer than 11 cards" in rates
    assert "No reasons: there are fewer than 11 overrides" in reasons
    assert "<caption>" not in rates + reasons


@pytest.mark.usefixtures("without_the_right")
@pytest.mark.parametrize("page", [RATES, "/oversight/reasons", "/oversight/"])
def test_so_few_cards_in_all_are_on_no_page(make_mart, app, page) -> None:
    """Ten cards since the first: each week more would be told by two Mondays."""
    with make_mart(10, {"days": [40] * 10}):
        answer = app().test_client().get(page, headers=INSIDE)
    assert answer.status_code == 403
    assert "fewer than 5 clinicians or 11 cards" in answer.text


@pytest.mark.usefixtures("without_the_right")
def test_the_overview_hides_weeks_models_and_clients_of_few_clinicians(make_mart, get) -> None:
    """As the page of a service does; the weeks of the chart beside them are told as little."""
    with make_mart(sum(WEEKS), *columns()):
        text = get("/oversight/?from=2026-03-02&to=2026-05-30")
        rows = rows_of(text, "Counts by week")
        of_service = rows_of(get("/oversight/service?service=icu-mortality&from=2026-03-02"), "Counts by week")
    assert hidden(rows) == {day(2), day(4)}
    assert hidden(of_service) == {day(2), day(4)}
    for week, told in ((2, False), (3, True), (4, False)):
        assert bool(re.search(rf"{day(week)}[^<]*: [\d,]+ of [\d,]+", text)) is told, week


@pytest.mark.parametrize("page", [RATES, f"{RATES}&by=day", "/oversight/reasons?from=2026-03-02&to=2026-05-30"])
def test_for_who_may_see_clinicians_nothing_is_hidden(make_mart, get, page) -> None:
    """The quality team reads every count."""
    with make_mart(sum(WEEKS), *columns()):
        text = get(page)
    assert PLACES not in text
    assert "<11" not in text
    if "by=day" in page:
        assert rows_of(text, "Counts by day")[day(0, 1)][0] == "1"


def test_several_groupings_at_once_are_the_same_as_each_by_itself(make_mart, period) -> None:
    """Of overrides, by reason too: those without one under the empty name, and cards that were accepted under none."""
    with make_mart(sum(WEEKS), *columns()) as mart:
        selection = Selection(period)
        kinds = (By.SERVICE, By.MODEL, By.CLIENT, By.WEEK)
        assert few_by(mart, selection, kinds) == {by: groups_of_few(mart, selection, by) for by in kinds}
        assert few_by(mart, selection, kinds)[By.WEEK] >= {day(4)}
        of_reasons = few_by(mart, selection, (By.REASON, By.DAY))
        assert of_reasons[By.REASON] == few_by(mart, selection, (By.REASON,), of=OVERRIDDEN)[By.REASON]
        assert "rare" in of_reasons[By.REASON]
        kinds = (By.DAY, By.SERVICE, By.WEEK)
        assert few_by(mart, selection, kinds) == {by: groups_of_few(mart, selection, by) for by in kinds}
        assert of_reasons[By.DAY] == groups_of_few(mart, selection, By.DAY)
