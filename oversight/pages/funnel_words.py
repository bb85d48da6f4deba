"""What a funnel says in words, and whether it can tell anybody apart at all."""

from __future__ import annotations

from dataclasses import replace
from statistics import median_low

from oversight.analytics.variation import Variation
from oversight.statistics.funnel import Funnel, Limits, Position
from oversight.statistics.refused import Refused

# 95 % limits that hold more than half of all possible rates, for who has the usual number of answers, exclude nobody
# who could be told to differ: being inside them says nothing.
MOST_SPAN = 0.5


def too_wide(found: Variation, what: str) -> str:
    """Why the limits hold almost any rate, or nothing where they do not. `what`: "units" or "clinicians".

    They are too wide where the 95 % limits at the median number of answered cards span more than `MOST_SPAN` of the
    scale from 0 to 100 %: because `what` differ so much, or, where chance alone is as wide, because answers are few.
    """
    if isinstance(found.funnel, Refused) or not found.units:
        return ""
    usual = median_low([unit.rate.total for unit in found.units])
    limits, by_chance = (_limits(each, usual) for each in (found.funnel, replace(found.funnel, between=0.0)))
    if _span(limits) <= MOST_SPAN:
        return ""
    low, high = (100 * pick(unit.rate.value for unit in found.units) for pick in (min, max))
    why = (
        f"Most {what} have too few answered cards"
        if _span(by_chance) > MOST_SPAN
        else f"{what.capitalize()} differ so much (rates of {low:.0f} % to {high:.0f} %)"
    )
    return (
        f"{why} that this funnel tells nobody apart: at the usual {usual:,} answered cards its 95 % limits "
        f"reach from {100 * limits.low:.0f} % to {100 * limits.high:.0f} %. To lie inside them says nothing."
    )


def differ(found: Variation) -> str:
    """Whether units differ, as the end of a sentence."""
    if isinstance(found.funnel, Refused) or not found.units:
        return "there are too few units to say whether they differ"
    if too_wide(found, "units"):
        low, high = (100 * pick(unit.rate.value for unit in found.units) for pick in (min, max))
        return f"units override between {low:.0f} % and {high:.0f} %, too far apart for a funnel to pick one out"
    far = sum(
        unit.point is not None and unit.point.position not in {Position.INSIDE, Position.TOO_FEW}
        for unit in found.units
    )
    many = f"{far} of {len(found.units)} units {'lies' if far == 1 else 'lie'} outside the limits of the others"
    return many if far else f"none of {len(found.units)} units differs from the others more than units usually do"


def _limits(funnel: Funnel, total: int) -> Limits:
    """The limits at one number of answers."""
    (found,) = funnel.curve([total])
    return found


def _span(limits: Limits) -> float:
    """How much of the scale the 95 % limits hold."""
    return limits.high - limits.low
