"""How long before the event the first card of the stay came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.analytics.judged_stays import Rows
from oversight.statistics.lead_time import LeadTime, lead_time
from oversight.statistics.refused import Refused


@dataclass(frozen=True, slots=True)
class LeadTimes:
    """`untimed`: stays with the event whose time nobody has told."""

    found: LeadTime | Refused
    untimed: int


def lead_times(rows: Rows) -> LeadTimes:
    """Over stays with the event, from all their assessments whose window it falls in."""
    happened = rows.where(rows.outcome == 1)
    stays, code = np.unique(happened.stay, return_inverse=True)
    lead = happened.lead_hours
    timed = np.zeros(len(stays), dtype=np.bool_)
    timed[code[~np.isnan(lead)]] = True
    first = np.full(len(stays), -np.inf)
    carded = happened.alerted & ~np.isnan(lead)
    np.maximum.at(first, code[carded], lead[carded])
    alert = np.where(np.isneginf(first), np.nan, -first)[timed]
    return LeadTimes(lead_time(alert, np.zeros(len(alert))), int((~timed).sum()))
