"""Logistic regression by generalised estimating equations (GEE) on counts, with the robust covariance.

Liang and Zeger 1986 (Biometrika 73:13-22). Cards of one clinician (a cluster) are alike; the working correlation says
how, and the sandwich covariance holds even if it says it wrongly. Where all cards of a cluster are equally correlated,
the inverse correlation matrix is (I - c J) / (1 - a) with c = a / (1 + (n - 1) a), so that every sum over cards is one
over counts, and a million cards cost as much as their table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.statistics.cards import Codes
from oversight.statistics.refused import Refused

Floats = npt.NDArray[np.float64]

_STEPS = 100
_CLOSE = 1e-11
_NEARLY_ONE = 0.99
FEW = 300
"""Of so many clusters each is left out by itself."""
# What is left of a direction, next to what there was, where only rounding is left.
_NOTHING = 1e-9


class Working(StrEnum):
    """How the cards of a cluster are taken to be alike."""

    INDEPENDENCE = "independence"
    EXCHANGEABLE = "exchangeable"


@dataclass(frozen=True, slots=True)
class GroupedOutcomes:
    """`events` of `total` cards of a cluster with the same covariates (a cell). One entry per row in every array.

    `cluster` and `cell` are places from 0 on; row i of the design matrix belongs to cell i.
    """

    cluster: Codes
    cell: Codes
    total: Codes
    events: Codes


@dataclass(frozen=True, slots=True)
class GeeFit:
    """Log-odds for each column of the design, with their robust covariance (columns × columns).

    `moved`: how far each cluster pulls each coefficient (clusters × columns), the estimate less what a step of scoring
    makes of it without that cluster. `correlation` is between two cards of a cluster, 0 under working independence.
    """

    coefficients: Floats
    covariance: Floats
    moved: Floats
    correlation: float
    clusters: int
    cards: int


@dataclass(frozen=True, slots=True)
class _State:
    """Where the fit stands: estimate, correlation, and what both give."""

    coefficients: Floats
    correlation: float
    information: Floats
    scores: Floats

    @property
    def step(self) -> Floats:
        """What Fisher scoring would add to the coefficients."""
        step: Floats = np.linalg.solve(self.information, self.scores.sum(axis=0))
        return step


def fit_gee(outcomes: GroupedOutcomes, design: Floats, working: Working) -> GeeFit | Refused:
    """Fit; `design` has a row for each cell and independent columns, of which the first is 1.

    The correlation is the moment estimate of Liang and Zeger, corrected for the number of columns. A negative one is
    taken as 0, for cards of one clinician are not less alike than those of two. Refused where the fit does not settle,
    as where a column tells overridden from accepted cards without fail.
    """
    model = _Model(outcomes, design, working)
    try:
        state = model.settle()
    except np.linalg.LinAlgError:
        return Refused("The adjusted model has no solution: its groups cannot be told apart.")
    if state is None:
        return Refused("The adjusted model did not settle: some group is almost always, or almost never, overridden.")
    bread = np.asarray(np.linalg.inv(state.information), dtype=np.float64)
    return GeeFit(
        coefficients=state.coefficients,
        covariance=bread @ (state.scores.T @ state.scores) @ bread,
        moved=model.moved(state, bread),
        correlation=state.correlation,
        clusters=model.sizes.size,
        cards=int(model.sizes.sum()),
    )


class _Model:
    """The sums over clusters that each step needs."""

    def __init__(self, outcomes: GroupedOutcomes, design: Floats, working: Working) -> None:
        self._outcomes = outcomes
        self._design = design
        self._working = working
        self.sizes: Floats = np.bincount(outcomes.cluster, outcomes.total).astype(np.float64)
        self._cell_totals = np.bincount(outcomes.cell, outcomes.total, design.shape[0])
        self._order = np.argsort(outcomes.cluster, kind="stable")
        self._ends = np.cumsum(np.bincount(outcomes.cluster))[:-1]
        self._sparse_design, self._table = _sparse(outcomes, design, self._order, self.sizes.size)

    def settle(self) -> _State | None:
        """Fisher scoring, the correlation anew at each step; None if it does not come to rest."""
        share = self._outcomes.events.sum() / self._outcomes.total.sum()
        coefficients = np.zeros(self._design.shape[1])
        coefficients[0] = np.log(share / (1 - share))
        state = self._state(coefficients, 0.0)
        for _ in range(_STEPS):
            step = state.step
            if not np.isfinite(step).all():
                return None
            before = state.correlation
            coefficients = state.coefficients + np.clip(step, -5, 5)
            state = self._state(coefficients, self._correlation(coefficients))
            if np.abs(step).max() < _CLOSE and abs(state.correlation - before) < _CLOSE:
                return state if np.abs(coefficients).max() < 15 else None
        return None

    def _state(self, coefficients: Floats, correlation: float) -> _State:
        """Information matrix and the score of each cluster (clusters × columns), both times 1 - a."""
        rows, mean = self._outcomes, self._mean(coefficients)
        spread = np.sqrt(mean * (1 - mean))
        surprise: Floats = rows.events - rows.total * mean[rows.cell]
        weight = correlation / (1 + (self.sizes - 1) * correlation)
        pull = self._per_cluster(np.multiply(rows.total, spread[rows.cell]))
        residual = np.bincount(rows.cluster, surprise / spread[rows.cell], self.sizes.size)
        information = self._design.T @ ((self._cell_totals * spread**2)[:, None] * self._design)
        return _State(
            coefficients,
            correlation,
            information - pull.T @ (weight[:, None] * pull),
            self._per_cluster(surprise) - (weight * residual)[:, None] * pull,
        )

    def moved(self, state: _State, bread: Floats) -> Floats:
        """Mancl and DeRouen 2001 (Biometrics 57:126-134): scores over the information of the other clusters.

        (I - H)^-1 on a cluster's residuals does the same to its score as taking its information off. Of many clusters
        none has a leverage worth the time.
        """
        moved: Floats = state.scores @ bread
        if self.sizes.size > FEW:
            return moved
        mean = self._mean(state.coefficients)
        spread = mean * (1 - mean)
        rows, weight = self._outcomes, state.correlation / (1 + (self.sizes - 1) * state.correlation)
        pull = self._per_cluster(np.multiply(rows.total, np.sqrt(spread)[rows.cell]))
        for place, here in enumerate(np.split(self._order, self._ends)):
            own = self._design[rows.cell[here]]
            held = own.T @ ((rows.total[here] * spread[rows.cell[here]])[:, None] * own)
            held -= weight[place] * np.outer(pull[place], pull[place])
            moved[place] = _without(state.information, held, state.scores[place], moved[place])
        return moved

    def _correlation(self, coefficients: Floats) -> float:
        """Mean product of two Pearson residuals of a cluster, over their scale."""
        if self._working is Working.INDEPENDENCE:
            return 0.0
        rows, columns = self._outcomes, self._design.shape[1]
        mean = self._mean(coefficients)[rows.cell]
        residual = (rows.events - rows.total * mean) / np.sqrt(mean * (1 - mean))
        squares = rows.events * (1 - mean) / mean + (rows.total - rows.events) * mean / (1 - mean)
        scale = squares.sum() / (self.sizes.sum() - columns)
        products = (np.square(np.bincount(rows.cluster, residual)).sum() - squares.sum()) / 2
        pairs = (self.sizes * (self.sizes - 1)).sum() / 2
        if pairs <= columns:
            return 0.0
        return float(np.clip(products / scale / (pairs - columns), 0, _NEARLY_ONE))

    def _mean(self, coefficients: Floats) -> Floats:
        """The probability of each cell, kept off 0 and 1."""
        logit = np.clip(self._design @ coefficients, -30, 30)
        mean: Floats = 1 / (1 + np.exp(-logit))
        return mean

    def _per_cluster(self, figures: Floats) -> Floats:
        """Sums of figure × design row over each cluster (clusters × columns)."""
        self._table.data = figures[self._order]
        sums: Floats = (self._table @ self._sparse_design).toarray()
        return sums


def _without(information: Floats, held: Floats, score: Floats, linear: Floats) -> Floats:
    """The inverse of what the other clusters tell, times a score; `linear` along what they tell nothing of.

    A unit of one clinician is such a direction: the score has no part along it, because no other score has and all add
    up to 0. Rounding would solve for it all the same, and put in anything.
    """
    rest = information - held
    try:
        factor = np.linalg.cholesky(rest)
    except np.linalg.LinAlgError:
        factor = np.zeros_like(rest)
    if (np.diagonal(factor) ** 2 > _NOTHING * np.diagonal(information)).all():
        return np.asarray(np.linalg.solve(rest, score), dtype=np.float64)
    told, axes = np.linalg.eigh(rest)
    known = told > _NOTHING * max(float(told[-1]), 0.0)
    result: Floats = axes @ np.where(known, axes.T @ score / np.where(known, told, 1.0), axes.T @ linear)
    return result


def _sparse(outcomes: GroupedOutcomes, design: Floats, order: Codes, clusters: int) -> tuple[Any, Any]:
    """The design, which is nearly all 0, and a table of clusters × cells with one entry for each row in `order`."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - heavy

    ends = np.cumsum(np.bincount(outcomes.cluster, minlength=clusters))
    table = (np.zeros(order.size), outcomes.cell[order], np.concatenate(([0], ends)))
    return csr_array(design), csr_array(table, shape=(clusters, design.shape[0]))
