"""The monitor of explanations: do the same reasons lead, and weigh as much, as in the weeks before?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from oversight.analytics.explained import LEADING, ReasonsNow, reasons_now
from oversight.monitors.result import Check, Family, MonitorResult, level, refused, told
from oversight.monitors.stays import StayMonitor, StayWeek
from oversight.monitors.thresholds import Thresholds
from oversight.statistics.drift_categories import CategoryDrift
from oversight.statistics.reason_weights import ReasonWeights, WeightMove
from oversight.statistics.refused import Refused

SUBJECT = "reasons"
WEIGHTS = "weight of reasons"
# So many concepts are kept, those that moved most.
_MOST = 3


class ReasonsDriftMonitor(StayMonitor):
    """Two effects: the PSI of which concept leads a stay, and the share of all mean |SHAP| that went to others.

    First assessments of the version in use against those of the weeks before, as on the page of drift; of both only
    what is beyond chance is held against the thresholds.
    """

    name = "reasons-drift"
    subject = SUBJECT

    def judge(self, stays: StayWeek, thresholds: Thresholds, rng: np.random.Generator) -> MonitorResult:
        """Compare. The words lead with the concept that moved most."""
        rows = stays.rows
        version = rows.version_in_use
        found = reasons_now(rows, version)
        weights = found if isinstance(found, Refused) else found.weights
        if isinstance(found, Refused) or isinstance(weights, Refused):
            why = weights.reason if isinstance(weights, Refused) else ""
            return refused(self.name, SUBJECT, f"{why[:1].upper()}{why[1:]}.", {"version": version})
        checks = (*_leading(found, thresholds), _weights(weights, thresholds))
        figures = {"version": version, **_figures(found, weights)}
        return told(self.name, SUBJECT, "The same reasons lead and weigh as in the weeks before.", figures, checks)


def _leading(found: ReasonsNow, thresholds: Thresholds) -> Iterator[Check]:
    """Which concept leads; too few reasons to tell have no check."""
    if isinstance(found.leading, Refused) or isinstance(found.leading.mix, Refused):
        return
    mix, first = found.leading.mix, found.leads[0]
    words = (
        f"Other reasons lead than in the weeks before (PSI {mix.psi:.2f}): {first.concept} leads in {first.now:.0%} of "
        f"stays, {first.before:.0%} before."
    )
    loud = level(mix.psi - mix.chance, thresholds.distribution)
    yield Check(f"{LEADING}: distribution", loud, mix.psi, mix.p, words, family=Family.DRIFT)


def _weights(found: ReasonWeights, thresholds: Thresholds) -> Check:
    """How much went to others."""
    first = found.moves[0]
    words = (
        f"{found.moved:.0%} of the weight of all reasons (mean |SHAP|) went to other concepts: {first.concept} has "
        f"{first.now:.0%} of it, {first.before:.0%} before."
    )
    return Check(
        WEIGHTS, level(found.moved - found.chance, thresholds.reasons), found.moved, found.p, words, family=Family.DRIFT
    )


def _figures(found: ReasonsNow, weights: ReasonWeights) -> dict[str, Any]:
    """Both effects, the moves, and the rank correlation of the page of drift, as plain JSON."""
    mix = found.leading.mix if isinstance(found.leading, CategoryDrift) else found.leading
    return {
        "psi": None if isinstance(mix, Refused) else mix.psi,
        "leads": _most(found.leads),
        "moved": weights.moved,
        "weights": _most(weights.moves),
        "rank_correlation": None if isinstance(found.ranks, Refused) else found.ranks.agreement.value,
    }


def _most(moves: tuple[WeightMove, ...]) -> list[dict[str, Any]]:
    """The largest changes as plain JSON."""
    return [{"concept": each.concept, "before": each.before, "now": each.now} for each in moves[:_MOST]]
