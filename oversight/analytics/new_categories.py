"""What is new in a column of categories, in words that name it."""

from __future__ import annotations

from oversight.statistics.drift_categories import CategoryDrift
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN

_MOST = 3
# What entries do with a category, by the name of its column in lower case.
_VERBS = {
    "tier": "are in tier",
    "unit": "come from unit",
    "unit of the hospital": "come from unit",
    "abstention": "have the reason of abstention",
    "reason of abstention": "have the reason of abstention",
    "role": "come from role",
    "hook": "come at hook",
}


def newly(drift: CategoryDrift) -> str:
    """`37.6 % of entries are in tier “high”, which was not there before.`; of codes and units, of values."""
    new = drift.novelty
    if isinstance(new, Refused):
        return f"{drift.column}: {new.reason}."
    share = f"{100 * new.share.value:.1f} %"
    # Codes and units are texts of records: one of few stays is not told.
    names = [f"“{name}”" for name, number in new.categories if number >= SMALLEST_SHOWN][:_MOST]
    what = ", ".join(names) or f"categories of fewer than {SMALLEST_SHOWN} stays each"
    before = "which was not there before" if len(names) == 1 else "none of which was there before"
    verb = _VERBS.get(drift.column.lower())
    if verb is None:
        return f"{drift.column}: {share} are {what}, {before}."
    return f"{share} of entries {verb} {what}, {before}."
