"""Which days are told to who may not see single clinicians: whole weeks, so that two periods differ by many people.

The figures of a whole selection stand in plain counts, so those of one day could be had by taking from a period the
same without that day. Hence periods begin on a Monday and end on a Sunday, of weeks that are over; and a week of few
clinicians or few cards is joined to the next ones until together they are of enough. Whoever sets two periods with the
same filters against each other then finds whole stretches only (Hundepool et al. 2012, Statistical Disclosure Control,
chapter 5: differencing is prevented by a fixed set of building blocks).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import ClassVar

from oversight.analytics.few_clinicians import ANSWERED, FEWEST
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.suppression import SMALLEST_SHOWN
from oversight.tallies import Period, monday_of

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
# A million entries become some thousands of people and weeks first, and these are then listed.
_WEEKS = f"""
SELECT week, list(who) FILTER (who IS NOT NULL), list(who) FILTER (who IS NOT NULL AND answered), sum(entries),
  sum(cards)
FROM (
  SELECT CAST(date_trunc('week', date) AS DATE) AS week,
    CASE WHEN clinician <> '' THEN hash(client, clinician) END AS who, bool_or({ANSWERED}) AS answered,
    count(*) AS entries, count(*) FILTER (card) AS cards
  FROM event WHERE {{where}} GROUP BY 1, 2)
GROUP BY 1
"""  # noqa: S608 (our words)


def whole_weeks(period: Period) -> Period:
    """From the Monday of its first week to its last Sunday: two such periods differ by weeks, never by a day."""
    first = monday_of(period.first)
    # The calendar ends with a Friday; before its first Monday there is nothing.
    sunday = period.last.toordinal() - (period.last.weekday() + 1) % 7
    return Period(first, date.fromordinal(min(max(sunday, first.toordinal() + 6), date.max.toordinal())))


@dataclass(frozen=True, slots=True)
class Week:
    """Who stands behind a week, and of how much; weeks can be taken together."""

    advised: frozenset[int] = frozenset()
    answering: frozenset[int] = frozenset()
    entries: int = 0
    cards: int = 0

    def __or__(self, other: Week) -> Week:
        """Both together."""
        return Week(
            self.advised | other.advised,
            self.answering | other.answering,
            self.entries + other.entries,
            self.cards + other.cards,
        )

    @property
    def of_enough(self) -> bool:
        """Of nobody, or of so many that figures of it speak of no single one."""
        people = (len(self.advised), len(self.answering))
        numbers = (self.entries, self.cards)
        return not any(0 < n < FEWEST for n in people) and not any(0 < n < SMALLEST_SHOWN for n in numbers)


@dataclass(frozen=True, slots=True)
class ToldWeeks:
    """Stretches of weeks, one after the other, each told whole or not at all; before the first there are no entries.

    What lies between the last stretch and `over`, the last Sunday that is over, is not of enough yet and is not told.
    `too_few`: there are entries, and all weeks together are not of enough. Then nothing is told: told as one, they
    would grow by a week each Monday, and two Mondays would tell that week.
    """

    stretches: tuple[Period, ...]
    over: date
    too_few: bool = False

    fewest: ClassVar[int] = FEWEST
    smallest: ClassVar[int] = SMALLEST_SHOWN

    @property
    def why_none(self) -> str | None:
        """The reason in words why nothing at all is told, or None where something is."""
        if not self.too_few:
            return None
        return f"all weeks that are over are together of fewer than {FEWEST} clinicians or {SMALLEST_SHOWN} cards"

    def within(self, asked: Period) -> Period:
        """The days that are shown: back to where a stretch begins, and up to the last end of one in the period.

        Where no end lies in it, the stretch is shown that comes first; after the last stretch, that one.
        """
        weeks = whole_weeks(Period(min(asked.first, self.over), min(asked.last, self.over)))
        if not self.stretches or weeks.last < self.stretches[0].first:
            return weeks
        begun = [each.first for each in self.stretches if each.first <= weeks.first]
        first = max(begun, default=weeks.first)
        ends = [each.last for each in self.stretches if each.last >= first]
        return Period(first, max((last for last in ends if last <= weeks.last), default=ends[0]))

    def divided(self, shown: Period, asked: date) -> date:
        """Where the days that are shown are divided in two: the beginning of the stretch in which a day lies.

        Where that is the first one, or the day lies before it, the next one's; where there is no next, the first day.
        """
        later = [each.first for each in self.stretches if shown.first < each.first <= shown.last]
        return max((first for first in later if first <= asked), default=min(later, default=shown.first))


def told_weeks(mart: Questions, selection: Selection, today: date) -> ToldWeeks:
    """Of all entries with the filters of a selection, whatever its period: so its stretches are the same for each."""
    over = today - (today.weekday() + 1) * _DAY
    where, values = replace(selection, period=Period(date.min, over)).where()
    rows = mart.rows(_WEEKS.format(where=where), values)
    weeks = {
        monday: Week(frozenset(advised or ()), frozenset(answering or ()), int(entries), int(cards))
        for monday, advised, answering, entries, cards in rows
    }
    stretches = tuple(_stretches(weeks, over))
    return ToldWeeks(stretches, over, too_few=bool(weeks) and not stretches)


def _stretches(weeks: Mapping[date, Week], over: date) -> Iterator[Period]:
    """As few weeks in each as are of enough."""
    first = begins = min(weeks, default=over + _DAY)
    together = Week()
    while (sunday := begins + _WEEK - _DAY) <= over:
        together |= weeks.get(begins, Week())
        begins += _WEEK
        if together.of_enough:
            yield Period(first, sunday)
            first, together = begins, Week()
