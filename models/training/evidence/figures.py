"""All figures about one set of predictions, as plain JSON for the report, the model card and the monitor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from models.training.evidence import curves
from models.training.evidence.reliability import coverage, reliability
from models.training.evidence.scored import Scored
from models.training.fit import Flags, Floats
from models.training.measures import MEASURES, measure, of_counted, paired
from models.training.ranked import COUNTED, Counted

# Fewer events, or fewer rows without one, say nothing about a group.
FEWEST = 10
GROUP_MEASURES = ("auroc", "observed_per_expected", "ece")
Figures = dict[str, Any]


def figures(scored: Scored, thresholds: Mapping[str, float]) -> Figures:
    """Everything that a committee asks for. `thresholds` are those of the tiers, by name.

    A measure is [value, low, high] with its 95 % interval (bootstrap over patients); what has too few events has its
    counts and `too_few` instead. `left_out` names the measures that the rows did not allow, where there are any.
    """
    main = scored.main
    outcome, p, patient = scored.outcome[main], scored.probability[main], scored.patient[main]
    return {
        "slices": {name: _measured(scored, rows) | _silent(scored, name) for name, rows in scored.answered_slices()},
        "every_row": _every_row(scored),
        "thresholds": {name: round(limit, 4) for name, limit in thresholds.items()},
        "by_threshold": {name: _by_slice(scored, limit) for name, limit in thresholds.items()},
        "burden": curves.burden(outcome, p, patient),
        "groups": {
            attribute: {name: _group(scored, rows & main, thresholds) for name, rows in members.items()}
            for attribute, members in scored.groups.items()
        },
        "comparators": {name: _against(scored, other) for name, other in scored.comparators.items()},
        "periods": {name: _measured(scored, rows & main) for name, rows in scored.periods.items()},
        "reliability": reliability(scored),
        "coverage": coverage(scored),
        "roc": curves.roc(outcome, p),
        "precision_recall": curves.precision_recall(outcome, p),
        "calibration": {name: _calibration(scored, rows) for name, rows in scored.answered_slices()},
        "decision_curve": curves.decision_curve(outcome, p),
    }


def _measured(scored: Scored, rows: Flags, names: tuple[str, ...] = tuple(MEASURES)) -> Figures:
    """Counts always; measures where there are enough events to speak of."""
    counts = _counts(scored, rows)
    if "too_few" in counts:
        return counts
    found = measure(scored.outcome[rows], scored.probability[rows], scored.patient[rows], names)
    left_out = [name for name in names if name not in found or np.isnan(found[name].rounded()).any()]
    kept = {name: interval.rounded() for name, interval in found.items() if name not in left_out}
    return counts | kept | ({"left_out": ", ".join(left_out)} if left_out else {})


def _counts(scored: Scored, rows: Flags) -> Figures:
    """Rows, patients and events, and whether they are too few."""
    outcome = scored.outcome[rows]
    counts: Figures = {
        "n": len(outcome),
        "patients": len(np.unique(scored.patient[rows])),
        "events": int(outcome.sum()),
    }
    enough = min(counts["events"], counts["n"] - counts["events"]) >= FEWEST
    return counts if enough else counts | {"too_few": True}


def _silent(scored: Scored, name: str) -> Figures:
    """How many rows of a slice the model would not answer."""
    return {"not_answered": int((scored.slices[name] & ~scored.judged).sum())}


def _every_row(scored: Scored) -> Figures:
    """The measures with the rows that the model would not answer; empty where it answers all."""
    if scored.judged.all():
        return {}
    return {name: _measured(scored, rows) for name, rows in scored.slices.items()}


def _by_slice(scored: Scored, limit: float) -> Figures:
    """What one threshold means in each slice."""
    return {
        name: curves.at_threshold(scored.outcome[rows], scored.probability[rows], scored.patient[rows], limit)
        for name, rows in scored.answered_slices()
        if rows.any()
    }


def _calibration(scored: Scored, rows: Flags) -> list[dict[str, float]]:
    """The calibration of one slice."""
    return curves.calibration(scored.outcome[rows], scored.probability[rows], scored.patient[rows])


def _group(scored: Scored, rows: Flags, thresholds: Mapping[str, float]) -> Figures:
    """One audit group: counts, measures, and what each threshold does to it, all with intervals."""
    counts = _counts(scored, rows)
    if "too_few" in counts:
        return counts
    functions = {name: COUNTED[name] for name in GROUP_MEASURES}
    for tier, limit in thresholds.items():
        functions[f"{tier} flagged"] = partial(Counted.flagged, threshold=limit)
        functions[f"{tier} sensitivity"] = partial(Counted.sensitivity, threshold=limit)
        functions[f"{tier} positive_predictive_value"] = partial(Counted.positive_predictive_value, threshold=limit)
    found = of_counted(scored.outcome[rows], scored.probability[rows], scored.patient[rows], functions)
    measures = {name: found[name].rounded() for name in GROUP_MEASURES}
    return counts | measures | {"at": {tier: _rates(found, tier) for tier in thresholds}}


def _rates(found: Mapping[str, Any], tier: str) -> Figures:
    """The rates of one tier; a share of nobody is left out."""
    named = {key.removeprefix(f"{tier} "): one for key, one in found.items() if key.startswith(f"{tier} ")}
    return {name: one.rounded() for name, one in named.items() if not np.isnan([one.value, one.low, one.high]).any()}


def _against(scored: Scored, other: Floats) -> Figures:
    """Another score and the model on the rows of the main slice where that score gave something; paired."""
    rows = scored.main & ~np.isnan(other)
    counts = _counts(scored, rows)
    if "too_few" in counts:
        return counts
    found = paired(scored.outcome[rows], scored.probability[rows], other[rows], scored.patient[rows])
    return counts | {
        "auroc": found["other"].rounded(),
        "auroc_model": found["auroc"].rounded(),
        "difference": found["difference"].rounded(),
    }
