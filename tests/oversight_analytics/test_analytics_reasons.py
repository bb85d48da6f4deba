"""Reasons and comments of overridden cards: shares of all overrides, and comments without anybody's name."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from oversight.analytics.reasons import MOST_RANKED, Comment, inbox, reasons, reasons_by
from oversight.analytics.selection import By, Selection
from oversight.proportions import proportion


@pytest.fixture
def answers():
    """Of ten cards: six overridden, for two reasons, "other" and none; one accepted with a reason; three silent."""
    code = ["done", "done", "done", "other", None, "rare", "done"]
    display = ["Done", "Already done", "Already done", "Other", None, None, "Done"]
    comment = ["wrong lab value, fix the rule", "", "will monitor", "", "will monitor", "", "nobody asks"]
    return {
        "about": np.arange(1, 8),
        "outcome": np.array(["overridden"] * 6 + ["accepted"], dtype=object),
        "reason_code": np.array(code, dtype=object),
        "reason_display": np.array(display, dtype=object),
        "comment": np.array(comment, dtype=object),
        "clinician": "dr-somebody",
    }


@pytest.fixture
def entries():
    """Two weeks, two versions."""
    return {"days": [0, 0, 0, 7, 7, 7, 7, 7, 7, 7],
            "model_version": np.array(["1"] * 4 + ["2"] * 6, dtype=object)}  # fmt: skip


def test_shares_are_of_all_overrides(make_mart, period, entries, answers) -> None:
    """Missing and "other" among them; the commonest display stands for a code, the code where there is none."""
    with make_mart(10, entries, answers) as mart:
        found = reasons(mart, Selection(period))
    assert found.overridden == 6
    assert [(one.code, one.display, one.share) for one in found.given] == [
        ("done", "Already done", proportion(3, 6)),
        ("other", "Other", proportion(1, 6)),
        ("rare", "rare", proportion(1, 6)),
    ]
    assert [round(one.together, 4) for one in found.given] == [0.5, 0.6667, 0.8333]
    assert (found.missing, found.other) == (proportion(1, 6), proportion(1, 6))


def test_weeks_and_versions_add_up(make_mart, period, entries, answers) -> None:
    """Each override stands in one of each."""
    with make_mart(10, entries, answers) as mart:
        weeks = reasons_by(mart, Selection(period), By.WEEK)
        versions = reasons_by(mart, Selection(period), By.MODEL)
    assert [(one.key, one.overridden, one.reasons) for one in weeks] == [
        ("2026-03-02", 3, {"done": 3}),
        ("2026-03-09", 3, {"other": 1, "": 1, "rare": 1}),
    ]
    assert [(one.key, one.overridden) for one in versions] == [("icu-mortality 1", 4), ("icu-mortality 2", 2)]


def test_the_comment_that_sounds_broken_stands_first(make_mart, period, entries, answers) -> None:
    """With the words that raised it; equal ones of a service and version are one line."""
    with make_mart(10, entries, answers) as mart:
        found = inbox(mart, Selection(period))
    assert [one.text for one in found.comments] == ["wrong lab value, fix the rule", "will monitor", "will monitor"]
    assert (found.different, found.lines) == (2, 3)
    assert "rule" in {word.text for word in found.comments[0].ranked.raised_by}
    assert found.comments[0].ranked.score > 0 > found.comments[1].ranked.score


def test_a_comment_names_nobody() -> None:
    """Neither clinician, nor patient, nor unit, nor the day."""
    assert [field.name for field in dataclasses.fields(Comment)] == [
        "text", "times", "week", "service", "version", "reason", "ranked", "supported",
    ]  # fmt: skip


def test_no_more_comments_are_ranked_than_somebody_waits_for(make_mart, period) -> None:
    """The newest ones; the number of all is told."""
    number = MOST_RANKED + 5
    comments = np.array([f"comment {'x' * (n % 7)} {n}" for n in range(number)], dtype=object)
    given = {"about": np.arange(1, number + 1), "outcome": "overridden", "comment": comments}
    with make_mart(number, {}, given) as mart:
        found = inbox(mart, Selection(period))
    assert (len(found.comments), found.different, found.lines) == (MOST_RANKED, number, number)
    assert not {"comment  0", "comment xxxx 4"} & {one.text for one in found.comments}


def test_without_overrides_there_is_no_share(make_mart, period) -> None:
    """None, not zero."""
    with make_mart(1, {}) as mart:
        found, letters = reasons(mart, Selection(period)), inbox(mart, Selection(period))
    assert (found.overridden, found.given, found.missing, found.other) == (0, (), None, None)
    assert (letters.comments, letters.different, letters.lines) == ((), 0, 0)


def test_the_page_counts_texts_and_says_how_many_lines_they_are(make_mart, get, entries, answers) -> None:
    """The same words on two versions are one comment and two lines."""
    with make_mart(10, entries, answers):
        text = get("/oversight/reasons?from=2026-03-02&to=2026-03-29").text
    assert "2 different comments in 3 lines, one for each service and version; those first" in text
