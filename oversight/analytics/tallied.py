"""The tallies of `oversight.tallies`, counted over the columns: the same rows in a fraction of the time."""

from __future__ import annotations

from datetime import date, timedelta

from clinical.invocation import SMART_HOOK
from clinical.record import Coding
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.tallies import Tally

_EPOCH = date(1970, 1, 1)
_TALLIES = """
SELECT service, day, withheld, abstention, outcome, reason_system, reason, reason_display, count(*), hook = $page
FROM event WHERE {where} GROUP BY ALL
"""


def tallied(mart: Questions, selection: Selection) -> tuple[Tally, ...]:
    """Entries of a selection that are alike in all that the rates count. A withdrawn answer is none (None)."""
    where, values = selection.where()
    rows = mart.rows(_TALLIES.format(where=where), values | {"page": SMART_HOOK})
    return tuple(
        Tally(
            service=service,
            day=_EPOCH + timedelta(days=day),
            withheld=withheld,
            abstention=abstention,
            outcome=outcome,
            reason=None if code is None else Coding(system, code, display),
            number=number,
            on_page=on_page,
        )
        for service, day, withheld, abstention, outcome, system, code, display, number, on_page in rows
    )
