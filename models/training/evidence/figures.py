"""All figures about one set of predictions, as plain JSON for the report, the model card and the monitor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from models.training.evidence import curves
from models.training.evidence.scored import Scored
from models.training.fit import Flags, Floats
from models.training.measures import Interval, Numbers, measure, of_functions

# Fewer events, or fewer rows without one, say nothing about a group.
FEWEST = 10
GROUP_MEASURES = ("auroc", "observed_per_expected", "ece")
Figures = dict[str, Any]


def figures(scored: Scored, thresholds: Mapping[str, float]) -> Figures:
    """Everything that a committee asks for. `thresholds` are those of the tiers, by name."""
    main = scored.main
    outcome, p = scored.outcome[main], scored.probability[main]
    return {
        "slices": {name: _slice(scored, rows) for name, rows in scored.slices.items()},
        "roc": curves.roc(outcome, p),
        "precision_recall": curves.precision_recall(outcome, p),
        "calibration": {name: _calibration(scored, rows) for name, rows in scored.slices.items()},
        "decision_curve": curves.decision_curve(outcome, p),
        "burden": curves.burden(outcome, p),
        "thresholds": {name: curves.at_threshold(outcome, p, limit) for name, limit in thresholds.items()},
        "groups": {
            attribute: {name: _group(scored, rows & main, thresholds) for name, rows in members.items()}
            for attribute, members in scored.groups.items()
        },
        "comparators": {name: _against(scored, other) for name, other in scored.comparators.items()},
        "periods": {name: _slice(scored, rows & main) for name, rows in scored.periods.items()},
    }


def _slice(scored: Scored, rows: Flags) -> Figures:
    """Rows, events, and every measure with its interval, or why there is none."""
    return _measured(scored, rows, None)


def _measured(scored: Scored, rows: Flags, names: tuple[str, ...] | None) -> Figures:
    """Counts always; measures where there are enough events to speak of."""
    outcome, p, patient = scored.outcome[rows], scored.probability[rows], scored.patient[rows]
    counts: Figures = {"rows": len(outcome), "patients": len(np.unique(patient)), "events": int(outcome.sum())}
    if min(counts["events"], counts["rows"] - counts["events"]) < FEWEST:
        return counts | {"too_few": True}
    found = measure(outcome, p, patient) if names is None else measure(outcome, p, patient, names)
    return counts | {name: interval.rounded() for name, interval in found.items()}


def _calibration(scored: Scored, rows: Flags) -> list[dict[str, float]]:
    """The calibration of one slice."""
    return curves.calibration(scored.outcome[rows], scored.probability[rows])


def _group(scored: Scored, rows: Flags, thresholds: Mapping[str, float]) -> Figures:
    """One audit group: counts, measures, and what each threshold does to it."""
    found = _measured(scored, rows, GROUP_MEASURES)
    if "too_few" in found:
        return found
    outcome, p = scored.outcome[rows], scored.probability[rows]
    return found | {"at": {name: curves.at_threshold(outcome, p, limit) for name, limit in thresholds.items()}}


def _against(scored: Scored, other: Floats) -> Figures:
    """The model and another score on the rows of the main slice where that score gave something."""
    rows = scored.main & ~np.isnan(other)
    outcome, patient = scored.outcome[rows], scored.patient[rows]
    if min(outcome.sum(), (~outcome).sum()) < FEWEST:
        return {"rows": len(outcome), "too_few": True}
    p, s = scored.probability[rows], other[rows]
    return {
        "rows": len(outcome),
        "events": int(outcome.sum()),
        "auroc_model": _auroc(outcome, p, patient).rounded(),
        "auroc_score": _auroc(outcome, s, patient).rounded(),
        "difference": _difference(outcome, p, s, patient).rounded(),
    }


def _auroc(outcome: Flags, score: Floats, patient: Numbers) -> Interval:
    """Discrimination of any score."""
    return of_functions(outcome, score, patient, {"auroc": lambda y, s: float(roc_auc_score(y, s))})["auroc"]


def _difference(outcome: Flags, p: Floats, s: Floats, patient: Numbers) -> Interval:
    """The paired difference of two AUROCs: both are worked out on the same resample."""
    places = np.arange(len(outcome), dtype=np.float64)

    def apart(y: Flags, drawn: Floats) -> float:
        rows = drawn.astype(np.int64)
        return float(roc_auc_score(y, p[rows]) - roc_auc_score(y, s[rows]))

    return of_functions(outcome, places, patient, {"difference": apart})["difference"]
