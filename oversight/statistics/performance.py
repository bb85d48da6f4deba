"""Everything about how a model did, once outcomes are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.statistics.calibration import (
    CalibrationLine,
    ObservedExpected,
    calibration_line,
    intercept_in_the_large,
    observed_expected,
)
from oversight.statistics.calibration_curve import CalibrationCurve, calibration_curve
from oversight.statistics.discrimination import auroc, average_precision
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import BoolArray, labelled, shared
from oversight.statistics.operating_point import OperatingPoint, operating_point
from oversight.statistics.proper_scores import brier, log_loss
from oversight.statistics.refused import Refused
from oversight.statistics.utility import DecisionPoint, decision_curve, net_benefit

GRID = tuple(round(0.01 * step, 2) for step in range(1, 100))


@dataclass(frozen=True, slots=True)
class Performance:
    """One model over one period. Each figure stands alone: one may be refused where another is given."""

    rows: int
    events: int
    threshold: float
    auroc: Estimate | Refused
    average_precision: Estimate | Refused
    brier: Estimate | Refused
    log_loss: Estimate | Refused
    calibration_line: CalibrationLine | Refused
    intercept_in_the_large: Estimate | Refused
    observed_expected: ObservedExpected | Refused
    calibration_curve: CalibrationCurve | Refused
    at_threshold: OperatingPoint
    net_benefit: Estimate | Refused
    decision_curve: tuple[DecisionPoint, ...] | Refused


def performance(
    outcome: npt.ArrayLike,
    risk: npt.ArrayLike,
    threshold: float,
    *,
    weight: npt.ArrayLike | None = None,
    alerted: BoolArray | None = None,
    clusters: npt.ArrayLike | None = None,
    grid: Sequence[float] = GRID,
) -> Performance:
    """Performance of risks against outcomes (0 or 1) that are known.

    `alerted`: what was alerted on; None: risk >= threshold. `weight`: what each row stands for. `clusters`: a label
    for each row (encounter or patient) where one has several; all intervals then allow for it. Where no two rows
    share a label they are independent as they are. With fewer than ten labels with the event, or without, figures are
    refused. Raises ValueError for arrays that do not fit together.
    """
    rows = labelled(outcome, risk, weight)
    shown = rows.risk >= threshold if alerted is None else np.asarray(alerted, dtype=np.bool_)
    label = None if clusters is None else np.asarray(clusters)
    if label is not None and label.shape != rows.risk.shape:
        raise ValueError("clusters must be as long as the rows")
    groups = None if label is None else shared(label)
    return Performance(
        rows=rows.rows,
        events=rows.events,
        threshold=threshold,
        auroc=auroc(rows, groups),
        average_precision=average_precision(rows, groups),
        brier=brier(rows, groups),
        log_loss=log_loss(rows, groups),
        calibration_line=calibration_line(rows, groups),
        intercept_in_the_large=intercept_in_the_large(rows, groups),
        observed_expected=observed_expected(rows, groups),
        calibration_curve=calibration_curve(rows, groups),
        at_threshold=operating_point(rows, shown, groups),
        net_benefit=net_benefit(rows, shown, threshold, groups),
        decision_curve=decision_curve(rows, grid),
    )
