"""The risk of one row and its exact additive reasons.

Shapley values of the trees, path-dependent (Lundberg, Erion & Lee 2018, arXiv:1802.03888), carried through the
calibration: because the calibrated log-odds are linear in the margin, scaling the values by the slope keeps them exact.
The base is that of hour 24 where the calibration goes by the day.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np
import numpy.typing as npt

from clinical.errors import ModelFault
from models.runtime.artefact import HOURS, Artefact
from models.runtime.calibration import days
from models.runtime.features import Vector
from models.runtime.shapley import Shapley

TOLERANCE = 1e-6
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reasons:
    """`base + attributions.sum()` is the calibrated log-odds; `attributions` has shape (n,)."""

    log_odds: float
    base: float
    attributions: npt.NDArray[np.float64]

    @property
    def probability(self) -> float:
        """The calibrated probability."""
        return 1.0 / (1.0 + exp(-self.log_odds))


class Explainer:
    """Gives the risk and its reasons for the members of an artefact."""

    def __init__(self, artefact: Artefact) -> None:
        """Prepare the reasons, and the margin that they are checked against."""
        self._shapley = Shapley(artefact.members, len(artefact.features))
        self._calibration = artefact.calibration
        self._hours = artefact.features.index(HOURS) if artefact.calibration.by_day else None
        self._base = self._calibration.slope * self._shapley.base + self._calibration.intercept

    def explain(self, row: Vector) -> Reasons:
        """Risk and reasons for one row, shape (n,).

        Raises `ModelFault` if the reasons do not add up to the risk within `TOLERANCE`, or a number is not finite.
        """
        values = row.astype(np.float64)
        margin, parts = self._shapley.explain(values)
        hours = 0.0 if self._hours is None else float(values[self._hours])
        log_odds = self._calibration.log_odds(margin, hours)
        attributions = self._attributions(parts, hours)
        # Written so that NaN fails the comparison too.
        if not abs(self._base + float(attributions.sum()) - log_odds) <= TOLERANCE:
            raise ModelFault("The reasons do not add up to the risk; no answer is given.")
        return Reasons(log_odds, self._base, attributions)

    def _attributions(self, parts: Floats, hours: float) -> Floats:
        """The margin's parts on the calibrated log-odds. What days alone change belongs to the column of hours."""
        calibration = self._calibration
        if self._hours is None:
            return calibration.slope * parts
        t = days(hours)
        slope = calibration.slope + calibration.slope_by_day * t
        # Written so that NaN fails the comparison too.
        if not slope > 0:
            raise ModelFault("The calibration turns the risk around at this hour; no answer is given.")
        found = slope * parts
        found[self._hours] += t * (calibration.intercept_by_day + calibration.slope_by_day * self._shapley.base)
        return found
