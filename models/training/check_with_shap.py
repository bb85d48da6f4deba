"""The reasons of a new artefact beside those of the `shap` library and a plain walk, before it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shap

from models.runtime.artefact import Artefact
from models.runtime.shapley import Shapley
from models.runtime.trees import Member
from models.training.walk import Forest

# The library walks the same trees in another order.
TOLERANCE = 1e-8
ROWS = 20
_SEED = 20120804


class ReasonsDiffer(Exception):
    """Our Shapley values are not those of the library, or do not add up; such an artefact is not written."""


def shap_explainer(members: Sequence[Member]) -> Any:
    """`shap.TreeExplainer`, path-dependent, of the members' mean, from the form that it takes for foreign models.

    (Its interventional mode was found not to add up on trees of HistGradientBoosting.)
    """
    share = 1.0 / len(members)
    ensemble = {
        "trees": [_tree(nodes, share) for member in members for nodes in member.trees],
        "base_offset": share * sum(member.baseline for member in members),
        "tree_output": "log_odds",
    }
    return shap.TreeExplainer(ensemble, feature_perturbation="tree_path_dependent")


def check_with_shap(artefact: Artefact, features: npt.NDArray[np.float32]) -> float:
    """The largest difference over a few rows (n, m), on the margin. Raises `ReasonsDiffer`.

    The values are held against those of the library, and their sum against trees that are walked node by node.
    """
    chosen = np.random.default_rng(_SEED).choice(len(features), min(ROWS, len(features)), replace=False)
    rows = features[np.sort(chosen)].astype(np.float64)
    expected = shap_explainer(artefact.members).shap_values(rows, check_additivity=False)
    ours = Shapley(artefact.members, len(artefact.features))
    explained = [ours.explain(row) for row in rows]
    worst = float(np.abs(np.array([values for _, values in explained]) - expected).max())
    # Written so that NaN fails the comparison too.
    if not worst <= TOLERANCE:
        raise ReasonsDiffer(f"Shapley values differ from those of shap {shap.__version__} by up to {worst:.2g}")
    walk = Forest(artefact.members)
    astray = max(abs(margin - walk.margin(row)) for (margin, _), row in zip(explained, rows, strict=True))
    if not astray <= TOLERANCE:
        raise ReasonsDiffer(f"The margin that is explained is not the one of the trees: they differ by {astray:.2g}")
    return max(worst, astray)


def _tree(nodes: Any, share: float) -> dict[str, npt.NDArray[Any]]:
    """One tree; -1 and -2 stand where a leaf has no child and no column."""
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
