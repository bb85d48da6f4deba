"""The way of advice: assessed, withheld (why), shown, answered, accepted, action seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions
from oversight.proportions import Proportion, proportion


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts of entries; `key` is the group, empty for all.

    `entries` are all; `on_page` of them were openings of the clinician's page, which nobody was called to and which
    stand in no other count. Of the rest, `abstained` found no answer (of them `abstained_shown` said so on a card) and
    `assessed` did; of these `withheld` were not shown, by reason, and `cards` were. Of the cards, `accepted`,
    `overridden` and `snoozed` were answered so and `no_answer` were not. After a card an action may have been seen in
    the patient's record: of the accepted, of those without an answer (acceptance that nobody told, only inferred), and
    of the overridden and snoozed.
    """

    key: str
    entries: int
    on_page: int
    abstained: int
    abstained_shown: int
    assessed: int
    withheld: tuple[tuple[str, int], ...]
    cards: int
    accepted: int
    overridden: int
    snoozed: int
    accepted_acted: int = 0
    silent_acted: int = 0
    declined_acted: int = 0

    @property
    def answered(self) -> int:
        """Accepted or overridden."""
        return self.accepted + self.overridden

    @property
    def no_answer(self) -> int:
        """Shown, and nothing heard, or nothing that still stands."""
        return self.cards - self.answered - self.snoozed

    @property
    def override_rate(self) -> Proportion | None:
        """Overridden of answered. Never to be shown without `no_answer_share`."""
        return proportion(self.overridden, self.answered)

    @property
    def acceptance_rate(self) -> Proportion | None:
        """Accepted of all cards."""
        return proportion(self.accepted, self.cards)

    @property
    def no_answer_share(self) -> Proportion | None:
        """Not answered of all cards."""
        return proportion(self.no_answer, self.cards)

    @property
    def acted(self) -> int:
        """Cards after which an action was seen, whatever was answered."""
        return self.accepted_acted + self.silent_acted + self.declined_acted

    @property
    def action_share(self) -> Proportion | None:
        """Action seen of all cards."""
        return proportion(self.acted, self.cards)

    @property
    def accepted_action_share(self) -> Proportion | None:
        """Action seen of the accepted cards."""
        return proportion(self.accepted_acted, self.accepted)

    @property
    def inferred_share(self) -> Proportion | None:
        """Action seen of the cards without an answer: inferred acceptance."""
        return proportion(self.silent_acted, self.no_answer)

    @property
    def declined_action_share(self) -> Proportion | None:
        """Action seen of the overridden and snoozed cards."""
        return proportion(self.declined_acted, self.overridden + self.snoozed)


# The many entries are read once, into the few kinds of them that there are; what is asked is then asked of these.
_KINDS = """
CREATE OR REPLACE TEMP TABLE kind AS SELECT {read}hook = 'smart-launch' AS page, abstention IS NOT NULL AS abstained,
  withheld, card, outcome, acted, count(*) AS n
FROM event WHERE {where} GROUP BY ALL
"""
# A group has a row for each reason for which assessed entries were withheld, and one for all others.
_COUNTS = """
SELECT {by} AS key, CASE WHEN NOT page AND NOT abstained THEN withheld END AS reason, sum(n),
  sum(if(page, n, 0)), sum(if(NOT page AND abstained, n, 0)),
  sum(if(NOT page AND abstained AND withheld IS NULL, n, 0)),
  sum(if(NOT page AND NOT abstained, n, 0)), sum(if(card, n, 0)),
  sum(if(card AND outcome = 'accepted', n, 0)), sum(if(card AND outcome = 'overridden', n, 0)),
  sum(if(card AND outcome = 'snoozed', n, 0)), sum(if(card AND acted AND outcome = 'accepted', n, 0)),
  sum(if(card AND acted AND outcome IS NULL, n, 0)),
  sum(if(card AND acted AND outcome IN ('overridden', 'snoozed'), n, 0))
FROM kind GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""
# What a group is told from, where that is not a column of its own name; a text is made of each kind, not of each entry.
_READ = {
    By.MODEL: ("model_id", "model_version"),
    By.TIER: ("tier",),
    By.REASON: ("reason",),
    By.DAY: ("date",),
    By.WEEK: ("date",),
    By.MONTH: ("date",),
    By.HOUR: ("time // 3600000000 % 24 * 3600000000 AS time",),
}


def funnel(mart: Questions, selection: Selection) -> Funnel:
    """All of a selection."""
    _read(mart, selection, ())
    found = _funnels(mart, "''")
    return found[0] if found else Funnel("", 0, 0, 0, 0, 0, (), 0, 0, 0, 0)


def funnels(mart: Questions, selection: Selection, by: By) -> tuple[Funnel, ...]:
    """By group, in the order of the keys."""
    return funnels_by(mart, selection, (by,))[by]


def funnels_by(mart: Questions, selection: Selection, groups: Sequence[By]) -> dict[By, tuple[Funnel, ...]]:
    """Several groupings of the same entries, for which these are read once. Better of few groups than of many."""
    _read(mart, selection, groups)
    return {by: _funnels(mart, by.value) for by in groups}


def _read(mart: Questions, selection: Selection, groups: Sequence[By]) -> None:
    """Lay out the kinds of entries, as far as these groups need to tell them apart."""
    where, values = selection.where()
    columns = dict.fromkeys(column for by in groups for column in _READ.get(by, (by.value,)))
    mart.rows(_KINDS.format(read="".join(f"{column}, " for column in columns), where=where), values)


def _funnels(mart: Questions, by: str) -> tuple[Funnel, ...]:
    """The rows of each group together; they follow one another."""
    found = []
    for key, rows in groupby(mart.rows(_COUNTS.format(by=by)), key=lambda row: row[0]):
        reasons, numbers, *counts = zip(*(row[1:] for row in rows), strict=True)
        withheld = tuple((why, number) for why, number in zip(reasons, numbers, strict=True) if why is not None)
        page, abstained, said, assessed, *cards = map(sum, counts)
        found.append(Funnel(key, sum(numbers), page, abstained, said, assessed, withheld, *cards))
    return tuple(found)


def actions_loaded(mart: Questions) -> bool:
    """Whether actions of any advice have ever been loaded. Without them, "no action seen" says nothing."""
    return bool(mart.rows("SELECT 1 FROM action_seen LIMIT 1"))
