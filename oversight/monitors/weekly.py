"""What a service did week by week, counted in one question to the mart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from oversight.analytics.burden import REPEAT_DAYS, REPEAT_MICROSECONDS
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.weeks import WEEK

Counts = npt.NDArray[np.int64]
COLUMNS = ("day", "time", "service", "client", "patient", "clinician", "hook", "model_version", "card", "outcome")


@dataclass(frozen=True, slots=True)
class Weekly:
    """One entry a week, oldest first, of whole weeks from `first` on.

    Entries of the page are left out: nobody was interrupted. `since` is the place of the first week of the version that
    is in use in the last one; it is 0 where no other was before.
    """

    first: date
    entries: Counts
    cards: Counts
    accepted: Counts
    overridden: Counts
    snoozed: Counts
    repeats: Counts
    version: str
    since: int

    @property
    def answered(self) -> Counts:
        """Accepted or overridden."""
        return self.accepted + self.overridden

    @property
    def no_answer(self) -> Counts:
        """Cards of which nothing was heard."""
        return self.cards - self.answered - self.snoozed

    def monday(self, place: int) -> date:
        """The first day of a week."""
        return self.first + place * WEEK


_COUNTS = """
WITH chosen AS (SELECT *, time - lag(time) OVER (
    PARTITION BY card, client, service, patient, clinician ORDER BY time, sequence) AS gap
  FROM event WHERE hook <> 'smart-launch' AND {where})
SELECT (day - $first) // 7 AS week, model_version, count(*), count(*) FILTER (card),
  count(*) FILTER (card AND outcome = 'accepted'), count(*) FILTER (card AND outcome = 'overridden'),
  count(*) FILTER (card AND outcome = 'snoozed'), count(*) FILTER (card AND gap <= {repeat})
FROM chosen WHERE day >= $first GROUP BY 1, 2 ORDER BY 1, 2
"""


def weekly(mart: Questions, selection: Selection) -> Weekly:
    """The weeks of a selection whose period is whole weeks."""
    where, values = selection.where(REPEAT_DAYS)
    rows = mart.rows(_COUNTS.format(where=where, repeat=REPEAT_MICROSECONDS), values)
    period = selection.period
    size = ((period.last - period.first).days + 1) // 7
    counts = np.zeros((6, size), np.int64)
    usual: list[dict[str, int]] = [{} for _ in range(size)]
    for week, version, *numbers in rows:
        counts[:, week] += numbers
        usual[week][version] = numbers[0]
    names = [max(each, key=lambda name: each[name]) if each else "" for each in usual]
    version = next((name for name in reversed(names) if name), "")
    others = [place for place, name in enumerate(names) if name not in ("", version)]
    entries, cards, accepted, overridden, snoozed, repeats = counts
    since = max(others, default=-1) + 1
    return Weekly(period.first, entries, cards, accepted, overridden, snoozed, repeats, version, since)
