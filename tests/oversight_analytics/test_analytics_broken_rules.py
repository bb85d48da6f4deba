"""Reasons: comments beside firing by service and version, for who sees clinicians and for who does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from html import unescape
from typing import Any

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE

from chartside.export_key import ExportKey
from oversight.analytics.broken_rules import Evidence, suspects
from oversight.analytics.selection import Selection
from oversight.analytics.voices_by_week import MOST_JUDGED
from oversight.exports.standing import Standing
from oversight.pages.broken_rules import OF_FEW, broken_rules
from oversight.pages.door import roles
from oversight.pages.door.roles import Right, Role
from oversight.pages.exports import ExportParts
from oversight.statistics.refused import Refused

ADDRESS = "/oversight/reasons?from=2026-03-02&to=2026-05-30"
LOUD = (
    "this alert is wrong, he is not on it", "fires on everyone, please fix the rule", "alert makes no sense, wrong",
    "rule is broken, keeps firing", "incorrect alert, wrong patient", "why does this fire, stop this alert",
)  # fmt: skip
QUIET = ("will monitor", "discussed with family", "known, at baseline", "reviewed on rounds", "agreed with the team")
SERVICES = ("icu-mortality", "sepsis-6h")
WEEKS, CALLS, CARDS, CARDS_IF_BROKEN, BROKEN_WEEK = 12, 100, 24, 80, 7
Columns = tuple[dict[str, Any], dict[str, Any]]


def hospital(*, loud: int = 1000, writers: int = 12, weeks: int = WEEKS, version_week: int = 99) -> Columns:
    """Two services; in one week sepsis-6h gives more cards, so many of whose overrides complain (every second one).

    `writers`: the clinicians. `version_week`: from there on sepsis-6h is of another version, and another threshold.
    """
    week = np.repeat(np.arange(weeks), len(SERVICES) * CALLS)
    service = np.tile(np.repeat(np.arange(len(SERVICES)), CALLS), weeks)
    call = np.tile(np.arange(CALLS), weeks * len(SERVICES))
    number = week.size
    broken = (service == 1) & (week == BROKEN_WEEK)
    card = call < np.where(broken, CARDS_IF_BROKEN, CARDS + (7 * week + 3 * service) % 5)
    later = (service == 1) & (week >= version_week)
    advice = {
        "days": 7 * week + call % 7,
        "service": np.array(SERVICES, dtype=object)[service],
        "model_id": np.array(SERVICES, dtype=object)[service],
        "model_version": np.where(later, "2.1.0", "1.0.0").astype(object),
        "tier_at_least": np.where(later, 0.1, 0.2),
        "clinician": np.array([f"c{n % writers:02d}" for n in range(number)], dtype=object),
        "unit_name": np.array([f"Ward {n % 2}" for n in range(number)], dtype=object),
        "withheld": np.where(card, None, "below-threshold"),
    }
    about = np.flatnonzero(card)
    over = (about + week[about]) % 2 == 0
    complains = broken[about] & over
    complains &= np.cumsum(complains) <= loud
    comment = np.where(over & (about % 5 == 0), np.array(QUIET, dtype=object)[about // 10 % len(QUIET)], "")
    comment = np.where(complains, np.array(LOUD, dtype=object)[about // 2 % len(LOUD)], comment)
    return advice, {
        "about": about + 1,
        "outcome": np.where(over, "overridden", "accepted").astype(object),
        "service": advice["service"][about],
        "comment": comment.astype(object),
    }


@pytest.fixture
def read(make_mart, app) -> Callable[..., str]:
    """The page about a hospital, as text with its markup."""

    def text(columns: Columns, further: str = "", address: str = ADDRESS) -> str:
        """Its text."""
        with make_mart(columns[0]["days"].size, *columns):
            answer = app().test_client().get(address + further, headers=INSIDE)
        assert answer.status_code == 200
        return unescape(answer.text)

    return text


@pytest.fixture
def without_the_right(monkeypatch) -> None:
    """Whoever comes in sees figures, and no single clinicians and no comments."""
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})


def table(text: str) -> list[list[str]]:
    """The rows of the table of both."""
    found = re.search(r"<caption>Comments and firing.*?</table>", text, re.DOTALL)
    assert found is not None
    rows = re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", found[0], re.DOTALL)
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in rows
    ]


HEADLINE = (
    "Comments and firing both point to a broken rule in the week of 20 April 2026: look at the rule of "
    "sepsis-6h 1.0.0 first. No new version and no new threshold came at that time."
)


def test_both_agree_and_stand_first(read) -> None:
    """The sentence at the top, the numbers in the table, and the comments of that week marked."""
    text = read(hospital())
    words = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert words.index(HEADLINE) < words.index("Most frequent first")
    first, second = table(text)
    assert first[:2] == ["sepsis-6h 1.0.0", HEADLINE]
    number = re.fullmatch(r"(\d+) of (\d+) [\d.]+ % \([\d.]+ % to [\d.]+ %\) (\d+) of them in those weeks", first[2])
    assert number is not None
    assert int(number[3]) == int(number[1]) == CARDS_IF_BROKEN // 2
    assert first[3] == "higher: 80 %, in the other weeks 26 % in the week of 20 April 2026; 100 calls"
    assert second[:2] == ["icu-mortality 1.0.0", "Neither comments nor firing suggest a broken rule."]
    assert second[3] == "as usual"
    assert text.count("a rate moved then") == len(LOUD)


def test_a_known_change_stands_beside_the_weeks(make_mart, period) -> None:
    """The version and the threshold that came at that time are named, and do not hide what moved."""
    columns = hospital(version_week=BROKEN_WEEK)
    with make_mart(columns[0]["days"].size, *columns) as mart:
        found = broken_rules(mart, Selection(period))
    (headline,) = found.headline
    assert "look at the rule of sepsis-6h 2.1.0 first." in headline
    assert (
        "At that time version 2.1.0 came on 20 April 2026 and a threshold was changed on 20 April 2026, which may be "
        "all there is to it." in headline
    )


def test_firing_alone(make_mart, period) -> None:
    """More cards in a week in which nobody complains."""
    columns = hospital(loud=0)
    with make_mart(columns[0]["days"].size, *columns) as mart:
        found = suspects(mart, Selection(period), period)
    assert [(each.service, each.evidence) for each in found] == [
        ("sepsis-6h", Evidence.FIRING), ("icu-mortality", Evidence.NOTHING),
    ]  # fmt: skip


def test_comments_alone_where_there_are_too_few_weeks(make_mart, period) -> None:
    """Four weeks, all of them loud: what firing did nobody can tell, and that is said."""
    columns = hospital(weeks=4)
    columns[1]["comment"][:] = np.array(
        [f"{LOUD[n % 6]} {'again ' * (n // 6 % 9)}" for n in range(len(columns[1]["comment"]))]
    )
    with make_mart(columns[0]["days"].size, *columns) as mart:
        found = suspects(mart, Selection(period), period)
        lines = broken_rules(mart, Selection(period)).lines
    assert {each.evidence for each in found} == {Evidence.COMMENTS}
    assert all(isinstance(each.firing, Refused) for each in found)
    assert {line.says for line in lines} == {"Comments alone suggest a broken rule: read them first."}
    assert {line.firing.what for line in lines} == {"too few weeks to tell"}


def test_one_person_is_no_evidence(make_mart, period) -> None:
    """All comments are of one clinician."""
    columns = hospital(writers=1)
    with make_mart(columns[0]["days"].size, *columns) as mart:
        assert suspects(mart, Selection(period), period)[0].evidence is Evidence.FIRING


def test_many_comments_are_a_sample_and_the_page_says_so(make_mart, period) -> None:
    """Of more different comments than are judged: alike for all weeks."""
    columns = hospital()
    number = len(columns[1]["comment"])
    turns = -(-(MOST_JUDGED + 500) // number)
    advice = {name: np.tile(column, turns) for name, column in columns[0].items()}
    size = columns[0]["days"].size
    answers = {name: np.tile(column, turns) for name, column in columns[1].items() if name != "about"}
    answers["about"] = np.concatenate([columns[1]["about"] + turn * size for turn in range(turns)])
    answers["outcome"][:] = "overridden"
    answers["comment"] = np.array(
        [
            f"{text or 'will monitor'} {'x' * (n % 40)} {'y' * (n // 40 % 90)}"
            for n, text in enumerate(answers["comment"])
        ],
        dtype=object,
    )
    with make_mart(size * turns, advice, answers) as mart:
        found = broken_rules(mart, Selection(period))
    assert found.sampled
    assert sum(each.voices.comments for each in found.found) < sum(each.written for each in found.found)
    assert found.lines[0].loud


@pytest.mark.usefixtures("without_the_right")
def test_without_the_right_there_are_words_and_no_numbers(read) -> None:
    """The same sentence; neither counts nor a comment."""
    text = read(hospital())
    assert HEADLINE in " ".join(re.sub(r"<[^>]+>", " ", text).split())
    first, second = table(text)
    assert first[2:] == ["11 or more", "higher in the week of 20 April 2026", "as usual"]
    assert second[1:] == [
        "Firing does not suggest a broken rule.", "fewer than 11, or of few clinicians", "as usual", "as usual",
    ]  # fmt: skip
    assert not any(comment in text for comment in (*LOUD, *QUIET))


@pytest.mark.usefixtures("without_the_right")
@pytest.mark.parametrize("change", [{"loud": 10}, {"writers": 4}])
def test_few_comments_and_few_writers_are_not_told(make_mart, period, change) -> None:
    """Ten complaints, or four people: firing alone is told, as if nobody had written."""
    columns = hospital(**change)
    with make_mart(columns[0]["days"].size, *columns) as mart:
        whole = broken_rules(mart, Selection(period))
        found = broken_rules(mart, Selection(period), counts=False)
    assert whole.headline
    assert found.headline == ()
    assert {line.comments for line in found.lines} == {"fewer than 11, or of few clinicians"}
    assert not any("omments" in line.says for line in found.lines)
    assert found.found == ()


def test_hidden_weeks_are_in_no_part_of_it(make_mart, period) -> None:
    """What is hidden elsewhere on the page moves no rate here."""
    columns = hospital()
    with make_mart(columns[0]["days"].size, *columns) as mart:
        found = broken_rules(mart, Selection(period), counts=False, hidden_weeks=("2026-04-20",))
    assert found.headline == ()
    assert {line.firing.what for line in found.lines} == {"as usual"}


class Nothing:
    """Nothing stands open."""

    def read(self, _now: datetime) -> Standing:
        """Neither runs nor alerts nor incidents."""
        return Standing((), (), ())

    def switched(self, _first: object, _until: object) -> tuple[()]:
        """Nothing."""
        return ()


def test_the_pack_has_the_sentence_among_what_is_due(make_mart, app) -> None:
    """And at its service; to nobody does it tell a count of comments, or a comment."""
    columns = hospital()
    parts = ExportParts(Nothing(), ExportKey(b"s" * 32), "https://h.example", "Chartside 1")
    with make_mart(columns[0]["days"].size, *columns):
        address = "/oversight/exports/committee_pack.html?from=2026-03-02&to=2026-05-30"
        answer = app(exports=parts).test_client().get(address, headers=INSIDE, buffered=True)
    assert answer.status_code == 200
    text = unescape(answer.text)
    due = text[text.index("<h2>Decisions due") : text.index("<h2>All services in short")]
    assert f'<p class="warning">{HEADLINE}</p>' in due
    assert f"<li>Version 1.0.0: {HEADLINE}</li>" in text
    assert "<li>Version 1.0.0: Firing does not suggest a broken rule.</li>" in text
    assert not any(comment in text for comment in (*LOUD, *QUIET))


@pytest.mark.usefixtures("without_the_right")
def test_of_one_unit_nothing_is_told(read) -> None:
    """A unit's weeks may be those of one person."""
    text = read(hospital(), "&unit=Ward 0")
    assert OF_FEW in text
    assert "broken rule in the week" not in text
    assert "Comments and firing by service" not in text


def test_the_page_without_comments_still_opens(read) -> None:
    """Nobody wrote anything."""
    columns = hospital()
    columns[1]["comment"][:] = ""
    rows = table(read(columns))
    assert {row[2] for row in rows} == {"no comment"}


def test_a_filter_by_service_asks_of_that_one_only(read) -> None:
    """Its sentence is the same as among all services."""
    text = read(hospital(), "&service=sepsis-6h")
    assert [row[:2] for row in table(text)] == [["sepsis-6h 1.0.0", HEADLINE]]


def test_a_later_period_does_not_tell_of_earlier_weeks(read) -> None:
    """The weeks are judged against half a year, but told where they belong to the period."""
    text = read(hospital(), address="/oversight/reasons?from=2026-05-04&to=2026-05-24")
    assert [row[0] for row in table(text)]
    assert "both point to a broken rule" not in text
    text = read(hospital(), address="/oversight/reasons?from=2026-04-20&to=2026-05-03")
    assert "both point to a broken rule in the week of 20 April 2026" in text
