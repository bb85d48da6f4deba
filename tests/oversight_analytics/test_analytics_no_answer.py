"""Wherever a table tells a crude override rate, the share of cards without an answer stands beside it."""

from __future__ import annotations

import re
from datetime import datetime
from html import unescape

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE, said

from chartside.export_key import ExportKey
from oversight.exports.standing import Standing
from oversight.pages.exports import ExportParts

PERIOD = "?from=2026-04-13&to=2026-05-30"
SILENT = re.compile(r"no[ -]answer|without a decision", re.IGNORECASE)
# Ways in, and what machines read.
DOOR = ("/oversight/sign-in", "/oversight/callback", "/oversight/password", "/oversight/metrics")
# Tables that are known to tell such a rate, by page and caption: so that the search below cannot find nothing.
KNOWN = {
    ("/oversight/", "Weeks of the chart"), ("/oversight/", "Counts by service"),
    ("/oversight/service", "Weeks of the chart"), ("/oversight/service", "Farthest from the common rate first"),
    ("/oversight/comparison", "Override rate of answered cards, with"),
    ("/oversight/comparison", "Override rate of answered cards in each unit"),
    ("/oversight/exports/committee_pack.html", "Weeks of this period"),
    ("/oversight/exports/committee_pack.html", "Cards by unit"),
}  # fmt: skip


class NothingStands:
    """No alert, no report, no run, no switch."""

    def read(self, _now: datetime) -> Standing:
        """Nothing."""
        return Standing((), (), ())

    def switched(self, first, until) -> tuple:
        """Nothing."""
        return ()


EXPORTS = ExportParts(NothingStands(), ExportKey(b"s" * 32), "https://h.example", "Chartside 1")
PACK = "/oversight/exports/committee_pack.html"


def hospital(number: int) -> tuple[dict, dict]:
    """Ninety days of two services in four units; of each ten cards one is put off and three get no answer."""
    rng = np.random.default_rng(11)
    clinician = rng.integers(0, 24, number)
    advice = {
        "days": np.sort(rng.integers(0, 90, number)),
        "unit_name": np.array([f"Ward {n % 4}" for n in clinician], dtype=object),
        "clinician": np.array([f"{n:064x}" for n in clinician], dtype=object),
        "service": np.where(rng.random(number) < 0.5, "icu-mortality", "sepsis-6h").astype(object),
        "probability": rng.beta(2, 6, number),
    }
    about = np.flatnonzero(np.arange(number) % 10 < 7) + 1
    outcome = np.where(rng.random(about.size) < 0.2 + 0.1 * (clinician[about - 1] % 4), "overridden", "accepted")
    outcome = np.where(about % 10 == 7, "snoozed", outcome).astype(object)
    return advice, {"about": about, "outcome": outcome}


def tables(page: str) -> list[tuple[str, str]]:
    """The caption of each table, and the words of all its headings."""
    found = []
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        caption = re.findall(r"<caption>(.*?)</caption>", table, re.DOTALL)
        headings = re.findall(r"<th\b.*?</th>", table, re.DOTALL)
        found.append(tuple(unescape(re.sub(r"<[^>]+>", " ", " | ".join(part))) for part in (caption, headings)))
    return found


def tells_a_rate(headings: str) -> bool:
    """Whether a table has the crude override rate: by name, or as the rate beside a count of overrides."""
    return bool(
        re.search(r"override rate|crude", headings, re.IGNORECASE)
        or (re.search(r"\brate\b", headings, re.IGNORECASE) and re.search(r"overridden|answered", headings, re.I))
    )


@pytest.mark.parametrize("service", ["", "&service=sepsis-6h"])
def test_no_table_tells_an_override_rate_without_the_silence(make_mart, app, service) -> None:
    """On every page that can be read without a name in its address, and in the committee's pack."""
    with make_mart(4_000, *hospital(4_000)):
        made = app(exports=EXPORTS)
    pages = {
        rule.rule
        for rule in made.url_map.iter_rules()
        if rule.rule.startswith("/oversight/")
        and "GET" in (rule.methods or ())
        and not rule.arguments
        and not rule.rule.startswith(DOOR)
    } | {PACK}
    told, bare = set(), []
    with made.test_client() as client:
        for page in sorted(pages):
            answer = client.get(f"{page}{PERIOD}{service}", headers=INSIDE, buffered=True)
            assert answer.status_code == 200, f"{page}: {said(answer)}"
            for caption, headings in tables(answer.text):
                if tells_a_rate(headings):
                    told.add((page, caption))
                    bare += [] if SILENT.search(headings) else [(page, caption)]
    assert bare == []
    wanted = KNOWN if service else {known for known in KNOWN if known[0] != "/oversight/service"}
    assert all(any(page == each and words in caption for each, caption in told) for page, words in wanted)


def test_no_two_regions_of_the_pack_have_one_name(make_mart, app) -> None:
    """Who goes from region to region by ear must know which service each is of."""
    with make_mart(4_000, *hospital(4_000)), app(exports=EXPORTS).test_client() as client:
        pack = client.get(f"{PACK}{PERIOD}", headers=INSIDE, buffered=True).text
    names = re.findall(r'<(?:section|div)[^>]* aria-label="([^"]+)"', pack)
    assert sum("sepsis-6h" in name for name in names) > 3
    assert sorted(names) == sorted(set(names))


def cells(page: str, caption: str) -> dict[str, list[str]]:
    """The cells of the rows of one table, by the first heading of each."""
    (table,) = (each for each in re.findall(r"<table.*?</table>", page, re.DOTALL) if caption in each)
    words = lambda part: " ".join(unescape(re.sub(r"<[^>]+>", " ", part)).split())  # noqa: E731
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>(.*?)</tr>", table, re.DOTALL)
    return {words(name): [words(cell) for cell in re.findall(r"<td\b.*?</td>", rest, re.DOTALL)] for name, rest in rows}


def arms(units: dict[str, tuple[int, int]]) -> tuple[int, dict, dict]:
    """Two spells of days with the same units: of each its cards, and how many of them were answered."""
    names = [unit for unit, (cards, _) in units.items() for _ in range(cards)]
    heard = [place < answered for cards, answered in units.values() for place in range(cards)]
    number = 2 * len(names)
    about = np.flatnonzero(heard * 2) + 1
    outcome = np.where(np.arange(about.size) % 3 == 0, "overridden", "accepted").astype(object)
    days = np.repeat([30, 60], len(names))
    clinician = np.array([f"{place % 30:064x}" for place in range(number)], dtype=object)
    advice = {"days": days, "unit_name": np.array(names * 2, dtype=object), "clinician": clinician}
    return number, advice, {"about": about, "outcome": outcome}


COMPARED = "/oversight/comparison?from=2026-04-16&to=2026-05-30"
BY_UNIT = "Override rate of answered cards in each unit"


def test_the_comparison_counts_the_silence_of_each_arm(make_mart, get) -> None:
    """Of all shown cards, those of units in which nobody answered among them."""
    number, advice, answers = arms({"A": (80, 60), "B": (40, 20), "C": (20, 20), "D": (20, 0)})
    with make_mart(number, advice, answers):
        page = get(COMPARED).text
    crude = cells(page, "second minus first")
    assert crude["No answer, of cards shown"] == ["37.5 % 60 of 160", "37.5 % 60 of 160", ""]
    shares = {name: row[2].split(" %")[0] for name, row in cells(page, BY_UNIT).items()}
    assert shares == {"A": "25.0", "B": "50.0", "C": "0.0"}


def test_a_hidden_unit_of_the_comparison_hides_its_silence(make_mart, get) -> None:
    """Where the rate is hidden its share is, and no share tells the cards of a unit of few in which nobody answered."""
    number, advice, answers = arms({"A": (80, 60), "B": (60, 40), "C": (50, 5), "D": (40, 30)})
    with make_mart(number, advice, answers):
        rows = cells(get(COMPARED).text, BY_UNIT)
    hidden = {name for name, row in rows.items() if row[1] == "–"}
    assert "C" in hidden
    assert len(hidden) > 1
    assert all(rows[name][2] == "hidden" for name in hidden)


def test_a_silent_unit_of_few_cards_is_not_told_by_what_the_others_leave(make_mart, get) -> None:
    """It has no row; the least of those that have one keeps its share to itself, and so its rate."""
    number, advice, answers = arms({"A": (80, 60), "B": (60, 40), "C": (50, 30), "D": (5, 0)})
    with make_mart(number, advice, answers):
        rows = cells(get(COMPARED).text, BY_UNIT)
    assert {name: row[2] == "hidden" for name, row in rows.items()} == {"A": False, "B": False, "C": True}
    assert {name: " %" in row[1] for name, row in rows.items()} == {"A": True, "B": True, "C": False}
    assert rows["C"][0] == "hidden"


def test_a_small_week_hides_its_silence(make_mart, get) -> None:
    """In the chart's table it stands without any of its counts; another beside it."""
    number = 130
    days = np.array([35] * 60 + [42] * 65 + [49] * 5)
    about = np.arange(1, number + 1)[np.arange(number) % 4 != 0]
    outcome = np.where(about % 3 == 0, "overridden", "accepted").astype(object)
    with make_mart(number, {"days": days}, {"about": about, "outcome": outcome}):
        weeks = cells(get("/oversight/?from=2026-03-02&to=2026-05-03").text, "Weeks of the chart")
    assert weeks["2026-04-13"][:4] == ["48", "16", "33.3 %", "26.2 %"]
    for start in ("2026-04-06", "2026-04-20"):
        assert weeks[start][0].startswith("hidden")
        assert not any("%" in cell for cell in weeks[start])
