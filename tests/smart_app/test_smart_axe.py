"""Accessibility of every state in Chromium: axe-core's WCAG 2.2 A and AA rules, keyboard, reflow, weight, paper."""

import dataclasses
import math
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from clinical.advice import OVERRIDE_REASONS, Channel, Feedback, Outcome
from clinical.assessment import Attribution, Basis, Explanation, Guideline, Observed
from clinical.errors import DataUnavailable
from clinical.record import LOINC, Coding, Observation, Source

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MAX_PAGE_BYTES = 150_000


@pytest.fixture
def axe():
    """Runs axe-core on a page; gives what it found, each with the places."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe()

    def run(page) -> list[tuple[str, list]]:
        options = {
            "runOnly": {"type": "tag", "values": RULES},
            "resultTypes": ["violations"],
        }
        report = found.run(page, options=options).response
        return [(one["id"], [node["target"] for node in one["nodes"]]) for one in report["violations"]]

    return run


@pytest.fixture
def origin(house, facts, make, serve) -> str:
    """The page with its source facts on a real port; the authorization server answers at once."""
    address = serve(house.app)
    begin = house.sessions.begin

    def at_once(ehr, launch: str, redirect_uri: str):
        state = f"s-{launch}"
        return dataclasses.replace(
            begin(ehr, launch, redirect_uri),
            state=state,
            authorize_url=f"{address}/smart/callback?code=c&state={state}",
        )

    house.sessions.begin = at_once
    return address


@pytest.fixture
def tab(chrome) -> Iterator[Callable]:
    """Opens a tab of a width whose console must stay silent."""
    contexts = []

    def open_(width: int = 1280, **options):
        contexts.append(chrome.new_context(viewport={"width": width, "height": 800}, **options))
        contexts[-1].route("**/icon.svg", lambda route: route.abort())  # it may still be on its way when the tab closes
        return contexts[-1].new_page()

    yield open_
    for context in contexts:
        context.close()


def link(origin: str, make) -> str:
    """The link in the EHR."""
    return f"{origin}/smart/launch?launch=L1&iss={make.iss}"


def series(make, label: str, count: int) -> tuple[Observation, ...]:
    """Hourly values of one signal, with ids as long as a UUID."""
    name = f"{label.lower().replace(' ', '-')}-{'0' * 32}"[:31]
    code = (Coding(LOINC, "1-1", label),)
    return tuple(
        Observation(f"Observation/{name}-{n:04d}", code, value, "/min", time, "final", Source.FHIR, value, "/min")
        for n, value, time in ((n, 60.0 + n * 7 % 50, make.now - timedelta(hours=n, minutes=7)) for n in range(count))
    )


def large(make, signals: int = 40, hours: int = 48):
    """A risk as the intensive care model gives it: many signals with hourly values, each with several features."""
    parts = [
        Attribution(
            "c", "c", "Comorbidity", "Comorbidity", 0.5, 1.0, "1", basis=(Basis("Condition/1", "COPD", make.now),)
        )
    ]
    for n in range(signals):
        label, effect = f"Signal number {n}", 0.4 / (n + 1)
        facts = series(make, label, hours)
        for kind in ("latest", "lowest", "highest", "mean, last 12 h", "change"):
            parts.append(Attribution(f"s{n}.{kind}", f"s{n}", label, f"{label}: {kind}", effect, 88.0, "/min", facts))
    explanation = Explanation(-3.0, tuple(parts))
    return make.risk(
        explanation=explanation,
        probability=1 / (1 + math.exp(-explanation.log_odds)),
        interval=(0.2, 0.99),
        coverage=0.8,
        observed=Observed(0.2, 1.0, 134, 34, 0.1876, 0.2836),
        unusual=("Signal number 3",),
        missing=("Bilirubin", "Respiratory rate (not used beside inspired oxygen)"),
    )


@pytest.fixture
def states(house, facts, make, make_rich, make_score, make_equation, doctor) -> dict[str, Callable]:
    """What is put on the page for each state, and where the tab goes from there."""

    def risks() -> None:
        more = [make_rich(comparators=(make_score(unknown=1, value=5.0),), unanswered=(make.abstention(),))]
        more = [dataclasses.replace(one, as_of=make.now) for one in more]
        guided = (Guideline("A guideline about the suggested action", "https://guideline.example/one"),)
        found = [
            dataclasses.replace(
                one, model=dataclasses.replace(one.model, title=f"{one.model.title}, {n}", guidelines=guided)
            )
            for n, one in enumerate((large(make, 12, 20), make.risk(), *more))
        ]
        house.findings[:] = [lambda one=one: (one, None) for one in found]

    def one(finding) -> Callable:
        return lambda: house.findings.__setitem__(slice(None), [lambda: (finding, None)])

    def saved() -> None:
        given = make.advice()
        house.ledger.append(given)
        decided = Feedback(
            given.id,
            "general",
            "icu-mortality",
            Outcome.OVERRIDDEN,
            make.now,
            Channel.CARD,
            OVERRIDE_REASONS[0],
            "seen",
        )
        house.ledger.feedback.append(decided)
        house.sessions.visit = make.visit(app_context=make.token(given))

    def reporting() -> None:
        given = house.ledger.append(make.advice())
        house.sessions.visit = make.visit(app_context=make.token(given, reports=True))

    def fault() -> None:
        house.fault = DataUnavailable("labs", "the server did not answer in time")

    return {
        "three risks": risks,
        "score": one(make_score(unknown=1, value=5.0)),
        "equation": one(make_equation()),
        "abstention": one(make.abstention()),
        "saved decision": saved,
        "report from a card": reporting,
        "problem": lambda: None,
        "fact": lambda: None,
        "busy": lambda: None,
        "fault": fault,
        "nothing": house.findings.clear,
    }


def go(page, state: str, origin: str, make, house) -> None:
    """Open the state in a tab."""
    page.goto(link(origin, make))
    if state == "problem":
        page.get_by_text("Override …").click()
        page.evaluate("document.querySelectorAll('[required]').forEach(one => one.required = false)")
        page.get_by_role("button", name="Save override").click()
        page.get_by_role("alert").wait_for()
    elif state == "fact":
        page.get_by_role("link", name="source of Lactate").first.click()
        page.get_by_role("heading", name="As the EHR has it now").wait_for()
    elif state == "busy":
        page.route(
            "**/smart/page/*", lambda route: route.fulfill(status=503, content_type="text/html", body=busy(house))
        )
        page.reload()
        page.get_by_role("heading", name="Reading the record").wait_for()


def busy(house) -> str:
    """The page of a request that waits for another."""
    with house.app.test_request_context("/smart/page/x"):
        from flask import render_template

        return render_template("smart_app/busy.html", elapsed="20 s")


STATES = (
    "three risks", "score", "equation", "abstention", "saved decision", "report from a card", "problem", "fact", "busy",
    "fault", "nothing",
)  # fmt: skip


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("state", STATES)
def test_no_violation_and_no_sideways_scrolling(tab, axe, states, origin, house, make, state: str, width: int) -> None:
    """WCAG 2.2 A and AA by axe-core, folded and unfolded, in a side panel and on a screen."""
    states[state]()
    page = tab(width)
    go(page, state, origin, make, house)
    assert axe(page) == []
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_headings_are_in_order(tab, states, origin, house, make) -> None:
    """One h1, and no level is skipped."""
    for state in ("fact", "three risks", "score", "fault"):
        states[state]()
        page = tab()
        go(page, state, origin, make, house)
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(one => +one.tagName[1])")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))


HIDDEN_FOCUS = """() => { const one = document.activeElement; const box = one.getBoundingClientRect();
  if (one === document.body || !box.height) return '';
  const style = getComputedStyle(one);
  if (style.outlineStyle === 'none') return 'no outline: ' + one.outerHTML.slice(0, 80);
  const x = Math.min(Math.max(box.left + Math.min(box.width / 2, 20), 1), innerWidth - 1), y = box.top + box.height / 2;
  if (y < 0 || y > innerHeight) return 'out of sight: ' + one.outerHTML.slice(0, 80);
  const top = document.elementFromPoint(x, y);
  return top && (one.contains(top) || top.contains(one)) ? '' : 'covered: ' + one.outerHTML.slice(0, 80); }"""


@pytest.mark.parametrize("width", [320, 1280])
def test_the_focus_is_seen_and_never_covered(tab, states, origin, house, make, width: int) -> None:
    """Tab through the page (2.4.7, 2.4.11): every stop has an outline and lies open; the first skips to the content."""
    states["three risks"]()
    page = tab(width)
    go(page, "three risks", origin, make, house)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the assessment"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    stops = 0
    while True:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body") or stops > 300:
            break
        assert page.evaluate(HIDDEN_FOCUS) == ""
        stops += 1
    assert 20 < stops < 300


def test_targets_are_large_enough(tab, states, origin, house, make) -> None:
    """24 px (2.5.8), also of links within tables."""
    states["three risks"]()
    page = tab(320)
    go(page, "three risks", origin, make, house)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    small = page.evaluate(
        """[...document.querySelectorAll('button, summary, a, label:has(input)')].filter(one => one.checkVisibility()
        && one.getBoundingClientRect().height < 24).map(one => one.outerHTML.slice(0, 90))"""
    )
    assert small == []


# Every rule of every sheet that would move something, whatever state of an element it is for.
MOVING = """() => { const found = [];
  const lasts = durations => /[1-9]/.test(durations ?? '');
  const walk = rules => { for (const rule of rules) {
    if (rule.cssRules) walk(rule.cssRules);
    const {transitionDuration, animationDuration, scrollBehavior} = rule.style ?? {};
    if (lasts(transitionDuration) || lasts(animationDuration) || scrollBehavior === 'smooth')
      found.push(rule.cssText.slice(0, 80)); } };
  [...document.styleSheets, ...document.adoptedStyleSheets].forEach(sheet => walk(sheet.cssRules));
  return [...found, ...document.getAnimations().map(one => one.constructor.name)]; }"""
MOVE = """() => { const sheet = new CSSStyleSheet();
  sheet.replaceSync(`@keyframes blink { to { opacity: 0 } }
    @media screen { button:hover { transition: color .2s } summary:active { animation: blink 1s } }`);
  document.adoptedStyleSheets = [sheet]; }"""


@pytest.mark.parametrize("state", ["three risks", "score", "problem", "busy", "fault"])
def test_nothing_moves_for_anybody(tab, states, origin, house, make, state: str) -> None:
    """No transition, no animation, no smooth scrolling: there is nothing for prefers-reduced-motion to take away.

    Rules that move something would be found.
    """
    states[state]()
    page = tab(reduced_motion="no-preference")
    go(page, state, origin, make, house)
    assert page.evaluate(MOVING) == []
    page.evaluate(MOVE)
    assert len(page.evaluate(MOVING)) == 2


def test_the_page_is_light_with_everything_on(house, doctor, facts, make, make_score, make_equation) -> None:
    """A patient in intensive care: two models of many hourly signals, five scores, two models that are for others.

    At most 150 KB with its style. What-if brings a script of its own, which has its own test.
    """
    house.findings[:] = [lambda: (large(make), None), lambda: (large(make, 34), None)]
    house.findings += [lambda: (make_score(), None)] * 4
    house.findings += [lambda: (make_equation(), None)] + [lambda: (make.abstention(), None)] * 2
    browser = house.browser()
    _, text = doctor.see(browser)
    with browser.get("/smart/static/page.css") as sheet, browser.get("/smart/static/icon.svg") as icon:
        weight = len(text.encode()) + len(sheet.data) + len(icon.data)
    assert weight <= MAX_PAGE_BYTES, weight


def test_paper_names_the_patient_on_every_sheet(tab, states, origin, house, make) -> None:
    """The banner repeats as a table head does; folds are open, controls gone, the moment stands beside the name."""
    states["three risks"]()
    page = tab()
    go(page, "three risks", origin, make, house)
    page.emulate_media(media="print")
    banner = page.locator("header.patient")
    assert banner.evaluate("one => getComputedStyle(one).display") == "table-header-group"
    assert "as of 12 Nov 2026, 14:05 UTC" in banner.inner_text()
    assert page.locator("figure table").first.is_visible()
    assert page.locator("details ul").first.is_visible()
    for name in ("Accept", "Assess again now", "Sign out of this page"):
        assert not page.get_by_role("button", name=name).first.is_visible()
    sheets = len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format="A4")))
    assert sheets >= 3


def test_paper_names_the_patient_where_the_ehr_has_the_banner(tab, origin, house, make) -> None:
    """On screen the EHR says who it is; a sheet on its own says at least the id."""
    house.sessions.visit = make.visit(need_patient_banner=False)
    page = tab()
    page.goto(link(origin, make))
    assert not page.locator("header.patient").is_visible()
    page.emulate_media(media="print")
    assert "Patient p1 in the EHR" in page.locator("header.patient").inner_text()
