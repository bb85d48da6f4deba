"""Predictions with what happened, and the ways in which people will want to look at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.training.fit import Flags, Floats


@dataclass(frozen=True, slots=True)
class Scored:
    """Arrays of length n, one entry per row, all of patients whom the model had not seen.

    `patient` says which rows belong together. `slices` are the subsets that are reported on their own ("hour 24"), the
    first of them the one that thresholds were set for. `groups` are for audit: by attribute ("sex"), by value, who
    belongs. `comparators` hold what other scores gave, NaN where they gave nothing. `periods` follow each other in
    time.
    """

    outcome: Flags
    probability: Floats
    patient: npt.NDArray[np.int64]
    slices: Mapping[str, Flags]
    groups: Mapping[str, Mapping[str, Flags]] = field(default_factory=dict)
    comparators: Mapping[str, Floats] = field(default_factory=dict)
    periods: Mapping[str, Flags] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError where lengths differ, a probability is none, or there is no slice."""
        number = len(self.outcome)
        masks = [*self.slices.values(), *self.periods.values(), *(m for g in self.groups.values() for m in g.values())]
        arrays = [self.probability, self.patient, *self.comparators.values(), *masks]
        if any(len(array) != number for array in arrays):
            raise ValueError("the arrays differ in length")
        if not ((self.probability >= 0) & (self.probability <= 1)).all():
            raise ValueError("a probability lies outside 0 to 1, or is missing")
        if not self.slices:
            raise ValueError("there is no slice to report on")

    @property
    def main(self) -> Flags:
        """The rows of the first slice."""
        return next(iter(self.slices.values()))
