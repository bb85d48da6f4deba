"""Logistic regression by Newton's method, with weights, an offset and a ridge penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.statistics.labelled import FloatArray, IntArray, by_cluster
from oversight.statistics.refused import Refused

STEPS = 40
_SETTLED = 1e-9
_LEVERAGE = 0.01


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
        scores = _added_up(scores, clusters)
    return np.asarray(fit.covariance @ (scores.T @ scores) @ fit.covariance, dtype=np.float64)


def pulls(
    fit: LogisticFit,
    design: FloatArray,
    outcome: FloatArray,
    weight: FloatArray,
    *,
    offset: FloatArray | float = 0.0,
    clusters: IntArray | None = None,
) -> FloatArray:
    """What each cluster (row, if None) adds to the coefficients (clusters × columns): Σ pull² is their variance.

    Each is made larger by as much as the fit went towards the cluster, (I - H)^-½ with H its leverage: without bias
    where the model is right (CR2 of Bell & McCaffrey 2002, Surv Methodol 28:169-181). Below a leverage of .01 that
    is not worth the work; above it lie at most 100 clusters for each column.
    """
    fitted = fit.probability(design, offset)
    owner = np.arange(len(outcome)) if clusters is None else clusters
    scores = _added_up(design * (weight * (outcome - fitted))[:, None], owner)
    root = np.linalg.cholesky(fit.covariance)
    scaled = design @ root
    mass = weight * fitted * (1 - fitted)
    weighed = mass[:, None] * scaled
    heavy = np.bincount(owner, np.einsum("ij,ij->i", weighed, scaled)) > _LEVERAGE
    adjusted, (rows,) = scores @ root, np.nonzero(heavy[owner])
    products = (weighed[rows, :, None] * scaled[rows, None, :]).reshape(-1, root.size)
    leverage = _added_up(products, (np.cumsum(heavy) - 1)[owner[rows]]).reshape(-1, *root.shape)
    left, axes = np.linalg.eigh(np.eye(len(root)) - leverage)
    turned = np.einsum("gji,gj->gi", axes, adjusted[heavy]) / np.sqrt(np.maximum(left, _LEVERAGE))
    adjusted[heavy] = np.einsum("gij,gj->gi", axes, turned)
    return np.asarray(adjusted @ root.T, dtype=np.float64)


def _added_up(columns: FloatArray, owner: IntArray) -> FloatArray:
    """Each column added up by cluster."""
    return np.column_stack([by_cluster(column, owner) for column in columns.T])
