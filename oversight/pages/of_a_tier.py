"""What cannot be told of entries that were chosen by their tier: a tier is a range of the risk itself.

Entries below the threshold have another tier, or none. Who leaves them out has nothing to count missed events or true
silence in, and nothing to read a threshold from.
"""

from __future__ import annotations

from dataclasses import replace

from oversight.analytics.before_outcomes import BeforeOutcomes, Realised
from oversight.analytics.side_by_side import Measure, SideBySide
from oversight.statistics.refused import Refused

NO_REPLAY = "Thresholds are judged on all tiers. Take the filter by tier off."
_REFUSED = Refused("not told of one tier")
_OF_ALL = {"sensitivity": None, "specificity": None, "net_benefit": "Net benefit per 1,000 of the cards shown"}


def measures_of_a_tier(found: SideBySide) -> tuple[Measure, ...]:
    """The table, with what needs all tiers refused."""
    return tuple(
        replace(each, name=_OF_ALL[each.key] or each.name, naive=_REFUSED, aware=_REFUSED)
        if each.key in _OF_ALL
        else each
        for each in found.measures
    )


def estimate_of_a_tier(found: BeforeOutcomes) -> BeforeOutcomes:
    """Estimated and realised, without sensitivity."""
    estimate = found.estimate if isinstance(found.estimate, Refused) else replace(found.estimate, sensitivity=_REFUSED)
    return replace(found, estimate=estimate, lagged=_realised(found.lagged), so_far=_realised(found.so_far))


def _realised(found: Realised) -> Realised:
    """Without sensitivity."""
    return replace(found, sensitivity=_REFUSED)
