"""What cards cost: how many there are for whom, how often again, and how soon they are answered."""

from __future__ import annotations

from dataclasses import dataclass

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.proportions import Proportion, proportion

# The same card to the same person about the same patient within so many hours is a repeat (Ancker 2017,
# doi 10.1186/s12911-017-0430-8, counts within-patient repeats); an answer sooner than this was not read (a "reflex
# dismissal", McDaniel 2016, doi 10.1093/jamia/ocv144, median 8 s).
REPEAT_HOURS = 72
# A card of the first day may repeat one of the days before: whoever looks for repeats reads so many days more, so that
# a week has the same repeats whichever period it is asked within.
REPEAT_DAYS = 3
REFLEX_SECONDS = 2.0
# The same for all who ask `event`, over cards: `SAME_CARD` are the columns that a repeat has in common with the card
# before it, `SINCE_LAST` the microseconds between the two, and `REPEATED` a condition on them by the name of `gap`.
REPEAT_MICROSECONDS = REPEAT_HOURS * 3_600_000_000
SAME_CARD = "client, service, patient, clinician"
SINCE_LAST = f"time - lag(time) OVER (PARTITION BY {SAME_CARD} ORDER BY time, sequence)"
REPEATED = f"gap <= {REPEAT_MICROSECONDS}"
# An answer that was given before its card (a clock that is ahead) has no time.
TIMED_OVERRIDE = "outcome = 'overridden' AND seconds >= 0"
REFLEX = f"outcome = 'overridden' AND seconds BETWEEN 0 AND {REFLEX_SECONDS}"
# The share of one clinician alone is nobody else's to see.
ENOUGH_FOR_A_TENTH = 20


@dataclass(frozen=True, slots=True)
class Burden:
    """`encounters` and `clinician_days` are those with any entry, cards or not. Times in seconds, None of nothing.

    `top_tenth` is the share of cards that the tenth of clinicians with most cards got; None of too few clinicians for a
    tenth to be several of them.
    """

    cards: int
    encounters: int
    clinician_days: int
    repeats: Proportion | None
    reflex: Proportion | None
    seconds: tuple[float, float, float] | None
    top_tenth: float | None

    @property
    def per_100_encounters(self) -> float | None:
        """Cards for a hundred encounters."""
        return 100 * self.cards / self.encounters if self.encounters else None

    @property
    def per_clinician_day(self) -> float | None:
        """Cards for a day of one clinician."""
        return self.cards / self.clinician_days if self.clinician_days else None


# Entries are laid out in memory: to read them anew for each figure is quicker than to keep those that are chosen.
_TOTALS = f"""
WITH chosen AS NOT MATERIALIZED (SELECT * FROM event WHERE hook <> 'smart-launch' AND {{where}}),
again AS NOT MATERIALIZED (SELECT day, {SINCE_LAST} AS gap FROM event
  WHERE hook <> 'smart-launch' AND card AND {{earlier}}),
each AS (SELECT count(*) AS n FROM chosen WHERE card AND clinician <> '' GROUP BY clinician),
ranked AS (SELECT n, row_number() OVER (ORDER BY n DESC) AS place, count(*) OVER () AS people FROM each)
SELECT count(*),
  (SELECT count(*) FROM (SELECT DISTINCT client, encounter FROM chosen WHERE encounter IS NOT NULL)),
  (SELECT count(*) FROM (SELECT DISTINCT clinician, day FROM chosen WHERE clinician <> '')),
  (SELECT count(*) FROM again WHERE {REPEATED} AND day >= $first),
  count(*) FILTER ({REFLEX}),
  count(*) FILTER ({TIMED_OVERRIDE}),
  quantile_cont(seconds, [0.25, 0.5, 0.75]) FILTER (outcome IS NOT NULL AND seconds >= 0),
  (SELECT sum(n) FILTER (place <= people // 10) / sum(n) FROM ranked HAVING max(people) >= {ENOUGH_FOR_A_TENTH})
FROM chosen WHERE card
"""  # noqa: S608 (our words)


def burden(mart: Questions, selection: Selection) -> Burden:
    """Of a selection. A repeat is looked for among cards that the selection holds, or would of the days before."""
    where, values = selection.where()
    earlier, _ = selection.where(REPEAT_DAYS)
    ((cards, encounters, days, repeats, reflex, overridden, times, top),) = mart.rows(
        _TOTALS.format(where=where, earlier=earlier), values
    )
    return Burden(
        cards=cards,
        encounters=encounters,
        clinician_days=days,
        repeats=proportion(repeats, cards),
        reflex=proportion(reflex, overridden),
        seconds=tuple(times) if times and times[0] is not None else None,
        top_tenth=None if top is None else float(top),
    )
