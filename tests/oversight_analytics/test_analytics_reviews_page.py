"""The pages of reviews, through their HTTP surface: who may what, what a reviewer sees, and what nobody sees."""

from __future__ import annotations

import html
import re
import shutil
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask, g, request

from clinical.advice import Advice, Channel, Feedback, Outcome
from clinical.assessment import Attribution, Explanation, Indicator, ModelInfo, RiskAssessment, Tier
from clinical.errors import LedgerUnavailable
from clinical.record import Coding, Observation, Source
from oversight.database import open_engine
from oversight.ledger import SqlLedger
from oversight.pages import PageDeps, create_blueprint
from oversight.pages.door.roles import Person, Role
from oversight.pages.mart_source import FreshMart
from oversight.pages.review_sources import ReviewParts
from oversight.pseudonyms import Pseudonyms
from oversight.reviews.cases import SqlCases
from oversight.reviews.plan import COMMENTS
from oversight.reviews.store import SqlReviews
from oversight.schema import upgrade
from oversight.statistics.adjudication import State

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = NOON + timedelta(days=7)
NAMES = Pseudonyms(b"a key for tests, 32 bytes or more")
PLAN = {"name": "march", "service": "icu-mortality", "from": "2026-03-02", "to": "2026-03-02", "size": "20",
        "response": "overridden", "grouping": "risk", "allocation": "proportional", "seed": "5"}  # fmt: skip
QUALITY, CLINICIAN = Role.QUALITY, Role.CLINICIAN
SAID = "a verdict of words that nobody else sees"


def finding(version: str = "3.7.9") -> RiskAssessment:
    """A risk of a version that a reviewer must not see."""
    model = ModelInfo(
        "icu-mortality", version, "ab" * 32, "Death in hospital", "A model", "death in hospital", "during this stay",
        0.1, ("patient-view",), "Ask a senior clinician", "Adults", "Cross-validated AUROC .84",
    )  # fmt: skip
    fact = Observation(
        "Observation/p-4711-hr", (Coding("http://loinc.org", "8867-4", "Heart rate"),), 118.0, "/min",
        NOON - timedelta(hours=15), "final", Source.FHIR, 118.0, "/min",
    )  # fmt: skip
    reasons = (
        Attribution("hr", "hr", "Heart rate", "Heart rate", 0.7, 118.0, "/min", (fact,)),
        Attribution("lactate", "lactate", "Lactate", "Lactate", -0.1, None, "mmol/L"),
    )
    return RiskAssessment(
        model, NOON, 0.42, Tier("high", 0.3, Indicator.WARNING, "a paper"), Explanation(-2.0, reasons),
        "hour 24 of the stay", missing=("Lactate",), caveats=("birth year only",),
    )  # fmt: skip


@pytest.fixture(scope="module")
def template():
    """A ledger with thirty cards, two of three overridden, one with a comment. It lies in memory where it can."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="chartside-reviews-", dir=memory if memory.is_dir() else None))
    made = open_engine(f"sqlite:///{folder / 'ledger.db'}")
    upgrade(made)
    ledger = SqlLedger(made, NAMES, SimpleNamespace(now=lambda: NOON + timedelta(hours=1)))
    risk = finding()
    for number in range(30):
        ledger.append(
            Advice(
                f"advice-{number}",
                f"suggestion-{number}",
                NOON,
                "st-mary",
                "icu-mortality",
                "patient-view",
                "h",
                f"patient-{number}",
                f"stay-{number}",
                f"Practitioner/dr-{number % 4}",
                "Secret Ward",
                risk,
                None,
            )
        )
    said = [
        Feedback(
            f"advice-{number}", "st-mary", "icu-mortality", Outcome.OVERRIDDEN, NOON + timedelta(minutes=1),
            Channel.CARD, Coding("urn:r", "done", "Already done"), "wrong\nrule" if number == 1 else "",
        )
        for number in range(30) if number % 3
    ]  # fmt: skip
    ledger.record(said)
    made.dispose()
    yield folder / "ledger.db"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def engine(template):
    """A copy of it."""
    copy = template.with_name(f"{uuid.uuid4().hex}.db")
    shutil.copy(template, copy)
    made = open_engine(f"sqlite:///{copy}")
    yield made
    made.dispose()


@pytest.fixture
def reviews(engine) -> SqlReviews:
    """The store."""
    return SqlReviews(engine, NAMES)


@pytest.fixture
def app(engine, reviews, notes, tmp_path):
    """The pages, to which the test says who comes in."""

    def make(mart=None) -> Flask:
        """An app whose visitors name themselves in two headers."""
        made = Flask("test")
        clock = SimpleNamespace(now=lambda: NOW)
        parts = ReviewParts(reviews, SqlCases(engine, NAMES), lambda found: f"{found.tier.name} risk in one line")
        source = mart or FreshMart(engine, tmp_path / "mart")
        made.register_blueprint(
            create_blueprint(PageDeps(clock, notes, "word", mart=source, reviews=parts, secret=b"s" * 32))
        )
        by_name = lambda: None if request.endpoint == "oversight.static" else _enter()  # noqa: E731
        made.before_request_funcs["oversight"] = [by_name]
        return made

    return make


def _enter() -> None:
    """The person of the headers."""
    name, role = request.headers["X-Name"], request.headers["X-Role"]
    g.oversight_person = Person(name, frozenset({Role(role)}), f"session of {name}")


@pytest.fixture
def visit(app):
    """Opens a page, or sends a form with the token of the page that has it, as somebody."""
    client = app().test_client()

    def go(name: str, path: str, form=None, role: Role = QUALITY, drawn_on: str | None = None):
        """GET, or POST with a form."""
        who = {"X-Name": name, "X-Role": role.value}
        if form is None:
            return client.get(path, headers=who)
        token = re.search(r'name="form" value="([0-9a-f]+)"', client.get(drawn_on or path, headers=who).text)
        return client.post(path, data={**form, "form": token[1] if token else ""}, headers=who)

    return go


@pytest.fixture
def drawn(visit):
    """One plan of twenty overridden cards."""
    answer = visit("ann", "/oversight/reviews", PLAN)
    assert (answer.status_code, answer.location) == (303, "/oversight/reviews/march")


def judge(visit, name: str, verdict: str, words: str = "", plan: str = "march", role: Role = CLINICIAN, page="next"):
    """Judge the next card as somebody."""
    path = f"/oversight/reviews/{plan}/{page}"
    item = re.search(r'name="item" value="(\d+)"', visit(name, path, role=role).text)
    assert item
    return visit(name, path, {"item": item[1], "verdict": verdict, "words": words}, role=role)


def test_who_draws_sees_the_plan_and_its_progress(visit, drawn, reviews) -> None:
    """The draw is in the ledger, with its seed."""
    (sheet,) = reviews.sheets()
    assert (sheet.plan.seed, len(sheet.items)) == (5, 20)
    page = visit("ann", "/oversight/reviews/march").text
    assert "20 of 20 were drawn" in page
    assert "seed 5" in page
    assert "no share can be told yet: no verdict stands yet" in page
    listed = visit("ann", "/oversight/reviews").text
    assert "20 cards wait for your verdict" in listed
    assert "no figure yet" in listed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Not A Name"}, "small letters"),
        ({"service": "nobody"}, "Choose a service"),
        ({"size": "many"}, "must be a whole number"),
        ({"from": "yesterday"}, "must be a day"),
        ({"response": "eaten"}, "Choose among"),
        ({"from": "2026-02-01", "to": "2026-02-02"}, "No card fits"),
    ],
)
def test_a_plan_without_sense_is_told_in_its_place(visit, reviews, changes, words) -> None:
    """400, in words, with the form filled in as it was; nothing is drawn."""
    answer = visit("ann", "/oversight/reviews", PLAN | changes)
    assert answer.status_code == 400
    assert words in html.unescape(answer.text)
    assert "Nothing was drawn" in answer.text
    assert 'value="5"' in answer.text
    assert reviews.sheets() == ()


def test_a_name_is_used_once(visit, drawn) -> None:
    """A second plan of the name is refused."""
    assert "There is a review plan of this name" in visit("ann", "/oversight/reviews", PLAN).text


def test_nothing_is_drawn_from_half_a_mart(app, engine, tmp_path, reviews) -> None:
    """A sample of a part would stand for the part only."""
    client = app(FreshMart(engine, tmp_path / "other", at_most=3)).test_client()
    who = {"X-Name": "ann", "X-Role": "quality"}
    token = re.search(r'name="form" value="([0-9a-f]+)"', client.get("/oversight/reviews", headers=who).text)[1]
    answer = client.post("/oversight/reviews", data=PLAN | {"form": token}, headers=who)
    assert "still being brought up" in answer.text
    assert reviews.sheets() == ()


def test_a_reviewer_sees_the_card_and_nobody(visit, drawn) -> None:
    """Risk, tier, drivers with value and time, what was missing, response and reason; nothing that would unblind."""
    page = visit("ben", "/oversight/reviews/march/next", role=CLINICIAN).text
    for shown in ("42 %", "high risk in one line", "Tier: high", "Heart rate", "118 /min",
                  "day −1, 21:00 UTC (15 h before)", "raises, odds × 2.0", "Missing:</strong> Lactate",
                  "birth year only", "Already done", "Ask a senior clinician", "override this card?"):  # fmt: skip
        assert shown in page, shown
    hidden = ["3.7.9", "AUROC", "Secret Ward", "p-4711", "advice-", "patient-", "stay-", "dr-", "2026-03", "st-mary",
              "Practitioner", "wrong", "march-", "sampling"]  # fmt: skip
    hidden += [NAMES.user("st-mary", f"Practitioner/dr-{n}")[:8] for n in range(4)]
    hidden += [NAMES.patient("st-mary", f"patient-{n}")[:8] for n in range(30)]
    body = page[page.index("<main>") :]
    assert [word for word in hidden if word in body] == []


def test_no_reviewer_sees_another_verdict(visit, drawn, reviews) -> None:
    """Neither in the queue nor in the list: what one has judged looks like what nobody has."""
    before = visit("ben", "/oversight/reviews/march/next", role=CLINICIAN).text
    assert judge(visit, "ann-of-the-ward", "inappropriate", SAID).status_code == 303
    after = visit("ben", "/oversight/reviews/march/next", role=CLINICIAN).text
    assert after == before
    for page in ("/oversight/reviews", "/oversight/reviews/march/next"):
        text = visit("ben", page, role=CLINICIAN).text
        for hidden in (SAID, "ann-of-the-ward", reviews.reviewer("ann-of-the-ward")[:8]):
            assert hidden not in text


def test_who_settles_sees_no_verdict_either(visit, drawn, reviews) -> None:
    """Two disagree; the third judges blind, may not be one of the two, and decides."""
    judge(visit, "first-one", "inappropriate", SAID)
    judge(visit, "second-one", "appropriate", "other words that nobody sees")
    assert "No card waits for you" in visit("first-one", "/oversight/reviews/march/settle").text
    page = visit("cem", "/oversight/reviews/march/settle").text
    assert "Two reviewers did not agree" in page
    for hidden in (SAID, "other words", "first-one", "second-one"):
        assert hidden not in page
    assert judge(visit, "cem", "cannot tell", "no note", role=QUALITY, page="settle").status_code == 303
    sheet = reviews.sheet("march")
    assert sheet.count(State.ADJUDICATED) == 1
    results = visit("cem", "/oversight/reviews/march").text
    assert "1 of 20 cards have a verdict that stands" in results
    assert SAID in results
    for hidden in (reviews.reviewer("first-one")[:8], "first-one", "second-one"):
        assert hidden not in results


def test_a_reviewer_of_a_ward_sees_no_results(visit, drawn) -> None:
    """Clinicians judge; drawing, settling and results are for who plans; who has no right sees nothing."""
    for path in ("/oversight/reviews/march", "/oversight/reviews/march/settle"):
        assert visit("ben", path, role=CLINICIAN).status_code == 403
    listed = visit("ben", "/oversight/reviews", role=CLINICIAN).text
    for hidden in ("Draw cards", "κ", "2026-03-02", "Verdict stands"):
        assert hidden not in listed
    assert visit("ben", "/oversight/reviews", PLAN, role=CLINICIAN).status_code == 403
    for path in ("/oversight/reviews", "/oversight/reviews/march/next"):
        assert visit("mo", path, role=Role.MODELLER).status_code == 403


def test_a_form_of_somebody_else_changes_nothing(app, visit, drawn, reviews) -> None:
    """Each form is bound to a person and a session."""
    client = app().test_client()
    for path in ("/oversight/reviews", "/oversight/reviews/march/next", "/oversight/reviews/march/settle",
                 "/oversight/comments/review"):  # fmt: skip
        answer = client.post(path, data={"form": "0" * 64}, headers={"X-Name": "ann", "X-Role": "quality"})
        assert answer.status_code == 403
    assert reviews.sheet("march").finished == 0


def test_a_verdict_without_words_is_asked_for_again(visit, drawn, reviews) -> None:
    """On the page of the same card; nothing was kept."""
    answer = judge(visit, "ben", "inappropriate", "  ")
    assert answer.status_code == 400
    assert "Say in a few words why" in answer.text
    assert re.search(r'value="inappropriate" required checked', answer.text)
    assert judge(visit, "ben", "").status_code == 400
    assert all(not item.judgements for item in reviews.sheet("march").items)


def test_all_is_noted_before_it_is_shown_or_done(visit, drawn, notes, reviews) -> None:
    """Who looked at what, and who gave a verdict, without the verdict; what cannot be noted is not done."""
    judge(visit, "ben", "inappropriate", SAID)
    details = [event.detail for event in notes.events]
    for said in ("draw of review plan march, by ann", "a card of review plan march, by ben",
                 "verdict on a card of review plan march, by ben"):  # fmt: skip
        assert said in details
    assert not any("appropriate" in detail for detail in details)
    path = "/oversight/reviews/march/next"
    token = re.search(r'name="form" value="([0-9a-f]+)"', visit("eva", path, role=CLINICIAN).text)
    assert token
    notes.fault = LedgerUnavailable("The ledger cannot be written.")
    assert judge_unnoted(visit, path) == 503
    assert sum(len(item.judgements) for item in reviews.sheet("march").items) == 1


def judge_unnoted(visit, path: str) -> int:
    """The status of a page while the audit fails."""
    return visit("eva", path, role=CLINICIAN).status_code


def test_the_shared_name_is_one_reviewer_and_says_so(visit, drawn) -> None:
    """Nothing pretends that two people stand behind one name."""
    for path in ("/oversight/reviews", "/oversight/reviews/march", "/oversight/reviews/march/next"):
        assert "shared name “quality”" in visit("quality", path).text
        assert "shared name" not in visit("ann", path).text
    judge(visit, "quality", "appropriate", role=QUALITY)
    assert "You have judged 1; 19 wait" in visit("quality", "/oversight/reviews/march/next").text


def test_a_finished_review_is_weighed(visit, drawn, reviews) -> None:
    """The answer in one sentence, with κ, the interval, what could not be judged, and each group."""
    for number in range(20):
        for person in ("ann", "ben"):
            judge(visit, person, "inappropriate" if number < 5 else "appropriate", SAID)
    page = html.unescape(visit("cem", "/oversight/reviews/march").text)
    assert "Of the 20 cards that this plan stands for, about 75 % were overridden appropriately" in page
    assert "equal verdicts on 100.0 % of 20 cards" in page
    assert "By height of the risk (thirds)" in page
    assert "No card waits for you" in visit("ann", "/oversight/reviews/march/next").text


def test_a_comment_sends_its_card_to_the_reviewers(visit, reviews) -> None:
    """Into a plan of its own, without a weighted share; its words only for who reads comments."""
    inbox = visit("ann", "/oversight/reasons?from=2026-03-02&to=2026-03-02").text
    form = dict(re.findall(r'name="(comment|service|version)" value="([^"]+)"', inbox))
    assert set(form) == {"comment", "service", "version"}
    answer = visit(
        "ann", "/oversight/comments/review", form, drawn_on="/oversight/reasons?from=2026-03-02&to=2026-03-02"
    )
    assert (answer.status_code, answer.location) == (303, f"/oversight/reviews/{COMMENTS.name}")
    assert len(reviews.sheet(COMMENTS.name).items) == 1
    page = visit("ann", answer.location).text
    assert "they stand for nothing but themselves" in page
    assert "weighted</p>" not in page
    case = f"/oversight/reviews/{COMMENTS.name}/next"
    assert "wrong\nrule" in visit("ann", case).text
    assert "wrong\nrule" not in visit("ben", case, role=CLINICIAN).text
    lost = visit("ann", "/oversight/comments/review", form | {"comment": "0" * 64}, drawn_on="/oversight/reviews")
    assert lost.status_code == 400


def test_a_plan_that_is_not_there_is_told(visit) -> None:
    """404, in words."""
    for page in ("", "/next", "/settle"):
        answer = visit("ann", f"/oversight/reviews/april{page}")
        assert answer.status_code == 404
        assert "There is no such review plan" in answer.text


def test_pages_stand_alone(visit, drawn) -> None:
    """No script, no style attribute, nothing from elsewhere."""
    for path in ("/oversight/reviews", "/oversight/reviews/march", "/oversight/reviews/march/next"):
        text = visit("ann", path).text
        for forbidden in ("<script", "style=", "onclick", "http://", "https://", "<style"):
            assert forbidden not in text
        assert "How to" in text


def test_a_fault_shows_the_same_card_whatever_others_have_judged(visit, drawn, reviews) -> None:
    """What one has judged goes first; but words that were typed are about the card that was seen."""
    path = "/oversight/reviews/march/next"
    mine = re.search(r'name="item" value="(\d+)"', visit("ben", path, role=CLINICIAN).text)[1]
    other = reviews.sheet("march").items[7].number
    assert visit("eva", path, {"item": str(other), "verdict": "appropriate"}, role=CLINICIAN).status_code == 303
    page = visit("ben", path, {"item": mine, "verdict": "", "words": "half a thought"}, role=CLINICIAN)
    assert page.status_code == 400
    assert re.search(r'name="item" value="(\d+)"', page.text)[1] == mine
    assert "half a thought</textarea>" in page.text


@pytest.mark.parametrize(
    ("words", "told"),
    [("see \u202ebelow", "(U+202E)"), ("\u3164\u200b", "Say in a few words why"),
     ("y" * 30_000, "kept of the words; you sent 30,000")],
)  # fmt: skip
def test_the_words_of_a_verdict_are_plain_text_in_bounds(visit, drawn, reviews, words, told) -> None:
    """Refused on the page of the same card; what comes back has no mark and an end."""
    answer = judge(visit, "ben", "inappropriate", words)
    assert (answer.status_code, told in html.unescape(answer.text)) == (400, True)
    assert not set("\u202e\u200b") & set(answer.text)
    assert len(answer.data) < 30_000
    assert all(not item.judgements for item in reviews.sheet("march").items)
