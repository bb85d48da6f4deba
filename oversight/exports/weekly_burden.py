"""What cards cost in each week of each service: `oversight.analytics.burden` by week, so that weeks add up to it."""

from __future__ import annotations

from dataclasses import dataclass

from oversight.analytics.burden import REFLEX, REPEAT_DAYS, REPEATED, SINCE_LAST, TIMED_OVERRIDE
from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions


@dataclass(frozen=True, slots=True)
class WeekBurden:
    """Of one service and week; a repeat counts in the week of the later card. `median_seconds` is None of nothing."""

    encounters: int = 0
    clinician_days: int = 0
    repeats: int = 0
    reflex: int = 0
    timed_overrides: int = 0
    median_seconds: float | None = None


_WEEKS = f"""
WITH chosen AS (SELECT *, CAST(service AS VARCHAR) AS name, {By.WEEK.value} AS week FROM event
  WHERE hook <> 'smart-launch' AND {{where}}),
again AS (SELECT CAST(service AS VARCHAR) AS name, {By.WEEK.value} AS week, day, {SINCE_LAST} AS gap FROM event
  WHERE hook <> 'smart-launch' AND card AND {{earlier}}),
repeated AS (SELECT name, week, count(*) FILTER ({REPEATED}) AS number
  FROM again WHERE day >= $first GROUP BY ALL),
counted AS (SELECT name, week,
    count(DISTINCT (client, encounter)) FILTER (encounter IS NOT NULL) AS encounters,
    count(DISTINCT (clinician, day)) FILTER (clinician <> '') AS days,
    count(*) FILTER (card AND {REFLEX}) AS reflex, count(*) FILTER (card AND {TIMED_OVERRIDE}) AS timed,
    quantile_cont(seconds, 0.5) FILTER (card AND outcome IS NOT NULL AND seconds >= 0) AS median
  FROM chosen GROUP BY ALL)
SELECT name, week, encounters, days, coalesce(number, 0), reflex, timed, median
FROM counted LEFT JOIN repeated USING (name, week)
"""  # noqa: S608 (our words)


def weekly_burden(mart: Questions, selection: Selection) -> dict[tuple[str, str], WeekBurden]:
    """By service and the week's Monday."""
    where, values = selection.where()
    earlier, _ = selection.where(REPEAT_DAYS)
    return {
        (name, week): WeekBurden(encounters, days, repeats, reflex, timed, median)
        for name, week, encounters, days, repeats, reflex, timed, median in mart.rows(
            _WEEKS.format(where=where, earlier=earlier), values
        )
    }
