"""Logistic regression by Newton's method, with weights, an offset and a ridge penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.statistics.labelled import FloatArray, IntArray
from oversight.statistics.refused import Refused

STEPS = 40
_SETTLED = 1e-9


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """`coefficients` by column of the design; `covariance` = inverse of the (penalised) information."""

    coefficients: FloatArray
    covariance: FloatArray

    def probability(self, design: FloatArray, offset: FloatArray | float = 0.0) -> FloatArray:
        """The fitted probability of each row."""
        return expit(design @ self.coefficients + offset)


def expit(values: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), in the form that cannot overflow."""
    return np.asarray(0.5 * (1 + np.tanh(values / 2)), dtype=np.float64)


def fit_logistic(
    design: FloatArray,
    outcome: FloatArray,
    weight: FloatArray,
    *,
    offset: FloatArray | float = 0.0,
    ridge: FloatArray | float = 0.0,
    start: FloatArray | None = None,
) -> LogisticFit | Refused:
    """Maximise the weighted log-likelihood less ½ Σ ridge·b².

    `design`: rows × columns, its constant column included. `outcome`: 0 to 1. `ridge`: a number, or one for each
    column. Refused where columns say the same twice or separate the outcome, so that there is no maximum.
    """
    columns = design.shape[1]
    penalty = np.broadcast_to(np.asarray(ridge, dtype=np.float64), (columns,))
    beta = np.zeros(columns) if start is None else start.copy()
    for _ in range(STEPS):
        try:
            step, covariance = _newton_step(design, outcome, weight, offset, penalty, beta)
        except np.linalg.LinAlgError:
            break
        # From far away Newton overshoots; held to 4 log-odds a step it finds back.
        largest = float(np.max(np.abs(step)))
        beta = beta + step * min(1.0, 4.0 / largest if largest else 1.0)
        if largest <= _SETTLED * (1 + float(np.max(np.abs(beta)))):
            return LogisticFit(beta, covariance)
    return Refused("the logistic model has no finite fit: the columns repeat each other or separate the outcome")


def _newton_step(
    design: FloatArray,
    outcome: FloatArray,
    weight: FloatArray,
    offset: FloatArray | float,
    penalty: FloatArray,
    beta: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """One Newton step from `beta`, and the inverse of the information there. Raises LinAlgError if it has none."""
    fitted = expit(design @ beta + offset)
    information = (design * (weight * fitted * (1 - fitted))[:, None]).T @ design + np.diag(penalty)
    if np.linalg.cond(information) > 1e14:
        raise np.linalg.LinAlgError("the information is singular")
    covariance = np.linalg.inv(information)
    step = covariance @ (design.T @ (weight * (outcome - fitted)) - penalty * beta)
    return step, np.asarray(covariance, dtype=np.float64)


def robust_covariance(
    fit: LogisticFit,
    design: FloatArray,
    outcome: FloatArray,
    weight: FloatArray,
    *,
    offset: FloatArray | float = 0.0,
    clusters: IntArray | None = None,
) -> FloatArray:
    """The sandwich covariance (Huber 1967, White 1982): for weights and clusters (codes from 0)."""
    scores = design * (weight * (outcome - fit.probability(design, offset)))[:, None]
    if clusters is not None:
        scores = np.column_stack([np.bincount(clusters, column) for column in scores.T])
    return np.asarray(fit.covariance @ (scores.T @ scores) @ fit.covariance, dtype=np.float64)
