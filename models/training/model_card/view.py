"""The figures of an `evaluation.json` in the words that the texts of a card refer to.

`{slices[hour 24].rows}` is the number of rows, `{thresholds.high.alerted|percent}` what the threshold "high" flags in
the first slice. All else has the names of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Figures = dict[str, Any]


def view(evaluation: Mapping[str, Any]) -> Figures:
    """A copy with these words; of what is already in them, a copy as it is."""
    main = next(iter(evaluation["slices"]))
    shown = dict(evaluation)
    for name in ("slices", "every_row", "periods", "comparators"):
        shown[name] = {key: _counted(one) for key, one in evaluation.get(name, {}).items()}
    shown["groups"] = {
        attribute: {key: _counted(one) for key, one in members.items()}
        for attribute, members in evaluation["groups"].items()
    }
    shown["thresholds"] = {
        tier: _threshold(limit, evaluation["by_threshold"][tier].get(main, {}))
        for tier, limit in evaluation["thresholds"].items()
    }
    shown["calibration"] = {name: [_counted(one) for one in parts] for name, parts in evaluation["calibration"].items()}
    return shown


def _counted(one: Mapping[str, Any]) -> Figures:
    """With `rows` for the number of rows, and `auroc_score` for what another score reaches."""
    found = dict(one) | {"rows": one["n"]}
    return found | {"auroc_score": one["auroc"]} if "auroc_model" in one else found


def _threshold(limit: float, at: Mapping[str, Any]) -> Figures:
    """What a threshold means, with the threshold itself, and `alerted` for what it flags."""
    return {"threshold": limit, "alerted": at.get("flagged", 0.0), **at}
