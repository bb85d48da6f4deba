"""Isotonic recalibration: the never-falling steps that fit outcomes best (Zadrozny & Elkan 2002, KDD)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.statistics.labelled import FloatArray


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A never-falling line through `value` at `risk` (ascending), straight between and level beyond its ends."""

    risk: FloatArray
    value: FloatArray

    def __call__(self, risk: FloatArray) -> FloatArray:
        """The recalibrated probability of each risk."""
        return np.interp(risk, self.risk, self.value)


def fit_isotonic(risk: FloatArray, outcome: FloatArray, weight: FloatArray | None = None) -> Isotonic:
    """Weighted least squares under the order of the risks (pool adjacent violators). Equal risks are pooled first.

    Raises ValueError where no row has a weight.
    """
    mass = np.ones_like(risk) if weight is None else weight
    counting = mass > 0
    if not counting.any():
        raise ValueError("no row to fit")
    each, code = np.unique(risk[counting], return_inverse=True)
    total = np.bincount(code, mass[counting]).astype(np.float64)
    return fit_ascending(each, np.bincount(code, mass[counting] * outcome[counting]) / total, total)


def fit_ascending(risk: FloatArray, share: FloatArray, weight: FloatArray) -> Isotonic:
    """The same from sums: ascending different risks, the share with the event at each, and the weight (above 0)."""
    from scipy.optimize import isotonic_regression  # noqa: PLC0415 (a heavy import, for those who estimate only)

    fitted = isotonic_regression(share, weights=weight).x
    return Isotonic(risk, np.clip(np.asarray(fitted, dtype=np.float64), 0.0, 1.0))
