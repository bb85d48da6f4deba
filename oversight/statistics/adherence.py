"""How likely staff were to leave an alert untreated, from what was logged about the patient at that moment.

The weight of an untreated alert is 1 / P̂(untreated | features, alerted): it then stands for all alerted patients like
it. Rosenbaum & Rubin 1983 (Biometrika 70:41-55), Hernán & Robins 2020 (What If, chapter 12). Truncation: a P̂ below
`FLOOR` is raised to it, so that no row counts for more than 50.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oversight.statistics.labelled import BoolArray, FloatArray, log_odds
from oversight.statistics.logistic import LogisticFit, expit, fit_logistic
from oversight.statistics.refused import Refused
from oversight.statistics.weighted_share import effective_rows

FLOOR = 0.02
SMALLEST_EFFECTIVE = 200.0
MOST_BELOW_FLOOR = 0.05
_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Balance:
    """How far the untreated lie from all alerted patients, in standard deviations, `before` and `after` weighting."""

    name: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Whether the untreated alerts can stand for all alerts.

    `unknown`: neither treated nor followed up; they count as treated, so that the known untreated stand for them too.
    `effective`: (ΣW)² / ΣW² over untreated alerts. `lowest`, `highest`: the range of P̂(untreated) over all alerts;
    `below`, `above`: the shares of alerts under 0.02 and over 0.98. `truncated`: untreated alerts held at 0.02.
    """

    alerted: int
    treated: int
    untreated: int
    unknown: int
    effective: float
    lowest: float
    highest: float
    below: float
    above: float
    truncated: int
    balance: tuple[Balance, ...]

    @property
    def refusal(self) -> Refused | None:
        """Why weighting would rest on too little, or None."""
        if self.effective < SMALLEST_EFFECTIVE:
            return Refused(
                f"the {self.untreated} untreated alerts tell as much as {self.effective:.0f} equal ones: "
                f"at least {SMALLEST_EFFECTIVE:.0f} are needed"
            )
        if self.below > MOST_BELOW_FLOOR:
            return Refused(
                f"{self.below:.1%} of alerts were of a kind that is almost always treated "
                f"(probability of no treatment under {FLOOR:.0%}): nobody untreated can stand for them"
            )
        return None


@dataclass(frozen=True, slots=True)
class AdherenceModel:
    """`design`: alerted rows × columns (constant first); `fit`: None where no alert was treated."""

    names: tuple[str, ...]
    design: FloatArray
    untreated: BoolArray
    fit: LogisticFit | None

    def propensity(self) -> FloatArray:
        """P̂(untreated) of each alert."""
        return np.ones(len(self.design)) if self.fit is None else self.fit.probability(self.design)

    def weights(self) -> FloatArray:
        """W of each alert: 0 if treated."""
        return np.asarray(self.untreated / np.maximum(self.propensity(), FLOOR), dtype=np.float64)

    def refitter(self) -> Refitter:
        """To fit again on rows drawn from these, many times."""
        return Refitter(self)


class Refitter:
    """Weights of drawn rows, their P̂ fitted to the draw by one Newton step with the information held.

    The one-step bootstrap (Moulton & Zeger 1991, Comput Stat Data Anal 11:53-63): right to first order, and one
    product of a matrix and a vector where a whole fit takes a dozen.
    """

    def __init__(self, model: AdherenceModel) -> None:
        """Keep what every draw shares."""
        self._untreated, self._fit, self._all = model.untreated, model.fit, model.design
        self._few = model.design[model.untreated]
        self._residual = model.untreated - model.propensity()
        self._penalty = _penalty(model.design)

    def weights(self, counts: FloatArray) -> FloatArray:
        """W × counts of each alert, for rows drawn `counts` times."""
        made = np.zeros(len(counts))
        drawn = counts[self._untreated]
        if self._fit is None:
            made[self._untreated] = drawn
            return made
        beta = self._fit.coefficients
        # einsum, not BLAS: its threads wait for each other on a busy machine longer than the sums take.
        score = np.einsum("ij,i->j", self._all, counts * self._residual) - self._penalty * beta
        probability = expit(np.einsum("ij,j->i", self._few, beta + self._fit.covariance @ score))
        made[self._untreated] = drawn / np.maximum(probability, FLOOR)
        return made


def fit_adherence(
    risk: FloatArray, features: FloatArray, names: Sequence[str], untreated: BoolArray
) -> AdherenceModel | Refused:
    """Over alerts only. `features`: alerts × names, NaN = not logged (mean in its place, and a column that says so).

    Log-odds of the risk are always in; all columns are standardised; ridge penalty ½ Σ b², constant excepted.
    """
    columns, labels = _columns(risk, features, names)
    design = np.column_stack([np.ones(len(risk)), columns])
    if untreated.all():
        return AdherenceModel(labels, design, untreated, None)
    if not untreated.any():
        return Refused("every alert was treated, or is not known to have been left untreated")
    outcome = untreated.astype(np.float64)
    fit = fit_logistic(design, outcome, np.ones(len(risk)), ridge=_penalty(design))
    return fit if isinstance(fit, Refused) else AdherenceModel(labels, design, untreated, fit)


def overlap(model: AdherenceModel, treated: BoolArray) -> Overlap:
    """The diagnostics of a fitted model; `treated`: alerts known to have been treated."""
    propensity, weights = model.propensity(), model.weights()
    columns, untreated = model.design[:, 1:], model.untreated
    # Columns have mean 0 and standard deviation 1 over all alerts, so a mean is a standardised difference.
    before = columns[untreated].mean(axis=0)
    after = weights @ columns / weights.sum()
    return Overlap(
        alerted=len(untreated),
        treated=int(treated.sum()),
        untreated=int(untreated.sum()),
        unknown=int(np.count_nonzero(~treated & ~untreated)),
        effective=effective_rows(weights),
        lowest=float(propensity.min()),
        highest=float(propensity.max()),
        below=float(np.mean(propensity < FLOOR)),
        above=float(np.mean(propensity > 1 - FLOOR)),
        truncated=int(np.count_nonzero(untreated & (propensity < FLOOR))),
        balance=tuple(
            Balance(name, float(one), float(other)) for name, one, other in zip(model.names, before, after, strict=True)
        ),
    )


def _penalty(design: FloatArray) -> FloatArray:
    """The ridge of each column: none on the constant."""
    return np.concatenate([[0.0], np.full(design.shape[1] - 1, _RIDGE)])


def _columns(risk: FloatArray, features: FloatArray, names: Sequence[str]) -> tuple[FloatArray, tuple[str, ...]]:
    """Standardised columns and their names; what never varies is left out."""
    if features.ndim != 2 or features.shape != (len(risk), len(names)):
        raise ValueError("features must have a row for each alert and a column for each name")
    kept, labels = [], []
    for name, values in [("log-odds of the risk", log_odds(risk)), *zip(names, features.T, strict=True)]:
        missing = np.isnan(values)
        filled = np.where(missing, values[~missing].mean() if not missing.all() else 0.0, values)
        for label, column in ((name, filled), (f"{name} not logged", missing.astype(np.float64))):
            if np.ptp(column) > 0:
                kept.append((column - column.mean()) / column.std())
                labels.append(label)
    return np.column_stack(kept) if kept else np.empty((len(risk), 0)), tuple(labels)
