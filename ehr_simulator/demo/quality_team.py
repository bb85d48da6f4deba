"""The quality team's side of the demo: does the ledger hold what was done, and do all of their pages open?"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

from ehr_simulator import direct
from ehr_simulator.demo import quality_sign_in
from ehr_simulator.demo.browser import TIMEOUT, RoadBlocked
from ehr_simulator.demo.history import planted
from ehr_simulator.demo.house import House
from ehr_simulator.demo.tour import Tour

QUALITY_PAGE = "/oversight/"
QUALITY_USER = "quality"
KINDS = ("shown", "accepted", "overridden", "snoozed", "abstained")
# Longer ago than any history begins, so that a midnight between two counts moves nothing out of the period.
DAYS_BACK = 400

Totals = Mapping[str, int]


def totals(house: House) -> Totals:
    """What the command line counts in the ledger. Raises `RoadBlocked`."""
    first = datetime.now(UTC).date() - timedelta(days=DAYS_BACK)
    try:
        run = house.chartside("override-rates", "--from", first.isoformat(), "--by", "month", "--json")
        found = json.loads(run.stdout)["total"]
        return {kind: int(found[kind]) for kind in KINDS}
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        raise RoadBlocked("`chartside override-rates --json` gave no numbers.") from None


def check_rates(house: House, tour: Tour, before: Totals) -> str:
    """Count again, and compare what came since `before` with what was done here. Raises `RoadBlocked`."""
    after = totals(house)
    came = {kind: after[kind] - before[kind] for kind in KINDS}
    done = {"shown": len(tour.risks), "accepted": 1, "overridden": 1, "abstained": len(tour.abstentions)}
    return _same(came, done)


def check_history(house: House, before: Totals) -> str:
    """The answers of the history are those that were planted. Raises `RoadBlocked`."""
    truth = planted(house.folder)
    if truth is None:
        return _same(before, dict.fromkeys(KINDS, 0))
    return _same(before, {"accepted": truth.accepted, "overridden": truth.overridden, "snoozed": truth.snoozed})


def _same(found: Totals, expected: Totals) -> str:
    """What was expected, in words. Raises `RoadBlocked` where something else was found."""
    wrong = [f"{name} is {found.get(name)}, not {n}" for name, n in expected.items() if found.get(name) != n]
    if wrong:
        raise RoadBlocked("; ".join(wrong))
    return ", ".join(f"{name} {value}" for name, value in expected.items())


def check_pages(house: House) -> str:
    """Every page of the navigation opens with the password, and none without. Raises `RoadBlocked`."""
    front = f"{house.settings.chartside}{QUALITY_PAGE}"
    status, content, _ = _open(house, front)
    pages = [urljoin(front, link) for link in navigation(content)]
    if status != 200 or not pages:
        raise RoadBlocked(f"the first page has status {status} and {len(pages)} links")
    wrong, slowest = [], 0.0
    for page in pages:
        path = page.removeprefix(house.settings.chartside).partition("?")[0]
        opened, _, seconds = _open(house, page)
        closed, _, _ = _open(house, page, signed_in=False)
        slowest = max(slowest, seconds)
        if opened != 200 or closed == 200:
            wrong.append(f"{path}: status {opened} with the password, {closed} without")
    if wrong:
        raise RoadBlocked("; ".join(wrong))
    return f"{len(pages)} pages, the slowest in {slowest:.1f} s"


def _open(house: House, url: str, *, signed_in: bool = True) -> tuple[int, str, float]:
    """Status, content, seconds. Raises `RoadBlocked`."""
    begun = time.monotonic()
    auth = (QUALITY_USER, house.quality_password) if signed_in else None
    try:
        with direct.request("GET", url, auth=auth, timeout=TIMEOUT) as answer:
            return answer.status_code, answer.text, time.monotonic() - begun
    except requests.RequestException as fault:
        raise RoadBlocked(f"No answer ({type(fault).__name__}).") from None


def navigation(content: str) -> tuple[str, ...]:
    """The links of the navigation of a page, in order."""
    reader = _Navigation()
    reader.feed(content)
    return tuple(reader.links)


class _Navigation(HTMLParser):
    """Collects the links of `<nav>`."""

    def __init__(self) -> None:
        """Outside it."""
        super().__init__()
        self.links: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A link, while inside."""
        self._inside = self._inside or tag == "nav"
        if self._inside and tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]

    def handle_endtag(self, tag: str) -> None:
        """Out again."""
        self._inside = self._inside and tag != "nav"


def addresses(house: House) -> Iterator[str]:
    """What to tell whoever wants to see the pages: addresses, user and password."""
    base = house.settings.chartside
    truth = " (90 made-up days: docs/oversight-demo.md)" if planted(house.folder) else ""
    yield f"Quality team's pages: {base}{QUALITY_PAGE}{truth}"
    yield f"                      (sign in with {house.settings.hospital} as {quality_sign_in.WHO};"
    yield f"                      or user {QUALITY_USER}, password {house.quality_password})"
