"""The figures of a cross-validation: by hour, by group, by alert budget."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.icu_mortality.training.fit import Flags, Floats
from models.icu_mortality.training.measures import measure
from models.icu_mortality.training.rows import Rows

AGE_BANDS = ((18, 55), (55, 70), (70, 80), (80, 200))
BUDGETS = {"raised": 0.20, "high": 0.05}
BUDGET_HOUR = 24.0
AUDIT_HOURS = (24.0, 48.0)
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
