"""A hidden week is in no part of a page: not a dot, a limit, a sentence or a row, under whatever filter."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oversight_analytics.conftest import FIRST
from oversight_analytics.pages_on_marts import INSIDE

from oversight.analytics.few_clinicians import weeks_of_few
from oversight.analytics.selection import Selection
from oversight.pages.committee.service_part import service_part
from oversight.pages.door import roles
from oversight.pages.door.roles import Right, Role
from oversight.pages.weekly_control import OF_FEW, weekly_control
from oversight.statistics.rule_sets import USUAL

WEEKS, SMALL, EXTREME = 12, 5, 9
PEOPLE = 12
PERIOD = "from=2026-03-02&to=2026-05-24"
PAGES = (f"/oversight/service?service=icu-mortality&{PERIOD}", f"/oversight/?{PERIOD}")
Get = Callable[[str], str]
Make = Callable[[np.ndarray[Any, Any], np.ndarray[Any, Any]], np.ndarray[Any, Any]]


def monday(week: int) -> str:
    """The first day of a week, as pages write it."""
    return str(date.fromordinal(FIRST.toordinal() + 7 * week))


def columns(small: int, over: bool, **more: Any) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Forty answered cards a week, every third overridden; of the small week so many, all overridden or none."""
    sizes = np.full(WEEKS, 40)
    sizes[SMALL] = small
    week = np.repeat(np.arange(WEEKS), sizes)
    place = np.concatenate([np.arange(size) for size in sizes])
    overridden = np.where(week == SMALL, over, (place + week) % 3 == 0)
    given = {"days": week * 7, "clinician": place % PEOPLE} | {name: make(week, place) for name, make in more.items()}
    given["clinician"] = np.array([f"c{n}" for n in given["clinician"]], dtype=object)
    outcome = np.where(overridden, "overridden", "accepted").astype(object)
    return week.size, given, {"about": np.arange(1, week.size + 1), "outcome": outcome}


@pytest.fixture
def get(app: Any) -> Get:
    """Reads a page."""

    def read(address: str) -> str:
        """Its text."""
        answer = app().test_client().get(address, headers=INSIDE)
        assert answer.status_code == 200, address
        return unescape(answer.text)

    return read


@pytest.fixture
def without_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes in sees figures, and no single clinicians."""
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})


def chart(text: str) -> str:
    """All that the page says by week: sentences, picture and table of the chart, and the counts by week."""
    begin = text.index("Override rate by week</h2>")
    weeks = re.search(r"<caption>Counts by week.*?</table>", text, re.DOTALL)
    assert weeks is not None
    return text[begin : text.index("</details>", begin)] + weeks[0]


def dots(text: str) -> list[str]:
    """The weeks that have a dot, with its words."""
    return re.findall(r"<title>Week of (\d{4}-\d\d-\d\d): \d", text)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("right", [True, False])
def test_nothing_of_a_hidden_week_is_on_the_page(
    make_mart: Any, get: Get, page: str, right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a dot nor a number in a row, with the right to see clinicians or without."""
    if not right:
        monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})
    with make_mart(*columns(4, over=True)):
        text = chart(get(page))
    shown = set(dots(text))
    assert monday(SMALL) not in shown
    assert len(shown) == WEEKS - 2, "and the smallest of the others, which would give it away"
    assert text.count("<circle") + text.count('class="signal"') == len(shown)
    for cell in re.findall(rf'<th scope="row">{monday(SMALL)}</th>(.*?)</tr>', text, re.DOTALL):
        assert "hidden" in cell or "small group" in cell
        assert not re.search(r"\d+\.\d", cell)
    assert "2 weeks are hidden" in text


@pytest.mark.parametrize(("small", "over"), [(4, False), (9, True)])
def test_other_counts_of_the_hidden_week_change_no_chart(
    make_mart: Any, tmp_path: Path, period: Any, small: int, over: bool
) -> None:
    """Points, limits, signals, change points and sentences are those of the other weeks."""
    found = []
    for number, rate in ((4, True), (small, over)):
        with make_mart(*columns(number, over=rate)) as mart:
            control = weekly_control(mart, Selection(period, service="icu-mortality"), USUAL)
            found.append((control.picture, control.spoken, control.weeks, control.hidden, control.silent))
        for part in ("advice", "feedback"):
            shutil.rmtree(tmp_path / part)
    assert found[0] == found[1]
    assert found[0][3] >= {monday(SMALL)}


# In one week a hook, tier, version, model or client is used by two people (with fifteen cards), or has four cards; in
# the others half of the cards are of each.
def second(who: bool) -> Make:
    """Which cards are of the second value."""
    return lambda week, place: np.where(week == EXTREME, place < (15 if who else 4), place % 2 == 0)


def people(who: bool) -> Make:
    """Whose they are."""
    return lambda week, place: np.where(
        (week == EXTREME) & who, np.where(place < 15, place % 2, 2 + place % 9), place % PEOPLE
    )


FILTERS = {
    "hook": ("hook", "patient-view", "order-sign"),
    "tier": ("tier", "amber", "red"),
    "version": ("model_version", "1.0.0", "1.0.1"),
    "model": ("model_id", "icu-mortality", "icu-other"),
    "client": ("client", "ward", "clinic"),
}


@pytest.mark.usefixtures("without_the_right")
@pytest.mark.parametrize("who", [True, False], ids=["two people", "four cards"])
@pytest.mark.parametrize("name", FILTERS)
def test_a_week_is_hidden_under_every_filter_that_leaves_a_few(make_mart: Any, get: Get, name: str, who: bool) -> None:
    """The week of the few, and with it the rest of that week, because the page without the filter has both."""
    column, one, other = FILTERS[name]
    pick = lambda week, place: np.where(second(who)(week, place), other, one).astype(object)  # noqa: E731
    with make_mart(*columns(40, over=False, clinician=people(who), **{column: pick})):
        whole = chart(get(PAGES[0]))
        parts = [chart(get(f"{PAGES[0]}&{name}={value}")) for value in (one, other)]
    assert monday(EXTREME) in dots(whole), "all of it is of many"
    for text in parts:
        assert monday(EXTREME) not in dots(text)
        for cells in re.findall(rf'<th scope="row">{monday(EXTREME)}</th>(.*?)</tr>', text, re.DOTALL):
            assert "hidden" in cells or "small group" in cells
        assert len(dots(text)) >= WEEKS - 3, "other weeks are drawn"


@pytest.mark.usefixtures("without_the_right")
@pytest.mark.parametrize("name", FILTERS)
def test_the_reasons_of_such_a_week_are_hidden_too(make_mart: Any, get: Get, name: str) -> None:
    """The overrides of two people would be what is left of the page without the filter."""
    column, one, other = FILTERS[name]
    pick = lambda week, place: np.where(second(True)(week, place), other, one).astype(object)  # noqa: E731
    page = PAGES[0].replace("/service", "/reasons")
    with make_mart(*columns(40, over=False, clinician=people(True), **{column: pick})):
        whole, part = get(page), get(f"{page}&{name}={one}")
    for text, hidden in ((whole, False), (part, True)):
        (cells,) = re.findall(rf'<th scope="row">{monday(EXTREME)}</th>(.*?)</tr>', text, re.DOTALL)
        assert ("small group" in cells) == hidden


@pytest.mark.usefixtures("without_the_right")
def test_weeks_of_a_unit_are_in_no_table_either(make_mart: Any, get: Get) -> None:
    """What the chart does not draw does not stand below it."""
    unit = lambda week, place: np.where(place % 2 == 0, "ICU 1", "ICU 2").astype(object)  # noqa: E731
    with make_mart(*columns(40, over=False, unit_name=unit)):
        text = get(f"{PAGES[0]}&unit=ICU+1")
    assert OF_FEW in text
    weeks = re.search(r"<caption>Counts by week.*?</table>", text, re.DOTALL)
    assert weeks is not None
    assert len(re.findall("small group", weeks[0])) == WEEKS
    assert not dots(text)


def test_for_who_may_see_clinicians_no_week_is_of_few(make_mart: Any, get: Get, period: Any) -> None:
    """The quality team sees the weeks of two people; only small ones are hidden."""
    pick = lambda week, place: np.where(second(True)(week, place), "order-sign", "patient-view").astype(object)  # noqa: E731
    with make_mart(*columns(40, over=False, clinician=people(True), hook=pick)) as mart:
        shown = dots(chart(get(f"{PAGES[0]}&hook=patient-view")))
        few = weeks_of_few(mart, Selection(period, service="icu-mortality", hook="patient-view"))
    assert len(shown) == WEEKS
    assert few == {monday(EXTREME)}


def test_the_committees_pack_draws_no_hidden_week(make_mart: Any, period: Any) -> None:
    """Neither its height nor its counts, whatever they are; every dot that is drawn has its words."""
    with make_mart(*columns(4, over=True)) as mart:
        now = Selection(
            replace(period, last=date.fromordinal(FIRST.toordinal() + 7 * WEEKS - 1)), service="icu-mortality"
        )
        part = service_part(mart, now, now)
    drawn = {week.start.isoformat() for week in part.weekly.weeks if week.answered}
    assert monday(SMALL) not in drawn
    assert drawn == set(part.shown)
    assert part.picture is not None
    assert {re.findall(r"Week of (\S+):", dot.text)[0] for dot in part.picture.dots} == drawn
