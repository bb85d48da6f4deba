"""The risk of one row and its exact additive reasons.

Shapley values of the trees, path-dependent (Lundberg, Erion & Lee 2018, arXiv:1802.03888), carried through the
calibration: because the calibrated log-odds are linear in the margin, scaling the values by the slope keeps them
exact. The interventional mode of the same library is not used: it was found not to add up on this kind of booster.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np
import numpy.typing as npt

from clinical.errors import ModelFault
from models.runtime.artefact import Artefact
from models.runtime.features import Vector
from models.runtime.shapley import shapley

TOLERANCE = 1e-6


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
        self._shapley = shapley(artefact.members, len(artefact.features))
        self._slope, self._intercept = artefact.slope, artefact.intercept
        self._base = self._slope * self._shapley.base + self._intercept

    def explain(self, row: Vector) -> Reasons:
        """Risk and reasons for one row, shape (n,).

        Raises `ModelFault` if the reasons do not add up to the risk within `TOLERANCE`, or a number is not finite.
        """
        margin, parts = self._shapley.explain(row.astype(np.float64))
        log_odds = self._slope * margin + self._intercept
        attributions = self._slope * parts
        # Written so that NaN fails the comparison too.
        if not abs(self._base + float(attributions.sum()) - log_odds) <= TOLERANCE:
            raise ModelFault("The reasons do not add up to the risk; no answer is given.")
        return Reasons(log_odds, self._base, attributions)
