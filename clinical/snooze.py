"""Snooze: for how long a clinician wants no further card of one model about one patient.

The choice stands in the feedback as its reason: a code that is an ISO 8601 duration of whole hours.
"""

from __future__ import annotations

import re
from datetime import timedelta

from clinical.record import Coding

SNOOZE_SYSTEM = "https://chartside.org/CodeSystem/snooze"
SNOOZES = tuple(Coding(SNOOZE_SYSTEM, f"PT{hours}H", f"for {hours} hours") for hours in (4, 12, 24))
_CODE = re.compile(r"PT([1-9][0-9]?)H", re.ASCII)


def snooze_span(code: str) -> timedelta:
    """How long a code lasts; nothing for a code that is none of ours, so that it keeps no card away."""
    found = _CODE.fullmatch(code)
    return timedelta(hours=int(found[1])) if found else timedelta(0)


LONGEST_SNOOZE = max(snooze_span(choice.code) for choice in SNOOZES)
