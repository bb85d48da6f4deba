"""The risk of one row and its exact additive reasons.

Shapley values of the trees, path-dependent (Lundberg, Erion & Lee 2018, arXiv:1802.03888), carried through the
calibration: because the calibrated log-odds are linear in the margin, scaling the values by the slope keeps them
exact. The interventional mode of the same library is not used: it was found not to add up on this kind of booster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Any

import numpy as np
import numpy.typing as npt
import shap

from clinical.errors import ModelFault
from models.runtime.artefact import Artefact
from models.runtime.features import Vector
from models.runtime.trees import Forest, baseline, trees_of

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
        """Build one tree explainer for all members, and the walk that it is checked against."""
        self._forest = Forest(artefact.members)
        self._explainer = shap.TreeExplainer(_ensemble(artefact.members), feature_perturbation="tree_path_dependent")
        self._slope, self._intercept = artefact.slope, artefact.intercept
        self._base = self._slope * float(np.ravel(self._explainer.expected_value)[0]) + self._intercept

    def explain(self, row: Vector) -> Reasons:
        """Risk and reasons for one row, shape (n,).

        Raises `ModelFault` if the reasons do not add up to the risk within `TOLERANCE`, or a number is not finite.
        """
        wide = row.astype(np.float64)
        log_odds = self._slope * self._forest.margin(wide) + self._intercept
        attributions = self._slope * self._explainer.shap_values(wide[None, :], check_additivity=False)[0]
        # Written so that NaN fails the comparison too.
        if not abs(self._base + float(attributions.sum()) - log_odds) <= TOLERANCE:
            raise ModelFault("The reasons do not add up to the risk; no answer is given.")
        return Reasons(log_odds, self._base, attributions)


def _ensemble(members: Sequence[Any]) -> dict[str, object]:
    """All members' trees as one ensemble, in the form that `shap.TreeExplainer` takes for models it does not know.

    Shapley values are linear in the leaves: those of the mean of the members are those of all their trees together,
    each leaf divided by the number of members.
    """
    share = 1.0 / len(members)
    return {
        "trees": [_tree(nodes, share) for member in members for nodes in trees_of(member)],
        "base_offset": share * sum(baseline(member) for member in members),
        "tree_output": "log_odds",
    }


def _tree(nodes: npt.NDArray[Any], share: float) -> dict[str, npt.NDArray[Any]]:
    """One tree; -1 and -2 stand where a leaf has no child and no feature."""
    leaf = nodes["is_leaf"].astype(bool)
    left, right = (np.where(leaf, -1, nodes[side].astype(np.int32)) for side in ("left", "right"))
    return {
        "children_left": left,
        "children_right": right,
        "children_default": np.where(nodes["missing_go_to_left"].astype(bool), left, right),
        "features": np.where(leaf, -2, nodes["feature_idx"].astype(np.int32)),
        "thresholds": nodes["num_threshold"].astype(np.float64),
        "values": share * nodes["value"].astype(np.float64)[:, None],
        "node_sample_weight": nodes["count"].astype(np.float64),
    }
