"""From which effect on a monitor speaks. All defaults stand here; a model's manifest may change them (`[monitoring]`).

A pair is (watch, alarm). None of these numbers is proven right for a clinical model: PSI .1 and .25 are convention, a
calibration slope of .8 to 1.2 is what the literature calls healthy, the others are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """`rate`: absolute change of a share. `volume`: factor of the weekly number of entries.

    `distribution` (PSI), `missing` and `novelty` (absolute shares) are of drift. `quality` is a fall of a part of a
    feed's score, `reasons` the share of the explanations that went to other concepts, `classifier` the AUROC (the near
    end of its interval) with which a classifier tells the week from the weeks before. `observed_expected` and `slope`
    are factors to either side of 1; `auroc` is a fall. `reference_weeks` come before the judged weeks;
    `false_discoveries` is the share of alarms that may be false on average. `outcome` names the outcome of the ledger
    that is the model's own, which has `outcome_hours` to come; without a name nothing is said about performance. An
    outcome of the whole stay (`outcome_whole_stay`) counts whenever it comes; its hours are only how long is waited for
    it.
    """

    rate: Pair = (0.02, 0.05)
    volume: Pair = (1.5, 2.0)
    distribution: Pair = (0.1, 0.25)
    missing: Pair = (0.05, 0.1)
    novelty: Pair = (0.01, 0.05)
    quality: Pair = (0.05, 0.1)
    reasons: Pair = (0.1, 0.2)
    classifier: Pair = (0.55, 0.6)
    observed_expected: Pair = (1.2, 1.5)
    slope: Pair = (1.25, 1.5)
    auroc: Pair = (0.03, 0.05)
    reference_weeks: int = 26
    false_discoveries: float = 0.05
    outcome: str = ""
    outcome_hours: float = 0.0
    outcome_whole_stay: bool = False

    @property
    def window_hours(self) -> float | None:
        """How long after an assessment its outcome counts; None: to the end of the stay."""
        return None if self.outcome_whole_stay else self.outcome_hours or None

    def changed(self, changes: Mapping[str, Any]) -> Thresholds:
        """With the values of a manifest. Raises ValueError for a name that is not known."""
        unknown = set(changes) - NAMES
        if unknown:
            raise ValueError(f"no such threshold: {', '.join(sorted(unknown))}")
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        """As plain JSON, in the order of the names."""
        return asdict(self)


NAMES = frozenset(each.name for each in fields(Thresholds))
USUAL = Thresholds()
