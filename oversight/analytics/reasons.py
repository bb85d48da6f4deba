"""Why cards were overridden: the reasons that were given, how many gave none, and what was written beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions
from oversight.proportions import Proportion, proportion
from oversight.statistics.comments import Ranked, usual_ranker

# Codes that say "something else" and so nothing (HL7 v3 NullFlavor has OTH).
OTHER = frozenset({"other", "oth"})
# Nobody reads more.
MOST_RANKED = 2_000
# By how much a comment is raised, in log-odds, whose service fired unlike itself when it was written. Of the labelled
# comments this brings more of the broken ones forward, and costs little where the weeks have nothing to do with them.
SUPPORT = 0.3


@dataclass(frozen=True, slots=True)
class Reason:
    """`number` overrides gave this reason, a `share` of all overrides; `together` is the share up to this line."""

    code: str
    display: str
    share: Proportion
    together: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """The overrides of a week or a version: `reasons` by code, "" for those without one."""

    key: str
    overridden: int
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Reasons:
    """The reasons of `overridden` overrides, most frequent first.

    `missing` gave none, `other` said "other"; both are shares of all overrides, None where there are none.
    """

    overridden: int
    given: tuple[Reason, ...]
    missing: Proportion | None
    other: Proportion | None


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as it was written, so many times, lastly in the week from `week`. Nobody's name is here to be had.

    `supported`: a rate of its service moved in that week too, which puts it higher than its words alone.
    """

    text: str
    times: int
    week: date
    service: str
    version: str
    reason: str
    ranked: Ranked
    supported: bool = False

    @property
    def weight(self) -> float:
        """By which comments are put in order. Nothing makes a comment suspicious that sounds sound."""
        return self.ranked.score + (SUPPORT if self.supported and self.ranked.score > 0 else 0.0)


@dataclass(frozen=True, slots=True)
class Inbox:
    """Comments, the most suspicious first: the newest `MOST_RANKED` of `lines`, one for each text, service and version.

    `different`: how many texts there are.
    """

    comments: tuple[Comment, ...]
    different: int
    lines: int


_OVERRIDDEN = "FROM event WHERE card AND outcome = 'overridden' AND {where}"
# Of two that are as common, the first by letters: a page asked twice says the same.
_COUNTS = f"""
SELECT coalesce(reason, ''), mode(reason_display ORDER BY reason_display), count(*) {_OVERRIDDEN}
GROUP BY 1 ORDER BY 3 DESC, 1
"""
_WORDS = "coalesce(reason_display, reason)"
_BY = f"SELECT CAST({{by}} AS VARCHAR), coalesce(reason, ''), count(*) {_OVERRIDDEN} GROUP BY 1, 2 ORDER BY 1"
_COMMENTS = f"""
SELECT comment, count(*), max(CAST(date_trunc('week', date) AS DATE)), CAST(service AS VARCHAR),
  CAST(model_version AS VARCHAR), coalesce(mode({_WORDS} ORDER BY {_WORDS}), ''), count(DISTINCT comment) OVER (),
  count(*) OVER ()
{_OVERRIDDEN} AND comment <> '' GROUP BY 1, 4, 5 ORDER BY max(sequence) DESC LIMIT {MOST_RANKED}
"""


def _nothing(_service: str, _version: str, _week: date) -> bool:
    """Supports no comment."""
    return False


def reasons(mart: Questions, selection: Selection) -> Reasons:
    """Of a selection."""
    where, values = selection.where()
    rows = mart.rows(_COUNTS.format(where=where), values)
    overridden = sum(number for _, _, number in rows)
    given, so_far = [], 0
    for code, display, number in rows:
        share = proportion(number, overridden)
        if code and share:
            so_far += number
            given.append(Reason(code, display or code, share, so_far / overridden))
    missing = sum(number for code, _, number in rows if not code)
    other = sum(number for code, _, number in rows if code.casefold() in OTHER)
    return Reasons(overridden, tuple(given), proportion(missing, overridden), proportion(other, overridden))


def reasons_by(mart: Questions, selection: Selection, by: By) -> tuple[Stretch, ...]:
    """By week or version, in order."""
    where, values = selection.where()
    found: dict[str, dict[str, int]] = {}
    for key, code, number in mart.rows(_BY.format(by=by.value, where=where), values):
        found.setdefault(key, {})[code] = number
    return tuple(Stretch(key, sum(counts.values()), counts) for key, counts in found.items())


def inbox(mart: Questions, selection: Selection, supports: Callable[[str, str, date], bool] = _nothing) -> Inbox:
    """The comments of overridden cards, ranked by how much they sound as if a rule is broken.

    `supports`: whether a rate of a service and version moved in the week from a day, which puts a comment higher.
    Neither clinician nor unit nor day is read: a comment with these could be somebody's.
    """
    where, values = selection.where()
    rows = mart.rows(_COMMENTS.format(where=where), values)
    ranked = usual_ranker().rank([row[0] for row in rows])
    comments = [_comment(rows[each.index], each, supports) for each in ranked]
    different, lines = rows[0][6:] if rows else (0, 0)
    return Inbox(tuple(sorted(comments, key=lambda one: -one.weight)), different, lines)


def _comment(row: tuple[Any, ...], ranked: Ranked, supports: Callable[[str, str, date], bool]) -> Comment:
    """One row of `_COMMENTS`."""
    text, times, week, service, version, reason, *_counts = row
    return Comment(text, times, week, service, version, reason, ranked, supports(service, version, week))
