"""The road of one clinician: open the app from a card, see the same risk, decide; and what the ledger says after."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ehr_simulator.chart.desk import Desk
from ehr_simulator.demo import examiner
from ehr_simulator.demo.browser import Browser, Form, PageSeen, RoadBlocked
from ehr_simulator.demo.house import House
from ehr_simulator.demo.quality_team import Totals, check_history, check_pages, check_rates
from ehr_simulator.demo.tour import Seen, Tour

_PERCENT = re.compile(r"[<>]?\d+ %")
COMMENT = "Already discussed with the team (demo)"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that had to work."""

    name: str
    worked: bool
    detail: str = ""


def walk(house: House, tour: Tour, before: Totals, *, examine: bool) -> Iterator[Step]:
    """All steps after the tour, in order. `before`: what the ledger held before the tour.

    `examine` calls the doctor. Its calls stand in the ledger like any others, so it has no place where a person is
    going to read the quality team's page.
    """
    yield Step("every patient-view call was answered", not tour.faults, "; ".join(tour.faults[:3]))
    if len(tour.risks) < 2:
        yield Step("at least two patients have a risk card", False, f"{len(tour.risks)} have one")
        return
    overridden, accepted = sorted(tour.risks, key=_percent, reverse=True)[:2]
    yield from _in_the_app(house.desk, overridden)
    yield _attempt("the EHR's feedback 'accepted' was recorded", lambda: _accept(house.desk, accepted))
    yield _attempt("the override rates have gained what was done", lambda: check_rates(house, tour, before))
    yield _attempt("the history is what was planted", lambda: check_history(house, before))
    yield _attempt("the quality team's pages open with their password, and only so", lambda: check_pages(house))
    if examine:
        yield _attempt("chartside doctor finds no broken rule (a JWT on every call)", lambda: _examine(house))
    yield _attempt("the ledger is what was written", lambda: _verify(house))


def _percent(seen: Seen) -> int:
    """The risk on a card, for choosing the highest."""
    found = _PERCENT.search(seen.card.summary)
    return int(found[0].strip("<>% ")) if found else 0


def _attempt(name: str, act: Callable[[], str]) -> Step:
    """A step that raises `RoadBlocked` where it fails; what it returns is its detail."""
    try:
        return Step(name, True, act())
    except RoadBlocked as fault:
        return Step(name, False, str(fault))


def _in_the_app(desk: Desk, seen: Seen) -> Iterator[Step]:
    """Launch, compare, override."""
    browser = Browser()
    try:
        page = _launch(desk, seen, browser)
    except RoadBlocked as fault:
        yield Step("the app opens from the card (SMART launch)", False, str(fault))
        return
    yield Step("the app opens from the card (SMART launch)", True, seen.person.name)
    yield _attempt("the app shows the risk of the card", lambda: _same_risk(page, seen))
    yield _attempt("an override with a reason is saved in the app", lambda: _override(browser, page))


def _launch(desk: Desk, seen: Seen, browser: Browser) -> PageSeen:
    """Follow the SMART link of the card to the page."""
    number = next((n for n, link in enumerate(seen.card.links) if link.opens_app), None)
    if number is None:
        raise RoadBlocked("The card has no SMART link.")
    page = browser.get(desk.app_url(seen.visit, seen.card.uuid, number, seen.person))
    if page.status != 200 or "/smart/page/" not in page.url:
        raise RoadBlocked(f"The launch ended with status {page.status}: {page.text[:200]}")
    return page


def _same_risk(page: PageSeen, seen: Seen) -> str:
    """The page must be about the same advice and show the same number."""
    found = _PERCENT.search(seen.card.summary)
    if found is None:
        raise RoadBlocked("The card's summary holds no risk in percent.")
    number = found[0].removesuffix("%").strip()
    if not re.search(rf"(?<![\d.,<>]){re.escape(number)}\s*%", page.text):
        raise RoadBlocked(f"The card says {found[0]}; the page does not.")
    if _form(page, "overridden").hidden.get("advice") != seen.card.uuid:
        raise RoadBlocked("The page is about another advice than the card.")
    return found[0]


def _form(page: PageSeen, outcome: str) -> Form:
    """The decision form with this button."""
    forms = [form for form in page.forms() if ("outcome", outcome) in form.buttons]
    if not forms:
        raise RoadBlocked(f"The page has no form for '{outcome}'.")
    return forms[0]


def _override(browser: Browser, page: PageSeen) -> str:
    """Fill in the form of the page as a person would."""
    form = _form(page, "overridden")
    reason = (form.choices.get("reason") or [""])[0]
    after = browser.submit(page, form, {"outcome": "overridden", "reason": reason, "comment": COMMENT})
    if after.status != 200 or COMMENT not in after.text:
        raise RoadBlocked(f"The page does not show the decision (status {after.status}).")
    return reason


def _accept(desk: Desk, seen: Seen) -> str:
    """Press Accept on the card in the EHR."""
    form = {"card": seen.card.uuid, "outcome": "accepted", "suggestion": seen.card.suggestions[0].id}
    desk.decide(seen.visit, form)
    said = seen.visit.said.get(seen.card.uuid, "")
    if not said.startswith("Recorded"):
        raise RoadBlocked(said or "nothing came back")
    return said


def _examine(house: House) -> str:
    """Call the service from outside by every rule of CDS Hooks; its summary line."""
    arguments = examiner.command(house.folder, house.settings)
    try:
        run = house.chartside(*arguments)
    except subprocess.TimeoutExpired:
        raise RoadBlocked("it did not come to its end") from None
    (house.folder / "doctor.txt").write_text(run.stdout, encoding="utf-8")
    lines = run.stdout.splitlines()
    if run.returncode != 0:
        broken = [line.strip() for line in lines if line.strip().startswith("FAIL")]
        raise RoadBlocked("; ".join(broken[:3]) or run.stderr.strip()[-200:])
    return next((line for line in reversed(lines) if line.startswith("Summary")), "")


def _verify(house: House) -> str:
    """Every hash of the ledger, worked out anew."""
    run = house.chartside("ledger", "verify")
    if run.returncode != 0:
        raise RoadBlocked(run.stdout.strip() or run.stderr.strip()[-200:])
    return ", ".join(line.partition(" entries")[0] for line in run.stdout.splitlines())
