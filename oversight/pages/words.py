"""Numbers as a reader wants them."""

from __future__ import annotations

from oversight.override_rates import Counts
from oversight.proportions import Proportion

FEW = 10
_WITHHELD = {
    "switched-off": "switched off",
    "outside-population": "outside population",
    "not-for-role": "not for this role",
    "below-threshold": "below threshold",
    "repeat": "repeat",
    "snoozed": "snoozed, or overridden not long ago",
    "encounter-budget": "enough cards in this encounter",
    "clinician-budget": "enough cards for this clinician today",
    "shadow": "shadow mode",
}
_PROBLEMS = {
    "wrong-data": "wrong data",
    "wrong-patient": "wrong patient",
    "wrong-risk": "wrong risk",
    "misleading-text": "misleading text",
    "technical": "technical problem",
    "other": "something else",
}


def percent(share: Proportion | None) -> str:
    """`25.0 %`, or a dash of nothing."""
    return "\N{EN DASH}" if share is None else f"{share.value * 100:.1f} %"


def headline(share: Proportion) -> str:
    """A share in large type: below ten answers the counts, because a percentage would look more certain than it is."""
    return f"{share.count} of {share.total}" if share.total < FEW else percent(share)


def interval(share: Proportion | None) -> str:
    """`18.1 % to 33.4 %`, or nothing."""
    return "" if share is None else f"{share.low * 100:.1f} % to {share.high * 100:.1f} %"


def short_interval(share: Proportion | None) -> str:
    """`18.1 to 33.4`, for a table whose heading says what it is."""
    return "" if share is None else f"{share.low * 100:.1f} to {share.high * 100:.1f}"


def withheld_reason(reason: str) -> str:
    """`below threshold`; a reason of another version is shown as it is stored."""
    return _WITHHELD.get(reason, reason)


def problem_kind(kind: str) -> str:
    """`wrong data`; a kind of another version is shown as it is stored."""
    return _PROBLEMS.get(kind, kind)


def withheld(counts: Counts, reason: str) -> int:
    """How many were withheld for this reason."""
    return dict(counts.withheld).get(reason, 0)
