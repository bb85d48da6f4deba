"""The way of advice: assessed, withheld (why), shown, answered, accepted."""

from __future__ import annotations

from dataclasses import dataclass

from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions
from oversight.proportions import Proportion, proportion


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts of entries; `key` is the group, empty for all.

    `entries` are all; `on_page` of them were openings of the clinician's page, which nobody was called to and which
    stand in no other count. Of the rest, `abstained` found no answer (of them `abstained_shown` said so on a card) and
    `assessed` did; of these `withheld` were not shown, by reason, and `cards` were. Of the cards, `accepted`,
    `overridden` and `snoozed` were answered so and `no_answer` were not.
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


_COUNTS = """
SELECT {by} AS key, count(*), count(*) FILTER (page), count(*) FILTER (NOT page AND abstention IS NOT NULL),
  count(*) FILTER (NOT page AND abstention IS NOT NULL AND withheld IS NULL),
  count(*) FILTER (NOT page AND abstention IS NULL), count(*) FILTER (card),
  count(*) FILTER (card AND outcome = 'accepted'), count(*) FILTER (card AND outcome = 'overridden'),
  count(*) FILTER (card AND outcome = 'snoozed')
FROM (SELECT *, hook = 'smart-launch' AS page FROM event) WHERE {where} GROUP BY 1 ORDER BY 1
"""
_WITHHELD = """
SELECT {by} AS key, withheld, count(*) FROM event
WHERE hook <> 'smart-launch' AND abstention IS NULL AND withheld IS NOT NULL AND {where}
GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""


def funnel(mart: Questions, selection: Selection) -> Funnel:
    """All of a selection."""
    found = _funnels(mart, selection, "''")
    return found[0] if found else Funnel("", 0, 0, 0, 0, 0, (), 0, 0, 0, 0)


def funnels(mart: Questions, selection: Selection, by: By) -> tuple[Funnel, ...]:
    """By group, in the order of the keys."""
    return _funnels(mart, selection, by.value)


def _funnels(mart: Questions, selection: Selection, by: str) -> tuple[Funnel, ...]:
    """Both questions, joined by the key."""
    where, values = selection.where()
    why: dict[str, list[tuple[str, int]]] = {}
    for key, reason, number in mart.rows(_WITHHELD.format(by=by, where=where), values):
        why.setdefault(key, []).append((reason, number))
    found = []
    for key, entries, page, abstained, said, assessed, *cards in mart.rows(_COUNTS.format(by=by, where=where), values):
        shown, accepted, overridden, snoozed = cards
        withheld = tuple(why.get(key, ()))
        counts = (entries, page, abstained, said, assessed, withheld, shown, accepted, overridden, snoozed)
        found.append(Funnel(key, *counts))
    return tuple(found)
