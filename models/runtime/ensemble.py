"""Boosters as one `shap.TreeExplainer`: all trees of all members together.

Shapley values are linear in the leaves. So those of the mean of the members are those of all their trees together,
each leaf divided by the number of members.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shap

from models.runtime.trees import baseline, trees_of

Nodes = npt.NDArray[Any]
Columns = npt.NDArray[np.int64]
Rename = Callable[[int, Nodes], Columns]


def tree_explainer(members: Sequence[Any], column: Rename = lambda _tree, nodes: nodes["feature_idx"]) -> Any:
    """A path-dependent explainer of the members' mean, from the form that it takes for models it does not know.

    `column` says for a tree, by its number among all trees, which column each node looks at.
    """
    trees = [nodes for member in members for nodes in trees_of(member)]
    share = 1.0 / len(members)
    ensemble = {
        "trees": [_tree(nodes, column(number, nodes), share) for number, nodes in enumerate(trees)],
        "base_offset": share * sum(baseline(member) for member in members),
        "tree_output": "log_odds",
    }
    return shap.TreeExplainer(ensemble, feature_perturbation="tree_path_dependent")


def base_of(explainer: Any) -> float:
    """What the explainer gives before any attribution: the mean of the training rows."""
    return float(np.ravel(explainer.expected_value)[0])


def _tree(nodes: Nodes, columns: Columns, share: float) -> dict[str, npt.NDArray[Any]]:
    """One tree; -1 and -2 stand where a leaf has no child and no column."""
    leaf = nodes["is_leaf"].astype(bool)
    left, right = (np.where(leaf, -1, nodes[side].astype(np.int32)) for side in ("left", "right"))
    return {
        "children_left": left,
        "children_right": right,
        "children_default": np.where(nodes["missing_go_to_left"].astype(bool), left, right),
        "features": np.where(leaf, -2, columns.astype(np.int32)),
        "thresholds": nodes["num_threshold"].astype(np.float64),
        "values": share * nodes["value"].astype(np.float64)[:, None],
        "node_sample_weight": nodes["count"].astype(np.float64),
    }
