"""Can a classifier tell two periods apart? It sees what no column shows alone: relations between columns that moved.

Lopez-Paz and Oquab 2017 (ICLR, arXiv 1610.06545), with the AUROC in place of the accuracy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import CONFIDENCE
from oversight.statistics.estimate import Estimate, z_value
from oversight.statistics.grouped_auroc import delong
from oversight.statistics.logistic import fit_logistic
from oversight.statistics.refused import Refused

Floats = npt.NDArray[np.float64]

LEAST_ROWS = 100
ROWS = 30_000
"""At most so many rows of each period are used: the AUROC is then known to ± .005, and a million rows stay quick."""
_FAR = 5.0
_PRODUCTS_UP_TO = 15


@dataclass(frozen=True, slots=True)
class JointDrift:
    """`auroc` of "now" against "before" on rows the classifier had not seen: .5 = cannot tell. `p` is one-sided."""

    auroc: Estimate
    p: float
    reference_rows: int
    current_rows: int


def two_sample(
    reference: Floats, current: Floats, rng: np.random.Generator, penalty: float = 10.0, rows: int = ROWS
) -> JointDrift | Refused:
    """Compare two tables of the same columns, shape (rows, columns), NaN = missing.

    Ridge logistic regression (penalty on standardised terms) on the columns, their squares, their products (up to 15
    columns) and indicators of missing values; fitted on one half and tried on the other, both ways. The AUROC is the
    mean of the two, its interval from DeLong's variances. Refused under 100 rows in either period.
    """
    if reference.ndim != 2 or current.ndim != 2 or reference.shape[1] != current.shape[1]:
        raise ValueError("both periods need the same columns")
    if min(len(reference), len(current)) < LEAST_ROWS:
        return Refused(f"one of the two periods has fewer than {LEAST_ROWS} rows")
    before, now = _drawn(reference, rows, rng), _drawn(current, rows, rng)
    table = np.vstack([before, now])
    is_now = np.repeat([False, True], [len(before), len(now)])
    half = np.concatenate([_halves(len(before), rng), _halves(len(now), rng)])
    results = [_tried(table, is_now, half == each, penalty) for each in (0, 1)]
    if any(result is None for result in results):
        return Refused("the classifier found no fit")
    area = sum(result[0] for result in results if result) / 2
    # Both halves ask how alike the same two differences are, so their errors move together and do not cancel out.
    error = sum(math.sqrt(result[1]) for result in results if result) / 2
    # With no error at all (the periods are told apart without a miss) the answer is plain.
    p = 0.5 * math.erfc((area - 0.5) / (error * math.sqrt(2))) if error > 0 else float(area <= 0.5)
    reach = z_value(CONFIDENCE) * error
    interval = Estimate(area, max(0.0, area - reach), min(1.0, area + reach))
    return JointDrift(interval, p, len(before), len(now))


def _drawn(table: Floats, rows: int, rng: np.random.Generator) -> Floats:
    """At most `rows` rows, drawn without replacement; values that are not finite become NaN."""
    drawn = table if len(table) <= rows else table[rng.choice(len(table), rows, replace=False)]
    return np.where(np.isfinite(drawn), drawn, np.nan)


def _halves(rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """0 or 1 for each row, as many of the one as of the other."""
    return rng.permutation(np.arange(rows, dtype=np.int64) % 2)


def _tried(
    table: Floats, is_now: npt.NDArray[np.bool_], fit: npt.NDArray[np.bool_], penalty: float
) -> tuple[float, float] | None:
    """AUROC and its variance on the rows outside `fit`, by a classifier fitted inside; None without a fit."""
    terms = _terms(table, fit)
    ridge = np.full(terms.shape[1], penalty)
    ridge[0] = 1e-9
    fitted = fit_logistic(terms[fit], is_now[fit].astype(np.float64), np.ones(int(fit.sum())), ridge=ridge)
    if isinstance(fitted, Refused):
        return None
    areas, variances = delong(terms[~fit] @ fitted.coefficients, is_now[~fit])
    return float(areas[0]), float(variances[0])


def _terms(table: Floats, fit: npt.NDArray[np.bool_]) -> Floats:
    """The design: a constant, then standardised terms. Centres and scales come from the rows of the fit alone."""
    gone = np.isnan(table)
    scaled = _standardised(np.where(gone, 0.0, table), fit, ~gone)
    np.clip(scaled, -_FAR, _FAR, out=scaled)
    scaled[gone] = 0.0
    first, second = (
        np.triu_indices(table.shape[1])
        if table.shape[1] <= _PRODUCTS_UP_TO
        else (np.arange(table.shape[1]), np.arange(table.shape[1]))
    )
    everything = np.hstack([scaled, scaled[:, first] * scaled[:, second], gone.astype(np.float64)])
    told = _standardised(everything, fit, np.ones_like(everything, dtype=np.bool_))
    varies = np.ptp(told[fit], axis=0) > 0
    return np.hstack([np.ones((len(table), 1)), told[:, varies]])


def _standardised(values: Floats, fit: npt.NDArray[np.bool_], there: npt.NDArray[np.bool_]) -> Floats:
    """Less the mean, over the standard deviation, of the values that are there among the rows of the fit."""
    used = there[fit]
    number = np.maximum(used.sum(axis=0), 1)
    inside = np.where(used, values[fit], 0.0)
    centre = inside.sum(axis=0) / number
    spread = np.sqrt(np.where(used, (inside - centre) ** 2, 0.0).sum(axis=0) / number)
    result: Floats = (values - centre) / np.where(spread > 0, spread, 1.0)
    return result
