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
from oversight.statistics.discrimination import auroc, average_precision
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import BoolArray, IntArray, Labelled, labelled, shared, too_few
from oversight.statistics.operating_point import operating_point
from oversight.statistics.proper_scores import brier
from oversight.statistics.refused import Refused
from oversight.statistics.weighted_share import Share


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
    average_precision: Estimate | Refused
    brier: Estimate | Refused
    ppv: Share | Refused


def over_time(
    outcome: npt.ArrayLike,
    risk: npt.ArrayLike,
    period: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    alerted: BoolArray | None = None,
) -> tuple[InPeriod, ...]:
    """By ascending `period` (whole numbers, one for each row: weeks, say); periods without a row are left out.

    Give the period of the forecast, and only periods whose outcomes have all had time to come: of recent ones only
    early events are known, and O:E would fall by itself. `weight`, `clusters`: as for `performance`. `alerted`: which
    rows were alerted on, for PPV (None: it is refused).
    """
    rows, when = labelled(outcome, risk, weight), np.asarray(period, dtype=np.int64)
    label = None if clusters is None else np.asarray(clusters)
    if any(each is not None and each.shape != rows.risk.shape for each in (when, label, alerted)):
        raise ValueError("period, clusters and alerted must be as long as the rows")
    order = np.argsort(when, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(when[order])) + 1) if len(order) else []
    made = []
    for part in parts:
        here = labelled(rows.outcome[part], rows.risk[part], rows.weight[part])
        groups = None if label is None else shared(label[part])
        made.append(
            InPeriod(
                period=int(when[part[0]]),
                rows=here.rows,
                events=here.events,
                auroc=auroc(here, groups),
                calibration_line=calibration_line(here, groups),
                intercept_in_the_large=intercept_in_the_large(here, groups),
                observed_expected=observed_expected(here, groups),
                average_precision=average_precision(here, groups),
                brier=brier(here, groups),
                ppv=_ppv(here, None if alerted is None else alerted[part], groups),
            )
        )
    return tuple(made)


def _ppv(rows: Labelled, alerted: BoolArray | None, clusters: IntArray | None) -> Share | Refused:
    """Of rows alerted on, the share with the event."""
    if alerted is None:
        return Refused("nobody has said which rows were alerted on")
    return too_few(rows, clusters) or operating_point(rows, alerted, clusters).ppv
