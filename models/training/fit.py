"""Fitting the calibration of a margin."""

from __future__ import annotations

from collections.abc import Sequence
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
    slope, intercept = logistic([margins, np.ones(len(margins))], outcome, weights)
    return float(slope), float(intercept)


def fit_by_day(margins: Floats, hours: Floats, outcome: Numbers, weights: Floats | None = None) -> Calibration:
    """Platt's step with a slope and an intercept that change with the day. Raises `NoCalibration` as `fit_platt` does.

    It also raises where all hours are alike, so that no change could be told.
    """
    t = days(np.asarray(hours, dtype=np.float64))
    columns = [margins, np.ones(len(margins)), t * margins, t]
    slope, intercept, slope_by_day, intercept_by_day = logistic(columns, outcome, weights).tolist()
    return Calibration(slope, intercept, slope_by_day, intercept_by_day)


def logistic(
    columns: Sequence[Floats],
    outcome: Numbers,
    weights: Floats | None = None,
    *,
    start: Sequence[float] = (),
    close: float = _TINY,
) -> Floats:
    """The coefficients of a logistic regression without penalty on k columns (n,), shape (k,).

    Maximum likelihood by Newton's method, from `start` (default: 0) until no coefficient moves by `close`; a general
    solver takes a hundred times as long and stops earlier. Raises `NoCalibration` where there is no maximum.
    """
    counts = np.ones(len(outcome)) if weights is None else weights
    found: Floats = np.array(start or [0.0] * len(columns))
    happened = np.array([column @ (counts * outcome) for column in columns])
    for _ in range(_MOST_STEPS):
        p = probability(np.clip(_sum(found, columns), -_STEEPEST, _STEEPEST))
        expected = counts * p
        curvature = _products(columns, expected * (1 - p))
        if not np.isfinite(curvature).all() or np.linalg.cond(curvature) > _FLAT:
            break
        step = np.linalg.solve(curvature, happened - np.array([column @ expected for column in columns]))
        found = found + step
        if np.abs(step).max() < close:
            return found
    raise NoCalibration("There is no calibration that fits best.")


def _sum(coefficients: Floats, columns: Sequence[Floats]) -> Floats:
    """The linear part, shape (n,)."""
    total: Floats = coefficients[0] * columns[0]
    for coefficient, column in zip(coefficients[1:], columns[1:], strict=True):
        total += coefficient * column
    return total


def _products(columns: Sequence[Floats], spread: Floats) -> Floats:
    """The weighted products of all pairs of columns, shape (k, k)."""
    found = np.empty((len(columns), len(columns)))
    for place, column in enumerate(columns):
        weighted = spread * column
        for other in range(place + 1):
            found[place, other] = found[other, place] = weighted @ columns[other]
    return found


def probability(log_odds: Floats) -> Floats:
    """The logistic function."""
    return 1.0 / (1.0 + np.exp(-log_odds))
