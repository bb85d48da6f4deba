"""The quality team's pages with figures, through their HTTP surface, on marts that a test makes up."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE, MartAsItIs
from werkzeug.serving import make_server

from clinical.audit import AuditKind
from clinical.errors import LedgerUnavailable
from ehr_simulator.whole_answers import whole
from oversight.mart.mart import Mart, Questions
from oversight.mart.parts import Parts
from oversight.pages.door import roles
from oversight.pages.door.roles import Person, Right, Role

PAGES = ("/oversight/", "/oversight/service", "/oversight/comparison", "/oversight/reasons")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def hospital(number: int, seed: int = 5) -> tuple[dict, dict]:
    """Ninety days: cards move to units that override more while each overrides less, from a new version on."""
    rng = np.random.default_rng(seed)
    some = lambda names, size=number: np.array(names, dtype=object)[rng.integers(0, len(names), size)]  # noqa: E731
    days = np.sort(rng.integers(0, 90, number))
    late = days >= 45
    unit = rng.integers(0, 6, number) + 6 * (rng.random(number) < np.where(late, 0.8, 0.2))
    clinician = unit * 20 + rng.integers(0, 6, number)
    advice = {
        "days": days, "seconds": rng.uniform(-40_000, 40_000, number),
        "unit_name": np.array([f"Ward {n:02d}" for n in range(12)], dtype=object)[unit],
        "clinician": np.array([f"{n * 7919:08x}{n:056x}" for n in range(240)], dtype=object)[clinician],
        "patient": np.array([f"p{n:063x}" for n in range(9000)], dtype=object)[rng.integers(0, 9000, number)],
        "model_version": np.where(late, "1.1.0", "1.0.0").astype(object),
        "service": some(["icu-mortality", "sepsis-6h", "readmission-30d"]), "role": some(["Practitioner", "Nurse"]),
        "tier": some(["red", "amber"]), "probability": rng.beta(2, 6, number),
        "hook": some(["patient-view", "order-sign", "smart-launch"]),
        "withheld": some([None, None, "below-threshold", "repeat"]), "abstention": some([None] * 19 + ["too-early"]),
    }  # fmt: skip
    advice["encounter"] = advice["patient"]
    shown = np.array([why is None for why in advice["withheld"]]) & (rng.random(number) < 0.7)
    about = np.flatnonzero(shown) + 1
    over = rng.random(number) < 0.25 + 0.045 * unit - 0.1 * late
    outcome = np.where(over, "overridden", "accepted").astype(object)[about - 1]
    reason = some(["done", "other", "disagrees", None], len(about))
    reason[outcome == "accepted"] = None
    comment = some(["wrong lab value, fix the rule", "will monitor", *[""] * 38], len(about))
    answers = {"about": about, "outcome": outcome, "reason_code": reason, "reason_display": reason, "comment": comment}
    return advice, answers


@pytest.fixture
def filled(make_mart, tmp_path) -> None:
    """Twenty thousand entries."""
    with make_mart(20_000, *hospital(20_000)) as mart:
        assert mart.rows("SELECT count(*) FROM event") == [(20_000,)]


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_sees_nothing(app, filled, page) -> None:
    """401 without the password, and no figure."""
    answer = app().test_client().get(page)
    assert answer.status_code == 401
    assert "Ward" not in answer.text
    assert "<nav" not in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_every_view_is_noted_before_it_is_given(app, get, filled, notes, page) -> None:
    """Which page, which days, by which role; what cannot be noted is not given."""
    assert get(page).status_code == 200
    (event,) = notes.events
    assert event.kind is AuditKind.LEDGER_READ
    assert event.detail.endswith("2026-03-09 to 2026-05-30, by quality")
    notes.fault = LedgerUnavailable("The ledger cannot be written.")
    assert get(page).status_code == 503


def test_reading_comments_is_told_in_the_audit(get, filled, notes) -> None:
    """Comments are somebody's words."""
    get("/oversight/reasons?service=sepsis-6h")
    assert notes.events[0].detail.startswith("reasons and comments, ")
    assert notes.events[0].service == "sepsis-6h"


@pytest.mark.parametrize("page", PAGES)
def test_pages_obey_their_policy_and_stand_alone(get, filled, page) -> None:
    """No script, no style attribute, nothing from elsewhere, never in a cache."""
    answer = get(f"{page}?service=sepsis-6h")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for forbidden in ("<script", "style=", "onclick", "http://", "https://", "<style"):
        assert forbidden not in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_filters_stay_across_pages(get, filled, page) -> None:
    """The navigation leads to the other pages with the same filters; how far figures reach stands on each."""
    text = get(f"{page}?service=sepsis-6h&unit=Ward+07&from=2026-04-01").text
    for other in ("service", "comparison", "reasons", "override-rates"):
        found = re.search(rf'href="/oversight/{other}\?([^"]+)"', text)
        assert found
        assert set(found[1].split("&amp;")) == {"from=2026-04-01", "service=sepsis-6h", "unit=Ward+07"}
    assert "Figures up to entry 20000, 2026-05-30 " in text
    assert text.count('aria-current="page"') == 1


def test_what_is_not_read_yet_is_told(app, tmp_path, filled) -> None:
    """The figures do not pretend to be the newest."""
    text = app(mart=MartAsItIs(tmp_path, current=False)).test_client().get("/oversight/", headers=INSIDE).text
    assert "the ledger has newer entries" in text


def test_the_address_without_its_last_stroke_is_the_same_page(get, filled) -> None:
    """Nobody is sent on before the password was asked for."""
    assert get("/oversight").status_code == 200


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("service=nobody", "“service” is none that the figures know"),
        ("unit=x&unit=y", "“unit” is given more than once"),
        ("from=2026-05-02&to=2026-05-01", "“from” is after “to”"),
        ("from=20260101", "“from” must be a day"),
        ("from=0001-01-01", "at most 400 weeks"),
    ],
)
@pytest.mark.parametrize("page", PAGES)
def test_a_question_that_makes_no_sense_is_refused(get, filled, notes, page, query, words) -> None:
    """400 in words that repeat nothing of it; nothing was seen, so nothing is noted."""
    answer = get(f"{page}?{query}")
    assert answer.status_code == 400
    assert words in answer.text
    assert "nobody" not in answer.text
    assert notes.events == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("compare=moons", "periods or versions"),
        ("compare=versions&service=sepsis-6h&first_version=7", "none that the figures know"),
        ("compare=versions&service=sepsis-6h&first_version=1.0.0&second_version=1.0.0", "Two different versions"),
        ("compare=versions", "choose it"),
        ("first_to=2026-05-20", "must end before"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused(get, filled, query, words) -> None:
    """In words."""
    answer = get(f"/oversight/comparison?{query}")
    assert answer.status_code == 400
    assert words in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_ledger_is_told_in_words(get, page) -> None:
    """No figure is not zero, and no fault."""
    answer = get(page)
    assert answer.status_code == 200
    assert "No entry has been read yet" in answer.text


def test_the_overview_tells_figures_changes_and_signals(get, filled) -> None:
    """The strip with the silence beside the rate, the way of advice, the chart in words, a row for each service."""
    text = get("/oversight/?from=2026-04-16&to=2026-05-30").text
    names = re.findall(r'class="name">([^<]+)<', text)
    assert names.index("No answer") == names.index("Override rate") + 1
    assert len(names) == 6
    assert re.search(r"before \d+\.\d % \(crude [+-]\d+\.\d points", text)
    assert "withheld: below threshold" in text
    assert "came in version 1.1.0 on 2026-04-16" in text
    assert text.count('href="/oversight/service?') >= 4
    assert "<svg" in text


def test_the_overview_has_every_rate_by_model_client_and_week(get, filled) -> None:
    """Acceptance and override rate, and beside them the silence."""
    text = get("/oversight/?from=2026-04-16&to=2026-05-30").text
    for part in ("service", "model and version", "client", "week"):
        assert f"<h2>By {part}</h2>" in text
    heads = re.findall(r"<caption>Counts by week</caption>\s*<thead>(.*?)</thead>", text, re.DOTALL)[0]
    for name in ("Override rate", "No-answer share", "Acceptance rate"):
        assert name in heads
    assert ">icu-mortality 1.1.0<" in text
    assert ">2026-04-20<" in text


def test_what_was_done_is_told_or_said_to_be_unknown(make_mart, get, tmp_path) -> None:
    """Of accepted, unanswered and declined cards apart; without any action in the ledger no zero is shown."""
    outcome = np.array(["accepted", "overridden"] * 20, dtype=object)
    given = {"about": np.arange(1, 41), "outcome": outcome}
    with make_mart(60, {"days": [40] * 60}, given) as mart:
        noon = mart.rows("SELECT min(time) FROM advice")[0][0]
    for page in ("/oversight/", "/oversight/service"):
        assert "no actions have been loaded" in get(page).text
    about = np.array([1, 3, 5, 2, 41, 42, 43])
    plain = {"client": "ward", "kind": "lactate-ordered", "source": "record"}
    columns = {name: np.full(7, value, dtype=object) for name, value in plain.items()}
    times = {"time": np.full(7, noon), "at": np.full(7, noon + 1)}
    Parts(tmp_path / "action_seen").add({"sequence": np.arange(1, 8), "advice_sequence": about} | columns | times)
    for page in ("/oversight/", "/oversight/service"):
        text = get(page).text
        rows = dict(re.findall(r'<th scope="row">([^<]+)</th>((?:<td class="number">[^<]*</td>){2})', text))
        told = {name: re.findall(r">([^<]+)<", cells) for name, cells in rows.items()}
        assert told["accepted"] == ["20", "3"]
        assert told["not answered (inferred acceptance)"] == ["20", "3"]
        assert told["overridden or put off"] == ["20", "1"]
        assert told["shown, all"] == ["60", "7"]
    assert "Accepted, action seen" in get("/oversight/").text


def test_a_service_is_told_by_its_parts(get, filled) -> None:
    """By unit, role, tier, hook, version and hour; burden; funnels of units and clinicians."""
    text = get("/oversight/service?service=icu-mortality").text
    for part in ("unit", "role", "tier", "hook", "version", "client", "week", "hour (UTC)"):
        assert f"<h2>By {part}</h2>" in text
    assert "busiest tenth of clinicians" in text
    assert "Ward 07" in text
    assert "Shrunken rate" in text


def test_without_a_service_the_busiest_is_shown(get, filled, tmp_path, notes) -> None:
    """The one with most cards in the period: the form has it, a sentence says so, and so does the audit."""
    text = get("/oversight/service").text
    with Mart(tmp_path).open() as mart:
        counted = "SELECT service, count(*) FROM event WHERE card AND date >= '2026-03-09' GROUP BY 1 ORDER BY 2 DESC"
        busiest = mart.rows(counted)[0][0]
    assert f"Shown is {busiest}, the busiest service of this period; choose another above" in text
    assert f'<option value="{busiest}" selected>' in text
    assert "Counts by unit" in text
    assert notes.events[0].service == busiest
    assert "the busiest service" not in get(f"/oversight/service?service={busiest}").text


def test_without_an_entry_in_the_period_there_is_a_choice(get, filled) -> None:
    """Nothing is busy."""
    text = get("/oversight/service?from=2020-03-02&to=2020-03-08").text
    assert "Choose a service" in text
    assert "Counts by unit" not in text


def test_the_one_service_needs_no_choice(make_mart, get) -> None:
    """It is the one."""
    with make_mart(3, {}):
        assert "Service icu-mortality" in get("/oversight/service").text


def test_clinicians_are_for_those_who_may_see_them(get, filled, monkeypatch) -> None:
    """Under a short pseudonym; other roles are told that they do not see them."""
    address = "/oversight/service?service=icu-mortality&from=2026-03-02"
    text = get(address).text
    assert re.search(r"clinician [0-9a-f]{8}<", text)
    assert not re.search(r"[0-9a-f]{9}", text)
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})
    text = get(address).text
    assert "Your role does not see figures of single clinicians" in text
    assert not re.search(r"clinician [0-9a-f]{8}<", text)


def test_rights_come_from_roles() -> None:
    """Single clinicians and what they wrote are for the quality team; who has no role has no right."""
    for right in (Right.CLINICIANS, Right.COMMENTS):
        assert [role for role in Role if Person("ann", frozenset({role})).may(right)] == [Role.QUALITY]
    assert not any(Person("ann", frozenset()).may(right) for right in Right)
    assert Person("ann", frozenset({Role.MODELLER, Role.AUDITOR})).may(Right.EXPORT_EVENTS)


def test_small_groups_stand_without_their_counts(make_mart, get) -> None:
    """Nor can they be worked out: another group is hidden with the small one."""
    unit = np.array(["Big"] * 60 + ["Middle"] * 20 + ["Tiny"] * 4, dtype=object)
    outcome = np.array(["accepted", "overridden"] * 42, dtype=object)
    with make_mart(84, {"unit_name": unit, "days": [40] * 84}, {"about": np.arange(1, 85), "outcome": outcome}):
        rows = dict(
            re.findall(r'<th scope="row">(\w+)</th>\s*(<td.*?)</tr>', get("/oversight/service").text, re.DOTALL)
        )
    assert ">60<" in rows["Big"]
    assert "hidden" in rows["Middle"]
    assert "hidden" in rows["Tiny"]
    assert not re.search(r">(4|20)<", rows["Middle"] + rows["Tiny"])


def test_people_under_eleven_are_few(make_mart, get) -> None:
    """Twenty cards of three patients and one clinician."""
    patients = np.array(["a", "b", "c", "a"] * 5, dtype=object)
    with make_mart(20, {"patient": patients, "clinician": "x", "encounter": patients, "days": [40] * 20}):
        text = get("/oversight/service").text
    assert text.count("&lt;11") >= 4
    assert "20 cards, &lt;11 encounters" in text


def test_the_reversal_is_warned_of(get, filled) -> None:
    """Crude, standardised and adjusted beside each other, and what it means."""
    text = get("/oversight/comparison?from=2026-04-16&to=2026-05-30").text
    assert "Warning: the crude rates reverse" in text
    assert "while in the same units and at the same risk it fell" in text
    assert "Judge the second by the standardised difference" in text
    assert "GEE by clinician" in text


def test_versions_can_be_compared(get, filled) -> None:
    """Of one service, in one period."""
    text = get("/oversight/comparison?compare=versions&service=icu-mortality&from=2026-03-02").text
    assert "version 1.0.0" in text
    assert "version 1.1.0" in text
    assert "Crude, standardised, adjusted" in text


def test_a_refusal_stands_in_the_place_of_the_figure(make_mart, get) -> None:
    """In words, on every page."""
    with make_mart(12, {"days": [40] * 12}, {"about": [1, 2], "outcome": "overridden", "reason_code": "x"}):
        assert "No limits are drawn." in get("/oversight/").text
        assert "No figure: A funnel needs at least 5 units" in get("/oversight/service").text
        assert "No figure: One of the two periods has no answered card" in get("/oversight/comparison").text


def test_reasons_and_comments_are_told(get, filled, monkeypatch) -> None:
    """Missing, "other", trends; the suspicious comment first, with its words, and nobody's name."""
    text = get("/oversight/reasons").text
    for words in ("No reason given", "“Other”", "By model and version", "Raised by the words"):
        assert words in text
    assert text.index("wrong lab value, fix the rule") < text.index("will monitor")
    assert not re.search(r"[0-9a-f]{8}", text)
    assert "Ward" not in re.sub(r"<form.*?</form>", "", text, flags=re.DOTALL)
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})
    text = get("/oversight/reasons").text
    assert "Your role does not read comments" in text
    assert "wrong lab value" not in text


def test_what_was_written_is_text(make_mart, get) -> None:
    """Comments, reasons and names of units are never markup."""
    evil = "<script>alert(1)</script>"
    given = {"about": np.arange(1, 31), "outcome": "overridden", "reason_code": evil, "comment": evil}
    with make_mart(30, {"unit_name": evil, "days": [40] * 30}, given | {"reason_display": evil}):
        for page in PAGES:
            text = get(page).text
            assert "<script" not in text
            assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    ("query", "opened", "summary"),
    [("", False, "More filters"), ("unit=Ward+07", False, "More filters"), ("tier=red", True, "More filters (1 set)"),
     ("hook=order-sign&tier=red", True, "More filters (2 set)"), ("rules=usual", False, "More filters"),
     ("rules=nhs", True, "More filters")],
)  # fmt: skip
def test_rare_filters_are_folded_until_one_is_set(get, filled, query, opened, summary) -> None:
    """Dates, service and unit stand open; every filter is in the form all the same, and sent with it."""
    for page in ("/oversight/", "/oversight/service"):
        text = get(f"{page}?service=sepsis-6h&{query}").text
        form = re.search(r'<form method="get".*?</form>', text, re.DOTALL)[0]
        (folded,) = re.findall(r"<details.*?</details>", form, re.DOTALL)
        assert folded.startswith(f'<details class="more"{" open" if opened else ""}><summary>{summary}</summary>')
        names = re.findall(r'name="(\w+)"', folded)
        assert names == ["model", "version", "hook", "client", "role", "tier", "rules"]
        assert re.findall(r'name="(\w+)"', form.replace(folded, "")) == ["from", "to", "service", "unit"]


@pytest.fixture
def origin(app, filled) -> Iterator[str]:
    """The pages on a real port."""
    server = make_server("127.0.0.1", 0, whole(app()))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.mark.parametrize(
    "query",
    [
        *PAGES[:1],
        *PAGES[2:],
        "/oversight/service?service=sepsis-6h&from=2026-03-02",
        "/oversight/service?service=sepsis-6h&tier=red",
    ],
)
def test_pages_are_accessible_at_each_width_and_on_paper(origin, chrome, query) -> None:
    """No finding of axe-core's WCAG 2.2 A and AA rules; reflow at 320 px; the form is not printed."""
    from axe_playwright_python.sync_playwright import Axe

    for width in (1280, 320):
        tab = chrome.new_page(viewport={"width": width, "height": 800}, extra_http_headers=INSIDE)
        said: list[str] = []
        tab.on("console", lambda message, said=said: said.append(message.text))
        tab.route("**/favicon.ico", lambda route: route.abort())
        assert tab.goto(origin + query).status == 200
        options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
        assert [one["id"] for one in Axe().run(tab, options=options).response["violations"]] == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert said == []
        tab.emulate_media(media="print")
        assert not tab.locator("form").is_visible()
        tab.close()


def test_a_million_entries_are_a_few_questions(make_mart, get, tmp_path, monkeypatch, record_property) -> None:
    """As many questions as of ten entries, and the work of two seconds on two cores."""
    asked: list[str] = []
    rows, arrays = Questions.rows, Questions.arrays
    monkeypatch.setattr(Questions, "rows", lambda own, *given: (asked.append("rows"), rows(own, *given))[1])
    monkeypatch.setattr(Questions, "arrays", lambda own, *given: (asked.append("arrays"), arrays(own, *given))[1])
    addresses = [f"{page}?from=2026-04-16&to=2026-05-30" for page in (*PAGES[:1], *PAGES[2:])]
    addresses += ["/oversight/service?from=2026-04-16&to=2026-05-30&service=icu-mortality"]
    counts, cost = [], {}
    for number in (600, 1_000_000):
        shutil.rmtree(tmp_path / "advice", ignore_errors=True)
        shutil.rmtree(tmp_path / "feedback", ignore_errors=True)
        with make_mart(number, *hospital(number)):
            for address in addresses:
                asked.clear()
                before, began = time.process_time(), time.perf_counter()
                assert get(address).status_code == 200
                cost[address.split("?")[0]] = (time.perf_counter() - began, time.process_time() - before)
                counts.append(len(asked))
    for page, (wall, work) in cost.items():
        record_property(page, f"{wall:.2f} s, {work:.2f} s of work")
    assert counts[:4] == counts[4:]
    assert max(counts) <= 50
    assert max(work for _, work in cost.values()) < 4
