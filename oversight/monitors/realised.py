"""What outcomes say of a model: weighted for cards that were acted on where that can be done, else as they came.

A good card that is heeded prevents the event it forecast, and then looks false (`oversight.statistics.feedback_aware`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.monitors.judged_source import JudgedRows
from oversight.statistics.alert_figures import AlertFigures
from oversight.statistics.calibration import calibration_line, observed_expected
from oversight.statistics.discrimination import auroc
from oversight.statistics.estimate import Estimate
from oversight.statistics.feedback_aware import feedback_aware
from oversight.statistics.labelled import labelled, shared
from oversight.statistics.refused import Refused

# So many units tell cards apart; smaller ones are one group.
UNITS = 8
WEIGHTED = "weighted for cards that were acted on"
NAIVE = (
    "outcomes taken as they came: cards that were heeded make a model look worse, so look before anything is retrained"
)


@dataclass(frozen=True, slots=True)
class Realised:
    """Three figures and on which basis they stand (`WEIGHTED`, or `NAIVE` with the reason)."""

    auroc: Estimate | Refused
    slope: Estimate | Refused
    observed_expected: Estimate | Refused
    basis: str


def realised(rows: JudgedRows, rng: np.random.Generator) -> Realised:
    """The figures. Patients, not stays or rows, are what is independent."""
    if not rows.alerted.any():
        return _without_cards(rows, "no card was shown")
    features, names = _units(rows)
    found = feedback_aware(
        rows.outcome, rows.risk, rows.alerted, rows.treated, features, names, rng,
        followed_up=rows.followed_up, clusters=rows.patient,
    )  # fmt: skip
    if isinstance(found, Refused):
        return _without_cards(rows, found.reason)
    if isinstance(found.weighted, AlertFigures):
        return _of(found.weighted, WEIGHTED)
    if isinstance(found.naive, AlertFigures):
        return _of(found.naive, f"{NAIVE} (not weighted: {found.weighted.reason})")
    return _without_cards(rows, found.naive.reason)


def _of(figures: AlertFigures, basis: str) -> Realised:
    """From the figures of alerts."""
    return Realised(figures.auroc, figures.calibration_slope, figures.observed_expected, basis)


def _without_cards(rows: JudgedRows, why: str) -> Realised:
    """Figures that need no card. O:E takes the first row of each stay."""
    every = labelled(rows.outcome, rows.risk)
    firsts = np.unique(rows.cluster, return_index=True)[1]
    line = calibration_line(every, rows.patient)
    ratio = observed_expected(labelled(rows.outcome[firsts], rows.risk[firsts]), shared(rows.patient[firsts]))
    return Realised(
        auroc(every, rows.patient),
        line if isinstance(line, Refused) else line.slope,
        ratio if isinstance(ratio, Refused) else ratio.ratio,
        f"{NAIVE} (not weighted: {why})",
    )


def _units(rows: JudgedRows) -> tuple[np.typing.NDArray[np.float64], tuple[str, ...]]:
    """One column for each of the largest units but one, which is what the others are held against."""
    names, counts = np.unique(rows.unit[rows.alerted].astype(str), return_counts=True)
    large = names[np.argsort(-counts, kind="stable")][1:UNITS]
    columns = [(rows.unit.astype(str) == name).astype(np.float64) for name in large]
    matrix = np.column_stack(columns) if columns else np.empty((rows.risk.size, 0))
    return matrix, tuple(f"unit {name}" for name in large)
