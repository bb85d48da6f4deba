"""Every rate of advice and answers that is told by group, in families that hide the same groups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from oversight.analytics.equity_rows import EquityRows
from oversight.statistics.equity import Family, Rate

SELECTION, OVERRIDE, ACCEPTANCE, SILENCE = "cards per assessment", "override rate", "acceptance rate", "no answer"
NOT_ASSESSED, WITHHELD = "not assessed", "withheld by a rule"
REPEATED, ACTED, REFLEX = "repeats within 72 hours", "action seen", "overridden within 2 seconds"
ANOTHER_REASON = "reason: another or none"
# More than these are no table that somebody reads; what they leave stands together as another reason.
REASONS_TOLD = 5


def reason_name(code: str) -> str:
    """What the rate of a reason of overrides is called."""
    return f"reason: {code}"


def core(rows: EquityRows) -> Family:
    """Cards per assessment, and what was done with them: of everybody, so what is hidden here is hidden everywhere."""
    answered = rows.overridden | rows.accepted
    return Family(
        (
            Rate(SELECTION, rows.card, rows.assessed),
            Rate(OVERRIDE, rows.overridden, answered),
            Rate(ACCEPTANCE, rows.accepted, rows.card),
            Rate(SILENCE, ~answered, rows.card),
        )
    )


def families(rows: EquityRows, reasons: Sequence[int]) -> tuple[Family, ...]:
    """The core first, then what is told beside it: each by itself, but for the reasons, which add up to the overrides.

    `reasons`: places in `rows.reasons` of those that are told by name. Actions only where somebody looked for them.
    """
    acted = () if rows.acted is None else (Family((Rate(ACTED, rows.acted, rows.card),)),)
    return (
        core(rows),
        *acted,
        Family((Rate(REPEATED, rows.repeated, rows.card),)),
        # The core tells who was assessed and who got a card: with the withheld, the rest of them could be worked out.
        Family(
            (Rate(WITHHELD, rows.withheld, rows.card | rows.withheld),),
            (Rate("", rows.withheld, rows.assessed & ~rows.card),),
        ),
        Family((Rate(NOT_ASSESSED, ~rows.assessed),)),
        # Of all overrides those without a time are left, and told by nobody.
        Family((Rate(REFLEX, rows.reflex, rows.timed),), (Rate("", rows.timed, rows.overridden),)),
        *_of_reasons(rows, reasons),
    )


def _of_reasons(rows: EquityRows, reasons: Sequence[int]) -> tuple[Family, ...]:
    """The reasons that are told by name, and what is left; nothing where none is."""
    if not reasons:
        return ()
    among = partial(Rate, among=rows.overridden)
    named = [among(reason_name(rows.reasons[place][0]), rows.reason == place) for place in reasons]
    others = rows.overridden & ~np.isin(rows.reason, reasons)
    return (Family((*named, among(ANOTHER_REASON, others))),)


def told_reasons(rows: EquityRows) -> tuple[int, ...]:
    """The commonest reasons of these overrides as places in `rows.reasons`, at most `REASONS_TOLD`."""
    counts = np.bincount(rows.reason + 1, minlength=len(rows.reasons) + 1)[1:]
    order = np.argsort(-counts, kind="stable")[:REASONS_TOLD]
    return tuple(int(place) for place in order if counts[place])
