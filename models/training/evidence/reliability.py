"""What happened at each predicted risk, as people are shown it beside a prediction; and whether the ranges hold."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from models.training.evidence.clusters import drawn, wilson_share
from models.training.evidence.scored import Scored
from models.training.fit import Flags, Floats
from models.training.measures import wilson

# Round edges of predicted risk, as a reader would choose them; neighbours are joined until each bin holds enough.
RISK_EDGES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BIN_PATIENTS = 50
BIN_EVENTS = 10
TENTHS = 10
Figures = dict[str, Any]


def reliability(scored: Scored) -> dict[str, list[Figures]]:
    """Per slice, what happened to patients with a predicted risk from `low` to below `high`.

    Where patients have several rows in a slice, as many rows are drawn as there are patients (by a fixed seed), so that
    the Wilson interval holds and the numbers are about those of patients.
    """
    found = {}
    for name, answered in scored.answered_slices():
        rows = drawn(answered, scored.patient)
        outcome, p = scored.outcome[rows], scored.probability[rows]
        if len(p):
            found[name] = [_bin(outcome, p, low, high) for low, high in risk_bins(outcome, p)]
    return found


def risk_bins(outcome: Flags, p: Floats) -> list[tuple[float, float]]:
    """Neighbouring bins that cover 0 to 1, joined upwards until each holds enough patients and events.

    What remains at the top is joined to the bin below it.
    """
    edges = [RISK_EDGES[0]]
    for high in RISK_EDGES[1:]:
        inside = _inside(p, edges[-1], high)
        if inside.sum() >= BIN_PATIENTS and outcome[inside].sum() >= BIN_EVENTS:
            edges.append(high)
    edges[max(len(edges) - 1, 1) :] = [RISK_EDGES[-1]]
    return list(pairwise(edges))


def _inside(p: Floats, low: float, high: float) -> Flags:
    """Which predictions lie in a bin; certainty belongs to the last one."""
    inside: Flags = (p >= low) & ((p < high) | (high == RISK_EDGES[-1]))
    return inside


def _bin(outcome: Flags, p: Floats, low: float, high: float) -> Figures:
    """One bin with its Wilson interval."""
    inside = _inside(p, low, high)
    patients, events = int(inside.sum()), int(outcome[inside].sum())
    lower, upper = (round(bound, 4) for bound in wilson(events, patients))
    return {"low": low, "high": high, "patients": patients, "events": events, "lower": lower, "upper": upper}


def coverage(scored: Scored) -> dict[str, dict[str, Figures]]:
    """Whether the model's own ranges hold what happened, for everybody and by group; empty where it gives none.

    A range is about a share, and one patient has no share; so patients with similar ranges are taken together: in each
    tenth by prediction, what happened (with its 95 % interval) must meet the mean range. As many rows are drawn as
    there are patients.
    """
    if scored.interval is None:
        return {}
    members = {"everybody": {"all": np.ones(len(scored.outcome), dtype=np.bool_)}} | dict(scored.groups)
    chosen = drawn(scored.main, scored.patient)
    return {
        attribute: {name: _held(scored, rows & chosen) for name, rows in values.items() if (rows & chosen).any()}
        for attribute, values in members.items()
    }


def _held(scored: Scored, rows: Flags) -> Figures:
    """One group: mean range, observed share, and how many tenths agree; of too few events, the counts alone."""
    events = int(scored.outcome[rows].sum())
    if min(events, int(rows.sum()) - events) < BIN_EVENTS:
        return {"n": int(rows.sum()), "events": events, "too_few": True}
    order = np.flatnonzero(rows)[np.argsort(scored.probability[rows], kind="stable")]
    parts = [part for part in np.array_split(order, TENTHS) if len(part)]
    lower, upper = scored.ends
    return {
        **_agreement(scored, order),
        "width": round(float((upper[order] - lower[order]).mean()), 4),
        "parts": len(parts),
        "parts_agreeing": sum(bool(_agreement(scored, part)["agrees"]) for part in parts),
    }


def _agreement(scored: Scored, rows: Any) -> Figures:
    """Mean range, observed share with its interval, and whether the two meet."""
    outcome = scored.outcome[rows]
    lower, upper = (float(end[rows].mean()) for end in scored.ends)
    share = float(outcome.mean())
    low, high = wilson_share(share, len(outcome))
    figures = {"lower": lower, "upper": upper, "observed": share, "low": low, "high": high}
    counts = {"n": len(outcome), "events": int(outcome.sum()), "agrees": low <= upper and lower <= high}
    return {name: round(value, 4) for name, value in figures.items()} | counts
