"""Fitting the calibration of a margin."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.runtime.calibration import Calibration, days

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]

_MOST_STEPS = 50
_TINY = 1e-10
# A likelihood so much flatter one way than another has no maximum that numbers of this length could tell.
_FLAT = 1e13
# Beyond these log-odds a probability has no digits left.
_STEEPEST = 35.0


class NoCalibration(Exception):
    """The outcomes do not allow a calibration."""


def fit_platt(margins: Floats, outcome: Numbers, weights: Floats | None = None) -> tuple[float, float]:
    """Slope and intercept of the outcome's log-odds on margins that the members had not been fitted on (Platt 1999).

    Raises `NoCalibration` where there is no best one: one outcome only, or the margins tell the two apart.
    """
    slope, intercept = _logistic(np.column_stack([margins, np.ones(len(margins))]), outcome, weights)
    return float(slope), float(intercept)


def fit_by_day(margins: Floats, hours: Floats, outcome: Numbers, weights: Floats | None = None) -> Calibration:
    """Platt's step with a slope and an intercept that change with the day. Raises `NoCalibration` as `fit_platt` does.

    It also raises where all hours are alike, so that no change could be told.
    """
    t = days(np.asarray(hours, dtype=np.float64))
    columns = np.column_stack([margins, np.ones(len(margins)), t * margins, t])
    slope, intercept, slope_by_day, intercept_by_day = _logistic(columns, outcome, weights).tolist()
    return Calibration(slope, intercept, slope_by_day, intercept_by_day)


def _logistic(columns: Floats, outcome: Numbers, weights: Floats | None) -> Floats:
    """The coefficients of a logistic regression without penalty on columns (n, k), shape (k,).

    Maximum likelihood by Newton's method, to the last digits; a general solver takes a hundred times as long and stops
    earlier.
    """
    counts = np.ones(len(columns)) if weights is None else weights
    found: Floats = np.zeros(columns.shape[1])
    for _ in range(_MOST_STEPS):
        p = probability(np.clip(columns @ found, -_STEEPEST, _STEEPEST))
        curvature = columns.T @ (columns * (counts * p * (1 - p))[:, None])
        if not np.isfinite(curvature).all() or np.linalg.cond(curvature) > _FLAT:
            break
        step = np.linalg.solve(curvature, columns.T @ (counts * (outcome - p)))
        found += step
        if np.abs(step).max() < _TINY:
            return found
    raise NoCalibration("There is no calibration that fits best.")


def probability(log_odds: Floats) -> Floats:
    """The logistic function."""
    return 1.0 / (1.0 + np.exp(-log_odds))
