"""The quality of the data that each feed (a client at a door) brought: since a day and before it, and by week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from oversight.analytics.drift_rows import DriftRows
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.mart.values import DRAWS
from oversight.statistics.quality import FeedCounts, FeedQuality, Part, feed_quality
from oversight.statistics.suppression import SMALLEST_SHOWN

Counts = npt.NDArray[np.int64]

# What is newer counts as in time. Ours: a day, because most analytes are measured once a day.
IN_TIME_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Feed:
    """A client at a hook. `before` is None where too little came before the day."""

    client: str
    hook: str
    stays: int
    now: FeedQuality
    before: FeedQuality | None


@dataclass(frozen=True, slots=True, eq=False)
class FeedWeeks:
    """A feed by whole weeks from `monday` on: `stays` (weeks,), and of each `Part` in its order `good` of `all`.

    Both have the shape (parts, weeks); each stay counts once in each week, with its first assessment there.
    """

    client: str
    hook: str
    monday: date
    stays: Counts
    good: Counts
    all: Counts

    @property
    def name(self) -> str:
        """As pages and alerts call it."""
        return feed_name(self.client, self.hook)

    def quality(self, weeks: slice) -> FeedQuality:
        """The score of some of the weeks together."""
        pairs = zip(self.good[:, weeks].sum(axis=1).tolist(), self.all[:, weeks].sum(axis=1).tolist(), strict=True)
        return feed_quality(FeedCounts(self.name, *pairs))


# What is counted of each part, in the order of `Part`: good, then all.
_PARTS = f"""sum(signals - missing), sum(signals),
  count(*) FILTER (age_hours <= {IN_TIME_HOURS}), count(*) FILTER (NOT isnan(age_hours)),
  sum(facts), sum(facts + implausible), sum(facts), sum(facts + unit_unknown)"""
_COUNTS = f"""
SELECT client, hook, now, count(*), {_PARTS}
FROM drift_drawn JOIN value USING (sequence) WHERE value.draw < $limit GROUP BY 1, 2, 3 ORDER BY 1, 2
"""  # noqa: S608 (our words and number)
_WEEKS = f"""
WITH entry AS (SELECT sequence, client, hook, (day - $first) // 7 AS week FROM advice
  WHERE hook <> 'smart-launch' AND {{where}}
  QUALIFY row_number() OVER (PARTITION BY
    hash(client, encounter IS NULL, coalesce(encounter, patient), (day - $first) // 7) ORDER BY time, sequence) = 1)
SELECT client, hook, week, count(*), {_PARTS}
FROM entry JOIN value USING (sequence) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 (our words and number)


def feeds(mart: Questions, rows: DriftRows) -> tuple[Feed, ...]:
    """Of the stays that were drawn. Feeds with fewer than eleven stays since the day are left out."""
    found: dict[tuple[str, str], dict[bool, tuple[int, FeedQuality]]] = {}
    for client, hook, now, stays, *counts in mart.rows(_COUNTS, {"limit": round(DRAWS * rows.share)}):
        quality = feed_quality(FeedCounts(feed_name(client, hook), *_pairs([int(each or 0) for each in counts])))
        if stays >= SMALLEST_SHOWN:
            found.setdefault((client, hook), {})[now] = (stays, quality)
    return tuple(
        Feed(client, hook, *each[True], each[False][1] if False in each else None)
        for (client, hook), each in found.items()
        if True in each
    )


def feeds_by_week(mart: Questions, selection: Selection) -> tuple[FeedWeeks, ...]:
    """Every feed of a selection whose period is whole weeks, all of its stays: nothing is sampled."""
    where, values = selection.where()
    weeks = ((selection.period.last - selection.period.first).days + 1) // 7
    found: dict[tuple[str, str], FeedWeeks] = {}
    for client, hook, week, stays, *counts in mart.rows(_WEEKS.format(where=where), values):
        feed = found.setdefault((client, hook), _nothing(client, hook, selection.period.first, weeks))
        numbers = np.array([int(each or 0) for each in counts]).reshape(len(Part), 2)
        feed.stays[week], feed.good[:, week], feed.all[:, week] = stays, numbers[:, 0], numbers[:, 1]
    return tuple(found.values())


def feed_name(client: str, hook: str) -> str:
    """`ward at patient-view`."""
    return f"{client} at {hook}"


def _nothing(client: str, hook: str, monday: date, weeks: int) -> FeedWeeks:
    """A feed of which nothing was counted yet."""
    good, every = (np.zeros((len(Part), weeks), np.int64) for _ in range(2))
    return FeedWeeks(client, hook, monday, np.zeros(weeks, np.int64), good, every)


def _pairs(
    counts: list[int],
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    """(good, all) of each part."""
    present, expected, fresh, received, plausible, valued, known, of = counts
    return (present, expected), (fresh, received), (plausible, valued), (known, of)
