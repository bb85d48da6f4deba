"""The quality of the data that each feed (a client at a door) brought, since a day and before it."""

from __future__ import annotations

from dataclasses import dataclass

from oversight.analytics.drift_rows import DriftRows
from oversight.mart.mart import Questions
from oversight.mart.values import DRAWS
from oversight.statistics.quality import FeedCounts, FeedQuality, feed_quality
from oversight.statistics.suppression import SMALLEST_SHOWN

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


_COUNTS = f"""
SELECT client, hook, now, count(*), sum(signals - missing), sum(signals),
  count(*) FILTER (age_hours <= {IN_TIME_HOURS}), count(*) FILTER (NOT isnan(age_hours)),
  sum(facts), sum(facts + implausible), sum(facts), sum(facts + unit_unknown)
FROM drift_drawn JOIN value USING (sequence) WHERE value.draw < $limit GROUP BY 1, 2, 3 ORDER BY 1, 2
"""  # noqa: S608 (our number)


def feeds(mart: Questions, rows: DriftRows) -> tuple[Feed, ...]:
    """Of the stays that were drawn. Feeds with fewer than eleven stays since the day are left out."""
    found: dict[tuple[str, str], dict[bool, tuple[int, FeedQuality]]] = {}
    for client, hook, now, stays, *counts in mart.rows(_COUNTS, {"limit": round(DRAWS * rows.share)}):
        quality = feed_quality(FeedCounts(f"{client} at {hook}", *_pairs([int(each or 0) for each in counts])))
        if stays >= SMALLEST_SHOWN:
            found.setdefault((client, hook), {})[now] = (stays, quality)
    return tuple(
        Feed(client, hook, *each[True], each[False][1] if False in each else None)
        for (client, hook), each in found.items()
        if True in each
    )


def _pairs(
    counts: list[int],
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    """(good, all) of each part."""
    present, expected, fresh, received, plausible, valued, known, of = counts
    return (present, expected), (fresh, received), (plausible, valued), (known, of)
