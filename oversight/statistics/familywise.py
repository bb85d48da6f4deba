"""Control of any false finding at all over a family of tests, stricter than that of the share of false ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjusted p-values: reject those at or below α, and the chance of any false rejection is at most α.

    Holm 1979 (Scand J Stat 6:65-70), step-down; holds whatever the tests have to do with each other.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(scaled, 1.0)
    return adjusted


def simes(p_values: npt.ArrayLike) -> float:
    """One p that none of some hypotheses is false (Simes 1986, Biometrika 73:751-754); 1 of none."""
    p = np.sort(np.asarray(p_values, dtype=np.float64))
    return float(np.min(p * len(p) / np.arange(1, len(p) + 1), initial=1.0))
