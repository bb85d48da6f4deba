"""Where a chart's limits begin anew: from which risk on a level begins was changed, or a new version came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.control_charts import phase_starts

NEW_VERSION, NEW_THRESHOLD = "new version", "new threshold"


@dataclass(frozen=True, slots=True)
class LevelChange:
    """On this day a tier of a service began at another level than before, told as the scale of the model has it."""

    day: date
    service: str
    tier: str
    before: float
    after: float


# Nearly always nothing was changed, and that is told without putting the entries in order.
_ANY = """
SELECT 1 FROM advice WHERE tier IS NOT NULL AND tier_at_least IS NOT NULL AND {where}
GROUP BY client, service, tier HAVING min(tier_at_least) <> max(tier_at_least) LIMIT 1
"""
_LEVELS = """
SELECT day, service, tier, tier_at_least, before FROM (
  SELECT sequence, day, service, client, tier, tier_at_least,
    lag(tier_at_least) OVER (PARTITION BY client, service, tier ORDER BY sequence) AS before
  FROM advice WHERE tier IS NOT NULL AND tier_at_least IS NOT NULL AND {where})
WHERE before IS NOT NULL AND before <> tier_at_least ORDER BY sequence LIMIT 200
"""


def level_changes(mart: Questions, selection: Selection) -> tuple[LevelChange, ...]:
    """In a selection, in order; what changed between its last entry and the next one is not seen yet."""
    where, values = selection.where()
    if not mart.rows(_ANY.format(where=where), values):
        return ()
    return tuple(
        LevelChange(date(1970, 1, 1) + timedelta(days=day), service, tier, before, after)
        for day, service, tier, after, before in mart.rows(_LEVELS.format(where=where), values)
    )


def phase_reasons(points: Sequence[date], versions: Iterable[date], levels: Iterable[date]) -> Mapping[int, str]:
    """The places in `points` (first days, ascending) at which phases begin, in order, each with why.

    `versions` and `levels` are the days on which a version, or a level, was new.
    """
    found: dict[int, list[str]] = {}
    for why, days in ((NEW_VERSION, versions), (NEW_THRESHOLD, levels)):
        for place in phase_starts(points, days):
            found.setdefault(place, []).append(why)
    return {place: ", ".join(found[place]) for place in sorted(found)}
