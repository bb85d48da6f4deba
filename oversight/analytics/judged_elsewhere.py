"""How many entries were judged at another threshold than the live one: of all clients and all days of the period.

One threshold stands for them all in the figures. Which clients or weeks had another one cannot all be told; how much of
the cards it concerns can.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.suppression import SMALLEST_SHOWN

# A smaller part moves no figure that a page shows: a share of cards by less than a point.
WORTH_TELLING = 0.01
# What has a risk and was not asked about it (switched off, not for this role) tells nothing of a threshold.
TELLS = """probability IS NOT NULL AND (withheld IS NULL OR withheld IN
  ('below-threshold', 'repeat', 'snoozed', 'encounter-budget', 'clinician-budget', 'shadow'))"""
_COUNTS = f"""
SELECT count(*) FILTER (card), count(*) FILTER (card AND probability < $value),
  count(*) FILTER (probability >= $value), count(*) FILTER (probability >= $value AND withheld = 'below-threshold')
FROM event WHERE {TELLS} AND {{where}}
"""  # noqa: S608 (our words)


@dataclass(frozen=True, slots=True)
class JudgedElsewhere:
    """`below`: of all `cards`, those of a risk below the live threshold; `low`: of entries `above` it, the too low."""

    cards: int = 0
    below: int = 0
    above: int = 0
    low: int = 0

    def sentences(self) -> Iterator[str]:
        """Where there are any to speak of. A few are told as few."""
        if self.below and self.below >= WORTH_TELLING * self.cards:
            part = _part(self.below, self.cards, "cards of these days")
            yield f"{part} were given at a lower risk, at earlier or other thresholds."
        if self.low and self.low >= WORTH_TELLING * self.above:
            part = _part(self.low, self.above, "entries at or above it")
            yield f"{part} were too low for a card, at earlier or other thresholds."


NONE_ELSEWHERE = JudgedElsewhere()


def judged_elsewhere(mart: Questions, selection: Selection, value: float) -> JudgedElsewhere:
    """Of entries that `lay_out` has laid out. `value`: the live threshold."""
    where, values = selection.where()
    (found,) = mart.rows(_COUNTS.format(where=where), values | {"value": value})
    return JudgedElsewhere(*found)


def _part(number: int, total: int, what: str) -> str:
    """`310 of the 700 cards (44 %)`. Neither a few nor all but a few are told by number."""
    if number < SMALLEST_SHOWN:
        return f"Some of the {what} (fewer than {SMALLEST_SHOWN})"
    if 0 < total - number < SMALLEST_SHOWN:
        return f"Nearly all of the {what}"
    return f"{number:,} of the {total:,} {what} ({100 * number / total:.0f} %)"
