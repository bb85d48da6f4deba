"""Curves and tables over all thresholds: ROC, precision and recall, calibration, net benefit, alert burden."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from models.training.fit import Flags, Floats
from models.training.measures import wilson

POINTS = 120
BINS = 10
# Shares of the patients that would be alerted on.
BUDGETS = (0.01, 0.02, 0.05, 0.10, 0.15, 0.20, 0.30)
# Threshold probabilities of the decision curve; above a half nobody would call it a warning.
THRESHOLDS = tuple(round(step / 100, 2) for step in range(1, 51))
Points = list[list[float]]
Row = dict[str, float]


def roc(outcome: Flags, p: Floats) -> Points:
    """[false positive rate, sensitivity], rising, at most `POINTS` of them."""
    false, true, _ = roc_curve(outcome, p)
    return _thinned(np.column_stack([false, true]))


def precision_recall(outcome: Flags, p: Floats) -> Points:
    """[recall, precision], by rising recall, at most `POINTS` of them."""
    precision, recall, _ = precision_recall_curve(outcome, p)
    return _thinned(np.column_stack([recall, precision])[::-1])


def _thinned(points: Floats) -> Points:
    """Points at about equal distances along the first column, the ends among them."""
    chosen = np.unique(np.searchsorted(points[:, 0], np.linspace(0, points[-1, 0], POINTS)))
    kept = np.unique(np.concatenate([[0], chosen, [len(points) - 1]]))
    return [[round(float(x), 5), round(float(y), 5)] for x, y in points[kept[kept < len(points)]]]


def calibration(outcome: Flags, p: Floats) -> list[Row]:
    """Ten equally large groups by prediction: mean prediction, observed share and its 95 % Wilson interval."""
    found = []
    for group in np.array_split(np.argsort(p, kind="stable"), BINS):
        if not len(group):
            continue
        events = int(outcome[group].sum())
        low, high = wilson(events, len(group))
        row = {"predicted": float(p[group].mean()), "observed": events / len(group), "low": low, "high": high}
        found.append({name: round(value, 5) for name, value in row.items()} | {"rows": len(group), "events": events})
    return found


def net_benefit(outcome: Flags, p: Floats, threshold: float) -> float:
    """True positives minus false positives at the exchange rate of the threshold, per row.

    Vickers & Elkin 2006, Med Decis Making 26:565, formula in the section "Decision curve analysis".
    """
    alert = p >= threshold
    true, false = (alert & outcome).sum(), (alert & ~outcome).sum()
    return float((true - false * threshold / (1 - threshold)) / len(outcome))


def decision_curve(outcome: Flags, p: Floats) -> list[Row]:
    """Net benefit of the model and of alerting on everybody; alerting on nobody is 0."""
    everybody = np.ones(len(p))
    return [
        {
            "threshold": threshold,
            "model": round(net_benefit(outcome, p, threshold), 6),
            "everybody": round(net_benefit(outcome, everybody, threshold), 6),
        }
        for threshold in THRESHOLDS
    ]


def burden(outcome: Flags, p: Floats) -> list[Row]:
    """For each alert budget the threshold that spends it, and what would follow."""
    return [at_threshold(outcome, p, float(np.quantile(p, 1 - share))) | {"budget": share} for share in BUDGETS]


def at_threshold(outcome: Flags, p: Floats, threshold: float) -> Row:
    """What alerting from this probability on would have meant; a rate that has no rows is left out."""
    alert = p >= threshold
    true = int((alert & outcome).sum())
    row: Row = {"threshold": threshold, "alerted": float(alert.mean())}
    if outcome.any():
        row["sensitivity"] = true / int(outcome.sum())
    if (~outcome).any():
        row["specificity"] = float((~alert & ~outcome).sum() / (~outcome).sum())
    if alert.any():
        row["positive_predictive_value"] = true / int(alert.sum())
    if true:
        row["number_needed_to_alert"] = int(alert.sum()) / true
    return {name: round(value, 5) for name, value in row.items()}
