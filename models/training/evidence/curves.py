"""Curves and tables over all thresholds: ROC, precision and recall, calibration, net benefit, alert burden."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from models.training.evidence.clusters import effective
from models.training.fit import Flags, Floats
from models.training.measures import wilson
from models.training.ranked import Numbers

POINTS = 120
BINS = 10
# Shares of the rows that would be flagged.
BUDGETS = (0.01, 0.02, 0.05, 0.10, 0.15, 0.20, 0.30)
# Threshold probabilities of the decision curve; above a half nobody would call it a warning.
THRESHOLDS = tuple(round(step / 100, 2) for step in range(1, 51))
Points = list[list[float]]
Row = dict[str, float]


def roc(outcome: Flags, p: Floats) -> Points:
    """[false positive rate, sensitivity], rising, at most `POINTS` of them; none where there is one outcome only."""
    if outcome.all() or not outcome.any():
        return []
    false, true, _ = roc_curve(outcome, p)
    return _thinned(np.column_stack([false, true]))


def precision_recall(outcome: Flags, p: Floats) -> Points:
    """[recall, precision], by rising recall, at most `POINTS` of them; none where nobody has the outcome."""
    if not outcome.any():
        return []
    precision, recall, _ = precision_recall_curve(outcome, p)
    return _thinned(np.column_stack([recall, precision])[::-1])


def _thinned(points: Floats) -> Points:
    """Points at about equal distances along the first column, the ends among them."""
    chosen = np.unique(np.searchsorted(points[:, 0], np.linspace(0, points[-1, 0], POINTS)))
    kept = np.unique(np.concatenate([[0], chosen, [len(points) - 1]]))
    return [[round(float(x), 5), round(float(y), 5)] for x, y in points[kept[kept < len(points)]]]


def calibration(outcome: Flags, p: Floats, patient: Numbers) -> list[Row]:
    """Ten equally large groups by prediction: mean prediction, observed share and its 95 % Wilson interval.

    Rows of one patient resemble each other, so the interval is that of as many independent rows as they are worth.
    """
    found = []
    for group in np.array_split(np.argsort(p, kind="stable"), BINS):
        if not len(group):
            continue
        happened = outcome[group]
        share = float(happened.mean())
        low, high = wilson(share, effective(happened, patient[group]))
        row = {"predicted": float(p[group].mean()), "observed": share, "low": low, "high": high}
        counts = {"n": len(group), "events": int(happened.sum())}
        found.append({name: round(value, 5) for name, value in row.items()} | counts)
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


def burden(outcome: Flags, p: Floats, patient: Numbers) -> list[Row]:
    """For each budget the threshold that spends it, and what would follow."""
    limits = {share: float(np.quantile(p, 1 - share)) for share in BUDGETS}
    return [
        {"budget": share, "threshold": round(limit, 5)} | at_threshold(outcome, p, patient, limit)
        for share, limit in limits.items()
    ]


def at_threshold(outcome: Flags, p: Floats, patient: Numbers, threshold: float) -> Row:
    """What flagging from this probability on would have meant; a rate that has no rows is left out.

    Where patients have several rows, `patients_flagged` is the share of them flagged at least once, and
    `patients_found` the share of those with the outcome who were flagged in a row that it followed.
    """
    alert = p >= threshold
    found: Row = {"flagged": float(alert.mean()), "alerts_per_100": 100 * float(alert.mean())}
    found |= _rates(outcome, alert)
    people = len(np.unique(patient))
    if people < len(patient):
        found["patients_flagged"] = len(np.unique(patient[alert])) / people
        if outcome.any():
            found["patients_found"] = len(np.unique(patient[alert & outcome])) / len(np.unique(patient[outcome]))
    return {name: round(value, 5) for name, value in found.items()}


def _rates(outcome: Flags, alert: Flags) -> Row:
    """Those of the four-field table that have something to divide by."""
    found: Row = {}
    true, flagged = int((alert & outcome).sum()), int(alert.sum())
    if outcome.any():
        found["sensitivity"] = true / int(outcome.sum())
    if (~outcome).any():
        found["specificity"] = float((~alert & ~outcome).sum() / (~outcome).sum())
    if flagged:
        found["positive_predictive_value"] = true / flagged
    if true:
        found["alerts_per_event"] = flagged / true
    return found
