"""From a fitted booster of a library to a member of an artefact, which needs the library no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from models.runtime.trees import NODE, Member, Nodes, end_to_end, grow

_KEPT = ("feature_idx", "num_threshold", "left", "right", "missing_go_to_left", "value", "count")


def adopted_boosting(booster: Any) -> Member:
    """A fitted, binary HistGradientBoostingClassifier. Raises ValueError for splits by category."""
    trees = [_own(predictor.nodes) for (predictor,) in booster._predictors]
    return _member(float(np.ravel(booster._baseline_prediction)[0]), trees)


def adopted_lightgbm(booster: Any) -> Member:
    """A fitted, binary LightGBM booster. Raises ValueError for a split of another kind than "at most"."""
    return _member(0.0, [_tree(info["tree_structure"]) for info in booster.dump_model()["tree_info"]])


def _member(baseline: float, trees: Sequence[Nodes]) -> Member:
    """A tree that does not split says the same of every row, and goes into the baseline."""
    baseline += sum(float(tree["value"][0]) for tree in trees if len(tree) == 1)
    kept = [tree for tree in trees if len(tree) > 1]
    if not kept:
        raise ValueError("no tree splits: there was nothing to learn")
    nodes, _, sizes = end_to_end(kept)
    return Member(baseline, grow(sizes, nodes))


def _own(nodes: Any) -> Nodes:
    """The nodes of one tree of scikit-learn, which numbers them as we do."""
    if nodes["is_categorical"].any():
        raise ValueError("categorical splits are not supported")
    found = np.zeros(len(nodes), dtype=NODE)
    for name in _KEPT:
        found[name] = nodes[name]
    return found


def _tree(root: Mapping[str, Any]) -> Nodes:
    """The nodes of one tree of LightGBM, the root first."""
    found = np.zeros(sum(1 for _ in _walk(root)), dtype=NODE)
    for place, (node, parent, side) in enumerate(_walk(root)):
        if parent >= 0:
            found[side][parent] = place
        for name, value in _numbers(node).items():
            found[name][place] = value
    return found


def _walk(root: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], int, str]]:
    """All nodes in the order that a walk to the left comes by them, with the place of the parent and the side of it."""
    waiting: list[tuple[Mapping[str, Any], int, str]] = [(root, -1, "")]
    place = 0
    while waiting:
        node, parent, side = waiting.pop()
        yield node, parent, side
        if "split_feature" in node:
            waiting += [(node["right_child"], place, "right"), (node["left_child"], place, "left")]
        place += 1


def _numbers(node: Mapping[str, Any]) -> Mapping[str, float]:
    """What one node says."""
    if "split_feature" not in node:
        return {"value": node["leaf_value"], "count": node.get("leaf_count", 1)}
    if node["decision_type"] != "<=" or node["missing_type"] not in {"NaN", "None"}:
        raise ValueError("only splits by a threshold are supported, with NaN for what is missing")
    # Where a column had no gaps in training, LightGBM reads NaN as 0.
    missing_left = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0.0
    return {
        "feature_idx": node["split_feature"],
        "num_threshold": node["threshold"],
        "missing_go_to_left": missing_left,
        "count": node["internal_count"],
    }
