"""Discrimination and calibration period by period, to see a model go stale."""

from __future__ import annotations

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
from oversight.statistics.discrimination import auroc
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import codes, labelled
from oversight.statistics.refused import Refused


@dataclass(frozen=True, slots=True)
class InPeriod:
    """One period; a figure is refused where the period has too few events."""

    period: int
    rows: int
    events: int
    auroc: Estimate | Refused
    calibration_line: CalibrationLine | Refused
    intercept_in_the_large: Estimate | Refused
    observed_expected: ObservedExpected | Refused


def over_time(
    outcome: npt.ArrayLike,
    risk: npt.ArrayLike,
    period: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
) -> tuple[InPeriod, ...]:
    """By ascending `period` (whole numbers, one for each row: weeks, say); periods without a row are left out.

    Give the period of the forecast, and only periods whose outcomes have all had time to come: of recent ones only
    early events are known, and O:E would fall by itself. `weight`, `clusters`: as for `performance`.
    """
    rows, when = labelled(outcome, risk, weight), np.asarray(period, dtype=np.int64)
    label = None if clusters is None else np.asarray(clusters)
    if when.shape != rows.risk.shape or (label is not None and label.shape != rows.risk.shape):
        raise ValueError("period and clusters must be as long as the rows")
    order = np.argsort(when, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(when[order])) + 1) if len(order) else []
    made = []
    for part in parts:
        here = labelled(rows.outcome[part], rows.risk[part], rows.weight[part])
        groups = None if label is None else codes(label[part])[0]
        made.append(
            InPeriod(
                period=int(when[part[0]]),
                rows=here.rows,
                events=here.events,
                auroc=auroc(here, groups),
                calibration_line=calibration_line(here, groups),
                intercept_in_the_large=intercept_in_the_large(here, groups),
                observed_expected=observed_expected(here),
            )
        )
    return tuple(made)
