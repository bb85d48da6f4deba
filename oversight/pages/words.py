"""Numbers as a reader wants them."""

from __future__ import annotations

from oversight.analytics.funnel import Funnel
from oversight.override_rates import Counts
from oversight.proportions import Proportion
from oversight.statistics.estimate import Estimate
from oversight.statistics.suppression import SMALLEST_SHOWN

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
# What the ledger knows of a user is the FHIR resource type of the reference that the EHR sent.
_ROLES = {
    "Practitioner": "a clinician by name",
    "PractitionerRole": "a clinician in a role",
    "Person": "no clinical role told",
    "Patient": "the patient",
    "RelatedPerson": "a relative or carer",
    "Device": "a device",
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


def role(stored: str) -> str:
    """`Practitioner (a clinician by name)`; a role that is no FHIR resource type is shown as it is stored."""
    return f"{stored} ({_ROLES[stored]})" if stored in _ROLES else stored


def problem_kind(kind: str) -> str:
    """`wrong data`; a kind of another version is shown as it is stored."""
    return _PROBLEMS.get(kind, kind)


def withheld(counts: Counts, reason: str) -> int:
    """How many were withheld for this reason."""
    return dict(counts.withheld).get(reason, 0)


def why_withheld(counts: Funnel) -> str:
    """`below threshold 2,041; repeat 84`: the commonest reasons of a group's withheld entries, none of a few."""
    told = [each for each in counts.withheld if each[1] >= SMALLEST_SHOWN]
    told.sort(key=lambda each: -each[1])
    return "; ".join(f"{withheld_reason(why)} {number:,}" for why, number in told[:_MOST_WHYS])


_MOST_WHYS = 2
DASH = "\N{EN DASH}"
_HOUR = 3600


def people(number: int) -> str:
    """A count of people; few of them could be told by name, so they are only said to be few."""
    return f"<{SMALLEST_SHOWN}" if 0 < number < SMALLEST_SHOWN else f"{number:,}"


def number(value: float | None, digits: int = 1) -> str:
    """`12.3`, or a dash of nothing."""
    return DASH if value is None else f"{value:,.{digits}f}"


def duration(seconds: float | None) -> str:
    """`8.0 s`, `3.5 min` or `2.0 h`, or a dash of nothing."""
    if seconds is None:
        return DASH
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < _HOUR else f"{seconds / _HOUR:.1f} h"


def points(estimate: Estimate) -> str:
    """A difference of shares with its interval: `+2.0 points, +0.5 to +3.5`."""
    value, low, high = (100 * each for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:+.1f} points, {low:+.1f} to {high:+.1f}"


def rate(estimate: Estimate) -> str:
    """A share with its interval: `25.0 %, 18.1 to 33.4`."""
    return f"{100 * estimate.value:.1f} %, {100 * estimate.low:.1f} to {100 * estimate.high:.1f}"
