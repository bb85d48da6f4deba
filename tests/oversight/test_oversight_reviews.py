"""Reviews in the ledger: plans that keep their draw, blinded cases, verdicts that nobody gives twice, labels."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from clinical.advice import Outcome
from clinical.errors import LedgerUnavailable, Unprocessable
from clinical.record import Coding
from oversight import chain, tables
from oversight.mart.build import bring_up
from oversight.mart.mart import Mart
from oversight.pseudonyms import Pseudonyms
from oversight.reviews.cases import SqlCases
from oversight.reviews.comments import comment_key, commented_card
from oversight.reviews.drawing import Drawn, drawn
from oversight.reviews.labels import labels, note, write_csv
from oversight.reviews.plan import COMMENTS, Allocation, Grouping, Response, ReviewPlan, chosen, plan_of
from oversight.reviews.population import population
from oversight.reviews.results import PICKED, results
from oversight.reviews.store import MOST_WORDS, SqlReviews
from oversight.statistics.adjudication import State, Verdict
from oversight.statistics.refused import Refused
from oversight.verify import heads, verify

KEY = b"a key for tests, 32 bytes or more"
NOW = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)
YES, NO, UNSURE = Verdict.APPROPRIATE, Verdict.INAPPROPRIATE, Verdict.CANNOT_TELL
REASON = Coding("http://example.org/reasons", "done", "Already done")
CARDS = 40


def plan(**changes) -> ReviewPlan:
    """A plan of all overridden cards of the day."""
    members = {
        "name": "march", "service": "icu-mortality", "first": DAY, "last": DAY, "responses": (Response.OVERRIDDEN,),
        "groupings": (Grouping.UNIT,), "size": 24, "allocation": Allocation.PROPORTIONAL, "seed": 7, "entry": 10_000,
    }  # fmt: skip
    return ReviewPlan(**members | changes)


@pytest.fixture
def mart(engine, ledger, clock, make_advice, answer, tmp_path):
    """A mart of forty cards, three of four overridden, on two wards; the last has a comment."""
    clock.time, said = NOW - timedelta(days=1), []
    for number in range(CARDS):
        card = make_advice(
            id=f"card-{number}", patient_id=f"p-{number}", unit_name=f"Ward {number % 2}",
            user=f"Practitioner/dr-{number % 5}",
        )  # fmt: skip
        ledger.append(card)
        outcome = Outcome.OVERRIDDEN if number % 4 else Outcome.ACCEPTED
        comment = "fix\nthe rule" if number == CARDS - 1 else ""
        accepted = (card.suggestion_id,) if outcome is Outcome.ACCEPTED else ()
        said.append(answer(card, outcome=outcome, reason=REASON, comment=comment, accepted_suggestions=accepted))
    ledger.record(said)
    bring_up(engine, tmp_path / "mart")
    with Mart(tmp_path / "mart").open() as found:
        yield found


@pytest.fixture
def reviews(engine) -> SqlReviews:
    """The store."""
    return SqlReviews(engine, Pseudonyms(KEY))


@pytest.fixture
def sheet(mart, reviews):
    """One plan, drawn."""
    reviews.add(plan(), drawn(plan(), population(mart, plan())).cards, NOW)
    return reviews.sheet("march")


def judge_all(reviews, person: str, verdict=lambda _: YES, name: str = "march") -> int:
    """Judge everything that waits for a person; the number judged."""
    number = 0
    while (item := reviews.turn(name, person).item) is not None:
        reviews.judge(name, item.number, verdict(item), "because", person=person, now=NOW)
        number += 1
    return number


def test_a_plan_is_kept_with_its_draw(engine, sheet, reviews) -> None:
    """Each item carries the whole plan and its probability; a ward of few is among others; the chains hold."""
    assert sheet.plan == plan()
    assert sheet.drawn == NOW
    assert Counter(item.stratum for item in sheet.items) == {("others",): 8, ("Ward 1",): 16}
    assert {(item.stratum, item.probability) for item in sheet.items} == {(("others",), 0.8), (("Ward 1",), 0.8)}
    assert len({item.advice for item in sheet.items}) == 24
    assert [each.plan for each in reviews.sheets()] == [plan()]
    assert all(check.fault is None for check in verify(engine, heads(engine)))


def test_the_same_seed_draws_the_same_cards(mart) -> None:
    """And another seed draws others."""
    cards = population(mart, plan())
    assert drawn(plan(), cards) == drawn(plan(), cards)
    assert drawn(plan(seed=8), cards).cards != drawn(plan(), cards).cards


def test_equal_numbers_come_from_rare_groups(mart) -> None:
    """With the probability that follows from it."""
    wanted = plan(allocation=Allocation.EQUAL, size=20)
    found = drawn(wanted, population(mart, wanted))
    assert Counter((card.stratum, round(card.probability, 3)) for card in found.cards) == {
        (("others",), 1.0): 10, (("Ward 1",), 0.5): 10
    }  # fmt: skip
    assert (found.population, found.strata) == (30, 2)


def test_groups_are_by_risk_response_unit_and_reason(mart) -> None:
    """A word of each; a population with one risk has one group of it."""
    wanted = plan(groupings=tuple(Grouping), responses=tuple(Response))
    found = population(mart, wanted)
    assert set(found.labels) == {
        ("risk from 12 %", "accepted", "Ward 0", "others"), ("risk from 12 %", "overridden", "Ward 0", "Already done"),
        ("risk from 12 %", "overridden", "Ward 1", "Already done"),
    }  # fmt: skip
    assert len(found.sequences) == CARDS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "A b"}, "small letters"),
        ({"name": COMMENTS.name}, "name is taken"),
        ({"service": ""}, "one service"),
        ({"first": DAY + timedelta(days=1)}, "after the last"),
        ({"responses": ()}, "at least one kind"),
        ({"size": 5}, "fewer say nothing"),
        ({"seed": -1}, "seed lies"),
    ],
)
def test_a_plan_without_sense_is_refused(changes, words) -> None:
    """In words."""
    with pytest.raises(Unprocessable, match=words):
        plan(**changes)


def test_what_cannot_be_drawn_is_refused(mart, reviews, sheet) -> None:
    """No card, too many groups, a name that is taken."""
    none = plan(service="nobody")
    with pytest.raises(Unprocessable, match="No card fits"):
        drawn(none, population(mart, none))
    cards = population(mart, plan())
    many = replace(cards, labels=tuple((str(n),) for n in range(30)), strata=cards.strata * 0)
    with pytest.raises(Unprocessable, match="30 strata"):
        drawn(plan(), many)
    with pytest.raises(Unprocessable, match="of this name"):
        reviews.add(plan(), (), NOW)
    with pytest.raises(Unprocessable, match="Choose among"):
        chosen(Response, ["eaten"])


def test_a_plan_of_another_version_is_told(engine, reviews) -> None:
    """It is not guessed at."""
    with pytest.raises(LedgerUnavailable):
        plan_of('{"name":"x"}')
    assert plan_of(plan().text()) == plan()


def test_two_people_judge_and_a_third_settles(reviews, sheet) -> None:
    """Nobody judges an item twice, nobody but a third settles, nothing more is taken."""
    assert (judge_all(reviews, "ann"), reviews.turn("march", "ann").done) == (24, 24)
    first = sheet.items[0].number
    assert judge_all(reviews, "ben", lambda item: NO if item.number == first else YES) == 24
    assert reviews.turn("march", "cem").item is None
    assert reviews.sheet("march").count(State.TO_ADJUDICATE) == 1
    for person in ("ann", "ben"):
        assert reviews.turn_to_settle("march", person).item is None
        with pytest.raises(Unprocessable, match="one of the two"):
            reviews.settle("march", first, YES, "again", person=person, now=NOW)
    assert reviews.turn_to_settle("march", "cem").item.number == first
    reviews.settle("march", first, NO, "a rising lactate", person="cem", now=NOW)
    found = reviews.sheet("march")
    assert found.finished == 24
    assert found.items[0].standing.verdict is NO
    assert found.items[0].state is State.ADJUDICATED
    with pytest.raises(Unprocessable, match="Nobody disagrees"):
        reviews.settle("march", first, YES, "late", person="dan", now=NOW)


def test_a_verdict_is_given_once(engine, reviews, sheet) -> None:
    """The same form sent twice is one; another verdict is refused, by the code and by the database."""
    number = sheet.items[0].number
    for _ in range(2):
        reviews.judge("march", number, NO, "wh\u00ady", person="ann", now=NOW)
    with pytest.raises(Unprocessable, match="judged this card already"):
        reviews.judge("march", number, YES, "", person="ann", now=NOW)
    (judgement,) = reviews.sheet("march").items[0].judgements
    assert (judgement.verdict, judgement.words, judgement.time) == (NO, "why", NOW)
    with engine.begin() as connection:
        row = dict(connection.execute(select(tables.review)).mappings().one())
        again = {name: value for name, value in row.items() if name not in chain.HASHES | {"sequence"}}
        with pytest.raises(DBAPIError):
            chain.append(connection, tables.review, again)


def test_a_third_reviewer_comes_too_late(reviews, sheet) -> None:
    """Two verdicts are enough."""
    number = sheet.items[0].number
    for person in ("ann", "ben"):
        reviews.judge("march", number, YES, "", person=person, now=NOW)
    with pytest.raises(Unprocessable, match="in the meantime"):
        reviews.judge("march", number, YES, "", person="cem", now=NOW)


def test_verdicts_need_words_unless_it_was_appropriate(reviews, sheet) -> None:
    """And an item of this plan; words have a limit."""
    number = sheet.items[0].number
    for verdict in (NO, UNSURE):
        with pytest.raises(Unprocessable, match="few words"):
            reviews.judge("march", number, verdict, "  ", person="ann", now=NOW)
    with pytest.raises(Unprocessable, match="no such card"):
        reviews.judge("march", 10_000, YES, "", person="ann", now=NOW)
    with pytest.raises(Unprocessable, match="no such card"):
        reviews.judge("april", number, YES, "", person="ann", now=NOW)
    with pytest.raises(Unprocessable, match="At most 1,000 characters"):
        reviews.judge("march", number, NO, "x" * (MOST_WORDS + 1), person="ann", now=NOW)
    # A browser counts a line's end as one character and sends two.
    reviews.judge("march", number, NO, "x\r\n" * (MOST_WORDS // 2), person="ann", now=NOW)
    assert reviews.sheet("march").items[0].judgements[0].words == ("x\n" * (MOST_WORDS // 2)).strip()
    assert reviews.turn("april", "ann") is None


def test_what_one_has_judged_goes_first(reviews, sheet) -> None:
    """So that cards come to an end; the order is one of chance and the same for all."""
    last = sheet.items[-1].number
    reviews.judge("march", last, YES, "", person="ann", now=NOW)
    assert reviews.turn("march", "ben").item.number == last
    assert reviews.turn("march", "ann").item.number == sheet.items[0].number
    assert [item.advice for item in sheet.items] != sorted(item.advice for item in sheet.items)


def test_nobody_judges_their_own_override(reviews, sheet) -> None:
    """Where the sign-in's name is the EHR's: such cards are left out, and refused."""
    turn = reviews.turn("march", "Practitioner/dr-1")
    assert turn.own > 0
    assert turn.left + turn.own == 24
    judge_all(reviews, "Practitioner/dr-1")
    untouched = next(item for item in reviews.sheet("march").items if not item.judgements)
    with pytest.raises(Unprocessable, match="others judge it"):
        reviews.judge("march", untouched.number, YES, "", person="Practitioner/dr-1", now=NOW)


def test_no_reviewer_is_in_the_ledger_by_name(engine, reviews, sheet) -> None:
    """Only a keyed pseudonym, which another key would make another."""
    reviews.judge("march", sheet.items[0].number, YES, "", person="ann@hospital.example", now=NOW)
    with engine.connect() as connection:
        (row,) = connection.execute(select(tables.review)).all()
    assert len(row.reviewer) == 64
    assert "ann" not in str(row)
    assert row.reviewer != SqlReviews(engine, Pseudonyms(b"z" * 32)).reviewer("ann@hospital.example")
    assert row.reviewer != Pseudonyms(KEY).user("", "ann@hospital.example")


def test_a_case_is_what_the_clinician_saw_and_nobody(engine, reviews, sheet) -> None:
    """Risk, drivers with value and time, what was missing, response and reason; no name, no version, no day."""
    case = SqlCases(engine, Pseudonyms(KEY)).case(sheet.items[0].advice, NOW)
    assert (case.level, case.tier, case.response, case.reason) == ("12 %", "high", Response.OVERRIDDEN, "Already done")
    assert case.missing == ("Lactate",)
    (line,) = case.lines
    assert (line.label, line.value, line.effect) == ("Heart rate", "0.3333 /min", "raises, odds × 2.2")
    assert line.measured == "day 0, 11:00 UTC (1 h before)"
    assert case.time_of_day == "12:00 UTC"
    assert (case.finding.model.version, case.finding.model.digest, case.finding.model.validation) == ("", "", "")
    shown = repr(replace(case, finding=replace(case.finding, as_of=NOW, explanation=None, unused=())))
    for hidden in ("2026-03-02", "Ward", "dr-", "p-4711", "card-", "1.0.0"):
        assert hidden not in shown


def test_a_case_has_the_answer_of_its_draw(engine, ledger, clock, reviews, sheet, answer) -> None:
    """An answer that came later does not change what is judged."""
    cases = SqlCases(engine, Pseudonyms(KEY))
    item = sheet.items[0]
    with engine.connect() as connection:
        card = connection.execute(select(tables.advice).where(tables.advice.c.sequence == item.advice)).one()
    clock.time = NOW + timedelta(hours=1)
    said = {"outcome": Outcome.WITHDRAWN, "time": NOW}
    ledger.record([answer(card, **said)])
    assert cases.case(item.advice, NOW).response is Response.OVERRIDDEN
    assert cases.case(item.advice, NOW + timedelta(days=1)).response is Response.UNANSWERED
    with pytest.raises(LedgerUnavailable):
        cases.case(10_000, NOW)


def test_a_score_is_a_case_too(engine, ledger, make_advice, score, abstention) -> None:
    """With its items; what could not be assessed is none."""
    for place, finding in enumerate((score, abstention), 1):
        ledger.append(make_advice(finding=finding))
        if finding is score:
            case = SqlCases(engine, Pseudonyms(KEY)).case(place, NOW)
            assert len(case.lines) == len(score.items)
            assert "birth year only" in case.remarks
        else:
            with pytest.raises(LedgerUnavailable, match="no card with a risk"):
                SqlCases(engine, Pseudonyms(KEY)).case(place, NOW)


def test_there_is_no_share_of_the_easy_cards(reviews, sheet) -> None:
    """While a disagreement waits, nor before there are verdicts; then it is weighed, and small groups are hidden."""
    assert "no verdict stands" in results(sheet).share.reason
    judge_all(reviews, "ann")
    first = sheet.items[0].number
    judge_all(reviews, "ben", lambda item: NO if item.number == first else YES)
    found = results(reviews.sheet("march"))
    assert "third verdict" in found.share.reason
    assert isinstance(found.unclear, Refused)
    reviews.settle("march", first, UNSURE, "no note of the ward", person="cem", now=NOW)
    found = results(reviews.sheet("march"))
    assert found.population == 30
    assert found.share.share.value == 1.0
    assert found.unclear.value == pytest.approx(1 / 24)
    assert found.bounds == (pytest.approx(23 / 24), 1.0)
    assert (found.people, found.pairs) == (3, 24)
    (units,) = found.by
    assert [(group.name, group.population, group.hidden) for group in units.groups] == [
        ("Ward 1", 20, True), ("others", 10, True)
    ]  # fmt: skip


def test_picked_cards_stay_apart(mart, engine, reviews) -> None:
    """The card of a comment is judged, and is in no weighted share."""
    card = commented_card(mart, comment_key("fix\nthe rule"), "icu-mortality", "1.0.0")
    assert card == CARDS
    assert commented_card(mart, comment_key("fix"), "icu-mortality", "1.0.0") is None
    assert [reviews.pick(card, NOW), reviews.pick(card, NOW)] == [True, False]
    for person in ("ann", "ben"):
        assert judge_all(reviews, person, name=COMMENTS.name) == 1
    found = results(reviews.sheet(COMMENTS.name))
    assert found.share is PICKED
    assert found.counts[YES] == 1
    (label,) = labels(engine, reviews.sheets())
    assert label.sampling_probability is None
    assert SqlCases(engine, Pseudonyms(KEY)).case(card, NOW).comment == "fix\nthe rule"


def test_labels_are_the_verdicts_that_stand(engine, reviews, sheet) -> None:
    """With the hash of the entry and the probability, and nobody's name; a spreadsheet takes no cell for a formula."""
    first = sheet.items[0].number
    judge_all(reviews, "ann")
    judge_all(reviews, "ben", lambda item: NO if item.number == first else YES)
    found = labels(engine, reviews.sheets())
    assert len(found) == 23
    reviews.settle("march", first, NO, "a rising lactate", person="cem", now=NOW)
    found = labels(engine, reviews.sheets())
    by_third = [each for each in found if each.adjudicated]
    assert [(each.verdict, each.reviewers, each.settled) for each in by_third] == [("inappropriate", 3, NOW.date())]
    with engine.connect() as connection:
        known = {row.id: row.digest for row in connection.execute(select(tables.advice))}
    assert all(known[each.advice] == each.entry_hash for each in found)
    file = io.StringIO(newline="")
    assert write_csv([replace(found[0], stratum="=1+1"), replace(found[1], stratum=" @x")], file) == 2
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [row["stratum"] for row in rows] == ["'=1+1", "' @x"]
    assert rows[0]["sampling_probability"] == "0.8"
    for hidden in ("ann", "p-4711", "dr-", "because", reviews.reviewer("ann")):
        assert hidden not in file.getvalue()
    assert "is not a label" in note(NOW.date())
    assert "2026-03-09" in note(NOW.date())


def test_a_verdict_of_another_version_is_told(engine, reviews, sheet) -> None:
    """It is not counted as something else."""
    reviews.judge("march", sheet.items[0].number, YES, "", person="ann", now=NOW)
    with engine.begin() as connection:
        row = dict(connection.execute(select(tables.review)).mappings().one())
        new = {name: value for name, value in row.items() if name not in chain.HASHES | {"sequence"}}
        chain.append(connection, tables.review, new | {"content_key": "0" * 64, "verdict": "perhaps"})
    with pytest.raises(LedgerUnavailable, match="verdict"):
        reviews.sheet("march")


def test_one_draw_is_one_item(reviews) -> None:
    """Without any card there is no plan."""
    reviews.add(plan(), (), NOW)
    assert reviews.sheets() == ()
    assert Drawn(1, (), 1.0).probability == 1.0


def test_the_list_of_a_person_is_what_each_plan_says(reviews, sheet) -> None:
    """In three questions instead of some for each plan; with the same turns."""
    number = sheet.items[3].number
    reviews.judge("march", number, NO, "no", person="ben", now=NOW)
    reviews.judge("march", number, YES, "", person="cem", now=NOW)
    for person in ("ann", "ben", "Practitioner/dr-1"):
        (found,) = reviews.queued(person)
        assert found.sheet == reviews.sheet("march")
        assert found.judging == reviews.turn("march", person)
        assert found.settling == reviews.turn_to_settle("march", person)


def test_the_number_of_an_item_says_nothing_of_its_day(reviews, sheet) -> None:
    """It stands in the reviewer's form, and cards are drawn in the order of time."""
    by_number = sorted(sheet.items, key=lambda item: item.number)
    assert by_number == list(sheet.items)
    assert [item.advice for item in by_number] != sorted(item.advice for item in sheet.items)
