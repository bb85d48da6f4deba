"""What happened at each predicted risk, as people are shown it beside a prediction; and whether the ranges hold."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor
from typing import Any

import numpy as np

from models.training.evidence.clusters import effective
from models.training.evidence.scored import Scored
from models.training.fit import Flags, Floats
from models.training.measures import wilson
from models.training.ranked import Numbers

# Round edges of predicted risk, as a reader would choose them; neighbours are joined until each bin holds enough.
RISK_EDGES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BIN_PATIENTS = 50
BIN_EVENTS = 10
TENTHS = 10
Figures = dict[str, Any]


def reliability(scored: Scored) -> dict[str, list[Figures]]:
    """Per slice, what happened in the rows with a predicted risk from `low` to below `high`.

    `patients` counts the rows of a bin (`evaluation.counted` says what they are). Rows of one patient resemble each
    other, so the 95 % interval (Wilson) is that of as many independent rows as they are worth.
    """
    found = {}
    for name, rows in scored.answered_slices():
        outcome, p, patient = scored.outcome[rows], scored.probability[rows], scored.patient[rows]
        if len(p):
            bins = risk_bins(outcome, p, patient)
            found[name] = [_bin(outcome, p, patient, low, high) for low, high in bins]
    return found


def risk_bins(outcome: Flags, p: Floats, patient: Numbers) -> list[tuple[float, float]]:
    """Neighbouring bins that cover 0 to 1, joined upwards until each holds enough patients and enough events.

    Counted are people, and of the events those who had one. What remains at the top is joined to the bin below it.
    """
    edges = [RISK_EDGES[0]]
    for high in RISK_EDGES[1:]:
        inside = _inside(p, edges[-1], high)
        if _people(patient[inside]) >= BIN_PATIENTS and _people(patient[inside & outcome]) >= BIN_EVENTS:
            edges.append(high)
    edges[max(len(edges) - 1, 1) :] = [RISK_EDGES[-1]]
    return list(pairwise(edges))


def _people(patient: Numbers) -> int:
    """How many they are."""
    return len(np.unique(patient))


def _inside(p: Floats, low: float, high: float) -> Flags:
    """Which predictions lie in a bin; certainty belongs to the last one."""
    inside: Flags = (p >= low) & ((p < high) | (high == RISK_EDGES[-1]))
    return inside


def _bin(outcome: Flags, p: Floats, patient: Numbers, low: float, high: float) -> Figures:
    """One bin with its interval."""
    inside = _inside(p, low, high)
    happened = outcome[inside]
    rows, events = len(happened), int(happened.sum())
    ends = _outwards(wilson(events / rows, effective(happened, patient[inside])))
    return {"low": low, "high": high, "patients": rows, "events": events} | ends


def _outwards(ends: tuple[float, float]) -> Figures:
    """An interval in four digits that still holds what it held."""
    return {"lower": floor(ends[0] * 1e4) / 1e4, "upper": ceil(ends[1] * 1e4) / 1e4}


def coverage(scored: Scored) -> dict[str, dict[str, Figures]]:
    """Whether the model's own ranges hold what happened, for everybody and by group; empty where it gives none.

    A range is about a share, and one patient has no share; so rows with similar ranges are taken together: in each
    tenth by prediction, what happened (with its 95 % interval) must meet the mean range. The interval is that of as
    many independent rows as these are worth.
    """
    if scored.interval is None:
        return {}
    members = {"everybody": {"all": np.ones(len(scored.outcome), dtype=np.bool_)}} | dict(scored.groups)
    main = scored.main
    return {
        attribute: {name: _held(scored, rows & main) for name, rows in values.items() if (rows & main).any()}
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
    low, high = wilson(share, effective(outcome, scored.patient[rows]))
    figures = {"lower": lower, "upper": upper, "observed": share, "low": low, "high": high}
    counts = {"n": len(outcome), "events": int(outcome.sum()), "agrees": low <= upper and lower <= high}
    return {name: round(value, 4) for name, value in figures.items()} | counts
