"""The figures of a cross-validation: by hour, by group, by alert budget."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from models.icu_mortality.training.measures import measure, wilson
from models.icu_mortality.training.rows import Rows
from models.training.fit import Flags, Floats

AGE_BANDS = ((18, 55), (55, 70), (70, 80), (80, 200))
BUDGETS = {"raised": 0.20, "high": 0.05}
BUDGET_HOUR = 24.0
AUDIT_HOURS = (24.0, 48.0)
# Round edges of predicted risk, as a reader would choose them; neighbours are joined until each bin holds enough.
RISK_EDGES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BIN_STAYS = 50
BIN_DEATHS = 10
_GROUP_MEASURES = ("auroc", "observed_per_expected")
_Figures = dict[str, object]


def by_hour(rows: Rows, p: Floats) -> dict[str, _Figures]:
    """All measures for every landmark hour, over the rows that the model answers."""
    found: dict[str, _Figures] = {}
    for hour in np.unique(rows.hour):
        now = rows.hour == hour
        at = now & rows.answered
        silent = {"not_answered": int((now & ~rows.answered).sum())}
        found[f"{hour:g}"] = measure(rows.died[at], p[at]) | silent
    return found


def every_row(rows: Rows, p: Floats) -> dict[str, _Figures]:
    """Discrimination per hour over all stays of adults, those with too little data included."""
    return {
        f"{hour:g}": measure(rows.died[at], p[at], ("auroc", "auprc"))
        for hour in np.unique(rows.hour)
        for at in [rows.hour == hour]
    }


def thresholds(rows: Rows, p: Floats) -> dict[str, float]:
    """For each budget the probability that this share of the stays reaches at `BUDGET_HOUR`."""
    at = (rows.hour == BUDGET_HOUR) & rows.answered
    return {name: round(float(np.quantile(p[at], 1 - share)), 4) for name, share in BUDGETS.items()}


def by_budget(rows: Rows, p: Floats) -> dict[str, dict[str, _Figures]]:
    """What each threshold would have done at each hour."""
    return {
        name: {
            f"{hour:g}": _alert(rows.died[at], p[at] >= threshold)
            for hour in np.unique(rows.hour)
            for at in [(rows.hour == hour) & rows.answered]
        }
        for name, threshold in thresholds(rows, p).items()
    }


def _alert(died: Flags, flagged: Flags) -> _Figures:
    return {
        "flagged": round(float(flagged.mean()), 4),
        "sensitivity": round(float(flagged[died].mean()), 4),
        "positive_predictive_value": round(float(died[flagged].mean()), 4),
    }


def groups(rows: Rows) -> dict[str, Flags]:
    """Named subsets, for audit only. Race is not recorded in these data."""
    found = {f"sex {sex}": rows.sex == sex for sex in ("female", "male")}
    found |= {_band(lo, hi): (rows.age >= lo) & (rows.age < hi) for lo, hi in AGE_BANDS}
    found |= {f"unit {name}": rows.icu_type == name for name in np.unique(rows.icu_type)}
    return found


def _band(low: int, high: int) -> str:
    return f"age {low} to {high - 1}" if high <= 120 else f"age {low} and older"


def by_group(rows: Rows, p: Floats) -> dict[str, dict[str, _Figures]]:
    """Discrimination, calibration and share flagged for every group at the audit hours."""
    limits = thresholds(rows, p)
    return {
        f"{hour:g}": {
            name: _group(rows, p, member & (rows.hour == hour) & rows.answered, limits)
            for name, member in groups(rows).items()
        }
        for hour in AUDIT_HOURS
    }


def _group(rows: Rows, p: Floats, at: npt.NDArray[np.bool_], limits: dict[str, float]) -> _Figures:
    flagged = {f"flagged_{name}": round(float((p[at] >= limit).mean()), 4) for name, limit in limits.items()}
    return measure(rows.died[at], p[at], _GROUP_MEASURES) | flagged


def reliability(rows: Rows, p: Floats) -> dict[str, list[_Figures]]:
    """Per landmark hour, what happened to the answered stays with a predicted risk from `low` to below `high`.

    By hour, because the same predicted risk was followed by fewer deaths at hour 6 than at hour 48; and because a stay
    counts once at each hour, so that the Wilson interval holds.
    """
    return {
        f"{hour:g}": [_bin(rows.died[at], p[at], low, high) for low, high in risk_bins(rows.died[at], p[at])]
        for hour in np.unique(rows.hour)
        for at in [(rows.hour == hour) & rows.answered]
    }


def risk_bins(died: Flags, p: Floats) -> list[tuple[float, float]]:
    """Neighbouring bins that cover 0 to 1, joined upwards until each holds enough stays and deaths.

    What remains at the top is joined to the bin below it.
    """
    edges = [RISK_EDGES[0]]
    for high in RISK_EDGES[1:]:
        inside = _inside(p, edges[-1], high)
        if inside.sum() >= BIN_STAYS and died[inside].sum() >= BIN_DEATHS:
            edges.append(high)
    edges[max(len(edges) - 1, 1) :] = [RISK_EDGES[-1]]
    return list(pairwise(edges))


def _inside(p: Floats, low: float, high: float) -> Flags:
    """Which predictions lie in a bin; certainty belongs to the last one."""
    inside: Flags = (p >= low) & ((p < high) | (high == RISK_EDGES[-1]))
    return inside


def _bin(died: Flags, p: Floats, low: float, high: float) -> _Figures:
    """One bin with its Wilson interval."""
    inside = _inside(p, low, high)
    patients, events = int(inside.sum()), int(died[inside].sum())
    lower, upper = (round(bound, 4) for bound in wilson(events, patients))
    return {"low": low, "high": high, "patients": patients, "events": events, "lower": lower, "upper": upper}
