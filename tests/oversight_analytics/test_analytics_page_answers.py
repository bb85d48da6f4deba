"""What a busy reader meets first on the pages with figures: an answer, words, and no comparison that cannot be made."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE

from oversight.alerts import AlertStep
from oversight.analytics.charts import weekly_chart
from oversight.analytics.few_clinicians import why_too_few
from oversight.analytics.funnel import Funnel
from oversight.analytics.selection import By, Selection
from oversight.analytics.variation import variation
from oversight.mart.mart import Questions
from oversight.pages import words
from oversight.pages.door import roles
from oversight.pages.door.roles import Right, Role
from oversight.pages.extent import Extent, busiest, version_change
from oversight.pages.frame import PAGES, ROWS
from oversight.pages.funnel_words import differ, too_wide
from oversight.pages.in_short import in_short
from oversight.pages.pictures.bars import funnel_bars
from oversight.pages.pictures.control_picture import spoken
from oversight.statistics.refused import Refused

NOW = datetime(2026, 5, 30, 12, tzinfo=UTC)


@pytest.fixture
def get(app):
    """Reads a page as the quality team."""

    def read(address: str, **deps: Any) -> str:
        """Its text."""
        answer = app(**deps).test_client().get(address, headers=INSIDE)
        assert answer.status_code == 200
        return answer.text

    return read


def two_versions(services: int = 1) -> tuple[dict, dict]:
    """Forty answered cards a week for twelve weeks from 9 March; the first service has a second version from week 6."""
    number = 40 * 12
    week = np.repeat(np.arange(12), 40)
    names = np.array([f"service-{n}" for n in range(services)], dtype=object)
    service = names[np.arange(number) % services]
    new = (week >= 6) & (service == names[0])
    advice = {
        "days": 7 + week * 7, "service": service,
        "model_version": np.where(new, "2", "1").astype(object),
        "clinician": np.array([f"c{n % 20:03d}" for n in range(number)], dtype=object),
    }  # fmt: skip
    outcome = np.where(np.random.default_rng(6).permutation(number) % 4 == 0, "overridden", "accepted").astype(object)
    return advice, {"about": np.arange(1, number + 1), "outcome": outcome}


def answer_of(text: str) -> str:
    """The sentence at the top, without markup."""
    found = re.search(r'<p class="answer">(.*?)</p>', text, re.DOTALL)
    assert found
    return re.sub(r"<[^>]+>", "", found[1])


def alerts(*states: AlertStep, last: datetime | None = NOW) -> dict[str, Any]:
    """A book of alerts in these states, and monitors that ran then."""
    ones = tuple(SimpleNamespace(state=state) for state in states)
    return {
        "alerts": SimpleNamespace(alerts=lambda _service=None: ones),
        "runs": SimpleNamespace(last_time=lambda: last, latest=lambda: (), unjudged=lambda _now: ()),
    }


def test_the_overview_answers_first(make_mart, get) -> None:
    """Cards, the override rate with the silence beside it, the change, and open alerts with a way to them."""
    with make_mart(480, *two_versions()):
        text = get("/oversight/", **alerts(AlertStep.OPEN, AlertStep.CAUSE, AlertStep.CLOSED))
        assert answer_of(text) == (
            "480 cards were shown; 25.0 % of the answered cards were overridden, 0.0 % of all cards got no answer; "
            "no comparison: entries begin on 2026-03-09; 2 alerts are open."
        )
        assert '<a href="/oversight/alerts">2 alerts are open</a>' in text
        assert text.index('class="answer"') < text.index('class="indicators"')


def test_silent_monitors_are_no_peace(make_mart, get) -> None:
    """No open alert says nothing where nothing could have raised one."""
    with make_mart(480, *two_versions()):
        assert "no alert is open. The monitors have never run" in answer_of(get("/oversight/", **alerts(last=None)))
        assert answer_of(get("/oversight/", **alerts())).endswith("no alert is open.")


def test_alerts_are_for_those_who_may_see_them(make_mart, get, monkeypatch) -> None:
    """The sentence does without them."""
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})
    with make_mart(480, *two_versions()):
        assert "alert" not in answer_of(get("/oversight/", **alerts(AlertStep.OPEN)))


@pytest.mark.parametrize("page", ["/oversight/", "/oversight/service"])
def test_a_period_before_the_first_entry_is_no_comparison(make_mart, get, page) -> None:
    """In place of each change, until the period before lies within the entries."""
    with make_mart(480, *two_versions()):
        early = get(f"{page}?from=2026-03-23&to=2026-04-19")
        late = get(f"{page}?from=2026-04-20&to=2026-05-17")
    assert early.count('class="change">no comparison: entries begin on 2026-03-09<') == 6
    assert "Before: " not in early
    assert ">Before<" not in early
    assert "no comparison" not in late
    assert re.search(r'class="change">before ', late)


def test_the_first_entry_is_that_of_what_is_asked_for(make_mart, get) -> None:
    """A version that is new has no time before, whatever its service has."""
    with make_mart(480, *two_versions()):
        assert "entries begin on 2026-04-20" in get("/oversight/?version=2&from=2026-05-04&to=2026-05-30")


def of_hooks_and_models() -> tuple[dict, dict]:
    """120 answered cards: those of hook order-sign and of the second model overridden, by the clinicians of each."""
    number = 120
    place = np.arange(number)
    signed, second = place % 3 == 0, place % 4 == 0
    advice = {
        "days": 7 + place // 2, "hook": np.where(signed, "order-sign", "patient-view").astype(object),
        "model_id": np.where(second, "sepsis-6h", "icu-mortality").astype(object),
        "clinician": np.array([f"c{n % 20:03d}" for n in place], dtype=object),
    }  # fmt: skip
    return advice, {"about": place + 1, "outcome": np.where(signed | second, "overridden", "accepted").astype(object)}


@pytest.mark.parametrize(
    ("query", "cards", "rate"),
    [
        ("hook=order-sign", "40 cards", "100.0 %"),
        ("hook=patient-view", "80 cards", "25.0 %"),
        ("model=sepsis-6h", "30 cards", "100.0 %"),
        ("model=icu-mortality", "90 cards", "33.3 %"),
        ("model=sepsis-6h&hook=order-sign", "10 cards", "100.0 %"),
        ("model=icu-mortality&hook=patient-view", "60 cards", "0.0 %"),
        ("model=icu-mortality&hook=patient-view&service=icu-mortality&role=Practitioner", "60 cards", "0.0 %"),
    ],
)
@pytest.mark.parametrize("page", ["/oversight/", "/oversight/service"])
def test_a_hook_and_a_model_can_be_had_alone(make_mart, get, page, query, cards, rate) -> None:
    """Exactly their entries, said in words, and chosen in the form."""
    with make_mart(120, *of_hooks_and_models()):
        text = get(f"{page}?{query}")
    assert answer_of(text).startswith(f"{cards} were shown; {rate} of the answered cards were overridden")
    for name, value in (each.split("=") for each in query.split("&")):
        assert re.search(rf'<select name="{name}">.*<option value="{value}" selected>', text)
        if name in {"hook", "model"}:
            assert f"{name} {value}" in re.findall(r'<p class="scope">(.*?)</p>', text, re.DOTALL)[0]


EVERY = ("", "service", "comparison", "reasons", "equity", "drift", "outcomes", "thresholds", "override-rates")


@pytest.mark.parametrize("page", EVERY)
def test_every_page_takes_a_hook_and_a_model(make_mart, get, page) -> None:
    """And leads on with them."""
    with make_mart(120, *of_hooks_and_models()):
        text = get(f"/oversight/{page}?hook=order-sign&model=sepsis-6h")
    assert 'href="/oversight/reasons?model=sepsis-6h&amp;hook=order-sign"' in text


@pytest.mark.parametrize("name", ["hook", "model"])
def test_a_value_that_no_entry_has_is_refused(make_mart, app, name) -> None:
    """It is not passed over in silence, which would show the figures of all."""
    with make_mart(120, *of_hooks_and_models()):
        answer = app().test_client().get(f"/oversight/?{name}=nobody", headers=INSIDE)
    assert answer.status_code == 400
    assert f"“{name}” is none that the figures know." in answer.text


def test_a_value_without_an_entry_in_the_period_has_the_words_of_an_empty_page(make_mart, get) -> None:
    """The value is known, and the days have nothing of it."""
    advice, answers = of_hooks_and_models()
    advice["hook"][:] = "patient-view"
    advice["hook"][0] = "order-sign"
    with make_mart(120, advice, answers):
        nothing = get("/oversight/?from=2026-05-11&to=2026-05-30")
        text = get("/oversight/?hook=order-sign&from=2026-04-01&to=2026-04-30")
    empty = re.findall(r'<p class="empty">(.*?)</p>', nothing, re.DOTALL)
    assert empty
    assert re.findall(r'<p class="empty">(.*?)</p>', text, re.DOTALL) == empty


def guarded(mart: Questions, asked: Selection, column: str) -> set[str]:
    """The values of a column for which a selection has figures of enough clinicians."""
    values = {name for (name,) in mart.rows(f"SELECT DISTINCT {column} FROM advice")}
    return {name for name in values if why_too_few(mart, replace(asked, **{column: name})) is None}


# Whom each value is of, and which may be asked for by who may not see single clinicians.
@pytest.mark.parametrize(
    ("people", "shown"),
    [
        ({"a": range(10), "b": range(5, 15)}, {"a", "b"}),
        ({"a": range(10), "b": range(6), "c": range(1)}, {"a"}),
        ({"a": range(10), "b": range(3), "c": range(3, 6)}, {"a"}),
        ({"a": range(10), "b": range(3), "c": range(2), "d": range(10, 16)}, {"a"}),
        ({"a": range(4)}, set()),
    ],
)
@pytest.mark.parametrize("column", ["hook", "model_id", "service", "tier", "model_version"])
def test_what_a_filter_leaves_out_is_not_that_of_few(make_mart, period, column, people, shown) -> None:
    """Values of fewer than five are refused, and with them the next, where they would be what is left of a role.

    Of the whole house that few use a service or a model is no secret: only these are refused.
    """
    names, who = zip(*[(name, f"c{one}") for name, each in people.items() for one in each], strict=True)
    with make_mart(len(who), {column: np.array(names, dtype=object), "clinician": np.array(who, dtype=object)}) as mart:
        of_role, of_all = (guarded(mart, Selection(period, role=role), column) for role in ("Practitioner", None))
    assert of_role == shown
    enough = {name for name, each in people.items() if len(each) >= 5}
    assert of_all == (enough if column in {"service", "model_id"} else shown)


@pytest.mark.parametrize(
    ("people", "shown"),
    [
        ({"a": range(10), "b": range(20, 26), "c": range(30, 31)}, {"a"}),
        ({"a": range(10), "b": range(20, 23), "c": range(30, 33)}, {"a"}),
        ({"a": range(10), "b": range(20, 26)}, {"a", "b"}),
        ({"a": range(10), "b": range(20, 21)}, set()),
    ],
)
@pytest.mark.parametrize("column", ["unit_name", "role", "client"])
def test_what_a_unit_a_role_or_a_client_leaves_out_is_not_that_of_few(make_mart, period, column, people, shown) -> None:
    """The same without the filter, less what the filter shows, would be those few: the tables hide both."""
    names, who = zip(*[(name, f"c{one}") for name, each in people.items() for one in each], strict=True)
    with make_mart(len(who), {column: np.array(names, dtype=object), "clinician": np.array(who, dtype=object)}) as mart:
        assert guarded(mart, Selection(period), column) == shown
        assert guarded(mart, Selection(period, service="icu-mortality"), column) == shown


def test_the_chart_begins_with_the_first_card(make_mart, get) -> None:
    """In the picture and in its table; a gap later on stays."""
    with make_mart(480, *two_versions()):
        text = get("/oversight/")
    table = re.findall(r"<caption>Weeks of the chart</caption>(.*?)</table>", text, re.DOTALL)[0]
    assert re.findall(r'<th scope="row">([^<]+)<', table)[0] == "2026-03-09"
    assert table.count('<th scope="row">') == 12


def test_limits_over_several_services_are_one_phase(make_mart, period) -> None:
    """And the page says what they cannot show; of one service a new version begins a phase of its own."""
    with make_mart(480, *two_versions(services=2)) as mart:
        every, one = (weekly_chart(mart, Selection(period, service=name)) for name in (None, "service-0"))
    assert not isinstance(every.chart, Refused)
    assert len(every.chart.phases) == 1
    assert every.starts == (6,)
    assert "one phase over all services" in spoken(every)[-1]
    assert "limits begin anew" not in " ".join(spoken(every))
    assert one.phased
    assert "limits begin anew" in spoken(one)[0]


def test_the_table_has_whole_words() -> None:
    """The picture cuts what it has no room for."""
    bars = funnel_bars(Funnel("", 9, 0, 0, 0, 9, (("encounter-budget", 5),), 4, 1, 1, 0)).bars
    assert bars[1].label == "withheld: enough cards in this encounter"
    assert bars[1].short == "withheld: enough cards in this en…"


def test_roles_have_words(make_mart, get) -> None:
    """What the ledger knows of a user is a resource type; what is none stands as it is."""
    assert words.role("Practitioner") == "Practitioner (a clinician by name)"
    assert words.role("nurse") == "nurse"
    with make_mart(480, *two_versions()):
        text = get("/oversight/service?role=Practitioner")
    assert '<option value="Practitioner" selected>Practitioner (a clinician by name)</option>' in text
    assert "role Practitioner (a clinician by name). Figures" in text
    assert '<th scope="row">Practitioner (a clinician by name)</th>' in text


def test_the_busiest_service_has_most_cards() -> None:
    """Not most entries; of equals it is the one with more entries; of nothing none."""
    day = date(2026, 3, 2)
    found = [Extent("a", "1", day, 9, 1, day), Extent("b", "1", day, 5, 3, day), Extent("b", "2", day, 1, 0, None)]
    assert busiest(found) == "b"
    assert busiest([*found, Extent("c", "1", day, 8, 3, day)]) == "c"
    assert busiest([Extent("a", "1", day, 0, 0, None)]) is None


def test_one_version_after_another_is_a_change() -> None:
    """Of one service; the one that was shown first is the first."""
    old, new = (Extent("a", name, date(2026, 3, 2), 9, 9, date(2026, 3, day)) for name, day in (("9", 2), ("10", 8)))
    other = Extent("b", "1", date(2026, 3, 2), 9, 9, date(2026, 3, 2))
    assert version_change([new, old]) == (old, new)
    assert version_change([old]) is None
    assert version_change([old, new, other]) is None
    assert version_change([old, old]) is None


@pytest.fixture
def units(make_mart, period):
    """The funnel of eight units with so many answers each and these rates."""

    def make(rates: list[float], each: int):
        """A variation."""
        unit = np.repeat([f"u{n}" for n in range(len(rates))], each).astype(object)
        over = np.concatenate([np.arange(each) < round(rate * each) for rate in rates])
        outcome = np.where(over, "overridden", "accepted").astype(object)
        with make_mart(len(unit), {"unit_name": unit}, {"about": np.arange(1, len(unit) + 1), "outcome": outcome}) as m:
            return variation(m, Selection(period), By.UNIT)

    return make


def test_a_funnel_that_holds_everything_says_so(units) -> None:
    """Units at 10 and at 90 % lie inside the same limits."""
    found = units([0.1, 0.9] * 4, 200)
    assert "Units differ so much (rates of 10 % to 90 %)" in too_wide(found, "units")
    assert "too far apart" in differ(found)


def test_few_answers_are_told_from_great_differences(units) -> None:
    """Limits that are wide by chance alone."""
    found = units([0.4, 0.5, 0.6, 0.5, 0.5, 0.5], 12)
    assert "Most units have too few answered cards" in too_wide(found, "units")


def test_a_funnel_that_tells_units_apart_is_left_alone(units) -> None:
    """One of them lies outside."""
    found = units([0.3] * 11 + [0.6], 200)
    assert too_wide(found, "units") == ""
    assert differ(found) == "1 of 12 units lies outside the limits of the others"


def test_figures_and_funnels_come_before_tables(make_mart, get) -> None:
    """The answer, the strip, burden and funnels; hours are folded in."""
    with make_mart(480, *two_versions()):
        text = get("/oversight/service")
    order = ['class="answer"', 'class="indicators"', ">Burden<", "Do units differ", "Do clinicians", ">By unit<"]
    places = [text.index(each) for each in order]
    assert places == sorted(places)
    assert re.search(r"<h2>By hour \(UTC\)</h2>\s*<details>", text)


def test_two_versions_are_compared_where_nothing_came_before(make_mart, get) -> None:
    """Unasked, and said; who asks for periods gets them."""
    with make_mart(480, *two_versions()):
        text = get("/oversight/comparison")
        asked = get("/oversight/comparison?compare=periods")
        late = get("/oversight/comparison?from=2026-04-20&to=2026-05-17")
    assert "First: <strong>version 1</strong>. Second: <strong>version 2</strong>" in text
    assert "came in version 2 on 2026-04-20: so its two versions are compared" in text
    assert "version 1</strong>" not in asked
    assert "The first period does not have all its days: entries begin on 2026-03-09" in asked
    assert "does not have all its days" not in late
    assert "version 1</strong>" not in late


def test_versions_of_several_services_are_not_compared_unasked(make_mart, get) -> None:
    """Until one is chosen."""
    with make_mart(480, *two_versions(services=2)):
        assert "version 1</strong>" not in get("/oversight/comparison")
        assert "version 1</strong>" in get("/oversight/comparison?service=service-0")


def test_lines_of_the_navigation_begin_with_what_is_there(make_mart, get, monkeypatch) -> None:
    """Each group begins a line on a narrow screen, also where its first page is not there; plain rates come last."""
    assert PAGES[-1][0] == "override_rates"
    assert set(ROWS) <= {name for name, _ in PAGES}
    with make_mart(3, {}):
        text = get("/oversight/", **alerts())
    first = re.findall(r'<li class="first"><a href="[^"]*"[^>]*>([^<]+)<', text)
    assert first == ["Overview", "Equity", "Alerts", "Override rates"]


def test_a_group_says_why_cards_were_withheld() -> None:
    """The two commonest reasons; of a few entries, none."""
    group = Funnel(
        "", 300, 0, 0, 0, 300, (("repeat", 10), ("shadow", 12), ("below-threshold", 1200), ("x", 40)), 0, 0, 0, 0
    )
    assert words.why_withheld(group) == "below threshold 1,200; x 40"
    assert words.why_withheld(Funnel("", 300, 0, 0, 0, 300, (("repeat", 10),), 0, 0, 0, 0)) == ""


def test_a_change_is_told_from_chance() -> None:
    """In the sentence at the top."""
    made = lambda over: Funnel("", 200, 0, 0, 0, 200, (), 200, 200 - over, over, 0)  # noqa: E731
    rose = in_short(made(120), made(40), "")
    assert "the crude override rate rose from 20.0 % in the period before; whether like was compared with like" in rose
    assert "has not changed beyond chance (20.0 % before)" in in_short(made(42), made(40), "")
    assert "1 card was shown, and none" in in_short(Funnel("", 1, 0, 0, 0, 1, (), 1, 0, 0, 0), None, "")
    assert in_short(Funnel("", 1, 0, 0, 0, 1, (), 0, 0, 0, 0), None, "") == "No card was shown in this period"
